//! Writes a camera's video and sound to an MP4 file as they came, never encoded again.

mod timeline;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use athome_shared::media::mp4::{SOUND_RATE, VIDEO_RATE, Writer};
use athome_shared::peer::ReceivedFrame;
use athome_shared::protocol::control::Attached;
use athome_shared::protocol::wire::SlotKind;
use bytes::Bytes;
use tracing::warn;

use timeline::Timelines;

/// Frames and packets on their way to the disk: some seconds. When full, frames up to the next key frame are left out.
const QUEUE: usize = 256;

/// A frame with its time, in its track's ticks since the beginning of the file.
struct Timed {
    kind: SlotKind,
    at: u64,
    is_key: bool,
    data: Bytes,
}

/// A recording under way; dropping it finishes the file.
#[derive(Debug)]
pub struct Recorder {
    queue: Option<SyncSender<Timed>>,
    thread: Option<JoinHandle<io::Result<()>>>,
    timelines: Timelines,
    /// The video can't go on before a key frame: at the start, after a gap, and where its content changes.
    key_needed: bool,
    epoch: Option<u32>,
}

impl Recorder {
    /// Creates the file; one that is there already is replaced.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::start(File::create(path)?)
    }

    /// Creates a file that is not there yet.
    pub fn create_new(path: &Path) -> io::Result<Self> {
        Self::start(File::create_new(path)?)
    }

    fn start(file: File) -> io::Result<Self> {
        let (queue, frames) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name("record".to_owned()).spawn(move || write(file, &frames))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            timelines: Timelines::default(),
            key_needed: true,
            epoch: None,
        })
    }

    /// Takes a frame or a packet of the camera; never waits.
    pub fn push(&mut self, content: &Attached, frame: &ReceivedFrame) {
        match content.kind {
            SlotKind::Video => self.video(content, frame),
            SlotKind::Audio => {
                if let Some(at) = self.timelines.at(content, frame, SOUND_RATE) {
                    self.send(SlotKind::Audio, at, frame);
                }
            }
        }
    }

    fn video(&mut self, content: &Attached, frame: &ReceivedFrame) {
        if frame.missing > 0 || self.epoch != Some(content.epoch) {
            self.epoch = Some(content.epoch);
            self.key_needed = true;
        }
        if self.key_needed && !frame.is_key {
            return;
        }
        self.timelines.begin(frame);
        let Some(at) = self.timelines.at(content, frame, VIDEO_RATE) else { return };
        self.key_needed = !self.send(SlotKind::Video, at, frame);
    }

    fn send(&self, kind: SlotKind, at: u64, frame: &ReceivedFrame) -> bool {
        let timed = Timed { kind, at, is_key: frame.is_key, data: frame.data.clone() };
        self.queue.as_ref().is_some_and(|queue| queue.try_send(timed).is_ok())
    }

    /// Whether a key frame would help.
    pub fn key_needed(&self) -> bool {
        // Not where the disk ended the recording already.
        self.key_needed && self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Waits until the file is complete; why it is not.
    pub fn finish(mut self) -> io::Result<()> {
        self.end()
    }

    /// Completes the file without waiting for it.
    pub fn abandon(mut self) {
        self.queue = None;
        self.thread = None;
    }

    fn end(&mut self) -> io::Result<()> {
        self.queue = None;
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the recording's thread ended early")))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            warn!(%error, "a recording is not complete");
        }
    }
}

/// Ends with the first error: what is on the disk by then plays, and the queue's end is seen by whoever pushes.
fn write(mut file: File, frames: &Receiver<Timed>) -> io::Result<()> {
    let mut writer = Writer::new(true);
    let mut out = Vec::new();
    while let Ok(Timed { kind, at, is_key, data }) = frames.recv() {
        match kind {
            SlotKind::Video => writer.video(at, is_key, &data, &mut out),
            SlotKind::Audio => writer.sound(at, &data, &mut out),
        }
        if !out.is_empty() {
            file.write_all(&out)?;
            out.clear();
        }
    }
    writer.finish(&mut out);
    file.write_all(&out)
}

#[cfg(test)]
mod tests;
