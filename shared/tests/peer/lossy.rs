//! A link that loses, reorders and repeats packets.

use std::sync::Arc;
use std::time::Duration;

use athome_shared::media::frame::Codec;
use athome_shared::peer::{PeerEvent, Shape};
use athome_shared::protocol::wire::SlotKind;
use athome_shared::time::{MediaTime, WallTime};
use bytes::Bytes;

use crate::pair::{connect_by, frame, unit};
use crate::relay::{Weather, hide, relay};

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
    let weather = Arc::new(Weather { loss, ..Weather::default() });
    let mut pair = connect_by(shape, async |offer| relay(&offer, weather).await, |answer| hide(&answer)).await;
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
