//! When to try again. Pure: the end of a session and some randomness go in, a wait comes out.

use std::time::Duration;

use super::ended::Ended;

/// First wait after a connection that stood was lost: as good as at once, and spread over this much so that the viewers
/// of one streamer do not all knock in the same instant.
const FIRST: Duration = Duration::from_millis(250);
/// Longest wait. A streamer's half-open limits stand this from all its viewers.
const LONGEST: Duration = Duration::from_secs(30);

/// What to do after an end.
#[derive(Debug, PartialEq)]
pub enum Next {
    /// A person has to do something first.
    Stop,
    /// Try again after this long. While waiting, the streamer's presence ends the wait early.
    Wait { wait: Duration, attempt: u32 },
}

/// Counts tries since the last success.
#[derive(Debug, Default)]
pub struct Reconnect {
    attempts: u32,
}

impl Reconnect {
    /// The connection stood: the next wait starts small again.
    pub fn handle_connected(&mut self) {
        self.attempts = 0;
    }

    /// A session ended; `random` is any number.
    pub fn handle_ended(&mut self, ended: &Ended, random: u32) -> Next {
        if !ended.passes() {
            return Next::Stop;
        }
        self.attempts = self.attempts.saturating_add(1);
        let asked = match ended {
            Ended::Refused(refused) => refused.retry_s.map(|s| Duration::from_secs(u64::from(s.min(3_600)))),
            Ended::Bye(_)
            | Ended::Offline
            | Ended::NoServer
            | Ended::Silent
            | Ended::Tampered
            | Ended::Protocol(_)
            | Ended::NoPath
            | Ended::Lost
            | Ended::Left => None,
        };
        let base =
            asked.unwrap_or_else(|| FIRST.saturating_mul(1 << self.attempts.saturating_sub(1).min(10)).min(LONGEST));
        // Between a half and the whole of it.
        let wait = base / 2 + (base / 2).mul_f64(f64::from(random) / f64::from(u32::MAX));
        let wait = if asked.is_some() { wait + base / 2 } else { wait };
        Next::Wait { wait, attempt: self.attempts }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use athome_shared::protocol::wire::{Refused, Why};

    use super::{Ended, LONGEST, Next, Reconnect};

    fn wait(reconnect: &mut Reconnect, ended: &Ended, random: u32) -> Duration {
        match reconnect.handle_ended(ended, random) {
            Next::Wait { wait, .. } => wait,
            Next::Stop => panic!("stopped"),
        }
    }

    #[test]
    fn waits_grow_are_capped_and_start_over_after_a_success() {
        let mut reconnect = Reconnect::default();
        let waits: Vec<_> = (0..12).map(|_| wait(&mut reconnect, &Ended::Lost, u32::MAX)).collect();
        assert_eq!(waits[0], Duration::from_millis(250));
        assert!(waits.windows(2).all(|w| w[0] <= w[1]));
        assert_eq!(*waits.last().unwrap(), LONGEST);
        assert_eq!(wait(&mut reconnect, &Ended::Lost, 0), LONGEST / 2, "jitter halves at most");
        reconnect.handle_connected();
        assert_eq!(wait(&mut reconnect, &Ended::Lost, 0), Duration::from_millis(125));
    }

    #[test]
    fn a_busy_streamer_says_when_and_is_not_asked_earlier() {
        let busy = Refused { why: Why::Busy, who: None, count: Some(16), retry_s: Some(5) };
        assert!(wait(&mut Reconnect::default(), &Ended::Refused(busy), 0) >= Duration::from_secs(5));
    }

    #[test]
    fn a_removed_device_does_not_knock_again() {
        assert_eq!(Reconnect::default().handle_ended(&Ended::Bye(Why::Revoked), 7), Next::Stop);
    }
}
