//! Zones: parts of the picture that are watched, ignored or kept private, and what each asks of motion. Polygons become
//! maps of cells here; nothing later knows of polygons.

pub use athome_shared::protocol::house::ZoneKind;
use athome_shared::protocol::house::{MAX_ZONES, ZoneRow};

use crate::encode::polygon::{Corner, spans};

use super::grid::{CELLS, HEIGHT, Plane, WIDTH, plane};

/// Zones of one camera.
pub const MOST_ZONES: usize = MAX_ZONES;
/// Corners of one zone.
pub const CORNERS: std::ops::RangeInclusive<usize> = 3..=20;
/// Sensitivity where nothing else is said.
pub const MIDDLE: u8 = 50;

/// A part of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    pub name: String,
    pub kind: ZoneKind,
    /// Corners, each from 0 to 1 of the picture's width and height.
    pub corners: Vec<Corner>,
    /// 1 to 100; `None` for the camera's.
    pub sensitivity: Option<u8>,
    /// What must move at least, as a share of the picture; `None` for what the sensitivity says.
    pub min_size: Option<f32>,
    /// How long it must move, in seconds.
    pub min_duration: f32,
}

impl From<ZoneRow> for Zone {
    fn from(row: ZoneRow) -> Self {
        Self {
            name: row.name.trim().to_owned(),
            kind: row.kind,
            corners: row.points,
            sensitivity: row.sensitivity,
            min_size: row.min_size.map(|percent| percent / 100.0),
            min_duration: row.min_duration,
        }
    }
}

impl From<&Zone> for ZoneRow {
    fn from(zone: &Zone) -> Self {
        Self {
            name: zone.name.clone(),
            kind: zone.kind,
            points: zone.corners.clone(),
            sensitivity: zone.sensitivity,
            min_size: zone.min_size.map(|share| share * 100.0),
            min_duration: zone.min_duration,
        }
    }
}

/// Levels of luma that a cell must differ by, before light and flicker are added: 7 at 50, 20 at 1, 4 at 100.
pub fn contrast(sensitivity: u8) -> u8 {
    scaled(7.0, sensitivity, 33.0).clamp(4.0, 20.0).round() as u8
}

/// Cells that must move: 7 at 50 (60 by 60 pixels of 1280x720 are 56), 58 at 1, 3 at 100.
pub fn cells_needed(sensitivity: u8) -> usize {
    scaled(7.0, sensitivity, 16.0).clamp(3.0, 64.0).round() as usize
}

fn scaled(middle: f32, sensitivity: u8, halves_every: f32) -> f32 {
    middle * ((f32::from(MIDDLE) - f32::from(sensitivity.clamp(1, 100))) / halves_every).exp2()
}

/// What one watched zone asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// Empty for the whole picture.
    pub name: String,
    pub cells_needed: usize,
    pub min_duration: f32,
}

/// Zones as maps of cells.
#[derive(Debug)]
pub struct ZoneMap {
    /// A bit for each watched zone that the cell counts for.
    pub counts: Box<[u16; CELLS]>,
    /// What each cell needs to differ by; 255 where nobody looks.
    pub contrast: Box<Plane>,
    /// 255 where the picture is private.
    pub private: Box<Plane>,
    pub watched: Vec<Watched>,
    /// Cells that count for any zone.
    pub looked_at: usize,
    /// Fewest cells that any zone asks for.
    pub least: usize,
}

impl ZoneMap {
    /// Of a camera's zones (at most [`MOST_ZONES`]; more are not looked at) and its own sensitivity.
    pub fn new(zones: &[Zone], sensitivity: u8) -> Self {
        let zones = &zones[..zones.len().min(MOST_ZONES)];
        let (mut private, mut ignored, mut covered) = (plane(0), plane(0), plane(0));
        let mut counts: Box<[u16; CELLS]> =
            vec![0; CELLS].into_boxed_slice().try_into().expect("as many entries as cells");
        let mut fine = plane(contrast(sensitivity));
        let mut watched = Vec::new();
        for zone in zones {
            covered.fill(0);
            fill(&zone.corners, &mut covered);
            match zone.kind {
                ZoneKind::Privacy => merge(&mut private, &covered),
                ZoneKind::Ignore => merge(&mut ignored, &covered),
                ZoneKind::Watch => {
                    let own = zone.sensitivity.unwrap_or(sensitivity);
                    let bit = 1 << watched.len();
                    for cell in (0..CELLS).filter(|&cell| covered[cell] != 0) {
                        // Where zones overlap the finest decides what is foreground; each still asks for its own size.
                        fine[cell] = if counts[cell] == 0 { contrast(own) } else { fine[cell].min(contrast(own)) };
                        counts[cell] |= bit;
                    }
                    let size = zone.min_size.map(|share| (share.clamp(0.0, 1.0) * CELLS as f32).ceil() as usize);
                    watched.push(Watched {
                        name: zone.name.clone(),
                        cells_needed: size.unwrap_or_else(|| cells_needed(own)).max(1),
                        min_duration: zone.min_duration.clamp(0.0, 60.0),
                    });
                }
            }
        }
        if watched.is_empty() {
            counts.fill(1);
            let cells_needed = cells_needed(sensitivity);
            watched.push(Watched { name: String::new(), cells_needed, min_duration: 0.0 });
        }
        for cell in 0..CELLS {
            if private[cell] != 0 {
                fine[cell] = 255;
            }
            if private[cell] != 0 || ignored[cell] != 0 {
                counts[cell] = 0;
            }
        }
        let looked_at = counts.iter().filter(|bits| **bits != 0).count();
        let least = watched.iter().map(|zone| zone.cells_needed).min().unwrap_or(1).min(cells_needed(MIDDLE));
        Self { counts, contrast: fine, private, watched, looked_at, least }
    }

    /// Names of the zones in `bits`; the whole picture has none.
    pub fn names(&self, bits: u16) -> Vec<String> {
        let set = self.watched.iter().enumerate().filter(|(n, zone)| bits >> n & 1 != 0 && !zone.name.is_empty());
        set.map(|(_, zone)| zone.name.clone()).collect()
    }
}

fn merge(into: &mut Plane, cells: &Plane) {
    into.iter_mut().zip(cells).for_each(|(into, cell)| *into |= *cell);
}

/// Sets the cells whose centre lies in the polygon (even-odd rule).
fn fill(corners: &[Corner], out: &mut Plane) {
    for (row, out) in out.as_chunks_mut::<WIDTH>().0.iter_mut().enumerate() {
        let y = (row as f32 + 0.5) / HEIGHT as f32;
        for [from, to] in spans(corners, y) {
            for (x, cell) in out.iter_mut().enumerate() {
                let centre = (x as f32 + 0.5) / WIDTH as f32;
                if (from..to).contains(&centre) {
                    *cell = 255;
                }
            }
        }
    }
}
