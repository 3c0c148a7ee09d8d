//! What is known of a camera's recordings: pieces of time that were asked for, joined into one picture.

use std::collections::BTreeSet;

use athome_shared::protocol::past::{Cause, Past};

use super::marks::Mark;
use super::spans::{SEAM, Span, joined};
use super::{HOUR, Ms};

/// One file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clip {
    /// `None` while it grows; `to` is then how far it can be played.
    pub id: Option<i64>,
    pub from: Ms,
    pub to: Ms,
    pub why: Cause,
    pub kept: bool,
    pub sound: bool,
    pub bytes: u64,
}

impl Clip {
    pub fn span(&self) -> Span {
        Span { from: self.from, to: self.to }
    }
}

/// Why nothing was recorded, as far as what lies around it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing moved.
    Quiet,
    /// It should have been, and was not.
    Off,
    /// Anything.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub from: Ms,
    pub to: Ms,
    pub why: Why,
}

/// Asked for a little more than is seen, so that a small drag asks for nothing.
const MARGIN: f64 = 0.5;
const SMALLEST: Ms = HOUR;
/// Files and events that are remembered of a camera, at most; beyond that the oldest go.
const MOST: usize = 100_000;

/// See the module's documentation.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub files: Vec<Clip>,
    pub events: Vec<Mark>,
    /// Stretches without a break, and what lies between them.
    pub spans: Vec<Span>,
    pub gaps: Vec<Gap>,
    /// Grows whenever one of these has changed.
    pub version: u64,
    covered: Vec<Span>,
    asked: Option<Span>,
}

impl Known {
    /// What to ask for so that all of the range is known; nothing while an answer is awaited.
    pub fn missing(&mut self, from: Ms, to: Ms) -> Option<Span> {
        if self.asked.is_some() {
            return None;
        }
        let (mut at, mut end) = (from, to);
        for covered in &self.covered {
            if covered.to <= at {
                continue;
            }
            if covered.from > at {
                end = to.min(covered.from);
                break;
            }
            at = covered.to;
        }
        if at >= end {
            return None;
        }
        let margin = SMALLEST.max(((to - from) as f64 * MARGIN) as Ms);
        let before = if at == from { margin } else { 0 };
        let after = if end == to { margin } else { 0 };
        self.asked = Some(Span { from: (at - before).max(0), to: end + after });
        self.asked
    }

    /// The answer for a range: what was known of it before is replaced.
    pub fn add(&mut self, range: Span, told: &Past) {
        self.asked = None;
        let ms = |at: athome_shared::time::WallTime| at.unix_ms();
        let files: Vec<Clip> = told
            .spans
            .iter()
            .map(|s| Clip {
                id: s.id,
                from: ms(s.began),
                to: ms(s.ended),
                why: s.why,
                kept: s.kept,
                sound: s.sound,
                bytes: s.bytes,
            })
            .collect();
        let events: Vec<Mark> = told
            .motion
            .iter()
            .map(|m| Mark { id: m.id, from: ms(m.began), to: m.ended.map(ms), peak: m.peak, zones: m.zones.clone() })
            .collect();
        let last = |rows: Option<Ms>| rows.unwrap_or(range.to).min(range.to);
        let until = match told.more {
            true => (range.from + 1).max(last(files.last().map(|f| f.from)).min(last(events.last().map(|e| e.from)))),
            false => ms(told.now),
        };
        let outside = |from: Ms, to: Ms| to <= range.from || from >= range.to;
        let begun: BTreeSet<Ms> = files.iter().map(|file| file.from).collect();
        self.files.retain(|file| outside(file.from, file.to) && !begun.contains(&file.from));
        self.files.extend(files);
        self.files.sort_by_key(|file| file.from);
        let begun: BTreeSet<Ms> = events.iter().map(|event| event.from).collect();
        self.events.retain(|e| outside(e.from, e.to.unwrap_or(e.from)) && !begun.contains(&e.from));
        self.events.extend(events);
        self.events.sort_by_key(|event| event.from);
        self.files.drain(..self.files.len().saturating_sub(MOST));
        self.events.drain(..self.events.len().saturating_sub(MOST));
        let covered = Span { from: range.from, to: range.to.min(until) };
        let covered = self.covered.iter().copied().chain([covered]).filter(|span| span.to > span.from);
        self.covered = joined(covered);
        self.look();
    }

    /// No answer came.
    pub fn failed(&mut self) {
        self.asked = None;
    }

    /// From `from` on something may have changed: it is asked for again.
    pub fn stale(&mut self, from: Ms) {
        self.covered.retain(|span| span.from < from);
        for span in &mut self.covered {
            span.to = span.to.min(from);
        }
    }

    /// The files that a piece of time lies in.
    pub fn files_of(&self, from: Ms, to: Ms) -> impl Iterator<Item = &Clip> {
        self.files.iter().filter(move |file| file.from < to && file.to > from)
    }

    /// The gap between two recordings that holds a moment.
    pub fn gap_at(&self, at: Ms) -> Option<Gap> {
        self.gaps.iter().copied().find(|gap| at >= gap.from && at < gap.to)
    }

    /// Up to when there is something.
    pub fn last(&self) -> Option<Ms> {
        self.spans.last().map(|span| span.to)
    }

    fn look(&mut self) {
        self.version += 1;
        self.spans = joined(self.files.iter().map(Clip::span));
        self.gaps.clear();
        let mut before: Option<Clip> = None;
        for file in &self.files {
            if let Some(before) = before
                && file.from > before.to + SEAM
            {
                let why = match (before.why, file.why) {
                    (Cause::Motion, Cause::Motion) => Why::Quiet,
                    (Cause::Always, Cause::Always) => Why::Off,
                    _ => Why::Unknown,
                };
                self.gaps.push(Gap { from: before.to, to: file.from, why });
            }
            if before.is_none_or(|before| file.to > before.to) {
                before = Some(*file);
            }
        }
    }
}
