//! The loudspeaker: the only room that knows the sound library's output. One stream, open while a camera is heard. When
//! its device goes, the next default takes over.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use athome_shared::time::WallTime;
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    BufferSize, ErrorKind, FromSample, OutputCallbackInfo, SampleFormat, SizedSample, StreamConfig,
    SupportedStreamConfig,
};
use tracing::{debug, warn};

use super::audio::{CHANNELS, RATE, Sound, SoundSink};
use super::hold::Holds;
use super::playout::{Playout, PlayoutCounts};
use super::stage::Say;
use crate::settings::CameraKey;
use crate::store::PlaceId;
use crate::words::Sentence;

/// Frames of the device's buffer: 20 ms.
const BUFFER: u32 = 960;
/// Frames that a callback may ask for at once; a larger one is filled in pieces.
const PIECE: usize = 4_096;
/// Between two tries to open a device.
const AGAIN: Duration = Duration::from_secs(2);
/// After a device failed, until the next one is opened: the system needs a moment to name another default.
const CHANGE: Duration = Duration::from_millis(300);
/// Nothing to do.
const IDLE: Duration = Duration::from_secs(3_600);
/// The stream stays open this long after the last camera was heard, so that its end fades.
const LINGER: Duration = Duration::from_millis(500);
/// Words for the thread; when full they are already on their way.
const WORDS: usize = 8;

/// What the thread is told.
enum Word {
    /// Look again whether anything is heard.
    Look,
    Failed(cpal::Error),
    Close,
}

/// Plays the camera that is heard. Dropping it closes the device.
pub struct Speaker {
    shared: Arc<Shared>,
    words: SyncSender<Word>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// Held for a copy of a packet or a buffer, on the decoder's and the device's thread.
    playout: Mutex<Playout>,
    holds: Arc<Holds>,
}

impl Shared {
    fn playout(&self) -> MutexGuard<'_, Playout> {
        self.playout.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Speaker {
    /// Opens nothing before a camera is heard. `say` is told, once, that no device can be used.
    pub fn start(holds: Arc<Holds>, say: Say) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { playout: Mutex::default(), holds });
        let (words, inbox) = sync_channel(WORDS);
        let (back, of_device) = (words.clone(), Arc::clone(&shared));
        let thread = std::thread::Builder::new()
            .name("speaker".to_owned())
            .spawn(move || run(&of_device, &inbox, &back, say.as_ref()))?;
        Ok(Self { shared, words, thread: Some(thread) })
    }

    /// Which camera is played, and how loud. Never waits for the device.
    pub fn hear(&self, camera: Option<(CameraKey, f32)>) {
        self.shared.holds.hear(camera.as_ref().map(|(key, _)| key.clone()));
        self.shared.playout().hear(camera);
        let _ = self.words.try_send(Word::Look);
    }

    /// Where a place's decoded sound goes.
    pub fn ear(&self, place: PlaceId) -> Arc<dyn SoundSink> {
        Arc::new(Ear { place, shared: Arc::clone(&self.shared) })
    }

    /// What happened so far.
    pub fn counts(&self) -> PlayoutCounts {
        self.shared.playout().counts()
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.shared.playout().hear(None);
        // The thread keeps a sender of its own, for the device's errors, so it has to be told.
        let _ = self.words.send(Word::Close);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A place's way to the loudspeaker.
struct Ear {
    place: PlaceId,
    shared: Arc<Shared>,
}

impl SoundSink for Ear {
    fn sound(&self, sound: &Sound<'_>) {
        let camera = CameraKey { place: self.place, camera: sound.content.camera.clone() };
        self.shared.playout().handle_sound(&camera, sound.samples, sound.captured);
    }
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

fn run(shared: &Arc<Shared>, inbox: &Receiver<Word>, back: &SyncSender<Word>, say: &dyn Fn(Sentence)) {
    let _quiet = Quiet::begin();
    let mut stream = None;
    let (mut told, mut pause) = (false, false);
    loop {
        let heard = shared.playout().heard().is_some();
        if heard && stream.is_none() && !pause {
            match open(shared, back) {
                Ok(opened) => (stream, told) = (Some(opened), false),
                Err(error) => {
                    warn!(%error, "no loudspeaker");
                    if !told {
                        told = true;
                        say(Sentence::NoSpeaker { detail: error.to_string() });
                    }
                }
            }
        }
        let wait = match (heard, stream.is_some()) {
            (true, false) if pause => CHANGE,
            (true, false) => AGAIN,
            (false, true) => LINGER,
            (true, true) | (false, false) => IDLE,
        };
        match inbox.recv_timeout(wait) {
            Ok(Word::Look) => {}
            Ok(Word::Failed(error)) if harmless(error.kind()) => debug!(%error, "loudspeaker"),
            Ok(Word::Failed(error)) => {
                warn!(%error, "the loudspeaker is gone; the next default takes over");
                stream = None;
                pause = true;
            }
            Ok(Word::Close) | Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                pause = false;
                if shared.playout().heard().is_none() {
                    stream = None;
                }
            }
        }
    }
}

fn open(shared: &Arc<Shared>, back: &SyncSender<Word>) -> Result<cpal::Stream, cpal::Error> {
    let device = cpal::default_host()
        .default_output_device()
        .ok_or_else(|| cpal::Error::with_message(ErrorKind::DeviceNotAvailable, "none is there"))?;
    let config = choose(&device)?;
    let fixed = BufferSize::Fixed((u64::from(config.sample_rate()) * u64::from(BUFFER) / u64::from(RATE)) as u32);
    let try_with = |buffer_size| {
        let stream = StreamConfig { channels: config.channels(), sample_rate: config.sample_rate(), buffer_size };
        match config.sample_format() {
            SampleFormat::F32 => build::<f32>(&device, stream, shared, back),
            SampleFormat::I16 => build::<i16>(&device, stream, shared, back),
            SampleFormat::I32 => build::<i32>(&device, stream, shared, back),
            other => Err(cpal::Error::with_message(ErrorKind::UnsupportedConfig, format!("samples of kind {other}"))),
        }
    };
    let stream = try_with(fixed).or_else(|_| try_with(BufferSize::Default))?;
    stream.play()?;
    Ok(stream)
}

/// 48 kHz in two channels where the device has it, else its default.
fn choose(device: &cpal::Device) -> Result<SupportedStreamConfig, cpal::Error> {
    let usual = device.default_output_config()?;
    let fits = |config: &SupportedStreamConfig| {
        config.sample_rate() == RATE && usize::from(config.channels()) == CHANNELS && usable(config.sample_format())
    };
    if fits(&usual) {
        return Ok(usual);
    }
    let ranges = device.supported_output_configs()?;
    Ok(ranges.filter_map(|range| range.try_with_sample_rate(RATE)).find(fits).unwrap_or(usual))
}

fn usable(format: SampleFormat) -> bool {
    matches!(format, SampleFormat::F32 | SampleFormat::I16 | SampleFormat::I32)
}

fn build<T>(
    device: &cpal::Device,
    config: StreamConfig,
    shared: &Arc<Shared>,
    back: &SyncSender<Word>,
) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample + FromSample<f32>,
{
    let (shared, back) = (Arc::clone(shared), back.clone());
    let (channels, rate) = (usize::from(config.channels.max(1)), config.sample_rate);
    let mut piece = vec![0.0_f32; PIECE * CHANNELS];
    device.build_output_stream::<T, _, _>(
        config,
        move |out, info| {
            report(&shared, info);
            for out in out.chunks_mut(PIECE * channels) {
                let frames = out.len() / channels;
                let piece = piece.get_mut(..frames * CHANNELS).unwrap_or_default();
                shared.playout().fill(piece, rate);
                spread(piece, out, channels);
            }
        },
        move |error| {
            // When full, the thread is about to look at the device anyway.
            let _ = back.try_send(Word::Failed(error));
        },
        None,
    )
}

/// Two channels into as many as the device has: one gets their middle, further ones stay silent.
fn spread<T: SizedSample + FromSample<f32>>(piece: &[f32], out: &mut [T], channels: usize) {
    let (frames, _) = piece.as_chunks::<CHANNELS>();
    for ([left, right], out) in frames.iter().zip(out.chunks_mut(channels)) {
        match out {
            [only] => *only = T::from_sample(f32::midpoint(*left, *right)),
            [first, second, rest @ ..] => {
                *first = T::from_sample(*left);
                *second = T::from_sample(*right);
                rest.fill(T::from_sample(0.0));
            }
            [] => {}
        }
    }
}

/// Tells the pictures when this sound will be heard.
fn report(shared: &Shared, info: &OutputCallbackInfo) {
    let timestamp = info.timestamp();
    let until_heard = timestamp.playback.saturating_duration_since(timestamp.callback);
    let playout = shared.playout();
    let (Some(position), Some(camera)) = (playout.position(), playout.heard().cloned()) else { return };
    drop(playout);
    let heard_at = WallTime::now().0.saturating_add(until_heard.as_micros() as i64);
    shared.holds.handle_sound(&camera, heard_at.saturating_sub(position.0));
}

/// Trouble that passes by itself.
fn harmless(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Xrun | ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged)
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn two_channels_become_as_many_as_the_device_has() {
        let piece = [0.5, -0.25, 1.0, 0.0];
        let mut mono = [9.0_f32; 2];
        spread(&piece, &mut mono, 1);
        assert_eq!(mono, [0.125, 0.5]);
        let mut four = [9_i16; 8];
        spread(&piece, &mut four, 4);
        assert_eq!(four, [16_384, -8_192, 0, 0, i16::MAX, 0, 0, 0]);
    }
}
