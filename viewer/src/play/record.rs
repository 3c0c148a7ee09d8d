//! Writes a picture to a file as it came: H.264 Annex B, never encoded again. A container comes with the desktop app.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use athome_shared::peer::ReceivedFrame;
use athome_shared::protocol::control::Attached;
use athome_shared::protocol::wire::SlotKind;
use bytes::Bytes;
use tracing::warn;

/// Frames on their way to the disk: some seconds. When full, frames up to the next key frame are left out.
const QUEUE: usize = 128;

/// A recording under way; dropping it finishes the file.
#[derive(Debug)]
pub struct Recorder {
    queue: Option<SyncSender<Bytes>>,
    thread: Option<JoinHandle<io::Result<()>>>,
    /// The file can't go on before a key frame: at the start, and after a gap.
    key_needed: bool,
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
        let file = BufWriter::new(file);
        let (queue, frames) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name("record".to_owned()).spawn(move || write(file, &frames))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), key_needed: true })
    }

    /// Takes a frame; never waits.
    pub fn push(&mut self, content: &Attached, frame: &ReceivedFrame) {
        if content.kind == SlotKind::Audio {
            return;
        }
        if frame.missing > 0 {
            self.key_needed = true;
        }
        if self.key_needed && !frame.is_key {
            return;
        }
        let taken = self.queue.as_ref().is_some_and(|queue| queue.try_send(frame.data.clone()).is_ok());
        self.key_needed = !taken;
    }

    /// Whether a key frame would help.
    pub fn key_needed(&self) -> bool {
        self.key_needed
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

fn write(mut file: BufWriter<File>, frames: &Receiver<Bytes>) -> io::Result<()> {
    while let Ok(frame) = frames.recv() {
        file.write_all(&frame)?;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use athome_shared::id::{CameraId, Layer};
    use athome_shared::peer::ReceivedFrame;
    use athome_shared::protocol::control::Attached;
    use athome_shared::protocol::wire::SlotKind;
    use bytes::Bytes;

    use super::Recorder;

    #[test]
    fn a_recording_starts_at_a_key_frame_and_goes_on_at_one_after_a_gap() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clip.h264");
        let mut recorder = Recorder::create(&path).unwrap();
        let camera = CameraId::slug("door");
        let content = Attached { kind: SlotKind::Video, slot: 0, camera, layer: Layer::Full, epoch: 1, rtp: 0 };
        for (name, is_key, missing) in
            [("a", false, 0), ("B", true, 0), ("c", false, 0), ("d", false, 1), ("E", true, 0)]
        {
            recorder.push(
                &content,
                &ReceivedFrame {
                    kind: SlotKind::Video,
                    mid: "0".to_owned(),
                    rtp: 0,
                    is_key,
                    captured: None,
                    received: Instant::now(),
                    data: Bytes::from_static(name.as_bytes()),
                    missing,
                },
            );
        }
        recorder.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"BcE");
    }
}
