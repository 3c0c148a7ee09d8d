//! What the picture looks like when nothing is there: a sample-consensus model (Barnich and Van Droogenbroeck, ViBe,
//! 2011). Each cell remembers eight luma values of the past; a value that is near none of them is foreground. What a
//! memory is replaced by is drawn by lot, so that it fades like a memory and not like a queue. All times are in
//! seconds: the model behaves alike at 5 and at 30 pictures a second.

use super::grid::{CELLS, HEIGHT, Plane, WIDTH, plane};
use super::still::Still;
use super::wide::Wide;

/// Values remembered for each cell. Sixteen cost twice and accept too much.
const SAMPLES: usize = 8;
/// Mean time between two writes to a cell, in seconds; a memory lives eight times as long.
const WRITE_EVERY: f32 = 1.3;
/// The same while a new scene is learned.
const LEARN_EVERY: f32 = 0.15;
/// A foreground cell that stays as it is for this long is a thing that was put down, or what was behind one that was
/// taken away: background from then on.
const ABSORB_AFTER: f32 = 2.5;
/// A cell that is foreground for this long, calm or not, begins to be learned.
const LASTING: f32 = 10.0;
/// What a flip adds to the blink memory of a cell.
const BLINK: u8 = 8;
/// Seconds in which the blink memory falls by one.
const BLINK_STEP: f32 = 0.08;
/// Share of the cells that flip from picture to picture in rain or snow, and seldom otherwise …
const RESTLESS: f32 = 0.01;
/// … over so many seconds.
const RESTLESS_MEMORY: f32 = 1.0;
/// Bytes of chance beyond the cells, so that each picture starts at another place in them.
const LOTS: usize = 4096;

/// Foreground of one picture: 255 or 0 for each cell.
#[derive(Debug)]
pub struct Foreground {
    /// Clearly unlike the background.
    pub strong: Box<Plane>,
    /// Somewhat unlike it; counts beside strong cells.
    pub weak: Box<Plane>,
}

/// The model.
#[derive(Debug)]
pub struct Background {
    wide: Wide,
    samples: [Box<Plane>; SAMPLES],
    /// Mean of the samples: the picture of the empty scene.
    mean: Box<Plane>,
    /// Cells that flicker (leaves, water, screens) need a larger difference, for as long as they do.
    blink: Box<Plane>,
    /// Strong cells before any were left out, of this picture and of the one before.
    raw_strong: Box<Plane>,
    last_strong: Box<Plane>,
    solid: Box<Plane>,
    scratch: Box<Plane>,
    /// For how long each cell has been foreground, in steps of a tenth of a second; falls twice as fast as it grows.
    lasting: Box<Plane>,
    lasting_debt: f32,
    /// Extra tolerance for this picture (camera shake).
    slack: Box<Plane>,
    slack_used: bool,
    pub foreground: Foreground,
    lots: Vec<u8>,
    random: u64,
    blink_debt: f32,
    /// Share of the cells that flipped outside solid things, of late.
    restless: f32,
    started: bool,
}

impl Background {
    /// Nothing learned yet. `seed` starts its lots.
    pub fn new(wide: Wide, seed: u64) -> Self {
        let mut random = seed | 1;
        let lots = (0..CELLS + LOTS).map(|_| (next(&mut random) >> 56) as u8).collect();
        Self {
            wide,
            samples: std::array::from_fn(|_| plane(0)),
            mean: plane(0),
            blink: plane(0),
            raw_strong: plane(0),
            last_strong: plane(0),
            solid: plane(0),
            scratch: plane(0),
            lasting: plane(0),
            lasting_debt: 0.0,
            slack: plane(0),
            slack_used: false,
            foreground: Foreground { strong: plane(0), weak: plane(0) },
            lots,
            random,
            blink_debt: 0.0,
            restless: 0.0,
            started: false,
        }
    }

    /// Whether it has seen a picture.
    pub fn started(&self) -> bool {
        self.started
    }

    /// Takes this picture for the empty scene: samples are what each cell and its neighbours show.
    pub fn restart(&mut self, now: &Plane) {
        for (n, sample) in self.samples.iter_mut().enumerate() {
            let shift = [0isize, 0, 1, -1, WIDTH as isize, -(WIDTH as isize), 0, 0][n];
            sample.copy_from_slice(now);
            // Half of the neighbours' values would be too lax on edges; a quarter of each distance is enough.
            if shift != 0 {
                for (i, value) in sample.iter_mut().enumerate() {
                    let other = now[i.saturating_add_signed(shift).min(CELLS - 1)];
                    *value = value.midpoint(value.midpoint(other));
                }
            }
        }
        self.mean.copy_from_slice(now);
        for cleared in [&mut self.blink, &mut self.last_strong, &mut self.solid, &mut self.lasting] {
            cleared.fill(0);
        }
        self.foreground.strong.fill(0);
        self.foreground.weak.fill(0);
        self.started = true;
    }

    /// Takes what is foreground now for background: a part of the scene changed at once, and stays as it is.
    pub fn take_over(&mut self, now: &Plane) {
        let Self { wide, samples, foreground: Foreground { strong, weak }, .. } = self;
        for sample in samples {
            wide.run(|| replace(sample, now, weak));
        }
        weak.fill(0);
        strong.fill(0);
        self.refresh_mean();
    }

    /// Whether it rains or snows, as far as it can be told: much flickers everywhere.
    pub fn restless(&self) -> bool {
        self.restless >= RESTLESS
    }

    /// The picture of the empty scene.
    pub fn mean(&self) -> &Plane {
        &self.mean
    }

    /// The same after a change of light: every memory goes through `tones`.
    pub fn retone(&mut self, tones: &[u8; 256]) {
        for sample in &mut self.samples {
            sample.iter_mut().for_each(|value| *value = tones[usize::from(*value)]);
        }
        self.refresh_mean();
    }

    /// How much more each cell of the next picture may differ; used once.
    pub fn slacken(&mut self, tolerance: &Plane) {
        self.slack.copy_from_slice(tolerance);
        self.slack_used = true;
    }

    /// Tells foreground from background. `contrast` is what each cell needs at least, in levels.
    pub fn classify(&mut self, now: &Plane, contrast: &Plane) {
        let Self { wide, samples, mean, blink, slack, foreground: Foreground { strong, weak }, .. } = self;
        let [a, b, c, d, e, f, g, h] = samples.each_ref().map(|sample| &**sample);
        wide.run(|| nearest(now, [a, b, c, d, e, f, g, h], strong));
        wide.run(|| decide(strong, weak, contrast, mean, blink, slack));
        self.raw_strong.copy_from_slice(&strong[..]);
        wide.run(|| majority::<5>(strong, &mut self.scratch));
        wide.run(|| dilate(&self.scratch, &mut self.solid));
        if self.restless >= RESTLESS {
            // Rain and snow: only what is solid counts, not streaks and flakes.
            wide.run(|| majority::<7>(strong, &mut self.scratch));
            wide.run(|| dilate(&self.scratch, &mut self.solid));
            wide.run(|| keep(strong, &self.solid));
            wide.run(|| keep(weak, &self.solid));
        }
        if self.slack_used {
            self.slack.fill(0);
            self.slack_used = false;
        }
    }

    /// Learns from this picture after [`Self::classify`], `passed` seconds after the one before. `learning`: a new
    /// scene.
    pub fn learn(&mut self, now: &Plane, still: &Still, passed: f32, learning: bool) {
        self.remember_blinks(passed);
        self.absorb(now, still);
        let every = if learning { LEARN_EVERY } else { WRITE_EVERY };
        let chance = (passed / every * 256.0).clamp(1.0, 255.0) as u8;
        let lot = next(&mut self.random);
        let (plane, other) = (lot as usize % SAMPLES, (lot >> 8) as usize % SAMPLES);
        let at = (lot >> 16) as usize % LOTS;
        let lots = self.lots[at..].first_chunk::<CELLS>().expect("the lots are longer than the cells");
        self.lasting_debt += passed * 10.0;
        let steps = self.lasting_debt.floor();
        self.lasting_debt -= steps;
        let Self { wide, samples, lasting, scratch, foreground: Foreground { weak, .. }, .. } = self;
        wide.run(|| outlast(lasting, weak, scratch, steps.min(100.0) as u8));
        let weak = &*scratch;
        wide.run(|| write(&mut samples[plane], now, weak, lots, chance));
        // A neighbour's value now and then: edges of things that were taken away are eaten up, and edges grow tolerant.
        let shift = [1, WIDTH][(lot >> 40) as usize % 2];
        let (from, to) = if (lot >> 41) & 1 == 0 { (0, shift) } else { (shift, 0) };
        wide.run(|| write_shifted(&mut samples[other], now, weak, lots, chance / 2, from, to));
        // One memory in eight changed a little: the mean follows soon enough when it is made anew now and then.
        if (lot >> 50) & 3 == 0 || learning {
            self.refresh_mean();
        }
    }

    fn refresh_mean(&mut self) {
        let Self { wide, samples, mean, .. } = self;
        let [a, b, c, d, e, f, g, h] = samples.each_ref().map(|sample| &**sample);
        wide.run(|| mean_of([a, b, c, d, e, f, g, h], mean));
    }

    /// Cells that flip outside solid things blink.
    fn remember_blinks(&mut self, passed: f32) {
        let Self { wide, blink, last_strong, solid, raw_strong, .. } = self;
        self.blink_debt += passed / BLINK_STEP;
        let fall = self.blink_debt.floor().clamp(0.0, 255.0);
        self.blink_debt -= self.blink_debt.floor();
        let flips = wide.run(|| blinks(blink, raw_strong, last_strong, solid, fall as u8));
        last_strong.copy_from_slice(&raw_strong[..]);
        let share = (passed / RESTLESS_MEMORY).min(1.0);
        self.restless += (flips as f32 / CELLS as f32 - self.restless) * share;
    }

    fn absorb(&mut self, now: &Plane, still: &Still) {
        let Self { wide, samples, scratch, foreground: Foreground { weak, .. }, .. } = self;
        let enough = Still::steps(ABSORB_AFTER);
        if wide.run(|| calm_foreground(still.calm(), weak, scratch, enough)) {
            for sample in samples {
                wide.run(|| replace(sample, now, scratch));
            }
        }
    }
}

/// xorshift64* (Vigna 2014).
fn next(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

#[inline(always)]
fn nearest(now: &Plane, [a, b, c, d, e, f, g, h]: [&Plane; SAMPLES], out: &mut Plane) {
    for i in 0..CELLS {
        let v = now[i];
        let ab = v.abs_diff(a[i]).min(v.abs_diff(b[i]));
        let cd = v.abs_diff(c[i]).min(v.abs_diff(d[i]));
        let ef = v.abs_diff(e[i]).min(v.abs_diff(f[i]));
        let gh = v.abs_diff(g[i]).min(v.abs_diff(h[i]));
        out[i] = ab.min(cd).min(ef.min(gh));
    }
}

/// Distances in `strong` become foreground. A brighter background needs more: its noise and its light vary more.
#[inline(always)]
fn decide(strong: &mut Plane, weak: &mut Plane, contrast: &Plane, mean: &Plane, blink: &Plane, slack: &Plane) {
    for i in 0..CELLS {
        let limit = contrast[i].saturating_add(mean[i] >> 5).saturating_add(blink[i] >> 1).saturating_add(slack[i]);
        let distance = strong[i];
        // Five eighths of the limit.
        let lower = (limit >> 1) + (limit >> 3);
        strong[i] = if distance > limit { 255 } else { 0 };
        weak[i] = if distance > lower { 255 } else { 0 };
    }
}

#[inline(always)]
fn write(sample: &mut Plane, now: &Plane, weak: &Plane, lots: &[u8; CELLS], chance: u8) {
    for i in 0..CELLS {
        let drawn = if lots[i] < chance { 255 } else { 0 };
        let mask = drawn & !weak[i];
        sample[i] = (sample[i] & !mask) | (now[i] & mask);
    }
}

/// Writes what cell `from + n` shows to cell `to + n`.
#[inline(always)]
fn write_shifted(
    sample: &mut Plane,
    now: &Plane,
    weak: &Plane,
    lots: &[u8; CELLS],
    chance: u8,
    from: usize,
    to: usize,
) {
    let n = CELLS - from.max(to);
    let (sample, now, weak) = (&mut sample[to..to + n], &now[from..from + n], &weak[from..from + n]);
    // Lots read backwards would be slower; another part of them is as good.
    let lots = &lots[..n];
    for i in 0..n {
        let drawn = if lots[i] >= 255 - chance { 255 } else { 0 };
        let mask = drawn & !weak[i];
        sample[i] = (sample[i] & !mask) | (now[i] & mask);
    }
}

/// Foreground that is not to be learned from: what has not lasted.
#[inline(always)]
fn outlast(lasting: &mut Plane, weak: &Plane, out: &mut Plane, steps: u8) {
    for i in 0..CELLS {
        let grown = lasting[i].saturating_add(steps);
        let fallen = lasting[i].saturating_sub(steps * 2);
        lasting[i] = (grown & weak[i]) | (fallen & !weak[i]);
        out[i] = if lasting[i] >= (LASTING * 10.0) as u8 { 0 } else { weak[i] };
    }
}

#[inline(always)]
fn mean_of([a, b, c, d, e, f, g, h]: [&Plane; SAMPLES], mean: &mut Plane) {
    for i in 0..CELLS {
        let of = |plane: &Plane| u16::from(plane[i]);
        mean[i] = ((of(a) + of(b) + of(c) + of(d) + of(e) + of(f) + of(g) + of(h) + 4) >> 3) as u8;
    }
}

/// Cells with at least so many of their 3x3 set.
#[inline(always)]
fn majority<const LEAST: u8>(cells: &Plane, out: &mut Plane) {
    for i in WIDTH + 1..CELLS - WIDTH - 1 {
        let of = |i: usize| cells[i] & 1;
        let row = |i: usize| of(i - 1) + of(i) + of(i + 1);
        let sum = row(i - WIDTH) + row(i) + row(i + WIDTH);
        out[i] = if sum >= LEAST { 255 } else { 0 };
    }
}

/// Cells with any of their 3x3 set.
#[inline(always)]
fn dilate(cells: &Plane, out: &mut Plane) {
    for i in WIDTH + 1..CELLS - WIDTH - 1 {
        let row = |i: usize| cells[i - 1] | cells[i] | cells[i + 1];
        out[i] = row(i - WIDTH) | row(i) | row(i + WIDTH);
    }
}

/// Returns how many cells flipped.
#[inline(always)]
fn blinks(blink: &mut Plane, strong: &Plane, last: &Plane, solid: &Plane, fall: u8) -> u32 {
    let mut flips = 0;
    for row in 0..HEIGHT {
        let mut line = 0u8;
        for i in row * WIDTH..(row + 1) * WIDTH {
            let flipped = (strong[i] ^ last[i]) & !solid[i];
            blink[i] = blink[i].saturating_sub(fall).saturating_add(BLINK & flipped);
            // At most as many as a row has cells, which fit.
            line += flipped & 1;
        }
        flips += u32::from(line);
    }
    flips
}

#[inline(always)]
fn keep(cells: &mut Plane, of: &Plane) {
    for i in 0..CELLS {
        cells[i] &= of[i];
    }
}

/// Marks in `out` the foreground cells that were calm for long enough; whether there are any.
#[inline(always)]
fn calm_foreground(calm: &Plane, weak: &Plane, out: &mut Plane, enough: u8) -> bool {
    let mut any = 0;
    for i in 0..CELLS {
        out[i] = if calm[i] >= enough { weak[i] } else { 0 };
        any |= out[i];
    }
    any != 0
}

#[inline(always)]
fn replace(sample: &mut Plane, now: &Plane, mask: &Plane) {
    for i in 0..CELLS {
        sample[i] = (sample[i] & !mask[i]) | (now[i] & mask[i]);
    }
}
