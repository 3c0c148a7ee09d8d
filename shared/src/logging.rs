//! Logs, always on standard error: standard output is for results.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// The variable that chooses what is logged, such as `debug` or `athome_signaling=debug,info`.
pub const VARIABLE: &str = "ATHOME_LOG";

/// How much is logged unless [`VARIABLE`] says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usual {
    /// What changes for a person, and all trouble.
    Info,
    /// Trouble only: the screen belongs to a person.
    Warn,
}

/// What is logged: as [`VARIABLE`] says, else `usual` for our own crates, `warn` for other people's, and only errors of those
/// that warn in normal operation (the ICE agent, for one, of every answer that is sent before its candidates, as ours are). The demuxer says nothing: each of
/// its failures is told by whoever opened the file.
pub fn filter(usual: Usual) -> EnvFilter {
    let chosen = std::env::var(VARIABLE).ok().and_then(|text| EnvFilter::try_new(text).ok());
    chosen.unwrap_or_else(|| {
        EnvFilter::new(match usual {
            Usual::Info => "warn,rtc=error,webrtc=error,symphonia=off,egui_system_font_provider=error,athome=info",
            Usual::Warn => "warn,rtc=error,webrtc=error,symphonia=off,egui_system_font_provider=error",
        })
    })
}

/// Starts logging for the whole program, at [`Usual::Info`]. A second call does nothing.
pub fn init() {
    let ansi = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter(Usual::Info)).with_writer(io::stderr).with_ansi(ansi);
    // Fails only when logging has started already.
    let _ = log.try_init();
}
