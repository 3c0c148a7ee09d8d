//! What a viewer has changed of the house: its mode, and where a camera looks for motion. Carried out beside the session, a few
//! at a time, because each waits for devices or for the disk; to its end, also where the session ends before.

use athome_shared::id::CameraId;
use athome_shared::protocol::control::{RefusedWhy, ToViewer};
use athome_shared::protocol::house::{HouseMode, Looking, ZoneRow};
use bytes::Bytes;
use tokio::task::JoinSet;
use tracing::debug;

use crate::camera::presence::{Kept, Presence};
use crate::camera::settings::{Settings, Wanted};
use crate::motion::zones::Zone;

/// Changes of one viewer under way at once; more are refused as busy.
const MOST: usize = 4;

/// One viewer's changes.
pub(super) struct Chores {
    settings: Settings,
    presence: Presence,
    running: JoinSet<ToViewer>,
}

impl Chores {
    pub(super) fn new(settings: Settings, presence: Presence) -> Self {
        Self { settings, presence, running: JoinSet::new() }
    }

    /// Whether another one may begin.
    pub(super) fn room(&self) -> bool {
        self.running.len() < MOST
    }

    /// Another mode for the house.
    pub(super) fn set_mode(&mut self, re: u32, mode: HouseMode) {
        let presence = self.presence.clone();
        // A task of its own: a viewer that leaves does not leave half a house off.
        let set = tokio::spawn(async move { presence.set(mode).await });
        self.running.spawn(async move {
            match set.await {
                // What could not be written down holds all the same, and the streamer's people are told.
                Ok(Kept::Yes | Kept::No) => ToViewer::Done { re },
                Err(_) => ToViewer::Refused { re, why: RefusedWhy::Unavailable },
            }
        });
    }

    /// Other zones, and another sensitivity, for a camera.
    pub(super) fn set_looking(&mut self, re: u32, camera: CameraId, sensitivity: Option<u8>, zones: Vec<Zone>) {
        let settings = self.settings.clone();
        let wanted = Wanted { sensitivity, zones: Some(zones), ..Wanted::default() };
        let set = tokio::spawn(async move { settings.change(&camera, wanted).await });
        self.running.spawn(async move {
            match set.await {
                Ok(Ok(_)) => ToViewer::Done { re },
                Ok(Err(why)) => {
                    debug!(%why, "a camera's zones were not changed");
                    ToViewer::Refused { re, why: RefusedWhy::Unavailable }
                }
                Err(_) => ToViewer::Refused { re, why: RefusedWhy::Unavailable },
            }
        });
    }

    /// Where a camera looks now, as JSON; `None` if there is none of that id any more.
    pub(super) fn looking(&self, camera: &CameraId) -> Option<Bytes> {
        let configs = self.settings.configs();
        let configs = configs.borrow();
        let config = configs.iter().find(|config| config.id == *camera)?;
        let looking = Looking {
            camera: camera.clone(),
            active: config.detection.active,
            sensitivity: config.detection.sensitivity,
            zones: config.zones.iter().map(ZoneRow::from).collect(),
        };
        serde_json::to_vec(&looking).ok().map(Bytes::from)
    }

    /// The answer to one that ended; pending while none runs.
    pub(super) async fn next(&mut self) -> ToViewer {
        loop {
            match self.running.join_next().await {
                Some(Ok(answer)) => return answer,
                Some(Err(why)) => debug!(%why, "a change ended badly"),
                None => std::future::pending::<()>().await,
            }
        }
    }
}
