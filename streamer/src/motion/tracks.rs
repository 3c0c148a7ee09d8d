//! Things over time: blobs that follow one another. What flickers in place, jumps about or crosses like an insect is no
//! thing that moves; what goes somewhere is.

use std::time::{Duration, Instant};

use super::blobs::Blob;
use super::grid::{HEIGHT, WIDTH};

/// Tracks at a time.
const MOST: usize = 48;
/// A track without a blob for this long is over.
const LOST_AFTER: Duration = Duration::from_millis(400);
/// What does not change for this long begins its way anew.
const RESTS: Duration = Duration::from_millis(500);
/// Share of a blob's cells that change while it moves: its edges at least.
const LIVELY: f32 = 0.15;
/// What changes for less than this was jolted.
const JOLT: Duration = Duration::from_millis(200);
/// Between two pictures no more than this counts as followed.
const SHORT: Duration = Duration::from_millis(200);
/// Positions are remembered at this step …
const STEP: Duration = Duration::from_millis(100);
/// … for this long.
const MEMORY: Duration = Duration::from_secs(3);
/// A thing must be followed for this long.
const AGE: Duration = Duration::from_millis(450);
/// It must come this far, in cells …
const NET: f32 = 2.5;
/// … and this many times the square root of its area: large things wobble more.
const NET_OF_SIZE: f32 = 0.4;
/// … but no farther than this.
const NET_AT_MOST: f32 = 10.0;
/// Something large need not come far: a hand that reaches in changes this share of its cells …
const CHURN: f32 = 0.3;
/// … for this long.
const CHURNS: Duration = Duration::from_millis(600);
/// Its centre alone may wander because it grows or loses a part; that counts for half.
const OF_CENTRE: f32 = 0.5;
/// Just now, in …
const LATELY: Duration = Duration::from_millis(700);
/// … it must have come so far, in cells.
const NET_LATELY: f32 = 0.5;
/// Its way must be this straight: net distance to distance.
const STRAIGHT: f32 = 0.45;
/// No single step may be more of that distance than this: parts that come and go make a centre jump.
const LARGEST_STEP: f32 = 0.5;
/// Faster than this, in cells a second, and small, it is followed for longer before it counts: insects near the lens.
const INSECT_SPEED: f32 = 50.0;
const INSECT_AREA: f32 = 430.0;
const INSECT_AGE: Duration = Duration::from_millis(800);
/// After it stopped, a thing counts as moving for this long …
const PAUSE: Duration = Duration::from_millis(800);
/// … and while it changes in place, for this long: a person turns, a bright mark trembles.
const STAY: Duration = Duration::from_secs(10);
const STAY_SMALL: Duration = Duration::from_secs(4);
/// Smaller than this, in cells, is small.
const SMALL: f32 = 60.0;

/// One thing.
#[derive(Clone, Debug)]
pub struct Track {
    pub born: Instant,
    seen: Instant,
    /// Where it is.
    place: Place,
    vx: f32,
    vy: f32,
    /// Smoothed area in cells.
    pub area: f32,
    way: Vec<(Instant, Place)>,
    /// When it last went somewhere, and when it last changed after that.
    went: Option<Instant>,
    changed: Instant,
    /// Since when it changes from picture to picture.
    lively_since: Option<Instant>,
    lively_at: Instant,
    churns_since: Option<Instant>,
    /// For how long it was really seen.
    followed: Duration,
    /// Its blob in the newest picture.
    pub blob: Option<usize>,
}

/// A centre, and the box around it: left, top, right, bottom.
#[derive(Clone, Copy, Debug)]
struct Place {
    x: f32,
    y: f32,
    bounds: [f32; 4],
}

impl Place {
    fn of(blob: &Blob) -> Self {
        Self { x: blob.x, y: blob.y, bounds: blob.bounds.map(|edge| edge as f32) }
    }

    /// Between the centres.
    fn distance(&self, other: &Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// How far the thing as a whole has come: as far as both of its edges have. An edge of the picture tells nothing.
    fn moved(&self, other: &Self) -> f32 {
        let along = |low: usize, high: usize, end: f32| {
            let (by_low, by_high) = (self.bounds[low] - other.bounds[low], self.bounds[high] - other.bounds[high]);
            let cut_low = self.bounds[low] <= 0.0 && other.bounds[low] <= 0.0;
            let cut_high = self.bounds[high] >= end && other.bounds[high] >= end;
            match (cut_low, cut_high) {
                (true, true) => 0.0,
                (true, false) => OF_CENTRE * by_high.abs(),
                (false, true) => OF_CENTRE * by_low.abs(),
                (false, false) if by_low * by_high > 0.0 => by_low.abs().min(by_high.abs()),
                (false, false) => 0.0,
            }
        };
        let whole = along(0, 2, WIDTH as f32).hypot(along(1, 3, HEIGHT as f32));
        whole.max(OF_CENTRE * self.distance(other))
    }
}

impl Track {
    /// Whether it moves, at `now`.
    pub fn moving(&self, now: Instant) -> bool {
        let within = |at: Instant, limit| now.saturating_duration_since(at) <= limit;
        let stay = if self.area < SMALL { STAY_SMALL } else { STAY };
        self.blob.is_some() && within(self.changed, PAUSE) && self.went.is_some_and(|went| within(went, stay))
    }

    fn new(now: Instant, n: usize, blob: &Blob) -> Self {
        Self {
            born: now,
            seen: now,
            place: Place::of(blob),
            vx: 0.0,
            vy: 0.0,
            area: blob.area as f32,
            way: vec![(now, Place::of(blob))],
            went: None,
            changed: now,
            lively_since: None,
            lively_at: now,
            churns_since: None,
            followed: Duration::ZERO,
            blob: Some(n),
        }
    }

    fn predicted(&self, now: Instant) -> (f32, f32) {
        let passed = now.saturating_duration_since(self.seen).as_secs_f32().min(0.3);
        (self.place.x + self.vx * passed, self.place.y + self.vy * passed)
    }

    /// How badly a blob fits; `None` if it is another thing.
    fn cost(&self, now: Instant, blob: &Blob) -> Option<f32> {
        let (x, y) = self.predicted(now);
        let distance = (x - blob.x).hypot(y - blob.y);
        let ratio = (blob.area as f32 / self.area).ln().abs();
        // What comes back after a while is hardly the same; it is looked for no farther away.
        let passed = now.saturating_duration_since(self.seen).as_secs_f32().min(0.15);
        // A new thing may go anywhere at the speed of an insect; a known one keeps its way.
        let speed = if self.way.len() < 3 { 100.0 } else { 20.0 + 0.5 * self.vx.hypot(self.vy) };
        let reach = 2.0 + 0.5 * self.area.max(blob.area as f32).sqrt() + speed * passed;
        (distance <= reach && ratio <= 1.6).then_some(distance / reach + 0.3 * ratio)
    }

    fn follow(&mut self, now: Instant, n: usize, blob: &Blob, lively: f32) {
        let since = now.saturating_duration_since(self.seen);
        self.followed += since.min(SHORT);
        let passed = since.as_secs_f32().max(0.01);
        // A third of a second of memory.
        let share = (passed / 0.2).min(1.0);
        self.vx += ((blob.x - self.place.x) / passed - self.vx) * share;
        self.vy += ((blob.y - self.place.y) / passed - self.vy) * share;
        (self.place, self.seen, self.blob) = (Place::of(blob), now, Some(n));
        self.area += (blob.area as f32 - self.area) * share;
        if self.way.last().is_none_or(|last| now.saturating_duration_since(last.0) >= STEP) {
            self.way.push((now, self.place));
            self.way.retain(|point| now.saturating_duration_since(point.0) <= MEMORY);
        }
        if lively < LIVELY {
            (self.lively_since, self.churns_since) = (None, None);
            if now.saturating_duration_since(self.lively_at) >= RESTS {
                // A shadow that is being learned shrinks; that is no way it went.
                self.way.clear();
                self.way.push((now, self.place));
            }
            return;
        }
        self.lively_at = now;
        let churns = lively >= CHURN && blob.area as f32 >= INSECT_AREA;
        self.churns_since = churns.then(|| self.churns_since.unwrap_or(now));
        let churned = self.churns_since.is_some_and(|since| now.saturating_duration_since(since) >= CHURNS);
        // A single jolt, as of a key frame that looks a little different, is no motion.
        let since = *self.lively_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= JOLT {
            // What has gone somewhere counts while it changes: someone who stands and turns is still there.
            self.changed = now;
            if churned || self.goes(now) {
                self.went = Some(now);
            }
        }
    }

    /// Whether its way of late leads somewhere.
    fn goes(&self, now: Instant) -> bool {
        let age = self.followed;
        if age < AGE {
            return false;
        }
        let needed = (NET_OF_SIZE * self.area.sqrt()).clamp(NET, NET_AT_MOST);
        let (mut length, mut lately, mut largest) = (0.0, 0.0f32, 0.0f32);
        let mut last = &self.place;
        for (at, place) in self.way.iter().rev() {
            let step = place.distance(last);
            length += step;
            largest = largest.max(step);
            last = place;
            let (net, passed) = (self.place.moved(place), now.saturating_duration_since(*at));
            if passed <= LATELY {
                lately = lately.max(net);
            } else if lately < NET_LATELY {
                return false;
            }
            let steady = self.place.distance(place) >= STRAIGHT * length && largest <= LARGEST_STEP * length;
            if net >= needed && steady {
                let insect = self.area < INSECT_AREA && net / passed.as_secs_f32().max(0.05) > INSECT_SPEED;
                return !insect || age >= INSECT_AGE;
            }
        }
        false
    }
}

/// All things in the picture.
#[derive(Debug, Default)]
pub struct Tracks {
    tracks: Vec<Track>,
}

impl Tracks {
    /// The blobs of one picture. `lively` is the share of a blob that changes.
    pub fn handle_blobs(&mut self, now: Instant, blobs: &[Blob], lively: impl Fn(&Blob) -> f32) {
        for track in &mut self.tracks {
            track.blob = None;
        }
        let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
        for (t, track) in self.tracks.iter().enumerate() {
            let fitting = blobs.iter().enumerate();
            pairs.extend(fitting.filter_map(|(b, blob)| track.cost(now, blob).map(|cost| (cost, t, b))));
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut taken = vec![false; blobs.len()];
        for (_, t, b) in pairs {
            if !taken[b] && self.tracks[t].blob.is_none() {
                taken[b] = true;
                self.tracks[t].follow(now, b, &blobs[b], lively(&blobs[b]));
            }
        }
        self.tracks.retain(|track| now.saturating_duration_since(track.seen) <= LOST_AFTER);
        for (b, blob) in blobs.iter().enumerate() {
            if !taken[b] && self.tracks.len() < MOST {
                self.tracks.push(Track::new(now, b, blob));
            }
        }
    }

    /// Those that move.
    pub fn moving(&self, now: Instant) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(move |track| track.moving(now))
    }

    /// Forgets all (the scene is another).
    pub fn clear(&mut self) {
        self.tracks.clear();
    }

    /// Nothing counts as moved so far: what was seen came with a change of light.
    pub fn distrust(&mut self, now: Instant) {
        for track in &mut self.tracks {
            if track.went.is_none() {
                track.born = now;
                track.followed = Duration::ZERO;
                track.churns_since = None;
                track.way.clear();
                track.way.push((now, track.place));
            }
        }
    }
}
