//! What the time strip decides: places and times, what was recorded, what moved, which picture to ask for. Pure, and the same
//! as the page's (`web-viewer/src/past`): both are held to `shared/tests/vectors/timeline.json`.
//!
//! Moments are milliseconds since 1970 ([`Ms`]), places are points from the strip's left edge.

pub mod axis;
pub mod known;
pub mod marks;
pub mod momentum;
pub mod player;
pub mod scrub;
pub mod spans;
pub mod times;
pub mod zone;

/// Milliseconds: since 1970, or between two moments.
pub type Ms = i64;

pub const SECOND: Ms = 1_000;
pub const MINUTE: Ms = 60 * SECOND;
pub const HOUR: Ms = 60 * MINUTE;
pub const DAY: Ms = 24 * HOUR;

#[cfg(test)]
pub(crate) mod tests;
