//! The window, whose graphics driver is pretended to be lost each time that the file DATA/lose appears.
//!   lost DATA

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use athome_viewer::app::{self, Window};
use athome_viewer::controller::{Desktop, Handle};
use athome_viewer::desktop::instance::First;
use athome_viewer::session::client;
use athome_viewer::settings::{CameraKey, Settings};
use athome_viewer::words::Lang;

struct Quiet;

impl Desktop for Quiet {
    fn notify(&self, _camera: CameraKey, _title: &str, _sentence: &str, _requests: Handle) {}
}

fn main() -> anyhow::Result<()> {
    let data = PathBuf::from(std::env::args().nth(1).context("a data folder")?);
    let lose = data.join("lose");
    let (settings, _) = Settings::load(&data);
    let ended = app::run(Window {
        store: client::open_store(&data)?,
        data,
        settings,
        notice: None,
        device: "lost".to_owned(),
        link: None,
        first: First::default(),
        desktop: Arc::new(Quiet),
        report: None,
        // Whoever removes the file has seen it: one loss for each.
        probe: Box::new(move || std::fs::remove_file(&lose).is_ok()),
    });
    ended.map_err(|sentence| anyhow!(sentence.text(Lang::En)))
}
