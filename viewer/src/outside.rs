//! What the window asks of the desktop: an image or the webcam that shows a code, and the dialogs for files and folders.
//! Each waits on a thread of its own; answers are requests through the handle.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tracing::debug;

use crate::controller::Handle;
use crate::controller::request::{Request, Wanted};
use crate::scan::image::{Image, ImageScan};
use crate::scan::{self, webcam};
use crate::ui;

/// One image, one dialog and one webcam at a time.
pub struct Outside {
    images: ImageScan,
    webcam: Arc<Mutex<Option<webcam::Webcam>>>,
    asking: Arc<AtomicBool>,
    /// Called after each of the webcam's pictures.
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Outside {
    /// Nothing is opened before it is asked for.
    pub fn new(wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { images: ImageScan::default(), webcam: Arc::default(), asking: Arc::default(), wake }
    }

    /// Runs a dialog, unless one is open already. Where the desktop has no dialogs it ends at once, with nothing chosen;
    /// an image can still be dropped on the window, and a folder be written into the settings.
    fn ask(&self, name: &str, dialog: impl FnOnce() + Send + 'static) {
        if self.asking.swap(true, Ordering::AcqRel) {
            return;
        }
        let asking = Arc::clone(&self.asking);
        let run = move || {
            dialog();
            asking.store(false, Ordering::Release);
        };
        if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(run) {
            self.asking.store(false, Ordering::Release);
            debug!(%error, "no thread for a dialog");
        }
    }

    /// Looks for a code in this picture.
    pub fn image(&self, path: PathBuf, requests: &Handle) {
        search(&self.images, path, requests);
    }

    /// Asks which picture, then looks for a code in it.
    pub fn open_image(&self, requests: &Handle) {
        let (images, requests) = (self.images.clone(), requests.clone());
        self.ask("open-image", move || {
            let dialog = rfd::FileDialog::new().add_filter("PNG, JPEG, WebP", &["png", "jpg", "jpeg", "webp"]);
            if let Some(path) = dialog.pick_file() {
                search(&images, path, &requests);
            }
        });
    }

    /// Looks for a code with the webcam, or stops that.
    pub fn webcam(&self, wanted: Wanted, requests: &Handle) {
        let mut webcam = self.webcam.lock().unwrap_or_else(PoisonError::into_inner);
        // Dropping the old one closes its device.
        *webcam = (wanted == Wanted::Yes).then(|| {
            let (requests, ended, wake) = (requests.clone(), Arc::clone(&self.webcam), Arc::clone(&self.wake));
            let report = Box::new(move |found| {
                *ended.lock().unwrap_or_else(PoisonError::into_inner) = None;
                requests.send(scan::request(found));
                wake();
            });
            webcam::Webcam::start(Arc::clone(&self.wake), report)
        });
    }

    /// What the webcam sees; `None` while it is off.
    pub fn preview(&self) -> Option<ui::Webcam> {
        let webcam = self.webcam.lock().unwrap_or_else(PoisonError::into_inner);
        webcam.as_ref().map(|webcam| ui::Webcam::new(webcam.preview().as_deref()))
    }

    /// Asks for the folder of pictures and recordings.
    pub fn choose_folder(&self, requests: &Handle) {
        let requests = requests.clone();
        self.ask("choose-folder", move || {
            if let Some(folder) = rfd::FileDialog::new().pick_folder() {
                requests.send(Request::Folder(folder));
            }
        });
    }
}

fn search(images: &ImageScan, path: PathBuf, requests: &Handle) {
    let requests = requests.clone();
    images.start(Image::File(path), Box::new(move |found| requests.send(scan::request(found))));
}
