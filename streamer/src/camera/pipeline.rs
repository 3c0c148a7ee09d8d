//! From what a camera's sources give to the hub.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use athome_shared::id::{CameraId, Layer};
use athome_shared::media::frame::{Codec, EncodedFrame};

use super::level::Level;
use crate::encode::opus;
use crate::encode::video::{Limits, VideoEncoders};
use crate::hub::{Hub, Origin, Stream, StreamKey};
use crate::source::{Opened, PcmBlock, RawFrame};

/// Which of a camera's sources something comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The camera itself, which may bring its own sound.
    Picture,
    /// A microphone beside it.
    Sound,
}

/// A camera's way into the hub; lives as long as the camera, across its attempts.
pub(super) struct Pipeline {
    camera: CameraId,
    full: Arc<Stream>,
    small: Arc<Stream>,
    audio: Arc<Stream>,
    /// Whose sound is published; that of the other part is dropped.
    sound: Option<Part>,
    /// The most that the full layer may spend, in bits a second.
    ceiling_bps: Option<u32>,
    /// Nominal frames a second of what was opened last, as bits; zero while unknown.
    fps: AtomicU32,
    /// Started with the first raw frame: an encoded source needs none.
    pictures: OnceLock<Option<VideoEncoders>>,
    voice: Mutex<opus::Encoder>,
    level: Arc<Level>,
}

impl Pipeline {
    pub(super) fn new(
        hub: &Hub,
        camera: &CameraId,
        sound: Option<Part>,
        ceiling_bps: Option<u32>,
        level: Arc<Level>,
    ) -> Self {
        Self {
            camera: camera.clone(),
            full: hub.stream(&StreamKey::video(camera, Layer::Full)),
            small: hub.stream(&StreamKey::video(camera, Layer::Small)),
            audio: hub.stream(&StreamKey::audio(camera)),
            sound,
            ceiling_bps,
            fps: AtomicU32::new(0),
            pictures: OnceLock::new(),
            voice: Mutex::default(),
            level,
        }
    }

    pub(super) fn opened(&self, opened: &Opened) {
        self.full.set_origin(if opened.encoded { Origin::Foreign } else { Origin::Encoder });
        self.fps.store(opened.fps.to_bits(), Ordering::Relaxed);
    }

    pub(super) fn raw(&self, frame: RawFrame) {
        let encoders = self.pictures.get_or_init(|| {
            let limits =
                Limits { ceiling_bps: self.ceiling_bps, fps: f32::from_bits(self.fps.load(Ordering::Relaxed)) };
            VideoEncoders::start(self.camera.as_str(), self.full.clone(), self.small.clone(), limits)
                .inspect_err(|why| tracing::error!(camera = %self.camera, %why, "no thread for its encoder"))
                .ok()
        });
        if let Some(encoders) = encoders {
            encoders.post(frame);
        }
    }

    pub(super) fn encoded(&self, part: Part, frame: EncodedFrame) {
        match frame.codec {
            Codec::Opus if self.sound == Some(part) => self.audio.publish(frame),
            Codec::Opus => {}
            Codec::H264 | Codec::H265 => self.full.publish(frame),
        }
    }

    /// A packet takes a fifth of a millisecond or less, so sound is encoded where it arrives.
    pub(super) fn pcm(&self, part: Part, block: &PcmBlock) {
        if self.sound != Some(part) {
            return;
        }
        self.level.handle_block(block.captured, &block.samples);
        if !self.audio.peek_demand().wanted {
            return;
        }
        let mut voice = self.voice.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(why) = voice.encode(block, |packet| self.audio.publish(packet)) {
            tracing::warn!(camera = %self.camera, %why, "sound could not be encoded");
            *voice = opus::Encoder::default();
        }
    }
}
