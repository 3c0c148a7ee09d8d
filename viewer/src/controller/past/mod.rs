//! Looking back at one camera. Pure: what a person does, answers, what a film tells and times go in; [`Act`]s and a
//! [`Past`] to draw come out.

mod view;
mod wish;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::protocol::past;

use crate::past::known::{Gap, Known, Why};
use crate::past::marks::{LEAD, Way, neighbour};
use crate::past::player::{Speed, past_gap, picture_clock};
use crate::past::scrub::{Ask, Held, Scrub, picture_step};
use crate::past::spans::{Span, snapped, span_at};
use crate::past::zone::Zone;
use crate::past::{HOUR, Ms, axis};
use crate::play::planes::Planes;
use crate::settings::CameraKey;

pub use view::{End, Note, Past, Shown, Still};
pub use wish::{Act, Told, Unanswered, Wish};

/// The newest picture of a recording is about a second old.
const NOW: Ms = 4_000;
/// What is known of the last minutes is asked for again this often while it is in view.
const FRESH: Ms = 10_000;
/// Between two looks at whether something has to be asked for.
const TICK: Duration = Duration::from_secs(1);
/// Between two pictures of playing by pictures.
const PICTURES: Duration = Duration::from_millis(100);
const NOTE: Duration = Duration::from_millis(2_500);
/// From live the past begins this long ago.
const MOMENT: Ms = 1_000;
/// A stretch may end this much after its last picture.
const TAIL: Ms = 500;

/// See the module's documentation.
#[derive(Debug)]
pub struct Back {
    view: Past,
    known: Known,
    scrub: Scrub<Arc<Planes>>,
    /// Which film is the present one; there is none where `film` is false.
    turn: u64,
    film: bool,
    /// Playing by pictures: from where, since when.
    pictures: Option<(Ms, Instant)>,
    /// Whether it played when it was taken hold of.
    was_playing: bool,
    /// When the film's picture on the screen was captured.
    shown_at: Option<Ms>,
    /// Pictures a second of the camera.
    fps: f64,
    started: Instant,
    tick_at: Instant,
    pictures_at: Option<Instant>,
    note_until: Option<Instant>,
    acts: VecDeque<Act>,
}

impl Back {
    /// The strip of a camera is opened, in live.
    pub fn new(now: Instant, camera: CameraKey, wall: Ms, fps: f64) -> Self {
        let view = Past {
            camera,
            on: false,
            clock: (now, wall),
            at: wall,
            span: HOUR as f64,
            playing: false,
            speed: Speed::default(),
            dragging: false,
            shown: Shown::Nothing,
            gap: None,
            end: None,
            note: None,
            known: Arc::default(),
            zone: Arc::new(Zone::here()),
            loaded: false,
            trouble: false,
        };
        let mut back = Self {
            view,
            known: Known::default(),
            scrub: Scrub::default(),
            turn: 0,
            film: false,
            pictures: None,
            was_playing: true,
            shown_at: None,
            fps,
            started: now,
            tick_at: now + TICK,
            pictures_at: None,
            note_until: None,
            acts: VecDeque::new(),
        };
        back.load(now);
        back
    }

    /// What to draw.
    pub fn view(&self) -> &Past {
        &self.view
    }

    pub fn camera(&self) -> &CameraKey {
        &self.view.camera
    }

    /// Whether this camera is in the past, and so not received live.
    pub fn on(&self) -> bool {
        self.view.on
    }

    /// The next thing to do.
    pub fn poll_act(&mut self) -> Option<Act> {
        self.acts.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        [Some(self.tick_at), self.pictures_at, self.note_until].into_iter().flatten().min()
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.note_until.is_some_and(|at| now >= at) {
            self.note_until = None;
            self.view.note = None;
        }
        if self.pictures_at.is_some_and(|at| now >= at) {
            self.run_pictures(now);
        }
        if now >= self.tick_at {
            self.tick_at = now + TICK;
            self.load(now);
        }
    }

    /// The streamer's clock.
    pub fn handle_clock(&mut self, now: Instant, wall: Ms) {
        self.view.clock = (now, wall);
    }

    /// A session began: what was asked for before is not answered any more.
    pub fn handle_session(&mut self, now: Instant) {
        self.known.failed();
        self.known.stale(self.wall(now) - HOUR);
        self.scrub.clear();
        self.film = false;
        self.load(now);
        if self.view.on {
            self.seek(now, self.view.at, self.view.playing);
        }
    }

    /// Something moved there, and has come to rest.
    pub fn handle_motion(&mut self, now: Instant) {
        self.known.stale(self.wall(now) - 60_000);
    }

    /// The answer to [`Act::List`].
    pub fn handle_list(&mut self, now: Instant, range: Span, told: Result<&past::Past, Unanswered>) {
        match told {
            Ok(told) => {
                if let Some(zone) = Zone::told(&told.zone) {
                    self.view.zone = Arc::new(zone);
                }
                self.known.add(range, told);
                self.view.known = Arc::new(self.known.clone());
                (self.view.loaded, self.view.trouble) = (true, false);
                if told.more {
                    self.load(now);
                }
            }
            Err(lost) => {
                self.known.failed();
                self.view.trouble = lost == Unanswered::Refused;
            }
        }
    }

    /// The answer to [`Act::Picture`]; `Err(true)` where there will never be one.
    pub fn handle_picture(&mut self, now: Instant, ask: Ask, got: Result<Held<Arc<Planes>>, bool>) {
        match got {
            Ok(held) => {
                self.scrub.answer(ask.id, held);
                // A film's picture is better than any of these.
                let film = matches!(self.view.shown, Shown::Film);
                if self.view.on && (self.view.dragging || self.pictures.is_some() || !film) {
                    self.show_held();
                }
            }
            Err(never) => self.scrub.failed(ask.id, never),
        }
        self.ask(now);
    }

    /// The film `turn` tells something.
    pub fn handle_film(&mut self, now: Instant, turn: u64, told: Told) {
        if !self.film || turn != self.turn || !self.view.on {
            return;
        }
        match told {
            Told::Shown(at) => {
                if self.view.dragging {
                    return;
                }
                (self.view.shown, self.view.gap, self.shown_at) = (Shown::Film, None, Some(at));
                if self.view.playing {
                    self.view.at = at;
                    if at > self.wall(now) - NOW / 2 {
                        self.reached_end(now);
                    }
                }
            }
            Told::Skipped { from, to } => self.skipped(now, from, to),
            Told::Ended => self.reached_end(now),
            Told::Failed => {
                self.view.playing = false;
                self.note(now, Note::Failed);
            }
        }
    }

    /// A person does something.
    pub fn handle_wish(&mut self, now: Instant, wish: Wish) {
        match wish {
            Wish::Seek { at, play } => self.seek(now, at, play.unwrap_or(self.playing_or_live())),
            Wish::Step(ms) => self.step(now, ms),
            Wish::Frame(way) => self.frame(now, way),
            Wish::Event(way) => {
                let at = self.position(now);
                if let Some(found) = neighbour(&self.known.events, at, way).map(|event| event.from) {
                    self.play_from_before(now, found);
                }
            }
            Wish::PlayEvent(id) => {
                if let Some(found) = self.known.events.iter().find(|event| event.id == id).map(|event| event.from) {
                    self.play_from_before(now, found);
                }
            }
            Wish::Oldest => {
                let at = self.known.spans.first().map(|span| span.from);
                self.seek(now, at.unwrap_or(self.position(now)), self.playing_or_live());
            }
            Wish::Toggle => self.toggle(now),
            Wish::Pause => {
                if self.view.on {
                    self.pause(now);
                }
            }
            Wish::Speed(speed) => self.set_speed(now, speed, self.view.playing),
            Wish::Shuttle(way) => self.shuttle(now, way),
            Wish::Live => self.live(),
            Wish::Grab => self.grab(now),
            Wish::Drag(at) => self.drag(now, at),
            Wish::Release => self.release(now),
            Wish::Span(span) => {
                self.view.span = span.clamp(axis::MIN_SPAN, axis::MAX_SPAN);
                self.load(now);
            }
        }
    }

    fn wall(&self, now: Instant) -> Ms {
        self.view.now(now)
    }

    /// Where the playhead is.
    fn position(&self, now: Instant) -> Ms {
        if self.view.on { self.view.at } else { self.wall(now) }
    }

    fn playing_or_live(&self) -> bool {
        !self.view.on || self.view.playing
    }

    /// Goes to a moment: shows its frame, and plays on if it is to.
    fn seek(&mut self, now: Instant, at: Ms, play: bool) {
        let to = at.min(self.wall(now));
        self.enter();
        self.stop_pictures();
        self.shown_at = None;
        (self.view.at, self.view.end, self.view.playing) = (to, None, play);
        let within = span_at(&self.known.spans, to);
        self.view.gap = if within.is_some() { None } else { Some(self.gap_of(now, to)) };
        if self.view.gap.is_some() && self.view.loaded {
            self.cut();
            self.view.shown = Shown::Nothing;
            if play {
                match snapped(&self.known.spans, to).filter(|next| *next > to) {
                    Some(next) => {
                        self.skipped(now, to, next);
                        self.seek(now, next, true);
                    }
                    None => self.reached_end(now),
                }
            }
            return;
        }
        self.picture(now, 500);
        if play && self.view.speed.by_pictures() {
            self.cut();
            self.pictures = Some((to, now));
            self.pictures_at = Some(now + PICTURES);
        } else {
            self.turn += 1;
            self.film = true;
            let speed = if self.view.speed.by_pictures() { 1.0 } else { self.view.speed.factor() };
            self.acts.push_back(Act::Film { turn: self.turn, from: to, playing: play, speed });
        }
        self.load(now);
    }

    fn step(&mut self, now: Instant, ms: Ms) {
        let mut to = self.position(now) + ms;
        let spans = &self.known.spans;
        if span_at(spans, to).is_none() && !spans.is_empty() {
            let way = if ms > 0 { Way::On } else { Way::Back };
            if let Some(edge) = past_gap(spans, to, way) {
                let before = span_at(spans, edge - 2_000).map_or(edge - TAIL, |span| span.from);
                to = if ms > 0 { edge } else { before.max(edge - 2_000) };
            }
        }
        self.seek(now, to, self.playing_or_live());
    }

    fn frame(&mut self, now: Instant, way: Way) {
        let frame = 1_000.0 / if self.fps > 0.0 { self.fps } else { 25.0 };
        let at = self.shown_at.filter(|_| self.view.on).unwrap_or(self.position(now));
        let to = match way {
            Way::On => at + frame as Ms + 1,
            Way::Back => at - frame as Ms - 1,
        };
        self.seek(now, to, false);
    }

    /// From a little before an event, as far as that was recorded.
    fn play_from_before(&mut self, now: Instant, event: Ms) {
        let first = self.known.spans.iter().find(|span| span.to > event - LEAD).map_or(0, |span| span.from);
        self.seek(now, (event - LEAD).max(first.min(event)), true);
    }

    fn toggle(&mut self, now: Instant) {
        if !self.view.on {
            self.seek(now, self.wall(now) - 1_500, false);
        } else if self.view.playing {
            self.pause(now);
        } else if self.view.end.is_none() {
            self.set_speed(now, self.view.speed, true);
        }
    }

    fn pause(&mut self, now: Instant) {
        self.view.playing = false;
        if self.view.speed.by_pictures() {
            self.seek(now, self.view.at, false);
        } else if self.film {
            self.acts.push_back(Act::Go { playing: false, speed: self.view.speed.factor() });
        }
    }

    /// Another speed; playing goes on from here.
    fn set_speed(&mut self, now: Instant, speed: Speed, play: bool) {
        let before = std::mem::replace(&mut self.view.speed, speed);
        self.view.playing = play && self.view.on;
        if !self.view.on {
            return;
        }
        let anew = self.view.gap.is_some() || speed.by_pictures() || before.by_pictures() || !self.film;
        if !anew {
            self.acts.push_back(Act::Go { playing: play, speed: speed.factor() });
        } else if play {
            self.seek(now, self.view.at, true);
        }
    }

    fn shuttle(&mut self, now: Instant, way: Way) {
        if !self.view.on {
            if way == Way::Back {
                self.step(now, -MOMENT);
            }
            return;
        }
        self.view.end = None;
        self.set_speed(now, self.view.speed.shuttle(self.view.playing, way), true);
    }

    fn live(&mut self) {
        self.cut();
        self.stop_pictures();
        let view = &mut self.view;
        (view.playing, view.speed, view.shown, view.dragging) = (false, Speed::default(), Shown::Nothing, false);
        (view.gap, view.end, view.note) = (None, None, None);
        if std::mem::replace(&mut view.on, false) {
            self.acts.push_back(Act::Received);
        }
    }

    fn grab(&mut self, now: Instant) {
        if self.view.dragging {
            return;
        }
        self.was_playing = self.playing_or_live();
        self.view.at = self.position(now);
        (self.view.dragging, self.view.playing) = (true, false);
        self.stop_pictures();
        self.cut();
    }

    /// The strip now stands at `at`; from live that is the past as soon as it is more than a moment ago.
    fn drag(&mut self, now: Instant, at: Ms) {
        if !self.view.dragging {
            return;
        }
        let wall = self.wall(now);
        self.view.at = at.min(wall);
        if !self.view.on && self.view.at < wall - MOMENT {
            self.enter();
        }
        if !self.view.on {
            return;
        }
        self.view.end = None;
        let within = span_at(&self.known.spans, self.view.at);
        self.view.gap = if within.is_some() { None } else { Some(self.gap_of(now, self.view.at)) };
        if within.is_some() {
            self.picture(now, picture_step(self.view.span));
        } else {
            self.view.shown = Shown::Nothing;
        }
        self.load(now);
    }

    /// Let go: the exact frame, and on if it was playing.
    fn release(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.view.dragging, false) {
            return;
        }
        if self.view.on {
            self.seek(now, self.view.at, self.was_playing);
        }
    }

    fn enter(&mut self) {
        if !std::mem::replace(&mut self.view.on, true) {
            self.acts.push_back(Act::Received);
        }
    }

    /// Ends the film; its last picture stays until there is another.
    fn cut(&mut self) {
        if std::mem::replace(&mut self.film, false) {
            self.acts.push_back(Act::Cut);
        }
    }

    /// Asks for what of the view is not known yet.
    fn load(&mut self, now: Instant) {
        let wall = self.wall(now);
        let (centre, span) = (self.position(now), self.view.span as Ms);
        // At first the last day, whatever is shown.
        let (from, to, until) = match self.view.loaded {
            true => (centre - span, centre + span, wall - FRESH),
            false => (wall - 25 * HOUR, wall, wall),
        };
        if let Some(range) = self.known.missing(from.max(0), to.min(until)) {
            self.acts.push_back(Act::List(range));
        }
    }

    fn gap_of(&self, now: Instant, at: Ms) -> Gap {
        self.known.gap_at(at).unwrap_or_else(|| {
            let spans = &self.known.spans;
            let from = spans.iter().rfind(|span| span.to <= at).map_or(at, |span| span.to);
            let to = spans.iter().find(|span| span.from > at).map_or(self.wall(now), |span| span.from);
            Gap { from, to, why: Why::Unknown }
        })
    }

    /// The nearest picture held, at once, and the right one asked for.
    fn picture(&mut self, now: Instant, step: Ms) {
        let within = span_at(&self.known.spans, self.view.at);
        self.scrub.want(self.view.at, step, within);
        self.show_held();
        self.ask(now);
    }

    fn show_held(&mut self) {
        let Some(within) = span_at(&self.known.spans, self.view.at) else { return };
        if let Some(held) = self.scrub.nearest(self.view.at, within) {
            self.view.shown = Shown::Still(Still { at: held.at, planes: Arc::clone(&held.picture) });
        }
    }

    fn ask(&mut self, now: Instant) {
        let ms = Ms::try_from(now.saturating_duration_since(self.started).as_millis()).unwrap_or(0);
        while let Some(ask) = self.scrub.next(ms) {
            self.acts.push_back(Act::Picture(ask));
        }
    }

    /// Faster than twice, and backwards: pictures, by a clock of its own.
    fn run_pictures(&mut self, now: Instant) {
        self.pictures_at = None;
        let Some((from, since)) = self.pictures else { return };
        let speed = self.view.speed;
        let first = self.known.spans.first().map_or(0, |span| span.from);
        let last = (self.known.last().unwrap_or(0) - TAIL).max(first);
        let passed = Ms::try_from(now.saturating_duration_since(since).as_millis()).unwrap_or(0);
        let (at, over) = picture_clock(from, speed, passed, first, last);
        let way = if speed.backwards() { Way::Back } else { Way::On };
        let Some(to) = past_gap(&self.known.spans, at, way).filter(|_| !over) else {
            self.view.at = at;
            self.reached_end(now);
            return;
        };
        self.view.at = at;
        if to != at {
            self.skipped(now, at.min(to), at.max(to));
            // A stretch does not hold its own end.
            self.view.at = if speed.backwards() { to - 1 } else { to };
            self.pictures = Some((self.view.at, now));
        }
        self.view.gap = None;
        self.picture(now, ((speed.factor().abs() * 250.0) as Ms).max(500));
        self.pictures_at = Some(now + PICTURES);
        self.load(now);
    }

    fn stop_pictures(&mut self) {
        (self.pictures, self.pictures_at) = (None, None);
    }

    fn skipped(&mut self, now: Instant, from: Ms, to: Ms) {
        let why = self.known.gap_at(from.midpoint(to)).map_or(Why::Unknown, |gap| gap.why);
        self.note(now, Note::Skipped { why, ms: to - from });
    }

    /// It stops, and never goes live by itself.
    fn reached_end(&mut self, now: Instant) {
        self.stop_pictures();
        if self.film {
            self.acts.push_back(Act::Go { playing: false, speed: 1.0 });
        }
        self.view.playing = false;
        if !self.view.speed.backwards() {
            let wall = self.wall(now);
            let recorded = self.known.last().unwrap_or(self.view.at) > wall - 3 * FRESH;
            let newest = recorded && self.view.at > wall - FRESH - NOW;
            self.view.end = Some(if newest { End::Now } else { End::Last });
        }
    }

    fn note(&mut self, now: Instant, note: Note) {
        self.view.note = Some(note);
        self.note_until = Some(now + NOTE);
    }
}

#[cfg(test)]
mod tests;
