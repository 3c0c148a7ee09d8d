//! The clock in the test card's picture: cells of black and white that a program can read back from a decoded frame, to
//! measure the time from capture to screen and to tell one test camera from another.
//!
//! The picture's width is divided into 40 cells; they are as high as they are wide. White (luma 235) is 1, black (16) is
//! 0, the most significant bit comes first.
//!
//! ```text
//!  cell    0                              31 32            39
//! row 0   |  Unix time in 0.1 ms, mod 2^32  |  check, 8 bits |
//! row 1   | mark, 8 bits | its inverse, 8 bits |   black     |
//! ```
//!
//! The check is `(v ^ v>>8 ^ v>>16 ^ v>>24 ^ 0xA5) & 0xff`: it always holds both colours together with the time, so that
//! a reader can find its threshold in the row itself, whatever scaling, range or coding did to the picture.
//!
//! Three cells wide and high, at cell 36 of row 2, lies a square that is white while the test tone is loud ([`beat`]): with
//! it a program measures picture against sound.

use crate::time::WallTime;

/// Cells in a row.
pub const CELLS: usize = 40;
/// Luma of a 1.
pub const WHITE: u8 = 235;
/// Luma of a 0.
pub const BLACK: u8 = 16;

const CLOCK_ROW: usize = 0;
const MARK_ROW: usize = 1;
const MARK_CELLS: usize = 16;
const FLASH_ROW: usize = 2;
const FLASH_COLUMN: usize = 36;
const FLASH_CELLS: usize = 3;
/// How long flash and beep last, from each full second of wall time.
const BEAT_US: i64 = 100_000;
/// Brightest and darkest cell of a row are at least this far apart, or there is no clock.
const LEAST_CONTRAST: u32 = 48;

/// What the clock shows at `wall`: tenths of a millisecond, modulo 2^32 (it comes round every five days).
pub fn ticks(wall: WallTime) -> u32 {
    wall.0.div_euclid(100) as u32
}

/// Time from the clock reading `earlier` to `later` in tenths of a millisecond; negative where they are the other way.
pub fn ticks_between(earlier: u32, later: u32) -> i32 {
    later.wrapping_sub(earlier) as i32
}

/// Whether the test card flashes and the test tone is loud at `wall`: in the first 100 ms of each second.
pub fn beat(wall: WallTime) -> bool {
    wall.0.rem_euclid(1_000_000) < BEAT_US
}

/// Height of a row of cells, and width of a cell (to a pixel), in luma samples.
pub fn cell_size(width: usize) -> usize {
    (width / CELLS).max(1)
}

/// Writes row 0 into a luma plane. A plane too small for the row is left as it is.
pub fn write_clock(luma: &mut [u8], stride: usize, width: usize, ticks: u32) {
    let bits = (u64::from(ticks) << 8) | u64::from(check(ticks));
    write_row(luma, stride, width, CLOCK_ROW, bits, CELLS);
}

/// Writes row 1, the number of a camera, into a luma plane. A plane too small for the row is left as it is.
pub fn write_mark(luma: &mut [u8], stride: usize, width: usize, mark: u8) {
    let bits = (u64::from(mark) << 8) | u64::from(!mark);
    write_row(luma, stride, width, MARK_ROW, bits << (CELLS - MARK_CELLS), CELLS);
}

/// Reads row 0 of a decoded picture of any size: the time in tenths of a millisecond modulo 2^32 ([`ticks`]), or `None`
/// where there is no clock or it can't be read with certainty. `luma` may be any brightness-like plane (Y or green);
/// `stride` is its row length in bytes.
pub fn read_clock(luma: &[u8], stride: usize, width: usize, height: usize) -> Option<u32> {
    let bits = read_row::<CELLS>(luma, stride, width, height, CLOCK_ROW)?;
    let ticks = (bits >> 8) as u32;
    (check(ticks) == bits as u8).then_some(ticks)
}

/// Reads row 1 of a decoded picture: the number of the test camera that made it; `None` as in [`read_clock`].
pub fn read_mark(luma: &[u8], stride: usize, width: usize, height: usize) -> Option<u8> {
    let bits = read_row::<MARK_CELLS>(luma, stride, width, height, MARK_ROW)?;
    let mark = (bits >> 8) as u8;
    (!mark == bits as u8).then_some(mark)
}

/// Writes the square of the flash. A plane too small for it is left as it is where it is missing.
pub fn write_flash(luma: &mut [u8], stride: usize, width: usize, lit: bool) {
    let colour = if lit { WHITE } else { BLACK };
    let (left, right) = (edge(width, FLASH_COLUMN), edge(width, FLASH_COLUMN + FLASH_CELLS));
    let (top, bottom) = (FLASH_ROW * cell_size(width), (FLASH_ROW + FLASH_CELLS) * cell_size(width));
    for line in luma.chunks_exact_mut(stride.max(1)).skip(top).take(bottom - top) {
        if let Some(run) = line.get_mut(left..right) {
            run.fill(colour);
        }
    }
}

/// Whether the flash of a decoded picture is lit; `None` where the picture holds no clock.
pub fn read_flash(luma: &[u8], stride: usize, width: usize, height: usize) -> Option<bool> {
    read_clock(luma, stride, width, height)?;
    let across = (edge(width, FLASH_COLUMN), edge(width, FLASH_COLUMN + FLASH_CELLS));
    let down = (edge(width, FLASH_ROW), edge(width, FLASH_ROW + FLASH_CELLS));
    Some(middle_mean(luma, stride, across, down)? > u32::from(WHITE / 2 + BLACK / 2))
}

fn check(v: u32) -> u8 {
    (v ^ (v >> 8) ^ (v >> 16) ^ (v >> 24) ^ 0xA5) as u8
}

/// First sample of a cell, or one past the last of the cell before.
fn edge(width: usize, cell: usize) -> usize {
    cell * width / CELLS
}

fn write_row(luma: &mut [u8], stride: usize, width: usize, row: usize, bits: u64, cells: usize) {
    let side = cell_size(width);
    for line in luma.chunks_exact_mut(stride.max(1)).skip(row * side).take(side) {
        for cell in 0..cells {
            let colour = if bits >> (cells - 1 - cell) & 1 == 1 { WHITE } else { BLACK };
            if let Some(run) = line.get_mut(edge(width, cell)..edge(width, cell + 1)) {
                run.fill(colour);
            }
        }
    }
}

/// The first `N` cells of a row as bits.
fn read_row<const N: usize>(luma: &[u8], stride: usize, width: usize, height: usize, row: usize) -> Option<u64> {
    if width < CELLS || stride < width {
        return None;
    }
    // The height of a row follows the exact width, as rounding to whole pixels would add up.
    let (top, bottom) = (edge(width, row), edge(width, row + 1));
    if bottom > height {
        return None;
    }
    let mut levels = [0u32; N];
    for (cell, level) in levels.iter_mut().enumerate() {
        let (left, right) = (edge(width, cell), edge(width, cell + 1));
        *level = middle_mean(luma, stride, (left, right), (top, bottom))?;
    }
    let (least, most) = (*levels.iter().min()?, *levels.iter().max()?);
    if most - least < LEAST_CONTRAST {
        return None;
    }
    let threshold = (least + most) / 2;
    Some(levels.iter().fold(0, |bits, &level| bits << 1 | u64::from(level > threshold)))
}

/// Mean of the middle half of a cell, of at least one sample.
fn middle_mean(luma: &[u8], stride: usize, across: (usize, usize), down: (usize, usize)) -> Option<u32> {
    let middle = |(from, to): (usize, usize)| {
        let quarter = (to - from) / 4;
        from + quarter..(to - quarter).max(from + quarter + 1)
    };
    let (columns, rows) = (middle(across), middle(down));
    let mut sum = 0u32;
    for row in rows.clone() {
        let start = row.checked_mul(stride)?;
        let run = luma.get(start.checked_add(columns.start)?..start.checked_add(columns.end)?)?;
        sum += run.iter().map(|&v| u32::from(v)).sum::<u32>();
    }
    Some(sum / (columns.len() * rows.len()) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grey picture with both rows, rows `pad` bytes longer than the picture.
    fn card(width: usize, height: usize, pad: usize, ticks: u32, mark: u8) -> Vec<u8> {
        let stride = width + pad;
        let mut luma = vec![120; stride * height];
        write_clock(&mut luma, stride, width, ticks);
        write_mark(&mut luma, stride, width, mark);
        luma
    }

    /// Means of 2x2 samples.
    fn half(luma: &[u8], width: usize, height: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for y in 0..height / 2 {
            for x in 0..width / 2 {
                let at = |dx, dy| u32::from(luma[(2 * y + dy) * width + 2 * x + dx]);
                out.push(((at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)) / 4) as u8);
            }
        }
        out
    }

    #[test]
    fn what_is_written_is_read_at_any_size() {
        for (width, height) in [(160, 90), (320, 180), (426, 240), (640, 480), (854, 480), (1280, 720), (1920, 1080)] {
            for ticks in [0, 1, 0x8000_0001, 0xdead_beef, u32::MAX] {
                for mark in [0, 1, 0x5a, 255] {
                    let luma = card(width, height, 13, ticks, mark);
                    assert_eq!(read_clock(&luma, width + 13, width, height), Some(ticks), "{width}x{height}");
                    assert_eq!(read_mark(&luma, width + 13, width, height), Some(mark), "{width}x{height}");
                }
            }
        }
    }

    #[test]
    fn halved_pictures_are_still_readable() {
        for (width, height) in [(160, 90), (640, 360), (1280, 720), (1920, 1080)] {
            let small = half(&card(width, height, 0, 0x1234_5678, 7), width, height);
            assert_eq!(read_clock(&small, width / 2, width / 2, height / 2), Some(0x1234_5678), "{width}x{height}");
            assert_eq!(read_mark(&small, width / 2, width / 2, height / 2), Some(7), "{width}x{height}");
        }
    }

    #[test]
    fn weak_contrast_and_other_ranges_are_read() {
        let squeezed: Vec<u8> = card(1280, 720, 0, 99, 3).iter().map(|v| 60 + v / 4).collect();
        assert_eq!(read_clock(&squeezed, 1280, 1280, 720), Some(99));
        assert_eq!(read_mark(&squeezed, 1280, 1280, 720), Some(3));
    }

    #[test]
    fn a_flipped_cell_is_noticed() {
        for cell in 0..CELLS {
            let mut luma = card(1280, 720, 0, 0xcafe_f00d, 9);
            for line in luma.chunks_exact_mut(1280).take(32) {
                line[cell * 32..cell * 32 + 32].iter_mut().for_each(|v| *v = WHITE + BLACK - *v);
            }
            assert_eq!(read_clock(&luma, 1280, 1280, 720), None, "cell {cell}");
        }
    }

    #[test]
    fn a_picture_without_a_clock_gives_none() {
        assert_eq!(read_clock(&[120; 160 * 90], 160, 160, 90), None);
        assert_eq!(read_mark(&[120; 160 * 90], 160, 160, 90), None);
        let ramp: Vec<u8> = (0..160 * 90).map(|i| (i % 160) as u8).collect();
        assert_eq!(read_clock(&ramp, 160, 160, 90), None);
        // Sizes that promise more than the slice holds.
        assert_eq!(read_clock(&[0; 10], 1280, 1280, 720), None);
        assert_eq!(read_clock(&[], 0, 0, 0), None);
        assert_eq!(read_clock(&[0; 100], usize::MAX, usize::MAX / 64, usize::MAX), None);
    }

    #[test]
    fn the_flash_is_read_and_follows_the_beat() {
        for lit in [true, false] {
            let mut luma = card(640, 360, 0, 5, 5);
            write_flash(&mut luma, 640, 640, lit);
            assert_eq!(read_flash(&luma, 640, 640, 360), Some(lit));
            assert_eq!(read_flash(&half(&luma, 640, 360), 320, 320, 180), Some(lit));
        }
        assert_eq!(read_flash(&[200; 640 * 360], 640, 640, 360), None);
        assert!(beat(WallTime(7_000_000)) && beat(WallTime(7_099_999)) && !beat(WallTime(7_100_000)));
    }

    #[test]
    fn readings_compare_across_the_wrap() {
        assert_eq!(ticks_between(u32::MAX, 4), 5);
        assert_eq!(ticks_between(4, u32::MAX), -5);
        assert_eq!(ticks(WallTime(1_000_000)), 10_000);
    }
}
