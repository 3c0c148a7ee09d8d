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
use super::routes::{Told, permit, whole};
use crate::camera::settings::{ChangeError, NewCamera, Wanted};
use crate::config::{CameraConfig, check_zones, credential, fps, name, sensitivity, size, small, transport};
use crate::motion::zones::Zone;
use crate::source::{CameraSpec, Login, Transport};
use crate::words::Problem;

/// Body of a change: what is not there stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    active: Option<bool>,
    source: Option<String>,
    #[serde(default, deserialize_with = "present")]
    sub_source: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    user: Option<Option<String>>,
    password: Option<String>,
    transport: Option<String>,
    audio: Option<String>,
    #[serde(default, deserialize_with = "present")]
    size: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    fps: Option<Option<f32>>,
    zones: Option<Vec<ZoneRow>>,
    sensitivity: Option<u8>,
}

/// Body of a new camera.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBody {
    name: String,
    source: String,
    sub_source: Option<String>,
    user: Option<String>,
    password: Option<String>,
    transport: Option<String>,
    audio: Option<String>,
    active: Option<bool>,
}

/// Tells `null` (the camera chooses) from a key that is not there.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// The camera as it is then.
#[derive(Serialize)]
pub(super) struct Changed {
    #[serde(flatten)]
    camera: Told,
    /// The configuration file says so too, so that it stays so after a restart.
    saved: bool,
}

pub(super) async fn change(
    State(api): State<Api>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Changed>, Refusal> {
    permit(Command::CameraSettings)?;
    let body = whole(body)?;
    let id: CameraId = api.camera(&id)?.id;
    let settings = api.0.settings.clone();
    let before = settings.configs().borrow().iter().find(|config| config.id == id).cloned();
    let before = before.ok_or_else(|| refusal(ChangeError::UnknownCamera))?;
    let wanted = wanted(&body, &before)?;
    // To its end, also if whoever asked goes away: half a change is a camera that nobody runs.
    let changed = tokio::spawn(async move { settings.change(&id, wanted).await }).await;
    let changed = changed.map_err(|_| Refusal::stopping())?.map_err(refusal)?;
    Ok(Json(Changed { camera: Told::new(&api, changed.camera), saved: changed.saved }))
}

pub(super) async fn add(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Changed>), Refusal> {
    permit(Command::CameraSettings)?;
    let (new, settings) = (new_camera(&whole(body)?)?, api.0.settings.clone());
    let added = tokio::spawn(async move { settings.add(new).await }).await;
    let added = added.map_err(|_| Refusal::stopping())?.map_err(refusal)?;
    Ok((StatusCode::CREATED, Json(Changed { camera: Told::new(&api, added.camera), saved: added.saved })))
}

/// What was removed.
#[derive(Serialize)]
pub(super) struct Removed {
    id: CameraId,
    name: String,
    saved: bool,
}

pub(super) async fn remove(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Removed>, Refusal> {
    permit(Command::CameraSettings)?;
    let Camera { id, name, .. } = api.camera(&id)?;
    let (settings, gone) = (api.0.settings.clone(), id.clone());
    let removed = tokio::spawn(async move { settings.remove(&gone).await }).await;
    let saved = removed.map_err(|_| Refusal::stopping())?.map_err(refusal)?;
    Ok(Json(Removed { id, name, saved }))
}

fn refusal(error: ChangeError) -> Refusal {
    match error {
        ChangeError::Stopping => Refusal::stopping(),
        ChangeError::UnknownCamera => Refusal::new(StatusCode::NOT_FOUND, "No camera has this id."),
        ChangeError::NotSaved(error) => Refusal::new(StatusCode::CONFLICT, format!("Nothing was changed: {error}.")),
        why @ (ChangeError::NameTaken | ChangeError::TooMany | ChangeError::NamesakeNeedsIt) => {
            Refusal::new(StatusCode::CONFLICT, format!("Nothing was changed: {why}."))
        }
    }
}

/// What is wrong with a body, without its values: one may be a password.
fn misread(hint: &str, error: &serde_json::Error) -> Refusal {
    let told = error.to_string();
    let unquoted = |mark| told.split(mark).step_by(2).collect::<Vec<_>>().join("…");
    let safe = if told.starts_with("invalid") { unquoted('`').split('"').step_by(2).collect() } else { told.clone() };
    bad(&format!("{hint}: {safe}"))
}

fn new_camera(body: &[u8]) -> Result<NewCamera, Refusal> {
    let body: NewBody = serde_json::from_slice(body)
        .map_err(|error| misread("Send name and source, and what else you like to say", &error))?;
    let in_key = |key: &'static str| move |why: Problem| bad(&format!("{key}: {why}"));
    let name = name(&body.name).map_err(in_key("name"))?;
    let source: CameraSpec = body.source.parse().map_err(in_key("source"))?;
    let sub_source = body.sub_source.map(|text| small(&text, &source)).transpose().map_err(in_key("sub_source"))?;
    let (sub_source, inside) = sub_source.map_or((None, None), |(spec, login)| (Some(spec), login));
    let login = login(body.user.as_deref(), body.password.as_deref(), &source)?;
    Ok(NewCamera {
        sub_source,
        login: login.or(inside.filter(|_| source.clone().take_login().is_none())),
        transport: match &body.transport {
            Some(text) => transport(text, &source).map_err(in_key("transport"))?,
            None => Transport::default(),
        },
        audio: body.audio.map(|text| text.parse()).transpose().map_err(in_key("audio"))?,
        active: body.active.unwrap_or(true),
        ..NewCamera::new(&name, source)
    })
}

/// A login that stands beside an address.
fn login(user: Option<&str>, password: Option<&str>, source: &CameraSpec) -> Result<Option<Login>, Refusal> {
    let in_key = |key: &'static str| move |why: Problem| bad(&format!("{key}: {why}"));
    match (user, password) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(in_key("password")(Problem::UserMissing)),
        (Some(_), _) if !source.is_network() => Err(in_key("user")(Problem::NetworkOnly)),
        (Some(user), password) => {
            let user = credential(user).map_err(in_key("user"))?;
            let password = credential(password.unwrap_or_default()).map_err(in_key("password"))?;
            Ok(Some(Login::new(user.to_owned(), password.to_owned())))
        }
    }
}

/// The keys of a change.
const KEYS: &str = "Send one or more of active, source, sub_source, user, password, transport, audio, size, fps, zones and sensitivity";

fn wanted(body: &[u8], before: &CameraConfig) -> Result<Wanted, Refusal> {
    let body: Body = serde_json::from_slice(body).map_err(|error| misread(KEYS, &error))?;
    let in_key = |key: &'static str| move |why: Problem| bad(&format!("{key}: {why}"));
    let source = body.source.map(|text| text.parse()).transpose().map_err(in_key("source"))?;
    let main: &CameraSpec = source.as_ref().unwrap_or(&before.source);
    let known = before.login.as_ref().map(Login::user);
    let login = match (&body.user, &body.password) {
        (None, None) => None,
        (Some(None), _) => Some(None),
        (Some(Some(user)), password) => Some(login(Some(user), password.as_deref(), main)?),
        (None, Some(password)) => Some(login(known, Some(password), main)?),
    };
    let sub_source = match body.sub_source {
        Some(Some(text)) => {
            let main = main.clone();
            // With its login, which goes its own way.
            small(&text, &main).map_err(in_key("sub_source"))?;
            Some(Some(text.parse().map_err(in_key("sub_source"))?))
        }
        Some(None) => Some(None),
        None => None,
    };
    let transport = body.transport.map(|text| transport(&text, main)).transpose().map_err(in_key("transport"))?;
    let wanted = Wanted {
        active: body.active,
        login,
        sub_source,
        transport,
        audio: body.audio.map(|text| text.parse()).transpose().map_err(in_key("audio"))?,
        size: body.size.map(|text| text.map(|text| size(&text)).transpose()).transpose().map_err(in_key("size"))?,
        zones: body.zones.map(|zones| zones.into_iter().map(Zone::from).collect()),
        sensitivity: body.sensitivity.map(sensitivity).transpose().map_err(in_key("sensitivity"))?,
        fps: body.fps.map(|n| n.map(fps).transpose()).transpose().map_err(in_key("fps"))?,
        source,
    };
    if let Some(zones) = &wanted.zones {
        check_zones(zones).map_err(in_key("zones"))?;
    }
    if wanted == Wanted::default() {
        return Err(bad(KEYS));
    }
    Ok(wanted)
}

fn bad(why: &str) -> Refusal {
    let ended = if why.ends_with(['.', '?']) { why.to_owned() } else { format!("{why}.") };
    Refusal::new(StatusCode::BAD_REQUEST, ended)
}
