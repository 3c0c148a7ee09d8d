//! Where decoded pictures wait for the window: the newest one of each camera, copied on the decoder's thread. A picture
//! is kept under the camera that its frame was announced to be of, so no tile can show another's.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::protocol::control::Attached;
use athome_shared::time::WallTime;
use tracing::{debug, warn};

use crate::past::Ms;
use crate::play::clock::SharedOffset;
use crate::play::decode::Picture;
use crate::play::hold::Holds;
use crate::play::planes::Planes;
use crate::play::player::Screen;
use crate::play::stage;
use crate::play::times::{Figures, FrameTimes, Times};
use crate::report::Report;
use crate::settings::CameraKey;
use crate::store::PlaceId;

/// Cameras whose last picture is kept; beyond that the one unseen for longest goes.
const CAMERAS: usize = 24;
/// Memory of a camera's pictures that is used in turn: one at the window, one at the graphics driver, one being written,
/// and those that wait for their sound.
const IMAGES: usize = 3 + WAITING;
/// Pictures held back at most: 80 ms of them at 60 a second. One more shows the oldest at once.
const WAITING: usize = 5;

/// Of a film: one at the window, one at the graphics driver, one being written.
const FILM_IMAGES: usize = 3;

/// A picture for a tile.
#[derive(Clone)]
pub struct Shown {
    pub planes: Arc<Planes>,
    /// Grows with each picture of any camera.
    pub number: u64,
    /// When it was captured, by our clock; when it was received, where the streamer's clock is not known yet.
    pub captured: Instant,
    /// Not before this: it waits for its sound.
    due: Instant,
    before: Option<Duration>,
    received: Instant,
    decoded: Instant,
}

/// The newest picture of a film of the past.
#[derive(Clone)]
pub struct Film {
    pub shown: Shown,
    /// When it was captured, by the streamer's clock.
    pub at: Ms,
}

impl Shown {
    /// A picture of the past by itself; `number` is unlike that of any other.
    pub fn of_past(planes: Arc<Planes>, number: u64, now: Instant) -> Self {
        Self { planes, number, captured: now, due: now, before: None, received: now, decoded: now }
    }
}

/// The newest picture of every camera. One lock, held for a few instructions.
pub struct Wall {
    pictures: Mutex<Pictures>,
    /// When the window's pictures were captured, decoded and uploaded.
    times: Times<CameraKey>,
    /// How long the heard camera's pictures wait for their sound.
    holds: Arc<Holds>,
    /// Told of each picture that is shown, where somebody wants figures.
    report: OnceLock<Arc<Report>>,
    /// Called after each new picture, on a decoder's thread; with how long it still waits.
    wake: Box<dyn Fn(Duration) + Send + Sync>,
}

#[derive(Default)]
struct Pictures {
    newest: HashMap<CameraKey, Shown>,
    /// Pictures of the heard camera that are not due yet, oldest first; [`WAITING`] at most.
    waiting: VecDeque<(CameraKey, Shown)>,
    /// Of the one film there is; never among the live ones.
    film: Option<(CameraKey, Film)>,
    film_spare: Vec<Arc<Planes>>,
    spare: HashMap<CameraKey, Vec<Arc<Planes>>>,
    number: u64,
}

impl Pictures {
    /// Shows what is due.
    fn release(&mut self, now: Instant) {
        // Only one camera is heard; another's pictures never wait behind its own for longer than they would alone.
        while let Some(at) = self.waiting.iter().position(|(_, shown)| shown.due <= now) {
            if let Some((camera, shown)) = self.waiting.remove(at) {
                self.show(camera, shown);
            }
        }
    }

    fn show_oldest(&mut self) {
        if let Some((camera, shown)) = self.waiting.pop_front() {
            self.show(camera, shown);
        }
    }

    fn show(&mut self, camera: CameraKey, shown: Shown) {
        if self.newest.get(&camera).is_none_or(|newest| newest.number < shown.number) {
            self.newest.insert(camera, shown);
        }
    }
}

impl stage::Pictures for Arc<Wall> {
    fn screen(&self, place: PlaceId, offset: SharedOffset) -> Arc<dyn Screen> {
        Wall::screen(self, place, offset)
    }

    fn figures(&self, camera: &CameraKey) -> Option<Figures> {
        self.times.figures(camera)
    }

    fn forget(&self, place: PlaceId) {
        Wall::forget(self, place);
    }

    fn film(&self, camera: &CameraKey, picture: &Picture<'_>, at: Ms) {
        self.show_film(camera, picture, at);
    }
}

impl Wall {
    pub fn new(holds: Arc<Holds>, wake: impl Fn(Duration) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            pictures: Mutex::default(),
            times: Times::default(),
            holds,
            report: OnceLock::new(),
            wake: Box::new(wake),
        })
    }

    /// Also tells this report what is shown.
    pub fn report_to(&self, report: Arc<Report>) {
        let _ = self.report.set(report);
    }

    /// The screen of a place's player. `offset` maps that streamer's clock to ours.
    pub fn screen(self: &Arc<Self>, place: PlaceId, offset: SharedOffset) -> Arc<dyn Screen> {
        Arc::new(PlaceScreen { wall: Arc::clone(self), place, offset, slots: Mutex::default() })
    }

    /// A camera's newest picture that is due.
    pub fn newest(&self, camera: &CameraKey) -> Option<Shown> {
        let mut pictures = self.lock();
        pictures.release(Instant::now());
        pictures.newest.get(camera).cloned()
    }

    /// The newest picture of a camera's film.
    pub fn film(&self, camera: &CameraKey) -> Option<Film> {
        self.lock().film.as_ref().filter(|(key, _)| key == camera).map(|(_, film)| film.clone())
    }

    fn show_film(&self, camera: &CameraKey, picture: &Picture<'_>, at: Ms) {
        let spare = {
            let spare = &mut self.lock().film_spare;
            spare.iter().position(|planes| Arc::strong_count(planes) == 1).map(|at| spare.swap_remove(at))
        };
        let mut planes = spare.unwrap_or_default();
        if let Err(error) = Arc::make_mut(&mut planes).copy(picture) {
            debug!(%error, "a picture can't be shown");
            return;
        }
        let mut pictures = self.lock();
        pictures.number += 1;
        let shown = Shown::of_past(Arc::clone(&planes), pictures.number, Instant::now());
        pictures.film = Some((camera.clone(), Film { shown, at }));
        pictures.film_spare.push(planes);
        let more = pictures.film_spare.len().saturating_sub(FILM_IMAGES);
        pictures.film_spare.drain(..more);
        drop(pictures);
        (self.wake)(Duration::ZERO);
    }

    /// The window handed this picture to the graphics driver.
    pub fn handle_uploaded(&self, camera: &CameraKey, shown: &Shown, now: Instant) {
        let times = FrameTimes {
            before: shown.before,
            received: shown.received,
            decoded: shown.decoded,
            shown: now,
            width: shown.planes.width,
            height: shown.planes.height,
        };
        self.times.handle_shown(camera.clone(), times);
        if let Some(report) = self.report.get() {
            report.handle_shown(camera, &shown.planes, shown.captured, now, WallTime::now());
        }
    }

    /// Of the pictures last shown.
    pub fn times(&self) -> &Times<CameraKey> {
        &self.times
    }

    /// A place is gone for good, and its pictures with it.
    pub fn forget(&self, place: PlaceId) {
        let mut pictures = self.lock();
        pictures.newest.retain(|key, _| key.place != place);
        pictures.waiting.retain(|(key, _)| key.place != place);
        pictures.film.take_if(|(key, _)| key.place == place);
        pictures.spare.retain(|key, _| key.place != place);
    }

    fn lock(&self) -> MutexGuard<'_, Pictures> {
        self.pictures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, camera: CameraKey, planes: Arc<Planes>, picture: &Picture<'_>, before: Option<Duration>) {
        let captured = before.and_then(|before| picture.received.checked_sub(before)).unwrap_or(picture.received);
        let mut pictures = self.lock();
        pictures.number += 1;
        let number = pictures.number;
        let spare = pictures.spare.entry(camera.clone()).or_default();
        spare.push(Arc::clone(&planes));
        if spare.len() > IMAGES {
            spare.remove(0);
        }
        let now = Instant::now();
        let hold = self.holds.of(&camera);
        let (received, decoded) = (picture.received, picture.decoded);
        let shown = Shown { planes, number, captured, due: now + hold, before, received, decoded };
        // What waited before goes first, so that no picture overtakes another.
        if pictures.waiting.len() == WAITING {
            pictures.show_oldest();
        }
        pictures.waiting.push_back((camera, shown));
        pictures.release(now);
        if pictures.newest.len() > CAMERAS {
            let oldest = pictures.newest.iter().min_by_key(|(_, shown)| shown.number).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                pictures.newest.remove(&oldest);
                pictures.spare.remove(&oldest);
            }
        }
        drop(pictures);
        (self.wake)(hold);
    }

    /// Memory of a picture of this size that nobody looks at any more, or new memory.
    fn planes(&self, camera: &CameraKey, size: [usize; 2]) -> Arc<Planes> {
        let mut pictures = self.lock();
        if let Some(spare) = pictures.spare.get_mut(camera) {
            spare.retain(|planes| planes.size_of(0) == size);
            if let Some(at) = spare.iter().position(|planes| Arc::strong_count(planes) == 1) {
                return spare.swap_remove(at);
            }
        }
        Arc::default()
    }
}

/// One place's way to the wall.
struct PlaceScreen {
    wall: Arc<Wall>,
    place: PlaceId,
    offset: SharedOffset,
    /// What each slot showed last, to end its figures when it is switched.
    slots: Mutex<BTreeMap<u8, CameraKey>>,
}

impl Screen for PlaceScreen {
    fn picture(&self, picture: &Picture<'_>) {
        let camera = CameraKey { place: self.place, camera: picture.content.camera.clone() };
        let mut planes = self.wall.planes(&camera, [picture.width, picture.height]);
        // Nobody else holds it; should that ever be wrong, it is copied.
        if let Err(error) = Arc::make_mut(&mut planes).copy(picture) {
            debug!(%error, "a picture can't be shown");
            return;
        }
        let before = picture.captured.and_then(|captured| self.offset.to_local(captured)).map(|captured| {
            let since = Duration::from_micros(WallTime::now().0.saturating_sub(captured.0).max(0) as u64);
            since.saturating_sub(picture.received.elapsed())
        });
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.insert(picture.content.slot, camera.clone());
        drop(slots);
        self.wall.publish(camera, planes, picture, before);
    }

    fn switched(&self, slot: u8) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(camera) = slots.remove(&slot) {
            // The last picture stays, with its age on it: better than a black hole while the next one comes.
            self.wall.times.handle_gone(&camera);
        }
    }

    fn crashed(&self, content: &Attached) {
        warn!(camera = %content.camera, "a decoder crashed");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{Duration, Instant};

    use athome_shared::id::{CameraId, Layer};
    use athome_shared::protocol::control::Attached;
    use athome_shared::protocol::wire::SlotKind;
    use athome_shared::time::WallTime;

    use super::{CAMERAS, Shown, Wall};
    use crate::play::clock::SharedOffset;
    use crate::play::decode::Picture;
    use crate::play::hold::Holds;
    use crate::play::planes::Colour;
    use crate::settings::CameraKey;
    use crate::store::PlaceId;

    fn attached(camera: &str, slot: u8) -> Attached {
        let camera = CameraId::slug(camera);
        Attached { kind: SlotKind::Video, slot, camera, layer: Layer::Full, epoch: 1, rtp: 0 }
    }

    fn picture<'a>(content: &'a Attached, planes: [&'a [u8]; 3], captured: Option<WallTime>) -> Picture<'a> {
        Picture {
            content,
            width: 4,
            height: 4,
            planes,
            strides: [4, 2, 2],
            colour: Colour::default(),
            is_key: true,
            rtp: 0,
            captured,
            received: Instant::now(),
            decoded: Instant::now(),
            coded: 1,
        }
    }

    fn first_pixel(shown: &Shown) -> [u8; 4] {
        let mut rgba = [0; 64];
        shown.planes.to_rgba(&mut rgba).unwrap();
        rgba[..4].try_into().unwrap()
    }

    const RED: [&[u8]; 3] = [&[81; 16], &[90; 4], &[240; 4]];
    const WHITE: [&[u8]; 3] = [&[235; 16], &[128; 4], &[128; 4]];

    #[test]
    fn a_picture_is_kept_under_its_own_camera_with_its_age_and_colours() {
        let woken = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&woken);
        let wall = Wall::new(Arc::default(), move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let place = PlaceId([1; 32]);
        let offset = SharedOffset::default();
        offset.set(Some(5_000_000));
        let screen = wall.screen(place, offset);
        let (door, yard) = (attached("door", 0), attached("yard", 0));
        let captured = WallTime(WallTime::now().0 + 5_000_000 - 300_000);
        screen.picture(&picture(&door, RED, Some(captured)));
        screen.switched(0);
        screen.picture(&picture(&yard, WHITE, None));
        let of = |camera: &Attached| CameraKey { place, camera: camera.camera.clone() };
        let shown = wall.newest(&of(&door)).unwrap();
        let age = shown.captured.elapsed();
        assert!(age >= Duration::from_millis(299) && age < Duration::from_secs(2), "{age:?}");
        let [r, g, b, a] = first_pixel(&shown);
        assert!(r > 250 && g < 5 && b < 5 && a == 255, "{r} {g} {b} {a}");
        let white = first_pixel(&wall.newest(&of(&yard)).unwrap());
        assert!(white.iter().all(|n| *n > 253), "{white:?}");
        assert_eq!(woken.load(Ordering::Relaxed), 2);
        wall.forget(place);
        assert!(wall.newest(&of(&door)).is_none());
    }

    #[test]
    fn planes_that_end_early_show_nothing_and_images_are_used_again() {
        let wall = Wall::new(Arc::default(), |_| {});
        let screen = wall.screen(PlaceId([1; 32]), SharedOffset::default());
        let door = attached("door", 0);
        screen.picture(&picture(&door, [&[0; 3], &[0; 4], &[0; 4]], None));
        let key = CameraKey { place: PlaceId([1; 32]), camera: door.camera.clone() };
        assert!(wall.newest(&key).is_none());
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..50 {
            screen.picture(&picture(&door, RED, None));
            seen.insert(Arc::as_ptr(&wall.newest(&key).unwrap().planes) as usize);
        }
        assert!(seen.len() <= super::IMAGES, "{} images", seen.len());
    }

    #[test]
    fn cameras_that_come_and_go_do_not_fill_the_memory() {
        let wall = Wall::new(Arc::default(), |_| {});
        let screen = wall.screen(PlaceId([1; 32]), SharedOffset::default());
        for n in 0..CAMERAS + 10 {
            screen.picture(&picture(&attached(&format!("c{n}"), 0), RED, None));
        }
        assert_eq!(wall.lock().newest.len(), CAMERAS);
        assert_eq!(wall.lock().spare.len(), CAMERAS);
    }

    #[test]
    fn only_the_heard_cameras_pictures_wait_for_their_sound_and_none_is_overtaken() {
        let holds = Arc::new(Holds::default());
        let wall = Wall::new(Arc::clone(&holds), |_| {});
        let place = PlaceId([1; 32]);
        let screen = wall.screen(place, SharedOffset::default());
        let (door, yard) = (attached("door", 0), attached("yard", 1));
        let of = |camera: &Attached| CameraKey { place, camera: camera.camera.clone() };
        holds.hear(Some(of(&door)));
        holds.handle_sound(&of(&door), 90_000);
        holds.handle_picture(&of(&door), 40_000);
        assert_eq!(holds.of(&of(&door)), Duration::from_millis(50));
        screen.picture(&picture(&door, RED, None));
        screen.picture(&picture(&yard, WHITE, None));
        assert!(wall.newest(&of(&yard)).is_some(), "another camera's pictures do not wait");
        assert!(!wall.lock().newest.contains_key(&of(&door)), "held");
        wall.lock().release(Instant::now() + Duration::from_millis(50));
        let first = wall.newest(&of(&door)).unwrap().number;
        for _ in 0..20 {
            screen.picture(&picture(&door, RED, None));
        }
        assert!(wall.lock().waiting.len() <= super::WAITING);
        wall.lock().release(Instant::now() + Duration::from_secs(1));
        assert!(wall.newest(&of(&door)).unwrap().number > first + 15);
    }
}
