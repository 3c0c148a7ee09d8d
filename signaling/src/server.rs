//! Accepts connections, owns their tasks, and stops in order.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::admit::{Full, Places};
use crate::config::Config;
use crate::connection::{self, Patience};
use crate::error::BindError;
use crate::http::{App, Caller, Upgrade, router};
use crate::peer::{Peer, Rules};

/// A plain HTTP connection is over after this long, so that a client that reads slowly, or asks again and again, does
/// not keep its place.
const HTTP_LIFETIME: Duration = Duration::from_secs(120);
/// Request line and headers; the longest of browsers are a fraction of it.
const HTTP_BUFFER: usize = 16 * 1024;
/// After the grace: what connections have to say goodbye before they are cut.
const GOODBYE: Duration = Duration::from_secs(2);
/// Pause after an accept that failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How many ports behind a taken one are tried for the hint.
const PORTS_TRIED: u16 = 20;

/// A signaling server that listens. Nothing is answered before [`Self::run`].
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<App>,
}

impl Server {
    /// Checks the configuration and takes the port.
    pub async fn bind(config: Config) -> Result<Self, BindError> {
        config.check()?;
        let listener = listen(config.listen).await?;
        let address = listener.local_addr().map_err(|source| BindError::Io { address: config.listen, source })?;
        let now = Instant::now();
        let app = App {
            rules: Arc::new(Rules::new(&config, now)),
            places: Mutex::new(Places::new(config.max_connections, config.max_connections_per_address)),
            started: now,
            config,
        };
        Ok(Self { listener, address, app: Arc::new(app) })
    }

    /// Where it listens; with the port that was found where the configuration said 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`. Then: takes no more connections, tells all to come back later, gives them `drain_secs` to
    /// finish, and ends them.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { listener, address, app } = self;
        let router = router(Arc::clone(&app));
        // Dropped with this future: no connection outlives it.
        let mut tasks = JoinSet::new();
        info!(%address, page = app.config.serve_page, "signaling server ready");
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(ended) = tasks.join_next() => note_panic(ended),
                accepted = listener.accept() => match accepted {
                    Ok((stream, remote)) => {
                        app.rules.metrics.connections.add(1);
                        match Guard::enter(&app, remote) {
                            Ok(guard) => {
                                tasks.spawn(serve(guard, stream, remote, router.clone(), shutdown.clone()));
                            }
                            Err(full) => refuse(&app, &stream, full),
                        }
                    }
                    Err(error) => {
                        // A client that is gone again is no trouble; too many open files is, and passes.
                        warn!(%error, "a connection could not be accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        app.rules.hub.drain(app.config.retry_secs);
        info!(connections = tasks.len(), "signaling server stops");
        let grace = Duration::from_secs(app.config.drain_secs.into());
        if timeout(grace, finish(&mut tasks)).await.is_err() {
            app.rules.hub.end_all();
            if timeout(GOODBYE, finish(&mut tasks)).await.is_err() {
                debug!(connections = tasks.len(), "connections that would not end are cut");
                tasks.shutdown().await;
            }
        }
        info!("signaling server stopped");
    }
}

async fn finish(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        note_panic(ended);
    }
}

fn note_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        error!(%error, "a connection's task failed; the others go on");
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, BindError> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(source) => Err(match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { address, free: free_port(address).await },
            io::ErrorKind::PermissionDenied => BindError::NotAllowed { address },
            _ => BindError::Io { address, source },
        }),
    }
}

async fn free_port(taken: SocketAddr) -> Option<u16> {
    for port in (1..=PORTS_TRIED).filter_map(|n| taken.port().checked_add(n)) {
        if TcpListener::bind(SocketAddr::new(taken.ip(), port)).await.is_ok() {
            return Some(port);
        }
    }
    None
}

/// A connection's places; dropping it gives them back.
struct Guard {
    app: Arc<App>,
    /// `None` behind a proxy, where the address is known only with the headers.
    _address: Option<crate::http::AddressPlace>,
}

impl Guard {
    fn enter(app: &Arc<App>, remote: SocketAddr) -> Result<Self, Full> {
        let by_address = !app.config.trust_forwarded_for;
        let address = by_address.then(|| app.enter_address(remote.ip())).transpose()?;
        app.places.lock().unwrap_or_else(PoisonError::into_inner).enter()?;
        Ok(Self { app: Arc::clone(app), _address: address })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.app.places.lock().unwrap_or_else(PoisonError::into_inner).leave();
    }
}

/// One try to say why; no task, no memory.
fn refuse(app: &App, stream: &TcpStream, full: Full) {
    app.rules.metrics.refused.add(1);
    debug!(%full, "connection refused");
    let text = format!("{full}\n");
    let length = text.len();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
         Retry-After: 30\r\nConnection: close\r\n\r\n{text}"
    );
    // A client that can't take 200 bytes at once is just closed.
    let _ = stream.try_write(answer.as_bytes());
}

/// One connection, from its first request to the end of its WebSocket.
async fn serve(guard: Guard, stream: TcpStream, remote: SocketAddr, router: axum::Router, stop: CancellationToken) {
    let app = &guard.app;
    let Ok(local) = stream.local_addr() else { return };
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "the connection keeps waiting for full segments");
    }
    let caller = Caller { remote, upgrade: Arc::default() };
    // Boxed, so that a WebSocket does not carry the empty shell of its HTTP time.
    let upgrade = Box::pin(serve_http(app, stream, caller, router, stop)).await;
    let Some((upgrade, stream, early)) = upgrade else { return };
    let mut nonce = [0; 32];
    if SystemRandom::new().fill(&mut nonce).is_err() {
        error!("the system gives no random numbers");
        return;
    }
    let patience = Patience { ping_every: app.config.ping_every(), idle: app.config.idle(), hello: app.config.hello() };
    let peer = Peer::new(Arc::clone(&app.rules), upgrade.address, local.ip(), nonce, Instant::now());
    debug!(conn = peer.conn.0, %remote, "connection opened");
    connection::run(stream, early, peer, patience).await;
    drop(upgrade.place);
}

/// What is left of an [`Upgrade`] once it happened.
struct Upgraded {
    address: std::net::IpAddr,
    place: Option<crate::http::AddressPlace>,
}

/// Requests until the connection closes or becomes a WebSocket: then its stream, and what was read beyond the request.
async fn serve_http(
    app: &App,
    stream: TcpStream,
    caller: Caller,
    router: axum::Router,
    stop: CancellationToken,
) -> Option<(Upgraded, TcpStream, bytes::Bytes)> {
    let slot = Arc::clone(&caller.upgrade);
    let service = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(caller.clone());
        service.call(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(app.config.hello()).max_buf_size(HTTP_BUFFER).max_headers(64);
    let ended = {
        let mut http = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
        tokio::select! {
            ended = &mut http => ended,
            () = stop.cancelled() => {
                std::pin::Pin::new(&mut http).graceful_shutdown();
                timeout(GOODBYE, &mut http).await.unwrap_or(Ok(()))
            }
            () = sleep(HTTP_LIFETIME) => return None,
        }
        // The connection ends here: it holds the other end of `on`, and an upgrade whose answer could not be written
        // would be waited for until the program ends.
    };
    if let Err(error) = ended {
        debug!(%error, "HTTP connection ended");
    }
    let Upgrade { on, address, place } = slot.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    let parts = on.await.ok()?.downcast::<TokioIo<TcpStream>>().ok()?;
    Some((Upgraded { address, place }, parts.io.into_inner(), parts.read_buf))
}
