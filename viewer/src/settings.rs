//! What the window remembers between two runs, in one TOML file without secrets (`DATA/window.toml`). A damaged file is
//! put aside under another name and said, never overwritten in silence.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use athome_shared::id::CameraId;
use serde::{Deserialize, Serialize};

use crate::store::PlaceId;

const FILE: &str = "window.toml";
/// Largest file that is read: hundreds of cameras fit.
const MAX_FILE: u64 = 256 * 1024;
/// Cameras whose sound, or bell, is remembered; the file stays small however many come and go.
const MAX_CAMERAS: usize = 256;

/// A camera of a place, wherever it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CameraKey {
    pub place: PlaceId,
    pub camera: CameraId,
}

/// How many places the grid has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    One,
    Two,
    Three,
    #[default]
    Four,
    Six,
    Nine,
}

impl Layout {
    pub const ALL: [Self; 6] = [Self::One, Self::Two, Self::Three, Self::Four, Self::Six, Self::Nine];

    /// Places of the grid.
    pub fn places(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
            Self::Four => 4,
            Self::Six => 6,
            Self::Nine => 9,
        }
    }

    /// The smallest layout that holds this many cameras; nine at most.
    pub fn holding(cameras: usize) -> Self {
        Self::ALL.into_iter().find(|layout| layout.places() >= cameras).unwrap_or(Self::Nine)
    }
}

/// Which colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    #[default]
    System,
    Dark,
    Light,
}

/// A camera's sound. Off until a person switches it on, then remembered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sound {
    pub on: bool,
    /// 0 to 1.
    pub volume: f32,
}

impl Default for Sound {
    fn default() -> Self {
        Self { on: false, volume: 1.0 }
    }
}

/// The settings. Every key may be missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// `en` or `fr`; the system's language otherwise.
    pub language: Option<String>,
    pub theme: Theme,
    pub layout: Layout,
    /// Keys without a modifier do things (`M` mutes).
    pub single_keys: SingleKeys,
    /// Desktop notifications.
    pub notify: Notify,
    /// Where snapshots and recordings go; the system's folder for pictures otherwise.
    pub folder: Option<PathBuf>,
    /// The window's size in points.
    pub window: Option<[f32; 2]>,
    /// The camera that is heard, photographed and measured.
    pub selected: Option<CameraKey>,
    /// The one shown alone.
    pub large: Option<CameraKey>,
    /// What stands in the grid's places, in their order; missing or `null` places are empty.
    pub grid: Vec<Placed>,
    /// Cameras whose movement the desktop is told of.
    pub bells: Vec<CameraKey>,
    /// By `place/camera`.
    pub sounds: BTreeMap<String, Sound>,
}

/// One place of the grid. A struct, because TOML has no null inside a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Placed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera: Option<CameraKey>,
}

/// Whether keys without a modifier do something (WCAG 2.1.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SingleKeys {
    #[default]
    On,
    Off,
}

/// Whether the desktop is told of cameras that went away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notify {
    #[default]
    On,
    Off,
}

impl Settings {
    /// Reads a data folder's settings; the defaults where there are none. A file that can't be understood is moved to
    /// `window.toml.damaged`, and its new name returned.
    pub fn load(dir: &Path) -> (Self, Option<PathBuf>) {
        let path = dir.join(FILE);
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return (Self::default(), None),
            Err(_) => return (Self::default(), Some(path)),
        };
        match toml::from_str::<Self>(&text) {
            Ok(settings) => (settings.checked(), None),
            Err(_) => {
                let aside = dir.join(format!("{FILE}.damaged"));
                let moved = fs::rename(&path, &aside).is_ok();
                (Self::default(), Some(if moved { aside } else { path }))
            }
        }
    }

    /// Writes them whole or not at all.
    pub fn save(&self, dir: &Path) -> io::Result<()> {
        let text = toml::to_string_pretty(self).map_err(io::Error::other)?;
        let new = dir.join(format!("{FILE}.new"));
        let mut file = fs::File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, dir.join(FILE))
    }

    /// A camera's sound.
    pub fn sound(&self, key: &CameraKey) -> Sound {
        self.sounds.get(&sound_key(key)).copied().unwrap_or_default()
    }

    /// Remembers a camera's sound.
    pub fn set_sound(&mut self, key: &CameraKey, sound: Sound) {
        if self.sounds.len() < MAX_CAMERAS || self.sounds.contains_key(&sound_key(key)) {
            self.sounds.insert(sound_key(key), sound);
        }
    }

    /// Whether the desktop is to be told of movement in front of a camera.
    pub fn set_bell(&mut self, key: CameraKey, wanted: bool) {
        self.bells.retain(|bell| *bell != key);
        if wanted && self.bells.len() < MAX_CAMERAS {
            self.bells.push(key);
        }
    }

    /// What stands in a place of the grid.
    pub fn placed(&self, place: usize) -> Option<&CameraKey> {
        self.grid.get(place)?.camera.as_ref()
    }

    /// Values that a person may have written by hand, brought into their ranges.
    fn checked(mut self) -> Self {
        self.grid.truncate(Layout::Nine.places());
        self.bells.truncate(MAX_CAMERAS);
        self.window = self.window.filter(|size| size.iter().all(|s| s.is_finite() && (200.0..=16_000.0).contains(s)));
        for sound in self.sounds.values_mut() {
            sound.volume = if sound.volume.is_finite() { sound.volume.clamp(0.0, 1.0) } else { 1.0 };
        }
        self
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(MAX_FILE).read_to_string(&mut text)?;
    Ok(text)
}

fn sound_key(key: &CameraKey) -> String {
    format!("{}/{}", key.place, key.camera)
}

#[cfg(test)]
mod tests {
    use athome_shared::id::CameraId;

    use super::{CameraKey, FILE, Layout, Placed, Settings, Sound};
    use crate::store::PlaceId;

    #[test]
    fn settings_outlive_the_program() {
        let dir = tempfile::tempdir().unwrap();
        let key = CameraKey { place: PlaceId([7; 32]), camera: CameraId::slug("Front door") };
        let mut settings = Settings { layout: Layout::Six, large: Some(key.clone()), ..Settings::default() };
        settings.grid = vec![Placed::default(), Placed { camera: Some(key.clone()) }];
        settings.set_sound(&key, Sound { on: true, volume: 0.5 });
        settings.set_bell(key.clone(), true);
        settings.save(dir.path()).unwrap();
        let (again, damaged) = Settings::load(dir.path());
        assert_eq!((again, damaged), (settings, None));
    }

    #[test]
    fn a_damaged_file_is_put_aside_and_odd_values_are_brought_into_range() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "layout = 'seventeen'").unwrap();
        let (settings, damaged) = Settings::load(dir.path());
        assert_eq!(settings, Settings::default());
        assert_eq!(std::fs::read_to_string(damaged.unwrap()).unwrap(), "layout = 'seventeen'");
        std::fs::write(dir.path().join(FILE), "window = [nan, 1e30]\n[sounds]\nx = { on = true, volume = 9e9 }")
            .unwrap();
        let (settings, damaged) = Settings::load(dir.path());
        assert_eq!((settings.window, damaged), (None, None));
        assert_eq!(settings.sounds["x"].volume, 1.0);
    }

    #[test]
    fn the_smallest_layout_that_holds_them() {
        let names: Vec<_> = [0, 1, 2, 4, 5, 7, 20].into_iter().map(|n| Layout::holding(n).places()).collect();
        assert_eq!(names, [1, 1, 2, 4, 6, 9, 9]);
    }
}
