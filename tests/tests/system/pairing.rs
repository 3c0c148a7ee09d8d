//! A link gives a live picture; afterwards no link is needed.

use athome_shared::media::clock::ticks_between;
use athome_tests::house::House;
use athome_tests::viewer::Device;
use athome_tests::wait::soon;
use athome_viewer::words::Sentence;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_gives_a_live_picture_whose_clock_advances() {
    let house = House::start().await;
    let device = Device::new();
    let place = soon("pairing", device.pair(&house.link().await, "Anna's phone")).await.unwrap();
    assert_eq!(place.device, "Anna's phone");
    let viewer = device.watch();
    viewer.see(40).await;
    let seen = viewer.seen();
    let clocks: Vec<u32> = seen.iter().filter_map(|s| s.clock).collect();
    assert!(clocks.len() * 10 >= seen.len() * 9, "the clock reads back: {} of {}", clocks.len(), seen.len());
    for pair in clocks.windows(2) {
        let step = ticks_between(pair[0], pair[1]);
        assert!((1..20_000).contains(&step), "the clock goes forward: {step} tenths of a millisecond");
    }
    let newest = seen.last().and_then(|s| s.latency).expect("a clock of this machine");
    assert!(newest.as_secs() < 2, "live: {newest:?}");
    assert!(viewer.story().said.contains(&Sentence::Proving));
    viewer.leave().await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paired_device_opens_again_without_a_code() {
    let house = House::start().await;
    let device = Device::new();
    soon("pairing", device.pair(&house.link().await, "Anna's phone")).await.unwrap();
    for _ in 0..3 {
        let viewer = device.watch();
        viewer.see(5).await;
        viewer.leave().await;
    }
    // Control: a device that was never paired, but knows where to ring, gets nothing.
    let stranger = Device::new();
    stranger.store.lock().unwrap().add(device.place()).unwrap();
    let viewer = stranger.watch();
    athome_tests::wait::eventually("a stranger is not let in", || !viewer.story().ended.is_empty()).await;
    assert_eq!(viewer.count(), 0);
    viewer.leave().await;
    house.stop().await;
}
