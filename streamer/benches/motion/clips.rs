//! Real clips as pictures of luma, and what is known to be in them.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A clip and what is to be seen in it, in seconds.
pub(crate) struct Clip {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) events: &'static [[f32; 2]],
    pub(crate) empty: &'static [[f32; 2]],
    /// The part of the picture that is watched, if not all of it: left, top, width, height in pixels, and the picture's
    /// size.
    pub(crate) region: Option<[f32; 6]>,
}

/// From `events.csv` beside the clips; the cars and the bottles by looking at one picture a second; the motorway by the
/// region and the times in its text file, less the two seconds that its maker adds to an event.
pub(crate) const CLIPS: &[Clip] = &[
    Clip {
        name: "people",
        file: "intel_one-by-one-person-detection.mp4",
        events: &[[6.0, 20.0], [23.0, 45.0], [51.0, 70.0], [75.0, 87.0], [94.0, 120.0], [124.0, 136.0]],
        empty: &[[0.0, 5.0], [46.0, 50.0]],
        region: None,
    },
    Clip {
        name: "cars",
        file: "intel_car-detection.mp4",
        events: &[[4.0, 8.3], [14.0, 18.4], [25.0, 27.8]],
        empty: &[[0.0, 3.2], [9.2, 13.2], [19.2, 24.2], [28.8, 30.0]],
        region: None,
    },
    Clip {
        name: "bottles",
        file: "intel_bottle-detection.mp4",
        events: &[[5.4, 6.8], [10.4, 13.6], [15.6, 17.8], [21.4, 24.5], [26.4, 28.8], [30.4, 31.8], [34.2, 36.8]],
        empty: &[[0.0, 4.8], [7.6, 10.0], [18.6, 21.0], [25.2, 26.0], [32.6, 33.2], [37.8, 40.0]],
        region: None,
    },
    Clip { name: "night", file: "night_person_ken2190.mp4", events: &[[0.0, 18.8]], empty: &[], region: None },
    Clip {
        name: "exposure",
        file: "dvrscan_issue53_brightness_change.avi",
        events: &[],
        empty: &[[0.0, 4.9]],
        region: None,
    },
    Clip {
        name: "motorway",
        file: "dvrscan_traffic_camera.mp4",
        events: &[[0.4, 3.9], [14.3, 17.6], [21.4, 22.2]],
        empty: &[[6.0, 13.8], [19.6, 21.0]],
        region: Some([631.0, 532.0, 210.0, 127.0, 1280.0, 720.0]),
    },
];

/// A picture of luma, rows tight.
#[derive(Clone)]
pub(crate) struct Gray {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) luma: Vec<u8>,
}

/// Reads a clip's pictures one by one, with their times in seconds.
pub(crate) struct Pictures {
    process: Child,
    width: usize,
    height: usize,
    fps: f32,
    n: u32,
}

impl Pictures {
    /// Starts decoding.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let probed = Command::new("ffprobe")
            .args(["-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height,r_frame_rate"])
            .args(["-of", "csv=p=0"])
            .arg(path)
            .output()
            .map_err(|why| format!("ffprobe: {why}"))?;
        let text = String::from_utf8_lossy(&probed.stdout).into_owned();
        let mut parts = text.trim().split([',', '/']).filter_map(|part| part.parse::<f32>().ok());
        let (Some(width), Some(height), Some(num)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(format!("ffprobe knows nothing of {}", path.display()));
        };
        let fps = num / parts.next().unwrap_or(1.0).max(1.0);
        let process = Command::new("ffmpeg")
            .args(["-v", "error", "-threads", "1", "-i"])
            .arg(path)
            .args(["-f", "rawvideo", "-pix_fmt", "gray", "-"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|why| format!("ffmpeg: {why}"))?;
        Ok(Self { process, width: width as usize, height: height as usize, fps, n: 0 })
    }
}

impl Iterator for Pictures {
    type Item = (f32, Gray);

    fn next(&mut self) -> Option<(f32, Gray)> {
        let mut luma = vec![0; self.width * self.height];
        self.process.stdout.as_mut()?.read_exact(&mut luma).ok()?;
        let at = self.n as f32 / self.fps;
        self.n += 1;
        Some((at, Gray { width: self.width, height: self.height, luma }))
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        // Ends by itself when nobody reads; asked, it ends sooner.
        let _gone_already = self.process.kill();
        let _gone = self.process.wait();
    }
}

/// Only so many pictures a second are looked at; true for those that are.
pub(crate) struct Pace {
    last: f32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { last: f32::MIN }
    }
}

impl Pace {
    pub(crate) fn take(&mut self, at: f32) -> bool {
        let take = at - self.last >= athome_streamer::motion::pace::LEAST_STEP.as_secs_f32();
        if take {
            self.last = at;
        }
        take
    }
}

/// The folder of clips, if there is one.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("ATHOME_CLIPS")?);
    folder.is_dir().then_some(folder)
}
