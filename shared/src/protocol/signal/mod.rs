//! The frames that clients and the signaling server exchange (`docs/protocol.md` section 1): one binary WebSocket
//! message each, integers big-endian.
//!
//! ```text
//!  0     1      2                              10
//! +-----+------+------------------------------+------------------+
//! | ver | type | chan: u64                    | body, by type    |
//! +-----+------+------------------------------+------------------+
//! ```
//!
//! What a frame means, and whether it is allowed now, is decided by `signal` (clients) and by the server's directory.

mod codec;
mod codes;

use bytes::Bytes;
use ring::digest::{SHA256, digest};

use crate::id::{ChannelId, MailboxId};
use crate::secret::Secret;

pub use codec::data_channel;
pub use codes::{CloseCode, ErrorCode};

/// The one version of these frames.
pub const VERSION: u8 = 1;
/// Largest frame in bytes, header included.
pub const MAX_FRAME: usize = 16_384;
/// Bytes before the body.
pub const HEADER_LEN: usize = 10;
/// Largest body of a DATA frame in bytes.
pub const MAX_BODY: usize = MAX_FRAME - HEADER_LEN;
/// Most hashes in one CAPS frame.
pub const MAX_CAPS: usize = 256;
/// Most pairing mailboxes in one INVITES frame.
pub const MAX_INVITES: usize = 16;
/// Most WATCH frames on one connection.
pub const MAX_WATCHES: usize = 64;
/// Longest `name` in AUTH, in bytes.
pub const MAX_NAME: usize = 255;
/// Longest text in ERROR, in bytes.
pub const MAX_TEXT: usize = 200;

/// SHA-256 of a capability: all that the server is told of it before it is used.
pub type CapHash = [u8; 32];

/// One frame. [`Frame::chan`] is zero where a frame is about the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Camera to server: who I want to be.
    Hello { min_ver: u8, max_ver: u8, mailbox_pub: [u8; 32] },
    /// Server to camera: prove it.
    Challenge { nonce: [u8; 32] },
    /// Camera to server: the proof over [`auth_input`]. `name` is the `host[:port]` that was dialled, lower case.
    Auth { sig: [u8; 64], name: String },
    /// Server to camera: you are in.
    Ready { ver: u8, idle_secs: u16, max_frame: u32 },
    /// Camera to server: who may ring, at most [`MAX_CAPS`]; replaces the last set.
    Caps(Vec<CapHash>),
    /// Camera to server: open invitations, at most [`MAX_INVITES`]; replaces the last set.
    Invites(Vec<MailboxId>),
    /// Viewer to server.
    Open { chan: ChannelId, target: Target },
    /// Server to camera: somebody opened a channel to you.
    Ring { chan: ChannelId, kind: RingKind },
    /// One sealed message, either way, at most [`MAX_BODY`] bytes.
    Data { chan: ChannelId, body: Bytes },
    /// The channel is gone at both ends.
    Close { chan: ChannelId, code: CloseCode },
    /// Viewer to server: tell me when this mailbox is online. `chan` names the watch.
    Watch { chan: ChannelId, mailbox: MailboxId, cap: Secret<16> },
    /// Server to viewer, at once and on each change.
    Presence { chan: ChannelId, online: bool },
    /// The server stops; come back after `retry_secs`.
    Drain { retry_secs: u16 },
    /// The connection ends. `text` is for people, at most [`MAX_TEXT`] bytes.
    Error { code: ErrorCode, text: String },
}

/// What a viewer wants to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A camera that this viewer is paired with.
    Session { mailbox: MailboxId, cap: Secret<16> },
    /// An invitation, opened by knowing its mailbox.
    Pairing(MailboxId),
}

/// How a camera is rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingKind {
    /// By a viewer that showed a registered capability.
    Session,
    /// Through the invitation with this mailbox.
    Pairing(MailboxId),
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("frame of {0} bytes, more than {MAX_FRAME}")]
    TooLarge(usize),
    #[error("frame version {0}, only {VERSION} is understood")]
    Version(u8),
    /// A newer peer's frame: to be ignored, not answered.
    #[error("frame type 0x{0:02x} is unknown")]
    UnknownType(u8),
    #[error("frame type 0x{kind:02x} is malformed: {what}")]
    Malformed { kind: u8, what: &'static str },
    #[error("frame of {0} bytes is shorter than a header")]
    Short(usize),
}

impl Frame {
    /// The channel or watch that the frame is about; zero: the connection.
    pub fn chan(&self) -> ChannelId {
        match self {
            Self::Open { chan, .. }
            | Self::Ring { chan, .. }
            | Self::Data { chan, .. }
            | Self::Close { chan, .. }
            | Self::Watch { chan, .. }
            | Self::Presence { chan, .. } => *chan,
            Self::Hello { .. }
            | Self::Challenge { .. }
            | Self::Auth { .. }
            | Self::Ready { .. }
            | Self::Caps(_)
            | Self::Invites(_)
            | Self::Drain { .. }
            | Self::Error { .. } => ChannelId(0),
        }
    }
}

/// The mailbox that a key owns: `SHA-256("athome/1 mailbox" ‖ MB_pub)[0..16]`.
pub fn mailbox_id(mailbox_pub: &[u8; 32]) -> MailboxId {
    let mut input = b"athome/1 mailbox".to_vec();
    input.extend_from_slice(mailbox_pub);
    let hash = digest(&SHA256, &input);
    let mut id = [0; 16];
    id.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    MailboxId(id)
}

/// What CAPS registers of a capability.
pub fn cap_hash(cap: &Secret<16>) -> CapHash {
    let mut hash = [0; 32];
    hash.iter_mut().zip(digest(&SHA256, cap.expose()).as_ref()).for_each(|(to, from)| *to = *from);
    hash
}

/// What AUTH signs: `"athome/1 auth" ‖ nonce ‖ MB_pub ‖ name`. The name keeps a hostile server from relaying another
/// server's challenge.
pub fn auth_input(nonce: &[u8; 32], mailbox_pub: &[u8; 32], name: &str) -> Vec<u8> {
    [b"athome/1 auth".as_slice(), nonce, mailbox_pub, name.as_bytes()].concat()
}

#[cfg(test)]
mod tests;
