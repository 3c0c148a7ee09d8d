//! The grid that pictures are looked at on: 160 by 90 means of luma, whatever the picture's size. Finer grids found no
//! more and raised more false alarms; coarser ones lose people who are far away.

/// Cells across.
pub const WIDTH: usize = 160;
/// Cells down.
pub const HEIGHT: usize = 90;
/// Cells in all.
pub const CELLS: usize = WIDTH * HEIGHT;

/// One byte for each cell, row by row. Of a fixed size, so that loops over several planes need no checks.
pub type Plane = [u8; CELLS];

/// A plane of one value.
pub fn plane(value: u8) -> Box<Plane> {
    vec![value; CELLS].into_boxed_slice().try_into().expect("a plane has as many bytes as cells")
}

/// A map of cells, one bit each, the first cell in the lowest bit of the first byte: what viewers draw.
pub fn bits(cells: &Plane) -> Vec<u8> {
    cells.chunks_exact(8).map(|eight| (0..8).fold(0, |byte, n| byte | u8::from(eight[n] != 0) << n)).collect()
}
