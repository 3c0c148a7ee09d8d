//! One channel between ring and goodbye.

use std::time::Instant;

use athome_shared::pair::noise::{Answer, Transport};
use athome_shared::pair::sdp::Checked;
use athome_shared::secret::Secret;

use super::Ring;
use crate::trust::ViewerKey;

/// A channel. Whatever handles one takes it out of the door and puts it back only if it goes on.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) stage: Stage,
    pub(super) deadline: Instant,
    /// Order of arrival.
    pub(super) born: u64,
}

/// How far a channel has come. The stages from `Enrolling` on are known to the owner, who is told when they end.
#[derive(Debug)]
pub(super) enum Stage {
    /// Nothing was said yet.
    Rung(Ring),
    /// Something was said that gets no answer; lasts as long as an unanswered ring would.
    Silent,
    /// Pairing: the store decides.
    Enrolling(Answer),
    /// Pairing: the keys are on their way.
    Welcomed { transport: Transport, v_pub: ViewerKey, label: String },
    /// Session: the owner decides, and makes an offer.
    Knocking(Answer),
    /// Session: the offer is on its way.
    Offered { transport: Transport, v_pub: ViewerKey, offer: Checked, kb: Secret<32>, ours: usize },
    /// Session: answered; candidates flow.
    Open { transport: Transport, v_pub: ViewerKey, mids: Vec<String>, theirs: usize, ours: usize },
}

impl Stage {
    /// Whether the owner was told of the channel, and so is told of its end.
    pub(super) fn announced(&self) -> bool {
        !matches!(self, Self::Rung(_) | Self::Silent)
    }

    pub(super) fn open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// The viewer of a session that is not yet answered.
    pub(super) fn half_open_viewer(&self) -> Option<&ViewerKey> {
        match self {
            Self::Knocking(answer) => Some(answer.v_pub()),
            Self::Offered { v_pub, .. } => Some(v_pub),
            Self::Rung(_) | Self::Silent | Self::Enrolling(_) | Self::Welcomed { .. } | Self::Open { .. } => None,
        }
    }

    /// The sealed channel of a session, and whose it is.
    pub(super) fn session(&mut self) -> Option<(&mut Transport, &ViewerKey)> {
        match self {
            Self::Offered { transport, v_pub, .. } | Self::Open { transport, v_pub, .. } => Some((transport, v_pub)),
            Self::Rung(_) | Self::Silent | Self::Enrolling(_) | Self::Welcomed { .. } | Self::Knocking(_) => None,
        }
    }
}
