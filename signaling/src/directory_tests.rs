//! The directory, told what happened and asked what to send.

use super::*;

const CAMERA: ConnId = ConnId(1);
const VIEWER: ConnId = ConnId(2);
const OTHER: ConnId = ConnId(3);
const MAILBOX: MailboxId = MailboxId([1; 16]);
const INVITE: MailboxId = MailboxId([2; 16]);
const CHAN: ChannelId = ChannelId(77);
const LIMITS: Limits = Limits { channels: 3, caps: 4, invites: 2, watches: 2 };

fn cap(n: u8) -> Secret<16> {
    Secret::new([n; 16])
}

fn session(n: u8) -> Target {
    Target::Session { mailbox: MAILBOX, cap: cap(n) }
}

fn to(to: ConnId, frame: Frame) -> Effect {
    Effect::Send { to, frame }
}

fn close(to: ConnId, chan: ChannelId, code: CloseCode) -> Effect {
    Effect::Send { to, frame: Frame::Close { chan, code } }
}

/// A camera with capability 1 and one invitation, and two viewers.
fn house() -> Directory {
    let mut directory = Directory::new(LIMITS);
    assert_eq!(directory.join_camera(CAMERA, MAILBOX), []);
    assert_eq!(directory.set_caps(CAMERA, vec![cap_hash(&cap(1))]), Ok(vec![]));
    assert_eq!(directory.set_invites(CAMERA, vec![INVITE]), Ok(vec![]));
    directory.join_viewer(VIEWER);
    directory.join_viewer(OTHER);
    directory
}

#[test]
fn a_known_capability_rings_and_data_finds_its_way_both_ways() {
    let mut directory = house();
    let ring = Frame::Ring { chan: CHAN, kind: RingKind::Session };
    assert_eq!(directory.open(VIEWER, CHAN, session(1)), Ok((Opened::Rung, vec![to(CAMERA, ring)])));
    assert_eq!(directory.route(VIEWER, CHAN), Some(CAMERA));
    assert_eq!(directory.route(CAMERA, CHAN), Some(VIEWER));
    assert_eq!(directory.route(OTHER, CHAN), None, "a channel is its viewer's own");
    assert_eq!(directory.counts(), Counts { cameras: 1, viewers: 2, channels: 1, watches: 0 });
}

#[test]
fn an_invitation_rings_with_its_own_id() {
    let mut directory = house();
    let ring = Frame::Ring { chan: CHAN, kind: RingKind::Pairing(INVITE) };
    assert_eq!(directory.open(VIEWER, CHAN, Target::Pairing(INVITE)), Ok((Opened::Rung, vec![to(CAMERA, ring)])));
}

#[test]
fn unknown_wrong_and_offline_are_one_answer() {
    let offline = Ok((Opened::Closed(CloseCode::Offline), vec![close(VIEWER, CHAN, CloseCode::Offline)]));
    let mut directory = house();
    let unknown = Target::Session { mailbox: MailboxId([9; 16]), cap: cap(1) };
    assert_eq!(directory.open(VIEWER, CHAN, unknown), offline);
    assert_eq!(directory.open(VIEWER, CHAN, session(2)), offline);
    assert_eq!(directory.open(VIEWER, CHAN, Target::Pairing(MailboxId([9; 16]))), offline);
    assert_eq!(directory.open(VIEWER, CHAN, Target::Pairing(MAILBOX)), offline, "a camera's mailbox is no invitation");
    directory.leave(CAMERA);
    assert_eq!(directory.open(VIEWER, CHAN, session(1)), offline);
    assert_eq!(directory.open(VIEWER, CHAN, Target::Pairing(INVITE)), offline);
    assert!(house().open(VIEWER, CHAN, session(1)).is_ok_and(|(opened, _)| opened == Opened::Rung), "the control");
}

#[test]
fn the_newest_proof_wins_and_keeps_what_was_registered() {
    let mut directory = house();
    directory.open(VIEWER, CHAN, session(1)).expect("within limits");
    directory.watch(OTHER, CHAN, MAILBOX, &cap(1)).expect("within limits");
    let newer = ConnId(9);
    let effects = directory.join_camera(newer, MAILBOX);
    let [first, Effect::End { conn: CAMERA, end }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(*first, close(VIEWER, CHAN, CloseCode::PeerGone));
    assert_eq!(end.code, ErrorCode::Replaced);
    assert_eq!(directory.leave(CAMERA), [], "the old connection's end changes nothing");
    let ring = to(newer, Frame::Ring { chan: CHAN, kind: RingKind::Session });
    assert_eq!(directory.open(VIEWER, CHAN, session(1)), Ok((Opened::Rung, vec![ring])));
    let ring = to(newer, Frame::Ring { chan: ChannelId(5), kind: RingKind::Pairing(INVITE) });
    assert_eq!(directory.open(VIEWER, ChannelId(5), Target::Pairing(INVITE)), Ok((Opened::Rung, vec![ring])));
}

#[test]
fn a_close_reaches_the_other_end_once() {
    for (from, other) in [(VIEWER, CAMERA), (CAMERA, VIEWER)] {
        let mut directory = house();
        directory.open(VIEWER, CHAN, session(1)).expect("within limits");
        assert_eq!(directory.close(from, CHAN, CloseCode::Done), [close(other, CHAN, CloseCode::Done)]);
        assert_eq!(directory.close(other, CHAN, CloseCode::Done), [], "crossing goodbyes are no error");
        assert_eq!(directory.route(from, CHAN), None);
        assert_eq!(directory.counts().channels, 0);
    }
}

#[test]
fn a_stranger_cannot_close_anothers_channel() {
    let mut directory = house();
    directory.open(VIEWER, CHAN, session(1)).expect("within limits");
    assert_eq!(directory.close(OTHER, CHAN, CloseCode::Done), []);
    assert_eq!(directory.route(VIEWER, CHAN), Some(CAMERA));
}

#[test]
fn leaving_closes_every_channel_at_the_other_end() {
    let mut directory = house();
    directory.open(VIEWER, CHAN, session(1)).expect("within limits");
    assert_eq!(directory.leave(VIEWER), [close(CAMERA, CHAN, CloseCode::PeerGone)]);
    assert_eq!(directory.route(CAMERA, CHAN), None);
    directory.open(OTHER, CHAN, session(1)).expect("within limits");
    assert_eq!(directory.leave(CAMERA), [close(OTHER, CHAN, CloseCode::PeerGone)]);
    directory.leave(OTHER);
    assert_eq!(directory.counts(), Counts::default(), "nothing is kept of those who left");
    assert!(directory.invites.is_empty() && directory.mailboxes.is_empty());
}

#[test]
fn a_capability_that_is_taken_away_ends_its_channels_at_once() {
    let mut directory = house();
    directory.set_caps(CAMERA, vec![cap_hash(&cap(1)), cap_hash(&cap(2))]).expect("within limits");
    directory.open(VIEWER, CHAN, session(1)).expect("within limits");
    directory.open(OTHER, ChannelId(5), session(2)).expect("within limits");
    let effects = directory.set_caps(CAMERA, vec![cap_hash(&cap(2))]).expect("within limits");
    let expected = [close(CAMERA, CHAN, CloseCode::PeerGone), close(VIEWER, CHAN, CloseCode::Offline)];
    assert_eq!(effects, expected);
    assert_eq!(directory.route(VIEWER, CHAN), None);
    assert_eq!(directory.route(OTHER, ChannelId(5)), Some(CAMERA), "the other viewer keeps its channel");
    let again = directory.open(VIEWER, CHAN, session(1)).expect("within limits");
    assert_eq!(again.0, Opened::Closed(CloseCode::Offline));
}

#[test]
fn an_invitation_that_is_taken_away_ends_its_channel() {
    let mut directory = house();
    directory.open(VIEWER, CHAN, Target::Pairing(INVITE)).expect("within limits");
    let effects = directory.set_invites(CAMERA, vec![]).expect("within limits");
    assert_eq!(effects, [close(CAMERA, CHAN, CloseCode::PeerGone), close(VIEWER, CHAN, CloseCode::Offline)]);
}

#[test]
fn an_invitation_belongs_to_who_registered_it_first() {
    let mut directory = house();
    directory.join_camera(ConnId(8), MailboxId([8; 16]));
    directory.set_invites(ConnId(8), vec![INVITE]).expect("within limits");
    let (_, effects) = directory.open(VIEWER, CHAN, Target::Pairing(INVITE)).expect("within limits");
    assert!(matches!(effects[..], [Effect::Send { to: CAMERA, .. }]), "{effects:?}");
    directory.set_invites(ConnId(8), vec![]).expect("within limits");
    let (opened, _) = directory.open(OTHER, CHAN, Target::Pairing(INVITE)).expect("within limits");
    assert_eq!(opened, Opened::Closed(CloseCode::Busy), "still the first one's, where this id is taken");
}

#[test]
fn presence_is_told_at_once_and_on_each_change_only() {
    let mut directory = house();
    let presence = |online| to(VIEWER, Frame::Presence { chan: CHAN, online });
    assert_eq!(directory.watch(VIEWER, CHAN, MAILBOX, &cap(1)), Ok(vec![presence(true)]));
    assert_eq!(directory.set_caps(CAMERA, vec![cap_hash(&cap(1))]), Ok(vec![]));
    assert_eq!(directory.set_caps(CAMERA, vec![]), Ok(vec![presence(false)]));
    assert_eq!(directory.set_caps(CAMERA, vec![cap_hash(&cap(1))]), Ok(vec![presence(true)]));
    assert_eq!(directory.leave(CAMERA), [presence(false)]);
    assert_eq!(directory.join_camera(ConnId(9), MAILBOX), []);
    assert_eq!(directory.set_caps(ConnId(9), vec![cap_hash(&cap(1))]), Ok(vec![presence(true)]));
    assert_eq!(directory.close(VIEWER, CHAN, CloseCode::Done), []);
    assert_eq!(directory.leave(ConnId(9)), [], "a watch that was closed is over");
    assert!(directory.watchers.is_empty());
}

#[test]
fn a_stranger_never_sees_a_camera_come_online() {
    let mut directory = house();
    let offline = to(VIEWER, Frame::Presence { chan: CHAN, online: false });
    assert_eq!(directory.watch(VIEWER, CHAN, MAILBOX, &cap(2)), Ok(vec![offline]));
    assert_eq!(directory.leave(CAMERA), []);
    assert_eq!(directory.join_camera(CAMERA, MAILBOX), []);
    assert_eq!(directory.set_caps(CAMERA, vec![cap_hash(&cap(1))]), Ok(vec![]));
}

#[test]
fn a_channel_id_that_the_camera_has_already_is_busy_and_changes_nothing() {
    let mut directory = house();
    directory.open(VIEWER, CHAN, session(1)).expect("within limits");
    let busy = (Opened::Closed(CloseCode::Busy), vec![close(OTHER, CHAN, CloseCode::Busy)]);
    assert_eq!(directory.open(OTHER, CHAN, session(1)), Ok(busy));
    assert_eq!(directory.route(CAMERA, CHAN), Some(VIEWER));
}

#[test]
fn an_id_used_twice_or_zero_ends_the_viewer() {
    let mut directory = house();
    directory.open(VIEWER, CHAN, session(1)).expect("within limits");
    for chan in [CHAN, ChannelId(0)] {
        assert_eq!(directory.open(VIEWER, chan, session(1)).map_err(|end| end.code), Err(ErrorCode::Malformed));
        assert_eq!(directory.watch(VIEWER, chan, MAILBOX, &cap(1)).map_err(|end| end.code), Err(ErrorCode::Malformed));
    }
}

#[test]
fn each_limit_holds_just_under_and_just_over() {
    let mut directory = house();
    let caps = |n: u8| (0..n).map(|n| [n; 32]).collect::<Vec<_>>();
    assert!(directory.set_caps(CAMERA, caps(4)).is_ok());
    assert_eq!(directory.set_caps(CAMERA, caps(5)).map_err(|end| end.code), Err(ErrorCode::Limit));
    let invites = |n: u8| (0..n).map(|n| MailboxId([n; 16])).collect::<Vec<_>>();
    assert!(directory.set_invites(CAMERA, invites(2)).is_ok());
    assert_eq!(directory.set_invites(CAMERA, invites(3)).map_err(|end| end.code), Err(ErrorCode::Limit));

    let mut directory = house();
    let opened: Vec<_> =
        (1..=4).map(|chan| directory.open(VIEWER, ChannelId(chan), session(1)).expect("distinct ids").0).collect();
    assert_eq!(opened, [Opened::Rung, Opened::Rung, Opened::Rung, Opened::Closed(CloseCode::Busy)]);
    let (opened, _) = directory.open(OTHER, ChannelId(9), session(1)).expect("within limits");
    assert_eq!(opened, Opened::Closed(CloseCode::Busy), "the camera's own limit");

    for chan in [10, 11] {
        let effects = directory.watch(VIEWER, ChannelId(chan), MAILBOX, &cap(1)).expect("distinct ids");
        assert!(matches!(effects[..], [Effect::Send { frame: Frame::Presence { .. }, .. }]));
    }
    let effects = directory.watch(VIEWER, ChannelId(12), MAILBOX, &cap(1)).expect("distinct ids");
    assert_eq!(effects, [close(VIEWER, ChannelId(12), CloseCode::Busy)]);
}

#[test]
fn a_slow_end_costs_the_channel_at_both_ends() {
    let mut directory = house();
    directory.open(VIEWER, CHAN, session(1)).expect("within limits");
    let both = [close(CAMERA, CHAN, CloseCode::TooSlow), close(VIEWER, CHAN, CloseCode::TooSlow)];
    assert_eq!(directory.too_slow(CAMERA, CHAN), both);
    assert_eq!(directory.too_slow(CAMERA, CHAN), []);
}
