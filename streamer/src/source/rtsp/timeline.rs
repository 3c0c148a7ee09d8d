//! Where a camera's media times lie on our clock. Pure.
//!
//! Packets arrive early or late, never before they were sent: the earliest arrivals show how the two clocks lie to each
//! other. Later ones pull slowly, so that a camera whose clock runs slower is followed.

use std::time::{Duration, Instant};

/// Of what a packet is late by, so much is taken for the clocks' drift.
const FOLLOW: u32 = 256;
/// Further off than this the camera's clock was set, or its stream began anew.
const MOST_OFF: Duration = Duration::from_secs(2);

/// One stream's.
#[derive(Debug)]
pub(super) struct Timeline {
    /// Ticks a second.
    rate: u32,
    zero: Option<Zero>,
}

#[derive(Clone, Copy, Debug)]
struct Zero {
    at: Instant,
    /// Of the last packet, extended beyond its 32 bits, counted from the first.
    ticks: i64,
    last: u32,
}

impl Timeline {
    /// For a stream of so many ticks a second.
    pub(super) fn new(rate: u32) -> Self {
        Self { rate: rate.max(1), zero: None }
    }

    /// When what arrives at `now` with this RTP timestamp was captured; never later than `now`.
    pub(super) fn handle_packet(&mut self, now: Instant, timestamp: u32) -> Instant {
        let fresh = Zero { at: now, ticks: 0, last: timestamp };
        let mut zero = self.zero.unwrap_or(fresh);
        zero.ticks = zero.ticks.saturating_add(i64::from(timestamp.wrapping_sub(zero.last) as i32));
        zero.last = timestamp;
        let Some(expected) = self.at(zero) else { return self.begin(fresh) };
        if expected > now {
            let early = expected - now;
            let Some(at) = zero.at.checked_sub(early).filter(|_| early < MOST_OFF) else { return self.begin(fresh) };
            zero.at = at;
            self.zero = Some(zero);
            return now;
        }
        let late = now - expected;
        if late > MOST_OFF {
            return self.begin(fresh);
        }
        zero.at += late / FOLLOW;
        self.zero = Some(zero);
        expected
    }

    fn begin(&mut self, zero: Zero) -> Instant {
        self.zero = Some(zero);
        zero.at
    }

    fn at(&self, zero: Zero) -> Option<Instant> {
        let micros = i128::from(zero.ticks) * 1_000_000 / i128::from(self.rate);
        let span = Duration::from_micros(u64::try_from(micros.unsigned_abs()).ok()?);
        if micros < 0 { zero.at.checked_sub(span) } else { zero.at.checked_add(span) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn jitter_is_taken_out_and_nothing_is_captured_after_it_came() {
        let (mut line, start) = (Timeline::new(90_000), Instant::now() + ms(100_000));
        let mut last = None;
        for n in 0..500u64 {
            let jitter = ms([0, 7, 3, 12, 1][n as usize % 5]);
            let arrival = start + ms(40) * n as u32 + jitter;
            // It comes round while this runs.
            let captured = line.handle_packet(arrival, (u32::MAX - 90_000).wrapping_add(n as u32 * 3_600));
            assert!(captured <= arrival);
            if let Some(last) = last {
                let step: Duration = captured - last;
                assert!(step.abs_diff(ms(40)) < ms(2), "{n}: {step:?}");
            }
            last = Some(captured);
        }
    }

    #[test]
    fn a_slow_clock_is_followed_and_a_jump_is_a_new_beginning() {
        let (mut line, start) = (Timeline::new(90_000), Instant::now() + ms(100_000));
        // 100 ppm slow: a tenth of a second in 1,000 s.
        for n in 0..25_000u32 {
            let arrival = start + Duration::from_micros(40_004) * n;
            let captured = line.handle_packet(arrival, n.wrapping_mul(3_600));
            assert!(arrival - captured < ms(5), "{n}: {:?}", arrival - captured);
        }
        let later = start + ms(2_000_000);
        assert_eq!(line.handle_packet(later, 5), later);
        assert_eq!(line.handle_packet(later + ms(40), 3_605), later + ms(40));
    }
}
