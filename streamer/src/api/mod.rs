//! The local interface: HTTP on loopback, for other programs of this computer and for our own subcommands.
//!
//! Every route goes through [`auth::admit`]; only `/health` does without the token. Every refusal is JSON with a sentence.

pub mod auth;
pub mod cameras;
pub mod client;
pub mod error;
mod metrics;
mod mode;
mod recordings;
mod routes;
#[cfg(test)]
mod tests;
pub mod whep;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use athome_shared::protocol::control::Camera;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use auth::{Needs, Token, admit};
use error::Refusal;

use crate::camera::presence::Presence;
use crate::camera::settings::Settings;
use crate::record::Control;
use crate::serve::Desk;
use crate::serve::stills::Stills;

/// Largest request body: an SDP offer is at most 14 KiB, everything else is smaller.
const MAX_BODY: usize = 64 * 1024;

/// What the routes work with.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    token: Token,
    stills: Stills,
    cameras: watch::Receiver<Arc<Vec<Camera>>>,
    desk: Desk,
    whep: whep::Whep,
    settings: Settings,
    presence: Presence,
    recording: Control,
    started: Instant,
}

impl Api {
    /// The interface to these parts.
    #[allow(clippy::too_many_arguments, reason = "each part once, from the one place that joins them")]
    pub fn new(
        token: Token,
        stills: Stills,
        cameras: watch::Receiver<Arc<Vec<Camera>>>,
        desk: Desk,
        whep: whep::Whep,
        settings: Settings,
        presence: Presence,
        recording: Control,
        started: Instant,
    ) -> Self {
        Self(Arc::new(Inner { token, stills, cameras, desk, whep, settings, presence, recording, started }))
    }

    /// Answers requests on `listener` until `shutdown`; open ones are finished, and WHEP sessions ended.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> std::io::Result<()> {
        let app = self.router();
        let served = axum::serve(listener, app).with_graceful_shutdown(shutdown.cancelled_owned()).await;
        self.0.whep.shutdown().await;
        served
    }

    fn router(&self) -> Router {
        let mut router = Router::new();
        for route in ROUTES {
            router = router.route(route.path, (route.handlers)());
        }
        router
            .fallback(not_found)
            .method_not_allowed_fallback(not_allowed)
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .layer(from_fn_with_state(self.clone(), guard))
            .with_state(self.clone())
    }
}

/// A path and what answers there. The tests walk this list, so that no route can be forgotten.
struct Route {
    path: &'static str,
    handlers: fn() -> axum::routing::MethodRouter<Api>,
}

const HEALTH: &str = "/health";

const ROUTES: &[Route] = &[
    Route { path: HEALTH, handlers: || get(routes::health) },
    Route { path: "/metrics", handlers: || get(metrics::metrics) },
    Route { path: "/api/v1/cameras", handlers: || get(routes::cameras).post(cameras::add) },
    Route { path: "/api/v1/cameras/{id}", handlers: || patch(cameras::change).delete(cameras::remove) },
    Route { path: "/api/v1/cameras/{id}/snapshot.jpg", handlers: || get(routes::snapshot) },
    Route {
        path: "/api/v1/cameras/{id}/recording",
        handlers: || get(recordings::status).post(recordings::start).delete(recordings::stop),
    },
    Route { path: "/api/v1/cameras/{id}/export.mp4", handlers: || get(recordings::exported) },
    Route { path: "/api/v1/recordings", handlers: || get(recordings::list) },
    Route {
        path: "/api/v1/recordings/{number}",
        handlers: || get(recordings::one).patch(recordings::keep).delete(recordings::remove),
    },
    Route { path: "/api/v1/recordings/{number}/video.mp4", handlers: || get(recordings::video) },
    Route { path: "/api/v1/recordings/{number}/thumbnail.jpg", handlers: || get(recordings::thumbnail) },
    Route { path: "/api/v1/cameras/{id}/whep", handlers: || post(whep::begin).options(whep::options) },
    Route { path: "/api/v1/cameras/{id}/whep/{session}", handlers: || delete(whep::end).options(whep::options) },
    Route { path: "/api/v1/mode", handlers: || get(mode::mode).put(mode::set) },
    Route { path: "/api/v1/invites", handlers: || post(routes::invite) },
    Route { path: "/api/v1/viewers", handlers: || get(routes::viewers) },
    Route { path: "/api/v1/viewers/{id}", handlers: || delete(routes::revoke) },
    Route { path: "/api/v1/stats", handlers: || get(routes::stats) },
];

async fn guard(State(api): State<Api>, request: Request, next: Next) -> Response {
    let needs = if request.uri().path() == HEALTH { Needs::Nothing } else { Needs::Token };
    match admit(request.headers(), &api.0.token, needs) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

async fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "There is nothing at this address.")
}

async fn not_allowed() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "This address does not take this method.")
}

/// Binds the interface's address, which must be loopback.
pub async fn bind(addr: SocketAddr) -> std::io::Result<TcpListener> {
    if !addr.ip().is_loopback() {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "the local interface takes a loopback address only",
        ));
    }
    TcpListener::bind(addr).await
}
