//! A microphone that every machine has: 1 kHz at -12 dBFS, twice as loud while the test card flashes
//! ([`athome_shared::media::clock::beat`]), so that sound can be measured against picture.

use std::f32::consts::TAU;
use std::time::Instant;

use athome_shared::media::clock;
use athome_shared::time::MediaClock;

use super::{BLOCK, Opened, PcmBlock, RATE, Sink, Source, SourceError, Stop, sound_time};

/// Samples of one period: 1 kHz.
const PERIOD: u64 = 48;
/// -12 dBFS, and twice that.
const QUIET: f32 = 0.25;
const LOUD: f32 = 0.5;

/// The tone as a source, mono, in blocks of 20 ms. It never fails.
pub struct Tone {
    clock: MediaClock,
}

impl Tone {
    /// A tone whose beeps follow the wall time of `clock`.
    pub fn new(clock: MediaClock) -> Self {
        Self { clock }
    }

    /// The block whose sample 0 is the `first` since `start`.
    fn block(&self, start: Instant, first: u64) -> PcmBlock {
        let captured = start + sound_time(first);
        let samples = (first..first + BLOCK as u64)
            .map(|n| {
                let amplitude = if clock::beat(self.clock.wall(start + sound_time(n))) { LOUD } else { QUIET };
                amplitude * ((n % PERIOD) as f32 / PERIOD as f32 * TAU).sin()
            })
            .collect();
        PcmBlock { channels: 1, samples, captured, pts: self.clock.media(captured) }
    }
}

impl Source for Tone {
    fn run(&mut self, sink: &dyn Sink, stop: &Stop) -> Result<(), SourceError> {
        sink.opened(Opened::sound("Test tone"));
        let start = Instant::now();
        let mut first = 0;
        // A block is complete when its last sample has been heard, as a microphone's is.
        while !stop.sleep_until(start + sound_time(first + BLOCK as u64)) {
            sink.pcm(self.block(start, first));
            let heard = (start.elapsed().as_secs_f64() * f64::from(RATE)) as u64 / BLOCK as u64 * BLOCK as u64;
            // After a pause of the machine, what was missed is left out.
            first = (first + BLOCK as u64).max(heard.saturating_sub(MOST_BEHIND));
        }
        Ok(())
    }
}

/// Samples that are made up for after a pause: five blocks.
const MOST_BEHIND: u64 = 5 * BLOCK as u64;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use athome_shared::time::WallTime;

    use super::*;

    #[test]
    fn the_beep_is_where_the_flash_is() {
        let start = Instant::now();
        // The clock stands 40 ms before a full second: the beep starts at sample 1920.
        let tone = Tone::new(MediaClock::new(start, WallTime(4_960_000)));
        let samples: Vec<f32> = (0..9).flat_map(|n| tone.block(start, n * BLOCK as u64).samples.to_vec()).collect();
        let peak = |from: usize, to: usize| samples[from..to].iter().fold(0f32, |peak, v| peak.max(v.abs()));
        assert_eq!((peak(0, 1920), peak(1920, 1920 + 4800), peak(1920 + 4800, 8640)), (QUIET, LOUD, QUIET));
        assert!((samples[1960] - LOUD * (40.0 / 48.0 * TAU).sin()).abs() < 1e-5, "same phase throughout");
    }

    #[test]
    fn blocks_follow_each_other_without_a_gap() {
        let start = Instant::now();
        let tone = Tone::new(MediaClock::new(start, WallTime(0)));
        let (one, two) = (tone.block(start, 0), tone.block(start, BLOCK as u64));
        assert_eq!((one.channels, one.samples.len()), (1, 960));
        assert_eq!(two.pts.0 - one.pts.0, 1800);
        assert_eq!(two.captured - one.captured, Duration::from_millis(20));
    }
}
