//! A streamer as a process of its own, for what is measured of a process: CPU time and memory.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use anyhow::{Context, bail};
use serde_json::Value;

/// A running streamer; killed when dropped.
#[derive(Debug)]
pub struct Streamer {
    child: Child,
    data: tempfile::TempDir,
    binary: PathBuf,
    api: String,
    reading: Option<JoinHandle<()>>,
}

impl Streamer {
    /// Starts the test card at this size on free ports of the loopback interface.
    pub fn start(size: (u32, u32), fps: u32) -> anyhow::Result<Self> {
        let binary = binary("athome-streamer")?;
        let data = tempfile::tempdir()?;
        // Nobody outside is asked for anything.
        let config = data.path().join("athome.toml");
        std::fs::write(&config, "[webrtc]\nstun_servers = []\nbind = [\"127.0.0.1\"]\n")?;
        let mut child = Command::new(&binary)
            .arg("--config")
            .arg(&config)
            .args(["--camera", "test", "--mic", "tone", "--json"])
            .args(["--size", &format!("{}x{}", size.0, size.1), "--fps", &fps.to_string()])
            .args(["--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"])
            .arg("--data")
            .arg(data.path())
            .env("ATHOME_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", binary.display()))?;
        let stdout = child.stdout.take().context("the streamer's standard output")?;
        let mut lines = BufReader::new(stdout);
        let ready = ready(&mut lines);
        let api = match &ready {
            Ok(ready) => ready.get("api").and_then(Value::as_str).unwrap_or_default().to_owned(),
            Err(_) => String::new(),
        };
        // What it says later is read and forgotten, or its pipe would fill.
        let reading = std::thread::spawn(move || while lines.read_line(&mut String::new()).is_ok_and(|n| n > 0) {});
        let streamer = Self { child, data, binary, api, reading: Some(reading) };
        ready?;
        Ok(streamer)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A new link that this many devices may use.
    pub fn invite(&self, uses: u16) -> anyhow::Result<String> {
        let api = self.api.trim_start_matches("http://").trim_end_matches('/');
        let output = Command::new(&self.binary)
            .args(["pair", "--json", "--uses", &uses.to_string(), "--api", api, "--data"])
            .arg(self.data.path())
            .stdin(Stdio::null())
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            bail!("pair failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        text.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find_map(|value| value.get("link").and_then(Value::as_str).map(str::to_owned))
            .context("pair printed no link")
    }
}

impl Drop for Streamer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reading) = self.reading.take() {
            let _ = reading.join();
        }
    }
}

fn ready(lines: &mut BufReader<ChildStdout>) -> anyhow::Result<Value> {
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        if let Ok(value) = serde_json::from_str::<Value>(&line)
            && value.get("event").and_then(Value::as_str) == Some("ready")
        {
            return Ok(value);
        }
        line.clear();
    }
    bail!("the streamer ended before it was ready")
}

/// A program of this workspace, built with the same profile as this one.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    // target/PROFILE/deps/NAME-HASH
    let folder = own.parent().and_then(Path::parent).context("a program outside its target folder")?;
    let path = folder.join(name).with_extension(std::env::consts::EXE_EXTENSION);
    if !path.exists() {
        bail!("{} is missing: build the workspace first (cargo build --workspace)", path.display());
    }
    Ok(path)
}
