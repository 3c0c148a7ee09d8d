//! Where the media of all places come together: pictures for the window's wall, the one sound for the loudspeaker, frames
//! for recordings.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::peer::ReceivedFrame;
use athome_shared::protocol::control::Attached;
use athome_shared::protocol::wire::SlotKind;
use athome_shared::time::WallTime;

use super::clock::SharedOffset;
use super::decode::Picture;
use super::film::{Film, FilmScreen, Out, Start, Tell};
use super::hold::Holds;
use super::player::{Player, Screen};
use super::playout::PlayoutCounts;
use super::record::Recorder;
use super::speaker::Speaker;
use super::times::Figures;
use crate::controller::Media;
use crate::past::Ms;
use crate::session::MediaSink;
use crate::session::client::Requests;
use crate::settings::CameraKey;
use crate::store::PlaceId;
use crate::words::Sentence;

/// Between two requests for a key frame with which a recording can begin.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// What shows the pictures of all places.
pub trait Pictures: Send + Sync {
    /// The screen of a place's player. `offset` maps that streamer's clock to ours.
    fn screen(&self, place: PlaceId, offset: SharedOffset) -> Arc<dyn Screen>;
    /// Of the pictures last shown.
    fn figures(&self, camera: &CameraKey) -> Option<Figures>;
    /// A place is gone for good.
    fn forget(&self, place: PlaceId);
    /// A picture of the past, captured at `at` by the streamer's clock.
    fn film(&self, camera: &CameraKey, picture: &Picture<'_>, at: Ms);
}

/// Carries out what the controller wants of the media.
pub struct Stage {
    pictures: Arc<dyn Pictures>,
    speaker: Speaker,
    holds: Arc<Holds>,
    recorders: Arc<Recorders>,
    say: Say,
}

/// Takes a word for the person; called on any thread.
pub type Say = Arc<dyn Fn(Sentence) + Send + Sync>;

impl Stage {
    /// `holds` is also the window's: it shows each picture [`Holds::of`] its camera later. `say` is told when no
    /// loudspeaker can be used, and when a decoder crashed.
    pub fn new(pictures: Arc<dyn Pictures>, holds: Arc<Holds>, say: Say) -> io::Result<Self> {
        let speaker = Speaker::start(Arc::clone(&holds), Arc::clone(&say))?;
        Ok(Self { pictures, speaker, holds, recorders: Arc::default(), say })
    }

    /// What the loudspeaker's buffer went through so far.
    pub fn playout(&self) -> PlayoutCounts {
        self.speaker.counts()
    }
}

impl Media for Stage {
    fn sink(&self, place: PlaceId, requests: Requests) -> Box<dyn MediaSink> {
        let screen = self.pictures.screen(place, requests.offset().clone());
        let screen = Arc::new(Measured { place, screen, holds: Arc::clone(&self.holds), say: Arc::clone(&self.say) });
        let player = Player::new(screen, self.speaker.ear(place), requests.clone());
        Box::new(Tap { place, player, requests, recorders: Arc::clone(&self.recorders), asked: None })
    }

    fn hear(&self, camera: Option<(CameraKey, f32)>) {
        self.speaker.hear(camera);
    }

    fn record(&self, camera: &CameraKey, file: &Path) -> io::Result<()> {
        if self.recorders.lock().contains_key(camera) {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "this camera is being recorded"));
        }
        let recorder = Recorder::create_new(file)?;
        self.recorders.lock().insert(camera.clone(), recorder);
        Ok(())
    }

    fn stop_recording(&self, camera: &CameraKey) -> io::Result<()> {
        // The lock is let go before the file is waited for.
        let recorder = self.recorders.lock().remove(camera);
        recorder.map_or(Ok(()), Recorder::finish)
    }

    fn figures(&self, camera: &CameraKey) -> Option<Figures> {
        self.pictures.figures(camera)
    }

    fn film(&self, camera: &CameraKey, start: Start, tell: Tell) -> io::Result<Film> {
        let screen = Projector { camera: camera.clone(), pictures: Arc::clone(&self.pictures) };
        let speaker = self.speaker.ear(camera.place);
        Film::start(start, Out { camera: camera.clone(), screen: Arc::new(screen), speaker, tell })
    }

    fn forget(&self, place: PlaceId) {
        self.pictures.forget(place);
        let gone: Vec<Recorder> =
            self.recorders.lock().extract_if(|camera, _| camera.place == place).map(|(_, recorder)| recorder).collect();
        for recorder in gone {
            recorder.abandon();
        }
    }
}

/// A film's way to the pictures.
struct Projector {
    camera: CameraKey,
    pictures: Arc<dyn Pictures>,
}

impl FilmScreen for Projector {
    fn picture(&self, picture: &Picture<'_>, at: Ms) {
        self.pictures.film(&self.camera, picture, at);
    }
}

/// The recordings under way. One lock, held for a hand-over.
#[derive(Default)]
struct Recorders(Mutex<HashMap<CameraKey, Recorder>>);

impl Recorders {
    fn lock(&self) -> MutexGuard<'_, HashMap<CameraKey, Recorder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if a recording of this camera waits for a key frame.
    fn push(&self, place: PlaceId, content: &Attached, frame: &ReceivedFrame) -> bool {
        let mut recorders = self.lock();
        if recorders.is_empty() {
            return false;
        }
        let camera = CameraKey { place, camera: content.camera.clone() };
        let Some(recorder) = recorders.get_mut(&camera) else { return false };
        recorder.push(content, frame);
        recorder.key_needed()
    }
}

/// A place's frames, on their way to the player.
struct Tap {
    place: PlaceId,
    player: Player,
    requests: Requests,
    recorders: Arc<Recorders>,
    asked: Option<Instant>,
}

impl MediaSink for Tap {
    fn frame(&mut self, content: Arc<Attached>, frame: ReceivedFrame) {
        let key_needed = self.recorders.push(self.place, &content, &frame);
        if key_needed && content.kind == SlotKind::Video {
            let now = Instant::now();
            if self.asked.is_none_or(|at| now.saturating_duration_since(at) >= ASK_AGAIN) {
                self.asked = Some(now);
                self.requests.key_frame(content.slot);
            }
        }
        self.player.frame(content, frame);
    }

    fn attached(&mut self, attached: &Attached) {
        self.player.attached(attached);
    }

    fn detached(&mut self, kind: SlotKind, slot: u8) {
        self.player.detached(kind, slot);
    }

    fn key_frame_needed(&mut self, slot: u8) {
        self.player.key_frame_needed(slot);
    }

    fn lost(&mut self, slot: u8) {
        self.player.lost(slot);
    }
}

/// Tells how late a heard camera's pictures are, so that they can wait for their sound; and a person that a decoder
/// crashed.
struct Measured {
    place: PlaceId,
    screen: Arc<dyn Screen>,
    holds: Arc<Holds>,
    say: Say,
}

impl Screen for Measured {
    fn picture(&self, picture: &Picture<'_>) {
        self.screen.picture(picture);
        if let Some(captured) = picture.captured {
            let camera = CameraKey { place: self.place, camera: picture.content.camera.clone() };
            self.holds.handle_picture(&camera, WallTime::now().0.saturating_sub(captured.0));
        }
    }

    fn switched(&self, slot: u8) {
        self.screen.switched(slot);
    }

    fn crashed(&self, content: &Attached) {
        self.screen.crashed(content);
        (self.say)(Sentence::DecoderCrashed { camera: content.camera.to_string() });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use athome_shared::id::{CameraId, Layer};
    use athome_shared::protocol::control::Attached;
    use athome_shared::protocol::wire::SlotKind;

    use super::{Measured, Picture, Screen, Sentence};
    use crate::store::PlaceId;

    #[derive(Default)]
    struct Nothing;

    impl Screen for Nothing {
        fn picture(&self, _: &Picture<'_>) {}
        fn switched(&self, _: u8) {}
        fn crashed(&self, _: &Attached) {}
    }

    #[test]
    fn a_crashed_decoder_is_a_sentence_for_the_person() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&said);
        let say: super::Say = Arc::new(move |sentence| told.lock().unwrap().push(sentence));
        let place = PlaceId([1; 32]);
        let screen = Measured { place, screen: Arc::new(Nothing), holds: Arc::default(), say };
        let camera = CameraId::slug("door");
        screen.switched(0);
        assert!(said.lock().unwrap().is_empty(), "the control: what is no crash is not told");
        screen.crashed(&Attached { kind: SlotKind::Video, slot: 0, camera, layer: Layer::Full, epoch: 1, rtp: 0 });
        assert_eq!(*said.lock().unwrap(), [Sentence::DecoderCrashed { camera: "door".to_owned() }]);
    }
}
