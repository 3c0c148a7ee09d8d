//! What cameras and viewers say to each other through the server.

mod support;

use athome_shared::id::{ChannelId, MailboxId};
use athome_shared::protocol::signal::{CloseCode, Frame, RingKind, Target};
use bytes::Bytes;
use support::{Client, TestServer, cap, caps, data, mailbox, open};

const CHAN: ChannelId = ChannelId(5);

fn close(code: CloseCode) -> Option<Frame> {
    Some(Frame::Close { chan: CHAN, code })
}

fn ring() -> Option<Frame> {
    Some(Frame::Ring { chan: CHAN, kind: RingKind::Session })
}

async fn pair(server: &TestServer) -> (Client, Client) {
    let mut camera = server.camera(1, &[1]).await;
    // Answered after CAPS was carried out.
    camera.assert_quiet_and_alive().await;
    let viewer = server.viewer(1, 1, CHAN.0).await;
    assert_eq!(camera.recv().await, ring());
    (camera, viewer)
}

#[tokio::test]
async fn messages_travel_both_ways_in_order_and_unchanged() {
    let server = TestServer::start(support::config()).await;
    let (mut camera, mut viewer) = pair(&server).await;
    for len in [0, 1, 255, 256, 4_096, 16_374] {
        let there = Frame::Data { chan: CHAN, body: Bytes::from(vec![7; len]) };
        let back = Frame::Data { chan: CHAN, body: Bytes::from(vec![8; len]) };
        viewer.send(&there).await;
        camera.send(&back).await;
        assert_eq!(camera.recv().await, Some(there));
        assert_eq!(viewer.recv().await, Some(back));
    }
    for n in 0..100_u8 {
        viewer.send(&Frame::Data { chan: CHAN, body: Bytes::from(vec![n]) }).await;
    }
    for n in 0..100_u8 {
        assert_eq!(camera.recv().await, Some(Frame::Data { chan: CHAN, body: Bytes::from(vec![n]) }));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_stranger_cannot_tell_unknown_wrong_and_offline_apart() {
    let server = TestServer::start(support::config()).await;
    let mut camera = server.camera(1, &[1]).await;
    camera.assert_quiet_and_alive().await;
    let mut answers = vec![];
    let unknown = open(9, 1, CHAN.0);
    let wrong = open(1, 9, CHAN.0);
    let pairing = Frame::Open { chan: CHAN, target: Target::Pairing(MailboxId([9; 16])) };
    for knock in [&unknown, &wrong, &pairing] {
        let mut viewer = server.client().await;
        viewer.send(knock).await;
        viewer.send(&data(CHAN.0, b"m1")).await;
        answers.push([viewer.recv().await, viewer.recv().await]);
    }
    camera.assert_quiet_and_alive().await;
    camera.ws.close(None).await.expect("a goodbye");
    while camera.recv().await.is_some() {}
    let mut viewer = server.client().await;
    viewer.send(&open(1, 1, CHAN.0)).await;
    viewer.send(&data(CHAN.0, b"m1")).await;
    answers.push([viewer.recv().await, viewer.recv().await]);
    for answer in answers {
        assert_eq!(answer, [close(CloseCode::Offline), close(CloseCode::PeerGone)]);
    }
    server.stop().await;
}

#[tokio::test]
async fn an_invitation_is_opened_by_knowing_it() {
    let server = TestServer::start(support::config()).await;
    let mut camera = server.camera(1, &[]).await;
    let invite = MailboxId([3; 16]);
    camera.send(&Frame::Invites(vec![invite])).await;
    camera.assert_quiet_and_alive().await;
    let mut viewer = server.client().await;
    viewer.send(&Frame::Open { chan: CHAN, target: Target::Pairing(invite) }).await;
    viewer.send(&data(CHAN.0, b"m1")).await;
    assert_eq!(camera.recv().await, Some(Frame::Ring { chan: CHAN, kind: RingKind::Pairing(invite) }));
    assert_eq!(camera.recv().await, Some(data(CHAN.0, b"m1")));
    camera.send(&Frame::Invites(vec![])).await;
    assert_eq!(viewer.recv().await, close(CloseCode::Offline));
    server.stop().await;
}

#[tokio::test]
async fn a_close_and_a_lost_connection_reach_the_other_end() {
    let server = TestServer::start(support::config()).await;
    let (mut camera, mut viewer) = pair(&server).await;
    viewer.send(&Frame::Close { chan: CHAN, code: CloseCode::Protocol }).await;
    assert_eq!(camera.recv().await, close(CloseCode::Protocol));
    viewer.send(&open(1, 1, CHAN.0)).await;
    assert_eq!(camera.recv().await, ring(), "the id is free again");
    drop(viewer);
    assert_eq!(camera.recv().await, close(CloseCode::PeerGone));
    let mut viewer = server.viewer(1, 1, CHAN.0).await;
    assert_eq!(camera.recv().await, ring());
    drop(camera);
    assert_eq!(viewer.recv().await, close(CloseCode::PeerGone));
    viewer.assert_quiet_and_alive().await;
    server.stop().await;
}

#[tokio::test]
async fn a_capability_that_is_taken_away_is_useless_at_once() {
    let server = TestServer::start(support::config()).await;
    let (mut camera, mut viewer) = pair(&server).await;
    camera.send(&caps(&[2])).await;
    assert_eq!(viewer.recv().await, close(CloseCode::Offline));
    assert_eq!(camera.recv().await, close(CloseCode::PeerGone));
    viewer.send(&open(1, 1, 6)).await;
    assert_eq!(viewer.recv().await, Some(Frame::Close { chan: ChannelId(6), code: CloseCode::Offline }));
    viewer.send(&open(1, 2, 7)).await;
    assert!(matches!(camera.recv().await, Some(Frame::Ring { chan: ChannelId(7), .. })), "another one works");
    server.stop().await;
}

#[tokio::test]
async fn presence_follows_the_camera_for_those_who_may_know() {
    let server = TestServer::start(support::config()).await;
    let watch = |cap_seed| Frame::Watch { chan: CHAN, mailbox: mailbox(1), cap: cap(cap_seed) };
    let presence = |online| Some(Frame::Presence { chan: CHAN, online });
    let mut friend = server.client().await;
    let mut stranger = server.client().await;
    friend.send(&watch(1)).await;
    stranger.send(&watch(2)).await;
    assert_eq!(friend.recv().await, presence(false));
    assert_eq!(stranger.recv().await, presence(false));
    let camera = server.camera(1, &[1]).await;
    assert_eq!(friend.recv().await, presence(true));
    drop(camera);
    assert_eq!(friend.recv().await, presence(false));
    stranger.assert_quiet_and_alive().await;
    server.stop().await;
}

#[tokio::test]
async fn a_channel_id_in_use_at_the_camera_is_busy_and_its_owner_notices_nothing() {
    let server = TestServer::start(support::config()).await;
    let (mut camera, mut viewer) = pair(&server).await;
    let mut second = server.viewer(1, 1, CHAN.0).await;
    assert_eq!(second.recv().await, close(CloseCode::Busy));
    viewer.send(&data(CHAN.0, b"still me")).await;
    assert_eq!(camera.recv().await, Some(data(CHAN.0, b"still me")));
    server.stop().await;
}
