//! Where the rest of the program (terminal, local interface) asks the task that serves viewers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use athome_shared::pair::roles::Roles;
use athome_shared::protocol::control::Role;
use athome_shared::time::WallTime;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};

use super::door::Counts;

/// Requests that wait to be handled; when full, the asker waits.
pub(super) const REQUESTS: usize = 16;

/// An open invitation. The link is a secret: whoever reads it first is paired.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Invitation {
    pub link: String,
    pub roles: Vec<Role>,
    pub uses: u16,
    /// Unix time in microseconds.
    pub expires: WallTime,
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation").field("roles", &self.roles).field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// What became of the newest invitation, for whoever shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Code {
    #[default]
    None,
    Open(Arc<Invitation>),
    Used {
        device: String,
        /// Of the device that it enrolled.
        id: Option<String>,
        at: WallTime,
    },
    Expired,
}

/// A paired device as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewerRow {
    pub id: String,
    pub name: String,
    pub roles: Vec<Role>,
    /// `pending`, `valid` or `revoked`.
    pub state: String,
    pub created: WallTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<WallTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<WallTime>,
    pub watching: bool,
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Sessions now, those that are being made included.
    pub sessions: usize,
    /// Devices that watch now.
    pub watching: usize,
    pub sessions_begun: u64,
    pub sessions_live: u64,
    pub refused_busy: u64,
    pub devices_paired: u64,
    /// What the door turned away.
    pub turned_away: Counts,
}

/// Why a request was not carried out; the sentence is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    #[error("The streamer is stopping.")]
    Stopping,
    #[error("No device has this id; `athome-streamer viewers list` shows them.")]
    UnknownViewer,
    #[error("{0}")]
    Refused(String),
}

pub(super) enum Request {
    Invite { roles: Option<Roles>, ttl: Duration, uses: u16, answer: oneshot::Sender<Result<Invitation, DeskError>> },
    Viewers { answer: oneshot::Sender<Result<Vec<ViewerRow>, DeskError>> },
    Revoke { id: String, answer: oneshot::Sender<Result<ViewerRow, DeskError>> },
    Counters { answer: oneshot::Sender<Counters> },
}

/// Cloning shares the way to the same task.
#[derive(Clone)]
pub struct Desk {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) code: watch::Receiver<Code>,
    pub(super) watching: watch::Receiver<Arc<Vec<String>>>,
    pub(super) outside: watch::Receiver<bool>,
}

impl Desk {
    /// A new invitation; it becomes the one that is shown. Without roles: every role for the first device of all, view and
    /// playback for later ones.
    pub async fn invite(&self, roles: Option<Roles>, ttl: Duration, uses: u16) -> Result<Invitation, DeskError> {
        self.ask(|answer| Request::Invite { roles, ttl, uses, answer }).await?
    }

    /// Every device, removed ones included.
    pub async fn viewers(&self) -> Result<Vec<ViewerRow>, DeskError> {
        self.ask(|answer| Request::Viewers { answer }).await?
    }

    /// Removes a device: its sessions end at once.
    pub async fn revoke(&self, id: &str) -> Result<ViewerRow, DeskError> {
        self.ask(|answer| Request::Revoke { id: id.to_owned(), answer }).await?
    }

    /// Counters since the start.
    pub async fn counters(&self) -> Result<Counters, DeskError> {
        self.ask(|answer| Request::Counters { answer }).await
    }

    /// The newest invitation and its fate, again with each change.
    pub fn code(&self) -> watch::Receiver<Code> {
        self.code.clone()
    }

    /// Names of who watches now, again with each change.
    pub fn watching(&self) -> watch::Receiver<Arc<Vec<String>>> {
        self.watching.clone()
    }

    /// Registered with a server outside now.
    pub fn outside(&self) -> bool {
        *self.outside.borrow()
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, DeskError> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| DeskError::Stopping)?;
        answered.await.map_err(|_| DeskError::Stopping)
    }
}
