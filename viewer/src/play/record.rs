//! Writes a picture to a file as it came: H.264 Annex B, never encoded again. A container comes with the desktop app.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use athome_shared::peer::ReceivedFrame;
use bytes::Bytes;
use tracing::warn;

/// Frames on their way to the disk: some seconds. When full, frames up to the next key frame are left out.
const QUEUE: usize = 128;

/// A recording under way; dropping it finishes the file.
#[derive(Debug)]
pub struct Recorder {
    queue: Option<SyncSender<Bytes>>,
    thread: Option<JoinHandle<()>>,
    /// The file can't go on before a key frame: at the start, and after a gap.
    key_needed: bool,
}

impl Recorder {
    /// Creates the file; one that is there already is replaced.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        let (queue, frames) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name("record".to_owned()).spawn(move || {
            if let Err(error) = write(file, &frames) {
                warn!(%error, "the recording ends here");
            }
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread), key_needed: true })
    }

    /// Takes a frame; never waits.
    pub fn push(&mut self, frame: &ReceivedFrame) {
        if frame.missing > 0 {
            self.key_needed = true;
        }
        if self.key_needed && !frame.is_key {
            return;
        }
        let taken = self.queue.as_ref().is_some_and(|queue| queue.try_send(frame.data.clone()).is_ok());
        self.key_needed = !taken;
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
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

    use athome_shared::peer::ReceivedFrame;
    use athome_shared::protocol::wire::SlotKind;
    use bytes::Bytes;

    use super::Recorder;

    #[test]
    fn a_recording_starts_at_a_key_frame_and_goes_on_at_one_after_a_gap() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clip.h264");
        let mut recorder = Recorder::create(&path).unwrap();
        for (name, is_key, missing) in
            [("a", false, 0), ("B", true, 0), ("c", false, 0), ("d", false, 1), ("E", true, 0)]
        {
            recorder.push(&ReceivedFrame {
                kind: SlotKind::Video,
                mid: "0".to_owned(),
                rtp: 0,
                is_key,
                captured: None,
                received: Instant::now(),
                data: Bytes::from_static(name.as_bytes()),
                missing,
            });
        }
        drop(recorder);
        assert_eq!(std::fs::read(&path).unwrap(), b"BcE");
    }
}
