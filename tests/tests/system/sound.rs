//! The tone goes in and comes out, in step with the picture.

use athome_shared::protocol::control::RefusedWhy;
use athome_tests::house::House;
use athome_tests::viewer::Device;
use athome_tests::wait::{eventually, soon};
use athome_viewer::play::audio::RATE;
use athome_viewer::play::tone;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tone_is_heard_and_beeps_when_the_picture_flashes() {
    let house = House::start().await;
    let device = Device::new();
    soon("pairing", device.pair(&house.link().await, "Anna")).await.unwrap();
    let viewer = device.watch();
    let figures = || viewer.senses.meter.figures();
    eventually("a second of sound", || !figures().last_second.is_empty()).await;
    eventually("a flash and a beep", || figures().av_offset_ms().is_some()).await;
    let heard = tone::strongest_hz(&figures().last_second, RATE).expect("a tone");
    assert!((heard - 1_000.0).abs() <= 5.0, "{heard} Hz");
    let level = tone::level_dbfs(&figures().last_second).unwrap();
    assert!((-25.0..-5.0).contains(&level), "{level} dBFS");
    let offset = figures().av_offset_ms().unwrap();
    assert!(offset.abs() <= 40.0, "picture and sound are {offset} ms apart");

    // Silence is silence.
    soon("silence", viewer.requests.listen(0, None)).await.unwrap();
    let sounds = figures().sounds;
    viewer.see(30).await;
    let more = figures().sounds - sounds;
    assert!(more <= 5, "{more} packets after the sound was switched off");
    let none = viewer.requests.listen(7, viewer.newest(0).map(|s| s.camera));
    assert_eq!(soon("an answer", none).await, Err(RefusedWhy::UnknownSlot));
    viewer.leave().await;
    house.stop().await;
}
