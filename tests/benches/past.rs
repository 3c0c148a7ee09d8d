//! What going back costs: from the tap to the first picture, pictures a second while a strip is dragged, how exact a moment is
//! met, and what a download does to what is live. About a minute and a half; a table on standard error, one JSON object on
//! standard output.

use std::time::{Duration, Instant};

use athome_shared::id::CameraId;
use athome_shared::time::WallTime;
use athome_streamer::record::trigger::Mode;
use athome_tests::figures;
use athome_tests::film::{off, watch};
use athome_tests::house::House;
use athome_tests::viewer::{Device, Viewer};
use athome_viewer::play::decode::UnitDecoder;
use athome_viewer::session::past::{Ask, FilmReader, Unit};
use serde_json::{Value, json};

/// Recorded before anything is looked at.
const RECORDED: Duration = Duration::from_secs(30);
const TAPS: i64 = 20;
const SCRUB: Duration = Duration::from_secs(5);
const ROUNDS: usize = 3;
const LISTEN: Duration = Duration::from_secs(4);

fn main() {
    // cargo passes --bench; a filter that does not name us means another bench.
    if std::env::args().skip(1).any(|arg| !arg.starts_with('-') && !"past".contains(&arg)) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    println!("{}", runtime.block_on(all()));
}

struct Scene {
    viewer: Viewer,
    camera: CameraId,
    began: WallTime,
}

async fn all() -> Value {
    let house = House::start_with(|plan| plan.size((1280, 720)).recorded(Mode::Always, Duration::from_secs(10))).await;
    let device = Device::new();
    device.pair(&house.link().await, "Bench").await.expect("pairs");
    let viewer = device.watch();
    viewer.see(5).await;
    let began = WallTime::now();
    tokio::time::sleep(RECORDED).await;
    let scene = Scene { viewer, camera: CameraId::new(&house.camera_id(0)).expect("an id"), began };
    let (taps, scrub, live) = (taps(&scene).await, scrub(&scene).await, live(&scene).await);
    scene.viewer.leave().await;
    house.stop().await;
    json!({
        "bench": "past",
        "build": if cfg!(debug_assertions) { "dev" } else { "release" },
        "play": taps,
        "scrub": scrub,
        "download": live,
    })
}

fn at(scene: &Scene, n: i64, of: i64) -> WallTime {
    let span = i64::try_from(RECORDED.as_micros()).expect("seconds") - 6_000_000;
    WallTime(scene.began.0 + 1_000_000 + n * 7_919 % of * span / of)
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// From asking for a film to its first decoded picture.
async fn taps(scene: &Scene) -> Value {
    let (mut firsts, mut worst) = (Vec::new(), 0);
    for n in 0..TAPS {
        let from = at(scene, n, TAPS);
        let asked = Instant::now();
        let ask =
            Ask::Play { camera: scene.camera.clone(), from, to: Some(WallTime(from.0 + 1_000_000)), follow: false };
        let mut film = scene.viewer.requests.film(ask).await.expect("a film");
        let (mut reader, mut decoder) = (FilmReader::new(film.at), UnitDecoder::default());
        let mut seen = false;
        while !seen {
            let part = film.part().await.expect("whole").expect("a picture");
            reader.push(&part);
            while let Some(unit) = reader.poll().expect("ours") {
                if let Unit::Picture { data, is_key, .. } = unit {
                    seen |= decoder.decode(&data, is_key, &mut |_| {});
                    break;
                }
            }
        }
        firsts.push(figures::ms(asked.elapsed()));
        drop(film);
        let ask =
            Ask::Play { camera: scene.camera.clone(), from, to: Some(WallTime(from.0 + 1_000_000)), follow: false };
        let mut film = scene.viewer.requests.film(ask).await.expect("a film");
        let watched = watch(&mut film).await.expect("whole");
        worst = worst.max(watched.frames.iter().filter_map(|f| f.off).map(i32::abs).max().unwrap_or(0));
    }
    let firsts = sorted(firsts);
    let (p50, max) = (round(firsts[firsts.len() / 2]), round(firsts[firsts.len() - 1]));
    eprintln!(
        "play to first picture {p50} ms (at most {max}); clock in the pictures off by {} ms at most",
        f64::from(worst) / 10.0
    );
    json!({ "first_picture_ms": { "p50": p50, "max": max }, "clock_off_ms_max": f64::from(worst) / 10.0 })
}

/// Pictures along a strip, two in flight; each asked for anew, then all of them again.
async fn scrub(scene: &Scene) -> Value {
    let (mut times, mut worst, mut count) = (Vec::new(), 0, 0);
    let start = Instant::now();
    while start.elapsed() < SCRUB {
        let ask = |n: i64| async move {
            let asked = Instant::now();
            let picture = scene.viewer.requests.picture(scene.camera.clone(), at(scene, n, 997), 640).await;
            (picture.expect("a picture"), figures::ms(asked.elapsed()))
        };
        let (a, b) = tokio::join!(ask(count), ask(count + 1));
        count += 2;
        for (picture, ms) in [a, b] {
            times.push(ms);
            worst = worst.max(off(&picture).map_or(0, i32::abs));
        }
    }
    let rate = round(count as f64 / start.elapsed().as_secs_f64());
    let times = sorted(times);
    let p50 = round(times[times.len() / 2]);
    // 1280 pixels wide none is kept so far.
    let mut fresh = Vec::new();
    for n in 0..10 {
        let asked = Instant::now();
        scene
            .viewer
            .requests
            .picture(scene.camera.clone(), at(scene, n, 10), 1280 - n as u32)
            .await
            .expect("a picture");
        fresh.push(figures::ms(asked.elapsed()));
    }
    let fresh = round(sorted(fresh)[5]);
    eprintln!(
        "{rate} pictures a second, two in flight, p50 {p50} ms, off by {} ms at most; one of 1280x720 that nobody asked for before {fresh} ms",
        f64::from(worst) / 10.0
    );
    json!({ "pictures_per_s": rate, "p50_ms": p50, "fresh_720p_ms": fresh, "clock_off_ms_max": f64::from(worst) / 10.0 })
}

/// Live latency with and without a download that is taken as fast as it comes, in turns.
async fn live(scene: &Scene) -> Value {
    let (mut quiet, mut busy, mut bytes, mut seconds) = (Vec::new(), Vec::new(), 0, 0.0);
    let listen = || {
        let from = Instant::now();
        async move {
            tokio::time::sleep(LISTEN).await;
            let seen = scene.viewer.seen();
            let seen = seen.iter().filter(|seen| seen.at >= from).filter_map(|seen| seen.latency);
            seen.map(figures::ms).collect::<Vec<_>>()
        }
    };
    for _ in 0..ROUNDS {
        quiet.extend(listen().await);
        let download = async {
            let start = Instant::now();
            while start.elapsed() < LISTEN {
                let ask = Ask::Export { camera: scene.camera.clone(), from: scene.began, to: WallTime::now() };
                let Ok(mut film) = scene.viewer.requests.film(ask).await else { continue };
                while let Ok(Some(part)) = film.part().await {
                    bytes += part.len();
                }
            }
            seconds += start.elapsed().as_secs_f64();
        };
        let ((), latencies) = tokio::join!(download, listen());
        busy.extend(latencies);
    }
    let (quiet, busy) = (sorted(quiet), sorted(busy));
    let of = |values: &[f64], part: f64| round(values[(values.len() as f64 * part) as usize]);
    let ratio = round(of(&busy, 0.5) / of(&quiet, 0.5));
    let mbit = round(bytes as f64 * 8.0 / 1e6 / seconds);
    eprintln!(
        "live p50 / p95 {} / {} ms, during a download of {mbit} Mbit/s {} / {} ms: {ratio}",
        of(&quiet, 0.5),
        of(&quiet, 0.95),
        of(&busy, 0.5),
        of(&busy, 0.95)
    );
    json!({
        "quiet_ms": { "p50": of(&quiet, 0.5), "p95": of(&quiet, 0.95) },
        "busy_ms": { "p50": of(&busy, 0.5), "p95": of(&busy, 0.95) },
        "ratio": ratio,
        "mbit_s": mbit,
    })
}
