//! A snapshot comes whole over the bulk channel, and can be given up.

use std::time::Duration;

use athome_tests::house::House;
use athome_tests::viewer::Device;
use athome_tests::wait::soon;

/// Width and height of a JPEG, from its frame header (ITU-T T.81 B.2.2).
fn jpeg_size(data: &[u8]) -> Option<(u16, u16)> {
    if !data.starts_with(&[0xff, 0xd8]) || !data.ends_with(&[0xff, 0xd9]) {
        return None;
    }
    let mut at = 2;
    loop {
        let [0xff, marker, high, low] = *data.get(at..at + 4)? else { return None };
        if let 0xc0..=0xc2 = marker {
            let [h1, h0, w1, w0] = *data.get(at + 5..at + 9)? else { return None };
            return Some((u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0])));
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_a_jpeg_of_the_cameras_size() {
    let house = House::start().await;
    let device = Device::new();
    soon("pairing", device.pair(&house.link().await, "Anna")).await.unwrap();
    let viewer = device.watch();
    viewer.see(5).await;
    let camera = viewer.newest(0).unwrap().camera;
    let bulk = soon("a snapshot", viewer.requests.snapshot(camera.clone())).await.unwrap();
    assert_eq!(bulk.mime, "image/jpeg");
    assert_eq!(jpeg_size(&bulk.data), Some((640, 360)));
    assert!(bulk.data.len() > 5_000, "{} bytes hold no test card", bulk.data.len());

    // One that is given up disturbs neither the picture nor the next one.
    for _ in 0..3 {
        let _ = tokio::time::timeout(Duration::from_millis(1), viewer.requests.snapshot(camera.clone())).await;
    }
    viewer.see(20).await;
    let again = soon("a snapshot", viewer.requests.snapshot(camera)).await.unwrap();
    assert_eq!(jpeg_size(&again.data), Some((640, 360)));
    assert!(viewer.story().ended.is_empty());
    viewer.leave().await;
    house.stop().await;
}

#[test]
fn the_test_reads_sizes_and_refuses_what_is_no_jpeg() {
    let header = [0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc0, 0, 11, 8, 1, 104, 2, 128, 0, 0, 0, 0, 0xff, 0xd9];
    assert_eq!(jpeg_size(&header), Some((640, 360)));
    assert_eq!(jpeg_size(&header[..20]), None);
    assert_eq!(jpeg_size(b"PNG"), None);
}
