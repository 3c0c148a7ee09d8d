//! From a picture's luma to the grid. Each cell is the mean of the pixels it covers; a picture smaller than the grid
//! lends a pixel to several cells.

use super::grid::{CELLS, HEIGHT, Plane, WIDTH};
use super::wide::Wide;

/// Largest side that is looked at; beyond it nothing that we know of makes pictures.
const LARGEST: usize = 16_384;
/// Rows of a cell that are read at most: more of them take longer and hardly lower the noise.
const MOST_ROWS: usize = 8;

/// Where the luma lies in a picture's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub width: usize,
    pub height: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Bytes from one pixel to the next: 1 for a plane, 2 for packed YUYV.
    pub step: usize,
}

/// Shrinks pictures. Keeps its scratch memory.
#[derive(Debug)]
pub struct Sampler {
    wide: Wide,
    columns: Vec<u16>,
}

impl Sampler {
    /// With this way of running loops.
    pub fn new(wide: Wide) -> Self {
        Self { wide, columns: Vec::new() }
    }

    /// Fills `out`; false (and nothing filled) if the bytes are not a picture of this layout.
    pub fn sample(&mut self, luma: &[u8], layout: Layout, out: &mut Plane) -> bool {
        let Layout { width, height, stride, step } = layout;
        if width == 0 || height == 0 || width > LARGEST || height > LARGEST || !(1..=2).contains(&step) {
            return false;
        }
        let Some(needed) = stride.checked_mul(height - 1).and_then(|n| n.checked_add((width - 1) * step + 1)) else {
            return false;
        };
        if stride < (width - 1) * step + 1 || luma.len() < needed {
            return false;
        }
        if step == 1 && width == WIDTH * 8 && height == HEIGHT * 8 {
            self.eighths(luma, stride, out);
        } else {
            self.any(luma, layout, out);
        }
        true
    }

    /// 1280x720, the usual size, by a loop of its own.
    fn eighths(&mut self, luma: &[u8], stride: usize, out: &mut Plane) {
        let mut sums = [0u16; WIDTH];
        for (n, out) in out.as_chunks_mut::<WIDTH>().0.iter_mut().enumerate() {
            self.wide.sum_8x8(&luma[n * 8 * stride..], stride, &mut sums);
            self.wide.run(|| quarter_quarter(&sums, out));
        }
    }

    fn any(&mut self, luma: &[u8], Layout { width, height, stride, step }: Layout, out: &mut Plane) {
        let bytes = (width - 1) * step + 1;
        self.columns.resize(bytes, 0);
        let columns = &mut self.columns[..bytes];
        for (n, out) in out.as_chunks_mut::<WIDTH>().0.iter_mut().enumerate() {
            let (top, bottom) = span(n, HEIGHT, height);
            let skip = (bottom - top).div_ceil(MOST_ROWS);
            columns.fill(0);
            let mut rows = 0;
            for row in (top..bottom).step_by(skip) {
                self.wide.run(|| add(columns, &luma[row * stride..][..bytes]));
                rows += 1;
            }
            for (x, out) in out.iter_mut().enumerate() {
                let (left, right) = span(x, WIDTH, width);
                let sum: u32 =
                    columns[left * step..].iter().step_by(step).take(right - left).map(|&c| u32::from(c)).sum();
                let area = (rows * (right - left)) as u32;
                *out = ((sum + area / 2) / area) as u8;
            }
        }
        debug_assert_eq!(out.len(), CELLS);
    }
}

/// The pixels of cell `n` of `of`, at least one.
fn span(n: usize, of: usize, pixels: usize) -> (usize, usize) {
    let first = n * pixels / of;
    (first, ((n + 1) * pixels / of).max(first + 1))
}

#[inline(always)]
fn add(columns: &mut [u16], row: &[u8]) {
    for (column, pixel) in columns.iter_mut().zip(row) {
        *column += u16::from(*pixel);
    }
}

/// Sums of 64 pixels as means.
#[inline(always)]
fn quarter_quarter(sums: &[u16; WIDTH], out: &mut [u8; WIDTH]) {
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = ((sum + 32) >> 6) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::super::grid::{CELLS, HEIGHT, WIDTH, plane};
    use super::super::wide::Wide;
    use super::{Layout, Sampler, span};

    fn noise(len: usize) -> Vec<u8> {
        let mut seed = 0x2545_f491u32;
        std::iter::repeat_with(|| {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            seed as u8
        })
        .take(len)
        .collect()
    }

    #[test]
    fn each_cell_is_the_mean_of_its_pixels_on_every_processor() {
        for (width, height, pad) in [(1280, 720, 0), (1280, 720, 64), (640, 480, 3), (1921, 1081, 1), (768, 432, 0)] {
            let layout = Layout { width, height, stride: width + pad, step: 1 };
            let luma = noise(layout.stride * height);
            let (mut wide, mut portable) = (plane(0), plane(0));
            assert!(Sampler::new(Wide::widest()).sample(&luma, layout, &mut wide));
            assert!(Sampler::new(Wide::portable()).sample(&luma, layout, &mut portable));
            assert_eq!(wide, portable, "{layout:?}");
            for cell in [0, 77, CELLS / 2 + 80, CELLS - 1] {
                let (top, bottom) = span(cell / WIDTH, HEIGHT, height);
                let (left, right) = span(cell % WIDTH, WIDTH, width);
                let skip = (bottom - top).div_ceil(8);
                let of = |row: usize| &luma[row * layout.stride..][left..right];
                let sum: usize = (top..bottom).step_by(skip).flat_map(of).map(|&v| usize::from(v)).sum();
                let area = (top..bottom).step_by(skip).count() * (right - left);
                assert_eq!(usize::from(wide[cell]), (sum + area / 2) / area, "{layout:?} cell {cell}");
            }
        }
    }

    #[test]
    fn packed_luma_is_the_same_as_a_plane_of_it() {
        let luma = noise(640 * 360);
        let packed: Vec<u8> = luma.iter().flat_map(|&y| [y, 200]).collect();
        let (mut of_plane, mut of_packed) = (plane(0), plane(0));
        let mut sampler = Sampler::new(Wide::widest());
        assert!(sampler.sample(&luma, Layout { width: 640, height: 360, stride: 640, step: 1 }, &mut of_plane));
        assert!(sampler.sample(&packed, Layout { width: 640, height: 360, stride: 1280, step: 2 }, &mut of_packed));
        assert_eq!(of_plane, of_packed);
    }

    #[test]
    fn hostile_sizes_are_refused_or_looked_at_and_never_panic() {
        let bytes = noise(70_000);
        let mut out = plane(0);
        let mut sampler = Sampler::new(Wide::widest());
        let mut taken = Vec::new();
        for width in [0, 1, 2, 159, 160, 161, 16_384, 65_535, usize::MAX] {
            for height in [0, 1, 2, 89, 90, 91, 65_535, usize::MAX] {
                for stride in [0, 1, width, width.saturating_add(1), usize::MAX] {
                    for step in [0, 1, 2, 3] {
                        if sampler.sample(&bytes, Layout { width, height, stride, step }, &mut out) {
                            taken.push((width, height));
                        }
                    }
                }
            }
        }
        assert!(taken.contains(&(1, 1)) && taken.contains(&(161, 91)) && taken.contains(&(16_384, 1)));
        assert!(taken.iter().all(|&(w, h)| (1..=16_384).contains(&w) && (1..=91).contains(&h)), "{taken:?}");
    }
}
