//! A plain copy of whom the streamer trusts, for whoever decides.

use std::collections::BTreeMap;

use athome_shared::id::MailboxId;
use athome_shared::pair::keys::{cap_hash, sha256};
use athome_shared::pair::roles::Roles;
use athome_shared::secret::Secret;
use athome_shared::time::WallTime;

/// A viewer's static public key, which is its identity.
pub type ViewerKey = [u8; 32];

/// Capabilities that a server takes (`docs/protocol.md` section 1, CAPS).
const MAX_CAPS: usize = 256;
/// Invitations that a server takes (INVITES).
pub(super) const MAX_INVITES: usize = 16;

/// Where a viewer is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewerState {
    /// Its pairing was answered; it has not yet shown that the answer arrived.
    Pending,
    Valid,
    /// Removed. The row stays for a while, so that the device is told and its key is not enrolled again by a replay.
    Revoked,
}

/// A paired device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    pub v_pub: ViewerKey,
    /// Fit to show, at most 64 bytes.
    pub label: String,
    pub roles: Roles,
    pub state: ViewerState,
    /// Shown to the server when ringing.
    pub cap: Secret<16>,
    /// Pre-shared key of its sessions.
    pub psk: Secret<32>,
    pub created: WallTime,
    pub last_seen: Option<WallTime>,
    /// End of a guest's access.
    pub expires: Option<WallTime>,
}

impl Viewer {
    /// A short name for lists and commands: 16 hex digits, the same for the life of the key.
    pub fn id(&self) -> String {
        sha256(&self.v_pub)[..8].iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Whether its access has run out.
    pub fn expired(&self, now: WallTime) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }
}

/// An invitation, open or not: used and expired ones stay for a day, so that whoever comes late is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    pub pair_mailbox: MailboxId,
    /// Pre-shared key of the pairing handshake; the link's secret itself is not kept.
    pub psk: Secret<32>,
    pub roles: Roles,
    pub created: WallTime,
    pub expires: WallTime,
    pub uses_left: u32,
    /// The device that used it last.
    pub used_by: Option<String>,
}

impl Invite {
    /// Whether it can still be used.
    pub fn open(&self, now: WallTime) -> bool {
        self.uses_left > 0 && now < self.expires
    }
}

/// Everybody, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    viewers: BTreeMap<ViewerKey, Viewer>,
    invites: BTreeMap<[u8; 16], Invite>,
    epoch: u64,
}

impl Roster {
    /// A roster of these; `epoch` grows with every change of the store.
    pub fn new(viewers: Vec<Viewer>, invites: Vec<Invite>, epoch: u64) -> Self {
        Self {
            viewers: viewers.into_iter().map(|v| (v.v_pub, v)).collect(),
            invites: invites.into_iter().map(|i| (i.pair_mailbox.0, i)).collect(),
            epoch,
        }
    }

    /// The viewer with this key, in whatever state.
    pub fn viewer(&self, v_pub: &ViewerKey) -> Option<&Viewer> {
        self.viewers.get(v_pub)
    }

    /// The invitation of this mailbox, open or not.
    pub fn invite(&self, mailbox: MailboxId) -> Option<&Invite> {
        self.invites.get(&mailbox.0)
    }

    /// Every viewer.
    pub fn viewers(&self) -> impl Iterator<Item = &Viewer> {
        self.viewers.values()
    }

    /// Every invitation.
    pub fn invites(&self) -> impl Iterator<Item = &Invite> {
        self.invites.values()
    }

    /// Grows with every change.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What to register at a server as CAPS. Revoked devices stay in it while their row does: they can ring, and are told
    /// that they were removed; without it, removal would look like an outage.
    pub fn cap_hashes(&self) -> Vec<[u8; 32]> {
        let mut viewers: Vec<&Viewer> = self.viewers.values().collect();
        viewers.sort_by_key(|v| (v.state == ViewerState::Revoked, std::cmp::Reverse(v.created)));
        viewers.into_iter().take(MAX_CAPS).map(|v| cap_hash(&v.cap)).collect()
    }

    /// What to register at a server as INVITES, the newest first.
    pub fn pair_mailboxes(&self) -> Vec<MailboxId> {
        let mut invites: Vec<&Invite> = self.invites.values().collect();
        invites.sort_by_key(|i| std::cmp::Reverse(i.created));
        invites.into_iter().take(MAX_INVITES).map(|i| i.pair_mailbox).collect()
    }
}
