//! STUN servers: what they tell becomes a candidate, and one that can't be found costs nothing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use athome_shared::peer::{PeerEvent, PeerSettings, Receiver, Sender, Shape};
use athome_shared::protocol::wire::IceServer;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::pair::{settings, until};

const ONE: Shape = Shape { video: 1, audio: 0 };
const OUTSIDE: [u8; 4] = [203, 0, 113, 7];
/// Later than an offer waits for, so that its candidate has to follow the offer.
const ANSWERS_AFTER: Duration = Duration::from_millis(60);

/// A STUN server (RFC 8489) that tells everybody that they come from [`OUTSIDE`]. It ends with the runtime.
async fn stun_server() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut buf = [0; 1500];
        while let Ok((len, from)) = socket.recv_from(&mut buf).await {
            if let Some(answer) = binding_response(&buf[..len], from) {
                tokio::time::sleep(ANSWERS_AFTER).await;
                let _ = socket.send_to(&answer, from).await;
            }
        }
    });
    port
}

/// A binding success response with one XOR-MAPPED-ADDRESS (§14.2): the address and port combined with the magic cookie.
fn binding_response(request: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let transaction = request.get(4..20).filter(|_| request.starts_with(&[0x00, 0x01]))?;
    let mut answer = vec![0x01, 0x01, 0, 12];
    answer.extend(transaction);
    answer.extend([0x00, 0x20, 0, 8, 0, 1]);
    answer.extend((from.port() ^ 0x2112).to_be_bytes());
    answer.extend(OUTSIDE.iter().zip([0x21, 0x12, 0xa4, 0x42]).map(|(a, b)| a ^ b));
    Some(answer)
}

fn asking(url: String) -> PeerSettings {
    let mut settings = settings();
    settings.add_servers(vec![IceServer { urls: vec![url], username: None, credential: None }]);
    settings
}

/// The first trickled candidate that a server told.
async fn reflexive(events: &mut mpsc::Receiver<PeerEvent>) -> String {
    let srflx = |e: &PeerEvent| matches!(e, PeerEvent::Candidate(c) if c.cand.contains("typ srflx"));
    match until(events, srflx).await {
        PeerEvent::Candidate(candidate) => candidate.cand,
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_seen_from_outside_follows_the_offer_and_the_answer() {
    // By name, as configurations have it.
    let asking = asking(format!("stun:localhost:{}?transport=udp", stun_server().await));
    let (to_sender, mut from_sender) = mpsc::channel(64);
    let (to_receiver, mut from_receiver) = mpsc::channel(64);
    let (sender, offer, _) = Sender::offer(ONE, &asking, to_sender).await.unwrap();
    let (receiver, answer) = Receiver::answer(&offer, &asking, to_receiver).await.unwrap();
    assert!(offer.contains("typ host") && !offer.contains("srflx"), "the offer did not wait for it");
    sender.accept_answer(&answer).await.unwrap();
    for events in [&mut from_sender, &mut from_receiver] {
        let candidate = reflexive(events).await;
        assert!(candidate.contains(" 203.0.113.7 ") && candidate.contains("raddr 127.0.0.1"), "{candidate}");
    }
    receiver.close().await;
    sender.close().await;
}

/// From the wish to connect until both descriptions are there: what gathering can hold up.
async fn described(settings: &PeerSettings) -> Duration {
    let start = Instant::now();
    let (to_sender, _from_sender) = mpsc::channel(64);
    let (to_receiver, mut from_receiver) = mpsc::channel(64);
    let (sender, offer, _) = Sender::offer(ONE, settings, to_sender).await.unwrap();
    assert!(offer.contains("typ host"), "{offer}");
    let (receiver, answer) = Receiver::answer(&offer, settings, to_receiver).await.unwrap();
    sender.accept_answer(&answer).await.unwrap();
    until(&mut from_receiver, |e| matches!(e, PeerEvent::ChannelOpen(_))).await;
    let took = start.elapsed();
    receiver.close().await;
    sender.close().await;
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_no_one_knows_does_not_hold_up_the_connection() {
    described(&settings()).await;
    let without = described(&settings()).await;
    let with = described(&asking("stun:nobody-knows.invalid:3478".to_owned())).await;
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mute = described(&asking(format!("stun:{}", silent.local_addr().unwrap()))).await;
    println!("without {without:?}, with an unknown name {with:?}, with a server that does not answer {mute:?}");
    // A tenth of a second is what a name may take; the rest is for a busy machine.
    for took in [with, mute] {
        assert!(took < without + Duration::from_millis(600), "{took:?}, without {without:?}");
    }
}
