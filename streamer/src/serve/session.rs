//! One viewer's session: owner of its peer connection, its slots, its transfers and everything that runs for it. It tells
//! its house what happens and is told what to do; nothing of it outlives [`run`].

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, Layer};
use athome_shared::pair::roles::{Command, Roles, Way, allowed};
use athome_shared::peer::{Channel, PeerEvent, PeerSettings, PeerState, Sender, Shape};
use athome_shared::protocol::VERSION;
use athome_shared::protocol::control::{Attached, Camera, RefusedWhy, ToViewer};
use athome_shared::protocol::wire::{Candidate, Join, SlotKind, SlotMid, Why};
use athome_shared::time::{MediaClock, WallTime};
use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant as Deadline, sleep_until, timeout};
use tracing::debug;

use super::bulk::{Class, Made, Outgoing, Transfers};
use super::control::{Action, Verdict, decide, permitted};
use super::house::SessionId;
use super::live::Figures;
use super::moving::Moving;
use super::past::ask::Ask;
use super::past::clerk::{Archive, Clerk, Done};
use super::slots::Slots;
use super::still::StillError;
use super::stills::Stills;
use crate::hub::Hub;
use crate::motion::board::Glance;

/// Video slots at most. A viewer may ask for 16; an offer of so many would not fit a sealed message.
const MAX_VIDEO_SLOTS: u8 = 9;
/// Sound slots of each session (`docs/protocol.md` section 6).
const AUDIO_SLOTS: u8 = 4;
/// From the knock to the connection at most.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);
/// A viewer that was lost for so long is gone; a phone that changes networks is back sooner.
const LOST_LIMIT: Duration = Duration::from_secs(8);
/// A viewer that leaves no room for a message for so long does not read any more.
const DEAF_LIMIT: Duration = Duration::from_secs(5);
/// Longest wait for the connection to be taken down.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// Longest wait for a goodbye to go out.
const GOODBYE: Duration = Duration::from_millis(300);
/// Between two looks at what moves.
const MOTION_STEP: Duration = Duration::from_millis(100);
/// Peer events that wait; when full, the connection's control side waits and media reports are dropped.
const PEER_EVENTS: usize = 256;
/// Reports of slots that wait; a second's figures are dropped when it is full.
const REPORTS: usize = 32;

/// What all sessions share.
#[derive(Clone)]
pub struct Common {
    pub hub: Hub,
    pub stills: Stills,
    pub archive: Archive,
    pub clock: MediaClock,
    pub cameras: watch::Receiver<Arc<Vec<Camera>>>,
    /// Names of who watches now.
    pub watching: watch::Receiver<Arc<Vec<String>>>,
    /// What moves in front of the cameras.
    pub motion: watch::Receiver<BTreeMap<CameraId, Glance>>,
    pub place: Arc<str>,
    pub peer: PeerSettings,
}

/// Who knocked, and for what.
#[derive(Debug)]
pub struct Knock {
    pub id: SessionId,
    pub roles: Roles,
    /// The name under which the device is listed.
    pub device: String,
    pub join: Join,
}

/// What a session is told.
pub enum Order {
    /// The viewer's answer, already validated against the offer.
    Answer(String),
    Candidate(Candidate),
    /// A rename was stored, or not.
    Renamed {
        re: u32,
        done: Result<(), RefusedWhy>,
    },
}

/// What a session tells.
pub enum News {
    Offer(Box<Offered>),
    Candidate(Candidate),
    GatheringDone,
    /// The media runs.
    Live,
    /// The device wants another name.
    Rename {
        re: u32,
        name: String,
    },
    /// It is over; `why` where there is a reason to tell the viewer over its channel.
    Ended(Option<Why>),
}

/// The session's half of an offer. The description holds the ICE password.
pub struct Offered {
    pub sdp: String,
    pub fingerprint: [u8; 32],
    pub slots: Vec<SlotMid>,
    pub cameras: Vec<Camera>,
    pub attached: Vec<Attached>,
}

/// Runs a session to its end. `end` takes effect at once, whatever the session waits for.
pub async fn run(
    common: Common,
    knock: Knock,
    mut orders: mpsc::Receiver<Order>,
    mut end: watch::Receiver<Option<Why>>,
    news: mpsc::Sender<(SessionId, News)>,
) {
    let id = knock.id;
    let tell = Tell { id, news };
    let why = match Session::open(common, knock, tell.clone()).await {
        Ok(mut session) => {
            let end = tokio::select! {
                biased;
                why = told_to_end(&mut end) => End::Told(why),
                end = session.serve(&mut orders) => end,
            };
            session.close(&end).await;
            match end {
                End::Told(why) | End::Found(why) => Some(why),
                End::Lost => None,
            }
        }
        Err(error) => {
            // Without a connection there is nothing that the viewer did wrong: it may try again.
            tracing::warn!(session = id.0, "could not make an offer: {error:#}");
            Some(Why::Stopping)
        }
    };
    tell.tell(News::Ended(why)).await;
}

async fn told_to_end(end: &mut watch::Receiver<Option<Why>>) -> Why {
    match end.wait_for(Option::is_some).await {
        Ok(why) => (*why).unwrap_or(Why::Stopping),
        Err(_) => Why::Stopping,
    }
}

#[derive(Clone)]
struct Tell {
    id: SessionId,
    news: mpsc::Sender<(SessionId, News)>,
}

impl Tell {
    async fn tell(&self, news: News) {
        // The house is gone only when the program ends.
        let _gone = self.news.send((self.id, news)).await;
    }
}

/// Why a session ends.
#[derive(Debug)]
enum End {
    /// The house said so.
    Told(Why),
    /// The viewer said so, or said something that it must not.
    Found(Why),
    /// The connection failed or was silent for too long.
    Lost,
}

struct Session {
    common: Common,
    roles: Roles,
    device: String,
    shape: Shape,
    sender: Arc<Sender>,
    slots: Slots,
    events: mpsc::Receiver<PeerEvent>,
    reports: mpsc::Receiver<Figures>,
    transfers: Transfers,
    clerk: Clerk,
    stills: JoinSet<(u32, Result<Bytes, StillError>)>,
    tell: Tell,
    /// The control channel is open: the viewer can be told things.
    ctl: bool,
    /// When to give up, unless the connection stands (again) before.
    deadline: Option<Instant>,
    /// A new name is being stored.
    renaming: bool,
    /// Sound was asked for at the start, and the camera has had none so far.
    wants_sound: bool,
    moving: Moving,
    /// Motion is not looked at before.
    motion_at: Option<Instant>,
    /// It does not read what it is sent.
    deaf: bool,
}

impl Session {
    async fn open(common: Common, knock: Knock, tell: Tell) -> anyhow::Result<Self> {
        let join = permitted(knock.join, knock.roles);
        let shape = Shape { video: join.slots.clamp(1, MAX_VIDEO_SLOTS), audio: AUDIO_SLOTS };
        let (reports_in, reports) = mpsc::channel(REPORTS);
        let mut slots = Slots::new(common.hub.clone(), common.clock, shape, reports_in);
        let cameras = common.cameras.borrow().clone();
        // Before anything else: the encoder makes the key frame while the connection is being made.
        let wants_sound = !prepare(&mut slots, &cameras, &join, common.clock).await;
        let (events_in, events) = mpsc::channel(PEER_EVENTS);
        let (sender, sdp, mids) = Sender::offer(shape, &common.peer, events_in).await?;
        let offered = Offered {
            sdp,
            fingerprint: sender.local_fingerprint(),
            slots: mids,
            cameras: cameras.to_vec(),
            attached: slots.announcements(&sender),
        };
        tell.tell(News::Offer(Box::new(offered))).await;
        let clerk = Clerk::new(common.archive.clone());
        Ok(Self {
            common,
            roles: knock.roles,
            device: knock.device,
            shape,
            sender: Arc::new(sender),
            slots,
            events,
            reports,
            transfers: Transfers::default(),
            clerk,
            stills: JoinSet::new(),
            tell,
            ctl: false,
            renaming: false,
            wants_sound,
            deadline: Some(Instant::now() + CONNECT_LIMIT),
            moving: Moving::default(),
            motion_at: None,
            deaf: false,
        })
    }

    async fn serve(&mut self, orders: &mut mpsc::Receiver<Order>) -> End {
        loop {
            let end = tokio::select! {
                event = self.events.recv() => match event {
                    Some(event) => self.handle_peer(event).await,
                    None => Some(End::Lost),
                },
                order = orders.recv() => match order {
                    Some(order) => self.handle_order(order).await,
                    None => Some(End::Told(Why::Stopping)),
                },
                Some(figures) = self.reports.recv() => {
                    self.say(&stats(figures)).await;
                    None
                }
                Some(still) = self.stills.join_next() => {
                    if let Ok((re, still)) = still {
                        self.handle_still(re, still).await;
                    }
                    None
                }
                Some(done) = self.clerk.next() => {
                    self.handle_fetched(done).await;
                    None
                }
                () = until(self.transfers.poll_timeout()) => {
                    self.feed();
                    None
                }
                Ok(()) = self.common.cameras.changed() => {
                    let cameras = self.common.cameras.borrow_and_update().to_vec();
                    self.handle_cameras(cameras).await;
                    None
                }
                Ok(()) = self.common.watching.changed() => {
                    self.say_watching().await;
                    None
                }
                true = motion(&mut self.common.motion, self.motion_at), if self.ctl && self.may_watch() => {
                    self.say_moving().await;
                    None
                }
                () = until(self.deadline) => Some(End::Lost),
            };
            if let Some(end) = end {
                return end;
            }
            if self.deaf {
                return End::Lost;
            }
        }
    }

    async fn handle_peer(&mut self, event: PeerEvent) -> Option<End> {
        match event {
            PeerEvent::State(PeerState::Connected) => {
                self.deadline = None;
                self.slots.feed_all(&self.sender);
                self.tell.tell(News::Live).await;
            }
            PeerEvent::State(PeerState::Disconnected) => self.deadline = Some(Instant::now() + LOST_LIMIT),
            PeerEvent::State(PeerState::Failed | PeerState::Closed) => return Some(End::Lost),
            PeerEvent::State(PeerState::Connecting) => {}
            PeerEvent::Candidate(candidate) => self.tell.tell(News::Candidate(candidate)).await,
            PeerEvent::GatheringDone => self.tell.tell(News::GatheringDone).await,
            PeerEvent::ChannelOpen(Channel::Control) => {
                self.ctl = true;
                self.say_hello().await;
                self.give_sound().await;
            }
            PeerEvent::Message(Channel::Control, message) => return self.handle_control(&message).await,
            PeerEvent::KeyFrameWanted { slot } => self.slots.want_key_frame(slot),
            PeerEvent::TargetBitrate(bps) => self.slots.set_target_bps(bps),
            // Viewers send no bulk data and no media so far.
            PeerEvent::ChannelOpen(Channel::Bulk)
            | PeerEvent::Message(Channel::Bulk, _)
            | PeerEvent::Received(_)
            | PeerEvent::Lost { .. } => {}
        }
        None
    }

    async fn handle_order(&mut self, order: Order) -> Option<End> {
        match order {
            Order::Answer(sdp) => {
                if let Err(error) = self.sender.accept_answer(&sdp).await {
                    debug!(session = self.tell.id.0, "answer refused: {error}");
                    return Some(End::Found(Why::Protocol));
                }
            }
            Order::Candidate(candidate) => {
                // One bad candidate costs a path, not the session.
                if let Err(error) = self.sender.add_candidate(&candidate).await {
                    debug!(session = self.tell.id.0, "candidate refused: {error}");
                }
            }
            Order::Renamed { re, done } => {
                self.renaming = false;
                let answer = match done {
                    Ok(()) => ToViewer::Done { re },
                    Err(why) => ToViewer::Refused { re, why },
                };
                self.say(&answer).await;
            }
        }
        None
    }

    async fn handle_control(&mut self, message: &[u8]) -> Option<End> {
        let now = WallTime::now();
        let cameras = self.common.cameras.borrow().clone();
        match decide(message, self.roles, self.shape, &cameras, now) {
            Verdict::Do(action) => self.carry_out(action).await,
            Verdict::Answer(answer) => {
                self.say(&answer).await;
                None
            }
            Verdict::Ignore => None,
            Verdict::End(why) => Some(End::Found(why)),
        }
    }

    async fn carry_out(&mut self, action: Action) -> Option<End> {
        match action {
            Action::Watch { re, slot, camera, layer } => self.attach(re, SlotKind::Video, slot, &camera, layer).await,
            Action::Listen { re, slot, camera } => self.attach(re, SlotKind::Audio, slot, &camera, Layer::Full).await,
            Action::Unwatch { re, slot } => self.detach(re, SlotKind::Video, slot).await,
            Action::Silence { re, slot } => {
                self.wants_sound = false;
                self.detach(re, SlotKind::Audio, slot).await;
            }
            Action::Key { slot } => self.slots.want_key_frame(slot),
            Action::Pong { id, received } => self.say(&ToViewer::Pong { id, received, sent: WallTime::now() }).await,
            Action::Snapshot { re, camera } => {
                if !self.transfers.admit(Class::Still) {
                    self.say(&ToViewer::Refused { re, why: RefusedWhy::Busy }).await;
                } else {
                    let stills = self.common.stills.clone();
                    self.stills.spawn(async move { (re, stills.take(&camera).await) });
                }
            }
            Action::BulkAck { id, bytes } => {
                if self.transfers.handle_ack(id, bytes).is_err() {
                    return Some(End::Found(Why::Protocol));
                }
                self.pump().await;
            }
            Action::BulkCancel { id } => {
                if self.transfers.handle_cancel(id) {
                    self.clerk.forget(id);
                    self.say(&ToViewer::BulkEnd { id, ok: false, bytes: None, next: None }).await;
                }
            }
            Action::Cells { re, camera, on } => {
                self.moving.handle_wish(camera, on);
                self.say(&ToViewer::Done { re }).await;
                self.common.motion.mark_changed();
            }
            Action::Past(ask) => self.fetch(ask).await,
            // One at a time: each is a write to the disk that everybody else's waits for.
            Action::Rename { re, .. } if self.renaming => {
                self.say(&ToViewer::Refused { re, why: RefusedWhy::Busy }).await;
            }
            Action::Rename { re, name } => {
                self.renaming = true;
                self.tell.tell(News::Rename { re, name }).await;
            }
        }
        None
    }

    /// The old content is written no more, then the new one is announced, then its frames follow.
    async fn attach(&mut self, re: u32, kind: SlotKind, slot: u8, camera: &CameraId, layer: Layer) {
        self.wants_sound &= kind != SlotKind::Audio;
        self.put(kind, slot, camera, layer).await;
        self.say(&ToViewer::Done { re }).await;
    }

    /// Gives a slot a camera and says so.
    async fn put(&mut self, kind: SlotKind, slot: u8, camera: &CameraId, layer: Layer) {
        let now = self.common.clock.media(Instant::now());
        self.slots.prepare(kind, slot, camera, layer, now).await;
        if let Some(attached) = self.slots.announcement(&self.sender, kind, slot) {
            self.say(&ToViewer::Attached(attached)).await;
        }
        self.slots.feed(&self.sender, kind, slot);
    }

    async fn detach(&mut self, re: u32, kind: SlotKind, slot: u8) {
        if let Some(epoch) = self.slots.detach(kind, slot).await {
            self.say(&ToViewer::Detached { kind, slot, epoch }).await;
        }
        self.say(&ToViewer::Done { re }).await;
    }

    /// The list changed. What a removed camera left in a slot is taken away.
    async fn handle_cameras(&mut self, cameras: Vec<Camera>) {
        for (kind, slot) in self.slots.orphans(&cameras) {
            if let Some(epoch) = self.slots.detach(kind, slot).await {
                self.say(&ToViewer::Detached { kind, slot, epoch }).await;
            }
        }
        self.say(&ToViewer::Cameras { cameras }).await;
        self.give_sound().await;
    }

    /// Gives the sound that was wished for at the start as soon as there is any and the viewer can be told.
    async fn give_sound(&mut self) {
        if !(self.ctl && self.wants_sound) {
            return;
        }
        let cameras = self.common.cameras.borrow().clone();
        let heard = self.slots.first_picture().and_then(|id| cameras.iter().find(|c| c.id == *id && c.audio));
        if let Some(camera) = heard {
            self.wants_sound = false;
            self.put(SlotKind::Audio, 0, &camera.id, Layer::Full).await;
        }
    }

    async fn handle_still(&mut self, re: u32, still: Result<Bytes, StillError>) {
        match still {
            Ok(jpeg) => self.begin_whole(re, Class::Still, "image/jpeg", None, jpeg).await,
            Err(error) => {
                debug!(session = self.tell.id.0, "no still: {error}");
                self.transfers.give_back(Class::Still);
                self.say(&ToViewer::Refused { re, why: RefusedWhy::Unavailable }).await;
            }
        }
    }

    /// Has something of the past fetched.
    async fn fetch(&mut self, ask: Ask) {
        let (re, class) = (ask.re, Clerk::class(&ask.what));
        let busy = |re| ToViewer::Refused { re, why: RefusedWhy::Busy };
        if class.is_some_and(|class| !self.transfers.admit(class)) {
            return self.say(&busy(re)).await;
        }
        if let Some(given_up) = self.clerk.take(ask) {
            if let Some(class) = class {
                self.transfers.give_back(class);
            }
            self.say(&busy(given_up)).await;
        }
    }

    async fn handle_fetched(&mut self, done: Done) {
        match done {
            Done::Whole { re, class, got: Ok(whole), .. } => {
                self.begin_whole(re, class, whole.mime, whole.at, whole.data).await;
            }
            Done::Begun { re, class, got: Ok(begun) } => {
                let id = self.transfers.begin_open(class, begun.first, Instant::now());
                self.clerk.keep(id, begun.film);
                let at = Some(begun.at);
                self.say(&ToViewer::BulkBegin { re, id, bytes: None, mime: begun.mime, at }).await;
                self.pump().await;
            }
            Done::Whole { re, class, got: Err(why), .. } | Done::Begun { re, class, got: Err(why) } => {
                self.transfers.give_back(class);
                self.say(&ToViewer::Refused { re, why }).await;
            }
            Done::More { id, film, made } => {
                let failed = made == Made::Failed && self.transfers.contains(id);
                if self.transfers.handle_made(id, made, Instant::now()) {
                    if let Some(film) = film {
                        self.clerk.keep(id, film);
                    }
                } else if failed {
                    self.say(&ToViewer::BulkEnd { id, ok: false, bytes: None, next: None }).await;
                }
                self.pump().await;
            }
            Done::Changed { re, done: Ok(()) } => self.say(&ToViewer::Done { re }).await,
            Done::Changed { re, done: Err(why) } => self.say(&ToViewer::Refused { re, why }).await,
        }
    }

    async fn begin_whole(&mut self, re: u32, class: Class, mime: &str, at: Option<WallTime>, data: Bytes) {
        let bytes = Some(data.len() as u64);
        let id = self.transfers.begin(class, data);
        self.say(&ToViewer::BulkBegin { re, id, bytes, mime: mime.to_owned(), at }).await;
        self.pump().await;
    }

    /// Sends as much of the transfers as the viewer has room for, and has more made.
    async fn pump(&mut self) {
        while let Some(outgoing) = self.transfers.poll() {
            match outgoing {
                Outgoing::Chunk(chunk) => {
                    if !self.send(Channel::Bulk, chunk).await {
                        return;
                    }
                }
                Outgoing::Sent { id, bytes, next } => {
                    self.clerk.forget(id);
                    self.say(&ToViewer::BulkEnd { id, ok: true, bytes, next }).await;
                }
            }
        }
        self.feed();
    }

    fn feed(&mut self) {
        while let Some(id) = self.transfers.poll_hungry(Instant::now()) {
            self.clerk.more(id);
        }
    }

    async fn say_hello(&mut self) {
        let hello = ToViewer::Hello {
            v: VERSION,
            place: self.common.place.to_string(),
            device: self.device.clone(),
            roles: self.roles.list(),
            cameras: self.common.cameras.borrow_and_update().to_vec(),
        };
        self.say(&hello).await;
        self.say_watching().await;
    }

    async fn say_watching(&mut self) {
        let names = self.common.watching.borrow_and_update().to_vec();
        self.say(&ToViewer::Watching { names }).await;
    }

    fn may_watch(&self) -> bool {
        allowed(Command::Watch, &self.roles, Way::DataChannel)
    }

    async fn say_moving(&mut self) {
        self.motion_at = Some(Instant::now() + MOTION_STEP);
        let news = self.moving.handle_glances(&self.common.motion.borrow_and_update());
        for message in news {
            self.say(&message).await;
        }
    }

    async fn say(&mut self, message: &ToViewer) {
        if !self.ctl {
            return;
        }
        let Ok(json) = serde_json::to_vec(message) else { return };
        self.send(Channel::Control, json.into()).await;
    }

    /// False if the viewer did not take it: the channel is gone, which the connection's own end follows, or full for too
    /// long, which ends the session.
    async fn send(&mut self, channel: Channel, message: Bytes) -> bool {
        match timeout(DEAF_LIMIT, self.sender.send(channel, message)).await {
            Ok(sent) => sent.is_ok(),
            Err(_) => {
                self.deaf = true;
                false
            }
        }
    }

    async fn close(mut self, end: &End) {
        self.slots.stop().await;
        if let End::Told(why) | End::Found(why) = end {
            let _unheard = timeout(GOODBYE, self.say(&ToViewer::Bye { why: *why })).await;
        }
        self.stills.shutdown().await;
        self.clerk.close().await;
        if timeout(CLOSE_LIMIT, self.sender.close()).await.is_err() {
            tracing::warn!(session = self.tell.id.0, "the connection did not close in time");
        }
    }
}

/// Gives the slots what the viewer wished for and may have; the sound is that of the first picture. False if sound was wished for and the
/// camera has none yet: a microphone may open after its camera.
async fn prepare(slots: &mut Slots, cameras: &[Camera], join: &Join, clock: MediaClock) -> bool {
    let now = clock.media(Instant::now());
    let mut first = None;
    for wish in &join.watch {
        let camera = match &wish.camera {
            Some(id) => cameras.iter().find(|c| c.id == *id),
            None => cameras.first(),
        };
        let Some(camera) = camera else { continue };
        if slots.prepare(SlotKind::Video, wish.slot, &camera.id, wish.layer, now).await {
            first.get_or_insert(camera);
        }
    }
    match first.filter(|camera| join.audio && camera.audio) {
        Some(camera) => slots.prepare(SlotKind::Audio, 0, &camera.id, Layer::Full, now).await,
        None => !join.audio,
    }
}

fn stats(figures: Figures) -> ToViewer {
    let Figures { slot, epoch, encode_us, hub_us, send_us, frames, bytes, dropped, target_bps } = figures;
    ToViewer::SlotStats { slot, epoch, encode_us, hub_us, send_us, frames, bytes, dropped, target_bps }
}

/// True once motion is to be looked at again.
async fn motion(changes: &mut watch::Receiver<BTreeMap<CameraId, Glance>>, not_before: Option<Instant>) -> bool {
    if let Some(at) = not_before {
        sleep_until(Deadline::from_std(at)).await;
    }
    changes.changed().await.is_ok()
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(Deadline::from_std(at)).await,
        None => pending().await,
    }
}
