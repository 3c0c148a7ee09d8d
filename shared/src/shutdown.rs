//! From "please stop" to a token: the one place that knows the platform's signals.

use std::io;

use tokio_util::sync::CancellationToken;
use tracing::info;

/// Status of a program that was stopped before it was done, as shells know it from Ctrl-C.
const INTERRUPTED: i32 = 130;

/// A token that is cancelled by the first Ctrl-C, SIGTERM or SIGHUP (the terminal was closed); a second one leaves the
/// program at once. For `main`: the task that waits for signals lives as long as the program.
pub fn on_signal() -> io::Result<CancellationToken> {
    on_signal_or_at_once(|| {})
}

/// As [`on_signal`], with something to do before the program leaves at once, such as giving the terminal back. A signal
/// after the token was cancelled by somebody else is a second one.
pub fn on_signal_or_at_once(before_leaving: impl FnOnce() + Send + 'static) -> io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut signals = Signals::new()?;
    let cancelled = token.clone();
    tokio::spawn(async move {
        signals.next().await;
        if !cancelled.is_cancelled() {
            info!("stopping; once more stops at once");
            cancelled.cancel();
            signals.next().await;
        }
        before_leaving();
        std::process::exit(INTERRUPTED);
    });
    Ok(token)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = if hangups_are_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hangup })
    }

    async fn next(&mut self) {
        let hangup = async {
            match self.hangup.as_mut() {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}

/// Whether the program was started by `nohup` or the like: then closing the terminal must not stop it. Known on Linux
/// only (proc(5), SigIgn); elsewhere the signal stops the program in order, which is its usual meaning.
#[cfg(unix)]
fn hangups_are_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

#[cfg(unix)]
fn ignores_hangup(status: &str) -> bool {
    // SIGHUP is signal 1, the lowest bit.
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim);
    mask.and_then(|mask| u64::from_str_radix(mask, 16).ok()).is_some_and(|mask| mask & 1 != 0)
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // Where waiting fails there is nothing to wait for; the program then stops at once, which is the safe side.
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::ignores_hangup;

    #[test]
    fn an_ignored_hangup_is_read_from_the_process_status() {
        assert!(ignores_hangup("SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t00"));
        for not in ["SigIgn:\t0000000000001000\n", "SigCgt:\t0000000000000001\n", "SigIgn:\tx\n", ""] {
            assert!(!ignores_hangup(not), "{not:?}");
        }
    }
}
