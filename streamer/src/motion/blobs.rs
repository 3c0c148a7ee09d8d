//! Foreground cells that hang together, as blobs. Labelled by runs: what costs is the cells that moved, not the
//! picture.

use super::background::Foreground;
use super::grid::{HEIGHT, Plane, WIDTH};

/// Runs looked at in one picture; a picture that breaks into more is noise from top to bottom.
const MOST_RUNS: usize = 3000;
/// Blobs kept, the largest.
pub const MOST_BLOBS: usize = 48;
/// Share of strong cells that a blob needs.
const STRONG_SHARE: f32 = 0.2;
/// Blobs with no more than so many cells between their boxes are parts of one thing.
const GAP: usize = 2;

/// Something that hangs together.
#[derive(Clone, Debug, PartialEq)]
pub struct Blob {
    /// Cells.
    pub area: usize,
    pub strong: usize,
    /// Centre, in cells.
    pub x: f32,
    pub y: f32,
    /// Box: left, top, right, bottom; the last two beyond it.
    pub bounds: [usize; 4],
    /// Its runs: row, first cell, cell beyond the last.
    pub runs: Vec<Run>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub row: u16,
    pub from: u16,
    pub to: u16,
}

impl Run {
    /// Indices of its cells.
    pub fn cells(self) -> std::ops::Range<usize> {
        let row = usize::from(self.row) * WIDTH;
        row + usize::from(self.from)..row + usize::from(self.to)
    }
}

impl Blob {
    /// Indices of its cells.
    pub fn cells(&self) -> impl Iterator<Item = usize> + '_ {
        self.runs.iter().flat_map(|run| run.cells())
    }
}

/// Finds blobs. Keeps its scratch memory.
#[derive(Debug, Default)]
pub struct Finder {
    runs: Vec<Run>,
    parent: Vec<u16>,
}

impl Finder {
    /// The largest blobs of at least `least` cells.
    pub fn find(&mut self, foreground: &Foreground, least: usize) -> Vec<Blob> {
        self.collect_runs(&foreground.weak);
        let mut blobs = self.gather(&foreground.strong);
        blobs.retain(|blob| blob.strong as f32 >= blob.area as f32 * STRONG_SHARE && blob.strong > 0);
        // Crumbs neither count nor join.
        blobs.retain(|blob| blob.area * 3 >= least);
        blobs.sort_by_key(|blob| std::cmp::Reverse(blob.area));
        blobs.truncate(MOST_BLOBS * 2);
        join(&mut blobs);
        blobs.retain(|blob| blob.area >= least);
        blobs.sort_by_key(|blob| std::cmp::Reverse(blob.area));
        blobs.truncate(MOST_BLOBS);
        blobs
    }

    fn collect_runs(&mut self, weak: &Plane) {
        self.runs.clear();
        self.parent.clear();
        let mut above = 0..0;
        for row in 0..HEIGHT {
            let cells = &weak[row * WIDTH..][..WIDTH];
            let first = self.runs.len();
            let mut x = 0;
            while x < WIDTH {
                // Most of the picture is still: eight cells at a time.
                if x % 8 == 0 && cells[x..x + 8] == [0; 8] {
                    x += 8;
                } else if cells[x] == 0 {
                    x += 1;
                } else {
                    let from = x;
                    while x < WIDTH && cells[x] != 0 {
                        x += 1;
                    }
                    if self.runs.len() == MOST_RUNS {
                        return;
                    }
                    self.parent.push(self.runs.len() as u16);
                    self.runs.push(Run { row: row as u16, from: from as u16, to: x as u16 });
                }
            }
            let here = first..self.runs.len();
            self.connect(above, here.clone());
            above = here;
        }
    }

    /// Joins runs of two neighbouring rows that touch, corners included.
    fn connect(&mut self, above: std::ops::Range<usize>, here: std::ops::Range<usize>) {
        let mut upper = above.start;
        for lower in here {
            let run = self.runs[lower];
            while upper < above.end && self.runs[upper].to < run.from {
                upper += 1;
            }
            let mut touching = upper;
            while touching < above.end && self.runs[touching].from <= run.to {
                self.union(touching, lower);
                touching += 1;
            }
        }
    }

    fn root(&mut self, mut n: usize) -> usize {
        while usize::from(self.parent[n]) != n {
            self.parent[n] = self.parent[usize::from(self.parent[n])];
            n = usize::from(self.parent[n]);
        }
        n
    }

    fn union(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parent[a.max(b)] = a.min(b) as u16;
    }

    fn gather(&mut self, strong: &Plane) -> Vec<Blob> {
        let mut of_root = vec![usize::MAX; self.runs.len()];
        let mut blobs: Vec<Blob> = Vec::new();
        for n in 0..self.runs.len() {
            let (root, run) = (self.root(n), self.runs[n]);
            if of_root[root] == usize::MAX {
                of_root[root] = blobs.len();
                let bounds = [usize::MAX, usize::MAX, 0, 0];
                blobs.push(Blob { area: 0, strong: 0, x: 0.0, y: 0.0, bounds, runs: Vec::new() });
            }
            let blob = &mut blobs[of_root[root]];
            let (row, from, to) = (usize::from(run.row), usize::from(run.from), usize::from(run.to));
            let cells = to - from;
            blob.area += cells;
            blob.strong += run.cells().filter(|&cell| strong[cell] != 0).count();
            // Sums for now.
            blob.x += (from + to) as f32 * 0.5 * cells as f32;
            blob.y += (row as f32 + 0.5) * cells as f32;
            let [left, top, right, bottom] = blob.bounds;
            blob.bounds = [left.min(from), top.min(row), right.max(to), bottom.max(row + 1)];
            blob.runs.push(run);
        }
        for blob in &mut blobs {
            blob.x /= blob.area as f32;
            blob.y /= blob.area as f32;
        }
        blobs
    }
}

/// Joins parts of one thing, the smaller to the larger. `blobs` come largest first.
fn join(blobs: &mut Vec<Blob>) {
    let mut n = 0;
    while n < blobs.len() {
        let near = (n + 1..blobs.len()).find(|&other| gap(&blobs[n].bounds, &blobs[other].bounds) <= GAP);
        let Some(other) = near else {
            n += 1;
            continue;
        };
        let other = blobs.remove(other);
        let blob = &mut blobs[n];
        let (a, b) = (blob.area as f32, other.area as f32);
        blob.x = (blob.x * a + other.x * b) / (a + b);
        blob.y = (blob.y * a + other.y * b) / (a + b);
        blob.area += other.area;
        blob.strong += other.strong;
        let ([l, t, r, b], [ol, ot, or, ob]) = (blob.bounds, other.bounds);
        blob.bounds = [l.min(ol), t.min(ot), r.max(or), b.max(ob)];
        blob.runs.extend(other.runs);
    }
}

/// Cells between two boxes, in the direction in which they are farther apart; zero where they overlap.
fn gap(a: &[usize; 4], b: &[usize; 4]) -> usize {
    let across = a[0].saturating_sub(b[2]).max(b[0].saturating_sub(a[2]));
    let down = a[1].saturating_sub(b[3]).max(b[1].saturating_sub(a[3]));
    across.max(down)
}

#[cfg(test)]
mod tests {
    use super::super::background::Foreground;
    use super::super::grid::{CELLS, WIDTH, plane};
    use super::{Finder, MOST_BLOBS};

    fn foreground(set: impl Fn(usize, usize) -> bool) -> Foreground {
        let mut weak = plane(0);
        for cell in 0..CELLS {
            weak[cell] = if set(cell % WIDTH, cell / WIDTH) { 255 } else { 0 };
        }
        Foreground { strong: weak.clone(), weak }
    }

    #[test]
    fn shapes_hang_together_and_neighbours_are_one_thing() {
        // A U, whose arms meet only below; a square far away; a crumb.
        let set = |x: usize, y: usize| {
            let arm = (10..13).contains(&x) || (20..23).contains(&x);
            let u = arm && (10..30).contains(&y) || (10..23).contains(&x) && (30..33).contains(&y);
            u || (80..84).contains(&x) && (50..54).contains(&y) || (x, y) == (150, 80)
        };
        let blobs = Finder::default().find(&foreground(set), 4);
        assert_eq!(blobs.iter().map(|blob| blob.area).collect::<Vec<_>>(), [2 * 3 * 20 + 13 * 3, 16]);
        assert_eq!(blobs[0].bounds, [10, 10, 23, 33]);
        assert_eq!((blobs[1].x, blobs[1].y, blobs[1].strong), (82.0, 52.0, 16));
        assert_eq!(blobs[0].cells().count(), blobs[0].area);
        // Two cells between two boxes: one thing; three: two.
        for (gap, things) in [(2, 1), (3, 2)] {
            let parted =
                |x: usize, y: usize| (10..14).contains(&y) && ((10..14).contains(&x) || (14 + gap..20).contains(&x));
            assert_eq!(Finder::default().find(&foreground(parted), 4).len(), things, "gap {gap}");
        }
    }

    #[test]
    fn weak_cells_alone_are_nothing_and_noise_is_bounded() {
        let mut faint = foreground(|x, y| x < 20 && y < 20);
        faint.strong.fill(0);
        assert!(Finder::default().find(&faint, 4).is_empty());
        faint.strong[..10].fill(255);
        assert!(Finder::default().find(&faint, 4).is_empty(), "a fortieth is strong");
        // Every other cell, then everything: neither panics nor grows.
        assert!(Finder::default().find(&foreground(|x, y| (x + y) % 2 == 0), 1).len() <= MOST_BLOBS);
        let dots = Finder::default().find(&foreground(|x, y| x % 5 == 0 && y % 5 == 0), 1);
        assert!(!dots.is_empty() && dots.len() <= MOST_BLOBS);
        assert_eq!(Finder::default().find(&foreground(|_, _| true), 1)[0].area, CELLS);
        assert!(Finder::default().find(&foreground(|_, _| false), 1).is_empty());
    }
}
