//! Links that were used, ran out, or were damaged.

use std::time::Duration;

use athome_shared::pair::link::{Link, LinkError};
use athome_shared::protocol::wire::{Refused, Why};
use athome_tests::house::House;
use athome_tests::viewer::Device;
use athome_tests::wait::soon;
use athome_viewer::headless::{link_sentence, pairing_sentence};
use athome_viewer::session::ended::Ended;
use athome_viewer::session::task::PairError;
use athome_viewer::words::Sentence;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_works_once_and_says_who_used_it() {
    let house = House::start().await;
    let link = house.link().await;
    soon("pairing", Device::new().pair(&link, "Anna's phone")).await.unwrap();
    let second = Device::new();
    let error = soon("a refusal", second.pair(&link, "Ben's phone")).await.unwrap_err();
    assert_eq!(pairing_sentence(&error), Sentence::CodeUsed { device: "Anna's phone".to_owned() });
    assert!(second.store.lock().unwrap().places().is_empty(), "nothing was stored");
    // Control: a new link lets the same device in.
    soon("pairing", second.pair(&house.link().await, "Ben's phone")).await.unwrap();
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_link_says_so() {
    let house = House::start().await;
    let link = house.link_for(Duration::from_secs(1)).await;
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    let error = soon("a refusal", Device::new().pair(&link, "Anna's phone")).await.unwrap_err();
    let PairError::Ended(Ended::Refused(Refused { why, .. })) = &error else { panic!("{error:?}") };
    assert_eq!(*why, Why::Expired);
    assert_eq!(pairing_sentence(&error), Sentence::CodeExpired);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_link_is_told_before_anything_is_sent() {
    let house = House::start().await;
    let link = house.link().await;
    let cut = &link[..link.len() - 3];
    assert_eq!(link_sentence(&Link::parse(cut).unwrap_err()), Sentence::LinkIncomplete);
    let newer = link.replacen("#1", "#2", 1);
    assert_eq!(Link::parse(&newer), Err(LinkError::Newer));
    assert_eq!(link_sentence(&LinkError::Newer), Sentence::LinkTooNew);

    // A link whose secret was mistyped still parses: nobody waits at its mailbox.
    let mut parsed = Link::parse(&link).unwrap();
    parsed.secret = athome_shared::secret::Secret::new([0x55; 16]);
    let error = soon("a refusal", Device::new().pair(&parsed.to_url(), "Anna's phone")).await.unwrap_err();
    assert_eq!(pairing_sentence(&error), Sentence::CodeUnknown);
    // Control: the undamaged link still works, so none of this used it up.
    soon("pairing", Device::new().pair(&link, "Anna's phone")).await.unwrap();
    house.stop().await;
}
