//! Where something moves now, and which of it the desktop is told: only of cameras that a person asked to hear of, and not
//! again and again while a tree sways. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::settings::CameraKey;
use crate::store::PlaceId;

/// The desktop is told of a camera again only after it was quiet, or told, so long ago.
const AGAIN: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub struct Moving {
    now: BTreeSet<CameraKey>,
    /// When something was last seen to move there, of cameras whose movement was told.
    told: BTreeMap<CameraKey, Instant>,
}

impl Moving {
    /// A streamer says that something moves, or no more. True if that is worth a notification where one is wanted.
    pub fn handle_motion(&mut self, now: Instant, camera: &CameraKey, moving: bool) -> bool {
        let recent = self.told.get(camera).is_some_and(|last| now.saturating_duration_since(*last) < AGAIN);
        if !moving {
            self.now.remove(camera);
            // The pause is counted from the end: what comes and goes all day is one thing.
            if let Some(last) = self.told.get_mut(camera) {
                *last = now;
            }
            return false;
        }
        if !self.now.insert(camera.clone()) {
            return false;
        }
        self.told.insert(camera.clone(), now);
        !recent
    }

    /// Nothing more is known of a place: its connection ended.
    pub fn handle_end(&mut self, place: PlaceId) {
        self.now.retain(|key| key.place != place);
    }

    /// A place is forgotten.
    pub fn forget(&mut self, place: PlaceId) {
        self.handle_end(place);
        self.told.retain(|key, _| key.place != place);
    }

    /// Where something moves.
    pub fn now(&self) -> &BTreeSet<CameraKey> {
        &self.now
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use athome_shared::id::CameraId;

    use super::{AGAIN, Moving};
    use crate::settings::CameraKey;
    use crate::store::PlaceId;

    #[test]
    fn what_comes_and_goes_is_told_once_and_again_after_a_quiet_minute() {
        let key = |name| CameraKey { place: PlaceId([1; 32]), camera: CameraId::slug(name) };
        let (door, yard) = (key("door"), key("yard"));
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut moving = Moving::default();
        assert!(moving.handle_motion(at(0), &door, true));
        assert!(!moving.handle_motion(at(1), &door, true), "it moves still");
        assert!(moving.now().contains(&door));
        assert!(moving.handle_motion(at(2), &yard, true), "another camera is another matter");
        for s in (10..200).step_by(20) {
            assert!(!moving.handle_motion(at(s), &door, false));
            assert!(!moving.handle_motion(at(s + 5), &door, true), "a swaying tree, at {s} s");
        }
        assert!(!moving.handle_motion(at(210), &door, false));
        assert!(!moving.now().contains(&door));
        assert!(moving.handle_motion(at(210) + AGAIN, &door, true), "after a quiet minute");
        moving.handle_end(PlaceId([1; 32]));
        assert!(moving.now().is_empty());
        moving.forget(PlaceId([1; 32]));
        assert!(moving.handle_motion(at(211) + AGAIN, &door, true), "paired anew");
    }
}
