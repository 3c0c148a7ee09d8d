//! What playback decides: its speeds, how much is loaded ahead, how gaps are passed and where it stops. Media times in
//! seconds.

use super::Ms;
use super::marks::Way;
use super::spans::{SEAM, Span};

/// How fast it plays, as a factor: one of [`SPEEDS`].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Speed(f64);

/// Backwards by key frames, and forwards.
pub const SPEEDS: [Speed; 12] = [
    Speed(-16.0),
    Speed(-8.0),
    Speed(-4.0),
    Speed(-2.0),
    Speed(-1.0),
    Speed(0.25),
    Speed(0.5),
    Speed(1.0),
    Speed(2.0),
    Speed(4.0),
    Speed(8.0),
    Speed(16.0),
];

impl Default for Speed {
    fn default() -> Self {
        Self::REAL
    }
}

impl Speed {
    /// As it was.
    pub const REAL: Self = Self(1.0);
    const BACK: Self = Self(-1.0);

    /// One of the list.
    pub fn of(factor: f64) -> Option<Self> {
        SPEEDS.into_iter().find(|speed| speed.0 == factor)
    }

    pub fn factor(self) -> f64 {
        self.0
    }

    pub fn backwards(self) -> bool {
        self.0 < 0.0
    }

    /// Faster than twice, and backwards, there is no sound to hear and no decoder that keeps up: pictures are shown instead.
    pub fn by_pictures(self) -> bool {
        self.0 < 0.0 || self.0 > 2.0
    }

    pub fn audible(self) -> bool {
        (0.5..=2.0).contains(&self.0)
    }

    /// The next speed of the list.
    #[must_use]
    pub fn step(self, way: Way) -> Self {
        let at = SPEEDS.iter().position(|speed| *speed == self);
        let next = match way {
            Way::Back => at.and_then(|at| at.checked_sub(1)),
            Way::On => at.map(|at| at + 1),
        };
        next.and_then(|at| SPEEDS.get(at)).copied().unwrap_or(self)
    }

    /// The keys J and L: further back or further forward each time; from the other direction it starts over.
    #[must_use]
    pub fn shuttle(self, playing: bool, way: Way) -> Self {
        let back = way == Way::Back;
        if !playing || self.backwards() != back {
            return if back { Self::BACK } else { Self::REAL };
        }
        self.step(way)
    }
}

/// Loaded ahead of what is shown, at most, in seconds; less while it stands still.
const AHEAD: f64 = 20.0;
const AHEAD_PAUSED: f64 = 4.0;

/// What is loaded without a break, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub start: f64,
    pub end: f64,
}

/// A part may begin this much after the position and still be where it is (seconds).
const TOUCH: f64 = 0.05;

fn range_at(ranges: &[Range], at: f64) -> Option<Range> {
    ranges.iter().copied().find(|range| at >= range.start - TOUCH && at < range.end)
}

/// Seconds loaded from the position on, gaps not counted.
pub fn ahead(ranges: &[Range], at: f64) -> f64 {
    ranges.iter().map(|range| (range.end - range.start.max(at)).max(0.0)).sum()
}

/// Whether more may be loaded, and so acknowledged and sent.
pub fn wants_more(ranges: &[Range], at: f64, playing: bool) -> bool {
    ahead(ranges, at) < if playing { AHEAD } else { AHEAD_PAUSED }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    Play,
    /// Nothing to show yet.
    Wait,
    /// Goes on at `to`; `ms` were not recorded. A seam between files is not worth a word.
    Hop {
        to: f64,
        ms: f64,
        say: bool,
    },
    /// The last picture there is.
    Stop,
}

/// What to do at this moment of playing forwards; `ended` where no more will come.
pub fn step(at: f64, ranges: &[Range], ended: bool) -> Step {
    let here = range_at(ranges, at);
    let next = ranges.iter().find(|range| range.start > at + TOUCH);
    // The last picture of a part is held until its end.
    if let Some(here) = here
        && (next.is_none() && !ended || here.end - at > TOUCH)
    {
        return Step::Play;
    }
    if let Some(next) = next {
        let ms = (next.start - here.map_or(at, |here| here.end)) * 1_000.0;
        return Step::Hop { to: next.start + 0.001, ms, say: ms > SEAM as f64 };
    }
    match (ended, here) {
        (true, _) => Step::Stop,
        (false, Some(_)) => Step::Play,
        (false, None) => Step::Wait,
    }
}

/// Where playing by pictures is after `passed` milliseconds, and whether it is over, at the first and at the last that was
/// recorded.
pub fn picture_clock(from: Ms, speed: Speed, passed: Ms, first: Ms, last: Ms) -> (Ms, bool) {
    let at = from + (passed as f64 * speed.0) as Ms;
    (at.max(first).min(last), at >= last || (at <= first && speed.backwards()))
}

/// Playing by pictures passes what was not recorded at once, as playing does.
pub fn past_gap(spans: &[Span], at: Ms, way: Way) -> Option<Ms> {
    if spans.iter().any(|span| at >= span.from && at < span.to) {
        return Some(at);
    }
    match way {
        Way::On => spans.iter().find(|span| span.from > at).map(|span| span.from),
        Way::Back => spans.iter().rfind(|span| span.to <= at).map(|span| span.to),
    }
}
