//! A link that loses, reorders and repeats packets.

use std::net::SocketAddr;
use std::time::Duration;

use athome_shared::media::frame::Codec;
use athome_shared::peer::{PeerEvent, Shape};
use athome_shared::protocol::wire::SlotKind;
use athome_shared::time::{MediaTime, WallTime};
use bytes::Bytes;
use tokio::net::UdpSocket;

use crate::pair::{connect_by, frame, unit};

/// A small generator, so that each run loses the same packets.
struct Random(u32);

impl Random {
    fn percent(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 16) % 100
    }
}

/// Puts a relay in front of the offering side: of its media packets `loss` percent are lost, a few come twice, and some come late.
/// Returns the offer that shows the relay's address.
async fn relay(offer: String, loss: u32) -> String {
    let candidate = offer.lines().find(|l| l.starts_with("a=candidate")).expect("a candidate");
    let port: u16 = candidate.split(' ').nth(5).expect("a port").parse().expect("a number");
    let (inner, outer) = (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let shown = outer.local_addr().unwrap().port();
    let target = SocketAddr::from(([127, 0, 0, 1], port));
    // Ends with the test's runtime.
    tokio::spawn(async move {
        let mut random = Random(7);
        let mut viewer: Option<SocketAddr> = None;
        let (mut up, mut down) = ([0; 2048], [0; 2048]);
        let mut late: Option<Vec<u8>> = None;
        loop {
            tokio::select! {
                Ok((len, from)) = outer.recv_from(&mut up) => {
                    viewer = Some(from);
                    let _ = inner.send_to(&up[..len], target).await;
                }
                Ok((len, _)) = inner.recv_from(&mut down) => {
                    let Some(viewer) = viewer else { continue };
                    // RTP starts with version 2 (RFC 7983); STUN, DTLS and RTCP go through untouched.
                    let rtp = (0x80..=0xbf).contains(&down[0]) && !(192..=223).contains(&down[1]);
                    let luck = random.percent();
                    if rtp && luck < loss {
                        continue;
                    }
                    if rtp && luck >= 95 && late.is_none() {
                        late = Some(down[..len].to_vec());
                        continue;
                    }
                    let _ = outer.send_to(&down[..len], viewer).await;
                    if rtp && luck >= 90 {
                        let _ = outer.send_to(&down[..len], viewer).await;
                    }
                    if let Some(packet) = late.take_if(|_| luck < 60) {
                        let _ = outer.send_to(&packet, viewer).await;
                    }
                }
            }
        }
    });
    offer.replace(&format!(" {port} typ host"), &format!(" {shown} typ host"))
}

/// An answer without the viewer's address, so that everything takes the way through the relay.
fn hide(answer: String) -> String {
    answer.split_inclusive('\n').filter(|l| !l.starts_with("a=candidate")).collect()
}

/// What came of four seconds of pictures at 60 a second, with a key frame at the start and whenever one is asked for.
#[derive(Debug)]
struct Played {
    frames: usize,
    exact: usize,
    keys: usize,
    lost: usize,
    retransmitted: u64,
}

fn picture(key: bool, n: u32) -> Bytes {
    unit(key, if key { 20_000 } else { 5_000 }, n)
}

async fn play(loss: u32) -> Played {
    let shape = Shape { video: 1, audio: 0 };
    let mut pair = connect_by(shape, async |offer| relay(offer, loss).await, hide).await;
    let first = pair.sender.rtp_of(SlotKind::Video, 0, MediaTime(0));
    let (sender, mut wishes) = (pair.sender, pair.from_sender);
    let source = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_micros(16_667));
        let (mut last_key, mut wanted) = (None, true);
        for n in 0..240u32 {
            tick.tick().await;
            while let Ok(event) = wishes.try_recv() {
                wanted |= matches!(event, PeerEvent::KeyFrameWanted { .. });
            }
            // As an encoder does: one key frame in a quarter of a second answers all wishes.
            let key = wanted && last_key.is_none_or(|last| n - last > 15);
            if key {
                (last_key, wanted) = (Some(n), false);
            }
            let frame = frame(Codec::H264, key, i64::from(n) * 1500, picture(key, n));
            sender.send_video(0, &frame, WallTime(1)).await.unwrap();
        }
        sender
    });
    let mut played = Played { frames: 0, exact: 0, keys: 0, lost: 0, retransmitted: 0 };
    // Two seconds of silence are the end.
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(2), pair.from_receiver.recv()).await {
        match event {
            PeerEvent::Received(f) => {
                played.frames += 1;
                played.keys += usize::from(f.is_key);
                played.exact += usize::from(f.data == picture(f.is_key, f.rtp.wrapping_sub(first) / 1500));
            }
            PeerEvent::Lost { .. } => played.lost += 1,
            _ => {}
        }
    }
    let sender = source.await.unwrap();
    played.retransmitted = sender.stats().await.retransmitted;
    pair.receiver.close().await;
    sender.close().await;
    println!("{loss} % lost on the way: {played:?}");
    played
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losses_of_five_percent_are_repaired() {
    let played = play(5).await;
    assert_eq!(played.frames, played.exact, "never a damaged frame");
    // On a busy machine a repair may come too late now and then, which costs the frames until the next key frame.
    assert!(played.frames >= 200, "{} of 240 frames", played.frames);
    assert!(played.retransmitted > 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_bad_link_that_gets_no_slower_stream_what_is_shown_is_still_undamaged() {
    let played = play(20).await;
    assert_eq!(played.frames, played.exact);
    assert!(played.keys >= 1, "key frames get through in the end");
    assert!(played.frames < 240, "the relay does lose packets");
}
