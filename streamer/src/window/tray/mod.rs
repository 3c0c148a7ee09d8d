//! The icon in the desktop's tray: what it shows, drawn by ourselves, and what its menu offers. The one thing outside is
//! in a file of its own; where a platform has none yet, there is no tray, and the window says so.

pub mod icon;
#[cfg(target_os = "linux")]
mod item;

use std::sync::Arc;

use super::model::Request;
use crate::words::Lang;

/// What the icon tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Idle,
    /// By so many.
    Watched(usize),
    Paused,
    Trouble,
}

/// What the tray shows.
#[derive(Clone, Debug, PartialEq)]
pub struct TrayModel {
    pub lang: Lang,
    pub mark: Mark,
    /// The sentence beside the icon.
    pub tip: String,
    /// Every camera is paused: the menu offers to resume.
    pub paused: bool,
}

/// Where the tray's wishes go. Never waits.
pub type Ask = Arc<dyn Fn(Request) + Send + Sync>;

/// An icon in the tray, until it is dropped.
pub struct Tray {
    #[cfg(target_os = "linux")]
    item: item::Item,
}

impl Tray {
    /// Puts the icon into the tray; `None` where this desktop has none. Blocking: it speaks with the session bus.
    #[cfg(target_os = "linux")]
    pub fn open(model: TrayModel, ask: Ask) -> Option<Self> {
        item::Item::open(model, ask).map(|item| Self { item })
    }

    /// Puts the icon into the tray; none is known on this platform yet.
    #[cfg(not(target_os = "linux"))]
    pub fn open(_model: TrayModel, _ask: Ask) -> Option<Self> {
        None
    }

    /// Shows something else from now on. Blocking: it speaks with the session bus.
    pub fn show(&self, model: &TrayModel) {
        #[cfg(target_os = "linux")]
        self.item.show(model);
        #[cfg(not(target_os = "linux"))]
        let _nothing_to_show = model;
    }
}
