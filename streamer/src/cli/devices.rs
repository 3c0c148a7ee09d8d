//! `cameras` and `check-config`.

use anyhow::{Context, bail};
use serde_json::json;

use super::Common;
use super::start::read_config;
use crate::source::PixelFormat;
use crate::source::list::{list_cameras, list_microphones};
use crate::terminal::run::say;
use crate::terminal::text::{fit, wrap};
use crate::words::{Lang, Word};

/// Reads the configuration file and says what is wrong with it.
pub fn check_config(common: &Common, lang: Lang) -> anyhow::Result<()> {
    let Some(path) = common.config.as_deref() else { bail!(Word::NameTheFile.text(lang)) };
    let config = read_config(Some(path), lang)?;
    if common.json {
        say(&json!({"ok": true, "cameras": config.cameras.len()}).to_string());
    } else {
        let (path, n) = (path.display().to_string(), config.cameras.len().to_string());
        say(&Word::ConfigFine.fill(lang, &[("path", &path), ("n", &n)]));
    }
    Ok(())
}

/// Lists cameras and microphones with their formats. None is no failure: it is said.
pub async fn cameras(common: &Common, lang: Lang) -> anyhow::Result<()> {
    let listed = tokio::task::spawn_blocking(|| (list_cameras(), list_microphones())).await;
    let (cameras, microphones) = listed.context("Asking the devices")?;
    if common.json {
        say(&json!({"cameras": cameras, "microphones": microphones}).to_string());
        return Ok(());
    }
    for camera in &cameras {
        say(&fit(&format!("{:<12}  {}  {}", camera.spec, camera.name, camera.path), COLUMNS));
        let formats: Vec<String> = camera
            .formats
            .iter()
            .map(|f| format!("{} {}×{} {:.0} fps", format_name(f.format), f.width, f.height, f.fps))
            .collect();
        wrap(&formats.join(", "), COLUMNS - INDENT).iter().for_each(|line| say(&format!("{:INDENT$}{line}", "")));
    }
    if cameras.is_empty() {
        say(Word::NoWebcams.text(lang));
    }
    for microphone in &microphones {
        let default = if microphone.default { "  (--mic default)" } else { "" };
        say(&fit(&format!("{:<12}  {}{default}", Word::MicrophoneWord.text(lang), microphone.name), COLUMNS));
    }
    if microphones.is_empty() {
        say(Word::NoMicrophones.text(lang));
    }
    Ok(())
}

/// Tables fit the narrowest usual terminal.
const COLUMNS: usize = 80;
const INDENT: usize = 14;

fn format_name(format: PixelFormat) -> &'static str {
    match format {
        PixelFormat::I420 => "I420",
        PixelFormat::Nv12 => "NV12",
        PixelFormat::Yuyv => "YUYV",
        PixelFormat::Mjpeg => "MJPEG",
    }
}
