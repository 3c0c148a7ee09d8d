//! A camera's looking thread: pictures in, events out. It ends with the camera.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use athome_shared::id::CameraId;
use athome_shared::media::frame::{Codec, EncodedFrame};
use athome_shared::time::{MediaClock, WallTime};

use super::board::{Board, Glance, Thumbnail};
use super::gate::Change;
use super::grid::{Plane, bits, plane};
use super::guard::view;
use super::inbox::{Inbox, Settings, Work};
use super::look::{Looker, Seen};
use super::pace::Pace;
use super::sample::{Layout, Sampler};
use super::wide::Wide;
use super::zones::ZoneMap;
use crate::decode::{I420, h264};
use crate::encode::convert::{Converter, Shrinker};
use crate::encode::jpeg;
use crate::encode::mask::{Blackout, Private};
use crate::events::{Event, Events, Kind, View};
use crate::source::{PixelFormat, RawFrame};

/// A camera that gives no picture for this long stopped; an event that went on is over.
const SILENCE: Duration = Duration::from_secs(3);
/// Between two pictures that are kept for a thumbnail.
const KEEP_EVERY: Duration = Duration::from_millis(300);
/// Width of thumbnails at most.
const THUMBNAIL_WIDTH: u32 = 320;
/// JPEG quality of thumbnails, of 100: about 10 KB each.
const THUMBNAIL_QUALITY: u8 = 70;

/// Whom a camera's looking thread works for.
#[derive(Clone)]
pub struct Office {
    pub events: Events,
    pub board: Board,
    pub clock: MediaClock,
}

/// How a camera is looked at.
#[derive(Clone, Debug)]
pub struct Orders {
    pub settings: Settings,
    /// Of an encoded stream, decode key frames only.
    pub key_frames_only: bool,
}

/// The thread. Dropping it ends it, which takes at most the picture in work.
pub struct Watch {
    inbox: Arc<Inbox>,
    thread: Option<JoinHandle<()>>,
    key_frames_only: bool,
}

impl Watch {
    /// Starts looking. `private` parts are in no thumbnail.
    pub fn start(camera: &CameraId, orders: Orders, private: Arc<Private>, office: Office) -> std::io::Result<Self> {
        let inbox: Arc<Inbox> = Arc::default();
        let Orders { settings, key_frames_only } = orders;
        let (camera, thread_inbox) = (camera.clone(), inbox.clone());
        let name: String = format!("{camera} motion").chars().take(15).collect();
        let run = move || Watcher::new(camera, settings, private, office).run(&thread_inbox);
        let thread = std::thread::Builder::new().name(name).spawn(run)?;
        Ok(Self { inbox, thread: Some(thread), key_frames_only })
    }

    /// A raw picture; one that still waits is replaced. Never waits.
    pub fn raw(&self, frame: &RawFrame) {
        self.inbox.raw(frame);
    }

    /// A picture of an encoded stream. Never waits.
    pub fn encoded(&self, frame: &EncodedFrame) {
        if frame.codec == Codec::H264 && (frame.is_key || !self.key_frames_only) {
            self.inbox.encoded(frame);
        }
    }

    /// Other zones or another sensitivity from the next picture on; what was learned stays.
    pub fn set(&self, settings: Settings) {
        self.inbox.settings(settings);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.inbox.close();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("a looking thread panicked");
        }
    }
}

/// What the thread works with.
struct Watcher {
    camera: CameraId,
    office: Office,
    sampler: Sampler,
    looker: Looker,
    cells: Box<Plane>,
    decoder: Option<h264::Decoder>,
    pace: Pace,
    converter: Converter,
    blackout: Blackout,
    shrinker: Shrinker,
    event: Option<Going>,
    last: Option<Instant>,
    complained: bool,
}

/// An event that goes on.
struct Going {
    began: WallTime,
    zones: Vec<String>,
    best: RawFrame,
    kept: Instant,
}

impl Watcher {
    fn new(camera: CameraId, settings: Settings, private: Arc<Private>, office: Office) -> Self {
        use std::hash::{BuildHasher, RandomState};
        let (wide, seed) = (Wide::widest(), RandomState::new().hash_one(&camera));
        Self {
            camera,
            office,
            sampler: Sampler::new(wide),
            looker: Looker::new(ZoneMap::new(&settings.zones, settings.sensitivity), wide, seed),
            cells: plane(0),
            decoder: None,
            pace: Pace::default(),
            converter: Converter::default(),
            blackout: Blackout::new(private),
            shrinker: Shrinker::with_width(THUMBNAIL_WIDTH),
            event: None,
            last: None,
            complained: false,
        }
    }

    fn run(mut self, inbox: &Inbox) {
        loop {
            let work = inbox.next(SILENCE);
            if matches!(work, Work::End) {
                break;
            }
            // A codec library that panics on a camera's bytes costs a picture, not the looking.
            let done = catch_unwind(AssertUnwindSafe(|| self.handle(work)));
            if done.is_err() {
                tracing::error!(camera = %self.camera, "a picture made the looking panic");
                (self.decoder, self.converter) = (None, Converter::default());
            }
        }
        self.stopped();
        self.office.board.remove(&self.camera);
    }

    fn handle(&mut self, work: Work) {
        match work {
            Work::Raw(frame) => self.look(frame),
            Work::Encoded(frame) => {
                if let Some(frame) = self.decode(&frame) {
                    self.look(frame);
                }
            }
            Work::Settings(settings) => {
                let ended = self.looker.set_zones(ZoneMap::new(&settings.zones, settings.sensitivity));
                self.tell(Instant::now(), ended, None);
            }
            Work::Nothing => self.stopped(),
            Work::End => {}
        }
    }

    /// The camera stopped, or is gone for good.
    fn stopped(&mut self) {
        let ended = self.looker.stop();
        self.tell(Instant::now(), ended, None);
        self.office.board.show(&self.camera, Glance::default());
    }

    fn decode(&mut self, frame: &EncodedFrame) -> Option<RawFrame> {
        if self.decoder.is_none() {
            self.decoder = h264::Decoder::new().ok();
        }
        let picture = match self.decoder.as_mut()?.decode(&frame.data) {
            Ok(picture) => picture.filter(|_| self.pace.take(frame.captured))?,
            Err(why) => {
                if !std::mem::replace(&mut self.complained, true) {
                    tracing::warn!(camera = %self.camera, %why, "a picture can't be looked at");
                }
                return None;
            }
        };
        let I420 { width, height, data } = picture;
        let (captured, pts) = (frame.captured, frame.pts);
        Some(RawFrame { format: PixelFormat::I420, width, height, data, captured, pts })
    }

    fn look(&mut self, frame: RawFrame) {
        // A JPEG is decoded once, for looking and for the thumbnail.
        let frame = match frame.format {
            PixelFormat::Mjpeg => match self.converter.to_i420(&frame) {
                Ok(picture) => RawFrame {
                    format: PixelFormat::I420,
                    width: picture.width,
                    height: picture.height,
                    data: picture.data,
                    ..frame
                },
                Err(_) => return,
            },
            PixelFormat::I420 | PixelFormat::Nv12 | PixelFormat::Yuyv => frame,
        };
        let (width, height) = (frame.width as usize, frame.height as usize);
        let layout = match frame.format {
            PixelFormat::Yuyv => Layout { width, height, stride: width.div_ceil(2).saturating_mul(4), step: 2 },
            PixelFormat::I420 | PixelFormat::Nv12 | PixelFormat::Mjpeg => {
                Layout { width, height, stride: width, step: 1 }
            }
        };
        if !self.sampler.sample(&frame.data, layout, &mut self.cells) {
            return;
        }
        // A device's clock may step back; time here does not.
        let now = self.last.map_or(frame.captured, |last| frame.captured.max(last));
        self.last = Some(now);
        let Seen { change, view } = self.looker.handle_picture(now, &self.cells);
        if let Some(view) = view {
            let view = match view {
                view::View::Clear => View::Clear,
                view::View::Covered => View::Covered,
                view::View::Blinded => View::Blinded,
                view::View::Moved => View::Moved,
            };
            self.send(now, Kind::ViewChanged { view });
        }
        self.tell(now, change, Some(frame));
        self.glance();
    }

    fn tell(&mut self, now: Instant, change: Option<Change>, frame: Option<RawFrame>) {
        match (change, frame) {
            (Some(Change::Began { began, zones }), Some(best)) => {
                let (began, zones) = (self.office.clock.wall(began), self.looker.zones().names(zones));
                self.send(now, Kind::MotionBegan { began, zones: zones.clone() });
                self.event = Some(Going { began, zones, best, kept: now });
            }
            (Some(Change::Peak), Some(best)) => {
                if let Some(event) = &mut self.event
                    && now.saturating_duration_since(event.kept) >= KEEP_EVERY
                {
                    (event.best, event.kept) = (best, now);
                }
            }
            (Some(Change::Ended { peak, .. }), _) => {
                if let Some(event) = self.event.take() {
                    let began = event.began;
                    self.keep(event);
                    // After the thumbnail, so that whoever hears of the end finds it.
                    self.send(now, Kind::MotionEnded { began, peak });
                }
            }
            (Some(Change::Began { .. } | Change::Peak), None) | (None, _) => {}
        }
    }

    fn keep(&mut self, event: Going) {
        let Ok(picture) = self.converter.to_i420(&event.best) else { return };
        let small = self.shrinker.shrink(&self.blackout.apply(picture));
        let picture = I420 { width: small.width, height: small.height, data: small.data };
        if let Ok(jpeg) = jpeg::encode(&picture, THUMBNAIL_QUALITY) {
            self.office.board.keep(Thumbnail { camera: self.camera.clone(), began: event.began, jpeg });
        }
    }

    fn glance(&self) {
        let cells = self.looker.cells();
        let any = cells.iter().any(|cell| *cell != 0);
        let glance = Glance {
            moving: self.event.is_some(),
            zones: self.event.as_ref().map_or_else(Vec::new, |event| event.zones.clone()),
            cells: if any { bits(cells).into() } else { bytes::Bytes::new() },
        };
        self.office.board.show(&self.camera, glance);
    }

    fn send(&self, now: Instant, kind: Kind) {
        let at = self.office.clock.wall(now);
        self.office.events.send(Event { camera: Some(self.camera.clone()), at, kind });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use athome_shared::id::CameraId;
    use athome_shared::time::{MediaClock, MediaTime, WallTime};

    use super::{Office, Settings, Watcher};
    use crate::decode::i420_len;
    use crate::encode::mask::Private;
    use crate::events::{Events, Heard, Kind, Listener};
    use crate::motion::board::Board;
    use crate::motion::zones::{MIDDLE, Zone, ZoneKind};
    use crate::source::{PixelFormat, RawFrame};

    const SIZE: (usize, usize) = (320, 180);

    fn zone(name: &str, kind: ZoneKind, left: f32, right: f32) -> Zone {
        Zone {
            name: name.to_owned(),
            kind,
            corners: vec![(left, 0.0), (right, 0.0), (right, 1.0), (left, 1.0)],
            sensitivity: None,
            min_size: None,
            min_duration: 0.0,
        }
    }

    /// A textured wall; while `block` is given, something of 24 by 40 pixels stands there.
    fn picture(captured: Instant, block: Option<usize>) -> RawFrame {
        let (width, height) = SIZE;
        let mut data = vec![128; i420_len(width, height)];
        for (i, luma) in data[..width * height].iter_mut().enumerate() {
            let (x, y) = (i % width, i / width);
            let stands = block.is_some_and(|left| (left..left + 24).contains(&x) && (80..120).contains(&y));
            *luma = if stands { 220 } else { (60 + x / 8 % 5 * 12 + y / 10 % 3 * 9) as u8 };
        }
        let (width, height) = (width as u32, height as u32);
        RawFrame { format: PixelFormat::I420, width, height, data: data.into(), captured, pts: MediaTime(0) }
    }

    /// Fifteen pictures a second for twelve seconds; from the fourth on, if `walks`, something crosses for four.
    fn watch(walks: bool, zones: &[Zone]) -> (Board, Listener) {
        let (events, board, start) = (Events::new(), Board::default(), Instant::now());
        let listener = events.subscribe();
        let clock = MediaClock::new(start, WallTime(1_000_000));
        let private = Arc::new(Private::default());
        let hidden = zones.iter().filter(|zone| zone.kind == ZoneKind::Privacy);
        private.set(hidden.map(|zone| zone.corners.clone()).collect());
        let settings = Settings { zones: zones.to_vec(), sensitivity: MIDDLE };
        let office = Office { events, board: board.clone(), clock };
        let mut watcher = Watcher::new(CameraId::slug("door"), settings, private, office);
        for n in 0..180usize {
            let block = (walks && (60..120).contains(&n)).then(|| (n - 60) * 5);
            watcher.look(picture(start + Duration::from_millis(67) * n as u32, block));
            if n == 100 {
                let glances = board.glances();
                let glance = glances.borrow().get(&CameraId::slug("door")).cloned().unwrap_or_default();
                assert_eq!((glance.moving, glance.cells.iter().any(|byte| *byte != 0)), (walks, walks));
            }
        }
        drop(watcher);
        (board, listener)
    }

    #[tokio::test]
    async fn an_event_has_its_zones_its_peak_and_a_thumbnail_without_what_is_private() {
        let zones = [zone("Path", ZoneKind::Watch, 0.2, 1.0), zone("Window", ZoneKind::Privacy, 0.0, 0.1)];
        let (board, mut listener) = watch(true, &zones);
        let Some(Heard::Event(first)) = listener.next().await else { panic!("something moved") };
        let Kind::MotionBegan { began, zones } = first.kind else { panic!("{first:?}") };
        assert_eq!((zones, first.camera), (vec!["Path".to_owned()], CameraId::new("door")));
        assert!(began > WallTime(1_000_000 + 4_000_000) && began <= first.at, "{began:?}");
        let Some(Heard::Event(last)) = listener.next().await else { panic!("it ended") };
        let Kind::MotionEnded { began: same, peak } = last.kind else { panic!("{last:?}") };
        assert_eq!(same, began);
        assert!((0.005..0.1).contains(&peak), "24 by 40 of 288 by 180 pixels: {peak}");
        assert_eq!(listener.next().await, None);
        let jpeg = board.thumbnail(&CameraId::slug("door"), began).expect("a thumbnail");
        let shown = crate::decode::jpeg::Decoder::default().decode(&jpeg).expect("a picture");
        assert_eq!((shown.width, shown.height), (320, 180));
        let row = &shown.data[100 * 320..101 * 320];
        assert!(row[..28].iter().all(|luma| *luma < 32), "the private part is black");
        assert!(row[40..].iter().any(|luma| *luma > 180), "and the best picture shows what moved");
    }

    /// The control.
    #[tokio::test]
    async fn a_still_wall_is_no_event() {
        let (_, mut listener) = watch(false, &[]);
        assert_eq!(listener.next().await, None);
    }
}
