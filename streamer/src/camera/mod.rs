//! Cameras and their lives: one source thread each, retried for ever, watched, paused and resumed; one broken camera
//! never holds the rest. This room joins sources, encoders and the hub; serving and recording do not belong here.

mod attempt;
pub mod level;
mod pipeline;
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
use athome_shared::time::MediaClock;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

pub use attempt::Opener;

use attempt::Seen;
use level::{Level, Reading};
use pipeline::{Looking, Part, Pipeline};
use state::State;
use supervise::{COMMANDS, Command, Supervisor};

use crate::config::{CameraConfig, Detection};
use crate::events::{Cause, Events, Kind};
use crate::hub::Hub;
use crate::motion::board::Board;
use crate::motion::watch::Office;
use crate::motion::zones::Zone;
use crate::source::webcam::Memory;
use crate::source::{MicSpec, open_camera, open_microphone};

/// A camera to start: what [`CameraConfig`] becomes, and what tests make from sources of their own.
pub struct Setup {
    pub id: CameraId,
    pub name: String,
    pub active: bool,
    /// The most that the full layer's encoder may spend, in bits a second; `None` for what suits the size.
    pub bitrate_bps: Option<u32>,
    pub picture: Opener,
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
        Self {
            id: config.id.clone(),
            name: config.name.clone(),
            active: config.active,
            bitrate_bps: config.bitrate_bps,
            picture: Box::new(move || open_camera(&spec, &wish, clock, &memory)),
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
    entries: Mutex<BTreeMap<CameraId, Entry>>,
    /// In the order in which they were added; what viewers see.
    order: Mutex<Vec<CameraId>>,
    list: watch::Sender<Arc<Vec<Camera>>>,
    /// Which cameras are recorded, and why.
    recorded: Mutex<BTreeMap<CameraId, Cause>>,
}

struct Entry {
    name: String,
    /// Grows with each replacement: what supervisors of the one before still say is not heard.
    generation: u64,
    level: Arc<Level>,
    state: State,
    /// `None` while the camera is replaced.
    pipeline: Option<Arc<Pipeline>>,
    picture: Arc<Seen>,
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
    pub fn start(configs: Vec<CameraConfig>, hub: Hub, events: Events, clock: MediaClock) -> Self {
        let setups = configs.iter().map(|config| Setup::from_config(config, clock)).collect();
        Self::start_with(setups, hub, events, clock)
    }

    /// Starts cameras from sources of the caller's own.
    pub fn start_with(setups: Vec<Setup>, hub: Hub, events: Events, clock: MediaClock) -> Self {
        let cameras = Self(Arc::new(Shared {
            hub,
            events,
            clock,
            board: Board::default(),
            entries: Mutex::default(),
            order: Mutex::default(),
            list: watch::Sender::new(Arc::default()),
            recorded: Mutex::default(),
        }));
        for setup in setups {
            cameras.add_with(setup);
        }
        cameras
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
            let fresh = Entry {
                name: setup.name.clone(),
                generation: entry.generation + 1,
                level: Arc::default(),
                state: if setup.active { State::Starting } else { State::Stopped },
                pipeline: None,
                picture: Arc::default(),
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
        let Setup { id, name, active, bitrate_bps, picture, sound, detection, zones } = setup;
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
            generation,
            level,
            state: if active { State::Starting } else { State::Stopped },
            pipeline: Some(pipeline.clone()),
            picture: seen,
            sound: None,
            silent: false,
            told: None,
            commands: Vec::new(),
            supervisors: JoinSet::new(),
        };
        self.supervise(&mut entry, &id, Part::Picture, picture, &pipeline, active);
        if let Sound::Microphone(opener) = sound {
            self.supervise(&mut entry, &id, Part::Sound, opener, &pipeline, active);
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
        active: bool,
    ) {
        let seen = match part {
            Part::Picture => entry.picture.clone(),
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
            Part::Sound => format!("{id} sound"),
        };
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let supervisor = Supervisor { label, part, opener: Arc::new(opener), pipeline: pipeline.clone(), seen, tell };
        entry.supervisors.spawn(supervisor.run(active, inbox));
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
        self.command(id, Command::Pause).await
    }

    /// Starts a paused camera, and cuts a wait for the next try short; false if there is none of that id.
    pub async fn resume(&self, id: &CameraId) -> bool {
        self.command(id, Command::Resume).await
    }

    /// Other zones for a camera, from its next picture on; false if there is none of that id. Nothing else notices. Not for
    /// one that is being replaced: that brings its zones.
    pub fn set_zones(&self, id: &CameraId, zones: &[Zone]) -> bool {
        let Some(pipeline) = self.entries().get(id).map(|entry| entry.pipeline.clone()) else { return false };
        if let Some(pipeline) = pipeline {
            pipeline.set_zones(zones);
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

    async fn command(&self, id: &CameraId, command: Command) -> bool {
        let Some(senders) = self.entries().get(id).map(|entry| entry.commands.clone()) else { return false };
        for sender in senders {
            let _gone_meanwhile = sender.send(command).await;
        }
        true
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
        entry.picture.released() && entry.sound.as_ref().is_none_or(|sound| sound.released())
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
        } else {
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
        let recording = self.recorded().get(id).copied();
        Camera { recording, ..status::camera(id, &entry.name, entry.state, &picture, sound, &self.0.clock, now) }
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
