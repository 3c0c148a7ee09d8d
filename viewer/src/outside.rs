//! What the window asks of the desktop: an image or the webcam that shows a code, and the dialogs for files and folders.
//! Each waits on a thread of its own; answers are requests through the handle.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use athome_shared::pair::link::Link;
use tracing::debug;

use crate::controller::Handle;
use crate::controller::request::{Request, Unreadable, Wanted};
use crate::desktop::clipboard::Clipboard;
use crate::scan::image::{Image, ImageScan};
use crate::scan::{self, webcam};
use crate::ui;

/// One image, one dialog and one webcam at a time.
pub struct Outside {
    images: ImageScan,
    webcam: Arc<Mutex<Newest<webcam::Webcam>>>,
    asking: Arc<AtomicBool>,
    clipboard: Clipboard,
    /// Called after each of the webcam's pictures.
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Outside {
    /// Nothing is opened before it is asked for.
    pub fn new(wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self {
            images: ImageScan::default(),
            webcam: Arc::default(),
            asking: Arc::default(),
            clipboard: Clipboard::default(),
            wake,
        }
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

    /// This link was used: it leaves the clipboard in a while.
    pub fn link_used(&self, link: Link, requests: &Handle) {
        self.clipboard.used(link, requests);
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
        webcam.stop();
        if wanted == Wanted::No {
            return;
        }
        let (asks, ended, wake) = (requests.clone(), Arc::clone(&self.webcam), Arc::clone(&self.wake));
        let turn = webcam.turn;
        let report = Box::new(move |found| {
            // What was switched off meanwhile has nothing to say any more, and must not end what was switched on since.
            if ended.lock().unwrap_or_else(PoisonError::into_inner).end(turn) {
                asks.send(scan::request(found));
                wake();
            }
        });
        match webcam::Webcam::start(Arc::clone(&self.wake), report) {
            Ok(started) => webcam.running = Some(started),
            Err(error) => {
                debug!(%error, "no thread for the webcam");
                requests.send(Request::BadLink(Unreadable::NoWebcam));
            }
        }
    }

    /// What the webcam sees; `None` while it is off.
    pub fn preview(&self) -> Option<ui::Webcam> {
        let webcam = self.webcam.lock().unwrap_or_else(PoisonError::into_inner);
        webcam.running.as_ref().map(|webcam| ui::Webcam::new(webcam.preview().as_deref()))
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

/// One that is not searched is said: the person believes that it was.
fn search(images: &ImageScan, path: PathBuf, requests: &Handle) {
    let asks = requests.clone();
    if !images.start(Image::File(path), Box::new(move |found| asks.send(scan::request(found)))) {
        requests.send(Request::BadLink(Unreadable::Busy));
    }
}

/// One thing at a time, which may end by itself: each has a turn of its own, so that a late word of an earlier one does
/// not count for the one that runs now.
struct Newest<T> {
    turn: u64,
    running: Option<T>,
}

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self { turn: 0, running: None }
    }
}

impl<T> Newest<T> {
    /// Ends what runs; the next one has the next turn.
    fn stop(&mut self) {
        self.turn += 1;
        self.running = None;
    }

    /// The one of that turn ended by itself; false if it was stopped before.
    fn end(&mut self, turn: u64) -> bool {
        let newest = self.turn == turn;
        if newest {
            self.stop();
        }
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::Newest;

    #[test]
    fn a_late_word_of_an_earlier_webcam_does_not_end_the_new_one() {
        let mut webcam = Newest::default();
        webcam.stop();
        let first = webcam.turn;
        webcam.running = Some("first");
        // Switched off and on again, while the first one's report is under way.
        webcam.stop();
        let second = webcam.turn;
        webcam.running = Some("second");
        assert!(!webcam.end(first));
        assert_eq!(webcam.running, Some("second"));
        assert!(webcam.end(second), "control: its own word counts");
        assert_eq!(webcam.running, None);
        assert!(!webcam.end(second), "and once");
    }
}
