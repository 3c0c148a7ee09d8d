//! When each of a camera's last pictures was captured, received, decoded and shown: what ages and figures are made of.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Pictures kept for each camera: about two seconds.
const KEPT: usize = 60;
/// A pause this much longer than usual counts as a freeze (as in the W3C's `freezeCount`: three times the average, or
/// 150 ms more).
const FREEZE: Duration = Duration::from_millis(150);

/// The way of one picture.
#[derive(Clone, Copy, Debug)]
pub struct FrameTimes {
    /// From capture (by the streamer's clock, mapped to ours) to reception; `None` while the offset is unknown.
    pub before: Option<Duration>,
    pub received: Instant,
    pub decoded: Instant,
    /// Handed to the screen.
    pub shown: Instant,
    pub width: usize,
    pub height: usize,
}

/// The last pictures of every camera. One lock, held for a few instructions.
#[derive(Debug)]
pub struct Times<K>(Mutex<HashMap<K, Kept>>);

#[derive(Debug, Default)]
struct Kept {
    frames: VecDeque<FrameTimes>,
    freezes: u32,
}

/// Medians over the last two seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    pub before: Option<Duration>,
    pub decode: Duration,
    pub show: Duration,
    pub fps: f64,
    pub freezes: u32,
    pub width: usize,
    pub height: usize,
}

impl<K> Default for Times<K> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Eq + Hash> Times<K> {
    /// A picture was shown.
    pub fn handle_shown(&self, key: K, times: FrameTimes) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.entry(key).or_default();
        if let (Some(first), Some(last)) = (kept.frames.front(), kept.frames.back()) {
            let steps = kept.frames.len().saturating_sub(1).max(1) as u32;
            let usual = last.shown.saturating_duration_since(first.shown) / steps;
            let pause = times.shown.saturating_duration_since(last.shown);
            if kept.frames.len() > 5 && pause > (usual * 3).max(usual + FREEZE) {
                kept.freezes += 1;
            }
        }
        if kept.frames.len() == KEPT {
            kept.frames.pop_front();
        }
        kept.frames.push_back(times);
    }

    /// Forgets a camera that is not shown any more, so that its next picture is no freeze.
    pub fn handle_gone(&self, key: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// `None` before the second picture.
    pub fn figures(&self, key: &K) -> Option<Figures> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.get(key)?;
        let (first, last) = (kept.frames.front()?, kept.frames.back()?);
        let span = last.shown.saturating_duration_since(first.shown).as_secs_f64();
        if span <= 0.0 {
            return None;
        }
        let median = |of: &dyn Fn(&FrameTimes) -> Option<Duration>| {
            let mut all: Vec<Duration> = kept.frames.iter().filter_map(of).collect();
            all.sort_unstable();
            all.get(all.len() / 2).copied()
        };
        Some(Figures {
            before: median(&|f| f.before),
            decode: median(&|f| Some(f.decoded.saturating_duration_since(f.received))).unwrap_or_default(),
            show: median(&|f| Some(f.shown.saturating_duration_since(f.decoded))).unwrap_or_default(),
            fps: (kept.frames.len() - 1) as f64 / span,
            freezes: kept.freezes,
            width: last.width,
            height: last.height,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{FrameTimes, Times};

    #[test]
    fn figures_are_medians_and_a_pause_is_a_freeze() {
        let times = Times::default();
        let start = Instant::now();
        let ms = Duration::from_millis;
        for n in 0..10_u64 {
            // One picture of ten took long, and one pause of 400 ms lies before the last.
            let at = start + ms(33 * n) + if n == 9 { ms(400) } else { ms(0) };
            let slow = if n == 4 { ms(50) } else { ms(2) };
            times.handle_shown(
                "door",
                FrameTimes {
                    before: Some(ms(5)),
                    received: at,
                    decoded: at + slow,
                    shown: at + slow + ms(3),
                    width: 640,
                    height: 360,
                },
            );
        }
        let figures = times.figures(&"door").unwrap();
        assert_eq!((figures.decode, figures.show, figures.before), (ms(2), ms(3), Some(ms(5))));
        assert_eq!(figures.freezes, 1);
        times.handle_gone(&"door");
        assert!(times.figures(&"door").is_none());
    }
}
