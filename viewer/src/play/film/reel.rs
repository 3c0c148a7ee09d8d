//! Which unit of a film is next, and when. Pure; media times in microseconds since 1970.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Start;
use crate::controller::past::Told;
use crate::past::player::{Range, Speed, Step, step, wants_more};
use crate::session::past::Unit;

/// Units that wait, in bytes, at most; one more may be on its way.
const ROOM: usize = 24 * 1024 * 1024;
/// Two pictures further apart have a gap between them.
const GAP: i64 = 1_000_000;
/// How long the last picture of a part is taken to last.
const FRAME: i64 = 40_000;
/// Sound is handed over this much before its picture is due, for the loudspeaker's own buffer.
const LEAD: i64 = 60_000;
/// Pictures that come later than this after they were due begin a new count.
const LATE: i64 = 500_000;

#[derive(Debug, PartialEq)]
pub(super) enum Do {
    Picture {
        at: i64,
        is_key: bool,
        data: Vec<u8>,
        show: bool,
        playing: bool,
    },
    Sound {
        data: Vec<u8>,
        speed: f64,
    },
    Tell(Told),
    Sleep(Instant),
    /// Until something changes.
    Wait,
    Close,
}

#[derive(Debug)]
struct Frame {
    at: i64,
    is_key: bool,
    data: Vec<u8>,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Reel {
    pictures: VecDeque<Frame>,
    sounds: VecDeque<(i64, Vec<u8>)>,
    bytes: usize,
    /// What is loaded without a break, from where it plays on.
    parts: VecDeque<(i64, i64)>,
    from: i64,
    /// The picture on the screen; `None` before the first.
    shown: Option<i64>,
    /// At this moment, that was to be shown; `None` while it waits for more.
    base: Option<(Instant, i64)>,
    /// Where it waits for more.
    stalled: i64,
    playing: bool,
    speed: f64,
    ended: bool,
    told_end: bool,
    closed: bool,
    skipped: Option<Told>,
    sound: bool,
}

impl Reel {
    pub(super) fn new(start: Start) -> Self {
        Self {
            pictures: VecDeque::new(),
            sounds: VecDeque::new(),
            bytes: 0,
            parts: VecDeque::new(),
            from: start.from.saturating_mul(1_000),
            shown: None,
            base: None,
            stalled: 0,
            playing: start.playing,
            speed: start.speed,
            ended: false,
            told_end: false,
            closed: false,
            skipped: None,
            sound: start.sound,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        let at = self.position_or_start();
        // Before the first picture is shown, everything up to it is needed.
        let wants = self.shown.is_none() || wants_more(&self.ranges(), seconds(at), self.playing);
        self.closed || (self.bytes < ROOM && wants)
    }

    pub(super) fn push(&mut self, unit: Unit) {
        match unit {
            Unit::Begin { .. } => {}
            Unit::Picture { at, is_key, data } => {
                self.bytes += data.len();
                match self.parts.back_mut() {
                    Some((_, end)) if at.0 - *end <= GAP => *end = (*end).max(at.0 + FRAME),
                    Some(_) | None => self.parts.push_back((at.0, at.0 + FRAME)),
                }
                self.pictures.push_back(Frame { at: at.0, is_key, data });
            }
            Unit::Sound { .. } if !self.sound => {}
            Unit::Sound { at, data } => {
                self.bytes += data.len();
                self.sounds.push_back((at.0, data));
            }
        }
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn go(&mut self, now: Instant, playing: bool, speed: f64) {
        let at = self.position(now);
        (self.playing, self.speed) = (playing, speed);
        self.base = at.map(|at| (now, at));
        self.told_end &= !playing;
    }

    pub(super) fn next(&mut self, now: Instant) -> Do {
        if self.closed {
            return Do::Close;
        }
        if let Some(told) = self.skipped.take() {
            return Do::Tell(told);
        }
        if self.shown.is_none() {
            return self.first(now);
        }
        if !self.playing {
            return Do::Wait;
        }
        if self.base.is_none() {
            if self.pictures.is_empty() && !self.ended {
                return Do::Wait;
            }
            self.base = Some((now, self.stalled));
        }
        let Some(at) = self.position(now) else { return Do::Wait };
        while self.parts.front().is_some_and(|(_, end)| *end <= at) && self.parts.len() > 1 && self.past_first(at) {
            self.parts.pop_front();
        }
        if let Some(sound) = self.sound(at) {
            return sound;
        }
        match step(seconds(at), &self.ranges(), self.ended) {
            Step::Play => self.play(now, at),
            // What is loaded is shown to its last picture first.
            Step::Wait | Step::Stop if !self.pictures.is_empty() => self.play(now, at),
            Step::Wait => {
                self.stalled = at.min(self.loaded());
                self.base = None;
                Do::Wait
            }
            Step::Hop { to, say, .. } => self.hop(now, at, (to * 1e6) as i64, say),
            Step::Stop => {
                if std::mem::replace(&mut self.told_end, true) {
                    Do::Wait
                } else {
                    Do::Tell(Told::Ended)
                }
            }
        }
    }

    /// Over what was not recorded.
    fn hop(&mut self, now: Instant, at: i64, to: i64, say: bool) -> Do {
        let Some(next) = self.pictures.front().map(|frame| frame.at) else { return Do::Wait };
        if next + FRAME < to {
            return self.play(now, at);
        }
        if say {
            let from = self.shown.unwrap_or(at).div_euclid(1_000);
            self.skipped = Some(Told::Skipped { from, to: next.div_euclid(1_000) });
        }
        self.base = Some((now, next));
        self.parts.retain(|(_, end)| *end > next);
        self.drop_sounds(next);
        self.play(now, next)
    }

    /// The exact picture: the last one at or before where it begins, or else the first.
    fn first(&mut self, now: Instant) -> Do {
        let Some(frame) = self.pictures.front() else {
            let over = self.ended && !std::mem::replace(&mut self.told_end, self.ended);
            return if over { Do::Tell(Told::Ended) } else { Do::Wait };
        };
        let at = frame.at;
        let show = match self.pictures.get(1) {
            Some(next) => next.at > self.from,
            None if at > self.from || self.ended => true,
            // Whether this is the one is known when the next is there.
            None => return Do::Wait,
        };
        if show {
            self.shown = Some(at);
            let begins = if at > self.from { at } else { self.from };
            self.base = Some((now, begins));
            self.drop_sounds(begins);
            self.parts.retain(|(_, end)| *end > at);
        }
        self.take(show)
    }

    fn play(&mut self, now: Instant, at: i64) -> Do {
        let Some(next) = self.pictures.front().map(|frame| frame.at) else {
            return self.until_sound(now, at, at + FRAME);
        };
        if next > at {
            return self.until_sound(now, at, next);
        }
        if at - next > LATE {
            self.base = Some((now, next));
        }
        // Of several that are due only the newest is shown; all are decoded.
        let show = self.pictures.get(1).is_none_or(|frame| frame.at > at);
        if show {
            self.shown = Some(next);
        }
        self.take(show)
    }

    fn take(&mut self, show: bool) -> Do {
        let Some(Frame { at, is_key, data }) = self.pictures.pop_front() else { return Do::Wait };
        self.bytes -= data.len();
        Do::Picture { at, is_key, data, show, playing: self.playing }
    }

    fn sound(&mut self, at: i64) -> Option<Do> {
        let audible = Speed::of(self.speed).is_some_and(Speed::audible);
        while let Some((of, _)) = self.sounds.front()
            && *of <= at + (LEAD as f64 * self.speed) as i64
        {
            let (of, data) = self.sounds.pop_front()?;
            self.bytes -= data.len();
            // What is late is left out: it would push everything after it further behind.
            if audible && of >= at - 2 * LEAD {
                return Some(Do::Sound { data, speed: self.speed });
            }
        }
        None
    }

    /// Sleeps until a picture or a packet is due.
    fn until_sound(&self, now: Instant, at: i64, picture: i64) -> Do {
        let lead = (LEAD as f64 * self.speed) as i64;
        let sound = self.sounds.front().map_or(i64::MAX, |(of, _)| of - lead);
        let wait = (picture.min(sound) - at).max(1_000) as f64 / self.speed;
        Do::Sleep(now + Duration::from_micros(wait as u64).min(Duration::from_secs(1)))
    }

    fn drop_sounds(&mut self, before: i64) {
        while self.sounds.front().is_some_and(|(at, _)| *at < before) {
            if let Some((_, data)) = self.sounds.pop_front() {
                self.bytes -= data.len();
            }
        }
    }

    fn past_first(&self, at: i64) -> bool {
        // A part whose pictures were not all shown is not left behind.
        self.pictures.front().is_none_or(|frame| frame.at > at)
    }

    /// Where it is.
    fn position(&self, now: Instant) -> Option<i64> {
        let (since, at) = self.base?;
        let passed = if self.playing { now.saturating_duration_since(since) } else { Duration::ZERO };
        Some(at + (passed.as_micros() as f64 * self.speed) as i64)
    }

    fn position_or_start(&self) -> i64 {
        self.shown.unwrap_or(self.from)
    }

    fn loaded(&self) -> i64 {
        self.parts.back().map_or(i64::MAX, |(_, end)| *end)
    }

    fn ranges(&self) -> Vec<Range> {
        self.parts.iter().map(|(from, to)| Range { start: seconds(*from), end: seconds(*to) }).collect()
    }
}

fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests;
