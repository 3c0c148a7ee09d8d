//! A viewer in this process whose eyes read the test card's clock and mark, and whose ears keep the sound.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, Layer};
use athome_shared::media::clock;
use athome_shared::pair::link::Link;
use athome_shared::peer::{PeerSettings, ReceivedFrame};
use athome_shared::protocol::control::{Attached, Camera};
use athome_shared::protocol::wire::{SlotKind, WatchWish};
use athome_shared::time::WallTime;
use athome_viewer::headless;
use athome_viewer::meter::Meter;
use athome_viewer::play::audio::{Sound, SoundSink};
use athome_viewer::play::decode::Picture;
use athome_viewer::play::player::{Player, Screen};
use athome_viewer::session::MediaSink;
use athome_viewer::session::client::{self, Client, ClientEvent, Options, Requests, SharedStore};
use athome_viewer::session::ended::Ended;
use athome_viewer::session::machine::{Event, Stage};
use athome_viewer::session::task::PairError;
use athome_viewer::store::Place;
use athome_viewer::words::Sentence;
use tokio::task::JoinHandle;

use crate::wait::within;

/// A picture as the eyes saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub slot: u8,
    /// What the frame was announced to be.
    pub camera: CameraId,
    pub layer: Layer,
    pub epoch: u32,
    pub width: usize,
    pub height: usize,
    /// What the picture itself says.
    pub clock: Option<u32>,
    pub mark: Option<u8>,
    pub is_key: bool,
    /// Bytes of the coded frame.
    pub coded: usize,
    pub at: Instant,
    /// From the clock in the picture to now.
    pub latency: Option<Duration>,
}

/// Pictures that are remembered; the oldest go first.
const REMEMBERED: usize = 20_000;

/// Looks at pictures, listens to sound.
#[derive(Debug, Default)]
pub struct Senses {
    seen: Mutex<Vec<Seen>>,
    /// Shows nothing and takes its time: a viewer that can't keep up.
    pub slow: AtomicBool,
    pub meter: Meter,
}

impl Screen for Senses {
    fn picture(&self, picture: &Picture<'_>) {
        if self.slow.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(300));
        }
        self.meter.picture(picture);
        let ([luma, ..], [stride, ..]) = (picture.planes, picture.strides);
        let shown = clock::read_clock(luma, stride, picture.width, picture.height);
        let latency = shown.and_then(|ticks| {
            let tenths = clock::ticks_between(ticks, clock::ticks(WallTime::now()));
            Some(Duration::from_micros(u64::try_from(tenths).ok()? * 100))
        });
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() == REMEMBERED {
            seen.drain(..REMEMBERED / 2);
        }
        seen.push(Seen {
            slot: picture.content.slot,
            camera: picture.content.camera.clone(),
            layer: picture.content.layer,
            epoch: picture.content.epoch,
            width: picture.width,
            height: picture.height,
            clock: shown,
            mark: clock::read_mark(luma, stride, picture.width, picture.height),
            is_key: picture.is_key,
            coded: picture.coded,
            at: picture.decoded,
            latency,
        });
    }

    fn switched(&self, slot: u8) {
        self.meter.switched(slot);
    }

    fn crashed(&self, _: &Attached) {}
}

impl SoundSink for Senses {
    fn sound(&self, sound: &Sound<'_>) {
        self.meter.sound(sound);
    }
}

/// What was said and what happened so far.
#[derive(Clone, Debug, Default)]
pub struct Story {
    pub said: Vec<Sentence>,
    pub stages: Vec<Stage>,
    pub ended: Vec<(Ended, bool)>,
    pub cameras: Vec<Camera>,
    pub names: Vec<String>,
    pub over: bool,
}

/// A device with its own data folder.
#[derive(Debug)]
pub struct Device {
    dir: tempfile::TempDir,
    pub store: SharedStore,
}

impl Default for Device {
    fn default() -> Self {
        Self::new()
    }
}

impl Device {
    /// A fresh device.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let store = client::open_store(dir.path()).expect("a fresh folder makes a store");
        Self { dir, store }
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        self.dir.path()
    }

    /// Pairs with a link's text.
    pub async fn pair(&self, link: &str, name: &str) -> Result<Place, PairError> {
        let link = Link::parse(link).expect("a link that the streamer made");
        client::pair(&self.store, &link, name, "headless").await
    }

    /// The only place it is paired with.
    pub fn place(&self) -> Place {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.places().first().cloned().expect("the device is paired")
    }

    /// Watches the first camera, with sound, in one slot.
    pub fn watch(&self) -> Viewer {
        self.watch_with(1, vec![WatchWish { slot: 0, camera: None, layer: Layer::Full }])
    }

    /// Watches the first camera in one slot; what comes goes to `media`.
    pub fn watch_by(&self, media: Box<dyn MediaSink>) -> Viewer {
        let watch = vec![WatchWish { slot: 0, camera: None, layer: Layer::Full }];
        let options = Options { slots: 1, watch, audio: true, peer: peer_settings(), reconnect: true };
        Viewer::start_with(self, options, |_, _| media)
    }

    /// Watches with this many slots and these wishes.
    pub fn watch_with(&self, slots: u8, watch: Vec<WatchWish>) -> Viewer {
        let options = Options { slots, watch, audio: true, peer: peer_settings(), reconnect: true };
        Viewer::start(self, options)
    }
}

/// Loopback only.
pub fn peer_settings() -> PeerSettings {
    PeerSettings { bind: vec![[127, 0, 0, 1].into()], ..headless::peer_settings() }
}

/// A running viewer.
#[derive(Debug)]
pub struct Viewer {
    pub senses: Arc<Senses>,
    pub requests: Requests,
    story: Arc<Mutex<Story>>,
    stop: tokio::sync::oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Viewer {
    fn start(device: &Device, options: Options) -> Self {
        Self::start_with(device, options, |senses, requests| {
            Box::new(Player::new(Arc::clone(&senses) as _, senses, requests))
        })
    }

    fn start_with(
        device: &Device,
        options: Options,
        media: impl FnOnce(Arc<Senses>, Requests) -> Box<dyn MediaSink>,
    ) -> Self {
        let mut senses = None;
        let mut client = Client::start(Arc::clone(&device.store), device.place(), options, |requests| {
            let shared =
                Arc::new(Senses { meter: Meter::new(Instant::now(), requests.offset().clone()), ..Senses::default() });
            senses = Some(Arc::clone(&shared));
            media(shared, requests)
        });
        let requests = client.requests().clone();
        let story = Arc::new(Mutex::new(Story::default()));
        let written = Arc::clone(&story);
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            loop {
                let event = tokio::select! {
                    event = client.event() => event,
                    _ = &mut stopped => return client.close().await,
                };
                let mut story = written.lock().unwrap_or_else(PoisonError::into_inner);
                match event {
                    Some(event) => story.write(event),
                    None => {
                        story.over = true;
                        return;
                    }
                }
            }
        });
        Self { senses: senses.expect("a client makes its consumer"), requests, story, stop, task }
    }

    /// What happened so far.
    pub fn story(&self) -> Story {
        self.story.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Pictures so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().clone()
    }

    /// How many pictures so far.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// The newest picture of a slot.
    pub fn newest(&self, slot: u8) -> Option<Seen> {
        self.lock().iter().rev().find(|s| s.slot == slot).cloned()
    }

    /// Waits for this many more pictures.
    pub async fn see(&self, more: usize) {
        let start = self.count();
        within(crate::wait::PATIENCE, &format!("{more} more pictures; the story: {:?}", self.story().said), || {
            self.count() >= start + more
        })
        .await;
    }

    /// Says goodbye and ends.
    pub async fn leave(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.senses.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Story {
    fn write(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Say(sentence) => self.said.push(sentence),
            ClientEvent::Ended { ended, again } => self.ended.push((ended, again)),
            ClientEvent::Session(Event::Stage(stage)) => self.stages.push(stage),
            ClientEvent::Session(Event::Cameras(cameras)) => self.cameras = cameras,
            ClientEvent::Session(Event::Watching(names)) => self.names = names,
            ClientEvent::Session(_) => {}
        }
    }
}

/// A viewer that receives and does not decode: it costs this process little.
#[derive(Debug)]
pub struct Blind {
    frames: Arc<AtomicU64>,
    viewer: Viewer,
}

impl Blind {
    /// Watches the first camera.
    pub fn watch(device: &Device) -> Self {
        let frames = Arc::new(AtomicU64::new(0));
        let sink = Counting(Arc::clone(&frames));
        Self { frames, viewer: device.watch_by(Box::new(sink)) }
    }

    /// Video frames so far.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Waits for this many more frames.
    pub async fn receive(&self, more: u64) {
        let start = self.frames();
        within(crate::wait::PATIENCE, &format!("{more} more frames; {:?}", self.viewer.story().said), || {
            self.frames() >= start + more
        })
        .await;
    }

    /// Says goodbye and ends.
    pub async fn leave(self) {
        self.viewer.leave().await;
    }
}

struct Counting(Arc<AtomicU64>);

impl MediaSink for Counting {
    fn frame(&mut self, content: Arc<Attached>, _: ReceivedFrame) {
        if content.kind == SlotKind::Video {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    fn attached(&mut self, _: &Attached) {}
    fn detached(&mut self, _: SlotKind, _: u8) {}
    fn key_frame_needed(&mut self, _: u8) {}
    fn lost(&mut self, _: u8) {}
}
