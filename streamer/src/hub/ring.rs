//! The ring and its cursors: plain values, no lock, no clock, no async.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::media::frame::EncodedFrame;

use super::{MAX_LIVE_LAG, RECENT_KEY};

/// What a stream may hold. It is pruned a whole group of pictures at a time, so both are exceeded by up to one group;
/// a single group that outgrows them is cut at its start.
#[derive(Clone, Copy, Debug)]
pub struct RingLimits {
    /// Payload bytes (plus a small fixed cost for each frame).
    pub bytes: usize,
    /// From the oldest to the newest frame, by the time they were handed over.
    pub duration: Duration,
}

impl Default for RingLimits {
    /// 8 s and 16 MiB: a long group of pictures of a 10 Mbit/s camera still fits.
    fn default() -> Self {
        Self { bytes: 16 << 20, duration: Duration::from_secs(8) }
    }
}

/// Where a reader starts and what it does when it falls behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// For recording and snapshots: the newest key frame however old, then every frame the ring still holds.
    NewestKey,
    /// For recording what came before: the newest key frame captured at that time or earlier, else the oldest there is, then
    /// every frame.
    Since(Instant),
    /// For viewers. From our own encoder: a key frame at most [`RECENT_KEY`] old, else a fresh one is asked for, which
    /// arrives within a frame time. From a camera's own stream, where asking does nothing: the newest key frame, and the
    /// group so far at once. Jumps to a newer key frame when more than [`MAX_LIVE_LAG`] behind.
    Live,
}

/// What a frame costs beside its payload, so that many empty frames are bounded too.
const FRAME_COST: usize = 160;

/// The last frames of one stream.
pub(super) struct Ring {
    limits: RingLimits,
    frames: VecDeque<Arc<EncodedFrame>>,
    /// Sequence number of `frames[0]`; grows for ever.
    first: u64,
    /// Sequence numbers of the key frames held, oldest first.
    keys: VecDeque<u64>,
    bytes: usize,
    ended: bool,
}

/// A reader's place in a [`Ring`].
#[derive(Debug)]
pub(super) struct Cursor {
    from: From,
    next: u64,
    /// Nothing is passed on before the next key frame.
    needs_key: bool,
    /// Frames passed over since the last report.
    skipped: u64,
    /// Something was passed on or reported; frames passed over on the way to the first key frame were never promised.
    started: bool,
}

impl Cursor {
    pub(super) fn waits_for_key(&self) -> bool {
        self.needs_key
    }
}

/// What a cursor finds.
#[derive(Debug)]
pub(super) enum Step {
    Frame(Arc<EncodedFrame>),
    /// That many frames were lost; `needs_key` if there is no key frame to go on from yet.
    Dropped {
        frames: u64,
        needs_key: bool,
    },
    /// Nothing yet.
    Wait,
    Ended,
}

impl Ring {
    pub(super) fn new(limits: RingLimits) -> Self {
        Self { limits, frames: VecDeque::new(), first: 0, keys: VecDeque::new(), bytes: 0, ended: false }
    }

    /// Appends a frame and returns what was pruned, to be freed outside the lock.
    pub(super) fn push(&mut self, frame: Arc<EncodedFrame>) -> Vec<Arc<EncodedFrame>> {
        if self.ended {
            return vec![frame];
        }
        if frame.is_key {
            self.keys.push_back(self.end_seq());
        }
        self.bytes += cost(&frame);
        self.frames.push_back(frame);
        self.prune()
    }

    fn prune(&mut self) -> Vec<Arc<EncodedFrame>> {
        let mut pruned = Vec::new();
        while self.frames.len() > 1 && self.over_limits() {
            // The start of the next group, or, in a group that has outgrown the ceiling, the next frame: those who
            // follow closely can still decode, those who don't are told and wait for a key frame.
            let next_group = self.keys.iter().find(|key| **key > self.first);
            let until = next_group.copied().unwrap_or(self.first + 1);
            while self.first < until {
                let Some(frame) = self.frames.pop_front() else { break };
                self.bytes -= cost(&frame);
                self.first += 1;
                pruned.push(frame);
            }
            while self.keys.front().is_some_and(|key| *key < self.first) {
                self.keys.pop_front();
            }
        }
        pruned
    }

    /// Forgets every frame and returns them, to be freed outside the lock. Readers are told, and wait for a key frame.
    pub(super) fn clear(&mut self) -> VecDeque<Arc<EncodedFrame>> {
        self.first = self.end_seq();
        self.keys.clear();
        self.bytes = 0;
        std::mem::take(&mut self.frames)
    }

    fn over_limits(&self) -> bool {
        let (Some(first), Some(last)) = (self.frames.front(), self.frames.back()) else { return false };
        self.bytes > self.limits.bytes || last.encoded.saturating_duration_since(first.encoded) > self.limits.duration
    }

    /// A new reader's cursor. `foreign`: the frames are not made by our encoder.
    pub(super) fn cursor(&self, from: From, foreign: bool, now: Instant) -> Cursor {
        if let From::Since(at) = from {
            let early = |key: &&u64| self.frame(**key).is_some_and(|frame| frame.captured <= at);
            let start = self.keys.iter().rev().find(early).or(self.keys.front()).copied();
            let (next, needs_key) = (start.unwrap_or(self.end_seq()), start.is_none());
            return Cursor { from, next, needs_key, skipped: 0, started: false };
        }
        let start = self.keys.back().copied().filter(|key| match from {
            From::NewestKey | From::Since(_) => true,
            From::Live if foreign => true,
            From::Live => {
                self.frame(*key).is_some_and(|frame| now.saturating_duration_since(frame.encoded) <= RECENT_KEY)
            }
        });
        Cursor { from, next: start.unwrap_or(self.end_seq()), needs_key: start.is_none(), skipped: 0, started: false }
    }

    /// Moves a cursor on by one.
    pub(super) fn step(&self, cursor: &mut Cursor) -> Step {
        if self.ended {
            return Step::Ended;
        }
        if let Some(frames) = self.catch_up(cursor) {
            return Step::Dropped { frames, needs_key: cursor.needs_key };
        }
        loop {
            let Some(frame) = self.frame(cursor.next) else { return Step::Wait };
            if cursor.needs_key && !frame.is_key {
                cursor.next += 1;
                cursor.skipped += u64::from(cursor.started);
                continue;
            }
            cursor.needs_key = false;
            if cursor.skipped > 0 {
                return Step::Dropped { frames: std::mem::take(&mut cursor.skipped), needs_key: false };
            }
            cursor.next += 1;
            cursor.started = true;
            return Step::Frame(frame.clone());
        }
    }

    /// Jumps ahead where the cursor's frames are gone or, for a live reader, too old; tells how many were lost.
    fn catch_up(&self, cursor: &mut Cursor) -> Option<u64> {
        let newest_key = self.keys.back().copied();
        let target = if cursor.next < self.first {
            newest_key.filter(|key| *key >= cursor.next)
        } else if cursor.from == From::Live && self.lag(cursor) > MAX_LIVE_LAG {
            Some(newest_key.filter(|key| *key > cursor.next)?)
        } else {
            return None;
        };
        let lost = target.unwrap_or(self.end_seq()) - cursor.next;
        cursor.next += lost;
        cursor.needs_key = target.is_none();
        cursor.started = true;
        Some(lost + std::mem::take(&mut cursor.skipped))
    }

    fn lag(&self, cursor: &Cursor) -> Duration {
        match (self.frame(cursor.next), self.frames.back()) {
            (Some(next), Some(last)) => last.encoded.saturating_duration_since(next.encoded),
            _ => Duration::ZERO,
        }
    }

    pub(super) fn newest_gop(&self) -> Vec<Arc<EncodedFrame>> {
        let Some(key) = self.keys.back() else { return Vec::new() };
        self.frames.iter().skip((key - self.first) as usize).cloned().collect()
    }

    pub(super) fn last(&self) -> Option<&Arc<EncodedFrame>> {
        self.frames.back()
    }

    pub(super) fn held(&self) -> (usize, usize) {
        (self.frames.len(), self.bytes)
    }

    /// Payload bits a second of what was handed over in the `window` before `now`.
    pub(super) fn bits_per_second(&self, now: Instant, window: Duration) -> u64 {
        let recent = self.frames.iter().rev().take_while(|frame| now.saturating_duration_since(frame.encoded) < window);
        let bytes: usize = recent.map(|frame| frame.data.len()).sum();
        (bytes as f64 * 8.0 / window.as_secs_f64()) as u64
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
        self.frames.clear();
        self.keys.clear();
        self.bytes = 0;
    }

    fn frame(&self, seq: u64) -> Option<&Arc<EncodedFrame>> {
        self.frames.get(usize::try_from(seq.checked_sub(self.first)?).ok()?)
    }

    /// The sequence number of the frame that comes next.
    fn end_seq(&self) -> u64 {
        self.first + self.frames.len() as u64
    }
}

fn cost(frame: &EncodedFrame) -> usize {
    frame.data.len() + FRAME_COST
}
