//! What a camera costs in the window beside decoding it: taking a picture over for the graphics driver, making its colours
//! where there is none, the buffer before the loudspeaker, and writing a recording.

use std::hint::black_box;
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, Layer};
use athome_shared::media::mp4::Writer;
use athome_shared::protocol::control::Attached;
use athome_shared::protocol::wire::SlotKind;
use athome_shared::time::WallTime;
use athome_viewer::play::audio::{CHANNELS, RATE};
use athome_viewer::play::decode::Picture;
use athome_viewer::play::planes::{Colour, Planes};
use athome_viewer::play::playout::Playout;
use athome_viewer::settings::CameraKey;
use athome_viewer::store::PlaceId;

const ROUNDS: usize = 300;
/// A set of x264's for 1280x720, and a picture parameter set: enough to begin a file.
const PARAMETERS: &[u8] = &[
    0, 0, 0, 1, 0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10,
    0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x83, 0x19, 0x60, 0, 0, 0, 1, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0,
];

fn main() {
    println!("window: {ROUNDS} rounds on one thread, ms each");
    println!("{:>34} {:>8} {:>8} {:>8}", "step", "p50", "p95", "mean");
    for size in [[640, 360], [1_280, 720], [1_920, 1_080]] {
        pictures(size);
    }
    playout();
    recording();
}

fn pictures([width, height]: [usize; 2]) {
    // The decoder's rows are longer than the picture.
    let strides = [width + 64, width / 2 + 32, width / 2 + 32];
    let plane = |stride: usize, rows: usize| (0..stride * rows).map(|n| (n * 7 % 220 + 16) as u8).collect::<Vec<_>>();
    let planes = [plane(strides[0], height), plane(strides[1], height / 2), plane(strides[2], height / 2)];
    let content = Attached {
        kind: SlotKind::Video,
        slot: 0,
        camera: CameraId::slug("door"),
        layer: Layer::Full,
        epoch: 1,
        rtp: 0,
    };
    let picture = Picture {
        content: &content,
        width,
        height,
        planes: [&planes[0], &planes[1], &planes[2]],
        strides,
        colour: Colour::default(),
        is_key: false,
        rtp: 0,
        captured: None,
        received: Instant::now(),
        decoded: Instant::now(),
        coded: 10_000,
    };
    let mut taken = Planes::default();
    measure(&format!("{width}x{height} taken over"), || taken.copy(&picture).expect("whole planes"));
    let mut rgba = vec![0; width * height * 4];
    measure(&format!("{width}x{height} to colours"), || taken.to_rgba(&mut rgba).expect("converted"));
    black_box(&rgba);
}

/// A second of sound: packets of 20 ms in, buffers of 20 ms out.
fn playout() {
    let camera = CameraKey { place: PlaceId([1; 32]), camera: CameraId::slug("door") };
    let mut playout = Playout::default();
    playout.hear(Some((camera.clone(), 1.0)));
    let frames = RATE as usize / 50;
    let packet: Vec<f32> = (0..frames * CHANNELS).map(|n| (n as f32 / 15.0).sin() / 2.0).collect();
    let mut out = vec![0.0; frames * CHANNELS];
    let mut at = 0;
    measure("a second of sound played", || {
        for _ in 0..50 {
            at += 20_000;
            playout.handle_sound(&camera, &packet, Some(WallTime(at)));
            playout.fill(&mut out, RATE);
        }
    });
    black_box(&out);
}

/// A second of a recording: 30 frames of 10 KB and 50 packets of sound, into memory.
fn recording() {
    let mut key = PARAMETERS.to_vec();
    key.extend([0, 0, 0, 1, 0x65]);
    key.extend((0..40_000).map(|n| (n % 255 + 1) as u8));
    let mut other = vec![0, 0, 0, 1, 0x41];
    other.extend((0..10_000).map(|n| (n % 255 + 1) as u8));
    // 20 ms of full band in one frame (RFC 6716 §3.1).
    let sound: Vec<u8> = std::iter::once(0x78).chain((0..79).map(|n| n as u8)).collect();
    let mut writer = Writer::new(true);
    let (mut out, mut written) = (Vec::new(), 0);
    let (mut video_at, mut sound_at) = (0, 0);
    measure("a second of a recording written", || {
        for frame in 0..30 {
            writer.video(video_at, frame == 0, if frame == 0 { &key } else { &other }, &mut out);
            video_at += 3_000;
        }
        for _ in 0..50 {
            writer.sound(sound_at, &sound, &mut out);
            sound_at += 960;
        }
        written += out.len();
        out.clear();
    });
    assert!(written > ROUNDS * 250_000, "only {written} bytes came out");
}

fn measure(step: &str, mut work: impl FnMut()) {
    let mut times: Vec<Duration> = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let before = Instant::now();
        work();
        times.push(before.elapsed());
    }
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    let mean = times.iter().sum::<Duration>().as_secs_f64() * 1e3 / times.len() as f64;
    println!("{step:>34} {:>8.3} {:>8.3} {mean:>8.3}", at(50), at(95));
}
