//! Cameras, stills, invitations, devices and statistics.

use std::time::Duration;

use athome_shared::id::CameraId;
use athome_shared::pair::roles::{Command, Roles, Way, allowed};
use athome_shared::protocol::control::{Camera, CameraState, Role};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::error::Refusal;
use super::{Api, MAX_BODY};
use crate::serve::{DeskError, Invitation, ViewerRow};
use crate::words::Lang;

/// Longest and usual life of an invitation.
const MAX_TTL: Duration = Duration::from_secs(24 * 3600);
const USUAL_TTL_S: u64 = 600;
/// Devices that may share an invitation.
const MAX_USES: u16 = 32;

impl From<DeskError> for Refusal {
    fn from(error: DeskError) -> Self {
        let status = match error {
            DeskError::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            DeskError::UnknownViewer => StatusCode::NOT_FOUND,
            DeskError::Refused(_) => StatusCode::CONFLICT,
        };
        Self::new(status, error.to_string())
    }
}

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
}

pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// A camera, and what is wrong with it.
#[derive(Serialize)]
pub(super) struct Told {
    #[serde(flatten)]
    camera: Camera,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<String>,
}

impl Told {
    pub(super) fn new(api: &Api, camera: Camera) -> Self {
        let live = camera.state == CameraState::Live;
        let verdict = api.0.settings.verdict(&camera.id).filter(|_| !live);
        Self { camera, verdict: verdict.map(|verdict| verdict.say(Lang::English)) }
    }
}

pub(super) async fn cameras(State(api): State<Api>) -> Result<Json<Vec<Told>>, Refusal> {
    permit(Command::Watch)?;
    Ok(Json(api.cameras().into_iter().map(|camera| Told::new(&api, camera)).collect()))
}

pub(super) async fn snapshot(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, Refusal> {
    permit(Command::Snapshot)?;
    let camera = api.camera(&id)?;
    let jpeg = api
        .0
        .stills
        .take(&camera.id)
        .await
        .map_err(|error| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, format!("No still of {id}: {error}.")))?;
    Ok(([(CONTENT_TYPE, "image/jpeg"), (CACHE_CONTROL, "no-store")], jpeg).into_response())
}

/// Body of a request for an invitation; all of it optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    roles: Option<Vec<Role>>,
    ttl_s: Option<u64>,
    uses: Option<u16>,
}

pub(super) async fn invite(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Invitation>), Refusal> {
    permit(Command::Invite)?;
    let body = whole(body)?;
    let bad = |why: String| Refusal::new(StatusCode::BAD_REQUEST, why);
    let wanted: Wanted = if body.is_empty() {
        Wanted::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| bad(format!("The body is not what is expected here: {error}.")))?
    };
    let ttl = Duration::from_secs(wanted.ttl_s.unwrap_or(USUAL_TTL_S));
    if ttl.is_zero() || ttl > MAX_TTL {
        return Err(bad("ttl_s is 1 to 86400 seconds.".to_owned()));
    }
    let uses = wanted.uses.unwrap_or(1);
    if !(1..=MAX_USES).contains(&uses) {
        return Err(bad(format!("uses is 1 to {MAX_USES}.")));
    }
    if wanted.roles.as_ref().is_some_and(Vec::is_empty) {
        return Err(bad("roles needs at least one of view, talk, playback, admin.".to_owned()));
    }
    let invitation = api.0.desk.invite(wanted.roles.as_deref().map(Roles::of), ttl, uses).await?;
    Ok((StatusCode::CREATED, Json(invitation)))
}

pub(super) async fn viewers(State(api): State<Api>) -> Result<Json<Vec<ViewerRow>>, Refusal> {
    permit(Command::Viewers)?;
    Ok(Json(api.0.desk.viewers().await?))
}

pub(super) async fn revoke(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<ViewerRow>, Refusal> {
    permit(Command::Revoke)?;
    Ok(Json(api.0.desk.revoke(&id).await?))
}

#[derive(Serialize)]
pub(super) struct Stats {
    uptime_s: u64,
    #[serde(flatten)]
    viewers: crate::serve::Counters,
    whep_sessions: usize,
    cameras: Vec<Camera>,
}

pub(super) async fn stats(State(api): State<Api>) -> Result<Json<Stats>, Refusal> {
    permit(Command::Viewers)?;
    Ok(Json(Stats {
        uptime_s: api.0.started.elapsed().as_secs(),
        viewers: api.0.desk.counters().await?,
        whep_sessions: api.0.whep.sessions(),
        cameras: api.cameras(),
    }))
}

/// The body, or why it could not be taken.
pub(super) fn whole(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Refusal> {
    body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("A request holds at most {MAX_BODY} bytes."))
        }
        status => Refusal::new(status, "The request broke off."),
    })
}

/// The one table is asked here too; what it says for this way in does not depend on who asks.
pub(super) fn permit(command: Command) -> Result<(), Refusal> {
    if allowed(command, &Roles::NONE, Way::LocalHttp) {
        Ok(())
    } else {
        Err(Refusal::new(StatusCode::FORBIDDEN, "The local interface may not do this."))
    }
}

impl Api {
    pub(super) fn cameras(&self) -> Vec<Camera> {
        self.0.cameras.borrow().to_vec()
    }

    /// The camera of this id.
    pub(super) fn camera(&self, id: &str) -> Result<Camera, Refusal> {
        let id = CameraId::new(id);
        let found = id.and_then(|id| self.0.cameras.borrow().iter().find(|c| c.id == id).cloned());
        found.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "No camera has this id; /api/v1/cameras lists them."))
    }
}
