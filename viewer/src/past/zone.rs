//! The house's clock: what its people's watches showed at a moment, and which moments a time on a watch can mean. Local times
//! are written as if they were UTC.

use athome_shared::protocol::past;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{DAY, Ms};

/// A clock by the name of its zone, or by what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Zone {
    Named(TimeZone),
    /// From each moment on, so many milliseconds ahead of UTC.
    Listed(Vec<(Ms, Ms)>),
}

/// The clock jumps at `at` from `before` to `after` (milliseconds ahead of UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    pub at: Ms,
    pub before: Ms,
    pub after: Ms,
}

/// Which moments a local time means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moments {
    /// Two where the clock went back; where it never existed, the moment at which it was jumped over.
    pub moments: Vec<Ms>,
    pub existed: bool,
}

impl Default for Zone {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl Zone {
    /// This computer's own.
    pub fn here() -> Self {
        Self::Named(TimeZone::system())
    }

    /// By its name in the IANA list, where this computer knows it.
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(Self::Named)
    }

    /// As a streamer tells it: by its name where we know that, else by what it lists.
    pub fn told(zone: &past::Zone) -> Option<Self> {
        if let Some(named) = zone.name.as_deref().and_then(Self::named) {
            return Some(named);
        }
        let listed = zone.offsets.iter().map(|(from, seconds)| (from.0.div_euclid(1_000), Ms::from(*seconds) * 1_000));
        let listed: Vec<_> = listed.collect();
        (!listed.is_empty()).then_some(Self::Listed(listed))
    }

    /// How far the clock is ahead of UTC at a moment.
    pub fn at(&self, ms: Ms) -> Ms {
        match self {
            Self::Named(zone) => {
                Timestamp::from_millisecond(ms).map_or(0, |at| Ms::from(zone.to_offset(at).seconds()) * 1_000)
            }
            Self::Listed(offsets) => {
                let found = offsets.iter().rev().find(|(from, _)| *from <= ms).or(offsets.first());
                found.map_or(0, |(_, offset)| *offset)
            }
        }
    }

    /// What the clock showed.
    pub fn local(&self, ms: Ms) -> Ms {
        ms.saturating_add(self.at(ms))
    }

    /// Jumps from `from` on and before `to`, in order.
    pub fn jumps(&self, from: Ms, to: Ms) -> Vec<Jump> {
        let days = from.div_euclid(DAY)..=to.saturating_sub(1).div_euclid(DAY);
        days.filter_map(|day| self.jump_of(day)).filter(|jump| jump.at >= from && jump.at < to).collect()
    }

    /// The moments that a local time names: two where the clock went back, none where it went forward over it.
    fn moments(&self, local: Ms) -> Vec<Ms> {
        let mut offsets = [self.at(local - DAY), self.at(local + DAY)].to_vec();
        offsets.dedup();
        let mut found: Vec<Ms> =
            offsets.iter().map(|offset| local - offset).filter(|ms| self.local(*ms) == local).collect();
        found.sort_unstable();
        found
    }

    /// As [`Moments`] says.
    pub fn moment(&self, local: Ms) -> Moments {
        let moments = self.moments(local);
        if !moments.is_empty() {
            return Moments { moments, existed: true };
        }
        let over = |jump: &Jump| local >= jump.at + jump.before && local < jump.at + jump.after;
        let jump = self.jumps(local - DAY, local + DAY).into_iter().find(over);
        Moments { moments: vec![jump.map_or(local - self.at(local), |jump| jump.at)], existed: false }
    }

    /// The first moment that a local time names.
    pub fn first(&self, local: Ms) -> Ms {
        self.moment(local).moments.first().copied().unwrap_or(local)
    }

    /// The first moment of the local day that holds `ms`.
    pub fn day_start(&self, ms: Ms) -> Ms {
        self.first(self.local(ms).div_euclid(DAY) * DAY)
    }

    /// The first moment of the next local day.
    pub fn day_end(&self, ms: Ms) -> Ms {
        self.first((self.local(ms).div_euclid(DAY) + 1) * DAY)
    }

    /// The jump in a day of UTC; there is one at most.
    fn jump_of(&self, day: Ms) -> Option<Jump> {
        let (start, end) = (day * DAY, (day + 1) * DAY - 1);
        let (before, after) = (self.at(start), self.at(end));
        if before == after {
            return None;
        }
        // Clocks change on whole seconds.
        let (mut low, mut high) = (start.div_euclid(1_000), end.div_euclid(1_000) + 1);
        while high - low > 1 {
            let middle = low.midpoint(high);
            if self.at(middle * 1_000) == before { low = middle } else { high = middle }
        }
        Some(Jump { at: high * 1_000, before, after })
    }
}
