//! Cameras made of fake sources, from the outside: what the list, the events and the hub say.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, Layer};
use athome_shared::media::clock as card_clock;
use athome_shared::media::frame::{Codec, EncodedFrame, Params};
use athome_shared::protocol::control::{Camera, CameraReason, CameraState};
use athome_shared::protocol::house::HouseMode;
use athome_shared::time::{MediaClock, MediaTime, WallTime};
use openh264::formats::YUVSource;
use tokio::sync::watch;

use super::presence::{Kept, Presence};
use super::{Cameras, Opener, Setup, Sound};
use crate::config::{AtHome, CameraConfig, Detection};
use crate::events::{Events, Heard, Kind, Listener};
use crate::hub::{From, Hub, Read, Reader, RingLimits, StreamKey};
use crate::source::{Opened, PcmBlock, PixelFormat, RawFrame, Sink, Source, SourceError, Stop, Wish};

/// Nothing here takes a tenth of it; a test that hangs ends.
const LIMIT: Duration = Duration::from_secs(30);
const FRAME: Duration = Duration::from_millis(10);

/// A device that a test plugs in, pulls out and breaks.
#[derive(Clone, Default)]
struct Device(Arc<DeviceState>);

#[derive(Default)]
struct DeviceState {
    unplugged: AtomicBool,
    /// Blocks in the driver and ignores being asked to stop.
    stuck: AtomicBool,
    encoded: AtomicBool,
    opened: AtomicU32,
    /// Frames given so far, over all attempts.
    frames: AtomicU32,
}

impl Device {
    fn opener(&self) -> Opener {
        let device = self.clone();
        Box::new(move || Box::new(device.clone()))
    }

    fn set(&self, what: impl Fn(&DeviceState) -> &AtomicBool, value: bool) {
        what(&self.0).store(value, Ordering::SeqCst);
    }

    fn is(&self, what: impl Fn(&DeviceState) -> &AtomicBool) -> bool {
        what(&self.0).load(Ordering::SeqCst)
    }
}

impl Source for Device {
    fn run(&mut self, sink: &dyn Sink, stop: &Stop) -> Result<(), SourceError> {
        self.0.opened.fetch_add(1, Ordering::SeqCst);
        let encoded = self.is(|device| &device.encoded);
        let mut begun = false;
        loop {
            while self.is(|device| &device.stuck) {
                std::thread::sleep(FRAME);
            }
            if self.is(|device| &device.unplugged) {
                return Err(SourceError::new(CameraReason::Gone, "no such device"));
            }
            if !std::mem::replace(&mut begun, true) {
                sink.opened(Opened { label: "Fake".into(), width: 64, height: 48, fps: 240.0, encoded, audio: false });
            }
            let n = self.0.frames.fetch_add(1, Ordering::SeqCst);
            let captured = Instant::now();
            let pts = MediaTime(i64::from(n) * 900);
            if encoded {
                // A camera's own stream, met in the middle of a group.
                sink.encoded(EncodedFrame {
                    codec: Codec::H264,
                    is_key: n % 5 == 3,
                    pts,
                    captured,
                    encoded: captured,
                    data: vec![n as u8].into(),
                    params: Arc::new(Params::Video { width: 64, height: 48, profile_level_id: [0; 3] }),
                });
            } else {
                let data = vec![n as u8; 64 * 48 * 3 / 2].into();
                sink.raw(RawFrame { format: PixelFormat::I420, width: 64, height: 48, data, captured, pts });
            }
            if stop.sleep_until(Instant::now() + FRAME) {
                return Ok(());
            }
        }
    }
}

/// A microphone that is missing, or gives silence in blocks of 10 ms.
struct Microphone {
    missing: bool,
}

impl Source for Microphone {
    fn run(&mut self, sink: &dyn Sink, stop: &Stop) -> Result<(), SourceError> {
        if self.missing {
            return Err(SourceError::new(CameraReason::Gone, "no microphone"));
        }
        let clock = MediaClock::new(Instant::now(), WallTime(0));
        loop {
            let captured = Instant::now();
            sink.pcm(PcmBlock { channels: 1, samples: vec![0.1; 480].into(), captured, pts: clock.media(captured) });
            if stop.sleep_until(captured + FRAME) {
                return Ok(());
            }
        }
    }
}

/// Panics at its first frame, as a codec library might.
struct Explosive;

impl Source for Explosive {
    fn run(&mut self, _sink: &dyn Sink, _stop: &Stop) -> Result<(), SourceError> {
        panic!("a source that panics, on purpose");
    }
}

fn setup(name: &str, picture: Opener, sound: Sound) -> Setup {
    Setup {
        id: CameraId::slug(name),
        name: name.to_owned(),
        active: true,
        at_home: AtHome::default(),
        bitrate_bps: None,
        picture,
        small: None,
        sound,
        detection: Detection::default(),
        zones: Vec::new(),
    }
}

struct House {
    hub: Hub,
    cameras: Cameras,
    changes: watch::Receiver<Arc<Vec<Camera>>>,
    events: Listener,
}

fn house(setups: Vec<Setup>) -> House {
    let (hub, events) = (Hub::new(RingLimits::default()), Events::new());
    let listener = events.subscribe();
    let clock = MediaClock::new(Instant::now(), WallTime::now());
    let cameras = Cameras::start_with(setups, hub.clone(), events, clock);
    House { hub, changes: cameras.changes(), cameras, events: listener }
}

impl House {
    async fn until(&mut self, what: &str, reached: impl Fn(&[Camera]) -> bool) -> Arc<Vec<Camera>> {
        let list = tokio::time::timeout(LIMIT, self.changes.wait_for(|list| reached(list))).await;
        list.unwrap_or_else(|_| panic!("never {what}: {:?}", self.cameras.list())).expect("the cameras live").clone()
    }

    async fn until_state(&mut self, id: &str, state: CameraState) -> Camera {
        let is = |camera: &&Camera| camera.id.as_str() == id && camera.state == state;
        let list = self.until("in that state", |list| list.iter().any(|camera| is(&camera))).await;
        list.iter().find(is).expect("it is there").clone()
    }

    async fn event(&mut self) -> Kind {
        match tokio::time::timeout(LIMIT, self.events.next()).await.expect("an event in time") {
            Some(Heard::Event(event)) => event.kind,
            other => panic!("{other:?}"),
        }
    }

    fn reader(&self, id: &str) -> Reader {
        self.hub.stream(&StreamKey::video(&CameraId::slug(id), Layer::Full)).subscribe(From::Live)
    }
}

async fn frame(reader: &mut Reader) -> Arc<EncodedFrame> {
    match tokio::time::timeout(LIMIT, reader.next()).await.expect("a frame in time") {
        Read::Frame(frame) => frame,
        other => panic!("{other:?} instead of a frame"),
    }
}

#[tokio::test]
async fn a_camera_comes_to_life_and_its_picture_reaches_the_hub() {
    let device = Device::default();
    let mut house = house(vec![setup("Door", device.opener(), Sound::Own)]);
    let mut reader = house.reader("door");
    let live = house.until_state("door", CameraState::Live).await;
    assert_eq!((live.width, live.height, live.name.as_str()), (64, 48, "Door"));
    assert_eq!(live.layers, [Layer::Full], "too small for a small layer");
    assert_eq!(house.event().await, Kind::Online);
    assert!(frame(&mut reader).await.is_key);
    let measured = house.until("measured", |list| list[0].fps > 10.0 && list[0].fps < 120.0).await;
    assert!(measured[0].last_frame.is_some());
    house.cameras.shutdown().await;
    assert!(house.cameras.list().is_empty());
}

#[tokio::test]
async fn an_unplugged_camera_comes_back_by_itself() {
    let device = Device::default();
    let mut house = house(vec![setup("Door", device.opener(), Sound::Own)]);
    let mut reader = house.reader("door");
    house.until_state("door", CameraState::Live).await;
    frame(&mut reader).await;
    assert_eq!(house.event().await, Kind::Online);
    device.set(|device| &device.unplugged, true);
    let gone = house.until_state("door", CameraState::Backoff).await;
    assert_eq!((gone.reason, gone.width), (Some(CameraReason::Gone), 0));
    assert!(gone.retry_s.is_some_and(|s| s <= 2) && gone.last_frame.is_some());
    assert_eq!(house.event().await, Kind::Offline { reason: CameraReason::Gone });
    // It is tried in vain while it is away; nobody is told again.
    let tried = device.0.opened.load(Ordering::SeqCst);
    while device.0.opened.load(Ordering::SeqCst) < tried + 2 {
        tokio::time::sleep(FRAME).await;
    }
    device.set(|device| &device.unplugged, false);
    house.until_state("door", CameraState::Live).await;
    assert_eq!(house.event().await, Kind::Online);
    // The same reader goes on, without having subscribed again.
    let n = device.0.frames.load(Ordering::SeqCst);
    while frame(&mut reader).await.pts.0 < i64::from(n) * 900 {}
    house.cameras.shutdown().await;
}

#[tokio::test]
async fn one_broken_camera_holds_nobody() {
    let (stuck, good) = (Device::default(), Device::default());
    stuck.set(|device| &device.stuck, true);
    let explosive: Opener = Box::new(|| Box::new(Explosive));
    let mut house = house(vec![
        setup("Stuck", stuck.opener(), Sound::Own),
        setup("Explosive", explosive, Sound::Own),
        setup("Good", good.opener(), Sound::Own),
    ]);
    let mut reader = house.reader("good");
    house.until_state("good", CameraState::Live).await;
    frame(&mut reader).await;
    let broken = house.until_state("explosive", CameraState::Backoff).await;
    assert_eq!(broken.reason, Some(CameraReason::Other));
    let ids: Vec<_> = house.cameras.list().into_iter().map(|camera| camera.id.to_string()).collect();
    assert_eq!(ids, ["stuck", "explosive", "good"], "in the order of the configuration");
    // A thread stuck in its driver is left behind, in bounded time.
    let began = Instant::now();
    house.cameras.shutdown().await;
    assert!(began.elapsed() < super::SHUTDOWN_LIMIT + Duration::from_secs(1));
    stuck.set(|device| &device.stuck, false);
}

#[tokio::test]
async fn a_missing_microphone_never_stops_the_picture() {
    let microphone = |missing| Sound::Microphone(Box::new(move || Box::new(Microphone { missing }) as Box<dyn Source>));
    let mut house = house(vec![
        setup("Deaf", Device::default().opener(), microphone(true)),
        setup("Hearing", Device::default().opener(), microphone(false)),
    ]);
    let mut picture = house.reader("deaf");
    let mut sound = house.hub.stream(&StreamKey::audio(&CameraId::slug("hearing"))).subscribe(From::Live);
    frame(&mut picture).await;
    let packet = frame(&mut sound).await;
    assert_eq!((packet.codec, packet.is_key), (Codec::Opus, true));
    let list = house.until("heard", |list| list.iter().any(|camera| camera.audio)).await;
    assert_eq!(list.iter().map(|camera| camera.audio).collect::<Vec<_>>(), [false, true]);
    house.until_state("deaf", CameraState::Live).await;
    // Told once, however often it is tried.
    let mut silences = 0;
    tokio::time::sleep(super::state::FIRST_DELAY * 5).await;
    house.cameras.shutdown().await;
    while let Ok(Some(Heard::Event(event))) = tokio::time::timeout(FRAME, house.events.next()).await {
        if let Kind::SoundOffline { reason } = event.kind {
            assert_eq!((event.camera, reason), (CameraId::new("deaf"), CameraReason::Gone));
            silences += 1;
        }
    }
    assert_eq!(silences, 1);
}

#[tokio::test]
async fn a_cameras_own_stream_begins_at_a_key_frame_after_every_return() {
    let device = Device::default();
    device.set(|device| &device.encoded, true);
    let mut house = house(vec![setup("Door", device.opener(), Sound::Own)]);
    let mut reader = house.reader("door");
    let first = frame(&mut reader).await;
    assert_eq!((first.is_key, first.data[0]), (true, 3), "the three frames before it can't be decoded");
    device.set(|device| &device.unplugged, true);
    house.until_state("door", CameraState::Backoff).await;
    let left = device.0.frames.load(Ordering::SeqCst);
    device.set(|device| &device.unplugged, false);
    loop {
        let next = frame(&mut reader).await;
        if u32::from(next.data[0]) >= left % 256 {
            assert!(next.is_key, "the first frame after the return");
            break;
        }
    }
    house.cameras.shutdown().await;
}

#[tokio::test]
async fn pause_resume_add_and_remove() {
    let device = Device::default();
    let idle = Setup { active: false, ..setup("Idle", Device::default().opener(), Sound::Own) };
    let mut house = house(vec![setup("Door", device.opener(), Sound::Own), idle]);
    house.until_state("door", CameraState::Live).await;
    assert_eq!(house.until_state("idle", CameraState::Stopped).await.fps, 0.0);
    let id = CameraId::slug("Door");
    assert!(house.cameras.pause(&id).await);
    house.until_state("door", CameraState::Stopped).await;
    let frames = device.0.frames.load(Ordering::SeqCst);
    tokio::time::sleep(FRAME * 5).await;
    assert!(device.0.frames.load(Ordering::SeqCst) <= frames + 1, "paused is paused");
    assert!(house.cameras.resume(&id).await);
    house.until_state("door", CameraState::Live).await;
    assert!(!house.cameras.add_with(setup("Door", device.opener(), Sound::Own)), "that id is taken");
    assert!(house.cameras.add_with(setup("Yard", Device::default().opener(), Sound::Own)));
    house.until_state("yard", CameraState::Live).await;
    let mut reader = house.reader("door");
    frame(&mut reader).await;
    assert!(house.cameras.remove(&id).await);
    assert!(!house.cameras.remove(&id).await && !house.cameras.pause(&id).await);
    assert_eq!(house.until("two", |list| list.len() == 2).await.len(), 2);
    let ended = async { while !matches!(reader.next().await, Read::Ended) {} };
    tokio::time::timeout(LIMIT, ended).await.expect("its readers are told");
    house.cameras.shutdown().await;
}

#[tokio::test]
async fn privacy_closes_every_device_and_pauses_stay_pauses() {
    let (device, lonely) = (Device::default(), Device::default());
    let guard = Setup { at_home: AtHome::Off, ..setup("Guard", lonely.opener(), Sound::Own) };
    let mut house = house(vec![setup("Door", device.opener(), Sound::Own), guard]);
    let data = tempfile::tempdir().expect("a folder");
    let presence = Presence::new(house.cameras.clone(), Events::new(), data.path().to_owned());
    house.until_state("door", CameraState::Live).await;
    house.until_state("guard", CameraState::Live).await;
    assert_eq!(presence.set(HouseMode::Home).await, Kept::Yes);
    house.until_state("guard", CameraState::Stopped).await;
    house.until_state("door", CameraState::Live).await;
    assert_eq!(presence.set(HouseMode::Privacy).await, Kept::Yes);
    house.until_state("door", CameraState::Stopped).await;
    let id = CameraId::slug("Door");
    let released = async {
        while !house.cameras.released(&id) {
            tokio::time::sleep(FRAME).await
        }
    };
    tokio::time::timeout(LIMIT, released).await.expect("its device is closed");
    let frames = device.0.frames.load(Ordering::SeqCst);
    // Neither switching it on nor a new camera gets round it.
    assert!(house.cameras.resume(&id).await);
    assert!(house.cameras.add_with(setup("Yard", Device::default().opener(), Sound::Own)));
    tokio::time::sleep(FRAME * 5).await;
    assert_eq!(device.0.frames.load(Ordering::SeqCst), frames, "privacy is privacy");
    assert!(house.cameras.list().iter().all(|camera| camera.state == CameraState::Stopped));
    assert_eq!(Presence::read(data.path()), HouseMode::Privacy, "also after a restart");
    // What was paused by itself stays so.
    assert!(house.cameras.pause(&CameraId::slug("Yard")).await);
    presence.set(HouseMode::Away).await;
    house.until_state("door", CameraState::Live).await;
    house.until_state("guard", CameraState::Live).await;
    house.until_state("yard", CameraState::Stopped).await;
    house.cameras.shutdown().await;
}

/// Shares the sink with the test after the attempt is over.
#[derive(Clone, Default)]
struct Ghost(Arc<Mutex<Vec<usize>>>);

impl Source for Ghost {
    fn run(&mut self, sink: &dyn Sink, stop: &Stop) -> Result<(), SourceError> {
        let mut given = 0;
        while !stop.stopped() || given % 2 == 1 {
            given += 1;
            let data = vec![given as u8; 64 * 48 * 3 / 2].into();
            let (captured, pts) = (Instant::now(), MediaTime(given as i64 * 900));
            sink.raw(RawFrame { format: PixelFormat::I420, width: 64, height: 48, data, captured, pts });
            std::thread::sleep(FRAME);
        }
        // Asked to stop, and yet another frame.
        let (captured, pts) = (Instant::now(), MediaTime(1 << 40));
        let data = vec![0; 64 * 48 * 3 / 2].into();
        sink.raw(RawFrame { format: PixelFormat::I420, width: 64, height: 48, data, captured, pts });
        self.0.lock().expect("no panic").push(given);
        Ok(())
    }
}

#[tokio::test]
async fn what_a_stopped_source_still_says_is_not_heard() {
    let ghost = Ghost::default();
    let source = ghost.clone();
    let mut house = house(vec![setup("Door", Box::new(move || Box::new(source.clone())), Sound::Own)]);
    let mut reader = house.reader("door");
    frame(&mut reader).await;
    house.cameras.pause(&CameraId::slug("Door")).await;
    house.until_state("door", CameraState::Stopped).await;
    while ghost.0.lock().expect("no panic").is_empty() {
        tokio::time::sleep(FRAME).await;
    }
    tokio::time::sleep(FRAME * 3).await;
    while let Some(Read::Frame(frame)) = reader.try_next() {
        assert!(frame.pts.0 < 1 << 40, "a frame from beyond");
    }
    house.cameras.shutdown().await;
}

#[tokio::test]
async fn a_configured_camera_shows_the_time_and_gives_sound() {
    let mut card = CameraConfig::new("Card", "test".parse().expect("a test card"));
    card.wish = Wish { size: Some((640, 360)), fps: Some(15.0) };
    card.audio = Some("tone".parse().expect("a tone"));
    let hub = Hub::new(RingLimits::default());
    let clock = MediaClock::new(Instant::now(), WallTime::now());
    let cameras = Cameras::start(vec![card], HouseMode::Away, hub.clone(), Events::new(), clock);
    let id = CameraId::slug("Card");
    let mut picture = hub.stream(&StreamKey::video(&id, Layer::Full)).subscribe(From::Live);
    let mut sound = hub.stream(&StreamKey::audio(&id)).subscribe(From::Live);
    let mut decoder = openh264::decoder::Decoder::new().expect("a decoder");
    for _ in 0..5 {
        let frame = frame(&mut picture).await;
        let yuv = decoder.decode(&frame.data).expect("decodes").expect("a picture");
        let shown = card_clock::read_clock(yuv.y(), yuv.strides().0, 640, 360).expect("the clock can be read");
        // The picture's own clock and the frame's capture time are the same moment, to a few milliseconds.
        let off = card_clock::ticks_between(card_clock::ticks(clock.wall(frame.captured)), shown);
        assert!(off.abs() < 50, "off by {off} tenths of a millisecond");
    }
    let packets = [frame(&mut sound).await, frame(&mut sound).await];
    assert_eq!(packets[1].pts.0 - packets[0].pts.0, 1_800);
    // Picture and sound of the same moment have nearly the same media time.
    let seen = hub.stream(&StreamKey::video(&id, Layer::Full)).last_frame().expect("a picture");
    let heard = hub.stream(&StreamKey::audio(&id)).last_frame().expect("sound");
    let (apart, captured_apart) = (seen.0.0 - heard.0.0, clock.media(seen.1).0 - clock.media(heard.1).0);
    assert!((apart - captured_apart).abs() < MediaTime::RATE / 50, "{apart} is not {captured_apart}");
    cameras.shutdown().await;
}
