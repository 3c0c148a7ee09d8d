//! The other model, behind a pipe. Its foreground is judged by our own things, zones and gate.

use std::io::{BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use athome_streamer::motion::background::Foreground;
use athome_streamer::motion::grid::{CELLS, plane};

use super::clips::Gray;

/// As in `mog2.py`.
pub(crate) const NAMES: [&str; 4] = ["MOG2 at 180", "MOG2 tuned, 180", "MOG2 at 90", "MOG2 tuned, 90"];

pub(crate) struct Rival {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

fn python() -> Option<PathBuf> {
    std::env::var_os("ATHOME_OPENCV_PYTHON").map(PathBuf::from).filter(|path| path.exists())
}

fn script() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/motion/mog2.py")
}

impl Rival {
    /// `None` where no Python with OpenCV is named.
    pub(crate) fn start() -> Option<Self> {
        let mut process =
            Command::new(python()?).arg(script()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let (to, from) = (process.stdin.take()?, BufReader::new(process.stdout.take()?));
        Some(Self { process, to, from })
    }

    /// The foreground of each of its models.
    pub(crate) fn look(&mut self, picture: &Gray, restart: bool) -> std::io::Result<Vec<Foreground>> {
        let head = [picture.width as u32, picture.height as u32, u32::from(restart)].map(u32::to_le_bytes).concat();
        self.to.write_all(&head)?;
        self.to.write_all(&picture.luma)?;
        self.to.flush()?;
        NAMES
            .iter()
            .map(|_| {
                let mut bits = [0; CELLS / 8];
                self.from.read_exact(&mut bits)?;
                let mut strong = plane(0);
                for (cell, value) in strong.iter_mut().enumerate() {
                    *value = if bits[cell / 8] >> (cell % 8) & 1 != 0 { 255 } else { 0 };
                }
                Ok(Foreground { weak: strong.clone(), strong })
            })
            .collect()
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _gone = self.process.wait();
    }
}

/// Milliseconds of processor time a 720p picture, for each of [`NAMES`].
pub(crate) fn times() -> Option<Vec<f32>> {
    let ran = Command::new(python()?).arg(script()).arg("time").output().ok()?;
    let times: Vec<f32> = String::from_utf8_lossy(&ran.stdout).lines().filter_map(|line| line.parse().ok()).collect();
    (times.len() == NAMES.len()).then_some(times)
}
