//! What stands in a header and in front of a fragment's bytes, over slices: pure, and `None` for whatever is not as we write it.

use super::super::{SOUND_TRACK, SYNC, VIDEO_TRACK};

/// A sample's place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) track: u32,
    pub(super) at: u64,
    pub(super) length: u32,
    pub(super) is_key: bool,
    /// From the first byte of the `moof` box.
    pub(super) place: usize,
    pub(super) size: usize,
}

/// What `moov` says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) sound: bool,
    /// Of a dated file: where in the content its length stands, and what it is.
    pub(super) duration: Option<(usize, u64)>,
}

/// Boxes of `data` up to the first that is not whole.
pub(super) fn boxes(data: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let size = usize::try_from(u32_at(rest, 0)?).ok()?;
        let name = rest.get(4..8)?.try_into().ok()?;
        let content = rest.get(8..size)?;
        rest = rest.get(size..)?;
        Some((name, content))
    })
}

fn child<'a>(data: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(data).find(|(n, _)| n == name).map(|(_, content)| content)
}

/// What the header says of its tracks.
pub(super) fn header(moov: &[u8]) -> Option<Header> {
    let mut found = Header { width: 0, height: 0, sound: false, duration: None };
    let mut video = false;
    for (_, trak) in boxes(moov).filter(|(name, _)| name == b"trak") {
        let tkhd = child(trak, b"tkhd")?;
        match u32_at(tkhd, 12)? {
            VIDEO_TRACK => {
                let table = child(child(child(trak, b"mdia")?, b"minf")?, b"stbl")?;
                child(child(table, b"stsd")?.get(8..)?, b"avc3")?;
                (found.width, found.height) = (u32_at(tkhd, 76)? >> 16, u32_at(tkhd, 80)? >> 16);
                video = true;
            }
            SOUND_TRACK => found.sound = true,
            _ => return None,
        }
    }
    let mut at = 0;
    for (name, content) in boxes(moov) {
        if name == *b"mvex" {
            // `mehd` comes first: its header, then version and flags.
            let mehd = boxes(content).next().filter(|(name, mehd)| name == b"mehd" && mehd.len() == 12);
            found.duration = mehd.and_then(|(_, mehd)| Some((at + 8 + 8 + 4, u64_at(mehd, 4)?)));
        }
        at += content.len() + 8;
    }
    video.then_some(found)
}

/// The samples of a fragment whose `mdat` box, right behind, has `data` bytes. Each lies within it.
pub(super) fn slots(moof: &[u8], data: u64) -> Option<Vec<Slot>> {
    let (start, end) = (moof.len() + 16, usize::try_from(data).ok()?.checked_add(moof.len() + 8)?);
    let mut slots = Vec::new();
    for (_, traf) in boxes(moof).filter(|(name, _)| name == b"traf") {
        let tfhd = child(traf, b"tfhd")?;
        let track = u32_at(tfhd, 4).filter(|track| matches!(*track, VIDEO_TRACK | SOUND_TRACK))?;
        let mut at = child(traf, b"tfdt").filter(|tfdt| tfdt.len() == 12).and_then(|tfdt| u64_at(tfdt, 4))?;
        let run = child(traf, b"trun")?;
        let (flags, width) = if track == VIDEO_TRACK { (0x701, 12) } else { (0x301, 8) };
        let count = usize::try_from(u32_at(run, 4)?).ok()?;
        if u32_at(tfhd, 0)? != 0x2_0000 || u32_at(run, 0)? != flags || run.len() != count.checked_mul(width)? + 12 {
            return None;
        }
        let mut place = usize::try_from(u32_at(run, 8)?).ok().filter(|place| *place >= start)?;
        for entry in run.get(12..)?.chunks_exact(width) {
            let (length, size) = (u32_at(entry, 0)?, usize::try_from(u32_at(entry, 4)?).ok()?);
            let is_key = width == 8 || u32_at(entry, 8)? == SYNC;
            if place.checked_add(size)? > end {
                return None;
            }
            slots.push(Slot { track, at, length, is_key, place, size });
            place += size;
            at = at.checked_add(u64::from(length))?;
        }
    }
    (!slots.is_empty()).then_some(slots)
}

pub(super) fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(data.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

pub(super) fn u64_at(data: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(data.get(at..at.checked_add(8)?)?.try_into().ok()?))
}
