//! Watching for long costs no more than watching for a moment. A program of its own, because it counts what the whole process
//! holds. (That the count would see a leak is shown in `churn`.)

use std::time::{Duration, Instant};

use athome_tests::house::House;
use athome_tests::process::{Usage, usage};
use athome_tests::soak::{either, watching};
use athome_tests::viewer::Device;
use athome_tests::wait::soon;

/// Until queues, pools and what the eyes remember are full.
const WARM_UP: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK: Duration = Duration::from_secs(5);
/// What memory may move up and down: the allocator's pools, and the latencies that are kept for the report (120 bytes a second).
const ALLOWED_BYTES: u64 = 16_000_000;

fn look() -> Option<Usage> {
    usage(std::process::id())
}

#[test]
fn watching_for_long_costs_no_more_than_watching_for_a_moment() {
    if look().is_none() {
        println!("SKIP: this system has no /proc to read the process's figures from");
        return;
    }
    let length = either(Duration::from_secs(20), watching());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let house = House::start().await;
        let device = Device::new();
        soon("pairing", device.pair(&house.link().await, "Anna")).await.unwrap();
        let viewer = device.watch();
        viewer.see(10).await;
        tokio::time::sleep(WARM_UP).await;
        let (before, from, mut pictures) = (look().unwrap(), Instant::now(), viewer.senses.meter.frames());
        while from.elapsed() < length {
            tokio::time::sleep(LOOK).await;
            let now = look().unwrap();
            let leaks = now.leaks(&before, ALLOWED_BYTES);
            assert!(leaks.is_empty(), "{leaks:?} after {:?}: {before:?}, {now:?}", from.elapsed());
            let seen = viewer.senses.meter.frames();
            assert!(seen > pictures, "the picture stands after {:?}", from.elapsed());
            pictures = seen;
        }
        assert!(viewer.story().ended.is_empty(), "one session all along: {:?}", viewer.story().ended);
        let age = viewer.newest(0).and_then(|s| s.latency).expect("the card's clock");
        assert!(age < Duration::from_secs(2), "the picture is of now, not {age:?} old");
        println!("{:?} watched, {pictures} pictures\nbefore {before:?}\nafter  {:?}", length, look().unwrap());
        viewer.leave().await;
        house.stop().await;
    });
}
