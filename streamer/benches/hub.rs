//! What publishing costs the publisher while many read, and how long a frame takes to reach them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, Layer};
use athome_shared::media::frame::{Codec, EncodedFrame, Params};
use athome_shared::time::MediaTime;
use athome_streamer::hub::{From, Hub, Read, RingLimits, StreamKey};
use bytes::Bytes;

const FRAMES: u32 = 600;

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    println!("hub: {FRAMES} frames of 10 kB at 1,000 frames/s");
    println!(
        "{:>8} {:>14} {:>14} {:>14} {:>14}",
        "readers", "publish p50", "publish p95", "delivery p50", "delivery p95"
    );
    for readers in [0, 1, 4, 16] {
        let (publish, delivery) = runtime.block_on(run(readers));
        let at = |sorted: &[u64], share: usize| {
            let nanos = sorted.get(sorted.len().saturating_sub(1) * share / 100).copied().unwrap_or_default();
            format!("{:.2} us", nanos as f64 / 1000.0)
        };
        let row = [at(&publish, 50), at(&publish, 95), at(&delivery, 50), at(&delivery, 95)];
        println!("{readers:>8} {:>14} {:>14} {:>14} {:>14}", row[0], row[1], row[2], row[3]);
    }
}

/// Nanoseconds of each publish and of each delivery, sorted.
async fn run(readers: usize) -> (Vec<u64>, Vec<u64>) {
    let hub = Hub::new(RingLimits::default());
    let stream = hub.stream(&StreamKey::video(&CameraId::slug("bench"), Layer::Full));
    let data = Bytes::from(vec![0u8; 10_000]);
    let params = Arc::new(Params::Video { width: 1280, height: 720, profile_level_id: [0x42, 0xc0, 0x1f] });
    let lost = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..readers)
        .map(|_| {
            let mut reader = stream.subscribe(From::Live);
            let lost = lost.clone();
            tokio::spawn(async move {
                let mut waits = Vec::new();
                loop {
                    match reader.next().await {
                        Read::Frame(frame) => waits.push(frame.encoded.elapsed().as_nanos() as u64),
                        Read::Dropped { frames } => _ = lost.fetch_add(frames, Ordering::Relaxed),
                        Read::Ended => return waits,
                    }
                }
            })
        })
        .collect();
    // Like an encoder: on a thread of its own, not on the runtime.
    let publisher = std::thread::spawn({
        let stream = stream.clone();
        move || {
            let mut costs = Vec::new();
            for n in 0..FRAMES {
                std::thread::sleep(Duration::from_millis(1));
                let now = Instant::now();
                let frame = EncodedFrame {
                    codec: Codec::H264,
                    is_key: n % 90 == 0,
                    pts: MediaTime(i64::from(n) * 90),
                    captured: now,
                    encoded: now,
                    data: data.clone(),
                    params: params.clone(),
                };
                let before = Instant::now();
                stream.publish(frame);
                costs.push(before.elapsed().as_nanos() as u64);
            }
            std::thread::sleep(Duration::from_millis(50));
            costs
        }
    });
    let mut costs =
        tokio::task::spawn_blocking(move || publisher.join().expect("the publisher")).await.expect("a thread");
    hub.remove_camera(&CameraId::slug("bench"));
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.expect("a reader"));
    }
    assert_eq!(waits.len(), readers * FRAMES as usize, "nobody lost a frame");
    assert_eq!(lost.load(Ordering::Relaxed), 0);
    costs.sort_unstable();
    waits.sort_unstable();
    (costs, waits)
}
