//! Changing a camera while the streamer runs: it is paused or resumed, and the configuration file remembers it.

use std::path::PathBuf;
use std::time::Duration;

use athome_shared::pair::roles::Command;
use athome_shared::protocol::control::{Camera, CameraState};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::Api;
use super::error::Refusal;
use super::routes::{permit, whole};
use crate::camera::Cameras;
use crate::config::{self, Change};

/// Longest wait for a camera to follow: a device that hangs is given up a little later, and the answer says what is known.
const FOLLOWS: Duration = Duration::from_secs(3);

/// What changes are made with.
pub struct Settings {
    cameras: Cameras,
    /// One change at a time: each reads the file and writes it again.
    file: Mutex<Option<PathBuf>>,
}

impl Settings {
    /// Changes to these cameras, written to `file` where there is one.
    pub fn new(cameras: Cameras, file: Option<PathBuf>) -> Self {
        Self { cameras, file: Mutex::new(file) }
    }
}

/// Body of a change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    active: bool,
}

/// The camera as it is then.
#[derive(Serialize)]
pub(super) struct Changed {
    #[serde(flatten)]
    camera: Camera,
    /// The configuration file says so too, so that it stays so after a restart.
    saved: bool,
}

pub(super) async fn change(
    State(api): State<Api>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Changed>, Refusal> {
    permit(Command::CameraSettings)?;
    let Wanted { active } = serde_json::from_slice(&whole(body)?).map_err(|error| {
        Refusal::new(StatusCode::BAD_REQUEST, format!("Send {{\"active\": true}} or {{\"active\": false}}: {error}."))
    })?;
    let id = api.camera(&id)?.id;
    let settings = &api.0.settings;
    let file = settings.file.lock().await;
    // Written first: what can't be remembered is not done either, so that file and cameras never disagree.
    if let Some(path) = file.clone() {
        let change = Change::Active { camera: id.clone(), active };
        let saved = tokio::task::spawn_blocking(move || config::save(&path, &change)).await;
        let saved = saved.map_err(|_| Refusal::stopping())?;
        saved.map_err(|error| Refusal::new(StatusCode::CONFLICT, format!("Nothing was changed: {error}.")))?;
    }
    let mut changes = settings.cameras.changes();
    let known = if active { settings.cameras.resume(&id).await } else { settings.cameras.pause(&id).await };
    let follows = changes.wait_for(|list| {
        list.iter().find(|camera| camera.id == id).is_none_or(|camera| (camera.state != CameraState::Stopped) == active)
    });
    let _late = timeout(FOLLOWS, follows).await;
    let camera = settings.cameras.list().into_iter().find(|camera| camera.id == id).filter(|_| known);
    let camera = camera.ok_or_else(Refusal::stopping)?;
    Ok(Json(Changed { camera, saved: file.is_some() }))
}
