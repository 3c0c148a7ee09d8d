//! Time that goes on while the computer sleeps: only by it can a night's sleep be told from a clock that was set forward.

use std::time::Duration;

/// A moment, counted from the start of the computer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Awake(Duration);

impl Awake {
    /// Now.
    #[cfg(unix)]
    pub fn now() -> Self {
        use rustix::time::{ClockId, clock_gettime};
        // Linux' monotonic clock stands still in sleep, macOS' does not.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const CLOCK: ClockId = ClockId::Boottime;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const CLOCK: ClockId = ClockId::Monotonic;
        let now = clock_gettime(CLOCK);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        Self(Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or(0)))
    }

    /// Now. Windows' own counter goes on in sleep.
    #[cfg(not(unix))]
    pub fn now() -> Self {
        use std::sync::OnceLock;
        use std::time::Instant;
        static START: OnceLock<Instant> = OnceLock::new();
        Self(START.get_or_init(Instant::now).elapsed())
    }

    /// So much later.
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }

    /// How long after an earlier moment.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Awake;

    #[test]
    fn it_goes_on() {
        let start = Awake::now();
        assert!(start > Awake::default() && Awake::now() >= start);
        assert_eq!(start.after(Duration::from_secs(9)).since(start), Duration::from_secs(9));
        assert_eq!(start.since(start.after(Duration::from_secs(9))), Duration::ZERO);
    }
}
