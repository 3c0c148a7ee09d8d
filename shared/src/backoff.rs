//! How long to wait before the next try. Whoever owns a retry owns one of these; the clock and the dice are the caller's.

use std::time::Duration;

/// Exponential waiting with a ceiling and jitter, so that many clients do not come back at the same moment.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    ceiling: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits of about `first`, twice that, and so on, never more than `ceiling`.
    pub fn new(first: Duration, ceiling: Duration) -> Self {
        Self { first, ceiling, failures: 0 }
    }

    /// Counts a failure and gives the wait before the next try: between half of the step and all of it, chosen by
    /// `jitter` (0 to 1).
    pub fn fail(&mut self, jitter: f64) -> Duration {
        let step = self.first.saturating_mul(1 << self.failures.min(20)).min(self.ceiling);
        self.failures = self.failures.saturating_add(1);
        step.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
    }

    /// The next failure is a first one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures since the start or the last reset.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Backoff;

    #[test]
    fn waits_double_up_to_the_ceiling() {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        let waits: Vec<_> = (0..9).map(|_| backoff.fail(1.0).as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
        backoff.reset();
        assert_eq!(backoff.fail(1.0).as_millis(), 500);
    }

    #[test]
    fn jitter_takes_off_at_most_half_and_never_adds() {
        for jitter in [-1.0, 0.0, 0.3, 1.0, 7.0] {
            let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
            let wait = backoff.fail(jitter);
            assert!((500..=1000).contains(&wait.as_millis()), "{wait:?}");
        }
        assert_eq!(Backoff::new(Duration::from_secs(1), Duration::from_secs(9)).fail(0.0).as_millis(), 500);
    }

    #[test]
    fn a_very_long_outage_overflows_nothing() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        for _ in 0..100 {
            assert!(backoff.fail(1.0) <= Duration::from_secs(30));
        }
        assert_eq!(backoff.failures(), 100);
    }
}
