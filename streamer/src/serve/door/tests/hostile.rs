//! Servers and strangers that replay, bend, reorder, splice and flood.

use std::time::Duration;

use athome_shared::pair::keys::StaticKeypair;
use athome_shared::pair::seal;
use athome_shared::protocol::wire::{Candidate, FromViewer, Why};
use athome_shared::secret::Secret;

use super::scene::{Phone, Scene, answer, join, words};
use crate::serve::door::{ChannelId, Counts, DoorOutput, Limits, Ring};

const SECOND: Duration = Duration::from_secs(1);

fn sealed(transport: &mut athome_shared::pair::noise::Transport, message: &FromViewer) -> Vec<u8> {
    transport.seal(&seal::seal(message).unwrap()).unwrap()
}

#[test]
fn a_stranger_gets_no_word() {
    let (mut scene, _) = Scene::with_phone();
    let stranger = Phone { keys: StaticKeypair::from_secret(Secret::new([99; 32])), psk: Secret::new([98; 32]) };
    scene.start(&stranger, 1, &join(1));
    scene.data(1, &[0; 272]);
    assert_eq!(scene.words(), Vec::<String>::new());
    assert_eq!(scene.door.counts().strangers, 1);
    scene.wait(Limits::default().half_open_life);
    assert_eq!(scene.words(), ["close 1 1"], "then the same as from nobody");
}

#[test]
fn whoever_has_the_static_key_but_not_the_psk_gets_no_further_than_a_knock() {
    let (mut scene, phone) = Scene::with_phone();
    let thief = Phone { keys: phone.keys.clone(), psk: Secret::new([0; 32]) };
    let (end, _) = scene.start(&thief, 1, &join(1));
    assert_eq!(scene.words(), ["knock 1"]);
    scene.door.offer(scene.now, ChannelId(1), super::scene::offer());
    let m2 = scene.sent();
    assert!(end.m2(&m2).is_err(), "the offer can't be read");
}

#[test]
fn a_first_message_counts_once() {
    let (mut scene, phone) = Scene::with_phone();
    let (_, m1) = scene.start(&phone, 1, &join(100));
    assert_eq!(scene.words(), ["knock 1"]);
    scene.door.handle_close(scene.now, ChannelId(1));
    scene.outputs();

    scene.ring(1);
    scene.data(1, &m1);
    assert_eq!(scene.words(), Vec::<String>::new(), "the same on the same channel");
    scene.ring(2);
    scene.data(2, &m1);
    assert_eq!(scene.words(), ["close 2 4"], "the same on another channel");
    for ctr in [100, 99, 0] {
        scene.start(&phone, 10 + ctr, &join(ctr));
        assert_eq!(scene.words(), Vec::<String>::new(), "counter {ctr} again");
    }
    assert_eq!(scene.door.counts(), Counts { replays: 4, bad_knocks: 1, ..Counts::default() });
    scene.start(&phone, 3, &join(101));
    assert_eq!(scene.words(), ["knock 3"], "the real viewer goes on");

    // The roster changes for another reason; what was counted stays counted.
    scene.pair(50);
    scene.start(&phone, 4, &join(101));
    assert_eq!(scene.words(), Vec::<String>::new());
}

#[test]
fn a_bent_first_message_is_refused_whichever_bit_is_bent() {
    let (mut scene, phone) = Scene::with_phone();
    let (_, m1) = scene.start(&phone, 1, &join(1));
    assert_eq!(scene.words(), ["knock 1"], "the control");
    scene.door.handle_close(scene.now, ChannelId(1));
    scene.outputs();
    for bit in 0..m1.len() * 8 {
        scene.wait(SECOND);
        let mut bent = m1.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        scene.ring(1);
        scene.data(1, &bent);
        assert_eq!(scene.words(), ["close 1 4"], "bit {bit}");
    }
    assert_eq!(scene.held(), 0);
}

#[test]
fn a_bent_answer_or_candidate_ends_its_channel_only() {
    let (mut scene, phone) = Scene::with_phone();
    let other = scene.pair(30);
    let mut others = scene.open(&other, 9, 1);
    let length = sealed(&mut scene.offered(&phone, 1, 1), &answer()).len();
    scene.door.handle_close(scene.now, ChannelId(1));
    scene.outputs();
    for (n, at) in (0..length).step_by(31).enumerate() {
        scene.wait(SECOND);
        let mut transport = scene.offered(&phone, 1, 10 + n as u64);
        let mut bent = sealed(&mut transport, &answer());
        bent[at] ^= 1 << (n % 8);
        scene.data(1, &bent);
        assert_eq!(scene.words(), ["close 1 4", "gone 1 Tampered"], "byte {at}");
        let whole = sealed(&mut transport, &answer());
        scene.data(1, &whole);
        assert_eq!(scene.words(), ["close 1 5"], "and nothing follows");
    }
    scene.say(9, &mut others, &FromViewer::CandEnd);
    assert_eq!(scene.words(), ["candidates end 9"]);
}

#[test]
fn repeated_dropped_and_reordered_messages_end_the_channel() {
    let candidate = |port: u16| {
        FromViewer::Cand(Candidate { cand: format!("candidate:1 1 udp 1 192.0.2.1 {port} typ host"), mid: "0".into() })
    };
    for (name, order, heard) in [("repeated", [0, 0], 1), ("dropped", [1, 2], 0), ("reordered", [1, 0], 0)] {
        let (mut scene, phone) = Scene::with_phone();
        let mut transport = scene.open(&phone, 1, 1);
        let messages: Vec<_> = (0..3).map(|n| sealed(&mut transport, &candidate(n))).collect();
        for at in order {
            scene.data(1, &messages[at]);
        }
        let words = scene.words();
        assert_eq!(words.iter().filter(|w| *w == "candidate 1").count(), heard, "{name}: {words:?}");
        assert!(words.contains(&"gone 1 Tampered".to_owned()), "{name}: {words:?}");
    }
}

#[test]
fn a_message_spliced_into_another_channel_ends_that_one() {
    let (mut scene, phone) = Scene::with_phone();
    let mut first = scene.open(&phone, 1, 1);
    let _second = scene.open(&phone, 2, 2);
    let data = sealed(&mut first, &FromViewer::CandEnd);
    scene.data(2, &data);
    assert_eq!(scene.words(), ["close 2 4", "gone 2 Tampered"]);
    scene.data(1, &data);
    assert_eq!(scene.words(), ["candidates end 1"]);
}

#[test]
fn rings_without_a_word_are_bounded_and_give_way() {
    let (mut scene, phone) = Scene::with_phone();
    for chan in 0..10_000 {
        scene.ring(1000 + chan);
    }
    assert_eq!(scene.held(), 16);
    let words = scene.words();
    assert_eq!(words.len(), 10_000 - 16, "each ring beyond closes the oldest: {:?}", words.last());
    scene.start(&phone, 1, &join(1));
    assert_eq!(scene.words().last().map(String::as_str), Some("knock 1"), "the real viewer gets in");
    scene.wait(Limits::default().half_open_life);
    assert_eq!(scene.held(), 0);
}

#[test]
fn one_viewer_holds_few_half_open_channels_and_all_together_sixteen() {
    let mut scene = Scene::new();
    let phones: Vec<Phone> = (10..15).map(|seed| scene.pair(seed * 2)).collect();
    for chan in 0..5 {
        scene.start(&phones[0], chan, &join(1 + chan));
    }
    let words = scene.words();
    assert_eq!(words[4..], ["close 0 2", "gone 0 Crowded", "knock 4"], "his oldest gave way: {words:?}");
    scene.wait(SECOND * 4);
    for (n, phone) in phones[1..].iter().enumerate() {
        for chan in 0..3 {
            scene.start(phone, 100 * (n as u64 + 1) + chan, &join(1 + chan));
        }
    }
    assert_eq!(scene.held(), 16);
    scene.words();
    scene.ring(999);
    assert_eq!(scene.words(), ["close 999 2"], "nobody who proved himself gives way to a ring");
    assert_eq!(scene.held(), 16);
}

#[test]
fn first_messages_are_limited_in_rate() {
    let (mut scene, phone) = Scene::with_phone();
    let mut closed = Vec::new();
    for chan in 0..50 {
        scene.ring(chan);
        scene.data(chan, &[chan as u8; 352]);
        closed.extend(scene.words());
    }
    assert_eq!(closed.iter().filter(|w| w.ends_with(" 4")).count(), 20, "as many as the burst were looked at");
    assert_eq!(closed.iter().filter(|w| w.ends_with(" 6")).count(), 30);
    scene.wait(SECOND);
    scene.start(&phone, 100, &join(1));
    assert_eq!(scene.words(), ["knock 100"]);
}

#[test]
fn open_channels_are_bounded() {
    let (mut scene, phone) = Scene::with_phone();
    for chan in 0..70 {
        scene.wait(SECOND);
        let mut transport = scene.offered(&phone, chan, 1 + chan);
        scene.say(chan, &mut transport, &answer());
        let words = scene.words();
        assert_eq!(words[0], format!("answer {chan}"));
        assert_eq!(words.len() > 1, chan >= 64, "{words:?}");
    }
    assert_eq!(scene.held(), 64);
}

#[test]
fn a_number_rung_twice_is_no_longer_a_channel() {
    let (mut scene, phone) = Scene::with_phone();
    let mut transport = scene.open(&phone, 1, 1);
    scene.ring(1);
    assert_eq!(scene.words(), ["close 1 2", "gone 1 Crowded"]);
    let data = sealed(&mut transport, &FromViewer::Bye { why: Why::Left });
    scene.data(1, &data);
    assert_eq!(scene.words(), ["close 1 5"]);
}

#[test]
fn every_knock_and_enrolment_ends_exactly_once_whatever_happens() {
    let mut scene = Scene::new();
    let phones: Vec<Phone> = (10..13).map(|seed| scene.pair(seed * 2)).collect();
    scene.invite();
    let mailbox = scene.invites[0].pair_mailbox;
    let (mut known, mut seed) = (std::collections::BTreeMap::<u64, i32>::new(), 0x9e37_79b9_u64);
    let mut random = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let mut ends = std::collections::BTreeMap::new();
    for step in 0..4_000 {
        let chan = random(12);
        match random(9) {
            0 => scene.door.handle_ring(scene.now, ChannelId(chan), Ring::Pairing(mailbox)),
            1 | 2 => {
                let (end, _) = scene.start(&phones[random(3) as usize], chan, &join(step));
                ends.insert(chan, end);
            }
            3 => scene.door.offer(scene.now, ChannelId(chan), super::scene::offer()),
            4 => scene.data(chan, &[random(256) as u8; 300]),
            5 => scene.door.handle_close(scene.now, ChannelId(chan)),
            6 => scene.door.close(ChannelId(chan), 0),
            7 => scene.wait(Duration::from_millis(random(3_000))),
            _ => scene.publish(),
        }
        for output in scene.outputs() {
            match output {
                DoorOutput::Knock { chan, .. } | DoorOutput::Enrol { chan, .. } => {
                    *known.entry(chan.0).or_default() += 1
                }
                DoorOutput::Gone { chan, .. } => {
                    let open = known.entry(chan.0).or_default();
                    *open -= 1;
                    assert_eq!(*open, 0, "channel {} ended twice", chan.0);
                }
                DoorOutput::Send { chan, data } => {
                    // Some answer properly, so that open channels take part.
                    if let Some(Ok((mut transport, _))) = ends.remove(&chan.0).map(|end| end.m2(&data)) {
                        let data = sealed(&mut transport, &answer());
                        scene.data(chan.0, &data);
                    }
                }
                other => drop(words(&other)),
            }
        }
        assert!(known.values().all(|open| (0..=1).contains(open)), "{known:?}");
        assert!(scene.held() <= 80);
    }
    scene.wait(Limits::default().open_life);
    for output in scene.outputs() {
        if let DoorOutput::Gone { chan, .. } = output {
            *known.entry(chan.0).or_default() -= 1;
        }
    }
    assert!(known.values().all(|open| *open == 0), "{known:?}");
    assert!(known.len() > 5, "the walk met knocks: {known:?}");
}
