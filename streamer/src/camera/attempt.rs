//! One attempt of a source: its thread, and the sink between it and the pipeline.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use athome_shared::media::frame::{Codec, EncodedFrame};
use athome_shared::protocol::control::CameraReason;
use tokio::sync::{Notify, oneshot};

use super::pipeline::{Part, Pipeline};
use super::status::Picture;
use crate::source::{Opened, PcmBlock, RawFrame, Sink, Source, SourceError, Stop};
use crate::words::Verdict;

/// Makes a source for one attempt. Cheap: devices are opened when it runs.
pub type Opener = Box<dyn Fn() -> Box<dyn Source> + Send + Sync>;

/// A running attempt. Its thread is asked to end when this is dropped, and nothing it says afterwards is heard.
pub(super) struct Attempt {
    stop: Stop,
    sink: Arc<AttemptSink>,
    /// The thread's last word.
    pub(super) ended: oneshot::Receiver<Result<(), SourceError>>,
}

impl Attempt {
    /// Starts the source on a thread of its own.
    pub(super) fn start(
        name: &str,
        opener: &Arc<Opener>,
        part: Part,
        pipeline: &Arc<Pipeline>,
        seen: &Arc<Seen>,
    ) -> Result<Self, SourceError> {
        let stop = Stop::default();
        let sink = Arc::new(AttemptSink {
            part,
            pipeline: pipeline.clone(),
            seen: seen.clone(),
            cut: AtomicBool::new(false),
            key_seen: AtomicBool::new(false),
        });
        let (report, ended) = oneshot::channel();
        let thread = {
            let (opener, sink, stop, holds) = (opener.clone(), sink.clone(), stop.clone(), Holds::new(seen));
            move || {
                // A codec library that panics on a camera's bytes costs that attempt, not the program.
                let run = AssertUnwindSafe(|| opener().run(sink.as_ref(), &stop));
                let result = catch_unwind(run)
                    .unwrap_or_else(|_| Err(SourceError::new(CameraReason::Other, "the source panicked")));
                // The source and its device are gone by now.
                drop(holds);
                let _nobody_waits_for_it = report.send(result);
            }
        };
        std::thread::Builder::new()
            .name(name.chars().take(15).collect())
            .spawn(thread)
            .map_err(|why| SourceError::new(CameraReason::Other, format!("no thread for it: {why}")))?;
        Ok(Self { stop, sink, ended })
    }

    /// Asks the thread to end; from now on nothing it says is heard.
    pub(super) fn stop(&self) {
        self.sink.cut.store(true, Ordering::Release);
        self.stop.stop();
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What an attempt shows of itself, shared by a source's attempts.
#[derive(Default)]
pub(super) struct Seen {
    picture: Mutex<Picture>,
    /// The first frame, or a change of what is given, for whoever keeps the state.
    pub(super) news: Notify,
    /// Threads that may hold the device.
    holding: AtomicU32,
    /// What the last attempt came to, where that can be said in a sentence.
    verdict: Mutex<Option<Verdict>>,
}

/// While it lives, a thread may hold the device.
struct Holds(Arc<Seen>);

impl Holds {
    fn new(seen: &Arc<Seen>) -> Self {
        seen.holding.fetch_add(1, Ordering::AcqRel);
        Self(seen.clone())
    }
}

impl Drop for Holds {
    fn drop(&mut self) {
        self.0.holding.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Seen {
    pub(super) fn picture(&self) -> MutexGuard<'_, Picture> {
        self.picture.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the last attempt came to; `None` from the first frame of a better one on.
    pub(super) fn verdict(&self) -> MutexGuard<'_, Option<Verdict>> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No thread holds the device any more.
    pub(super) fn released(&self) -> bool {
        self.holding.load(Ordering::Acquire) == 0
    }

    /// Takes over when the last frame came.
    pub(super) fn keep(&self, before: &Self) {
        let last_frame = before.picture().last_frame;
        self.picture().last_frame = last_frame;
    }

    /// Forgets what the last attempt gave, but not when.
    pub(super) fn clear(&self) {
        let mut picture = self.picture();
        *picture = Picture { last_frame: picture.last_frame, ..Picture::default() };
    }

    fn frame(&self, at: Instant) {
        let mut picture = self.picture();
        let first = picture.rate.is_new();
        picture.last_frame = Some(at);
        let told = picture.rate.count(at).is_some();
        drop(picture);
        if first {
            *self.verdict() = None;
        }
        if first || told {
            self.news.notify_one();
        }
    }
}

/// Between a source and the pipeline: counts, keeps what a cut-off thread still says away, and begins a foreign stream at
/// a key frame.
struct AttemptSink {
    part: Part,
    pipeline: Arc<Pipeline>,
    seen: Arc<Seen>,
    cut: AtomicBool,
    key_seen: AtomicBool,
}

impl AttemptSink {
    fn cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }
}

impl Sink for AttemptSink {
    fn opened(&self, opened: Opened) {
        if self.cut() {
            return;
        }
        match self.part {
            Part::Picture => self.pipeline.opened(&opened),
            Part::Small => self.pipeline.small_opened(),
            Part::Sound => {}
        }
        self.key_seen.store(false, Ordering::Relaxed);
        self.seen.picture().opened = Some(opened);
        self.seen.news.notify_one();
    }

    fn raw(&self, frame: RawFrame) {
        if self.cut() || self.part != Part::Picture {
            return;
        }
        self.seen.frame(frame.captured);
        self.pipeline.raw(frame);
    }

    fn encoded(&self, frame: EncodedFrame) {
        if self.cut() {
            return;
        }
        let sound = frame.codec == Codec::Opus;
        if !sound {
            if self.part == Part::Sound {
                return;
            }
            self.seen.frame(frame.captured);
            // The stream before this one ended somewhere else: nothing is decodable before a key frame.
            if !frame.is_key && !self.key_seen.load(Ordering::Relaxed) {
                return;
            }
            self.key_seen.store(true, Ordering::Relaxed);
        } else if self.part == Part::Sound {
            self.seen.frame(frame.captured);
        }
        self.pipeline.encoded(self.part, frame);
    }

    fn pcm(&self, block: PcmBlock) {
        if self.cut() {
            return;
        }
        if self.part == Part::Sound {
            self.seen.frame(block.captured);
        }
        self.pipeline.pcm(self.part, &block);
    }
}
