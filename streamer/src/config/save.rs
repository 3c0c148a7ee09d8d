//! Changes written back into the file, which keeps its comments and its order. A change that would leave the file invalid
//! is refused before anything is written.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use athome_shared::id::CameraId;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::detection::write_zones;
use super::read::{parse, read_text};
use super::{Config, ConfigError};
use crate::motion::zones::Zone;
use crate::source::Login;
use crate::words::Problem;

/// One change of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Another name for the place.
    Place(String),
    /// Another name for a camera, and with it another id.
    Rename { camera: CameraId, name: String },
    /// Whether a camera starts with the program.
    Active { camera: CameraId, active: bool },
    /// Another source for a camera, as `--camera` takes it.
    Source { camera: CameraId, source: String },
    /// Another sound for a camera, as `--mic` takes it.
    Audio { camera: CameraId, audio: String },
    /// The size that is wished of a camera; `None` leaves it the choice.
    Size { camera: CameraId, size: Option<(u32, u32)> },
    /// The frames a second that are wished of a camera; `None` leaves it the choice.
    Fps { camera: CameraId, fps: Option<f32> },
    /// Other zones for a camera, in place of all it had.
    Zones { camera: CameraId, zones: Vec<Zone> },
    /// How readily motion is seen at a camera, 1 to 100.
    Sensitivity { camera: CameraId, sensitivity: u8 },
    /// Another login for a network camera; `None` for none.
    Login { camera: CameraId, login: Option<Login> },
    /// Another smaller stream for a camera; `None` for none.
    Small { camera: CameraId, source: Option<String> },
    /// How an RTSP camera's packets come; `None` for the usual way.
    Transport { camera: CameraId, transport: Option<&'static str> },
    /// Another camera, at the end.
    Add(Added),
    /// One camera less; its comments go with it.
    Remove { camera: CameraId },
}

/// A camera to be added; what is `None` is not written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Added {
    pub name: String,
    pub source: String,
    pub sub_source: Option<String>,
    pub login: Option<Login>,
    pub transport: Option<&'static str>,
    pub audio: Option<String>,
    pub active: Option<bool>,
}

/// Makes a change in the file at `path` (created if there is none) and returns the configuration as it is then.
pub fn save(path: &Path, change: &Change) -> Result<Config, ConfigError> {
    save_all(path, std::slice::from_ref(change))
}

/// Makes several changes at once, or none of them.
pub fn save_all(path: &Path, changes: &[Change]) -> Result<Config, ConfigError> {
    let env = |name: &str| std::env::var(name).ok();
    // A link is followed, so that what it points to is replaced and not the link.
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let text = if path.exists() { read_text(path)? } else { String::new() };
    let before = parse(&text, path, &env)?;
    let mut document: DocumentMut = text
        .parse()
        .map_err(|why: toml_edit::TomlError| ConfigError::file(path, Problem::Toml(why.message().to_owned())))?;
    for change in changes {
        edit(&mut document, &before, change).map_err(|why| ConfigError::file(path, why))?;
    }
    let text = document.to_string();
    let after = parse(&text, path, &env)?;
    let secret = changes.iter().any(|change| {
        matches!(change, Change::Login { login: Some(_), .. } | Change::Add(Added { login: Some(_), .. }))
    });
    write(path, &text, secret).map_err(|why| ConfigError::file(path, Problem::CantWrite(why.to_string())))?;
    Ok(after)
}

fn edit(document: &mut DocumentMut, config: &Config, change: &Change) -> Result<(), Problem> {
    match change {
        Change::Place(place) => set(document.as_table_mut(), "place", place.as_str()),
        Change::Rename { camera, name } => set(camera_table(document, config, camera)?, "name", name.as_str()),
        Change::Active { camera, active } => set(camera_table(document, config, camera)?, "active", *active),
        Change::Source { camera, source } => {
            set(camera_table(document, config, camera)?, "source", source.as_str());
        }
        Change::Audio { camera, audio } => set(camera_table(document, config, camera)?, "audio", audio.as_str()),
        Change::Size { camera, size } => {
            let size = size.map(|(width, height)| format!("{width}x{height}"));
            wish(camera_table(document, config, camera)?, "size", size);
        }
        Change::Fps { camera, fps } => wish(camera_table(document, config, camera)?, "fps", fps.map(number)),
        Change::Zones { camera, zones } => write_zones(camera_table(document, config, camera)?, zones),
        Change::Sensitivity { camera, sensitivity } => {
            set(camera_table(document, config, camera)?, "sensitivity", i64::from(*sensitivity));
        }
        Change::Login { camera, login } => write_login(camera_table(document, config, camera)?, login.as_ref()),
        Change::Small { camera, source } => {
            wish(camera_table(document, config, camera)?, "sub_source", source.as_deref());
        }
        Change::Transport { camera, transport } => {
            wish(camera_table(document, config, camera)?, "transport", *transport);
        }
        Change::Add(added) => {
            let mut table = Table::new();
            table["name"] = value(&added.name);
            table["source"] = value(&added.source);
            wish(&mut table, "sub_source", added.sub_source.as_deref());
            if added.login.is_some() {
                write_login(&mut table, added.login.as_ref());
            }
            wish(&mut table, "transport", added.transport);
            wish(&mut table, "audio", added.audio.as_deref());
            wish(&mut table, "active", added.active);
            let cameras = document.entry("camera").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
            cameras.as_array_of_tables_mut().ok_or(Problem::CamerasInline)?.push(table);
        }
        Change::Remove { camera } => {
            let index = index(config, camera)?;
            cameras(document)?.remove(index);
        }
    }
    Ok(())
}

fn cameras(document: &mut DocumentMut) -> Result<&mut ArrayOfTables, Problem> {
    document.get_mut("camera").and_then(Item::as_array_of_tables_mut).ok_or(Problem::CamerasInline)
}

fn index(config: &Config, camera: &CameraId) -> Result<usize, Problem> {
    config.cameras.iter().position(|other| other.id == *camera).ok_or_else(|| Problem::NoCamera(camera.to_string()))
}

fn camera_table<'a>(
    document: &'a mut DocumentMut,
    config: &Config,
    camera: &CameraId,
) -> Result<&'a mut Table, Problem> {
    let index = index(config, camera)?;
    cameras(document)?.get_mut(index).ok_or_else(|| Problem::NoCamera(camera.to_string()))
}

/// Sets a key; a comment behind its old value stays.
fn set(table: &mut Table, key: &str, new: impl Into<toml_edit::Value>) {
    let mut new = new.into();
    if let Some(old) = table.get(key).and_then(Item::as_value) {
        *new.decor_mut() = old.decor().clone();
    }
    table[key] = Item::Value(new);
}

/// The one place where a password is written: a file that only its owner reads (see [`write`]).
fn write_login(table: &mut Table, login: Option<&Login>) {
    wish(table, "user", login.map(Login::user));
    wish(table, "password", login.map(Login::password));
}

/// Sets a key, or takes it out.
fn wish(table: &mut Table, key: &str, new: Option<impl Into<toml_edit::Value>>) {
    match new {
        Some(new) => set(table, key, new),
        None => {
            table.remove(key);
        }
    }
}

/// As a person writes it: 30 and not 30.0.
fn number(value: f32) -> toml_edit::Value {
    if value.fract() == 0.0 { (value as i64).into() } else { f64::from(value).into() }
}

/// Whole and durable, or not at all: a new file beside the old one, flushed, then put in its place. One that holds a
/// password now is its owner's alone from then on.
fn write(path: &Path, text: &str, secret: bool) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = Unfinished(folder.join(name));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&new.0)?;
    if let Ok(old) = std::fs::metadata(path) {
        file.set_permissions(old.permissions())?;
    }
    #[cfg(unix)]
    if secret {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata()?.permissions().mode();
        file.set_permissions(PermissionsExt::from_mode(mode & 0o600))?;
    }
    #[cfg(not(unix))]
    let _inherited = secret;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new.0, path)?;
    // A folder can't be opened everywhere; where it can, this makes the new name durable.
    File::open(folder).and_then(|folder| folder.sync_all()).or(Ok(()))
}

/// Removed again unless it was renamed.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _renamed_already = std::fs::remove_file(&self.0);
    }
}
