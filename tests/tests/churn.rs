//! Viewers come and go, and leave nothing behind. A program of its own, because it counts what the whole process holds.

use athome_tests::house::House;
use athome_tests::process::{Usage, usage};
use athome_tests::soak::either;
use athome_tests::viewer::{Blind, Device};
use athome_tests::wait::{eventually, soon};

/// Rounds before the first look: caches and pools fill up.
const WARM_UP: usize = 10;

fn look() -> Option<Usage> {
    usage(std::process::id())
}

#[test]
fn viewers_that_come_and_go_leave_nothing_behind() {
    if look().is_none() {
        println!("SKIP: this system has no /proc to read the process's figures from");
        return;
    }
    let rounds = either(10, 100);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let house = House::start().await;
        let device = Device::new();
        soon("pairing", device.pair(&house.link().await, "Anna")).await.unwrap();
        let come_and_go = async |rounds: usize| {
            for _ in 0..rounds {
                let viewer = Blind::watch(&device);
                viewer.receive(3).await;
                viewer.leave().await;
            }
        };
        come_and_go(WARM_UP).await;
        let before = look().unwrap();
        come_and_go(rounds).await;
        // A leaked connection would hold over a megabyte (its retransmission buffer alone).
        let allowed = 8_000_000 + rounds as u64 * 100_000;
        let leaks = || look().unwrap().leaks(&before, allowed);
        eventually("everything is given back", || leaks().is_empty()).await;
        let after = look().unwrap();
        println!("before {before:?}\nafter  {after:?}");

        // Controls: what is planted is seen. A viewer that stayed (beside what is held now: before, sockets were still closing) …
        let kept = Blind::watch(&device);
        kept.receive(3).await;
        let left = look().unwrap().leaks(&after, allowed);
        assert!(left.contains(&"descriptors"), "a connection that is left open: {left:?}");
        kept.leave().await;
        eventually("and is gone again", || leaks().is_empty()).await;
        // … three threads …
        let (hold, held) = std::sync::mpsc::sync_channel::<()>(0);
        let held = std::sync::Arc::new(std::sync::Mutex::new(held));
        let threads: Vec<_> = (0..3)
            .map(|_| std::sync::Arc::clone(&held))
            .map(|held| std::thread::spawn(move || drop(held.lock().map(|held| held.recv()))))
            .collect();
        assert!(leaks().contains(&"threads"), "{:?}", leaks());
        drop(hold);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        // … and memory, a megabyte for each viewer beyond what is allowed for all.
        let lost = vec![1_u8; (allowed + (rounds as u64) * 1_000_000) as usize];
        assert!(leaks().contains(&"memory"), "{:?}", leaks());
        assert_eq!(std::hint::black_box(&lost).last(), Some(&1));
        house.stop().await;
    });
}
