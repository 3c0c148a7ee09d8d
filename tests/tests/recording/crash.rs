//! kill -9 at random times: at most two seconds are lost, every file plays, the index is clean.

use std::path::Path;
use std::time::{Duration, Instant};

use athome_shared::time::WallTime;
use athome_tests::recorder::{Setup, complaints, ffmpeg};
use athome_tests::{figures, soak};
use serde_json::Value;

const CAMERAS: usize = 4;
/// Promised.
const MOST_LOST: Duration = Duration::from_secs(2);

fn setup(data: &Path) -> Setup {
    let cameras = (1..=CAMERAS).map(|n| {
        format!(
            "[[camera]]\nname = \"Camera {n}\"\nsource = \"test\"\nsize = \"320x180\"\nfps = 15\n{}",
            if n == 1 { "audio = \"tone\"\n" } else { "" }
        )
    });
    // Files short enough that some runs are killed while one ends and the next begins.
    let rest = "[recording]\nmode = \"always\"\nsegment_minutes = 0.1\n[storage]\nmin_free_gb = 0\n";
    Setup { data: data.to_owned(), config: format!("{}{rest}", cameras.collect::<String>()) }
}

fn micros(value: &Value) -> i64 {
    value.as_i64().expect("a time")
}

#[test]
fn a_killed_streamer_loses_two_seconds_at_most_and_every_file_plays() {
    let data = tempfile::tempdir().expect("a folder");
    let setup = setup(data.path());
    let strict = ffmpeg("files are read by our own reader only");
    let kills = soak::either(10, 200);
    let (mut lost, mut seen, mut cut) = (Vec::new(), 0, 0);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for kill in 0..kills {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let streamer = setup.start(&[]);
        for _ in 0..CAMERAS {
            streamer.heard("camera_online");
        }
        let online = WallTime::now();
        std::thread::sleep(Duration::from_millis(1_500 + (random >> 33) % 6_000));
        let at = WallTime::now();
        streamer.kill();
        cut += setup.ask_json(&["recordings", "check"])["unknown"].as_array().expect("a list").len();
        let checked = setup.ask_json(&["recordings", "check", "--repair"]);
        assert_eq!(checked["clean"], true, "kill {kill}: {checked}");
        let listed = setup.ask_json(&["recordings", "list"]);
        let rows = listed["recordings"].as_array().expect("a list");
        for n in 1..=CAMERAS {
            let camera = format!("camera-{n}");
            let ended =
                rows.iter().filter(|row| row["camera"] == camera.as_str()).map(|row| micros(&row["ended"])).max();
            // A camera that was killed before its first fragment lost what it had.
            let from = ended.unwrap_or(online.0).max(online.0);
            lost.push(Duration::from_micros(u64::try_from(at.0 - from).unwrap_or(0)));
        }
        if strict {
            for row in &rows[seen..] {
                let file = row["file"].as_str().expect("a name");
                let said = complaints(&data.path().join("recordings").join(file));
                assert!(said.is_empty(), "kill {kill}, {file}: {said}");
            }
        }
        seen = rows.len();
    }
    let (p50, p99, max) = (figures::at(0.5, &lost), figures::at(0.99, &lost), figures::at(1.0, &lost));
    println!("{kills} kills of {CAMERAS} cameras, {seen} files: lost p50 {p50} ms, p99 {p99} ms, max {max} ms");
    assert!(figures::at(0.9, &lost) <= figures::ms(MOST_LOST), "{lost:?}");
    // A disk that is still busy with what was just built holds one `sync` up.
    assert!(max <= figures::ms(soak::either(2 * MOST_LOST, MOST_LOST)), "{lost:?}");
    // The control: files were open when it was killed, so there was something to lose and to mend.
    assert!(cut >= kills, "{cut} files were cut");
    // Nothing of it is needed to start again.
    let begun = Instant::now();
    setup.start(&[]).stop();
    assert_eq!(setup.ask_json(&["recordings", "check"])["clean"], true);
    println!("started and stopped again in {} ms", figures::ms(begun.elapsed()));
}
