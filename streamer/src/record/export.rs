//! A range of a camera's recordings as one MP4, never encoded again: from the key frame before its beginning to its end, with
//! gaps closed up. Blocks on the disk; what it makes is handed on piece by piece.

use std::io;
use std::path::Path;

use athome_shared::media::mp4::read::{Depth, Fragment, Kind, Movie, ReadError, load, scan};
use athome_shared::media::mp4::{Patch, SOUND_RATE, VIDEO_RATE, Writer};
use athome_shared::time::WallTime;
use serde::Serialize;

use super::disk::{Disk, DiskFile};
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
    range: (WallTime, WallTime),
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<Exported, ExportError> {
    let mut exporter = Exporter::new(segments.to_vec(), range);
    while let Some(part) = exporter.part(disk, root)? {
        write(&part).map_err(ExportError::Write)?;
    }
    Ok(exporter.done)
}

/// An export that is made part by part.
pub struct Exporter {
    segments: std::vec::IntoIter<Segment>,
    range: (WallTime, WallTime),
    sound: bool,
    open: Option<Open>,
    joint: Option<Joint>,
    done: Exported,
    /// Nothing follows.
    over: bool,
}

/// The file that is being read.
struct Open {
    name: String,
    file: Box<dyn DiskFile>,
    fragments: std::vec::IntoIter<Fragment>,
    last: u64,
}

impl Exporter {
    /// What `segments` (of one camera, in order) hold between two times.
    pub fn new(segments: Vec<Segment>, range: (WallTime, WallTime)) -> Self {
        let sound = segments.iter().any(|segment| segment.new.sound);
        let segments = segments.into_iter();
        Self { segments, range, sound, open: None, joint: None, done: Exported::default(), over: false }
    }

    /// The next part, of about a fragment; `None` once all was given.
    pub fn part(&mut self, disk: &dyn Disk, root: &Path) -> Result<Option<Vec<u8>>, ExportError> {
        while !self.over {
            let out = self.step(disk, root)?;
            if !out.is_empty() {
                return Ok(Some(out));
            }
        }
        Ok(None)
    }

    fn step(&mut self, disk: &dyn Disk, root: &Path) -> Result<Vec<u8>, ExportError> {
        if let (Some(open), Some(joint)) = (&mut self.open, &mut self.joint) {
            let inside = |fragment: &Fragment| fragment.video.is_none_or(|video| video.at < open.last);
            let Some(fragment) = open.fragments.next().filter(inside) else {
                joint.done.files += 1;
                self.open = None;
                return Ok(Vec::new());
            };
            let failed = |source| ExportError::Read { file: open.name.clone(), source };
            for sample in load(&mut open.file, &fragment).map_err(failed)? {
                joint.push(&sample, open.last);
            }
            return Ok(joint.hand_on());
        }
        let (from, to) = self.range;
        match self.segments.find(|segment| segment.new.ended > from && segment.new.began < to) {
            Some(segment) => self.enter(disk, root, segment.new.file).map(|()| Vec::new()),
            None => {
                self.over = true;
                let (out, done) = self.joint.take().ok_or(ExportError::Nothing)?.finish();
                self.done = done;
                if self.done.frames == 0 { Err(ExportError::Nothing) } else { Ok(out) }
            }
        }
    }

    fn enter(&mut self, disk: &dyn Disk, root: &Path, name: String) -> Result<(), ExportError> {
        let failed = |source| ExportError::Read { file: name.clone(), source };
        let mut file = disk.read(&root.join(&name)).map_err(|why| failed(why.into()))?;
        let movie = scan(&mut file, Depth::Outline).map_err(failed)?;
        let Some(began) = movie.began else { return Err(failed(ReadError::Foreign)) };
        let ticks = |at: WallTime| {
            let micros = u64::try_from(at.0.saturating_sub(began.0)).unwrap_or(0);
            u64::try_from(u128::from(micros) * u128::from(VIDEO_RATE) / 1_000_000).unwrap_or(u64::MAX)
        };
        let (first, last) = (ticks(self.range.0), ticks(self.range.1));
        if let Some(start) = start(&movie, first) {
            let sound = self.sound;
            self.joint.get_or_insert_with(|| Joint::new(sound)).next_file(&movie, start.1);
            let mut fragments = movie.fragments.into_iter();
            if let Some(before) = start.0.checked_sub(1) {
                fragments.nth(before);
            }
            self.open = Some(Open { name, file, fragments, last });
        }
        Ok(())
    }

    /// When its first picture was captured, once there is one.
    pub fn began(&self) -> Option<WallTime> {
        let done = if self.over { Some(&self.done) } else { self.joint.as_ref().map(|joint| &joint.done) };
        done.map(|done| done.began)
    }
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

    fn hand_on(&mut self) -> Vec<u8> {
        self.done.bytes += self.out.len() as u64;
        std::mem::take(&mut self.out)
    }

    fn finish(mut self) -> (Vec<u8>, Exported) {
        if let Some(writer) = self.writer.take() {
            self.done.patches = writer.finish(&mut self.out);
        }
        (self.hand_on(), self.done)
    }
}
