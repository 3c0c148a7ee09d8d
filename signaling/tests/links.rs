//! The clients of `athome_shared::signal` against the real server.

mod support;

use std::sync::Arc;
use std::time::Duration;

use athome_shared::id::{ChannelId, MailboxId};
use athome_shared::protocol::signal::{CloseCode, ErrorCode, RingKind, cap_hash};
use athome_shared::signal::{
    CameraCommand, CameraLinkConfig, CameraLinkEvent, ChannelEvent, LinkEnd, LinkError, ViewerLink, run_camera_link,
};
use athome_signaling::Config;
use bytes::Bytes;
use support::{PATIENCE, TestServer, cap, key, mailbox};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const INVITE: MailboxId = MailboxId([3; 16]);

struct Camera {
    commands: mpsc::Sender<CameraCommand>,
    events: mpsc::Receiver<CameraLinkEvent>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Camera {
    async fn start(url: String) -> Self {
        let (commands, inbox) = mpsc::channel(16);
        let (outbox, events) = mpsc::channel(16);
        let stop = CancellationToken::new();
        let config = CameraLinkConfig { url, mailbox_key: Arc::new(key(1)) };
        commands.send(CameraCommand::Caps(vec![cap_hash(&cap(1))])).await.expect("room");
        commands.send(CameraCommand::Invites(vec![INVITE])).await.expect("room");
        let task = tokio::spawn(run_camera_link(config, inbox, outbox, stop.clone()));
        Self { commands, events, stop, task }
    }

    async fn event(&mut self) -> CameraLinkEvent {
        timeout(PATIENCE, self.events.recv()).await.expect("something happens").expect("the link runs")
    }

    async fn command(&self, command: CameraCommand) {
        self.commands.send(command).await.expect("the link runs");
    }

    async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.expect("the link stops").expect("without a panic");
    }
}

/// Opens until the camera's registration has arrived.
async fn open(link: &ViewerLink, camera: &mut Camera) -> (athome_shared::signal::Channel, RingKind) {
    loop {
        let mut channel = link.open_session(mailbox(1), &cap(1)).await.expect("the link stands");
        tokio::select! {
            event = camera.event() => match event {
                CameraLinkEvent::Ring { chan, kind } if chan == channel.id() => return (channel, kind),
                other => panic!("{other:?}"),
            },
            event = channel.recv() => assert_eq!(event, Some(ChannelEvent::Closed(CloseCode::Offline))),
        }
    }
}

#[tokio::test]
async fn a_session_and_a_pairing_share_one_connection() {
    let server = TestServer::start(support::config()).await;
    let mut camera = Camera::start(server.url()).await;
    assert_eq!(camera.event().await, CameraLinkEvent::Joined);
    let link = ViewerLink::connect(&server.url()).await.expect("the server answers");
    let (mut session, kind) = open(&link, &mut camera).await;
    assert_eq!(kind, RingKind::Session);
    let mut pairing = link.open_pairing(INVITE).await.expect("the link stands");
    pairing.send(Bytes::from_static(b"m1")).await.expect("the link stands");
    let chan = pairing.id();
    assert_eq!(camera.event().await, CameraLinkEvent::Ring { chan, kind: RingKind::Pairing(INVITE) });
    assert_eq!(camera.event().await, CameraLinkEvent::Data { chan, body: Bytes::from_static(b"m1") });
    for (chan, body) in [(chan, "to the pairing"), (session.id(), "to the session")] {
        camera.command(CameraCommand::Data { chan, body: Bytes::from_static(body.as_bytes()) }).await;
    }
    assert_eq!(pairing.recv().await, Some(ChannelEvent::Data(Bytes::from_static(b"to the pairing"))));
    assert_eq!(session.recv().await, Some(ChannelEvent::Data(Bytes::from_static(b"to the session"))));

    let id = session.id();
    drop(session);
    assert_eq!(camera.event().await, CameraLinkEvent::Closed { chan: id, code: CloseCode::Done });
    camera.command(CameraCommand::Close { chan, code: CloseCode::Protocol }).await;
    assert_eq!(pairing.recv().await, Some(ChannelEvent::Closed(CloseCode::Protocol)));
    assert_eq!(pairing.recv().await, None);
    camera.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_watch_follows_the_camera() {
    let server = TestServer::start(support::config()).await;
    let link = ViewerLink::connect(&server.url()).await.expect("the server answers");
    let mut watch = link.watch(mailbox(1), &cap(1)).await.expect("the link stands");
    assert_eq!(timeout(PATIENCE, watch.changed()).await, Ok(Some(false)));
    let camera = Camera::start(server.url()).await;
    assert_eq!(timeout(PATIENCE, watch.changed()).await, Ok(Some(true)));
    camera.stop().await;
    assert_eq!(timeout(PATIENCE, watch.changed()).await, Ok(Some(false)));
    server.stop().await;
    assert_eq!(timeout(PATIENCE, watch.changed()).await, Ok(None));
}

#[tokio::test]
async fn a_camera_comes_back_when_the_server_does_and_rings_as_before() {
    let server = TestServer::start(support::config()).await;
    let (url, address) = (server.url(), server.address);
    let mut camera = Camera::start(url.clone()).await;
    assert_eq!(camera.event().await, CameraLinkEvent::Joined);
    let link = ViewerLink::connect(&url).await.expect("the server answers");
    let (mut channel, _) = open(&link, &mut camera).await;
    server.task.abort();
    assert!(server.task.await.is_err_and(|error| error.is_cancelled()), "killed without a goodbye");
    assert_eq!(channel.recv().await, Some(ChannelEvent::Closed(CloseCode::PeerGone)));
    assert!(matches!(link.ended().await, LinkEnd::Lost(_)));
    assert_eq!(camera.event().await, CameraLinkEvent::Closed { chan: channel.id(), code: CloseCode::PeerGone });
    let CameraLinkEvent::Down { retry_in, why } = camera.event().await else { panic!("no Down") };
    assert!(retry_in <= Duration::from_millis(500) && !why.is_empty(), "{retry_in:?} {why}");

    let server = TestServer::start(Config { listen: address, ..support::config() }).await;
    loop {
        match camera.event().await {
            CameraLinkEvent::Joined => break,
            CameraLinkEvent::Down { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    let link = ViewerLink::connect(&url).await.expect("the server answers");
    open(&link, &mut camera).await;
    camera.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_stopping_server_says_when_to_come_back() {
    let server = TestServer::start(Config { retry_secs: 7, drain_secs: 5, ..support::config() }).await;
    let mut camera = Camera::start(server.url()).await;
    assert_eq!(camera.event().await, CameraLinkEvent::Joined);
    let link = ViewerLink::connect(&server.url()).await.expect("the server answers");
    let (channel, _) = open(&link, &mut camera).await;
    server.stop.cancel();
    assert_eq!(camera.event().await, CameraLinkEvent::Draining);
    // A conversation that has begun may finish.
    channel.send(Bytes::from_static(b"answer")).await.expect("the link stands");
    let chan = channel.id();
    assert_eq!(camera.event().await, CameraLinkEvent::Data { chan, body: Bytes::from_static(b"answer") });
    channel.close(CloseCode::Done).await;
    assert_eq!(link.ended().await, LinkEnd::Draining { retry: Duration::from_secs(7) });
    assert_eq!(camera.event().await, CameraLinkEvent::Closed { chan, code: CloseCode::Done });
    let CameraLinkEvent::Down { retry_in, .. } = camera.event().await else { panic!("no Down") };
    assert!((7.0..=10.5).contains(&retry_in.as_secs_f64()), "{retry_in:?}");
    server.stop().await;
    camera.stop().await;
}

#[tokio::test]
async fn a_camera_that_was_replaced_says_so_and_does_not_fight_for_the_mailbox() {
    let server = TestServer::start(support::config()).await;
    let mut older = Camera::start(server.url()).await;
    assert_eq!(older.event().await, CameraLinkEvent::Joined);
    let mut newer = Camera::start(server.url()).await;
    assert_eq!(newer.event().await, CameraLinkEvent::Joined);
    assert_eq!(older.event().await, CameraLinkEvent::Replaced);
    let link = ViewerLink::connect(&server.url()).await.expect("the server answers");
    open(&link, &mut newer).await;
    assert!(older.events.try_recv().is_err(), "the older one waits");
    older.stop().await;
    newer.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_channel_that_nobody_reads_is_closed_and_the_others_go_on() {
    let server = TestServer::start(Config { frames_burst: 100_000, queue_frames: 1_000, ..support::config() }).await;
    let mut camera = Camera::start(server.url()).await;
    assert_eq!(camera.event().await, CameraLinkEvent::Joined);
    let link = ViewerLink::connect(&server.url()).await.expect("the server answers");
    let (mut stuck, _) = open(&link, &mut camera).await;
    let (mut reader, _) = open(&link, &mut camera).await;
    for _ in 0..200 {
        camera.command(CameraCommand::Data { chan: stuck.id(), body: Bytes::new() }).await;
    }
    assert_eq!(camera.event().await, CameraLinkEvent::Closed { chan: stuck.id(), code: CloseCode::TooSlow });
    camera.command(CameraCommand::Data { chan: reader.id(), body: Bytes::from_static(b"on") }).await;
    assert_eq!(reader.recv().await, Some(ChannelEvent::Data(Bytes::from_static(b"on"))));
    let mut unread = 0;
    let last = loop {
        match stuck.recv().await {
            Some(ChannelEvent::Data(_)) => unread += 1,
            other => break other,
        }
    };
    assert_eq!((unread, last), (128, Some(ChannelEvent::Closed(CloseCode::TooSlow))));
    camera.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn wrong_addresses_and_wrong_servers_are_sentences() {
    let server = TestServer::start(support::config()).await;
    let refused = async |url: String| match ViewerLink::connect(&url).await {
        Err(error) => error,
        Ok(_) => panic!("{url} connects"),
    };
    assert!(matches!(refused("http://localhost/ws".to_owned()).await, LinkError::Url(_)));
    assert!(matches!(refused("nonsense".to_owned()).await, LinkError::Url(_)));
    let wrong_path = refused(format!("ws://{}/other", server.address)).await.to_string();
    assert!(wrong_path.contains("404"), "{wrong_path}");
    let not_tls = refused(format!("wss://{}/ws", server.address)).await;
    assert!(matches!(not_tls, LinkError::Connect(_)), "{not_tls}");
    let address = server.address;
    server.stop().await;
    let nobody = refused(format!("ws://{address}/ws")).await;
    assert!(matches!(nobody, LinkError::Connect(_)), "{nobody}");

    let mut camera = Camera::start("http://localhost/ws".to_owned()).await;
    let CameraLinkEvent::Down { why, .. } = camera.event().await else { panic!("no Down") };
    assert!(why.contains("ws://"), "{why}");
    camera.stop().await;
}

#[tokio::test]
async fn a_viewer_hears_why_the_server_ended_its_link() {
    let server = TestServer::start(Config { frames_burst: 2, frames_per_second: 1, ..support::config() }).await;
    let link = ViewerLink::connect(&server.url()).await.expect("the server answers");
    for _ in 0..4 {
        // The later ones may find the link ended.
        drop(link.open_pairing(INVITE).await);
    }
    match timeout(PATIENCE, link.ended()).await.expect("an end") {
        LinkEnd::Refused { code, text } => assert!(code == ErrorCode::Rate && !text.is_empty()),
        other => panic!("{other:?}"),
    }
    assert!(link.open_pairing(INVITE).await.is_err());
    server.stop().await;
}

#[tokio::test]
async fn a_message_larger_than_a_frame_is_refused_before_it_is_sent() {
    let server = TestServer::start(support::config()).await;
    let mut camera = Camera::start(server.url()).await;
    assert_eq!(camera.event().await, CameraLinkEvent::Joined);
    let link = ViewerLink::connect(&server.url()).await.expect("the server answers");
    let (channel, _) = open(&link, &mut camera).await;
    let most = 16_384 - 10;
    assert_eq!(channel.send(vec![0; most + 1].into()).await, Err(LinkError::TooLarge(most + 1)));
    assert_eq!(channel.send(vec![0; most].into()).await, Ok(()));
    assert!(matches!(camera.event().await, CameraLinkEvent::Data { body, .. } if body.len() == most));
    assert_ne!(channel.id(), ChannelId(0));
    camera.stop().await;
    server.stop().await;
}
