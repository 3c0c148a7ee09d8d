//! Everything between a ring and a running session, at the camera's side: handshakes, enrolment, limits, trickle.
//!
//! A plain state machine: the owner feeds it what arrives and the time, and carries out what [`Door::poll_output`] gives,
//! until it gives nothing more. It opens no socket, no store and no peer connection. One door serves every signaling
//! server of a streamer, so that a message recorded at one server is a replay at another.
//!
//! The server between the ends is assumed hostile. So: nothing is kept for a stranger beyond a bounded, short-lived entry;
//! any failure ends the channel it happened on and nothing else; and whatever a viewer's first message says is a knock,
//! never an authority (`docs/protocol.md` sections 3 to 5).
//!
//! ```text
//! pairing  handle_ring, handle_data(m1) ─► Enrol ─► enrolled() ─► Send(m2), handle_data(PairOk) ─► Confirm, Paired, Gone
//! session  handle_ring, handle_data(m1) ─► Knock ─► offer()    ─► Send(m2), handle_data(Answer) ─► Answer, Candidate…, Gone
//! ```

mod channel;
mod knock;
mod limits;
mod talk;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use athome_shared::id::{ChannelId, MailboxId};
use athome_shared::protocol::wire::{Candidate, FromCamera, Join, PairHello, Why};
use athome_shared::secret::Secret;
use athome_shared::time::WallTime;
use bytes::Bytes;
use ring::rand::SecureRandom;
use serde::Serialize;

use crate::trust::{Identity, Roster, Viewer, ViewerKey, ViewerState};
use channel::{Channel, Stage};
pub use limits::Limits;
use limits::TokenBucket;

/// CLOSE codes of the signaling protocol (`docs/protocol.md` section 1).
pub mod close {
    /// Ended in order.
    pub const DONE: u8 = 0;
    /// As if nobody were here.
    pub const OFFLINE: u8 = 1;
    /// Too many at once.
    pub const BUSY: u8 = 2;
    /// Something that the protocol does not allow.
    pub const PROTOCOL: u8 = 4;
    /// No such channel.
    pub const GONE: u8 = 5;
    /// Too often.
    pub const RATE: u8 = 6;
}

/// What a ring is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    Session,
    /// To the mailbox of an invitation.
    Pairing(MailboxId),
}

/// What the owner is to do. Without `Debug`: descriptions hold the ICE password.
pub enum DoorOutput {
    /// Send a DATA frame.
    Send { chan: ChannelId, data: Bytes },
    /// Send a CLOSE frame; the channel is over here already.
    Close { chan: ChannelId, code: u8 },
    /// Ask the store ([`crate::trust::TrustStore::enrol`]), then [`Door::set_roster`] and [`Door::enrolled`].
    Enrol { chan: ChannelId, pair_mailbox: MailboxId, v_pub: ViewerKey, hello: PairHello },
    /// Tell the store that the viewer holds its keys ([`crate::trust::TrustStore::confirm`]).
    Confirm { v_pub: ViewerKey },
    /// A device is paired.
    Paired { v_pub: ViewerKey, label: String },
    /// A viewer wants a session: [`Door::offer`] or [`Door::refuse`]. It may be a replay after a restart: give it nothing
    /// that costs much before its `Answer`.
    Knock { chan: ChannelId, viewer: Box<Viewer>, join: Join },
    /// The viewer proved itself and answered: hand the checked description to the peer connection, which must see a
    /// certificate with this fingerprint.
    Answer { chan: ChannelId, sdp: String, fp: [u8; 32], bind_key: Secret<32> },
    /// A checked candidate of the viewer.
    Candidate { chan: ChannelId, candidate: Candidate },
    /// The viewer has no more candidates.
    CandEnd { chan: ChannelId },
    /// The channel of an `Enrol` or `Knock` is over; exactly one for each of them. After an `Answer` it says nothing
    /// about media, unless `why` is a goodbye or a removal.
    Gone { chan: ChannelId, why: Gone },
}

/// Why a channel is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gone {
    /// In order: paired, closed by the owner, or worn out after the answer.
    Done,
    /// The viewer said goodbye.
    Bye(Why),
    /// We refused, or threw the viewer out.
    Refused(Why),
    /// The server closed it or went away.
    Closed,
    /// No answer in time.
    TimedOut,
    /// It gave way to others.
    Crowded,
    /// A sealed message could not be opened: somebody changed, repeated or dropped one.
    Tampered,
    /// A message was not what the protocol allows here, or our own could not be made; for the log.
    Failed(String),
}

/// What the door turned away so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// First messages that did not open.
    pub bad_knocks: u64,
    /// First messages of keys that nobody knows.
    pub strangers: u64,
    /// First messages that were said before.
    pub replays: u64,
    /// First messages beyond the rate.
    pub rate_limited: u64,
    /// Rings beyond the bound.
    pub crowded: u64,
    /// Sealed messages that did not open on a channel that stood.
    pub tampered: u64,
}

impl Counts {
    /// Messages that did not open: damaged, or changed, repeated or dropped on the way.
    pub fn unopened(&self) -> u64 {
        self.bad_knocks + self.tampered
    }
}

/// The state machine.
pub struct Door {
    identity: Identity,
    mailbox: MailboxId,
    /// What a newcomer is told to ring at; empty: where it came through.
    servers: Vec<String>,
    limits: Limits,
    rng: Arc<dyn SecureRandom + Send + Sync>,
    roster: Roster,
    /// At most `limits.half_open + limits.open`.
    channels: BTreeMap<u64, Channel>,
    /// Each viewer's last join counter; only of viewers in the roster.
    counters: BTreeMap<ViewerKey, u64>,
    bucket: TokenBucket,
    born: u64,
    counts: Counts,
    /// Drained by the owner after each call; a call adds a few entries for each channel at most.
    outputs: VecDeque<DoorOutput>,
}

impl Door {
    /// A door that nobody is let through before [`Self::set_roster`]. `servers` are the signaling servers that a newcomer
    /// is told to ring at, empty for the one it came through.
    pub fn new(
        identity: Identity,
        servers: Vec<String>,
        limits: Limits,
        rng: Arc<dyn SecureRandom + Send + Sync>,
    ) -> Self {
        Self {
            mailbox: identity.mailbox_key.mailbox(),
            identity,
            servers,
            bucket: TokenBucket::new(limits.knocks_per_second, limits.knock_burst),
            limits,
            rng,
            roster: Roster::default(),
            channels: BTreeMap::new(),
            counters: BTreeMap::new(),
            born: 0,
            counts: Counts::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Whom to let in from now on. Sessions' channels of viewers that are not in it any more end with a goodbye.
    pub fn set_roster(&mut self, roster: Roster) {
        self.roster = roster;
        let Self { roster, counters, .. } = self;
        counters.retain(|v_pub, _| roster.viewer(v_pub).is_some());
        for chan in self.channels.keys().copied().map(ChannelId).collect::<Vec<_>>() {
            let Some(channel) = self.channels.get_mut(&chan.0) else { continue };
            let Some((_, v_pub)) = channel.stage.session() else { continue };
            if self.roster.viewer(v_pub).is_none_or(|v| v.state == ViewerState::Revoked) {
                self.bye(chan, Why::Revoked, close::DONE, Gone::Refused(Why::Revoked));
            }
        }
    }

    /// What the place is called from now on, for newcomers.
    pub fn set_place(&mut self, place: String) {
        self.identity.place = place;
    }

    /// A RING came.
    pub fn handle_ring(&mut self, now: Instant, chan: ChannelId, ring: Ring) {
        if let Some(channel) = self.channels.remove(&chan.0) {
            // No honest server rings twice with one number; neither of the two can be told from the other any more.
            return self.end(chan, &channel.stage, close::BUSY, Gone::Crowded);
        }
        if let Ring::Pairing(mailbox) = ring
            && self.roster.invite(mailbox).is_none()
        {
            return self.push(DoorOutput::Close { chan, code: close::OFFLINE });
        }
        let half_open = self.channels.values().filter(|c| !c.stage.open()).count();
        if half_open >= self.limits.half_open {
            self.counts.crowded += 1;
            let Some(oldest) = self.oldest(|stage| !stage.announced()) else {
                return self.push(DoorOutput::Close { chan, code: close::BUSY });
            };
            self.finish(oldest, close::BUSY, Gone::Crowded);
        }
        self.born += 1;
        let deadline = now + self.limits.half_open_life;
        self.channels.insert(chan.0, Channel { stage: Stage::Rung(ring), deadline, born: self.born });
    }

    /// A DATA frame came. `wall` decides whether a guest's access has ended.
    pub fn handle_data(&mut self, now: Instant, wall: WallTime, chan: ChannelId, data: &[u8]) {
        self.handle_timeout(now);
        let Some(channel) = self.channels.remove(&chan.0) else {
            return self.push(DoorOutput::Close { chan, code: close::GONE });
        };
        match channel.stage {
            Stage::Rung(ring) => self.knock(now, wall, chan, ring, channel, data),
            Stage::Silent => {
                self.channels.insert(chan.0, channel);
            }
            Stage::Enrolling(_) | Stage::Knocking(_) => {
                let why = Gone::Failed("the viewer spoke before it was answered".to_owned());
                self.end(chan, &channel.stage, close::PROTOCOL, why);
            }
            Stage::Welcomed { .. } | Stage::Offered { .. } | Stage::Open { .. } => self.talk(now, chan, channel, data),
        }
    }

    /// A CLOSE came, or the connection to the server that carried the channel is gone.
    pub fn handle_close(&mut self, _now: Instant, chan: ChannelId) {
        if let Some(channel) = self.channels.remove(&chan.0)
            && channel.stage.announced()
        {
            self.push(DoorOutput::Gone { chan, why: Gone::Closed });
        }
    }

    /// When [`Self::handle_timeout`] is due next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.channels.values().map(|c| c.deadline).min()
    }

    /// Ends what has lasted too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due = |(chan, c): (&u64, &Channel)| (c.deadline <= now).then_some((ChannelId(*chan), c.stage.open()));
        for (chan, open) in self.channels.iter().filter_map(due).collect::<Vec<_>>() {
            if open {
                self.finish(chan, close::DONE, Gone::Done);
            } else {
                // The same for a stranger and for a viewer who was too slow.
                self.finish(chan, close::OFFLINE, Gone::TimedOut);
            }
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<DoorOutput> {
        self.outputs.pop_front()
    }

    /// Closes a channel without a word; nothing where it is gone already. [`Self::send`] says goodbye first.
    pub fn close(&mut self, chan: ChannelId, code: u8) {
        self.finish(chan, code, Gone::Done);
    }

    /// Seals and sends something on a session's channel, from the offer on; nothing where the channel is gone. A
    /// candidate beyond the most that a side may have is dropped. A goodbye closes the channel.
    pub fn send(&mut self, chan: ChannelId, message: &FromCamera) {
        let Some(channel) = self.channels.get_mut(&chan.0) else { return };
        if let (FromCamera::Cand(_), Stage::Offered { ours, .. } | Stage::Open { ours, .. }) =
            (message, &mut channel.stage)
        {
            if *ours >= athome_shared::pair::candidate::MAX_CANDIDATES {
                return;
            }
            *ours += 1;
        }
        if let FromCamera::Bye { why } = message {
            return self.bye(chan, *why, close::DONE, Gone::Done);
        }
        self.seal(chan, message);
    }

    /// What was turned away so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn push(&mut self, output: DoorOutput) {
        self.outputs.push_back(output);
    }

    /// The oldest channel at such a stage.
    fn oldest(&self, at: impl Fn(&Stage) -> bool) -> Option<ChannelId> {
        let matching = self.channels.iter().filter(|(_, c)| at(&c.stage));
        matching.min_by_key(|(_, c)| c.born).map(|(chan, _)| ChannelId(*chan))
    }

    /// Ends a channel that is still in its place.
    fn finish(&mut self, chan: ChannelId, code: u8, why: Gone) {
        if let Some(channel) = self.channels.remove(&chan.0) {
            self.end(chan, &channel.stage, code, why);
        }
    }

    /// Says that a channel, taken out already, is over.
    fn end(&mut self, chan: ChannelId, stage: &Stage, code: u8, why: Gone) {
        self.push(DoorOutput::Close { chan, code });
        if stage.announced() {
            self.push(DoorOutput::Gone { chan, why });
        }
    }

    /// Ends a session's channel with a sealed goodbye.
    fn bye(&mut self, chan: ChannelId, why: Why, code: u8, gone: Gone) {
        self.seal(chan, &FromCamera::Bye { why });
        self.finish(chan, code, gone);
    }
}
