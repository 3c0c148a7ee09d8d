//! Gives each slot its decoder. The session's task hands frames over; pictures and sound come out on the decoders' threads.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::peer::ReceivedFrame;
use athome_shared::protocol::control::Attached;
use athome_shared::protocol::wire::SlotKind;
use tracing::warn;

use super::audio::{SoundDecoder, SoundSink};
use super::decode::{DecodeCounts, Picture, PictureSink, VideoDecoder};
use super::record::Recorder;
use crate::session::MediaSink;
use crate::session::client::Requests;

/// Between two requests for a slot's first key frame.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// What shows pictures: called on a decoder's thread, one at a time for each slot.
pub trait Screen: Send + Sync {
    fn picture(&self, picture: &Picture<'_>);
    /// The slot's content changed on purpose, or is gone.
    fn switched(&self, slot: u8);
    /// The decoder of this content crashed; a new one takes over.
    fn crashed(&self, content: &Attached);
}

/// A recording that somebody else ends.
pub type SharedRecorder = Arc<Mutex<Option<Recorder>>>;

/// The decoders of one client.
pub struct Player {
    screen: Arc<dyn Screen>,
    speaker: Arc<dyn SoundSink>,
    requests: Requests,
    video: BTreeMap<u8, VideoDecoder>,
    sound: BTreeMap<u8, SoundDecoder>,
    asked: BTreeMap<u8, Instant>,
    recorder: Option<SharedRecorder>,
}

impl Player {
    /// Pictures go to `screen`, sound to `speaker`; what the decoders need is asked through `requests`.
    pub fn new(screen: Arc<dyn Screen>, speaker: Arc<dyn SoundSink>, requests: Requests) -> Self {
        Self {
            screen,
            speaker,
            requests,
            video: BTreeMap::new(),
            sound: BTreeMap::new(),
            asked: BTreeMap::new(),
            recorder: None,
        }
    }

    /// Also writes the frames and sound of slot 0 to a file.
    pub fn with_recorder(mut self, recorder: SharedRecorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// What the decoder of a slot did so far.
    pub fn counts(&self, slot: u8) -> DecodeCounts {
        self.video.get(&slot).map(VideoDecoder::counts).unwrap_or_default()
    }

    fn video_frame(&mut self, content: Arc<Attached>, frame: ReceivedFrame) {
        let slot = content.slot;
        if let Some(decoder) = self.video.get(&slot) {
            return decoder.push(content, frame);
        }
        let eye = Eye { screen: Arc::clone(&self.screen), requests: self.requests.clone() };
        match VideoDecoder::start(Arc::new(eye)) {
            Ok(decoder) => {
                decoder.push(content, frame);
                self.video.insert(slot, decoder);
            }
            Err(error) => warn!(%error, "no thread for a decoder"),
        }
    }

    fn sound_packet(&mut self, content: Arc<Attached>, frame: ReceivedFrame) {
        let slot = content.slot;
        if let Some(decoder) = self.sound.get(&slot) {
            return decoder.push(content, frame);
        }
        match SoundDecoder::start(Arc::clone(&self.speaker)) {
            Ok(decoder) => {
                decoder.push(content, frame);
                self.sound.insert(slot, decoder);
            }
            Err(error) => warn!(%error, "no thread for a decoder"),
        }
    }
}

impl MediaSink for Player {
    fn frame(&mut self, content: Arc<Attached>, frame: ReceivedFrame) {
        if content.slot == 0
            && let Some(recorder) = &self.recorder
            && let Some(recorder) = &mut *recorder.lock().unwrap_or_else(PoisonError::into_inner)
        {
            recorder.push(&content, &frame);
        }
        match content.kind {
            SlotKind::Video => self.video_frame(content, frame),
            SlotKind::Audio => self.sound_packet(content, frame),
        }
    }

    fn attached(&mut self, attached: &Attached) {
        if attached.kind == SlotKind::Video {
            self.asked.remove(&attached.slot);
            self.screen.switched(attached.slot);
        }
    }

    fn detached(&mut self, kind: SlotKind, slot: u8) {
        match kind {
            SlotKind::Video => {
                self.video.remove(&slot);
                self.screen.switched(slot);
            }
            SlotKind::Audio => {
                self.sound.remove(&slot);
            }
        }
    }

    fn key_frame_needed(&mut self, slot: u8) {
        let now = Instant::now();
        if self.asked.get(&slot).is_none_or(|at| now.saturating_duration_since(*at) >= ASK_AGAIN) {
            self.asked.insert(slot, now);
            self.requests.key_frame(slot);
        }
    }

    fn lost(&mut self, slot: u8) {
        if let Some(decoder) = self.video.get(&slot) {
            decoder.handle_lost();
        }
    }
}

/// A decoder's way out: pictures to the screen, wishes to the session.
struct Eye {
    screen: Arc<dyn Screen>,
    requests: Requests,
}

impl PictureSink for Eye {
    fn picture(&self, picture: &Picture<'_>) {
        self.screen.picture(picture);
    }

    fn key_frame_wanted(&self, slot: u8) {
        self.requests.key_frame(slot);
    }

    fn crashed(&self, content: &Attached) {
        self.screen.crashed(content);
    }
}
