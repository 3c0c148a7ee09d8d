//! Joins everything: clock, trust store, hub, cameras, the own signaling server, the viewers' house, the local interface.
//! Several of them run in one process with different data folders, which is how whole-system tests use it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::pair::link::{LinkServer, is_server_url};
use athome_shared::pair::roles::Roles;
use athome_shared::peer::{BitrateRange, PeerSettings};
use athome_shared::protocol::wire::IceServer;
use athome_shared::time::{MediaClock, WallTime};
use athome_signaling::BindError;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::api::auth::Token;
use crate::api::{self, Api, whep::Whep};
use crate::camera::Cameras;
use crate::camera::settings::Settings;
use crate::config::Config;
use crate::encode::control::KEY_INTERVAL;
use crate::events::{Events, Listener};
use crate::hub::{Hub, RingLimits};
use crate::past::Past;
use crate::record::disk::OwnDisk;
use crate::record::store::{Found, Store, StoreError};
use crate::record::trigger::Rules;
use crate::record::{self, Plan, Recording};
use crate::serve::run::{LinkSetup, Serving, Setup};
use crate::serve::stills::Stills;
use crate::serve::{Desk, DeskError, Invitation};
use crate::trust::{TrustError, TrustStore};

/// Send-side estimate: a LAN carries the start value at once, a weak link finds its own within a second or two.
const BITRATE: BitrateRange = BitrateRange { start: 2_500_000, min: 80_000, max: 12_000_000 };
/// ICE connectivity check tick: a viewer in the same house connects in tens of milliseconds.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);
/// What a recorder may be late by when it begins.
const RECORD_LAG: Duration = Duration::from_secs(2);
/// Longest wait for requests to the local interface: a still takes three seconds at most.
const API_LIMIT: Duration = Duration::from_secs(4);
/// Where the desktop app handles links itself: no page comes with a server outside.
const APP_PAGE: &str = "athome://pair";

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    pub config: Config,
    /// Keys, paired devices and the token of the local interface; one process at a time.
    pub data: PathBuf,
}

/// Why the streamer did not start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program has a port.
    #[error("port {} is in use by another program; try {option} {other}", .addr.port())]
    PortInUse { addr: SocketAddr, option: &'static str, other: SocketAddr },
    #[error("{what} {addr}: {source}")]
    Listen { what: &'static str, addr: SocketAddr, source: io::Error },
    #[error("the own server: {0}")]
    Server(BindError),
    #[error("{0} can't stand in a link; write it as wss://HOST/ws, at most 255 bytes")]
    ServerUrl(String),
    #[error("data folder {path}: {source}")]
    Data { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error("the recordings: {0}")]
    Recordings(#[from] StoreError),
}

/// A running streamer. Dropping it leaves its tasks to the runtime; [`App::shutdown`] ends them in order.
pub struct App {
    place: String,
    events: Events,
    /// Has heard everything since before the first camera was started.
    first: Mutex<Option<Listener>>,
    cameras: Cameras,
    settings: Settings,
    hub: Hub,
    recording: Recording,
    serving: Serving,
    signal: Option<Signal>,
    api: Local,
    page: String,
    /// Servers outside are configured.
    servers: bool,
    token: Token,
}

struct Signal {
    addr: SocketAddr,
    task: JoinHandle<()>,
    stop: CancellationToken,
}

struct Local {
    addr: SocketAddr,
    task: JoinHandle<io::Result<()>>,
    stop: CancellationToken,
}

impl App {
    /// Starts everything. What was started is stopped again if a later part fails.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let Options { config, data } = options;
        let servers: Vec<String> = config.signaling.servers.iter().map(|url| url.to_string()).collect();
        if let Some(bad) = servers.iter().find(|url| !is_server_url(url)) {
            return Err(StartError::ServerUrl(bad.clone()));
        }
        if config.signaling.listen.is_none() && servers.is_empty() {
            // The local interface and WHEP still work, so this is worth a word and not a refusal.
            info!("no device can reach this camera: no own server, and none named with --signaling");
        }
        let clock = MediaClock::new(Instant::now(), WallTime::now());
        let (trust, token) = open_data(data.clone(), config.place.clone()).await?;
        let (api_listener, api_addr) = bind_api(config.api.listen).await?;
        let server = match config.signaling.listen {
            Some(listen) => Some(bind_server(listen, config.signaling.names.clone()).await?),
            None => None,
        };

        let peer = peer_settings(&config);
        athome_shared::peer::prepare(&peer).await;
        let (hub, events) = (Hub::new(ring_limits(&config)), Events::new());
        let first = Mutex::new(Some(events.subscribe()));
        let store = open_recordings(data, &config, events.clone()).await?;
        let cameras = Cameras::start(config.cameras.clone(), hub.clone(), events.clone(), clock);
        let signal = server.map(|server| {
            let (addr, stop) = (server.local_addr(), CancellationToken::new());
            Signal { addr, task: tokio::spawn(server.run(stop.clone())), stop }
        });
        let own = signal.as_ref().map(|signal| signal.addr);
        let (page, link_server) = reach(own, &servers);
        let links = own
            .map(|addr| LinkSetup { url: format!("ws://{}/ws", dial(addr)), own: true })
            .into_iter()
            .chain(servers.iter().map(|url| LinkSetup { url: url.clone(), own: false }))
            .collect();
        let recording = match start_recording(store, &config, &hub, &events, clock, &cameras) {
            Ok(recording) => recording,
            Err(error) => {
                cameras.shutdown().await;
                stop_signal(signal).await;
                return Err(error);
            }
        };
        let whep = Whep::new(hub.clone(), clock, &peer);
        let stills = Stills::new(hub.clone());
        let serving = Serving::start(Setup {
            trust,
            hub: hub.clone(),
            stills: stills.clone(),
            past: Past::new(recording.control()),
            clock,
            cameras: cameras.changes(),
            motion: cameras.motion().glances(),
            peer,
            events: events.clone(),
            links,
            page: page.clone(),
            server: link_server,
            max_viewers: config.webrtc.max_viewers as usize,
        })
        .await;
        let serving = match serving {
            Ok(serving) => serving,
            Err(error) => {
                cameras.shutdown().await;
                recording.shutdown().await;
                stop_signal(signal).await;
                return Err(error.into());
            }
        };
        let settings = Settings::new(cameras.clone(), config.cameras, config.file);
        let desk = serving.desk.clone();
        let started = Instant::now();
        let (list, control) = (cameras.changes(), recording.control());
        let api = Api::new(token.clone(), stills, list, desk, whep, settings.clone(), control, started);
        let stop = CancellationToken::new();
        let task = tokio::spawn(api.serve(api_listener, stop.clone()));
        let servers = !servers.is_empty();
        let api = Local { addr: api_addr, task, stop };
        Ok(Self {
            place: config.place,
            events,
            first,
            cameras,
            settings,
            hub,
            recording,
            serving,
            signal,
            api,
            page,
            servers,
            token,
        })
    }

    /// What the place is called.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The page's address for people, `http://192.168.1.5:8080/`; `athome://pair/` where no page is served.
    pub fn page(&self) -> String {
        format!("{}/", self.page)
    }

    /// Registered with a server outside now. One that is configured may be away, or not take us.
    pub fn outside(&self) -> bool {
        self.serving.desk.outside()
    }

    /// Only the own network can reach it, whatever happens: no server outside is configured.
    pub fn lan_only(&self) -> bool {
        !self.servers
    }

    /// Devices may reach it: through the own server or one outside.
    pub fn reachable(&self) -> bool {
        self.servers || self.signal.is_some()
    }

    /// Where the own signaling server listens.
    pub fn signal_addr(&self) -> Option<SocketAddr> {
        self.signal.as_ref().map(|signal| signal.addr)
    }

    /// Where the local interface listens.
    pub fn api_addr(&self) -> SocketAddr {
        self.api.addr
    }

    /// The local interface's bearer token.
    pub fn api_token(&self) -> String {
        self.token.text()
    }

    /// Hears everything that happens: the first listener from the start on, later ones from now on.
    pub fn events(&self) -> Listener {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        first.unwrap_or_else(|| self.events.subscribe())
    }

    /// Hears everything that happens from now on.
    pub fn later_events(&self) -> Listener {
        self.events.subscribe()
    }

    /// The cameras: add, remove, pause, list.
    pub fn cameras(&self) -> &Cameras {
        &self.cameras
    }

    /// Changes to cameras, which the configuration file remembers.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The streams.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The recorders: start, stop, what there is.
    pub fn recording(&self) -> record::Control {
        self.recording.control()
    }

    /// Invitations and devices.
    pub fn desk(&self) -> &Desk {
        &self.serving.desk
    }

    /// A new invitation for `uses` devices; see [`Desk::invite`].
    pub async fn new_invite(&self, roles: Option<Roles>, ttl: Duration, uses: u16) -> Result<Invitation, DeskError> {
        self.desk().invite(roles, ttl, uses).await
    }

    /// Stops in order: no new viewers, a second for goodbyes; sources; recordings; local interface; signaling server.
    pub async fn shutdown(self) {
        self.serving.shutdown().await;
        info!("viewers are gone");
        self.cameras.shutdown().await;
        info!("sources are stopped");
        self.recording.shutdown().await;
        info!("recordings are complete");
        self.api.stop.cancel();
        let mut api = self.api.task;
        match timeout(API_LIMIT, &mut api).await {
            Ok(Ok(Ok(()))) => info!("the local interface is closed"),
            Ok(Ok(Err(error))) => warn!("the local interface ended badly: {error}"),
            Ok(Err(error)) => warn!("the local interface ended badly: {error}"),
            Err(_) => {
                api.abort();
                let _aborted = api.await;
                info!("a request to the local interface was cut off");
            }
        }
        stop_signal(self.signal).await;
        info!("stopped cleanly");
    }
}

async fn stop_signal(signal: Option<Signal>) {
    if let Some(signal) = signal {
        signal.stop.cancel();
        if signal.task.await.is_err() {
            warn!("the own signaling server ended badly");
        }
    }
}

async fn open_data(data: PathBuf, place: String) -> Result<(Arc<TrustStore>, Token), StartError> {
    let opened = tokio::task::spawn_blocking(move || {
        let trust = TrustStore::open(&data)?;
        if trust.identity()?.place != place {
            trust.rename_place(&place)?;
        }
        let token = Token::of_folder(&data).map_err(|source| StartError::Data { path: data, source })?;
        Ok((Arc::new(trust), token))
    });
    opened.await.unwrap_or(Err(StartError::Trust(TrustError::Damaged("the data folder"))))
}

/// What the hub keeps: enough for what is recorded from before something moved, at the end of a long group of pictures.
fn ring_limits(config: &Config) -> RingLimits {
    let usual = RingLimits::default();
    let duration = usual.duration.max(config.recording.rules.pre + KEY_INTERVAL + RECORD_LAG);
    let seconds = duration.as_secs().max(1) as usize;
    RingLimits { bytes: usual.bytes / usual.duration.as_secs().max(1) as usize * seconds, duration }
}

/// The folder of recordings that a configuration means.
pub fn recordings_folder(config: &Config, data: &std::path::Path) -> PathBuf {
    config.storage.path.clone().unwrap_or_else(|| data.join("recordings"))
}

async fn open_recordings(data: PathBuf, config: &Config, events: Events) -> Result<Store, StartError> {
    let (root, limits) = (recordings_folder(config, &data), config.storage.limits);
    let opened = tokio::task::spawn_blocking(move || Store::open(Arc::new(OwnDisk), &data, &root, limits, events));
    let opened = opened.await.map_err(|_| TrustError::Damaged("the folder of recordings"))?;
    let (store, found) = opened?;
    let Found { recordings, adopted, cut, quarantined, missing, unread, index_replaced, .. } = found;
    info!(recordings, "the recordings are in order");
    if index_replaced {
        warn!("the index of recordings was damaged; it has been made again from the files");
    }
    let odd = [adopted.len(), quarantined.len(), missing.len(), unread.len()];
    if odd.iter().any(|n| *n > 0) {
        let [adopted, quarantined, missing, unread] = odd;
        warn!(
            adopted,
            cut, quarantined, missing, unread, "recordings were left unfinished or changed; they are in order again"
        );
    }
    Ok(store)
}

fn start_recording(
    store: Store,
    config: &Config,
    hub: &Hub,
    events: &Events,
    clock: MediaClock,
    cameras: &Cameras,
) -> Result<Recording, StartError> {
    let plan = |camera: &crate::config::CameraConfig| Plan {
        camera: camera.id.clone(),
        rules: Rules { mode: camera.record.unwrap_or(config.recording.rules.mode), ..config.recording.rules },
        schedule: config.recording.schedule.clone(),
        longest: config.recording.longest,
    };
    let (list, told) = (cameras.changes(), cameras.clone());
    let root = store.root().to_owned();
    let setup = record::Setup {
        hub: hub.clone(),
        events: events.clone(),
        clock,
        plans: config.cameras.iter().map(plan).collect(),
        has_sound: Arc::new(move |id| list.borrow().iter().any(|camera| camera.id == *id && camera.audio)),
        tell: Arc::new(move |id, why| told.set_recorded(id, why)),
    };
    Recording::start(setup, store).map_err(|source| StartError::Data { path: root, source })
}

async fn bind_api(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let what = "the local interface can't listen on";
    let listener = match api::bind(addr).await {
        Ok(listener) => listener,
        Err(source) if source.kind() == io::ErrorKind::AddrInUse => return Err(in_use(addr, "--api").await),
        Err(source) => return Err(StartError::Listen { what, addr, source }),
    };
    let bound = listener.local_addr().map_err(|source| StartError::Listen { what, addr, source })?;
    Ok((listener, bound))
}

async fn bind_server(listen: SocketAddr, names: Vec<String>) -> Result<athome_signaling::Server, StartError> {
    let config = athome_signaling::Config { listen, names, own_address: true, serve_page: true, ..Default::default() };
    match athome_signaling::Server::bind(config).await {
        Ok(server) => Ok(server),
        Err(BindError::InUse { address, .. }) => Err(in_use(address, "--listen").await),
        Err(error) => Err(StartError::Server(error)),
    }
}

/// The refusal for a taken port, with the next one that is free.
async fn in_use(addr: SocketAddr, option: &'static str) -> StartError {
    let mut other = addr;
    for port in (addr.port().saturating_add(1)..=addr.port().saturating_add(20)).skip_while(|p| *p == addr.port()) {
        other.set_port(port);
        if TcpListener::bind(other).await.is_ok() {
            break;
        }
    }
    StartError::PortInUse { addr, option, other }
}

fn peer_settings(config: &Config) -> PeerSettings {
    let turn_servers = config.webrtc.turn_servers.iter().map(|turn| IceServer {
        urls: vec![turn.url.clone()],
        username: Some(turn.username.clone()),
        credential: Some(turn.credential.expose().to_owned()),
    });
    PeerSettings {
        stun_servers: config.webrtc.stun_servers.clone(),
        turn_servers: turn_servers.collect(),
        bind: config.webrtc.bind.clone(),
        check_interval: CHECK_INTERVAL,
        mdns_query: true,
        bitrate: BITRATE,
    }
}

/// What invitations name: the own server's page on the local network, else the first server outside.
fn reach(own: Option<SocketAddr>, servers: &[String]) -> (String, LinkServer) {
    match (own, servers.first()) {
        (Some(addr), _) => {
            (format!("http://{}", SocketAddr::new(lan_address(addr.ip()), addr.port())), LinkServer::SameOrigin)
        }
        (None, Some(server)) => (APP_PAGE.to_owned(), LinkServer::Url(server.clone())),
        (None, None) => (APP_PAGE.to_owned(), LinkServer::SameOrigin),
    }
}

/// How this process reaches its own server.
fn dial(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}

/// The address under which other devices of the network reach a server that listens on `listen`.
fn lan_address(listen: IpAddr) -> IpAddr {
    if !listen.is_unspecified() {
        return listen;
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let known: Vec<(String, IpAddr)> = interfaces.into_iter().map(|i| (i.name.clone(), i.ip())).collect();
    best_address(default_route_address(), &known)
}

/// The source address of the default route, found without sending anything; `None` without one.
fn default_route_address() -> Option<IpAddr> {
    // TEST-NET-1 (RFC 5737): routed like any outside address. Connecting a datagram socket sends nothing.
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    socket.local_addr().ok().map(|addr| addr.ip())
}

/// The default route's address, else a private IPv4 one of a real interface, else loopback.
fn best_address(default_route: Option<IpAddr>, interfaces: &[(String, IpAddr)]) -> IpAddr {
    let usable = |name: &str, ip: &IpAddr| {
        !ip.is_loopback()
            && !VIRTUAL.iter().any(|prefix| name.starts_with(prefix))
            && match ip {
                IpAddr::V4(ip) => !ip.is_link_local() && !ip.is_unspecified(),
                IpAddr::V6(_) => false,
            }
    };
    if let Some(ip) = default_route
        && interfaces.iter().any(|(name, known)| *known == ip && usable(name, known))
    {
        return ip;
    }
    let private = |ip: &IpAddr| matches!(ip, IpAddr::V4(ip) if ip.is_private());
    let mut usable = interfaces.iter().filter(|(name, ip)| usable(name, ip)).map(|(_, ip)| *ip);
    let first = usable.clone().find(private);
    first.or_else(|| usable.next()).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// Interfaces of containers, virtual machines and tunnels, where no phone is.
const VIRTUAL: [&str; 9] = ["docker", "br-", "veth", "virbr", "vmnet", "vboxnet", "tun", "wg", "utun"];

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::best_address;

    fn interfaces(list: &[(&str, &str)]) -> Vec<(String, IpAddr)> {
        list.iter().map(|(name, ip)| ((*name).to_owned(), ip.parse().expect("an address"))).collect()
    }

    #[test]
    fn the_link_names_the_address_that_other_devices_reach() {
        let all = interfaces(&[
            ("lo", "127.0.0.1"),
            ("docker0", "172.17.0.1"),
            ("eth0", "192.168.1.5"),
            ("wlan0", "192.168.1.6"),
            ("eth0", "fe80::1"),
        ]);
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(best_address(Some(ip("192.168.1.6")), &all), ip("192.168.1.6"));
        // A default route through a container's bridge, or none at all.
        assert_eq!(best_address(Some(ip("172.17.0.1")), &all), ip("192.168.1.5"));
        assert_eq!(best_address(None, &all), ip("192.168.1.5"));
        assert_eq!(best_address(None, &interfaces(&[("eth0", "203.0.113.9"), ("eth1", "10.0.0.2")])), ip("10.0.0.2"));
        assert_eq!(best_address(None, &interfaces(&[("eth0", "203.0.113.9")])), ip("203.0.113.9"));
        assert_eq!(best_address(None, &interfaces(&[("lo", "127.0.0.1"), ("eth0", "169.254.3.4")])), ip("127.0.0.1"));
    }
}
