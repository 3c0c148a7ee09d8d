//! Cameras and their lives: one source thread each, retried for ever, watched, paused and resumed; one broken camera
//! never holds the rest. This room joins sources, encoders and the hub; serving and recording do not belong here.

mod attempt;
pub mod level;
mod pipeline;
pub mod presence;
pub mod settings;
pub mod state;
pub mod status;
mod supervise;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::id::CameraId;
use athome_shared::protocol::control::Camera;
use athome_shared::protocol::house::HouseMode;
use athome_shared::time::MediaClock;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

pub use attempt::Opener;

use attempt::Seen;
use level::{Level, Reading};
use pipeline::{Looking, Part, Pipeline};
use state::State;
use status::Parts;
use supervise::{COMMANDS, Command, Supervisor};

use crate::config::{AtHome, CameraConfig, Detection};
use crate::events::{Cause, Events, Kind};
use crate::hub::Hub;
use crate::motion::board::Board;
use crate::motion::watch::Office;
use crate::motion::zones::Zone;
use crate::source::webcam::Memory;
use crate::source::{Access, MicSpec, open_camera, open_microphone, open_small};
use crate::words::Verdict;

/// A camera to start: what [`CameraConfig`] becomes, and what tests make from sources of their own.
pub struct Setup {
    pub id: CameraId,
    pub name: String,
    pub active: bool,
    /// What it does while somebody is at home.
    pub at_home: AtHome,
    /// The most that the full layer's encoder may spend, in bits a second; `None` for what suits the size.
    pub bitrate_bps: Option<u32>,
    pub picture: Opener,
    /// Its own smaller stream, if it has one.
    pub small: Option<Opener>,
    pub sound: Sound,
    pub detection: Detection,
    pub zones: Vec<Zone>,
}

/// Where a camera's sound comes from.
pub enum Sound {
    /// With the picture, if that has any.
    Own,
    /// Nowhere.
    Off,
    /// From a microphone; if it is missing, the picture goes on without.
    Microphone(Opener),
}

impl Setup {
    /// The camera that a configuration describes.
    pub fn from_config(config: &CameraConfig, clock: MediaClock) -> Self {
        let (spec, wish, memory) = (config.source.clone(), config.wish, Memory::default());
        let access = Access { login: config.login.clone(), transport: config.transport };
        let small = config.sub_source.clone().map(|spec| {
            let access = access.clone();
            Box::new(move || open_small(&spec, &access, clock)) as Opener
        });
        Self {
            id: config.id.clone(),
            name: config.name.clone(),
            active: config.active,
            at_home: config.at_home,
            bitrate_bps: config.bitrate_bps,
            small,
            picture: Box::new(move || open_camera(&spec, &wish, &access, clock, &memory)),
            sound: match config.audio.clone() {
                None => Sound::Own,
                Some(MicSpec::None) => Sound::Off,
                Some(spec) => Sound::Microphone(Box::new(move || open_microphone(&spec, clock))),
            },
            detection: config.detection,
            zones: config.zones.clone(),
        }
    }
}

/// All cameras of this streamer. Cloning shares them.
#[derive(Clone)]
pub struct Cameras(Arc<Shared>);

struct Shared {
    hub: Hub,
    events: Events,
    clock: MediaClock,
    board: Board,
    /// Changed under the lock of `entries`.
    mode: Mutex<HouseMode>,
    entries: Mutex<BTreeMap<CameraId, Entry>>,
    /// In the order in which they were added; what viewers see.
    order: Mutex<Vec<CameraId>>,
    list: watch::Sender<Arc<Vec<Camera>>>,
    /// Which cameras are recorded, and why.
    recorded: Mutex<BTreeMap<CameraId, Cause>>,
}

struct Entry {
    name: String,
    /// Not paused, whatever the house's mode.
    active: bool,
    at_home: AtHome,
    /// Grows with each replacement: what supervisors of the one before still say is not heard.
    generation: u64,
    level: Arc<Level>,
    state: State,
    /// `None` while the camera is replaced.
    pipeline: Option<Arc<Pipeline>>,
    picture: Arc<Seen>,
    small: Option<Arc<Seen>>,
    sound: Option<Arc<Seen>>,
    /// It was told that the microphone gives no sound.
    silent: bool,
    /// What was last told.
    told: Option<Camera>,
    commands: Vec<mpsc::Sender<Command>>,
    supervisors: JoinSet<()>,
}

/// Longest wait for sources to end; their own limit is [`state::STOP_LIMIT`].
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(3);

impl Cameras {
    /// Starts the configured cameras. Must be called on the runtime that is to look after them.
    pub fn start(configs: Vec<CameraConfig>, mode: HouseMode, hub: Hub, events: Events, clock: MediaClock) -> Self {
        let cameras = Self::none(mode, hub, events, clock);
        for config in &configs {
            cameras.add(config);
        }
        cameras
    }

    /// Starts cameras from sources of the caller's own.
    pub fn start_with(setups: Vec<Setup>, hub: Hub, events: Events, clock: MediaClock) -> Self {
        let cameras = Self::none(HouseMode::Away, hub, events, clock);
        for setup in setups {
            cameras.add_with(setup);
        }
        cameras
    }

    fn none(mode: HouseMode, hub: Hub, events: Events, clock: MediaClock) -> Self {
        Self(Arc::new(Shared {
            hub,
            events,
            clock,
            board: Board::default(),
            mode: Mutex::new(mode),
            entries: Mutex::default(),
            order: Mutex::default(),
            list: watch::Sender::new(Arc::default()),
            recorded: Mutex::default(),
        }))
    }

    /// Adds a camera and starts it if it is active; false if one of that id exists.
    pub fn add(&self, config: &CameraConfig) -> bool {
        self.add_with(Setup::from_config(config, self.0.clock))
    }

    /// Adds a camera from sources of the caller's own.
    pub fn add_with(&self, setup: Setup) -> bool {
        let mut entries = self.entries();
        if entries.contains_key(&setup.id) {
            return false;
        }
        let id = setup.id.clone();
        let entry = self.entry(setup, 0, Arc::default());
        entries.insert(id.clone(), entry);
        self.order().push(id);
        self.publish(&mut entries);
        true
    }

    /// Runs a camera in another way (another source, another size). Its place in the list, its streams and their readers
    /// stay; the old device is closed before the new one is opened. False if there is none of that id.
    pub async fn replace(&self, config: &CameraConfig) -> bool {
        let setup = Setup::from_config(config, self.0.clock);
        let id = setup.id.clone();
        let old = {
            let mut entries = self.entries();
            let Some(entry) = entries.get_mut(&id) else { return false };
            let opens = setup.active && setup.at_home.open(self.mode());
            let fresh = Entry {
                name: setup.name.clone(),
                active: setup.active,
                at_home: setup.at_home,
                generation: entry.generation + 1,
                level: Arc::default(),
                state: if opens { State::Starting } else { State::Stopped },
                pipeline: None,
                picture: Arc::default(),
                small: None,
                sound: None,
                silent: false,
                told: None,
                commands: Vec::new(),
                supervisors: JoinSet::new(),
            };
            let old = std::mem::replace(entry, fresh);
            entry.picture.keep(&old.picture);
            self.publish(&mut entries);
            old
        };
        end(old).await;
        let mut entries = self.entries();
        let Some(waiting) = entries.get(&id) else { return false };
        let (generation, picture) = (waiting.generation, waiting.picture.clone());
        let entry = self.entry(setup, generation, picture);
        entries.insert(id, entry);
        self.publish(&mut entries);
        true
    }

    /// Starts what a camera consists of.
    fn entry(&self, setup: Setup, generation: u64, seen: Arc<Seen>) -> Entry {
        let Setup { id, name, active, at_home, bitrate_bps, picture, small, sound, detection, zones } = setup;
        let opens = active && at_home.open(self.mode());
        let whose = match &sound {
            Sound::Own => Some(Part::Picture),
            Sound::Off => None,
            Sound::Microphone(_) => Some(Part::Sound),
        };
        let level = Arc::<Level>::default();
        let office = Office { events: self.0.events.clone(), board: self.0.board.clone(), clock: self.0.clock };
        let looking = Looking::new(office, detection, &zones);
        let pipeline = Arc::new(Pipeline::new(&self.0.hub, &id, whose, bitrate_bps, level.clone(), looking, &zones));
        let mut entry = Entry {
            name,
            active,
            at_home,
            generation,
            level,
            state: if opens { State::Starting } else { State::Stopped },
            pipeline: Some(pipeline.clone()),
            picture: seen,
            small: None,
            sound: None,
            silent: false,
            told: None,
            commands: Vec::new(),
            supervisors: JoinSet::new(),
        };
        self.supervise(&mut entry, &id, Part::Picture, picture, &pipeline, opens);
        if let Some(opener) = small {
            self.supervise(&mut entry, &id, Part::Small, opener, &pipeline, opens);
        }
        if let Sound::Microphone(opener) = sound {
            self.supervise(&mut entry, &id, Part::Sound, opener, &pipeline, opens);
        }
        entry
    }

    fn supervise(
        &self,
        entry: &mut Entry,
        id: &CameraId,
        part: Part,
        opener: Opener,
        pipeline: &Arc<Pipeline>,
        opens: bool,
    ) {
        let seen = match part {
            Part::Picture => entry.picture.clone(),
            Part::Small => entry.small.get_or_insert_default().clone(),
            Part::Sound => entry.sound.get_or_insert_default().clone(),
        };
        // A weak reference, so that a supervisor never keeps alive what owns it.
        let (shared, told_id, generation) = (Arc::downgrade(&self.0), id.clone(), entry.generation);
        let tell = move |state| {
            if let Some(shared) = shared.upgrade() {
                Self(shared).told(&told_id, generation, part, state);
            }
        };
        let label = match part {
            Part::Picture => id.to_string(),
            Part::Small => format!("{id} small"),
            Part::Sound => format!("{id} sound"),
        };
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let supervisor = Supervisor { label, part, opener: Arc::new(opener), pipeline: pipeline.clone(), seen, tell };
        entry.supervisors.spawn(supervisor.run(opens, inbox));
        entry.commands.push(commands);
    }

    /// Ends a camera, its streams and their readers; false if there is none of that id. Waits for its threads, at most
    /// [`SHUTDOWN_LIMIT`].
    pub async fn remove(&self, id: &CameraId) -> bool {
        let Some(entry) = self.entries().remove(id) else { return false };
        self.order().retain(|other| other != id);
        self.publish(&mut self.entries());
        end(entry).await;
        self.0.hub.remove_camera(id);
        true
    }

    /// Stops a camera until it is resumed; false if there is none of that id.
    pub async fn pause(&self, id: &CameraId) -> bool {
        self.set_active(id, false).await
    }

    /// Starts a paused camera, and cuts a wait for the next try short; false if there is none of that id. In a mode of the
    /// house in which it is off, it starts with the next one.
    pub async fn resume(&self, id: &CameraId) -> bool {
        self.set_active(id, true).await
    }

    async fn set_active(&self, id: &CameraId, active: bool) -> bool {
        let (senders, command) = {
            let mut entries = self.entries();
            let Some(entry) = entries.get_mut(id) else { return false };
            entry.active = active;
            let opens = active && entry.at_home.open(self.mode());
            (entry.commands.clone(), if opens { Command::Resume } else { Command::Pause })
        };
        send(&senders, command).await;
        true
    }

    /// How the house is watched over.
    pub fn mode(&self) -> HouseMode {
        *self.0.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a camera's rules of recording are in force in the house's present mode.
    pub fn records(&self, id: &CameraId) -> bool {
        let at_home = self.entries().get(id).map(|entry| entry.at_home).unwrap_or_default();
        at_home.records(self.mode())
    }

    /// Opens and closes devices as a mode of the house wants it; only those that it concerns notice.
    async fn set_mode(&self, mode: HouseMode) {
        let mut orders = Vec::new();
        {
            let entries = self.entries();
            let before = std::mem::replace(&mut *self.0.mode.lock().unwrap_or_else(PoisonError::into_inner), mode);
            for entry in entries.values().filter(|entry| entry.active) {
                match (entry.at_home.open(before), entry.at_home.open(mode)) {
                    (false, true) => orders.push((entry.commands.clone(), Command::Resume)),
                    (true, false) => orders.push((entry.commands.clone(), Command::Pause)),
                    (true, true) | (false, false) => {}
                }
            }
        }
        for (senders, command) in orders {
            send(&senders, command).await;
        }
    }

    /// Other zones and another sensitivity for a camera, from its next picture on; false if there is none of that id. Nothing
    /// else notices. Not for one that is being replaced: that brings its own.
    pub fn set_looking(&self, id: &CameraId, sensitivity: u8, zones: &[Zone]) -> bool {
        let Some(pipeline) = self.entries().get(id).map(|entry| entry.pipeline.clone()) else { return false };
        if let Some(pipeline) = pipeline {
            pipeline.set_looking(sensitivity, zones);
        }
        true
    }

    /// Why a camera is recorded now, or that it is not, for the list.
    pub fn set_recorded(&self, id: &CameraId, why: Option<Cause>) {
        match why {
            Some(why) => self.recorded().insert(id.clone(), why),
            None => self.recorded().remove(id),
        };
        self.publish(&mut self.entries());
    }

    /// What moves in front of the cameras.
    pub fn motion(&self) -> Board {
        self.0.board.clone()
    }

    /// The cameras as they are now, in the order of the configuration.
    pub fn list(&self) -> Vec<Camera> {
        let entries = self.entries();
        let now = Instant::now();
        self.order().iter().filter_map(|id| Some(self.camera(id, entries.get(id)?, now))).collect()
    }

    /// How loud a camera is; `None` where it gives no sound.
    pub fn level(&self, id: &CameraId) -> Option<Reading> {
        let level = self.entries().get(id)?.level.clone();
        level.reading(Instant::now())
    }

    /// Whether every device of a camera is closed: no thread of its sources runs. A paused camera's light is off only then.
    pub fn released(&self, id: &CameraId) -> bool {
        let entries = self.entries();
        let Some(entry) = entries.get(id) else { return true };
        let small = entry.small.as_ref().is_none_or(|small| small.released());
        entry.picture.released() && small && entry.sound.as_ref().is_none_or(|sound| sound.released())
    }

    /// What is wrong with a camera that gives no picture, where that can be said in a sentence.
    pub fn verdict(&self, id: &CameraId) -> Option<Verdict> {
        self.entries().get(id).and_then(|entry| entry.picture.verdict().clone())
    }

    /// The list, again with every change that a person would notice.
    pub fn changes(&self) -> watch::Receiver<Arc<Vec<Camera>>> {
        self.0.list.subscribe()
    }

    /// Stops every camera and waits for their threads, at most [`SHUTDOWN_LIMIT`]; a stuck one is left to the end of the
    /// process.
    pub async fn shutdown(&self) {
        let entries = std::mem::take(&mut *self.entries());
        self.order().clear();
        let mut ends = JoinSet::new();
        for (_, entry) in entries {
            ends.spawn(end(entry));
        }
        ends.join_all().await;
    }

    /// A supervisor's news.
    fn told(&self, id: &CameraId, generation: u64, part: Part, state: State) {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(id).filter(|entry| entry.generation == generation) else { return };
        if part == Part::Picture {
            let (was, is) = (std::mem::replace(&mut entry.state, state), state);
            match (was == State::Live, is) {
                (false, State::Live) => self.0.events.camera(id, Kind::Online),
                (true, State::Backoff { reason, .. }) => self.0.events.camera(id, Kind::Offline { reason }),
                _ => {}
            }
            if let (State::Starting, State::Backoff { reason, tries: 1, .. }) = (was, is) {
                self.0.events.camera(id, Kind::Offline { reason });
            }
        } else if part == Part::Sound {
            match state {
                State::Backoff { reason, .. } if !std::mem::replace(&mut entry.silent, true) => {
                    self.0.events.camera(id, Kind::SoundOffline { reason });
                }
                State::Live if std::mem::take(&mut entry.silent) => self.0.events.camera(id, Kind::SoundOnline),
                _ => {}
            }
        }
        self.publish(&mut entries);
    }

    fn publish(&self, entries: &mut BTreeMap<CameraId, Entry>) {
        let now = Instant::now();
        let mut news = self.0.list.borrow().len() != entries.len();
        let mut list = Vec::with_capacity(entries.len());
        for id in self.order().iter() {
            let Some(entry) = entries.get_mut(id) else { continue };
            let camera = self.camera(id, entry, now);
            if entry.told.as_ref().is_none_or(|told| status::changed(told, &camera)) {
                entry.told = Some(camera.clone());
                news = true;
            }
            list.push(camera);
        }
        if news {
            self.0.list.send_replace(Arc::new(list));
        }
    }

    fn camera(&self, id: &CameraId, entry: &Entry, now: Instant) -> Camera {
        let picture = entry.picture.picture().clone();
        let sound = match &entry.sound {
            Some(microphone) => microphone.picture().fresh(),
            None => picture.opened.as_ref().is_some_and(|opened| opened.audio),
        };
        let small = entry.small.as_ref().is_some_and(|small| small.picture().fresh());
        let (parts, recording) = (Parts { sound, small }, self.recorded().get(id).copied());
        Camera { recording, ..status::camera(id, &entry.name, entry.state, &picture, parts, &self.0.clock, now) }
    }

    fn recorded(&self) -> MutexGuard<'_, BTreeMap<CameraId, Cause>> {
        self.0.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<CameraId, Entry>> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self) -> MutexGuard<'_, Vec<CameraId>> {
        self.0.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn send(senders: &[mpsc::Sender<Command>], command: Command) {
    for sender in senders {
        let _gone_meanwhile = sender.send(command).await;
    }
}

/// Ends a camera's supervisors and waits for them.
async fn end(mut entry: Entry) {
    for sender in &entry.commands {
        let _ended_already = sender.send(Command::End).await;
    }
    let ended = async { while entry.supervisors.join_next().await.is_some() {} };
    if tokio::time::timeout(SHUTDOWN_LIMIT, ended).await.is_err() {
        tracing::warn!(camera = %entry.name, "did not stop in time and is left behind");
    }
}
