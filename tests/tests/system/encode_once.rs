//! A picture is encoded once for each layer, not for each viewer.

use std::collections::HashMap;

use athome_shared::id::Layer;
use athome_shared::protocol::wire::WatchWish;
use athome_tests::house::House;
use athome_tests::viewer::{Device, Seen};
use athome_tests::wait::soon;

/// Bytes of each coded frame, by the clock in its picture.
fn sizes(seen: &[Seen]) -> HashMap<u32, usize> {
    seen.iter().filter_map(|s| Some((s.clock?, s.coded))).collect()
}

/// How many pictures both saw, and how many of those were the same bytes.
fn same(a: &[Seen], b: &[Seen]) -> (usize, usize) {
    let (a, b) = (sizes(a), sizes(b));
    let both: Vec<_> = a.iter().filter_map(|(clock, bytes)| Some((bytes, b.get(clock)?))).collect();
    (both.len(), both.iter().filter(|(a, b)| a == b).count())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_viewers_get_the_same_frames_of_one_encoder() {
    let house = House::start_with(|o| o.size((960, 540))).await;
    let devices = [Device::new(), Device::new(), Device::new()];
    for (n, device) in devices.iter().enumerate() {
        soon("pairing", device.pair(&house.link().await, &format!("viewer {n}"))).await.unwrap();
    }
    let wish = |layer| vec![WatchWish { slot: 0, camera: None, layer }];
    let one = devices[0].watch();
    one.see(5).await;
    let two = devices[1].watch();
    let small = devices[2].watch_with(1, wish(Layer::Small));
    two.see(40).await;
    small.see(20).await;
    let (both, equal) = same(&one.seen(), &two.seen());
    assert!(both >= 20, "they watched at the same time: {both}");
    assert_eq!(both, equal, "each picture came from one encode");
    // Control: the small layer is an encode of its own, and its frames differ.
    let (both, equal) = same(&one.seen(), &small.seen());
    assert!(both >= 5 && equal * 2 < both, "{equal} of {both} small frames are as long as the full ones");
    for viewer in [one, two, small] {
        viewer.leave().await;
    }
    house.stop().await;
}
