//! Rude cameras beside a polite one: memory stays bounded, each is back soon after it behaves again, and the polite one's
//! viewer notices nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_tests::house::House;
use athome_tests::pretend::{Asks, mjpeg, rtsp};
use athome_tests::process::usage;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::coming::{state, url, watch_all};

/// Back so soon after it behaves again.
const BACK: Duration = Duration::from_secs(5);
/// What a busy machine of the tests may add to that.
const GRACE: Duration = Duration::from_secs(2);
/// How long they are rude: longer than any limit.
const RUDE: Duration = Duration::from_secs(12);
/// What all of them together may cost: a picture's worth for each.
const MOST_MEMORY: u64 = 160 << 20;

const MJPEG: [mjpeg::Way; 12] = [
    mjpeg::Way::EndlessHead,
    mjpeg::Way::EndlessPartHead,
    mjpeg::Way::HugeLength,
    mjpeg::Way::WrongBoundary,
    mjpeg::Way::Silence,
    mjpeg::Way::ThenSilence,
    mjpeg::Way::ThenOtherKind,
    mjpeg::Way::Vast,
    mjpeg::Way::Empty,
    mjpeg::Way::Drip,
    mjpeg::Way::Garbage,
    mjpeg::Way::WebPage,
];
const RTSP: [rtsp::Way; 11] = [
    rtsp::Way::NoVideo,
    rtsp::Way::Silence,
    rtsp::Way::SilentPlay,
    rtsp::Way::ThenSilence,
    rtsp::Way::ThenGarbage,
    rtsp::Way::ThenOtherKind,
    rtsp::Way::Garbage,
    rtsp::Way::EndlessHead,
    rtsp::Way::HugeLength,
    rtsp::Way::EndlessPicture,
    rtsp::Way::Drip,
];

async fn add(house: &House, name: &str, source: &str) {
    let body = json!({"name": name, "source": source, "active": false});
    house.ask("POST", "/api/v1/cameras", &body).await;
    house.ask("PATCH", &format!("/api/v1/cameras/{name}"), &json!({"active": true})).await;
}

async fn live_within(house: &House, id: &str, patience: Duration) -> Option<Duration> {
    let began = Instant::now();
    while began.elapsed() < patience {
        if state(house, id).await["state"] == "live" {
            return Some(began.elapsed());
        }
        sleep(Duration::from_millis(50)).await;
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rude_cameras_cost_little_and_come_back_and_the_polite_one_goes_on() {
    let polite = rtsp::start(Asks::Nothing, rtsp::Way::Good);
    let house = House::start().await;
    house.ask("POST", "/api/v1/cameras", &json!({"name": "Polite", "source": url(&polite, "main")})).await;
    assert!(live_within(&house, "polite", BACK).await.is_some());
    let stop = Arc::default();
    let watching = watch_all(&house, "polite", &stop);
    let mjpeg: Vec<_> =
        MJPEG.map(|way| (format!("mjpeg-{way:?}").to_lowercase(), mjpeg::start(Asks::Nothing, way))).into();
    let rtsp: Vec<_> = RTSP.map(|way| (format!("rtsp-{way:?}").to_lowercase(), rtsp::start(Asks::Nothing, way))).into();
    let memory = || usage(std::process::id()).map(|usage| usage.rss_bytes);
    let before = memory();
    for (name, camera) in &mjpeg {
        add(&house, name, &format!("http://{}/", camera.addr())).await;
    }
    for (name, camera) in &rtsp {
        add(&house, name, &url(camera, "main")).await;
    }
    let (began, mut most) = (Instant::now(), None);
    while began.elapsed() < RUDE {
        sleep(Duration::from_millis(100)).await;
        most = most.max(memory());
    }
    if let (Some(before), Some(most)) = (before, most) {
        println!("{} rude cameras: {} MB more", mjpeg.len() + rtsp.len(), most.saturating_sub(before) >> 20);
        assert!(most.saturating_sub(before) < MOST_MEMORY, "{} MB more", most.saturating_sub(before) >> 20);
    }
    // Control: they are rude, and it is told.
    let said = state(&house, "mjpeg-webpage").await;
    assert_eq!(said["verdict"], "This is a web page, not a camera.", "{said}");
    let polite_again = Instant::now();
    mjpeg.iter().for_each(|(_, camera)| camera.reboot(mjpeg::Manners::default()));
    rtsp.iter().for_each(|(_, camera)| camera.reboot(rtsp::Manners::default()));
    for name in mjpeg.iter().map(|(name, _)| name).chain(rtsp.iter().map(|(name, _)| name)) {
        let left = (BACK + GRACE).saturating_sub(polite_again.elapsed()).max(Duration::from_millis(1));
        let back = live_within(&house, name, left).await;
        assert!(back.is_some(), "{name}: {}", state(&house, name).await);
    }
    println!("all are back after {} ms", polite_again.elapsed().as_millis());
    stop.notify_one();
    let (count, whole) = timeout(BACK, watching).await.expect("told to stop").expect("no panic");
    assert!(whole && count > 200, "{count} pictures of the polite one, not one after the other");
    house.stop().await;
}
