use athome_shared::pair::b64;
use athome_shared::pair::keys::{StaticKeypair, pair_mailbox};
use athome_shared::protocol::control::Role;
use athome_shared::protocol::wire::{FromViewer, PairHello, PairReply, Refused, Why};
use athome_shared::secret::Secret;
use serde_json::json;

use super::scene::{Scene, hello, second, words};
use crate::serve::door::{ChannelId, DoorOutput, Gone, Ring};
use crate::trust::{Enrolment, TrustStore};

const CHAN: ChannelId = ChannelId(5);

fn newcomer() -> StaticKeypair {
    StaticKeypair::from_secret(Secret::new([42; 32]))
}

/// Lets a scratch scene's pairing run against a real store's decision for the same key.
fn stored(keys: &StaticKeypair) -> Enrolment {
    let dir = tempfile::tempdir().unwrap();
    let store = TrustStore::open(dir.path()).unwrap();
    let terms = athome_shared::pair::roles::Roles::owner();
    let (invite, _) = store.new_invite(super::scene::WALL, terms, std::time::Duration::from_secs(600), 1).unwrap();
    store.enrol(super::scene::WALL, invite.pair_mailbox, keys.public(), &hello()).unwrap()
}

#[test]
fn a_newcomer_is_enrolled_welcomed_and_confirmed() {
    let mut scene = Scene::new();
    let (secret, keys) = (scene.invite(), newcomer());
    let end = scene.start_pairing(&keys, &secret, &hello());
    match &scene.outputs()[..] {
        [DoorOutput::Enrol { chan, pair_mailbox: mailbox, v_pub, hello: said }] => {
            assert_eq!((*chan, *mailbox, v_pub), (CHAN, pair_mailbox(&secret), keys.public()));
            assert_eq!(*said, hello());
        }
        other => panic!("{:?}", other.iter().map(words).collect::<Vec<_>>()),
    }
    let Enrolment::Welcome(viewer) = stored(&keys) else { panic!("refused") };
    scene.door.enrolled(CHAN, Enrolment::Welcome(viewer.clone()));
    let (mut transport, reply) = second::<PairReply>(end, &scene.sent());
    let PairReply::Welcome(welcome) = reply else { panic!("{reply:?}") };
    assert_eq!(welcome.psk, b64::encode(viewer.psk.expose()));
    assert_eq!(welcome.cap, b64::encode(viewer.cap.expose()));
    assert_eq!(welcome.roles, [Role::View, Role::Talk, Role::Playback, Role::Admin]);
    assert_eq!((welcome.place.as_str(), welcome.device.as_str()), ("Home", "Anna's phone"));

    scene.say(5, &mut transport, &FromViewer::PairOk);
    assert_eq!(scene.words(), ["confirm", "paired Anna's phone", "close 5 0", "gone 5 Done"]);
    assert_eq!(scene.held(), 0);
}

#[test]
fn a_second_device_is_told_who_came_first() {
    let mut scene = Scene::new();
    let secret = scene.invite();
    let end = scene.start_pairing(&newcomer(), &secret, &hello());
    scene.outputs();
    let refusal = Refused { why: Why::Used, who: Some("Ben".into()), count: None, retry_s: None };
    scene.door.enrolled(CHAN, Enrolment::Refused(refusal.clone()));
    let outputs = scene.outputs();
    assert_eq!(outputs.iter().map(words).collect::<Vec<_>>(), ["send 5", "close 5 0", "gone 5 Refused(Used)"]);
    let DoorOutput::Send { data, .. } = &outputs[0] else { panic!() };
    assert_eq!(second::<PairReply>(end, data).1, PairReply::Refused(refusal));
}

#[test]
fn without_the_secret_nobody_reaches_the_store() {
    let mut scene = Scene::new();
    scene.invite();
    scene.start_pairing(&newcomer(), &Secret::new([78; 16]), &hello());
    assert_eq!(scene.words(), ["close 5 1", "close 5 5"], "another secret has another mailbox");

    // The mailbox is right, as a server that registered it knows; the key behind it is not.
    let mailbox = scene.invites[0].pair_mailbox;
    scene.door.handle_ring(scene.now, CHAN, Ring::Pairing(mailbox));
    scene.data(5, &[7; 400]);
    assert_eq!(scene.words(), ["close 5 4"]);
    assert_eq!(scene.door.counts().bad_knocks, 1);
}

#[test]
fn versions_are_told_apart_in_words() {
    let reply = |first: serde_json::Value| {
        let mut scene = Scene::new();
        let secret = scene.invite();
        let end = scene.start_pairing(&newcomer(), &secret, &first);
        match second::<PairReply>(end, &scene.sent()).1 {
            PairReply::Refused(refused) => refused.why,
            PairReply::Welcome(_) => panic!("welcomed"),
        }
    };
    assert_eq!(reply(json!({ "v": 0, "device": "x", "platform": "web" })), Why::OldViewer);
    assert_eq!(reply(json!({ "v": 7, "passkey": [1, 2, 3] })), Why::OldCamera);
    assert_eq!(reply(json!({ "v": 1, "device": 5 })), Why::Protocol);
    assert_eq!(reply(json!([])), Why::Protocol);

    let mut scene = Scene::new();
    let secret = scene.invite();
    scene.start_pairing(&newcomer(), &secret, &PairHello { v: 9, ..hello() });
    assert_eq!(scene.words(), ["enrol 5"], "a newer viewer that still says what we know is welcome");
}

#[test]
fn the_owner_may_close_and_answers_for_gone_channels_do_nothing() {
    let mut scene = Scene::new();
    let secret = scene.invite();
    scene.start_pairing(&newcomer(), &secret, &hello());
    scene.outputs();
    scene.door.close(CHAN, super::super::close::BUSY);
    assert_eq!(scene.words(), ["close 5 2", "gone 5 Done"]);
    scene.door.enrolled(CHAN, stored(&newcomer()));
    scene.door.close(CHAN, 0);
    assert_eq!(scene.words(), Vec::<String>::new());

    scene.start_pairing(&newcomer(), &secret, &hello());
    scene.door.handle_close(scene.now, CHAN);
    assert_eq!(scene.words(), ["enrol 5".to_owned(), format!("gone 5 {:?}", Gone::Closed)]);
}
