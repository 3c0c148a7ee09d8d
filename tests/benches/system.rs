//! The whole system on one machine: 720p30 over loopback, the streamer as a process of its own, viewers in this one.
//! Prints a table on standard error and one JSON object on standard output. About two minutes.
//!
//! Ratios compare within this run; process CPU time is in percent of one core.

use std::time::{Duration, Instant};

use anyhow::Context;
use athome_tests::child::Streamer;
use athome_tests::process::{Usage, usage};
use athome_tests::viewer::{Blind, Device};
use athome_tests::{bare, figures};
use serde_json::json;

const SIZE: (u32, u32) = (1280, 720);
const FPS: u32 = 30;
/// Latency is looked at this often, for this long.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(4);
/// How long CPU is looked at.
const WATCH: Duration = Duration::from_secs(8);
const OPENS: usize = 10;
const CROWDS: [usize; 3] = [1, 4, 16];
const CHURN: usize = 100;

fn main() -> anyhow::Result<()> {
    // cargo passes --bench; a filter that does not name us means another bench.
    if std::env::args().skip(1).any(|arg| !arg.starts_with('-') && !"system".contains(&arg)) {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run())
}

async fn run() -> anyhow::Result<()> {
    let streamer = Streamer::start(SIZE, FPS)?;
    let invitation = streamer.invite(CROWDS[CROWDS.len() - 1] as u16)?;
    let mut devices = Vec::new();
    for n in 0..CROWDS[CROWDS.len() - 1] {
        let device = Device::new();
        device.pair(&invitation, &format!("viewer {n}")).await.context("pairing a viewer")?;
        devices.push(device);
    }

    // Turn by turn, so that both meet the same machine; an unwatched streamer encodes nothing meanwhile.
    let (mut bare, mut latency, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let alone = tokio::task::spawn_blocking(|| bare::encode_and_decode(SIZE, FPS as f32, ROUND)).await?;
        let live = live(&devices[0]).await;
        ratios.push(figures::at(0.5, &live) / figures::at(0.5, &alone));
        bare.extend(alone);
        latency.extend(live);
    }
    ratios.sort_by(f64::total_cmp);
    let opens = opens(&devices[0]).await;
    let crowds = crowds(&streamer, &devices).await?;
    let churn = churn(&streamer, &devices[0]).await?;

    let (bare_p50, live_p50) = (figures::at(0.5, &bare), figures::at(0.5, &latency));
    let slope = |of: fn(&Crowd) -> f64| {
        let (one, many) = (&crowds[0], &crowds[crowds.len() - 1]);
        (of(many) - of(one)) / (many.viewers - one.viewers) as f64
    };
    let result = json!({
        "bench": "system",
        "size": format!("{}x{}", SIZE.0, SIZE.1),
        "fps": FPS,
        "build": if cfg!(debug_assertions) { "dev" } else { "release" },
        "bare_encode_decode_ms": { "p50": bare_p50, "p95": figures::at(0.95, &bare), "frames": bare.len() },
        "capture_to_decoded_ms": { "p50": live_p50, "p95": figures::at(0.95, &latency), "frames": latency.len() },
        "capture_to_decoded_ratio_p50": round(ratios[ROUNDS / 2]),
        "capture_to_decoded_ratios": ratios.iter().map(|r| round(*r)).collect::<Vec<_>>(),
        "open_to_first_picture_ms": {
            "p50": figures::at(0.5, &opens), "min": figures::at(0.0, &opens), "max": figures::at(1.0, &opens),
        },
        "streamer": crowds.iter().map(|c| json!({
            "viewers": c.viewers, "cpu_percent": round(c.cpu_percent), "rss_mb": round(c.rss_mb), "fps": round(c.fps),
        })).collect::<Vec<_>>(),
        "cpu_percent_for_each_viewer": round(slope(|c| c.cpu_percent)),
        "rss_mb_for_each_viewer": round(slope(|c| c.rss_mb)),
        "churn": churn.iter().map(|(after, u)| json!({
            "after": after, "rss_mb": round(mb(u)), "descriptors": u.descriptors, "threads": u.threads,
        })).collect::<Vec<_>>(),
    });
    table(&result, &crowds, &churn);
    println!("{result}");
    Ok(())
}

/// Capture to decoded of one viewer that decodes.
async fn live(device: &Device) -> Vec<Duration> {
    let viewer = device.watch();
    viewer.see(30).await;
    let from = viewer.count();
    tokio::time::sleep(ROUND).await;
    let seen = viewer.seen();
    viewer.leave().await;
    seen.iter().skip(from).filter_map(|s| s.latency).collect()
}

/// Opening a paired place, from nothing to the first decoded picture.
async fn opens(device: &Device) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..OPENS {
        let start = Instant::now();
        let viewer = device.watch();
        viewer.see(1).await;
        if let Some(first) = viewer.seen().first() {
            times.push(first.at.saturating_duration_since(start));
        }
        viewer.leave().await;
    }
    times
}

struct Crowd {
    viewers: usize,
    cpu_percent: f64,
    rss_mb: f64,
    /// Frames a second that the viewers received, on average.
    fps: f64,
}

/// The streamer's CPU and memory with several viewers, which receive and do not decode.
async fn crowds(streamer: &Streamer, devices: &[Device]) -> anyhow::Result<Vec<Crowd>> {
    let mut viewers: Vec<Blind> = Vec::new();
    let mut crowds = Vec::new();
    for size in CROWDS {
        for device in devices.iter().take(size).skip(viewers.len()) {
            let viewer = Blind::watch(device);
            viewer.receive(30).await;
            viewers.push(viewer);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let frames = |viewers: &[Blind]| viewers.iter().map(Blind::frames).sum::<u64>();
        let (start, before, frames_before) = (Instant::now(), look(streamer)?, frames(&viewers));
        tokio::time::sleep(WATCH).await;
        let (wall, after) = (start.elapsed().as_secs_f64(), look(streamer)?);
        crowds.push(Crowd {
            viewers: size,
            cpu_percent: (after.cpu - before.cpu).as_secs_f64() / wall * 100.0,
            rss_mb: mb(&after),
            fps: (frames(&viewers) - frames_before) as f64 / wall / size as f64,
        });
    }
    for viewer in viewers {
        viewer.leave().await;
    }
    Ok(crowds)
}

/// Connects and disconnects, and looks at the streamer now and then.
async fn churn(streamer: &Streamer, device: &Device) -> anyhow::Result<Vec<(usize, Usage)>> {
    let mut looks = Vec::new();
    for n in 1..=CHURN {
        let viewer = Blind::watch(device);
        viewer.receive(1).await;
        viewer.leave().await;
        if [CHURN * 3 / 10, CHURN * 6 / 10, CHURN].contains(&n) {
            // What was left has a moment to go.
            tokio::time::sleep(Duration::from_secs(2)).await;
            looks.push((n, look(streamer)?));
        }
    }
    Ok(looks)
}

fn look(streamer: &Streamer) -> anyhow::Result<Usage> {
    usage(streamer.pid()).context("this bench reads /proc, so it needs Linux, and a streamer that still runs")
}

fn mb(usage: &Usage) -> f64 {
    usage.rss_bytes as f64 / 1e6
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn table(result: &serde_json::Value, crowds: &[Crowd], churn: &[(usize, Usage)]) {
    let show = |name: &str, key: &str| eprintln!("{name:<44} {}", result[key]);
    show("bare encode + decode, ms", "bare_encode_decode_ms");
    show("capture to decoded, ms", "capture_to_decoded_ms");
    show("  ratio of the medians, median of the rounds", "capture_to_decoded_ratio_p50");
    show("paired link to first picture, ms", "open_to_first_picture_ms");
    for c in crowds {
        eprintln!(
            "{:<44} {:.1} % of a core, {:.1} MB, {:.1} fps",
            format!("streamer with {} viewers", c.viewers),
            c.cpu_percent,
            c.rss_mb,
            c.fps
        );
    }
    show("  each further viewer, % of a core", "cpu_percent_for_each_viewer");
    show("  each further viewer, MB", "rss_mb_for_each_viewer");
    for (after, u) in churn {
        eprintln!(
            "{:<44} {:.1} MB, {} descriptors, {} threads",
            format!("after {after} connects and disconnects"),
            mb(u),
            u.descriptors,
            u.threads
        );
    }
}
