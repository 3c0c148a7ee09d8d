//! The one axis: time to the right, the playhead fixed in the middle, the strip moves.

use super::zone::Zone;
use super::{DAY, HOUR, MINUTE, Ms, SECOND};

pub const MIN_SPAN: f64 = 10_000.0;
pub const MAX_SPAN: f64 = (31 * DAY) as f64;

/// `centre` is the moment under the playhead, `span` what the whole width shows, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    pub centre: f64,
    pub span: f64,
    pub width: f64,
}

impl Axis {
    pub fn x_of(&self, at: Ms) -> f64 {
        (at as f64 - self.centre) / self.span * self.width + self.width / 2.0
    }

    pub fn time_at(&self, x: f64) -> f64 {
        self.centre + (x - self.width / 2.0) / self.width * self.span
    }

    pub fn left(&self) -> Ms {
        (self.centre - self.span / 2.0).floor() as Ms
    }

    pub fn right(&self) -> Ms {
        (self.centre + self.span / 2.0).ceil() as Ms
    }

    /// The strip dragged by `dx`: to the right is into the past.
    #[must_use]
    pub fn pan(self, dx: f64) -> Self {
        Self { centre: self.centre - dx / self.width * self.span, ..self }
    }

    /// A `factor` over 1 shows more detail; the moment at `x` stays where it is, as far as the limits of zoom let it.
    #[must_use]
    pub fn zoom(self, factor: f64, x: f64) -> Self {
        let span = (self.span / factor).clamp(MIN_SPAN, MAX_SPAN);
        let at = self.time_at(x);
        Self { span, centre: at - (x - self.width / 2.0) / self.width * span, ..self }
    }

    fn step_for(&self, points: f64) -> Ms {
        STEPS.into_iter().find(|step| *step as f64 / self.span * self.width >= points).unwrap_or(7 * DAY)
    }

    /// What an arrow key moves by, and how far apart the small ticks stand.
    pub fn tick_step(&self) -> Ms {
        self.step_for(TICK)
    }

    pub fn label_step(&self) -> Ms {
        self.step_for(LABEL)
    }

    /// Ticks in view, and as far outside of it as a label may reach in.
    pub fn ticks(&self, zone: &Zone) -> Vec<Tick> {
        let (step, labelled) = (self.tick_step(), self.label_step());
        let margin = LABEL / self.width * self.span;
        let from = (self.centre - self.span / 2.0 - margin).floor() as Ms;
        let to = (self.centre + self.span / 2.0 + margin).ceil() as Ms;
        let named = multiples(zone, from, to, labelled);
        let says = match labelled {
            DAY.. => Says::Day,
            MINUTE.. => Says::Minutes,
            _ => Says::Seconds,
        };
        let tick = |at: Ms| {
            let label = named.binary_search(&at).is_ok().then(|| Label {
                says,
                local: zone.local(at),
                which: if says == Says::Day { None } else { repeated(zone, at) },
            });
            Tick { at, x: self.x_of(at), label }
        };
        multiples(zone, from, to, step).into_iter().map(tick).collect()
    }

    /// Chips of the days in view; `chip` is how wide one is. Only where a day is wide enough for its chip.
    pub fn chips(&self, zone: &Zone, chip: f64) -> Vec<Chip> {
        let mut found = Vec::new();
        if DAY as f64 / self.span * self.width < chip + 8.0 {
            return found;
        }
        let mut day = zone.day_start(self.left());
        while day < self.right() {
            let end = zone.day_end(day);
            if end <= day {
                break;
            }
            let next = self.x_of(end);
            found.push(Chip { day, x: self.x_of(day).max(0.0).min(next - chip), width: chip });
            day = end;
        }
        found
    }

    /// Midnights in view.
    pub fn midnights(&self, zone: &Zone) -> Vec<Ms> {
        multiples(zone, self.left(), self.right(), DAY)
    }
}

/// What the menu and the buttons offer.
pub const ZOOMS: [Ms; 8] = [31 * DAY, 7 * DAY, DAY, 6 * HOUR, HOUR, 10 * MINUTE, MINUTE, 10 * SECOND];

/// Towards more detail, or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    Finer,
    Coarser,
}

/// The next of the fixed spans.
pub fn zoom_step(span: f64, to: Detail) -> f64 {
    let mut all = ZOOMS.into_iter().map(|zoom| zoom as f64);
    let next = match to {
        Detail::Finer => all.find(|zoom| *zoom < span * 0.99),
        Detail::Coarser => all.rfind(|zoom| *zoom > span * 1.01),
    };
    next.unwrap_or(span)
}

const STEPS: [Ms; 11] =
    [SECOND, 5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, DAY, 7 * DAY];
/// Ticks stand this far apart at least, and labels.
const TICK: f64 = 8.0;
const LABEL: f64 = 64.0;

/// How much of a time a label says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    Seconds,
    Minutes,
    Day,
}

/// Of a local time that comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    First,
    Second,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    pub says: Says,
    pub local: Ms,
    pub which: Option<Which>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tick {
    pub at: Ms,
    pub x: f64,
    pub label: Option<Label>,
}

/// The chip of a day: at its midnight, or held at the left edge while that is further left, pushed on by the next one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chip {
    pub day: Ms,
    pub x: f64,
    pub width: f64,
}

/// Monday 5 January 1970: weeks are counted from here.
const MONDAY: Ms = 4 * DAY;

/// Moments in the range whose local time is a multiple of `step`, in order.
fn multiples(zone: &Zone, from: Ms, to: Ms, step: Ms) -> Vec<Ms> {
    let mut found = Vec::new();
    if step >= DAY {
        // Days are 23, 24 or 25 hours long: each is asked for by itself.
        let origin = if step == 7 * DAY { MONDAY } else { 0 };
        let end = zone.local(to) + DAY;
        let mut local = (zone.local(from) - origin).div_euclid(step) * step + origin;
        while local <= end {
            let at = zone.first(local);
            if at >= from && at < to {
                found.push(at);
            }
            local += step;
        }
        return found;
    }
    let jumps = zone.jumps(from, to);
    let mut start = from;
    for end in jumps.iter().map(|jump| jump.at).chain([to]) {
        let offset = zone.at(start);
        let mut at = -(-(start + offset)).div_euclid(step) * step - offset;
        while at < end {
            found.push(at);
            at += step;
        }
        start = end;
    }
    found
}

/// Whether the local time of a moment comes twice, and which of the two this is.
pub fn repeated(zone: &Zone, at: Ms) -> Option<Which> {
    let jump = zone.jumps(at - 3 * HOUR, at + 3 * HOUR).into_iter().next()?;
    let back = jump.before - jump.after;
    if back <= 0 {
        return None;
    }
    if at >= jump.at && at < jump.at + back {
        return Some(Which::Second);
    }
    (at < jump.at && at >= jump.at - back).then_some(Which::First)
}
