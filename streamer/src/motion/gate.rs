//! From what moves in one picture to events with a begin and an end: `Quiet → Rising → Active → Falling`. Pure: time is
//! an argument.

use std::time::{Duration, Instant};

use super::zones::Watched;

/// Motion pauses; an event is over when nothing moved for this long.
pub const HOLD: Duration = Duration::from_secs(2);
/// While a zone waits for its own duration, a pause this short does not count.
const BREATH: Duration = Duration::from_millis(500);

/// What moves now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moving {
    /// A bit for each watched zone in which enough moves.
    pub zones: u16,
    /// Share of the looked-at picture that moves.
    pub share: f32,
    /// When the oldest of the moving things came into view.
    pub born: Option<Instant>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Began {
        began: Instant,
        zones: u16,
    },
    /// A new peak: this picture is the best of the event so far.
    Peak,
    Ended {
        began: Instant,
        peak: f32,
    },
}

#[derive(Clone, Copy, Debug)]
enum State {
    Quiet,
    /// Something moves, not yet for as long as any zone asks for.
    Rising,
    Active {
        began: Instant,
        peak: f32,
        last: Instant,
    },
    /// Nothing moves any more; it may go on.
    Falling {
        began: Instant,
        peak: f32,
        last: Instant,
    },
}

/// One camera's gate.
#[derive(Debug)]
pub struct Gate {
    state: State,
    /// For each zone, since when and until when it moved.
    risen: Vec<Option<(Instant, Instant)>>,
}

impl Gate {
    pub fn new(zones: usize) -> Self {
        Self { state: State::Quiet, risen: vec![None; zones] }
    }

    /// Whether an event goes on.
    pub fn active(&self) -> bool {
        matches!(self.state, State::Active { .. } | State::Falling { .. })
    }

    /// One picture. `muted`: what it shows can't be judged; an event that goes on is kept.
    pub fn handle(&mut self, now: Instant, moving: Moving, watched: &[Watched], muted: bool) -> Option<Change> {
        let ready = self.rise(now, moving.zones, watched);
        match &mut self.state {
            _ if muted => {
                if let State::Active { last, .. } | State::Falling { last, .. } = &mut self.state {
                    *last = now;
                }
                None
            }
            State::Quiet | State::Rising if ready == 0 => {
                self.state = if moving.zones == 0 { State::Quiet } else { State::Rising };
                None
            }
            State::Quiet | State::Rising => {
                let began = moving.born.unwrap_or(now).min(now);
                self.state = State::Active { began, peak: moving.share, last: now };
                Some(Change::Began { began, zones: ready })
            }
            State::Active { began, peak, last } | State::Falling { began, peak, last } => {
                let (began, mut peak, mut last) = (*began, *peak, *last);
                if moving.zones != 0 {
                    last = now;
                    let higher = moving.share > peak;
                    peak = peak.max(moving.share);
                    self.state = State::Active { began, peak, last };
                    return higher.then_some(Change::Peak);
                }
                if now.saturating_duration_since(last) < HOLD {
                    self.state = State::Falling { began, peak, last };
                    return None;
                }
                self.stop()
            }
        }
    }

    /// Ends an event that goes on: the camera stopped.
    pub fn stop(&mut self) -> Option<Change> {
        self.risen.fill(None);
        match std::mem::replace(&mut self.state, State::Quiet) {
            State::Active { began, peak, .. } | State::Falling { began, peak, .. } => {
                Some(Change::Ended { began, peak })
            }
            State::Quiet | State::Rising => None,
        }
    }

    /// The zones that have moved for as long as they ask for.
    fn rise(&mut self, now: Instant, zones: u16, watched: &[Watched]) -> u16 {
        let mut ready = 0;
        for (n, (risen, zone)) in self.risen.iter_mut().zip(watched).enumerate() {
            let moves = zones >> n & 1 != 0;
            *risen = match *risen {
                Some((since, _)) if moves => Some((since, now)),
                Some((since, last)) if now.saturating_duration_since(last) <= BREATH => Some((since, last)),
                Some(_) | None => moves.then_some((now, now)),
            };
            let long = Duration::from_secs_f32(zone.min_duration);
            if moves && risen.is_some_and(|(since, _)| now.saturating_duration_since(since) >= long) {
                ready |= 1 << n;
            }
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Change, Gate, HOLD, Moving};
    use crate::motion::zones::Watched;

    fn zone(min_duration: f32) -> Watched {
        Watched { name: String::new(), cells_needed: 1, min_duration }
    }

    fn moving(zones: u16, share: f32) -> Moving {
        Moving { zones, share, born: None }
    }

    /// One picture every tenth of a second; what came of each tenth.
    fn run(watched: &[Watched], tenths: u32, at: impl Fn(u32) -> (Moving, bool)) -> Vec<(u32, Change)> {
        let (mut gate, start) = (Gate::new(watched.len()), Instant::now());
        let step = |n: u32| {
            let (moving, muted) = at(n);
            Some((n, gate.handle(start + Duration::from_millis(100) * n, moving, watched, muted)?))
        };
        (0..tenths).filter_map(step).collect()
    }

    #[test]
    fn a_pause_shorter_than_the_hold_ends_nothing() {
        let hold = HOLD.as_millis() as u32 / 100;
        for (pause, events) in [(hold - 2, 1), (hold + 5, 2)] {
            let told = run(&[zone(0.0)], 100, |n| {
                let moves = (10..20).contains(&n) || (20 + pause..40 + pause).contains(&n);
                (moving(u16::from(moves), 0.1), false)
            });
            let begins = told.iter().filter(|(_, change)| matches!(change, Change::Began { .. })).count();
            let ends = told.iter().filter(|(_, change)| matches!(change, Change::Ended { .. })).count();
            assert_eq!((begins, ends), (events, events), "{told:?}");
        }
    }

    #[test]
    fn the_peak_is_the_largest_share() {
        let told =
            run(&[zone(0.0)], 60, |n| (moving(u16::from(n < 20), [0.1, 0.3, 0.2, 0.4, 0.1][n as usize % 5]), false));
        assert!(matches!(told[0], (0, Change::Began { zones: 1, .. })));
        let peaks: Vec<u32> = told.iter().filter(|(_, c)| *c == Change::Peak).map(|(n, _)| *n).collect();
        assert_eq!(peaks, [1, 3], "the better pictures, and no others");
        assert!(matches!(told.last(), Some((_, Change::Ended { peak: 0.4, .. }))), "{told:?}");
    }

    #[test]
    fn each_zone_waits_for_its_own_duration_and_forgives_a_breath() {
        let watched = [zone(1.0), zone(0.0)];
        let slow = run(&watched, 30, |n| (moving(u16::from(n % 4 != 3), 0.1), false));
        assert!(matches!(slow[0], (10, Change::Began { zones: 1, .. })), "{slow:?}");
        let both = run(&watched, 30, |_| (moving(3, 0.1), false));
        assert!(matches!(both[0], (0, Change::Began { zones: 2, .. })), "{both:?}");
        let broken = run(&watched, 60, |n| (moving(u16::from(n % 10 < 4), 0.1), false));
        assert!(broken.is_empty(), "{broken:?}");
    }

    #[test]
    fn muted_pictures_begin_nothing_and_end_nothing() {
        let muted = run(&[zone(0.0)], 50, |_| (moving(1, 0.1), true));
        assert!(muted.is_empty());
        let kept = run(&[zone(0.0)], 80, |n| (moving(u16::from(n < 5), 0.1), (5..60).contains(&n)));
        let end = kept.iter().find(|(_, change)| matches!(change, Change::Ended { .. }));
        assert!(end.is_some_and(|(n, _)| *n > 60), "{kept:?}");
    }
}
