use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, Layer};
use athome_shared::peer::ReceivedFrame;
use athome_shared::protocol::control::Attached;
use athome_shared::protocol::wire::SlotKind;
use athome_shared::time::WallTime;
use bytes::Bytes;
use openh264::encoder::Encoder;
use openh264::formats::YUVBuffer;

use super::Recorder;
use super::timeline::Timelines;

const SIZE: (usize, usize) = (320, 192);

fn content(kind: SlotKind, epoch: u32) -> Attached {
    Attached { kind, slot: 0, camera: CameraId::slug("door"), layer: Layer::Full, epoch, rtp: 0 }
}

fn frame(kind: SlotKind, rtp: u32, captured_us: i64, is_key: bool, data: Bytes) -> ReceivedFrame {
    let captured = Some(WallTime(captured_us));
    ReceivedFrame { kind, mid: "0".to_owned(), rtp, is_key, captured, received: Instant::now(), data, missing: 0 }
}

/// Five seconds of a moving picture and a tone, recorded; frames 60 and 61 were lost on the way.
fn record(path: &Path) {
    let mut recorder = Recorder::create_new(path).unwrap();
    let mut encoder = Encoder::new().unwrap();
    let mut opus = opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::LowDelay).unwrap();
    let mut heard = 0_u32;
    for n in 0..150_u32 {
        let mut data = vec![128; SIZE.0 * SIZE.1 * 3 / 2];
        for (at, luma) in data.iter_mut().take(SIZE.0 * SIZE.1).enumerate() {
            *luma = (at as u32 + n * 7) as u8;
        }
        if n % 30 == 0 {
            encoder.force_intra_frame();
        }
        let unit = encoder.encode(&YUVBuffer::from_vec(data, SIZE.0, SIZE.1)).unwrap().to_vec();
        let at = 1_000_000 + i64::from(n) * 100_000 / 3;
        let mut video = frame(SlotKind::Video, n.wrapping_mul(3_000).wrapping_sub(9_000), at, n % 30 == 0, unit.into());
        if n == 60 || n == 61 {
            continue;
        }
        video.missing = u16::from(n == 62) * 2;
        recorder.push(&content(SlotKind::Video, 1), &video);
        while heard * 960 < n * 1_600 {
            let tone: Vec<f32> = (0..960).map(|i| (i as f32 * 0.13).sin() * 0.3).collect();
            let packet = opus.encode_vec_float(&tone, 400).unwrap();
            let at = 1_000_000 + i64::from(heard) * 20_000;
            let rtp = heard.wrapping_mul(960).wrapping_add(77);
            recorder.push(&content(SlotKind::Audio, 1), &frame(SlotKind::Audio, rtp, at, true, packet.into()));
            heard += 1;
        }
    }
    recorder.finish().unwrap();
}

/// What a program says, or `None` (said on standard error) where it is not installed.
fn run(program: &str, arguments: &[&str], file: &Path) -> Option<String> {
    match Command::new(program)
        .args(arguments)
        .arg(file)
        .args(["-f", "null", "-"].iter().skip(if program == "ffprobe" { 3 } else { 0 }))
        .output()
    {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            assert!(output.status.success() && said.is_empty(), "{program}: {said}");
            Some(String::from_utf8(output.stdout).unwrap())
        }
        Err(error) => {
            eprintln!("SKIP: {program} can't be run ({error})");
            None
        }
    }
}

/// Video frames and sound packets that `ffprobe` finds.
fn packets(file: &Path) -> Option<(usize, usize)> {
    let arguments = ["-v", "error", "-show_entries", "packet=codec_type", "-of", "csv=p=0"];
    let said = run("ffprobe", &arguments, file)?;
    let count = |kind| said.lines().filter(|line| line.trim_end_matches(',') == kind).count();
    Some((count("video"), count("audio")))
}

#[test]
fn other_programs_play_a_recording_with_its_sound_from_start_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("clip.mp4");
    record(&file);
    let Some((video, sound)) = packets(&file) else { return };
    // From frame 62 on nothing is taken before the key frame 90.
    assert_eq!(video, 60 + 60);
    assert_eq!(sound, 249);
    assert!(run("ffmpeg", &["-v", "error", "-i"], &file).is_some());
    let said = run(
        "ffprobe",
        &["-v", "error", "-show_entries", "stream=codec_name,width,start_time", "-of", "csv=p=0"],
        &file,
    );
    let said = said.unwrap();
    assert!(said.contains("h264,320") && said.contains("opus"), "{said}");
}

#[test]
fn a_file_that_was_cut_anywhere_plays_up_to_its_last_whole_fragment() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("clip.mp4");
    record(&file);
    let whole = std::fs::read(&file).unwrap();
    let (mut random, mut last) = (12_345_u64, 0);
    let mut cuts: Vec<usize> = (0..6)
        .map(|_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            2_000 + (random >> 33) as usize % (whole.len() - 2_000)
        })
        .collect();
    cuts.sort_unstable();
    for cut in cuts {
        std::fs::write(&file, &whole[..cut]).unwrap();
        let arguments = ["-v", "fatal", "-show_entries", "packet=codec_type", "-of", "csv=p=0"];
        let Some(said) = run("ffprobe", &arguments, &file) else { return };
        let video = said.lines().filter(|line| line.starts_with("video")).count();
        assert!(video >= last, "cut at {cut}: {video} frames, after {last}");
        last = video;
    }
    assert!(last >= 30, "the latest cut left only {last} frames");
}

#[test]
fn a_full_disk_is_reported_at_the_end() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        eprintln!("SKIP: this system has no /dev/full");
        return;
    };
    let mut recorder = Recorder::start(full).unwrap();
    let mut encoder = Encoder::new().unwrap();
    let picture = YUVBuffer::from_vec(vec![128; SIZE.0 * SIZE.1 * 3 / 2], SIZE.0, SIZE.1);
    let unit = encoder.encode(&picture).unwrap().to_vec();
    recorder.push(&content(SlotKind::Video, 1), &frame(SlotKind::Video, 0, 0, true, unit.into()));
    assert!(recorder.finish().is_err());
}

#[test]
fn video_and_sound_meet_by_when_they_were_captured() {
    let mut times = Timelines::default();
    let (video, sound) = (content(SlotKind::Video, 1), content(SlotKind::Audio, 1));
    let v = |rtp, at| frame(SlotKind::Video, rtp, at, true, Bytes::new());
    let s = |rtp, at| frame(SlotKind::Audio, rtp, at, true, Bytes::new());
    assert_eq!(times.at(&sound, &s(0, 0), 48_000), None, "before the first picture");
    let first = v(u32::MAX - 999, 5_000_000);
    times.begin(&first);
    assert_eq!(times.at(&video, &first, 90_000), Some(0));
    assert_eq!(times.at(&sound, &s(70_000, 4_990_000), 48_000), None);
    assert_eq!(times.at(&sound, &s(70_960, 5_010_000), 48_000), Some(480));
    // Counted through the wrap; the capture time's jitter does not show.
    assert_eq!(times.at(&video, &v(2_000, 5_036_000), 90_000), Some(3_000));
    // Another content counts from elsewhere.
    let next = content(SlotKind::Video, 2);
    assert_eq!(times.at(&next, &v(900_000_000, 6_000_000), 90_000), Some(90_000));
    // A clock that was off by more than 100 ms is set anew.
    assert_eq!(times.at(&sound, &s(70_960 + 48_000, 6_510_000), 48_000), Some(72_480));
    // Without capture times reception decides where to begin, and counting how it goes on.
    let mut bare = Timelines::default();
    let mut frame = v(0, 0);
    frame.captured = None;
    bare.begin(&frame);
    frame.received += Duration::from_secs(1);
    assert_eq!(bare.at(&video, &frame, 90_000), Some(90_000));
}
