//! How much strangers may ask of the door.

use std::time::{Duration, Instant};

/// The door's bounds. The server may be the attacker, so they hold whatever it limits itself.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Channels between ring and answer, in all. When full, a ring evicts the oldest channel on which nobody has shown who he is;
    /// where there is none, the ring is closed as busy.
    pub half_open: usize,
    /// Of these, for each viewer. When full, the viewer's oldest gives way: a device that tries again means the new one.
    pub half_open_per_viewer: usize,
    /// Time from ring to offer, and from offer to answer.
    pub half_open_life: Duration,
    /// First messages a second, over time; each costs four X25519 operations. Beyond it channels are closed with code 6.
    pub knocks_per_second: u32,
    /// First messages at once.
    pub knock_burst: u32,
    /// Channels after the answer, kept for trickled candidates and goodbyes. When full the oldest is closed; its media
    /// does not need it.
    pub open: usize,
    /// A channel's life after the answer. Whoever still needs one then rings again, with fresh keys.
    pub open_life: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            half_open: 16,
            half_open_per_viewer: 4,
            half_open_life: Duration::from_secs(10),
            knocks_per_second: 5,
            knock_burst: 20,
            open: 64,
            open_life: Duration::from_secs(60 * 60),
        }
    }
}

/// A token bucket, kept as the moment at which it will be full again.
#[derive(Debug)]
pub(super) struct TokenBucket {
    interval: Duration,
    depth: Duration,
    full_at: Option<Instant>,
}

impl TokenBucket {
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, depth: interval * burst, full_at: None }
    }

    /// Takes a token; `false` where there is none.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + self.interval;
        let granted = full_at - now <= self.depth;
        if granted {
            self.full_at = Some(full_at);
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::TokenBucket;

    #[test]
    fn a_burst_and_then_the_rate() {
        let (mut bucket, start) = (TokenBucket::new(5, 20), Instant::now());
        assert_eq!((0..50).filter(|_| bucket.take(start)).count(), 20);
        let second = (1..=1000).filter(|ms| bucket.take(start + Duration::from_millis(*ms))).count();
        assert_eq!(second, 5);
        let rested = start + Duration::from_secs(60);
        assert_eq!((0..50).filter(|_| bucket.take(rested)).count(), 20);
    }
}
