use std::time::Duration;

use athome_shared::id::{CameraId, Layer};
use athome_shared::pair::b64;
use athome_shared::protocol::wire::{Candidate, FromCamera, FromViewer, Offer, Refused, WatchWish, Why};
use athome_shared::time::WallTime;
use serde_json::json;

use super::scene::{Scene, WALL, answer, join, later, offer, second, words};
use crate::serve::door::{ChannelId, DoorOutput, Limits};
use crate::trust::ViewerState;

fn candidate(n: u16) -> FromViewer {
    FromViewer::Cand(Candidate { cand: format!("candidate:1 1 udp 1 192.0.2.1 {n} typ host"), mid: "0".into() })
}

#[test]
fn a_session_goes_from_ring_to_goodbye() {
    let (mut scene, phone) = Scene::with_phone();
    let mut transport = scene.offered(&phone, 1, 100);
    scene.say(1, &mut transport, &answer());
    match &scene.outputs()[..] {
        [DoorOutput::Answer { chan, fp, bind_key, .. }] => {
            assert_eq!((*chan, fp), (ChannelId(1), &[0xab; 32]));
            assert_eq!(*bind_key, transport.bind_key(&[0x11; 32], &[0x22; 32]), "both ends hold the same key");
        }
        other => panic!("{:?}", other.iter().map(words).collect::<Vec<_>>()),
    }
    scene.say(1, &mut transport, &candidate(1000));
    scene.say(1, &mut transport, &FromViewer::CandEnd);
    assert_eq!(scene.words(), ["candidate 1", "candidates end 1"]);

    scene.door.send(ChannelId(1), &FromCamera::CandEnd);
    assert_eq!(later::<FromCamera>(&mut transport, &scene.sent()), FromCamera::CandEnd);
    scene.say(1, &mut transport, &FromViewer::Bye { why: Why::Left });
    assert_eq!(scene.words(), ["close 1 0", "gone 1 Bye(Left)"]);
    assert_eq!((scene.held(), scene.door.poll_timeout()), (0, None));
}

#[test]
fn the_camera_says_goodbye_too() {
    let (mut scene, phone) = Scene::with_phone();
    let mut transport = scene.open(&phone, 1, 1);
    scene.door.send(ChannelId(1), &FromCamera::Bye { why: Why::Stopping });
    let outputs = scene.outputs();
    assert_eq!(outputs.iter().map(words).collect::<Vec<_>>(), ["send 1", "close 1 0", "gone 1 Done"]);
    let DoorOutput::Send { data, .. } = &outputs[0] else { panic!() };
    assert_eq!(later::<FromCamera>(&mut transport, data), FromCamera::Bye { why: Why::Stopping });
}

#[test]
fn the_owners_refusal_is_sealed() {
    let (mut scene, phone) = Scene::with_phone();
    let (end, _) = scene.start(&phone, 1, &join(1));
    scene.outputs();
    let busy = Refused { why: Why::Busy, who: None, count: Some(16), retry_s: Some(5) };
    scene.door.refuse(ChannelId(1), busy.clone());
    let outputs = scene.outputs();
    assert_eq!(outputs.iter().map(words).collect::<Vec<_>>(), ["send 1", "close 1 0", "gone 1 Refused(Busy)"]);
    let DoorOutput::Send { data, .. } = &outputs[0] else { panic!() };
    assert_eq!(second::<FromCamera>(end, data).1, FromCamera::Refused(busy));
}

/// Joins as a viewer of whom the roster says something else, and returns the refusal.
fn refusal(change: impl Fn(&mut crate::trust::Viewer), first: &serde_json::Value) -> Why {
    let (mut scene, phone) = Scene::with_phone();
    change(&mut scene.viewers[0]);
    scene.publish();
    let (end, _) = scene.start(&phone, 1, first);
    let outputs = scene.outputs();
    assert_eq!(outputs.iter().map(words).collect::<Vec<_>>(), ["send 1", "close 1 0"]);
    let DoorOutput::Send { data, .. } = &outputs[0] else { panic!() };
    match second::<FromCamera>(end, data).1 {
        FromCamera::Refused(refused) => refused.why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn removed_devices_and_guests_whose_time_is_over_are_told() {
    let first = serde_json::to_value(join(1)).unwrap();
    assert_eq!(refusal(|v| v.state = ViewerState::Revoked, &first), Why::Revoked);
    assert_eq!(refusal(|v| v.expires = Some(WALL), &first), Why::GuestEnded);
    let (mut scene, phone) = Scene::with_phone();
    scene.viewers[0].expires = Some(WallTime(WALL.0 + 1));
    scene.publish();
    scene.start(&phone, 1, &join(1));
    assert_eq!(scene.words(), ["knock 1"], "a guest within his time is let in");
}

#[test]
fn versions_and_nonsense_are_told_apart() {
    let first = |change: serde_json::Value| {
        let mut join = serde_json::to_value(join(1)).unwrap();
        join.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        refusal(|_| {}, &join)
    };
    assert_eq!(first(json!({ "v": 0 })), Why::OldViewer);
    assert_eq!(first(json!({ "v": 2, "slots": "many" })), Why::OldCamera);
    assert_eq!(first(json!({ "slots": 0 })), Why::Protocol);
    assert_eq!(first(json!({ "slots": 17 })), Why::Protocol);
    assert_eq!(first(json!({ "sid": "short" })), Why::Protocol);
    let wish = WatchWish { slot: 0, camera: CameraId::new("door"), layer: Layer::Full };
    assert_eq!(first(json!({ "watch": vec![wish; 17] })), Why::Protocol);
}

#[test]
fn a_pending_viewer_is_confirmed_by_its_first_answer() {
    let (mut scene, phone) = Scene::with_phone();
    scene.viewers[0].state = ViewerState::Pending;
    scene.publish();
    let mut transport = scene.offered(&phone, 1, 1);
    scene.say(1, &mut transport, &answer());
    assert_eq!(scene.words(), ["confirm", "answer 1"]);
}

#[test]
fn removing_a_viewer_ends_its_channels_with_a_word_and_no_others() {
    let (mut scene, phone) = Scene::with_phone();
    let other = scene.pair(20);
    let mut transport = scene.open(&phone, 1, 1);
    let mut others = scene.open(&other, 2, 1);
    let (knocking, _) = scene.start(&phone, 3, &join(2));
    scene.outputs();
    scene.viewers[0].state = ViewerState::Revoked;
    scene.publish();
    let outputs = scene.outputs();
    assert_eq!(outputs.iter().map(words).collect::<Vec<_>>(), ["send 1", "close 1 0", "gone 1 Refused(Revoked)"]);
    let DoorOutput::Send { data, .. } = &outputs[0] else { panic!() };
    assert_eq!(later::<FromCamera>(&mut transport, data), FromCamera::Bye { why: Why::Revoked });

    scene.door.offer(scene.now, ChannelId(3), offer());
    let told = second::<FromCamera>(knocking, &scene.sent()).1;
    assert!(matches!(told, FromCamera::Refused(Refused { why: Why::Revoked, .. })), "{told:?}");
    scene.say(2, &mut others, &candidate(1));
    assert_eq!(scene.words(), ["candidate 2"]);
}

#[test]
fn answers_that_do_not_fit_are_refused_with_a_word() {
    let bend = |change: &dyn Fn(&mut String, &mut String, &mut String)| {
        let FromViewer::Answer { mut sdp, mut fp, mut kb } = answer() else { panic!() };
        change(&mut sdp, &mut fp, &mut kb);
        let (mut scene, phone) = Scene::with_phone();
        let mut transport = scene.offered(&phone, 1, 1);
        scene.say(1, &mut transport, &FromViewer::Answer { sdp, fp, kb });
        let outputs = scene.outputs();
        if let DoorOutput::Send { data, .. } = &outputs[0] {
            assert_eq!(later::<FromCamera>(&mut transport, data), FromCamera::Bye { why: Why::Protocol });
        }
        outputs.iter().map(words).collect::<Vec<_>>()
    };
    let refused = ["send 1", "close 1 4", "gone 1 failed"];
    assert_eq!(bend(&|_, _, _| {}), ["answer 1"], "the control");
    assert_eq!(bend(&|_, fp, _| *fp = b64::encode(&[0xac; 32])), refused, "another fingerprint");
    assert_eq!(bend(&|sdp, _, _| *sdp = sdp.replace("AB:AB", "AB:AC")), refused);
    assert_eq!(bend(&|sdp, _, _| *sdp = sdp.replace("active", "actpass")), refused);
    assert_eq!(bend(&|sdp, _, _| *sdp = sdp.replace("recvonly", "sendrecv")), refused, "speaks without being asked");
    assert_eq!(bend(&|_, _, kb| kb.clear()), refused);
}

#[test]
fn messages_out_of_their_place_end_the_channel() {
    for message in [FromViewer::PairOk, candidate(1), FromViewer::CandEnd] {
        let (mut scene, phone) = Scene::with_phone();
        let mut transport = scene.offered(&phone, 1, 1);
        scene.say(1, &mut transport, &message);
        assert_eq!(scene.words(), ["send 1", "close 1 4", "gone 1 failed"], "{message:?} before the answer");
    }
    let (mut scene, phone) = Scene::with_phone();
    let mut transport = scene.open(&phone, 1, 1);
    scene.say(1, &mut transport, &answer());
    assert_eq!(scene.words(), ["send 1", "close 1 4", "gone 1 failed"], "a second answer");
    let (end, _) = scene.start(&phone, 2, &join(2));
    scene.data(2, &[0; 272]);
    assert_eq!(scene.words(), ["knock 2", "close 2 4", "gone 2 failed"], "speaks before it was answered");
    drop(end);
}

#[test]
fn candidates_are_checked_and_counted_on_both_sides() {
    for (cand, mid) in [
        ("candidate:1 1 udp 1 evil.example.com 1 typ host", "0"),
        ("candidate:1 1 udp 1 192.0.2.1 1 typ host", "7"),
        ("", "0"),
    ] {
        let (mut scene, phone) = Scene::with_phone();
        let mut transport = scene.open(&phone, 1, 1);
        scene.say(1, &mut transport, &FromViewer::Cand(Candidate { cand: cand.into(), mid: mid.into() }));
        assert_eq!(scene.words(), ["send 1", "close 1 4", "gone 1 failed"], "{cand:?} {mid}");
    }
    let (mut scene, phone) = Scene::with_phone();
    let mut transport = scene.open(&phone, 1, 1);
    for n in 0..64 {
        scene.say(1, &mut transport, &candidate(n));
        assert_eq!(scene.words(), ["candidate 1"]);
    }
    scene.say(1, &mut transport, &candidate(64));
    assert_eq!(scene.words(), ["send 1", "close 1 4", "gone 1 failed"]);

    let _open = scene.open(&phone, 2, 2);
    let FromViewer::Cand(ours) = candidate(1) else { panic!() };
    for _ in 0..100 {
        scene.door.send(ChannelId(2), &FromCamera::Cand(ours.clone()));
    }
    assert_eq!(scene.words().len(), 64, "ours beyond the most are not sent");
}

#[test]
fn our_own_bad_offer_fails_loudly() {
    let bad = [
        Offer { fp: b64::encode(&[1; 32]), ..offer() },
        Offer { kb: String::new(), ..offer() },
        Offer { sdp: "v=0".into(), ..offer() },
        Offer {
            slots: vec![athome_shared::protocol::wire::SlotMid {
                kind: athome_shared::protocol::wire::SlotKind::Video,
                slot: 0,
                mid: "x".repeat(16_000),
            }],
            ..offer()
        },
    ];
    for bad in bad {
        let (mut scene, phone) = Scene::with_phone();
        scene.start(&phone, 1, &join(1));
        scene.outputs();
        scene.door.offer(scene.now, ChannelId(1), bad);
        assert_eq!(scene.words(), ["close 1 4", "gone 1 failed"]);
    }
}

#[test]
fn slow_viewers_and_old_channels_are_closed_in_time() {
    let (mut scene, phone) = Scene::with_phone();
    let life = Limits::default();
    scene.start(&phone, 1, &join(1));
    scene.outputs();
    assert_eq!(scene.door.poll_timeout(), Some(scene.now + life.half_open_life));
    scene.wait(life.half_open_life - Duration::from_millis(1));
    assert_eq!(scene.words(), Vec::<String>::new());
    scene.wait(Duration::from_millis(1));
    assert_eq!(scene.words(), ["close 1 1", "gone 1 TimedOut"]);
    scene.door.offer(scene.now, ChannelId(1), offer());
    assert_eq!(scene.words(), Vec::<String>::new(), "an offer that comes too late is for nobody");

    scene.offered(&phone, 2, 2);
    scene.wait(life.half_open_life);
    assert_eq!(scene.words(), ["close 2 1", "gone 2 TimedOut"]);

    let mut transport = scene.open(&phone, 3, 3);
    scene.wait(life.open_life - Duration::from_millis(1));
    scene.say(3, &mut transport, &candidate(1));
    assert_eq!(scene.words(), ["candidate 3"]);
    scene.wait(Duration::from_millis(1));
    assert_eq!(scene.words(), ["close 3 0", "gone 3 Done"]);
}
