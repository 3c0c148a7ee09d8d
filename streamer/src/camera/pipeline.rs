//! From what a camera's sources give to the hub.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, Layer};
use athome_shared::media::frame::{Codec, EncodedFrame};

use super::level::Level;
use crate::config::Detection;
use crate::decode::h264;
use crate::encode::mask::Private;
use crate::encode::opus;
use crate::encode::video::{Limits, VideoEncoders};
use crate::hub::{Hub, Origin, Stream, StreamKey};
use crate::motion::inbox::Settings;
use crate::motion::watch::{Office, Orders, Watch};
use crate::motion::zones::{Zone, ZoneKind};
use crate::source::{Opened, PcmBlock, PixelFormat, RawFrame};

/// A smaller stream that gives nothing for so long is not what is looked at.
const SMALL_AWAY: Duration = Duration::from_secs(3);

/// Which of a camera's sources something comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The camera itself, which may bring its own sound.
    Picture,
    /// Its smaller stream.
    Small,
    /// A microphone beside it.
    Sound,
}

/// A camera's way into the hub; lives as long as the camera, across its attempts.
pub(super) struct Pipeline {
    camera: CameraId,
    full: Arc<Stream>,
    small: Arc<Stream>,
    audio: Arc<Stream>,
    /// Whose sound is published; that of the other part is dropped.
    sound: Option<Part>,
    /// The most that the full layer may spend, in bits a second.
    ceiling_bps: Option<u32>,
    /// Nominal frames a second of what was opened last, as bits; zero while unknown.
    fps: AtomicU32,
    /// Started with the first raw frame: an encoded source needs none.
    pictures: OnceLock<Option<VideoEncoders>>,
    voice: Mutex<opus::Encoder>,
    level: Arc<Level>,
    /// What nobody may see.
    private: Arc<Private>,
    passage: Mutex<Passage>,
    small_passage: Mutex<SmallPassage>,
    looking: Looking,
}

/// How pictures of the camera's own smaller stream pass, and who is looked at.
#[derive(Default)]
struct SmallPassage {
    /// The camera's pictures pass as they are; where they are encoded here, so is the small layer.
    foreign: bool,
    /// The small layer is this stream's.
    open: bool,
    /// The smaller stream's last picture. While it gives some, they are what is looked at.
    looked: Option<Instant>,
}

/// How a foreign stream's pictures pass.
#[derive(Default)]
enum Passage {
    /// As they are.
    #[default]
    Whole,
    /// As they are from the next key frame on: what came before it was not passed.
    FromKey,
    /// A part is private, so they are decoded, masked and encoded again; `None` until a key frame came.
    Masked(Option<Box<h264::Decoder>>),
}

/// Who looks at the camera's pictures.
pub(super) struct Looking {
    office: Office,
    /// `None` where nobody is to look.
    orders: Mutex<Option<Orders>>,
    /// Started with the first picture.
    watch: OnceLock<Option<Watch>>,
}

impl Looking {
    pub(super) fn new(office: Office, detection: Detection, zones: &[Zone]) -> Self {
        let settings = Settings { zones: zones.to_vec(), sensitivity: detection.sensitivity };
        let orders = detection.active.then_some(Orders { settings, key_frames_only: detection.key_frames_only });
        Self { office, orders: Mutex::new(orders), watch: OnceLock::new() }
    }
}

impl Pipeline {
    pub(super) fn new(
        hub: &Hub,
        camera: &CameraId,
        sound: Option<Part>,
        ceiling_bps: Option<u32>,
        level: Arc<Level>,
        looking: Looking,
        zones: &[Zone],
    ) -> Self {
        let private = Arc::new(Private::default());
        private.set(hidden(zones));
        Self {
            camera: camera.clone(),
            full: hub.stream(&StreamKey::video(camera, Layer::Full)),
            small: hub.stream(&StreamKey::video(camera, Layer::Small)),
            audio: hub.stream(&StreamKey::audio(camera)),
            sound,
            ceiling_bps,
            fps: AtomicU32::new(0),
            pictures: OnceLock::new(),
            voice: Mutex::default(),
            level,
            private,
            passage: Mutex::default(),
            small_passage: Mutex::default(),
            looking,
        }
    }

    /// Other zones and another sensitivity from the next picture on. What becomes private is gone from the hub's memory too.
    pub(super) fn set_looking(&self, sensitivity: u8, zones: &[Zone]) {
        let polygons = hidden(zones);
        let hides = !polygons.is_empty();
        // No picture passes meanwhile, so that none that shows too much follows the forgetting.
        let passage = self.passage.lock().unwrap_or_else(PoisonError::into_inner);
        self.private.set(polygons);
        if hides {
            self.full.forget();
            self.small.forget();
        }
        drop(passage);
        let mut orders = self.looking.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(orders) = orders.as_mut() {
            orders.settings = Settings { zones: zones.to_vec(), sensitivity };
            if let Some(Some(watch)) = self.looking.watch.get() {
                watch.set(orders.settings.clone());
            }
        }
    }

    fn watch(&self) -> Option<&Watch> {
        let started = self.looking.watch.get_or_init(|| {
            let orders = self.looking.orders.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
            Watch::start(&self.camera, orders, self.private.clone(), self.looking.office.clone())
                .inspect_err(|why| tracing::error!(camera = %self.camera, %why, "no thread for looking at it"))
                .ok()
        });
        started.as_ref()
    }

    pub(super) fn opened(&self, opened: &Opened) {
        let own = !opened.encoded || !self.private.is_empty();
        self.full.set_origin(if own { Origin::Encoder } else { Origin::Foreign });
        *self.passage.lock().unwrap_or_else(PoisonError::into_inner) = Passage::Whole;
        self.small_passage().foreign = opened.encoded;
        self.fps.store(opened.fps.to_bits(), Ordering::Relaxed);
    }

    /// The smaller stream begins anew, with a key frame.
    pub(super) fn small_opened(&self) {
        self.small_passage().open = false;
    }

    fn small_passage(&self) -> MutexGuard<'_, SmallPassage> {
        self.small_passage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A picture of the smaller stream. Where the camera's own pictures are encoded here, because a part is private or
    /// viewers can't take them, the small layer comes from there, and this goes nowhere.
    fn small_picture(&self, frame: EncodedFrame) {
        // Zones don't change meanwhile, so that nothing private follows the forgetting.
        let _passage = self.passage.lock().unwrap_or_else(PoisonError::into_inner);
        let mut small = self.small_passage();
        if !small.foreign || !self.private.is_empty() {
            if std::mem::take(&mut small.open) {
                self.small.set_origin(Origin::Encoder);
            }
            small.looked = None;
            return;
        }
        if !small.open {
            if !frame.is_key {
                return;
            }
            small.open = true;
            self.small.set_origin(Origin::Foreign);
        }
        if small.looked.is_some() || frame.is_key {
            small.looked = Some(frame.captured);
            if let Some(watch) = self.watch() {
                watch.encoded(&frame);
            }
        }
        self.small.publish(frame);
    }

    /// Whether the camera's own pictures are looked at: those of its smaller stream are cheaper.
    fn looks_at_full(&self, frame: &EncodedFrame) -> bool {
        let mut small = self.small_passage();
        match small.looked {
            None => true,
            Some(last) if frame.is_key && frame.captured.saturating_duration_since(last) > SMALL_AWAY => {
                small.looked = None;
                true
            }
            Some(_) => false,
        }
    }

    pub(super) fn raw(&self, frame: RawFrame) {
        if let Some(watch) = self.watch() {
            watch.raw(&frame);
        }
        let encoders = self.pictures.get_or_init(|| {
            let limits =
                Limits { ceiling_bps: self.ceiling_bps, fps: f32::from_bits(self.fps.load(Ordering::Relaxed)) };
            VideoEncoders::start(
                self.camera.as_str(),
                self.full.clone(),
                self.small.clone(),
                limits,
                self.private.clone(),
            )
            .inspect_err(|why| tracing::error!(camera = %self.camera, %why, "no thread for its encoder"))
            .ok()
        });
        if let Some(encoders) = encoders {
            encoders.post(frame);
        }
    }

    pub(super) fn encoded(&self, part: Part, frame: EncodedFrame) {
        match frame.codec {
            Codec::Opus if self.sound == Some(part) => self.audio.publish(frame),
            Codec::Opus => {}
            Codec::H264 | Codec::H265 if part == Part::Small => self.small_picture(frame),
            Codec::H264 | Codec::H265 => self.picture(frame),
        }
    }

    /// A foreign stream's picture, on its source's thread. Where a part is private it is decoded there: a picture left out
    /// would spoil those that follow.
    fn picture(&self, frame: EncodedFrame) {
        let mut passage = self.passage.lock().unwrap_or_else(PoisonError::into_inner);
        if self.private.is_empty() {
            if matches!(*passage, Passage::Masked(_)) {
                *passage = Passage::FromKey;
                self.full.set_origin(Origin::Foreign);
            }
            if matches!(*passage, Passage::FromKey) && !frame.is_key {
                return;
            }
            *passage = Passage::Whole;
            if self.looks_at_full(&frame)
                && let Some(watch) = self.watch()
            {
                watch.encoded(&frame);
            }
            self.full.publish(frame);
            return;
        }
        if !matches!(*passage, Passage::Masked(_)) {
            *passage = Passage::Masked(None);
            self.full.set_origin(Origin::Encoder);
        }
        let Passage::Masked(decoder) = &mut *passage else { return };
        // H.265 can't be decoded here: rather no picture than one that shows what is private.
        if frame.codec != Codec::H264 || (decoder.is_none() && !frame.is_key) {
            return;
        }
        if decoder.is_none() {
            *decoder = h264::Decoder::new().ok().map(Box::new);
        }
        let decoded = decoder.as_mut().and_then(|decoder| decoder.decode(&frame.data).transpose());
        drop(passage);
        match decoded {
            Some(Ok(picture)) => self.raw(RawFrame {
                format: PixelFormat::I420,
                width: picture.width,
                height: picture.height,
                data: picture.data,
                captured: frame.captured,
                pts: frame.pts,
            }),
            Some(Err(why)) => tracing::debug!(camera = %self.camera, %why, "a picture to be masked is damaged"),
            None => {}
        }
    }

    /// A packet takes a fifth of a millisecond or less, so sound is encoded where it arrives.
    pub(super) fn pcm(&self, part: Part, block: &PcmBlock) {
        if self.sound != Some(part) {
            return;
        }
        self.level.handle_block(block.captured, &block.samples);
        if !self.audio.peek_demand().wanted {
            return;
        }
        let mut voice = self.voice.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(why) = voice.encode(block, |packet| self.audio.publish(packet)) {
            tracing::warn!(camera = %self.camera, %why, "sound could not be encoded");
            *voice = opus::Encoder::default();
        }
    }
}

/// The private parts among zones.
fn hidden(zones: &[Zone]) -> Vec<Vec<(f32, f32)>> {
    zones.iter().filter(|zone| zone.kind == ZoneKind::Privacy).map(|zone| zone.corners.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use athome_shared::id::{CameraId, Layer};
    use athome_shared::time::{MediaClock, MediaTime, WallTime};

    use super::{Looking, Office, Part, Pipeline};
    use crate::config::Detection;
    use crate::decode::{h264, i420_len};
    use crate::encode::convert::Picture;
    use crate::encode::h264::Encoder;
    use crate::events::Events;
    use crate::hub::{From, Hub, Read, RingLimits, StreamKey};
    use crate::motion::board::Board;
    use crate::motion::zones::{Zone, ZoneKind};
    use crate::source::Opened;

    const SIZE: (u32, u32) = (64, 48);

    fn window() -> Zone {
        Zone {
            name: "Window".to_owned(),
            kind: ZoneKind::Privacy,
            corners: vec![(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)],
            sensitivity: None,
            min_size: None,
            min_duration: 0.0,
        }
    }

    fn grey(n: i64) -> Picture {
        let data = vec![150; i420_len(SIZE.0 as usize, SIZE.1 as usize)].into();
        Picture { width: SIZE.0, height: SIZE.1, data, captured: Instant::now(), pts: MediaTime(n * 3_000) }
    }

    /// Luma at the left and at the right of the first picture that a viewer gets of an encoded stream.
    async fn shown(zones: &[Zone], later: Option<&[Zone]>) -> (u8, u8) {
        let hub = Hub::new(RingLimits::default());
        let clock = MediaClock::new(Instant::now(), WallTime(0));
        let office = Office { events: Events::new(), board: Board::default(), clock };
        let looking = Looking::new(office, Detection { active: false, ..Detection::default() }, zones);
        let camera = CameraId::slug("door");
        let pipeline = Pipeline::new(&hub, &camera, None, None, Arc::default(), looking, zones);
        let (width, height) = SIZE;
        let label = "clip".to_owned();
        pipeline.opened(&Opened { label, width, height, fps: 30.0, encoded: true, audio: false });
        let mut encoder = Encoder::new(500_000, 30.0);
        let stream = hub.stream(&StreamKey::video(&camera, Layer::Full));
        let mut feed = |n: i64, key: bool| {
            if let Some(frame) = encoder.encode(&grey(n), key).expect("encodes") {
                pipeline.encoded(Part::Picture, frame);
            }
        };
        if let Some(later) = later {
            feed(0, true);
            feed(1, false);
            assert_eq!(stream.held().0, 2);
            pipeline.set_looking(50, later);
            assert_eq!(stream.held().0, 0, "what was seen before is forgotten");
        }
        let mut reader = stream.subscribe(From::Live);
        let mut decoder = h264::Decoder::new().expect("a decoder");
        for n in 2..200 {
            feed(n, n % 5 == 0);
            // The encoder works on a thread of its own; each picture is given a moment.
            let Ok(Read::Frame(frame)) = tokio::time::timeout(Duration::from_millis(50), reader.next()).await else {
                continue;
            };
            if let Some(picture) = decoder.decode(&frame.data).expect("decodes") {
                return (picture.data[24 * 64 + 8], picture.data[24 * 64 + 56]);
            }
        }
        panic!("no picture came");
    }

    #[tokio::test]
    async fn a_private_part_of_an_encoded_stream_is_black_for_every_viewer() {
        let dark = |(left, right): (u8, u8)| left < 30 && (140..160).contains(&right);
        assert!(dark(shown(&[window()], None).await));
        assert!(dark(shown(&[], Some(&[window()])).await), "drawn while it runs");
        // Control: without one both halves are seen.
        let (left, right) = shown(&[], None).await;
        assert!((140..160).contains(&left) && (140..160).contains(&right), "{left} {right}");
    }
}
