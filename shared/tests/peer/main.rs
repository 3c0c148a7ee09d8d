//! The peer connection end to end, both ends in this process.

mod churn;
mod congestion;
mod lossy;
mod pair;
mod relay;
mod servers;

use std::time::Duration;

use athome_shared::media::frame::Codec;
use athome_shared::peer::{Channel, PeerError, PeerEvent, PeerState, Receiver, Sender, Shape};
use athome_shared::protocol::wire::SlotKind;
use athome_shared::time::{MediaTime, WallTime};
use bytes::Bytes;
use pair::{connect, frame, settings, unit, until};
use tokio::sync::mpsc;

const GRID: Shape = Shape { video: 2, audio: 1 };

fn mid(pair: &pair::Pair, kind: SlotKind, slot: u8) -> String {
    pair.mids.iter().find(|m| m.kind == kind && m.slot == slot).expect("slot offered").mid.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_two_slots_and_sound_arrive_bit_exact_and_in_order() {
    let mut pair = connect(GRID).await;
    let captured = WallTime(1_794_000_000_123_456);
    let mids = [mid(&pair, SlotKind::Video, 0), mid(&pair, SlotKind::Video, 1), mid(&pair, SlotKind::Audio, 0)];
    let mut sent = Vec::new();
    for n in 0..60u32 {
        let pts = i64::from(n) * 3000;
        for slot in 0..2u8 {
            let size = if n == 0 { 60_000 } else { 3_000 + 300 * n as usize };
            let data = unit(n == 0, size, n * 2 + u32::from(slot));
            let rtp =
                pair.sender.send_video(slot, &frame(Codec::H264, n == 0, pts, data.clone()), captured).await.unwrap();
            assert_eq!(rtp, pair.sender.rtp_of(SlotKind::Video, slot, MediaTime(pts)));
            sent.push((mids[usize::from(slot)].clone(), rtp, data));
        }
        let data = Bytes::from(vec![n as u8 + 1; 160]);
        let rtp = pair.sender.send_audio(0, &frame(Codec::Opus, true, pts, data.clone()), captured).await.unwrap();
        sent.push((mids[2].clone(), rtp, data));
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    let mut got = Vec::new();
    while got.len() < sent.len() {
        let event =
            until(&mut pair.from_receiver, |e| matches!(e, PeerEvent::Received(_) | PeerEvent::Lost { .. })).await;
        let PeerEvent::Received(frame) = event else { panic!("{event:?}") };
        assert_eq!((frame.missing, frame.captured), (0, Some(captured)));
        got.push((frame.mid, frame.rtp, frame.data));
    }
    for mid in &mids {
        let of = |all: &[(String, u32, Bytes)]| -> Vec<_> { all.iter().filter(|f| f.0 == *mid).cloned().collect() };
        assert!(of(&got) == of(&sent), "slot at {mid}");
    }
    let (stats, received) = (pair.sender.stats().await, pair.receiver.stats().await);
    assert!(stats.packets_sent > 200 && stats.bytes_sent > 100_000, "{stats:?}");
    assert!(received.packets_received >= stats.packets_sent - received.packets_lost, "{received:?}");
    assert_eq!(stats.path, Some(("host".to_owned(), "host".to_owned())));
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ends_agree_on_the_extensions_that_keep_the_picture_young() {
    let (to_sender, _from_sender) = mpsc::channel(64);
    let (to_receiver, _from_receiver) = mpsc::channel(64);
    let (sender, offer, _) = Sender::offer(GRID, &settings(), to_sender).await.unwrap();
    let (receiver, answer) = Receiver::answer(&offer, &settings(), to_receiver).await.unwrap();
    for (uri, lines) in [("playout-delay", 2), ("abs-capture-time", 3), ("transport-wide-cc-extensions-01", 3)] {
        let named = |sdp: &str| sdp.lines().filter(|l| l.starts_with("a=extmap:") && l.contains(uri)).count();
        assert_eq!((named(&offer), named(&answer)), (lines, lines), "{uri} on two pictures, or also on the sound");
    }
    receiver.close().await;
    sender.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_go_both_ways_on_both_channels() {
    let mut pair = connect(GRID).await;
    let text =
        |e: &PeerEvent, c, d: &[u8]| matches!(e, PeerEvent::Message(channel, data) if *channel == c && data[..] == *d);
    pair.sender.send(Channel::Control, Bytes::from_static(b"{\"t\":\"hello\"}")).await.unwrap();
    until(&mut pair.from_receiver, |e| text(e, Channel::Control, b"{\"t\":\"hello\"}")).await;
    pair.receiver.send(Channel::Control, Bytes::from_static(b"{}")).await.unwrap();
    until(&mut pair.from_sender, |e| text(e, Channel::Control, b"{}")).await;
    let big: Vec<u8> = (0..16_384u32).map(|i| i as u8).collect();
    for _ in 0..100 {
        pair.sender.send(Channel::Bulk, Bytes::from(big.clone())).await.unwrap();
    }
    for _ in 0..100 {
        until(&mut pair.from_receiver, |e| text(e, Channel::Bulk, &big)).await;
    }
    pair.receiver.send(Channel::Bulk, Bytes::from_static(&[1, 0, 255])).await.unwrap();
    until(&mut pair.from_sender, |e| text(e, Channel::Bulk, &[1, 0, 255])).await;
    assert_eq!(pair.sender.send(Channel::Control, Bytes::from_static(&[0xff])).await, Err(PeerError::NotText));
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_end_sees_the_others_certificate() {
    let pair = connect(GRID).await;
    assert_eq!(pair.sender.remote_fingerprint().await, Some(pair.receiver.local_fingerprint()));
    assert_eq!(pair.receiver.remote_fingerprint().await, Some(pair.sender.local_fingerprint()));
    assert_ne!(pair.sender.local_fingerprint(), pair.receiver.local_fingerprint());
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_was_not_announced_never_connects() {
    let (to_sender, mut from_sender) = mpsc::channel(64);
    let (to_receiver, _from_receiver) = mpsc::channel(64);
    let (sender, offer, _) = Sender::offer(GRID, &settings(), to_sender).await.unwrap();
    let (receiver, answer) = Receiver::answer(&offer, &settings(), to_receiver).await.unwrap();
    let fingerprint = answer.lines().find(|l| l.starts_with("a=fingerprint:")).unwrap();
    let (head, last) = fingerprint.rsplit_once(':').unwrap();
    let other = format!("{head}:{}", if last.eq_ignore_ascii_case("AB") { "CD" } else { "AB" });
    sender.accept_answer(&answer.replace(fingerprint, &other)).await.unwrap();
    let failed = until(&mut from_sender, |e| {
        assert!(!matches!(e, PeerEvent::State(PeerState::Connected)), "connected to a stranger");
        matches!(e, PeerEvent::State(PeerState::Failed))
    });
    failed.await;
    receiver.close().await;
    sender.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_without_a_key_frame_asks_for_one() {
    let mut pair = connect(GRID).await;
    let captured = WallTime(1);
    pair.sender.send_video(1, &frame(Codec::H264, false, 0, unit(false, 900, 1)), captured).await.unwrap();
    until(&mut pair.from_sender, |e| matches!(e, PeerEvent::KeyFrameWanted { slot: 1 })).await;
    pair.sender.send_video(1, &frame(Codec::H264, true, 3000, unit(true, 9000, 2)), captured).await.unwrap();
    let got = until(&mut pair.from_receiver, |e| matches!(e, PeerEvent::Received(_))).await;
    assert!(matches!(got, PeerEvent::Received(f) if f.is_key && f.data == unit(true, 9000, 2)));
    pair.receiver.request_key_frame(&mid(&pair, SlotKind::Video, 1)).await.unwrap();
    until(&mut pair.from_sender, |e| matches!(e, PeerEvent::KeyFrameWanted { slot: 1 })).await;
    // The request is lost on purpose (nothing is sent): it comes again.
    until(&mut pair.from_sender, |e| matches!(e, PeerEvent::KeyFrameWanted { slot: 1 })).await;
    assert!(matches!(pair.receiver.request_key_frame("9").await, Err(PeerError::UnknownMid(_))));
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_sent_is_said() {
    let (events, _from) = mpsc::channel(64);
    let (sender, _, _) = Sender::offer(GRID, &settings(), events).await.unwrap();
    let picture = frame(Codec::H264, true, 0, unit(true, 100, 1));
    assert_eq!(sender.send_video(0, &picture, WallTime(0)).await, Err(PeerError::NotConnected));
    assert_eq!(sender.send_audio(0, &picture, WallTime(0)).await, Err(PeerError::Codec(Codec::H264)));
    let unknown = PeerError::UnknownSlot { kind: SlotKind::Video, slot: 7 };
    assert_eq!(sender.send_video(7, &picture, WallTime(0)).await, Err(unknown));
    assert_eq!(sender.send(Channel::Bulk, Bytes::new()).await, Err(PeerError::NotOpen(Channel::Bulk)));
    assert!(matches!(sender.accept_answer("v=0").await, Err(PeerError::Sdp(_))));
    sender.close().await;
    sender.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_leaves_is_noticed_at_once() {
    let mut pair = connect(GRID).await;
    let bye = Bytes::from_static(b"{\"t\":\"bye\",\"why\":\"left\"}");
    pair.receiver.send(Channel::Control, bye.clone()).await.unwrap();
    let left = std::time::Instant::now();
    pair.receiver.close().await;
    until(&mut pair.from_receiver, |e| matches!(e, PeerEvent::State(PeerState::Closed))).await;
    until(&mut pair.from_sender, |e| matches!(e, PeerEvent::Message(Channel::Control, data) if *data == bye)).await;
    until(&mut pair.from_sender, |e| matches!(e, PeerEvent::State(PeerState::Closed))).await;
    assert!(left.elapsed() < Duration::from_secs(2), "noticed after {:?}", left.elapsed());
    pair.sender.close().await;
}
