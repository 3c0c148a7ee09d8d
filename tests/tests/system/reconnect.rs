//! Things break; each side comes back by itself.

use std::time::Duration;

use athome_tests::house::House;
use athome_tests::soak::either;
use athome_tests::viewer::Device;
use athome_tests::wait::{eventually, soon, within};
use athome_viewer::words::Sentence;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_picture_goes_on_while_the_signaling_server_is_away() {
    let mut house = House::start_with(|o| o.outside_signaling()).await;
    let device = Device::new();
    soon("pairing", device.pair(&house.link().await, "Anna")).await.unwrap();
    let viewer = device.watch();
    viewer.see(10).await;
    house.stop_signaling().await;
    viewer.see(60).await;
    assert!(viewer.story().ended.is_empty(), "the session did not end: {:?}", viewer.story().ended);
    // Control: without the server nobody new gets in.
    let other = Device::new();
    other.store.lock().unwrap().add(device.place()).unwrap();
    let late = other.watch();
    eventually("a newcomer is told that the server is away", || {
        late.story().said.iter().any(|s| matches!(s, Sentence::OfflineMe { .. }))
    })
    .await;
    late.leave().await;
    house.start_signaling().await;
    viewer.leave().await;
    // The streamer signs in again by itself.
    let again = device.watch();
    again.see(10).await;
    again.leave().await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_comes_back_by_itself_after_the_streamer_restarts() {
    let mut house = House::start_with(|o| o.outside_signaling()).await;
    let device = Device::new();
    soon("pairing", device.pair(&house.link().await, "Anna")).await.unwrap();
    let viewer = device.watch();
    viewer.see(10).await;
    for _ in 0..either(1, 15) {
        house.restart().await;
        let before = viewer.count();
        within(Duration::from_secs(45), "pictures of the restarted streamer", || viewer.count() >= before + 20).await;
    }
    let story = viewer.story();
    assert!(!story.ended.is_empty() && story.ended.iter().all(|(_, again)| *again), "{:?}", story.ended);
    assert!(
        story.said.iter().any(|s| matches!(s, Sentence::Stopping | Sentence::Lost { .. } | Sentence::OfflineServer)),
        "it said what happened: {:?}",
        story.said
    );
    viewer.leave().await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_vanishes_frees_its_place() {
    let house = House::start_with(|o| o.max_viewers(1)).await;
    let (anna, ben) = (Device::new(), Device::new());
    soon("pairing", anna.pair(&house.link().await, "Anna")).await.unwrap();
    soon("pairing", ben.pair(&house.link().await, "Ben")).await.unwrap();
    // Anna's program is killed: her sockets close and nobody says goodbye.
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let viewer = anna.watch();
            viewer.see(5).await;
            std::mem::forget(viewer);
        });
        runtime.shutdown_background();
    })
    .await
    .unwrap();
    let viewer = ben.watch();
    within(Duration::from_secs(60), "Ben's picture once Anna's place is free", || viewer.count() >= 5).await;
    viewer.leave().await;
    house.stop().await;
}
