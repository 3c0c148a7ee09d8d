//! The whole way through a link that becomes narrow and wide again: the encoder follows, and the picture stays young.

#[path = "../../../shared/tests/peer/relay.rs"]
mod relay;

use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::protocol::wire::SlotKind;
use athome_shared::time::WallTime;
use athome_tests::house::House;
use athome_tests::soak::either;
use athome_tests::viewer::Device;
use athome_tests::wait::soon;
use athome_tests::wire::{Came, Wire};
use relay::{Weather, hide, relay};

const WIDE: u32 = 6_000_000;
/// Less than half of what the picture costs when there is room.
const NARROW: u32 = 600_000;

/// What came during one part of a run, in its second half.
#[derive(Debug)]
struct Part {
    /// Bits a second of coded picture: what the encoder spends.
    encoded: u32,
    /// The streamer's newest figure for the slot.
    target: u32,
    frames: usize,
    p95: Duration,
}

async fn part(wire: &mut Wire, weather: &Weather, bits_per_second: u32, seconds: u64) -> Part {
    weather.limit(bits_per_second);
    let (now, half) = (Instant::now(), Duration::from_secs(seconds) / 2);
    wire.run(now + half, |_| {}).await;
    let (mut target, mut bytes, mut ages) = (0, 0, Vec::new());
    let seen = |came: Came| match came {
        Came::Target(bps) => target = bps,
        Came::Frame(frame) if frame.kind == SlotKind::Video => {
            bytes += frame.data.len();
            let captured = frame.captured.expect("a capture time").0;
            ages.push(Duration::from_micros(u64::try_from(WallTime::now().0 - captured).unwrap_or(0)));
        }
        Came::Frame(_) => {}
    };
    wire.run(now + 2 * half, seen).await;
    ages.sort();
    let encoded = (bytes as f64 * 8.0 / half.as_secs_f64()) as u32;
    let p95 = ages.get(ages.len() * 95 / 100).copied().unwrap_or(Duration::MAX);
    let part = Part { encoded, target, frames: ages.len(), p95 };
    println!("{bits_per_second} bit/s for {seconds} s: {part:?}");
    part
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_encoder_follows_a_link_that_becomes_narrow_and_wide_again() {
    let (rounds, seconds) = either((1, 8), (4, 30));
    let house = House::start_with(|plan| plan.size((960, 540))).await;
    let device = Device::new();
    soon("pairing", device.pair(&house.link().await, "Anna")).await.unwrap();
    let weather = Weather::slow_link();
    let on_its_way = Arc::clone(&weather);
    let mut wire = soon("an offer", Wire::open(&device, async |offer| relay(&offer, on_its_way).await, hide)).await;
    // Control: the relay alone takes nothing away.
    let free = part(&mut wire, &weather, 0, seconds).await;
    assert!(free.encoded > 2 * NARROW, "the narrow link would not matter");
    for _ in 0..rounds {
        let wide = part(&mut wire, &weather, WIDE, seconds).await;
        assert!(wide.encoded > free.encoded / 2, "there is room for all of it");
        let narrow = part(&mut wire, &weather, NARROW, seconds).await;
        assert!(narrow.encoded < NARROW && narrow.target < NARROW * 3 / 2, "the encoder spends less");
        assert!(
            narrow.frames > 0 && narrow.p95 < Duration::from_millis(1_000),
            "no seconds of queue: {:?}",
            narrow.p95
        );
        let again = part(&mut wire, &weather, WIDE, seconds * 2).await;
        assert!(again.encoded > narrow.encoded * 3 / 2, "and more again");
    }
    wire.close().await;
    house.stop().await;
}
