//! How often the graphics driver may lose the window before opening it again is no use any more. Pure.

use std::time::{Duration, Instant};

/// Losses within [`SPAN`] after which the window stays closed. A driver that restarts after a sleep, an update or a hang
/// loses a window once.
const MOST: usize = 3;
const SPAN: Duration = Duration::from_secs(60);

/// What to do about a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    OpenAgain,
    GiveUp,
}

#[derive(Debug, Default)]
pub(super) struct Losses {
    /// Newest last; [`MOST`] at most.
    seen: Vec<Instant>,
}

impl Losses {
    pub(super) fn handle_loss(&mut self, now: Instant) -> Then {
        self.seen.retain(|at| now.saturating_duration_since(*at) < SPAN);
        if self.seen.len() + 1 >= MOST {
            return Then::GiveUp;
        }
        self.seen.push(now);
        Then::OpenAgain
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Losses, Then};

    #[test]
    fn a_window_is_opened_again_unless_it_is_lost_three_times_in_a_minute() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut losses = Losses::default();
        for s in [0, 40, 80, 120, 160] {
            assert_eq!(losses.handle_loss(at(s)), Then::OpenAgain, "at {s} s");
        }
        assert_eq!(losses.handle_loss(at(161)), Then::GiveUp);
    }
}
