//! What is recorded is what the camera gave, and any player opens it.

use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use athome_shared::media::clock::read_clock;
use athome_shared::media::mp4::read::{Depth, Kind, load, scan};
use athome_streamer::decode::h264::Decoder;
use athome_tests::recorder::{Setup, complaints, ffmpeg};
use serde_json::Value;

const REST: &str = "[recording]\nmode = \"always\"\n[storage]\nmin_free_gb = 0\n";

fn record(setup: &Setup, seconds: u64) -> Vec<Value> {
    let streamer = setup.start(&[]);
    streamer.heard("camera_online");
    std::thread::sleep(Duration::from_secs(seconds));
    streamer.stop();
    let listed = setup.ask_json(&["recordings", "list"]);
    listed["recordings"].as_array().expect("a list").clone()
}

fn probe(file: &Path) -> Value {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-of", "json", "-show_format", "-show_streams", "-count_packets"]).arg(file);
    let output = command.output().expect("ffprobe runs");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn the_test_card_is_recorded_with_its_sound_and_read_back() {
    let data = tempfile::tempdir().expect("a folder");
    let card = "[[camera]]\nname = \"Card\"\nsource = \"test\"\nsize = \"640x360\"\nfps = 30\naudio = \"tone\"\n";
    let setup = Setup { data: data.path().to_owned(), config: format!("{card}{REST}") };
    let rows = record(&setup, 6);
    assert_eq!(rows.len(), 1, "{rows:?}");
    let file = data.path().join("recordings").join(rows[0]["file"].as_str().expect("a name"));
    let bytes = std::fs::read(&file).expect("there");
    let movie = scan(&mut Cursor::new(&bytes), Depth::Whole).expect("ours");
    assert!(movie.finished && movie.sound);
    let mut decoder = Decoder::new().expect("a decoder");
    let (mut clocks, mut packets, mut last) = (0, 0, None);
    for fragment in &movie.fragments {
        for sample in load(&mut Cursor::new(&bytes), fragment).expect("whole") {
            if sample.kind == Kind::Sound {
                packets += 1;
                continue;
            }
            let picture = decoder.decode(&sample.data).expect("decodes");
            let clock =
                picture.and_then(|p| read_clock(&p.data, p.width as usize, p.width as usize, p.height as usize));
            assert!(clock.is_none() || clock > last, "pictures in their order");
            clocks += u64::from(clock.is_some());
            last = clock.or(last);
        }
    }
    let frames = movie.end() / 3_000;
    assert!(frames > 90 && clocks >= frames * 9 / 10, "{clocks} clocks in {frames} frames");
    assert!(packets > 200, "{packets} packets of sound");
    assert!(file.with_extension("jpg").exists(), "a thumbnail beside it");

    // A part of it, by the wall clock.
    let out = data.path().join("part.mp4");
    let began = rows[0]["began"].as_i64().expect("a time");
    let stamp = |us: i64| Stamp(us).to_string();
    let out_text = out.display().to_string();
    let (from, to) = (stamp(began + 3_500_000), stamp(began + 5_500_000));
    let args = ["recordings", "export", "--camera", "Card", "--from", &from, "--to", &to, &out_text];
    let done = setup.ask_json(&args);
    let held = done["ended"].as_i64().expect("a time") - done["began"].as_i64().expect("a time");
    assert!((2_000_000..=5_600_000).contains(&held), "{done}");
    let part = scan(&mut std::fs::File::open(&out).expect("there"), Depth::Whole).expect("ours");
    assert!(part.finished && part.sound);
    assert!(!setup.ask(&args).status.success(), "never over a file that is there");

    if ffmpeg("the recordings are not looked at by other programs") {
        for file in [&file, &out] {
            assert_eq!(complaints(file), "", "{}", file.display());
            let probed = probe(file);
            let stream = |n: usize| probed["streams"][n]["codec_name"].as_str().unwrap_or_default().to_owned();
            assert_eq!((stream(0), stream(1)), ("h264".to_owned(), "opus".to_owned()));
            let created = probed["format"]["tags"]["creation_time"].as_str().unwrap_or_default().to_owned();
            assert!(created.starts_with("20"), "{probed}");
        }
        let probed = probe(&file);
        let length: f64 = probed["format"]["duration"].as_str().and_then(|text| text.parse().ok()).expect("a length");
        assert!((length - movie.end() as f64 / 90_000.0).abs() < 0.1, "{length}");
        // Seeking lands where it should: the picture at three seconds, by the index at the beginning.
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-ss", "3", "-i"]).arg(&file).args(["-frames:v", "1", "-f", "null", "-"]);
        assert!(command.stdin(Stdio::null()).status().expect("runs").success());
    }
}

/// UTC as RFC 3339, to a microsecond.
struct Stamp(i64);

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Days to a date (Howard Hinnant's `civil_from_days`).
        let (days, rest) = (self.0.div_euclid(86_400_000_000), self.0.rem_euclid(86_400_000_000));
        let z = days + 719_468;
        let (era, doe) = (z.div_euclid(146_097), z.rem_euclid(146_097));
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
        let year = yoe + era * 400 + i64::from(month <= 2);
        let (seconds, us) = (rest / 1_000_000, rest % 1_000_000);
        let (h, m, s) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{us:06}Z")
    }
}

#[test]
fn a_stream_that_is_passed_through_is_recorded_frame_for_frame() {
    if !ffmpeg("no clip to pass through, so passing through is not tried") {
        return;
    }
    let data = tempfile::tempdir().expect("a folder");
    let clip = data.path().join("clip.mp4");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=4"])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "0", "-g", "25"])
        .arg(&clip)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        println!("SKIP: this ffmpeg has no libx264; passing through is not tried");
        return;
    }
    let config = format!("[[camera]]\nname = \"Clip\"\nsource = \"file:clip.mp4\"\n{REST}");
    let setup = Setup { data: data.path().to_owned(), config };
    let rows = record(&setup, 5);
    assert_eq!(rows.len(), 1, "{rows:?}");
    let file = data.path().join("recordings").join(rows[0]["file"].as_str().expect("a name"));
    assert_eq!(complaints(&file), "");
    let pictures = |file: &Path| -> Vec<String> {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-i"]).arg(file).args([
            "-map",
            "0:v",
            "-fps_mode",
            "passthrough",
            "-f",
            "framemd5",
            "-",
        ]);
        let output = command.stdin(Stdio::null()).output().expect("runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| line.rsplit(',').next()).map(|md5| md5.trim().to_owned()).collect()
    };
    let (given, recorded) = (pictures(&clip), pictures(&file));
    assert!(given.len() == 100 && recorded.len() > 60, "{} and {}", given.len(), recorded.len());
    // In the clip's order, from wherever it began, round and round.
    let first = given.iter().position(|md5| *md5 == recorded[0]).expect("a picture of the clip");
    let expected: Vec<&String> = given.iter().cycle().skip(first).take(recorded.len()).collect();
    assert_eq!(recorded.iter().collect::<Vec<_>>(), expected);
}
