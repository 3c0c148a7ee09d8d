//! One peer connection between a streamer and a viewer. The WebRTC crate is named only in `engine*`; everything that
//! decides (retransmission budget, bitrate, frame assembly) is a plain struct beside it.

pub mod assemble;
pub mod bulk;
mod engine;
pub mod nack;
pub mod reception;
pub mod sdp;

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::media::frame::Codec;
use crate::protocol::wire::{Candidate, IceServer, SlotKind};
use crate::time::WallTime;

pub use engine::{Receiver, Sender, prepare};

/// How a peer connection reaches out.
#[derive(Clone, Debug)]
pub struct PeerSettings {
    /// `stun:host:port` URLs; empty switches server-reflexive candidates off.
    pub stun_servers: Vec<String>,
    pub turn_servers: Vec<IceServer>,
    /// Local addresses to use; empty: those of every interface, loopback included.
    pub bind: Vec<IpAddr>,
    /// ICE connectivity check tick (RFC 8445 §14): 10 ms on a LAN, 20 to 50 ms elsewhere.
    pub check_interval: Duration,
    /// Resolve `.local` candidates of browsers by multicast DNS.
    pub mdns_query: bool,
    /// Start, floor and ceiling of the send-side bandwidth estimate, bits a second.
    pub bitrate: BitrateRange,
}

impl PeerSettings {
    /// Adds servers as an offer names them.
    pub fn add_servers(&mut self, servers: Vec<IceServer>) {
        for server in servers {
            let (stun, turn) = server.urls.into_iter().partition::<Vec<_>, _>(|url| url.starts_with("stun:"));
            self.stun_servers.extend(stun);
            if !turn.is_empty() {
                self.turn_servers.push(IceServer { urls: turn, ..server });
            }
        }
    }
}

/// Bits a second.
#[derive(Clone, Copy, Debug)]
pub struct BitrateRange {
    pub start: u32,
    pub min: u32,
    pub max: u32,
}

/// How many slots an offer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub video: u8,
    pub audio: u8,
}

/// Where a peer connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerState {
    Connecting,
    Connected,
    /// ICE lost the peer and may find it again.
    Disconnected,
    /// It can't be set up, or the peer was away for too long. Final.
    Failed,
    /// Closed by the peer (its data channels ended) or, as the very last event, by us. Final.
    Closed,
}

/// A data channel by its purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Label `ctl`: JSON text messages.
    Control,
    /// Label `bulk`: binary messages.
    Bulk,
}

/// What a peer connection reports, through one bounded channel that its owner drains. When it is full, the reporting
/// side waits (control, state) or drops (media, counted).
#[derive(Debug)]
pub enum PeerEvent {
    State(PeerState),
    Candidate(Candidate),
    GatheringDone,
    ChannelOpen(Channel),
    Message(Channel, Bytes),
    /// PLI or FIR for a video slot of the sending side.
    KeyFrameWanted {
        slot: u8,
    },
    /// The sending side's estimate for the whole connection changed by 5 % or more; bits a second.
    TargetBitrate(u32),
    /// The receiving side assembled a frame.
    Received(ReceivedFrame),
    /// The receiving side lost a frame that retransmission did not repair; a key frame has been asked for.
    Lost {
        kind: SlotKind,
        mid: String,
    },
}

/// A complete frame at the receiving side.
#[derive(Clone, Debug)]
pub struct ReceivedFrame {
    pub kind: SlotKind,
    pub mid: String,
    /// RTP timestamp, 90 kHz for video, 48 kHz for sound.
    pub rtp: u32,
    pub is_key: bool,
    /// From abs-capture-time, on the sender's clock.
    pub captured: Option<WallTime>,
    /// When its last packet arrived.
    pub received: std::time::Instant,
    /// Annex B for video, an Opus packet for sound.
    pub data: Bytes,
    /// Packets missing just before this frame (sound: gaps to conceal).
    pub missing: u16,
}

/// Why a peer connection could not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// The peer's description breaks the rules: end the session.
    #[error("session description refused: {0}")]
    Sdp(#[from] sdp::SdpError),
    /// The WebRTC stack gave up on something: end the session.
    #[error("{doing}: {detail}")]
    Stack { doing: &'static str, detail: String },
    /// The connection was closed, here or by the stack.
    #[error("the connection is closed")]
    Closed,
    /// Media can't be sent yet, or no longer.
    #[error("the connection is not up")]
    NotConnected,
    /// The peer did not take this slot.
    #[error("the peer has not accepted {kind:?} slot {slot}")]
    NotNegotiated { kind: SlotKind, slot: u8 },
    #[error("there is no {kind:?} slot {slot}")]
    UnknownSlot { kind: SlotKind, slot: u8 },
    #[error("no video at media line {0}")]
    UnknownMid(String),
    #[error("{0:?} can't be sent on this slot")]
    Codec(Codec),
    #[error("the {0:?} channel is not open")]
    NotOpen(Channel),
    #[error("control messages are text")]
    NotText,
    #[error("candidate refused: malformed, or one too many")]
    Candidate,
}

/// Figures of a peer connection so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PeerStats {
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub packets_sent: u64,
    pub packets_received: u64,
    pub packets_lost: u64,
    pub retransmitted: u64,
    pub nacks: u64,
    pub plis: u64,
    pub rtt_ms: Option<f64>,
    /// `host`, `srflx`, `prflx` or `relay`, local and remote, of the pair in use.
    pub path: Option<(String, String)>,
}
