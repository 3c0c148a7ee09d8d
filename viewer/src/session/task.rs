//! Moves the bytes of one session or pairing between the signaling channel, the peer connection and the consumers.
//! Nothing is decided here.

use std::collections::HashMap;
use std::time::Instant;

use athome_shared::id::{CameraId, Layer};
use athome_shared::pair::keys::{self, StaticKeypair};
use athome_shared::pair::link::Link;
use athome_shared::pair::noise::{Ephemeral, Initiator};
use athome_shared::peer::{Channel, PeerEvent, PeerSettings, PeerStats, Receiver};
use athome_shared::protocol::control::RefusedWhy;
use athome_shared::protocol::signal::CloseCode;
use athome_shared::protocol::wire::{Join, SlotKind};
use athome_shared::signal::{self, ChannelEvent, ViewerLink};
use athome_shared::time::WallTime;
use ring::rand::SystemRandom;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::MediaSink;
use super::bulk::{Act, Announced, Bulk, BulkError, Transfers, Wanted};
use super::ended::Ended;
use super::machine::{Event, Output, Proof, Session, Stage};
use super::pairing::{self, Pairing};
use super::past::{Ask, Film};
use super::slots::Admit;
use crate::play::clock::SharedOffset;
use crate::store::Place;

/// Events of the peer connection on their way here: a second of several cameras. When full, media is dropped (and
/// counted) by the sending side; the rest waits.
const PEER_EVENTS: usize = 512;
/// A wish of the consumer's.
#[derive(Debug)]
pub enum Request {
    Watch {
        slot: u8,
        camera: CameraId,
        layer: Layer,
        reply: oneshot::Sender<Reply>,
    },
    Unwatch {
        slot: u8,
        reply: oneshot::Sender<Reply>,
    },
    Listen {
        slot: u8,
        camera: Option<CameraId>,
        reply: oneshot::Sender<Reply>,
    },
    Key {
        slot: u8,
    },
    Rename {
        name: String,
        reply: oneshot::Sender<Reply>,
    },
    /// Something that comes as a whole; given up when the receiver of the reply is dropped.
    Fetch {
        ask: Ask,
        reply: oneshot::Sender<Result<Bulk, BulkError>>,
    },
    /// Something that is taken as it comes.
    Film {
        ask: Ask,
        queue: mpsc::Sender<Self>,
        reply: oneshot::Sender<Result<Film, BulkError>>,
    },
    /// Something that is only done.
    Do {
        ask: Ask,
        reply: oneshot::Sender<Reply>,
    },
    /// So much of a film was taken in all.
    Taken {
        id: u32,
        bytes: u64,
    },
    /// Nobody wants a film any more.
    GiveUp {
        id: u32,
    },
    Stats {
        reply: oneshot::Sender<PeerStats>,
    },
}

/// The one answer to a request.
pub type Reply = Result<(), RefusedWhy>;

/// What one session needs.
pub(super) struct Run<'a> {
    pub(super) link: &'a ViewerLink,
    pub(super) place: &'a Place,
    pub(super) key: &'a StaticKeypair,
    pub(super) join: Join,
    pub(super) settings: &'a PeerSettings,
    pub(super) requests: &'a mut mpsc::Receiver<Request>,
    pub(super) events: &'a mpsc::Sender<super::client::ClientEvent>,
    pub(super) media: &'a mut dyn MediaSink,
    pub(super) offset: &'a SharedOffset,
    pub(super) stop: &'a CancellationToken,
    /// Sees every request before it is carried out, to restore it in the next session.
    pub(super) remember: &'a mut (dyn FnMut(&Request) + Send),
}

/// Runs one session to its end.
pub(super) async fn run(mut run: Run<'_>) -> Ended {
    let Ok(channel) = run.link.open_session(run.place.mailbox, &run.place.cap).await else { return Ended::NoServer };
    let Some(proof) = prove(run.place, run.key, &channel) else {
        return Ended::Protocol("keys that no handshake can be made of");
    };
    let Ok(session) = Session::new(Instant::now(), proof, &run.join) else {
        return Ended::Protocol("a join that does not fit its envelope");
    };
    let mut moving = Moving {
        session,
        channel: Some(channel),
        receiver: None,
        peer_events: None,
        replies: HashMap::new(),
        transfers: Transfers::default(),
    };
    let ended = loop {
        if let Some(ended) = moving.carry_out(&mut run).await {
            break ended;
        }
        moving.wait(&mut run).await;
    };
    moving.close().await;
    ended
}

fn prove(place: &Place, key: &StaticKeypair, channel: &signal::Channel) -> Option<Proof> {
    let rng = SystemRandom::new();
    let ephemeral = Ephemeral::generate(&rng).ok()?;
    let initiator =
        Initiator::session(key, &place.streamer, &place.psk, place.mailbox, channel.id(), ephemeral).ok()?;
    Some(Proof { initiator, kb: keys::random(&rng).ok()? })
}

/// One session's moving parts.
struct Moving {
    session: Session,
    channel: Option<signal::Channel>,
    receiver: Option<Receiver>,
    peer_events: Option<mpsc::Receiver<PeerEvent>>,
    replies: HashMap<u32, oneshot::Sender<Reply>>,
    transfers: Transfers,
}

impl Moving {
    /// Waits for the next thing to happen and tells the session.
    async fn wait(&mut self, run: &mut Run<'_>) {
        let timeout = self.session.poll_timeout();
        tokio::select! {
            biased;
            () = run.stop.cancelled(), if self.session.stage() != Stage::Closing => self.session.leave(),
            event = next(&mut self.peer_events) => self.handle_peer(run, event),
            event = recv(&mut self.channel) => match event {
                Some(ChannelEvent::Data(data)) => self.session.handle_sealed(Instant::now(), &data),
                Some(ChannelEvent::Closed(code)) => {
                    self.channel = None;
                    self.session.handle_channel_closed(Some(code));
                }
                None => {
                    self.channel = None;
                    self.session.handle_channel_closed(None);
                }
            },
            request = run.requests.recv() => if let Some(request) = request {
                (run.remember)(&request);
                self.handle_request(request).await;
            },
            () = until(timeout) => {
                self.session.handle_timeout(Instant::now(), WallTime::now());
                self.transfers.handle_time();
                self.act();
            }
        }
    }

    fn handle_peer(&mut self, run: &mut Run<'_>, event: PeerEvent) {
        match event {
            PeerEvent::Received(frame) => match self.session.admit(&frame) {
                Admit::Show(content) => {
                    let content = std::sync::Arc::clone(content);
                    run.media.frame(content, frame);
                }
                Admit::KeyFrameNeeded { slot } => {
                    run.media.key_frame_needed(slot);
                }
                Admit::Hide => {}
            },
            PeerEvent::Lost { kind, mid } => {
                if kind == SlotKind::Video
                    && let Some(slot) = self.session.slots().number(kind, &mid)
                {
                    run.media.lost(slot);
                }
            }
            PeerEvent::State(state) => self.session.handle_peer_state(Instant::now(), state),
            PeerEvent::Candidate(candidate) => self.session.handle_candidate(candidate),
            PeerEvent::GatheringDone => self.session.handle_gathering_done(),
            PeerEvent::ChannelOpen(channel) => self.session.handle_channel_open(Instant::now(), channel),
            PeerEvent::Message(Channel::Control, message) => {
                self.session.handle_control(Instant::now(), WallTime::now(), &message);
                run.offset.set(self.session.clock().offset_us());
            }
            PeerEvent::Message(Channel::Bulk, message) => {
                self.transfers.handle_chunk(&message);
                self.act();
            }
            // A streamer's affairs.
            PeerEvent::KeyFrameWanted { .. } | PeerEvent::TargetBitrate(_) => {}
        }
    }

    async fn handle_request(&mut self, request: Request) {
        match request {
            Request::Watch { slot, camera, layer, reply } => {
                let re = self.session.watch(slot, camera, layer);
                self.replies.insert(re, reply);
            }
            Request::Unwatch { slot, reply } => {
                let re = self.session.unwatch(slot);
                self.replies.insert(re, reply);
            }
            Request::Listen { slot, camera, reply } => {
                let re = self.session.listen(slot, camera);
                self.replies.insert(re, reply);
            }
            Request::Rename { name, reply } => {
                let re = self.session.rename(name);
                self.replies.insert(re, reply);
            }
            Request::Fetch { ask, reply } => {
                let re = self.session.ask(ask);
                self.transfers.want(re, Wanted::Whole(reply));
            }
            Request::Film { ask, queue, reply } => {
                let re = self.session.ask(ask);
                self.transfers.want(re, Wanted::Film { queue, reply });
            }
            Request::Do { ask, reply } => {
                let re = self.session.ask(ask);
                self.replies.insert(re, reply);
            }
            Request::Taken { id, bytes } => {
                self.transfers.handle_taken(id, bytes);
                self.act();
            }
            Request::GiveUp { id } => {
                self.transfers.give_up(id);
                self.act();
            }
            Request::Key { slot } => {
                if let Some(receiver) = &self.receiver
                    && let Some(mid) = self.session.slots().mid(SlotKind::Video, slot)
                {
                    let _ = receiver.request_key_frame(mid).await;
                    self.session.key_frame(slot);
                }
            }
            Request::Stats { reply } => {
                if let Some(receiver) = &self.receiver {
                    // The asker may have gone.
                    let _ = reply.send(receiver.stats().await);
                }
            }
        }
    }

    /// Does what the session asks for; its end, if that was among it.
    async fn carry_out(&mut self, run: &mut Run<'_>) -> Option<Ended> {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Sealed(message) => {
                    if let Some(channel) = &self.channel
                        && channel.send(message.into()).await.is_err()
                    {
                        self.channel = None;
                        self.session.handle_channel_closed(None);
                    }
                }
                Output::CloseChannel => {
                    if let Some(channel) = self.channel.take() {
                        channel.close(CloseCode::Done).await;
                    }
                }
                Output::Answer { sdp, ice_servers } => self.answer(run, &sdp, ice_servers).await,
                Output::Candidate(candidate) => {
                    if let Some(receiver) = &self.receiver
                        && let Err(error) = receiver.add_candidate(&candidate).await
                    {
                        debug!(%error, "a candidate was left out");
                    }
                }
                Output::Control(message) => {
                    if let Some(receiver) = &self.receiver
                        && let Err(error) = receiver.send(Channel::Control, message).await
                    {
                        debug!(%error, "a control message was not sent");
                    }
                }
                Output::Event(event) => self.tell(run, event).await,
                Output::Ended(ended) => return Some(ended),
            }
        }
        None
    }

    async fn answer(
        &mut self,
        run: &mut Run<'_>,
        sdp: &str,
        ice_servers: Vec<athome_shared::protocol::wire::IceServer>,
    ) {
        let mut settings = run.settings.clone();
        settings.add_servers(ice_servers);
        let (tx, rx) = mpsc::channel(PEER_EVENTS);
        match Receiver::answer(sdp, &settings, tx).await {
            Ok((receiver, answer)) => {
                self.receiver = Some(receiver);
                self.peer_events = Some(rx);
                self.session.handle_answer(answer);
            }
            Err(error) => {
                debug!(%error, "the offer can't be answered");
                self.session.handle_unanswerable();
            }
        }
    }

    async fn tell(&mut self, run: &mut Run<'_>, event: Event) {
        match &event {
            Event::Reply { re, refused } => {
                if let Some(reply) = self.replies.remove(re) {
                    let _ = reply.send(refused.map_or(Ok(()), Err));
                }
                if let Some(why) = refused {
                    self.transfers.handle_refused(*re, *why);
                }
            }
            Event::BulkBegin { re, id, bytes, mime, at } => {
                let begin = Announced { re: *re, id: *id, bytes: *bytes, mime: mime.clone(), at: *at };
                self.transfers.handle_begin(begin);
                self.act();
            }
            Event::BulkEnd { id, ok, bytes, next } => {
                self.transfers.handle_end(*id, *ok, *bytes, *next);
                self.act();
            }
            Event::Attached(attached) => run.media.attached(attached),
            Event::Detached { kind, slot } => run.media.detached(*kind, *slot),
            Event::Stage(_)
            | Event::Hello { .. }
            | Event::Cameras(_)
            | Event::Watching(_)
            | Event::Motion { .. }
            | Event::SlotStats { .. } => {}
        }
        // A consumer that does not read its events holds up its own session, nobody else's.
        tokio::select! {
            _ = run.events.send(super::client::ClientEvent::Session(event)) => {}
            () = run.stop.cancelled() => {}
        }
    }

    /// Says what the transfers have to say.
    fn act(&mut self) {
        for act in self.transfers.take_acts() {
            match act {
                Act::Ack { id, bytes } => self.session.bulk_ack(id, bytes),
                Act::Cancel { id } => self.session.bulk_cancel(id),
            }
        }
    }

    async fn close(self) {
        if let Some(receiver) = self.receiver {
            receiver.close().await;
        }
        self.transfers.close();
    }
}

/// Pairs with the camera of a link over an open link to its server. The grant is stored by `store` before the streamer
/// is told that it may count on it.
pub(super) async fn pair(
    server: &ViewerLink,
    link: &Link,
    key: &StaticKeypair,
    device: &str,
    platform: &str,
    store: &mut (dyn FnMut(&Place) -> Result<(), crate::store::StoreError> + Send),
) -> Result<Place, PairError> {
    let mailbox = keys::pair_mailbox(&link.secret);
    let mut channel = server.open_pairing(mailbox).await.map_err(|_| PairError::Ended(Ended::NoServer))?;
    let unusable = |_| PairError::Ended(Ended::Protocol("keys that no handshake can be made of"));
    let psk = keys::psk_pair(&link.secret, &link.s_pub);
    let ephemeral = Ephemeral::generate(&SystemRandom::new()).map_err(|e| unusable(e.into()))?;
    let initiator = Initiator::pairing(key, &link.s_pub, &psk, mailbox, channel.id(), ephemeral).map_err(unusable)?;
    let mut pairing = Pairing::new(Instant::now(), initiator, link, device, platform).map_err(unusable)?;
    let mut granted = None;
    loop {
        while let Some(output) = pairing.poll_output() {
            match output {
                pairing::Output::Sealed(message) => {
                    channel.send(message.into()).await.map_err(|_| PairError::Ended(Ended::NoServer))?;
                }
                pairing::Output::Store(place) => {
                    store(&place)?;
                    granted = Some(place);
                    if let Some(message) = pairing.handle_stored() {
                        // If it is lost, the first session says the same.
                        let _ = channel.send(message.into()).await;
                    }
                }
                pairing::Output::Ended(result) => {
                    channel.close(CloseCode::Done).await;
                    result.map_err(PairError::Ended)?;
                    return granted.map(|place| *place).ok_or(PairError::Ended(Ended::Protocol("no grant")));
                }
            }
        }
        tokio::select! {
            event = channel.recv() => match event {
                Some(ChannelEvent::Data(data)) => pairing.handle_sealed(&data),
                Some(ChannelEvent::Closed(code)) => pairing.handle_channel_closed(Some(code)),
                None => pairing.handle_channel_closed(None),
            },
            () = sleep_until(pairing.poll_timeout().into()) => pairing.handle_timeout(Instant::now()),
        }
    }
}

/// Why a pairing failed.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    #[error("pairing ended: {0:?}")]
    Ended(Ended),
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

async fn recv(channel: &mut Option<signal::Channel>) -> Option<ChannelEvent> {
    match channel {
        Some(channel) => channel.recv().await,
        None => std::future::pending().await,
    }
}

async fn next(events: &mut Option<mpsc::Receiver<PeerEvent>>) -> PeerEvent {
    if let Some(receiver) = events {
        if let Some(event) = receiver.recv().await {
            return event;
        }
        // The connection's side has gone; it said so in its last state.
        *events = None;
    }
    std::future::pending().await
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
