//! The encoders against real pictures: what comes out is decoded again and compared.

use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, Layer};
use athome_shared::media::frame::{EncodedFrame, Params};
use athome_shared::time::MediaTime;
use openh264::decoder::Decoder;
use openh264::formats::YUVSource;

use super::convert::Picture;
use super::h264::Encoder;
use super::video::{Limits, VideoEncoders};
use crate::hub::{From, Hub, Read, RingLimits, StreamKey};
use crate::source::{PixelFormat, RawFrame};

const SIZE: (u32, u32) = (640, 360);

/// Picture `n` of a moving pattern: a drifting texture and a square that crosses it.
fn pattern(n: u32, (width, height): (u32, u32)) -> Picture {
    let (w, h) = (width as usize, height as usize);
    let mut data = Vec::with_capacity(w * h * 3 / 2);
    for y in 0..h {
        for x in 0..w {
            let (dx, dy) = (x + n as usize * 3, y + n as usize);
            let texture = 110.0 + 50.0 * (dx as f32 / 17.0).sin() + 40.0 * (dy as f32 / 23.0).cos();
            let at = (n as usize * 7) % w;
            let square = (at..at + 60).contains(&x) && (100..160).contains(&y);
            data.push(if square { 220 } else { texture as u8 });
        }
    }
    for plane in 0..2 {
        for y in 0..h.div_ceil(2) {
            for x in 0..w.div_ceil(2) {
                data.push((110 + plane * 20 + (x + n as usize) / 40 % 12 + y / 60) as u8);
            }
        }
    }
    Picture {
        width,
        height,
        data: data.into(),
        captured: Instant::now(),
        pts: MediaTime(i64::from(n) * MediaTime::RATE / 30),
    }
}

fn raw(n: u32, size: (u32, u32)) -> RawFrame {
    let Picture { width, height, data, captured, pts } = pattern(n, size);
    RawFrame { format: PixelFormat::I420, width, height, data, captured, pts }
}

/// Peak signal to noise of the luma, in decibels.
fn psnr(decoded: &impl YUVSource, picture: &Picture) -> f64 {
    let (width, height) = (picture.width as usize, picture.height as usize);
    assert_eq!(decoded.dimensions(), (width, height));
    let stride = decoded.strides().0;
    let [luma, ..] = picture.planes();
    let error: f64 = (0..height)
        .flat_map(|y| decoded.y()[y * stride..y * stride + width].iter().zip(&luma[y * width..]))
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
        .sum();
    10.0 * (255.0f64.powi(2) / (error / (width * height) as f64)).log10()
}

fn is_idr(frame: &EncodedFrame) -> bool {
    frame.data.windows(4).any(|w| matches!(w, [0, 0, 1, nal] if nal & 0x1f == 5))
}

#[test]
fn what_is_encoded_can_be_seen_again() {
    let mut encoder = Encoder::new(1_500_000, 30.0);
    let mut decoder = Decoder::new().unwrap();
    let mut worst = f64::MAX;
    let mut decoded = 0;
    for n in 0..90 {
        let picture = pattern(n, SIZE);
        let Some(frame) = encoder.encode(&picture, n == 0).unwrap() else { continue };
        assert_eq!(frame.is_key, n == 0, "key frames come when asked for and not otherwise");
        assert_eq!(frame.is_key, is_idr(&frame));
        assert_eq!(frame.pts, picture.pts);
        let yuv = decoder.decode(&frame.data).unwrap().expect("one frame in, one picture out");
        worst = worst.min(psnr(&yuv, &picture));
        if n == 40 {
            assert!(psnr(&yuv, &pattern(30, SIZE)) < 25.0, "control: another picture is not this one");
        }
        decoded += 1;
        let Params::Video { width, height, profile_level_id } = *frame.params else { panic!("a picture") };
        assert_eq!((width, height), SIZE);
        // Baseline (66), constraint sets 0 and 1: what decoders call constrained baseline; level 3.0.
        assert_eq!((profile_level_id[0], profile_level_id[1] & 0xc0, profile_level_id[2]), (0x42, 0xc0, 30));
    }
    assert!(decoded >= 85, "few frames are skipped, {decoded} of 90 came");
    assert!(worst > 30.0, "the worst picture has {worst:.1} dB");
}

/// Bits a second of the frames, and how many were key frames.
fn rate(encoder: &mut Encoder, from: u32, frames: u32) -> (f64, u32) {
    let (mut bytes, mut keys) = (0, 0);
    for n in from..from + frames {
        if let Some(frame) = encoder.encode(&pattern(n, SIZE), n == 0).unwrap() {
            bytes += frame.data.len();
            keys += u32::from(frame.is_key);
        }
    }
    (bytes as f64 * 8.0 * 30.0 / f64::from(frames), keys)
}

#[test]
fn bitrate_follows_without_a_key_frame() {
    let mut encoder = Encoder::new(1_200_000, 30.0);
    let (first, _) = rate(&mut encoder, 0, 60);
    encoder.set_bitrate(150_000).unwrap();
    let (low, keys_low) = rate(&mut encoder, 60, 90);
    encoder.set_bitrate(1_200_000).unwrap();
    let (high, keys_high) = rate(&mut encoder, 150, 90);
    assert!(low < 250_000.0, "at 150 kbit/s it made {low:.0}");
    assert!(first > low * 2.0 && high > low * 2.0, "{first:.0}, {low:.0}, {high:.0}");
    assert!(high < 1_500_000.0);
    assert_eq!((keys_low, keys_high), (0, 0));
}

#[test]
fn another_size_begins_with_a_key_frame_of_that_size() {
    let mut encoder = Encoder::new(1_000_000, 30.0);
    let mut decoder = Decoder::new().unwrap();
    for (n, size) in [(0, SIZE), (1, SIZE), (2, (320, 180)), (3, (321, 181)), (4, SIZE)] {
        let frame = encoder.encode(&pattern(n, size), false).unwrap().expect("a frame");
        assert_eq!(frame.is_key, n != 1 && n != 3, "an odd size is cut to the even one below, picture {n}");
        let even = (size.0 & !1, size.1 & !1);
        assert!(matches!(*frame.params, Params::Video { width, height, .. } if (width, height) == even));
        let yuv = decoder.decode(&frame.data).unwrap().expect("a picture");
        assert_eq!(yuv.dimensions(), (even.0 as usize, even.1 as usize));
    }
}

#[test]
fn incomplete_pictures_are_refused() {
    let mut encoder = Encoder::new(1_000_000, f32::NAN);
    let good = pattern(0, SIZE);
    for (width, height, len) in [(0, 0, 0), (640, 360, 1000), (2, 2, 6), (640, 361, good.data.len())] {
        let picture = Picture { width, height, data: good.data.slice(..len), ..good.clone() };
        assert!(encoder.encode(&picture, false).is_err(), "{width}x{height}");
    }
    assert!(encoder.encode(&good, false).unwrap().is_some(), "and do no harm to the next");
}

const WAIT: Duration = Duration::from_secs(20);

fn camera() -> (Hub, StreamKey, StreamKey) {
    let id = CameraId::slug("door");
    (Hub::new(RingLimits::default()), StreamKey::video(&id, Layer::Full), StreamKey::video(&id, Layer::Small))
}

async fn next_frame(reader: &mut crate::hub::Reader) -> std::sync::Arc<EncodedFrame> {
    match tokio::time::timeout(WAIT, reader.next()).await.expect("a frame in time") {
        Read::Frame(frame) => frame,
        other => panic!("{other:?} instead of a frame"),
    }
}

#[tokio::test]
async fn both_layers_come_from_one_camera_and_only_while_wanted() {
    let (hub, full, small) = camera();
    let encoders = VideoEncoders::start(
        "door",
        hub.stream(&full),
        hub.stream(&small),
        Limits { ceiling_bps: None, fps: 30.0 },
        Arc::default(),
    )
    .unwrap();
    let size = (1280, 720);
    for n in 0..5 {
        encoders.post(raw(n, size));
    }
    assert_eq!(hub.stream(&full).held().0, 0, "nobody watches, nothing is encoded");
    // A viewer that comes between two frames is shown the last one; it does not wait for the next.
    let mut viewer = hub.stream(&full).subscribe(From::Live);
    let frame = next_frame(&mut viewer).await;
    assert!(frame.is_key && is_idr(&frame));
    assert_eq!(frame.pts, raw(4, size).pts);
    assert_eq!(hub.stream(&small).held().0, 0, "the small layer is not wanted");
    let mut tile = hub.stream(&small).subscribe(From::Live);
    encoders.post(raw(5, size));
    let tile_frame = next_frame(&mut tile).await;
    assert!(tile_frame.is_key);
    assert!(matches!(*tile_frame.params, Params::Video { width: 640, height: 360, .. }));
    assert_eq!(tile_frame.pts, raw(5, size).pts);
    assert!(!next_frame(&mut viewer).await.is_key, "the first viewer needs no other key frame");
    // Only the tile is left: the full layer rests.
    let before = hub.stream(&full).last_frame();
    drop(viewer);
    encoders.post(raw(6, size));
    assert_eq!(next_frame(&mut tile).await.pts, raw(6, size).pts);
    assert_eq!(hub.stream(&full).last_frame(), before);
}

#[tokio::test]
async fn a_broken_picture_costs_itself_only() {
    let (hub, full, small) = camera();
    let encoders =
        VideoEncoders::start("door", hub.stream(&full), hub.stream(&small), Limits::default(), Arc::default()).unwrap();
    let mut viewer = hub.stream(&full).subscribe(From::Live);
    for format in [PixelFormat::Mjpeg, PixelFormat::Yuyv] {
        encoders.post(RawFrame { format, data: vec![0xff; 100].into(), ..raw(0, SIZE) });
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    encoders.post(raw(1, SIZE));
    assert_eq!(next_frame(&mut viewer).await.pts, raw(1, SIZE).pts);
}
