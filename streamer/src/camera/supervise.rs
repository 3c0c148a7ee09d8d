//! Keeps one source going: runs the state machine against real threads and real time.

use std::sync::Arc;
use std::time::Instant;

use athome_shared::protocol::control::CameraReason;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::attempt::{Attempt, Opener, Seen};
use super::pipeline::{Part, Pipeline};
use super::state::{Action, Machine, State};
use super::status::describe;
use crate::source::SourceError;

/// What a person asks of a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Pause,
    Resume,
    /// Pause, and end the supervisor once the source's thread is back or abandoned.
    End,
}

/// Commands that wait for a supervisor, which is never busy for long; when full, the caller waits.
pub(super) const COMMANDS: usize = 8;

/// One source and its life.
pub(super) struct Supervisor<F> {
    pub(super) label: String,
    pub(super) part: Part,
    pub(super) opener: Arc<Opener>,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) seen: Arc<Seen>,
    /// Told of every change and of every measured second.
    pub(super) tell: F,
}

type Ended = Result<(), SourceError>;

/// What a supervisor waits for.
enum Happened {
    Command(Command),
    Ended(Option<Ended>),
    Seen,
    Unstuck,
    Time,
}

impl<F: Fn(State)> Supervisor<F> {
    /// Runs until [`Command::End`] or until nobody can send commands any more.
    pub(super) async fn run(self, active: bool, mut commands: mpsc::Receiver<Command>) {
        let mut machine = Machine::new(active);
        let mut attempt: Option<Attempt> = None;
        // Threads stuck in a driver: nobody can end them, but it is known when they come back.
        let mut stuck = JoinSet::new();
        let mut ending = false;
        let mut complained = None;
        loop {
            while let Some(action) = machine.poll(Instant::now(), chance()) {
                self.act(action, &mut machine, &mut attempt, &mut stuck, &mut complained);
            }
            (self.tell)(machine.state());
            if ending && machine.closed() {
                return;
            }
            let wake = machine.poll_timeout();
            let happened = tokio::select! {
                command = commands.recv(), if !ending => Happened::Command(command.unwrap_or(Command::End)),
                ended = ended(&mut attempt) => Happened::Ended(ended),
                () = self.seen.news.notified() => Happened::Seen,
                Some(_) = stuck.join_next() => Happened::Unstuck,
                () = at(wake) => Happened::Time,
            };
            // The watchdog's view of the source is brought up to date before it is asked.
            if attempt.is_some() && self.seen.picture().fresh() {
                complained = None;
                let newest = self.seen.picture().last_frame;
                newest.into_iter().for_each(|at| machine.handle_frame(at));
            }
            match happened {
                Happened::Command(Command::Pause) => machine.pause(),
                Happened::Command(Command::Resume) if !ending => machine.resume(),
                Happened::Command(Command::Resume) => {}
                Happened::Command(Command::End) => {
                    ending = true;
                    machine.pause();
                }
                Happened::Ended(result) => {
                    attempt = None;
                    self.seen.clear();
                    self.ended(&mut machine, result, &mut complained);
                }
                Happened::Unstuck => machine.handle_unstuck(),
                Happened::Seen | Happened::Time => {}
            }
            if ending {
                commands.close();
            }
        }
    }

    fn act(
        &self,
        action: Action,
        machine: &mut Machine,
        attempt: &mut Option<Attempt>,
        stuck: &mut JoinSet<Option<Ended>>,
        complained: &mut Option<String>,
    ) {
        match action {
            Action::Open => {
                self.seen.clear();
                match Attempt::start(&self.label, &self.opener, self.part, &self.pipeline, &self.seen) {
                    Ok(started) => *attempt = Some(started),
                    Err(why) => self.ended(machine, Some(Err(why)), complained),
                }
            }
            Action::Close => {
                if let Some(attempt) = attempt {
                    attempt.stop();
                }
                self.seen.clear();
            }
            Action::Abandon => {
                tracing::warn!(source = %self.label, "its thread is stuck in the driver and left behind");
                if let Some(mut attempt) = attempt.take() {
                    attempt.stop();
                    stuck.spawn(async move { (&mut attempt.ended).await.ok() });
                }
            }
        }
    }

    /// `complained` is the trouble that was logged last: each try meets the same again, and one line of it is enough.
    fn ended(&self, machine: &mut Machine, result: Option<Ended>, complained: &mut Option<String>) {
        let stopping = machine.state() == State::Stopped;
        let reason = match result {
            Some(Ok(())) => None,
            Some(Err(why)) => {
                let detail = why.to_string();
                if !stopping && complained.as_ref() != Some(&detail) {
                    tracing::warn!(source = %self.label, reason = describe(why.reason), detail, "source failed");
                    *complained = Some(detail);
                }
                *self.seen.verdict() = why.verdict;
                Some(why.reason)
            }
            None => Some(CameraReason::Other),
        };
        machine.handle_ended(Instant::now(), reason, chance());
    }
}

/// The attempt's last word; `None` if its thread died without one. Never, where there is no attempt.
async fn ended(attempt: &mut Option<Attempt>) -> Option<Ended> {
    match attempt {
        Some(attempt) => (&mut attempt.ended as &mut oneshot::Receiver<Ended>).await.ok(),
        None => std::future::pending().await,
    }
}

async fn at(wake: Option<Instant>) {
    match wake {
        Some(wake) => sleep_until(wake.into()).await,
        None => std::future::pending().await,
    }
}

/// A number from 0 to 1 to spread retries with; nothing depends on its quality.
fn chance() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}
