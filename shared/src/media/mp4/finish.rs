//! What a finished file has and one that grows has not: `mfra` at its end, and in a dated file the whole length and a `sidx` at
//! its beginning. Made by the writer, and again by whoever mends a file that was cut.

use super::boxes::{boxed, full, patch, u16, u32, u64};
use super::{VIDEO_RATE, VIDEO_TRACK, millis};

/// Room behind a dated file's header, a whole page: 337 places to jump to.
pub(super) const ROOM: usize = 4_096;
/// Of it, what a `sidx` needs beside its entries, and the least that a `free` box takes.
const SIDX: usize = 40;
const FREE: usize = 8;
const ENTRY: usize = 12;

/// Bytes to be written over others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    pub place: u64,
    pub bytes: Vec<u8>,
}

/// Where a dated file's beginning is completed; both `None` in one that is not dated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Eight bytes, the length in milliseconds (`mehd`).
    pub(super) duration: Option<u64>,
    /// [`ROOM`] bytes for the `sidx`.
    pub(super) room: Option<u64>,
}

/// A fragment that begins with a key frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// In the video's ticks.
    pub at: u64,
    /// Its first byte in the file.
    pub place: u64,
}

/// Appends what stands at the end of a file of `length` bytes whose video ends at `end`, and returns what goes over its
/// beginning.
pub fn completion(layout: &Layout, entries: &[Entry], length: u64, end: u64, out: &mut Vec<u8>) -> Vec<Patch> {
    mfra(entries, out);
    let mut patches = Vec::new();
    // First the room: the length says that all of it is done.
    if let Some(place) = layout.room {
        patches.push(Patch { place, bytes: room(entries, length, end) });
    }
    if let Some(place) = layout.duration {
        patches.push(Patch { place, bytes: millis(end, VIDEO_RATE).max(1).to_be_bytes().to_vec() });
    }
    patches
}

/// `mfra`: where the key frames are.
fn mfra(entries: &[Entry], out: &mut Vec<u8>) {
    let start = out.len();
    boxed(out, b"mfra", |out| {
        full(out, b"tfra", 1, 0, |out| {
            u32(out, VIDEO_TRACK);
            // One byte each for the numbers of track fragment, run and sample.
            u32(out, 0);
            u32(out, entries.len() as u32);
            for entry in entries {
                u64(out, entry.at);
                u64(out, entry.place);
                out.extend([1, 1, 1]);
            }
        });
        full(out, b"mfro", 0, 0, |out| u32(out, 0));
    });
    let size = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    let at = out.len() - 4;
    patch(out, at, size);
}

/// An empty room.
pub(super) fn empty(out: &mut Vec<u8>) {
    boxed(out, b"free", |out| out.resize(out.len() + ROOM - FREE, 0));
}

/// `sidx` (14496-12 §8.16.3), each entry from one key frame to another; with many of them, every so many.
fn room(entries: &[Entry], length: u64, end: u64) -> Vec<u8> {
    let most = (ROOM - SIDX - FREE) / ENTRY;
    let step = entries.len().div_ceil(most).max(1);
    let jumps: Vec<Entry> = entries.iter().copied().step_by(step).collect();
    let size = SIDX + jumps.len() * ENTRY;
    let Some(first) = jumps.first() else {
        let mut out = Vec::new();
        empty(&mut out);
        return out;
    };
    let mut out = Vec::with_capacity(ROOM);
    full(&mut out, b"sidx", 1, 0, |out| {
        u32(out, VIDEO_TRACK);
        u32(out, VIDEO_RATE);
        u64(out, first.at);
        u64(out, (ROOM - size) as u64);
        u16(out, 0);
        u16(out, u16::try_from(jumps.len()).unwrap_or(0));
        let ends = jumps.iter().skip(1).copied().chain([Entry { at: end, place: length }]);
        for (entry, next) in jumps.iter().zip(ends) {
            // The highest bit: no index of a further level.
            u32(out, u32::try_from(next.place.saturating_sub(entry.place)).unwrap_or(u32::MAX) & 0x7fff_ffff);
            u32(out, u32::try_from(next.at.saturating_sub(entry.at)).unwrap_or(u32::MAX));
            // Begins with a key frame, of the kind after which nothing refers back.
            u32(out, 0x9000_0000);
        }
    });
    boxed(&mut out, b"free", |out| out.resize(ROOM, 0));
    out
}
