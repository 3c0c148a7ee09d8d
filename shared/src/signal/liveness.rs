//! Whether the other end of a WebSocket is still there: ping now and then, give up after a silence.

use std::time::{Duration, Instant};

/// Default time between two pings (`docs/protocol.md` section 1); below the 30 s after which some home routers forget
/// an idle TCP connection.
pub const PING_EVERY: Duration = Duration::from_secs(25);
/// Default silence after which a peer is gone: two pings lost, and some.
pub const DEAD_AFTER: Duration = Duration::from_secs(60);

/// Whatever arrives counts as a sign of life, a pong too.
#[derive(Clone, Debug)]
pub struct Liveness {
    ping_every: Duration,
    dead_after: Duration,
    heard: Instant,
    pinged: Instant,
}

/// What to do when [`Liveness::poll_timeout`] was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// Nothing yet: something was heard in the meantime.
    Wait,
    /// Send a ping.
    Ping,
    /// Silent for too long: end the connection.
    Dead,
}

impl Liveness {
    /// Starts with a peer just heard.
    pub fn new(now: Instant, ping_every: Duration, dead_after: Duration) -> Self {
        Self { ping_every, dead_after, heard: now, pinged: now }
    }

    /// Something arrived.
    pub fn handle_heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// When to call [`Self::handle_timeout`].
    pub fn poll_timeout(&self) -> Instant {
        (self.pinged + self.ping_every).min(self.heard + self.dead_after)
    }

    /// Decides at a time-out; calling it early does no harm.
    pub fn handle_timeout(&mut self, now: Instant) -> Beat {
        if now >= self.heard + self.dead_after {
            Beat::Dead
        } else if now >= self.pinged + self.ping_every {
            self.pinged = now;
            Beat::Ping
        } else {
            Beat::Wait
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Beat, DEAD_AFTER, Liveness, PING_EVERY};

    #[test]
    fn a_silent_peer_is_pinged_twice_and_then_gone() {
        let start = Instant::now();
        let mut liveness = Liveness::new(start, PING_EVERY, DEAD_AFTER);
        let mut beats = vec![];
        for _ in 0..3 {
            let at = liveness.poll_timeout();
            assert_eq!(liveness.handle_timeout(at - Duration::from_millis(1)), Beat::Wait);
            beats.push((at - start, liveness.handle_timeout(at)));
        }
        let secs = Duration::from_secs;
        assert_eq!(beats, [(secs(25), Beat::Ping), (secs(50), Beat::Ping), (secs(60), Beat::Dead)]);
    }

    #[test]
    fn a_peer_that_answers_lives_for_ever() {
        let mut now = Instant::now();
        let mut liveness = Liveness::new(now, PING_EVERY, DEAD_AFTER);
        for _ in 0..1000 {
            now = liveness.poll_timeout();
            assert_eq!(liveness.handle_timeout(now), Beat::Ping);
            liveness.handle_heard(now + Duration::from_secs(20));
        }
    }
}
