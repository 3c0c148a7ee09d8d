//! Three clocks that are never mixed: `std::time::Instant` for waiting, [`MediaTime`] for media, [`WallTime`] for
//! people, files and the wire.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A position in a stream, in ticks of 1/90,000 s. It never wraps; RTP's 32 bits are cut from it at the edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaTime(pub i64);

impl MediaTime {
    /// Ticks for each second.
    pub const RATE: i64 = 90_000;

    /// The ticks of a duration, rounded down.
    pub fn from_duration(d: Duration) -> Self {
        let ticks = d.as_nanos() * Self::RATE as u128 / 1_000_000_000;
        Self(i64::try_from(ticks).unwrap_or(i64::MAX))
    }

    /// Time from `earlier` to `self`; zero where `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        let ticks = u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0);
        Duration::from_nanos((u128::from(ticks) * 1_000_000_000 / Self::RATE as u128).min(u128::from(u64::MAX)) as u64)
    }
}

/// Unix time in microseconds, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallTime(pub i64);

impl WallTime {
    /// The machine's clock.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    /// Unix time in whole milliseconds.
    pub fn unix_ms(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// UQ32.32 NTP time, as abs-capture-time and RTCP sender reports carry it (RFC 5905 §6).
    pub fn ntp(self) -> u64 {
        const NTP_TO_UNIX_SECS: i64 = 2_208_988_800;
        let secs = (self.0.div_euclid(1_000_000) + NTP_TO_UNIX_SECS) as u64;
        let micros = self.0.rem_euclid(1_000_000) as u64;
        (secs << 32) | ((micros << 32) / 1_000_000)
    }

    /// The inverse of [`Self::ntp`], exact to a microsecond.
    pub fn from_ntp(ntp: u64) -> Self {
        const NTP_TO_UNIX_SECS: i64 = 2_208_988_800;
        let secs = (ntp >> 32) as i64 - NTP_TO_UNIX_SECS;
        let micros = (((ntp & 0xffff_ffff) * 1_000_000 + (1 << 31)) >> 32) as i64;
        Self(secs * 1_000_000 + micros)
    }
}

/// Ties the three clocks of one process together; made once at start and passed to whoever stamps frames.
///
/// Media and wall time are both derived from `Instant`, so a corrected system clock moves neither picture against
/// sound nor an age that is shown.
#[derive(Clone, Copy, Debug)]
pub struct MediaClock {
    origin: Instant,
    wall: WallTime,
}

impl MediaClock {
    /// Starts a clock whose media time is zero at `origin`, which was `wall`.
    pub fn new(origin: Instant, wall: WallTime) -> Self {
        Self { origin, wall }
    }

    /// Media time of an instant; instants before the origin are negative.
    pub fn media(&self, at: Instant) -> MediaTime {
        match at.checked_duration_since(self.origin) {
            Some(d) => MediaTime::from_duration(d),
            None => MediaTime(-MediaTime::from_duration(self.origin - at).0),
        }
    }

    /// The instant of a wall time; `None` where the machine can't name one so early.
    pub fn instant(&self, at: WallTime) -> Option<Instant> {
        let micros = at.0.saturating_sub(self.wall.0);
        let apart = Duration::from_micros(micros.unsigned_abs());
        if micros < 0 { self.origin.checked_sub(apart) } else { self.origin.checked_add(apart) }
    }

    /// Wall time of an instant.
    pub fn wall(&self, at: Instant) -> WallTime {
        let micros = match at.checked_duration_since(self.origin) {
            Some(d) => d.as_micros() as i64,
            None => -((self.origin - at).as_micros() as i64),
        };
        WallTime(self.wall.0 + micros)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{MediaClock, MediaTime, WallTime};

    #[test]
    fn ntp_goes_there_and_back() {
        for us in [0, 1, 999_999, 1_794_000_000_123_456] {
            assert_eq!(WallTime::from_ntp(WallTime(us).ntp()), WallTime(us));
        }
    }

    #[test]
    fn a_clock_maps_instants_on_both_sides_of_its_origin() {
        let origin = Instant::now() + Duration::from_secs(10);
        let clock = MediaClock::new(origin, WallTime(5_000_000));
        assert_eq!(clock.media(origin + Duration::from_secs(1)), MediaTime(90_000));
        assert_eq!(clock.media(origin - Duration::from_secs(1)), MediaTime(-90_000));
        assert_eq!(clock.wall(origin - Duration::from_secs(1)), WallTime(4_000_000));
        for wall in [4_000_000, 5_000_000, 6_500_001] {
            assert_eq!(clock.instant(WallTime(wall)).map(|at| clock.wall(at)), Some(WallTime(wall)));
        }
    }
}
