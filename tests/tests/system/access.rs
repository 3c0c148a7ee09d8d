//! Who may watch, and what the others are told.

use std::time::Duration;

use athome_shared::id::{CameraId, Layer};
use athome_shared::protocol::control::RefusedWhy;
use athome_shared::protocol::wire::{Refused, Why};
use athome_tests::house::House;
use athome_tests::viewer::{Device, Viewer};
use athome_tests::wait::{eventually, soon, within};
use athome_viewer::session::ended::Ended;
use athome_viewer::session::machine::Stage;
use athome_viewer::words::Sentence;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_device_is_told_and_its_picture_stops_within_two_seconds() {
    let house = House::start().await;
    let (anna, ben) = (Device::new(), Device::new());
    soon("pairing", anna.pair(&house.link().await, "Anna")).await.unwrap();
    soon("pairing", ben.pair(&house.link().await, "Ben")).await.unwrap();
    let (removed, stays) = (anna.watch(), ben.watch());
    removed.see(5).await;
    stays.see(5).await;
    house.revoke("Anna").await;
    within(Duration::from_secs(2), "the removed device is told", || removed.story().over).await;
    let story = removed.story();
    assert_eq!(story.ended, [(Ended::Bye(Why::Revoked), false)]);
    assert!(matches!(story.said.last(), Some(Sentence::Removed { .. })), "{:?}", story.said);
    let count = removed.count();
    // Control: the other device goes on.
    stays.see(20).await;
    assert_eq!(removed.count(), count, "no picture after that");
    // It is refused at the door as well, in words.
    let again = anna.watch();
    eventually("it is not let in again", || again.story().over || again.story().ended.len() > 1).await;
    assert_eq!(again.count(), 0);
    again.leave().await;
    stays.leave().await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_without_the_view_role_sees_and_hears_nothing_whatever_it_wishes_at_the_start() {
    let house = House::start().await;
    let (looks, talks) = (Device::new(), Device::new());
    soon("pairing", looks.pair(&house.link_with_roles(&["view"]).await, "Looks")).await.unwrap();
    soon("pairing", talks.pair(&house.link_with_roles(&["talk"]).await, "Talks")).await.unwrap();
    let (looking, talking) = (looks.watch(), talks.watch());
    let sounds = |viewer: &Viewer| viewer.senses.meter.figures().sounds;
    eventually("both are connected", || [&looking, &talking].iter().all(|v| v.story().stages.contains(&Stage::Live)))
        .await;
    // Control: the same wishes with the view role.
    looking.see(30).await;
    eventually("sound", || sounds(&looking) >= 30).await;
    assert_eq!((talking.count(), sounds(&talking)), (0, 0));
    // Asking later is refused as well.
    let camera = looking.newest(0).unwrap().camera;
    let refused = soon("an answer", talking.requests.watch(0, camera, Layer::Full)).await;
    assert_eq!(refused, Err(RefusedWhy::Role));
    assert_eq!((talking.count(), sounds(&talking)), (0, 0));
    looking.leave().await;
    talking.leave().await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_camera_and_an_unknown_slot_are_refused() {
    let house = House::start().await;
    let device = Device::new();
    soon("pairing", device.pair(&house.link().await, "Anna")).await.unwrap();
    let viewer = device
        .watch_with(2, vec![athome_shared::protocol::wire::WatchWish { slot: 0, camera: None, layer: Layer::Full }]);
    viewer.see(5).await;
    let nowhere = CameraId::new("nowhere").unwrap();
    let known = viewer.newest(0).unwrap().camera;
    let refused = soon("an answer", viewer.requests.watch(0, nowhere.clone(), Layer::Full)).await;
    assert_eq!(refused, Err(RefusedWhy::UnknownCamera));
    let refused = soon("an answer", viewer.requests.watch(9, known.clone(), Layer::Full)).await;
    assert_eq!(refused, Err(RefusedWhy::UnknownSlot));
    assert!(soon("an answer", viewer.requests.snapshot(nowhere)).await.is_err());
    // Control: a known camera in a known slot is not refused, and what was shown before goes on.
    assert_eq!(soon("an answer", viewer.requests.watch(1, known, Layer::Full)).await, Ok(()));
    viewer.see(10).await;
    assert!(viewer.newest(0).is_some() && viewer.story().ended.is_empty());
    viewer.leave().await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_viewer_too_many_is_told_how_many_watch() {
    let house = House::start_with(|o| o.max_viewers(1)).await;
    let (anna, ben) = (Device::new(), Device::new());
    soon("pairing", anna.pair(&house.link().await, "Anna")).await.unwrap();
    soon("pairing", ben.pair(&house.link().await, "Ben")).await.unwrap();
    let first = anna.watch();
    first.see(5).await;
    let second = ben.watch();
    eventually("the second is told", || !second.story().ended.is_empty()).await;
    let (ended, again) = second.story().ended[0].clone();
    let Ended::Refused(Refused { why: Why::Busy, count, .. }) = ended else { panic!("{ended:?}") };
    assert_eq!((count, again), (Some(1), true));
    assert!(matches!(second.story().said.last(), Some(Sentence::Busy { count: 1, .. })));
    // Control: once the first leaves, the second gets in by itself.
    first.leave().await;
    within(Duration::from_secs(45), "the second's picture", || second.count() >= 5).await;
    second.leave().await;
    house.stop().await;
}
