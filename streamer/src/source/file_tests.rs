//! Clips as cameras: made here, real ones where they are (`ATHOME_MEDIA`), and damaged ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use athome_shared::media::clock::{read_clock, read_mark};
use athome_shared::media::h264::{self, nal_type};
use athome_shared::protocol::control::CameraReason;
use athome_shared::time::{MediaClock, WallTime};

use super::collect::Collect;
use super::file::Clip;
use super::test_clip::{self, SIZE};
use super::{Source, SourceError};
use crate::decode::h264::Decoder;

fn play(path: &Path, collect: &Collect) -> Result<(), SourceError> {
    let stop = collect.stop.clone();
    Clip::new(path, MediaClock::new(Instant::now(), WallTime(0))).run(collect, &stop)
}

/// Writes a file, plays it until there are that many pictures and says how it ended.
fn play_bytes(bytes: &[u8], pictures: usize) -> (Collect, Result<(), SourceError>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip");
    fs::write(&path, bytes).unwrap();
    let collect = Collect::until(pictures, 0);
    let ended = play(&path, &collect);
    (collect, ended)
}

#[test]
fn a_baseline_clip_passes_through_and_loops_without_a_seam() {
    let clip = test_clip::mkv(&test_clip::access_units(5, 5), 10);
    let (collect, ended) = play_bytes(&clip, 12);
    ended.unwrap();
    let opened = collect.opened.lock().unwrap();
    assert_eq!((opened[0].width as usize, opened[0].height as usize), SIZE);
    assert_eq!((opened[0].encoded, opened[0].audio, opened[0].fps), (true, false, 100.0));
    assert!(collect.frames.lock().unwrap().is_empty());

    let frames = collect.encoded.lock().unwrap();
    let keys: Vec<usize> = frames.iter().enumerate().filter(|(_, frame)| frame.is_key).map(|(n, _)| n).collect();
    assert_eq!(keys, [0, 5, 10]);
    assert!(frames.windows(2).all(|pair| pair[1].pts.0 - pair[0].pts.0 == 900), "10 ms apart, over the seam too");
    let mut decoder = Decoder::new().unwrap();
    for (n, frame) in frames.iter().enumerate() {
        let first = h264::nals(&frame.data).next().and_then(h264::nal_unit_type);
        assert_eq!(first == Some(nal_type::SPS), frame.is_key, "parameter sets in front of each key frame");
        let picture = decoder.decode(&frame.data).unwrap().unwrap();
        let (width, height) = SIZE;
        assert_eq!(read_clock(&picture.data, width, width, height), Some(n as u32 % 5));
        assert_eq!(read_mark(&picture.data, width, width, height), Some(77));
    }
}

#[test]
fn raw_video_plays_in_real_time_and_loops() {
    let mut clip = b"YUV4MPEG2 W6 H3 F100:1 Ip C420jpeg\n".to_vec();
    for n in 0..3u8 {
        clip.extend(b"FRAME Xwhatever\n");
        clip.extend([n; 6 * 3 + 2 * 3 * 2]);
    }
    clip.extend(b"FRAME\nhalf a fr");
    let (collect, ended) = play_bytes(&clip, 7);
    ended.unwrap();
    let frames = collect.frames.lock().unwrap();
    let numbers: Vec<u8> = frames.iter().map(|frame| frame.data[0]).collect();
    assert_eq!(numbers, [0, 1, 2, 0, 1, 2, 0]);
    assert!(frames.windows(2).all(|pair| pair[1].pts.0 - pair[0].pts.0 == 900));
    assert!(frames.iter().all(|frame| (frame.width, frame.height, frame.data.len()) == (6, 3, 30)));
}

#[test]
fn full_range_raw_video_is_brought_to_limited_range() {
    let clip = [&b"YUV4MPEG2 W2 H2 F25:1 XCOLORRANGE=FULL\nFRAME\n"[..], &[0, 255, 0, 255, 128, 255]].concat();
    let (collect, ended) = play_bytes(&clip, 1);
    ended.unwrap();
    assert_eq!(collect.frames.lock().unwrap()[0].data[..], [16, 235, 16, 235, 128, 240]);
}

#[test]
fn what_is_no_clip_is_refused_in_words() {
    let refusal = |bytes: &[u8]| {
        let (collect, ended) = play_bytes(bytes, 1);
        assert!(collect.frames.lock().unwrap().is_empty() && collect.encoded.lock().unwrap().is_empty());
        let why = ended.unwrap_err();
        assert_eq!(why.reason, CameraReason::File);
        why.detail
    };
    assert!(refusal(b"").ends_with("the file is empty"));
    assert!(refusal(b"<html>no clip</html>").contains("not a clip"));
    assert!(refusal(b"YUV4MPEG2 W640 H480 F25:1 C444\n").contains("only 4:2:0"));
    assert!(refusal(b"YUV4MPEG2 W99999 H480 F25:1\n").contains("99999"));
    assert!(refusal(b"YUV4MPEG2 W16 H16 F0:0\nFRAME\n").contains("frame rate"));
    assert!(refusal(b"YUV4MPEG2 W16 H16 F25:1 It\n").contains("interlaced"));
    assert!(refusal(b"YUV4MPEG2 W16 H16 F25:1\nFRAME\nshort").contains("no whole picture"));
    let whole = test_clip::mkv(&test_clip::access_units(1, 1), 10);
    let other = whole.windows(15).position(|window| window == b"V_MPEG4/ISO/AVC").unwrap();
    let mut vp9 = whole.clone();
    vp9[other..other + 15].copy_from_slice(b"V_VP9\0\0\0\0\0\0\0\0\0\0");
    assert!(refusal(&vp9).contains("its video is VP9; only H.264"));
    let missing = play(Path::new("/no/such/clip.mp4"), &Collect::until(1, 0)).unwrap_err();
    assert_eq!(missing.detail, "/no/such/clip.mp4: there is no such file");
    assert!(play(&std::env::temp_dir(), &Collect::until(1, 0)).unwrap_err().detail.contains("folder"));
}

#[test]
fn a_clip_cut_or_bent_anywhere_ends_in_pictures_or_words() {
    let whole = test_clip::mkv(&test_clip::access_units(2, 1), 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mkv");
    let mut played = 0;
    let mut check = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let collect = Collect::until(1, 0);
        match play(&path, &collect) {
            Ok(()) => played += 1,
            Err(why) => assert!(matches!(why.reason, CameraReason::File), "{why}"),
        }
    };
    for cut in (0..whole.len()).step_by(7) {
        check(&whole[..cut]);
    }
    for at in 0..300.min(whole.len()) {
        let mut bent = whole.clone();
        bent[at] ^= 0xff;
        check(&bent);
    }
    assert!(played > 10, "damage behind the first picture does not hurt: {played}");
}

/// The folder of real clips, or a visible skip.
fn media(file: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = std::env::var_os("ATHOME_MEDIA").map_or_else(|| root.join("../shared/media"), PathBuf::from);
    let path = folder.join(file);
    if !path.is_file() {
        eprintln!("SKIP: no real clips: {} is missing; set ATHOME_MEDIA", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn a_real_baseline_clip_passes_through_with_its_sound() {
    let Some(path) = media("intel_car-detection.mp4") else { return };
    let collect = Collect::until(8, 20);
    play(&path, &collect).unwrap();
    let opened = collect.opened.lock().unwrap();
    assert_eq!((opened[0].width, opened[0].height, opened[0].fps), (768, 432, 12.5));
    assert!(opened[0].encoded && opened[0].audio);
    assert!(collect.encoded.lock().unwrap()[0].is_key);
    let blocks = collect.blocks.lock().unwrap();
    // AAC packets of 1024 samples at 48 kHz: 1920 ticks from one to the next.
    assert!(blocks.windows(2).all(|pair| (pair[1].pts.0 - pair[0].pts.0 - 1920).abs() <= 1));
    assert!(blocks.iter().all(|block| block.channels == 2));
}

#[test]
fn real_clips_with_b_frames_are_decoded_in_order_of_showing() {
    for (file, size) in [
        ("dvrscan_traffic_camera.mp4", (1280, 720)),
        ("intel_bottle-detection.mp4", (640, 360)),
        ("asl_faces/again.mkv", (640, 480)),
    ] {
        let Some(path) = media(file) else { return };
        let collect = Collect::until(20, 0);
        play(&path, &collect).unwrap();
        assert!(!collect.opened.lock().unwrap()[0].encoded, "{file}");
        let frames = collect.frames.lock().unwrap();
        assert!(frames.iter().all(|frame| (frame.width, frame.height) == size), "{file}");
        assert!(frames.windows(2).all(|pair| pair[0].pts < pair[1].pts), "{file}");
        // Pictures in the wrong order jump back and forth: neighbours differ less than every other one.
        let luma = (size.0 * size.1) as usize;
        let differ = |a: usize, b: usize| -> u64 {
            let pairs = frames[a].data[..luma].iter().zip(&frames[b].data[..luma]).step_by(7);
            pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum()
        };
        let next: u64 = (0..18).map(|n| differ(n, n + 1)).sum();
        let over: u64 = (0..18).map(|n| differ(n, n + 2)).sum();
        assert!(next < over, "{file}: {next} {over}");
    }
}
