//! What a decoded sound holds: its level, its strongest tone, and where a beep begins. Pure; for the figures of the
//! headless viewer.

use std::f64::consts::TAU;

/// Power of one frequency in a block, by Goertzel's algorithm: amplitude squared of a sine of that frequency.
pub fn power_at(samples: &[f32], rate: u32, hz: f64) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let coefficient = 2.0 * (TAU * hz / f64::from(rate)).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for &sample in samples {
        let zero = f64::from(sample) + coefficient * one - two;
        two = one;
        one = zero;
    }
    let power = one * one + two * two - coefficient * one * two;
    4.0 * power / (samples.len() as f64 * samples.len() as f64)
}

/// The strongest tone between 50 Hz and 4 kHz, to a hertz; `None` in silence. For blocks of about a second.
pub fn strongest_hz(samples: &[f32], rate: u32) -> Option<f64> {
    if level_dbfs(samples)? < -70.0 {
        return None;
    }
    let best = |range: std::ops::RangeInclusive<u32>, step: usize, samples: &[f32]| {
        range
            .step_by(step)
            .map(|hz| (f64::from(hz), power_at(samples, rate, f64::from(hz))))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(hz, _)| hz)
    };
    // Coarse on a short block, whose bins are 20 Hz wide, then fine on all of it.
    let short = samples.get(..samples.len().min(rate as usize / 20))?;
    let coarse = best(50..=4_000, 10, short)? as u32;
    best(coarse.saturating_sub(20).max(50)..=coarse + 20, 1, samples)
}

/// Level of a block against a full-scale square wave, in dB; `None` for an empty block.
pub fn level_dbfs(samples: &[f32]) -> Option<f64> {
    if samples.is_empty() {
        return None;
    }
    let square: f64 = samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum();
    Some((10.0 * (square / samples.len() as f64).max(1e-12).log10()).max(-120.0))
}

#[cfg(test)]
mod tests {
    use super::{level_dbfs, strongest_hz};

    fn sine(hz: f64, amplitude: f64, seconds: f64) -> Vec<f32> {
        let n = (48_000.0 * seconds) as usize;
        (0..n).map(|i| (amplitude * (std::f64::consts::TAU * hz * i as f64 / 48_000.0).sin()) as f32).collect()
    }

    #[test]
    fn a_tone_is_found_to_a_hertz_among_noise() {
        for hz in [60.0, 440.0, 1_000.0, 3_437.0] {
            let mut samples = sine(hz, 0.25, 1.0);
            let mut random = 1_u32;
            for sample in &mut samples {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *sample += (f64::from(random) / f64::from(u32::MAX) - 0.5) as f32 * 0.1;
            }
            let found = strongest_hz(&samples, 48_000).unwrap();
            assert!((found - hz).abs() <= 1.0, "{hz}: {found}");
        }
    }

    #[test]
    fn silence_has_no_tone_and_levels_are_right() {
        assert_eq!(strongest_hz(&[0.0; 48_000], 48_000), None);
        assert!((level_dbfs(&sine(1_000.0, 0.5, 1.0)).unwrap() + 9.03).abs() < 0.05);
        assert_eq!(level_dbfs(&[]), None);
    }
}
