//! Notices a watched camera that went away and stays away, and one that is back after that was said. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use athome_shared::protocol::control::CameraState;

use super::model::PlaceState;
use crate::settings::CameraKey;

/// A camera that is back sooner is not worth a word: a restart of the streamer takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub struct Watchdog {
    cameras: BTreeMap<CameraKey, Seen>,
}

#[derive(Clone, Copy, Debug)]
enum Seen {
    Live,
    Away {
        since: Instant,
    },
    /// Said; nothing more until it is back.
    Told,
}

impl Watchdog {
    /// Looks at the cameras that are watched, and names those that are back after they were told to be away. One that was
    /// never live since it was put there is not missed.
    pub fn handle_look(
        &mut self,
        now: Instant,
        watched: &[CameraKey],
        state: impl Fn(&CameraKey) -> Option<(PlaceState, CameraState)>,
    ) -> Vec<CameraKey> {
        let mut back = Vec::new();
        self.cameras.retain(|key, _| watched.contains(key));
        for key in watched {
            let live = state(key) == Some((PlaceState::Live, CameraState::Live));
            match (self.cameras.get(key), live) {
                (_, true) => {
                    if matches!(self.cameras.insert(key.clone(), Seen::Live), Some(Seen::Told)) {
                        back.push(key.clone());
                    }
                }
                (Some(Seen::Live), false) => {
                    self.cameras.insert(key.clone(), Seen::Away { since: now });
                }
                (Some(Seen::Away { .. } | Seen::Told) | None, false) => {}
            }
        }
        back
    }

    /// When [`Self::handle_timeout`] has something to say.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let ends = self.cameras.values().filter_map(|seen| match seen {
            Seen::Away { since } => Some(*since + PATIENCE),
            Seen::Live | Seen::Told => None,
        });
        ends.min()
    }

    /// The cameras that have been away for too long, each once.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<CameraKey> {
        let mut late = Vec::new();
        for (key, seen) in &mut self.cameras {
            if matches!(seen, Seen::Away { since } if now >= *since + PATIENCE) {
                *seen = Seen::Told;
                late.push(key.clone());
            }
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use athome_shared::id::CameraId;
    use athome_shared::protocol::control::CameraState;

    use super::{PATIENCE, Watchdog};
    use crate::controller::model::PlaceState;
    use crate::settings::CameraKey;
    use crate::store::PlaceId;

    #[test]
    fn a_camera_that_stays_away_is_told_once_and_again_when_it_is_back() {
        let key = CameraKey { place: PlaceId([1; 32]), camera: CameraId::slug("door") };
        let watched = [key.clone()];
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let live = |_: &CameraKey| Some((PlaceState::Live, CameraState::Live));
        let away = |_: &CameraKey| Some((PlaceState::Live, CameraState::Backoff));
        let mut dog = Watchdog::default();
        dog.handle_look(at(0), &watched, away);
        assert_eq!(dog.poll_timeout(), None, "never live: not missed");
        assert!(dog.handle_look(at(1), &watched, live).is_empty());
        dog.handle_look(at(2), &watched, away);
        assert!(dog.handle_look(at(5), &watched, live).is_empty(), "nobody was told that it was away");
        assert!(dog.handle_timeout(at(20)).is_empty(), "it came back in time");
        dog.handle_look(at(30), &watched, away);
        dog.handle_look(at(35), &watched, away);
        assert_eq!(dog.poll_timeout(), Some(at(30) + PATIENCE));
        assert!(dog.handle_timeout(at(39)).is_empty());
        assert_eq!(dog.handle_timeout(at(40)), watched);
        assert!(dog.handle_timeout(at(400)).is_empty(), "said once");
        assert_eq!(dog.handle_look(at(401), &watched, live), watched);
        assert!(dog.handle_look(at(402), &watched, live).is_empty(), "said once");
        dog.handle_look(at(403), &[], away);
        assert_eq!(dog.poll_timeout(), None);
    }
}
