//! What is asked over HTTP: `/ws` becomes a WebSocket, `/health` and `/metrics` are for people who run the server, the
//! rest is the page, if it is served at all.
//!
//! Browsers of any origin may connect to `/ws`: the page may live on another host, there are no cookies, and every word
//! is authenticated between camera and viewer (`docs/protocol.md` section 1).

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{Extension, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use axum::{Router, body::Body};
use hyper::upgrade::OnUpgrade;
use serde_json::json;
use tokio_tungstenite::tungstenite::handshake::server::create_response;

use crate::admit::{Full, Places};
use crate::config::Config;
use crate::page;
use crate::peer::Rules;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) rules: Arc<Rules>,
    /// Held for one look-up.
    pub(crate) places: Mutex<Places>,
    pub(crate) started: Instant,
}

/// A place of one address; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct AddressPlace {
    app: Arc<App>,
    address: IpAddr,
}

impl App {
    pub(crate) fn enter_address(self: &Arc<Self>, address: IpAddr) -> Result<AddressPlace, Full> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).enter_address(address)?;
        Ok(AddressPlace { app: Arc::clone(self), address })
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        self.app.places.lock().unwrap_or_else(PoisonError::into_inner).leave_address(self.address);
    }
}

/// The TCP connection that a request came through; the same for all its requests.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) remote: SocketAddr,
    /// Filled by a request that upgrades. The connection's own task takes it from here, so that no other task is needed.
    pub(crate) upgrade: Arc<Mutex<Option<Upgrade>>>,
}

/// A connection about to speak WebSocket.
#[derive(Debug)]
pub(crate) struct Upgrade {
    pub(crate) on: OnUpgrade,
    /// The client's address: as a proxy gives it, where one is trusted.
    pub(crate) address: IpAddr,
    /// Held where the address is known only now.
    pub(crate) place: Option<AddressPlace>,
}

pub(crate) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new().route("/ws", get(ws)).route("/health", get(health)).route("/metrics", get(metrics));
    router = if app.config.serve_page {
        router.fallback(get(|request: Request| async move { page::serve(request.uri().path(), request.headers()) }))
    } else {
        router.fallback(|| async { (StatusCode::NOT_FOUND, "an AtHome signaling server; it serves no page\n") })
    };
    router.layer(map_response(secure)).with_state(app)
}

async fn secure<B>(mut response: Response<B>) -> Response<B> {
    for (name, value) in page::SECURITY_HEADERS {
        response.headers_mut().insert(name, value);
    }
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn health(State(app): State<Arc<App>>) -> Response {
    let draining = app.rules.hub.is_draining();
    let status = if draining { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let body = json!({
        "status": if draining { "draining" } else { "ok" },
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_secs": app.started.elapsed().as_secs(),
    });
    (status, Json(body)).into_response()
}

async fn metrics(State(app): State<Arc<App>>, Extension(caller): Extension<Caller>, headers: HeaderMap) -> Response {
    let local = client_address(&app, &caller, &headers).is_some_and(|address| address.to_canonical().is_loopback());
    if !local && !app.config.public_metrics {
        return (StatusCode::FORBIDDEN, "metrics are for this machine only; see public_metrics\n").into_response();
    }
    let text = app.rules.metrics.render(app.rules.hub.counts());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

async fn ws(State(app): State<Arc<App>>, Extension(caller): Extension<Caller>, mut request: Request) -> Response {
    if app.rules.hub.is_draining() {
        return unavailable("the server is stopping");
    }
    let Some(address) = client_address(&app, &caller, request.headers()) else {
        return (StatusCode::BAD_REQUEST, "X-Forwarded-For is missing: is the proxy set up?\n").into_response();
    };
    let place = match app.config.trust_forwarded_for.then(|| app.enter_address(address)).transpose() {
        Ok(place) => place,
        Err(full) => {
            app.rules.metrics.refused.add(1);
            return unavailable(&full.to_string());
        }
    };
    let on = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    match create_response(&axum::http::Request::from_parts(parts, ())) {
        Ok(response) => {
            *caller.upgrade.lock().unwrap_or_else(PoisonError::into_inner) = Some(Upgrade { on, address, place });
            response.map(|()| Body::empty())
        }
        Err(error) => (StatusCode::UPGRADE_REQUIRED, format!("a WebSocket is served here: {error}\n")).into_response(),
    }
}

fn unavailable(why: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "30")], format!("{why}\n")).into_response()
}

/// The client's address; `None` where the proxy that is trusted to give it does not.
fn client_address(app: &App, caller: &Caller, headers: &HeaderMap) -> Option<IpAddr> {
    if app.config.trust_forwarded_for { forwarded_for(headers) } else { Some(caller.remote.ip()) }
}

/// The last entry is our proxy's own word; those before it are hearsay.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    let entry = last.rsplit(',').next()?.trim();
    entry.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_proxys_own_entry_counts() {
        let address = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("x-forwarded-for", HeaderValue::from_str(value).expect("a header value"));
            }
            forwarded_for(&headers).map(|ip| ip.to_string())
        };
        assert_eq!(address(&["192.0.2.1"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(address(&["10.0.0.1, 192.0.2.1"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(address(&["10.0.0.1", "192.0.2.1"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(address(&["[2001:db8::1]:4711"]).as_deref(), Some("2001:db8::1"));
        assert_eq!(address(&["nonsense"]), None);
        assert_eq!(address(&[]), None);
    }
}
