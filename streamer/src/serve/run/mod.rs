//! The task that serves viewers: it carries messages between the signaling links, the door, the trust store and the
//! sessions, and owns all of them. What is decided, is decided in [`Door`] and [`House`].

mod desk;
mod links;
mod sessions;
mod store;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, ChannelId};
use athome_shared::pair::link::LinkServer;
use athome_shared::peer::PeerSettings;
use athome_shared::protocol::control::Camera;
use athome_shared::protocol::wire::{IceServer, Why};
use athome_shared::signal::camera::{CameraCommand, CameraLinkConfig, CameraLinkEvent, run_camera_link};
use athome_shared::time::{MediaClock, WallTime};
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::desk::Shown;
use self::sessions::ice_servers;
use self::store::{Daily, Stored, blocking};
use super::alarm::Alarm;
use super::desk::{Code, Counters, Desk, REQUESTS, Request};
use super::door::{Door, Limits};
use super::house::{House, SessionId};
use super::past::clerk::Archive;
use super::reach::Reach;
use super::session::{Common, News, Order};
use super::stills::Stills;
use crate::events::Events;
use crate::hub::Hub;
use crate::motion::board::Glance;
use crate::past::Past;
use crate::trust::{Identity, Roster, TrustError, TrustStore, ViewerKey};

/// Events of links that wait; when full, the links read no more from their servers, which drop what overflows there.
const LINK_EVENTS: usize = 128;
/// Commands that wait for a link, which takes them at all times.
const LINK_COMMANDS: usize = 64;
/// News of sessions that wait; when full, sessions wait. This task never waits for a session.
const NEWS: usize = 256;
/// Orders that wait for a session: its answer and at most 64 candidates; one that leaves more lying is ended.
const ORDERS: usize = 96;
/// Longest wait for sessions to say goodbye when the streamer stops.
const GOODBYE: Duration = Duration::from_secs(1);
/// How often guests' ends and old rows are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What is served, to whom, and where it can be reached.
pub struct Setup {
    pub trust: Arc<TrustStore>,
    pub hub: Hub,
    pub stills: Stills,
    pub past: Past,
    pub clock: MediaClock,
    pub cameras: watch::Receiver<Arc<Vec<Camera>>>,
    pub motion: watch::Receiver<BTreeMap<CameraId, Glance>>,
    pub peer: PeerSettings,
    pub events: Events,
    pub links: Vec<LinkSetup>,
    /// Page and server that invitations name.
    pub page: String,
    pub server: LinkServer,
    pub max_viewers: usize,
}

/// A signaling server to register with.
#[derive(Clone, Debug)]
pub struct LinkSetup {
    /// `ws(s)://…/ws`, as we dial it.
    pub url: String,
    /// The own server of this process: people are not told about it, and viewers know it by the page's address.
    pub own: bool,
}

/// The running task.
pub struct Serving {
    pub desk: Desk,
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Serving {
    /// Opens the house. The store's first reading happens here, so a damaged store fails the start.
    pub async fn start(setup: Setup) -> Result<Self, TrustError> {
        let trust = setup.trust.clone();
        let (identity, roster) = blocking(move || {
            trust.prune(WallTime::now())?;
            Ok((trust.identity()?, trust.roster()?))
        })
        .await?;
        let (requests_in, requests) = mpsc::channel(REQUESTS);
        let (code_in, code) = watch::channel(Code::None);
        let (watching_in, watching) = watch::channel(Arc::default());
        let (outside_in, outside) = watch::channel(false);
        let desk = Desk { requests: requests_in, code, watching: watching.clone(), outside };
        let stop = CancellationToken::new();
        let shows = Shows { code: code_in, watching: watching_in, outside: outside_in };
        let task = Task::new(setup, identity, roster, shows, watching);
        let task = tokio::spawn(task.run(requests, stop.clone()));
        Ok(Self { desk, task, stop })
    }

    /// Refuses new viewers, says goodbye to those there are, and waits for all of it, about a second.
    pub async fn shutdown(self) {
        self.stop.cancel();
        if self.task.await.is_err() {
            warn!("the serving task ended badly");
        }
    }
}

/// A server we are registered with.
struct Server {
    setup: LinkSetup,
    commands: mpsc::Sender<CameraCommand>,
    reach: Reach,
}

/// The way to a running session.
struct Handle {
    orders: mpsc::Sender<Order>,
    end: watch::Sender<Option<Why>>,
}

/// What others see of the task.
struct Shows {
    code: watch::Sender<Code>,
    watching: watch::Sender<Arc<Vec<String>>>,
    /// Registered with a server outside.
    outside: watch::Sender<bool>,
}

struct Task {
    trust: Arc<TrustStore>,
    identity: Identity,
    roster: Roster,
    door: Door,
    house: House<ViewerKey>,
    common: Common,
    events: Events,
    servers: Vec<Server>,
    links: JoinSet<()>,
    link_events: mpsc::Receiver<(usize, CameraLinkEvent)>,
    stop_links: CancellationToken,
    /// Which server each open channel came through.
    channels: HashMap<ChannelId, usize>,
    sessions: JoinSet<()>,
    tasks: HashMap<tokio::task::Id, SessionId>,
    handles: HashMap<SessionId, Handle>,
    news: mpsc::Receiver<(SessionId, News)>,
    news_in: mpsc::Sender<(SessionId, News)>,
    stored: JoinSet<Stored>,
    shown: Option<Shown>,
    shows: Shows,
    counters: Counters,
    alarm: Alarm,
    prune: Daily,
    page: String,
    server: LinkServer,
    ice_servers: Vec<IceServer>,
}

impl Task {
    fn new(
        setup: Setup,
        identity: Identity,
        roster: Roster,
        shows: Shows,
        names: watch::Receiver<Arc<Vec<String>>>,
    ) -> Self {
        let key = Ed25519KeyPair::from_seed_unchecked(identity.mailbox_key.seed().expose());
        let key = Arc::new(key.expect("every 32 bytes are an Ed25519 seed"));
        let (news_in, news) = mpsc::channel(NEWS);
        let (events_in, link_events) = mpsc::channel(LINK_EVENTS);
        let stop_links = CancellationToken::new();
        let mut links = JoinSet::new();
        let servers_told = setup.links.iter().filter(|l| !l.own).map(|l| l.url.clone()).collect();
        let servers = setup.links.into_iter().enumerate().map(|(at, link)| {
            let (commands, inbox) = mpsc::channel(LINK_COMMANDS);
            let config = CameraLinkConfig { url: link.url.clone(), mailbox_key: key.clone() };
            let (stop, events) = (stop_links.clone(), events_in.clone());
            links.spawn(async move {
                let (own_in, mut own) = mpsc::channel(1);
                let forward = async {
                    while let Some(event) = own.recv().await {
                        if events.send((at, event)).await.is_err() {
                            return;
                        }
                    }
                };
                tokio::join!(run_camera_link(config, inbox, own_in, stop), forward);
            });
            Server { setup: link, commands, reach: Reach::default() }
        });
        let servers = servers.collect();
        let ice_servers = ice_servers(&setup.peer);
        let mut door = Door::new(identity.clone(), servers_told, Limits::default(), Arc::new(SystemRandom::new()));
        door.set_roster(roster.clone());
        Self {
            door,
            house: House::new(setup.max_viewers),
            common: Common {
                hub: setup.hub,
                stills: setup.stills,
                archive: Archive::new(setup.past),
                clock: setup.clock,
                cameras: setup.cameras,
                watching: names,
                motion: setup.motion,
                place: identity.place.as_str().into(),
                peer: setup.peer,
            },
            trust: setup.trust,
            identity,
            roster,
            events: setup.events,
            servers,
            links,
            link_events,
            stop_links,
            channels: HashMap::new(),
            sessions: JoinSet::new(),
            tasks: HashMap::new(),
            handles: HashMap::new(),
            news,
            news_in,
            stored: JoinSet::new(),
            shown: None,
            shows,
            counters: Counters::default(),
            alarm: Alarm::default(),
            prune: Daily::new(Instant::now()),
            page: setup.page,
            server: setup.server,
            ice_servers,
        }
    }

    async fn run(mut self, mut requests: mpsc::Receiver<Request>, stop: CancellationToken) {
        self.register().await;
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.drain_door().await;
            let wake = self.wake();
            tokio::select! {
                () = stop.cancelled() => break,
                Some((at, event)) = self.link_events.recv() => self.handle_link(at, event).await,
                Some((id, news)) = self.news.recv() => self.handle_news(id, news),
                Some(request) = requests.recv() => self.handle_request(request),
                Some(stored) = self.stored.join_next() => match stored {
                    Ok(stored) => self.handle_stored(stored).await,
                    Err(error) => warn!("the trust store's task ended badly: {error}"),
                },
                Some(ended) = self.sessions.join_next_with_id() => self.handle_session_task(ended),
                () = sleep_until(wake.into()) => self.handle_time(),
                _ = look.tick() => {
                    self.look_after_guests();
                    self.look_after_store(Instant::now());
                }
            }
        }
        self.close(requests).await;
    }

    fn wake(&self) -> Instant {
        let door = self.door.poll_timeout();
        let code = self.shown.as_ref().map(|shown| {
            let left = shown.expires.0.saturating_sub(WallTime::now().0);
            Instant::now() + Duration::from_micros(u64::try_from(left).unwrap_or(0))
        });
        [door, code].into_iter().flatten().min().unwrap_or_else(|| Instant::now() + LOOK_EVERY)
    }

    fn handle_time(&mut self) {
        self.door.handle_timeout(Instant::now());
        self.look_after_code();
    }

    /// Nobody comes in any more; whoever is in is told, and everything that was started is waited for.
    async fn close(mut self, requests: mpsc::Receiver<Request>) {
        drop(requests);
        for id in self.house.all() {
            self.end(id, Why::Stopping);
        }
        let goodbye = async {
            while !self.sessions.is_empty() {
                tokio::select! {
                    Some(ended) = self.sessions.join_next_with_id() => self.handle_session_task(ended),
                    Some((id, news)) = self.news.recv() => self.handle_news(id, news),
                }
                self.drain_door().await;
            }
        };
        if timeout(GOODBYE, goodbye).await.is_err() {
            info!("some viewers did not hear the goodbye");
        }
        self.sessions.shutdown().await;
        while let Ok((id, news)) = self.news.try_recv() {
            self.handle_news(id, news);
        }
        self.drain_door().await;
        while self.stored.join_next().await.is_some() {}
        self.stop_links.cancel();
        self.link_events.close();
        while self.links.join_next().await.is_some() {}
        self.publish_watching();
    }
}
