//! The computer's own webcam looks for a code: the only file that knows the capture library.
//!
//! A stalled device blocks its caller for ever, so one thread reads it and another, which can wait for a limited time,
//! decodes and decides. The device is closed once a code was found, the device failed or the [`Webcam`] was dropped; a
//! reader stuck in a stalled device closes it when the device speaks again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use nokhwa::Camera;
use nokhwa::utils::{ApiBackend, CameraFormat, FrameFormat, RequestedFormat, RequestedFormatType};
use tracing::debug;

pub use super::picture::Preview;
use super::picture::{self, Layout};
use super::{Found, Report, code};
use crate::controller::request::Unreadable;

/// Without a picture for so long, the device is taken for stalled. Opening one may take as long.
const STALLED: Duration = Duration::from_secs(5);
/// How often the waiting side looks whether it shall stop.
const LOOK: Duration = Duration::from_millis(100);
/// Between two searches for a code; the picture to show is renewed more often.
const SEARCH: Duration = Duration::from_millis(100);
/// Pictures on the way from the device's thread. When full, the newest is dropped: another follows.
const QUEUE: usize = 1;
/// Devices that are tried in turn.
const MOST_DEVICES: usize = 8;
/// Pictures in a row that may be unreadable: some devices begin with a few.
const MOST_DAMAGED: u32 = 90;
/// Large enough for a code at arm's length, and small enough for every device.
const WISH: (u32, u32) = (1280, 720);

const FORMATS: &[FrameFormat] = &[FrameFormat::MJPEG, FrameFormat::YUYV, FrameFormat::NV12];

/// One picture as the device gave it.
struct Raw {
    layout: Layout,
    size: (u32, u32),
    bytes: Vec<u8>,
}

/// A capture device, open.
trait Device {
    /// Waits for the next picture; `None` when the device failed.
    fn picture(&mut self) -> Option<Raw>;
}

/// A webcam that looks for a code until it is dropped.
pub struct Webcam {
    stop: Arc<AtomicBool>,
    preview: Arc<ArcSwapOption<Preview>>,
}

impl std::fmt::Debug for Webcam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webcam").finish_non_exhaustive()
    }
}

impl Webcam {
    /// Opens the first webcam that gives pictures. `wake` is called after each new picture; `report` once with a link or
    /// the reason why there is none, not after the drop unless it was under way by then.
    pub fn start(wake: Arc<dyn Fn() + Send + Sync>, report: Report) -> io::Result<Self> {
        Self::with(|| open().map(|camera| Box::new(camera) as Box<dyn Device>), STALLED, wake, report)
    }

    fn with(
        open: impl FnOnce() -> Option<Box<dyn Device>> + Send + 'static,
        stalled: Duration,
        wake: Arc<dyn Fn() + Send + Sync>,
        report: Report,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let preview = Arc::new(ArcSwapOption::empty());
        let (theirs, shown) = (Arc::clone(&stop), Arc::clone(&preview));
        let watch = move || {
            let (sender, receiver) = sync_channel(QUEUE);
            let mut number = 0;
            let reader = Arc::clone(&theirs);
            let read = thread::Builder::new().name("webcam".to_owned()).spawn(move || read(open, &sender, &reader));
            let found = match read {
                Ok(_) => search(&receiver, stalled, &theirs, |mut picture| {
                    number += 1;
                    picture.number = number;
                    shown.store(Some(Arc::new(picture)));
                    wake();
                }),
                Err(_) => Some(Err(Unreadable::NoWebcam)),
            };
            if let Some(found) = found
                && !theirs.swap(true, Ordering::AcqRel)
            {
                report(found);
            }
        };
        thread::Builder::new().name("webcam-search".to_owned()).spawn(watch)?;
        Ok(Self { stop, preview })
    }

    /// The newest picture, to be shown.
    pub fn preview(&self) -> Option<Arc<Preview>> {
        self.preview.load_full()
    }
}

impl Drop for Webcam {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

/// The device's thread: ends when told to stop, when nobody listens any more, and when the device fails. The device is
/// closed by then.
fn read(open: impl FnOnce() -> Option<Box<dyn Device>>, sender: &SyncSender<Raw>, stop: &AtomicBool) {
    let Some(mut device) = open() else { return };
    while !stop.load(Ordering::Acquire) {
        let Some(picture) = device.picture() else { return };
        if let Err(TrySendError::Disconnected(_)) = sender.try_send(picture) {
            return;
        }
    }
}

/// Shows pictures and looks for a code in them; `None` when told to stop.
fn search(
    pictures: &Receiver<Raw>,
    stalled: Duration,
    stop: &AtomicBool,
    mut show: impl FnMut(Preview),
) -> Option<Found> {
    let (mut last, mut searched, mut damaged) = (Instant::now(), None::<Instant>, 0);
    loop {
        if stop.load(Ordering::Acquire) {
            return None;
        }
        let raw = match pictures.recv_timeout(LOOK.min(stalled)) {
            Ok(raw) => raw,
            Err(RecvTimeoutError::Timeout) if last.elapsed() < stalled => continue,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Some(Err(Unreadable::NoWebcam)),
        };
        let now = Instant::now();
        last = now;
        let Some(picture) = picture::decode(raw.layout, raw.size, &raw.bytes) else {
            damaged += 1;
            if damaged > MOST_DAMAGED {
                return Some(Err(Unreadable::NoWebcam));
            }
            continue;
        };
        damaged = 0;
        show(picture.preview);
        if !due(searched, now) {
            continue;
        }
        searched = Some(now);
        match code::link_in(&picture.luma, picture.width, picture.height) {
            // Nothing yet, or somebody else's code: the person is still aiming.
            Err(Unreadable::NoCode | Unreadable::NoImage) => {}
            found => return Some(found),
        }
    }
}

/// Whether it is time to search again.
fn due(searched: Option<Instant>, now: Instant) -> bool {
    searched.is_none_or(|at| now.saturating_duration_since(at) >= SEARCH)
}

/// The library's camera.
struct Opened(Camera);

impl Device for Opened {
    fn picture(&mut self) -> Option<Raw> {
        let buffer = self.0.frame().map_err(|error| debug!(%error, "the webcam failed")).ok()?;
        // The format may have changed since it was asked for.
        let format = self.0.camera_format();
        let size = (format.width(), format.height());
        Some(Raw { layout: layout(format.format())?, size, bytes: buffer.buffer().to_vec() })
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Err(error) = self.0.stop_stream() {
            debug!(%error, "the webcam refused to stop");
        }
    }
}

/// The first device that opens and offers a format that we use; nodes that are no cameras are among those listed.
fn open() -> Option<Opened> {
    let devices = nokhwa::query(ApiBackend::Auto).unwrap_or_default();
    devices.iter().take(MOST_DEVICES).find_map(|device| {
        let any = RequestedFormat::with_formats(RequestedFormatType::None, FORMATS);
        let mut camera = Camera::new(device.index().clone(), any).ok()?;
        let format = choose(&camera.compatible_camera_formats().ok()?)?;
        let exact = RequestedFormat::with_formats(RequestedFormatType::Exact(format), FORMATS);
        // Misspelt in the library.
        camera.set_camera_requset(exact).ok()?;
        camera.open_stream().ok()?;
        Some(Opened(camera))
    })
}

fn layout(format: FrameFormat) -> Option<Layout> {
    match format {
        FrameFormat::MJPEG => Some(Layout::Mjpeg),
        FrameFormat::YUYV => Some(Layout::Yuyv),
        FrameFormat::NV12 => Some(Layout::Nv12),
        _ => None,
    }
}

/// Of the formats that give at least ten pictures a second, the one nearest to the wished size; of equals the faster, then
/// the one without compression.
fn choose(formats: &[CameraFormat]) -> Option<CameraFormat> {
    let apart =
        |format: &CameraFormat| format.width().abs_diff(WISH.0).saturating_add(format.height().abs_diff(WISH.1));
    let cost = |format: &CameraFormat| {
        let rate = format.frame_rate();
        (rate < 10, apart(format), u32::MAX - rate.min(30), format.format() == FrameFormat::MJPEG)
    };
    formats.iter().filter(|format| layout(format.format()).is_some()).min_by_key(|format| cost(format)).copied()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{self, Receiver, SyncSender};
    use std::time::{Duration, Instant};

    use nokhwa::utils::{CameraFormat, FrameFormat, Resolution};

    use super::super::code::tests::{drawn, link};
    use super::super::picture::Layout;
    use super::super::picture::tests::yuyv;
    use super::{Device, Found, Raw, SEARCH, Webcam, choose, due};
    use crate::controller::request::Unreadable;

    /// Gives what the test sends, fails when the test ends it, and says when it was closed.
    struct Pretend {
        pictures: Receiver<Raw>,
        closed: SyncSender<()>,
    }

    impl Device for Pretend {
        fn picture(&mut self) -> Option<Raw> {
            self.pictures.recv().ok()
        }
    }

    impl Drop for Pretend {
        fn drop(&mut self) {
            let _ = self.closed.send(());
        }
    }

    struct Bench {
        webcam: Webcam,
        pictures: SyncSender<Raw>,
        closed: Receiver<()>,
        found: Receiver<Found>,
        shown: Receiver<()>,
    }

    fn bench(stalled: Duration) -> Bench {
        let (pictures, theirs) = mpsc::sync_channel(64);
        let (sender, closed) = mpsc::sync_channel(64);
        let (report, found) = mpsc::sync_channel(64);
        let (wake, shown) = mpsc::sync_channel(64);
        let webcam = Webcam::with(
            move || Some(Box::new(Pretend { pictures: theirs, closed: sender })),
            stalled,
            Arc::new(move || {
                let _ = wake.try_send(());
            }),
            Box::new(move |result| drop(report.send(result))),
        );
        let webcam = webcam.unwrap();
        Bench { webcam, pictures, closed, found, shown }
    }

    const LONG: Duration = Duration::from_secs(60);

    fn grey() -> Raw {
        Raw { layout: Layout::Yuyv, size: (64, 48), bytes: vec![128; 64 * 48 * 2] }
    }

    #[test]
    fn a_code_before_the_webcam_is_found_and_the_device_closed() {
        let bench = bench(LONG);
        bench.pictures.send(grey()).unwrap();
        bench.shown.recv_timeout(LONG).unwrap();
        assert_eq!(bench.webcam.preview().unwrap().width, 64);
        assert!(bench.found.try_recv().is_err(), "no code yet");
        let code = drawn(&link().to_url(), 4);
        // Sent until one is due to be searched.
        let found = loop {
            let raw = Raw { layout: Layout::Yuyv, size: code.dimensions(), bytes: yuyv(&code) };
            let _ = bench.pictures.send(raw);
            if let Ok(found) = bench.found.recv_timeout(Duration::from_millis(20)) {
                break found;
            }
        };
        assert_eq!(found, Ok(link()));
        let _ = bench.pictures.send(grey());
        bench.closed.recv_timeout(LONG).expect("closed although the webcam's owner still holds it");
    }

    #[test]
    fn a_dropped_webcam_closes_its_device_and_reports_nothing() {
        let bench = bench(LONG);
        bench.pictures.send(grey()).unwrap();
        bench.shown.recv_timeout(LONG).unwrap();
        drop(bench.webcam);
        let _ = bench.pictures.send(grey());
        bench.closed.recv_timeout(LONG).expect("closed");
        // The report is dropped with its thread, unused.
        assert_eq!(bench.found.recv_timeout(LONG), Err(mpsc::RecvTimeoutError::Disconnected));
    }

    #[test]
    fn a_stalled_and_a_failed_device_are_said() {
        let stalled = bench(Duration::from_millis(30));
        assert_eq!(stalled.found.recv_timeout(LONG).unwrap(), Err(Unreadable::NoWebcam));
        let failed = bench(LONG);
        drop(failed.pictures);
        assert_eq!(failed.found.recv_timeout(LONG).unwrap(), Err(Unreadable::NoWebcam));
    }

    #[test]
    fn codes_are_looked_for_ten_times_a_second() {
        let now = Instant::now();
        assert!(due(None, now));
        assert!(!due(Some(now), now + SEARCH / 2));
        assert!(due(Some(now), now + SEARCH));
    }

    #[test]
    fn the_format_is_large_enough_and_quick_enough() {
        let format = |width, height, kind, rate| CameraFormat::new(Resolution::new(width, height), kind, rate);
        let offers = [
            format(640, 480, FrameFormat::YUYV, 30),
            format(1280, 720, FrameFormat::YUYV, 5),
            format(1280, 720, FrameFormat::MJPEG, 30),
            format(1280, 720, FrameFormat::RAWRGB, 60),
            format(3840, 2160, FrameFormat::MJPEG, 30),
        ];
        assert_eq!(choose(&offers), Some(offers[2]));
        assert_eq!(choose(&offers[..2]), Some(offers[0]));
        assert_eq!(choose(&[]), None);
    }
}
