//! When a picture froze. Pure: arrival times go in, counts come out.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Intervals that the median is taken over: about two seconds of video, so that a change of frame rate is followed.
const WINDOW: usize = 61;

/// A freeze is a gap between shown frames longer than this much above the median interval, and than three medians
/// (the `freezeCount` of webrtc-stats, <https://www.w3.org/TR/webrtc-stats/#dom-rtcinboundrtpstreamstats-freezecount>).
const MARGIN: Duration = Duration::from_millis(150);

/// Counts freezes of one picture.
#[derive(Clone, Debug, Default)]
pub struct FreezeDetector {
    last: Option<Instant>,
    intervals: VecDeque<Duration>,
    freezes: u32,
    frozen: Duration,
}

impl FreezeDetector {
    /// A frame was shown.
    pub fn handle_frame(&mut self, now: Instant) {
        let Some(last) = self.last.replace(now) else { return };
        let gap = now.saturating_duration_since(last);
        if self.limit().is_some_and(|limit| gap > limit) {
            self.freezes += 1;
            self.frozen += gap;
        }
        if self.intervals.len() == WINDOW {
            self.intervals.pop_front();
        }
        self.intervals.push_back(gap);
    }

    /// The picture was changed on purpose (another camera, detached): the next gap is no freeze.
    pub fn handle_switch(&mut self) {
        self.last = None;
        self.intervals.clear();
    }

    /// How many freezes, and how long they were together.
    pub fn freezes(&self) -> (u32, Duration) {
        (self.freezes, self.frozen)
    }

    /// Longest gap that is none yet; `None` while too few frames are known.
    fn limit(&self) -> Option<Duration> {
        if self.intervals.len() < 5 {
            return None;
        }
        let mut sorted: Vec<Duration> = self.intervals.iter().copied().collect();
        sorted.sort_unstable();
        let median = sorted.get(sorted.len() / 2).copied()?;
        Some((median * 3).max(median + MARGIN))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::FreezeDetector;

    const MS: Duration = Duration::from_millis(1);

    fn shown(gaps_ms: &[u32]) -> FreezeDetector {
        let mut now = Instant::now();
        let mut detector = FreezeDetector::default();
        detector.handle_frame(now);
        for gap in gaps_ms {
            now += MS * *gap;
            detector.handle_frame(now);
        }
        detector
    }

    #[test]
    fn a_steady_picture_with_jitter_never_froze() {
        let gaps: Vec<u32> = (0..300).map(|i| if i % 7 == 0 { 95 } else { 33 }).collect();
        assert_eq!(shown(&gaps).freezes(), (0, Duration::ZERO));
    }

    #[test]
    fn a_gap_of_more_than_150_ms_above_the_median_is_a_freeze() {
        let mut gaps = vec![33; 30];
        gaps.push(183);
        assert_eq!(shown(&gaps).freezes().0, 0);
        *gaps.last_mut().unwrap() = 184;
        assert_eq!(shown(&gaps).freezes(), (1, MS * 184));
    }

    #[test]
    fn slow_cameras_are_measured_by_their_own_rate() {
        let mut gaps = vec![1_000; 10];
        gaps.push(2_900);
        assert_eq!(shown(&gaps).freezes().0, 0);
        gaps.push(3_100);
        assert_eq!(shown(&gaps).freezes().0, 1);
    }

    #[test]
    fn a_switch_is_no_freeze() {
        let mut detector = shown(&[33; 30]);
        detector.handle_switch();
        detector.handle_frame(Instant::now() + Duration::from_secs(60));
        assert_eq!(detector.freezes().0, 0);
    }
}
