//! What stands at the beginning of a file: `ftyp` and `moov`, without any sample.

use super::boxes::{boxed, full, u16, u32, u64};
use super::finish::{self, Layout};
use super::{SOUND_RATE, SOUND_TRACK, VIDEO_RATE, VIDEO_TRACK};
use crate::media::h264::{Sps, parse_sps};
use crate::time::WallTime;

/// Seconds from 1904, from which MP4 counts, to 1970.
pub(super) const SINCE_1904: i64 = 2_082_844_800;
/// The brand of a dated file: says that its fragments carry checks.
pub(super) const BRAND: &[u8; 4] = b"athm";

/// Unity matrix of `mvhd` and `tkhd`.
const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
/// `und`, packed (14496-12 §8.4.2).
const LANGUAGE: u16 = 0x55c4;
/// Packets of 20 ms that an Opus decoder needs before it sounds right: 80 ms (Opus in ISOBMFF §4.3.6.2).
const ROLL: i16 = -4;
/// Channels that every Opus packet can be decoded to.
const CHANNELS: u8 = 2;

/// `ftyp` and `moov` of a stream with these parameter sets, at the beginning of a file; dated with a time at which it began.
pub(super) fn header(out: &mut Vec<u8>, sps: &[u8], pps: &[u8], sound: bool, began: Option<WallTime>) -> Layout {
    let (start, mut layout) = (out.len(), Layout::default());
    boxed(out, b"ftyp", |out| {
        out.extend(b"iso6");
        u32(out, 0);
        out.extend(b"iso6mp41");
        if began.is_some() {
            out.extend(BRAND);
        }
    });
    boxed(out, b"moov", |out| {
        full(out, b"mvhd", u8::from(began.is_some()), 0, |out| {
            match began {
                Some(began) => {
                    let seconds = began.0.div_euclid(1_000_000).saturating_add(SINCE_1904).unsigned_abs();
                    u64(out, seconds);
                    u64(out, seconds);
                    u32(out, 1000);
                    u64(out, 0);
                }
                None => [0, 0, 1000, 0].iter().for_each(|value| u32(out, *value)),
            }
            [0x1_0000, 0x100_0000, 0, 0].iter().for_each(|value| u32(out, *value));
            MATRIX.iter().for_each(|value| u32(out, *value));
            out.extend([0; 24]);
            u32(out, SOUND_TRACK + 1);
        });
        video(out, sps, pps);
        if sound {
            self::sound(out);
        }
        boxed(out, b"mvex", |out| {
            if began.is_some() {
                full(out, b"mehd", 1, 0, |out| {
                    layout.duration = Some((out.len() - start) as u64);
                    u64(out, 0);
                });
            }
            trex(out, VIDEO_TRACK);
            if sound {
                trex(out, SOUND_TRACK);
            }
        });
    });
    if began.is_some() {
        layout.room = Some((out.len() - start) as u64);
        finish::empty(out);
    }
    layout
}

fn trex(out: &mut Vec<u8>, track: u32) {
    full(out, b"trex", 0, 0, |out| [track, 1, 0, 0, super::SYNC].iter().for_each(|value| u32(out, *value)));
}

fn video(out: &mut Vec<u8>, sps: &[u8], pps: &[u8]) {
    let (width, height) = parse_sps(sps).map_or((0, 0), |Sps { width, height, .. }| (width, height));
    let media = |out: &mut Vec<u8>| {
        full(out, b"vmhd", 0, 1, |out| out.extend([0; 8]));
        samples(
            out,
            |out| {
                boxed(out, b"avc3", |out| {
                    out.extend([0, 0, 0, 0, 0, 0, 0, 1]);
                    out.extend([0; 16]);
                    u16(out, u16::try_from(width).unwrap_or(0));
                    u16(out, u16::try_from(height).unwrap_or(0));
                    u32(out, 0x48_0000);
                    u32(out, 0x48_0000);
                    u32(out, 0);
                    u16(out, 1);
                    out.extend([0; 32]);
                    u16(out, 24);
                    u16(out, 0xffff);
                    boxed(out, b"avcC", |out| avc_config(out, sps, pps));
                });
            },
            |_| {},
        );
    };
    track(out, VIDEO_TRACK, (width, height), VIDEO_RATE, b"vide", media);
}

/// 14496-15 §5.3.3.1.
fn avc_config(out: &mut Vec<u8>, sps: &[u8], pps: &[u8]) {
    let [profile, constraints, level] = sps.get(1..4).and_then(|b| b.try_into().ok()).unwrap_or_default();
    out.extend([1, profile, constraints, level, 0xff, 0xe1]);
    set(out, sps);
    out.push(1);
    set(out, pps);
    if matches!(profile, 100 | 110 | 122 | 144) {
        // 4:2:0 in 8 bits, and no SPS extension: nothing else is received or decoded here.
        out.extend([0xfd, 0xf8, 0xf8, 0]);
    }
}

fn set(out: &mut Vec<u8>, set: &[u8]) {
    let len = u16::try_from(set.len()).unwrap_or(0);
    u16(out, len);
    out.extend(set.iter().take(usize::from(len)));
}

fn sound(out: &mut Vec<u8>) {
    let media = |out: &mut Vec<u8>| {
        full(out, b"smhd", 0, 0, |out| out.extend([0; 4]));
        let entry = |out: &mut Vec<u8>| {
            boxed(out, b"Opus", |out| {
                out.extend([0, 0, 0, 0, 0, 0, 0, 1]);
                out.extend([0; 8]);
                u16(out, CHANNELS.into());
                u16(out, 16);
                u32(out, 0);
                u32(out, SOUND_RATE << 16);
                boxed(out, b"dOps", |out| {
                    out.extend([0, CHANNELS]);
                    // No pre-skip: recordings begin within a stream, and times are those of capture.
                    u16(out, 0);
                    u32(out, SOUND_RATE);
                    out.extend([0; 3]);
                });
            });
        };
        let roll = |out: &mut Vec<u8>| {
            full(out, b"sgpd", 1, 0, |out| {
                out.extend(b"roll");
                u32(out, 2);
                u32(out, 1);
                out.extend(ROLL.to_be_bytes());
            });
        };
        samples(out, entry, roll);
    };
    track(out, SOUND_TRACK, (0, 0), SOUND_RATE, b"soun", media);
}

fn track(
    out: &mut Vec<u8>,
    id: u32,
    (width, height): (u32, u32),
    rate: u32,
    kind: &[u8; 4],
    media: impl FnOnce(&mut Vec<u8>),
) {
    boxed(out, b"trak", |out| {
        full(out, b"tkhd", 0, 3, |out| {
            [0, 0, id, 0, 0, 0, 0, 0].iter().for_each(|value| u32(out, *value));
            u16(out, if kind == b"soun" { 0x100 } else { 0 });
            u16(out, 0);
            MATRIX.iter().for_each(|value| u32(out, *value));
            u32(out, width << 16);
            u32(out, height << 16);
        });
        boxed(out, b"mdia", |out| {
            full(out, b"mdhd", 0, 0, |out| {
                [0, 0, rate, 0].iter().for_each(|value| u32(out, *value));
                u16(out, LANGUAGE);
                u16(out, 0);
            });
            full(out, b"hdlr", 0, 0, |out| {
                u32(out, 0);
                out.extend(kind);
                out.extend([0; 13]);
            });
            boxed(out, b"minf", |out| {
                media(out);
            });
        });
    });
}

/// `dinf` and an empty sample table with one description.
fn samples(out: &mut Vec<u8>, entry: impl FnOnce(&mut Vec<u8>), groups: impl FnOnce(&mut Vec<u8>)) {
    boxed(out, b"dinf", |out| {
        full(out, b"dref", 0, 0, |out| {
            u32(out, 1);
            full(out, b"url ", 0, 1, |_| {});
        });
    });
    boxed(out, b"stbl", |out| {
        full(out, b"stsd", 0, 0, |out| {
            u32(out, 1);
            entry(out);
        });
        full(out, b"stts", 0, 0, |out| u32(out, 0));
        full(out, b"stsc", 0, 0, |out| u32(out, 0));
        full(out, b"stsz", 0, 0, |out| out.extend([0; 8]));
        full(out, b"stco", 0, 0, |out| u32(out, 0));
        groups(out);
    });
}
