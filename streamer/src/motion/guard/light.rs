//! Light: exposure, gain, sun behind clouds and lamps follow a curve of tones, the same for the whole picture. The
//! curve is measured on a part of the cells, as the median change of the cells of like brightness, so that a thing in
//! the picture does not bend it. Light that falls on a part of the picture only keeps that part's texture, which
//! [`is_light`] looks for.

use super::super::blobs::Blob;
use super::super::grid::{CELLS, Plane};

/// Every so many cells are measured: prime to the width, so that they spread over all columns.
const EVERY: usize = 23;
/// Bins of brightness.
const BINS: usize = 16;
/// Cells that a bin needs to count.
const FEWEST: usize = 6;
/// Share of a bin's cells that must agree with its median: a curve, not a thing in front of it.
const AGREEING: f32 = 0.6;
/// A curve is worth applying when it explains this share of the difference …
const EXPLAINED: f32 = 0.25;
/// … and this many levels of it.
const WORTH: f32 = 0.5;
/// Texture that survives is light. Correlation of the blob's cells with the empty scene.
const CORRELATED: f32 = 0.85;
/// Below this deviation, in levels, there is no texture to judge by.
const TEXTURE: f32 = 3.0;

/// A change of light.
#[derive(Clone, Debug)]
pub struct Tones {
    /// What each old tone looks like now.
    pub curve: [u8; 256],
    /// Mean change, in levels.
    pub step: f32,
}

/// The curve that leads from the empty scene to this picture, if it is worth applying.
pub fn measure(now: &Plane, mean: &Plane) -> Option<Tones> {
    let mut bins: [Vec<i16>; BINS] = Default::default();
    let mut before = 0u32;
    let mut count = 0u32;
    for i in (0..CELLS).step_by(EVERY) {
        let change = i16::from(now[i]) - i16::from(mean[i]);
        before += u32::from(change.unsigned_abs());
        count += 1;
        bins[usize::from(mean[i] >> 4)].push(change);
    }
    if (before as f32) < WORTH * count as f32 {
        return None;
    }
    // (centre of the bin, change), where there is one.
    let mut knots: Vec<(f32, f32)> = Vec::new();
    let (mut seen, mut agreed) = (0, 0.0);
    for (n, bin) in bins.iter_mut().enumerate() {
        if bin.len() < FEWEST {
            continue;
        }
        seen += bin.len();
        bin.sort_unstable();
        let median = bin[bin.len() / 2];
        let wide = 3 + median.abs() / 4;
        let agreeing = bin.iter().filter(|change| (**change - median).abs() <= wide).count();
        if agreeing as f32 >= AGREEING * bin.len() as f32 {
            agreed += bin.len() as f32;
            knots.push((n as f32 * 16.0 + 8.0, f32::from(median)));
        }
    }
    if knots.is_empty() || agreed < 0.5 * seen as f32 {
        return None;
    }
    let curve: [u8; 256] = std::array::from_fn(|tone| {
        let tone = tone as f32;
        (tone + interpolate(&knots, tone) + 0.5).clamp(0.0, 255.0) as u8
    });
    let (mut after, mut step) = (0u32, 0i32);
    for i in (0..CELLS).step_by(EVERY) {
        let toned = curve[usize::from(mean[i])];
        after += u32::from(now[i].abs_diff(toned));
        step += i32::from(toned) - i32::from(mean[i]);
    }
    let gained = before as f32 - after as f32;
    (gained >= EXPLAINED * before as f32 && gained >= WORTH * count as f32)
        .then(|| Tones { curve, step: step as f32 / count as f32 })
}

/// Between the knots in a straight line, beyond them as at the last.
fn interpolate(knots: &[(f32, f32)], tone: f32) -> f32 {
    let after = knots.partition_point(|knot| knot.0 < tone);
    match (knots.get(after.wrapping_sub(1)), knots.get(after)) {
        (Some(a), Some(b)) => a.1 + (b.1 - a.1) * (tone - a.0) / (b.0 - a.0),
        (Some(end), None) | (None, Some(end)) => end.1,
        (None, None) => 0.0,
    }
}

/// Whether a blob is light on the empty scene: what is to be seen there is still to be seen, brighter or darker.
pub fn is_light(blob: &Blob, now: &Plane, mean: &Plane) -> bool {
    let (mut n, mut sx, mut sy, mut sxx, mut syy, mut sxy) = (0.0f32, 0.0f32, 0.0f32, 0.0f32, 0.0f32, 0.0f32);
    for cell in blob.cells() {
        let (x, y) = (f32::from(mean[cell]), f32::from(now[cell]));
        n += 1.0;
        sx += x;
        sy += y;
        sxx += x * x;
        syy += y * y;
        sxy += x * y;
    }
    let (vx, vy, cov) = (sxx / n - (sx / n).powi(2), syy / n - (sy / n).powi(2), sxy / n - sx / n * (sy / n));
    vx > TEXTURE * TEXTURE && vy > 0.0 && cov > CORRELATED * (vx * vy).sqrt()
}
