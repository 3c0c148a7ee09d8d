//! Messages that somebody changed on the way are refused, counted, and told.

use athome_shared::pair::keys::pair_mailbox;
use athome_shared::pair::link::Link;
use athome_shared::signal::{ChannelEvent, ViewerLink};
use athome_streamer::events::{Heard, Kind, Listener};
use athome_tests::house::House;
use athome_tests::viewer::Device;
use athome_tests::wait::soon;
use bytes::Bytes;
use serde_json::Value;

async fn send_nonsense(link: &Link) {
    let server = soon("the server", ViewerLink::connect(&link.signal_url())).await.expect("a link to the server");
    let mut channel = server.open_pairing(pair_mailbox(&link.secret)).await.expect("a channel");
    channel.send(Bytes::from_static(&[7; 200])).await.expect("sent");
    let said = soon("the end of the channel", channel.recv()).await;
    assert!(matches!(said, Some(ChannelEvent::Closed(_))), "{said:?}");
}

async fn told(events: &mut Listener) -> Kind {
    loop {
        if let Some(Heard::Event(event)) = soon("an event", events.next()).await
            && matches!(event.kind, Kind::Tampered { .. } | Kind::DevicePaired { .. })
        {
            return event.kind;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_third_message_that_does_not_open_is_told_and_all_are_counted() {
    let house = House::start().await;
    let mut events = house.events();
    let text = house.link().await;
    let link = Link::parse(&text).expect("a link that the streamer made");
    let count = async |name: &str| house.stats().await["turned_away"][name].clone();
    for _ in 0..2 {
        send_nonsense(&link).await;
    }
    assert_eq!(count("bad_knocks").await, Value::from(2));
    // Control: two are not told yet, so the next thing told is that a device was paired; nothing used up the link.
    soon("pairing", Device::new().pair(&text, "Anna")).await.unwrap();
    assert!(matches!(told(&mut events).await, Kind::DevicePaired { .. }));
    send_nonsense(&link).await;
    assert_eq!(told(&mut events).await, Kind::Tampered { count: 3 });
    assert_eq!((count("bad_knocks").await, count("tampered").await), (Value::from(3), Value::from(0)));
    house.stop().await;
}
