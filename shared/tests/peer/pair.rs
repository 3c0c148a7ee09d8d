//! A sender and a receiver in one process, connected over 127.0.0.1.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::media::frame::{Codec, EncodedFrame, Params};
use athome_shared::peer::{BitrateRange, PeerEvent, PeerSettings, PeerState, Receiver, Sender, Shape};
use athome_shared::protocol::wire::SlotMid;
use athome_shared::time::MediaTime;
use bytes::Bytes;
use tokio::sync::mpsc;

pub(crate) fn settings() -> PeerSettings {
    PeerSettings {
        stun_servers: Vec::new(),
        turn_servers: Vec::new(),
        bind: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        check_interval: Duration::from_millis(10),
        mdns_query: false,
        bitrate: BitrateRange { start: 2_000_000, min: 100_000, max: 6_000_000 },
    }
}

pub(crate) struct Pair {
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
    pub(crate) from_sender: mpsc::Receiver<PeerEvent>,
    pub(crate) from_receiver: mpsc::Receiver<PeerEvent>,
    pub(crate) mids: Vec<SlotMid>,
}

/// Connects and waits until both ends and all channels are up.
pub(crate) async fn connect(shape: Shape) -> Pair {
    connect_by(shape, async |offer| offer, |answer| answer).await
}

/// Like [`connect`], with changes to the descriptions on their way.
pub(crate) async fn connect_by(
    shape: Shape,
    change_offer: impl AsyncFnOnce(String) -> String,
    change_answer: impl FnOnce(String) -> String,
) -> Pair {
    let (to_sender, from_sender) = mpsc::channel(256);
    let (to_receiver, from_receiver) = mpsc::channel(1024);
    let (sender, offer, mids) = Sender::offer(shape, &settings(), to_sender).await.expect("offer");
    let offer = change_offer(offer).await;
    let (receiver, answer) = Receiver::answer(&offer, &settings(), to_receiver).await.expect("answer");
    sender.accept_answer(&change_answer(answer)).await.expect("accept");
    let mut pair = Pair { sender, receiver, from_sender, from_receiver, mids };
    up(&mut pair.from_sender).await;
    up(&mut pair.from_receiver).await;
    pair
}

/// Connected, and both channels open, in whatever order that is said.
async fn up(events: &mut mpsc::Receiver<PeerEvent>) {
    for _ in 0..3 {
        until(events, |e| matches!(e, PeerEvent::State(PeerState::Connected) | PeerEvent::ChannelOpen(_))).await;
    }
}

/// Waits for an event, dropping others.
pub(crate) async fn until(events: &mut mpsc::Receiver<PeerEvent>, wanted: impl Fn(&PeerEvent) -> bool) -> PeerEvent {
    let wait = async {
        loop {
            let event = events.recv().await.expect("events go on");
            if wanted(&event) {
                return event;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(15), wait).await.expect("event within fifteen seconds")
}

/// An access unit of about `len` bytes whose content depends on `tag`.
pub(crate) fn unit(key: bool, len: usize, tag: u32) -> Bytes {
    let mut out = Vec::with_capacity(len + 40);
    if key {
        out.extend([0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0xda, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80]);
    }
    out.extend([0, 0, 0, 1, if key { 0x65 } else { 0x41 }]);
    // No zeros, so no start codes and no trailing zeros.
    out.extend(tag.to_be_bytes().map(|b| b | 1));
    out.extend((0..len).map(|i| (i as u8).wrapping_mul(31).wrapping_add(tag as u8) | 1));
    Bytes::from(out)
}

pub(crate) fn frame(codec: Codec, key: bool, pts: i64, data: Bytes) -> EncodedFrame {
    let now = Instant::now();
    let params = match codec {
        Codec::Opus => Params::Audio { channels: 2 },
        Codec::H264 | Codec::H265 => Params::Video { width: 1280, height: 720, profile_level_id: [0x42, 0xe0, 0x1f] },
    };
    EncodedFrame {
        codec,
        is_key: key,
        pts: MediaTime(pts),
        captured: now,
        encoded: now,
        data,
        params: Arc::new(params),
    }
}

impl Pair {
    pub(crate) async fn close(self) {
        self.receiver.close().await;
        self.sender.close().await;
    }
}
