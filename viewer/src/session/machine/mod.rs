//! One session, from the knock to the goodbye: `Proving → Connecting → Live → Closing`. Pure: bytes, times and
//! randomness go in; [`Output`]s come out of [`Session::poll_output`].

mod handshake;
mod ping;
mod requests;

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use athome_shared::pair::noise::{Initiator, NoiseError, Transport};
use athome_shared::pair::seal;
use athome_shared::peer::{Channel, PeerState, ReceivedFrame};
use athome_shared::protocol::VERSION;
use athome_shared::protocol::control::{Attached, Camera, RefusedWhy, Role, ToStreamer, ToViewer};
use athome_shared::protocol::wire::{Candidate, FromViewer, IceServer, Join, SlotKind, Why};
use athome_shared::secret::Secret;
use athome_shared::time::WallTime;
use bytes::Bytes;

use self::ping::Ping;
use super::control::{self, Read};
use super::ended::Ended;
use super::slots::{Admit, Slots};
use crate::play::clock::ClockOffset;

/// An unknown or revoked key is answered by silence, so this is how long a knock may take (the streamer's half-open limit).
const PROVING_LIMIT: Duration = Duration::from_secs(10);
/// ICE may find the peer again this long; then a new session is quicker.
const DISCONNECTED_LIMIT: Duration = Duration::from_secs(4);

/// Where a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Proving,
    Connecting,
    Live,
    Closing,
}

/// What the task around a session has to do.
pub enum Output {
    /// Send on the signaling channel.
    Sealed(Vec<u8>),
    /// Close the signaling channel with code 0.
    CloseChannel,
    /// Give the offer to the WebRTC stack and report its answer with [`Session::handle_answer`].
    Answer { sdp: String, ice_servers: Vec<IceServer> },
    /// Give this candidate to the stack.
    Candidate(Candidate),
    /// Send on the control channel.
    Control(Bytes),
    /// For whoever watches.
    Event(Event),
    /// Close everything; nothing follows.
    Ended(Ended),
}

/// Not the offer's description, which holds the ICE password.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed(message) => write!(f, "Sealed({} bytes)", message.len()),
            Self::CloseChannel => f.write_str("CloseChannel"),
            Self::Answer { ice_servers, .. } => {
                f.debug_struct("Answer").field("ice_servers", ice_servers).finish_non_exhaustive()
            }
            Self::Candidate(candidate) => f.debug_tuple("Candidate").field(candidate).finish(),
            Self::Control(message) => f.debug_tuple("Control").field(message).finish(),
            Self::Event(event) => f.debug_tuple("Event").field(event).finish(),
            Self::Ended(ended) => f.debug_tuple("Ended").field(ended).finish(),
        }
    }
}

/// What a session tells its consumer.
#[derive(Clone, Debug)]
pub enum Event {
    Stage(Stage),
    /// The streamer introduced itself.
    Hello {
        place: String,
        device: String,
        roles: Vec<Role>,
    },
    Cameras(Vec<Camera>),
    /// A slot's content changed; frames of it follow.
    Attached(Attached),
    Detached {
        kind: SlotKind,
        slot: u8,
    },
    Watching(Vec<String>),
    /// The one answer to request `re`.
    Reply {
        re: u32,
        refused: Option<RefusedWhy>,
    },
    /// The transfer asked for by `re` starts.
    BulkBegin {
        re: u32,
        id: u32,
        /// Where that is known before.
        bytes: Option<u64>,
        mime: String,
        /// When media time zero, or the picture, was.
        at: Option<WallTime>,
    },
    BulkEnd {
        id: u32,
        ok: bool,
        /// Where `BulkBegin` did not say.
        bytes: Option<u64>,
        /// From when on to ask again.
        next: Option<WallTime>,
    },
    SlotStats {
        slot: u8,
        encode_us: u32,
        hub_us: u32,
        send_us: u32,
        target_bps: u32,
    },
}

enum Phase {
    Proving { initiator: Box<Initiator> },
    Connecting,
    Live,
    Closing,
}

/// What proves who we are to one streamer: made anew for each session.
pub struct Proof {
    pub initiator: Initiator,
    /// The viewer's half of the binding key.
    pub kb: [u8; 32],
}

/// One session. See the module's documentation.
pub struct Session {
    phase: Phase,
    /// Until when the present phase may last.
    deadline: Option<Instant>,
    transport: Option<Transport>,
    kb: [u8; 32],
    bind_key: Option<Secret<32>>,
    answered: bool,
    /// Our own candidates before the answer is out.
    own: Vec<Candidate>,
    own_end: bool,
    candidates: usize,
    slots: Slots,
    max_video: u8,
    channel_gone: bool,
    control_open: bool,
    queued: Vec<ToStreamer>,
    next_re: u32,
    ping: Ping,
    clock: ClockOffset,
    out: VecDeque<Output>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("stage", &self.stage()).finish_non_exhaustive()
    }
}
impl Session {
    /// Knocks. `join.slots` is what the screen has places for.
    pub fn new(now: Instant, mut proof: Proof, join: &Join) -> Result<Self, NoiseError> {
        let plain = seal::seal(join).map_err(|_| NoiseError::Size(0))?;
        let m1 = proof.initiator.m1(&plain)?;
        let out = VecDeque::from([Output::Event(Event::Stage(Stage::Proving)), Output::Sealed(m1)]);
        Ok(Self {
            phase: Phase::Proving { initiator: Box::new(proof.initiator) },
            deadline: Some(now + PROVING_LIMIT),
            transport: None,
            kb: proof.kb,
            bind_key: None,
            answered: false,
            own: Vec::new(),
            own_end: false,
            candidates: 0,
            slots: Slots::default(),
            max_video: join.slots,
            channel_gone: false,
            control_open: false,
            queued: Vec::new(),
            next_re: 1,
            ping: Ping::default(),
            clock: ClockOffset::default(),
            out,
        })
    }

    /// The next thing to do; `None` until something else is handled.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Self::handle_timeout`] has to be called at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.deadline, self.ping.poll_timeout()].into_iter().flatten().min()
    }

    pub fn stage(&self) -> Stage {
        match self.phase {
            Phase::Proving { .. } => Stage::Proving,
            Phase::Connecting => Stage::Connecting,
            Phase::Live => Stage::Live,
            Phase::Closing => Stage::Closing,
        }
    }

    /// The streamer's clock by ours.
    pub fn clock(&self) -> &ClockOffset {
        &self.clock
    }

    /// What the slots carry.
    pub fn slots(&self) -> &Slots {
        &self.slots
    }

    /// The key that binds the connection to this handshake, once both halves are known.
    pub fn bind_key(&self) -> Option<&Secret<32>> {
        self.bind_key.as_ref()
    }

    /// Which announced content a frame belongs to.
    pub fn admit(&mut self, frame: &ReceivedFrame) -> Admit<'_> {
        self.slots.admit(frame)
    }

    /// The peer connection's state changed.
    pub fn handle_peer_state(&mut self, now: Instant, state: PeerState) {
        match (state, &self.phase) {
            (_, Phase::Proving { .. } | Phase::Closing) | (PeerState::Connecting, _) => {}
            (PeerState::Connected, Phase::Connecting | Phase::Live) => {
                self.deadline = None;
                self.enter(Phase::Live);
            }
            (PeerState::Disconnected, Phase::Live) => {
                self.deadline = Some(now + DISCONNECTED_LIMIT);
            }
            (PeerState::Disconnected, Phase::Connecting) => {}
            (PeerState::Failed | PeerState::Closed, Phase::Connecting) => self.end(Ended::NoPath),
            (PeerState::Failed | PeerState::Closed, Phase::Live) => self.end(Ended::Lost),
        }
    }

    /// A data channel opened.
    pub fn handle_channel_open(&mut self, now: Instant, channel: Channel) {
        if channel != Channel::Control || matches!(self.phase, Phase::Closing) {
            return;
        }
        self.control_open = true;
        self.ping.start(now);
        for request in std::mem::take(&mut self.queued) {
            self.control(&request);
        }
    }

    /// A message on the control channel; `wall` is our wall clock.
    pub fn handle_control(&mut self, now: Instant, wall: WallTime, message: &[u8]) {
        if matches!(self.phase, Phase::Closing) {
            return;
        }
        match control::read(message) {
            Read::Message(message) => {
                self.ping.handle_heard(now);
                self.handle_message(wall, message);
            }
            Read::Unknown => self.ping.handle_heard(now),
            Read::Malformed => {
                self.control(&ToStreamer::Bye { why: Why::Protocol });
                self.end(Ended::Protocol("a malformed control message"));
            }
        }
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Instant, wall: WallTime) {
        if matches!(self.phase, Phase::Closing) {
            return;
        }
        if self.deadline.is_some_and(|at| now >= at) {
            return self.end(match self.phase {
                Phase::Proving { .. } => Ended::Silent,
                Phase::Connecting => Ended::NoPath,
                Phase::Live | Phase::Closing => Ended::Lost,
            });
        }
        if self.ping.silent(now) {
            return self.end(Ended::Lost);
        }
        if let Some(id) = self.ping.poll(now, wall) {
            self.control(&ToStreamer::Ping { id, sent: wall });
        }
    }

    /// Says goodbye and ends.
    pub fn leave(&mut self) {
        if matches!(self.phase, Phase::Closing) {
            return;
        }
        if self.control_open {
            self.control(&ToStreamer::Bye { why: Why::Left });
        }
        if self.transport.is_some() {
            self.seal(&FromViewer::Bye { why: Why::Left });
        }
        self.end(Ended::Left);
    }

    fn handle_message(&mut self, wall: WallTime, message: ToViewer) {
        let event = match message {
            ToViewer::Hello { v, place, device, roles, cameras } => {
                if v < VERSION {
                    return self.end(Ended::Refused(refused(Why::OldCamera)));
                }
                self.out.push_back(Output::Event(Event::Hello { place, device, roles }));
                Event::Cameras(cameras)
            }
            ToViewer::Cameras { cameras } => Event::Cameras(cameras),
            ToViewer::Attached(attached) => return self.handle_attached(attached),
            ToViewer::Detached { kind, slot, epoch } => {
                if !self.slots.handle_detached(kind, slot, epoch) {
                    return;
                }
                Event::Detached { kind, slot }
            }
            ToViewer::Pong { id, received, sent } => {
                if let Some(asked) = self.ping.handle_pong(id) {
                    self.clock.handle_pong(asked, received, sent, wall);
                }
                return;
            }
            ToViewer::SlotStats { slot, encode_us, hub_us, send_us, target_bps, .. } => {
                Event::SlotStats { slot, encode_us, hub_us, send_us, target_bps }
            }
            ToViewer::Watching { names } => Event::Watching(names),
            // Not drawn so far.
            ToViewer::Motion { .. } | ToViewer::Cells { .. } => return,
            ToViewer::Done { re } => Event::Reply { re, refused: None },
            ToViewer::Refused { re, why } => {
                self.slots.handle_refused(re);
                Event::Reply { re, refused: Some(why) }
            }
            ToViewer::BulkBegin { re, id, bytes, mime, at } => Event::BulkBegin { re, id, bytes, mime, at },
            ToViewer::BulkEnd { id, ok, bytes, next } => Event::BulkEnd { id, ok, bytes, next },
            ToViewer::Bye { why } => return self.end(Ended::Bye(why)),
        };
        self.out.push_back(Output::Event(event));
    }

    fn handle_attached(&mut self, attached: Attached) {
        if self.slots.handle_attached(&attached) {
            self.out.push_back(Output::Event(Event::Attached(attached)));
        }
    }

    fn control(&mut self, message: &ToStreamer) {
        if let Ok(json) = serde_json::to_vec(message) {
            self.out.push_back(Output::Control(json.into()));
        }
    }

    fn enter(&mut self, phase: Phase) {
        let before = self.stage();
        self.phase = phase;
        if self.stage() != before {
            self.out.push_back(Output::Event(Event::Stage(self.stage())));
        }
    }

    fn end(&mut self, ended: Ended) {
        if !self.channel_gone {
            self.out.push_back(Output::CloseChannel);
        }
        self.deadline = None;
        self.ping = Ping::default();
        self.enter(Phase::Closing);
        self.out.push_back(Output::Ended(ended));
    }
}

fn refused(why: Why) -> athome_shared::protocol::wire::Refused {
    athome_shared::protocol::wire::Refused { why, who: None, count: None, retry_s: None }
}
