//! The streamer's window: what a person at the computer sees and chooses. It drives the same streamer as the terminal does,
//! by the same commands, beside it.
//!
//! `state` decides (pure), `run` is the task around it, `ui` draws plain data, `screen` joins them with the toolkit, and this
//! file says who owns the main thread: a window's events arrive only there, on every platform. So the streamer runs on a
//! thread of its own, and the main thread waits to be asked for a window. Nothing of the toolkit, of X or of GL is loaded
//! before that.

pub mod login;
mod menus;
pub mod model;
pub mod picture;
pub mod remembered;
pub mod run;
mod screen;
pub mod state;
pub mod tray;
pub mod ui;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use egui::Context;
use model::Request;
use run::{Handle, Wake};

/// How long a window has to go after the streamer has stopped; then the program ends all the same.
const LEAVES: Duration = Duration::from_secs(3);

/// The streamer's side: asks for windows. Cloning shares it.
#[derive(Clone)]
pub struct Door {
    asks: SyncSender<Handle>,
    context: Arc<Mutex<Option<Context>>>,
}

/// The main thread's side: opens them.
pub struct Stage {
    asked: Receiver<Handle>,
    context: Arc<Mutex<Option<Context>>>,
}

/// Both sides.
pub fn door() -> (Door, Stage) {
    // One window at a time; a second request while one opens is the same.
    let (asks, asked) = sync_channel(1);
    let context = Arc::<Mutex<Option<Context>>>::default();
    (Door { asks, context: context.clone() }, Stage { asked, context })
}

impl Door {
    /// Asks the main thread for a window. Never waits.
    pub fn open(&self, handle: Handle) {
        let _asked_already = self.asks.try_send(handle);
    }

    /// What makes an open window draw itself again.
    pub fn wake(&self) -> Wake {
        let context = self.context.clone();
        Arc::new(move || {
            if let Some(context) = &*context.lock().unwrap_or_else(PoisonError::into_inner) {
                context.request_repaint();
            }
        })
    }
}

impl Stage {
    /// Opens the windows that are asked for, one after the other, until every door is gone. `say` is told in words when none
    /// can be opened.
    pub fn run(self, say: impl Fn()) {
        while let Ok(handle) = self.asked.recv() {
            let opened = catch_unwind(AssertUnwindSafe(|| screen::show(&handle, &self.context)));
            *self.context.lock().unwrap_or_else(PoisonError::into_inner) = None;
            handle.tell(Request::Closed);
            match opened {
                Ok(Ok(())) => {}
                Ok(Err(why)) => {
                    tracing::info!(%why, "no window");
                    say();
                }
                // A library that is missing is a panic in the toolkit; the cameras go on.
                Err(_) => {
                    tracing::error!("the window failed");
                    say();
                }
            }
        }
    }
}

/// Runs the streamer on a thread of its own and windows on this one, and returns what the streamer returned. A window that
/// does not go with its streamer does not keep the program: `overdue` ends it.
pub fn beside<T: Send + 'static>(
    streamer: impl FnOnce(Door) -> T + Send + 'static,
    say: impl Fn(),
    overdue: impl FnOnce(&T) + Send + 'static,
) -> std::io::Result<std::thread::Result<T>> {
    let (door, stage) = door();
    let (left, leaves) = sync_channel::<()>(1);
    let thread = std::thread::Builder::new().name("athome".to_owned()).spawn(move || {
        let result = streamer(door);
        if leaves.recv_timeout(LEAVES).is_err() {
            overdue(&result);
        }
        result
    })?;
    stage.run(say);
    // Full or gone: the streamer's thread has ended.
    let _ended = left.try_send(());
    Ok(thread.join())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::beside;

    #[test]
    fn without_a_window_the_streamer_ends_the_program() {
        let overdue = Arc::new(AtomicBool::new(false));
        let told = overdue.clone();
        let result = beside(|_door| 7, || {}, move |_| told.store(true, Ordering::SeqCst));
        assert_eq!(result.expect("a thread").expect("no panic"), 7);
        assert!(!overdue.load(Ordering::SeqCst));
    }

    #[test]
    fn a_streamer_that_panics_is_told_of_and_not_waited_for() {
        let result = beside(|_door| -> u8 { panic!("broken on purpose") }, || {}, |_| {});
        assert!(result.expect("a thread").is_err());
    }
}
