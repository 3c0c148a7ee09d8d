//! From the hub into files.

use std::io::Cursor;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use athome_shared::id::Layer;
use athome_shared::media::mp4::read::{Depth, Kind as Sort, Movie, load, scan};
use athome_shared::time::WallTime;

use super::super::recorder::{Order, Parts, Recorder, Status};
use super::super::store::Store;
use super::super::trigger::{Mode, Rules, Trigger};
use super::{door, looked_through, open_well, packet, picture};
use crate::events::{Cause, DiskTrouble, Events, Heard, Kind, Listener};
use crate::hub::{Hub, RingLimits, StreamKey};
use crate::index::{Query, Segment};
use crate::record::disk::OwnDisk;
use crate::record::export::export;

struct Scene {
    data: tempfile::TempDir,
    store: Arc<Store>,
    hub: Hub,
    events: Events,
    heard: Listener,
    recorder: Recorder,
    origin: Instant,
    /// Tenths of a second.
    now: u64,
    bytes: usize,
}

impl Scene {
    fn new(mode: Mode) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let (store, _) = open_well(data.path());
        let (store, events) = (Arc::new(store), Events::new());
        let hub = Hub::new(RingLimits::default());
        // Late enough for what is before it, and in the past, as what was captured is.
        let origin = Instant::now() - Duration::from_secs(60);
        let rules = Rules { mode, pre: Duration::from_secs(2), post: Duration::from_secs(3) };
        let recorder = Recorder::new(Parts {
            camera: door(),
            hub: hub.clone(),
            store: store.clone(),
            events: events.clone(),
            trigger: Trigger::new(origin, rules),
            schedule: Vec::new(),
            longest: Duration::from_secs(20),
            has_sound: Box::new(|_| true),
            status: Arc::<Mutex<Status>>::default(),
            tell: Arc::new(|_, _| {}),
        });
        let heard = events.subscribe();
        Self { data, store, hub, events, heard, recorder, origin, now: 0, bytes: 200 }
    }

    fn at(&self) -> Instant {
        self.origin + Duration::from_millis(100 * self.now)
    }

    /// Lets the camera give pictures and sound, and the recorder look at them four times a second.
    fn pass(&mut self, tenths: u64) {
        for _ in 0..tenths {
            self.publish();
            if self.now.is_multiple_of(3) {
                self.recorder.step(self.at());
            }
        }
    }

    fn publish(&mut self) {
        let (video, sound) = (StreamKey::video(&door(), Layer::Full), StreamKey::audio(&door()));
        self.hub.stream(&video).publish(picture(self.origin, self.now, self.bytes));
        (0..5).for_each(|n| self.hub.stream(&sound).publish(packet(self.origin, self.now * 5 + n)));
        self.now += 1;
    }

    fn rows(&self) -> Vec<Segment> {
        self.store.index().segments(&Query::default()).expect("listed")
    }

    fn movie(&self, row: &Segment) -> (Vec<u8>, Movie) {
        let bytes = std::fs::read(self.store.root().join(&row.new.file)).expect("there");
        let movie = scan(&mut Cursor::new(&bytes), Depth::Whole).expect("ours");
        (bytes, movie)
    }

    /// How many pictures and packets a file holds; each kind without a gap.
    fn counted(&self, row: &Segment) -> (u64, u64) {
        let (bytes, movie) = self.movie(row);
        assert!(movie.finished && movie.sound);
        let (mut pictures, mut packets) = (0, 0);
        for fragment in &movie.fragments {
            for sample in load(&mut Cursor::new(&bytes), fragment).expect("whole") {
                match sample.kind {
                    Sort::Video => {
                        assert_eq!(sample.at, pictures * 9_000);
                        pictures += 1;
                    }
                    Sort::Sound => {
                        assert_eq!(sample.at, packets * 960);
                        packets += 1;
                    }
                }
            }
        }
        (pictures, packets)
    }

    async fn kinds(self) -> (Vec<Kind>, tempfile::TempDir) {
        let Self { data, store, hub, events, mut heard, recorder, .. } = self;
        drop((store, hub, events, recorder));
        let mut kinds = Vec::new();
        while let Some(Heard::Event(event)) = heard.next().await {
            kinds.push(event.kind);
        }
        (kinds, data)
    }
}

#[tokio::test]
async fn motion_is_recorded_from_before_it_began_until_after_it_ended() {
    let mut scene = Scene::new(Mode::Motion);
    scene.pass(61);
    let wanted = |scene: &Scene| scene.hub.stream(&StreamKey::video(&door(), Layer::Full)).peek_demand().wanted;
    assert!(wanted(&scene), "what is before is encoded though nobody watches");
    scene.recorder.step(scene.at());
    assert!(scene.rows().is_empty());
    let began = scene.at() - Duration::from_millis(300);
    scene.recorder.order(Order::MotionBegan { began }, scene.at());
    scene.pass(30);
    scene.recorder.order(Order::MotionEnded, scene.at());
    scene.pass(40);
    let rows = scene.rows();
    assert_eq!(rows.len(), 1);
    // Motion at 5.8 s: from the key frame at 3 s, as 3.8 lies in its group, to three seconds after 9.1 s.
    let (pictures, packets) = scene.counted(&rows[0]);
    assert!((90..=94).contains(&pictures), "{pictures}");
    assert!(packets >= (pictures - 3) * 5, "{packets}");
    assert!(looked_through(scene.data.path(), &scene.store).clean());
    let (kinds, _) = scene.kinds().await;
    assert!(matches!(kinds[..], [Kind::RecordingBegan { why: Cause::Motion }]), "{kinds:?}");
}

#[tokio::test]
async fn a_long_recording_goes_on_in_the_next_file_without_losing_a_picture() {
    let mut scene = Scene::new(Mode::Always);
    scene.pass(450);
    let rows = scene.rows();
    assert_eq!(rows.len(), 2);
    let (first, second) = (scene.counted(&rows[0]), scene.counted(&rows[1]));
    assert_eq!((first.0, second.0), (200, 200));
    assert_eq!(rows[0].new.bytes, scene.movie(&rows[0]).0.len() as u64);
    let apart = rows[1].new.began.0 - rows[0].new.ended.0;
    assert!(apart.abs() < 50_000, "{apart} µs between them");
    // The whole of it as one file, and a part.
    let root = scene.store.root().to_owned();
    let whole = exported(&root, &rows, WallTime(i64::MIN), WallTime(i64::MAX));
    assert_eq!((whole.0, whole.1), (400, 0));
    let from = WallTime(rows[0].new.began.0 + 15_500_000);
    let part = exported(&root, &rows, from, WallTime(from.0 + 10_000_000));
    // From the key frame at 15 s to 25.5 s.
    assert!((105..=106).contains(&part.0), "{}", part.0);
}

/// Pictures and gaps of an export, which is read back.
fn exported(root: &Path, rows: &[Segment], from: WallTime, to: WallTime) -> (u64, usize) {
    let mut bytes = Vec::new();
    let done = export(&OwnDisk, root, rows, (from, to), |part| {
        bytes.extend_from_slice(part);
        Ok(())
    });
    let done = done.expect("something was recorded");
    for patch in &done.patches {
        let place = patch.place as usize;
        bytes[place..place + patch.bytes.len()].copy_from_slice(&patch.bytes);
    }
    let movie = scan(&mut Cursor::new(&bytes), Depth::Whole).expect("ours");
    assert!(movie.finished);
    assert!(movie.fragments[0].video.is_some_and(|video| video.key));
    // A seam is a frame's length at most away from what it should be.
    let expected = done.frames * 9_000;
    assert!(movie.end().abs_diff(expected) < 9_000, "{} ticks of {} frames", movie.end(), done.frames);
    (done.frames, done.gaps)
}

#[tokio::test]
async fn somebody_starts_and_stops_it_and_a_quiet_camera_ends_its_file() {
    let mut scene = Scene::new(Mode::Manual);
    scene.pass(30);
    assert!(!scene.hub.stream(&StreamKey::video(&door(), Layer::Full)).peek_demand().wanted, "nothing is encoded");
    let (done, _) = tokio::sync::oneshot::channel();
    scene.recorder.order(Order::Start { length: Some(Duration::from_secs(30)), done }, scene.at());
    scene.pass(50);
    // The camera is unplugged for ten seconds.
    scene.now += 100;
    scene.recorder.step(scene.at());
    assert_eq!(scene.rows().len(), 1);
    scene.pass(50);
    let (done, _) = tokio::sync::oneshot::channel();
    scene.recorder.order(Order::Stop { done }, scene.at());
    let rows = scene.rows();
    assert_eq!(rows.len(), 2);
    let counts: Vec<u64> = rows.iter().map(|row| scene.counted(row).0).collect();
    assert!(counts.iter().all(|n| (40..=70).contains(n)), "{counts:?}");
    let gaps = exported(scene.store.root(), &rows, WallTime(i64::MIN), WallTime(i64::MAX)).1;
    assert_eq!(gaps, 1);
}

#[tokio::test]
async fn a_recorder_that_fell_behind_says_so_and_goes_on_at_a_key_frame() {
    let mut scene = Scene::new(Mode::Always);
    scene.pass(30);
    // The disk hangs for longer than the hub keeps.
    (0..200).for_each(|_| scene.publish());
    scene.pass(230 - 200 + 30);
    scene.recorder.step(scene.at());
    let rows = scene.rows();
    assert_eq!(rows.len(), 1, "the file before the gap is complete");
    scene.counted(&rows[0]);
    let (kinds, _) = scene.kinds().await;
    assert!(kinds.contains(&Kind::RecordingFailed { why: DiskTrouble::Slow }), "{kinds:?}");
}
