//! What recording costs. One 720p30 camera of this machine beyond its encoding; eight passed-through streams of 2 Mbit/s beside
//! as many `ffmpeg -c copy`, in turns; the index of ten thousand files. About three minutes; a table on standard error, one JSON
//! object on standard output.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::id::CameraId;
use athome_shared::time::WallTime;
use athome_streamer::events::{Cause, Events};
use athome_streamer::index::{Index, NewSegment, Query};
use athome_streamer::record::disk::OwnDisk;
use athome_streamer::record::retain::Limits;
use athome_streamer::record::store::Store;
use athome_tests::figures;
use athome_tests::process::cpu;
use athome_tests::recorder::{Setup, ffmpeg};
use serde_json::{Value, json};

const ROUNDS: usize = 3;
const WATCH: Duration = Duration::from_secs(10);
const STREAMS: usize = 8;
const FILES: i64 = 10_000;

fn main() {
    // cargo passes --bench; a filter that does not name us means another bench.
    if std::env::args().skip(1).any(|arg| !arg.starts_with('-') && !"recording".contains(&arg)) {
        return;
    }
    let result = json!({
        "bench": "recording",
        "build": if cfg!(debug_assertions) { "dev" } else { "release" },
        "raw_720p30": raw(),
        "passed_through": passed_through(),
        "index": index(),
    });
    println!("{result}");
}

/// Percent of a core over [`WATCH`], of several processes together.
fn percent(pids: &[u32]) -> f64 {
    let all = || pids.iter().filter_map(|pid| cpu(*pid)).sum::<Duration>();
    let (before, since) = (all(), Instant::now());
    std::thread::sleep(WATCH);
    (all() - before).as_secs_f64() / since.elapsed().as_secs_f64() * 100.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    (values.get(values.len() / 2).copied().unwrap_or(f64::NAN) * 1_000.0).round() / 1_000.0
}

fn recording(cameras: &str, mode: &str) -> f64 {
    let data = tempfile::tempdir().expect("a folder");
    let rest = format!("[recording]\nmode = \"{mode}\"\n[storage]\nmin_free_gb = 0\n");
    let setup = Setup { data: data.path().to_owned(), config: format!("{cameras}{rest}") };
    let streamer = setup.start(&[]);
    streamer.heard("camera_online");
    std::thread::sleep(Duration::from_secs(2));
    let percent = percent(&[streamer.pid()]);
    streamer.stop();
    percent
}

/// Waiting for motion encodes all the time, so what recording adds to it is recording.
fn raw() -> Value {
    let camera = "[[camera]]\nname = \"Card\"\nsource = \"test\"\nsize = \"1280x720\"\nfps = 30\naudio = \"none\"\n";
    let (mut encoding, mut both, mut more) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (without, with) = (recording(camera, "motion"), recording(camera, "always"));
        more.push(with - without);
        encoding.push(without);
        both.push(with);
    }
    let (encoding, both, more) = (median(encoding), median(both), median(more));
    eprintln!("720p30 test card: encoding {encoding} %, and recording {both} %, the difference {more} % of a core");
    json!({ "encode_percent": encoding, "encode_and_record_percent": both, "difference_percent": more })
}

fn passed_through() -> Value {
    if !ffmpeg("nothing to compare with, and no clip") {
        return Value::Null;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let clip = folder.path().join("clip.mp4");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=20"])
        .args(["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-bf", "0", "-g", "60"])
        .args(["-b:v", "2M", "-minrate", "2M", "-maxrate", "2M", "-bufsize", "1M", "-x264-params", "nal-hrd=cbr"])
        .arg(&clip)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("SKIP: this ffmpeg has no libx264; nothing to pass through");
        return Value::Null;
    }
    let cameras: String = (0..STREAMS)
        .map(|n| format!("[[camera]]\nname = \"Clip {n}\"\nsource = \"file:{}\"\naudio = \"none\"\n", clip.display()))
        .collect();
    let (mut idle, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        idle.push(recording(&cameras, "manual"));
        ours.push(recording(&cameras, "always"));
        theirs.push(copying(&clip, folder.path()));
    }
    let (idle, ours, theirs) = (median(idle), median(ours), median(theirs));
    let ratio = (ours / theirs * 1_000.0).round() / 1_000.0;
    eprintln!(
        "{STREAMS} streams of 2 Mbit/s: reading them {idle} %, and recording {ours} %; ffmpeg -c copy {theirs} %, ratio {ratio}"
    );
    json!({ "read_percent": idle, "read_and_record_percent": ours, "ffmpeg_percent": theirs, "ratio": ratio })
}

/// As many ffmpegs, each at the clip's own pace.
fn copying(clip: &Path, folder: &Path) -> f64 {
    let start = |n| {
        let out = folder.join(format!("copy-{n}.mp4"));
        let mut command = Command::new("ffmpeg");
        command
            .args(["-v", "error", "-y", "-re", "-stream_loop", "-1", "-i"])
            .arg(clip)
            .args(["-c", "copy", "-f", "mp4"]);
        command.arg(out).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts")
    };
    let mut children: Vec<Child> = (0..STREAMS).map(start).collect();
    std::thread::sleep(Duration::from_secs(2));
    let percent = percent(&children.iter().map(Child::id).collect::<Vec<_>>());
    for child in &mut children {
        child.kill().expect("a child of ours");
        child.wait().expect("a child of ours");
    }
    percent
}

/// Opening and listing with ten thousand files.
fn index() -> Value {
    let data = tempfile::tempdir().expect("a folder");
    let root = data.path().join("recordings");
    {
        let (index, _) = Index::open(data.path()).expect("opens");
        for n in 0..FILES {
            let camera = CameraId::slug(&format!("camera {}", n % 4));
            let file =
                format!("{camera}/2026-11-{:02}/{:02}-{:02}-{:02}.mp4", 1 + n / 1_000, n / 60 % 24, n % 60, n % 59);
            let path = root.join(&file);
            std::fs::create_dir_all(path.parent().expect("a day")).expect("a folder of ours");
            std::fs::write(&path, b"x").expect("written");
            let began = WallTime(1_794_000_000_000_000 + n * 60_000_000);
            let segment = NewSegment {
                camera,
                file,
                began,
                ended: WallTime(began.0 + 60_000_000),
                bytes: 15_000_000,
                why: Cause::Always,
                width: 1_280,
                height: 720,
                sound: false,
                kept: false,
                dated: true,
            };
            index.add(&segment).expect("added");
        }
    }
    let (mut opens, mut lists, mut days, mut rooms) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let limits = Limits { size: None, age: None, floor: 0 };
        let (store, found) = Store::open(Arc::new(OwnDisk), data.path(), &root, limits, Events::new()).expect("opens");
        opens.push(figures::ms(start.elapsed()));
        assert!(found.missing.is_empty() && found.adopted.is_empty());
        let start = Instant::now();
        let all = store.index().segments(&Query::default()).expect("listed");
        lists.push(figures::ms(start.elapsed()));
        let from = Some(WallTime(1_794_000_000_000_000 + 5_000 * 60_000_000));
        let to = from.map(|at| WallTime(at.0 + 24 * 3_600 * 1_000_000));
        let start = Instant::now();
        let day = store.index().segments(&Query { camera: CameraId::new("camera-1"), from, to, limit: None });
        days.push(figures::ms(start.elapsed()));
        assert!(day.expect("listed").len() >= 300);
        let start = Instant::now();
        store.room().expect("sums");
        rooms.push(figures::ms(start.elapsed()));
        eprintln!("{} rows", all.len());
    }
    let (open, list, day, room) = (median(opens), median(lists), median(days), median(rooms));
    eprintln!(
        "{FILES} files: opened in {open} ms, all listed in {list} ms, a camera's day in {day} ms, room and forecast in {room} ms"
    );
    json!({ "files": FILES, "open_ms": open, "list_ms": list, "day_ms": day, "room_ms": room })
}
