//! A disk that fills up: the oldest recordings go, the newest are made, the live picture never stops, and the owner is told.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use athome_tests::recorder::Setup;

/// What runs before the program: a file system of five megabytes where the recordings are, for it alone.
const TMPFS: &str = "mount -t tmpfs -o size=5m tmpfs \"$0\" && exec \"$@\"";

#[test]
fn on_a_full_disk_the_oldest_go_and_live_view_goes_on() {
    let data = tempfile::tempdir().expect("a folder");
    let disk = data.path().join("disk");
    std::fs::create_dir(&disk).expect("a folder of ours");
    let folder = disk.display().to_string();
    let around = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", TMPFS, &folder];
    let can = Command::new(around[0]).args(&around[1..]).arg("true").stderr(Stdio::null()).status();
    if !can.is_ok_and(|status| status.success()) {
        println!("SKIP: no file system of its own can be made here (unshare, tmpfs); a full disk is not tried");
        return;
    }
    let camera = "[[camera]]\nname = \"Card\"\nsource = \"test\"\nsize = \"640x360\"\nfps = 30\nbitrate = 4_000_000\n";
    let storage = format!("[storage]\npath = \"{folder}\"\nmin_free_gb = 0\n");
    let recording = "[recording]\nmode = \"always\"\nsegment_minutes = 0.1\n";
    let setup = Setup { data: data.path().to_owned(), config: format!("{camera}{recording}{storage}") };
    let streamer = setup.start(&around);
    streamer.heard("camera_online");
    let room = streamer.heard("made_room");
    assert!(room["files"].as_u64().is_some_and(|n| n > 0), "{room}");
    // It goes on: three more files are completed, and room is made again.
    let until = Instant::now() + Duration::from_secs(40);
    let (mut closed, mut offline, mut failed) = (0, 0, 0);
    while closed < 3 && Instant::now() < until {
        for event in streamer.so_far() {
            closed += u32::from(event["event"] == "recording_closed");
            offline += u32::from(event["event"] == "camera_offline");
            failed += u32::from(event["event"] == "recording_failed");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    println!("full disk: {closed} more files, {failed} recordings ended badly");
    assert!(closed >= 3 && offline == 0, "{closed} files, {offline} times offline");
    streamer.stop();
}
