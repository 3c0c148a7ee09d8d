//! How long each cell has stayed as it is. What stands still is no motion, however unlike the background it is; and
//! when it stands for long it is background.

use super::blobs::Blob;
use super::grid::{CELLS, Plane, plane};
use super::wide::Wide;

/// Changes up to this many levels are noise.
const CALM: u8 = 6;
/// The time that one step of [`Still::calm`] stands for, in seconds.
const STEP: f32 = 0.05;
/// A cell that changed less long ago than this is lively, in steps: 150 ms.
const LIVELY: u8 = 3;

/// Keeps count of calm.
#[derive(Debug)]
pub struct Still {
    wide: Wide,
    /// What a cell was when it last changed.
    anchor: Box<Plane>,
    /// For how long it has been that since, in steps of a twentieth of a second, up to 255.
    calm: Box<Plane>,
    debt: f32,
}

impl Still {
    pub fn new(wide: Wide) -> Self {
        Self { wide, anchor: plane(0), calm: plane(0), debt: 0.0 }
    }

    /// The next picture, `passed` seconds after the one before.
    pub fn handle_picture(&mut self, picture: &Plane, passed: f32) {
        self.debt += passed / STEP;
        let steps = self.debt.floor();
        self.debt -= steps;
        let Self { wide, anchor, calm, .. } = self;
        wide.run(|| follow(picture, anchor, calm, steps.clamp(0.0, 255.0) as u8));
    }

    /// Share of a blob's cells that change.
    pub fn lively(&self, blob: &Blob) -> f32 {
        let lively = blob.cells().filter(|&cell| self.calm[cell] <= LIVELY).count();
        lively as f32 / blob.area.max(1) as f32
    }

    /// Steps of calm of each cell, and how many of them `seconds` are.
    pub fn calm(&self) -> &Plane {
        &self.calm
    }

    pub fn steps(seconds: f32) -> u8 {
        (seconds / STEP).clamp(0.0, 255.0) as u8
    }
}

#[inline(always)]
fn follow(now: &Plane, anchor: &mut Plane, calm: &mut Plane, steps: u8) {
    for i in 0..CELLS {
        let moved = if now[i].abs_diff(anchor[i]) > CALM { 255 } else { 0 };
        anchor[i] = (anchor[i] & !moved) | (now[i] & moved);
        calm[i] = calm[i].saturating_add(steps) & !moved;
    }
}
