//! One incoming stream: order, frames, retransmission requests and key frame requests together. Pure.

use std::time::{Duration, Instant};

use super::assemble::{Assembled, Assembler, Frame, RtpPacket};
use super::nack::Missing;
use crate::protocol::wire::SlotKind;

/// A key frame that does not come is asked for again after this long: requests get lost too.
const KEY_REPEAT: Duration = Duration::from_millis(500);
/// How long the first key frame may take on its own.
const FIRST_KEY: Duration = Duration::from_millis(200);

/// What the stream's owner has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Frame(Frame),
    /// A frame was lost for good.
    Lost,
    /// Send PLI (RFC 4585 §6.3.1).
    AskForKey,
    /// Send a generic NACK (RFC 4585 §6.2.1) for these.
    AskForPackets(Vec<u16>),
}

/// See the module's comment.
#[derive(Debug)]
pub struct Reception {
    assembler: Assembler,
    missing: Missing,
    kind: SlotKind,
    /// When the next key frame request is due, while one is needed.
    ask_at: Option<Instant>,
    asked: bool,
    packets: u64,
}

impl Reception {
    /// A stream of which nothing has come yet.
    pub fn new(kind: SlotKind) -> Self {
        Self { assembler: Assembler::new(kind), missing: Missing::new(), kind, ask_at: None, asked: false, packets: 0 }
    }

    /// Takes an RTP packet (retransmitted ones already unwrapped).
    pub fn handle_packet(&mut self, now: Instant, packet: RtpPacket) {
        if self.packets == 0 && self.kind == SlotKind::Video {
            self.ask_at = Some(now + FIRST_KEY);
        }
        self.packets += 1;
        let Some(sequence) = self.assembler.handle_packet(now, packet) else { return };
        if self.kind == SlotKind::Video {
            self.missing.handle_packet(now, sequence);
            if let Some(rtt) = self.missing.rtt() {
                self.assembler.set_rtt(rtt);
            }
        }
    }

    /// What came out could not be used (decoder error, or nobody took it): go on with a key frame.
    pub fn require_key(&mut self, now: Instant) {
        if self.kind == SlotKind::Video {
            self.assembler.require_key();
            self.ask_at = Some(self.ask_at.map_or(now, |at| at.min(now)));
        }
    }

    /// A key frame was asked for by somebody else just now.
    pub fn key_asked(&mut self, now: Instant) {
        if self.kind == SlotKind::Video {
            self.assembler.require_key();
            self.asked = true;
            self.ask_at = Some(now + KEY_REPEAT);
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self, now: Instant) -> Option<Action> {
        let dropped = self.assembler.dropped();
        match self.assembler.poll(now) {
            Some(Assembled::Frame(frame)) => {
                if frame.is_key {
                    self.ask_at = None;
                }
                return Some(Action::Frame(frame));
            }
            Some(Assembled::Lost) => {
                self.ask_at = Some(now);
                return Some(Action::Lost);
            }
            None => {}
        }
        if self.assembler.needs_key() {
            // A whole frame that can't be used says that no key frame was on its way.
            let idle = self.ask_at.is_none_or(|at| at <= now);
            let first_wasted = !self.asked && self.assembler.dropped() > dropped;
            if idle || first_wasted {
                self.asked = true;
                self.ask_at = Some(now + KEY_REPEAT);
                return (self.packets > 0 && self.kind == SlotKind::Video).then_some(Action::AskForKey);
            }
        } else {
            self.ask_at = None;
        }
        self.missing.forget_before(self.assembler.wanted_from());
        let packets = self.missing.poll(now);
        (!packets.is_empty()).then_some(Action::AskForPackets(packets))
    }

    /// When [`Self::poll`] is due if nothing arrives.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let ask = self.ask_at.filter(|_| self.packets > 0);
        [ask, self.assembler.poll_timeout(), self.missing.poll_timeout()].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn packet(sequence: u16, key: bool) -> RtpPacket {
        let payload = if key { &[0x78, 0, 1, 0x67, 0, 1, 0x65][..] } else { &[0x41, 1] };
        RtpPacket {
            sequence,
            timestamp: u32::from(sequence) * 3000,
            marker: true,
            payload: Bytes::from_static(payload),
            captured: None,
        }
    }

    fn actions(reception: &mut Reception, now: Instant) -> Vec<Action> {
        std::iter::from_fn(|| reception.poll(now)).collect()
    }

    fn asks(actions: &[Action]) -> usize {
        actions.iter().filter(|a| **a == Action::AskForKey).count()
    }

    #[test]
    fn a_key_frame_is_asked_for_until_one_comes() {
        let t = Instant::now();
        let mut reception = Reception::new(SlotKind::Video);
        assert_eq!(reception.poll_timeout(), None);
        reception.handle_packet(t, packet(1, false));
        assert_eq!(asks(&actions(&mut reception, t)), 1, "the first frame was no key frame");
        let mut asked = 0;
        for i in 1..=100 {
            reception.handle_packet(t + 20 * MS * i, packet(1 + i as u16, false));
            asked += asks(&actions(&mut reception, t + 20 * MS * i));
        }
        assert_eq!(asked, 4, "every half second for two seconds");
        reception.handle_packet(t + 2020 * MS, packet(102, true));
        assert!(matches!(actions(&mut reception, t + 2020 * MS)[..], [Action::Frame(_)]));
        assert_eq!(reception.poll_timeout(), None);
    }

    #[test]
    fn a_lost_packet_is_asked_for_then_given_up_with_a_key_frame_request() {
        let t = Instant::now();
        let mut reception = Reception::new(SlotKind::Video);
        reception.handle_packet(t, packet(1, true));
        assert_eq!(actions(&mut reception, t).len(), 1);
        reception.handle_packet(t, packet(3, false));
        assert!(actions(&mut reception, t).is_empty());
        let mut seen = Vec::new();
        while let Some(at) = reception.poll_timeout().filter(|at| *at < t + 400 * MS) {
            seen.extend(actions(&mut reception, at).into_iter().map(|a| (at - t, a)));
        }
        let nacks = seen.iter().filter(|(_, a)| *a == Action::AskForPackets(vec![2])).count();
        assert!((2..=4).contains(&nacks), "{seen:?}");
        let lost = seen.iter().position(|(_, a)| *a == Action::Lost).expect("given up");
        assert_eq!(seen[lost].0, 150 * MS);
        assert_eq!(asks(&seen.iter().map(|(_, a)| a.clone()).collect::<Vec<_>>()), 1);
    }

    #[test]
    fn a_decoder_that_fails_gets_a_key_frame() {
        let t = Instant::now();
        let mut reception = Reception::new(SlotKind::Video);
        reception.handle_packet(t, packet(1, true));
        actions(&mut reception, t);
        reception.require_key(t);
        assert_eq!(actions(&mut reception, t), [Action::AskForKey]);
        reception.handle_packet(t, packet(2, false));
        assert!(actions(&mut reception, t).is_empty(), "neither shown nor asked twice");
        assert_eq!(asks(&actions(&mut reception, t + KEY_REPEAT)), 1);
    }

    #[test]
    fn sound_asks_for_nothing() {
        let t = Instant::now();
        let mut reception = Reception::new(SlotKind::Audio);
        reception.handle_packet(t, packet(1, false));
        reception.handle_packet(t, packet(9, false));
        let later: Vec<Action> =
            actions(&mut reception, t).into_iter().chain(actions(&mut reception, t + 50 * MS)).collect();
        assert!(later.iter().all(|a| matches!(a, Action::Frame(_))));
        assert_eq!(later.len(), 2);
    }
}
