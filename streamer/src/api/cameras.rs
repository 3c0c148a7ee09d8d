//! Changing a camera while the streamer runs, over HTTP.

use athome_shared::id::CameraId;
use athome_shared::pair::roles::Command;
use athome_shared::protocol::control::Camera;
use athome_shared::protocol::house::ZoneRow;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};

use super::Api;
use super::error::Refusal;
use super::routes::{permit, whole};
use crate::camera::settings::{ChangeError, Wanted};
use crate::config::{check_zones, fps, sensitivity, size};
use crate::motion::zones::Zone;

/// Body of a change: what is not there stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    active: Option<bool>,
    source: Option<String>,
    audio: Option<String>,
    #[serde(default, deserialize_with = "present")]
    size: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    fps: Option<Option<f32>>,
    zones: Option<Vec<ZoneRow>>,
    sensitivity: Option<u8>,
}

/// Tells `null` (the camera chooses) from a key that is not there.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
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
    let wanted = wanted(&whole(body)?)?;
    let id: CameraId = api.camera(&id)?.id;
    // To its end, also if whoever asked goes away: half a change is a camera that nobody runs.
    let settings = api.0.settings.clone();
    let changed = tokio::spawn(async move { settings.change(&id, wanted).await }).await;
    let changed = changed.map_err(|_| Refusal::stopping())?.map_err(|error| match error {
        ChangeError::Stopping => Refusal::stopping(),
        ChangeError::UnknownCamera => Refusal::new(StatusCode::NOT_FOUND, "No camera has this id."),
        ChangeError::NotSaved(error) => Refusal::new(StatusCode::CONFLICT, format!("Nothing was changed: {error}.")),
    })?;
    Ok(Json(Changed { camera: changed.camera, saved: changed.saved }))
}

fn wanted(body: &[u8]) -> Result<Wanted, Refusal> {
    let body: Body = serde_json::from_slice(body).map_err(|error| {
        bad(&format!("Send one or more of active, source, audio, size, fps, zones and sensitivity: {error}"))
    })?;
    let wanted = Wanted {
        active: body.active,
        source: body.source.map(|text| text.parse()).transpose().map_err(|why| bad(&format!("source: {why}")))?,
        login: None,
        audio: body.audio.map(|text| text.parse()).transpose().map_err(|why| bad(&format!("audio: {why}")))?,
        size: body
            .size
            .map(|text| text.map(|text| size(&text)).transpose())
            .transpose()
            .map_err(|why| bad(&format!("size: {why}")))?,
        zones: body.zones.map(|zones| zones.into_iter().map(Zone::from).collect()),
        sensitivity: body
            .sensitivity
            .map(|n| sensitivity(n).map_err(|why| bad(&format!("sensitivity: {why}"))))
            .transpose()?,
        fps: body.fps.map(|n| n.map(fps).transpose()).transpose().map_err(|why| bad(&format!("fps: {why}")))?,
    };
    if let Some(zones) = &wanted.zones {
        check_zones(zones).map_err(|why| bad(&format!("zones: {why}")))?;
    }
    if wanted == Wanted::default() {
        return Err(bad("Send one or more of active, source, audio, size, fps, zones and sensitivity"));
    }
    Ok(wanted)
}

fn bad(why: &str) -> Refusal {
    let ended = if why.ends_with(['.', '?']) { why.to_owned() } else { format!("{why}.") };
    Refusal::new(StatusCode::BAD_REQUEST, ended)
}
