//! What the hub promises, with frames whose times are moved by hand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, Layer};
use athome_shared::media::frame::{Codec, EncodedFrame, Params};
use athome_shared::time::MediaTime;
use bytes::Bytes;

use super::ring::{Ring, Step};
use super::{Demand, From, Hub, MAX_LIVE_LAG, Origin, RECENT_KEY, Read, RingLimits, StreamKey};

const LIMITS: RingLimits = RingLimits { bytes: 1 << 20, duration: Duration::from_secs(2) };

/// Frame `n` of a 10 frames/s stream that began at `origin`; its payload is `n`, then zeros up to `len`.
fn frame(origin: Instant, n: u32, is_key: bool, len: usize) -> EncodedFrame {
    let mut data = n.to_be_bytes().to_vec();
    data.resize(len.max(4), 0);
    let at = origin + Duration::from_millis(100) * n;
    EncodedFrame {
        codec: Codec::H264,
        is_key,
        pts: MediaTime(i64::from(n) * 9_000),
        captured: at,
        encoded: at,
        data: Bytes::from(data),
        params: Arc::new(Params::Video { width: 320, height: 180, profile_level_id: [0x42, 0xe0, 0x1f] }),
    }
}

fn number(frame: &EncodedFrame) -> u32 {
    u32::from_be_bytes(frame.data[..4].try_into().unwrap())
}

fn filled(origin: Instant, frames: u32, group: u32, limits: RingLimits) -> Ring {
    let mut ring = Ring::new(limits);
    for n in 0..frames {
        ring.push(Arc::new(frame(origin, n, n.is_multiple_of(group), 100)));
    }
    ring
}

fn first_frame(ring: &Ring, from: From, foreign: bool, now: Instant) -> Option<u32> {
    match ring.step(&mut ring.cursor(from, foreign, now)) {
        Step::Frame(frame) => {
            assert!(frame.is_key);
            Some(number(&frame))
        }
        Step::Wait => None,
        other => panic!("a new reader got {other:?}"),
    }
}

#[test]
fn the_ring_is_pruned_at_group_starts() {
    let origin = Instant::now();
    let ring = filled(origin, 100, 10, LIMITS);
    let mut cursor = ring.cursor(From::NewestKey, false, origin);
    assert!(matches!(ring.step(&mut cursor), Step::Frame(frame) if number(&frame) == 90));
    let (frames, _) = ring.held();
    assert!((20..=31).contains(&frames), "two seconds and at most a group more, not {frames}");
}

#[test]
fn the_rate_is_that_of_the_last_seconds_and_falls_to_nothing() {
    let origin = Instant::now();
    // 10 frames of 100 bytes a second.
    let ring = filled(origin, 31, 10, RingLimits { duration: Duration::from_secs(60), ..LIMITS });
    let at = |ms| ring.bits_per_second(origin + Duration::from_millis(ms), Duration::from_secs(2));
    assert_eq!((at(3_000), at(4_000), at(6_000)), (8_000, 4_000, 0));
}

#[test]
fn bytes_are_bounded_as_well() {
    let origin = Instant::now();
    let mut ring = Ring::new(RingLimits { bytes: 10_000, duration: Duration::from_secs(3_600) });
    for n in 0..1_000 {
        ring.push(Arc::new(frame(origin, n, n % 5 == 0, 500)));
        assert!(ring.held().1 <= 10_000);
    }
    assert!(ring.held().0 >= 5);
}

#[test]
fn a_group_that_outgrows_the_ceiling_is_cut_and_readers_are_told() {
    let origin = Instant::now();
    let mut ring = filled(origin, 5, 1_000, LIMITS);
    let mut close = ring.cursor(From::NewestKey, true, origin);
    let mut sleeper = ring.cursor(From::NewestKey, true, origin);
    for n in 5..200 {
        // One reader keeps up throughout and loses nothing.
        while let Step::Frame(_) = ring.step(&mut close) {}
        ring.push(Arc::new(frame(origin, n, false, 100)));
    }
    assert!(ring.held().0 <= 22, "the only group is cut");
    assert!(matches!(ring.step(&mut close), Step::Frame(frame) if number(&frame) == 199));
    // The other lost everything and waits for a key frame; so does a late one.
    assert!(matches!(ring.step(&mut sleeper), Step::Dropped { frames: 200, needs_key: true }));
    assert!(matches!(ring.step(&mut sleeper), Step::Wait));
    assert_eq!(first_frame(&ring, From::Live, true, origin), None);
    ring.push(Arc::new(frame(origin, 200, false, 100)));
    ring.push(Arc::new(frame(origin, 201, true, 100)));
    assert!(matches!(ring.step(&mut sleeper), Step::Dropped { frames: 1, needs_key: false }));
    assert!(matches!(ring.step(&mut sleeper), Step::Frame(frame) if number(&frame) == 201));
}

#[test]
fn a_live_reader_of_our_encoder_starts_at_a_recent_key_frame_or_waits_for_one() {
    let origin = Instant::now();
    let ring = filled(origin, 13, 10, LIMITS);
    let key = origin + Duration::from_secs(1);
    assert_eq!(first_frame(&ring, From::Live, false, key + RECENT_KEY), Some(10));
    assert_eq!(first_frame(&ring, From::Live, false, key + RECENT_KEY + Duration::from_millis(1)), None);
    // Asking a camera does nothing, so there the newest key frame is the best there is; so it is for a recorder.
    let late = key + Duration::from_secs(60);
    assert_eq!(first_frame(&ring, From::Live, true, late), Some(10));
    assert_eq!(first_frame(&ring, From::NewestKey, false, late), Some(10));
}

#[test]
fn a_waiting_reader_gets_the_next_key_frame_and_no_report_of_what_it_never_had() {
    let origin = Instant::now();
    let mut ring = filled(origin, 9, 100, LIMITS);
    let mut cursor = ring.cursor(From::Live, false, origin + Duration::from_secs(9));
    assert!(cursor.waits_for_key());
    for n in 9..60 {
        ring.push(Arc::new(frame(origin, n, n == 55, 100)));
        if n < 55 && n % 3 == 0 {
            assert!(matches!(ring.step(&mut cursor), Step::Wait));
        }
    }
    assert!(matches!(ring.step(&mut cursor), Step::Frame(frame) if number(&frame) == 55));
}

#[test]
fn a_live_reader_too_far_behind_jumps_but_a_recorder_reads_it_all() {
    let origin = Instant::now();
    let mut ring = filled(origin, 1, 1, LIMITS);
    let mut live = ring.cursor(From::Live, false, origin);
    let mut recorder = ring.cursor(From::NewestKey, false, origin);
    for n in 1..16 {
        ring.push(Arc::new(frame(origin, n, n % 5 == 0, 100)));
    }
    assert!(Duration::from_millis(1_500) > MAX_LIVE_LAG);
    assert!(matches!(ring.step(&mut live), Step::Dropped { frames: 15, needs_key: false }));
    assert!(matches!(ring.step(&mut live), Step::Frame(frame) if number(&frame) == 15));
    for n in 0..16 {
        assert!(matches!(ring.step(&mut recorder), Step::Frame(frame) if number(&frame) == n));
    }
}

#[test]
fn a_recorder_starts_at_the_key_frame_before_what_it_is_to_show() {
    let origin = Instant::now();
    let ring = filled(origin, 95, 10, RingLimits { duration: Duration::from_secs(4), ..LIMITS });
    let since = |ms| first_frame(&ring, From::Since(origin + Duration::from_millis(ms)), false, origin);
    assert_eq!(since(7_990), Some(70));
    assert_eq!(since(8_000), Some(80));
    assert_eq!(since(60_000), Some(90));
    assert_eq!(since(0), Some(60), "the oldest that is left");
    let empty = Ring::new(LIMITS);
    assert_eq!(first_frame(&empty, From::Since(origin), false, origin), None);
}

#[test]
fn while_one_reader_records_no_other_lowers_the_stream() {
    let hub = Hub::new(LIMITS);
    let stream = hub.stream(&key());
    let weak = stream.subscribe(From::Live);
    weak.set_target_bps(200_000);
    assert_eq!(stream.peek_demand().target_bps, Some(200_000), "the control");
    let recorder = stream.subscribe(From::NewestKey);
    recorder.hold();
    assert_eq!(stream.peek_demand().target_bps, None);
    weak.set_target_bps(100_000);
    assert_eq!(stream.peek_demand().target_bps, None);
    drop(recorder);
    assert_eq!(stream.peek_demand().target_bps, Some(100_000));
}

fn key() -> StreamKey {
    StreamKey::video(&CameraId::new("door").unwrap(), Layer::Full)
}

#[tokio::test]
async fn late_viewer_starts_at_key_frame() {
    let hub = Hub::new(LIMITS);
    let stream = hub.stream(&key());
    let now = Instant::now();
    for n in 0..5 {
        let frame = EncodedFrame { encoded: now, ..frame(now, n, n == 2, 10) };
        stream.publish(frame);
    }
    let mut reader = stream.subscribe(From::Live);
    for expected in 2..5 {
        let Read::Frame(frame) = reader.next().await else { panic!("a frame") };
        assert_eq!(number(&frame), expected);
    }
    assert!(!stream.demand().key_frame, "it needs no other key frame");
    assert_eq!(stream.newest_gop().len(), 3);
    assert_eq!(stream.last_frame().map(|(pts, _)| pts), Some(MediaTime(4 * 9_000)));
}

#[tokio::test]
async fn slow_reader_hurts_nobody() {
    let hub = Hub::new(RingLimits { bytes: 1 << 20, duration: Duration::from_millis(900) });
    let stream = hub.stream(&key());
    let origin = Instant::now();
    let mut slow = stream.subscribe(From::NewestKey);
    let mut quick = stream.subscribe(From::NewestKey);
    for n in 0..1_000 {
        stream.publish(frame(origin, n, n % 4 == 0, 1_000));
        let Read::Frame(got) = quick.next().await else { panic!("the quick reader loses nothing") };
        assert_eq!(number(&got), n);
    }
    assert!(stream.held().0 <= 15, "memory does not grow with the slow reader");
    // The newest key frame is 996; all before it is lost to the slow one, and it is told.
    let Read::Dropped { frames } = slow.next().await else { panic!("told of the loss") };
    assert_eq!(frames, 996);
    let Read::Frame(got) = slow.next().await else { panic!("a frame follows") };
    assert!(got.is_key);
    assert_eq!(number(&got), 996);
}

#[tokio::test]
async fn a_sleeping_reader_is_woken_by_a_publish_and_by_the_end() {
    let hub = Hub::new(LIMITS);
    let stream = hub.stream(&key());
    let mut reader = stream.subscribe(From::Live);
    let task = tokio::spawn(async move { (reader.next().await, reader.next().await) });
    tokio::task::yield_now().await;
    stream.publish(frame(Instant::now(), 7, true, 10));
    tokio::task::yield_now().await;
    hub.remove_camera(&key().camera);
    let (first, second) = task.await.unwrap();
    assert!(matches!(first, Read::Frame(frame) if number(&frame) == 7));
    assert!(matches!(second, Read::Ended));
    assert!(!Arc::ptr_eq(&stream, &hub.stream(&key())), "a camera of the same name starts afresh");
}

#[test]
fn demand_is_the_sum_of_the_readers_and_goes_with_them() {
    let hub = Hub::new(LIMITS);
    let stream = hub.stream(&key());
    assert_eq!(stream.demand(), Demand::default());
    let first = stream.subscribe(From::Live);
    let expected = Demand { wanted: true, key_frame: true, first_picture: true, target_bps: None };
    assert_eq!(stream.peek_demand(), expected);
    assert_eq!(stream.demand(), expected);
    assert!(!stream.demand().key_frame, "taken");
    let second = stream.subscribe(From::Live);
    first.set_target_bps(2_000_000);
    second.set_target_bps(500_000);
    assert_eq!(stream.demand().target_bps, Some(500_000));
    drop(second);
    assert_eq!(stream.demand().target_bps, Some(2_000_000));
    first.want_key_frame();
    assert_eq!(
        stream.demand(),
        Demand { wanted: true, key_frame: true, first_picture: false, target_bps: Some(2_000_000) }
    );
    first.want_key_frame();
    drop(first);
    assert_eq!(stream.demand(), Demand::default(), "a wish dies with the last reader");
}

#[test]
fn a_foreign_stream_shows_a_new_viewer_its_group_at_once() {
    let hub = Hub::new(LIMITS);
    let stream = hub.stream(&key());
    stream.set_origin(Origin::Foreign);
    let long_ago = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
    for n in 0..10 {
        stream.publish(frame(long_ago, n, n == 0, 10));
    }
    let mut reader = stream.subscribe(From::Live);
    let mut got = 0;
    while let Some(Read::Frame(frame)) = reader.try_next() {
        assert_eq!(number(&frame), got);
        got += 1;
    }
    assert_eq!(got, 10);
}

#[test]
fn demand_wakes_the_encoder_thread() {
    let hub = Hub::new(LIMITS);
    let stream = hub.stream(&key());
    let (told, hear) = std::sync::mpsc::sync_channel(1);
    let watched = stream.clone();
    let encoder = std::thread::spawn(move || {
        watched.wake_on_demand(Some(std::thread::current()));
        told.send(()).unwrap();
        while !watched.demand().wanted {
            std::thread::park();
        }
    });
    hear.recv().unwrap();
    let _reader = stream.subscribe(From::Live);
    encoder.join().unwrap();
}
