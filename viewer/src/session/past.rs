//! What was recorded, as the window and the command line ask for it: lists, pictures, films. A film comes as fast as it is
//! taken: who takes none of it for a while makes the streamer wait.

use athome_shared::id::CameraId;
use athome_shared::media::mp4::read::{Flow, Item, Kind};
use athome_shared::media::mp4::{SOUND_RATE, VIDEO_RATE};
use athome_shared::protocol::control::ToStreamer;
use athome_shared::protocol::control::bulk::ACK_EVERY;
use athome_shared::time::WallTime;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::bulk::BulkError;
use super::task::Request;

/// What is asked of a streamer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A JPEG of the newest picture.
    Snapshot { camera: CameraId },
    /// What was recorded between two times.
    List { camera: CameraId, from: WallTime, to: WallTime },
    /// The newest key frame at or before a moment, as JPEG.
    Picture { camera: CameraId, at: WallTime, width: u32 },
    /// A recording's thumbnail.
    Thumb { id: i64 },
    /// A film from a moment on.
    Play { camera: CameraId, from: WallTime, to: Option<WallTime>, follow: bool },
    /// A range as one file.
    Export { camera: CameraId, from: WallTime, to: WallTime },
    /// Pin a recording, or take the pin off.
    Keep { id: i64, kept: bool },
    /// Delete a recording.
    Delete { id: i64 },
    /// Record a camera, for so many seconds or until it is stopped.
    Record { camera: CameraId, seconds: Option<u64> },
    /// Stop what was asked for.
    RecordStop { camera: CameraId },
}

impl Ask {
    /// As it is sent.
    pub(super) fn message(self, re: u32) -> ToStreamer {
        match self {
            Self::Snapshot { camera } => ToStreamer::Snapshot { re, camera },
            Self::List { camera, from, to } => ToStreamer::Past { re, camera, from, to },
            Self::Picture { camera, at, width } => ToStreamer::Picture { re, camera, at, width },
            Self::Thumb { id } => ToStreamer::Thumb { re, id },
            Self::Play { camera, from, to, follow } => ToStreamer::Play { re, camera, from, to, follow },
            Self::Export { camera, from, to } => ToStreamer::Export { re, camera, from, to },
            Self::Keep { id, kept } => ToStreamer::Keep { re, id, kept },
            Self::Delete { id } => ToStreamer::Delete { re, id },
            Self::Record { camera, seconds } => ToStreamer::Record { re, camera, seconds },
            Self::RecordStop { camera } => ToStreamer::RecordStop { re, camera },
        }
    }
}

/// A film on its way. Dropping it gives it up.
#[derive(Debug)]
pub struct Film {
    pub mime: String,
    /// When media time zero was.
    pub at: WallTime,
    pub(super) id: u32,
    pub(super) parts: mpsc::Receiver<Part>,
    pub(super) queue: mpsc::Sender<Request>,
    pub(super) taken: u64,
    pub(super) acked: u64,
    pub(super) ended: Option<Option<WallTime>>,
}

/// A part of a film, on its way from the session.
#[derive(Debug)]
pub(super) enum Part {
    Data(Bytes),
    End { next: Option<WallTime> },
    Broken(BulkError),
}

impl Film {
    /// The next bytes; `None` at its end. Taking them is what makes room for more.
    pub async fn part(&mut self) -> Result<Option<Bytes>, BulkError> {
        if self.ended.is_some() {
            return Ok(None);
        }
        match self.parts.recv().await {
            Some(Part::Data(data)) => {
                self.taken += data.len() as u64;
                if self.taken - self.acked >= ACK_EVERY {
                    self.acked = self.taken;
                    let taken = Request::Taken { id: self.id, bytes: self.taken };
                    self.queue.send(taken).await.map_err(|_| BulkError::Ended)?;
                }
                Ok(Some(data))
            }
            Some(Part::End { next }) => {
                self.ended = Some(next);
                Ok(None)
            }
            Some(Part::Broken(why)) => Err(why),
            None => Err(BulkError::Ended),
        }
    }

    /// After its end: from when on there is more to ask for; `None` where there is nothing later now.
    pub fn next(&self) -> Option<WallTime> {
        self.ended.flatten()
    }
}

impl Drop for Film {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // Where the queue is full, the session finds out by itself, a little later.
            let _ = self.queue.try_send(Request::GiveUp { id: self.id });
        }
    }
}

/// What a decoder takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// First of all.
    Begin { width: u32, height: u32, sound: bool },
    /// An access unit (Annex B), and when it was captured.
    Picture { at: WallTime, is_key: bool, data: Vec<u8> },
    /// An Opus packet.
    Sound { at: WallTime, data: Vec<u8> },
}

/// Makes units of a film's bytes, each as soon as it is whole.
#[derive(Debug)]
pub struct FilmReader {
    zero: WallTime,
    flow: Flow,
}

impl FilmReader {
    /// Of a film whose media time zero was then.
    pub fn new(zero: WallTime) -> Self {
        Self { zero, flow: Flow::default() }
    }

    /// Takes the next bytes. All units should be polled before more is taken.
    pub fn push(&mut self, data: &[u8]) {
        self.flow.push(data);
    }

    /// The next unit; `None` until more is pushed.
    pub fn poll(&mut self) -> Result<Option<Unit>, BulkError> {
        let wall = |at: u64, rate: u32| {
            let micros = u128::from(at) * 1_000_000 / u128::from(rate);
            WallTime(self.zero.0.saturating_add(i64::try_from(micros).unwrap_or(i64::MAX)))
        };
        Ok(self.flow.poll().map_err(|_| BulkError::Broken)?.map(|item| match item {
            Item::Header { width, height, sound } => Unit::Begin { width, height, sound },
            Item::Sample(sample) if sample.kind == Kind::Video => {
                Unit::Picture { at: wall(sample.at, VIDEO_RATE), is_key: sample.is_key, data: sample.data }
            }
            Item::Sample(sample) => Unit::Sound { at: wall(sample.at, SOUND_RATE), data: sample.data },
        }))
    }
}
