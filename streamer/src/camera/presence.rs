//! How the house is watched over: home, away or privacy. One for all cameras, remembered in the data folder, because it is no
//! configuration: it changes each day.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use athome_shared::protocol::house::HouseMode;
use athome_shared::time::WallTime;
use tokio::sync::{Mutex, watch};

use super::Cameras;
use crate::events::{Event, Events, Kind};

const FILE: &str = "mode";

/// The mode, and the way to another one. Cloning shares it.
#[derive(Clone)]
pub struct Presence(Arc<Inner>);

struct Inner {
    cameras: Cameras,
    events: Events,
    folder: PathBuf,
    /// One change at a time, so that file and cameras end with the same one.
    changing: Mutex<()>,
    mode: watch::Sender<HouseMode>,
}

/// Whether a change outlives this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Yes,
    /// The file could not be written: it holds until the streamer ends.
    No,
}

impl Presence {
    /// The mode as it was left. Cameras are to be started in it.
    pub fn new(cameras: Cameras, events: Events, folder: PathBuf) -> Self {
        let mode = watch::Sender::new(cameras.mode());
        Self(Arc::new(Inner { cameras, events, folder, changing: Mutex::new(()), mode }))
    }

    /// What a data folder remembers. One that can't be understood is privacy: a camera that is off is noticed, one that films
    /// against its owner's will is not.
    pub fn read(folder: &Path) -> HouseMode {
        let read = File::open(folder.join(FILE)).and_then(|file| {
            let mut text = String::new();
            file.take(32).read_to_string(&mut text).map(|_| text)
        });
        match read {
            Ok(text) => parse(text.trim()).unwrap_or(HouseMode::Privacy),
            Err(why) if why.kind() == io::ErrorKind::NotFound => HouseMode::Away,
            Err(why) => {
                tracing::warn!(%why, "how the house was watched over can't be read: its cameras stay off");
                HouseMode::Privacy
            }
        }
    }

    /// The mode, again with each change.
    pub fn mode(&self) -> watch::Receiver<HouseMode> {
        self.0.mode.subscribe()
    }

    /// Another mode. Done first and remembered then: privacy does not wait for a disk.
    pub async fn set(&self, mode: HouseMode) -> Kept {
        let _one = self.0.changing.lock().await;
        let changes = *self.0.mode.borrow() != mode;
        self.0.cameras.set_mode(mode).await;
        if changes {
            self.0.mode.send_replace(mode);
            self.0.events.send(Event { camera: None, at: WallTime::now(), kind: Kind::ModeChanged { mode } });
        }
        let folder = self.0.folder.clone();
        match tokio::task::spawn_blocking(move || write(&folder, mode)).await {
            Ok(Ok(())) => Kept::Yes,
            Ok(Err(why)) => {
                tracing::warn!(%why, "how the house is watched over can't be remembered");
                Kept::No
            }
            Err(_) => Kept::No,
        }
    }
}

/// As it is written and typed.
pub fn name(mode: HouseMode) -> &'static str {
    match mode {
        HouseMode::Home => "home",
        HouseMode::Away => "away",
        HouseMode::Privacy => "privacy",
    }
}

fn parse(text: &str) -> Option<HouseMode> {
    [HouseMode::Home, HouseMode::Away, HouseMode::Privacy].into_iter().find(|mode| name(*mode) == text)
}

/// Whole and durable, or not at all.
fn write(folder: &Path, mode: HouseMode) -> io::Result<()> {
    let new = folder.join(format!("{FILE}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
    file.write_all(name(mode).as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, folder.join(FILE))?;
    File::open(folder).and_then(|folder| folder.sync_all()).or(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::{FILE, HouseMode, Presence, write};

    #[test]
    fn it_is_remembered_and_what_is_damaged_is_privacy() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(Presence::read(folder.path()), HouseMode::Away, "of a new house");
        for mode in [HouseMode::Home, HouseMode::Privacy, HouseMode::Away] {
            write(folder.path(), mode).expect("a file");
            assert_eq!(Presence::read(folder.path()), mode);
        }
        for damaged in ["", "awa", "AWAY", "away and more than that, for ever and ever", "\u{0}\u{0}\u{0}\u{0}"] {
            std::fs::write(folder.path().join(FILE), damaged).expect("a file");
            assert_eq!(Presence::read(folder.path()), HouseMode::Privacy, "{damaged:?}");
        }
    }
}
