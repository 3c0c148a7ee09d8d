//! A pairing link does not stay in the clipboard, where every program can read it: a minute after it was used the clipboard
//! is emptied, if it still holds that link. The only file that knows the clipboard's library; the window's own copying and
//! pasting goes through the window.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use athome_shared::pair::link::Link;
use tracing::debug;
use zeroize::Zeroizing;

use crate::controller::Handle;
use crate::controller::request::Request;
use crate::words::Sentence;

/// How long a link may stay: long enough to paste it a second time.
const STAY: Duration = Duration::from_secs(60);
/// Links that were used and not looked at yet; when full, the newest is left where it is.
const QUEUE: usize = 4;

/// What the clipboard holds, and emptying it.
trait Board {
    fn text(&mut self) -> Option<Zeroizing<String>>;
    fn clear(&mut self);
}

/// Empties the clipboard of links that were used. Its thread is started with the first; dropping it empties at once.
#[derive(Debug, Default)]
pub struct Clipboard(Mutex<Option<Running>>);

#[derive(Debug)]
struct Running {
    links: Option<SyncSender<Link>>,
    thread: Option<JoinHandle<()>>,
}

impl Clipboard {
    /// This link was used; never waits.
    pub fn used(&self, link: Link, requests: &Handle) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let running = running.get_or_insert_with(|| {
            let (links, queue) = sync_channel(QUEUE);
            let requests = requests.clone();
            let run = move || match arboard::Clipboard::new() {
                Ok(mut board) => carry(&queue, &mut board, STAY, || requests.send(Request::Say(Sentence::LinkLeaves))),
                Err(error) => debug!(%error, "the clipboard can't be looked at"),
            };
            let thread = thread::Builder::new().name("clipboard".to_owned()).spawn(run);
            let thread = thread.map_err(|error| debug!(%error, "no thread for the clipboard")).ok();
            Running { links: Some(links), thread }
        });
        if let Some(links) = &running.links {
            let _ = links.try_send(link);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.links = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// For each link that the clipboard holds: says so, waits, and empties it. Ends with the last sender, emptying at once.
fn carry(links: &Receiver<Link>, board: &mut impl Board, stay: Duration, say: impl Fn()) {
    let mut next = links.recv().ok();
    while let Some(link) = next.take() {
        if !holds(board, &link) {
            next = links.recv().ok();
            continue;
        }
        say();
        let ended = links.recv_timeout(stay);
        if holds(board, &link) {
            board.clear();
        }
        next = match ended {
            Ok(link) => Some(link),
            Err(RecvTimeoutError::Timeout) => links.recv().ok(),
            Err(RecvTimeoutError::Disconnected) => None,
        };
    }
}

fn holds(board: &mut impl Board, link: &Link) -> bool {
    board.text().is_some_and(|text| Link::parse(&text).as_ref() == Ok(link))
}

impl Board for arboard::Clipboard {
    fn text(&mut self) -> Option<Zeroizing<String>> {
        self.get_text().ok().map(Zeroizing::new)
    }

    fn clear(&mut self) {
        if let Err(error) = Self::clear(self) {
            debug!(%error, "the clipboard could not be emptied");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use athome_shared::pair::link::Link;
    use zeroize::Zeroizing;

    use super::{Board, carry};
    use crate::scan::code::tests::link;

    const LONG: Duration = Duration::from_secs(60);

    /// Holds a text; a person copies something else after so many looks.
    struct Pretend {
        text: Option<String>,
        looks: u32,
        changes_at: Option<u32>,
    }

    impl Board for Pretend {
        fn text(&mut self) -> Option<Zeroizing<String>> {
            self.looks += 1;
            if self.changes_at == Some(self.looks) {
                self.text = Some("a recipe".to_owned());
            }
            self.text.clone().map(Zeroizing::new)
        }

        fn clear(&mut self) {
            self.text = None;
        }
    }

    /// What the clipboard holds after a link was used, and how often something was said.
    fn after(text: &str, changes_at: Option<u32>, used: &Link, stay: Duration) -> (Option<String>, u32) {
        let mut board = Pretend { text: Some(text.to_owned()), looks: 0, changes_at };
        let (sender, links) = sync_channel(4);
        sender.send(used.clone()).unwrap();
        let said = std::cell::Cell::new(0);
        let say = || said.set(said.get() + 1);
        if stay == LONG {
            // The window closes: nothing is waited for.
            drop(sender);
            carry(&links, &mut board, stay, say);
        } else {
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    // Ends the loop after the time was over.
                    std::thread::park_timeout(Duration::from_millis(50));
                    drop(sender);
                });
                carry(&links, &mut board, stay, say);
            });
        }
        (board.text, said.get())
    }

    #[test]
    fn only_the_link_that_was_used_leaves_the_clipboard() {
        let url = link().to_url();
        for stay in [Duration::ZERO, LONG] {
            assert_eq!(after(&url, None, &link(), stay), (None, 1), "{stay:?}");
            assert_eq!(after(&format!(" {url}\n"), None, &link(), stay), (None, 1), "as it was copied");
            // Something else was copied meanwhile, or was there all the time.
            assert_eq!(after(&url, Some(2), &link(), stay), (Some("a recipe".to_owned()), 1));
            assert_eq!(after("a recipe", None, &link(), stay), (Some("a recipe".to_owned()), 0));
            let other = Link { s_pub: [1; 32], ..link() };
            assert_eq!(after(&url, None, &other, stay), (Some(url.clone()), 0), "another link");
        }
    }
}
