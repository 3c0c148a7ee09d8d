use std::io::Cursor;

use super::super::tests::{OTHER, PACKET, key};
use super::super::{Patch, Writer};
use super::{Depth, Kind, Movie, ReadError, ends, load, scan};
use crate::time::WallTime;

const BEGAN: WallTime = WallTime(1_794_000_000_250_000);
/// Written by [`clip`]: a change of these bytes is a change of what lies on people's disks.
const GOLDEN: &[u8] = include_bytes!("golden.mp4");

fn apply(file: &mut [u8], patches: &[Patch]) {
    for Patch { place, bytes } in patches {
        let place = *place as usize;
        file[place..place + bytes.len()].copy_from_slice(bytes);
    }
}

/// Frames at 30 fps with a key frame each second, and sound; without what the end of a recording does to it, if not `finished`.
fn clip(frames: u64, finished: bool) -> Vec<u8> {
    let (mut writer, mut out, mut heard) = (Writer::dated(true, BEGAN), Vec::new(), 0);
    let key = key();
    for n in 0..frames {
        let is_key = n % 30 == 0;
        writer.video(n * 3_000, is_key, if is_key { &key } else { OTHER }, &mut out);
        while heard * 960 < n * 1_600 {
            writer.sound(heard * 960, PACKET, &mut out);
            heard += 1;
        }
    }
    if finished {
        let patches = writer.finish(&mut out);
        apply(&mut out, &patches);
    }
    out
}

fn whole(file: &[u8]) -> Movie {
    scan(&mut Cursor::new(file), Depth::Whole).expect("ours")
}

/// What a recovery makes of a file.
fn mend(file: &[u8]) -> Vec<u8> {
    let movie = whole(file);
    let (tail, patches) = movie.completion();
    let mut mended = [&file[..movie.good as usize], &tail].concat();
    apply(&mut mended, &patches);
    mended
}

#[test]
fn the_bytes_of_a_dated_file_are_these() {
    let out = clip(31, true);
    if std::env::var_os("ATHOME_WRITE_GOLDEN").is_some() {
        std::fs::write("src/media/mp4/read/golden.mp4", &out).expect("written");
    }
    assert!(out == GOLDEN, "{} bytes where {} are golden", out.len(), GOLDEN.len());
}

#[test]
fn a_finished_file_says_all_that_went_in() {
    let file = clip(200, true);
    let movie = whole(&file);
    assert!(movie.finished && movie.sound);
    assert_eq!((movie.width, movie.height, movie.began), (176, 144, Some(BEGAN)));
    assert_eq!(movie.end(), 200 * 3_000);
    assert_eq!(movie.wall(90_000), Some(WallTime(BEGAN.0 + 1_000_000)));
    assert_eq!(movie, scan(&mut Cursor::new(&file), Depth::Outline).expect("ours"));
    let (mut frames, mut packets) = (0, 0);
    for fragment in &movie.fragments {
        for sample in load(&mut Cursor::new(&file), fragment).expect("whole") {
            match sample.kind {
                Kind::Video => {
                    assert_eq!((sample.at, sample.is_key), (frames * 3_000, frames % 30 == 0));
                    // As it went in, but for the delimiter and the length of a start code.
                    let data = [0, 0, 0, 1, 0x67];
                    assert!(if sample.is_key { sample.data.starts_with(&data) } else { sample.data == OTHER });
                    frames += 1;
                }
                Kind::Sound => {
                    assert_eq!((sample.at, sample.data.as_slice()), (packets * 960, PACKET));
                    packets += 1;
                }
            }
        }
        let video = fragment.video.expect("pictures in each");
        assert!(video.end - video.at <= 90_000, "a second at most");
    }
    assert_eq!((frames, packets), (200, 332));
}

#[test]
fn a_file_cut_anywhere_is_good_up_to_its_last_whole_fragment_and_can_be_finished() {
    let file = clip(100, true);
    let full = whole(&file);
    let first = full.fragments[0].place as usize;
    for cut in 0..file.len() {
        let part = &file[..cut];
        if cut < first {
            assert!(matches!(scan(&mut Cursor::new(part), Depth::Whole), Err(ReadError::Foreign)), "{cut}");
            continue;
        }
        let movie = whole(part);
        let expected = full.fragments.iter().filter(|f| f.place + f.length <= cut as u64).count();
        assert_eq!((movie.fragments.len(), movie.finished), (expected, false), "{cut}");
        if cut % 97 == 0 {
            let mended = whole(&mend(part));
            assert!(mended.finished);
            assert_eq!(mended.fragments, movie.fragments);
        }
    }
}

#[test]
fn zeros_are_no_frame_wherever_they_begin() {
    let file = clip(100, false);
    let full = whole(&file);
    let first = full.fragments[0].place as usize;
    for from in (first..file.len()).step_by(7) {
        let mut zeroed = file.clone();
        zeroed[from..].fill(0);
        // Some bytes were zero before.
        let from = file.iter().zip(&zeroed).position(|(before, after)| before != after).unwrap_or(file.len());
        let movie = whole(&zeroed);
        let expected = full.fragments.iter().filter(|f| f.place + f.length <= from as u64).count();
        assert_eq!((movie.fragments.len(), movie.finished), (expected, false), "{from}");
    }
    // The control: where the boxes are whole and their frames are zeros, only the checks tell.
    let phantom = (first..file.len()).step_by(7).any(|from| {
        let mut zeroed = file.clone();
        let until = full.fragments.iter().map(|f| (f.place + f.length) as usize).find(|end| *end > from + 20);
        zeroed[from..until.unwrap_or(from) - 16].fill(0);
        let outline = scan(&mut Cursor::new(&zeroed), Depth::Outline).expect("ours");
        outline.fragments.len() > whole(&zeroed).fragments.len()
    });
    assert!(phantom);
}

#[test]
fn the_ends_of_a_finished_file_say_what_it_is_and_an_unfinished_one_says_nothing() {
    let file = clip(100, true);
    let full = whole(&file);
    let said = ends(&mut Cursor::new(&file)).expect("read").expect("finished");
    assert_eq!((said.began, said.ended), (BEGAN, WallTime(BEGAN.0 + 3_333_000)));
    assert_eq!((said.width, said.height, said.sound, said.first), (176, 144, true, full.fragments[0]));
    let none = |file: &[u8]| ends(&mut Cursor::new(file)).is_ok_and(|ends| ends.is_none());
    assert!(none(&clip(100, false)));
    for cut in full.good as usize..file.len() {
        assert!(none(&file[..cut]), "{cut}");
    }
    let mut zeroed = file.clone();
    let end = file.len() - 40;
    zeroed[end..].fill(0);
    assert!(none(&zeroed));
    let mut young = file;
    young[full.layout.duration.expect("dated") as usize..][..8].fill(0);
    assert!(none(&young));
}

#[test]
fn one_changed_byte_ends_the_good_part_before_it() {
    let file = clip(100, true);
    let full = whole(&file);
    for at in (full.fragments[0].place as usize..full.good as usize).step_by(11) {
        let mut changed = file.clone();
        changed[at] ^= 0x10;
        let movie = whole(&changed);
        let expected = full.fragments.iter().filter(|f| f.place + f.length <= at as u64).count();
        assert_eq!(movie.fragments.len(), expected, "byte {at}");
        assert!(!movie.finished);
    }
}

#[test]
fn a_beginning_that_was_half_written_is_written_anew() {
    let file = clip(100, true);
    let full = whole(&file);
    let room = full.layout.room.expect("dated") as usize;
    let mut torn = file.clone();
    torn[room + 2..room + 900].fill(0xff);
    torn[full.layout.duration.expect("dated") as usize..][..8].fill(0);
    let movie = whole(&torn);
    assert_eq!((movie.fragments.len(), movie.finished), (full.fragments.len(), false));
    assert!(mend(&torn) == file);
}

#[test]
fn the_index_at_the_beginning_leads_to_key_frames_even_of_a_long_file() {
    let file = clip(30 * 700, true);
    let movie = whole(&file);
    let room = movie.layout.room.expect("dated") as usize;
    let u32_at = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().expect("four"));
    assert_eq!(&file[room + 4..room + 8], b"sidx");
    let (size, count) = (u32_at(room) as usize, (u32_at(room + 36) & 0xffff) as usize);
    let first_offset = u32_at(room + 32) as usize;
    assert!((200..=337).contains(&count), "{count}");
    let (mut place, mut at) = (room + size + first_offset, 0);
    for n in 0..count {
        let fragment = movie.fragments.iter().find(|f| f.place as usize == place).expect("a fragment begins there");
        let video = fragment.video.expect("pictures");
        assert!(video.key && video.at == at, "entry {n}");
        place += u32_at(room + 40 + n * 12) as usize;
        at += u64::from(u32_at(room + 44 + n * 12));
    }
    assert_eq!((place as u64, at), (movie.good, movie.end()));
    // The box behind it fills the room exactly.
    assert_eq!(&file[room + size + 4..room + size + 8], b"free");
    assert_eq!(size + u32_at(room + size) as usize, 4_096);
}

#[test]
fn the_desktop_apps_recordings_are_read_as_well_and_foreign_files_are_not() {
    let (mut writer, mut out) = (Writer::new(false), Vec::new());
    for n in 0..40 {
        let unit = if n == 0 { key() } else { OTHER.to_vec() };
        writer.video(n * 3_000, n == 0, &unit, &mut out);
    }
    assert!(writer.finish(&mut out).is_empty());
    let movie = whole(&out);
    assert!(movie.finished && movie.began.is_none() && !movie.sound);
    assert_eq!(movie.end(), 40 * 3_000);
    for foreign in [&b""[..], b"\0\0\0\0", &[0; 5_000], b"\0\0\0\x08ftyp\0\0\0\x08moov", b"RIFF....AVI LIST"] {
        assert!(matches!(scan(&mut Cursor::new(foreign), Depth::Whole), Err(ReadError::Foreign)));
    }
}
