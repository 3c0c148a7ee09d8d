//! What looking at one 720p picture costs, beside OpenCV's MOG2 in the same run. Processor time of one thread, medians.

use std::time::{Duration, Instant};

use athome_streamer::motion::grid::plane;
use athome_streamer::motion::look::Looker;
use athome_streamer::motion::sample::{Layout, Sampler};
use athome_streamer::motion::wide::Wide;
use athome_streamer::motion::zones::{MIDDLE, ZoneMap};

use super::rival;

const LAYOUT: Layout = Layout { width: 1280, height: 720, stride: 1280, step: 1 };
const ROUNDS: usize = 3;

pub(crate) fn run() {
    println!("motion: one 720p picture, ms of processor time (median), {ROUNDS} rounds alternated");
    let frames = pictures();
    for round in 1..=ROUNDS {
        let ours = ours(&frames, Wide::widest());
        let portable = ours_total(&frames, Wide::portable());
        let cost = format!(
            "shrink {:.4}, look {:.4}, all {:.4}; without vector instructions {portable:.4}",
            ours[0], ours[1], ours[2]
        );
        match rival::times() {
            Some(times) => {
                let rivals: Vec<String> =
                    rival::NAMES.iter().zip(&times).map(|(name, ms)| format!("{name} {ms:.3}")).collect();
                println!(
                    "round {round}: {cost}; {}; {:.1} times faster than the first",
                    rivals.join(", "),
                    times[0] / ours[2]
                );
            }
            None => println!("round {round}: {cost}"),
        }
    }
}

fn ours_total(frames: &[Vec<u8>], wide: Wide) -> f32 {
    ours(frames, wide)[2]
}

/// Shrink, look, both.
fn ours(frames: &[Vec<u8>], wide: Wide) -> [f32; 3] {
    let (mut sampler, mut cells) = (Sampler::new(wide), plane(0));
    let mut looker = Looker::new(ZoneMap::new(&[], MIDDLE), wide, 1);
    let start = Instant::now();
    let mut times: [Vec<Duration>; 3] = Default::default();
    for n in 0..600usize {
        let luma = &frames[n % frames.len()];
        let now = start + Duration::from_millis(67) * n as u32;
        let before = thread_time();
        assert!(sampler.sample(luma, LAYOUT, &mut cells), "a picture of this size");
        let shrunk = thread_time();
        looker.handle_picture(now, &cells);
        let looked = thread_time();
        if n >= 100 {
            times[0].push(shrunk - before);
            times[1].push(looked - shrunk);
            times[2].push(looked - before);
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f32() * 1e3
    })
}

/// A still scene with noise, and a block that crosses it: as in `mog2.py`.
fn pictures() -> Vec<Vec<u8>> {
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    let mut noise = move || {
        // Twelve uniform numbers make a normal one, near enough.
        let mut sum = 0.0;
        for _ in 0..3 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            sum += (0..4).map(|n| (seed >> (n * 16)) as u16 as f32 / 65_536.0).sum::<f32>();
        }
        (sum - 6.0) * 3.0
    };
    let still: Vec<f32> = (0..1280 * 720)
        .map(|i| 110.0 + 50.0 * ((i % 1280) as f32 / 47.0).sin() + 40.0 * ((i / 1280) as f32 / 31.0).cos())
        .collect();
    let picture = |n: usize, noise: &mut dyn FnMut() -> f32| {
        let block = n * 16..n * 16 + 100;
        let at = |(i, v): (usize, &f32)| {
            let inside = block.contains(&(i % 1280)) && (300..460).contains(&(i / 1280));
            (if inside { 200.0 } else { *v } + noise()).clamp(0.0, 255.0) as u8
        };
        still.iter().enumerate().map(at).collect()
    };
    (0..64).map(|n| picture(n, &mut noise)).collect()
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
