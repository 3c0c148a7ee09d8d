//! Whatever one connection sends ends that connection at most; a camera and a viewer beside it go on.

mod support;

use athome_shared::protocol::signal::{ErrorCode, Frame};
use support::{Client, TestServer, data, open};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::tungstenite::Message;

/// A pair in conversation.
struct Bystanders(Client, Client);

impl Bystanders {
    async fn new(server: &TestServer) -> Self {
        let mut camera = server.camera(8, &[8]).await;
        camera.assert_quiet_and_alive().await;
        let viewer = server.viewer(8, 8, 88).await;
        assert!(matches!(camera.recv().await, Some(Frame::Ring { .. })));
        Self(camera, viewer)
    }

    async fn still_talk(&mut self) {
        self.1.send(&data(88, b"there")).await;
        assert_eq!(self.0.recv().await, Some(data(88, b"there")));
        self.0.send(&data(88, b"back")).await;
        assert_eq!(self.1.recv().await, Some(data(88, b"back")));
    }
}

#[tokio::test]
async fn a_frame_of_the_largest_size_passes_and_one_byte_more_ends_the_connection() {
    let server = TestServer::start(support::config()).await;
    let mut bystanders = Bystanders::new(&server).await;
    let mut largest = Frame::Data { chan: athome_shared::id::ChannelId(1), body: Default::default() }.encode().to_vec();
    largest.resize(16_384, 0);
    let mut client = server.viewer(8, 8, 1).await;
    client.send_raw(Message::Binary(largest.clone().into())).await;
    client.assert_quiet_and_alive().await;
    largest.push(0);
    for size in [largest.len(), 100_000, 5_000_000] {
        let mut client = server.client().await;
        largest.resize(size, 0);
        client.send_raw(Message::Binary(largest.clone().into())).await;
        if size < 1_000_000 {
            client.assert_ended(ErrorCode::TooLarge).await;
        }
    }
    assert!(matches!(bystanders.0.recv().await, Some(Frame::Ring { .. })));
    assert!(matches!(bystanders.0.recv().await, Some(Frame::Data { .. })));
    bystanders.still_talk().await;
    server.stop().await;
}

#[tokio::test]
async fn a_large_message_in_small_pieces_is_too_large_as_well() {
    let server = TestServer::start(support::config()).await;
    let mut bystanders = Bystanders::new(&server).await;
    let client = server.client().await;
    let mut stream = client.ws;
    let MaybeTlsStream::Plain(tcp) = stream.get_mut() else { panic!("loopback is plain") };
    // RFC 6455 §5.4: a binary frame without FIN, then continuations without end; masked with zeros.
    let mut opcode = 0x02;
    for _ in 0..10 {
        let mut piece = vec![opcode, 0x80 | 126];
        piece.extend(4_000_u16.to_be_bytes());
        piece.extend([0; 4 + 4_000]);
        if tcp.write_all(&piece).await.is_err() {
            break;
        }
        opcode = 0;
    }
    let mut client = Client { ws: stream };
    client.assert_ended(ErrorCode::TooLarge).await;
    bystanders.still_talk().await;
    server.stop().await;
}

#[tokio::test]
async fn malformed_and_misplaced_messages_end_their_own_connection() {
    let server = TestServer::start(support::config()).await;
    let mut bystanders = Bystanders::new(&server).await;
    let malformed = [
        Message::Binary(vec![1].into()),
        Message::Binary(vec![].into()),
        Message::Binary(vec![1, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1].into()),
        Message::Binary(vec![1, 0x10, 0, 0, 0, 0, 0, 0, 0, 5, 9].into()),
        Message::Text("{\"type\":\"hello\"}".into()),
        Message::Binary(Frame::Drain { retry_secs: 0 }.encode()),
        Message::Binary(data(5, b"before OPEN").encode()),
        Message::Binary(Frame::Caps(vec![]).encode()),
    ];
    for message in malformed {
        let mut client = server.client().await;
        client.send_raw(message).await;
        client.assert_ended(ErrorCode::Malformed).await;
        bystanders.still_talk().await;
    }
    let mut client = server.client().await;
    client.send_raw(Message::Binary(vec![2, 1].into())).await;
    client.assert_ended(ErrorCode::Version).await;
    bystanders.still_talk().await;
    server.stop().await;
}

#[tokio::test]
async fn bytes_that_are_no_websocket_end_their_own_connection() {
    let server = TestServer::start(support::config()).await;
    let mut bystanders = Bystanders::new(&server).await;
    for garbage in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
        b"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 1\r\n\r\n",
        b"\0\0\0\0",
    ] {
        let mut stream = TcpStream::connect(server.address).await.expect("the server answers");
        stream.write_all(garbage).await.expect("it takes bytes");
        stream.shutdown().await.expect("our end");
        let mut answer = vec![];
        let _ = tokio::time::timeout(support::PATIENCE, stream.read_to_end(&mut answer)).await.expect("it hangs up");
        assert!(!answer.starts_with(b"HTTP/1.1 101"));
    }
    // Unmasked, which RFC 6455 §5.1 forbids clients.
    let mut client = server.client().await;
    if let MaybeTlsStream::Plain(tcp) = client.ws.get_mut() {
        tcp.write_all(&[0x82, 0x01, 0x01]).await.expect("it takes bytes");
    }
    client.assert_ended(ErrorCode::Malformed).await;
    bystanders.still_talk().await;
    server.stop().await;
}

#[tokio::test]
async fn a_viewer_that_uses_an_id_twice_is_ended_and_the_camera_told() {
    let server = TestServer::start(support::config()).await;
    let mut bystanders = Bystanders::new(&server).await;
    let mut client = server.viewer(8, 8, 7).await;
    client.send(&open(8, 8, 7)).await;
    client.assert_ended(ErrorCode::Malformed).await;
    assert!(matches!(bystanders.0.recv().await, Some(Frame::Ring { .. })));
    assert!(matches!(bystanders.0.recv().await, Some(Frame::Close { .. })));
    bystanders.still_talk().await;
    server.stop().await;
}
