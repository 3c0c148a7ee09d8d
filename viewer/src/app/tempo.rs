//! How often the window is drawn at most: what several cameras bring within this time is drawn together. Pure.

use std::time::{Duration, Instant};

/// Between two frames while one camera is shown: its latency suffers from more.
const ONE: Duration = Duration::from_millis(12);
/// While several are: 40 times a second shows every picture of cameras with 30 each, and leaves the processor to the decoders
/// where there is no graphics card.
const SEVERAL: Duration = Duration::from_millis(25);

#[derive(Debug, Default)]
pub(super) struct Tempo {
    cameras: usize,
    painted: Option<Instant>,
}

impl Tempo {
    /// How many cameras are on the screen.
    pub(super) fn handle_cameras(&mut self, cameras: usize) {
        self.cameras = cameras;
    }

    /// A frame is drawn.
    pub(super) fn handle_painted(&mut self, now: Instant) {
        self.painted = Some(now);
    }

    /// How long to wait with something new, which is not to be drawn before `hold` is over.
    pub(super) fn wait(&self, now: Instant, hold: Duration) -> Duration {
        let gap = if self.cameras > 1 { SEVERAL } else { ONE };
        let rest = self.painted.map_or(Duration::ZERO, |painted| (painted + gap).saturating_duration_since(now));
        rest.max(hold)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Tempo;

    /// Frames drawn in ten seconds of this many cameras with 30 pictures a second, out of step.
    fn drawn(cameras: usize) -> usize {
        let start = Instant::now();
        let mut tempo = Tempo::default();
        tempo.handle_cameras(cameras);
        let mut pictures: Vec<Duration> = Vec::new();
        for camera in 0..cameras {
            pictures.extend((0..300).map(|n| Duration::from_micros(n * 33_333 + camera as u64 * 3_700)));
        }
        pictures.sort_unstable();
        let (mut at, mut frames) = (start, 0);
        for picture in pictures {
            let now = start + picture;
            if now < at {
                continue; // A frame is asked for already, and will show this picture too.
            }
            at = now + tempo.wait(now, Duration::ZERO);
            tempo.handle_painted(at);
            frames += 1;
        }
        frames
    }

    #[test]
    fn one_camera_is_drawn_as_its_pictures_come_and_nine_are_drawn_together() {
        assert_eq!(drawn(1), 300);
        let nine = drawn(9);
        assert!((300..=402).contains(&nine), "{nine}");
    }

    #[test]
    fn a_picture_waits_for_its_sound() {
        let tempo = Tempo::default();
        let hold = Duration::from_millis(50);
        assert_eq!(
            (tempo.wait(Instant::now(), hold), tempo.wait(Instant::now(), Duration::ZERO)),
            (hold, Duration::ZERO)
        );
    }
}
