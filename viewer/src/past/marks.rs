//! Motion on the strip: zoomed out, marks merge into counts and never vanish.

use super::Ms;

/// Something moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    pub id: i64,
    pub from: Ms,
    /// Missing while it goes on.
    pub to: Option<Ms>,
    /// How much of the picture moved at most, 0 to 1.
    pub peak: f32,
    pub zones: Vec<String>,
}

/// Marks that stand together: `count` of them begin in the piece of time from `from` on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    pub from: Ms,
    pub to: Ms,
    pub count: usize,
    pub peak: f32,
}

/// Pieces are at least this wide, and at most twice.
const PIECE: f64 = 20.0;
const SHORTEST: Ms = 1_000;

/// How long a piece is at this zoom: a power of two seconds, so that what belongs together does not change while one pans.
pub fn piece(span: f64, width: f64) -> Ms {
    let wanted = (PIECE / width * span / SHORTEST as f64).max(1.0);
    SHORTEST << (wanted.log2().ceil() as u32).min(40)
}

/// `marks` in order of `from`.
pub fn merge(marks: &[Mark], piece: Ms) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut end = Ms::MIN;
    for mark in marks {
        let to = mark.to.unwrap_or(mark.from);
        match groups.last_mut() {
            Some(group) if mark.from < end => {
                group.count += 1;
                group.to = group.to.max(to);
                group.peak = group.peak.max(mark.peak);
            }
            Some(_) | None => {
                end = (mark.from.div_euclid(piece) + 1) * piece;
                groups.push(Group { from: mark.from, to, count: 1, peak: mark.peak });
            }
        }
    }
    groups
}

/// Merged marks, made once for each zoom and each change of what is known.
#[derive(Clone, Debug, Default)]
pub struct Merged {
    of: Option<(Ms, u64)>,
    groups: Vec<Group>,
}

impl Merged {
    /// `version` changes with the marks.
    pub fn at(&mut self, marks: &[Mark], version: u64, span: f64, width: f64) -> &[Group] {
        let of = Some((piece(span, width), version));
        if self.of != of {
            self.of = of;
            self.groups = merge(marks, piece(span, width));
        }
        &self.groups
    }
}

/// An event is played from this long before it.
pub const LEAD: Ms = 3_000;

/// Backwards or forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Back,
    On,
}

/// The event before or after a moment: the one that is being looked at, from its lead on, is neither.
pub fn neighbour(marks: &[Mark], at: Ms, way: Way) -> Option<&Mark> {
    match way {
        Way::On => marks.iter().find(|mark| mark.from - LEAD > at + 250),
        Way::Back => marks.iter().rfind(|mark| mark.from - LEAD < at - 2_000),
    }
}
