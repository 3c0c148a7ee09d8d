//! Keys, and the terminal's raw mode that they need: switched on in one place, and off on every way out.

#[cfg(any(unix, test))]
mod typed;

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use tokio::sync::mpsc;

/// Keys that wait to be handled; more are dropped, nobody types that fast on purpose.
const WAITING: usize = 16;
/// How often the reading thread looks whether it should end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Longest wait for the reading thread.
const JOIN_LIMIT: Duration = Duration::from_millis(500);

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    NewCode,
    Viewers,
    Cameras,
    Link,
    Bigger,
    Outside,
    Window,
    Help,
    Quit,
    /// The window has another size.
    Resized,
}

/// What a letter means; `None` for those without meaning.
fn meaning(letter: char) -> Option<Key> {
    match letter.to_ascii_lowercase() {
        'p' => Some(Key::NewCode),
        'v' => Some(Key::Viewers),
        'c' => Some(Key::Cameras),
        'l' => Some(Key::Link),
        'b' => Some(Key::Bigger),
        'o' => Some(Key::Outside),
        'w' => Some(Key::Window),
        '?' | 'h' => Some(Key::Help),
        'q' => Some(Key::Quit),
        _ => None,
    }
}

/// The terminal in raw mode, and a thread that reads its keys. Dropping it restores the terminal.
pub struct Keys {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keys {
    /// Switches raw mode on and starts reading. A panic anywhere restores the terminal before it is reported.
    pub fn start() -> io::Result<(Self, mpsc::Receiver<Key>)> {
        enable_raw_mode()?;
        restore_before_panic_reports();
        hide_cursor();
        let (keys, receiver) = mpsc::channel(WAITING);
        let stop = Arc::new(AtomicBool::new(false));
        let thread = {
            let stop = stop.clone();
            std::thread::Builder::new().name("keys".to_owned()).spawn(move || read_keys(&stop, &keys))?
        };
        Ok((Self { stop, thread: Some(thread) }, receiver))
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // It looks at `stop` ten times a second; should a terminal hold it for longer, that must not hold the program.
            // A panic in it was reported already.
            let deadline = Instant::now() + JOIN_LIMIT;
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
            if thread.is_finished() {
                let _ended = thread.join();
            }
        }
        restore();
    }
}

/// Puts the terminal back as it was; harmless where it never was in raw mode.
pub fn restore() {
    // Nothing can be done about a terminal that is gone.
    let _gone = disable_raw_mode();
    let mut out = io::stdout();
    let _gone = out.write_all(b"\x1b[0m\x1b[?25h").and_then(|()| out.flush());
}

fn hide_cursor() {
    let mut out = io::stdout();
    let _gone = out.write_all(b"\x1b[?25l").and_then(|()| out.flush());
}

fn restore_before_panic_reports() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            report(info);
        }));
    });
}

/// Reads until told to stop or until the terminal is closed.
#[cfg(unix)]
fn read_keys(stop: &AtomicBool, keys: &mpsc::Sender<Key>) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = io::stdin();
    let wait = Timespec { tv_sec: 0, tv_nsec: LOOK_EVERY.subsec_nanos().into() };
    let (mut typed, mut size) = (typed::Typed::default(), crossterm::terminal::size().ok());
    let mut bytes = [0; 64];
    while !stop.load(Ordering::Acquire) {
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut fds, Some(&wait)) {
            // A signal, such as the window's new size.
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
            Ok(0) => typed.handle_pause(),
            Ok(_) if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => return,
            // Not through the buffer of standard input: what waits there no poll can see.
            Ok(_) => match rustix::io::read(&stdin, &mut bytes) {
                Ok(0) => return,
                Ok(n) => {
                    for key in bytes.iter().take(n).filter_map(|byte| typed.handle_byte(*byte)) {
                        let _full = keys.try_send(key);
                    }
                }
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                Err(_) => return,
            },
        }
        let now = crossterm::terminal::size().ok();
        if std::mem::replace(&mut size, now) != now {
            let _full = keys.try_send(Key::Resized);
        }
    }
}

/// Reads until told to stop.
#[cfg(not(unix))]
fn read_keys(stop: &AtomicBool, keys: &mpsc::Sender<Key>) {
    use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, poll, read};
    while !stop.load(Ordering::Acquire) {
        match poll(LOOK_EVERY) {
            Ok(false) => continue,
            Ok(true) => {}
            Err(_) => return,
        }
        let key = match read() {
            Ok(Event::Resize(..)) => Some(Key::Resized),
            Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => match key.code {
                KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Key::Quit),
                KeyCode::Char(letter) => meaning(letter),
                _ => None,
            },
            Ok(_) => None,
            Err(_) => return,
        };
        if let Some(key) = key {
            let _full = keys.try_send(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, meaning};
    use crate::words::{Lang, Word};

    #[test]
    fn every_key_of_the_help_does_something() {
        for lang in [Lang::English, Lang::French] {
            let help = Word::HelpText.text(lang);
            for key in help.split(" · ").filter_map(|part| part.chars().next()) {
                assert!(meaning(key).is_some(), "{key:?} of {help:?}");
            }
            assert_eq!(help.split(" · ").count(), 8);
        }
    }

    #[test]
    fn keys_mean_what_the_line_of_keys_says() {
        for (letter, wanted) in [
            ('p', Key::NewCode),
            ('P', Key::NewCode),
            ('v', Key::Viewers),
            ('c', Key::Cameras),
            ('l', Key::Link),
            ('b', Key::Bigger),
            ('o', Key::Outside),
            ('w', Key::Window),
            ('?', Key::Help),
            ('q', Key::Quit),
        ] {
            assert_eq!(meaning(letter), Some(wanted), "{letter}");
        }
        assert_eq!(meaning('x'), None);
    }
}
