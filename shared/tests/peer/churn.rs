//! Connecting and leaving over and over leaves nothing behind.

use athome_shared::media::frame::Codec;
use athome_shared::peer::{PeerEvent, Shape};
use athome_shared::time::WallTime;

use crate::pair::{connect, frame, unit, until};

/// File descriptors and threads of this process; `None` where there is no `/proc`.
fn open() -> Option<(usize, usize)> {
    let count = |path| std::fs::read_dir(path).map(Iterator::count).ok();
    Some((count("/proc/self/fd")?, count("/proc/self/task")?))
}

#[test]
fn thirty_connections_leave_no_descriptor_thread_or_task() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let alive = || runtime.metrics().num_alive_tasks();
    let once = async {
        let mut pair = connect(Shape { video: 2, audio: 1 }).await;
        let picture = frame(Codec::H264, true, 0, unit(true, 9000, 1));
        pair.sender.send_video(0, &picture, WallTime(0)).await.unwrap();
        until(&mut pair.from_receiver, |e| matches!(e, PeerEvent::Received(_))).await;
        pair.close().await;
    };
    runtime.block_on(once);
    let settle = |wanted: usize| {
        // The crate's own helper tasks end a moment after `close`.
        for _ in 0..200 {
            if alive() <= wanted {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    };
    settle(0);
    let (tasks, before) = (alive(), open());
    for i in 0..30 {
        runtime.block_on(async {
            let mut pair = connect(Shape { video: 2, audio: 1 }).await;
            let picture = frame(Codec::H264, true, 0, unit(true, 9000, 1));
            pair.sender.send_video(0, &picture, WallTime(0)).await.unwrap();
            until(&mut pair.from_receiver, |e| matches!(e, PeerEvent::Received(_))).await;
            if i % 2 == 0 {
                pair.close().await;
            }
            // Otherwise dropped without a word.
        });
    }
    settle(tasks);
    assert_eq!(alive(), tasks, "tasks");
    match (before, open()) {
        // Other tests of this program run beside this one and have descriptors of their own; a leak would be 60 or more.
        (Some(before), Some(after)) => {
            assert!(after.0 < before.0 + 30, "descriptors: {before:?} before, {after:?} after");
            assert!(after.1 < before.1 + 20, "threads: {before:?} before, {after:?} after");
        }
        _ => println!("SKIP: no /proc, so descriptors and threads were not counted"),
    }
}
