//! Looking at one camera: model, guards, things, zones and gate in a row, one picture at a time. Pure: time and the
//! seed of its lots are arguments.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::background::Background;
use super::blobs::Blob;
use super::gate::Change;
use super::grid::{CELLS, HEIGHT, Plane, WIDTH, plane};
use super::guard::view::{View, ViewGuard};
use super::guard::{light, shake};
use super::things::{Things, Trust};
use super::wide::Wide;
use super::zones::ZoneMap;

/// A new scene is learned for this long before anything is said about it.
pub const SETTLE: Duration = Duration::from_secs(2);
/// After a change of light nothing new is believed for this long.
const MUTE: Duration = Duration::from_millis(600);
/// A change of light by this many levels mutes.
const BIG_STEP: f32 = 4.0;
/// Tones are measured this often.
const TONES_EVERY: Duration = Duration::from_millis(120);
/// Share of the picture that a change of scene covers at least …
const SCENE: f32 = 0.4;
/// … and how fast it comes: what grows more slowly comes nearer.
const SUDDEN: Duration = Duration::from_millis(700);
/// Such a change that never comes to rest is believed after this long.
const PATIENCE: Duration = Duration::from_secs(4);
/// Mean change from picture to picture, in levels, below which the picture is at rest …
const AT_REST: f32 = 1.5;
/// … for this long.
const RESTED: Duration = Duration::from_millis(350);
/// A part of the scene changes at once when its share of the picture grows by this much …
const STEP: f32 = 0.06;
/// … within this time: faster than anything comes into view.
const AT_ONCE: Duration = Duration::from_millis(150);
/// If the picture does not come to rest for this long after it, it was something that moves.
const UNREST: Duration = Duration::from_millis(1000);
/// Share of strong cells from which shake is looked for.
const SHAKY: f32 = 0.002;
/// A camera that shook shakes on for this long.
const SHAKES: Duration = Duration::from_millis(600);
/// For this long shake is a gust, in which nothing new is believed; a camera that shakes on is looked at with
/// tolerance.
const GUST: Duration = Duration::from_secs(3);
/// In rain and snow a thing must be so many times larger.
const IN_RAIN: usize = 3;
/// Pictures farther apart than this are no sequence: the camera was away.
const AWAY: Duration = Duration::from_secs(10);

/// Guards that a test can switch off, to show that each is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guards {
    pub tones: bool,
    pub light: bool,
    pub shake: bool,
    pub scene: bool,
    pub view: bool,
    pub tracks: bool,
}

impl Default for Guards {
    fn default() -> Self {
        Self { tones: true, light: true, shake: true, scene: true, view: true, tracks: true }
    }
}

/// What one picture led to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    pub change: Option<Change>,
    pub view: Option<View>,
}

/// Looks at one camera.
#[derive(Debug)]
pub struct Looker {
    wide: Wide,
    guards: Guards,
    background: Background,
    things: Things,
    view: ViewGuard,
    last: Box<Plane>,
    last_at: Option<Instant>,
    settled_at: Option<Instant>,
    muted_until: Option<Instant>,
    toned_at: Option<Instant>,
    shaken: Option<(Instant, usize)>,
    shaken_since: Option<Instant>,
    /// Shares of strong cells of late, and when they rose at once.
    shares: VecDeque<(Instant, f32)>,
    stepped_at: Option<Instant>,
    /// When little was foreground last, and since when the picture is at rest.
    calm_at: Option<Instant>,
    rest_since: Option<Instant>,
    /// Since when most of the picture changed at once.
    scene_since: Option<Instant>,
    scratch: [Box<Plane>; 3],
    /// The picture without what is private.
    masked: Option<Box<Plane>>,
}

impl Looker {
    pub fn new(zones: ZoneMap, wide: Wide, seed: u64) -> Self {
        Self {
            wide,
            guards: Guards::default(),
            background: Background::new(wide, seed),
            things: Things::new(zones, wide),
            view: ViewGuard::default(),
            last: plane(0),
            last_at: None,
            settled_at: None,
            muted_until: None,
            toned_at: None,
            shaken: None,
            shaken_since: None,
            shares: VecDeque::new(),
            stepped_at: None,
            calm_at: None,
            rest_since: None,
            scene_since: None,
            scratch: [plane(0), plane(0), plane(0)],
            masked: Some(plane(0)),
        }
    }

    /// With some guards switched off.
    pub fn with_guards(mut self, guards: Guards) -> Self {
        self.guards = guards;
        self
    }

    /// Other zones from now on; what was learned stays. Ends an event that goes on, for its zones may be gone.
    pub fn set_zones(&mut self, zones: ZoneMap) -> Option<Change> {
        self.things.set_zones(zones)
    }

    /// The zones in force.
    pub fn zones(&self) -> &ZoneMap {
        self.things.zones()
    }

    /// Cells of things that move in the newest picture: 255 or 0, in watched and in ignored parts alike.
    pub fn cells(&self) -> &Plane {
        self.things.cells()
    }

    /// The camera stopped; what was learned is kept for a while.
    pub fn stop(&mut self) -> Option<Change> {
        self.things.stop()
    }

    /// One picture, captured at `now`.
    pub fn handle_picture(&mut self, now: Instant, picture: &Plane) -> Seen {
        // Lent out for the length of the call.
        let mut masked = self.masked.take().unwrap_or_else(|| plane(0));
        self.wide.run(|| blank(picture, &self.things.zones().private, &mut masked));
        let seen = self.look(now, &masked);
        self.masked = Some(masked);
        seen
    }

    fn look(&mut self, now: Instant, picture: &Plane) -> Seen {
        let passed = self.last_at.map(|last| now.saturating_duration_since(last));
        self.last_at = Some(now);
        let passed = match passed {
            Some(passed) if self.background.started() && passed <= AWAY => passed.as_secs_f32().max(0.001),
            _ => {
                let ended = self.stop();
                self.restart(now, picture);
                self.settled_at = Some(now + SETTLE);
                return Seen { change: ended, view: None };
            }
        };
        if self.guards.view {
            self.view.handle_picture(now, picture, passed);
        }
        self.things.handle_picture(picture, passed);
        self.follow_light(now, picture);
        let strong = self.tell_apart(now, picture);
        let at_rest = self.at_rest(now, picture);
        let suspect = self.scene_changed(now, picture, strong, at_rest) | self.stepped(now, picture, strong, at_rest);
        let settling = self.settled_at.is_some_and(|until| now < until);
        self.background.learn(picture, self.things.still(), passed, settling);
        let gust = self.shaken_since.is_some_and(|since| now.saturating_duration_since(since) <= GUST);
        let muted =
            suspect || gust || settling || self.view.blind() || self.muted_until.is_some_and(|until| now < until);
        let change = self.judge(now, picture, muted);
        Seen { change, view: self.view.poll() }
    }

    fn restart(&mut self, now: Instant, picture: &Plane) {
        self.background.restart(picture);
        self.things.forget();
        self.last.copy_from_slice(picture);
        self.calm_at = Some(now);
        (self.rest_since, self.scene_since) = (None, None);
    }

    fn mute(&mut self, now: Instant) {
        self.muted_until = Some(now + MUTE);
        self.things.distrust(now);
    }

    fn follow_light(&mut self, now: Instant, picture: &Plane) {
        let due = self.toned_at.is_none_or(|at| now.saturating_duration_since(at) >= TONES_EVERY);
        if !self.guards.tones || !due {
            return;
        }
        self.toned_at = Some(now);
        if let Some(tones) = light::measure(picture, self.background.mean()) {
            self.background.retone(&tones.curve);
            if tones.step.abs() >= BIG_STEP {
                self.mute(now);
            }
        }
    }

    /// Foreground, with the tolerance that a shaking camera needs. Returns the share of strong cells.
    fn tell_apart(&mut self, now: Instant, picture: &Plane) -> f32 {
        match self.shaken {
            Some((until, reach)) if now < until => self.slacken(reach),
            _ => (self.shaken, self.shaken_since) = (None, None),
        }
        self.background.classify(picture, &self.things.zones().contrast);
        let mut strong = share(&self.background.foreground.strong);
        let spread = |background: &Background| shake::spread_out(&background.foreground.strong, background.mean());
        if self.guards.shake
            && strong >= SHAKY
            && spread(&self.background)
            && let Some(reach) = shake::measure(picture, self.background.mean())
        {
            let reach = self.shaken.map_or(reach, |(_, before)| before.max(reach));
            self.shaken_since.get_or_insert(now);
            self.shaken = Some((now + SHAKES, reach));
            self.slacken(reach);
            self.background.classify(picture, &self.things.zones().contrast);
            strong = share(&self.background.foreground.strong);
        }
        strong
    }

    fn slacken(&mut self, reach: usize) {
        let [low, high, out] = &mut self.scratch;
        shake::tolerance(self.wide, self.background.mean(), reach, [low, high], out);
        self.background.slacken(out);
    }

    /// Whether the picture has been the same for a while.
    fn at_rest(&mut self, now: Instant, picture: &Plane) -> bool {
        let change = self.wide.run(|| difference(picture, &self.last)) as f32 / CELLS as f32;
        self.last.copy_from_slice(picture);
        if change > AT_REST {
            self.rest_since = None;
            return false;
        }
        let since = *self.rest_since.get_or_insert(now);
        now.saturating_duration_since(since) >= RESTED
    }

    /// Most of the picture changed at once: once it is at rest it is a new scene. True while that is not decided.
    fn scene_changed(&mut self, now: Instant, picture: &Plane, strong: f32, at_rest: bool) -> bool {
        if strong < SCENE / 2.0 {
            self.calm_at = Some(now);
        }
        if strong < SCENE || !self.guards.scene {
            self.scene_since = None;
            return false;
        }
        let sudden = self.calm_at.is_some_and(|calm| now.saturating_duration_since(calm) <= SUDDEN);
        if sudden {
            self.scene_since.get_or_insert(now);
        }
        if at_rest {
            if self.guards.view {
                self.view.handle_restart(self.background.mean(), picture);
            }
            self.restart(now, picture);
            self.mute(now);
            self.settled_at = Some(now + SETTLE / 2);
            return true;
        }
        self.scene_since.is_some_and(|since| now.saturating_duration_since(since) <= PATIENCE)
    }

    /// A part of the picture changed at once (a lamp): once it is at rest it belongs to the scene. True until then.
    fn stepped(&mut self, now: Instant, picture: &Plane, strong: f32, at_rest: bool) -> bool {
        if !self.guards.scene {
            return false;
        }
        self.shares.push_back((now, strong));
        while self.shares.front().is_some_and(|share| now.saturating_duration_since(share.0) > AT_ONCE) {
            self.shares.pop_front();
        }
        let before = self.shares.iter().map(|share| share.1).fold(strong, f32::min);
        if strong - before >= STEP {
            self.stepped_at = Some(now);
        }
        let Some(stepped) = self.stepped_at else { return false };
        if at_rest {
            self.background.take_over(picture);
            self.shares.clear();
            self.stepped_at = None;
            self.mute(now);
            self.settled_at = Some(now + SETTLE / 2);
            return true;
        }
        if now.saturating_duration_since(stepped) > UNREST {
            self.stepped_at = None;
        }
        self.stepped_at.is_some()
    }

    fn judge(&mut self, now: Instant, picture: &Plane, muted: bool) -> Option<Change> {
        let Self { background, guards, things, .. } = self;
        let trust = match (muted, guards.tracks) {
            (true, _) => Trust::Muted,
            (false, true) => Trust::Full,
            (false, false) => Trust::EveryBlob,
        };
        let least = if background.restless() { IN_RAIN * things.zones().least } else { 0 };
        let kept =
            |blob: &Blob| blob.area >= least && !(guards.light && light::is_light(blob, picture, background.mean()));
        things.judge(now, &background.foreground, trust, kept)
    }
}

fn share(cells: &Plane) -> f32 {
    cells.iter().map(|cell| u32::from(*cell & 1)).sum::<u32>() as f32 / CELLS as f32
}

#[inline(always)]
fn difference(a: &Plane, b: &Plane) -> u32 {
    let mut sum = 0;
    for row in 0..HEIGHT {
        let (a, b) = (&a[row * WIDTH..][..WIDTH], &b[row * WIDTH..][..WIDTH]);
        // A row's sum fits 16 bits: 160 times 255.
        let mut line = 0u16;
        for i in 0..WIDTH {
            line += u16::from(a[i].abs_diff(b[i]));
        }
        sum += u32::from(line);
    }
    sum
}

#[inline(always)]
fn blank(picture: &Plane, private: &Plane, out: &mut Plane) {
    for i in 0..CELLS {
        out[i] = picture[i] & !private[i];
    }
}
