//! What a picture costs on its way: converting, shrinking, encoding, and decoding what came out. Processor time of the one
//! thread that does it, so that other load on the machine counts for little.

use std::time::{Duration, Instant};

use athome_shared::time::MediaTime;
use athome_streamer::encode::convert::{Converter, Picture, Shrinker};
use athome_streamer::encode::h264::{Encoder, slow_build, suitable_bitrate};
use athome_streamer::source::{PixelFormat, RawFrame};
use bytes::Bytes;
use openh264::decoder::Decoder;

const FRAMES: u32 = 150;

fn main() {
    if let Some(why) = slow_build() {
        println!("{why}");
    }
    println!("encode: {FRAMES} frames of moving texture with noise, processor time of one thread in ms a frame");
    println!("{:>11} {:>10} {:>8} {:>8} {:>8}", "size", "step", "p50", "p95", "mean");
    for size in [(640, 360), (1280, 720), (1920, 1080)] {
        run(size);
    }
}

fn run(size: (u32, u32)) {
    let bitrate = suitable_bitrate(size.0, size.1, 30.0);
    let pictures: Vec<Picture> = (0..30).map(|n| pattern(n, size)).collect();
    let yuyv: Vec<Bytes> = pictures.iter().map(yuyv).collect();
    let (mut converter, mut shrinker) = (Converter::default(), Shrinker::default());
    let mut encoder = Encoder::new(bitrate, 30.0);
    let mut decoder = Decoder::new().expect("a decoder");
    let mut times: [Vec<Duration>; 4] = Default::default();
    let mut bytes = 0;
    for n in 0..FRAMES {
        // Forwards and backwards, so that nothing jumps.
        let at = if n / 30 % 2 == 0 { n % 30 } else { 29 - n % 30 } as usize;
        let raw = RawFrame {
            format: PixelFormat::Yuyv,
            width: size.0,
            height: size.1,
            data: yuyv[at].clone(),
            captured: Instant::now(),
            pts: MediaTime(i64::from(n) * 3_000),
        };
        let picture = timed(&mut times[0], || converter.to_i420(&raw).expect("a picture"));
        timed(&mut times[1], || shrinker.shrink(&picture));
        let frame = timed(&mut times[2], || encoder.encode(&picture, n % 90 == 0).expect("encoded"));
        let Some(frame) = frame else { continue };
        bytes += frame.data.len();
        timed(&mut times[3], || decoder.decode(&frame.data).expect("decoded").is_some());
    }
    for (step, mut times) in ["convert", "shrink", "encode", "decode"].into_iter().zip(times) {
        times.sort_unstable();
        let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
        let mean = times.iter().sum::<Duration>().as_secs_f64() * 1e3 / times.len() as f64;
        println!("{:>11} {step:>10} {:>8.2} {:>8.2} {mean:>8.2}", format!("{}x{}", size.0, size.1), at(50), at(95));
    }
    let made = bytes as f64 * 8.0 * 30.0 / f64::from(FRAMES) / 1e3;
    println!("{:>11} {made:.0} kbit/s of {} asked for", "", bitrate / 1_000);
}

/// A drifting texture under noise, with a square that crosses it: what a real room costs, or a little more.
fn pattern(n: u32, (width, height): (u32, u32)) -> Picture {
    let (w, h) = (width as usize, height as usize);
    let mut seed = 0x9e37_79b9u32 ^ n;
    let mut noise = || {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        (seed % 7) as i32 - 3
    };
    let mut data = Vec::with_capacity(w * h * 3 / 2);
    for y in 0..h {
        for x in 0..w {
            let (dx, dy) = (x + n as usize * 2, y + n as usize);
            let texture = 120.0 + 45.0 * (dx as f32 / 17.0).sin() + 35.0 * (dy as f32 / 23.0).cos();
            let at = n as usize * 9 % w;
            let square = (at..at + w / 10).contains(&x) && (h / 3..h / 2).contains(&y);
            data.push((if square { 210 } else { texture as i32 } + noise()).clamp(16, 235) as u8);
        }
    }
    data.resize(w * h * 5 / 4, 118);
    data.resize(w * h * 3 / 2, 134);
    let pts = MediaTime(i64::from(n) * 3_000);
    Picture { width, height, data: data.into(), captured: Instant::now(), pts }
}

fn yuyv(picture: &Picture) -> Bytes {
    let [y, u, v] = picture.planes();
    let w = picture.width as usize;
    let pairs = y.chunks_exact(2).enumerate().flat_map(|(n, pair)| {
        let (row, column) = (n * 2 / w, n * 2 % w);
        let chroma = row / 2 * (w / 2) + column / 2;
        [pair[0], u[chroma], pair[1], v[chroma]]
    });
    pairs.collect::<Vec<u8>>().into()
}

fn timed<T>(times: &mut Vec<Duration>, work: impl FnOnce() -> T) -> T {
    let before = thread_time();
    let result = work();
    times.push(thread_time().saturating_sub(before));
    result
}

/// Processor time of this thread.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one `timespec`, which `time` is.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) } != 0;
    assert!(!failed, "this clock is always there");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Where it can't be had cheaply, time that passes has to do.
#[cfg(not(target_os = "linux"))]
fn thread_time() -> Duration {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
