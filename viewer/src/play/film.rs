//! Plays what was recorded: units come as fast as there is room for them, and are shown at their pace on a thread of its own.

mod reel;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use athome_shared::id::Layer;
use athome_shared::protocol::control::Attached;
use athome_shared::protocol::wire::SlotKind;
use tokio::sync::Notify;
use tracing::warn;

use super::audio::{CHANNELS, RATE, Sound, SoundSink};
use super::decode::{Picture, UnitDecoder};
use super::planes::Colour;
use crate::controller::past::Told;
use crate::past::Ms;
use crate::session::past::Unit;
use crate::settings::CameraKey;
use reel::{Do, Reel};

/// Between two words of where it is.
const TELL: Duration = Duration::from_millis(250);
/// Longest Opus packet: 120 ms (RFC 6716 §2.1.4).
const MAX_SAMPLES: usize = 5_760;

/// What shows a film's pictures; called on its thread.
pub trait FilmScreen: Send + Sync {
    /// A picture captured at `at` by the streamer's clock.
    fn picture(&self, picture: &Picture<'_>, at: Ms);
}

/// How a film begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Start {
    pub from: Ms,
    pub playing: bool,
    pub speed: f64,
    /// Not where the camera's live sound goes on meanwhile.
    pub sound: bool,
}

/// Where a film's pictures and sound go, and what it tells.
pub struct Out {
    pub camera: CameraKey,
    pub screen: Arc<dyn FilmScreen>,
    pub speaker: Arc<dyn SoundSink>,
    pub tell: Tell,
}

/// Takes what a film tells, on the film's thread: must not wait.
pub type Tell = Box<dyn Fn(Told) + Send>;

/// A film; dropping it ends it.
pub struct Film {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Film {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Film").finish_non_exhaustive()
    }
}

struct Shared {
    reel: Mutex<Reel>,
    wake: Condvar,
    room: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Reel> {
        self.reel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Film {
    /// Starts the thread; nothing is shown before there is something.
    pub fn start(start: Start, out: Out) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { reel: Mutex::new(Reel::new(start)), wake: Condvar::new(), room: Notify::new() });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("film".to_owned()).spawn(move || {
            // What crashes a decoder ends the film, and nothing else.
            if catch_unwind(AssertUnwindSafe(|| run(&of_thread, &out))).is_err() {
                (out.tell)(Told::Failed);
            }
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Takes a unit, once there is room for it.
    pub async fn push(&self, unit: Unit) {
        loop {
            let room = self.shared.room.notified();
            if self.shared.lock().has_room() {
                break;
            }
            room.await;
        }
        self.shared.lock().push(unit);
        self.shared.wake.notify_one();
    }

    /// No more will come.
    pub fn end(&self) {
        self.shared.lock().end();
        self.shared.wake.notify_one();
    }

    /// Plays or stands, and how fast.
    pub fn go(&self, playing: bool, speed: f64) {
        self.shared.lock().go(Instant::now(), playing, speed);
        self.shared.wake.notify_one();
    }
}

impl Drop for Film {
    fn drop(&mut self) {
        self.shared.lock().close();
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // It ends within one decode; a panic was told.
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared, out: &Out) {
    let mut decoder = UnitDecoder::default();
    let mut colour = Colour::default();
    let mut ears = Ears::new(out.camera.clone());
    let mut told: Option<Instant> = None;
    loop {
        let mut reel = shared.lock();
        let next = reel.next(Instant::now());
        match next {
            Do::Close => return,
            Do::Wait => {
                shared.room.notify_one();
                drop(shared.wake.wait(reel).unwrap_or_else(PoisonError::into_inner));
            }
            Do::Sleep(until) => {
                shared.room.notify_one();
                let wait = until.saturating_duration_since(Instant::now());
                drop(shared.wake.wait_timeout(reel, wait).unwrap_or_else(PoisonError::into_inner));
            }
            Do::Picture { at, is_key, data, show, playing } => {
                drop(reel);
                if is_key {
                    colour = Colour::of_stream(&data).unwrap_or(colour);
                }
                let content = content(&out.camera, SlotKind::Video);
                let mut seen = false;
                decoder.decode(&data, is_key, &mut |shown| {
                    seen = true;
                    if !show {
                        return;
                    }
                    let now = Instant::now();
                    let picture = Picture {
                        content: &content,
                        width: shown.width,
                        height: shown.height,
                        planes: shown.planes,
                        strides: shown.strides,
                        colour,
                        is_key,
                        rtp: 0,
                        captured: None,
                        received: now,
                        decoded: now,
                        coded: data.len(),
                    };
                    out.screen.picture(&picture, at.div_euclid(1_000));
                });
                let now = Instant::now();
                if seen && show && (!playing || told.is_none_or(|told| now.saturating_duration_since(told) >= TELL)) {
                    told = Some(now);
                    (out.tell)(Told::Shown(at.div_euclid(1_000)));
                }
            }
            Do::Sound { data, speed } => {
                drop(reel);
                ears.play(&data, speed, out.speaker.as_ref());
            }
            Do::Tell(word) => {
                drop(reel);
                (out.tell)(word);
            }
        }
    }
}

fn content(camera: &CameraKey, kind: SlotKind) -> Attached {
    Attached { kind, slot: 0, camera: camera.camera.clone(), layer: Layer::Full, epoch: 0, rtp: 0 }
}

/// A film's sound.
struct Ears {
    content: Attached,
    decoder: Option<opus::Decoder>,
    pcm: Vec<f32>,
    out: Vec<f32>,
}

impl Ears {
    fn new(camera: CameraKey) -> Self {
        let decoder = opus::Decoder::new(RATE, opus::Channels::Stereo);
        if let Err(error) = &decoder {
            warn!(%error, "a film without sound");
        }
        let content = content(&camera, SlotKind::Audio);
        Self { content, decoder: decoder.ok(), pcm: vec![0.0; MAX_SAMPLES * CHANNELS], out: Vec::new() }
    }

    fn play(&mut self, packet: &[u8], speed: f64, speaker: &dyn SoundSink) {
        let Some(decoder) = &mut self.decoder else { return };
        // A packet that can't be decoded is left out.
        let Ok(frames) = decoder.decode_float(packet, &mut self.pcm, false) else { return };
        let Some(samples) = self.pcm.get(..frames * CHANNELS) else { return };
        let samples = if speed == 1.0 {
            samples
        } else {
            stretch(samples, speed, &mut self.out);
            &self.out
        };
        speaker.sound(&Sound { content: &self.content, samples, rtp: 0, captured: None, concealed: false });
    }
}

/// Faster and higher, or slower and lower, as a tape is.
fn stretch(samples: &[f32], speed: f64, out: &mut Vec<f32>) {
    out.clear();
    let frames = samples.len() / CHANNELS;
    let wanted = (frames as f64 / speed) as usize;
    for n in 0..wanted {
        let at = n as f64 * speed;
        let (whole, part) = (at as usize, at.fract() as f32);
        for channel in 0..CHANNELS {
            let of = |frame: usize| samples.get(frame.min(frames - 1) * CHANNELS + channel).copied().unwrap_or(0.0);
            out.push(of(whole) * (1.0 - part) + of(whole + 1) * part);
        }
    }
}
