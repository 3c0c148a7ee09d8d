//! H.264 to pictures, on a thread of its own for each video slot. The queue in front of it is short: whoever can't keep
//! up jumps to the newest key frame instead of showing the past.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use athome_shared::peer::ReceivedFrame;
use athome_shared::protocol::control::Attached;
use athome_shared::time::WallTime;
use openh264::OpenH264API;
use openh264::decoder::{DecodeOptions, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;

use super::planes::Colour;

/// Frames that wait for the decoder: half a second at 30 fps. When full, all of them are dropped and a key frame is asked
/// for; a key frame that arrives behind more than [`LATE`] others drops those.
const QUEUE: usize = 16;
/// Frames behind which a key frame overtakes.
const LATE: usize = 2;
/// Between two requests for a key frame. PLI and its answer may both be lost, so it is repeated until one is decoded.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// A decoded picture, borrowed from the decoder: 4:2:0.
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    /// What the frame was announced to be.
    pub content: &'a Attached,
    pub width: usize,
    pub height: usize,
    /// Planes Y, U, V with their strides in bytes; rows after the last one may be missing.
    pub planes: [&'a [u8]; 3],
    pub strides: [usize; 3],
    /// As the stream's parameter set says; the decoder itself doesn't.
    pub colour: Colour,
    pub is_key: bool,
    pub rtp: u32,
    /// By the streamer's clock.
    pub captured: Option<WallTime>,
    pub received: Instant,
    pub decoded: Instant,
    /// Bytes of the coded frame.
    pub coded: usize,
}

/// Where pictures go and what the decoder asks for. Called on the decoder's thread; a slow answer holds only this slot.
pub trait PictureSink: Send + Sync {
    /// A picture to show.
    fn picture(&self, picture: &Picture<'_>);
    /// Decoding can't go on without a key frame in this slot.
    fn key_frame_wanted(&self, slot: u8);
    /// The decoder of this content crashed; a new one takes over from the next key frame on.
    fn crashed(&self, content: &Attached);
}

/// What a decoder did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecodeCounts {
    pub decoded: u64,
    /// Frames dropped because the decoder or its consumer was slow, or because they led nowhere.
    pub skipped: u64,
    pub failed: u64,
}

/// The decoder of one slot; dropping it ends its thread.
#[derive(Debug)]
pub struct VideoDecoder {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
}

/// The queue's rule; pure.
#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<(Arc<Attached>, ReceivedFrame)>,
    /// Frames were dropped: nothing but a key frame helps.
    key_needed: bool,
    closed: bool,
    /// What is being decoded, or was when the decoder crashed.
    current: Option<Arc<Attached>>,
    counts: DecodeCounts,
}

impl Queue {
    fn push(&mut self, content: Arc<Attached>, frame: ReceivedFrame) {
        if frame.is_key {
            if self.frames.len() > LATE {
                self.drop_all();
            }
            self.key_needed = false;
        } else if self.key_needed || frame.missing > 0 || self.frames.len() >= QUEUE {
            self.drop_if_full();
            self.key_needed = true;
            self.counts.skipped += 1;
            return;
        }
        self.frames.push_back((content, frame));
    }

    fn drop_if_full(&mut self) {
        if self.frames.len() >= QUEUE {
            self.drop_all();
        }
    }

    fn drop_all(&mut self) {
        self.counts.skipped += self.frames.len() as u64;
        self.frames.clear();
    }
}

impl VideoDecoder {
    /// Starts the thread.
    pub fn start(sink: Arc<dyn PictureSink>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let worker = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("video-decode".to_owned()).spawn(move || {
            // A panic costs the frame that caused it: what follows is decoded anew, from a key frame on. A crash inside
            // the C library can't be caught.
            let mut crashed = None;
            while catch_unwind(AssertUnwindSafe(|| run(&worker, sink.as_ref(), crashed.take()))).is_err() {
                let mut queue = worker.queue.lock().unwrap_or_else(PoisonError::into_inner);
                queue.drop_all();
                queue.counts.failed += 1;
                queue.key_needed = true;
                crashed = queue.current.take();
            }
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Takes a frame of announced content; never waits.
    pub fn push(&self, content: Arc<Attached>, frame: ReceivedFrame) {
        self.lock().push(content, frame);
        self.shared.wake.notify_one();
    }

    /// A frame was lost for good: nothing is shown before the next key frame.
    pub fn handle_lost(&self) {
        self.lock().key_needed = true;
        self.shared.wake.notify_one();
    }

    /// What was done so far.
    pub fn counts(&self) -> DecodeCounts {
        self.lock().counts
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for VideoDecoder {
    fn drop(&mut self) {
        self.lock().closed = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // It ends within one decode; a panic of the sink's has been printed already.
            let _ = thread.join();
        }
    }
}

/// What the decoder's thread does next.
enum Step {
    Decode(Arc<Attached>, ReceivedFrame),
    /// Nothing came although a key frame is awaited.
    AskAgain,
    Close,
}

/// `crashed` is what the decoder before this one was decoding when it ended.
fn run(shared: &Shared, sink: &dyn PictureSink, crashed: Option<Arc<Attached>>) {
    let mut decoder: Option<Decoder> = None;
    let mut colour = Colour::default();
    let mut epoch = None;
    // The slot whose next decodable frame is a key frame.
    let mut waiting: Option<u8> = crashed.as_ref().map(|content| content.slot);
    let mut asked: Option<Instant> = None;
    if let Some(content) = crashed {
        sink.crashed(&content);
        sink.key_frame_wanted(content.slot);
        asked = Some(Instant::now());
    }
    loop {
        match next(shared, waiting.is_some()) {
            Step::Close => return,
            Step::AskAgain => {}
            Step::Decode(content, frame) => {
                if epoch != Some(content.epoch) {
                    // Another camera: a decoder carries nothing over from the last one.
                    epoch = Some(content.epoch);
                    decoder = None;
                    colour = Colour::default();
                }
                if frame.is_key
                    && let Some(told) = Colour::of_stream(&frame.data)
                {
                    colour = told;
                }
                if decoder.is_none() && !frame.is_key {
                    waiting = Some(content.slot);
                } else if decode(&mut decoder, &content, &frame, colour, sink) {
                    shared.queue.lock().unwrap_or_else(PoisonError::into_inner).counts.decoded += 1;
                    waiting = None;
                    asked = None;
                } else {
                    shared.queue.lock().unwrap_or_else(PoisonError::into_inner).counts.failed += 1;
                    decoder = None;
                    waiting = Some(content.slot);
                }
                if shared.queue.lock().unwrap_or_else(PoisonError::into_inner).key_needed {
                    waiting = Some(content.slot);
                }
            }
        }
        if let Some(slot) = waiting {
            let now = Instant::now();
            if asked.is_none_or(|at| now.saturating_duration_since(at) >= ASK_AGAIN) {
                asked = Some(now);
                sink.key_frame_wanted(slot);
            }
        }
    }
}

fn next(shared: &Shared, waiting: bool) -> Step {
    let mut queue = shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if queue.closed {
            return Step::Close;
        }
        if let Some((content, frame)) = queue.frames.pop_front() {
            queue.current = Some(Arc::clone(&content));
            return Step::Decode(content, frame);
        }
        if waiting || queue.key_needed {
            let (held, timeout) = shared.wake.wait_timeout(queue, ASK_AGAIN).unwrap_or_else(PoisonError::into_inner);
            queue = held;
            if timeout.timed_out() && queue.frames.is_empty() && !queue.closed {
                return Step::AskAgain;
            }
        } else {
            queue = shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// True if the frame gave a picture (or rightly none); false if decoding has to start over at a key frame.
fn decode(
    decoder: &mut Option<Decoder>,
    content: &Attached,
    frame: &ReceivedFrame,
    colour: Colour,
    sink: &dyn PictureSink,
) -> bool {
    if decoder.is_none() {
        // Concealment is off: a wrong picture is worse than none.
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        *decoder = Decoder::with_api_config(OpenH264API::from_source(), config).ok();
    }
    let Some(decoder) = decoder.as_mut() else { return false };
    match decoder.decode_with_options(&frame.data, DecodeOptions::new()) {
        Ok(Some(yuv)) => {
            let (width, height) = yuv.dimensions();
            let picture = Picture {
                content,
                width,
                height,
                planes: [yuv.y(), yuv.u(), yuv.v()],
                strides: yuv.strides().into(),
                colour,
                is_key: frame.is_key,
                rtp: frame.rtp,
                captured: frame.captured,
                received: frame.received,
                decoded: Instant::now(),
                coded: frame.data.len(),
            };
            sink.picture(&picture);
            true
        }
        // A key frame always gives a picture; an encoder may skip others.
        Ok(None) => !frame.is_key,
        Err(_) => false,
    }
}

/// A decoded picture of a film, borrowed from its decoder: 4:2:0, as in [`Picture`].
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    pub width: usize,
    pub height: usize,
    pub planes: [&'a [u8]; 3],
    pub strides: [usize; 3],
}

/// Decodes one access unit after the other on the caller's thread: for films, which wait for whoever takes them. After damage
/// it goes on with the next key frame.
#[derive(Default)]
pub struct UnitDecoder(Option<Decoder>);

impl UnitDecoder {
    /// Decodes an access unit and shows its picture; false if it gave none.
    pub fn decode(&mut self, unit: &[u8], is_key: bool, see: &mut dyn FnMut(Shown<'_>)) -> bool {
        if self.0.is_none() {
            if !is_key {
                return false;
            }
            let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
            self.0 = Decoder::with_api_config(OpenH264API::from_source(), config).ok();
        }
        let Some(decoder) = self.0.as_mut() else { return false };
        match decoder.decode_with_options(unit, DecodeOptions::new()) {
            Ok(Some(yuv)) => {
                let (width, height) = yuv.dimensions();
                let planes = [yuv.y(), yuv.u(), yuv.v()];
                see(Shown { width, height, planes, strides: yuv.strides().into() });
                true
            }
            Ok(None) => false,
            Err(_) => {
                self.0 = None;
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use athome_shared::id::{CameraId, Layer};
    use athome_shared::peer::ReceivedFrame;
    use athome_shared::protocol::control::Attached;
    use athome_shared::protocol::wire::SlotKind;
    use bytes::Bytes;

    use super::{Picture, PictureSink, QUEUE, Queue, VideoDecoder};

    fn content() -> Arc<Attached> {
        let camera = CameraId::new("door").unwrap();
        Arc::new(Attached { kind: SlotKind::Video, slot: 3, camera, layer: Layer::Full, epoch: 1, rtp: 0 })
    }

    fn frame(rtp: u32, is_key: bool) -> ReceivedFrame {
        ReceivedFrame {
            kind: SlotKind::Video,
            mid: "0".to_owned(),
            rtp,
            is_key,
            captured: None,
            received: Instant::now(),
            data: Bytes::from_static(&[0, 0, 0, 1, 0x41, 0xff, 0xff]),
            missing: 0,
        }
    }

    fn rtps(queue: &Queue) -> Vec<u32> {
        queue.frames.iter().map(|(_, f)| f.rtp).collect()
    }

    #[test]
    fn a_slow_decoder_jumps_to_the_newest_key_frame() {
        let mut queue = Queue::default();
        queue.push(content(), frame(0, true));
        for rtp in 1..5 {
            queue.push(content(), frame(rtp, false));
        }
        queue.push(content(), frame(5, true));
        assert_eq!(rtps(&queue), [5]);
        assert_eq!(queue.counts.skipped, 5);
    }

    #[test]
    fn a_full_queue_is_dropped_and_waits_for_a_key_frame() {
        let mut queue = Queue::default();
        queue.push(content(), frame(0, true));
        for rtp in 1..100 {
            queue.push(content(), frame(rtp, false));
            assert!(queue.frames.len() <= QUEUE);
        }
        assert!(queue.key_needed && queue.frames.is_empty());
        queue.push(content(), frame(100, true));
        queue.push(content(), frame(101, false));
        assert_eq!(rtps(&queue), [100, 101]);
    }

    #[test]
    fn frames_after_a_gap_are_not_shown_before_a_key_frame() {
        let mut queue = Queue::default();
        queue.push(content(), frame(0, true));
        queue.push(content(), ReceivedFrame { missing: 1, ..frame(2, false) });
        queue.push(content(), frame(3, false));
        assert_eq!(rtps(&queue), [0]);
        assert!(queue.key_needed);
    }

    #[derive(Default)]
    struct Asked(Mutex<Vec<u8>>);

    impl PictureSink for Asked {
        fn picture(&self, _: &Picture<'_>) {
            panic!("nothing here can be decoded");
        }
        fn key_frame_wanted(&self, slot: u8) {
            self.0.lock().unwrap().push(slot);
        }
        fn crashed(&self, _: &Attached) {
            panic!("nothing here crashes");
        }
    }

    #[test]
    fn a_key_frame_is_asked_for_again_until_one_is_decoded() {
        let asked = Arc::new(Asked::default());
        let decoder = VideoDecoder::start(Arc::clone(&asked) as Arc<dyn PictureSink>).unwrap();
        decoder.push(content(), frame(0, true));
        let deadline = Instant::now() + Duration::from_secs(20);
        while asked.0.lock().unwrap().len() < 3 {
            assert!(Instant::now() < deadline, "asked {:?}", asked.0.lock().unwrap());
            std::thread::yield_now();
        }
        assert!(asked.0.lock().unwrap().iter().all(|slot| *slot == 3));
        assert_eq!(decoder.counts().decoded, 0);
    }

    /// Panics the first time it is asked for something, and notes what it is told afterwards.
    #[derive(Default)]
    struct Fragile {
        asked: Mutex<u32>,
        crashed: Mutex<Vec<Attached>>,
    }

    impl PictureSink for Fragile {
        fn picture(&self, _: &Picture<'_>) {}
        fn key_frame_wanted(&self, _: u8) {
            let asked = {
                let mut asked = self.asked.lock().unwrap();
                *asked += 1;
                *asked
            };
            assert!(asked > 1, "on purpose");
        }
        fn crashed(&self, content: &Attached) {
            self.crashed.lock().unwrap().push(content.clone());
        }
    }

    #[test]
    fn a_crash_on_the_decoders_thread_is_told_once_and_a_key_frame_asked_for_until_it_comes() {
        let fragile = Arc::new(Fragile::default());
        let decoder = VideoDecoder::start(Arc::clone(&fragile) as Arc<dyn PictureSink>).unwrap();
        // One frame only: the new decoder has to ask by itself.
        decoder.push(content(), frame(0, true));
        let deadline = Instant::now() + Duration::from_secs(20);
        while *fragile.asked.lock().unwrap() < 4 {
            assert!(Instant::now() < deadline, "the thread is gone, or waits in silence");
            std::thread::yield_now();
        }
        assert_eq!(*fragile.crashed.lock().unwrap(), [(*content()).clone()]);
        assert_eq!(decoder.counts().failed, 2, "the frame that gave no picture, and the crash");
    }
}
