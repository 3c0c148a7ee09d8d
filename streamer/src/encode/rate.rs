//! How many frames a second really come.

use std::time::{Duration, Instant};

/// Frames a second, measured over the last full second or two. Pure.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameRate {
    window: Option<(Instant, u32)>,
    measured: Option<f32>,
}

impl FrameRate {
    const WINDOW: Duration = Duration::from_secs(1);

    /// Counts a frame; returns the rate when a window has just ended.
    pub fn count(&mut self, at: Instant) -> Option<f32> {
        let (since, frames) = self.window.get_or_insert((at, 0));
        let span = at.saturating_duration_since(*since);
        if span >= Self::WINDOW {
            let rate = *frames as f32 / span.as_secs_f32();
            self.measured = Some(rate);
            self.window = Some((at, 1));
            return Some(rate);
        }
        *frames += 1;
        None
    }

    /// Nothing was counted yet.
    pub fn is_new(&self) -> bool {
        self.window.is_none()
    }

    /// Frames a second; `None` before the first second is over.
    pub fn measured(&self) -> Option<f32> {
        self.measured
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_counted_not_believed() {
        let mut rate = FrameRate::default();
        let start = Instant::now();
        for n in 0..16 {
            rate.count(start + Duration::from_millis(66) * n);
        }
        assert_eq!(rate.measured(), None, "no full second yet");
        rate.count(start + Duration::from_millis(66) * 16);
        assert!((rate.measured().unwrap() - 15.15).abs() < 0.1, "{:?}", rate.measured());
    }
}
