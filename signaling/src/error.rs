//! What can go wrong before the server runs. Afterwards one connection's trouble ends that connection only.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the server can't listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody has the port. `free` is the next one that is free, if one was found near by.
    #[error("{}", in_use(.address, .free))]
    InUse { address: SocketAddr, free: Option<u16> },
    /// Ports below 1024, usually.
    #[error("not allowed to listen on {address}; ports from 1024 on need no special right, such as --listen {}:8080", .address.ip())]
    NotAllowed { address: SocketAddr },
    /// Anything else.
    #[error("can't listen on {address}: {source}")]
    Io { address: SocketAddr, source: io::Error },
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("can't read {}: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The file is no TOML, or has a key or value that is not known here.
    #[error("{}: {source}", .path.display())]
    Parse { path: PathBuf, source: Box<toml::de::Error> },
    /// A value outside what works.
    #[error("{key} is {value}, but must be {allowed}")]
    Range { key: &'static str, value: String, allowed: String },
}

fn in_use(address: &SocketAddr, free: &Option<u16>) -> String {
    let taken = format!("port {} is used by another program", address.port());
    match free {
        Some(port) => format!("{taken}; port {port} is free: try --listen {}", SocketAddr::new(address.ip(), *port)),
        None => format!("{taken}, and so are the next ones; choose another with --listen ADDRESS:PORT"),
    }
}
