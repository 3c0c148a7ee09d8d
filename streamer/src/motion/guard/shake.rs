//! Shake: the camera moves by some pixels, and every edge lights up. If a small shift of the empty scene explains much
//! of the difference, each cell may look like its neighbours for a while.

use super::super::grid::{CELLS, HEIGHT, Plane, WIDTH};
use super::super::wide::Wide;

/// Largest shift that is looked for, in cells; beyond it the camera was moved.
const REACH: isize = 3;
/// Rows and columns between the cells that are compared.
const EVERY: usize = 3;
/// A shift of whole cells must leave no more than this share of the difference …
const LEFT: f32 = 0.7;
/// … and a part of a cell, found by the slope of the picture (Lucas and Kanade 1981), must explain this much of its
/// square.
const EXPLAINED: f32 = 0.15;
/// Levels between neighbouring cells that make an edge.
const EDGE: u8 = 16;
/// A part of a cell below this is noise.
const LEAST: f32 = 0.06;

/// Whether foreground lies wherever there are edges, as when the camera moves, and not in one place, like a thing.
pub fn spread_out(strong: &Plane, mean: &Plane) -> bool {
    const ACROSS: usize = WIDTH / 10;
    const DOWN: usize = HEIGHT / 9;
    let (mut edged, mut touched) = (0, 0);
    for tile in 0..9 * 10 {
        let (left, top) = (tile % 10 * ACROSS, tile / 10 * DOWN);
        let rows = || (top..top + DOWN).map(|row| row * WIDTH + left..row * WIDTH + left + ACROSS);
        let edges = |row: std::ops::Range<usize>| mean[row].windows(2).any(|pair| pair[0].abs_diff(pair[1]) >= EDGE);
        if rows().any(edges) {
            edged += 1;
            touched += usize::from(rows().any(|row| strong[row].iter().any(|cell| *cell != 0)));
        }
    }
    edged >= 3 && touched * 2 >= edged
}

/// How far the picture has moved, in cells (rounded up to whole ones for the tolerance), if that explains it.
pub fn measure(now: &Plane, mean: &Plane) -> Option<usize> {
    let still = difference(now, mean, 0, 0);
    // Downhill, step by step: the difference has no other valley so near.
    let mut best = (still, 0isize, 0isize);
    for _ in 0..REACH {
        let (_, x, y) = best;
        for (dx, dy) in [(1, 0), (-1, 0), (0, 1), (0, -1)] {
            let (dx, dy) = (x + dx, y + dy);
            if dx.abs() <= REACH && dy.abs() <= REACH {
                let left = difference(now, mean, dx, dy);
                if left < best.0 {
                    best = (left, dx, dy);
                }
            }
        }
        if (best.1, best.2) == (x, y) {
            break;
        }
    }
    if (best.0 as f32) < LEFT * still as f32 {
        return Some(best.1.unsigned_abs().max(best.2.unsigned_abs()));
    }
    slope(now, mean).then_some(1)
}

fn difference(now: &Plane, mean: &Plane, dx: isize, dy: isize) -> u32 {
    let margin = REACH as usize;
    let mut sum = 0;
    for y in (margin..HEIGHT - margin).step_by(EVERY) {
        for x in (margin..WIDTH - margin).step_by(EVERY) {
            let at = y * WIDTH + x;
            let from = at.saturating_add_signed(dy * WIDTH as isize + dx);
            // Things in the picture do not outvote the rest of it.
            sum += u32::from(now[at].abs_diff(mean[from]).min(32));
        }
    }
    sum
}

/// Whether a shift by a part of a cell explains the difference.
fn slope(now: &Plane, mean: &Plane) -> bool {
    let (mut xx, mut xy, mut yy, mut xd, mut yd, mut dd) = (0f32, 0f32, 0f32, 0f32, 0f32, 0f32);
    let at = |i: usize| {
        let gx = (f32::from(mean[i + 1]) - f32::from(mean[i - 1])) * 0.5;
        let gy = (f32::from(mean[i + WIDTH]) - f32::from(mean[i - WIDTH])) * 0.5;
        (gx, gy, (f32::from(now[i]) - f32::from(mean[i])).clamp(-32.0, 32.0))
    };
    for i in (WIDTH + 1..CELLS - WIDTH - 1).step_by(7) {
        let (gx, gy, d) = at(i);
        xx += gx * gx;
        xy += gx * gy;
        yy += gy * gy;
        xd += gx * d;
        yd += gy * d;
        dd += d * d;
    }
    let det = xx * yy - xy * xy;
    if det <= 1e-3 * xx * yy || det <= 0.0 {
        return false;
    }
    let (dx, dy) = ((xd * yy - yd * xy) / det, (yd * xx - xd * xy) / det);
    if dx.abs().max(dy.abs()) < LEAST || dx.abs().max(dy.abs()) > 2.0 {
        return false;
    }
    // Of the squares of the differences, so that the noise of flat areas counts for little.
    dx * xd + dy * yd >= EXPLAINED * dd
}

/// How much each cell may differ when the picture has moved by `reach` cells: what its neighbourhood spans.
pub fn tolerance(wide: Wide, mean: &Plane, reach: usize, scratch: [&mut Plane; 2], out: &mut Plane) {
    let [low, high] = scratch;
    low.copy_from_slice(mean);
    high.copy_from_slice(mean);
    for _ in 0..reach.clamp(1, REACH as usize) {
        wide.run(|| extreme::<true>(low, out));
        low.copy_from_slice(out);
        wide.run(|| extreme::<false>(high, out));
        high.copy_from_slice(out);
    }
    wide.run(|| span(low, high, mean, out));
}

/// Least or largest of each 3x3.
#[inline(always)]
fn extreme<const LEAST: bool>(from: &Plane, out: &mut Plane) {
    out.copy_from_slice(from);
    let pick = |a: u8, b: u8| if LEAST { a.min(b) } else { a.max(b) };
    for i in WIDTH + 1..CELLS - WIDTH - 1 {
        let row = |i: usize| pick(pick(from[i - 1], from[i]), from[i + 1]);
        out[i] = pick(pick(row(i - WIDTH), row(i)), row(i + WIDTH));
    }
}

#[inline(always)]
fn span(low: &Plane, high: &Plane, mean: &Plane, out: &mut Plane) {
    for i in 0..CELLS {
        out[i] = (high[i] - mean[i]).max(mean[i] - low[i]);
    }
}
