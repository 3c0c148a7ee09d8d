//! A program on a pseudo-terminal, and what a person or a phone's camera would see there: an emulator obeys the program's
//! bytes, and its cells are painted as pixels.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use vt100::{Cell, Color, Parser, Screen};

/// The longest that anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);
/// Lines that the emulator remembers above the window.
const SCROLLBACK: usize = 500;

/// What stands for the colours that a program did not choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    Dark,
    Light,
}

/// A running program and its terminal; killed when dropped.
pub(crate) struct Terminal {
    child: Child,
    master: Arc<File>,
    /// Kept open, so that the terminal's modes can be read when the program is gone.
    slave: Option<File>,
    parser: Arc<Mutex<Parser>>,
    reading: Option<JoinHandle<()>>,
    before: Termios,
}

impl Terminal {
    pub(crate) fn start(program: &Path, args: &[&str], cols: u16, rows: u16) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let master = openpt(flags).expect("a pseudo-terminal");
        grantpt(&master).expect("ours");
        unlockpt(&master).expect("ours");
        let slave = File::from(ioctl_tiocgptpeer(&master, flags).expect("its other end"));
        tcsetwinsize(&slave, size(cols, rows)).expect("a size");
        let before = tcgetattr(&slave).expect("its modes");
        let end = || Stdio::from(slave.try_clone().expect("a descriptor"));
        // A session of its own with this terminal, as a shell has it: that is who hears of a new size.
        let child = Command::new("setsid")
            .arg("--ctty")
            .arg(program)
            .args(args)
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .env("LANG", "C")
            .env_remove("NO_COLOR")
            // A window is asked for in words only: there is no display here.
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("WAYLAND_SOCKET")
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
            .env_remove("ATHOME_LOG")
            .spawn()
            .expect("setsid of util-linux and the program");
        let parser = Arc::new(Mutex::new(Parser::new(rows, cols, SCROLLBACK)));
        let master = Arc::new(File::from(master));
        let reading = {
            let (parser, master) = (parser.clone(), master.clone());
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(n @ 1..) = (&*master).read(&mut bytes) {
                    lock(&parser).process(&bytes[..n]);
                }
            })
        };
        Self { child, master, slave: Some(slave), parser, reading: Some(reading), before }
    }

    /// Types.
    pub(crate) fn press(&self, keys: &str) {
        (&*self.master).write_all(keys.as_bytes()).expect("a keyboard");
    }

    /// Gives the window another size.
    pub(crate) fn resize(&self, cols: u16, rows: u16) {
        lock(&self.parser).screen_mut().set_size(rows, cols);
        tcsetwinsize(&*self.master, size(cols, rows)).expect("a size");
    }

    /// What the screen holds now.
    pub(crate) fn text(&self) -> String {
        lock(&self.parser).screen().contents()
    }

    /// Everything that was ever scrolled out of the window and is still there, and the window.
    pub(crate) fn history(&self) -> String {
        let mut parser = lock(&self.parser);
        let screen = parser.screen_mut();
        screen.set_scrollback(SCROLLBACK);
        let mut said = String::new();
        for above in (1..=screen.scrollback()).rev() {
            screen.set_scrollback(above);
            said.push_str(&screen.rows(0, screen.size().1).next().unwrap_or_default());
            said.push('\n');
        }
        screen.set_scrollback(0);
        said + &screen.contents()
    }

    /// Whether any cell has the colours of a code.
    pub(crate) fn shows_code(&self) -> bool {
        let parser = lock(&self.parser);
        cells(parser.screen()).any(|cell| cell.is_some_and(|cell| cell.bgcolor() == Color::Idx(231)))
    }

    /// What a phone reads on the screen. With `coloured` false as if the program had chosen no colours.
    pub(crate) fn scan(&self, theme: Theme, coloured: bool) -> Option<String> {
        let (luma, wide, high) = paint(lock(&self.parser).screen(), theme, coloured);
        let found = rxing::helpers::detect_in_luma(luma, wide, high, Some(rxing::BarcodeFormat::QR_CODE));
        found.ok().map(|code| code.getText().to_owned())
    }

    /// Looks until `look` finds something.
    pub(crate) fn wait<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(Instant::now() < until, "{what} did not come; the screen:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for words on the screen.
    pub(crate) fn wait_for(&self, words: &str) {
        self.wait(words, |terminal| terminal.text().contains(words).then_some(()));
    }

    /// Waits for a code that is not `old`, and reads it.
    pub(crate) fn wait_for_code(&self, old: Option<&str>) -> String {
        self.wait("a code", |terminal| terminal.scan(Theme::Dark, true).filter(|link| Some(link.as_str()) != old))
    }

    /// Waits for the program's end.
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                assert_eq!(status.signal(), None);
                return status;
            }
            assert!(Instant::now() < until, "it does not end; the screen:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether the terminal is in the modes in which the program found it, with its cursor.
    pub(crate) fn is_restored(&self) -> bool {
        let now = tcgetattr(&*self.master).expect("its modes");
        now.local_modes == self.before.local_modes
            && now.input_modes == self.before.input_modes
            && now.output_modes == self.before.output_modes
            && !lock(&self.parser).screen().hide_cursor()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _ended = self.child.wait();
        // With the last one of these the reader gets an end.
        self.slave = None;
        if let Some(reading) = self.reading.take() {
            let _panicked = reading.join();
        }
    }
}

fn size(cols: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 }
}

fn lock(parser: &Mutex<Parser>) -> MutexGuard<'_, Parser> {
    parser.lock().unwrap_or_else(PoisonError::into_inner)
}

fn cells(screen: &Screen) -> impl Iterator<Item = Option<&Cell>> {
    let (rows, cols) = screen.size();
    (0..rows).flat_map(move |row| (0..cols).map(move |col| screen.cell(row, col)))
}

/// Pixels of a cell: as in most fonts twice as high as wide.
const WIDE: usize = 6;
const HIGH: usize = 12;

/// The screen in grey. Half blocks are painted exactly, other characters as a bar in the middle of their cell.
fn paint(screen: &Screen, theme: Theme, coloured: bool) -> (Vec<u8>, u32, u32) {
    let (rows, cols) = screen.size();
    let stride = usize::from(cols) * WIDE;
    let mut luma = vec![0; stride * usize::from(rows) * HIGH];
    for (at, cell) in cells(screen).enumerate() {
        let (row, col) = (at / usize::from(cols), at % usize::from(cols));
        let (ink, paper) = match (theme, cell.filter(|_| coloured)) {
            (Theme::Dark, None) => (255, 0),
            (Theme::Light, None) => (0, 255),
            (_, Some(cell)) => (grey(cell.fgcolor(), theme, 255), grey(cell.bgcolor(), theme, 0)),
        };
        let text = cell.map_or(" ", |cell| if cell.has_contents() { cell.contents() } else { " " });
        for y in 0..HIGH {
            let inked = match text {
                "█" => true,
                "▀" => y < HIGH / 2,
                "▄" => y >= HIGH / 2,
                " " => false,
                _ => (4..8).contains(&y),
            };
            let from = (row * HIGH + y) * stride + col * WIDE;
            luma[from..from + WIDE].fill(if inked { ink } else { paper });
        }
    }
    (luma, u32::try_from(stride).expect("small"), u32::try_from(usize::from(rows) * HIGH).expect("small"))
}

/// A colour in grey; `on_dark` stands for the theme's own colour, which a light theme has the other way round.
fn grey(color: Color, theme: Theme, on_dark: u8) -> u8 {
    match color {
        Color::Default if theme == Theme::Dark => on_dark,
        Color::Default => 255 - on_dark,
        // The cube's corners; the named sixteen belong to the theme, and nothing that must be read may use them.
        Color::Idx(16) => 0,
        Color::Idx(231) => 255,
        Color::Idx(_) | Color::Rgb(..) => 128,
    }
}
