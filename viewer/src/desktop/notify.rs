//! The desktop's notifications: the only file that knows their library. A thread of its own shows them, so that a desktop
//! that does not answer holds up nobody; a click on one opens its camera.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use notify_rust::Notification;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::controller::request::Request;
use crate::controller::{Desktop, Handle};
use crate::session::ended::printable;
use crate::settings::CameraKey;
use crate::words::Sentence;

/// Notifications that were not handed to the desktop yet; when full, the newest is dropped: the window shows it as well.
const QUEUE: usize = 32;
/// How long the desktop may take to accept one.
const ACCEPT: Duration = Duration::from_secs(5);
/// Of so many a click is heard; when there are more, the oldest stays on the desktop without one.
const HEARD: usize = 16;
/// Of so many something is still to be done; when there are more, the desktop hangs, and the newest is dropped.
const UNDER_WAY: usize = 2 * HEARD;
/// Longest text that is handed over.
const LONGEST: usize = 300;

/// Shows notifications until it is dropped.
#[derive(Debug)]
pub struct Notifications {
    queue: Option<mpsc::Sender<Note>>,
    thread: Option<JoinHandle<()>>,
}

struct Note {
    camera: CameraKey,
    title: String,
    text: String,
    requests: Handle,
}

impl Notifications {
    /// Reaches for the desktop with the first notification, not before.
    pub fn start() -> Self {
        let (queue, notes) = mpsc::channel(QUEUE);
        let run = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
                Ok(runtime) => runtime,
                Err(error) => return warn!(%error, "no notifications"),
            };
            runtime.block_on(carry(notes));
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("notifications".to_owned()).spawn(run);
        let thread = thread.map_err(|error| warn!(%error, "no thread for notifications")).ok();
        Self { queue: Some(queue), thread }
    }
}

impl Desktop for Notifications {
    fn notify(&self, camera: CameraKey, title: &str, sentence: &str, requests: Handle) {
        let note = Note { camera, title: plain(title), text: plain(sentence), requests };
        if let Some(queue) = &self.queue
            && let Err(error) = queue.try_send(note)
        {
            warn!(%error, "a notification was dropped");
        }
    }
}

impl Drop for Notifications {
    fn drop(&mut self) {
        // Without a queue the thread ends, whatever the desktop does.
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A camera's last notification.
struct Shown {
    /// What the desktop calls it, 0 before it has a name; held while it is handed over, so that the next one of this camera
    /// knows what it replaces.
    name: Arc<Mutex<u32>>,
    /// Ends the waiting for a click.
    replaced: CancellationToken,
    number: u64,
}

async fn carry(mut notes: mpsc::Receiver<Note>) {
    let mut shown: HashMap<CameraKey, Shown> = HashMap::new();
    let mut tasks: JoinSet<Result<(), (String, Handle)>> = JoinSet::new();
    let mut number = 0;
    let mut complained = false;
    loop {
        let note = tokio::select! {
            note = notes.recv() => note,
            Some(ended) = tasks.join_next() => {
                if let Ok(Err((error, requests))) = ended {
                    debug!(%error, "the desktop took no notification");
                    if !std::mem::replace(&mut complained, true) {
                        requests.send(Request::Say(Sentence::NoNotifications));
                    }
                }
                continue;
            }
        };
        let Some(note) = note else { return };
        if tasks.len() >= UNDER_WAY {
            warn!("the desktop takes no notifications");
            continue;
        }
        number += 1;
        // What is said of a camera takes the place of what was said of it before.
        let name = shown.remove(&note.camera).map(|before| {
            before.replaced.cancel();
            before.name
        });
        let oldest = shown.iter().min_by_key(|(_, s)| s.number).map(|(camera, _)| camera.clone());
        if let Some(camera) = oldest.filter(|_| shown.len() >= HEARD)
            && let Some(oldest) = shown.remove(&camera)
        {
            oldest.replaced.cancel();
        }
        let name = name.unwrap_or_default();
        let camera = note.camera.clone();
        let replaced = CancellationToken::new();
        tasks.spawn(show(note, Arc::clone(&name), replaced.clone()));
        shown.insert(camera, Shown { name, replaced, number });
    }
}

/// Hands one over and waits for a click on it, until it is closed or replaced.
async fn show(note: Note, name: Arc<Mutex<u32>>, replaced: CancellationToken) -> Result<(), (String, Handle)> {
    let Note { camera, title, text, requests } = note;
    let mut notification = Notification::new();
    notification.appname("AtHome").summary(&title).body(&text).icon("athome-viewer").action("default", &title);
    let mut name = name.lock_owned().await;
    if *name != 0 {
        notification.id(*name);
    }
    let click = match tokio::time::timeout(ACCEPT, clicked(notification, &mut name)).await {
        Ok(Ok(click)) => click,
        Ok(Err(error)) => return Err((error, requests)),
        Err(_) => return Err(("it does not answer".to_owned(), requests)),
    };
    drop(name);
    if replaced.run_until_cancelled(click).await == Some(true) {
        requests.send(Request::Enlarge(Some(camera)));
        requests.send(Request::ComeForward);
    }
    Ok(())
}

/// Shows it; what comes back waits for its end, and says whether that was a click.
#[cfg(all(unix, not(target_os = "macos")))]
async fn clicked(notification: Notification, name: &mut u32) -> Result<impl Future<Output = bool> + use<>, String> {
    let handle = notification.show_async().await.map_err(|error| error.to_string())?;
    *name = handle.id();
    Ok(async move {
        let mut click = false;
        let hear = |response: &notify_rust::NotificationResponse| click = response.is_default_action();
        handle.wait_for_action_async(hear).await;
        click
    })
}

/// These systems' notifications are shown; a click on one brings whatever they do by themselves.
#[cfg(not(all(unix, not(target_os = "macos"))))]
async fn clicked(notification: Notification, _: &mut u32) -> Result<impl Future<Output = bool> + use<>, String> {
    let shown = tokio::task::spawn_blocking(move || notification.show().map(drop)).await;
    shown.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    Ok(std::future::ready(false))
}

/// Says by a notification why the program ends, where there is no window that could; waits [`ACCEPT`] at most.
pub fn last_words(text: &str) {
    let text = plain(text);
    let (told, waits) = std::sync::mpsc::sync_channel(1);
    let show = move || {
        let shown = Notification::new().appname("AtHome").summary("AtHome").body(&text).icon("athome-viewer").show();
        let _nobody_waits = told.send(shown.map(drop));
    };
    let thread = thread::Builder::new().name("last-words".to_owned()).spawn(show);
    match thread.map(|_| waits.recv_timeout(ACCEPT)) {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => debug!(%error, "the desktop took no notification"),
        Ok(Err(_)) => debug!("the desktop does not answer"),
        Err(error) => debug!(%error, "no thread for a notification"),
    }
}

/// Names come from elsewhere, and many desktops read markup in a notification: what could be markup is shown by its like.
fn plain(text: &str) -> String {
    let like = |c| match c {
        '<' => '‹',
        '>' => '›',
        '&' => '＆',
        _ => c,
    };
    let lines = text.split(' ').map(printable).collect::<Vec<_>>().join(" ");
    lines.chars().map(like).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, plain};

    #[test]
    fn a_name_can_hold_no_markup() {
        let name = "<a href=\"http://x\">Door</a> &amp; \u{202e}yard\n\u{1b}[2J";
        assert_eq!(plain(name), "‹a href=\"http://x\"›Door‹/a› ＆amp; yard[2J");
        assert_eq!(plain(&"ab ".repeat(999)).chars().count(), LONGEST);
        assert_eq!(plain("Une caméra (Maison)\u{a0}: là"), "Une caméra (Maison)\u{a0}: là");
    }
}
