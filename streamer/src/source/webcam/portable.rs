//! The capture library's way to a webcam: the only room that knows that library. Used where the system is not Linux.
//!
//! Its traps: a stalled device blocks its caller for ever, so it has a thread of its own with a watchdog in front; it drops
//! the byte count, so a JPEG's end is searched; it knows no time of capture. A thread that is stuck in a stalled device ends
//! when the device speaks again or the process ends; the device stays busy until then.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Instant;

use athome_shared::protocol::control::CameraReason;
use athome_shared::time::MediaClock;
use nokhwa::Camera;
use nokhwa::utils::{
    ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
};

use super::{LOOK, Offer, STALLED, Which, choose, tidy};
use crate::decode::pool::Pool;
use crate::source::{Opened, PixelFormat, RawFrame, Sink, SourceError, Stop, Wish};

const FORMATS: &[FrameFormat] = &[FrameFormat::MJPEG, FrameFormat::YUYV, FrameFormat::NV12];
/// Frames between the library's thread and ours. When full, the newest is dropped: the source's own reader is never slow.
const QUEUE: usize = 2;

enum Message {
    Opened(Opened),
    Frame(RawFrame),
    Failed(SourceError),
}

/// The webcams that the library finds: number and name.
#[cfg_attr(target_os = "linux", allow(dead_code))]
pub(in crate::source) fn webcams() -> Vec<(u32, String)> {
    let found = nokhwa::query(ApiBackend::Auto).unwrap_or_default();
    found.iter().filter_map(|info| Some((info.index().as_index().ok()?, info.human_name()))).collect()
}

/// What a webcam offers; nothing where it can't be opened.
#[cfg_attr(target_os = "linux", allow(dead_code))]
pub(in crate::source) fn offers(number: u32) -> Vec<Offer> {
    let camera = Camera::new(CameraIndex::Index(number), request(RequestedFormatType::None));
    camera.map(|mut camera| offers_of(&mut camera)).unwrap_or_default()
}

/// One attempt at capturing.
pub(super) fn run(
    which: &Which,
    wish: &Wish,
    clock: MediaClock,
    sink: &dyn Sink,
    stop: &Stop,
) -> Result<(), SourceError> {
    let index = match which {
        Which::First => CameraIndex::Index(0),
        Which::Number(number) => CameraIndex::Index(*number),
        Which::Path(path) => by_path(path),
    };
    let (sender, receiver) = sync_channel(QUEUE);
    let (wish, theirs) = (*wish, stop.clone());
    let reading = thread::Builder::new().name("webcam".to_owned()).spawn(move || {
        if let Err(why) = read(index, &wish, clock, &sender, &theirs) {
            // The receiver may have given up on us: then nobody wants to know.
            let _ = sender.send(Message::Failed(why));
        }
    });
    let reading =
        reading.map_err(|why| SourceError::new(CameraReason::Other, format!("a thread for the webcam: {why}")))?;
    let ended = forward(&receiver, sink, stop);
    // Lets the thread end by itself: its next send fails.
    drop(receiver);
    if !matches!(&ended, Err(why) if why.reason == CameraReason::Stalled) && reading.is_finished() {
        let _ = reading.join();
    }
    ended
}

fn forward(receiver: &Receiver<Message>, sink: &dyn Sink, stop: &Stop) -> Result<(), SourceError> {
    let mut last = Instant::now();
    while !stop.stopped() {
        match receiver.recv_timeout(LOOK) {
            Ok(Message::Opened(opened)) => sink.opened(opened),
            Ok(Message::Frame(frame)) => sink.raw(frame),
            Ok(Message::Failed(why)) => return Err(why),
            Err(RecvTimeoutError::Timeout) if last.elapsed() > STALLED => {
                return Err(SourceError::new(CameraReason::Stalled, "the webcam gave no picture for 5 s"));
            }
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(SourceError::new(CameraReason::Other, "the webcam's thread ended"));
            }
        }
        last = Instant::now();
    }
    Ok(())
}

/// The library's thread.
fn read(
    index: CameraIndex,
    wish: &Wish,
    clock: MediaClock,
    sender: &SyncSender<Message>,
    stop: &Stop,
) -> Result<(), SourceError> {
    let mut camera = Camera::new(index, request(RequestedFormatType::None)).map_err(|why| error(&why))?;
    let offer = choose(&offers_of(&mut camera), wish)
        .ok_or_else(|| SourceError::new(CameraReason::Format, "the webcam offers no MJPEG, YUYV or NV12 pictures"))?;
    let resolution = Resolution::new(offer.width, offer.height);
    let exact = CameraFormat::new(resolution, frame_format(offer.format), offer.fps.round() as u32);
    camera.set_camera_requset(request(RequestedFormatType::Exact(exact))).map_err(|why| error(&why))?;
    camera.open_stream().map_err(|why| error(&why))?;
    let given = camera.camera_format();
    let format = pixel_format(given.format())
        .ok_or_else(|| SourceError::new(CameraReason::Format, format!("the webcam gives {}", given.format())))?;
    let (width, height) = (given.width(), given.height());
    let label = camera.info().human_name();
    let fps = given.frame_rate() as f32;
    let opened = Opened { label, width, height, fps, encoded: false, audio: false };
    if sender.send(Message::Opened(opened)).is_err() {
        return Ok(());
    }
    let pool = Pool::default();
    while !stop.stopped() {
        let buffer = camera.frame().map_err(|why| error(&why))?;
        let captured = Instant::now();
        let Some(data) = tidy(format, (width, height), 0, buffer.buffer(), &pool) else { continue };
        let frame = RawFrame { format, width, height, data, captured, pts: clock.media(captured) };
        if let Err(TrySendError::Disconnected(_)) = sender.try_send(Message::Frame(frame)) {
            break;
        }
    }
    Ok(())
}

fn offers_of(camera: &mut Camera) -> Vec<Offer> {
    let formats = camera.compatible_camera_formats().unwrap_or_default();
    let offer = |format: &CameraFormat| {
        let (width, height, fps) = (format.width(), format.height(), format.frame_rate() as f32);
        Some(Offer { format: pixel_format(format.format())?, width, height, fps })
    };
    formats.iter().filter_map(offer).collect()
}

/// A path that ends in a number names that device, as on Linux; elsewhere it is the library's own name for one.
fn by_path(path: &std::path::Path) -> CameraIndex {
    let text = path.to_string_lossy();
    match text.strip_prefix("/dev/video").and_then(|number| number.parse().ok()) {
        Some(number) => CameraIndex::Index(number),
        None => CameraIndex::String(text.into_owned()),
    }
}

fn request(kind: RequestedFormatType) -> RequestedFormat<'static> {
    RequestedFormat::with_formats(kind, FORMATS)
}

fn pixel_format(format: FrameFormat) -> Option<PixelFormat> {
    match format {
        FrameFormat::MJPEG => Some(PixelFormat::Mjpeg),
        FrameFormat::YUYV => Some(PixelFormat::Yuyv),
        FrameFormat::NV12 => Some(PixelFormat::Nv12),
        _ => None,
    }
}

fn frame_format(format: PixelFormat) -> FrameFormat {
    match format {
        PixelFormat::Mjpeg => FrameFormat::MJPEG,
        PixelFormat::Nv12 => FrameFormat::NV12,
        PixelFormat::Yuyv | PixelFormat::I420 => FrameFormat::YUYV,
    }
}

/// The library gives the system's error as words only.
fn error(why: &nokhwa::NokhwaError) -> SourceError {
    let words = why.to_string();
    let reason = match () {
        () if words.contains("No such") => CameraReason::Gone,
        () if words.contains("busy") => CameraReason::Busy,
        () if words.contains("Fulfill") || words.contains("Fufill") => CameraReason::Format,
        () => CameraReason::Other,
    };
    SourceError::new(reason, format!("webcam: {words}"))
}
