//! From a viewer's first message to ours: who is it, and what does it get?

use std::time::Instant;

use athome_shared::id::{ChannelId, MailboxId};
use athome_shared::pair::noise::{Answer, Ephemeral, NoiseError, Responder, Transport};
use athome_shared::pair::{b64, sdp, seal};
use athome_shared::protocol::VERSION;
use athome_shared::protocol::wire::{self, FromCamera, Join, PairHello, PairReply, PairWelcome, Refused, Why};
use athome_shared::secret::Secret;
use athome_shared::time::WallTime;
use serde::{Deserialize, Serialize};

use super::channel::{Channel, Stage};
use super::{Door, DoorOutput, Gone, Ring, close};
use crate::trust::{Enrolment, Viewer, ViewerState};

/// The oldest sealed protocol that is still spoken.
const OLDEST_VERSION: u16 = 1;
/// Most video slots that a viewer may ask for.
const MAX_SLOTS: u8 = 16;

impl Door {
    /// The first message on a channel, which was taken out of the door.
    pub(super) fn knock(
        &mut self,
        now: Instant,
        wall: WallTime,
        chan: ChannelId,
        ring: Ring,
        channel: Channel,
        m1: &[u8],
    ) {
        if !self.bucket.take(now) {
            self.counts.rate_limited += 1;
            return self.end(chan, &channel.stage, close::RATE, Gone::Crowded);
        }
        let Ok((answer, payload)) = self.open_first(chan, ring, m1) else {
            self.counts.bad_knocks += 1;
            return self.end(chan, &channel.stage, close::PROTOCOL, Gone::Tampered);
        };
        let stage = match ring {
            Ring::Pairing(mailbox) => self.pairing_knock(chan, mailbox, answer, &payload),
            Ring::Session => self.session_knock(wall, chan, answer, &payload),
        };
        if let Some(stage) = stage {
            self.channels.insert(chan.0, Channel { stage, ..channel });
        }
    }

    fn open_first(&self, chan: ChannelId, ring: Ring, m1: &[u8]) -> Result<(Answer, Vec<u8>), NoiseError> {
        let ephemeral = Ephemeral::generate(&*self.rng)?;
        let keys = &self.identity.keys;
        let responder = match ring {
            Ring::Session => Responder::session(keys, self.mailbox, chan, ephemeral)?,
            Ring::Pairing(mailbox) => {
                let invite = self.roster.invite(mailbox).ok_or(NoiseError::State)?;
                Responder::pairing(keys, &invite.psk, mailbox, chan, ephemeral)?
            }
        };
        responder.m1(m1)
    }

    /// The device proved the invitation's secret. `None` where it was refused already.
    fn pairing_knock(
        &mut self,
        chan: ChannelId,
        pair_mailbox: MailboxId,
        answer: Answer,
        payload: &[u8],
    ) -> Option<Stage> {
        let hello = match read::<PairHello>(payload, |h| h.v) {
            Ok(hello) => hello,
            Err(why) => {
                self.answer_refusal(chan, answer, &PairReply::Refused(refused(why)));
                return None;
            }
        };
        let v_pub = *answer.v_pub();
        self.push(DoorOutput::Enrol { chan, pair_mailbox, v_pub, hello });
        Some(Stage::Enrolling(answer))
    }

    /// Somebody says that he is the viewer with this key; whether he holds its pre-shared key only his next message shows.
    fn session_knock(&mut self, wall: WallTime, chan: ChannelId, mut answer: Answer, payload: &[u8]) -> Option<Stage> {
        let Some(viewer) = self.roster.viewer(answer.v_pub()).cloned() else {
            self.counts.strangers += 1;
            return Some(Stage::Silent);
        };
        // Sets the key of whoever it is, so that refusals can be read as well.
        let Ok(()) = answer.set_psk(&viewer.psk) else { return Some(Stage::Silent) };
        let join = match read::<Join>(payload, |j| j.v) {
            Ok(join) => join,
            Err(why) => {
                self.answer_refusal(chan, answer, &FromCamera::Refused(refused(why)));
                return None;
            }
        };
        if self.counters.get(&viewer.v_pub).is_some_and(|&last| join.ctr <= last) {
            self.counts.replays += 1;
            return Some(Stage::Silent);
        }
        self.counters.insert(viewer.v_pub, join.ctr);
        if let Some(why) = turned_away(&viewer, wall, &join) {
            self.answer_refusal(chan, answer, &FromCamera::Refused(refused(why)));
            return None;
        }

        let same = |stage: &Stage| stage.half_open_viewer() == Some(&viewer.v_pub);
        if self.channels.values().filter(|c| same(&c.stage)).count() >= self.limits.half_open_per_viewer
            && let Some(oldest) = self.oldest(same)
        {
            self.finish(oldest, close::BUSY, Gone::Crowded);
        }
        self.push(DoorOutput::Knock { chan, viewer: Box::new(viewer), join });
        Some(Stage::Knocking(answer))
    }

    /// The store's word on an `Enrol`; nothing where the channel is gone. Where the store failed, [`Self::close`] instead.
    pub fn enrolled(&mut self, chan: ChannelId, result: Enrolment) {
        let Some(Channel { stage: Stage::Enrolling(_), .. }) = self.channels.get(&chan.0) else { return };
        let Some(Channel { stage: Stage::Enrolling(answer), deadline, born }) = self.channels.remove(&chan.0) else {
            return;
        };
        let viewer = match result {
            Enrolment::Welcome(viewer) => viewer,
            Enrolment::Refused(refusal) => {
                let why = refusal.why;
                self.answer_refusal(chan, answer, &PairReply::Refused(refusal));
                return self.push(DoorOutput::Gone { chan, why: Gone::Refused(why) });
            }
        };
        let v_pub = *answer.v_pub();
        let welcome = PairReply::Welcome(Box::new(PairWelcome {
            v: VERSION,
            roles: viewer.roles.list(),
            cap: b64::encode(viewer.cap.expose()),
            psk: b64::encode(viewer.psk.expose()),
            mailbox: b64::encode(&self.mailbox.0),
            servers: self.servers.clone(),
            place: self.identity.place.clone(),
            device: viewer.label.clone(),
            roster_epoch: self.roster.epoch(),
        }));
        match second(answer, &welcome) {
            Ok((transport, m2)) => {
                self.push(DoorOutput::Send { chan, data: m2.into() });
                let stage = Stage::Welcomed { transport, v_pub, label: viewer.label };
                self.channels.insert(chan.0, Channel { stage, deadline, born });
            }
            Err(text) => self.failed(chan, text),
        }
    }

    /// The owner's offer for a `Knock`; nothing where the channel is gone.
    pub fn offer(&mut self, now: Instant, chan: ChannelId, offer: wire::Offer) {
        let Some(Channel { stage: Stage::Knocking(_), .. }) = self.channels.get(&chan.0) else { return };
        let Some(Channel { stage: Stage::Knocking(answer), born, .. }) = self.channels.remove(&chan.0) else { return };
        let v_pub = *answer.v_pub();
        if self.roster.viewer(&v_pub).is_none_or(|v| v.state == ViewerState::Revoked) {
            self.answer_refusal(chan, answer, &FromCamera::Refused(refused(Why::Revoked)));
            return self.push(DoorOutput::Gone { chan, why: Gone::Refused(Why::Revoked) });
        }
        let (Some(fp), Some(kb)) = (b64::decode_array(&offer.fp), b64::decode_array(&offer.kb)) else {
            return self
                .failed(chan, "our own offer has a fingerprint or a binding key that is not 32 bytes".to_owned());
        };
        let checked = match sdp::check_offer(&offer.sdp, &fp) {
            Ok(checked) => checked,
            Err(e) => return self.failed(chan, format!("our own offer would be refused: {e}")),
        };
        match second(answer, &FromCamera::Offer(Box::new(offer))) {
            Ok((transport, m2)) => {
                self.push(DoorOutput::Send { chan, data: m2.into() });
                let ours = checked.candidates;
                let stage = Stage::Offered { transport, v_pub, offer: checked, kb: Secret::new(kb), ours };
                let deadline = now + self.limits.half_open_life;
                self.channels.insert(chan.0, Channel { stage, deadline, born });
            }
            Err(text) => self.failed(chan, text),
        }
    }

    /// The owner's no to a `Knock`; nothing where the channel is gone.
    pub fn refuse(&mut self, chan: ChannelId, refusal: Refused) {
        let Some(Channel { stage: Stage::Knocking(_), .. }) = self.channels.get(&chan.0) else { return };
        let Some(Channel { stage: Stage::Knocking(answer), .. }) = self.channels.remove(&chan.0) else { return };
        let why = refusal.why;
        self.answer_refusal(chan, answer, &FromCamera::Refused(refusal));
        self.push(DoorOutput::Gone { chan, why: Gone::Refused(why) });
    }

    /// Sends a refusal as message 2 and closes the channel, which was taken out already.
    fn answer_refusal(&mut self, chan: ChannelId, answer: Answer, refusal: &impl Serialize) {
        if let Ok((_, m2)) = second(answer, refusal) {
            self.push(DoorOutput::Send { chan, data: m2.into() });
        }
        self.push(DoorOutput::Close { chan, code: close::DONE });
    }

    fn failed(&mut self, chan: ChannelId, text: String) {
        self.push(DoorOutput::Close { chan, code: close::PROTOCOL });
        self.push(DoorOutput::Gone { chan, why: Gone::Failed(text) });
    }
}

/// Why a known viewer gets no session, if so.
fn turned_away(viewer: &Viewer, wall: WallTime, join: &Join) -> Option<Why> {
    if viewer.state == ViewerState::Revoked {
        return Some(Why::Revoked);
    }
    if viewer.expired(wall) {
        return Some(Why::GuestEnded);
    }
    let well_formed = (1..=MAX_SLOTS).contains(&join.slots)
        && join.watch.len() <= usize::from(MAX_SLOTS)
        && b64::decode_array::<16>(&join.sid).is_some();
    (!well_formed).then_some(Why::Protocol)
}

/// Message 2 with a payload.
fn second(answer: Answer, payload: &impl Serialize) -> Result<(Transport, Vec<u8>), String> {
    let plain = seal::seal(payload).map_err(|e| e.to_string())?;
    answer.m2(&plain).map_err(|e| e.to_string())
}

/// Reads a first message, or says what to refuse it with. A version that is not ours is told from nonsense by its `v` alone.
fn read<T: for<'de> Deserialize<'de>>(payload: &[u8], version: impl Fn(&T) -> u16) -> Result<T, Why> {
    #[derive(Deserialize)]
    struct Version {
        v: u16,
    }
    match seal::open::<T>(payload) {
        Ok(message) if version(&message) >= OLDEST_VERSION => Ok(message),
        Ok(_) => Err(Why::OldViewer),
        Err(_) => match seal::open::<Version>(payload) {
            Ok(Version { v }) if v > VERSION => Err(Why::OldCamera),
            Ok(Version { v }) if v < OLDEST_VERSION => Err(Why::OldViewer),
            _ => Err(Why::Protocol),
        },
    }
}

fn refused(why: Why) -> Refused {
    Refused { why, who: None, count: None, retry_s: None }
}
