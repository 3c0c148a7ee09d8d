//! The test card's pixels. What stands still is painted once, in a few variants of noise; a frame is one of them copied,
//! with shapes and digits put on top by rows.

use athome_shared::media::clock;

use super::font;

/// Noise differs from frame to frame, as a camera's does, by going round these many prepared planes.
const VARIANTS: usize = 4;
/// Amplitude of the noise in luma steps: enough that no part of the picture is free to code.
const NOISE: i32 = 3;
/// Y, U, V of 100 % bars, BT.601 limited range.
const BARS: [[u8; 3]; 8] = [
    [235, 128, 128],
    [210, 16, 146],
    [170, 166, 16],
    [145, 54, 34],
    [106, 202, 222],
    [81, 90, 240],
    [41, 240, 110],
    [16, 128, 128],
];
/// Chroma of the moving shapes, and how many turns a second they make across and down.
const SHAPES: [([u8; 2], [f32; 2]); 6] = [
    ([90, 200], [0.17, 0.25]),
    ([190, 100], [0.29, 0.19]),
    ([60, 60], [0.34, 0.43]),
    ([150, 180], [0.11, 0.46]),
    ([128, 128], [0.23, 0.37]),
    ([100, 90], [0.41, 0.13]),
];

/// The prepared picture.
pub(super) struct Card {
    width: usize,
    height: usize,
    luma: [Vec<u8>; VARIANTS],
    chroma: Vec<u8>,
    shapes: Vec<Shape>,
    random: Random,
    last_variant: usize,
}

/// A textured square.
struct Shape {
    side: usize,
    luma: Vec<u8>,
    colour: [u8; 2],
    turns: [f32; 2],
}

impl Card {
    /// Paints what stands still. Sizes are even.
    pub(super) fn new(width: usize, height: usize, mark: u8) -> Self {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let (still, chroma) = background(width, height, mark, &mut random);
        let noisy = |random: &mut Random| {
            let mut plane = still.clone();
            let (top, bottom) = (5 * clock::cell_size(width), height - height / 8);
            for line in plane.chunks_exact_mut(width).take(bottom).skip(top) {
                line.iter_mut().for_each(|v| *v = (i32::from(*v) + random.within(NOISE)) as u8);
            }
            plane
        };
        let luma = [(); VARIANTS].map(|()| noisy(&mut random));
        let side = (width.min(height * 16 / 9) / 7) & !1;
        let shapes = SHAPES.iter().map(|&(colour, turns)| Shape::new(side, colour, turns, &mut random)).collect();
        Self { width, height, luma, chroma, shapes, random, last_variant: 0 }
    }

    /// Bytes of a frame.
    pub(super) fn len(&self) -> usize {
        self.width * self.height + self.chroma.len()
    }

    /// A frame, of [`Self::len`] bytes, but for what is stamped into it last. `seconds` since the start move the shapes,
    /// `time_ms` is the time of day.
    pub(super) fn draw(&mut self, frame: &mut [u8], number: u64, seconds: f32, time_ms: u32) {
        // Never the same plane twice in a row, or the encoder would see a frame without noise.
        self.last_variant = (self.last_variant + 1 + self.random.next() as usize % (VARIANTS - 1)) % VARIANTS;
        let (luma, chroma) = frame.split_at_mut(self.width * self.height);
        luma.copy_from_slice(&self.luma[self.last_variant]);
        chroma.copy_from_slice(&self.chroma);
        let (u, v) = chroma.split_at_mut(chroma.len() / 2);
        let (top, bottom) = stage(self.width, self.height);
        for (index, shape) in self.shapes.iter().enumerate() {
            let (side, half) = (shape.side, shape.side / 2);
            let at = |room: usize, turns: f32| {
                (room.saturating_sub(side) as f32 * swing(turns * seconds + index as f32 * 0.17)) as usize & !1
            };
            let (x, y) = (at(self.width, shape.turns[0]), (top & !1) + at(bottom - top, shape.turns[1]));
            for (row, texture) in shape.luma.chunks_exact(side).enumerate() {
                if let Some(run) = run_of(luma, self.width, x, y + row, side) {
                    run.copy_from_slice(texture);
                }
            }
            for (plane, colour) in [(&mut *u, shape.colour[0]), (&mut *v, shape.colour[1])] {
                fill(plane, self.width / 2, (x / 2, y / 2), (half, half), colour);
            }
        }
        self.write_text(luma, number, time_ms);
    }

    /// Time of day and frame number, as large as the rows between mark and stage allow.
    fn write_text(&self, luma: &mut [u8], number: u64, time_ms: u32) {
        let cell = clock::cell_size(self.width);
        let scale = (cell / 6).max(1);
        let (secs, ms) = (time_ms / 1000, time_ms % 1000);
        let time =
            format!("{:02}:{:02}:{:02}.{ms:03} {:06}", secs / 3600 % 24, secs / 60 % 60, secs % 60, number % 1_000_000);
        let (mut left, top) = (cell, 2 * cell + (3 * cell).saturating_sub(font::HEIGHT * scale) / 2);
        for character in time.bytes() {
            for (row, dots) in font::glyph(character).into_iter().enumerate() {
                for column in (0..font::WIDTH).filter(|column| dots >> (font::WIDTH - 1 - column) & 1 == 1) {
                    let at = (left + column * scale, top + row * scale);
                    fill(luma, self.width, at, (scale, scale), clock::WHITE);
                }
            }
            left += (font::WIDTH + 1) * scale;
        }
    }
}

impl Shape {
    fn new(side: usize, colour: [u8; 2], turns: [f32; 2], random: &mut Random) -> Self {
        // A coarse chequer with a fine grain: edges and texture for motion search to follow.
        let check = (side / 8).max(2);
        let luma = (0..side * side)
            .map(|i| {
                let light = (i % side / check + i / side / check).is_multiple_of(2);
                (if light { 170 } else { 80 } + random.within(28)) as u8
            })
            .collect();
        Self { side, luma, colour, turns }
    }
}

/// First and last (exclusive) row of the part that moves.
fn stage(width: usize, height: usize) -> (usize, usize) {
    let bottom = height - height / 8;
    ((5 * clock::cell_size(width)).min(bottom), bottom)
}

/// Luma and chroma of what stands still: black top, textured stage, bars.
fn background(width: usize, height: usize, mark: u8, random: &mut Random) -> (Vec<u8>, Vec<u8>) {
    let mut luma = vec![clock::BLACK; width * height];
    let mut chroma = vec![128; width * height / 2];
    let (u, v) = chroma.split_at_mut(width * height / 4);
    let (top, bottom) = stage(width, height);
    for y in top..bottom {
        for x in 0..width {
            let (across, down) = (x as f32 / width as f32, y as f32 / height as f32);
            let waves = (across * 37.0 + down * 11.0).sin() * 14.0 + (across * 91.0 - down * 60.0).sin() * 8.0;
            luma[y * width + x] = (95.0 + 60.0 * down + waves) as u8 + random.within(6).unsigned_abs() as u8;
        }
    }
    for y in top / 2..bottom / 2 {
        for x in 0..width / 2 {
            let across = x as f32 / width as f32;
            u[y * (width / 2) + x] = (118.0 + 30.0 * across) as u8;
            v[y * (width / 2) + x] = (138.0 - 30.0 * across) as u8;
        }
    }
    for (bar, [y, cb, cr]) in BARS.into_iter().enumerate() {
        let (left, right) = (bar * width / 8, (bar + 1) * width / 8);
        fill(&mut luma, width, (left, bottom), (right - left, height - bottom), y);
        for (plane, colour) in [(&mut *u, cb), (&mut *v, cr)] {
            let (left, right) = (left / 2, right.div_ceil(2));
            fill(plane, width / 2, (left, bottom / 2), (right - left, (height - bottom).div_ceil(2)), colour);
        }
    }
    clock::write_mark(&mut luma, width, width, mark);
    (luma, chroma)
}

/// Paints a rectangle; what lies outside of the plane is left out.
fn fill(plane: &mut [u8], stride: usize, (x, y): (usize, usize), (width, height): (usize, usize), value: u8) {
    for row in y..y + height {
        if let Some(run) = run_of(plane, stride, x, row, width) {
            run.fill(value);
        }
    }
}

/// `len` samples of a row; `None` where they don't all lie in the plane.
fn run_of(plane: &mut [u8], stride: usize, x: usize, y: usize, len: usize) -> Option<&mut [u8]> {
    if x + len > stride {
        return None;
    }
    plane.get_mut(y * stride + x..y * stride + x + len)
}

/// From 0 to 1 and back, once a turn.
fn swing(turns: f32) -> f32 {
    0.5 - 0.5 * (turns.fract() * std::f32::consts::TAU).cos()
}

/// A xorshift generator: the picture needs neither secrets nor a seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    /// From `-most` to `most`.
    fn within(&mut self, most: i32) -> i32 {
        (self.next() % (2 * most as u64 + 1)) as i32 - most
    }
}
