//! A viewer that can't keep up hurts nobody.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use athome_shared::peer::ReceivedFrame;
use athome_shared::protocol::control::Attached;
use athome_shared::protocol::wire::SlotKind;
use athome_shared::time::WallTime;
use athome_tests::house::House;
use athome_tests::viewer::Device;
use athome_tests::wait::{eventually, soon};
use athome_viewer::session::MediaSink;

/// The longest time between two pictures that were shown after `from`.
fn longest_gap(seen: &[athome_tests::viewer::Seen], from: Instant) -> Duration {
    let times: Vec<Instant> = seen.iter().map(|s| s.at).filter(|at| *at >= from).collect();
    times.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(Duration::MAX)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_stops_reading_leaves_the_others_alone() {
    let house = House::start().await;
    let (anna, ben) = (Device::new(), Device::new());
    soon("pairing", anna.pair(&house.link().await, "Anna")).await.unwrap();
    soon("pairing", ben.pair(&house.link().await, "Ben")).await.unwrap();

    // Ben's whole program stands still: nothing of his is read, acknowledged or answered.
    let (watching, ready) = mpsc::sync_channel(1);
    let (done, wait) = mpsc::sync_channel::<()>(1);
    let stuck = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let viewer = ben.watch();
            viewer.see(5).await;
            watching.send(Arc::clone(&viewer.senses)).unwrap();
            let _ = wait.recv();
        });
        runtime.shutdown_background();
    });
    let viewer = anna.watch();
    viewer.see(20).await;
    let stands = tokio::task::spawn_blocking(move || ready.recv()).await.unwrap().unwrap();
    let (from, before) = (Instant::now(), stands.meter.frames());
    viewer.see(90).await;
    // Control: Ben really takes nothing; what was decoded before may still be shown.
    let taken = stands.meter.frames() - before;
    assert!(taken < 30, "Ben saw {taken} of the 90 pictures");
    let gap = longest_gap(&viewer.seen(), from);
    assert!(gap < Duration::from_secs(1), "Anna's picture stood for {gap:?}");
    let newest = viewer.newest(0).and_then(|s| s.latency).unwrap();
    assert!(newest < Duration::from_secs(1), "and is late by {newest:?}");
    let _ = done.send(());
    stuck.join().unwrap();
    viewer.leave().await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_whose_decoder_is_slow_shows_the_present_not_the_past() {
    let house = House::start().await;
    let device = Device::new();
    soon("pairing", device.pair(&house.link().await, "Anna")).await.unwrap();
    let viewer = device.watch();
    viewer.see(10).await;
    // Each picture now takes as long as nine frames.
    viewer.senses.slow.store(true, Ordering::Relaxed);
    viewer.see(12).await;
    viewer.senses.slow.store(false, Ordering::Relaxed);
    let late = viewer.seen().iter().rev().take(6).filter_map(|s| s.latency).max().unwrap();
    // Without jumping, the 12th picture would be three seconds old; a queue of half a second and one picture are allowed.
    assert!(late < Duration::from_millis(2_000), "{late:?}");
    viewer.leave().await;

    // Control: who shows every picture, as slowly and without jumping, shows the past.
    let ages = Arc::new(Mutex::new(Vec::new()));
    let patient = device.watch_by(Patient::start(Arc::clone(&ages)));
    eventually("twelve pictures, one after the other", || ages.lock().unwrap().len() >= 12).await;
    let late = ages.lock().unwrap()[11];
    assert!(late > Duration::from_millis(2_000), "{late:?}");
    patient.leave().await;
    house.stop().await;
}

/// A viewer that takes 300 ms for each picture and leaves none out. Its queue ends with it.
struct Patient(mpsc::SyncSender<WallTime>);

impl Patient {
    fn start(ages: Arc<Mutex<Vec<Duration>>>) -> Box<dyn MediaSink> {
        let (queue, pictures) = mpsc::sync_channel::<WallTime>(1000);
        std::thread::spawn(move || {
            for captured in pictures {
                std::thread::sleep(Duration::from_millis(300));
                let age = u64::try_from(WallTime::now().0 - captured.0).unwrap_or(0);
                ages.lock().unwrap().push(Duration::from_micros(age));
            }
        });
        Box::new(Self(queue))
    }
}

impl MediaSink for Patient {
    fn frame(&mut self, content: Arc<Attached>, frame: ReceivedFrame) {
        if let (SlotKind::Video, Some(captured)) = (content.kind, frame.captured) {
            let _ = self.0.try_send(captured);
        }
    }
    fn attached(&mut self, _: &Attached) {}
    fn detached(&mut self, _: SlotKind, _: u8) {}
    fn key_frame_needed(&mut self, _: u8) {}
    fn lost(&mut self, _: u8) {}
}
