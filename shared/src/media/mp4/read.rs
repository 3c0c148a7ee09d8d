//! Reads the files that [`super::Writer`] writes: what is whole in one that was cut, and the frames of each fragment. Anything
//! may be in a file, so lengths are checked before they are believed, and nothing is held that the file does not hold.
//!
//! Other programs' files are not read here; [`ReadError::Foreign`] says that one is none of ours.

mod flow;
mod moof;
mod outline;

use std::io::{self, Read, Seek, SeekFrom};

pub use super::finish::Entry;
use super::finish::{Layout, Patch, ROOM, completion};
use super::fragment::{CHECK_MARK, CHECK_SIZE, DATE_SIZE};
use super::header::BRAND;
use super::{SOUND_RATE, SOUND_TRACK, VIDEO_RATE, VIDEO_TRACK, micros};
use crate::media::h264::avcc_to_annex_b;
use crate::time::WallTime;
pub use flow::{Flow, FlowError, Item};
use moof::{Slot, boxes, u32_at, u64_at};
pub use outline::{Outline, fragment_at, grow, outline};

/// Ours is under a kilobyte.
const MOST_HEADER: u64 = 64 << 10;
/// 4,096 samples take 64 KiB.
const MOST_MOOF: u64 = 1 << 20;
/// A fragment is written at 8 MiB, and one more frame may follow.
const MOST_FRAGMENT: u64 = 64 << 20;
/// Over two days of a second each; a recording is hours at most.
const MOST_FRAGMENTS: usize = 200_000;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("it is no MP4 file of AtHome")]
    Foreign,
    #[error("a fragment at byte {0} is damaged")]
    Damaged(u64),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How closely a file is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Where everything is; the frames themselves are passed over.
    Outline,
    /// Every byte, against the checks.
    Whole,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movie {
    /// When time zero was; `None` in a file that is not dated.
    pub began: Option<WallTime>,
    pub width: u32,
    pub height: u32,
    /// It has a track for sound.
    pub sound: bool,
    pub fragments: Vec<Fragment>,
    /// Up to here everything is whole.
    pub good: u64,
    /// What follows is the end of a finished file, and its beginning is complete.
    pub finished: bool,
    layout: Layout,
}

/// A fragment that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Its first byte.
    pub place: u64,
    pub length: u64,
    /// Of its video, in the video's ticks; `None` where it has sound only.
    pub video: Option<Span>,
    /// Frames and packets.
    pub samples: u32,
}

/// A fragment's video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub at: u64,
    pub end: u64,
    /// Its first frame is a key frame.
    pub key: bool,
    /// When the first of its key frames is, if it has any.
    pub first_key: Option<u64>,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Video,
    Sound,
}

/// A frame (Annex B) or an Opus packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    pub kind: Kind,
    /// In the track's ticks.
    pub at: u64,
    pub length: u32,
    pub is_key: bool,
    pub data: Vec<u8>,
}

impl Movie {
    /// Where the video ends, in its ticks.
    pub fn end(&self) -> u64 {
        self.fragments.iter().rev().find_map(|fragment| fragment.video).map_or(0, |video| video.end)
    }

    /// The wall time of a time of the video; `None` in a file that is not dated.
    pub fn wall(&self, at: u64) -> Option<WallTime> {
        self.began.map(|began| WallTime(began.0.saturating_add(micros(at, VIDEO_RATE))))
    }

    /// What makes a cut file a finished one: bytes to stand at [`Self::good`], where the file is to end first, and then what
    /// goes over its beginning.
    pub fn completion(&self) -> (Vec<u8>, Vec<Patch>) {
        let mut tail = Vec::new();
        let entries: Vec<Entry> = self
            .fragments
            .iter()
            .filter_map(|fragment| Some((fragment.video.filter(|video| video.key)?, fragment.place)))
            .map(|(video, place)| Entry { at: video.at, place })
            .collect();
        let patches = completion(&self.layout, &entries, self.good, self.end(), &mut tail);
        (tail, patches)
    }
}

/// Looks through a file up to the first byte that is not whole.
pub fn scan(from: &mut (impl Read + Seek), depth: Depth) -> Result<Movie, ReadError> {
    let length = from.seek(SeekFrom::End(0))?;
    from.seek(SeekFrom::Start(0))?;
    let mut reader = Reader { from, at: 0, length, check: crc32fast::Hasher::new() };
    let (mut movie, dated) = reader.header()?;
    while movie.fragments.len() < MOST_FRAGMENTS {
        match reader.fragment(dated, depth)? {
            Some((fragment, began)) => {
                movie.began = movie.began.or(began);
                movie.good = fragment.place + fragment.length;
                movie.fragments.push(fragment);
            }
            None => break,
        }
    }
    movie.finished = movie.finished && reader.is_end(movie.good)?;
    Ok(movie)
}

/// What a finished, dated file says of itself at its beginning and its end. It is written after all between is durably there,
/// so it answers quickly what [`scan`] answers slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    pub began: WallTime,
    pub ended: WallTime,
    pub width: u32,
    pub height: u32,
    pub sound: bool,
    pub first: Fragment,
}

/// Looks at the beginning and the end of a file only; `None` where it is not dated, or not finished.
pub fn ends(from: &mut (impl Read + Seek)) -> Result<Option<Ends>, ReadError> {
    let length = from.seek(SeekFrom::End(0))?;
    let mut reader = Reader { from, at: 0, length, check: crc32fast::Hasher::new() };
    let (Movie { width, height, sound, finished, layout, .. }, dated) = reader.header()?;
    let (Some(place), true) = (layout.duration, dated && finished) else { return Ok(None) };
    let Some((first, Some(began))) = reader.fragment(dated, Depth::Whole)? else { return Ok(None) };
    let (mut duration, mut size) = ([0; 8], [0; 4]);
    reader.from.seek(SeekFrom::Start(place))?;
    reader.from.read_exact(&mut duration)?;
    reader.from.seek(SeekFrom::Start(length.saturating_sub(4)))?;
    reader.from.read_exact(&mut size)?;
    let end = length.saturating_sub(u64::from(u32::from_be_bytes(size)));
    if end < first.place + first.length || !reader.is_end(end)? {
        return Ok(None);
    }
    let micros = i64::try_from(u64::from_be_bytes(duration)).unwrap_or(i64::MAX).saturating_mul(1_000);
    let ended = WallTime(began.0.saturating_add(micros));
    Ok(Some(Ends { began, ended, width, height, sound, first }))
}

/// Whether the bytes of a fragment of a dated file are as they were written.
pub fn is_sound(from: &mut (impl Read + Seek), fragment: &Fragment) -> io::Result<bool> {
    from.seek(SeekFrom::Start(fragment.place))?;
    let (mut left, mut buffer) = (fragment.length.saturating_sub(CHECK_SIZE as u64), [0; 16 << 10]);
    let mut check = crc32fast::Hasher::new();
    while left > 0 {
        let part = buffer.get_mut(..left.min(16 << 10) as usize).unwrap_or_default();
        from.read_exact(part)?;
        check.update(part);
        left -= part.len() as u64;
    }
    let mut mark = [0; CHECK_SIZE];
    from.read_exact(&mut mark)?;
    Ok(u32_at(&mark, CHECK_SIZE - 4) == Some(check.finalize()))
}

/// The frames and packets of a fragment, pictures first, each kind in its order.
pub fn load(from: &mut (impl Read + Seek), fragment: &Fragment) -> Result<Vec<Sample>, ReadError> {
    let damaged = || ReadError::Damaged(fragment.place);
    if fragment.length > MOST_FRAGMENT {
        return Err(damaged());
    }
    from.seek(SeekFrom::Start(fragment.place))?;
    let mut bytes = vec![0; usize::try_from(fragment.length).map_err(|_| damaged())?];
    from.read_exact(&mut bytes)?;
    let (mut at, mut samples) = (0, Vec::new());
    for (name, content) in boxes(&bytes) {
        let size = content.len() + 8;
        if name == *b"moof" {
            let rest = bytes.get(at + size..).ok_or_else(damaged)?;
            let data = u32_at(rest, 0).ok_or_else(damaged)?;
            let slots = moof::slots(content, u64::from(data)).ok_or_else(damaged)?;
            for slot in slots {
                let start = at + slot.place;
                let data = bytes.get(start..start + slot.size).ok_or_else(damaged)?;
                let video = slot.track == VIDEO_TRACK;
                let data = if video { avcc_to_annex_b(data, 4).map_err(|_| damaged())?.into() } else { data.to_vec() };
                let kind = if video { Kind::Video } else { Kind::Sound };
                samples.push(Sample { kind, at: slot.at, length: slot.length, is_key: slot.is_key, data });
            }
        }
        at += size;
    }
    Ok(samples)
}

struct Reader<'a, R> {
    from: &'a mut R,
    at: u64,
    length: u64,
    /// Of what was read since the last check.
    check: crc32fast::Hasher,
}

impl<R: Read + Seek> Reader<'_, R> {
    fn header(&mut self) -> Result<(Movie, bool), ReadError> {
        let brands = self.whole(*b"ftyp", MOST_HEADER)?.ok_or(ReadError::Foreign)?;
        let dated = brands.chunks_exact(4).any(|brand| brand == BRAND);
        let start = self.at;
        let moov = self.whole(*b"moov", MOST_HEADER)?.ok_or(ReadError::Foreign)?;
        let header = moof::header(&moov).ok_or(ReadError::Foreign)?;
        let mut layout = Layout::default();
        let mut finished = true;
        if dated {
            let (place, duration) = header.duration.ok_or(ReadError::Foreign)?;
            layout = Layout { duration: Some(start + 8 + place as u64), room: Some(self.at) };
            finished = duration != 0;
            // Whatever a power cut left there is written anew when the file is completed.
            self.skip(ROOM as u64);
        }
        let movie = Movie {
            began: None,
            width: header.width,
            height: header.height,
            sound: header.sound,
            fragments: Vec::new(),
            good: self.at,
            finished,
            layout,
        };
        if self.at > self.length {
            return Err(ReadError::Foreign);
        }
        Ok((movie, dated))
    }

    /// The next fragment if it is there and whole, and when time zero was by its date.
    fn fragment(&mut self, dated: bool, depth: Depth) -> Result<Option<(Fragment, Option<WallTime>)>, ReadError> {
        let place = self.at;
        self.check.reset();
        let mut began = None;
        if dated {
            let Some(date) = self.whole(*b"prft", DATE_SIZE as u64)? else { return Ok(None) };
            let Some((track, ntp, at)) = u32_at(&date, 4)
                .and_then(|track| Some((track, u64_at(&date, 8)?, u64_at(&date, 16)?)))
                .filter(|_| date.len() == DATE_SIZE - 8)
            else {
                return Ok(None);
            };
            let rate = if track == SOUND_TRACK { SOUND_RATE } else { VIDEO_RATE };
            began = Some(WallTime(WallTime::from_ntp(ntp).0.saturating_sub(micros(at, rate))));
        }
        let Some(moof) = self.whole(*b"moof", MOST_MOOF)? else { return Ok(None) };
        let Some((size, name)) = self.peek()? else { return Ok(None) };
        if name != *b"mdat" || size > MOST_FRAGMENT || size > self.length - self.at {
            return Ok(None);
        }
        let Some(slots) = moof::slots(&moof, size) else { return Ok(None) };
        match depth {
            Depth::Outline => self.skip(size),
            Depth::Whole => self.take(size)?,
        }
        if dated {
            let expected = self.check.clone().finalize();
            let Some(check) = self.whole(*b"free", CHECK_SIZE as u64)? else { return Ok(None) };
            let whole = u32_at(&check, 4) == Some(expected) || depth == Depth::Outline;
            if !(check.starts_with(CHECK_MARK) && check.len() == CHECK_SIZE - 8 && whole) {
                return Ok(None);
            }
        }
        let samples = u32::try_from(slots.len()).unwrap_or(u32::MAX);
        Ok(Some((Fragment { place, length: self.at - place, video: span(&slots), samples }, began)))
    }

    /// Whether `mfra` and nothing else stands from `place` on.
    fn is_end(&mut self, place: u64) -> Result<bool, ReadError> {
        let rest = self.length.saturating_sub(place);
        self.at = place;
        self.from.seek(SeekFrom::Start(place))?;
        let Some((size, name)) = self.peek()? else { return Ok(false) };
        if name != *b"mfra" || size != rest {
            return Ok(false);
        }
        let mut last = [0; 4];
        self.from.seek(SeekFrom::Start(self.length - 4))?;
        self.from.read_exact(&mut last)?;
        Ok(u64::from(u32::from_be_bytes(last)) == size)
    }

    /// Size and name of the box that begins here, if there is room for one. A size of 0 or 1 has a meaning elsewhere, never
    /// here, where it is what zeros look like.
    fn peek(&mut self) -> Result<Option<(u64, [u8; 4])>, ReadError> {
        if self.length.saturating_sub(self.at) < 8 {
            return Ok(None);
        }
        let mut head = [0; 8];
        self.from.seek(SeekFrom::Start(self.at))?;
        self.from.read_exact(&mut head)?;
        let [a, b, c, d, name @ ..] = head;
        let size = u64::from(u32::from_be_bytes([a, b, c, d]));
        Ok((size >= 8).then_some((size, name)))
    }

    /// The content of a box of that name; `None` if another one or no whole one begins here.
    fn whole(&mut self, wanted: [u8; 4], most: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let Some((size, name)) = self.peek()? else { return Ok(None) };
        if name != wanted || size > most || size > self.length - self.at {
            return Ok(None);
        }
        // Fits: at most `most`, which is a megabyte.
        let mut content = vec![0; size as usize - 8];
        self.from.read_exact(&mut content)?;
        self.check.update(&(size as u32).to_be_bytes());
        self.check.update(&name);
        self.check.update(&content);
        self.at += size;
        Ok(Some(content))
    }

    /// Reads on, for the check alone.
    fn take(&mut self, size: u64) -> Result<(), ReadError> {
        self.from.seek(SeekFrom::Start(self.at))?;
        let (mut left, mut buffer) = (size, [0; 16 << 10]);
        while left > 0 {
            let part = buffer.get_mut(..left.min(16 << 10) as usize).unwrap_or_default();
            self.from.read_exact(part)?;
            self.check.update(part);
            left -= part.len() as u64;
        }
        self.at += size;
        Ok(())
    }

    fn skip(&mut self, size: u64) {
        self.at = self.at.saturating_add(size);
    }
}

fn span(slots: &[Slot]) -> Option<Span> {
    let mut video = slots.iter().filter(|slot| slot.track == VIDEO_TRACK);
    let first = video.next()?;
    let last = video.next_back().unwrap_or(first);
    let first_key = slots.iter().find(|slot| slot.track == VIDEO_TRACK && slot.is_key).map(|slot| slot.at);
    Some(Span { at: first.at, end: last.at.saturating_add(u64::from(last.length)), key: first.is_key, first_key })
}

#[cfg(test)]
mod tests;
