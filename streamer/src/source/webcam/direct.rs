//! Video4Linux2: the only room that knows that library.

use std::fs;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use athome_shared::protocol::control::CameraReason;
use athome_shared::time::MediaClock;
use v4l::buffer::{Flags, Metadata, Type};
use v4l::format::{Format, FourCC};
use v4l::fraction::Fraction;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::{FrameSizeEnum, Stepwise};
use v4l::io::mmap::Stream;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::video::Capture;
use v4l::video::capture::Parameters;

use super::known::{Identity, Memory, Present, find};
use super::{LOOK, Offer, STALLED, USUAL, Which, choose, tidy};
use crate::decode::pool::Pool;
use crate::source::{Opened, PixelFormat, RawFrame, Sink, SourceError, Stop, Wish};

/// Buffers between the driver and us. With fewer a late reader loses frames; each more is a frame that can wait in line.
const BUFFERS: u32 = 4;
/// Sizes named for a device that offers any size within bounds.
const USUAL_SIZES: [(u32, u32); 6] = [(320, 240), (640, 360), (640, 480), (1280, 720), (1920, 1080), (3840, 2160)];
/// Offers read from one device; the rest of a longer list is left out.
const MOST_OFFERS: usize = 512;
/// Frames in a row that may be damaged before the format is given up.
const MOST_DAMAGED: u32 = 150;

/// A capture device.
pub(in crate::source) struct Device {
    pub(in crate::source) number: u32,
    pub(in crate::source) path: PathBuf,
    pub(in crate::source) name: String,
}

/// The nodes `/dev/videoN` in order, capture devices or not.
fn nodes() -> Vec<Device> {
    let numbers = fs::read_dir("/dev")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("video")?.parse::<u32>().ok());
    let mut nodes: Vec<Device> = numbers
        .map(|number| Device { number, path: format!("/dev/video{number}").into(), name: name_of(number) })
        .collect();
    nodes.sort_by_key(|device| device.number);
    nodes
}

/// The webcams and what they offer. One that can't be opened (or offers nothing that we use) is left out.
pub(in crate::source) fn webcams() -> Vec<(Device, Vec<Offer>)> {
    nodes()
        .into_iter()
        .filter_map(|device| {
            let handle = v4l::Device::with_path(&device.path).ok()?;
            let offers = offers(&handle, None);
            (!offers.is_empty()).then_some((device, offers))
        })
        .collect()
}

/// One attempt at capturing.
pub(super) fn run(
    which: &Which,
    memory: &Memory,
    wish: &Wish,
    clock: MediaClock,
    sink: &dyn Sink,
    stop: &Stop,
) -> Result<(), SourceError> {
    let path = match which {
        Which::Path(path) if number_of(path).is_none() => path.clone(),
        Which::Path(path) => again(path.clone(), memory)?,
        Which::Number(number) => again(format!("/dev/video{number}").into(), memory)?,
        Which::First => first()?,
    };
    let device = v4l::Device::with_path(&path).map_err(|why| error(&path, "opening it", &why))?;
    let fail = |reason, what: &str| SourceError::new(reason, format!("{}: {what}", path.display()));
    let offer = choose(&offers(&device, Some(wish)), wish)
        .ok_or_else(|| fail(CameraReason::Format, "it offers no MJPEG, YUYV or NV12 pictures"))?;
    let format = set_format(&device, &offer).map_err(|why| error(&path, "setting its format", &why))?;
    if format.fourcc != fourcc(offer.format) {
        return Err(fail(CameraReason::Format, &format!("it refused {:?}", offer.format)));
    }
    let fps = set_rate(&device, offer.fps);
    let stream = Stream::with_buffers(&device, Type::VideoCapture, BUFFERS);
    let mut stream = stream.map_err(|why| error(&path, "starting it", &why))?;
    memory.learn(number_of(&path).and_then(identity_of));
    sink.opened(Opened {
        label: label(&path),
        width: format.width,
        height: format.height,
        fps,
        encoded: false,
        audio: false,
    });
    let captured = capture(&mut stream, offer.format, &format, clock, sink, stop);
    end(stream);
    captured.map_err(|why| match why {
        Ended::Stalled => fail(CameraReason::Stalled, "it gave no picture for 5 s"),
        Ended::Damaged => fail(CameraReason::Format, "its pictures are damaged"),
        Ended::Failed(why) => error(&path, "reading from it", &why),
    })
}

enum Ended {
    Stalled,
    Damaged,
    Failed(io::Error),
}

/// Reads pictures until stopped.
fn capture(
    stream: &mut Stream<'_>,
    pixels: PixelFormat,
    format: &Format,
    clock: MediaClock,
    sink: &dyn Sink,
    stop: &Stop,
) -> Result<(), Ended> {
    let (pool, handle) = (Pool::default(), stream.handle());
    let (mut begun, mut damaged, mut last_sequence) = (false, 0, None);
    let mut last = Instant::now();
    while !stop.stopped() {
        // Waiting is done here, in short pieces: the library's own time-out leaves its buffers in a state from which it
        // can't go on. Its first call starts the device and waits itself.
        if begun && !readable(&handle)? {
            if last.elapsed() > STALLED {
                return Err(Ended::Stalled);
            }
            continue;
        }
        if !begun {
            begun = true;
            stream.set_timeout(LOOK);
            match stream.next() {
                Ok(_) => {}
                Err(why) if why.kind() == io::ErrorKind::TimedOut => {
                    if !first_frame(stream, &handle, stop)? {
                        return Ok(());
                    }
                }
                Err(why) => return Err(Ended::Failed(why)),
            }
            // This frame may be what the device had left over from before; the next one counts.
            last = Instant::now();
            continue;
        }
        let (bytes, about) = stream.next().map_err(Ended::Failed)?;
        last = Instant::now();
        let used = bytes.get(..about.bytesused as usize).unwrap_or(bytes);
        let lost = last_sequence.map_or(0, |before: u32| about.sequence.wrapping_sub(before).saturating_sub(1));
        last_sequence = Some(about.sequence);
        if lost > 0 {
            tracing::debug!(lost, "the webcam's driver lost frames");
        }
        let whole = !about.flags.contains(Flags::ERROR);
        let data = tidy(pixels, (format.width, format.height), format.stride as usize, used, &pool).filter(|_| whole);
        let Some(data) = data else {
            damaged += 1;
            if damaged > MOST_DAMAGED {
                return Err(Ended::Damaged);
            }
            continue;
        };
        damaged = 0;
        let captured = captured_at(about, last);
        let (width, height, pts) = (format.width, format.height, clock.media(captured));
        sink.raw(RawFrame { format: pixels, width, height, data, captured, pts });
    }
    Ok(())
}

/// Waits for the frame that the device's start did not bring in time, and takes it off the queue. False when stopped.
fn first_frame(stream: &mut Stream<'_>, handle: &v4l::device::Handle, stop: &Stop) -> Result<bool, Ended> {
    let started = Instant::now();
    while !stop.stopped() {
        if readable(handle)? {
            CaptureStream::dequeue(stream).map_err(Ended::Failed)?;
            return Ok(true);
        }
        if started.elapsed() > STALLED {
            return Err(Ended::Stalled);
        }
    }
    Ok(false)
}

/// Whether a frame (or an error) is there, after waiting a little.
fn readable(handle: &v4l::device::Handle) -> Result<bool, Ended> {
    match handle.poll(libc::POLLIN, LOOK.as_millis() as i32) {
        Ok(ready) => Ok(ready > 0),
        Err(why) if why.kind() == io::ErrorKind::Interrupted => Ok(false),
        Err(why) => Err(Ended::Failed(why)),
    }
}

/// Stops a stream. The library panics when a broken device refuses that, unless it is gone; then its buffers are left to the
/// system, which frees them with the process.
fn end(mut stream: Stream<'_>) {
    if let Err(why) = stream.stop()
        && why.raw_os_error() != Some(libc::ENODEV)
    {
        tracing::debug!(%why, "the webcam refused to stop");
        mem::forget(stream);
    }
}

/// When light reached the device: the driver's time where it is of the clock that `Instant` runs on, else now.
fn captured_at(about: &Metadata, now: Instant) -> Instant {
    if about.flags & Flags::TIMESTAMP_MASK != Flags::TIMESTAMP_MONOTONIC {
        return now;
    }
    let (Ok(secs), Ok(micros)) = (u64::try_from(about.timestamp.sec), u32::try_from(about.timestamp.usec)) else {
        return now;
    };
    let stamp = Duration::from_secs(secs) + Duration::from_micros(micros.into());
    let age = monotonic().and_then(|monotonic| monotonic.checked_sub(stamp));
    age.filter(|age| *age < Duration::from_secs(1)).and_then(|age| now.checked_sub(age)).unwrap_or(now)
}

/// The clock behind `Instant` on Linux, which does not show its reading.
#[allow(unsafe_code)]
fn monotonic() -> Option<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one timespec to the pointer, which is valid for that and not kept.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    let (secs, nanos) = (u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?);
    (done == 0).then(|| Duration::from_secs(secs) + Duration::from_nanos(nanos.into()))
}

/// The first device that offers pictures; whoever is busy may still be the right one, so that is the caller's error.
fn first() -> Result<PathBuf, SourceError> {
    let mut refused = None;
    for device in nodes() {
        match v4l::Device::with_path(&device.path) {
            Ok(handle) if !offers(&handle, None).is_empty() => return Ok(device.path),
            Ok(_) => {}
            Err(why) => refused = Some(error(&device.path, "opening it", &why)),
        }
    }
    Err(refused.unwrap_or_else(|| SourceError::new(CameraReason::Gone, "no webcam found; plug one in, or use `test`")))
}

/// What a device offers of the formats that we use.
fn offers(device: &v4l::Device, wish: Option<&Wish>) -> Vec<Offer> {
    let mut offers = Vec::new();
    for format in [PixelFormat::Mjpeg, PixelFormat::Yuyv, PixelFormat::Nv12] {
        let code = fourcc(format);
        // Asked for by name: a list of all would go through text that the library expects to be valid UTF-8.
        for size in device.enum_framesizes(code).unwrap_or_default() {
            let sizes = match size.size {
                FrameSizeEnum::Discrete(size) => vec![(size.width, size.height)],
                FrameSizeEnum::Stepwise(steps) => within(&steps, wish),
            };
            for (width, height) in sizes {
                let rates = rates(device, code, (width, height));
                offers.extend(rates.into_iter().map(|fps| Offer { format, width, height, fps }));
            }
        }
    }
    offers.truncate(MOST_OFFERS);
    offers
}

/// The usual sizes, and the wished one, that lie within bounds.
fn within(steps: &Stepwise, wish: Option<&Wish>) -> Vec<(u32, u32)> {
    let fits = |value: u32, least: u32, most: u32, step: u32| {
        (least..=most).contains(&value) && (value - least).is_multiple_of(step.max(1))
    };
    let wished = wish.and_then(|wish| wish.size);
    let sizes = wished.into_iter().chain(USUAL_SIZES.into_iter().filter(|size| Some(*size) != wished));
    sizes
        .filter(|&(width, height)| {
            fits(width, steps.min_width, steps.max_width, steps.step_width)
                && fits(height, steps.min_height, steps.max_height, steps.step_height)
        })
        .collect()
}

/// Frames a second at one size; a single zero where the device does not say.
fn rates(device: &v4l::Device, code: FourCC, (width, height): (u32, u32)) -> Vec<f32> {
    let fps = |interval: &Fraction| interval.denominator as f32 / interval.numerator.max(1) as f32;
    let intervals = device.enum_frameintervals(code, width, height).unwrap_or_default();
    let mut rates = Vec::new();
    for interval in intervals {
        match interval.interval {
            FrameIntervalEnum::Discrete(interval) => rates.push(fps(&interval)),
            // A shorter interval is a higher rate; in between anything goes, so the usual rate stands for it.
            FrameIntervalEnum::Stepwise(steps) => {
                let (most, least) = (fps(&steps.min), fps(&steps.max));
                rates.push(USUAL.2.clamp(least.min(most), most));
            }
        }
    }
    if rates.is_empty() {
        rates.push(0.0);
    }
    rates
}

fn set_format(device: &v4l::Device, offer: &Offer) -> io::Result<Format> {
    let mut format = Format::new(offer.width, offer.height, fourcc(offer.format));
    // Row length and size are the driver's to say; another program's wish for padding would stay otherwise.
    (format.stride, format.size) = (0, 0);
    device.set_format(&format)
}

/// Asks for a rate and says which one the device then has; the asking is not worth failing for.
fn set_rate(device: &v4l::Device, fps: f32) -> f32 {
    // Whole rates as 1/N: drivers may keep the fraction for the next program, and some programs read no other.
    let unit = if fps.fract() == 0.0 { 1 } else { 1000 };
    let asked = Parameters::new(Fraction::new(unit, (fps * unit as f32).round().max(1.0) as u32));
    let parameters = if fps > 0.0 { device.set_params(&asked) } else { device.params() };
    match parameters {
        Ok(set) if set.interval.numerator > 0 && set.interval.denominator > 0 => {
            set.interval.denominator as f32 / set.interval.numerator as f32
        }
        _ => fps,
    }
}

fn fourcc(format: PixelFormat) -> FourCC {
    FourCC::new(match format {
        PixelFormat::Mjpeg => b"MJPG",
        PixelFormat::Yuyv => b"YUYV",
        PixelFormat::Nv12 => b"NV12",
        PixelFormat::I420 => b"YU12",
    })
}

/// What the device calls itself, whatever bytes that is.
fn name_of(number: u32) -> String {
    let name = fs::read(format!("/sys/class/video4linux/video{number}/name")).unwrap_or_default();
    let name = String::from_utf8_lossy(&name).trim().to_owned();
    if name.is_empty() { format!("Webcam {number}") } else { name }
}

/// The number of `/dev/videoN`; a link to it, such as those under `/dev/v4l/by-id`, names the device itself and has none.
fn number_of(path: &Path) -> Option<u32> {
    path.to_str()?.strip_prefix("/dev/video")?.parse().ok()
}

/// Where the device is now that an earlier attempt found at `path`; `path` where there was none.
fn again(path: PathBuf, memory: &Memory) -> Result<PathBuf, SourceError> {
    let Some(known) = memory.known() else { return Ok(path) };
    let present: Vec<Present> = nodes()
        .into_iter()
        .filter_map(|device| Some(Present { identity: identity_of(device.number)?, path: device.path }))
        .collect();
    let gone = || SourceError::new(CameraReason::Gone, format!("{}: {} is not there", path.display(), known.name));
    find(&known, &present).map(Path::to_owned).ok_or_else(gone)
}

/// What tells a device from others, as far as the system says; `None` where it says nothing.
fn identity_of(number: u32) -> Option<Identity> {
    let about = PathBuf::from(format!("/sys/class/video4linux/video{number}"));
    let index = fs::read_to_string(about.join("index")).ok()?.trim().parse().ok()?;
    let node = PathBuf::from(format!("/dev/video{number}"));
    let links = fs::read_dir("/dev/v4l/by-id").into_iter().flatten().flatten();
    let mut ours = links.filter(|link| fs::canonicalize(link.path()).is_ok_and(|target| target == node));
    let by_id = ours.next().map(|link| link.file_name().to_string_lossy().into_owned());
    Some(Identity { name: name_of(number), index, port: fs::canonicalize(about.join("device")).ok(), by_id })
}

/// The name of the device behind a path, which may be a link.
fn label(path: &Path) -> String {
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let number = real.file_name().and_then(|name| name.to_str()?.strip_prefix("video")?.parse().ok());
    number.map_or_else(|| path.display().to_string(), name_of)
}

fn error(path: &Path, doing: &str, why: &io::Error) -> SourceError {
    let name = path.display();
    match why.raw_os_error() {
        Some(libc::ENOENT) => SourceError::new(CameraReason::Gone, format!("{name}: there is no such device")),
        Some(libc::ENODEV | libc::ENXIO) => SourceError::new(CameraReason::Gone, format!("{name}: it was unplugged")),
        Some(libc::EBUSY) => SourceError::new(CameraReason::Busy, format!("{name}: another program uses it")),
        Some(libc::EACCES | libc::EPERM) => SourceError::new(
            CameraReason::Other,
            format!("{name}: this user may not open it; add the user to the group `video` and sign in again"),
        ),
        Some(libc::ENOTTY | libc::EINVAL) => {
            SourceError::new(CameraReason::Format, format!("{name}: {doing}: it is no camera that we can use ({why})"))
        }
        _ => SourceError::new(CameraReason::Other, format!("{name}: {doing}: {why}")),
    }
}
