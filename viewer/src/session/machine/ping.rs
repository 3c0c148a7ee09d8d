//! Pings over the control channel: they keep the clocks together, and show that the streamer is there.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use athome_shared::time::WallTime;

/// Between pings: the first few follow quickly, so that ages are right from the first second.
const PING_QUICK: Duration = Duration::from_millis(200);
const PING_STEADY: Duration = Duration::from_secs(2);
const QUICK_PINGS: u32 = 4;
/// Pings under way; older ones are forgotten.
const MAX_PINGS: usize = 8;

/// A streamer that answers no ping this long is gone, whatever ICE says.
const SILENCE_LIMIT: Duration = Duration::from_secs(12);

#[derive(Default)]
pub(super) struct Ping {
    next_id: u32,
    next: Option<Instant>,
    under_way: VecDeque<(u32, WallTime)>,
    last_heard: Option<Instant>,
}

impl Ping {
    /// The control channel is open: the first one is due.
    pub(super) fn start(&mut self, now: Instant) {
        self.next = Some(now);
        self.last_heard = Some(now);
    }

    /// The streamer said something.
    pub(super) fn handle_heard(&mut self, now: Instant) {
        self.last_heard = Some(now);
    }

    /// When our wall clock said what as ping `id` was sent; `None` for one that is not under way.
    pub(super) fn handle_pong(&mut self, id: u32) -> Option<WallTime> {
        let at = self.under_way.iter().position(|(known, _)| *known == id)?;
        self.under_way.remove(at).map(|(_, sent)| sent)
    }

    /// Nothing was heard for too long.
    pub(super) fn silent(&self, now: Instant) -> bool {
        self.last_heard.is_some_and(|at| now >= at + SILENCE_LIMIT)
    }

    /// The number of the ping to send now, if one is due.
    pub(super) fn poll(&mut self, now: Instant, wall: WallTime) -> Option<u32> {
        self.next.filter(|at| now >= *at)?;
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        self.next = Some(now + if id < QUICK_PINGS { PING_QUICK } else { PING_STEADY });
        if self.under_way.len() == MAX_PINGS {
            self.under_way.pop_front();
        }
        self.under_way.push_back((id, wall));
        Some(id)
    }

    /// When [`Self::poll`] or [`Self::silent`] has something new to say.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let silence = self.last_heard.map(|at| at + SILENCE_LIMIT);
        [self.next, silence].into_iter().flatten().min()
    }
}
