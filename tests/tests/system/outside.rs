//! Signaling servers outside, and names of the own one: what works, and what people are told of what does not.

use std::net::SocketAddr;

use athome_signaling as signaling;
use athome_streamer::events::{Heard, Kind, Listener, Outage};
use athome_tests::house::House;
use athome_tests::viewer::Device;
use athome_tests::wait::soon;
use tokio_util::sync::CancellationToken;

async fn next_about_servers(events: &mut Listener) -> Kind {
    loop {
        let Heard::Event(event) = soon("an event", events.next()).await.expect("the streamer runs") else { continue };
        if matches!(event.kind, Kind::SignalingUp { .. } | Kind::SignalingDown { .. }) {
            return event.kind;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_the_embedded_server_stand_beside_its_address() {
    let house = House::start_with(|plan| plan.names(&["home.example"])).await;
    let device = Device::new();
    // Both need the streamer's own link, which dials the address.
    soon("pairing", device.pair(&house.link().await, "Anna")).await.unwrap();
    let viewer = device.watch();
    viewer.see(5).await;
    viewer.leave().await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_never_answers_is_told_once_and_no_reach_is_claimed() {
    // A port that was free a moment ago, and where nobody listens.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let url = format!("ws://{closed}/ws");
    let house = House::start_with(|plan| plan.server(&url)).await;
    let mut events = house.events();
    let told = next_about_servers(&mut events).await;
    assert_eq!(told, Kind::SignalingDown { server: url.clone(), why: Outage::Unreachable });
    assert!(!house.outside());
    // The house itself works meanwhile.
    let device = Device::new();
    soon("pairing", device.pair(&house.link().await, "Anna")).await.unwrap();
    // Control: once somebody answers there, it is told and the reach is claimed. No second complaint came between.
    let server = Outside::start(closed, &[]).await;
    assert_eq!(next_about_servers(&mut events).await, Kind::SignalingUp { server: url.clone() });
    assert!(house.outside());
    server.stop().await;
    assert_eq!(next_about_servers(&mut events).await, Kind::SignalingDown { server: url, why: Outage::Lost });
    assert!(!house.outside(), "the claim is taken back");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_by_another_name_refuses_and_that_is_told() {
    let server = Outside::start(SocketAddr::from(([127, 0, 0, 1], 0)), &["hub.example"]).await;
    let url = format!("ws://{}/ws", server.addr);
    let house = House::start_with(|plan| plan.server(&url)).await;
    let mut events = house.events();
    let told = next_about_servers(&mut events).await;
    assert_eq!(told, Kind::SignalingDown { server: url, why: Outage::Refused });
    assert!(!house.outside());
    house.stop().await;
    server.stop().await;
}

struct Outside {
    addr: SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Outside {
    async fn start(listen: SocketAddr, names: &[&str]) -> Self {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let config = signaling::Config { listen, names, ..signaling::Config::default() };
        let server = signaling::Server::bind(config).await.expect("the port is free");
        let (addr, stop) = (server.local_addr(), CancellationToken::new());
        let task = tokio::spawn(server.run(stop.clone()));
        Self { addr, stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        soon("the server stops", self.task).await.expect("its task");
    }
}
