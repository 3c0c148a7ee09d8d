//! The trust store: what it is asked, and what its answers change.

use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::id::{ChannelId, MailboxId};
use athome_shared::protocol::control::RefusedWhy;
use athome_shared::protocol::wire::{PairHello, Why};
use athome_shared::time::WallTime;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::Task;
use super::desk::Shown;
use crate::serve::desk::{Code, DeskError, Invitation, ViewerRow};
use crate::serve::door::close;
use crate::serve::house::SessionId;
use crate::serve::session::Order;
use crate::trust::{Enrolment, Roster, TrustError, ViewerKey};

/// What the store did.
pub(super) enum Stored {
    Enrolled {
        chan: ChannelId,
        done: Result<(Enrolment, Roster), TrustError>,
    },
    /// Nobody waits for it.
    Changed {
        done: Result<Roster, TrustError>,
    },
    Invited {
        answer: oneshot::Sender<Result<Invitation, DeskError>>,
        done: Result<(Invitation, MailboxId, Roster), TrustError>,
    },
    Revoked {
        viewer: ViewerKey,
        answer: oneshot::Sender<Result<ViewerRow, DeskError>>,
        done: Result<Roster, TrustError>,
    },
    Renamed {
        session: SessionId,
        viewer: ViewerKey,
        re: u32,
        done: Result<(String, Roster), TrustError>,
    },
    Nothing(Result<(), TrustError>),
}

/// Once a day, the first time a day from the start.
pub(super) struct Daily(Instant);

impl Daily {
    const DAY: Duration = Duration::from_secs(24 * 3600);

    pub(super) fn new(now: Instant) -> Self {
        Self(now + Self::DAY)
    }

    fn due(&mut self, now: Instant) -> bool {
        let due = now >= self.0;
        if due {
            self.0 = now + Self::DAY;
        }
        due
    }
}

impl Task {
    pub(super) fn enrol(&mut self, chan: ChannelId, pair_mailbox: MailboxId, v_pub: ViewerKey, hello: PairHello) {
        let trust = self.trust.clone();
        self.stored.spawn(async move {
            let done = blocking(move || {
                let enrolment = trust.enrol(WallTime::now(), pair_mailbox, &v_pub, &hello)?;
                Ok((enrolment, trust.roster()?))
            });
            Stored::Enrolled { chan, done: done.await }
        });
    }

    /// Forgets what is old, once a day: a streamer runs for months.
    pub(super) fn look_after_store(&mut self, now: Instant) {
        if !self.prune.due(now) {
            return;
        }
        let trust = self.trust.clone();
        self.stored.spawn(async move {
            let done = blocking(move || {
                trust.prune(WallTime::now())?;
                trust.roster()
            });
            Stored::Changed { done: done.await }
        });
    }

    pub(super) fn confirm(&mut self, v_pub: ViewerKey) {
        let trust = self.trust.clone();
        self.stored.spawn(async move {
            let done = blocking(move || {
                trust.confirm(&v_pub)?;
                trust.roster()
            });
            Stored::Changed { done: done.await }
        });
    }

    pub(super) fn revoke(&mut self, viewer: ViewerKey, answer: oneshot::Sender<Result<ViewerRow, DeskError>>) {
        let trust = self.trust.clone();
        self.stored.spawn(async move {
            let done = blocking(move || {
                trust.revoke(WallTime::now(), &viewer)?;
                trust.roster()
            });
            Stored::Revoked { viewer, answer, done: done.await }
        });
    }

    pub(super) async fn handle_stored(&mut self, stored: Stored) {
        match stored {
            Stored::Enrolled { chan, done: Ok((enrolment, roster)) } => {
                self.adopt(roster).await;
                self.door.enrolled(chan, enrolment);
            }
            Stored::Enrolled { chan, done: Err(error) } => {
                warn!("a device could not be paired: {error}");
                self.door.close(chan, close::DONE);
            }
            Stored::Changed { done: Ok(roster) } => self.adopt(roster).await,
            Stored::Invited { answer, done: Ok((invitation, mailbox, roster)) } => {
                self.shown = Some(Shown { mailbox, expires: invitation.expires });
                self.adopt(roster).await;
                self.shows.code.send_replace(Code::Open(Arc::new(invitation.clone())));
                let _gone = answer.send(Ok(invitation));
            }
            Stored::Invited { answer, done: Err(error) } => {
                let _gone = answer.send(Err(DeskError::Refused(sentence(&error))));
            }
            Stored::Revoked { viewer, answer, done: Ok(roster) } => {
                for id in self.house.of_viewer(&viewer) {
                    self.end(id, Why::Revoked);
                }
                self.adopt(roster).await;
                let row = self.roster.viewer(&viewer).map(|viewer| self.row(viewer));
                let _gone = answer.send(row.ok_or(DeskError::UnknownViewer));
            }
            Stored::Revoked { answer, done: Err(error), .. } => {
                let _gone = answer.send(Err(DeskError::Refused(sentence(&error))));
            }
            Stored::Renamed { session, viewer, re, done } => {
                let done = match done {
                    Ok((name, roster)) => {
                        self.house.renamed(&viewer, &name);
                        self.adopt(roster).await;
                        self.publish_watching();
                        Ok(())
                    }
                    Err(error) => {
                        info!("a device could not be renamed: {error}");
                        Err(RefusedWhy::Invalid)
                    }
                };
                self.order(session, Order::Renamed { re, done });
            }
            Stored::Changed { done: Err(error) } | Stored::Nothing(Err(error)) => warn!("trust store: {error}"),
            Stored::Nothing(Ok(())) => {}
        }
    }

    /// Takes a newer copy of the roster: the door, the servers and whoever shows the code go by it.
    async fn adopt(&mut self, roster: Roster) {
        // Two of the store's answers may overtake each other.
        if roster.epoch() < self.roster.epoch() {
            return;
        }
        self.roster = roster.clone();
        self.door.set_roster(roster);
        self.register().await;
        self.look_after_code();
    }
}

fn sentence(error: &TrustError) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TrustError> + Send + 'static,
) -> Result<T, TrustError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(TrustError::Damaged("what the store returned")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Daily;

    #[test]
    fn once_a_day_however_often_it_is_looked_at() {
        let start = Instant::now();
        let mut daily = Daily::new(start);
        // Looked at every ten seconds for ten days and a bit.
        let looks = (0..10 * 8_640 + 100).map(|n| start + Duration::from_secs(10 * n));
        let due: Vec<u64> = looks.filter(|now| daily.due(*now)).map(|now| (now - start).as_secs() / 3600).collect();
        assert_eq!(due, (1..=10).map(|day| day * 24).collect::<Vec<_>>());
    }
}
