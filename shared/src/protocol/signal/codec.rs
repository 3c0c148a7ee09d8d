//! Frames to bytes and back.

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    Frame, FrameError, HEADER_LEN, MAX_CAPS, MAX_FRAME, MAX_INVITES, MAX_NAME, MAX_TEXT, RingKind, Target, VERSION,
};
use crate::id::{ChannelId, MailboxId};
use crate::secret::Secret;

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
