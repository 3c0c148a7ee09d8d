//! The picture as the others see it: read from the hub as a viewer's would be, and decoded on a thread of its own. Nobody
//! looking is nobody reading, so a closed window costs no encoder.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use athome_shared::id::CameraId;
use egui::ColorImage;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix};

use crate::decode::I420;
use crate::decode::h264::Decoder;
use crate::hub::{From, Read, Stream};

/// Pictures that a decoder may hold back while it puts B-frames in order.
const HELD: usize = 32;

/// The newest picture, behind which the window looks.
#[derive(Clone)]
pub struct Glass(Arc<Inner>);

struct Inner {
    newest: Mutex<Option<Shown>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

/// A picture of a camera.
#[derive(Clone, Debug)]
pub struct Shown {
    pub camera: CameraId,
    /// Differs from picture to picture.
    pub number: u64,
    pub image: Arc<ColorImage>,
    pub captured: Instant,
}

impl Glass {
    /// Without a picture; `wake` is called after each new one.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { newest: Mutex::default(), wake: Box::new(wake) }))
    }

    /// The newest picture of a camera. It stays when no more come: then its age tells.
    pub fn newest(&self, camera: &CameraId) -> Option<Shown> {
        self.lock().clone().filter(|shown| shown.camera == *camera)
    }

    /// Puts a picture there.
    pub fn publish(&self, shown: Shown) {
        *self.lock() = Some(shown);
        (self.0.wake)();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Shown>> {
        self.0.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Decodes a camera's pictures onto the glass until it is dropped.
pub(super) struct Eyes {
    pub(super) camera: CameraId,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Eyes {
    /// Starts to look; `None` where the system gives no thread.
    pub(super) fn open(camera: &CameraId, stream: Arc<Stream>, glass: Glass, runtime: Handle) -> Option<Self> {
        let stop = CancellationToken::new();
        let (name, until) = (camera.clone(), stop.clone());
        let look = move || look(&name, &stream, &glass, &runtime, &until);
        let thread = std::thread::Builder::new().name("window picture".to_owned()).spawn(look);
        let thread = thread.inspect_err(|why| error!(%why, "no thread for the window's picture")).ok()?;
        Some(Self { camera: camera.clone(), stop, thread: Some(thread) })
    }
}

impl Drop for Eyes {
    fn drop(&mut self) {
        self.stop.cancel();
        // At most the rest of one picture.
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the thread of the window's picture panicked");
        }
    }
}

fn look(camera: &CameraId, stream: &Arc<Stream>, glass: &Glass, runtime: &Handle, stop: &CancellationToken) {
    let mut reader = stream.subscribe(From::Live);
    let mut decoder = None;
    // Of the pictures that the decoder has not given back yet; they come back in the order of capture.
    let mut captured: VecDeque<Instant> = VecDeque::new();
    let mut number = 0;
    loop {
        let read = runtime.block_on(async {
            tokio::select! {
                () = stop.cancelled() => None,
                read = reader.next() => Some(read),
            }
        });
        let frame = match read {
            Some(Read::Frame(frame)) => frame,
            Some(Read::Dropped { .. }) => {
                (decoder, captured) = (None, VecDeque::new());
                continue;
            }
            Some(Read::Ended) | None => return,
        };
        if decoder.is_none() {
            if !frame.is_key {
                reader.want_key_frame();
                continue;
            }
            match Decoder::new() {
                Ok(fresh) => decoder = Some(fresh),
                Err(why) => {
                    error!(%why, "no decoder for the window's picture");
                    return;
                }
            }
        }
        let Some(library) = &mut decoder else { continue };
        if captured.len() == HELD {
            captured.pop_front();
        }
        captured.push_back(frame.captured);
        captured.make_contiguous().sort();
        match library.decode(&frame.data) {
            Ok(Some(picture)) => {
                let at = captured.pop_front().unwrap_or(frame.captured);
                if let Some(image) = convert(&picture) {
                    number += 1;
                    glass.publish(Shown { camera: camera.clone(), number, image: Arc::new(image), captured: at });
                }
            }
            Ok(None) => {}
            Err(why) => {
                debug!(%why, "a picture could not be decoded");
                decoder = None;
                captured.clear();
            }
        }
    }
}

fn convert(picture: &I420) -> Option<ColorImage> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let (y_plane, chroma) = picture.data.split_at_checked(width * height)?;
    let (u_plane, v_plane) = chroma.split_at_checked(chroma.len() / 2)?;
    let half = picture.width.div_ceil(2);
    let planes = YuvPlanarImage {
        y_plane,
        y_stride: picture.width,
        u_plane,
        u_stride: half,
        v_plane,
        v_stride: half,
        width: picture.width,
        height: picture.height,
    };
    let mut image = ColorImage::filled([width, height], egui::Color32::BLACK);
    let stride = picture.width * 4;
    let done = yuv::yuv420_to_rgba(&planes, image.as_raw_mut(), stride, YuvRange::Limited, YuvStandardMatrix::Bt601);
    done.inspect_err(|why| debug!(%why, "a picture could not be converted")).ok()?;
    Some(image)
}

#[cfg(test)]
mod tests {
    use super::{I420, convert};

    #[test]
    fn a_picture_keeps_its_colours_and_odd_sizes_are_no_trouble() {
        for (width, height) in [(2_u32, 2_u32), (3, 5), (640, 360)] {
            let (luma, chroma) = ((width * height) as usize, (width.div_ceil(2) * height.div_ceil(2)) as usize);
            let white = [vec![235; luma], vec![128; 2 * chroma]].concat();
            let image = convert(&I420 { width, height, data: white.into() }).expect("a picture");
            assert_eq!(image.size, [width as usize, height as usize]);
            assert!(image.pixels.iter().all(|p| p.r() > 250 && p.g() > 250 && p.b() > 250 && p.a() == 255));
            let red = [vec![81; luma], vec![90; chroma], vec![240; chroma]].concat();
            let image = convert(&I420 { width, height, data: red.into() }).expect("a picture");
            assert!(image.pixels.iter().all(|p| p.r() > 240 && p.g() < 20 && p.b() < 20));
        }
        // Too few bytes are no picture, and no panic.
        assert!(convert(&I420 { width: 64, height: 64, data: vec![0; 10].into() }).is_none());
    }
}
