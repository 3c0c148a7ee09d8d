//! Why a channel or a connection ends, as numbers on the wire.

use std::fmt;

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
