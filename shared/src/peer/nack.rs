//! Retransmission, both ends of it: which missing packets to ask for ([`Missing`], the receiver), and which requests to
//! serve ([`Governor`], the sender). Pure: time is an argument.
//!
//! The governor is what keeps a congested link alive: without it every request is served at once and as often as it is repeated,
//! and the retransmissions push out the media that they are meant to repair.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Sequence numbers remembered as missing in one stream at most; a larger gap is for a key frame to repair.
const MAX_MISSING: usize = 256;
/// How often one packet is asked for.
const MAX_REQUESTS: u8 = 4;
/// A packet this many places behind is lost, not late (as in TCP's fast retransmit).
const REORDER_PLACES: u64 = 3;
/// A packet this late is asked for even if nothing else follows.
const REORDER_TIME: Duration = Duration::from_millis(10);
/// Assumed round-trip time until one is measured.
const FIRST_RTT: Duration = Duration::from_millis(40);

/// The receiving end: what is missing of one stream, and when to ask for it.
#[derive(Debug)]
pub struct Missing {
    /// By extended sequence number.
    wanted: BTreeMap<u64, Wanted>,
    highest: Option<u64>,
    rtt: Option<Duration>,
}

#[derive(Debug)]
struct Wanted {
    since: Instant,
    asked: Option<Instant>,
    requests: u8,
}

impl Default for Missing {
    fn default() -> Self {
        Self::new()
    }
}

impl Missing {
    /// Nothing missing, round-trip time unknown.
    pub fn new() -> Self {
        Self { wanted: BTreeMap::new(), highest: None, rtt: None }
    }

    /// Round-trip time as seen by a packet that was asked for once and came.
    pub fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// A packet arrived (first time, retransmitted or not).
    pub fn handle_packet(&mut self, now: Instant, sequence: u64) {
        if let Some(found) = self.wanted.remove(&sequence)
            && let (Some(asked), 1) = (found.asked, found.requests)
        {
            let sample = now.saturating_duration_since(asked);
            // Smoothed as in RFC 6298.
            self.rtt = Some(self.rtt.map_or(sample, |rtt| (rtt * 7 + sample) / 8));
        }
        let Some(highest) = self.highest else {
            self.highest = Some(sequence);
            return;
        };
        if sequence <= highest {
            return;
        }
        self.highest = Some(sequence);
        if sequence - highest - 1 > MAX_MISSING as u64 {
            self.wanted.clear();
            return;
        }
        for missing in highest + 1..sequence {
            self.wanted.insert(missing, Wanted { since: now, asked: None, requests: 0 });
        }
        while self.wanted.len() > MAX_MISSING {
            self.wanted.pop_first();
        }
    }

    /// Forgets everything before `sequence`: it is no longer waited for.
    pub fn forget_before(&mut self, sequence: u64) {
        self.wanted = self.wanted.split_off(&sequence);
    }

    /// Sequence numbers to ask for now, in order.
    pub fn poll(&mut self, now: Instant) -> Vec<u16> {
        let pause = self.pause();
        let highest = self.highest.unwrap_or(0);
        let mut ask = Vec::new();
        self.wanted.retain(|sequence, wanted| {
            if now < wanted.due(*sequence, highest, pause) {
                return true;
            }
            if wanted.requests == MAX_REQUESTS {
                return false;
            }
            wanted.requests += 1;
            wanted.asked = Some(now);
            ask.push(*sequence as u16);
            true
        });
        ask
    }

    /// When [`Self::poll`] has something to do next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (pause, highest) = (self.pause(), self.highest.unwrap_or(0));
        self.wanted.iter().map(|(sequence, wanted)| wanted.due(*sequence, highest, pause)).min()
    }

    /// Time between two requests for one packet: a little over a round trip.
    fn pause(&self) -> Duration {
        (self.rtt.unwrap_or(FIRST_RTT) * 5 / 4).clamp(Duration::from_millis(20), Duration::from_millis(300))
    }
}

impl Wanted {
    fn due(&self, sequence: u64, highest: u64, pause: Duration) -> Instant {
        match self.asked {
            Some(asked) => asked + pause,
            None if highest.saturating_sub(sequence) >= REORDER_PLACES => self.since,
            None => self.since + REORDER_TIME,
        }
    }
}

/// Time between two retransmissions of one packet, until a round-trip time is known.
const COOLDOWN: Duration = Duration::from_millis(40);
/// How often one packet is retransmitted.
const MAX_RETRANSMISSIONS: u8 = 4;
/// Share of the target bitrate that retransmissions may take.
const BUDGET_SHARE: f64 = 0.2;
/// What may be retransmitted at once when nothing was for a while: one lost burst of a key frame.
const BURST_BYTES: f64 = 64.0 * 1024.0;
/// Packets remembered; older ones are forgotten, so that their next request is served as a first one.
const MAX_REMEMBERED: usize = 1024;

/// The sending end: which retransmissions are let through.
#[derive(Debug)]
pub struct Governor {
    sent: HashMap<(u32, u16), (Instant, u8)>,
    order: VecDeque<(u32, u16)>,
    cooldown: Duration,
    bytes_per_second: f64,
    tokens: f64,
    refilled: Option<Instant>,
}

impl Governor {
    /// A governor for a connection with this target, bits a second.
    pub fn new(target_bps: u32) -> Self {
        let mut governor = Self {
            sent: HashMap::new(),
            order: VecDeque::new(),
            cooldown: COOLDOWN,
            bytes_per_second: 0.0,
            tokens: BURST_BYTES,
            refilled: None,
        };
        governor.set_target(target_bps);
        governor
    }

    /// Follows the bandwidth estimate, bits a second.
    pub fn set_target(&mut self, target_bps: u32) {
        self.bytes_per_second = f64::from(target_bps) / 8.0 * BUDGET_SHARE;
    }

    /// Follows the measured round-trip time. A receiver that asks again after a round trip has not seen the last
    /// retransmission, so the cooldown is a little shorter.
    pub fn set_rtt(&mut self, rtt: Duration) {
        self.cooldown = (rtt * 3 / 4).clamp(Duration::from_millis(10), Duration::from_millis(300));
    }

    /// Whether packet `sequence` of the stream `ssrc` may be sent once more, `bytes` long.
    pub fn allow(&mut self, now: Instant, ssrc: u32, sequence: u16, bytes: usize) -> bool {
        let elapsed = self.refilled.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        self.refilled = Some(now);
        self.tokens = (self.tokens + elapsed * self.bytes_per_second).min(BURST_BYTES);
        let key = (ssrc, sequence);
        let before = self.sent.get(&key).copied();
        if let Some((last, times)) = before
            && (times >= MAX_RETRANSMISSIONS || now.saturating_duration_since(last) < self.cooldown)
        {
            return false;
        }
        if self.tokens < bytes as f64 {
            return false;
        }
        self.tokens -= bytes as f64;
        if before.is_none() {
            if self.order.len() == MAX_REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.sent.remove(&oldest);
            }
            self.order.push_back(key);
        }
        self.sent.insert(key, (now, before.map_or(1, |(_, times)| times + 1)));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_gap_is_asked_for_once_it_is_more_than_disorder() {
        let t = Instant::now();
        let mut missing = Missing::new();
        missing.handle_packet(t, 10);
        missing.handle_packet(t, 12);
        assert!(missing.poll(t).is_empty(), "one place behind may be disorder");
        missing.handle_packet(t, 13);
        missing.handle_packet(t, 14);
        assert_eq!(missing.poll(t), [11]);
        assert!(missing.poll(t + MS).is_empty(), "not twice within a round trip");
        missing.handle_packet(t + 30 * MS, 11);
        assert_eq!(missing.rtt(), Some(30 * MS));
        assert_eq!(missing.poll_timeout(), None);
    }

    #[test]
    fn a_gap_at_the_end_is_asked_for_after_a_moment() {
        let t = Instant::now();
        let mut missing = Missing::new();
        missing.handle_packet(t, 10);
        missing.handle_packet(t, 12);
        assert_eq!(missing.poll_timeout(), Some(t + REORDER_TIME));
        assert_eq!(missing.poll(t + REORDER_TIME), [11]);
    }

    #[test]
    fn requests_end_after_a_few_and_huge_gaps_are_left_alone() {
        let t = Instant::now();
        let mut missing = Missing::new();
        missing.handle_packet(t, 1);
        missing.handle_packet(t, 9);
        let mut asked = 0;
        for i in 0..100 {
            asked += missing.poll(t + 50 * i * MS).len();
        }
        assert_eq!(asked, 7 * usize::from(MAX_REQUESTS));
        assert_eq!(missing.poll_timeout(), None);
        missing.handle_packet(t, 10_000);
        assert_eq!(missing.poll_timeout(), None);
        for i in 0..2000u64 {
            missing.handle_packet(t, 10_000 + 2 * i);
            assert!(missing.wanted.len() <= MAX_MISSING);
        }
    }

    #[test]
    fn the_wrap_does_not_show() {
        let t = Instant::now();
        let mut missing = Missing::new();
        missing.handle_packet(t, 65_534);
        missing.handle_packet(t, 65_540);
        assert_eq!(missing.poll(t + REORDER_TIME), [65_535, 0, 1, 2, 3]);
        missing.forget_before(65_538);
        assert_eq!(missing.poll(t + 100 * MS), [2, 3]);
    }

    #[test]
    fn a_packet_is_served_once_a_round_trip_and_four_times_at_most() {
        let t = Instant::now();
        let mut governor = Governor::new(8_000_000);
        assert!(governor.allow(t, 1, 5, 100));
        assert!(!governor.allow(t + 30 * MS, 1, 5, 100));
        assert!(governor.allow(t + 30 * MS, 2, 5, 100), "another stream");
        governor.set_rtt(60 * MS);
        let served = (1..100).filter(|i| governor.allow(t + 50 * MS * *i, 1, 5, 100)).count();
        assert_eq!(served, 3);
    }

    #[test]
    fn retransmissions_stay_within_their_share() {
        let t = Instant::now();
        let mut governor = Governor::new(1_000_000);
        // A storm: 1,000 packets a second asked for, over ten seconds.
        let bytes: usize = (0..10_000u32).filter(|i| governor.allow(t + *i * MS, 1, *i as u16, 1200)).count() * 1200;
        let limit = 10 * 1_000_000 / 8 / 5 + BURST_BYTES as usize;
        assert!(bytes <= limit && bytes > limit * 9 / 10, "{bytes} of {limit}");
        assert!(governor.sent.len() <= MAX_REMEMBERED && governor.order.len() <= MAX_REMEMBERED);
    }

    #[test]
    fn without_the_governor_a_storm_takes_the_link() {
        // The control to the test above: an allowance of everything is five times the link.
        let mut open = Governor::new(u32::MAX);
        let t = Instant::now();
        let bytes: usize = (0..10_000u32).filter(|i| open.allow(t + *i * MS, 1, *i as u16, 1200)).count() * 1200;
        assert!(bytes > 5 * 1_250_000);
    }
}
