//! The desktop window's controller with a real streamer: pairing, the grid, what is received, coming back, being removed.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::media::clock;
use athome_shared::pair::link::Link;
use athome_shared::protocol::control::Attached;
use athome_shared::time::WallTime;
use athome_streamer::record::trigger::Mode;
use athome_tests::house::House;
use athome_tests::viewer::Device;
use athome_tests::wait::within;
use athome_viewer::controller::model::{Model, Pairing, PlaceState};
use athome_viewer::controller::past::{Shown, Still, Wish};
use athome_viewer::controller::request::{Request, Wanted};
use athome_viewer::controller::{Controller, Desktop, Handle, Media, Setup};
use athome_viewer::past::Ms;
use athome_viewer::play::audio::{Sound as Heard, SoundSink};
use athome_viewer::play::decode::Picture;
use athome_viewer::play::film::{Film, FilmScreen, Out, Start, Tell};
use athome_viewer::play::player::{Player, Screen};
use athome_viewer::play::times::Figures;
use athome_viewer::session::MediaSink;
use athome_viewer::session::client::Requests;
use athome_viewer::settings::{CameraKey, Layout, Settings, Sound};
use athome_viewer::store::PlaceId;
use athome_viewer::words::Sentence;
use tokio::task::JoinHandle;

/// What a camera's tile showed: the marks in its pictures, how many there were, and when the last one came.
#[derive(Clone, Debug, Default)]
struct Tile {
    marks: Vec<u8>,
    pictures: u64,
    last: Option<Instant>,
}

#[derive(Debug, Default)]
struct Eyes {
    tiles: Mutex<BTreeMap<CameraKey, Tile>>,
    heard: Mutex<Option<(CameraKey, f32)>>,
    packets: Mutex<u64>,
    /// Of films: when each picture was captured, and how far its own clock is from that, in tenths of a millisecond.
    film: Mutex<Vec<(Ms, Option<i32>)>>,
}

struct Wall {
    place: PlaceId,
    eyes: Arc<Eyes>,
}

impl Screen for Wall {
    fn picture(&self, picture: &Picture<'_>) {
        let key = CameraKey { place: self.place, camera: picture.content.camera.clone() };
        let mark = clock::read_mark(picture.planes[0], picture.strides[0], picture.width, picture.height);
        let mut tiles = self.eyes.tiles.lock().unwrap_or_else(PoisonError::into_inner);
        let tile = tiles.entry(key).or_default();
        if let Some(mark) = mark
            && !tile.marks.contains(&mark)
        {
            tile.marks.push(mark);
        }
        tile.pictures += 1;
        tile.last = Some(Instant::now());
    }

    fn switched(&self, _slot: u8) {}

    fn crashed(&self, _: &Attached) {}
}

impl FilmScreen for Wall {
    fn picture(&self, picture: &Picture<'_>, at: Ms) {
        let clock = clock::read_clock(picture.planes[0], picture.strides[0], picture.width, picture.height);
        let off = clock.map(|clock| clock::ticks_between(clock, clock::ticks(WallTime(at * 1_000))));
        self.eyes.film.lock().unwrap_or_else(PoisonError::into_inner).push((at, off));
    }
}

impl SoundSink for Wall {
    fn sound(&self, _: &Heard<'_>) {
        *self.eyes.packets.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }
}

impl Eyes {
    fn tile(&self, key: &CameraKey) -> Tile {
        self.tiles.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned().unwrap_or_default()
    }

    fn packets(&self) -> u64 {
        *self.packets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct TestMedia(Arc<Eyes>);

impl Media for TestMedia {
    fn sink(&self, place: PlaceId, requests: Requests) -> Box<dyn MediaSink> {
        let wall = Arc::new(Wall { place, eyes: Arc::clone(&self.0) });
        Box::new(Player::new(Arc::clone(&wall) as _, wall, requests))
    }

    fn hear(&self, camera: Option<(CameraKey, f32)>) {
        *self.0.heard.lock().unwrap_or_else(PoisonError::into_inner) = camera;
    }

    fn record(&self, _: &CameraKey, _: &Path) -> io::Result<()> {
        Err(io::Error::other("no disk here"))
    }

    fn stop_recording(&self, _: &CameraKey) -> io::Result<()> {
        Ok(())
    }

    fn figures(&self, _: &CameraKey) -> Option<Figures> {
        None
    }

    fn film(&self, camera: &CameraKey, start: Start, tell: Tell) -> io::Result<Film> {
        let wall = Arc::new(Wall { place: camera.place, eyes: Arc::clone(&self.0) });
        Film::start(start, Out { camera: camera.clone(), screen: Arc::clone(&wall) as _, speaker: wall, tell })
    }

    fn forget(&self, _: PlaceId) {}
}

struct Silent;

impl Desktop for Silent {
    fn notify(&self, _: CameraKey, _: &str, _: &str, _: Handle) {}
}

struct Window {
    handle: Handle,
    eyes: Arc<Eyes>,
    task: JoinHandle<()>,
}

impl Window {
    /// Opens on a device's data folder, as the program does.
    fn open(device: &Device) -> Self {
        let eyes = Arc::new(Eyes::default());
        let controller = Controller::new(Setup {
            store: Arc::clone(&device.store),
            data: device.data().to_owned(),
            settings: Settings::load(device.data()).0,
            notice: None,
            device: "Anna's laptop".to_owned(),
            media: Arc::new(TestMedia(Arc::clone(&eyes))),
            desktop: Arc::new(Silent),
            wake: Arc::new(|| {}),
        });
        Self { handle: controller.handle(), eyes, task: tokio::spawn(controller.run()) }
    }

    async fn until(&self, what: &str, seen: impl Fn(&Model, &Eyes) -> bool) {
        within(Duration::from_secs(20), what, || seen(&self.handle.model(), &self.eyes)).await;
    }

    fn keys(&self) -> Vec<CameraKey> {
        let model = self.handle.model();
        let place = model.places.first().expect("a place");
        place.cameras.iter().map(|camera| CameraKey { place: place.id, camera: camera.id.clone() }).collect()
    }

    async fn close(self) {
        self.handle.send(Request::Quit);
        self.task.await.expect("the controller ends");
    }
}

fn live(model: &Model) -> bool {
    model.places.first().is_some_and(|place| place.state == PlaceState::Live && !place.cameras.is_empty())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_window_shows_each_camera_in_its_own_tile_receives_only_what_is_visible_and_opens_where_it_was_left() {
    let house = House::start_with(|plan| plan.cameras(4)).await;
    let device = Device::new();
    let window = Window::open(&device);
    let link = Link::parse(&house.link().await).expect("a link");
    window.handle.send(Request::Pair(link));
    window.until("the place is live", |model, _| live(model)).await;
    assert!(matches!(window.handle.model().pairing, Pairing::Done { .. }));
    let keys = window.keys();
    assert_eq!(keys.len(), 4);
    window.until("four tiles with pictures", |_, eyes| keys.iter().all(|key| eyes.tile(key).pictures > 20)).await;
    let model = window.handle.model();
    assert_eq!(model.settings.layout, Layout::Four);
    assert_eq!(model.shown().into_iter().flatten().cloned().collect::<Vec<_>>(), keys);
    assert_eq!(window.eyes.packets(), 0, "sound is off until somebody switches it on");

    // One alone: the others are not received any more.
    window.handle.send(Request::Enlarge(Some(keys[2].clone())));
    window.handle.send(Request::Visible(vec![(keys[2].clone(), 1280)]));
    let quiet = Duration::from_millis(700);
    let still = |eyes: &Eyes, key: &CameraKey| eyes.tile(key).last.is_some_and(|at| at.elapsed() > quiet);
    window
        .until("only the large one goes on", |_, eyes| {
            keys.iter().enumerate().all(|(n, key)| still(eyes, key) == (n != 2))
        })
        .await;

    // Sound of the first camera, which has some; another place of the grid for it.
    window.handle.send(Request::Enlarge(None));
    window.handle.send(Request::Visible(keys.iter().map(|key| (key.clone(), 640)).collect()));
    window.handle.send(Request::Sound(keys[0].clone(), Sound { on: true, volume: 0.5 }));
    window.handle.send(Request::Place { camera: keys[0].clone(), at: 3 });
    window.until("sound", |_, eyes| eyes.packets() > 20).await;
    assert_eq!(*window.eyes.heard.lock().unwrap(), Some((keys[0].clone(), 0.5)));
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(window.eyes.tile(key).marks, [n as u8 + 1], "a frame of another camera in tile {n}");
    }
    window.close().await;

    let window = Window::open(&device);
    window.until("four tiles again", |_, eyes| keys.iter().all(|key| eyes.tile(key).pictures > 5)).await;
    let model = window.handle.model();
    let grid: Vec<_> = model.shown().into_iter().flatten().cloned().collect();
    assert_eq!(grid, [&keys[3], &keys[1], &keys[2], &keys[0]].map(Clone::clone));
    window.until("its sound too", |_, eyes| eyes.packets() > 5).await;
    window.close().await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_window_comes_back_after_a_restart_and_says_when_it_was_removed() {
    // Its own server would come back on another port.
    let mut house = House::start_with(|plan| plan.outside_signaling()).await;
    let device = Device::new();
    let window = Window::open(&device);
    window.handle.send(Request::Pair(Link::parse(&house.link().await).expect("a link")));
    window.until("the place is live", |model, _| live(model)).await;
    let keys = window.keys();
    window.until("a picture", |_, eyes| eyes.tile(&keys[0]).pictures > 0).await;

    house.restart().await;
    let before = window.eyes.tile(&keys[0]).pictures;
    window
        .until("new pictures after the restart", |model, eyes| {
            live(model) && eyes.tile(&keys[0]).pictures > before + 10
        })
        .await;

    house.revoke("Anna's laptop").await;
    window
        .until("the sentence of a removed device", |model, _| {
            let place = model.places.first();
            place.is_some_and(|place| {
                place.state == PlaceState::Stopped && matches!(place.sentence, Some(Sentence::Removed { .. }))
            })
        })
        .await;
    let id = keys[0].place;
    window.handle.send(Request::Forget(id));
    window
        .until("the place is gone", |model, _| model.places.is_empty() && model.shown().iter().all(Option::is_none))
        .await;
    window.close().await;
    assert!(device.store.lock().unwrap().places().is_empty());
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_window_looks_back_to_the_frame_and_comes_back_to_live() {
    let house = House::start_with(|plan| plan.recorded(Mode::Always, Duration::from_secs(600))).await;
    let device = Device::new();
    let window = Window::open(&device);
    let link = Link::parse(&house.link_with_roles(&["view", "playback"]).await).expect("a link");
    window.handle.send(Request::Pair(link));
    window.until("the place is live", |model, _| live(model)).await;
    let key = window.keys().remove(0);
    window.until("a picture", |_, eyes| eyes.tile(&key).pictures > 0).await;
    window.handle.send(Request::Strip(Wanted::Yes));
    let stretch = |model: &Model| model.past.as_ref().and_then(|past| past.known.spans.last().copied());
    window.until("what was recorded", |model, _| stretch(model).is_some_and(|span| span.to - span.from > 5_000)).await;
    let from = stretch(&window.handle.model()).expect("a stretch").from;

    // To a moment: the picture on the screen is the last one at or before it, and its own clock says so.
    let ask = |wish| window.handle.send(Request::Past(wish));
    let last = || window.eyes.film.lock().unwrap().last().copied();
    let exact = async |what: &str, at: Ms| {
        let end = Instant::now() + Duration::from_secs(20);
        while !last().is_some_and(|(shown, off)| (0..500).contains(&(at - shown)) && off.is_none_or(near)) {
            assert!(Instant::now() < end, "{what}: {at}, last {:?}, {:?}", last(), window.handle.model().past);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let at = from + 2_512;
    ask(Wish::Seek { at, play: Some(false) });
    exact("the exact picture", at).await;
    assert!(matches!(window.handle.model().past.as_ref().map(|past| past.on), Some(true)));
    let quiet = Duration::from_millis(700);
    window.until("live rests", |_, eyes| eyes.tile(&key).last.is_some_and(|at| at.elapsed() > quiet)).await;

    // Dragged: a picture that says when it was taken, and takes itself to be of that moment.
    ask(Wish::Grab);
    ask(Wish::Drag(from + 1_200));
    let still = |model: &Model| match model.past.as_ref().map(|past| &past.shown) {
        Some(Shown::Still(still)) => Some(still.clone()),
        _ => None,
    };
    window.until("a picture of the past", |model, _| still(model).is_some_and(|still| still.at <= from + 1_200)).await;
    let Still { at: taken, planes } = still(&window.handle.model()).expect("a picture");
    let own = clock::read_clock(planes.plane(0), planes.width, planes.width, planes.height).expect("its own clock");
    assert!(near(clock::ticks_between(own, clock::ticks(WallTime(taken * 1_000)))), "{own} at {taken}");
    ask(Wish::Release);
    exact("the exact picture where it was let go", from + 1_200).await;

    // Played, it is shown at its pace, each picture when it was.
    let stood = last().expect("a picture").0;
    window.eyes.film.lock().unwrap().clear();
    ask(Wish::Toggle);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let film = window.eyes.film.lock().unwrap().clone();
    // A busy machine's test card leaves pictures out, so this is how the last one before that moment is known: the next
    // one is not before it. In whole milliseconds they may be the same.
    let next = film.first().map(|(at, _)| *at);
    assert!(next.is_some_and(|at| at >= from + 1_200 && at > stood), "{next:?} after {stood}, {}", from + 1_200);
    let played = film.last().map_or(0, |(at, _)| at - from - 1_200);
    assert!((1_000..3_000).contains(&played), "{played} ms in two seconds");
    let clocks: Vec<i32> = film.iter().filter_map(|(_, off)| *off).collect();
    assert!(clocks.len() * 10 >= film.len() * 8, "{} of {} clocks", clocks.len(), film.len());
    assert!(clocks.into_iter().all(near) && film.is_sorted_by_key(|(at, _)| *at), "{film:?}");

    // And back: live is received again, the film is over.
    let before = window.eyes.tile(&key).pictures;
    ask(Wish::Live);
    window.until("live again", |_, eyes| eyes.tile(&key).pictures > before + 5).await;
    let shown = window.eyes.film.lock().unwrap().len();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(window.eyes.film.lock().unwrap().len(), shown);
    window.close().await;
    house.stop().await;
}

/// Within half a frame at 30 a second, in tenths of a millisecond.
fn near(off: i32) -> bool {
    off.abs() <= 166
}
