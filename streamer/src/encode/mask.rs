//! Privacy: parts of the picture that are black before it is encoded, so that nobody ever sees them.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::convert::Picture;
use super::polygon::{Corner, spans};
use crate::decode::pool::Pool;

/// What is private, as polygons. Changed while the camera runs; the next picture obeys.
#[derive(Debug, Default)]
pub struct Private(ArcSwap<Vec<Vec<Corner>>>);

impl Private {
    /// Other parts from now on.
    pub fn set(&self, polygons: Vec<Vec<Corner>>) {
        self.0.store(Arc::new(polygons));
    }

    /// Nothing is private.
    pub fn is_empty(&self) -> bool {
        self.0.load().is_empty()
    }
}

/// Paints black. Each thread that does has its own.
#[derive(Debug)]
pub struct Blackout {
    private: Arc<Private>,
    pool: Pool,
    made_for: Arc<Vec<Vec<Corner>>>,
    size: (u32, u32),
    /// Row, first pixel, pixel beyond the last.
    runs: Vec<[usize; 3]>,
}

impl Blackout {
    /// For what is private now and later.
    pub fn new(private: Arc<Private>) -> Self {
        Self { private, pool: Pool::default(), made_for: Arc::default(), size: (0, 0), runs: Vec::new() }
    }

    /// The picture without its private parts. Costs nothing where there are none, and a copy where there are: others
    /// hold the original.
    pub fn apply(&mut self, picture: Picture) -> Picture {
        let polygons = self.private.0.load_full();
        if polygons.is_empty() {
            return picture;
        }
        let size = (picture.width, picture.height);
        if size != self.size || !Arc::ptr_eq(&polygons, &self.made_for) {
            self.runs = runs(&polygons, size);
            (self.size, self.made_for) = (size, polygons);
        }
        let mut out = self.pool.take(picture.data.len());
        out.copy_from_slice(&picture.data);
        let (width, luma) = (size.0 as usize, size.0 as usize * size.1 as usize);
        let (cw, ch) = picture.chroma_size();
        for &[row, from, to] in &self.runs {
            blacken(&mut out, row * width + from..row * width + to, 16);
            for plane in [luma, luma + cw * ch] {
                let start = plane + row / 2 * cw;
                blacken(&mut out, start + from / 2..start + to.div_ceil(2), 128);
            }
        }
        Picture { data: out.freeze(), ..picture }
    }
}

fn blacken(out: &mut [u8], range: std::ops::Range<usize>, value: u8) {
    if let Some(pixels) = out.get_mut(range) {
        pixels.fill(value);
    }
}

/// The pixels that the polygons touch: rather one too many than one too few.
fn runs(polygons: &[Vec<Corner>], (width, height): (u32, u32)) -> Vec<[usize; 3]> {
    let mut runs = Vec::new();
    for polygon in polygons {
        for row in 0..height {
            let at = |part: f32| (row as f32 + part) / height as f32;
            // What no edge comes through is inside as a whole or not at all: the middle tells.
            let inside = spans(polygon, at(0.5)).into_iter();
            let edges = (0..polygon.len()).filter_map(|n| {
                let (one, other) = (polygon[n], polygon[(n + 1) % polygon.len()]);
                reach(one, other, at(0.0), at(1.0))
            });
            for [from, to] in inside.chain(edges) {
                let from = (from * width as f32).floor().clamp(0.0, width as f32) as usize;
                let to = (to * width as f32).ceil().clamp(0.0, width as f32) as usize;
                if from < to {
                    runs.push([row as usize, from, to]);
                }
            }
        }
    }
    runs
}

/// From where to where across an edge comes through the rows between `top` and `bottom`.
fn reach((x1, y1): Corner, (x2, y2): Corner, top: f32, bottom: f32) -> Option<[f32; 2]> {
    if y1.max(y2) < top || y1.min(y2) > bottom {
        return None;
    }
    let across = |y: f32| x1 + (y.clamp(top, bottom) - y1) / (y2 - y1) * (x2 - x1);
    let (a, b) = if y1 == y2 { (x1, x2) } else { (across(y1), across(y2)) };
    Some([a.min(b), a.max(b)])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use athome_shared::time::MediaTime;

    use super::{Blackout, Private};
    use crate::decode::i420_len;
    use crate::encode::convert::Picture;

    fn grey(width: u32, height: u32) -> Picture {
        let data = vec![90; i420_len(width as usize, height as usize)].into();
        Picture { width, height, data, captured: Instant::now(), pts: MediaTime(0) }
    }

    #[test]
    fn what_is_private_is_black_in_all_planes_and_the_rest_untouched() {
        let private = Arc::new(Private::default());
        let mut blackout = Blackout::new(private.clone());
        // Control: without a mask nothing is.
        assert!(blackout.apply(grey(64, 48)).data.iter().all(|v| *v == 90));
        private.set(vec![vec![(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)]]);
        for (width, height) in [(64, 48), (65, 49), (16, 16)] {
            let original = grey(width, height);
            let masked = blackout.apply(original.clone());
            let [y, u, v] = masked.planes();
            let inside = |at: f32| (0.25..0.75).contains(&at);
            for (i, luma) in y.iter().enumerate() {
                let (x, row) = (i as u32 % width, i as u32 / width);
                let centre = ((x as f32 + 0.5) / width as f32, (row as f32 + 0.5) / height as f32);
                if inside(centre.0) && inside(centre.1) {
                    assert_eq!(*luma, 16, "{x},{row} of {width}x{height}");
                }
            }
            assert_eq!((y[0], u[0], v[0]), (90, 90, 90));
            let (cw, ch) = masked.chroma_size();
            assert_eq!((u[ch / 2 * cw + cw / 2], v[ch / 2 * cw + cw / 2]), (128, 128));
            assert!(original.data.iter().all(|v| *v == 90), "what others hold stays as it is");
        }
        private.set(Vec::new());
        assert!(blackout.apply(grey(64, 48)).data.iter().all(|v| *v == 90), "taken back at once");
    }

    #[test]
    fn a_mask_thinner_than_a_row_still_hides_its_pixels() {
        let private = Arc::new(Private::default());
        private.set(vec![vec![(0.0, 0.501), (1.0, 0.502), (1.0, 0.503)]]);
        let masked = Blackout::new(private).apply(grey(64, 48));
        assert!(masked.planes()[0][24 * 64..25 * 64].iter().all(|luma| *luma == 16), "as wide as it is");
        assert!(masked.planes()[0][..24 * 64].iter().all(|luma| *luma == 90));
    }
}
