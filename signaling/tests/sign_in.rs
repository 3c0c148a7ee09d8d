//! How a camera proves that a mailbox is its own.

mod support;

use athome_shared::protocol::signal::{ErrorCode, Frame};
use athome_signaling::Config;
use support::{TestServer, auth, data, open};

#[tokio::test]
async fn a_camera_signs_in_under_the_names_of_the_server() {
    let server = TestServer::start(support::config()).await;
    for name in ["localhost", "localhost:8080", "127.0.0.1", &server.address.to_string()] {
        server.client().await.sign_in(1, name).await;
    }
    let mut client = server.client().await;
    let nonce = client.challenge(1).await;
    client.send(&auth(1, &nonce, "hub.example")).await;
    client.assert_ended(ErrorCode::Authentication).await;
    server.stop().await;
}

#[tokio::test]
async fn configured_names_are_the_only_ones() {
    let server = TestServer::start(Config { names: vec!["Hub.Example".to_owned()], ..support::config() }).await;
    server.client().await.sign_in(1, "hub.example:443").await;
    let mut client = server.client().await;
    let nonce = client.challenge(1).await;
    client.send(&auth(1, &nonce, "localhost")).await;
    client.assert_ended(ErrorCode::Authentication).await;
    server.stop().await;
}

#[tokio::test]
async fn a_signature_is_good_for_its_own_challenge_and_key_only() {
    let server = TestServer::start(support::config()).await;
    let mut first = server.client().await;
    let old = first.challenge(1).await;
    let mut replay = server.client().await;
    let fresh = replay.challenge(1).await;
    assert_ne!(old, fresh, "every connection has its own challenge");
    replay.send(&auth(1, &old, "localhost")).await;
    replay.assert_ended(ErrorCode::Authentication).await;

    let mut thief = server.client().await;
    let nonce = thief.challenge(1).await;
    thief.send(&auth(2, &nonce, "localhost")).await;
    thief.assert_ended(ErrorCode::Authentication).await;

    first.send(&auth(1, &old, "localhost")).await;
    assert!(matches!(first.recv().await, Some(Frame::Ready { ver: 1, idle_secs: 60, max_frame: 16_384 })));
    server.stop().await;
}

#[tokio::test]
async fn the_newest_proof_wins() {
    let server = TestServer::start(support::config()).await;
    let mut older = server.camera(1, &[1]).await;
    let mut newer = server.camera(1, &[1]).await;
    older.assert_ended(ErrorCode::Replaced).await;
    let mut viewer = server.viewer(1, 1, 5).await;
    viewer.send(&data(5, b"hello")).await;
    assert!(matches!(newer.recv().await, Some(Frame::Ring { .. })));
    assert_eq!(newer.recv().await, Some(data(5, b"hello")));
    server.stop().await;
}

#[tokio::test]
async fn a_connection_says_in_time_what_it_is() {
    let server = TestServer::start(Config { hello_secs: 1, ..support::config() }).await;
    let mut silent = server.client().await;
    let mut half = server.client().await;
    half.challenge(1).await;
    let mut camera = server.camera(1, &[]).await;
    let mut viewer = server.client().await;
    viewer.send(&open(1, 1, 5)).await;
    viewer.recv().await;
    silent.assert_ended(ErrorCode::Idle).await;
    half.assert_ended(ErrorCode::Idle).await;
    camera.assert_quiet_and_alive().await;
    viewer.assert_quiet_and_alive().await;
    server.stop().await;
}
