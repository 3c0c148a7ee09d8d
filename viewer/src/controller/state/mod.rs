//! The window's whole state and what follows from what happens. Pure: requests, events and times go in; [`Effect`]s come
//! out of [`State::poll_effect`], and a [`Model`] to draw out of [`State::model`].

mod grid;
mod past;
mod requests;
mod sessions;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, Layer};
use athome_shared::pair::link::Link;
use athome_shared::protocol::house::HouseMode;
use athome_shared::protocol::wire::WatchWish;

use super::model::{self, Model, Notice};
use super::moving::Moving;
use super::past::{Act, Back};
use super::plan::Content;
use super::request::Wanted;
use super::stats::SlotFigures;
use super::watchdog::Watchdog;
use crate::past::Ms;
use crate::settings::{CameraKey, Notify, Settings};
use crate::store::{self, Keystore, PlaceId};
use crate::words::Sentence;

/// How long a notice stays.
const NOTICE: Duration = Duration::from_secs(8);
/// Between two writes of the settings: a window that is being resized changes them many times a second.
const SAVE_AFTER: Duration = Duration::from_millis(500);
/// Between two measurements while figures are shown.
const MEASURE: Duration = Duration::from_secs(1);

/// Something to do.
#[derive(Clone, Debug)]
pub enum Effect {
    /// The model changed.
    Redraw,
    /// Start watching a place; a client that it has already is replaced.
    Connect {
        place: PlaceId,
        watch: Vec<WatchWish>,
        listen: Option<CameraId>,
    },
    Watch {
        place: PlaceId,
        slot: u8,
        content: Content,
    },
    Unwatch {
        place: PlaceId,
        slot: u8,
    },
    /// A camera's sound, or silence, in a sound slot.
    Listen {
        place: PlaceId,
        slot: u8,
        camera: Option<CameraId>,
    },
    /// What the loudspeaker plays, and how loud.
    Hear(Option<(CameraKey, f32)>),
    Pair(Link),
    CancelPairing,
    /// Say goodbye and take the pairing out of the store.
    Forget(PlaceId),
    /// The place or this device has another name.
    Keep {
        place: PlaceId,
        name: String,
        device: String,
    },
    Rename {
        place: PlaceId,
        name: String,
    },
    SetMode {
        place: PlaceId,
        mode: HouseMode,
    },
    Snapshot(CameraKey),
    Record(CameraKey),
    StopRecording(CameraKey),
    Save(Box<Settings>),
    /// Tell the desktop.
    Notify {
        camera: CameraKey,
        sentence: Sentence,
    },
    Measure(CameraKey),
    /// Of the camera whose strip is open.
    Past {
        camera: CameraKey,
        act: Act,
    },
    Quit,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct State {
    model: Model,
    slots: BTreeMap<PlaceId, Vec<Option<Content>>>,
    /// What each place was last told to send in its sound slots.
    listening: BTreeMap<PlaceId, Vec<Option<CameraId>>>,
    visible: Vec<(CameraKey, u32)>,
    /// Layers that a streamer refused although it named them.
    refused: BTreeSet<(CameraKey, Layer)>,
    watchdog: Watchdog,
    moving: Moving,
    pub(super) figures: BTreeMap<CameraKey, SlotFigures>,
    stats: Wanted,
    /// Whether the strip is open, and of which camera it is.
    strip: Wanted,
    past: Option<Back>,
    /// At this moment of ours a place's clock showed that.
    clocks: BTreeMap<PlaceId, (Instant, Ms)>,
    measure_at: Option<Instant>,
    save_at: Option<Instant>,
    effects: VecDeque<Effect>,
}

impl State {
    /// Starts watching every place.
    pub fn new(places: &[store::Place], settings: Settings, keystore: Keystore, notice: Option<Notice>) -> Self {
        let mut state = Self {
            model: Model { settings, keystore, notice, ..Model::default() },
            slots: BTreeMap::new(),
            listening: BTreeMap::new(),
            visible: Vec::new(),
            refused: BTreeSet::new(),
            watchdog: Watchdog::default(),
            moving: Moving::default(),
            figures: BTreeMap::new(),
            stats: Wanted::No,
            strip: Wanted::No,
            past: None,
            clocks: BTreeMap::new(),
            measure_at: None,
            save_at: None,
            effects: VecDeque::new(),
        };
        for place in places {
            state.add_place(place);
        }
        // Before the window has said what it shows: the grid as it was left.
        state.visible = state.model.shown().into_iter().flatten().map(|key| (key.clone(), u32::MAX)).collect();
        for place in places {
            state.connect(place.id());
        }
        state.effects.push_back(Effect::Redraw);
        state
    }

    /// What to draw.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The next thing to do; `None` until something else is handled.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Self::handle_timeout`] has to be called at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let notice = self.model.notice.as_ref().map(|notice| notice.until);
        let past = self.past.as_ref().and_then(Back::poll_timeout);
        [notice, self.save_at, self.measure_at, self.watchdog.poll_timeout(), past].into_iter().flatten().min()
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.model.notice.as_ref().is_some_and(|notice| now >= notice.until) {
            self.model.notice = None;
            self.redraw();
        }
        if self.save_at.is_some_and(|at| now >= at) {
            self.save_at = None;
            self.effects.push_back(Effect::Save(Box::new(self.model.settings.clone())));
        }
        if self.measure_at.is_some_and(|at| now >= at) {
            self.measure_at = (self.stats == Wanted::Yes).then_some(now + MEASURE);
            if let Some(key) = &self.model.settings.selected {
                self.effects.push_back(Effect::Measure(key.clone()));
            }
        }
        if let Some(back) = self.past.as_mut().filter(|back| back.poll_timeout().is_some_and(|at| now >= at)) {
            back.handle_timeout(now);
            self.carry_past(now);
        }
        for camera in self.watchdog.handle_timeout(now) {
            self.tell(camera, |camera, place| Sentence::CameraAway { camera, place });
        }
    }

    /// A snapshot was written, or could not be.
    pub fn handle_snapshot(&mut self, now: Instant, result: Result<PathBuf, Sentence>) {
        let said = result.map_or_else(|sentence| sentence, |file| Sentence::SnapshotSaved { file: name_of(&file) });
        self.notice(now, said);
        self.redraw();
    }

    /// A recording began, or could not.
    pub fn handle_recording(&mut self, now: Instant, camera: CameraKey, result: Result<PathBuf, Sentence>) {
        match result {
            Ok(file) => {
                self.model.recordings.insert(camera, model::Recording { file, since: now });
                self.sound();
            }
            Err(sentence) => self.notice(now, sentence),
        }
        self.redraw();
    }

    /// A recording ended; with a sentence if not all of it could be written.
    pub fn handle_recorded(&mut self, now: Instant, camera: &CameraKey, trouble: Option<Sentence>) {
        if let Some(recording) = self.model.recordings.remove(camera) {
            self.sound();
            self.notice(now, trouble.unwrap_or(Sentence::RecordingSaved { file: name_of(&recording.file) }));
        }
        self.redraw();
    }

    /// Figures of the selected camera.
    pub fn handle_stats(&mut self, stats: model::Stats) {
        if self.stats == Wanted::Yes && stats.camera == self.model.settings.selected {
            self.model.stats = Some(stats);
            self.redraw();
        }
    }

    /// Something to say for a while.
    pub fn notice(&mut self, now: Instant, sentence: Sentence) {
        self.model.notice = Some(Notice { sentence, until: now + NOTICE });
    }

    /// Tells the desktop about a camera at a place, unless the person wants to hear nothing.
    fn tell(&mut self, camera: CameraKey, sentence: impl FnOnce(String, String) -> Sentence) {
        if self.model.settings.notify == Notify::On
            && let Some(name) = self.model.camera(&camera).map(|camera| camera.name.clone())
        {
            let place = self.model.place(camera.place).map(|place| place.name.clone()).unwrap_or_default();
            self.effects.push_back(Effect::Notify { camera, sentence: sentence(name, place) });
        }
    }

    fn place_mut(&mut self, id: PlaceId) -> Option<&mut model::Place> {
        self.model.places.iter_mut().find(|place| place.id == id)
    }

    fn keep(&mut self, now: Instant) {
        self.save_at.get_or_insert(now + SAVE_AFTER);
    }

    fn redraw(&mut self) {
        if !matches!(self.effects.back(), Some(Effect::Redraw)) {
            self.effects.push_back(Effect::Redraw);
        }
    }
}

fn name_of(file: &std::path::Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
