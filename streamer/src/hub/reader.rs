//! A reader: a cursor into a stream, and a say in what is encoded.

use std::pin::pin;
use std::sync::Arc;

use athome_shared::media::frame::EncodedFrame;

use super::ring::{Cursor, Step};
use super::{Stream, unpark};

/// What a reader gets.
#[derive(Clone, Debug)]
pub enum Read {
    /// The next frame; decodable after the last one, or a key frame.
    Frame(Arc<EncodedFrame>),
    /// This many frames were lost; the next frame is a key frame, already asked for if there was none.
    Dropped { frames: u64 },
    /// The camera was removed.
    Ended,
}

/// Reads one stream. Dropping it withdraws its demand.
pub struct Reader {
    stream: Arc<Stream>,
    id: u64,
    cursor: Cursor,
}

impl Reader {
    pub(super) fn new(stream: Arc<Stream>, id: u64, cursor: Cursor) -> Self {
        Self { stream, id, cursor }
    }

    /// The stream it reads.
    pub fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// The next thing, waiting for it. Cancel safe: a dropped call loses nothing.
    pub async fn next(&mut self) -> Read {
        loop {
            if let Some(read) = self.try_next() {
                return read;
            }
            let stream = self.stream.clone();
            let mut published = pin!(stream.published.notified());
            // From here on no publish is missed; one that came before is in the ring.
            published.as_mut().enable();
            if let Some(read) = self.try_next() {
                return read;
            }
            published.await;
        }
    }

    /// The next thing if there is one.
    pub fn try_next(&mut self) -> Option<Read> {
        let step = self.stream.ring().step(&mut self.cursor);
        match step {
            Step::Frame(frame) => Some(Read::Frame(frame)),
            Step::Dropped { frames, needs_key } => {
                if needs_key {
                    self.want_key_frame();
                }
                Some(Read::Dropped { frames })
            }
            Step::Wait => None,
            Step::Ended => Some(Read::Ended),
        }
    }

    /// Asks for a key frame soon (a viewer lost packets). Requests of many readers are one.
    pub fn want_key_frame(&self) {
        let wake = self.stream.board().want_key_frame();
        unpark(wake);
    }

    /// This reader records: the stream stays at its best for as long as it is there, whatever the others can take. They fall
    /// behind and skip, or take the small layer.
    pub fn hold(&self) {
        let wake = self.stream.board().hold(self.id);
        unpark(wake);
    }

    /// Says what this reader can take, in bits a second. The stream follows the least of its readers.
    pub fn set_target_bps(&self, bps: u32) {
        let wake = self.stream.board().set_target(self.id, bps);
        unpark(wake);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let wake = self.stream.board().leave(self.id);
        unpark(wake);
    }
}
