//! Viewers come and go, and leave nothing behind. A program of its own, because it counts what the whole process holds.

use athome_tests::house::House;
use athome_tests::process::{Usage, usage};
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
    let rounds = if std::env::var_os("ATHOME_SOAK").is_some() { 100 } else { 10 };
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
        eventually("descriptors and threads are given back", || {
            let now = look().unwrap();
            now.descriptors <= before.descriptors + 2 && now.threads <= before.threads + 2
        })
        .await;
        let after = look().unwrap();
        println!("before {before:?}\nafter  {after:?}");
        let grown = after.rss_bytes.saturating_sub(before.rss_bytes);
        // A leaked connection would hold over a megabyte (its retransmission buffer alone).
        let allowed = 8_000_000 + rounds as u64 * 100_000;
        assert!(grown < allowed, "{grown} bytes more after {rounds} viewers");
        house.stop().await;
    });
}
