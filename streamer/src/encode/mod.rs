//! Raw pictures and sound in, encoded frames out: once for each layer, never for each viewer, and nothing while nobody
//! wants it. Picture encoders run on threads of their own, fed by one-slot mailboxes.

pub mod control;
pub mod convert;
pub mod h264;
pub mod jpeg;
pub mod mailbox;
pub mod mask;
pub mod opus;
pub mod polygon;
pub mod rate;
#[cfg(test)]
mod tests;
pub mod video;

pub use convert::SMALL_WIDTH;
pub use rate::FrameRate;
