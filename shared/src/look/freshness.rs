//! What a picture may claim of itself, by its age. "Live" is a claim that has to be true.

use std::time::Duration;

/// A picture older than this is not live.
const LIVE: Duration = Duration::from_secs(2);
/// From here on, the reason is said.
const REASON: Duration = Duration::from_secs(5);
/// From here on, the time on the clock says more than an age.
const CLOCK: Duration = Duration::from_secs(60);

/// How fresh a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    Live,
    /// Not live: grey, veiled, hatched.
    Stale,
    /// Stale for so long that the reason belongs on the picture.
    Reasoned,
    /// As before, and its age is a time of day.
    Clock,
}

impl Freshness {
    /// Of a picture of this age.
    pub fn of(age: Duration) -> Self {
        match age {
            age if age <= LIVE => Self::Live,
            age if age <= REASON => Self::Stale,
            age if age <= CLOCK => Self::Reasoned,
            _ => Self::Clock,
        }
    }

    /// Whether it may be called live.
    pub fn live(self) -> bool {
        self == Self::Live
    }

    /// Whether the reason is said.
    pub fn reasoned(self) -> bool {
        matches!(self, Self::Reasoned | Self::Clock)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Freshness;

    #[test]
    fn nothing_older_than_two_seconds_is_live() {
        let of = |ms| Freshness::of(Duration::from_millis(ms));
        assert_eq!([of(0), of(2_000)], [Freshness::Live; 2]);
        assert_eq!([of(2_001), of(5_000)], [Freshness::Stale; 2]);
        assert_eq!([of(5_001), of(60_000)], [Freshness::Reasoned; 2]);
        assert_eq!(of(60_001), Freshness::Clock);
        assert!(!of(2_001).live() && !of(5_000).reasoned() && of(60_001).reasoned());
    }
}
