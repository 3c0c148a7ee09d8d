//! How the house is watched over, over HTTP.

use athome_shared::pair::roles::Command;
use athome_shared::protocol::house::HouseMode;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::Api;
use super::error::Refusal;
use super::routes::{permit, whole};
use crate::camera::presence::Kept;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    mode: HouseMode,
}

#[derive(Debug, Serialize)]
pub(super) struct Mode {
    mode: HouseMode,
    /// It is so after a restart as well.
    saved: bool,
}

pub(super) async fn mode(State(api): State<Api>) -> Result<Json<Mode>, Refusal> {
    permit(Command::Watch)?;
    Ok(Json(Mode { mode: *api.0.presence.mode().borrow(), saved: true }))
}

pub(super) async fn set(State(api): State<Api>, body: Result<Bytes, BytesRejection>) -> Result<Json<Mode>, Refusal> {
    permit(Command::SetMode)?;
    let Body { mode } = serde_json::from_slice(&whole(body)?).map_err(|error| {
        Refusal::new(StatusCode::BAD_REQUEST, format!("Send {{\"mode\": \"home\"}}, \"away\" or \"privacy\": {error}."))
    })?;
    // To its end, also if whoever asked goes away.
    let presence = api.0.presence.clone();
    let kept = tokio::spawn(async move { presence.set(mode).await }).await.map_err(|_| Refusal::stopping())?;
    Ok(Json(Mode { mode, saved: kept == Kept::Yes }))
}
