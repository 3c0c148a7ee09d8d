//! Finding one's way about in a dated file without reading all of it: where its key frames are, by the index at its end, or by
//! passing over its fragments where it still grows.

use std::io::{Read, Seek, SeekFrom};

use super::moof::{boxes, u32_at, u64_at};
use super::{Depth, Entry, Fragment, MOST_FRAGMENTS, Movie, ReadError, Reader};
use crate::media::mp4::{VIDEO_RATE, VIDEO_TRACK, micros};
use crate::time::WallTime;

/// Largest index that is read: more key frames than a recording of a day has. A larger one is passed by.
const MOST_INDEX: u64 = 4 << 20;

/// Where things are in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// When time zero was.
    pub began: WallTime,
    pub width: u32,
    pub height: u32,
    /// It has a track for sound.
    pub sound: bool,
    /// Fragments that begin with a key frame, in order.
    pub keys: Vec<Entry>,
    /// Up to here fragments stand.
    pub end: u64,
    /// Nothing more comes: what follows is the end of a finished file.
    pub finished: bool,
    /// Where the video ends so far, in its ticks; of a finished file to a millisecond.
    pub until: u64,
}

/// Looks at a file's beginning and its end; where it has no end yet, at each fragment.
pub fn outline(from: &mut (impl Read + Seek)) -> Result<Outline, ReadError> {
    let length = from.seek(SeekFrom::End(0))?;
    from.seek(SeekFrom::Start(0))?;
    let mut reader = Reader { from, at: 0, length, check: crc32fast::Hasher::new() };
    let (movie, dated) = reader.header()?;
    if !dated {
        return Err(ReadError::Foreign);
    }
    let start = reader.at;
    let Some((first, Some(began))) = reader.fragment(true, Depth::Outline)? else { return Err(ReadError::Foreign) };
    let Movie { width, height, sound, finished, layout, .. } = movie;
    let mut outline = Outline { began, width, height, sound, keys: Vec::new(), end: start, finished: false, until: 0 };
    if finished
        && let Some((keys, end)) = index(&mut reader, first.place)?
        && let Some(place) = layout.duration
    {
        let mut duration = [0; 8];
        reader.from.seek(SeekFrom::Start(place))?;
        reader.from.read_exact(&mut duration)?;
        let until = u64::from_be_bytes(duration).saturating_mul(u64::from(VIDEO_RATE / 1_000));
        return Ok(Outline { keys, end, finished: true, until, ..outline });
    }
    grow(reader.from, &mut outline)?;
    Ok(outline)
}

/// Looks whether a file has grown since; true if so.
pub fn grow(from: &mut (impl Read + Seek), outline: &mut Outline) -> Result<bool, ReadError> {
    let length = from.seek(SeekFrom::End(0))?;
    let before = outline.end;
    let mut reader = Reader { from, at: before, length, check: crc32fast::Hasher::new() };
    while outline.keys.len() < MOST_FRAGMENTS {
        let Some((fragment, _)) = reader.fragment(true, Depth::Outline)? else { break };
        outline.end = fragment.place + fragment.length;
        if let Some(video) = fragment.video {
            outline.until = video.end;
            if video.key {
                outline.keys.push(Entry { at: video.at, place: fragment.place });
            }
        }
    }
    outline.finished = reader.is_end(outline.end)?;
    Ok(outline.end > before)
}

/// The fragment that stands at `place`; `None` at the end, and where none is whole.
pub fn fragment_at(
    from: &mut (impl Read + Seek),
    outline: &Outline,
    place: u64,
) -> Result<Option<Fragment>, ReadError> {
    let mut reader = Reader { from, at: place, length: outline.end, check: crc32fast::Hasher::new() };
    if place >= outline.end {
        return Ok(None);
    }
    Ok(reader.fragment(true, Depth::Outline)?.map(|(fragment, _)| fragment))
}

impl Outline {
    /// The wall time of a time of the video.
    pub fn wall(&self, at: u64) -> WallTime {
        WallTime(self.began.0.saturating_add(micros(at, VIDEO_RATE)))
    }

    /// The time of the video, in its ticks, that a wall time is.
    pub fn ticks(&self, at: WallTime) -> u64 {
        let micros = u64::try_from(at.0.saturating_sub(self.began.0)).unwrap_or(0);
        u64::try_from(u128::from(micros) * u128::from(VIDEO_RATE) / 1_000_000).unwrap_or(u64::MAX)
    }

    /// Where to begin to look for the newest key frame at or before a time: at the newest fragment that begins with one, else
    /// at the first.
    pub fn before(&self, at: u64) -> Option<Entry> {
        let after = self.keys.partition_point(|key| key.at <= at);
        self.keys.get(after.saturating_sub(1)).copied()
    }
}

/// What the index at a file's end (`mfra`) names, and where it begins; `None` where it is not as we write it.
fn index<R: Read + Seek>(reader: &mut Reader<'_, R>, first: u64) -> Result<Option<(Vec<Entry>, u64)>, ReadError> {
    if reader.length < 8 {
        return Ok(None);
    }
    let mut size = [0; 4];
    reader.from.seek(SeekFrom::Start(reader.length - 4))?;
    reader.from.read_exact(&mut size)?;
    let size = u64::from(u32::from_be_bytes(size));
    let end = reader.length.saturating_sub(size);
    if size > MOST_INDEX || end <= first || !reader.is_end(end)? {
        return Ok(None);
    }
    reader.at = end;
    let Some(mfra) = reader.whole(*b"mfra", MOST_INDEX)? else { return Ok(None) };
    let Some((_, tfra)) = boxes(&mfra).find(|(name, _)| name == b"tfra") else { return Ok(None) };
    Ok(entries(tfra, first, end).map(|keys| (keys, end)))
}

fn entries(tfra: &[u8], first: u64, end: u64) -> Option<Vec<Entry>> {
    let count = usize::try_from(u32_at(tfra, 12)?).ok()?;
    let rows = tfra.get(16..)?;
    if u32_at(tfra, 0)? != 0x0100_0000
        || u32_at(tfra, 4)? != VIDEO_TRACK
        || u32_at(tfra, 8)? != 0
        || rows.len() != count.checked_mul(19)?
    {
        return None;
    }
    let keys: Option<Vec<Entry>> =
        rows.chunks_exact(19).map(|row| Some(Entry { at: u64_at(row, 0)?, place: u64_at(row, 8)? })).collect();
    let keys = keys?;
    let ordered = keys.is_sorted_by(|a, b| a.at < b.at && a.place < b.place);
    let inside = keys.iter().all(|key| (first..end).contains(&key.place));
    (ordered && inside && !keys.is_empty()).then_some(keys)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::{Depth, load, scan};
    use super::*;
    use crate::media::mp4::Writer;

    const SPS: [u8; 15] = [0x67, 0x42, 0xc0, 0x0b, 0xd9, 0x02, 0xc4, 0xec, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40];

    fn unit(key: bool, n: u32) -> Vec<u8> {
        let mut unit = Vec::new();
        let mut nal = |bytes: &[u8]| {
            unit.extend([0, 0, 0, 1]);
            unit.extend(bytes);
        };
        if key {
            nal(&SPS);
            nal(&[0x68, 0xce, 0x3c, 0x80]);
        }
        nal(&[&[if key { 0x65 } else { 0x41 }, 0x9a][..], &n.to_be_bytes(), &[0x55]].concat());
        unit
    }

    /// `frames` of 30 a second, a key frame in every 45, and one more just after the second; whole, or cut before its end.
    fn file(frames: u32, whole: bool) -> Vec<u8> {
        let (mut out, mut writer) = (Vec::new(), Writer::dated(false, WallTime(1_000_000)));
        for n in 0..frames {
            writer.video(u64::from(n) * 3_000, n % 45 == 0 || n == 50, &unit(n % 45 == 0 || n == 50, n), &mut out);
        }
        if whole {
            for patch in writer.finish(&mut out) {
                out.splice(patch.place as usize..patch.place as usize + patch.bytes.len(), patch.bytes);
            }
        }
        out
    }

    #[test]
    fn a_finished_file_is_known_by_its_ends_as_well_as_by_all_of_it() {
        let mut data = Cursor::new(file(300, true));
        let (found, scanned) = (outline(&mut data).expect("ours"), scan(&mut data, Depth::Whole).expect("ours"));
        let keys: Vec<u64> =
            scanned.fragments.iter().filter_map(|f| f.video.filter(|v| v.key).map(|_| f.place)).collect();
        assert_eq!(found.keys.iter().map(|key| key.place).collect::<Vec<_>>(), keys);
        assert!(keys.len() >= 7 && found.finished && found.end == scanned.good);
        assert_eq!((found.began, found.until), (WallTime(1_000_000), 900_000));
        // From one fragment to the next, to the end.
        let (mut place, mut walked) = (keys[0], Vec::new());
        while let Some(fragment) = fragment_at(&mut data, &found, place).expect("reads") {
            walked.push(fragment);
            place += fragment.length;
        }
        assert_eq!(walked, scanned.fragments);
    }

    #[test]
    fn the_place_to_look_from_is_at_or_before_the_time() {
        let found = outline(&mut Cursor::new(file(300, true))).expect("ours");
        assert_eq!(found.before(0).map(|key| key.at), Some(0));
        assert_eq!(found.before(134_999).map(|key| key.at), Some(0));
        assert_eq!(found.before(135_000).map(|key| key.at), Some(135_000));
        assert_eq!(found.before(u64::MAX).map(|key| key.at), Some(270 * 3_000));
        assert_eq!(found.ticks(found.wall(135_000)), 135_000);
        assert_eq!((found.ticks(WallTime(i64::MIN)), found.ticks(WallTime(0))), (0, 0));
    }

    #[test]
    fn a_key_frame_within_a_fragment_is_seen() {
        let mut data = Cursor::new(file(300, true));
        let found = outline(&mut data).expect("ours");
        let entry = found.before(50 * 3_000).expect("before it");
        let fragment = fragment_at(&mut data, &found, entry.place).expect("reads").expect("there");
        assert_eq!(fragment.video.expect("pictures").first_key, Some(45 * 3_000));
        let keys: Vec<u64> =
            load(&mut data, &fragment).expect("whole").iter().filter(|s| s.is_key).map(|s| s.at).collect();
        assert_eq!(keys, [45 * 3_000, 50 * 3_000]);
    }

    #[test]
    fn a_file_that_grows_is_followed() {
        let whole = file(300, true);
        let all = outline(&mut Cursor::new(whole.clone())).expect("ours");
        let cut = all.keys[2].place as usize + 9;
        let mut data = Cursor::new(whole[..cut].to_vec());
        let mut found = outline(&mut data).expect("ours");
        assert_eq!((found.keys.as_slice(), found.finished), (&all.keys[..2], false));
        assert!(!grow(&mut data, &mut found).expect("reads"), "nothing new");
        let mut data = Cursor::new(whole);
        assert!(grow(&mut data, &mut found).expect("reads"));
        assert_eq!((found.keys, found.finished, found.end), (all.keys, true, all.end));
    }

    #[test]
    fn an_index_that_lies_is_not_believed() {
        let whole = file(300, true);
        let scanned = scan(&mut Cursor::new(whole.clone()), Depth::Whole).expect("ours");
        for at in scanned.good as usize..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut broken = whole.clone();
                broken[at] = value;
                let Ok(found) = outline(&mut Cursor::new(&broken)) else { continue };
                for key in &found.keys {
                    assert!(key.place < broken.len() as u64);
                    let _damaged = fragment_at(&mut Cursor::new(&broken), &found, key.place);
                }
            }
        }
        assert!(outline(&mut Cursor::new(b"no film")).is_err());
        assert!(outline(&mut Cursor::new(&whole[..40])).is_err());
    }
}
