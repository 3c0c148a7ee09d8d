//! A link that becomes narrow and wide again: the sender notices, the picture stays young, and quality comes back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use athome_shared::media::frame::Codec;
use athome_shared::peer::{PeerEvent, Receiver, Sender, Shape};
use athome_shared::time::WallTime;
use tokio::sync::mpsc;

use crate::pair::{connect_by, frame, unit};
use crate::relay::{Weather, hide, relay};

const WIDE: u32 = 6_000_000;
const NARROW: u32 = 1_000_000;
/// Pictures a second.
const FPS: u32 = 30;
/// What the pretended encoder spends at most, bits a second.
const CEILING: u32 = 3_000_000;

/// Whether the pretended encoder heeds the estimate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoder {
    Follows,
    Stubborn,
}

/// What happened during one part of a run.
#[derive(Debug)]
struct Part {
    /// The estimate at its end, bits a second.
    target: u32,
    /// The lowest in it.
    lowest: u32,
    /// Bits a second that arrived in frames, over the second half.
    received: u32,
    frames: usize,
    /// From handing over to having the whole frame, over the second half, when the link's change is digested.
    p95: Duration,
    longest: Duration,
    /// The longest time without a frame, in all of it.
    frozen: Duration,
    /// Packets that the link had no room for.
    dropped: u64,
}

struct Run {
    receiver: Receiver,
    arrivals: mpsc::Receiver<PeerEvent>,
    target: Arc<std::sync::atomic::AtomicU32>,
    weather: Arc<Weather>,
    stop: tokio::sync::oneshot::Sender<()>,
    source: tokio::task::JoinHandle<Sender>,
}

impl Run {
    async fn start(encoder: Encoder) -> Self {
        let weather = Weather::slow_link();
        let shape = Shape { video: 1, audio: 0 };
        let on_its_way = weather.clone();
        let pair = connect_by(shape, async |offer| relay(&offer, on_its_way).await, |answer| hide(&answer)).await;
        let target = Arc::new(std::sync::atomic::AtomicU32::new(pair.sender.target_bps()));
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let (sender, mut wishes, said) = (pair.sender, pair.from_sender, target.clone());
        let source = tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_secs(1) / FPS);
            let (mut last_key, mut wanted) = (None, true);
            for n in 0u32.. {
                tokio::select! {
                    _ = tick.tick() => {}
                    _ = &mut stopped => break,
                }
                while let Ok(event) = wishes.try_recv() {
                    match event {
                        PeerEvent::KeyFrameWanted { .. } => wanted = true,
                        PeerEvent::TargetBitrate(bps) => said.store(bps, Ordering::Relaxed),
                        _ => {}
                    }
                }
                // As our encoder does: nine tenths of the estimate, and two key frames a second at most.
                let bps = match encoder {
                    Encoder::Follows => said.load(Ordering::Relaxed) / 10 * 9,
                    Encoder::Stubborn => CEILING,
                };
                let size = (bps.min(CEILING) / 8 / FPS) as usize;
                let key = wanted && last_key.is_none_or(|last| n - last >= FPS / 2);
                if key {
                    (last_key, wanted) = (Some(n), false);
                }
                let data = unit(key, if key { size * 3 } else { size }, n);
                let picture = frame(Codec::H264, key, i64::from(n) * 90_000 / i64::from(FPS), data);
                sender.send_video(0, &picture, WallTime::now()).await.expect("the link is up");
            }
            sender
        });
        Self { receiver: pair.receiver, arrivals: pair.from_receiver, target, weather, stop, source }
    }

    /// Lets it run for a while at this rate.
    async fn part(&mut self, bits_per_second: u32, seconds: u64) -> Part {
        self.weather.limit(bits_per_second);
        let before = self.weather.dropped.load(Ordering::Relaxed);
        let start = Instant::now();
        let (middle, end) = (start + Duration::from_secs(seconds) / 2, start + Duration::from_secs(seconds));
        let mut ages: Vec<Duration> = Vec::new();
        let (mut frames, mut bytes, mut lowest) = (0, 0, u32::MAX);
        let (mut last, mut frozen) = (start, Duration::ZERO);
        while let Ok(event) = tokio::time::timeout_at(end.into(), self.arrivals.recv()).await {
            lowest = lowest.min(self.target.load(Ordering::Relaxed));
            let PeerEvent::Received(frame) = event.expect("events go on") else { continue };
            frames += 1;
            frozen = frozen.max(frame.received.saturating_duration_since(last));
            last = frame.received;
            if frame.received >= middle {
                let captured = frame.captured.expect("a capture time").0;
                ages.push(Duration::from_micros(u64::try_from(WallTime::now().0 - captured).unwrap_or(0)));
                bytes += frame.data.len();
            }
        }
        ages.sort();
        let part = Part {
            target: self.target.load(Ordering::Relaxed),
            lowest,
            received: (bytes as f64 * 8.0 / (seconds as f64 / 2.0)) as u32,
            frames,
            p95: ages.get(ages.len() * 95 / 100).copied().unwrap_or(Duration::MAX),
            longest: ages.last().copied().unwrap_or(Duration::MAX),
            frozen: frozen.max(end - last),
            dropped: self.weather.dropped.load(Ordering::Relaxed) - before,
        };
        println!("{bits_per_second} bit/s for {seconds} s: {part:?}");
        part
    }

    async fn end(self) {
        let _ = self.stop.send(());
        let sender = self.source.await.expect("the source");
        self.receiver.close().await;
        sender.close().await;
    }
}

fn long() -> bool {
    std::env::var_os("ATHOME_SOAK").is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_becomes_narrow_gets_less_and_a_link_that_becomes_wide_gets_more() {
    let (rounds, seconds) = if long() { (5, 30) } else { (1, 8) };
    let mut run = Run::start(Encoder::Follows).await;
    for _ in 0..rounds {
        let wide = run.part(WIDE, seconds).await;
        assert!(wide.target > 1_500_000, "the wide link is used");
        let narrow = run.part(NARROW, seconds).await;
        assert!(narrow.target < 1_300_000, "less is sent");
        assert!(narrow.received < 1_000_000 && narrow.received > 300_000, "of what gets through, a fair part is used");
        // 20 ms of way, at most 300 ms of queue, and a repair or two.
        assert!(narrow.p95 < Duration::from_millis(600), "the picture is young: {:?}", narrow.p95);
        assert!(narrow.longest < Duration::from_millis(1_500), "all of the time: {:?}", narrow.longest);
        assert!(narrow.frozen < Duration::from_secs(4), "and was so soon: {:?}", narrow.frozen);
        let again = run.part(WIDE, seconds + 4).await;
        assert!(again.target > narrow.target * 3 / 2, "the rate comes back");
        assert!(again.p95 < Duration::from_millis(300));
    }
    run.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_limit_nothing_is_taken_back() {
    // The control of the test above: it is the limit that lowers the rate, not the relay.
    let mut run = Run::start(Encoder::Follows).await;
    let free = run.part(0, 12).await;
    assert!(free.lowest > 1_300_000, "it never fell as low as on the narrow link");
    assert_eq!(free.dropped, 0);
    run.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encoder_that_does_not_listen_loses_its_picture() {
    // The control of the measure: this is what the narrow link does to whoever ignores it.
    let mut run = Run::start(Encoder::Stubborn).await;
    let wide = run.part(0, 4).await;
    let narrow = run.part(NARROW, 8).await;
    assert!(narrow.dropped > 500, "two thirds do not get through");
    assert!(narrow.frames < wide.frames, "{} frames in eight seconds, {} in four", narrow.frames, wide.frames);
    run.end().await;
}
