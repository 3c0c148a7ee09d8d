//! The streamer's clock, seen from here: the offset of the ping with the shortest round trip (as NTP, RFC 5905 §8, with
//! Cristian's minimum filter). Pure.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use athome_shared::time::WallTime;

/// Pings whose answers are remembered; older ones age out, so that a drifting clock is followed within a minute.
const WINDOW: usize = 16;

/// One answered ping.
#[derive(Clone, Copy, Debug)]
struct Sample {
    round_trip_us: i64,
    offset_us: i64,
}

/// Maps the streamer's wall clock to ours.
#[derive(Clone, Debug, Default)]
pub struct ClockOffset {
    samples: VecDeque<Sample>,
}

impl ClockOffset {
    /// An answered ping: `sent` and `answered` by our clock, `received` and `replied` by the streamer's.
    ///
    /// Times that can't be (a negative round trip, a clock that was set meanwhile) are left out.
    pub fn handle_pong(&mut self, sent: WallTime, received: WallTime, replied: WallTime, answered: WallTime) {
        let held = replied.0.saturating_sub(received.0);
        let round_trip_us = answered.0.saturating_sub(sent.0).saturating_sub(held);
        if held < 0 || round_trip_us < 0 {
            return;
        }
        let there = i128::from(received.0) - i128::from(sent.0);
        let back = i128::from(replied.0) - i128::from(answered.0);
        let Ok(offset_us) = i64::try_from((there + back) / 2) else { return };
        if self.samples.len() == WINDOW {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { round_trip_us, offset_us });
    }

    /// A time by the streamer's clock, by ours; `None` before the first answer.
    pub fn to_local(&self, streamer: WallTime) -> Option<WallTime> {
        let best = self.best()?;
        Some(WallTime(streamer.0.saturating_sub(best.offset_us)))
    }

    /// How far the streamer's clock is ahead of ours, in microseconds.
    pub fn offset_us(&self) -> Option<i64> {
        self.best().map(|sample| sample.offset_us)
    }

    /// Shortest round trip in microseconds.
    pub fn round_trip_us(&self) -> Option<i64> {
        self.best().map(|sample| sample.round_trip_us)
    }

    fn best(&self) -> Option<Sample> {
        self.samples.iter().copied().min_by_key(|sample| sample.round_trip_us)
    }
}

/// The present offset, for the decoders' threads.
#[derive(Clone, Debug)]
pub struct SharedOffset(Arc<AtomicI64>);

impl SharedOffset {
    const UNKNOWN: i64 = i64::MIN;

    /// A new measurement.
    pub fn set(&self, offset_us: Option<i64>) {
        self.0.store(offset_us.unwrap_or(Self::UNKNOWN), Ordering::Relaxed);
    }

    /// A time by our clock, by the streamer's; `None` while the offset is unknown.
    pub fn to_theirs(&self, ours: WallTime) -> Option<WallTime> {
        let offset_us = self.0.load(Ordering::Relaxed);
        (offset_us != Self::UNKNOWN).then(|| WallTime(ours.0.saturating_add(offset_us)))
    }

    /// A time by the streamer's clock, by ours; `None` while the offset is unknown.
    pub fn to_local(&self, streamer: WallTime) -> Option<WallTime> {
        let offset_us = self.0.load(Ordering::Relaxed);
        (offset_us != Self::UNKNOWN).then(|| WallTime(streamer.0.saturating_sub(offset_us)))
    }
}

impl Default for SharedOffset {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(Self::UNKNOWN)))
    }
}

#[cfg(test)]
mod tests {
    use athome_shared::time::WallTime;

    use super::{ClockOffset, WINDOW};

    /// A ping at `at` over a path of the given delays, to a clock that is `ahead` of ours.
    fn ping(clock: &mut ClockOffset, at: i64, there: i64, back: i64, ahead: i64) {
        let received = at + there + ahead;
        let replied = received + 300;
        clock.handle_pong(WallTime(at), WallTime(received), WallTime(replied), WallTime(replied - ahead + back));
    }

    #[test]
    fn the_shortest_round_trip_decides() {
        let mut clock = ClockOffset::default();
        assert_eq!(clock.to_local(WallTime(0)), None);
        ping(&mut clock, 1_000_000, 90_000, 10_000, 5_000_000);
        assert_eq!(clock.to_local(WallTime(0)), Some(WallTime(-5_040_000)), "an uneven path misleads");
        ping(&mut clock, 2_000_000, 400, 400, 5_000_000);
        ping(&mut clock, 3_000_000, 10_000, 90_000, 5_000_000);
        assert_eq!(clock.to_local(WallTime(0)), Some(WallTime(-5_000_000)));
        assert_eq!(clock.round_trip_us(), Some(800));
    }

    #[test]
    fn a_clock_that_is_set_is_followed_once_old_answers_age_out() {
        let mut clock = ClockOffset::default();
        ping(&mut clock, 0, 100, 100, 0);
        for i in 0..WINDOW as i64 {
            ping(&mut clock, i * 1_000_000, 500, 500, 7_000);
        }
        assert_eq!(clock.to_local(WallTime(7_000)), Some(WallTime(0)));
    }

    #[test]
    fn hostile_times_are_ignored() {
        let mut clock = ClockOffset::default();
        clock.handle_pong(WallTime(0), WallTime(i64::MIN), WallTime(i64::MAX), WallTime(1));
        clock.handle_pong(WallTime(5), WallTime(1), WallTime(0), WallTime(6));
        clock.handle_pong(WallTime(i64::MIN), WallTime(0), WallTime(0), WallTime(i64::MAX));
        let _ = clock.to_local(WallTime(i64::MAX));
    }
}
