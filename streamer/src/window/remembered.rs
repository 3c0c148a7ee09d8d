//! What the window remembers from one start to the next, in the data folder. Losing it costs a question.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracing::info;

use super::model::{Kept, OnClose, Theme};

const FILE: &str = "window.toml";
/// Far more than the file ever holds.
const LONGEST: u64 = 4_096;

/// The file's words.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct File {
    /// `ask`, `tray` or `stop`.
    on_close: String,
    /// `system`, `dark` or `light`.
    theme: String,
}

/// The file of what is remembered.
#[derive(Clone, Debug)]
pub struct Remembered(PathBuf);

impl Remembered {
    /// In this data folder.
    pub fn new(data: &Path) -> Self {
        Self(data.join(FILE))
    }

    /// What is kept; what is not there or not readable is as at the first start.
    pub fn read(&self) -> Kept {
        let small = std::fs::metadata(&self.0).is_ok_and(|file| file.len() <= LONGEST);
        let text = if small { std::fs::read_to_string(&self.0).unwrap_or_default() } else { String::new() };
        let file: File = toml::from_str(&text).unwrap_or_else(|why| {
            info!(file = %self.0.display(), %why, "not readable; as at the first start");
            File::default()
        });
        Kept {
            on_close: match file.on_close.as_str() {
                "tray" => OnClose::Tray,
                "stop" => OnClose::Stop,
                _ => OnClose::Ask,
            },
            theme: match file.theme.as_str() {
                "dark" => Theme::Dark,
                "light" => Theme::Light,
                _ => Theme::System,
            },
        }
    }

    /// Keeps it.
    pub fn keep(&self, kept: Kept) -> std::io::Result<()> {
        let on_close = match kept.on_close {
            OnClose::Ask => "ask",
            OnClose::Tray => "tray",
            OnClose::Stop => "stop",
        };
        let theme = match kept.theme {
            Theme::System => "system",
            Theme::Dark => "dark",
            Theme::Light => "light",
        };
        let file = File { on_close: on_close.to_owned(), theme: theme.to_owned() };
        std::fs::write(&self.0, toml::to_string(&file).map_err(std::io::Error::other)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::{Kept, OnClose, Theme};
    use super::{FILE, Remembered};

    #[test]
    fn what_was_chosen_is_remembered_and_nonsense_is_not_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let remembered = Remembered::new(folder.path());
        assert_eq!(remembered.read(), Kept::default());
        for on_close in [OnClose::Tray, OnClose::Stop, OnClose::Ask] {
            for theme in [Theme::Dark, Theme::Light, Theme::System] {
                remembered.keep(Kept { on_close, theme }).expect("written");
                assert_eq!(remembered.read(), Kept { on_close, theme });
            }
        }
        let long = [b'a'; 5_000];
        for nonsense in [&b"on_close = 7"[..], b"\xff\xfe", b"on_close = \"never\"\ntheme = \"pink\"", &long] {
            std::fs::write(folder.path().join(FILE), nonsense).expect("written");
            assert_eq!(remembered.read(), Kept::default());
        }
    }
}
