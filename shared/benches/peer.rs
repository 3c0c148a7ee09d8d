//! What a viewer costs: one sending process, viewers in a second one, 127.0.0.1 between them. Prints one JSON object.
//!
//! `cargo bench -p athome-shared --bench peer [-- --viewers N --seconds N]`; about half a minute by default.
//! Figures of the sending process are CPU time and resident memory from `/proc`, so Linux only.

use std::io::{BufRead, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::media::frame::{Codec, EncodedFrame, Params};
use athome_shared::peer::{BitrateRange, PeerEvent, PeerSettings, PeerState, Receiver, Sender, Shape};
use athome_shared::time::{MediaTime, WallTime};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

const SHAPE: Shape = Shape { video: 9, audio: 2 };
const CONNECTS: usize = 10;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: usize| {
        args.iter().position(|a| a == name).and_then(|i| args.get(i + 1)?.parse().ok()).unwrap_or(default)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime");
    if args.iter().any(|a| a == "--receive") {
        runtime.block_on(receive());
        return;
    }
    let result = runtime.block_on(measure(number("--viewers", 16), Duration::from_secs(number("--seconds", 8) as u64)));
    println!("{result}");
}

fn settings() -> PeerSettings {
    PeerSettings {
        stun_servers: Vec::new(),
        turn_servers: Vec::new(),
        bind: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        check_interval: Duration::from_millis(10),
        mdns_query: false,
        bitrate: BitrateRange { start: 2_500_000, min: 100_000, max: 5_000_000 },
    }
}

async fn measure(viewers: usize, time: Duration) -> Value {
    // Alternated, so that the machine's mood hits both.
    let (mut connects, mut passive) = (Vec::new(), Vec::new());
    for _ in 0..CONNECTS {
        connects.push(connect_once("active").await);
        passive.push(connect_once("actpass").await);
    }
    let mut child = Command::new(std::env::current_exe().expect("own path"))
        .arg("--receive")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("second process");
    let mut to = child.stdin.take().expect("piped");
    let mut from = std::io::BufReader::new(child.stdout.take().expect("piped"));
    let mut say = |line: Value| -> Value {
        writeln!(to, "{line}").expect("receivers listen");
        let mut answer = String::new();
        from.read_line(&mut answer).expect("receivers answer");
        serde_json::from_str(&answer).expect("receivers speak JSON")
    };
    let (_, idle_cpu) = spin(&[], time / 2).await;
    let mut senders = Vec::new();
    let mut offer_bytes = 0;
    let mut rounds = Vec::new();
    for count in [1, viewers] {
        let rss_before = rss_kib();
        while senders.len() < count {
            let (events, from) = mpsc::channel(256);
            let (sender, offer, _) = Sender::offer(SHAPE, &settings(), events).await.expect("offer");
            offer_bytes = offer.len();
            let answer = say(json!({ "offer": offer }));
            sender.accept_answer(answer["answer"].as_str().expect("an answer")).await.expect("accepted");
            senders.push((Arc::new(sender), connected(from).await));
        }
        let sending: Vec<Arc<Sender>> = senders.iter().map(|(s, _)| s.clone()).collect();
        let (sent, cpu) = spin(&sending, time).await;
        let report = say(json!({ "report": true }));
        let added = if count == 1 { 1 } else { count - 1 };
        rounds.push(json!({
            "viewers": count,
            "frames_sent_each": sent,
            "frames_received": report["frames"],
            "latency_us": report["latency_us"],
            "sender_cpu_percent": cpu,
            "rss_kib_for_each_added_viewer": (rss_kib() - rss_before) / added as i64,
        }));
    }
    drop(to);
    let per_viewer = (rounds[1]["sender_cpu_percent"].as_f64().unwrap_or(0.0) - idle_cpu) / viewers as f64;
    for (sender, _) in &senders {
        sender.close().await;
    }
    let _ = child.wait();
    let spread = |mut times: Vec<Duration>| {
        times.sort_unstable();
        json!({ "p50": times[CONNECTS / 2].as_micros() as u64, "max": times[CONNECTS - 1].as_micros() as u64 })
    };
    json!({
        "bench": "peer",
        "offer_bytes": offer_bytes,
        "first_frame_us": spread(connects),
        "first_frame_us_with_the_viewer_as_dtls_client": spread(passive),
        "source_alone_cpu_percent": idle_cpu,
        "cpu_percent_for_each_viewer": per_viewer,
        "rounds": rounds,
    })
}

/// From making the offer to the first frame at the other end. `setup` is the DTLS role that the offer shows.
async fn connect_once(setup: &str) -> Duration {
    let (to_sender, mut from_sender) = mpsc::channel(64);
    let (to_receiver, mut from_receiver) = mpsc::channel(64);
    let start = Instant::now();
    let (sender, offer, _) = Sender::offer(SHAPE, &settings(), to_sender).await.expect("offer");
    let offer = offer.replace("a=setup:active", &format!("a=setup:{setup}"));
    let (receiver, answer) = Receiver::answer(&offer, &settings(), to_receiver).await.expect("answer");
    sender.accept_answer(&answer).await.expect("accepted");
    while !matches!(from_sender.recv().await.expect("events"), PeerEvent::State(PeerState::Connected)) {}
    sender.send_video(0, &frame(0, 0), WallTime::now()).await.expect("sent");
    while !matches!(from_receiver.recv().await.expect("events"), PeerEvent::Received(_)) {}
    let time = start.elapsed();
    receiver.close().await;
    sender.close().await;
    time
}

/// Waits for the connection, then keeps reading events.
async fn connected(mut events: mpsc::Receiver<PeerEvent>) -> tokio::task::JoinHandle<()> {
    while !matches!(events.recv().await.expect("events"), PeerEvent::State(PeerState::Connected)) {}
    tokio::spawn(async move { while events.recv().await.is_some() {} })
}

/// Sends 30 pictures a second of 2.5 Mbit/s to everyone; returns the number sent and this process's CPU, percent of a core.
async fn spin(senders: &[Arc<Sender>], time: Duration) -> (u64, f64) {
    let (start, cpu) = (Instant::now(), cpu_time());
    let mut tick = tokio::time::interval(Duration::from_nanos(1_000_000_000 / 30));
    let mut sent = 0u64;
    while start.elapsed() < time {
        tick.tick().await;
        let picture = frame(sent, start.elapsed().as_micros() as i64 * 9 / 100);
        let now = WallTime::now();
        for sender in senders {
            sender.send_video(0, &picture, now).await.expect("sent");
        }
        sent += 1;
    }
    let percent = (cpu_time() - cpu).as_secs_f64() / start.elapsed().as_secs_f64() * 100.0;
    (sent, percent)
}

/// 10 kB, and every 120th a key frame of 60 kB.
fn frame(number: u64, pts: i64) -> EncodedFrame {
    let key = number.is_multiple_of(120);
    let mut data = Vec::with_capacity(70_000);
    if key {
        data.extend([0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0xda, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80]);
    }
    data.extend([0, 0, 0, 1, if key { 0x65 } else { 0x41 }]);
    data.resize(data.len() + if key { 60_000 } else { 10_000 }, number as u8 | 1);
    let now = Instant::now();
    EncodedFrame {
        codec: Codec::H264,
        is_key: key,
        pts: MediaTime(pts),
        captured: now,
        encoded: now,
        data: Bytes::from(data),
        params: Arc::new(Params::Video { width: 1280, height: 720, profile_level_id: [0x42, 0xe0, 0x1f] }),
    }
}

/// The second process: answers offers, counts frames, reports and starts counting anew.
async fn receive() {
    let latencies = Arc::new(std::sync::Mutex::new(Vec::<i64>::new()));
    let (lines, mut line) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let mut receivers = Vec::new();
    while let Some(line) = line.recv().await {
        let order: Value = serde_json::from_str(&line).expect("the sender speaks JSON");
        let answer = if let Some(offer) = order["offer"].as_str() {
            let (events, mut from) = mpsc::channel(1024);
            let (receiver, answer) = Receiver::answer(offer, &settings(), events).await.expect("answer");
            let latencies = latencies.clone();
            tokio::spawn(async move {
                while let Some(event) = from.recv().await {
                    if let PeerEvent::Received(frame) = event {
                        let sent = frame.captured.map_or(0, |t| t.0);
                        latencies.lock().expect("unpoisoned").push(WallTime::now().0 - sent);
                    }
                }
            });
            receivers.push(receiver);
            json!({ "answer": answer })
        } else {
            // What is on its way.
            tokio::time::sleep(Duration::from_millis(100)).await;
            let mut all = std::mem::take(&mut *latencies.lock().expect("unpoisoned"));
            all.sort_unstable();
            let at = |share: f64| all.get((all.len() as f64 * share) as usize).copied().unwrap_or(0);
            json!({ "frames": all.len(), "latency_us": { "p50": at(0.5), "p95": at(0.95), "p99": at(0.99) } })
        };
        println!("{answer}");
    }
    for receiver in receivers {
        receiver.close().await;
    }
}

/// User and system time of this process, in steps of 10 ms.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name.split_ascii_whitespace().skip(11).take(2).filter_map(|f| f.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn rss_kib() -> i64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<i64>().ok()).unwrap_or(0) * 4
}
