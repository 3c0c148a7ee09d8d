//! Keys, and the terminal's raw mode that they need: switched on in one place, and off on every way out.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, poll, read};
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
    Help,
    Quit,
    /// The window has another size.
    Resized,
}

/// What a terminal event means; `None` for keys without meaning.
fn meaning(event: &Event) -> Option<Key> {
    match event {
        Event::Resize(..) => Some(Key::Resized),
        Event::Key(key) if key.kind != KeyEventKind::Release => match key.code {
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Key::Quit),
            KeyCode::Char(c) => match c.to_ascii_lowercase() {
                'p' => Some(Key::NewCode),
                'v' => Some(Key::Viewers),
                'c' => Some(Key::Cameras),
                'l' => Some(Key::Link),
                'b' => Some(Key::Bigger),
                '?' | 'h' => Some(Key::Help),
                'q' => Some(Key::Quit),
                _ => None,
            },
            _ => None,
        },
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
            // It looks at `stop` ten times a second, but the library can hold it for ever when the terminal is gone, and
            // that must not hold the program. A panic in it was reported already.
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

fn read_keys(stop: &AtomicBool, keys: &mpsc::Sender<Key>) {
    while !stop.load(Ordering::Acquire) && wait_for_input() {
        // What is there already is taken without waiting: on a terminal that is gone the library would spin.
        loop {
            match poll(Duration::ZERO) {
                Ok(false) => break,
                Ok(true) => {}
                Err(_) => return,
            }
            let Ok(event) = read() else { return };
            if let Some(key) = meaning(&event) {
                let _full = keys.try_send(key);
            }
        }
    }
}

/// Waits for a key at most [`LOOK_EVERY`]; false when the terminal was closed.
#[cfg(unix)]
fn wait_for_input() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let wait = Timespec { tv_sec: 0, tv_nsec: LOOK_EVERY.subsec_nanos().into() };
    match poll(&mut fds, Some(&wait)) {
        Ok(_) => !fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL),
        // A signal, such as the window's new size.
        Err(rustix::io::Errno::INTR) => true,
        Err(_) => false,
    }
}

#[cfg(not(unix))]
fn wait_for_input() -> bool {
    poll(LOOK_EVERY).is_ok()
}

#[cfg(test)]
mod tests {
    use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

    use super::{Key, meaning};

    #[test]
    fn keys_mean_what_the_line_of_keys_says() {
        let key = |c, modifiers| meaning(&Event::Key(KeyEvent::new(KeyCode::Char(c), modifiers)));
        for (c, wanted) in [
            ('p', Key::NewCode),
            ('v', Key::Viewers),
            ('c', Key::Cameras),
            ('l', Key::Link),
            ('b', Key::Bigger),
            ('?', Key::Help),
            ('q', Key::Quit),
        ] {
            assert_eq!(key(c, KeyModifiers::NONE), Some(wanted), "{c}");
        }
        assert_eq!(key('P', KeyModifiers::SHIFT), Some(Key::NewCode));
        // Raw mode takes the terminal's own Ctrl+C away, so it must mean the same here.
        assert_eq!(key('c', KeyModifiers::CONTROL), Some(Key::Quit));
        assert_eq!(key('x', KeyModifiers::NONE), None);
        assert_eq!(meaning(&Event::Resize(80, 24)), Some(Key::Resized));
    }
}
