//! Medians and percentiles of what was measured.

use std::time::Duration;

/// Milliseconds at a share (0.5 is the median) of what was measured; NaN of nothing.
pub fn at(share: f64, times: &[Duration]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let index = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(index).map_or(f64::NAN, |t| ms(*t))
}

/// Milliseconds, to a microsecond.
pub fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::at;

    #[test]
    fn shares_of_a_hundred() {
        let times: Vec<Duration> = (1..=101).rev().map(Duration::from_millis).collect();
        assert_eq!((at(0.5, &times), at(0.95, &times), at(1.0, &times)), (51.0, 96.0, 101.0));
        assert!(at(0.5, &[]).is_nan());
    }
}
