//! The window's whole state and what follows from what happens. Pure: requests, events and times go in; [`Effect`]s come
//! out of [`State::poll_effect`], and a [`Model`] to draw out of [`State::model`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use athome_shared::id::CameraId;
use athome_shared::pair::link::Link;
use athome_shared::protocol::control::{Camera, RefusedWhy};
use athome_shared::protocol::wire::WatchWish;

use super::model::{self, Model, Notice, Pairing, PlaceState};
use super::plan::{self, Change, Content};
use super::request::{Recording, Request, Unreadable, Wanted};
use super::stats::SlotFigures;
use super::watchdog::Watchdog;
use crate::session::client::ClientEvent;
use crate::session::machine::{Event, Stage};
use crate::settings::{CameraKey, Layout, Notify, Placed, Settings};
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
    /// A camera's sound, or silence.
    Listen {
        place: PlaceId,
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
    Quit,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct State {
    model: Model,
    slots: BTreeMap<PlaceId, Vec<Option<Content>>>,
    /// What each place was last told to play.
    listening: BTreeMap<PlaceId, Option<CameraId>>,
    visible: Vec<(CameraKey, u32)>,
    /// Layers that a streamer refused although it named them.
    refused: BTreeSet<(CameraKey, athome_shared::id::Layer)>,
    watchdog: Watchdog,
    pub(super) figures: BTreeMap<CameraKey, SlotFigures>,
    stats: Wanted,
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
            figures: BTreeMap::new(),
            stats: Wanted::No,
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
        [notice, self.save_at, self.measure_at, self.watchdog.poll_timeout()].into_iter().flatten().min()
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
        for camera in self.watchdog.handle_timeout(now) {
            if self.model.settings.notify == Notify::On
                && let Some(name) = self.model.camera(&camera).map(|camera| camera.name.clone())
            {
                let place = self.model.place(camera.place).map(|place| place.name.clone()).unwrap_or_default();
                self.effects
                    .push_back(Effect::Notify { camera, sentence: Sentence::CameraAway { camera: name, place } });
            }
        }
    }

    /// A person wants something.
    pub fn handle_request(&mut self, now: Instant, request: Request) {
        match request {
            Request::Pair(link) => {
                self.model.pairing = Pairing::Working;
                self.effects.push_back(Effect::Pair(link));
            }
            Request::BadLink(why) => self.model.pairing = Pairing::Failed(unreadable(&why)),
            Request::CancelPairing => {
                self.model.pairing = Pairing::Idle;
                self.effects.push_back(Effect::CancelPairing);
            }
            Request::Retry(place) => {
                if self.model.place(place).is_some_and(|p| p.state != PlaceState::Live) {
                    self.connect(place);
                }
            }
            Request::Forget(place) => self.forget(now, place),
            Request::Rename(place, name) => self.effects.push_back(Effect::Rename { place, name }),
            Request::Visible(visible) => {
                self.visible = visible;
                self.plan();
            }
            Request::Layout(layout) => {
                self.model.settings.layout = layout;
                self.model.settings.large = None;
                self.keep(now);
            }
            Request::Place { camera, at } => {
                self.put(camera, at);
                self.keep(now);
            }
            Request::Clear { at } => {
                if let Some(place) = self.model.settings.grid.get_mut(at) {
                    *place = Placed::default();
                }
                self.keep(now);
            }
            Request::Select(camera) => {
                self.model.settings.selected = Some(camera);
                self.sound();
                self.keep(now);
            }
            Request::Enlarge(camera) => {
                if let Some(camera) = &camera {
                    self.model.settings.selected = Some(camera.clone());
                }
                self.model.settings.large = camera;
                self.sound();
                self.keep(now);
            }
            Request::Sound(camera, sound) => {
                self.model.settings.set_sound(&camera, sound);
                if sound.on {
                    self.model.settings.selected = Some(camera);
                }
                self.sound();
                self.keep(now);
            }
            Request::Snapshot(camera) => self.effects.push_back(Effect::Snapshot(camera)),
            Request::Record(camera, Recording::Start) => self.effects.push_back(Effect::Record(camera)),
            Request::Record(camera, Recording::Stop) => self.effects.push_back(Effect::StopRecording(camera)),
            Request::Theme(theme) => {
                self.model.settings.theme = theme;
                self.keep(now);
            }
            Request::Language(language) => {
                self.model.settings.language = language;
                self.keep(now);
            }
            Request::SingleKeys(keys) => {
                self.model.settings.single_keys = keys;
                self.keep(now);
            }
            Request::Notify(notify) => {
                self.model.settings.notify = notify;
                self.keep(now);
            }
            Request::Folder(folder) => {
                self.model.settings.folder = Some(folder);
                self.keep(now);
            }
            Request::WindowSize(size) => {
                self.model.settings.window = Some(size);
                self.keep(now);
            }
            Request::Say(sentence) => self.notice(now, sentence),
            Request::DismissNotice => self.model.notice = None,
            Request::Stats(wanted) => {
                self.stats = wanted;
                self.measure_at = (wanted == Wanted::Yes).then_some(now);
                if wanted == Wanted::No {
                    self.model.stats = None;
                }
            }
            Request::Quit => {
                if self.save_at.take().is_some() {
                    self.effects.push_back(Effect::Save(Box::new(self.model.settings.clone())));
                }
                self.effects.push_back(Effect::Quit);
            }
        }
        self.redraw();
    }

    /// A pairing ended.
    pub fn handle_paired(&mut self, now: Instant, result: Result<&store::Place, Sentence>) {
        match result {
            Ok(place) => {
                let sentence = Sentence::Paired { place: place.name.clone() };
                self.model.pairing = Pairing::Done { place: place.id(), sentence: sentence.clone() };
                self.add_place(place);
                self.connect(place.id());
                self.notice(now, sentence);
            }
            Err(sentence) => self.model.pairing = Pairing::Failed(sentence),
        }
        self.redraw();
    }

    /// A place's client says something.
    pub fn handle_client(&mut self, now: Instant, id: PlaceId, event: ClientEvent) {
        match event {
            ClientEvent::Say(sentence) => {
                // Why a connection ends is said before it has ended.
                if let Some(place) = self.place_mut(id) {
                    place.sentence = Some(sentence);
                }
            }
            ClientEvent::Ended { again, .. } => {
                if let Some(place) = self.place_mut(id) {
                    place.state = if again { PlaceState::Waiting } else { PlaceState::Stopped };
                    place.watching.clear();
                }
                self.look(now);
            }
            ClientEvent::Session(event) => self.handle_session(now, id, event),
        }
        self.redraw();
    }

    fn handle_session(&mut self, now: Instant, id: PlaceId, event: Event) {
        match event {
            Event::Stage(stage) => {
                if stage == Stage::Live {
                    // A new session plays its first camera or nothing, whatever the last one played.
                    self.listening.insert(id, None);
                    self.sound();
                }
                if let Some(place) = self.place_mut(id) {
                    match stage {
                        Stage::Proving | Stage::Connecting => place.state = PlaceState::Connecting,
                        Stage::Live => {
                            place.state = PlaceState::Live;
                            place.sentence = None;
                        }
                        Stage::Closing => {}
                    }
                }
            }
            Event::Hello { place: name, device, roles } => {
                if let Some(place) = self.place_mut(id) {
                    place.roles = roles;
                    if (&place.name, &place.device) != (&name, &device) {
                        (place.name, place.device) = (name.clone(), device.clone());
                        self.effects.push_back(Effect::Keep { place: id, name, device });
                    }
                }
            }
            Event::Cameras(cameras) => self.handle_cameras(now, id, cameras),
            Event::Watching(names) => {
                if let Some(place) = self.place_mut(id) {
                    place.watching = names;
                }
            }
            Event::SlotStats { slot, encode_us, hub_us, send_us, .. } => {
                if let Some(Some(content)) = self.slots.get(&id).and_then(|slots| slots.get(usize::from(slot))) {
                    let key = CameraKey { place: id, camera: content.camera.clone() };
                    self.figures.insert(key, SlotFigures { encode_us, send_us: hub_us.saturating_add(send_us) });
                }
            }
            Event::Attached(_)
            | Event::Detached { .. }
            | Event::Reply { .. }
            | Event::BulkBegin { .. }
            | Event::BulkEnd { .. } => {}
        }
        self.look(now);
    }

    fn handle_cameras(&mut self, now: Instant, id: PlaceId, cameras: Vec<Camera>) {
        let Some(place) = self.place_mut(id) else { return };
        let known: BTreeSet<CameraId> = place.cameras.iter().map(|camera| camera.id.clone()).collect();
        place.cameras = cameras;
        let ids: Vec<CameraId> = place.cameras.iter().map(|camera| camera.id.clone()).collect();
        let settings = &mut self.model.settings;
        let before = settings.clone();
        // A camera that its streamer no longer has.
        for placed in &mut settings.grid {
            if placed.camera.as_ref().is_some_and(|key| key.place == id && !ids.contains(&key.camera)) {
                *placed = Placed::default();
            }
        }
        if settings.large.as_ref().is_some_and(|key| key.place == id && !ids.contains(&key.camera)) {
            settings.large = None;
        }
        // A place that shows nothing yet shows all it has; later its new cameras are added.
        let shows = settings.grid.iter().flat_map(|p| &p.camera).any(|key| key.place == id);
        let new = ids.iter().filter(|camera| if known.is_empty() { !shows } else { !known.contains(camera) });
        let new: Vec<CameraKey> = new.map(|camera| CameraKey { place: id, camera: camera.clone() }).collect();
        for key in new {
            self.add_to_grid(key);
        }
        let settings = &mut self.model.settings;
        if settings.selected.is_none() {
            settings.selected = settings.grid.iter().find_map(|placed| placed.camera.clone());
        }
        if *settings != before {
            self.keep(now);
        }
        // Until the window says what is on the screen, the grid is.
        let missing: Vec<_> = self.model.shown().into_iter().flatten().cloned().collect();
        for key in missing {
            if !self.visible.iter().any(|(visible, _)| *visible == key) {
                self.visible.push((key, u32::MAX));
            }
        }
        self.plan();
        self.sound();
    }

    /// A request for a slot was refused; `None` if it was carried out.
    pub fn handle_reply(&mut self, place: PlaceId, slot: u8, content: Content, refused: Option<RefusedWhy>) {
        if refused.is_none() {
            return;
        }
        let held = self.slots.get_mut(&place).and_then(|slots| slots.get_mut(usize::from(slot)));
        let Some(held) = held.filter(|held| held.as_ref() == Some(&content)) else { return };
        *held = None;
        if refused == Some(RefusedWhy::Unavailable) && content.layer == athome_shared::id::Layer::Small {
            self.refused.insert((CameraKey { place, camera: content.camera }, content.layer));
            self.plan();
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
            }
            Err(sentence) => self.notice(now, sentence),
        }
        self.redraw();
    }

    /// A recording ended; with a sentence if not all of it could be written.
    pub fn handle_recorded(&mut self, now: Instant, camera: &CameraKey, trouble: Option<Sentence>) {
        if let Some(recording) = self.model.recordings.remove(camera) {
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

    fn add_place(&mut self, place: &store::Place) {
        let row = model::Place {
            id: place.id(),
            name: place.name.clone(),
            device: place.device.clone(),
            roles: place.roles.clone(),
            state: PlaceState::Connecting,
            sentence: Some(Sentence::Finding),
            cameras: Vec::new(),
            watching: Vec::new(),
        };
        self.model.places.retain(|known| known.id != row.id);
        self.slots.entry(row.id).or_insert_with(|| vec![None; usize::from(plan::SLOTS)]);
        self.model.places.push(row);
    }

    fn connect(&mut self, id: PlaceId) {
        self.plan_only();
        let wishes = self.slots.get(&id).into_iter().flatten().enumerate().filter_map(|(slot, content)| {
            let content = content.as_ref()?;
            Some(WatchWish { slot: slot as u8, camera: Some(content.camera.clone()), layer: content.layer })
        });
        let watch = wishes.collect();
        let listen = self.heard().filter(|(key, _)| key.place == id).map(|(key, _)| key.camera);
        self.listening.insert(id, listen.clone());
        if let Some(place) = self.place_mut(id) {
            place.state = PlaceState::Connecting;
            place.sentence = Some(Sentence::Finding);
        }
        self.effects.push_back(Effect::Connect { place: id, watch, listen });
    }

    fn forget(&mut self, now: Instant, id: PlaceId) {
        let Some(place) = self.model.place(id) else { return };
        let said = Sentence::Forgotten { place: place.name.clone() };
        self.model.places.retain(|place| place.id != id);
        self.slots.remove(&id);
        self.listening.remove(&id);
        self.visible.retain(|(key, _)| key.place != id);
        let settings = &mut self.model.settings;
        for placed in &mut settings.grid {
            if placed.camera.as_ref().is_some_and(|key| key.place == id) {
                *placed = Placed::default();
            }
        }
        for kept in [&mut settings.selected, &mut settings.large] {
            if kept.as_ref().is_some_and(|key| key.place == id) {
                *kept = None;
            }
        }
        let prefix = format!("{id}/");
        settings.sounds.retain(|key, _| !key.starts_with(&prefix));
        self.effects.push_back(Effect::Forget(id));
        self.sound();
        self.notice(now, said);
        self.keep(now);
    }

    fn put(&mut self, camera: CameraKey, at: usize) {
        if at >= Layout::Nine.places() {
            return;
        }
        let grid = &mut self.model.settings.grid;
        let from = grid.iter().position(|placed| placed.camera.as_ref() == Some(&camera));
        if grid.len() <= at {
            grid.resize(at + 1, Placed::default());
        }
        match from {
            Some(from) => grid.swap(from, at),
            None => {
                if let Some(place) = grid.get_mut(at) {
                    place.camera = Some(camera);
                }
            }
        }
    }

    /// Into the first empty place; the grid grows up to nine.
    fn add_to_grid(&mut self, key: CameraKey) {
        let settings = &mut self.model.settings;
        let empty = (0..Layout::Nine.places()).find(|at| settings.placed(*at).is_none());
        let Some(at) = empty else { return };
        let first = settings.grid.iter().all(|placed| placed.camera.is_none());
        self.put(key, at);
        let settings = &mut self.model.settings;
        if first {
            settings.layout = Layout::One;
        } else if at >= settings.layout.places() {
            settings.layout = Layout::holding(at + 1);
        }
    }

    /// Brings the slots of every place to what is visible.
    fn plan(&mut self) {
        for (place, change) in self.plan_only() {
            self.effects.push_back(match change {
                Change::Watch { slot, content } => Effect::Watch { place, slot, content },
                Change::Unwatch { slot } => Effect::Unwatch { place, slot },
            });
        }
    }

    fn plan_only(&mut self) -> Vec<(PlaceId, Change)> {
        let mut all = Vec::new();
        for (place, slots) in &mut self.slots {
            let cameras = self.model.places.iter().find(|p| p.id == *place).map(|p| p.cameras.as_slice());
            let wanted = self.visible.iter().filter(|(key, _)| key.place == *place).map(|(key, width)| {
                let camera = cameras.unwrap_or_default().iter().find(|camera| camera.id == key.camera);
                let layer = camera.map_or(athome_shared::id::Layer::Full, |camera| plan::layer(camera, *width));
                let refused = self.refused.contains(&(key.clone(), layer));
                let layer = if refused { athome_shared::id::Layer::Full } else { layer };
                Content { camera: key.camera.clone(), layer }
            });
            let wanted: Vec<Content> = wanted.collect();
            all.extend(plan::plan(slots, &wanted).into_iter().map(|change| (*place, change)));
        }
        all
    }

    /// What is heard: the selected camera, if its sound is on and it is on the screen.
    fn heard(&self) -> Option<(CameraKey, f32)> {
        let key = self.model.settings.selected.as_ref()?;
        let sound = self.model.settings.sound(key);
        let shown = self.model.shown().into_iter().flatten().any(|shown| shown == key);
        (sound.on && shown).then(|| (key.clone(), sound.volume))
    }

    fn sound(&mut self) {
        let heard = self.heard();
        for (place, last) in &mut self.listening {
            let camera = heard.as_ref().filter(|(key, _)| key.place == *place).map(|(key, _)| key.camera.clone());
            if *last != camera {
                *last = camera.clone();
                self.effects.push_back(Effect::Listen { place: *place, camera });
            }
        }
        self.effects.push_back(Effect::Hear(heard));
    }

    /// Notices which watched cameras are away.
    fn look(&mut self, now: Instant) {
        let shown: Vec<CameraKey> = self.model.settings.grid.iter().filter_map(|p| p.camera.clone()).collect();
        let model = &self.model;
        self.watchdog.handle_look(now, &shown, |key| {
            let place = model.place(key.place)?;
            model.camera(key).map(|camera| (place.state, camera.state))
        });
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

fn unreadable(why: &Unreadable) -> Sentence {
    match why {
        Unreadable::Incomplete => Sentence::LinkIncomplete,
        Unreadable::Newer => Sentence::LinkTooNew,
        Unreadable::NoCode => Sentence::NoCodeInImage,
        Unreadable::NoImage => Sentence::NoImage,
        Unreadable::NoWebcam => Sentence::NoWebcam,
    }
}

fn name_of(file: &std::path::Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
