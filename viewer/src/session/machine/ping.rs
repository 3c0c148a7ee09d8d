//! Pings over the control channel: they keep the clocks together, and show that the streamer is there.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use athome_shared::time::WallTime;

/// Between pings: the first few follow quickly, so that ages are right from the first second.
pub(super) const PING_QUICK: Duration = Duration::from_millis(200);
pub(super) const PING_STEADY: Duration = Duration::from_secs(2);
pub(super) const QUICK_PINGS: u32 = 4;
/// Pings under way; older ones are forgotten.
pub(super) const MAX_PINGS: usize = 8;

#[derive(Default)]
pub(super) struct Ping {
    pub(super) next_id: u32,
    pub(super) next: Option<Instant>,
    pub(super) under_way: VecDeque<(u32, WallTime)>,
    pub(super) last_heard: Option<Instant>,
}
