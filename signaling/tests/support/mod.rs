//! A server on loopback, and clients that say exactly what a test wants.

// Each test file is a program of its own and uses a part of this.
#![allow(dead_code, unreachable_pub)]

use std::net::SocketAddr;
use std::time::Duration;

use athome_shared::id::{ChannelId, MailboxId};
use athome_shared::protocol::signal::{ErrorCode, Frame, Target, auth_input, cap_hash, mailbox_id};
use athome_shared::secret::Secret;
use athome_signaling::{Config, Server};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use ring::signature::{Ed25519KeyPair, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

/// Longer than anything that these tests wait for, on a busy machine too.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct TestServer {
    pub address: SocketAddr,
    pub stop: CancellationToken,
    pub task: JoinHandle<()>,
}

/// A free port on loopback, and no grace at the end.
pub fn config() -> Config {
    Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), drain_secs: 0, ..Config::default() }
}

impl TestServer {
    pub async fn start(config: Config) -> Self {
        let server = Server::bind(config).await.expect("a free port on loopback");
        let (address, stop) = (server.local_addr(), CancellationToken::new());
        let task = tokio::spawn(server.run(stop.clone()));
        Self { address, stop, task }
    }

    pub fn url(&self) -> String {
        format!("ws://{}/ws", self.address)
    }

    pub async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.expect("the server stops").expect("without a panic");
    }

    pub async fn client(&self) -> Client {
        let (ws, _) = connect_async(self.url()).await.expect("the server answers");
        Client { ws }
    }

    /// A camera that is in, with the capabilities of these seeds.
    pub async fn camera(&self, seed: u8, caps: &[u8]) -> Client {
        let mut camera = self.client().await;
        camera.sign_in(seed, "localhost").await;
        camera.send(&self::caps(caps)).await;
        camera
    }

    /// A viewer that has opened `chan` to the camera of `seed`.
    pub async fn viewer(&self, seed: u8, cap_seed: u8, chan: u64) -> Client {
        let mut viewer = self.client().await;
        viewer.send(&open(seed, cap_seed, chan)).await;
        viewer
    }

    /// One request, one answer, as text.
    pub async fn http(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("the server answers");
        let request = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("it takes a request");
        let mut answer = String::new();
        let read = timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("it answers in time");
        read.expect("the answer is text");
        answer
    }
}

pub struct Client {
    pub ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub async fn send(&mut self, frame: &Frame) {
        self.send_raw(Message::Binary(frame.encode())).await;
    }

    pub async fn send_raw(&mut self, message: Message) {
        // A server that has hung up is seen at the next read.
        let _ = self.ws.send(message).await;
    }

    /// The next frame; `None` when the connection has ended.
    pub async fn recv(&mut self) -> Option<Frame> {
        loop {
            match timeout(PATIENCE, self.ws.next()).await.expect("something arrives in time")? {
                Ok(Message::Binary(bytes)) => return Some(Frame::decode(bytes).expect("servers send frames")),
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(_) | Err(_) => return None,
            }
        }
    }

    /// Whether the connection still works: a ping is answered, and nothing else is waiting.
    pub async fn assert_quiet_and_alive(&mut self) {
        self.ws.send(Message::Ping(Bytes::from_static(b"?"))).await.expect("the connection stands");
        loop {
            match timeout(PATIENCE, self.ws.next()).await.expect("an answer in time") {
                Some(Ok(Message::Pong(body))) if body.as_ref() == b"?" => return,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("unexpected: {other:?}"),
            }
        }
    }

    /// The connection ends with this error, and with nothing before it.
    pub async fn assert_ended(&mut self, expected: ErrorCode) {
        match self.recv().await {
            Some(Frame::Error { code, text }) => {
                assert_eq!(code, expected, "{text}");
                assert!(!text.is_empty(), "an error says why");
            }
            other => panic!("expected an ERROR frame, got {other:?}"),
        }
        assert_eq!(self.recv().await, None, "the connection ends");
    }

    pub async fn challenge(&mut self, seed: u8) -> [u8; 32] {
        self.send(&Frame::Hello { min_ver: 1, max_ver: 1, mailbox_pub: public(&key(seed)) }).await;
        match self.recv().await {
            Some(Frame::Challenge { nonce }) => nonce,
            other => panic!("expected CHALLENGE, got {other:?}"),
        }
    }

    pub async fn sign_in(&mut self, seed: u8, name: &str) {
        let nonce = self.challenge(seed).await;
        self.send(&auth(seed, &nonce, name)).await;
        assert!(matches!(self.recv().await, Some(Frame::Ready { .. })), "READY answers AUTH");
    }
}

pub fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("32 bytes are a seed")
}

pub fn public(key: &Ed25519KeyPair) -> [u8; 32] {
    key.public_key().as_ref().try_into().expect("32 bytes")
}

pub fn mailbox(seed: u8) -> MailboxId {
    mailbox_id(&public(&key(seed)))
}

pub fn auth(seed: u8, nonce: &[u8; 32], name: &str) -> Frame {
    let key = key(seed);
    let sig = key.sign(&auth_input(nonce, &public(&key), name)).as_ref().try_into().expect("64 bytes");
    Frame::Auth { sig, name: name.to_owned() }
}

pub fn cap(seed: u8) -> Secret<16> {
    Secret::new([seed; 16])
}

pub fn caps(seeds: &[u8]) -> Frame {
    Frame::Caps(seeds.iter().map(|seed| cap_hash(&cap(*seed))).collect())
}

pub fn open(seed: u8, cap_seed: u8, chan: u64) -> Frame {
    let target = Target::Session { mailbox: mailbox(seed), cap: cap(cap_seed) };
    Frame::Open { chan: ChannelId(chan), target }
}

pub fn data(chan: u64, body: &'static [u8]) -> Frame {
    Frame::Data { chan: ChannelId(chan), body: Bytes::from_static(body) }
}
