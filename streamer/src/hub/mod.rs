//! The hub keeps the last few seconds of every stream in memory and lets each reader go at its own pace.
//!
//! A publisher never waits for a reader: it takes a short lock, appends a reference and wakes whoever sleeps. A reader
//! holds a cursor; one that falls behind jumps to the newest key frame and is told how many frames it lost. What readers
//! want (anything at all, a key frame, a bitrate) is the only thing that flows back, as [`Demand`].
//!
//! What does *not* belong here: encoding, sources, anything that knows what the bytes mean beyond "decoding can start here".

mod demand;
mod reader;
mod ring;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, Layer};
use athome_shared::media::frame::EncodedFrame;
use athome_shared::time::MediaTime;
use tokio::sync::Notify;

pub use demand::{Demand, Origin};
pub use reader::{Read, Reader};
pub use ring::{From, RingLimits};

use demand::Board;
use ring::Ring;

/// Which of a camera's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Track {
    /// Pictures of a layer.
    Video(Layer),
    /// Sound.
    Audio,
}

/// The name of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamKey {
    pub camera: CameraId,
    pub track: Track,
}

impl StreamKey {
    /// A layer of a camera's picture.
    pub fn video(camera: &CameraId, layer: Layer) -> Self {
        Self { camera: camera.clone(), track: Track::Video(layer) }
    }

    /// A camera's sound.
    pub fn audio(camera: &CameraId) -> Self {
        Self { camera: camera.clone(), track: Track::Audio }
    }
}

/// All streams of this process. Cloning shares them.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

struct Shared {
    limits: RingLimits,
    streams: Mutex<BTreeMap<StreamKey, Arc<Stream>>>,
}

impl Hub {
    /// An empty hub whose streams each keep at most `limits`.
    pub fn new(limits: RingLimits) -> Self {
        Self(Arc::new(Shared { limits, streams: Mutex::default() }))
    }

    /// The stream of that name, made on demand: a reader may subscribe before the camera gives its first frame.
    pub fn stream(&self, key: &StreamKey) -> Arc<Stream> {
        let mut streams = self.0.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = streams.get(key) {
            return stream.clone();
        }
        let stream = Arc::new(Stream::new(key.clone(), self.0.limits));
        streams.insert(key.clone(), stream.clone());
        stream
    }

    /// Payload bits a second that a stream was given over the last [`RATE_WINDOW`]; zero where there is none.
    pub fn bits_per_second(&self, key: &StreamKey, now: Instant) -> u64 {
        let stream = self.0.streams.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        stream.map_or(0, |stream| stream.ring().bits_per_second(now, RATE_WINDOW))
    }

    /// Ends every stream of a camera: its readers get [`Read::Ended`], and the memory goes with the last of them.
    pub fn remove_camera(&self, camera: &CameraId) {
        let mut removed = Vec::new();
        self.0.streams.lock().unwrap_or_else(PoisonError::into_inner).retain(|key, stream| {
            let keep = key.camera != *camera;
            if !keep {
                removed.push(stream.clone());
            }
            keep
        });
        for stream in removed {
            stream.end();
        }
    }
}

/// One stream: a ring of frames, and what its readers want.
pub struct Stream {
    key: StreamKey,
    ring: Mutex<Ring>,
    /// Wakes sleeping readers after every publish; a reader that misses it finds the frame in the ring.
    published: Notify,
    demand: Mutex<Board>,
}

impl Stream {
    fn new(key: StreamKey, limits: RingLimits) -> Self {
        Self { key, ring: Mutex::new(Ring::new(limits)), published: Notify::new(), demand: Mutex::default() }
    }

    /// Its name.
    pub fn key(&self) -> &StreamKey {
        &self.key
    }

    /// Appends a frame and wakes readers. Short lock; never waits for a reader. Ignored after [`Hub::remove_camera`].
    pub fn publish(&self, frame: EncodedFrame) {
        let frame = Arc::new(frame);
        // What the ring no longer needs is freed after the lock is released.
        let _pruned = self.ring().push(frame);
        self.published.notify_waiters();
    }

    /// A new reader; it counts as demand until it is dropped.
    pub fn subscribe(self: &Arc<Self>, from: From) -> Reader {
        let foreign = self.board().origin() == Origin::Foreign;
        let cursor = self.ring().cursor(from, foreign, Instant::now());
        let waits_for_key = cursor.waits_for_key();
        let (id, wake) = self.board().join(waits_for_key);
        unpark(wake);
        Reader::new(self.clone(), id, cursor)
    }

    /// What the readers want now. Taking it clears the request for a key frame: the caller has promised one.
    pub fn demand(&self) -> Demand {
        self.board().take()
    }

    /// What the readers want now, leaving a request for a key frame in place.
    pub fn peek_demand(&self) -> Demand {
        self.board().peek()
    }

    /// Unparks this thread whenever demand changes: somebody wants the stream, wants a key frame or another bitrate, or
    /// the last reader left. One thread a stream, the newest call wins. `None` stops it, unless another thread took over.
    pub fn wake_on_demand(&self, thread: Option<Thread>) {
        let mut board = self.board();
        let ours = board.waker().is_none_or(|waker| waker.id() == std::thread::current().id());
        if thread.is_some() || ours {
            board.set_waker(thread);
        }
    }

    /// Tells whether frames come from our encoder, which makes a key frame within a frame time, or from a camera that
    /// makes them when it likes; a live reader starts differently (see [`From::Live`]).
    pub fn set_origin(&self, origin: Origin) {
        self.board().set_origin(origin);
    }

    /// Forgets the frames so far: nobody may see them any more. Readers are told, and go on at the next key frame.
    pub fn forget(&self) {
        let _forgotten = self.ring().clear();
        self.published.notify_waiters();
    }

    /// The newest key frame and all after it; empty where there is none. For snapshots.
    pub fn newest_gop(&self) -> Vec<Arc<EncodedFrame>> {
        self.ring().newest_gop()
    }

    /// Media time and capture instant of the newest frame.
    pub fn last_frame(&self) -> Option<(MediaTime, Instant)> {
        self.ring().last().map(|frame| (frame.pts, frame.captured))
    }

    /// Frames and bytes held, for statistics and tests.
    pub fn held(&self) -> (usize, usize) {
        self.ring().held()
    }

    fn end(&self) {
        self.ring().end();
        self.published.notify_waiters();
    }

    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn board(&self) -> std::sync::MutexGuard<'_, Board> {
        self.demand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unpark(thread: Option<Thread>) {
    if let Some(thread) = thread {
        thread.unpark();
    }
}

/// Over how long a stream's rate is counted: long enough to hold a key frame's share, short enough to be "now".
pub const RATE_WINDOW: Duration = Duration::from_secs(3);

/// A live reader that is further behind than this jumps to a newer key frame as soon as there is one: a picture of a
/// second ago is not live. Readers that start at [`From::NewestKey`] keep every frame the ring still has.
pub const MAX_LIVE_LAG: Duration = Duration::from_millis(1_000);

/// A live reader starts at a key frame of our own encoder that is at most this old (the few frames since then are sent at
/// once); with an older one it waits for a fresh key frame, which takes one frame time and spares it a burst of old ones.
pub const RECENT_KEY: Duration = Duration::from_millis(250);
