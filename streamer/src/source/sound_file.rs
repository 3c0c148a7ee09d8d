//! A sound file (or a clip's sound) in place of a microphone, looped in real time.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use athome_shared::protocol::control::CameraReason;
use athome_shared::time::MediaClock;

use super::container::Container;
use super::{BLOCK, Opened, PcmBlock, Sink, Source, SourceError, Stop, label_of, sound_time};

/// How far playing may fall behind real time.
const MOST_BEHIND: Duration = Duration::from_millis(500);

/// A file as a microphone.
pub struct SoundFile {
    path: PathBuf,
    clock: MediaClock,
}

impl SoundFile {
    /// The file is opened when it runs.
    pub fn new(path: &Path, clock: MediaClock) -> Self {
        Self { path: path.to_owned(), clock }
    }

    fn open(&self) -> Result<Container, SourceError> {
        let container = Container::open(&self.path)?.without_picture();
        if !container.has_sound() {
            return Err(SourceError::new(
                CameraReason::File,
                format!("{}: it holds no sound that we know (PCM, AAC)", self.path.display()),
            ));
        }
        Ok(container)
    }
}

impl Source for SoundFile {
    fn run(&mut self, sink: &dyn Sink, stop: &Stop) -> Result<(), SourceError> {
        let mut container = self.open()?;
        sink.opened(Opened::sound(&label_of(&self.path)));
        let mut start = Instant::now();
        let (mut played, mut heard_any) = (0u64, false);
        let mut waiting = Vec::new();
        loop {
            let Some(sound) = container.next_sound()? else {
                if !heard_any {
                    let detail = format!("{}: its sound is damaged or empty", self.path.display());
                    return Err(SourceError::new(CameraReason::File, detail));
                }
                (container, heard_any) = (self.open()?, false);
                continue;
            };
            heard_any |= !sound.samples.is_empty();
            waiting.extend_from_slice(&sound.samples);
            let channels = usize::from(container.channels());
            let whole = waiting.len() / (BLOCK * channels) * BLOCK * channels;
            for samples in waiting[..whole].chunks_exact(BLOCK * channels) {
                // After a pause of the machine it goes on from now, instead of hurrying after.
                let now = Instant::now();
                if now.saturating_duration_since(start + sound_time(played)) > MOST_BEHIND {
                    start = now.checked_sub(sound_time(played)).unwrap_or(now);
                }
                // A block is complete when its last sample has been heard, as a microphone's is.
                if stop.sleep_until(start + sound_time(played + BLOCK as u64)) {
                    return Ok(());
                }
                let captured = start + sound_time(played);
                let pts = self.clock.media(captured);
                sink.pcm(PcmBlock { channels: channels as u8, samples: samples.into(), captured, pts });
                played += BLOCK as u64;
            }
            waiting.drain(..whole);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use athome_shared::time::WallTime;

    use super::*;
    use crate::source::collect::Collect;

    /// A mono 16-bit WAV of a 1 kHz sine at half of full scale.
    fn wav(rate: u32, seconds: f64) -> Vec<u8> {
        let samples = (f64::from(rate) * seconds) as u32;
        let mut bytes = Vec::new();
        bytes.extend(b"RIFF");
        bytes.extend((36 + samples * 2).to_le_bytes());
        bytes.extend(b"WAVEfmt ");
        bytes.extend(16u32.to_le_bytes());
        bytes.extend([1, 0, 1, 0]);
        bytes.extend(rate.to_le_bytes());
        bytes.extend((rate * 2).to_le_bytes());
        bytes.extend([2, 0, 16, 0]);
        bytes.extend(b"data");
        bytes.extend((samples * 2).to_le_bytes());
        for n in 0..samples {
            let turn = std::f64::consts::TAU * 1000.0 * f64::from(n) / f64::from(rate);
            bytes.extend(((turn.sin() * 16_384.0) as i16).to_le_bytes());
        }
        bytes
    }

    fn run(bytes: &[u8], blocks: usize) -> (Collect, Result<(), SourceError>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tone.wav");
        fs::write(&path, bytes).unwrap();
        let collect = Collect::until(0, blocks);
        let stop = collect.stop.clone();
        let clock = MediaClock::new(Instant::now(), WallTime(0));
        let ended = SoundFile::new(&path, clock).run(&collect, &stop);
        (collect, ended)
    }

    #[test]
    fn a_wav_is_looped_at_48_khz() {
        // 50 ms of sound, 160 ms asked for: it must have come round.
        let (collect, ended) = run(&wav(44_100, 0.05), 8);
        ended.unwrap();
        let blocks = collect.blocks.lock().unwrap();
        assert_eq!(blocks.len(), 8);
        let samples: Vec<f32> = blocks.iter().flat_map(|block| block.samples.to_vec()).collect();
        assert_eq!(samples.len(), 8 * BLOCK);
        let peak = samples[200..1000].iter().fold(0f32, |peak, v| peak.max(v.abs()));
        assert!((peak - 0.5).abs() < 0.01, "{peak}");
        assert!(blocks.windows(2).all(|pair| pair[1].pts.0 - pair[0].pts.0 == 1800));
        assert_eq!(collect.opened.lock().unwrap()[0].label, "tone.wav");
    }

    #[test]
    fn damage_is_an_error_and_never_a_spin() {
        let good = wav(48_000, 0.05);
        for bytes in [&b""[..], b"RIFF", b"not a sound at all, but long enough to be looked at", &good[..44]] {
            let (collect, ended) = run(bytes, 1);
            assert_eq!(ended.unwrap_err().reason, CameraReason::File);
            assert!(collect.blocks.lock().unwrap().is_empty());
        }
        let missing = SoundFile::new(Path::new("/no/such.wav"), MediaClock::new(Instant::now(), WallTime(0)))
            .run(&Collect::until(0, 1), &Stop::default());
        assert_eq!(missing.unwrap_err().to_string(), "/no/such.wav: there is no such file");
    }
}
