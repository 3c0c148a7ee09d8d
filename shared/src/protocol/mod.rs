//! What is said on the wire: [`signal`] to the server (binary, seen by it), [`wire`] sealed between the ends while they
//! connect, [`control`] over the data channel once they are connected, with [`past`] for what was recorded. `docs/protocol.md` is
//! the same in prose.

pub mod control;
pub mod past;
pub mod signal;
pub mod wire;

/// Version of the sealed and control protocols. A peer that speaks only another version is told so in words.
pub const VERSION: u16 = 1;
