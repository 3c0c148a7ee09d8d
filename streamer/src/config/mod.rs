//! The configuration: one TOML file, all of it optional, read into final types at the edge and written back with its
//! comments. `athome.example.toml` describes every key.

mod at_home;
mod camera;
mod detection;
mod read;
mod recording;
mod save;
mod secret;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use url::Url;

pub use at_home::AtHome;
pub use camera::{CameraConfig, make_ids_unique};
pub use detection::{Detection, check_zones, sensitivity};
pub use read::{MOST_CAMERAS, check_config, credential, fps, name, parse, size, small, transport};
pub use recording::{Recording, Storage};
pub use save::{Added, Change, save, save_all};
pub use secret::SecretText;

use crate::words::{Lang, Problem};

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What the paired devices call this streamer.
    pub place: String,
    pub cameras: Vec<CameraConfig>,
    pub detection: Detection,
    pub signaling: Signaling,
    pub webrtc: Webrtc,
    pub api: Api,
    pub recording: Recording,
    pub storage: Storage,
    /// The file that describes these cameras, for changes to be written back; `None` where the command line does.
    pub file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            place: "Home".to_owned(),
            cameras: Vec::new(),
            detection: Detection::default(),
            signaling: Signaling::default(),
            webrtc: Webrtc::default(),
            api: Api::default(),
            recording: Recording::default(),
            storage: Storage::default(),
            file: None,
        }
    }
}

/// How devices find this streamer.
#[derive(Clone, Debug, PartialEq)]
pub struct Signaling {
    /// Where the embedded server listens and serves the page; `None` switches it off.
    pub listen: Option<SocketAddr>,
    /// Servers outside to register with as well: `ws://…` or `wss://…`.
    pub servers: Vec<Url>,
    /// Host names (`host` or `host:port`) under which the embedded server may be reached, beside its addresses.
    pub names: Vec<String>,
}

impl Default for Signaling {
    fn default() -> Self {
        Self { listen: Some(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080))), servers: Vec::new(), names: Vec::new() }
    }
}

/// How pictures travel.
#[derive(Clone, Debug, PartialEq)]
pub struct Webrtc {
    /// `stun:HOST[:PORT]`; empty to ask nobody for our outside address.
    pub stun_servers: Vec<String>,
    pub turn_servers: Vec<TurnServer>,
    /// Addresses to use; empty for all of the machine's.
    pub bind: Vec<IpAddr>,
    /// Viewers at a time; one more is told that the camera is busy.
    pub max_viewers: u32,
}

impl Default for Webrtc {
    fn default() -> Self {
        Self {
            stun_servers: vec!["stun:stun.l.google.com:19302".to_owned()],
            turn_servers: Vec::new(),
            bind: Vec::new(),
            max_viewers: 16,
        }
    }
}

/// A relay for viewers that find no direct path.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnServer {
    /// `turn:HOST[:PORT]`
    pub url: String,
    pub username: String,
    pub credential: SecretText,
}

/// The HTTP interface for programs on this machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Api {
    /// A loopback address.
    pub listen: SocketAddr,
}

impl Default for Api {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)) }
    }
}

/// What is wrong with a configuration file, and what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigError {
    pub path: PathBuf,
    /// Counted from one; `None` where it is about the file as a whole.
    pub line: Option<usize>,
    pub problem: Problem,
}

impl ConfigError {
    fn file(path: &Path, problem: Problem) -> Self {
        Self { path: path.to_owned(), line: None, problem }
    }
}

impl ConfigError {
    /// `FILE:LINE: what is wrong`, without a full stop.
    pub fn say(&self, lang: Lang) -> String {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line}: {}", self.path.display(), self.problem.say(lang))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.say(Lang::English))
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests;
