//! One connection, or two, without sockets.

use std::task::{Context, Waker};
use std::time::Duration;

use athome_shared::id::MailboxId;
use athome_shared::protocol::signal::{HEADER_LEN, Target, auth_input, cap_hash};
use athome_shared::secret::Secret;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::*;
use crate::outbox::Popped;

const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const CHAN: ChannelId = ChannelId(7);
const NONCE: [u8; 32] = [5; 32];

fn rules(config: &Config) -> (Arc<Rules>, Instant) {
    let now = Instant::now();
    (Arc::new(Rules::new(config, now)), now)
}

fn peer(rules: &Arc<Rules>, now: Instant) -> Peer {
    Peer::new(Arc::clone(rules), HOME, HOME, NONCE, now)
}

fn sent(peer: &Peer) -> Vec<Frame> {
    let pop = || peer.outbox.pop(&Context::from_waker(Waker::noop()));
    std::iter::from_fn(|| match pop() {
        Popped::Frame(frame) => Frame::decode(frame).ok(),
        Popped::Empty | Popped::Ended(_) => None,
    })
    .collect()
}

fn key() -> (Ed25519KeyPair, [u8; 32]) {
    let key = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).expect("a seed");
    let public = key.public_key().as_ref().try_into().expect("32 bytes");
    (key, public)
}

fn auth(nonce: &[u8; 32], name: &str) -> Frame {
    let (key, public) = key();
    let sig = key.sign(&auth_input(nonce, &public, name)).as_ref().try_into().expect("64 bytes");
    Frame::Auth { sig, name: name.to_owned() }
}

fn hello() -> Frame {
    Frame::Hello { min_ver: 1, max_ver: 1, mailbox_pub: key().1 }
}

fn say(peer: &mut Peer, now: Instant, frame: &Frame) -> Result<(), ErrorCode> {
    peer.handle_message(now, frame.encode()).map_err(|end| end.code)
}

fn camera(rules: &Arc<Rules>, now: Instant) -> Peer {
    let mut camera = peer(rules, now);
    for frame in [hello(), auth(&NONCE, "localhost"), Frame::Caps(vec![cap_hash(&Secret::new([1; 16]))])] {
        assert_eq!(say(&mut camera, now, &frame), Ok(()));
    }
    sent(&camera);
    camera
}

fn open(chan: ChannelId) -> Frame {
    Frame::Open { chan, target: Target::Session { mailbox: mailbox_id(&key().1), cap: Secret::new([1; 16]) } }
}

#[test]
fn a_camera_that_proves_its_key_is_in() {
    let (rules, now) = rules(&Config::default());
    let mut camera = peer(&rules, now);
    assert_eq!(say(&mut camera, now, &hello()), Ok(()));
    assert_eq!(sent(&camera), [Frame::Challenge { nonce: NONCE }]);
    assert!(!camera.is_known());
    assert_eq!(say(&mut camera, now, &auth(&NONCE, "localhost:8080")), Ok(()));
    assert_eq!(sent(&camera), [Frame::Ready { ver: 1, idle_secs: 60, max_frame: 16_384 }]);
    assert!(camera.is_known());
}

#[test]
fn a_wrong_name_or_an_old_challenge_is_not() {
    let (rules, now) = rules(&Config::default());
    for wrong in [auth(&NONCE, "evil.example"), auth(&[6; 32], "localhost")] {
        let mut camera = peer(&rules, now);
        assert_eq!(say(&mut camera, now, &hello()), Ok(()));
        assert_eq!(say(&mut camera, now, &wrong), Err(ErrorCode::Authentication));
        assert_eq!(rules.hub.counts().cameras, 0);
    }
}

#[test]
fn a_camera_of_another_version_is_told_so() {
    let (rules, now) = rules(&Config::default());
    for (min_ver, max_ver, expected) in [(1, 9, Ok(())), (0, 1, Ok(())), (2, 3, Err(ErrorCode::Version))] {
        let frame = Frame::Hello { min_ver, max_ver, mailbox_pub: key().1 };
        assert_eq!(say(&mut peer(&rules, now), now, &frame), expected);
    }
    assert_eq!(peer(&rules, now).handle_message(now, vec![9].into()).map_err(|e| e.code), Err(ErrorCode::Version));
}

#[test]
fn no_frame_is_taken_out_of_order() {
    let (rules, now) = rules(&Config::default());
    let data = Frame::Data { chan: CHAN, body: Bytes::new() };
    let close = Frame::Close { chan: CHAN, code: CloseCode::Done };
    let caps = Frame::Caps(vec![]);
    for first in [&data, &close, &caps, &auth(&NONCE, "localhost"), &Frame::Drain { retry_secs: 1 }] {
        assert_eq!(say(&mut peer(&rules, now), now, first), Err(ErrorCode::Malformed), "{first:?} first");
    }
    for second in [&data, &open(CHAN), &hello()] {
        let mut half = peer(&rules, now);
        assert_eq!(say(&mut half, now, &hello()), Ok(()));
        assert_eq!(say(&mut half, now, second), Err(ErrorCode::Malformed), "{second:?} instead of AUTH");
    }
    for viewers in [open(CHAN), hello()] {
        assert_eq!(say(&mut camera(&rules, now), now, &viewers), Err(ErrorCode::Malformed));
    }
    let mut viewer = peer(&rules, now);
    assert_eq!(say(&mut viewer, now, &open(CHAN)), Ok(()));
    assert_eq!(say(&mut viewer, now, &caps), Err(ErrorCode::Malformed));
}

#[test]
fn messages_behind_open_arrive_after_the_ring_and_untouched() {
    let (rules, now) = rules(&Config::default());
    let camera = camera(&rules, now);
    let mut viewer = peer(&rules, now);
    let data = Frame::Data { chan: CHAN, body: Bytes::from_static(b"sealed") };
    assert_eq!(say(&mut viewer, now, &open(CHAN)), Ok(()));
    assert_eq!(say(&mut viewer, now, &data), Ok(()));
    let kind = athome_shared::protocol::signal::RingKind::Session;
    assert_eq!(sent(&camera), [Frame::Ring { chan: CHAN, kind }, data]);
    drop(viewer);
    assert_eq!(sent(&camera), [Frame::Close { chan: CHAN, code: CloseCode::PeerGone }]);
}

#[test]
fn data_for_an_unknown_channel_is_answered_and_otherwise_ignored() {
    let (rules, now) = rules(&Config::default());
    let mut camera = camera(&rules, now);
    assert_eq!(say(&mut camera, now, &Frame::Data { chan: CHAN, body: Bytes::new() }), Ok(()));
    assert_eq!(sent(&camera), [Frame::Close { chan: CHAN, code: CloseCode::PeerGone }]);
}

#[test]
fn frames_of_a_later_protocol_are_ignored() {
    let (rules, now) = rules(&Config::default());
    let mut camera = camera(&rules, now);
    let mut later = vec![VERSION, 0x7f];
    later.resize(HEADER_LEN + 3, 0);
    assert_eq!(camera.handle_message(now, later.into()), Ok(()));
    assert_eq!(sent(&camera), []);
}

#[test]
fn a_frame_over_the_configured_size_is_too_large_and_one_under_is_not() {
    let (rules, now) = rules(&Config { max_frame: 2_000, ..Config::default() });
    for (len, expected) in [(2_000, Ok(())), (2_001, Err(ErrorCode::TooLarge))] {
        let frame = Frame::Data { chan: CHAN, body: vec![0; len - HEADER_LEN].into() };
        assert_eq!(say(&mut camera(&rules, now), now, &frame), expected);
    }
}

#[test]
fn frames_come_at_the_rate_that_is_allowed() {
    let config = Config { frames_burst: 3, frames_per_second: 10, ..Config::default() };
    let (rules, now) = rules(&config);
    let mut viewer = peer(&rules, now);
    let close = Frame::Close { chan: CHAN, code: CloseCode::Done };
    assert_eq!([open(CHAN), close.clone(), close.clone()].map(|f| say(&mut viewer, now, &f)), [Ok(()); 3]);
    assert_eq!(say(&mut viewer, now + Duration::from_millis(100), &close), Ok(()));
    assert_eq!(say(&mut viewer, now + Duration::from_millis(199), &close), Err(ErrorCode::Rate));
}

#[test]
fn opens_come_at_the_rate_of_their_address() {
    let config = Config { opens_burst: 2, opens_per_second: 10, ..Config::default() };
    let (rules, now) = rules(&config);
    let mut viewer = peer(&rules, now);
    let codes: Vec<_> = (1..=3)
        .map(|n| {
            assert_eq!(say(&mut viewer, now, &open(ChannelId(n))), Ok(()));
            sent(&viewer)
        })
        .collect();
    let close = |n, code| vec![Frame::Close { chan: ChannelId(n), code }];
    assert_eq!(codes, [close(1, CloseCode::Offline), close(2, CloseCode::Offline), close(3, CloseCode::Rate)]);
    let watch = Frame::Watch { chan: CHAN, mailbox: MailboxId([0; 16]), cap: Secret::new([0; 16]) };
    assert_eq!(say(&mut peer(&rules, now), now, &watch), Ok(()), "refused, but the connection stays");
    assert_eq!(say(&mut peer(&rules, now), now, &hello()), Err(ErrorCode::Rate));
    let elsewhere = IpAddr::from([192, 0, 2, 1]);
    let mut other = Peer::new(Arc::clone(&rules), elsewhere, HOME, NONCE, now);
    assert_eq!(say(&mut other, now, &hello()), Ok(()), "another address has its own");
}

#[test]
fn a_viewer_that_floods_a_stuck_camera_loses_its_own_channel_only() {
    let (rules, now) = rules(&Config { queue_frames: 8, ..Config::default() });
    let camera = camera(&rules, now);
    let mut flooder = peer(&rules, now);
    let mut quiet = peer(&rules, now);
    say(&mut flooder, now, &open(CHAN)).expect("allowed");
    say(&mut quiet, now, &open(ChannelId(8))).expect("allowed");
    let data = |chan| Frame::Data { chan, body: Bytes::new() };
    for _ in 0..8 {
        say(&mut flooder, now, &data(CHAN)).expect("allowed");
    }
    assert_eq!(sent(&flooder), []);
    say(&mut quiet, now, &data(ChannelId(8))).expect("allowed");
    assert_eq!(sent(&flooder), [Frame::Close { chan: CHAN, code: CloseCode::TooSlow }]);
    assert_eq!(sent(&quiet), []);
    let kept: Vec<_> = sent(&camera).into_iter().filter(|frame| frame.chan() == ChannelId(8)).collect();
    assert_eq!(kept.len(), 2, "RING and DATA of the quiet viewer: {kept:?}");
}
