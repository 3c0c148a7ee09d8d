//! Stills on request. A still costs the decoding of a whole group of pictures, and any viewer may ask for as many as it likes:
//! so one is made at a time for each camera, and whoever asks meanwhile or shortly afterwards gets the same one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::id::CameraId;
use bytes::Bytes;
use tokio::sync::{OnceCell, Semaphore};

use super::still::{self, StillError};
use crate::hub::Hub;

/// A still serves for so long: twice a second is as often as anybody looks at stills.
const FRESH: Duration = Duration::from_millis(500);

/// The newest picture of every camera. Cloning shares it.
#[derive(Clone)]
pub struct Stills {
    hub: Hub,
    rounds: Arc<Mutex<Rounds>>,
}

impl Stills {
    /// Stills of these streams.
    pub fn new(hub: Hub) -> Self {
        Self { hub, rounds: Arc::default() }
    }

    /// A still of a camera, at most half a second older than the newest picture. Waits for one, at most three seconds, where
    /// nobody watches and nothing is encoded.
    pub async fn take(&self, camera: &CameraId) -> Result<Bytes, StillError> {
        let round = self.rounds.lock().unwrap_or_else(PoisonError::into_inner).join(Instant::now(), camera);
        let made = round.made.get_or_init(async || {
            let still = still::take(&self.hub, camera, round.gate.clone()).await;
            Made { at: Instant::now(), still }
        });
        made.await.still.clone()
    }
}

/// The newest round of each camera. One that is over is kept, with its picture, until anybody asks for any still.
#[derive(Default)]
struct Rounds(BTreeMap<CameraId, Arc<Round>>);

/// One still, for all who asked in time. When whoever makes it goes away, the next one who waits makes it.
struct Round {
    made: OnceCell<Made>,
    /// Held while a picture is decoded, which goes on when nobody waits for it any more. A camera's rounds share it.
    gate: Arc<Semaphore>,
}

struct Made {
    at: Instant,
    still: Result<Bytes, StillError>,
}

impl Rounds {
    /// The round that somebody who asks at `now` takes part in.
    fn join(&mut self, now: Instant, camera: &CameraId) -> Arc<Round> {
        self.0.retain(|_, round| round.serves(now) || round.decoding());
        match self.0.get(camera) {
            Some(round) if round.serves(now) => round.clone(),
            older => {
                let gate = older.map_or_else(|| Arc::new(Semaphore::new(1)), |round| round.gate.clone());
                let round = Arc::new(Round { made: OnceCell::new(), gate });
                self.0.insert(camera.clone(), round.clone());
                round
            }
        }
    }
}

impl Round {
    fn serves(&self, now: Instant) -> bool {
        self.made.get().is_none_or(|made| now < made.at + FRESH)
    }

    fn decoding(&self) -> bool {
        self.gate.available_permits() == 0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use athome_shared::id::CameraId;
    use bytes::Bytes;

    use super::{FRESH, Made, Round, Rounds};
    use crate::serve::still::StillError;

    fn finish(round: &Round, at: Instant, still: Result<Bytes, StillError>) {
        assert!(round.made.set(Made { at, still }).is_ok(), "made once");
    }

    #[test]
    fn a_storm_of_requests_makes_two_stills_a_second() {
        let (mut rounds, start, door) = (Rounds::default(), Instant::now(), CameraId::slug("door"));
        let mut made = 0;
        // Ten thousand requests in ten seconds; each still takes 20 ms.
        for ms in 0..10_000 {
            let now = start + Duration::from_millis(ms);
            let round = rounds.join(now, &door);
            if round.made.get().is_none() && ms % 20 == 0 {
                finish(&round, now, Ok(Bytes::from_static(b"jpeg")));
                made += 1;
            }
        }
        assert!((19..=20).contains(&made), "{made} stills");
        // Control: who asks rarely gets a new one each time.
        let asked = (1..=10).map(|n| start + Duration::from_secs(10) + FRESH * (2 * n));
        let fresh = asked.filter(|now| {
            let round = rounds.join(*now, &door);
            let fresh = round.made.get().is_none();
            finish(&round, *now, Ok(Bytes::new()));
            fresh
        });
        assert_eq!(fresh.count(), 10);
    }

    #[test]
    fn cameras_have_their_own_rounds_and_a_failure_is_shared_too() {
        let (mut rounds, now) = (Rounds::default(), Instant::now());
        let (door, yard) = (CameraId::slug("door"), CameraId::slug("yard"));
        let first = rounds.join(now, &door);
        assert!(Arc::ptr_eq(&first, &rounds.join(now, &door)), "asked meanwhile");
        assert!(!Arc::ptr_eq(&first, &rounds.join(now, &yard)));
        finish(&first, now, Err(StillError::NoPicture));
        assert!(Arc::ptr_eq(&first, &rounds.join(now + FRESH / 2, &door)), "asked shortly afterwards");
        assert!(!Arc::ptr_eq(&first, &rounds.join(now + FRESH, &door)));
    }

    #[test]
    fn what_was_given_up_is_still_waited_for_and_what_is_over_is_forgotten() {
        let (mut rounds, now, door) = (Rounds::default(), Instant::now(), CameraId::slug("door"));
        let first = rounds.join(now, &door);
        let decoding = first.gate.clone().try_acquire_owned().expect("nobody decodes");
        finish(&first, now, Err(StillError::NoPicture));
        let second = rounds.join(now + FRESH, &door);
        assert!(second.gate.try_acquire().is_err(), "the next still waits for the decoder");
        drop(decoding);
        assert!(second.gate.try_acquire().is_ok());
        finish(&second, now + FRESH, Ok(Bytes::new()));
        rounds.join(now + FRESH * 2, &CameraId::slug("yard"));
        assert_eq!(rounds.0.len(), 1, "the door's picture is not kept");
    }
}
