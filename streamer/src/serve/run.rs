//! The task that serves viewers: it carries messages between the signaling links, the door, the trust store and the
//! sessions, and owns all of them. What is decided, is decided in [`Door`] and [`House`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::id::{ChannelId, MailboxId};
use athome_shared::pair::b64;
use athome_shared::pair::keys;
use athome_shared::pair::link::{Link, LinkServer};
use athome_shared::pair::roles::Roles;
use athome_shared::peer::PeerSettings;
use athome_shared::protocol::VERSION;
use athome_shared::protocol::control::{Camera, RefusedWhy, Role};
use athome_shared::protocol::signal::CloseCode;
use athome_shared::protocol::wire::{FromCamera, IceServer, Join, Offer, PairHello, Refused, Why};
use athome_shared::signal::camera::{CameraCommand, CameraLinkConfig, CameraLinkEvent, RingKind, run_camera_link};
use athome_shared::time::{MediaClock, WallTime};
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::desk::{Code, Counters, Desk, DeskError, Invitation, REQUESTS, Request, ViewerRow};
use super::door::{Door, DoorOutput, Gone, Limits, Ring, close};
use super::house::{Admission, BUSY_RETRY_S, House, SessionId};
use super::session::{self, Common, Knock, News, Offered, Order};
use crate::events::{Events, Kind};
use crate::hub::Hub;
use crate::trust::{Enrolment, Identity, Roster, TrustError, TrustStore, Viewer, ViewerKey, ViewerState};

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
    pub clock: MediaClock,
    pub cameras: watch::Receiver<Arc<Vec<Camera>>>,
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
        let desk = Desk { requests: requests_in, code, watching: watching.clone() };
        let stop = CancellationToken::new();
        let task = Task::new(setup, identity, roster, code_in, watching_in, watching);
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

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TrustError> + Send + 'static,
) -> Result<T, TrustError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(TrustError::Damaged("what the store returned")),
    }
}

/// A server we are registered with.
struct Server {
    setup: LinkSetup,
    commands: mpsc::Sender<CameraCommand>,
    up: bool,
}

/// The way to a running session.
struct Handle {
    orders: mpsc::Sender<Order>,
    end: watch::Sender<Option<Why>>,
}

/// The invitation that is shown.
struct Shown {
    mailbox: MailboxId,
    expires: WallTime,
}

/// What the store did.
enum Stored {
    Enrolled {
        chan: ChannelId,
        done: Result<(Enrolment, Roster), TrustError>,
    },
    Confirmed {
        done: Result<Roster, TrustError>,
    },
    Invited {
        answer: oneshot::Sender<Result<Invitation, DeskError>>,
        done: Result<(Invitation, MailboxId, Roster), TrustError>,
    },
    Revoked {
        viewer: ViewerKey,
        answer: oneshot::Sender<Result<ViewerRow, DeskError>>,
        done: Result<Roster, TrustError>,
    },
    Renamed {
        session: SessionId,
        viewer: ViewerKey,
        re: u32,
        done: Result<(String, Roster), TrustError>,
    },
    Nothing(Result<(), TrustError>),
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
    code: watch::Sender<Code>,
    watching: watch::Sender<Arc<Vec<String>>>,
    counters: Counters,
    page: String,
    server: LinkServer,
    ice_servers: Vec<IceServer>,
}

impl Task {
    fn new(
        setup: Setup,
        identity: Identity,
        roster: Roster,
        code: watch::Sender<Code>,
        watching: watch::Sender<Arc<Vec<String>>>,
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
            Server { setup: link, commands, up: false }
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
                clock: setup.clock,
                cameras: setup.cameras,
                watching: names,
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
            code,
            watching,
            counters: Counters::default(),
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
                _ = look.tick() => self.look_after_guests(),
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

    async fn handle_link(&mut self, at: usize, event: CameraLinkEvent) {
        let now = Instant::now();
        match event {
            CameraLinkEvent::Joined => self.link_changed(at, true),
            CameraLinkEvent::Ring { chan, kind } => {
                // The same number through two servers would mix two viewers: the second is turned away.
                if self.channels.contains_key(&chan) {
                    self.command(at, CameraCommand::Close { chan, code: CloseCode::Busy }).await;
                    return;
                }
                self.channels.insert(chan, at);
                let ring = match kind {
                    RingKind::Session => Ring::Session,
                    RingKind::Pairing(mailbox) => Ring::Pairing(mailbox),
                };
                self.door.handle_ring(now, chan, ring);
            }
            CameraLinkEvent::Data { chan, body } if self.channels.get(&chan) == Some(&at) => {
                self.door.handle_data(now, WallTime::now(), chan, &body);
            }
            CameraLinkEvent::Closed { chan, .. } if self.channels.get(&chan) == Some(&at) => {
                self.channels.remove(&chan);
                self.door.handle_close(now, chan);
            }
            CameraLinkEvent::Data { .. } | CameraLinkEvent::Closed { .. } | CameraLinkEvent::Draining => {}
            CameraLinkEvent::Down { retry_in, why } => {
                self.link_changed(at, false);
                info!(retry_s = retry_in.as_secs(), "signaling server {}: {why}", self.server_name(at));
            }
            CameraLinkEvent::Replaced => {
                self.link_changed(at, false);
                warn!(
                    "signaling server {}: another streamer with this identity took over; stop one of the two",
                    self.server_name(at)
                );
            }
        }
    }

    fn link_changed(&mut self, at: usize, up: bool) {
        let Some(server) = self.servers.get_mut(at) else { return };
        if std::mem::replace(&mut server.up, up) != up && !server.setup.own {
            let server = server.setup.url.clone();
            self.events.streamer(if up { Kind::SignalingUp { server } } else { Kind::SignalingDown { server } });
        }
    }

    fn server_name(&self, at: usize) -> &str {
        self.servers.get(at).map_or("", |server| server.setup.url.as_str())
    }

    async fn command(&self, at: usize, command: CameraCommand) {
        if let Some(server) = self.servers.get(at) {
            // A link that has ended was told to, or panicked; the others go on.
            let _ended = server.commands.send(command).await;
        }
    }

    /// Does what the door asks for, until it asks for nothing.
    async fn drain_door(&mut self) {
        while let Some(output) = self.door.poll_output() {
            match output {
                DoorOutput::Send { chan, data } => {
                    if let Some(at) = self.channels.get(&chan).copied() {
                        self.command(at, CameraCommand::Data { chan, body: data }).await;
                    }
                }
                DoorOutput::Close { chan, code } => {
                    if let Some(at) = self.channels.remove(&chan) {
                        self.command(at, CameraCommand::Close { chan, code: code.into() }).await;
                    }
                }
                DoorOutput::Enrol { chan, pair_mailbox, v_pub, hello } => self.enrol(chan, pair_mailbox, v_pub, hello),
                DoorOutput::Confirm { v_pub } => self.confirm(v_pub),
                DoorOutput::Paired { label, .. } => {
                    self.counters.devices_paired += 1;
                    self.events.streamer(Kind::DevicePaired { name: label });
                }
                DoorOutput::Knock { chan, viewer, join } => self.knock(chan, &viewer, join),
                DoorOutput::Answer { chan, sdp, .. } => {
                    if let Some(id) = self.house.answered(chan) {
                        self.order(id, Order::Answer(sdp));
                    }
                }
                DoorOutput::Candidate { chan, candidate } => {
                    if let Some(id) = self.house.on_channel(chan) {
                        self.order(id, Order::Candidate(candidate));
                    }
                }
                DoorOutput::CandEnd { .. } => {}
                DoorOutput::Gone { chan, why } => self.channel_gone(chan, &why),
            }
        }
    }

    fn channel_gone(&mut self, chan: ChannelId, why: &Gone) {
        let session = self.house.on_channel(chan);
        let depended = self.house.channel_gone(chan);
        if let Gone::Failed(text) = why {
            info!("a viewer's channel ended: {text}");
        }
        match (why, session) {
            (Gone::Bye(_), Some(id)) => self.end(id, Why::Left),
            (Gone::Refused(why), Some(id)) => self.end(id, *why),
            _ => {
                if let Some(id) = depended {
                    self.end(id, Why::Left);
                }
            }
        }
    }

    fn enrol(&mut self, chan: ChannelId, pair_mailbox: MailboxId, v_pub: ViewerKey, hello: PairHello) {
        let trust = self.trust.clone();
        self.stored.spawn(async move {
            let done = blocking(move || {
                let enrolment = trust.enrol(WallTime::now(), pair_mailbox, &v_pub, &hello)?;
                Ok((enrolment, trust.roster()?))
            });
            Stored::Enrolled { chan, done: done.await }
        });
    }

    fn confirm(&mut self, v_pub: ViewerKey) {
        let trust = self.trust.clone();
        self.stored.spawn(async move {
            let done = blocking(move || {
                trust.confirm(&v_pub)?;
                trust.roster()
            });
            Stored::Confirmed { done: done.await }
        });
    }

    fn knock(&mut self, chan: ChannelId, viewer: &Viewer, join: Join) {
        match self.house.knock(viewer.v_pub, &viewer.label, chan) {
            Admission::Busy { count } => {
                self.counters.refused_busy += 1;
                self.door.refuse(
                    chan,
                    Refused {
                        why: Why::Busy,
                        who: None,
                        count: Some(u32::try_from(count).unwrap_or(u32::MAX)),
                        retry_s: Some(BUSY_RETRY_S),
                    },
                );
            }
            Admission::Welcome { id, replaces } => {
                for older in replaces {
                    self.end(older, Why::Replaced);
                }
                self.counters.sessions_begun += 1;
                let (orders_in, orders) = mpsc::channel(ORDERS);
                let (end_in, end) = watch::channel(None);
                self.handles.insert(id, Handle { orders: orders_in, end: end_in });
                let knock = Knock { id, roles: viewer.roles, device: viewer.label.clone(), join };
                let session = session::run(self.common.clone(), knock, orders, end, self.news_in.clone());
                let task = self.sessions.spawn(session).id();
                self.tasks.insert(task, id);
            }
        }
    }

    fn order(&mut self, id: SessionId, order: Order) {
        let Some(handle) = self.handles.get(&id) else { return };
        // It has not read its orders for a whole negotiation: it never will.
        if handle.orders.try_send(order).is_err() {
            self.end(id, Why::Protocol);
        }
    }

    fn end(&mut self, id: SessionId, why: Why) {
        if let Some(handle) = self.handles.get(&id) {
            // The first reason stands.
            handle.end.send_if_modified(|end| end.is_none() && end.replace(why).is_none());
        }
    }

    fn handle_news(&mut self, id: SessionId, news: News) {
        let chan = self.house.channel(id);
        match (news, chan) {
            (News::Offer(offered), Some(chan)) => match self.offer(*offered) {
                Ok(offer) => self.door.offer(Instant::now(), chan, offer),
                Err(error) => {
                    warn!("no offer: {error}");
                    self.end(id, Why::Stopping);
                }
            },
            (News::Candidate(candidate), Some(chan)) => self.door.send(chan, &FromCamera::Cand(candidate)),
            (News::GatheringDone, Some(chan)) => self.door.send(chan, &FromCamera::CandEnd),
            (News::Offer(_) | News::Candidate(_) | News::GatheringDone, None) => {}
            (News::Live, _) => self.session_live(id),
            (News::Rename { re, name }, _) => self.rename(id, re, name),
            (News::Ended(why), chan) => {
                if let (Some(why), Some(chan)) = (why, chan) {
                    self.door.refuse(chan, Refused { why, who: None, count: None, retry_s: None });
                    self.door.send(chan, &FromCamera::Bye { why });
                } else if let Some(chan) = chan {
                    self.door.close(chan, close::DONE);
                }
                self.session_ended(id);
            }
        }
    }

    fn offer(&self, offered: Offered) -> Result<Offer, TrustError> {
        let kb: [u8; 32] = keys::random(&SystemRandom::new())?;
        Ok(Offer {
            v: VERSION,
            sdp: offered.sdp,
            fp: b64::encode(&offered.fingerprint),
            kb: b64::encode(&kb),
            ice_servers: self.ice_servers.clone(),
            slots: offered.slots,
            cameras: offered.cameras,
            attached: offered.attached,
        })
    }

    fn session_live(&mut self, id: SessionId) {
        let Some((viewer, name)) = self.house.live(id) else { return };
        self.counters.sessions_live += 1;
        self.publish_watching();
        self.events.streamer(Kind::ViewerJoined { name });
        let trust = self.trust.clone();
        self.stored
            .spawn(async move { Stored::Nothing(blocking(move || trust.touch(WallTime::now(), &viewer)).await) });
    }

    fn session_ended(&mut self, id: SessionId) {
        self.handles.remove(&id);
        if let Some(name) = self.house.ended(id) {
            self.events.streamer(Kind::ViewerLeft { name });
        }
        self.publish_watching();
    }

    /// A session's task is over; one that panicked could not say so itself.
    fn handle_session_task(&mut self, ended: Result<(tokio::task::Id, ()), JoinError>) {
        let task = match &ended {
            Ok((task, ())) => *task,
            Err(error) => error.id(),
        };
        if let Some(id) = self.tasks.remove(&task)
            && ended.is_err()
        {
            warn!(session = id.0, "a session ended badly");
            self.session_ended(id);
        }
    }

    fn publish_watching(&mut self) {
        let names = self.house.watching();
        self.watching.send_if_modified(|shown| {
            let news = **shown != names;
            if news {
                *shown = Arc::new(names);
            }
            news
        });
    }

    fn rename(&mut self, session: SessionId, re: u32, name: String) {
        let Some(viewer) = self.house.viewer(session) else { return };
        let trust = self.trust.clone();
        self.stored.spawn(async move {
            let done = blocking(move || {
                let name = trust.rename(&viewer, &name)?;
                Ok((name, trust.roster()?))
            });
            Stored::Renamed { session, viewer, re, done: done.await }
        });
    }

    fn handle_request(&mut self, request: Request) {
        match request {
            Request::Invite { roles, ttl, uses, answer } => self.invite(roles, ttl, uses, answer),
            Request::Viewers { answer } => {
                let rows = self.roster.viewers().map(|viewer| self.row(viewer)).collect();
                // Whoever asked may have gone.
                let _gone = answer.send(Ok(rows));
            }
            Request::Revoke { id, answer } => {
                let found = self.roster.viewers().find(|v| v.id() == id && v.state != ViewerState::Revoked);
                match found.map(|v| v.v_pub) {
                    Some(viewer) => self.revoke(viewer, answer),
                    None => {
                        let _gone = answer.send(Err(DeskError::UnknownViewer));
                    }
                }
            }
            Request::Counters { answer } => {
                let (sessions, watching) = (self.house.all().len(), self.house.watching().len());
                let _gone = answer.send(Counters { sessions, watching, ..self.counters });
            }
        }
    }

    fn row(&self, viewer: &Viewer) -> ViewerRow {
        let state = match viewer.state {
            ViewerState::Pending => "pending",
            ViewerState::Valid => "valid",
            ViewerState::Revoked => "revoked",
        };
        ViewerRow {
            id: viewer.id(),
            name: viewer.label.clone(),
            roles: viewer.roles.list(),
            state: state.to_owned(),
            created: viewer.created,
            last_seen: viewer.last_seen,
            expires: viewer.expires,
            watching: self.house.is_watching(&viewer.v_pub),
        }
    }

    fn invite(
        &mut self,
        roles: Option<Roles>,
        ttl: Duration,
        uses: u16,
        answer: oneshot::Sender<Result<Invitation, DeskError>>,
    ) {
        if self.servers.is_empty() {
            let why = "No device could reach this camera: switch the own server on, or name one with --signaling.";
            let _gone = answer.send(Err(DeskError::Refused(why.to_owned())));
            return;
        }
        let nobody_yet = self.roster.viewers().all(|v| v.state == ViewerState::Revoked);
        let usual = if nobody_yet { Roles::owner() } else { Roles::of(&FAMILY) };
        let roles = roles.unwrap_or(usual);
        let (trust, s_pub) = (self.trust.clone(), *self.identity.keys.public());
        let (page, server) = (self.page.clone(), self.server.clone());
        self.stored.spawn(async move {
            let done = blocking(move || {
                let (invite, secret) = trust.new_invite(WallTime::now(), roles, ttl, uses.into())?;
                let link = Link { server, s_pub, secret, page }.to_url();
                let invitation = Invitation { link, roles: invite.roles.list(), uses, expires: invite.expires };
                Ok((invitation, invite.pair_mailbox, trust.roster()?))
            });
            Stored::Invited { answer, done: done.await }
        });
    }

    fn revoke(&mut self, viewer: ViewerKey, answer: oneshot::Sender<Result<ViewerRow, DeskError>>) {
        let trust = self.trust.clone();
        self.stored.spawn(async move {
            let done = blocking(move || {
                trust.revoke(WallTime::now(), &viewer)?;
                trust.roster()
            });
            Stored::Revoked { viewer, answer, done: done.await }
        });
    }

    async fn handle_stored(&mut self, stored: Stored) {
        match stored {
            Stored::Enrolled { chan, done: Ok((enrolment, roster)) } => {
                self.adopt(roster).await;
                self.door.enrolled(chan, enrolment);
            }
            Stored::Enrolled { chan, done: Err(error) } => {
                warn!("a device could not be paired: {error}");
                self.door.close(chan, close::DONE);
            }
            Stored::Confirmed { done: Ok(roster) } => self.adopt(roster).await,
            Stored::Invited { answer, done: Ok((invitation, mailbox, roster)) } => {
                self.shown = Some(Shown { mailbox, expires: invitation.expires });
                self.adopt(roster).await;
                self.code.send_replace(Code::Open(Arc::new(invitation.clone())));
                let _gone = answer.send(Ok(invitation));
            }
            Stored::Invited { answer, done: Err(error) } => {
                let _gone = answer.send(Err(DeskError::Refused(sentence(&error))));
            }
            Stored::Revoked { viewer, answer, done: Ok(roster) } => {
                for id in self.house.of_viewer(&viewer) {
                    self.end(id, Why::Revoked);
                }
                self.adopt(roster).await;
                let row = self.roster.viewer(&viewer).map(|viewer| self.row(viewer));
                let _gone = answer.send(row.ok_or(DeskError::UnknownViewer));
            }
            Stored::Revoked { answer, done: Err(error), .. } => {
                let _gone = answer.send(Err(DeskError::Refused(sentence(&error))));
            }
            Stored::Renamed { session, viewer, re, done } => {
                let done = match done {
                    Ok((name, roster)) => {
                        self.house.renamed(&viewer, &name);
                        self.adopt(roster).await;
                        self.publish_watching();
                        Ok(())
                    }
                    Err(error) => {
                        info!("a device could not be renamed: {error}");
                        Err(RefusedWhy::Invalid)
                    }
                };
                self.order(session, Order::Renamed { re, done });
            }
            Stored::Confirmed { done: Err(error) } | Stored::Nothing(Err(error)) => warn!("trust store: {error}"),
            Stored::Nothing(Ok(())) => {}
        }
    }

    /// Takes a newer copy of the roster: the door, the servers and whoever shows the code go by it.
    async fn adopt(&mut self, roster: Roster) {
        // Two of the store's answers may overtake each other.
        if roster.epoch() < self.roster.epoch() {
            return;
        }
        self.roster = roster.clone();
        self.door.set_roster(roster);
        self.register().await;
        self.look_after_code();
    }

    /// Tells every server who may ring.
    async fn register(&self) {
        for server in &self.servers {
            let _ended = server.commands.send(CameraCommand::Caps(self.roster.cap_hashes())).await;
            let _ended = server.commands.send(CameraCommand::Invites(self.roster.pair_mailboxes())).await;
        }
    }

    /// Withdraws a code from the screen once it was used up or ran out.
    fn look_after_code(&mut self) {
        let Some(shown) = &self.shown else { return };
        let now = WallTime::now();
        let invite = self.roster.invite(shown.mailbox);
        let used = invite.filter(|i| i.uses_left == 0).and_then(|i| i.used_by.clone());
        if let Some(device) = used {
            self.shown = None;
            self.code.send_replace(Code::Used { device, at: now });
        } else if shown.expires <= now || invite.is_none() {
            self.shown = None;
            self.code.send_replace(Code::Expired);
            self.events.streamer(Kind::CodeExpired);
        }
    }

    /// Ends the sessions of guests whose access ran out.
    fn look_after_guests(&mut self) {
        let now = WallTime::now();
        let ended: Vec<ViewerKey> = self.roster.viewers().filter(|v| v.expired(now)).map(|v| v.v_pub).collect();
        for viewer in ended {
            for id in self.house.of_viewer(&viewer) {
                self.end(id, Why::GuestEnded);
            }
        }
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

/// A family's device: sees, listens, talks, looks back.
const FAMILY: [Role; 3] = [Role::View, Role::Talk, Role::Playback];

fn sentence(error: &TrustError) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}

fn ice_servers(peer: &PeerSettings) -> Vec<IceServer> {
    let stun = (!peer.stun_servers.is_empty()).then(|| IceServer {
        urls: peer.stun_servers.clone(),
        username: None,
        credential: None,
    });
    stun.into_iter().chain(peer.turn_servers.iter().cloned()).collect()
}
