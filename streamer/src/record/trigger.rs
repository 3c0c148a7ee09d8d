//! When a camera is recorded: `Idle → Recording{until} → Closing → Idle`. Pure: time is an argument.
//!
//! Several causes may hold at once (it records always, something moves, somebody asked); it is recorded for as long as one of
//! them does, and what began for one goes on for another without a new file.

use std::time::{Duration, Instant};

use crate::events::Cause;

/// Motion that nobody ends is over after this long: its end was lost, or its watcher.
pub const LONGEST_MOTION: Duration = Duration::from_secs(3_600);

/// What makes this camera record by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing: somebody asks for it.
    Manual,
    Motion,
    Always,
    Schedule,
}

/// One camera's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    pub mode: Mode,
    /// Of motion: what is kept from before it began …
    pub pre: Duration,
    /// … and after it ended.
    pub post: Duration,
}

/// Where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Idle,
    /// `until` is `None` while a cause holds whose end is not known.
    Recording {
        until: Option<Instant>,
    },
    /// The file is being completed.
    Closing,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Record, beginning with what was captured at `from`, if it is still there.
    Begin { from: Instant, why: Cause },
    /// Complete the file, and say so to [`Trigger::handle_closed`].
    End,
}

#[derive(Clone, Copy, Debug)]
struct Holding {
    why: Cause,
    from: Instant,
    until: Option<Instant>,
}

/// One camera's trigger.
#[derive(Debug)]
pub struct Trigger {
    rules: Rules,
    /// Somebody is at home, or wants privacy: the rules rest, and only what is asked for is recorded.
    resting: bool,
    state: State,
    motion: Option<Holding>,
    manual: Option<Holding>,
    /// Always, or the schedule's hours.
    standing: Option<Holding>,
}

impl Trigger {
    /// Nothing is recorded before the first [`Self::poll`].
    pub fn new(now: Instant, rules: Rules) -> Self {
        let always = (rules.mode == Mode::Always).then_some(Holding { why: Cause::Always, from: now, until: None });
        Self { rules, resting: false, state: State::Idle, motion: None, manual: None, standing: always }
    }

    /// Where it is.
    pub fn state(&self) -> State {
        self.state
    }

    /// Its rules.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// What is captured now may be wanted later: it is to be encoded though nothing is recorded.
    pub fn armed(&self) -> bool {
        self.rules.mode == Mode::Motion && !self.rules.pre.is_zero() && !self.resting
    }

    /// Something began to move at `began`.
    pub fn handle_motion_began(&mut self, now: Instant, began: Instant) {
        if self.rules.mode != Mode::Motion || self.resting {
            return;
        }
        let from = began.min(now).checked_sub(self.rules.pre).unwrap_or(began);
        let from = self.motion.map_or(from, |motion| motion.from.min(from));
        self.motion = Some(Holding { why: Cause::Motion, from, until: Some(now + LONGEST_MOTION) });
    }

    /// Nothing moves any more.
    pub fn handle_motion_ended(&mut self, now: Instant) {
        if let Some(motion) = &mut self.motion {
            motion.until = Some(now + self.rules.post);
        }
    }

    /// Somebody wants it recorded, for a while or until it is stopped. The last one who asks says for how long.
    pub fn handle_start(&mut self, now: Instant, length: Option<Duration>) {
        let until = length.map(|length| now.checked_add(length).unwrap_or(now + LONGEST_MOTION));
        self.manual = Some(Holding { why: Cause::Manual, from: now, until });
    }

    /// Nobody wants it any more; what moves now is not recorded to its end either. False where it goes on all the same,
    /// because it is to be recorded always or in these hours.
    pub fn handle_stop(&mut self, _now: Instant) -> bool {
        self.manual = None;
        self.motion = None;
        self.standing.is_none()
    }

    /// Whether these are hours of the schedule. Heard again and again.
    pub fn handle_schedule(&mut self, now: Instant, open: bool) {
        if self.rules.mode == Mode::Schedule {
            self.stand(now, Cause::Schedule, open && !self.resting);
        }
    }

    /// Whether the rules are in force. Heard again and again.
    pub fn handle_rules(&mut self, now: Instant, in_force: bool) {
        self.resting = !in_force;
        if self.resting {
            self.motion = None;
        }
        if self.rules.mode == Mode::Always {
            self.stand(now, Cause::Always, in_force);
        }
    }

    fn stand(&mut self, now: Instant, why: Cause, holds: bool) {
        match (self.standing.is_some(), holds) {
            (false, true) => self.standing = Some(Holding { why, from: now, until: None }),
            (true, false) => self.standing = None,
            (true, true) | (false, false) => {}
        }
    }

    /// The file is complete, or given up.
    pub fn handle_closed(&mut self) {
        if self.state == State::Closing {
            self.state = State::Idle;
        }
    }

    /// What is to be done now; `None` when nothing is.
    pub fn poll(&mut self, now: Instant) -> Option<Action> {
        for cause in [&mut self.motion, &mut self.manual] {
            if cause.is_some_and(|holding| holding.until.is_some_and(|until| until <= now)) {
                *cause = None;
            }
        }
        let causes = || [self.manual, self.motion, self.standing].into_iter().flatten();
        let first = causes().min_by_key(|holding| holding.from);
        match (self.state, first) {
            (State::Idle, Some(first)) => {
                self.state = State::Recording { until: self.until() };
                Some(Action::Begin { from: first.from, why: first.why })
            }
            (State::Recording { .. }, Some(_)) => {
                self.state = State::Recording { until: self.until() };
                None
            }
            (State::Recording { .. }, None) => {
                self.state = State::Closing;
                Some(Action::End)
            }
            (State::Idle, None) | (State::Closing, _) => None,
        }
    }

    /// When the last of the causes ends; `None` where one has no end.
    fn until(&self) -> Option<Instant> {
        let mut latest = None;
        for holding in [self.manual, self.motion, self.standing].into_iter().flatten() {
            latest = latest.max(Some(holding.until?));
        }
        latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { mode: Mode::Motion, pre: Duration::from_secs(3), post: Duration::from_secs(8) };

    struct Scene {
        start: Instant,
        trigger: Trigger,
    }

    impl Scene {
        fn new(mode: Mode) -> Self {
            // Late enough for a pre-roll before it.
            let start = Instant::now() + Duration::from_secs(1_000);
            Self { start, trigger: Trigger::new(start, Rules { mode, ..RULES }) }
        }

        fn at(&self, seconds: u64) -> Instant {
            self.start + Duration::from_secs(seconds)
        }

        fn poll(&mut self, seconds: u64) -> Option<Action> {
            self.trigger.poll(self.at(seconds))
        }
    }

    #[test]
    fn motion_is_recorded_with_what_was_before_and_after() {
        let mut scene = Scene::new(Mode::Motion);
        assert!(scene.trigger.armed() && scene.poll(0).is_none());
        scene.trigger.handle_motion_began(scene.at(20), scene.at(19));
        assert_eq!(scene.poll(20), Some(Action::Begin { from: scene.at(16), why: Cause::Motion }));
        scene.trigger.handle_motion_ended(scene.at(30));
        assert_eq!(scene.poll(37), None);
        assert_eq!(scene.trigger.state(), State::Recording { until: Some(scene.at(38)) });
        assert_eq!(scene.poll(38), Some(Action::End));
        assert_eq!((scene.trigger.state(), scene.poll(39)), (State::Closing, None));
        scene.trigger.handle_closed();
        assert_eq!((scene.trigger.state(), scene.poll(40)), (State::Idle, None));
    }

    #[test]
    fn new_motion_in_the_post_roll_goes_on_in_the_same_file() {
        let mut scene = Scene::new(Mode::Motion);
        scene.trigger.handle_motion_began(scene.at(10), scene.at(10));
        assert!(scene.poll(10).is_some());
        scene.trigger.handle_motion_ended(scene.at(12));
        scene.trigger.handle_motion_began(scene.at(19), scene.at(19));
        assert_eq!(scene.poll(25), None, "the first would have ended at 20");
        scene.trigger.handle_motion_ended(scene.at(26));
        assert_eq!((scene.poll(33), scene.poll(34)), (None, Some(Action::End)));
        // What begins while the file is being completed begins afterwards.
        scene.trigger.handle_motion_began(scene.at(35), scene.at(35));
        assert_eq!(scene.poll(35), None);
        scene.trigger.handle_closed();
        assert_eq!(scene.poll(36), Some(Action::Begin { from: scene.at(32), why: Cause::Motion }));
    }

    #[test]
    fn motion_without_an_end_ends_by_itself() {
        let mut scene = Scene::new(Mode::Motion);
        scene.trigger.handle_motion_began(scene.at(0), scene.at(0));
        assert!(scene.poll(0).is_some());
        assert_eq!((scene.poll(3_599), scene.poll(3_600)), (None, Some(Action::End)));
    }

    #[test]
    fn somebody_asks_for_a_while_or_until_it_is_stopped() {
        for mode in [Mode::Manual, Mode::Motion] {
            let mut scene = Scene::new(mode);
            scene.trigger.handle_start(scene.at(1), Some(Duration::from_secs(60)));
            assert_eq!(scene.poll(1), Some(Action::Begin { from: scene.at(1), why: Cause::Manual }));
            assert_eq!((scene.poll(60), scene.poll(61)), (None, Some(Action::End)));
            scene.trigger.handle_closed();
            scene.trigger.handle_start(scene.at(70), None);
            assert!(scene.poll(70).is_some());
            assert_eq!((scene.poll(100_000), scene.trigger.state()), (None, State::Recording { until: None }));
            assert!(scene.trigger.handle_stop(scene.at(100_001)));
            assert_eq!(scene.poll(100_001), Some(Action::End));
        }
    }

    #[test]
    fn it_is_recorded_while_any_cause_holds() {
        let mut scene = Scene::new(Mode::Motion);
        scene.trigger.handle_motion_began(scene.at(10), scene.at(10));
        assert!(scene.poll(10).is_some());
        scene.trigger.handle_start(scene.at(12), Some(Duration::from_secs(30)));
        scene.trigger.handle_motion_ended(scene.at(13));
        assert_eq!((scene.poll(41), scene.poll(42)), (None, Some(Action::End)));
        // A length beyond all clocks is no panic.
        scene.trigger.handle_start(scene.at(50), Some(Duration::MAX));
    }

    #[test]
    fn always_is_always_and_motion_is_nothing_to_the_others() {
        let mut scene = Scene::new(Mode::Always);
        assert_eq!(scene.poll(0), Some(Action::Begin { from: scene.start, why: Cause::Always }));
        assert!(!scene.trigger.handle_stop(scene.at(5)));
        assert_eq!(scene.poll(1_000_000), None);
        for mode in [Mode::Manual, Mode::Schedule] {
            let mut scene = Scene::new(mode);
            scene.trigger.handle_motion_began(scene.at(1), scene.at(1));
            assert!(scene.poll(1).is_none() && !scene.trigger.armed());
        }
    }

    #[test]
    fn while_somebody_is_at_home_only_what_is_asked_for_is_recorded() {
        for mode in [Mode::Always, Mode::Motion, Mode::Schedule] {
            let mut scene = Scene::new(mode);
            let rules = |scene: &mut Scene, s: u64, in_force: bool| {
                scene.trigger.handle_rules(scene.at(s), in_force);
                scene.trigger.handle_schedule(scene.at(s), true);
                scene.trigger.handle_motion_began(scene.at(s), scene.at(s));
            };
            rules(&mut scene, 10, true);
            assert!(matches!(scene.poll(10), Some(Action::Begin { .. })), "control: nobody is at home: {mode:?}");
            rules(&mut scene, 20, false);
            assert_eq!((scene.poll(20), scene.trigger.armed()), (Some(Action::End), false), "{mode:?}");
            scene.trigger.handle_closed();
            rules(&mut scene, 30, false);
            assert_eq!(scene.poll(30), None, "{mode:?}");
            scene.trigger.handle_start(scene.at(40), Some(Duration::from_secs(5)));
            assert_eq!(scene.poll(40), Some(Action::Begin { from: scene.at(40), why: Cause::Manual }));
            assert_eq!(scene.poll(45), Some(Action::End));
            scene.trigger.handle_closed();
            rules(&mut scene, 50, true);
            assert!(matches!(scene.poll(50), Some(Action::Begin { .. })), "{mode:?} again");
        }
    }

    #[test]
    fn the_schedule_opens_and_closes() {
        let mut scene = Scene::new(Mode::Schedule);
        scene.trigger.handle_schedule(scene.at(0), false);
        assert_eq!(scene.poll(0), None);
        for n in 5..9 {
            scene.trigger.handle_schedule(scene.at(n), true);
        }
        assert_eq!(scene.poll(9), Some(Action::Begin { from: scene.at(5), why: Cause::Schedule }));
        scene.trigger.handle_schedule(scene.at(20), false);
        assert_eq!(scene.poll(20), Some(Action::End));
        // Control: a camera without one does not mind the hours.
        let mut scene = Scene::new(Mode::Manual);
        scene.trigger.handle_schedule(scene.at(0), true);
        assert_eq!(scene.poll(0), None);
    }
}
