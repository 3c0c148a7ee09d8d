//! A fragment: `moof`, which says where and when the samples are, and `mdat`, which holds them. And the index at the end.

use super::boxes::{boxed, full, patch, u32, u64};
use super::{NOT_SYNC, SOUND_RATE, SOUND_TRACK, SYNC, VIDEO_RATE, VIDEO_TRACK, micros};
use crate::time::WallTime;

/// Behind each fragment of a dated file stands a `free` box of this size: [`CHECK_MARK`] and the CRC-32 of all bytes since the
/// last one.
pub(super) const CHECK_SIZE: usize = 16;
pub(super) const CHECK_MARK: &[u8; 4] = b"crc1";
/// Size of a `prft` box, version 1.
pub(super) const DATE_SIZE: usize = 32;

/// What a dated file's fragments are dated by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Date {
    /// When time zero was.
    pub(super) began: WallTime,
}

/// A frame or packet that waits for its fragment.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) at: u64,
    /// In the track's ticks; of video it is known once the next frame is.
    pub(super) length: u64,
    pub(super) is_key: bool,
    pub(super) data: Vec<u8>,
}

/// Appends one whole fragment with its date (14496-12 §8.16.5) and its check.
pub(super) fn dated(date: Date, sequence: u32, video: &[Sample], sound: &[Sample], out: &mut Vec<u8>) {
    let start = out.len();
    let first = match (video.first(), sound.first()) {
        (Some(sample), _) => Some((VIDEO_TRACK, VIDEO_RATE, sample.at)),
        (None, sample) => sample.map(|sample| (SOUND_TRACK, SOUND_RATE, sample.at)),
    };
    let Some((track, rate, at)) = first else { return };
    full(out, b"prft", 1, 0, |out| {
        u32(out, track);
        u64(out, WallTime(date.began.0.saturating_add(micros(at, rate))).ntp());
        u64(out, at);
    });
    fragment(sequence, video, sound, out);
    let check = crc32fast::hash(out.get(start..).unwrap_or_default());
    boxed(out, b"free", |out| {
        out.extend(CHECK_MARK);
        u32(out, check);
    });
}

/// Appends one whole fragment.
pub(super) fn fragment(sequence: u32, video: &[Sample], sound: &[Sample], out: &mut Vec<u8>) {
    let start = out.len();
    let bytes: usize = video.iter().chain(sound).map(|sample| sample.data.len()).sum();
    out.reserve(bytes + (video.len() + sound.len()) * 16 + 256);
    let mut offsets = Vec::new();
    boxed(out, b"moof", |out| {
        full(out, b"mfhd", 0, 0, |out| u32(out, sequence));
        for (track, samples) in [(VIDEO_TRACK, video), (SOUND_TRACK, sound)] {
            if let Some(first) = samples.first() {
                track_fragment(track, first.at, samples, &mut offsets, out);
            }
        }
    });
    let mut data = out.len() - start + 8;
    let mut places = offsets.into_iter();
    for samples in [video, sound] {
        if !samples.is_empty()
            && let Some(place) = places.next()
        {
            patch(out, place, u32::try_from(data).unwrap_or(u32::MAX));
            data += samples.iter().map(|sample| sample.data.len()).sum::<usize>();
        }
    }
    boxed(out, b"mdat", |out| {
        for sample in video.iter().chain(sound) {
            out.extend(&sample.data);
        }
    });
}

fn track_fragment(track: u32, at: u64, samples: &[Sample], offsets: &mut Vec<usize>, out: &mut Vec<u8>) {
    let sound = track == SOUND_TRACK;
    boxed(out, b"traf", |out| {
        // Offsets count from the `moof`.
        full(out, b"tfhd", 0, 0x2_0000, |out| u32(out, track));
        full(out, b"tfdt", 1, 0, |out| u64(out, at));
        // Data offset, durations, sizes, and for video flags.
        full(out, b"trun", 0, if sound { 0x301 } else { 0x701 }, |out| {
            u32(out, samples.len() as u32);
            offsets.push(out.len());
            u32(out, 0);
            for sample in samples {
                u32(out, u32::try_from(sample.length).unwrap_or(u32::MAX));
                u32(out, u32::try_from(sample.data.len()).unwrap_or(u32::MAX));
                if !sound {
                    u32(out, if sample.is_key { SYNC } else { NOT_SYNC });
                }
            }
        });
        if sound {
            full(out, b"sbgp", 0, 0, |out| {
                out.extend(b"roll");
                u32(out, 1);
                u32(out, samples.len() as u32);
                u32(out, 1);
            });
        }
    });
}
