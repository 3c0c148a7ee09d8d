//! What a passed-through network camera costs: the way of a picture from its last packet to a reader of the hub, and the
//! processor time of eight of them beside as many `ffmpeg -c copy`, in turns. About a minute and a half; one JSON object on
//! standard output.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, Layer};
use athome_streamer::hub::{From, Read, StreamKey};
use athome_tests::figures;
use athome_tests::house::House;
use athome_tests::pretend::Asks;
use athome_tests::pretend::rtsp::{RtspCamera, SIZE, Way, pictures, start};
use athome_tests::process::cpu;
use athome_tests::recorder::{Setup, ffmpeg};
use serde_json::{Value, json};

const PICTURES: usize = 500;
const CAMERAS: usize = 8;
const ROUNDS: usize = 3;
const WATCH: Duration = Duration::from_secs(8);

fn main() {
    // cargo passes --bench; a filter that does not name us means another bench.
    if std::env::args().skip(1).any(|arg| !arg.starts_with('-') && !"cameras".contains(&arg)) {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let result = json!({
        "bench": "cameras",
        "build": if cfg!(debug_assertions) { "dev" } else { "release" },
        "added_latency_ms": runtime.block_on(latency()),
        "cpu_percent_each": costs(),
    });
    println!("{result}");
}

/// From the last packet of a picture on the wire to whoever reads the hub.
async fn latency() -> Value {
    let camera = start(Asks::Nothing, Way::Good);
    let house = House::start().await;
    let body = json!({"name": "Yard", "source": format!("rtsp://{}/main", camera.addr())});
    house.ask("POST", "/api/v1/cameras", &body).await;
    let key = StreamKey::video(&CameraId::slug("yard"), Layer::Full);
    let mut reader = house.app().hub().stream(&key).subscribe(From::Live);
    let mut times = Vec::new();
    while times.len() < PICTURES {
        if let Read::Frame(frame) = reader.next().await {
            let now = Instant::now();
            let number = pictures(SIZE).iter().position(|picture| *picture == frame.data);
            times.extend(number.and_then(|number| camera.sent(number)).map(|sent| now.saturating_duration_since(sent)));
        }
    }
    house.stop().await;
    // What waited in the hub before we came is not the way of a packet.
    let steady = times.get(50..).unwrap_or_default();
    json!({"p50": figures::at(0.5, steady), "p95": figures::at(0.95, steady)})
}

fn costs() -> Value {
    let cameras: Vec<_> = (0..CAMERAS).map(|_| start(Asks::Nothing, Way::Good)).collect();
    let beside = ffmpeg("the streamer's own figure stands alone");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(streamer(&cameras));
        if beside {
            theirs.push(copies(&cameras));
        }
    }
    let (ours, theirs) = (median(ours), median(theirs));
    json!({"streamer": ours, "ffmpeg": theirs, "ratio": ours / theirs})
}

fn streamer(cameras: &[RtspCamera]) -> f64 {
    let data = tempfile::tempdir().expect("a folder");
    let blocks = cameras.iter().enumerate().map(|(n, camera)| {
        format!("[[camera]]\nname = \"C{n}\"\nsource = \"rtsp://{}/main\"\naudio = \"none\"\n", camera.addr())
    });
    let config = blocks.collect::<String>() + "[detection]\nactive = false\n";
    let running = Setup { data: data.path().to_owned(), config }.start(&[]);
    (0..cameras.len()).for_each(|_| drop(running.heard("camera_online")));
    let percent = percent(&[running.pid()]);
    running.stop();
    percent
}

fn copies(cameras: &[RtspCamera]) -> f64 {
    let copy = |camera: &RtspCamera| -> Child {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-rtsp_transport", "tcp", "-i", &format!("rtsp://{}/main", camera.addr())]);
        command.args(["-an", "-c", "copy", "-f", "null", "-"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("ffmpeg starts")
    };
    let mut children: Vec<Child> = cameras.iter().map(copy).collect();
    // It looks at a stream for a while before it begins.
    std::thread::sleep(Duration::from_secs(6));
    let percent = percent(&children.iter().map(Child::id).collect::<Vec<_>>());
    for child in &mut children {
        let _ended = child.kill().and_then(|()| child.wait());
    }
    percent
}

/// Percent of a core for each camera over [`WATCH`], of several processes together.
fn percent(pids: &[u32]) -> f64 {
    let all = || pids.iter().filter_map(|pid| cpu(*pid)).sum::<Duration>();
    let (before, since) = (all(), Instant::now());
    std::thread::sleep(WATCH);
    (all() - before).as_secs_f64() / since.elapsed().as_secs_f64() * 100.0 / CAMERAS as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    (values.get(values.len() / 2).copied().unwrap_or(f64::NAN) * 1_000.0).round() / 1_000.0
}
