//! What an encoder does with the next picture: nothing, a key frame or not, at which bitrate. Pure.

use std::time::{Duration, Instant};

use crate::hub::Demand;

/// Key frames at least this often, so that a recording can be cut and a viewer that lost one recovers without asking.
pub const KEY_INTERVAL: Duration = Duration::from_secs(3);
/// Requests for a key frame within this time of the last one wait: a key frame costs as much as many others, and viewers
/// that all lost the same packet ask together.
pub const KEY_GAP: Duration = Duration::from_millis(500);
/// The same for a viewer without any picture yet. It is less than the age at which the hub lets a live reader start at a
/// past key frame ([`crate::hub::RECENT_KEY`]), so nobody's first picture waits for it.
pub const FIRST_PICTURE_GAP: Duration = Duration::from_millis(200);
/// Of what the weakest reader can take, this share is spent: headers, retransmissions and the encoder's overshoot need
/// the rest.
pub const SAFETY: f64 = 0.9;
/// Changes smaller than this share are not worth disturbing the encoder's rate control.
const HYSTERESIS: f64 = 0.05;
/// A higher target is approached in steps of this factor …
const STEP_UP: f64 = 1.25;
/// … each this long after the last …
const STEP_UP_EVERY: Duration = Duration::from_millis(500);
/// … and not before this long after a reduction.
const HOLD_AFTER_DOWN: Duration = Duration::from_secs(1);

/// Between which bitrates an encoder moves, in bits a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Below it a picture is worth little; a reader that can't take it loses frames instead.
    pub floor_bps: u32,
    /// What the configuration or the size allows.
    pub ceiling_bps: u32,
}

impl Range {
    fn clamp(self, bps: f64) -> f64 {
        let floor = f64::from(self.floor_bps.min(self.ceiling_bps));
        bps.clamp(floor, f64::from(self.ceiling_bps))
    }
}

/// What to do with a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub key_frame: bool,
    pub bitrate_bps: u32,
}

/// One encoder's decisions.
#[derive(Debug)]
pub struct Control {
    range: Range,
    bitrate: f64,
    /// Not before then may the bitrate rise.
    rise_after: Option<Instant>,
    last_key: Option<Instant>,
    key_wanted: bool,
    first_picture: bool,
    idle: bool,
}

impl Control {
    /// Starts at the ceiling, with a key frame.
    pub fn new(range: Range) -> Self {
        Self {
            range,
            bitrate: f64::from(range.ceiling_bps),
            rise_after: None,
            last_key: None,
            key_wanted: false,
            first_picture: false,
            idle: true,
        }
    }

    /// The size changed, and with it what it may cost.
    pub fn set_range(&mut self, range: Range) {
        let was_at_ceiling = self.bitrate >= f64::from(self.range.ceiling_bps);
        self.bitrate = range.clamp(if was_at_ceiling { f64::from(range.ceiling_bps) } else { self.bitrate });
        self.range = range;
    }

    /// A picture is there. `None`: nobody wants it. `demand` is as taken from the stream.
    pub fn handle_picture(&mut self, now: Instant, demand: Demand) -> Option<Plan> {
        if !demand.wanted {
            self.idle = true;
            self.key_wanted = false;
            self.first_picture = false;
            return None;
        }
        self.key_wanted |= demand.key_frame;
        self.first_picture |= demand.first_picture;
        self.follow(now, demand.target_bps);
        let since_key = self.last_key.map(|key| now.saturating_duration_since(key));
        let key_frame = self.idle
            || match since_key {
                None => true,
                Some(age) if age >= KEY_INTERVAL => true,
                Some(age) if self.first_picture && age >= FIRST_PICTURE_GAP => true,
                Some(age) => self.key_wanted && age >= KEY_GAP,
            };
        Some(Plan { key_frame, bitrate_bps: self.bitrate as u32 })
    }

    /// The picture was encoded and published at `now`. A planned key frame that the encoder did not make stays planned.
    pub fn handle_encoded(&mut self, now: Instant, is_key: bool) {
        if is_key {
            self.last_key = Some(now);
            self.idle = false;
            self.key_wanted = false;
            self.first_picture = false;
        }
    }

    fn follow(&mut self, now: Instant, target_bps: Option<u32>) {
        let ceiling = f64::from(self.range.ceiling_bps);
        let goal = self.range.clamp(target_bps.map_or(ceiling, |bps| f64::from(bps) * SAFETY));
        if self.idle {
            // Whoever the last target was for is gone; the new reader says what it can take once it knows.
            self.bitrate = goal;
            self.rise_after = None;
        } else if goal < self.bitrate * (1.0 - HYSTERESIS) {
            self.bitrate = goal;
            self.rise_after = Some(now + HOLD_AFTER_DOWN);
        } else if goal > self.bitrate && self.rise_after.is_none_or(|at| now >= at) {
            let worth_it = goal > self.bitrate * (1.0 + HYSTERESIS) || goal == ceiling;
            if worth_it {
                self.bitrate = goal.min(self.bitrate * STEP_UP);
                self.rise_after = Some(now + STEP_UP_EVERY);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: Range = Range { floor_bps: 100_000, ceiling_bps: 2_000_000 };
    const WATCHED: Demand = Demand { wanted: true, key_frame: false, first_picture: false, target_bps: None };

    /// Runs a 30 frames/s stream for `frames`, with what `demand` says for each; returns which were key frames.
    fn keys(control: &mut Control, start: Instant, frames: u32, demand: impl Fn(u32) -> Demand) -> Vec<u32> {
        let mut keys = Vec::new();
        for n in 0..frames {
            let now = start + Duration::from_secs(1) * n / 30;
            let Some(plan) = control.handle_picture(now, demand(n)) else { continue };
            control.handle_encoded(now, plan.key_frame);
            if plan.key_frame {
                keys.push(n);
            }
        }
        keys
    }

    #[test]
    fn key_frames_come_first_and_then_periodically() {
        let mut control = Control::new(RANGE);
        assert_eq!(keys(&mut control, Instant::now(), 200, |_| WATCHED), [0, 90, 180]);
    }

    #[test]
    fn requests_are_coalesced_and_at_most_one_in_500_ms() {
        let mut control = Control::new(RANGE);
        let storm = |n| Demand { key_frame: (10..40).contains(&n), ..WATCHED };
        let keys = keys(&mut control, Instant::now(), 60, storm);
        assert_eq!(keys, [0, 15, 30, 45], "thirty requests became three, the last one was not forgotten");
    }

    #[test]
    fn a_new_viewer_does_not_wait_out_the_gap() {
        let mut control = Control::new(RANGE);
        let join = |n| Demand { key_frame: n == 8, first_picture: n == 8, ..WATCHED };
        assert_eq!(keys(&mut control, Instant::now(), 20, join), [0, 8]);
        // Control: the same request of one who has a picture waits.
        let mut control = Control::new(RANGE);
        let lost = |n| Demand { key_frame: n == 8, ..WATCHED };
        assert_eq!(keys(&mut control, Instant::now(), 20, lost), [0, 15]);
        // One that joined while the last key frame was being made has it already.
        let mut control = Control::new(RANGE);
        let join = |n| Demand { key_frame: n == 1, first_picture: n == 1, ..WATCHED };
        assert_eq!(keys(&mut control, Instant::now(), 6, join), [0]);
        assert!(FIRST_PICTURE_GAP < crate::hub::RECENT_KEY);
    }

    #[test]
    fn a_key_frame_that_was_not_made_stays_planned() {
        let mut control = Control::new(RANGE);
        let now = Instant::now();
        for n in 0..3 {
            let plan = control.handle_picture(now + Duration::from_millis(33) * n, WATCHED).unwrap();
            assert!(plan.key_frame);
            control.handle_encoded(now, false);
        }
    }

    #[test]
    fn nothing_is_encoded_while_nobody_wants_it_and_a_return_begins_with_a_key_frame() {
        let mut control = Control::new(RANGE);
        let watched = |n| Demand { wanted: !(5..10).contains(&n), ..WATCHED };
        assert_eq!(keys(&mut control, Instant::now(), 20, watched), [0, 10]);
    }

    #[test]
    fn bitrate_falls_at_once_and_rises_slowly() {
        let mut control = Control::new(RANGE);
        let start = Instant::now();
        let mut rate = |ms: u64, target: Option<u32>| {
            let now = start + Duration::from_millis(ms);
            let plan = control.handle_picture(now, Demand { target_bps: target, ..WATCHED }).unwrap();
            control.handle_encoded(now, plan.key_frame);
            plan.bitrate_bps
        };
        assert_eq!(rate(0, None), 2_000_000);
        assert_eq!(rate(33, Some(1_000_000)), 900_000);
        assert_eq!(rate(66, Some(980_000)), 900_000, "too little to act on");
        assert_eq!(rate(100, Some(4_000_000)), 900_000, "held after a reduction");
        assert_eq!(rate(1_034, Some(4_000_000)), 1_125_000);
        assert_eq!(rate(1_100, Some(4_000_000)), 1_125_000);
        assert_eq!(rate(1_600, Some(4_000_000)), 1_406_250);
        assert_eq!(rate(2_200, None), 1_757_812);
        assert_eq!(rate(2_800, None), 2_000_000, "all the way up again in under three seconds");
        assert_eq!(rate(2_900, Some(1)), 100_000, "the floor");
    }

    #[test]
    fn a_floor_above_the_ceiling_is_no_panic() {
        let mut control = Control::new(Range { floor_bps: 500_000, ceiling_bps: 64_000 });
        let plan = control.handle_picture(Instant::now(), Demand { target_bps: Some(1), ..WATCHED }).unwrap();
        assert_eq!(plan.bitrate_bps, 64_000);
    }
}
