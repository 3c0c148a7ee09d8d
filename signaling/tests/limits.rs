//! Nobody takes more than their share.

mod support;

use std::time::{Duration, Instant};

use athome_shared::id::ChannelId;
use athome_shared::protocol::signal::{CloseCode, ErrorCode, Frame};
use athome_signaling::Config;
use bytes::Bytes;
use support::{PATIENCE, TestServer, caps, data, open};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::{MaybeTlsStream, connect_async};

#[tokio::test]
async fn a_viewer_that_does_not_read_loses_its_channel_and_holds_up_nobody() {
    let config = Config { frames_burst: 1_000_000, queue_frames: 16, ..support::config() };
    let server = TestServer::start(config).await;
    let mut camera = server.camera(1, &[1]).await;
    camera.assert_quiet_and_alive().await;
    let mut stuck = server.viewer(1, 1, 5).await;
    assert!(matches!(camera.recv().await, Some(Frame::Ring { chan: ChannelId(5), .. })));
    let mut reader = server.viewer(1, 1, 6).await;
    assert!(matches!(camera.recv().await, Some(Frame::Ring { chan: ChannelId(6), .. })));
    let body = Bytes::from(vec![0; 16_000]);
    // More than loopback's socket buffers and the server's queue hold; the other viewer gets every one of its own.
    let mut sent = 0;
    for n in 0..2_000_u32 {
        camera.send(&Frame::Data { chan: ChannelId(5), body: body.clone() }).await;
        sent = n;
        let own = Frame::Data { chan: ChannelId(6), body: Bytes::from(n.to_be_bytes().to_vec()) };
        camera.send(&own).await;
        assert_eq!(reader.recv().await, Some(own), "the reader waits for nobody");
        if let Ok(Some(Ok(message))) =
            timeout(Duration::from_micros(1), futures_util::StreamExt::next(&mut camera.ws)).await
        {
            let frame = Frame::decode(message.into_data()).expect("a frame");
            assert_eq!(frame, Frame::Close { chan: ChannelId(5), code: CloseCode::TooSlow });
            break;
        }
    }
    assert!(sent < 1_999, "the stuck viewer's channel was never closed");
    let mut last = None;
    while let Some(frame) = stuck.recv().await {
        let done = matches!(frame, Frame::Close { .. });
        last = Some(frame);
        if done {
            break;
        }
    }
    assert_eq!(last, Some(Frame::Close { chan: ChannelId(5), code: CloseCode::TooSlow }));
    server.stop().await;
}

#[tokio::test]
async fn an_address_has_as_many_connections_as_it_may_and_no_more() {
    let server = TestServer::start(Config { max_connections_per_address: 3, ..support::config() }).await;
    let mut first = server.client().await;
    let _others = [server.client().await, server.client().await];
    match connect_async(server.url()).await {
        Err(Error::Http(response)) => {
            assert_eq!(response.status(), 503);
            let said = response.into_body().unwrap_or_default();
            assert_eq!(String::from_utf8_lossy(&said).trim(), "too many connections from this address");
        }
        other => panic!("a fourth connection got {other:?}"),
    }
    first.ws.close(None).await.expect("a goodbye");
    while first.recv().await.is_some() {}
    let start = Instant::now();
    while connect_async(server.url()).await.is_err() {
        assert!(start.elapsed() < PATIENCE, "the place was not given back");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_server_has_as_many_connections_as_it_may_and_no_more() {
    let server = TestServer::start(Config { max_connections: 2, ..support::config() }).await;
    let _both = [server.client().await, server.client().await];
    assert!(matches!(connect_async(server.url()).await, Err(Error::Http(response)) if response.status() == 503));
    server.stop().await;
}

#[tokio::test]
async fn behind_a_proxy_the_forwarded_address_counts() {
    let config = Config { max_connections_per_address: 1, trust_forwarded_for: true, ..support::config() };
    let server = TestServer::start(config).await;
    let connect = async |forwarded: Option<&str>| {
        use tokio_tungstenite::tungstenite::client::IntoClientRequest;
        let mut request = server.url().into_client_request().expect("a request");
        if let Some(address) = forwarded {
            request.headers_mut().insert("x-forwarded-for", address.parse().expect("a header"));
        }
        match connect_async(request).await {
            Ok((ws, _)) => Ok(ws),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    };
    let _first = connect(Some("192.0.2.1")).await.expect("a first connection");
    assert_eq!(connect(Some("192.0.2.1")).await.err(), Some(503));
    assert_eq!(connect(Some("192.0.2.9, 192.0.2.1")).await.err(), Some(503), "what the client claims does not count");
    assert!(connect(Some("192.0.2.2")).await.is_ok());
    assert_eq!(connect(None).await.err(), Some(400));
    server.stop().await;
}

#[tokio::test]
async fn too_many_frames_end_the_connection() {
    let server = TestServer::start(Config { frames_burst: 10, frames_per_second: 1, ..support::config() }).await;
    let mut viewer = server.client().await;
    viewer.send(&open(1, 1, 5)).await;
    for _ in 0..9 {
        viewer.send(&Frame::Close { chan: ChannelId(5), code: CloseCode::Done }).await;
    }
    assert!(matches!(viewer.recv().await, Some(Frame::Close { code: CloseCode::Offline, .. })));
    viewer.assert_quiet_and_alive().await;
    for _ in 0..3 {
        viewer.send(&Frame::Close { chan: ChannelId(5), code: CloseCode::Done }).await;
    }
    viewer.assert_ended(ErrorCode::Rate).await;
    server.stop().await;
}

#[tokio::test]
async fn too_many_opens_of_an_address_are_refused_and_the_connection_stays() {
    let server = TestServer::start(Config { opens_burst: 3, opens_per_second: 1, ..support::config() }).await;
    let mut viewer = server.client().await;
    let start = Instant::now();
    let mut codes = vec![];
    for chan in 1..=4 {
        viewer.send(&open(1, 1, chan)).await;
        match viewer.recv().await {
            Some(Frame::Close { code, .. }) => codes.push(code),
            other => panic!("{other:?}"),
        }
    }
    let expected = [CloseCode::Offline, CloseCode::Offline, CloseCode::Offline, CloseCode::Rate];
    // A machine so busy that a second passes has earned another token.
    assert!(codes == expected || start.elapsed() >= Duration::from_secs(1), "{codes:?}");
    viewer.assert_quiet_and_alive().await;
    server.stop().await;
}

#[tokio::test]
async fn a_camera_registers_as_many_viewers_as_it_may_and_no_more() {
    let server = TestServer::start(Config { max_caps: 2, ..support::config() }).await;
    let mut camera = server.camera(1, &[1, 2]).await;
    camera.assert_quiet_and_alive().await;
    camera.send(&caps(&[1, 2, 3])).await;
    camera.assert_ended(ErrorCode::Limit).await;
    server.stop().await;
}

#[tokio::test]
async fn a_silent_connection_is_ended_and_one_that_answers_pings_is_not() {
    let server = TestServer::start(Config { idle_secs: 1, ..support::config() }).await;
    let mut silent = server.camera(1, &[]).await;
    silent.assert_quiet_and_alive().await;
    // From here on nobody answers for it.
    let MaybeTlsStream::Plain(mut silent) = silent.ws.into_inner() else { panic!("loopback is plain") };
    let mut alive = server.camera(2, &[2]).await;
    // Reading is what answers pings.
    let two_idle_times = timeout(Duration::from_millis(2_200), alive.recv()).await;
    assert!(two_idle_times.is_err(), "nothing is said to one that answers: {two_idle_times:?}");
    alive.assert_quiet_and_alive().await;
    let mut heard = vec![];
    timeout(PATIENCE, silent.read_to_end(&mut heard)).await.expect("it hangs up").expect("in order");
    let error = Frame::Error { code: ErrorCode::Idle, text: String::new() }.encode();
    assert!(heard.windows(error.len()).any(|window| window == error), "{heard:?}");
    server.stop().await;
}

#[tokio::test]
async fn headers_that_come_too_slowly_are_not_waited_for() {
    let server = TestServer::start(Config { hello_secs: 1, ..support::config() }).await;
    let mut stream = TcpStream::connect(server.address).await.expect("the server answers");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.expect("it takes bytes");
    let mut answer = vec![];
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("it hangs up");
    assert!(read.is_err() || !answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    server.stop().await;
}

#[tokio::test]
async fn endless_headers_are_refused() {
    let server = TestServer::start(support::config()).await;
    let mut stream = TcpStream::connect(server.address).await.expect("the server answers");
    stream.write_all(b"GET / HTTP/1.1\r\n").await.expect("it takes bytes");
    let mut taken = 0;
    while taken < 10_000_000 && stream.write_all(&[b'x'; 1024]).await.is_ok() {
        taken += 1024;
    }
    assert!(taken < 10_000_000, "ten megabytes of one header were taken");
    // And the server still serves.
    let mut viewer = server.viewer(1, 1, 5).await;
    viewer.send(&data(5, b"")).await;
    assert!(matches!(viewer.recv().await, Some(Frame::Close { .. })));
    server.stop().await;
}
