//! A fragment: `moof`, which says where and when the samples are, and `mdat`, which holds them. And the index at the end.

use super::boxes::{boxed, full, patch, u32, u64};
use super::{NOT_SYNC, SOUND_TRACK, SYNC, VIDEO_TRACK};

/// A frame or packet that waits for its fragment.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) at: u64,
    /// In the track's ticks; of video it is known once the next frame is.
    pub(super) length: u64,
    pub(super) is_key: bool,
    pub(super) data: Vec<u8>,
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

/// `mfra`: where the key frames are.
pub(super) fn index(entries: &[(u64, u64)], out: &mut Vec<u8>) {
    let start = out.len();
    boxed(out, b"mfra", |out| {
        full(out, b"tfra", 1, 0, |out| {
            u32(out, VIDEO_TRACK);
            // One byte each for the numbers of track fragment, run and sample.
            u32(out, 0);
            u32(out, entries.len() as u32);
            for (time, place) in entries {
                u64(out, *time);
                u64(out, *place);
                out.extend([1, 1, 1]);
            }
        });
        full(out, b"mfro", 0, 0, |out| u32(out, 0));
    });
    let size = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    let at = out.len() - 4;
    patch(out, at, size);
}
