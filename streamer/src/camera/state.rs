//! When a source is opened, given up, tried again: `Starting → Live → Backoff → … → Stopped`. Pure: time and chance are
//! arguments. One machine for a camera's picture, another for its microphone.

use std::time::{Duration, Instant};

use athome_shared::protocol::control::CameraReason;

/// First delay after a failure; it doubles with every further one.
pub const FIRST_DELAY: Duration = Duration::from_millis(500);
/// Longest delay where a person has to change something first, or asking is rude: refused passwords (some cameras lock
/// those out who ask too often), formats, files.
pub const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// Longest delay while a camera on the network is away, silent or talks nonsense: it may be starting, and is to be seen
/// within five seconds of being well again.
pub const LONGEST_DELAY_AWAY: Duration = Duration::from_secs(3);
/// Longest delay while a device is unplugged: looking costs nothing, and whoever plugs it in again waits for the picture.
pub const LONGEST_DELAY_GONE: Duration = Duration::from_secs(2);
/// Longest delay while another program uses the device.
pub const LONGEST_DELAY_BUSY: Duration = Duration::from_secs(5);
/// A source that gives no first frame for this long is given up; microphones and network cameras are slow starters.
pub const FIRST_FRAME_LIMIT: Duration = Duration::from_secs(10);
/// A live source that gives no frame for this long has stalled.
pub const FRAME_LIMIT: Duration = Duration::from_secs(5);
/// A source that was asked to stop and is not back after this long is stuck in a driver: its thread is abandoned.
pub const STOP_LIMIT: Duration = Duration::from_secs(2);
/// A source that has been live for this long starts over with the shortest delay when it fails.
pub const STEADY: Duration = Duration::from_secs(10);
/// Threads of one source that may be stuck in a driver at a time. At that number no more are started until one returns.
pub const MOST_STUCK: u32 = 3;

/// Where a source is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Opened (or about to be), no frame yet.
    Starting,
    Live,
    /// Waits for the next try; `tries` have failed in a row.
    Backoff {
        until: Instant,
        tries: u32,
        reason: CameraReason,
    },
    /// Paused by a person or at the end of the program.
    Stopped,
}

/// What the machine wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start an attempt on a thread of its own.
    Open,
    /// Ask the running attempt to stop.
    Close,
    /// Wait no longer for the attempt that was asked to stop.
    Abandon,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    None,
    Open { first_frame: Option<Instant>, quiet_since: Instant },
    Closing { until: Instant },
}

/// One source's life.
#[derive(Debug)]
pub struct Machine {
    state: State,
    attempt: Attempt,
    tries: u32,
    stuck: u32,
}

impl Machine {
    /// A source that is to start (`active`) or to wait for [`Self::resume`].
    pub fn new(active: bool) -> Self {
        let state = if active { State::Starting } else { State::Stopped };
        Self { state, attempt: Attempt::None, tries: 0, stuck: 0 }
    }

    /// Where it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// No attempt runs or is being waited for.
    pub fn closed(&self) -> bool {
        self.attempt == Attempt::None
    }

    /// The running attempt gave a frame at `at` (the newest one's time; called often or seldom).
    pub fn handle_frame(&mut self, at: Instant) {
        if let Attempt::Open { first_frame, quiet_since } = &mut self.attempt {
            first_frame.get_or_insert(at);
            *quiet_since = at.max(*quiet_since);
            if self.state == State::Starting {
                self.state = State::Live;
            }
        }
    }

    /// The attempt ended by itself or as it was told: `reason` is `None` only if it was asked to stop. `chance` from 0 to 1
    /// spreads retries, so that what failed together is not tried together.
    pub fn handle_ended(&mut self, now: Instant, reason: Option<CameraReason>, chance: f64) {
        let was = std::mem::replace(&mut self.attempt, Attempt::None);
        if let Attempt::Open { first_frame, .. } = was {
            self.fail(now, first_frame, reason.unwrap_or(CameraReason::Other), chance);
        }
    }

    /// An abandoned thread came back after all.
    pub fn handle_unstuck(&mut self) {
        self.stuck = self.stuck.saturating_sub(1);
    }

    /// Stop until [`Self::resume`].
    pub fn pause(&mut self) {
        self.state = State::Stopped;
    }

    /// Start again, at once and with a clean record; also cuts a wait short.
    pub fn resume(&mut self) {
        if matches!(self.state, State::Stopped | State::Backoff { .. }) {
            self.state = State::Starting;
            self.tries = 0;
        }
    }

    /// What is to be done now; call until `None`, at every event and at [`Self::poll_timeout`].
    pub fn poll(&mut self, now: Instant, chance: f64) -> Option<Action> {
        match self.attempt {
            Attempt::Open { .. } if self.state == State::Stopped => Some(self.close(now)),
            Attempt::Open { first_frame, quiet_since } if now >= quiet_since + limit(first_frame) => {
                self.fail(now, first_frame, CameraReason::Stalled, chance);
                Some(self.close(now))
            }
            Attempt::Closing { until } if now >= until => {
                self.attempt = Attempt::None;
                self.stuck += 1;
                Some(Action::Abandon)
            }
            Attempt::None if self.stuck < MOST_STUCK && self.due(now) => {
                self.state = State::Starting;
                self.attempt = Attempt::Open { first_frame: None, quiet_since: now };
                Some(Action::Open)
            }
            Attempt::None | Attempt::Open { .. } | Attempt::Closing { .. } => None,
        }
    }

    /// When [`Self::poll`] has something to do without any event.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match (self.attempt, self.state) {
            (Attempt::Open { first_frame, quiet_since }, _) => Some(quiet_since + limit(first_frame)),
            (Attempt::Closing { until }, _) => Some(until),
            (Attempt::None, State::Backoff { until, .. }) if self.stuck < MOST_STUCK => Some(until),
            (Attempt::None, _) => None,
        }
    }

    fn due(&self, now: Instant) -> bool {
        match self.state {
            State::Starting => true,
            State::Backoff { until, .. } => now >= until,
            State::Live | State::Stopped => false,
        }
    }

    fn close(&mut self, now: Instant) -> Action {
        self.attempt = Attempt::Closing { until: now + STOP_LIMIT };
        Action::Close
    }

    fn fail(&mut self, now: Instant, first_frame: Option<Instant>, reason: CameraReason, chance: f64) {
        if self.state == State::Stopped {
            return;
        }
        if first_frame.is_some_and(|first| now.saturating_duration_since(first) >= STEADY) {
            self.tries = 0;
        }
        self.tries = self.tries.saturating_add(1);
        self.state = State::Backoff { until: now + delay(self.tries, reason, chance), tries: self.tries, reason };
    }
}

fn limit(first_frame: Option<Instant>) -> Duration {
    if first_frame.is_some() { FRAME_LIMIT } else { FIRST_FRAME_LIMIT }
}

/// Doubling, capped by what failed, then spread over the upper half of the interval.
fn delay(tries: u32, reason: CameraReason, chance: f64) -> Duration {
    let cap = match reason {
        CameraReason::Gone => LONGEST_DELAY_GONE,
        CameraReason::Busy => LONGEST_DELAY_BUSY,
        CameraReason::Stalled | CameraReason::Unreachable | CameraReason::Other => LONGEST_DELAY_AWAY,
        CameraReason::Format | CameraReason::File | CameraReason::Auth => LONGEST_DELAY,
    };
    let doubled = FIRST_DELAY.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(cap);
    doubled.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GONE: Option<CameraReason> = Some(CameraReason::Gone);
    const AUTH: Option<CameraReason> = Some(CameraReason::Auth);

    fn opened(now: Instant) -> Machine {
        let mut machine = Machine::new(true);
        assert_eq!(machine.poll(now, 1.0), Some(Action::Open));
        machine
    }

    /// Fails `n` times in a row, each time as soon as it is tried, and returns the delays.
    fn delays(machine: &mut Machine, mut now: Instant, reason: Option<CameraReason>, n: usize) -> Vec<Duration> {
        let mut delays = Vec::new();
        for _ in 0..n {
            machine.handle_ended(now, reason, 1.0);
            let until = machine.poll_timeout().unwrap();
            assert_eq!(machine.poll(until - Duration::from_nanos(1), 1.0), None);
            delays.push(until - now);
            now = until;
            assert_eq!(machine.poll(now, 1.0), Some(Action::Open));
        }
        delays
    }

    #[test]
    fn retries_double_up_to_a_cap_that_depends_on_the_reason() {
        let now = Instant::now();
        let ms = |list: &[u64]| list.iter().copied().map(Duration::from_millis).collect::<Vec<_>>();
        assert_eq!(delays(&mut opened(now), now, AUTH, 8), ms(&[500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]));
        assert_eq!(delays(&mut opened(now), now, GONE, 4), ms(&[500, 1000, 2000, 2000]));
        for chance in [0.0, 0.3, 1.0] {
            let spread = delay(3, CameraReason::Auth, chance);
            assert!(spread >= Duration::from_secs(1) && spread <= Duration::from_secs(2));
        }
        assert!(delay(u32::MAX, CameraReason::Other, 1.0) <= LONGEST_DELAY);
    }

    #[test]
    fn a_steady_camera_that_fails_is_tried_again_quickly() {
        let now = Instant::now();
        let mut machine = opened(now);
        delays(&mut machine, now, AUTH, 6);
        let start = now + Duration::from_secs(100);
        machine.handle_frame(start);
        assert_eq!(machine.state(), State::Live);
        // Control: after a short life the record is kept.
        machine.handle_ended(start + Duration::from_secs(1), GONE, 1.0);
        assert!(matches!(machine.state(), State::Backoff { tries: 7, .. }));
        let later = machine.poll_timeout().unwrap();
        assert_eq!(machine.poll(later, 1.0), Some(Action::Open));
        machine.handle_frame(later);
        machine.handle_ended(later + STEADY, GONE, 1.0);
        assert!(matches!(machine.state(), State::Backoff { tries: 1, reason: CameraReason::Gone, .. }));
    }

    #[test]
    fn a_silent_source_is_stalled_and_a_stuck_one_abandoned() {
        let now = Instant::now();
        let mut machine = opened(now);
        machine.handle_frame(now);
        let frame = now + Duration::from_secs(3);
        machine.handle_frame(frame);
        assert_eq!(machine.poll_timeout(), Some(frame + FRAME_LIMIT));
        assert_eq!(machine.poll(now + FRAME_LIMIT, 1.0), None, "the newer frame counts");
        let stalled = frame + FRAME_LIMIT;
        assert_eq!(machine.poll(stalled, 1.0), Some(Action::Close));
        assert!(matches!(machine.state(), State::Backoff { reason: CameraReason::Stalled, .. }));
        // No second attempt beside the first while that is being waited for.
        assert_eq!(machine.poll(stalled + Duration::from_secs(1), 1.0), None);
        assert_eq!(machine.poll(stalled + STOP_LIMIT, 1.0), Some(Action::Abandon));
        assert_eq!(machine.poll(stalled + STOP_LIMIT, 1.0), Some(Action::Open));
    }

    #[test]
    fn stuck_threads_are_bounded() {
        let mut now = Instant::now();
        let mut machine = Machine::new(true);
        let (mut opened, mut abandoned) = (0, 0);
        for _ in 0..100 {
            while let Some(action) = machine.poll(now, 0.0) {
                opened += u32::from(action == Action::Open);
                abandoned += u32::from(action == Action::Abandon);
            }
            let Some(next) = machine.poll_timeout() else { break };
            now = next;
        }
        assert_eq!((opened, abandoned), (MOST_STUCK, MOST_STUCK));
        machine.handle_unstuck();
        assert_eq!(machine.poll(now + LONGEST_DELAY, 0.0), Some(Action::Open));
    }

    #[test]
    fn a_slow_starter_has_longer_and_a_late_end_is_no_second_failure() {
        let now = Instant::now();
        let mut machine = opened(now);
        assert_eq!(machine.poll(now + FRAME_LIMIT, 1.0), None);
        assert_eq!(machine.poll(now + FIRST_FRAME_LIMIT, 1.0), Some(Action::Close));
        machine.handle_ended(now + FIRST_FRAME_LIMIT, None, 1.0);
        assert!(matches!(machine.state(), State::Backoff { tries: 1, reason: CameraReason::Stalled, .. }));
    }

    #[test]
    fn pausing_closes_and_resuming_opens_at_once() {
        let now = Instant::now();
        let mut machine = opened(now);
        machine.handle_frame(now);
        machine.pause();
        assert_eq!(machine.poll(now, 1.0), Some(Action::Close));
        machine.resume();
        assert_eq!(machine.poll(now, 1.0), None, "not before the old attempt is back");
        machine.handle_ended(now, None, 1.0);
        assert_eq!(machine.poll(now, 1.0), Some(Action::Open));
        machine.pause();
        assert_eq!(machine.poll(now, 1.0), Some(Action::Close));
        machine.handle_ended(now, None, 1.0);
        assert_eq!((machine.poll(now, 1.0), machine.poll_timeout()), (None, None));
        assert_eq!(machine.state(), State::Stopped);
    }
}
