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

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use ring::digest::{SHA256, digest};

use crate::id::{ChannelId, MailboxId};
use crate::secret::Secret;

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

/// Why a channel is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// All was said.
    Done,
    /// No such mailbox, not your mailbox, or nobody there: the server does not tell which.
    Offline,
    /// The channel id is taken, or there is no room for another channel.
    Busy,
    /// The other end does not read.
    TooSlow,
    /// The other end broke the sealed protocol.
    Protocol,
    /// The other end's connection ended, or the channel was never open.
    PeerGone,
    /// Too many channels too quickly.
    Rate,
    /// From a newer peer.
    Unknown(u8),
}

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    Version,
    Malformed,
    TooLarge,
    Rate,
    Authentication,
    /// A newer connection of the same mailbox took over.
    Replaced,
    Limit,
    Idle,
    /// From a newer server.
    Unknown(u8),
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

mod kind {
    pub(super) const HELLO: u8 = 0x01;
    pub(super) const CHALLENGE: u8 = 0x02;
    pub(super) const AUTH: u8 = 0x03;
    pub(super) const READY: u8 = 0x04;
    pub(super) const CAPS: u8 = 0x05;
    pub(super) const INVITES: u8 = 0x06;
    pub(super) const OPEN: u8 = 0x10;
    pub(super) const RING: u8 = 0x11;
    pub(super) const DATA: u8 = 0x12;
    pub(super) const CLOSE: u8 = 0x13;
    pub(super) const WATCH: u8 = 0x14;
    pub(super) const PRESENCE: u8 = 0x15;
    pub(super) const DRAIN: u8 = 0x16;
    pub(super) const ERROR: u8 = 0x17;
}

const SESSION: u8 = 1;
const PAIRING: u8 = 2;

impl Frame {
    /// The frame's bytes. What is longer than the protocol allows is cut to it: sets to [`MAX_CAPS`] and
    /// [`MAX_INVITES`], names and texts at a character; the sender of DATA keeps to [`MAX_BODY`] itself.
    pub fn encode(&self) -> Bytes {
        let body_len = match self {
            Self::Data { body, .. } => body.len(),
            Self::Caps(caps) => 2 + caps.len().min(MAX_CAPS) * 32,
            Self::Invites(boxes) => 2 + boxes.len().min(MAX_INVITES) * 16,
            _ => 64,
        };
        let mut out = BytesMut::with_capacity(HEADER_LEN + body_len);
        out.put_u8(VERSION);
        out.put_u8(self.kind());
        out.put_u64(self.chan().0);
        match self {
            Self::Hello { min_ver, max_ver, mailbox_pub } => {
                out.put_u8(*min_ver);
                out.put_u8(*max_ver);
                out.put_slice(mailbox_pub);
            }
            Self::Challenge { nonce } => out.put_slice(nonce),
            Self::Auth { sig, name } => {
                out.put_slice(sig);
                out.put_slice(cut(name, MAX_NAME).as_bytes());
            }
            Self::Ready { ver, idle_secs, max_frame } => {
                out.put_u8(*ver);
                out.put_u16(*idle_secs);
                out.put_u32(*max_frame);
            }
            Self::Caps(caps) => {
                out.put_u16(caps.len().min(MAX_CAPS) as u16);
                caps.iter().take(MAX_CAPS).for_each(|cap| out.put_slice(cap));
            }
            Self::Invites(boxes) => {
                out.put_u16(boxes.len().min(MAX_INVITES) as u16);
                boxes.iter().take(MAX_INVITES).for_each(|mailbox| out.put_slice(&mailbox.0));
            }
            Self::Open { target: Target::Session { mailbox, cap }, .. } => {
                out.put_u8(SESSION);
                out.put_slice(&mailbox.0);
                out.put_slice(cap.expose());
            }
            Self::Open { target: Target::Pairing(mailbox), .. } => {
                out.put_u8(PAIRING);
                out.put_slice(&mailbox.0);
            }
            Self::Ring { kind: RingKind::Session, .. } => out.put_u8(SESSION),
            Self::Ring { kind: RingKind::Pairing(mailbox), .. } => {
                out.put_u8(PAIRING);
                out.put_slice(&mailbox.0);
            }
            Self::Data { body, .. } => out.put_slice(body),
            Self::Close { code, .. } => out.put_u8((*code).into()),
            Self::Watch { mailbox, cap, .. } => {
                out.put_slice(&mailbox.0);
                out.put_slice(cap.expose());
            }
            Self::Presence { online, .. } => out.put_u8(u8::from(*online)),
            Self::Drain { retry_secs } => out.put_u16(*retry_secs),
            Self::Error { code, text } => {
                out.put_u8((*code).into());
                out.put_slice(cut(text, MAX_TEXT).as_bytes());
            }
        }
        out.freeze()
    }

    /// Reads one WebSocket message. A DATA body shares the message's memory.
    pub fn decode(message: Bytes) -> Result<Self, FrameError> {
        if message.len() > MAX_FRAME {
            return Err(FrameError::TooLarge(message.len()));
        }
        // The version comes first, so that a later format can be told apart whatever follows it.
        if let Some(&version) = message.first()
            && version != VERSION
        {
            return Err(FrameError::Version(version));
        }
        let Some(header) = message.first_chunk::<HEADER_LEN>() else {
            return Err(FrameError::Short(message.len()));
        };
        let [_, kind, chan @ ..] = *header;
        let chan = ChannelId(u64::from_be_bytes(chan));
        if kind == kind::DATA {
            return Ok(Self::Data { chan, body: message.slice(HEADER_LEN..) });
        }
        let mut body = Body { kind, rest: message.get(HEADER_LEN..).unwrap_or_default() };
        let frame = match kind {
            kind::HELLO => {
                Self::Hello { min_ver: body.u8()?, max_ver: body.u8()?, mailbox_pub: body.array("key too short")? }
            }
            kind::CHALLENGE => Self::Challenge { nonce: body.array("nonce too short")? },
            kind::AUTH => Self::Auth { sig: body.array("signature too short")?, name: body.text(MAX_NAME)? },
            kind::READY => Self::Ready { ver: body.u8()?, idle_secs: body.u16()?, max_frame: body.u32()? },
            kind::CAPS => Self::Caps(body.list(MAX_CAPS)?),
            kind::INVITES => Self::Invites(body.list(MAX_INVITES)?.into_iter().map(MailboxId).collect()),
            kind::OPEN => Self::Open { chan, target: body.target()? },
            kind::RING => Self::Ring { chan, kind: body.ring()? },
            kind::CLOSE => Self::Close { chan, code: body.u8()?.into() },
            kind::WATCH => Self::Watch { chan, mailbox: body.mailbox()?, cap: body.cap()? },
            kind::PRESENCE => Self::Presence { chan, online: body.bool()? },
            kind::DRAIN => Self::Drain { retry_secs: body.u16()? },
            kind::ERROR => Self::Error { code: body.u8()?.into(), text: body.text(MAX_TEXT)? },
            unknown => return Err(FrameError::UnknownType(unknown)),
        };
        if body.rest.is_empty() { Ok(frame) } else { Err(body.malformed("bytes after the end")) }
    }

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

    fn kind(&self) -> u8 {
        match self {
            Self::Hello { .. } => kind::HELLO,
            Self::Challenge { .. } => kind::CHALLENGE,
            Self::Auth { .. } => kind::AUTH,
            Self::Ready { .. } => kind::READY,
            Self::Caps(_) => kind::CAPS,
            Self::Invites(_) => kind::INVITES,
            Self::Open { .. } => kind::OPEN,
            Self::Ring { .. } => kind::RING,
            Self::Data { .. } => kind::DATA,
            Self::Close { .. } => kind::CLOSE,
            Self::Watch { .. } => kind::WATCH,
            Self::Presence { .. } => kind::PRESENCE,
            Self::Drain { .. } => kind::DRAIN,
            Self::Error { .. } => kind::ERROR,
        }
    }
}

/// The channel of a message that is a DATA frame of this version, without decoding it: a relay passes such a message
/// on as it is, since both ends know the channel by the same id.
pub fn data_channel(message: &[u8]) -> Option<ChannelId> {
    let [VERSION, kind::DATA, chan @ ..] = *message.first_chunk::<HEADER_LEN>()? else { return None };
    Some(ChannelId(u64::from_be_bytes(chan)))
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

/// A cursor over a frame's body; every read can fail and none goes past the end.
struct Body<'a> {
    kind: u8,
    rest: &'a [u8],
}

impl Body<'_> {
    fn malformed(&self, what: &'static str) -> FrameError {
        FrameError::Malformed { kind: self.kind, what }
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], FrameError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(self.malformed(what))?;
        self.rest = rest;
        Ok(*head)
    }

    fn u8(&mut self) -> Result<u8, FrameError> {
        self.array("ends early").map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Result<u16, FrameError> {
        self.array("ends early").map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, FrameError> {
        self.array("ends early").map(u32::from_be_bytes)
    }

    fn bool(&mut self) -> Result<bool, FrameError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.malformed("neither 0 nor 1")),
        }
    }

    fn mailbox(&mut self) -> Result<MailboxId, FrameError> {
        self.array("mailbox too short").map(MailboxId)
    }

    fn cap(&mut self) -> Result<Secret<16>, FrameError> {
        self.array("capability too short").map(Secret::new)
    }

    fn target(&mut self) -> Result<Target, FrameError> {
        match self.u8()? {
            SESSION => Ok(Target::Session { mailbox: self.mailbox()?, cap: self.cap()? }),
            PAIRING => Ok(Target::Pairing(self.mailbox()?)),
            _ => Err(self.malformed("unknown kind")),
        }
    }

    fn ring(&mut self) -> Result<RingKind, FrameError> {
        match self.u8()? {
            SESSION => Ok(RingKind::Session),
            PAIRING => Ok(RingKind::Pairing(self.mailbox()?)),
            _ => Err(self.malformed("unknown kind")),
        }
    }

    /// A counted list; the count is checked against `most` before anything is allocated.
    fn list<const N: usize>(&mut self, most: usize) -> Result<Vec<[u8; N]>, FrameError> {
        let n = usize::from(self.u16()?);
        if n > most {
            return Err(self.malformed("too many entries"));
        }
        if self.rest.len() != n * N {
            return Err(self.malformed("length and count differ"));
        }
        (0..n).map(|_| self.array("ends early")).collect()
    }

    /// The rest of the body as text.
    fn text(&mut self, most: usize) -> Result<String, FrameError> {
        if self.rest.len() > most {
            return Err(self.malformed("text too long"));
        }
        let text = std::str::from_utf8(self.rest).map_err(|_| self.malformed("text is not UTF-8"))?;
        self.rest = &[];
        Ok(text.to_owned())
    }
}

/// The longest beginning of `text` that has at most `most` bytes and ends between characters.
fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

impl From<u8> for CloseCode {
    fn from(code: u8) -> Self {
        match code {
            0 => Self::Done,
            1 => Self::Offline,
            2 => Self::Busy,
            3 => Self::TooSlow,
            4 => Self::Protocol,
            5 => Self::PeerGone,
            6 => Self::Rate,
            newer => Self::Unknown(newer),
        }
    }
}

impl From<CloseCode> for u8 {
    fn from(code: CloseCode) -> Self {
        match code {
            CloseCode::Done => 0,
            CloseCode::Offline => 1,
            CloseCode::Busy => 2,
            CloseCode::TooSlow => 3,
            CloseCode::Protocol => 4,
            CloseCode::PeerGone => 5,
            CloseCode::Rate => 6,
            CloseCode::Unknown(newer) => newer,
        }
    }
}

impl From<u8> for ErrorCode {
    fn from(code: u8) -> Self {
        match code {
            1 => Self::Version,
            2 => Self::Malformed,
            3 => Self::TooLarge,
            4 => Self::Rate,
            5 => Self::Authentication,
            6 => Self::Replaced,
            7 => Self::Limit,
            8 => Self::Idle,
            newer => Self::Unknown(newer),
        }
    }
}

impl From<ErrorCode> for u8 {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::Version => 1,
            ErrorCode::Malformed => 2,
            ErrorCode::TooLarge => 3,
            ErrorCode::Rate => 4,
            ErrorCode::Authentication => 5,
            ErrorCode::Replaced => 6,
            ErrorCode::Limit => 7,
            ErrorCode::Idle => 8,
            ErrorCode::Unknown(newer) => newer,
        }
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Offline => f.write_str("offline"),
            Self::Busy => f.write_str("busy"),
            Self::TooSlow => f.write_str("too slow"),
            Self::Protocol => f.write_str("protocol"),
            Self::PeerGone => f.write_str("peer gone"),
            Self::Rate => f.write_str("rate"),
            Self::Unknown(code) => write!(f, "code {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAN: ChannelId = ChannelId(0x0102_0304_0506_0708);
    const MAILBOX: MailboxId = MailboxId([7; 16]);

    fn every_frame() -> Vec<Frame> {
        let mut frames = vec![
            Frame::Hello { min_ver: 1, max_ver: 3, mailbox_pub: [9; 32] },
            Frame::Challenge { nonce: [5; 32] },
            Frame::Auth { sig: [3; 64], name: "hüb.example:8080".into() },
            Frame::Ready { ver: 1, idle_secs: 60, max_frame: 16_384 },
            Frame::Caps(vec![]),
            Frame::Caps(vec![[1; 32]; MAX_CAPS]),
            Frame::Invites(vec![MAILBOX; MAX_INVITES]),
            Frame::Open { chan: CHAN, target: Target::Session { mailbox: MAILBOX, cap: Secret::new([4; 16]) } },
            Frame::Open { chan: CHAN, target: Target::Pairing(MAILBOX) },
            Frame::Ring { chan: CHAN, kind: RingKind::Session },
            Frame::Ring { chan: CHAN, kind: RingKind::Pairing(MAILBOX) },
            Frame::Data { chan: CHAN, body: Bytes::from_static(b"sealed") },
            Frame::Data { chan: CHAN, body: Bytes::from(vec![1; MAX_BODY]) },
            Frame::Watch { chan: CHAN, mailbox: MAILBOX, cap: Secret::new([4; 16]) },
            Frame::Presence { chan: CHAN, online: true },
            Frame::Presence { chan: CHAN, online: false },
            Frame::Drain { retry_secs: 5 },
        ];
        frames.extend((0..=255).map(|code| Frame::Close { chan: CHAN, code: CloseCode::from(code) }));
        frames.extend((0..=255).map(|code| Frame::Error { code: ErrorCode::from(code), text: "why".into() }));
        frames
    }

    #[test]
    fn every_frame_goes_there_and_back() {
        for frame in every_frame() {
            let bytes = frame.encode();
            assert!(bytes.len() <= MAX_FRAME);
            assert_eq!(Frame::decode(bytes), Ok(frame));
        }
    }

    #[test]
    fn bytes_on_the_wire_are_those_of_the_document() {
        let open = Frame::Open { chan: CHAN, target: Target::Session { mailbox: MAILBOX, cap: Secret::new([4; 16]) } };
        let mut expected = vec![1, 0x10, 1, 2, 3, 4, 5, 6, 7, 8, 1];
        expected.extend([7; 16]);
        expected.extend([4; 16]);
        assert_eq!(open.encode(), expected);
        assert_eq!(Frame::Drain { retry_secs: 258 }.encode().as_ref(), [1, 0x16, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(Frame::Caps(vec![]).encode().as_ref(), [1, 0x05, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(
            Frame::Close { chan: CHAN, code: CloseCode::PeerGone }.encode().as_ref(),
            [1, 0x13, 1, 2, 3, 4, 5, 6, 7, 8, 5]
        );
    }

    #[test]
    fn a_frame_cut_short_anywhere_is_an_error_or_a_shorter_text() {
        for frame in every_frame() {
            let bytes = frame.encode();
            for len in 0..bytes.len() {
                match (Frame::decode(bytes.slice(..len)), &frame) {
                    (Err(_), _) => {}
                    (Ok(Frame::Data { body, .. }), Frame::Data { .. }) => assert_eq!(body.len() + HEADER_LEN, len),
                    (Ok(Frame::Auth { name, .. }), Frame::Auth { .. }) => assert_eq!(name.len() + 74, len),
                    (Ok(Frame::Error { text, .. }), Frame::Error { .. }) => assert_eq!(text.len() + 11, len),
                    (Ok(other), _) => panic!("{frame:?} cut to {len} bytes reads as {other:?}"),
                }
            }
        }
    }

    #[test]
    fn bytes_after_the_end_are_refused() {
        for frame in every_frame() {
            if matches!(frame, Frame::Data { .. } | Frame::Auth { .. } | Frame::Error { .. }) {
                continue;
            }
            let mut bytes = frame.encode().to_vec();
            bytes.push(0);
            assert!(matches!(Frame::decode(bytes.into()), Err(FrameError::Malformed { .. })), "{frame:?}");
        }
    }

    #[test]
    fn garbage_of_every_type_and_many_lengths_never_panics() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut decoded = 0;
        for kind in 0..=255_u8 {
            for len in 0..600_usize {
                let mut bytes = vec![VERSION, kind];
                bytes.extend((0..len).map(|_| {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    seed as u8
                }));
                decoded += usize::from(Frame::decode(bytes.into()).is_ok());
            }
        }
        assert!(decoded > 500, "DATA at least decodes whatever follows its header");
    }

    #[test]
    fn the_limits_of_counts_and_lengths_are_exact() {
        let mut caps = vec![1, 0x05, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
        caps.extend([0; 257 * 32]);
        assert_eq!(Frame::decode(caps.into()), Err(FrameError::Malformed { kind: 0x05, what: "too many entries" }));
        assert_eq!(
            Frame::decode(vec![1, 0x05, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2].into()),
            Err(FrameError::Malformed { kind: 0x05, what: "length and count differ" })
        );
        let frame = Frame::Auth { sig: [0; 64], name: "n".repeat(MAX_NAME) };
        let mut bytes = frame.encode().to_vec();
        assert!(Frame::decode(bytes.clone().into()).is_ok());
        bytes.push(b'n');
        assert!(Frame::decode(bytes.into()).is_err());
        let largest = vec![1, 0x12].into_iter().chain(vec![0; MAX_FRAME - 2]).collect::<Vec<_>>();
        assert!(Frame::decode(largest.clone().into()).is_ok());
        let larger = [largest, vec![0]].concat();
        assert_eq!(Frame::decode(larger.into()), Err(FrameError::TooLarge(MAX_FRAME + 1)));
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let frame = Frame::Error { code: ErrorCode::Limit, text: "é".repeat(MAX_TEXT) };
        let Ok(Frame::Error { text, .. }) = Frame::decode(frame.encode()) else { panic!("not an ERROR frame") };
        assert_eq!(text, "é".repeat(MAX_TEXT / 2));
        let Ok(Frame::Caps(caps)) = Frame::decode(Frame::Caps(vec![[0; 32]; 300]).encode()) else {
            panic!("not a CAPS frame")
        };
        assert_eq!(caps.len(), MAX_CAPS);
    }

    #[test]
    fn a_data_body_shares_the_message() {
        let message = Frame::Data { chan: CHAN, body: Bytes::from_static(b"sealed") }.encode();
        assert_eq!(data_channel(&message), Some(CHAN));
        let start = message.as_ptr() as usize;
        let Ok(Frame::Data { body, .. }) = Frame::decode(message) else { panic!("not a DATA frame") };
        assert_eq!(body.as_ptr() as usize, start + HEADER_LEN);
        assert_eq!(data_channel(&Frame::Drain { retry_secs: 1 }.encode()), None);
        assert_eq!(data_channel(&[1, 0x12]), None);
    }

    #[test]
    fn unknown_versions_and_types_are_told_apart() {
        assert_eq!(Frame::decode(vec![2].into()), Err(FrameError::Version(2)));
        assert_eq!(Frame::decode(vec![1, 0x66, 0, 0, 0, 0, 0, 0, 0, 0].into()), Err(FrameError::UnknownType(0x66)));
        assert_eq!(Frame::decode(Bytes::new()), Err(FrameError::Short(0)));
    }

    #[test]
    fn debug_shows_no_capability() {
        let frame = Frame::Watch { chan: CHAN, mailbox: MAILBOX, cap: Secret::new([0x41; 16]) };
        assert!(!format!("{frame:?}").contains("65"), "{frame:?}");
    }
}
