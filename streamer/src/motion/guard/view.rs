//! The camera's view itself: covered by a hand or a cloth, blinded by a lamp, turned away. Told once when it lasts, and
//! once when it is over.

use std::time::{Duration, Instant};

use super::super::grid::{CELLS, Plane, WIDTH};

/// What is wrong must last this long.
const LASTS: Duration = Duration::from_secs(2);
/// Seconds in which the memory of the usual amount of detail follows.
const MEMORY: f32 = 60.0;
/// Covered: the detail falls below this share of the usual.
const DETAIL_LEFT: f32 = 0.25;
/// Usual detail below which a picture has nothing to lose (fog, a dark room without infrared).
const DETAIL_LEAST: f32 = 0.7;
/// Levels between neighbouring cells that noise alone makes.
const NOISE: u8 = 3;
/// Blinded: this share of the cells is white.
const WHITE: f32 = 0.6;
/// Moved: edges of the old and the new scene agree by less than this.
const AGREE: f32 = 0.35;

/// What the camera can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    Clear,
    /// Something lies over the lens.
    Covered,
    /// A light shines into it.
    Blinded,
    /// It looks elsewhere.
    Moved,
}

/// Watches the view.
#[derive(Debug, Default)]
pub struct ViewGuard {
    usual: Option<f32>,
    suspect: Option<(View, Instant)>,
    told: Option<View>,
    /// A scene was taken over at this time and does not look like the one before.
    news: Option<View>,
}

impl ViewGuard {
    /// A picture, `passed` seconds after the last; `still` where nothing but the view may have changed.
    pub fn handle_picture(&mut self, at: Instant, now: &Plane, passed: f32) {
        let (detail, white) = (detail(now), white(now));
        let usual = *self.usual.get_or_insert(detail);
        let seems = if white >= WHITE && usual >= DETAIL_LEAST && detail < usual * 0.5 {
            View::Blinded
        } else if usual >= DETAIL_LEAST && detail < usual * DETAIL_LEFT {
            View::Covered
        } else {
            View::Clear
        };
        if seems == View::Clear {
            // What is usual is learned from clear pictures only: a lens covered for a day stays covered.
            let share = (passed / MEMORY).clamp(0.0, 1.0);
            self.usual = Some(usual + (detail - usual) * share);
        }
        let told = self.told.unwrap_or(View::Clear);
        match self.suspect {
            _ if seems == told => self.suspect = None,
            Some((view, since)) if view == seems => {
                if at.saturating_duration_since(since) >= LASTS {
                    self.suspect = None;
                    self.told = (seems != View::Clear).then_some(seems);
                    self.news = Some(seems);
                }
            }
            Some(_) | None => self.suspect = Some((seems, at)),
        }
    }

    /// The scene was taken over anew; `before` is what it looked like.
    pub fn handle_restart(&mut self, before: &Plane, now: &Plane) {
        let (had, has) = (detail(before), detail(now));
        if self.told.is_none() && had >= DETAIL_LEAST && has >= DETAIL_LEAST * 0.5 && has >= had * DETAIL_LEFT {
            if agreement(before, now) < AGREE {
                self.news = Some(View::Moved);
            }
            self.usual = Some(has);
        }
    }

    /// Covered or blinded, or about to be or no longer: nothing can be seen to move.
    pub fn blind(&self) -> bool {
        self.told.is_some() || self.suspect.is_some()
    }

    /// What is to be told.
    pub fn poll(&mut self) -> Option<View> {
        self.news.take()
    }
}

/// Mean difference of neighbouring cells, as far as it is more than noise.
fn detail(now: &Plane) -> f32 {
    let more = |a: u8, b: u8| u32::from(a.abs_diff(b).saturating_sub(NOISE));
    let sum: u32 = (0..CELLS - WIDTH).step_by(5).map(|i| more(now[i], now[i + 1]) + more(now[i], now[i + WIDTH])).sum();
    sum as f32 / (2 * (CELLS - WIDTH) / 5) as f32
}

fn white(now: &Plane) -> f32 {
    let cells = now.iter().step_by(11);
    let all = cells.len();
    cells.filter(|v| **v >= 230).count() as f32 / all as f32
}

/// Correlation of the edges, whichever side of them is the brighter: infrared light turns some round.
fn agreement(a: &Plane, b: &Plane) -> f32 {
    let edge = |p: &Plane, i: usize| f32::from(p[i].abs_diff(p[i + 1]).max(p[i].abs_diff(p[i + WIDTH])).min(48));
    let (mut n, mut sa, mut sb, mut saa, mut sbb, mut sab) = (0f32, 0f32, 0f32, 0f32, 0f32, 0f32);
    for i in (0..CELLS - WIDTH - 1).step_by(3) {
        let (x, y) = (edge(a, i), edge(b, i));
        n += 1.0;
        sa += x;
        sb += y;
        saa += x * x;
        sbb += y * y;
        sab += x * y;
    }
    let (va, vb) = (saa / n - (sa / n).powi(2), sbb / n - (sb / n).powi(2));
    if va < 0.1 || vb < 0.1 {
        return 1.0;
    }
    (sab / n - sa / n * (sb / n)) / (va * vb).sqrt()
}
