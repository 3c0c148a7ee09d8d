//! Sound of any rate and channel count to what the Opus encoder takes: 48 kHz, mono or stereo. A windowed sinc, kept in a
//! table of phases; good to about -70 dB, which is below what a camera's microphone hears.

use super::RATE;

/// Input samples that one output sample is made of, at least.
const TAPS: usize = 32;
/// Positions between two input samples that the table knows; between them it is interpolated.
const PHASES: usize = 128;
/// Rates taken, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;

/// One stream's converter. Feed it as sound comes; it keeps the few samples it needs across calls.
#[derive(Debug)]
pub(crate) struct Resampler {
    channels_in: usize,
    channels: usize,
    /// Input samples for each output sample.
    step: f64,
    taps: usize,
    /// `PHASES + 1` rows of `taps`; empty where the rate is right already.
    table: Vec<f32>,
    /// For each output channel, input from `position`'s first tap on.
    history: Vec<Vec<f32>>,
    position: f64,
}

impl Resampler {
    /// From `rate` Hz and `channels_in` channels (beyond two, the first two are kept). `None` for a rate outside of 4 to
    /// 384 kHz or no channels.
    pub(crate) fn new(rate: u32, channels_in: usize) -> Option<Self> {
        if !RATES.contains(&rate) || channels_in == 0 {
            return None;
        }
        let step = f64::from(rate) / f64::from(RATE);
        let taps = ((TAPS as f64 * step.max(1.0)) as usize).next_multiple_of(2);
        let table = if rate == RATE { Vec::new() } else { sinc_table(taps, step.max(1.0).recip()) };
        let channels = channels_in.min(2);
        Some(Self {
            channels_in,
            channels,
            step,
            taps,
            table,
            history: vec![vec![0.0; taps / 2]; channels],
            position: 0.0,
        })
    }

    /// Channels that come out: 1 or 2.
    pub(crate) fn channels(&self) -> u8 {
        self.channels as u8
    }

    /// Converts interleaved `input` and appends what it gives, interleaved, to `output`. An incomplete last sample is
    /// left out.
    pub(crate) fn push(&mut self, input: &[f32], output: &mut Vec<f32>) {
        if self.table.is_empty() {
            output.extend(input.chunks_exact(self.channels_in).flat_map(|sample| &sample[..self.channels]));
            return;
        }
        for sample in input.chunks_exact(self.channels_in) {
            for (history, value) in self.history.iter_mut().zip(sample) {
                history.push(*value);
            }
        }
        let held = self.history.first().map_or(0, Vec::len);
        while self.position as usize + self.taps <= held {
            let whole = self.position as usize;
            let phase = (self.position - whole as f64) * PHASES as f64;
            let (row, between) = (phase as usize, (phase - phase.floor()) as f32);
            let (this, next) = (&self.table[row * self.taps..], &self.table[(row + 1) * self.taps..]);
            for history in &self.history {
                let window = &history[whole..whole + self.taps];
                let value = window.iter().zip(this).zip(next).map(|((v, a), b)| v * (a + (b - a) * between)).sum();
                output.push(value);
            }
            self.position += self.step;
        }
        let used = (self.position as usize).min(held);
        for history in &mut self.history {
            history.drain(..used);
        }
        self.position -= used as f64;
    }
}

/// Rows of a Blackman-windowed sinc, each summing to 1, for positions 0 to 1 between two samples.
fn sinc_table(taps: usize, cutoff: f64) -> Vec<f32> {
    // A little below half the lower rate, so that the filter's slope ends where aliasing would begin.
    let cutoff = cutoff * 0.92;
    let mut table = Vec::with_capacity((PHASES + 1) * taps);
    for phase in 0..=PHASES {
        let row: Vec<f64> = (0..taps)
            .map(|tap| {
                let x = tap as f64 - (taps / 2 - 1) as f64 - phase as f64 / PHASES as f64;
                let angle = std::f64::consts::PI * x;
                let sinc = if x == 0.0 { cutoff } else { (angle * cutoff).sin() / angle };
                let turn = std::f64::consts::TAU * (x / taps as f64);
                sinc * (0.42 + 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos())
            })
            .collect();
        let sum: f64 = row.iter().sum();
        table.extend(row.iter().map(|value| (value / sum) as f32));
    }
    table
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn sine(rate: u32, hertz: f64, seconds: f64) -> Vec<f32> {
        let samples = (f64::from(rate) * seconds) as usize;
        (0..samples).map(|n| (TAU * hertz * n as f64 / f64::from(rate)).sin() as f32 * 0.5).collect()
    }

    fn convert(rate: u32, input: &[f32], piece: usize) -> Vec<f32> {
        let mut resampler = Resampler::new(rate, 1).unwrap();
        let mut output = Vec::new();
        input.chunks(piece).for_each(|piece| resampler.push(piece, &mut output));
        output
    }

    /// Largest difference from the best-fitting sine of that frequency, and that sine's amplitude.
    fn fit(samples: &[f32], hertz: f64) -> (f64, f64) {
        let angle = |n: usize| TAU * hertz * n as f64 / f64::from(RATE);
        let (mut sin, mut cos) = (0.0, 0.0);
        for (n, v) in samples.iter().enumerate() {
            sin += f64::from(*v) * angle(n).sin() * 2.0 / samples.len() as f64;
            cos += f64::from(*v) * angle(n).cos() * 2.0 / samples.len() as f64;
        }
        let off = samples.iter().enumerate().map(|(n, v)| f64::from(*v) - sin * angle(n).sin() - cos * angle(n).cos());
        (off.fold(0.0, |most: f64, off| most.max(off.abs())), sin.hypot(cos))
    }

    #[test]
    fn a_tone_stays_itself_at_every_usual_rate() {
        for rate in [8_000, 16_000, 22_050, 44_100, 96_000] {
            let output = convert(rate, &sine(rate, 1000.0, 0.5), 333);
            assert!((output.len() as f64 - 24_000.0).abs() < 300.0, "{rate}: {}", output.len());
            let (off, amplitude) = fit(&output[2400..2400 + 19_200], 1000.0);
            assert!(off < 0.002 && (amplitude - 0.5).abs() < 0.002, "{rate}: off by {off}, amplitude {amplitude}");
        }
    }

    #[test]
    fn what_48_khz_cannot_hold_is_removed() {
        let output = convert(96_000, &sine(96_000, 30_000.0, 0.2), 960);
        assert!(output[1000..].iter().all(|v| v.abs() < 0.002));
    }

    #[test]
    fn the_pieces_do_not_matter() {
        let input = sine(44_100, 440.0, 0.1);
        let (small, large) = (convert(44_100, &input, 1), convert(44_100, &input, 4410));
        assert!(small.len() == large.len() && small.len() > 4000);
        assert!(small.iter().zip(&large).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn six_channels_become_two_and_the_right_rate_is_passed_on() {
        let mut output = Vec::new();
        let mut resampler = Resampler::new(48_000, 6).unwrap();
        resampler.push(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 0.0, 0.0, 0.0, 9.9], &mut output);
        assert_eq!((resampler.channels(), output), (2, vec![1.0, 2.0, 7.0, 8.0]));
        assert!(Resampler::new(0, 1).is_none() && Resampler::new(48_000, 0).is_none());
    }
}
