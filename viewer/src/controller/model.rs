//! What the window shows, as plain data. The controller makes a new one whenever something changes; `ui` draws it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use athome_shared::protocol::control::{Camera, Role};
use athome_shared::protocol::house::HouseMode;

use super::past::Past;
use crate::settings::{CameraKey, Settings};
use crate::store::{Keystore, PlaceId};
use crate::words::Sentence;

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub places: Vec<Place>,
    pub settings: Settings,
    pub pairing: Pairing,
    pub notice: Option<Notice>,
    /// Where this device's keys are.
    pub keystore: Keystore,
    /// Recordings of what is watched, by camera.
    pub recordings: BTreeMap<CameraKey, Recording>,
    /// Where something moves now.
    pub moving: BTreeSet<CameraKey>,
    /// Of the selected camera, while they are wanted.
    pub stats: Option<Stats>,
    /// The strip of the selected camera, while it is open.
    pub past: Option<Past>,
    /// Grows each time the window shall come to the front.
    pub forward: u64,
}

impl Model {
    pub fn place(&self, id: PlaceId) -> Option<&Place> {
        self.places.iter().find(|place| place.id == id)
    }

    pub fn camera(&self, key: &CameraKey) -> Option<&Camera> {
        self.place(key.place)?.cameras.iter().find(|camera| camera.id == key.camera)
    }

    /// The cameras of the grid's places, or the one that is shown alone.
    pub fn shown(&self) -> Vec<Option<&CameraKey>> {
        match &self.settings.large {
            Some(key) => vec![Some(key)],
            None => (0..self.settings.layout.places()).map(|at| self.settings.placed(at)).collect(),
        }
    }
}

/// A streamer that this device is paired with.
#[derive(Clone, Debug)]
pub struct Place {
    pub id: PlaceId,
    pub name: String,
    /// This device's name there.
    pub device: String,
    pub roles: Vec<Role>,
    pub state: PlaceState,
    /// What is being done or what went wrong, in words.
    pub sentence: Option<Sentence>,
    /// As last known: they stay in the list while the place is away.
    pub cameras: Vec<Camera>,
    /// How the house is watched over, once it was told.
    pub mode: Option<HouseMode>,
    /// Who watches there now, this device included.
    pub watching: Vec<String>,
}

/// Where a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceState {
    Connecting,
    Live,
    /// Lost or away; tried again by itself.
    Waiting,
    /// A person has to do something first.
    Stopped,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Pairing {
    #[default]
    Idle,
    Working,
    /// Why it failed.
    Failed(Sentence),
    Done {
        place: PlaceId,
        sentence: Sentence,
    },
}

/// One line over the picture for a few seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub sentence: Sentence,
    pub until: Instant,
}

/// A recording under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    pub file: PathBuf,
    pub since: Instant,
}

/// Where a picture's time goes, in milliseconds, and what the connection does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    pub camera: Option<CameraKey>,
    /// `host`, `srflx` or `relay`.
    pub path: Option<&'static str>,
    pub hops: Option<Hops>,
    pub width: usize,
    pub height: usize,
    pub fps: f64,
    pub bitrate_bps: f64,
    pub lost_percent: f64,
    pub freezes: u32,
    pub round_trip_ms: Option<f64>,
}

/// They add up to the total.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hops {
    pub capture: f64,
    pub encode: f64,
    pub send: f64,
    pub network: f64,
    pub decode: f64,
    pub show: f64,
}

impl Hops {
    pub fn total(&self) -> f64 {
        self.capture + self.encode + self.send + self.network + self.decode + self.show
    }
}
