//! Introduces cameras and viewers to each other, and nothing more: it routes sealed messages by mailbox and channel and
//! can open none of them. State is in memory only.
//!
//! `directory`, `admit`, `limit`, `outbox` and `peer` decide; `connection` and `http` move bytes; [`Server`] owns all
//! tasks.

mod admit;
mod config;
mod connection;
mod directory;
mod error;
mod http;
mod hub;
mod limit;
mod metrics;
mod outbox;
mod page;
mod peer;
mod server;

pub use config::Config;
pub use error::{BindError, ConfigError};
pub use server::Server;
