//! Sources make frames: raw ones on their way to an encoder, encoded ones straight for the hub. A source is one attempt:
//! it opens its device, pushes frames until it is stopped or fails, and leaves retrying to the `camera` room.

#[cfg(test)]
pub(crate) mod collect;
mod container;
pub mod file;
#[cfg(test)]
mod file_tests;
mod http;
mod jpeg;
pub mod list;
mod login;
pub mod microphone;
pub mod mjpeg;
pub mod multipart;
mod network;
mod open;
mod pictures;
mod resample;
pub mod rtsp;
pub mod sound_file;
pub mod spec;
#[cfg(test)]
mod test_clip;
pub mod testcard;
pub mod tone;
pub mod webcam;
mod y4m;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::media::frame::EncodedFrame;
use athome_shared::protocol::control::CameraReason;
use athome_shared::time::MediaTime;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::words::{Lang, Verdict};

pub use login::Login;
pub use open::{Access, open_camera, open_microphone, open_small};
pub use spec::{CameraSpec, CameraUrl, MicSpec, Transport, Wish};

/// How a raw picture's bytes are laid out; rows are tight, sizes in luma samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Planes Y, U, V; chroma halved both ways (rounded up); BT.601 limited range.
    I420,
    /// Plane Y, then interleaved UV.
    Nv12,
    /// Packed Y0 U Y1 V.
    Yuyv,
    /// One baseline JPEG, ending at its EOI marker.
    Mjpeg,
}

/// A picture on its way from a device to the encoder.
#[derive(Clone, Debug)]
pub struct RawFrame {
    pub format: PixelFormat,
    pub width: u32,
    pub height: u32,
    pub data: Bytes,
    /// When light reached the device, as near as the source can tell.
    pub captured: Instant,
    pub pts: MediaTime,
}

/// Sound on its way to the Opus encoder: 48 kHz, interleaved, -1.0 to 1.0, any length.
#[derive(Clone, Debug)]
pub struct PcmBlock {
    pub channels: u8,
    pub samples: Arc<[f32]>,
    /// Of the first sample.
    pub captured: Instant,
    pub pts: MediaTime,
}

/// What a source turned out to give, reported before its first frame and whenever it changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// For people: "Webcam C920", "clip.mp4".
    pub label: String,
    pub width: u32,
    pub height: u32,
    /// Nominal; zero where the source does not say.
    pub fps: f32,
    /// Frames arrive encoded and are never encoded again.
    pub encoded: bool,
    /// Sound comes with the picture (a clip's own).
    pub audio: bool,
}

impl Opened {
    fn sound(label: &str) -> Self {
        Self { label: label.to_owned(), width: 0, height: 0, fps: 0.0, encoded: false, audio: true }
    }
}

/// What a file is called for people: its name without the folder.
fn label_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Sound's rate in Hz.
const RATE: u32 = 48_000;
/// Samples (of each channel) in the blocks that our sources make: 20 ms, an Opus frame.
const BLOCK: usize = 960;

/// When a sample is heard, counted from the first.
fn sound_time(sample: u64) -> Duration {
    Duration::from_nanos(sample.saturating_mul(1_000_000) / u64::from(RATE / 1000))
}

/// Where a source puts what it makes. Called from the source's own thread; never waits.
pub trait Sink: Send + Sync {
    fn opened(&self, opened: Opened);
    fn raw(&self, frame: RawFrame);
    fn encoded(&self, frame: EncodedFrame);
    fn pcm(&self, block: PcmBlock);
}

/// A camera or a microphone. Blocking: it runs on a thread of its own.
pub trait Source: Send {
    /// Runs until `stop` (then `Ok`) or until it fails. A looped file never ends by itself.
    fn run(&mut self, sink: &dyn Sink, stop: &Stop) -> Result<(), SourceError>;
}

/// Why a source stopped, for the state that people see (`reason`) and for the log (`detail`).
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct SourceError {
    pub reason: CameraReason,
    pub detail: String,
    /// What is wrong with a network camera, and what to do.
    pub verdict: Option<Verdict>,
}

impl SourceError {
    /// A failure with its detail in plain words.
    pub fn new(reason: CameraReason, detail: impl fmt::Display) -> Self {
        Self { reason, detail: detail.to_string(), verdict: None }
    }

    /// More for the log.
    fn because(mut self, detail: impl fmt::Display) -> Self {
        self.detail = format!("{} ({detail})", self.detail);
        self
    }
}

impl From<Verdict> for SourceError {
    fn from(verdict: Verdict) -> Self {
        let reason = match &verdict {
            Verdict::NoAnswer { .. } | Verdict::UnknownName { .. } => CameraReason::Unreachable,
            Verdict::Silent => CameraReason::Stalled,
            Verdict::LoginMissing | Verdict::LoginRefused => CameraReason::Auth,
            Verdict::Crowded => CameraReason::Busy,
            Verdict::H265 | Verdict::Codec { .. } | Verdict::Interlaced | Verdict::Reordered => CameraReason::Format,
            Verdict::NoPath
            | Verdict::WebPage
            | Verdict::OnePicture
            | Verdict::Nonsense
            | Verdict::NoVideo
            | Verdict::TooLarge { .. }
            | Verdict::Damaged
            | Verdict::Certificate { .. }
            | Verdict::Elsewhere { .. }
            | Verdict::Secure => CameraReason::Other,
        };
        Self { reason, detail: verdict.say(Lang::English), verdict: Some(verdict) }
    }
}

/// Asks a source's thread to end, and lets it sleep without missing that.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<StopInner>);

#[derive(Debug, Default)]
struct StopInner {
    stopped: CancellationToken,
    lock: Mutex<()>,
    wake: Condvar,
}

impl Stop {
    /// Ends every sleep and makes [`Self::stopped`] true for ever.
    pub fn stop(&self) {
        self.0.stopped.cancel();
        let _held = self.0.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.wake.notify_all();
    }

    /// Whether [`Self::stop`] was called.
    pub fn stopped(&self) -> bool {
        self.0.stopped.is_cancelled()
    }

    /// Ends when [`Self::stop`] is called.
    pub async fn cancelled(&self) {
        self.0.stopped.cancelled().await;
    }

    /// Sleeps until [`Self::stop`] is called.
    pub fn wait(&self) {
        let mut held = self.0.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.stopped() {
            held = self.0.wake.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sleeps until `deadline`; true if stopped meanwhile.
    pub fn sleep_until(&self, deadline: Instant) -> bool {
        let mut held = self.0.lock.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.stopped() || left == Duration::ZERO {
                return self.stopped();
            }
            (held, _) = self.0.wake.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
