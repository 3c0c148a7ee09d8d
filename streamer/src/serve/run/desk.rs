//! What the terminal and the local interface ask for, and the code that is shown.

use std::time::Duration;

use athome_shared::id::MailboxId;
use athome_shared::pair::link::Link;
use athome_shared::pair::roles::Roles;
use athome_shared::protocol::control::Role;
use athome_shared::time::WallTime;
use tokio::sync::oneshot;

use super::Task;
use super::store::{Stored, blocking};
use crate::events::Kind;
use crate::serve::desk::{Code, Counters, DeskError, Invitation, Request, ViewerRow};
use crate::trust::{Viewer, ViewerState};

/// The invitation that is shown.
pub(super) struct Shown {
    pub(super) mailbox: MailboxId,
    pub(super) expires: WallTime,
}

impl Task {
    pub(super) fn handle_request(&mut self, request: Request) {
        match request {
            Request::Invite { roles, ttl, uses, answer } => self.invite(roles, ttl, uses, answer),
            Request::Viewers { answer } => {
                let rows = self.roster.viewers().map(|viewer| self.row(viewer)).collect();
                // Whoever asked may have gone.
                let _gone = answer.send(Ok(rows));
            }
            Request::Revoke { id, answer } => {
                let found = self.roster.viewers().find(|v| v.id() == id && v.state != ViewerState::Revoked);
                match found.map(|v| v.v_pub) {
                    Some(viewer) => self.revoke(viewer, answer),
                    None => {
                        let _gone = answer.send(Err(DeskError::UnknownViewer));
                    }
                }
            }
            Request::Counters { answer } => {
                let (sessions, watching) = (self.house.all().len(), self.house.watching().len());
                let _gone =
                    answer.send(Counters { sessions, watching, turned_away: self.door.counts(), ..self.counters });
            }
        }
    }

    /// Withdraws a code from the screen once it was used up or ran out.
    pub(super) fn look_after_code(&mut self) {
        let Some(shown) = &self.shown else { return };
        let now = WallTime::now();
        let invite = self.roster.invite(shown.mailbox);
        let used = invite.filter(|i| i.uses_left == 0).and_then(|i| i.used_by.clone());
        if let Some(device) = used {
            self.shown = None;
            // Names are people's own choice, and two may be alike: the newest is the one that came with this code.
            let named = |viewer: &&Viewer| viewer.label == device && viewer.state != ViewerState::Revoked;
            let id = self.roster.viewers().filter(named).max_by_key(|viewer| viewer.created).map(Viewer::id);
            self.shows.code.send_replace(Code::Used { device, id, at: now });
        } else if shown.expires <= now || invite.is_none() {
            self.shown = None;
            self.shows.code.send_replace(Code::Expired);
            self.events.streamer(Kind::CodeExpired);
        }
    }

    pub(super) fn row(&self, viewer: &Viewer) -> ViewerRow {
        let state = match viewer.state {
            ViewerState::Pending => "pending",
            ViewerState::Valid => "valid",
            ViewerState::Revoked => "revoked",
        };
        ViewerRow {
            id: viewer.id(),
            name: viewer.label.clone(),
            roles: viewer.roles.list(),
            state: state.to_owned(),
            created: viewer.created,
            last_seen: viewer.last_seen,
            expires: viewer.expires,
            watching: self.house.is_watching(&viewer.v_pub),
        }
    }

    fn invite(
        &mut self,
        roles: Option<Roles>,
        ttl: Duration,
        uses: u16,
        answer: oneshot::Sender<Result<Invitation, DeskError>>,
    ) {
        if self.servers.is_empty() {
            let why = "No device could reach this camera: switch the own server on, or name one with --signaling.";
            let _gone = answer.send(Err(DeskError::Refused(why.to_owned())));
            return;
        }
        let nobody_yet = self.roster.viewers().all(|v| v.state == ViewerState::Revoked);
        let usual = if nobody_yet { Roles::owner() } else { Roles::of(&FAMILY) };
        let roles = roles.unwrap_or(usual);
        let (trust, s_pub) = (self.trust.clone(), *self.identity.keys.public());
        let (page, server) = (self.page.clone(), self.server.clone());
        self.stored.spawn(async move {
            let done = blocking(move || {
                let (invite, secret) = trust.new_invite(WallTime::now(), roles, ttl, uses.into())?;
                let link = Link { server, s_pub, secret, page }.to_url();
                let invitation = Invitation { link, roles: invite.roles.list(), uses, expires: invite.expires };
                Ok((invitation, invite.pair_mailbox, trust.roster()?))
            });
            Stored::Invited { answer, done: done.await }
        });
    }
}

/// A family's device: sees, listens, talks, looks back.
const FAMILY: [Role; 3] = [Role::View, Role::Talk, Role::Playback];
