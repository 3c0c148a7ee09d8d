//! Pictures while the strip is dragged: only the newest one wanted is asked for, two at a time, and what was seen is kept.

use std::collections::BTreeSet;

use super::spans::Span;
use super::{HOUR, MINUTE, Ms};

pub const IN_FLIGHT: usize = 2;
pub const CACHE_BYTES: usize = 48 * 1024 * 1024;
/// An answer that does not come is given up after this long.
const ANSWER: Ms = 5_000;
/// Moments without a picture that are remembered.
const EMPTY: usize = 4_000;

/// A picture with the time that it was really taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Held<P> {
    pub at: Ms,
    pub bytes: usize,
    pub picture: P,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    pub id: u64,
    pub at: Ms,
}

/// How far apart pictures are asked for at a zoom: one a minute for a day, every ten seconds for an hour, then each key frame.
pub fn picture_step(span: f64) -> Ms {
    if span > (12 * HOUR) as f64 {
        MINUTE
    } else if span > HOUR as f64 {
        10_000
    } else {
        500
    }
}

#[derive(Clone, Copy, Debug)]
struct Wanted {
    at: Ms,
    step: Ms,
    within: Span,
}

/// See the module's documentation. `P` is a picture.
#[derive(Clone, Debug)]
pub struct Scrub<P> {
    /// In order of time.
    held: Vec<Held<P>>,
    bytes: usize,
    wanted: Option<Wanted>,
    flying: Vec<(Ask, Ms)>,
    id: u64,
    /// Asked for and not to be had: not asked again.
    empty: BTreeSet<Ms>,
    limit: usize,
}

impl<P> Default for Scrub<P> {
    fn default() -> Self {
        Self::new(CACHE_BYTES)
    }
}

impl<P> Scrub<P> {
    /// Keeps this many bytes of pictures at most, and one picture at least.
    pub fn new(limit: usize) -> Self {
        Self { held: Vec::new(), bytes: 0, wanted: None, flying: Vec::new(), id: 0, empty: BTreeSet::new(), limit }
    }

    pub fn in_flight(&self) -> usize {
        self.flying.len()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The playhead is at `at` now, on the stretch `within`; outside of any nothing is asked for.
    pub fn want(&mut self, at: Ms, step: Ms, within: Option<Span>) {
        self.wanted = within.map(|within| Wanted { at, step, within });
    }

    /// What to ask for at `now` (milliseconds of any clock), if anything.
    pub fn next(&mut self, now: Ms) -> Option<Ask> {
        self.flying.retain(|(_, since)| now - since < ANSWER);
        let Wanted { at, step, within } = self.wanted?;
        if self.flying.len() >= IN_FLIGHT {
            return None;
        }
        let rounded = (at + step / 2).div_euclid(step) * step;
        let at = rounded.max(within.from).min(within.from.max(within.to - 1));
        let have = self.nearest(at, within).is_some_and(|held| (held.at - at).abs() * 2 < step);
        if have || self.empty.contains(&at) || self.flying.iter().any(|(ask, _)| ask.at == at) {
            return None;
        }
        self.id += 1;
        let ask = Ask { id: self.id, at };
        self.flying.push((ask, now));
        Some(ask)
    }

    /// The answer to an ask; its picture may be a little older than what was asked for.
    pub fn answer(&mut self, id: u64, got: Held<P>) {
        let at = got.at;
        let asked = self.done(id);
        self.keep(got);
        // The key frame before is all there is: asking again would bring it again.
        if let Some(asked) = asked
            && asked.at != at
        {
            self.empty.insert(asked.at);
        }
        if self.empty.len() > EMPTY {
            self.empty.clear();
        }
    }

    /// No picture came; `never` where none will.
    pub fn failed(&mut self, id: u64, never: bool) {
        if let (Some(asked), true) = (self.done(id), never) {
            self.empty.insert(asked.at);
        }
    }

    /// The picture nearest to `at` on the same stretch: never one from the other side of a gap.
    pub fn nearest(&self, at: Ms, within: Span) -> Option<&Held<P>> {
        let after = self.index(at);
        let around = [after.checked_sub(1), Some(after)].into_iter().flatten().filter_map(|n| self.held.get(n));
        // A stretch begins at a key frame whose time may have been rounded.
        let same = around.filter(|held| held.at >= within.from - 50 && held.at <= within.to);
        same.min_by_key(|held| (held.at - at).abs())
    }

    /// Another camera, or what was there has changed.
    pub fn clear(&mut self) {
        let (id, limit) = (self.id, self.limit);
        *self = Self { id, ..Self::new(limit) };
    }

    fn done(&mut self, id: u64) -> Option<Ask> {
        let at = self.flying.iter().position(|(ask, _)| ask.id == id)?;
        Some(self.flying.remove(at).0)
    }

    fn keep(&mut self, got: Held<P>) {
        let aim = self.wanted.map_or(got.at, |wanted| wanted.at);
        let at = self.index(got.at);
        self.bytes += got.bytes;
        match self.held.get_mut(at) {
            Some(there) if there.at == got.at => {
                self.bytes -= there.bytes;
                *there = got;
            }
            Some(_) | None => self.held.insert(at, got),
        }
        // What is furthest from the playhead goes first.
        while self.bytes > self.limit && self.held.len() > 1 {
            let (Some(first), Some(last)) = (self.held.first(), self.held.last()) else { return };
            let gone = if aim - first.at > last.at - aim { 0 } else { self.held.len() - 1 };
            self.bytes -= self.held.remove(gone).bytes;
        }
    }

    /// The first picture at or after `at`.
    fn index(&self, at: Ms) -> usize {
        self.held.partition_point(|held| held.at < at)
    }
}
