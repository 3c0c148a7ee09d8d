//! What comes sealed through the signaling server: the offer, its answer, candidates, a goodbye.

use std::time::{Duration, Instant};

use athome_shared::pair::noise::NoiseError;
use athome_shared::pair::{b64, candidate, sdp, seal};
use athome_shared::protocol::VERSION;
use athome_shared::protocol::signal::CloseCode;
use athome_shared::protocol::wire::{Candidate, FromCamera, FromViewer, Offer, SlotKind, Why};

use super::{Event, Output, Phase, Session, Stage, refused};
use crate::session::ended::Ended;
use crate::session::slots::Slots;

/// From the offer to a connection; a relay's slow start included.
const CONNECTING_LIMIT: Duration = Duration::from_secs(15);

impl Session {
    /// A message arrived on the signaling channel.
    pub fn handle_sealed(&mut self, now: Instant, message: &[u8]) {
        match std::mem::replace(&mut self.phase, Phase::Closing) {
            Phase::Proving { initiator } => {
                self.phase = Phase::Connecting;
                let opened = initiator.m2(message);
                let Ok((transport, plain)) = opened else { return self.end(Ended::Tampered) };
                self.transport = Some(transport);
                self.handle_second(now, &plain);
            }
            phase @ (Phase::Connecting | Phase::Live) => {
                self.phase = phase;
                let plain = self.transport.as_mut().ok_or(NoiseError::State).and_then(|t| t.open(message));
                let Ok(plain) = plain else { return self.handle_broken_channel() };
                match seal::open::<FromCamera>(&plain) {
                    Ok(message) => self.handle_later(message),
                    Err(_) => self.end(Ended::Protocol("a sealed message that is none of ours")),
                }
            }
            Phase::Closing => {}
        }
    }

    /// The signaling channel is gone; `None` if its connection ended without a word.
    pub fn handle_channel_closed(&mut self, code: Option<CloseCode>) {
        self.channel_gone = true;
        match self.phase {
            Phase::Proving { .. } => self.end(match code {
                Some(CloseCode::Offline) => Ended::Offline,
                Some(CloseCode::PeerGone) | None => Ended::Lost,
                // The streamer's half-open limit, for one: silence is how an unknown key is answered.
                Some(_) => Ended::Silent,
            }),
            // With the answer out, host candidates may still meet; the deadline decides.
            Phase::Connecting if !self.answered => self.end(Ended::Lost),
            // A session lives as long as its peer connection.
            Phase::Connecting | Phase::Live | Phase::Closing => {}
        }
    }

    /// The stack answered the offer: its SDP and its certificate's SHA-256.
    pub fn handle_answer(&mut self, sdp: String) {
        if !matches!(self.phase, Phase::Connecting) {
            return;
        }
        let Ok(fp) = sdp::fingerprint_of(&sdp) else {
            return self.end(Ended::Protocol("our own answer has no single fingerprint"));
        };
        self.seal(&FromViewer::Answer { sdp, fp: b64::encode(&fp), kb: b64::encode(&self.kb) });
        self.answered = true;
        for candidate in std::mem::take(&mut self.own) {
            self.seal(&FromViewer::Cand(candidate));
        }
        if self.own_end {
            self.seal(&FromViewer::CandEnd);
        }
    }

    /// The stack could not take the offer.
    pub fn handle_unanswerable(&mut self) {
        self.end(Ended::Protocol("an offer that the WebRTC stack refused"));
    }

    /// The stack found a local candidate.
    pub fn handle_candidate(&mut self, candidate: Candidate) {
        if self.answered {
            self.seal(&FromViewer::Cand(candidate));
        } else if self.own.len() < candidate::MAX_CANDIDATES {
            self.own.push(candidate);
        }
    }

    /// The stack has no more candidates.
    pub fn handle_gathering_done(&mut self) {
        self.own_end = true;
        if self.answered {
            self.seal(&FromViewer::CandEnd);
        }
    }

    fn handle_second(&mut self, now: Instant, plain: &[u8]) {
        match seal::open::<FromCamera>(plain) {
            Ok(FromCamera::Offer(offer)) => self.handle_offer(now, *offer),
            Ok(FromCamera::Refused(refused)) => self.end(Ended::Refused(refused)),
            Ok(FromCamera::Bye { why }) => self.end(Ended::Bye(why)),
            Ok(FromCamera::Cand(_) | FromCamera::CandEnd) | Err(_) => {
                self.end(Ended::Protocol("a second message that is neither offer nor refusal"));
            }
        }
    }

    fn handle_offer(&mut self, now: Instant, offer: Offer) {
        if offer.v < VERSION {
            return self.end(Ended::Refused(refused(Why::OldCamera)));
        }
        let Some(fp) = b64::decode_array::<32>(&offer.fp) else {
            return self.end(Ended::Protocol("an offer whose fingerprint is damaged"));
        };
        let Ok(checked) = sdp::check_offer(&offer.sdp, &fp) else { return self.end(Ended::Tampered) };
        self.candidates = checked.candidates;
        let Some(slots) = Slots::new(&offer.slots) else {
            return self.end(Ended::Protocol("an offer whose list of slots makes no sense"));
        };
        let video = offer.slots.iter().filter(|s| s.kind == SlotKind::Video).count();
        if video > usize::from(self.max_video) {
            return self.end(Ended::Protocol("an offer with more slots than asked for"));
        }
        let Some(kb) = b64::decode_array::<32>(&offer.kb) else {
            return self.end(Ended::Protocol("an offer whose binding key is damaged"));
        };
        self.bind_key = self.transport.as_ref().map(|t| t.bind_key(&kb, &self.kb));
        self.slots = slots;
        self.deadline = Some(now + CONNECTING_LIMIT);
        self.out.push_back(Output::Event(Event::Stage(Stage::Connecting)));
        self.out.push_back(Output::Answer { sdp: offer.sdp, ice_servers: offer.ice_servers });
        self.out.push_back(Output::Event(Event::Cameras(offer.cameras)));
        for attached in offer.attached {
            self.handle_attached(attached);
        }
    }

    fn handle_later(&mut self, message: FromCamera) {
        match message {
            FromCamera::Cand(candidate) => {
                self.candidates += 1;
                if self.candidates > candidate::MAX_CANDIDATES {
                    self.end(Ended::Protocol("more candidates than a side may have"));
                } else if candidate::check_candidate(&candidate.cand).is_err() {
                    self.end(Ended::Protocol("a candidate that is none"));
                } else {
                    self.out.push_back(Output::Candidate(candidate));
                }
            }
            FromCamera::CandEnd => {}
            FromCamera::Bye { why } => self.end(Ended::Bye(why)),
            FromCamera::Refused(refused) => self.end(Ended::Refused(refused)),
            FromCamera::Offer(_) => self.end(Ended::Protocol("a second offer")),
        }
    }

    /// The server dropped, repeated or changed something. Before the connection stands, that is the end; afterwards media
    /// goes on without the channel.
    fn handle_broken_channel(&mut self) {
        match self.phase {
            Phase::Live => {
                self.channel_gone = true;
                self.transport = None;
                self.out.push_back(Output::CloseChannel);
            }
            Phase::Proving { .. } | Phase::Connecting | Phase::Closing => self.end(Ended::Tampered),
        }
    }

    pub(super) fn seal(&mut self, message: &FromViewer) {
        if self.channel_gone {
            return;
        }
        let Some(transport) = self.transport.as_mut() else { return };
        let sealed = seal::seal(message).ok().and_then(|plain| transport.seal(&plain).ok());
        match sealed {
            Some(sealed) => self.out.push_back(Output::Sealed(sealed)),
            None => self.end(Ended::Protocol("a message of ours that could not be sealed")),
        }
    }
}
