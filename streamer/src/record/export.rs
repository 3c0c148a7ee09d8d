//! A range of a camera's recordings as one MP4, never encoded again: from the key frame before its beginning to its end, with
//! gaps closed up. Blocks on the disk; what it makes is handed on piece by piece.

use std::io;
use std::path::Path;

use athome_shared::media::mp4::read::{Depth, Kind, Movie, ReadError, load, scan};
use athome_shared::media::mp4::{Patch, SOUND_RATE, VIDEO_RATE, Writer};
use athome_shared::time::WallTime;
use serde::Serialize;

use super::disk::Disk;
use crate::index::Segment;

/// Two files that are no further apart are one recording: the clock was corrected a little, or a frame lies between them.
const JOINED: i64 = 1_000_000;
/// Between what was not one recording: a frame.
const SEAM: u64 = VIDEO_RATE as u64 / 30;

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("nothing was recorded then")]
    Nothing,
    #[error("{file}: {source}")]
    Read { file: String, source: ReadError },
    #[error("{0}")]
    Write(io::Error),
}

/// What was exported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// From the first picture …
    pub began: WallTime,
    /// … to the last one.
    pub ended: WallTime,
    pub bytes: u64,
    pub frames: u64,
    /// Files that it comes from.
    pub files: usize,
    /// Times at which nothing was recorded, closed up.
    pub gaps: usize,
    /// To be written over the beginning, where that can be done.
    #[serde(skip)]
    pub patches: Vec<Patch>,
}

/// Writes what `segments` (of one camera, in order) hold between two times.
pub fn export(
    disk: &dyn Disk,
    root: &Path,
    segments: &[Segment],
    (from, to): (WallTime, WallTime),
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<Exported, ExportError> {
    let mut joint: Option<Joint> = None;
    for segment in segments.iter().filter(|s| s.new.ended > from && s.new.began < to) {
        let failed = |source| ExportError::Read { file: segment.new.file.clone(), source };
        let mut file = disk.read(&root.join(&segment.new.file)).map_err(|why| failed(why.into()))?;
        let movie = scan(&mut file, Depth::Outline).map_err(failed)?;
        let Some(began) = movie.began else { return Err(failed(ReadError::Foreign)) };
        let ticks = |at: WallTime| {
            let micros = u64::try_from(at.0.saturating_sub(began.0)).unwrap_or(0);
            u64::try_from(u128::from(micros) * u128::from(VIDEO_RATE) / 1_000_000).unwrap_or(u64::MAX)
        };
        let (first, last) = (ticks(from), ticks(to));
        let Some(start) = start(&movie, first) else { continue };
        let joint = joint.get_or_insert_with(|| Joint::new(segments.iter().any(|s| s.new.sound)));
        joint.next_file(&movie, start.1);
        for fragment in movie.fragments.iter().skip(start.0) {
            if fragment.video.is_some_and(|video| video.at >= last) {
                break;
            }
            let samples = load(&mut file, fragment).map_err(failed)?;
            for sample in samples {
                joint.push(&sample, last);
            }
            joint.hand_on(&mut write)?;
        }
        joint.done.files += 1;
    }
    joint.ok_or(ExportError::Nothing)?.finish(&mut write)
}

/// The last fragment at or before a time, else the first after it, that begins with a key frame; with its time.
fn start(movie: &Movie, at: u64) -> Option<(usize, u64)> {
    let keys = || {
        let video = |fragment: &athome_shared::media::mp4::read::Fragment| fragment.video.filter(|video| video.key);
        movie.fragments.iter().enumerate().filter_map(move |(n, fragment)| Some((n, video(fragment)?.at)))
    };
    keys().take_while(|(_, key)| *key <= at).last().or_else(|| keys().next())
}

/// Several files on one line of time.
struct Joint {
    writer: Option<Writer>,
    sound: bool,
    out: Vec<u8>,
    done: Exported,
    /// Where the next file's video begins, and of this one: what is taken off and put on.
    end: u64,
    off: u64,
    on: u64,
    began: WallTime,
}

impl Joint {
    fn new(sound: bool) -> Self {
        let done = Exported::default();
        Self { writer: None, sound, out: Vec::new(), done, end: 0, off: 0, on: 0, began: WallTime(0) }
    }

    /// What follows is of this file, from this time on.
    fn next_file(&mut self, movie: &Movie, start: u64) {
        let wall = movie.wall(start).unwrap_or_default();
        self.off = start;
        self.began = movie.began.unwrap_or_default();
        match &mut self.writer {
            None => {
                self.writer = Some(Writer::dated(self.sound, wall));
                (self.on, self.done.began) = (0, wall);
            }
            Some(writer) => {
                let apart = wall.0.saturating_sub(self.done.ended.0);
                let joined = apart.abs() <= JOINED;
                self.done.gaps += usize::from(!joined);
                let pause =
                    if joined { u64::try_from(apart).unwrap_or(0) * u64::from(VIDEO_RATE) / 1_000_000 } else { SEAM };
                self.on = self.end + pause;
                // What is dated from here on is dated by this file.
                writer.cut(&mut self.out);
                let on = i64::try_from(u128::from(self.on) * 1_000_000 / u128::from(VIDEO_RATE)).unwrap_or(0);
                writer.redate(WallTime(wall.0.saturating_sub(on)));
            }
        }
    }

    fn push(&mut self, sample: &athome_shared::media::mp4::read::Sample, last: u64) {
        let Some(writer) = &mut self.writer else { return };
        match sample.kind {
            Kind::Video if sample.at >= self.off && sample.at < last => {
                let at = sample.at - self.off + self.on;
                writer.video(at, sample.is_key, &sample.data, &mut self.out);
                self.end = at + u64::from(sample.length);
                let until = u128::from(sample.at + u64::from(sample.length)) * 1_000_000 / u128::from(VIDEO_RATE);
                self.done.ended = WallTime(self.began.0.saturating_add(i64::try_from(until).unwrap_or(0)));
                self.done.frames += 1;
            }
            Kind::Sound => {
                let scale = |ticks: u64| ticks.saturating_mul(u64::from(SOUND_RATE)) / u64::from(VIDEO_RATE);
                if sample.at >= scale(self.off) && sample.at < scale(last) {
                    writer.sound(sample.at - scale(self.off) + scale(self.on), &sample.data, &mut self.out);
                }
            }
            Kind::Video => {}
        }
    }

    fn hand_on(&mut self, write: &mut impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), ExportError> {
        write(&self.out).map_err(ExportError::Write)?;
        self.done.bytes += self.out.len() as u64;
        self.out.clear();
        Ok(())
    }

    fn finish(mut self, write: &mut impl FnMut(&[u8]) -> io::Result<()>) -> Result<Exported, ExportError> {
        if let Some(writer) = self.writer.take() {
            self.done.patches = writer.finish(&mut self.out);
        }
        self.hand_on(write)?;
        if self.done.frames == 0 { Err(ExportError::Nothing) } else { Ok(self.done) }
    }
}
