//! What a drag does to the strip: how finely it moves, and how it runs on when let go. Points and milliseconds.

/// Pulled up this far, a drag is four times as fine; twice as far, sixteen times.
const FINE: f64 = 80.0;

/// Part of the pointer's way that the strip goes, by how far the pointer was pulled up from where it went down.
pub fn fineness(up: f64) -> f64 {
    if up >= 2.0 * FINE {
        0.0625
    } else if up >= FINE {
        0.25
    } else {
        1.0
    }
}

/// Movement older than this says nothing about how fast the pointer was when it was let go.
const WINDOW: f64 = 100.0;
/// Speed falls to a third in about this time.
const TAU: f64 = 325.0;
/// Slower than this it stands (points a millisecond).
const STILL: f64 = 0.02;
/// Nobody can throw it faster than this.
const FASTEST: f64 = 8.0;

/// Where the strip was, in points from where it was taken hold of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub at: f64,
    pub x: f64,
}

/// Speed at the end of a drag; zero where the pointer had come to rest.
pub fn speed_of(samples: &[Sample], now: f64) -> f64 {
    let mut recent = samples.iter().filter(|sample| now - sample.at <= WINDOW);
    let (Some(first), Some(last)) = (recent.next(), samples.last()) else { return 0.0 };
    if last.at - first.at < 8.0 {
        return 0.0;
    }
    ((last.x - first.x) / (last.at - first.at)).clamp(-FASTEST, FASTEST)
}

/// How far it has run this long after it was let go at `speed`.
pub fn run_out(speed: f64, after: f64) -> f64 {
    speed * TAU * (1.0 - (-after / TAU).exp())
}

/// How long it runs.
pub fn runs(speed: f64) -> f64 {
    if speed.abs() <= STILL { 0.0 } else { TAU * (speed.abs() / STILL).ln() }
}
