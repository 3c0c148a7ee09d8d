//! Whoever comes late starts at a key frame, at once.

use std::time::Duration;

use athome_tests::house::House;
use athome_tests::viewer::Device;
use athome_tests::wait::soon;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_viewer_starts_at_a_key_frame() {
    let house = House::start().await;
    let (anna, ben) = (Device::new(), Device::new());
    soon("pairing", anna.pair(&house.link().await, "Anna")).await.unwrap();
    soon("pairing", ben.pair(&house.link().await, "Ben")).await.unwrap();
    let early = anna.watch();
    early.see(45).await;
    let before = early.count();
    let late = ben.watch();
    late.see(10).await;
    let first = late.seen().into_iter().next().unwrap();
    assert!(first.is_key);
    assert!(first.latency.is_some_and(|l| l < Duration::from_secs(2)), "not from the past: {:?}", first.latency);
    // Control: the early viewer's pictures are mostly no key frames, so the first one was no accident.
    let keys = early.seen().iter().filter(|s| s.is_key).count();
    assert!(keys * 5 < early.count(), "{keys} key frames of {}", early.count());
    assert!(early.count() > before, "and the early viewer went on");
    late.leave().await;
    early.leave().await;
    house.stop().await;
}
