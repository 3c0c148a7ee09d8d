//! A sink that keeps what a source gives, and when.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use athome_shared::media::frame::EncodedFrame;
use athome_streamer::source::{Opened, PcmBlock, RawFrame, Sink, Source, SourceError, Stop};

/// What came so far.
#[derive(Default)]
pub struct Caught {
    pub opened: Vec<Opened>,
    pub raw: Vec<RawFrame>,
    pub encoded: Vec<EncodedFrame>,
    pub pcm: Vec<PcmBlock>,
}

/// A running source and what it gave.
pub struct Catch {
    net: Arc<Net>,
    stop: Stop,
    thread: Option<JoinHandle<Result<(), SourceError>>>,
}

#[derive(Default)]
struct Net {
    caught: Mutex<Caught>,
    news: Condvar,
}

impl Catch {
    /// Runs a source on a thread of its own.
    pub fn start(mut source: Box<dyn Source>) -> Self {
        let (net, stop) = (Arc::<Net>::default(), Stop::default());
        let (ours, until) = (net.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let ended = source.run(ours.as_ref(), &until);
            ours.news.notify_all();
            ended
        });
        Self { net, stop, thread: Some(thread) }
    }

    /// What came so far.
    pub fn caught(&self) -> MutexGuard<'_, Caught> {
        self.net.caught.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until this holds of what came; false when the source ended or the time is over first.
    pub fn wait(&self, patience: Duration, enough: impl Fn(&Caught) -> bool) -> bool {
        let until = Instant::now() + patience;
        let mut caught = self.caught();
        while !enough(&caught) {
            let ended = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
            if ended || Instant::now() >= until {
                return false;
            }
            let woken = self.net.news.wait_timeout(caught, Duration::from_millis(50));
            (caught, _) = woken.unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    /// Stops the source and gives its last word, which must come at once.
    pub fn stop(mut self) -> Result<(), SourceError> {
        self.stop.stop();
        let asked = Instant::now();
        let ended = self.thread.take().expect("runs").join().expect("no panic");
        assert!(asked.elapsed() < Duration::from_secs(2), "it was asked to stop");
        ended
    }

    /// Waits for a source that ends by itself.
    pub fn ended(mut self) -> Result<(), SourceError> {
        self.thread.take().expect("runs").join().expect("no panic")
    }
}

impl Drop for Catch {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

impl Sink for Net {
    fn opened(&self, opened: Opened) {
        self.keep(|caught| caught.opened.push(opened));
    }

    fn raw(&self, frame: RawFrame) {
        self.keep(|caught| caught.raw.push(frame));
    }

    fn encoded(&self, frame: EncodedFrame) {
        self.keep(|caught| caught.encoded.push(frame));
    }

    fn pcm(&self, block: PcmBlock) {
        self.keep(|caught| caught.pcm.push(block));
    }
}

impl Net {
    fn keep(&self, keep: impl FnOnce(&mut Caught)) {
        keep(&mut self.caught.lock().unwrap_or_else(PoisonError::into_inner));
        self.news.notify_all();
    }
}
