//! Microphones: the only room that knows the sound library. 48 kHz in blocks of 20 ms, whatever the device gives.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use athome_shared::protocol::control::CameraReason;
use athome_shared::time::MediaClock;
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{BufferSize, ErrorKind, FromSample, SampleFormat, SizedSample, StreamConfig, SupportedStreamConfig};

use super::list::ListedMicrophone;
use super::resample::Resampler;
use super::{BLOCK, Opened, PcmBlock, RATE, Sink, Source, SourceError, Stop, sound_time};

/// Pieces of sound between the library's thread and ours; 64 of 20 ms are more than a second. When full, the newest is
/// dropped: whoever listens live wants no sound from a second ago.
const QUEUE: usize = 64;
/// Nothing for so long, and the device is taken for lost. A sound server may take more than a second to start one.
const SILENT: Duration = Duration::from_secs(10);
/// How often a waiting source looks whether it shall stop.
const LOOK: Duration = Duration::from_millis(100);
/// A device's clock may run this much apart from ours before the times of its sound are set anew.
const MOST_DRIFT: Duration = Duration::from_millis(60);
/// So many pieces are averaged (about a second) …
const AVERAGED: u32 = 50;
/// … and times that are off by more than this in the mean are put right: one piece says little, a first one least of all. Each
/// correction is a small gap for those who listen.
const MOST_OFF_US: i64 = 10_000;
/// Sound that waited for longer than this before it reached us: its age is a driver's mistake.
const OLDEST: Duration = Duration::from_secs(1);

/// A microphone as a source, opened when it runs.
pub struct Microphone {
    /// `None` is the system's default.
    name: Option<String>,
    clock: MediaClock,
}

/// What the library's thread sends.
enum Heard {
    /// Interleaved samples at the device's rate, and when the last of them was heard.
    Samples(Vec<f32>, Instant),
    Failed(cpal::Error),
}

impl Microphone {
    /// The microphone of that name (or identifier), or the system's default.
    pub fn new(name: Option<&str>, clock: MediaClock) -> Self {
        Self { name: name.map(str::to_owned), clock }
    }

    fn find(&self) -> Result<cpal::Device, SourceError> {
        let host = cpal::default_host();
        let found = match &self.name {
            None => host.default_input_device(),
            Some(name) => host.input_devices().ok().and_then(|mut devices| devices.find(|device| named(device, name))),
        };
        found.ok_or_else(|| match &self.name {
            None => SourceError::new(CameraReason::Gone, "no microphone found"),
            Some(name) => SourceError::new(
                CameraReason::Gone,
                format!("no microphone `{name}`; `athome-streamer cameras` lists those that there are"),
            ),
        })
    }
}

impl Source for Microphone {
    fn run(&mut self, sink: &dyn Sink, stop: &Stop) -> Result<(), SourceError> {
        let _quiet = Quiet::begin();
        let device = self.find()?;
        let config = choose(&device)?;
        let (rate, channels) = (config.sample_rate(), config.channels());
        let unusable = || SourceError::new(CameraReason::Format, format!("its sound of {rate} Hz can't be used"));
        let mut resampler = Resampler::new(rate, channels.into()).ok_or_else(unusable)?;
        let (sender, receiver) = sync_channel(QUEUE);
        let stream = start(&device, &config, &sender)?;
        stream.play().map_err(|why| error(&why))?;
        sink.opened(Opened::sound(&device.to_string()));

        let mut timeline = Timeline::default();
        let (mut waiting, mut last) = (Vec::new(), Instant::now());
        while !stop.stopped() {
            let (samples, ended) = match receiver.recv_timeout(LOOK) {
                Ok(Heard::Samples(samples, ended)) => (samples, ended),
                Ok(Heard::Failed(why)) if harmless(why.kind()) => {
                    tracing::debug!(%why, "microphone");
                    continue;
                }
                Ok(Heard::Failed(why)) => return Err(error(&why)),
                Err(RecvTimeoutError::Timeout) if last.elapsed() > SILENT => {
                    return Err(SourceError::new(CameraReason::Stalled, "the microphone gave no sound for 10 s"));
                }
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(SourceError::new(CameraReason::Other, "the microphone's thread ended"));
                }
            };
            last = Instant::now();
            resampler.push(&samples, &mut waiting);
            let channels = usize::from(resampler.channels());
            timeline.heard((waiting.len() / channels) as u64, ended);
            let whole = waiting.len() / (BLOCK * channels) * BLOCK * channels;
            for block in waiting[..whole].chunks_exact(BLOCK * channels) {
                let captured = timeline.next_block(ended);
                let pts = self.clock.media(captured);
                sink.pcm(PcmBlock { channels: channels as u8, samples: block.into(), captured, pts });
            }
            waiting.drain(..whole);
        }
        Ok(())
    }
}

/// Times of samples, counted from the first: the device's blocks come in bursts, their sound does not.
#[derive(Default)]
struct Timeline {
    start: Option<Instant>,
    given: u64,
    /// By how much pieces came later than counted, and how many they were.
    off_us: i64,
    pieces: u32,
}

impl Timeline {
    /// `waiting` samples have come that were not given out yet, the last of them heard at `ended`.
    fn heard(&mut self, waiting: u64, ended: Instant) {
        let counted = self.start.map(|start| start + sound_time(self.given + waiting));
        let off_us = counted.map_or(i64::MAX, |counted| signed_us(ended, counted));
        if off_us.unsigned_abs() > MOST_DRIFT.as_micros() as u64 {
            let start = ended.checked_sub(sound_time(waiting));
            *self = Self { start, ..Self::default() };
            return;
        }
        self.off_us += off_us;
        self.pieces += 1;
        if self.pieces == AVERAGED {
            let mean_us = self.off_us / i64::from(AVERAGED);
            (self.off_us, self.pieces) = (0, 0);
            if mean_us.abs() > MOST_OFF_US {
                let by = Duration::from_micros(mean_us.unsigned_abs());
                self.start =
                    self.start.and_then(|at| if mean_us < 0 { at.checked_sub(by) } else { at.checked_add(by) });
            }
        }
    }

    /// When the next block's first sample was heard.
    fn next_block(&mut self, now: Instant) -> Instant {
        let at = self.start.unwrap_or(now) + sound_time(self.given);
        self.given += BLOCK as u64;
        at
    }
}

/// `a` minus `b` in microseconds.
fn signed_us(a: Instant, b: Instant) -> i64 {
    let us = |d: Duration| i64::try_from(d.as_micros()).unwrap_or(i64::MAX);
    us(a.saturating_duration_since(b)) - us(b.saturating_duration_since(a))
}

/// The microphones, without the many names that the system has for the same one where that can be told.
pub(super) fn list() -> Vec<ListedMicrophone> {
    let _quiet = Quiet::begin();
    let host = cpal::default_host();
    let default = host.default_input_device().filter(|device| device.default_input_config().is_ok());
    let default = default.and_then(|device| device.id().ok());
    let devices = host.input_devices().into_iter().flatten();
    let listed = devices.filter_map(|device| {
        let id = device.id().ok()?;
        device.default_input_config().ok()?;
        let spec = format!("device:{id}");
        Some(ListedMicrophone { spec, name: device.to_string(), default: Some(&id) == default.as_ref() })
    });
    listed.collect()
}

fn named(device: &cpal::Device, name: &str) -> bool {
    device.to_string() == name || device.id().is_ok_and(|id| id.to_string() == name)
}

/// 48 kHz in one or two channels where the device has it, else its default. A missing device shows here first.
fn choose(device: &cpal::Device) -> Result<SupportedStreamConfig, SourceError> {
    let usual = device.default_input_config().map_err(|why| error(&why))?;
    if usual.sample_rate() == RATE && usual.channels() <= 2 {
        return Ok(usual);
    }
    let ranges = device.supported_input_configs().map_err(|why| error(&why))?;
    let fit = ranges
        .filter(|range| range.channels() <= 2 && usable(range.sample_format()))
        .filter_map(|range| range.try_with_sample_rate(RATE))
        .min_by_key(|config| config.channels() != usual.channels());
    Ok(fit.unwrap_or(usual))
}

fn usable(format: SampleFormat) -> bool {
    matches!(format, SampleFormat::F32 | SampleFormat::I16 | SampleFormat::I32 | SampleFormat::U8)
}

/// A stream with a buffer of 20 ms, or of the device's own choice where it refuses that.
fn start(
    device: &cpal::Device,
    config: &SupportedStreamConfig,
    sender: &SyncSender<Heard>,
) -> Result<cpal::Stream, SourceError> {
    let fixed = BufferSize::Fixed((u64::from(config.sample_rate()) * BLOCK as u64 / u64::from(RATE)) as u32);
    let try_with = |buffer_size| {
        let stream = StreamConfig { channels: config.channels(), sample_rate: config.sample_rate(), buffer_size };
        match config.sample_format() {
            SampleFormat::F32 => build::<f32>(device, stream, sender),
            SampleFormat::I16 => build::<i16>(device, stream, sender),
            SampleFormat::I32 => build::<i32>(device, stream, sender),
            SampleFormat::U8 => build::<u8>(device, stream, sender),
            other => Err(cpal::Error::with_message(ErrorKind::UnsupportedConfig, format!("samples of kind {other}"))),
        }
    };
    try_with(fixed).or_else(|_| try_with(BufferSize::Default)).map_err(|why| error(&why))
}

fn build<T>(
    device: &cpal::Device,
    config: StreamConfig,
    sender: &SyncSender<Heard>,
) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let (samples, errors) = (sender.clone(), sender.clone());
    device.build_input_stream::<T, _, _>(
        config,
        move |heard, info| {
            // What a sound server takes its time with was heard that much earlier.
            let times = info.timestamp();
            let waited = times.callback.duration_since(times.capture).min(OLDEST);
            let frames = heard.len() as u64 / u64::from(config.channels.max(1));
            let lasts = Duration::from_micros(frames * 1_000_000 / u64::from(config.sample_rate.max(1)));
            let now = Instant::now();
            let ended = now.checked_sub(waited).unwrap_or(now) + lasts;
            let converted = heard.iter().map(|sample| sample.to_sample::<f32>()).collect();
            if let Err(TrySendError::Full(_)) = samples.try_send(Heard::Samples(converted, ended.min(now))) {
                tracing::trace!("microphone: nobody takes its sound");
            }
        },
        move |why| {
            // When full, sound is being lost already, and a lost device ends in silence.
            let _ = errors.try_send(Heard::Failed(why));
        },
        None,
    )
}

/// Trouble that passes by itself.
fn harmless(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Xrun | ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged)
}

fn error(why: &cpal::Error) -> SourceError {
    let (reason, words) = match why.kind() {
        ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable => (CameraReason::Gone, "no microphone found"),
        ErrorKind::DeviceBusy => (CameraReason::Busy, "another program uses the microphone"),
        ErrorKind::UnsupportedConfig | ErrorKind::UnsupportedOperation => {
            (CameraReason::Format, "the microphone offers no sound that we can use")
        }
        ErrorKind::PermissionDenied => (CameraReason::Other, "this user may not use the microphone"),
        _ => (CameraReason::Other, "microphone"),
    };
    SourceError::new(reason, format!("{words} ({why})"))
}

/// While it lives, the system's sound library keeps its complaints on this thread to itself: it writes them to the
/// terminal, a page for each device that is not there, and we get them as errors anyway.
struct Quiet {
    #[cfg(target_os = "linux")]
    _output: Option<std::rc::Rc<std::cell::RefCell<alsa::Output>>>,
}

impl Quiet {
    fn begin() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            _output: alsa::Output::local_error_handler().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_become_an_even_stream_of_times() {
        let start = Instant::now();
        let mut timeline = Timeline::default();
        let ms = Duration::from_millis;
        // 40 ms of sound arrive together at 50 ms: the first was heard at 10 ms.
        timeline.heard(1920, start + ms(50));
        assert_eq!(timeline.next_block(start), start + ms(10));
        assert_eq!(timeline.next_block(start), start + ms(30));
        // The next block comes 15 ms late; its sound did not.
        timeline.heard(960, start + ms(85));
        assert_eq!(timeline.next_block(start), start + ms(50));
        // After a pause of a second, times are set anew.
        timeline.heard(960, start + ms(1085));
        assert_eq!(timeline.next_block(start), start + ms(1065));
    }

    #[test]
    fn a_first_piece_that_came_late_does_not_make_all_the_others_late() {
        let start = Instant::now();
        let (ms, mut timeline) = (Duration::from_millis, Timeline::default());
        let mut last = start;
        for n in 0..=AVERAGED {
            let late = if n == 0 { ms(40) } else { ms(0) };
            timeline.heard(BLOCK as u64, start + ms(20) * (n + 1) + late);
            last = timeline.next_block(start);
            if n == 10 {
                assert_eq!(last, start + ms(20) * n + ms(40), "counted from the first");
            }
        }
        assert_eq!(last, start + ms(20) * AVERAGED, "put right within a second");
    }

    #[test]
    fn a_microphone_that_is_not_there_is_an_error_in_words() {
        let clock = MediaClock::new(Instant::now(), athome_shared::time::WallTime(0));
        let ended = Microphone::new(Some("no such microphone"), clock)
            .run(&super::super::collect::Collect::until(0, 1), &Stop::default());
        let why = ended.unwrap_err();
        assert_eq!(why.reason, CameraReason::Gone);
        assert!(why.detail.starts_with("no microphone `no such microphone`"), "{why}");
    }
}
