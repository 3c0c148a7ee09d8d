//! What has to go: by age, by total size, by the room that is left. And for how long the room will do. Pure.

use std::time::Duration;

use athome_shared::time::WallTime;

use super::awake::Awake;
use crate::index::Segment;

/// What may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all recordings; `None` for as many as there is room for.
    pub size: Option<u64>,
    /// Older ones go; `None` for however old.
    pub age: Option<Duration>,
    /// Bytes of the disk that stay free for others.
    pub floor: u64,
}

/// What goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub remove: Vec<i64>,
    pub bytes: u64,
    /// Not even that is enough: all else is pinned.
    pub short: bool,
}

/// What has to go of `segments`, which are in the order in which they were recorded. `now` is `None` while the clock is not to be
/// believed: then nothing is too old. `free` is what the disk has left; `None` where that is not known.
pub fn plan(segments: &[Segment], now: Option<WallTime>, limits: &Limits, free: Option<u64>) -> Plan {
    let mut plan = Plan::default();
    let total: u64 = segments.iter().map(|segment| segment.new.bytes).sum();
    let oldest = now.zip(limits.age).map(|(now, age)| now.0.saturating_sub(micros(age)));
    let too_old = |s: &Segment| s.new.dated && oldest.is_some_and(|oldest| s.new.ended.0 < oldest);
    let enough = |gone: u64| {
        limits.size.is_none_or(|size| total - gone <= size)
            && free.is_none_or(|free| free.saturating_add(gone) >= limits.floor)
    };
    let (old, young): (Vec<_>, Vec<_>) = segments.iter().filter(|s| !s.new.kept).partition(|s| too_old(s));
    for segment in old {
        plan.remove.push(segment.id);
        plan.bytes += segment.new.bytes;
    }
    for segment in young {
        if enough(plan.bytes) {
            break;
        }
        plan.remove.push(segment.id);
        plan.bytes += segment.new.bytes;
    }
    plan.short = !enough(plan.bytes);
    plan
}

/// For how many days the room will do at the rate of the last week, if that is known by now: at least an hour of it. `free` as in
/// [`plan`].
pub fn forecast(segments: &[Segment], now: WallTime, limits: &Limits, free: Option<u64>) -> Option<f64> {
    let week = now.0.saturating_sub(micros(DAY * 7));
    let recent = || segments.iter().filter(|s| s.new.dated && s.new.began.0 >= week && s.new.began <= now);
    let since = recent().map(|s| s.new.began.0).min()?;
    let span = now.0.saturating_sub(since);
    if span < micros(Duration::from_secs(3_600)) {
        return None;
    }
    let bytes: u64 = recent().map(|s| s.new.bytes).sum();
    let total: u64 = segments.iter().map(|s| s.new.bytes).sum();
    let room = match (limits.size, free) {
        (Some(size), Some(free)) => size.min((total + free).saturating_sub(limits.floor)),
        (Some(size), None) => size,
        (None, Some(free)) => (total + free).saturating_sub(limits.floor),
        (None, None) => return None,
    };
    let days = room as f64 / (bytes as f64 / span as f64) / micros(DAY) as f64;
    Some(limits.age.map_or(days, |age| days.min(age.as_secs_f64() / DAY.as_secs_f64())))
}

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// Between two looks a clock may drift or be corrected by this much; more is a jump.
const CORRECTION: i64 = 120 * 1_000_000;
/// A streamer that was off for longer than this has perhaps a clock that is wrong.
const LONG_OFF: Duration = Duration::from_secs(31 * 24 * 3_600);
/// How long a clock must go steadily after a jump …
const AFTER_JUMP: Duration = Duration::from_secs(24 * 3_600);
/// … and after a start at which it did not fit to what was recorded.
const AFTER_START: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Whether the clock is to be believed. A wrong one must never make a recording look old, so each jump is followed by a time in
/// which nothing has an age.
#[derive(Debug)]
pub struct ClockTrust {
    last: (Awake, WallTime),
    doubt_until: Option<Awake>,
}

/// Whether something may have been so long after what is known; later, its clock was perhaps wrong.
pub(super) fn may_follow(seen: WallTime, at: WallTime) -> bool {
    at.0.saturating_sub(seen.0) <= micros(LONG_OFF)
}

impl ClockTrust {
    /// `seen` is the latest time that is known to have been: that of the last look, or of the newest recording.
    pub fn new(now: Awake, wall: WallTime, seen: Option<WallTime>) -> Self {
        let fits = seen.is_none_or(|seen| {
            let since = wall.0.saturating_sub(seen.0);
            (-CORRECTION..=micros(LONG_OFF)).contains(&since)
        });
        Self { last: (now, wall), doubt_until: (!fits).then(|| now.after(AFTER_START)) }
    }

    /// Looks at the clock; whether it is to be believed.
    pub fn look(&mut self, now: Awake, wall: WallTime) -> bool {
        let (then, was) = std::mem::replace(&mut self.last, (now, wall));
        let expected = was.0.saturating_add(micros(now.since(then)));
        if wall.0.saturating_sub(expected).saturating_abs() > CORRECTION {
            let until = now.after(AFTER_JUMP);
            self.doubt_until = Some(self.doubt_until.map_or(until, |doubt| doubt.max(until)));
        }
        if self.doubt_until.is_some_and(|until| until <= now) {
            self.doubt_until = None;
        }
        self.doubt_until.is_none()
    }
}

#[cfg(test)]
mod tests {
    use athome_shared::id::CameraId;

    use super::*;
    use crate::events::Cause;
    use crate::index::NewSegment;

    const HOUR: i64 = 3_600 * 1_000_000;
    const NOW: WallTime = WallTime(1_794_000_000_000_000);
    const NONE: Limits = Limits { size: None, age: None, floor: 0 };

    /// An hour of 100 bytes that ended `hours` ago.
    fn segment(id: i64, hours: i64) -> Segment {
        let ended = NOW.0 - hours * HOUR;
        let new = NewSegment {
            camera: CameraId::slug("door"),
            file: format!("{id}"),
            began: WallTime(ended - HOUR),
            ended: WallTime(ended),
            bytes: 100,
            why: Cause::Always,
            width: 0,
            height: 0,
            sound: false,
            kept: false,
            dated: true,
        };
        Segment { id, new }
    }

    /// A hundred hours, the oldest first.
    fn hundred() -> Vec<Segment> {
        (0..100).map(|n| segment(n, 99 - n)).collect()
    }

    #[test]
    fn the_old_go_and_the_pinned_stay() {
        let mut segments = hundred();
        segments[3].new.kept = true;
        let limits = Limits { age: Some(Duration::from_secs(90 * 3_600)), ..NONE };
        let plan = plan(&segments, Some(NOW), &limits, None);
        assert_eq!(plan.remove, [0, 1, 2, 4, 5, 6, 7, 8]);
        assert!(!plan.short);
    }

    #[test]
    fn size_and_floor_take_the_oldest_and_no_more_than_needed() {
        let segments = hundred();
        let size = Limits { size: Some(9_650), ..NONE };
        assert_eq!(plan(&segments, Some(NOW), &size, None).remove, [0, 1, 2, 3]);
        assert_eq!(plan(&segments, None, &size, None).remove.len(), 4, "whatever the clock says");
        let floor = Limits { floor: 1_000, ..NONE };
        assert_eq!(plan(&segments, Some(NOW), &floor, Some(750)).remove, [0, 1, 2]);
        assert!(plan(&segments, Some(NOW), &floor, Some(1_000)).remove.is_empty());
        assert!(plan(&segments, Some(NOW), &floor, None).remove.is_empty(), "no platform's word, no rule");
        let mut pinned = segments;
        pinned.iter_mut().for_each(|s| s.new.kept = true);
        assert_eq!(plan(&pinned, Some(NOW), &size, Some(0)), Plan { short: true, ..Plan::default() });
    }

    #[test]
    fn what_was_recorded_under_a_wrong_clock_has_no_age() {
        let mut segments = hundred();
        segments.iter_mut().for_each(|s| (s.new.began, s.new.ended) = (WallTime(0), WallTime(HOUR)));
        let limits = Limits { age: Some(Duration::from_secs(3_600)), ..NONE };
        assert_eq!(plan(&segments, Some(NOW), &limits, None).remove.len(), 100, "the control");
        segments.iter_mut().for_each(|s| s.new.dated = false);
        assert!(plan(&segments, Some(NOW), &limits, None).remove.is_empty());
        // And one from the future is not old.
        assert!(plan(&[segment(1, -87_600)], Some(NOW), &limits, None).remove.is_empty());
    }

    #[test]
    fn a_clock_that_jumps_removes_nothing_and_is_believed_when_it_has_gone_steadily() {
        let limits = Limits { age: Some(Duration::from_secs(30 * 24 * 3_600)), ..NONE };
        let start = Awake::default();
        let at = |seconds: u64| start.after(Duration::from_secs(seconds));
        for jump in [HOUR, -HOUR, 10 * 365 * 24 * HOUR, -10 * 365 * 24 * HOUR] {
            let mut trust = ClockTrust::new(start, NOW, Some(WallTime(NOW.0 - HOUR)));
            assert!(trust.look(at(60), WallTime(NOW.0 + 60_000_000)));
            let wall = |seconds: u64| WallTime(NOW.0 + seconds as i64 * 1_000_000 + jump);
            for minutes in 2..24 * 60 {
                let believed = trust.look(at(minutes * 60), wall(minutes * 60));
                assert!(!believed, "{jump} after {minutes} min");
                let now = believed.then(|| wall(minutes * 60));
                assert!(plan(&hundred(), now, &limits, None).remove.is_empty());
            }
            assert!(trust.look(at(24 * 3_600 + 120), wall(24 * 3_600 + 120)), "{jump}");
        }
        // The control: believed at once, ten years would have cost everything.
        let later = WallTime(NOW.0 + 10 * 365 * 24 * HOUR);
        assert_eq!(plan(&hundred(), Some(later), &limits, None).remove.len(), 100);
    }

    #[test]
    fn a_start_with_a_clock_that_does_not_fit_is_doubted() {
        let now = Awake::default();
        let starts = |hours: i64| {
            ClockTrust::new(now, WallTime(NOW.0 + hours * HOUR), Some(NOW)).look(now, WallTime(NOW.0 + hours * HOUR))
        };
        assert!(starts(0) && starts(24 * 30));
        assert!(!starts(-1) && !starts(24 * 40) && !starts(24 * 3_650) && !starts(-24 * 20_000));
        assert!(ClockTrust::new(now, NOW, None).look(now, NOW), "nothing was recorded yet");
        let mut trust = ClockTrust::new(now, WallTime(0), Some(NOW));
        let week = now.after(Duration::from_secs(7 * 24 * 3_600));
        assert!(trust.look(week, WallTime(micros(Duration::from_secs(7 * 24 * 3_600)))));
    }

    #[test]
    fn the_forecast_goes_by_the_last_week() {
        let limits = Limits { size: Some(24_000), ..NONE };
        // 2,400 bytes a day.
        let days = forecast(&hundred(), NOW, &limits, None).expect("known");
        assert!((days - 10.0).abs() < 0.2, "{days}");
        let month = Limits { age: Some(Duration::from_secs(5 * 24 * 3_600)), ..limits };
        assert_eq!(forecast(&hundred(), NOW, &month, None), Some(5.0));
        let disk = forecast(&hundred(), NOW, &Limits { floor: 400, ..NONE }, Some(2_800)).expect("known");
        assert!((disk - 5.0).abs() < 0.2, "{disk}");
        assert_eq!(forecast(&[segment(1, -1)], NOW, &limits, None), None);
        assert_eq!(forecast(&[], NOW, &limits, None), None);
    }
}
