//! From foreground to events: blobs, tracks, zones and gate in a row. Kept apart from the model, so that any other
//! model's foreground can be judged by the same rules.

use std::time::Instant;

use super::background::Foreground;
use super::blobs::{Blob, Finder};
use super::gate::{Change, Gate, Moving};
use super::grid::{Plane, plane};
use super::still::Still;
use super::tracks::Tracks;
use super::wide::Wide;
use super::zones::{MOST_ZONES, ZoneMap};

/// How a picture is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    Full,
    /// It can't be judged now: what is new in it came with something else than motion.
    Muted,
    /// Every blob counts, whatever it does over time (what tests compare with).
    EveryBlob,
}

/// The things in one camera's picture.
#[derive(Debug)]
pub struct Things {
    finder: Finder,
    tracks: Tracks,
    gate: Gate,
    zones: ZoneMap,
    still: Still,
    cells: Box<Plane>,
}

impl Things {
    pub fn new(zones: ZoneMap, wide: Wide) -> Self {
        let gate = Gate::new(zones.watched.len());
        Self {
            finder: Finder::default(),
            tracks: Tracks::default(),
            gate,
            zones,
            still: Still::new(wide),
            cells: plane(0),
        }
    }

    pub fn zones(&self) -> &ZoneMap {
        &self.zones
    }

    /// Other zones from now on. Ends an event that goes on, for its zones may be gone.
    pub fn set_zones(&mut self, zones: ZoneMap) -> Option<Change> {
        let ended = self.gate.stop();
        self.gate = Gate::new(zones.watched.len());
        self.zones = zones;
        ended
    }

    /// Cells of things that move in the newest picture: 255 or 0, in watched and in ignored parts alike.
    pub fn cells(&self) -> &Plane {
        &self.cells
    }

    /// The scene is another: what was followed is gone.
    pub fn forget(&mut self) {
        self.tracks.clear();
        self.cells.fill(0);
    }

    /// What was seen so far and did not move yet came with a change of light.
    pub fn distrust(&mut self, now: Instant) {
        self.tracks.distrust(now);
    }

    /// The camera stopped.
    pub fn stop(&mut self) -> Option<Change> {
        self.forget();
        self.gate.stop()
    }

    /// The next picture, `passed` seconds after the one before; then its foreground is judged.
    pub fn handle_picture(&mut self, picture: &Plane, passed: f32) {
        self.still.handle_picture(picture, passed);
    }

    /// How long each cell has stayed as it is.
    pub fn still(&self) -> &Still {
        &self.still
    }

    /// One picture's foreground. Blobs that are not to be `kept` are no things.
    pub fn judge(
        &mut self,
        now: Instant,
        foreground: &Foreground,
        trust: Trust,
        kept: impl Fn(&Blob) -> bool,
    ) -> Option<Change> {
        let mut blobs = self.finder.find(foreground, self.zones.least);
        blobs.retain(kept);
        let Self { tracks, still, .. } = self;
        tracks.handle_blobs(now, &blobs, |blob| still.lively(blob));
        if trust == Trust::Muted {
            self.tracks.distrust(now);
        }
        let moving = self.moving(now, &blobs, trust);
        self.gate.handle(now, moving, &self.zones.watched, trust == Trust::Muted)
    }

    /// What moves in which zones; marks its cells.
    fn moving(&mut self, now: Instant, blobs: &[Blob], trust: Trust) -> Moving {
        self.cells.fill(0);
        let mut moving = Moving::default();
        let mut counted = 0;
        let tracked = self.tracks.moving(now).filter_map(|track| Some((track.born, blobs.get(track.blob?)?)));
        let every = blobs.iter().filter(|_| trust == Trust::EveryBlob).map(|blob| (now, blob));
        for (born, blob) in tracked.chain(every) {
            let mut in_zone = [0; MOST_ZONES];
            for cell in blob.cells() {
                self.cells[cell] = 255;
                let mut bits = self.zones.counts[cell];
                counted += usize::from(bits != 0);
                while bits != 0 {
                    in_zone[bits.trailing_zeros() as usize] += 1;
                    bits &= bits - 1;
                }
            }
            for (n, zone) in self.zones.watched.iter().enumerate() {
                if in_zone[n] >= zone.cells_needed {
                    moving.zones |= 1 << n;
                    moving.born = Some(moving.born.map_or(born, |before| before.min(born)));
                }
            }
        }
        moving.share = (counted as f32 / self.zones.looked_at.max(1) as f32).min(1.0);
        moving
    }
}
