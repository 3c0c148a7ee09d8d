//! What can be set, and what it is when it is not. `athome-signaling.example.toml` is the same for people.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use athome_shared::protocol::signal::{HEADER_LEN, MAX_CAPS, MAX_FRAME, MAX_INVITES, MAX_WATCHES};
use serde::Deserialize;

use crate::admit::Names;
use crate::directory::Limits;
use crate::error::ConfigError;
use crate::limit::Rate;

/// The server's settings. Every key of the file is optional; an unknown one is refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port to listen on; port 0 takes any free one. Default `0.0.0.0:8080`.
    pub listen: SocketAddr,
    /// The names that cameras dial, each `host` (any port) or `host:port`. A camera signs the name it dialled, so that no
    /// other server can pass our challenge on. Default none: `localhost`, or the address itself.
    pub names: Vec<String>,
    /// With names, `localhost` and the address itself stay names of this server too: for one inside a streamer, which dials
    /// it at its own address whatever the outside calls it. Default false.
    pub own_address: bool,
    /// Serve the viewer's page at `/`. A server that serves the page must be trusted. Default false.
    pub serve_page: bool,
    /// Answer `/metrics` to everybody, not only to this machine. Default false.
    pub public_metrics: bool,
    /// Behind a reverse proxy: take a client's address from the last entry of `X-Forwarded-For`. Anybody can claim any
    /// address where no proxy sets it. Default false.
    pub trust_forwarded_for: bool,
    /// Connections at once. Default 10,000.
    pub max_connections: usize,
    /// Connections at once from one IPv4 address or one IPv6 /64 network. Default 128.
    pub max_connections_per_address: usize,
    /// Largest frame in bytes, 1,024 to 16,384. Default 16,384.
    pub max_frame: usize,
    /// Sealed messages that wait for a connection which does not read, before that costs a channel. Default 128.
    pub queue_frames: usize,
    /// Frames a second that one connection may send. Default 500.
    pub frames_per_second: u32,
    /// Frames that one connection may send at once after a rest. Default 4,000.
    pub frames_burst: u32,
    /// Channels, watches and sign-ins a second from one address. Default 20.
    pub opens_per_second: u32,
    /// Channels, watches and sign-ins at once from one address after a rest. Default 200.
    pub opens_burst: u32,
    /// A connection that is silent for this many seconds is ended; it is pinged before. Default 60.
    pub idle_secs: u16,
    /// Seconds for a request's headers, and for a new connection to say who it is. Default 10.
    pub hello_secs: u16,
    /// Seconds that connections have to finish when the server stops. Default 1.
    pub drain_secs: u16,
    /// Seconds after which clients shall come back when the server stops. Default 2.
    pub retry_secs: u16,
    /// Channels that one connection may have, a camera's included. Default 256.
    pub max_channels_per_connection: usize,
    /// Paired viewers that a camera may register, at most 256. Default 256.
    pub max_caps: usize,
    /// Invitations that a camera may register, at most 16. Default 16.
    pub max_invites: usize,
    /// Cameras that a viewer may watch for being online, at most 64. Default 64.
    pub max_watches: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)),
            names: vec![],
            own_address: false,
            serve_page: false,
            public_metrics: false,
            trust_forwarded_for: false,
            max_connections: 10_000,
            max_connections_per_address: 128,
            max_frame: MAX_FRAME,
            queue_frames: 128,
            frames_per_second: 500,
            frames_burst: 4_000,
            opens_per_second: 20,
            opens_burst: 200,
            idle_secs: 60,
            hello_secs: 10,
            drain_secs: 1,
            retry_secs: 2,
            max_channels_per_connection: 256,
            max_caps: MAX_CAPS,
            max_invites: MAX_INVITES,
            max_watches: MAX_WATCHES,
        }
    }
}

impl Config {
    /// Reads a TOML file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let config: Self = toml::from_str(&text)
            .map_err(|source| ConfigError::Parse { path: path.to_owned(), source: Box::new(source) })?;
        config.check()?;
        Ok(config)
    }

    /// Whether every value is within what works.
    pub fn check(&self) -> Result<(), ConfigError> {
        let most = 1..=1_000_000;
        within("max_connections", self.max_connections, most.clone())?;
        within("max_connections_per_address", self.max_connections_per_address, most)?;
        within("max_frame", self.max_frame, 1_024..=MAX_FRAME)?;
        within("queue_frames", self.queue_frames, 1..=4_096)?;
        within("frames_per_second", self.frames_per_second, 1..=1_000_000)?;
        within("frames_burst", self.frames_burst, 1..=1_000_000)?;
        within("opens_per_second", self.opens_per_second, 1..=1_000_000)?;
        within("opens_burst", self.opens_burst, 1..=1_000_000)?;
        within("idle_secs", self.idle_secs, 1..=3_600)?;
        within("hello_secs", self.hello_secs, 1..=600)?;
        within("drain_secs", self.drain_secs, 0..=600)?;
        within("retry_secs", self.retry_secs, 0..=300)?;
        within("max_channels_per_connection", self.max_channels_per_connection, 1..=65_536)?;
        within("max_caps", self.max_caps, 1..=MAX_CAPS)?;
        within("max_invites", self.max_invites, 1..=MAX_INVITES)?;
        within("max_watches", self.max_watches, 1..=MAX_WATCHES)?;
        match self.names.iter().find(|name| name.is_empty() || name.chars().any(|c| c == '/' || c.is_whitespace())) {
            None => Ok(()),
            Some(name) => Err(ConfigError::Range {
                key: "names",
                value: format!("{name:?}"),
                allowed: "host or host:port, such as \"hub.example\"".to_owned(),
            }),
        }
    }

    /// What AUTH's name is compared with.
    pub(crate) fn own_names(&self) -> Names {
        Names::new(&self.names, self.own_address)
    }

    pub(crate) fn frame_rate(&self) -> Rate {
        Rate { per_second: self.frames_per_second, burst: self.frames_burst }
    }

    pub(crate) fn open_rate(&self) -> Rate {
        Rate { per_second: self.opens_per_second, burst: self.opens_burst }
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_secs.into())
    }

    /// 25 s at the default of 60: two pings, and some, before a connection is given up.
    pub(crate) fn ping_every(&self) -> Duration {
        self.idle() * 5 / 12
    }

    pub(crate) fn hello(&self) -> Duration {
        Duration::from_secs(self.hello_secs.into())
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            channels: self.max_channels_per_connection,
            caps: self.max_caps,
            invites: self.max_invites,
            watches: self.max_watches,
        }
    }
}

// A frame of the smallest size that can be set still holds something.
const _: () = assert!(HEADER_LEN < 1_024);

fn within<T: PartialOrd + ToString>(key: &'static str, value: T, range: RangeInclusive<T>) -> Result<(), ConfigError> {
    if range.contains(&value) {
        return Ok(());
    }
    let allowed = format!("{} to {}", range.start().to_string(), range.end().to_string());
    Err(ConfigError::Range { key, value: value.to_string(), allowed })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Config;

    #[test]
    fn the_example_file_shows_the_defaults() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("athome-signaling.example.toml");
        assert_eq!(Config::load(&path).expect("the example is valid"), Config::default());
        let text = std::fs::read_to_string(path).expect("read before");
        let keys = format!("{:?}", Config::default());
        for key in keys.split([' ', '{']).filter_map(|word| word.strip_suffix(':')) {
            assert!(text.contains(&format!("\n{key} = ")), "{key} is not in the example");
        }
    }

    #[test]
    fn unknown_keys_and_impossible_values_are_refused_by_name() {
        let dir = std::env::temp_dir().join(format!("athome-signaling-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder for the test");
        for (text, mentions) in [
            ("colour = 1", "colour"),
            ("listen = \"here\"", "listen"),
            ("max_frame = 1023", "max_frame"),
            ("max_frame = 16385", "max_frame"),
            ("max_caps = 257", "max_caps"),
            ("queue_frames = 0", "queue_frames"),
            ("names = [\"http://hub.example/\"]", "names"),
            ("idle_secs = \"soon\"", "idle_secs"),
        ] {
            let path = dir.join("bad.toml");
            std::fs::write(&path, text).expect("a file for the test");
            let error = Config::load(&path).expect_err(text).to_string();
            assert!(error.contains(mentions), "{text}: {error}");
        }
        let missing = Config::load(&dir.join("none.toml")).expect_err("there is no such file").to_string();
        assert!(missing.contains("none.toml"), "{missing}");
        std::fs::remove_dir_all(dir).expect("our own folder");
    }

    #[test]
    fn the_outermost_values_are_allowed() {
        for text in ["max_frame = 1024", "max_frame = 16384", "max_caps = 256", "queue_frames = 1", "drain_secs = 0"] {
            let config: Config = toml::from_str(text).expect(text);
            assert!(config.check().is_ok(), "{text}");
        }
    }
}
