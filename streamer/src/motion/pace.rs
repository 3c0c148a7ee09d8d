//! How often a camera is looked at. More pictures a second find nothing more; fewer miss what is fast.

use std::time::{Duration, Instant};

/// Between two pictures that are looked at: of 30 a second every other one, of 15 and fewer each.
pub const LEAST_STEP: Duration = Duration::from_millis(60);

/// Picks the pictures to look at, by when they were captured.
#[derive(Debug, Default)]
pub struct Pace {
    last: Option<Instant>,
}

impl Pace {
    /// Whether this one is looked at.
    pub fn take(&mut self, captured: Instant) -> bool {
        let due =
            self.last.is_none_or(|last| captured.saturating_duration_since(last) >= LEAST_STEP || captured < last);
        if due {
            self.last = Some(captured);
        }
        due
    }
}
