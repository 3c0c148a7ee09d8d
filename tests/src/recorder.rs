//! A streamer as a process of its own that records: it can be killed, and its folder looked through afterwards.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::child::binary;
use crate::wait::PATIENCE;

/// Events that wait to be heard.
const MOST_LINES: usize = 10_000;

/// A running streamer that records; killed when dropped.
pub struct Recorder {
    child: Child,
    lines: Receiver<Value>,
}

/// What a folder is recorded with.
#[derive(Clone, Debug)]
pub struct Setup {
    pub data: PathBuf,
    /// `[[camera]]` blocks, `[recording]` and `[storage]`.
    pub config: String,
}

impl Setup {
    /// The configuration file, written.
    pub fn file(&self) -> PathBuf {
        let path = self.data.join("athome.toml");
        let text = format!("{}\n[webrtc]\nstun_servers = []\nbind = [\"127.0.0.1\"]\n", self.config);
        std::fs::write(&path, text).expect("a folder of ours");
        path
    }

    /// Runs a command of the program on this folder.
    pub fn ask(&self, args: &[&str]) -> Output {
        let mut command = Command::new(binary("athome-streamer").expect("built"));
        command.args(args).arg("--config").arg(self.file()).arg("--data").arg(&self.data);
        command.env("LC_ALL", "C.UTF-8").env("ATHOME_LOG", "error").stdin(Stdio::null());
        command.output().expect("runs")
    }

    /// The same, with `--json`: the object that it prints.
    pub fn ask_json(&self, args: &[&str]) -> Value {
        let output = self.ask(&[args, &["--json"]].concat());
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(text.lines().next_back().unwrap_or_default())
            .unwrap_or_else(|_| panic!("{args:?}: {text} {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Starts it; `around` is put in front of the command, such as `unshare …`.
    pub fn start(&self, around: &[&str]) -> Recorder {
        let program = binary("athome-streamer").expect("built");
        let mut words = around.iter().map(std::ffi::OsString::from).collect::<Vec<_>>();
        words.push(program.into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg("--config").arg(self.file()).arg("--data").arg(&self.data);
        command.args(["--json", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"]);
        command.env("ATHOME_LOG", "error").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (told, lines) = sync_channel(MOST_LINES);
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // What nobody hears is read and forgotten, or its pipe would fill.
                if let Ok(value) = serde_json::from_str(&line) {
                    let _unheard = told.try_send(value);
                }
            }
        });
        let recorder = Recorder { child, lines };
        recorder.heard("ready");
        recorder
    }
}

impl Recorder {
    /// The next event of this name; earlier ones are passed over.
    pub fn heard(&self, event: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let value = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("{event} was not told in time"));
            if value["event"] == event {
                return value;
            }
        }
    }

    /// What was told so far and not yet heard.
    pub fn so_far(&self) -> Vec<Value> {
        self.lines.try_iter().collect()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power switch would, but for the disk.
    pub fn kill(mut self) {
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child of ours");
    }

    /// Ends it as a person would, and waits.
    pub fn stop(mut self) {
        let asked = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().expect("kill is there");
        assert!(asked.success());
        let until = Instant::now() + PATIENCE;
        while self.child.try_wait().expect("a child of ours").is_none() {
            assert!(Instant::now() < until, "it did not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Whether ffmpeg is here; says that something is skipped where it is not.
pub fn ffmpeg(what: &str) -> bool {
    let there = Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = there.is_ok_and(|status| status.success());
    if !there {
        println!("SKIP: no ffmpeg here; {what}");
    }
    there
}

/// What ffmpeg complains about when it decodes all of a file, at its strictest; empty where nothing.
pub fn complaints(file: &Path) -> String {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "warning", "-xerror", "-err_detect", "explode", "-i"]).arg(file);
    // At the file's own times: else ffmpeg makes a constant rate of them, and complains of that.
    command.args(["-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"]);
    let output = command.stdin(Stdio::null()).output().expect("ffmpeg runs");
    let said = String::from_utf8_lossy(&output.stderr);
    // What newer ffmpegs say of our option, which older ones have no other word for.
    let lines: Vec<&str> = said.lines().filter(|line| !line.contains("-enc_time_base -1 is deprecated")).collect();
    let said = lines.join("\n");
    if output.status.success() { said } else { format!("{said}({})", output.status) }
}
