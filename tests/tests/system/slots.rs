//! Cameras come and go in the slots of one connection, and a picture is always of the camera it is said to be of.

use std::collections::{BTreeMap, BTreeSet};

use athome_shared::id::{CameraId, Layer};
use athome_shared::protocol::wire::WatchWish;
use athome_tests::house::House;
use athome_tests::soak::either;
use athome_tests::viewer::{Device, Viewer};
use athome_tests::wait::{eventually, soon};
use athome_viewer::session::machine::Stage;

fn newest_is(viewer: &Viewer, slot: u8, camera: &CameraId) -> bool {
    viewer.newest(slot).is_some_and(|seen| seen.camera == *camera)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cameras_are_attached_switched_and_detached_without_another_offer() {
    let house = House::start_with(|o| o.cameras(2)).await;
    let device = Device::new();
    soon("pairing", device.pair(&house.link().await, "Anna")).await.unwrap();
    let viewer = device.watch_with(3, vec![WatchWish { slot: 0, camera: None, layer: Layer::Full }]);
    viewer.see(5).await;
    eventually("both cameras are listed", || viewer.story().cameras.len() == 2).await;
    let [one, two] = viewer.story().cameras.iter().map(|c| c.id.clone()).collect::<Vec<_>>().try_into().unwrap();

    soon("attach", viewer.requests.watch(1, two.clone(), Layer::Full)).await.unwrap();
    eventually("the second camera in slot 1", || newest_is(&viewer, 1, &two)).await;
    for round in 0..either(4, 300) {
        let (first, second) = if round % 2 == 0 { (&two, &one) } else { (&one, &two) };
        soon("switch", viewer.requests.watch(0, first.clone(), Layer::Full)).await.unwrap();
        soon("switch", viewer.requests.watch(1, second.clone(), Layer::Full)).await.unwrap();
        eventually("both slots changed places", || newest_is(&viewer, 0, first) && newest_is(&viewer, 1, second)).await;
    }
    soon("detach", viewer.requests.unwatch(1)).await.unwrap();
    let dark = viewer.seen().iter().filter(|s| s.slot == 1).count();
    viewer.see(15).await;
    assert_eq!(viewer.seen().iter().filter(|s| s.slot == 1).count(), dark, "a detached slot shows nothing");

    // What the pictures themselves say: each camera has one mark, and the marks differ.
    let mut marks: BTreeMap<CameraId, BTreeSet<u8>> = BTreeMap::new();
    for seen in viewer.seen() {
        if let Some(mark) = seen.mark {
            marks.entry(seen.camera).or_default().insert(mark);
        }
    }
    assert_eq!(marks.len(), 2);
    assert!(marks.values().all(|m| m.len() == 1), "a picture of another camera was shown: {marks:?}");
    assert_ne!(marks[&one], marks[&two], "the test can tell the cameras apart");
    let proofs = viewer.story().stages.iter().filter(|s| **s == Stage::Proving).count();
    assert_eq!(proofs, 1, "it was one session all along");
    viewer.leave().await;
    house.stop().await;
}
