//! One window for each data folder: a second start hands its link, or the wish to come to the front, to the first and
//! ends. Who is first is decided by a lock, which the system takes back however a program ends; what is said goes over a
//! socket that only its owner can reach.
//!
//! A message is one line, `front` or a link; the answer is `ok`. Anything else is ignored, and nothing is waited for long.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use athome_shared::pair::link::{self, Link};

use crate::controller::request::Request;
use crate::headless::link_sentence;
use crate::store::make_private_dir;

const LOCK: &str = "window.lock";
/// Longest message.
const LONGEST: usize = link::MAX_LEN + 8;
const FRONT: &str = "front";
const ANSWER: &[u8] = b"ok\n";
/// How long a second start tries: the first may be starting, or saying its goodbyes.
const TRIES: Duration = Duration::from_secs(6);
/// Between two tries.
const AGAIN: Duration = Duration::from_millis(50);

/// What a start turned out to be.
#[derive(Debug)]
pub enum Start {
    /// There is no other window on this folder.
    First(First),
    /// The other one was told.
    Told,
    /// There is another one, and it does not answer.
    Silent,
}

/// Held by the first while it runs. The default hears nothing.
#[derive(Debug, Default)]
pub struct First {
    _lock: Option<File>,
    #[cfg(unix)]
    socket: Option<socket::Listening>,
}

impl First {
    /// Passes on what later starts say, as wishes, until it is dropped.
    pub fn listen(&mut self, told: impl Fn(Request) + Send + 'static) {
        #[cfg(unix)]
        if let Some(socket) = &mut self.socket {
            socket.listen(move |message| handle_message(message).into_iter().for_each(&told));
        }
        #[cfg(not(unix))]
        drop(told);
    }

    /// Hears no more, while the window closes: a later start waits and becomes the first.
    pub fn deafen(&mut self) {
        #[cfg(unix)]
        drop(self.socket.take());
    }
}

/// Finds out whether this is the first window on a data folder, and tells the first if not. The folder is closed to
/// others, see [`crate::store`].
pub fn start(data: &Path, link: Option<&str>) -> Start {
    start_within(data, link, TRIES)
}

fn start_within(data: &Path, link: Option<&str>, tries: Duration) -> Start {
    let end = Instant::now() + tries;
    let lock = loop {
        match lock(data) {
            Lock::Ours(file) => break Some(file),
            // Without locks (some network folders) every window is a first one.
            Lock::Unknown => break None,
            Lock::Taken => {}
        }
        if tell(data, link) {
            return Start::Told;
        }
        if Instant::now() >= end {
            return Start::Silent;
        }
        thread::sleep(AGAIN);
    };
    #[cfg(unix)]
    let socket = lock.as_ref().and_then(|_| socket::Listening::bind(&address(data)));
    Start::First(First {
        _lock: lock,
        #[cfg(unix)]
        socket,
    })
}

enum Lock {
    Ours(File),
    Taken,
    Unknown,
}

fn lock(data: &Path) -> Lock {
    let file = make_private_dir(data)
        .and_then(|()| OpenOptions::new().write(true).create(true).truncate(false).open(data.join(LOCK)));
    match file.map(|file| file.try_lock().map(|()| file)) {
        Ok(Ok(file)) => Lock::Ours(file),
        Ok(Err(TryLockError::WouldBlock)) => Lock::Taken,
        Ok(Err(TryLockError::Error(_))) | Err(_) => Lock::Unknown,
    }
}

/// Tells the first window; false if it does not answer.
#[cfg(unix)]
fn tell(data: &Path, link: Option<&str>) -> bool {
    // What could be no message goes as a link that is incomplete: the person is told so there.
    let fits = |link: &&str| link.len() <= link::MAX_LEN && !link.contains('\n');
    let message = link.map_or(FRONT, |link| Some(link).filter(fits).unwrap_or("athome:"));
    socket::tell(&address(data), message).is_ok()
}

/// Nothing is passed on there yet.
#[cfg(not(unix))]
fn tell(_data: &Path, _link: Option<&str>) -> bool {
    false
}

/// In the runtime folder, where sockets belong, under a name for this data folder; in the data folder itself where there
/// is none. Both are closed to others.
fn address(data: &Path) -> PathBuf {
    let runtime =
        std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute() && dir.is_dir());
    let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    let Some(runtime) = runtime else { return data.join("window.sock") };
    let digest = ring::digest::digest(&ring::digest::SHA256, data.as_os_str().as_encoded_bytes());
    let name: String = digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    runtime.join(format!("athome-viewer-{name}.sock"))
}

/// What a later start wishes; nothing for what is not understood.
fn handle_message(message: &[u8]) -> Vec<Request> {
    let Some(text) = std::str::from_utf8(message).ok().and_then(|text| text.strip_suffix('\n')) else {
        return Vec::new();
    };
    if text == FRONT {
        return vec![Request::ComeForward];
    }
    if !is_link(text) {
        return Vec::new();
    }
    let wish = match Link::parse(text) {
        Ok(link) => Request::Pair(link),
        Err(error) => Request::Say(link_sentence(&error)),
    };
    vec![wish, Request::ComeForward]
}

/// What the system's handler hands over. Anything else has no business on a command line.
pub fn is_link(text: &str) -> bool {
    text.starts_with("athome:")
}

#[cfg(unix)]
mod socket {
    use std::fs::{self, Permissions};
    use std::io::{self, BufRead, BufReader, Read, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::{self, JoinHandle};
    use std::time::{Duration, Instant};

    use tracing::warn;

    use super::{ANSWER, LONGEST};

    /// How long one message or answer may take. They are taken one after the other.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// The first window's end.
    #[derive(Debug)]
    pub(super) struct Listening {
        path: PathBuf,
        listener: Option<UnixListener>,
        stop: Arc<AtomicBool>,
        thread: Option<JoinHandle<()>>,
    }

    impl Listening {
        /// Takes over whatever a killed window left at that path: the lock says that nobody else listens there.
        pub(super) fn bind(path: &Path) -> Option<Self> {
            let bind = || -> io::Result<UnixListener> {
                // Closed to others before it is where it can be found.
                let new = path.with_extension("new");
                let _ = fs::remove_file(&new);
                let listener = UnixListener::bind(&new)?;
                fs::set_permissions(&new, Permissions::from_mode(0o600))?;
                fs::rename(&new, path)?;
                Ok(listener)
            };
            let listener = bind().map_err(|error| warn!(%error, "later starts can't reach this window")).ok()?;
            Some(Self { path: path.to_owned(), listener: Some(listener), stop: Arc::default(), thread: None })
        }

        pub(super) fn listen(&mut self, told: impl Fn(&[u8]) + Send + 'static) {
            let Some(listener) = self.listener.take() else { return };
            let stop = Arc::clone(&self.stop);
            let run = move || {
                for stream in listener.incoming() {
                    if stop.load(Ordering::Acquire) {
                        return;
                    }
                    match stream.and_then(|stream| hear(&stream)) {
                        Ok(message) => told(&message),
                        // Also what keeps a fault that comes back at once from spinning.
                        Err(_) => thread::sleep(Duration::from_millis(20)),
                    }
                }
            };
            let thread = thread::Builder::new().name("instance".to_owned()).spawn(run);
            self.thread = thread.map_err(|error| warn!(%error, "later starts are not heard")).ok();
        }
    }

    impl Drop for Listening {
        fn drop(&mut self) {
            self.stop.store(true, Ordering::Release);
            // Wakes the thread, which then ends.
            let woken = UnixStream::connect(&self.path).is_ok();
            if let Some(thread) = self.thread.take().filter(|_| woken) {
                let _ = thread.join();
            }
            let _ = fs::remove_file(&self.path);
        }
    }

    /// One line, within bounds of length and time.
    fn hear(stream: &UnixStream) -> io::Result<Vec<u8>> {
        let end = Instant::now() + PATIENCE;
        let mut message = Vec::new();
        let mut piece = [0; 512];
        let mut reader = stream;
        while !message.ends_with(b"\n") {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || message.len() > LONGEST {
                return Err(io::ErrorKind::InvalidData.into());
            }
            stream.set_read_timeout(Some(left))?;
            match reader.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => message.extend_from_slice(&piece[..n]),
            }
        }
        stream.set_write_timeout(Some(PATIENCE))?;
        reader.write_all(ANSWER)?;
        Ok(message)
    }

    /// Says one line to the first window.
    pub(super) fn tell(path: &Path, message: &str) -> io::Result<()> {
        let mut stream = UnixStream::connect(path)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(format!("{message}\n").as_bytes())?;
        let mut answer = Vec::new();
        BufReader::new(stream.take(ANSWER.len() as u64)).read_until(b'\n', &mut answer)?;
        if answer == ANSWER { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }
}

#[cfg(test)]
mod tests {
    use athome_shared::pair::link::LinkError;

    use super::{handle_message, is_link};
    use crate::controller::request::Request;
    use crate::headless::link_sentence;
    use crate::scan::code::tests::link;

    #[test]
    fn messages_become_wishes_and_nonsense_becomes_nothing() {
        assert!(matches!(handle_message(b"front\n").as_slice(), [Request::ComeForward]));
        let url = format!("{}\n", link().to_url());
        let wishes = handle_message(url.as_bytes());
        assert!(matches!(wishes.as_slice(), [Request::Pair(found), Request::ComeForward] if *found == link()));
        let cut = handle_message(format!("{}\n", &url[..url.len() - 10]).as_bytes());
        let incomplete = link_sentence(&LinkError::Incomplete);
        assert!(matches!(cut.as_slice(), [Request::Say(said), Request::ComeForward] if *said == incomplete), "{cut:?}");
        for nonsense in [b"".as_slice(), b"\n", b"front", b"FRONT\n", b"\xff\xfe\n", b"https://example.org/\n"] {
            assert!(handle_message(nonsense).is_empty(), "{nonsense:?}");
        }
        assert!(is_link("athome://pair#1") && !is_link("--link") && !is_link("https://example.org"));
    }

    #[cfg(unix)]
    mod windows {
        use std::io::Write;
        use std::os::unix::fs::PermissionsExt;
        use std::os::unix::net::UnixStream;
        use std::path::Path;
        use std::sync::mpsc;
        use std::time::Duration;

        use super::super::{First, LONGEST, Start, address, start, start_within};
        use crate::controller::request::Request;

        const LONG: Duration = Duration::from_secs(30);

        fn first(data: &Path) -> (First, mpsc::Receiver<Request>) {
            let Start::First(mut first) = start(data, None) else { panic!("there is another one") };
            let (sender, wishes) = mpsc::sync_channel(16);
            first.listen(move |wish| sender.send(wish).unwrap());
            (first, wishes)
        }

        #[test]
        fn a_second_start_is_handed_over_and_hostile_bytes_are_not() {
            let dir = tempfile::tempdir().unwrap();
            let (first, wishes) = first(dir.path());
            let socket = address(dir.path());
            assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
            assert!(matches!(start(dir.path(), None), Start::Told));
            assert!(matches!(wishes.recv_timeout(LONG).unwrap(), Request::ComeForward));
            // Too much, nothing at all, and a visitor that says nothing and stays.
            let mut flood = UnixStream::connect(&socket).unwrap();
            let _ = flood.write_all(&vec![b'x'; LONGEST * 100]);
            drop(UnixStream::connect(&socket).unwrap());
            let _silent = UnixStream::connect(&socket).unwrap();
            let link = crate::scan::code::tests::link();
            assert!(matches!(start(dir.path(), Some(&link.to_url())), Start::Told));
            assert!(matches!(wishes.recv_timeout(LONG).unwrap(), Request::Pair(found) if found == link));
            assert!(matches!(wishes.recv_timeout(LONG).unwrap(), Request::ComeForward));
            // Another folder has a window of its own.
            let other = tempfile::tempdir().unwrap();
            assert!(matches!(start(other.path(), None), Start::First(_)));
            // While the window closes, a later start waits for its end.
            let mut first = first;
            first.deafen();
            assert!(!socket.exists());
            assert!(matches!(start_within(dir.path(), None, Duration::ZERO), Start::Silent));
            drop(first);
            assert!(wishes.recv_timeout(LONG).is_err(), "nothing else was heard");
            assert!(matches!(start(dir.path(), None), Start::First(_)), "the next one is first again");
        }

        #[test]
        fn what_a_killed_window_left_is_taken_over() {
            let dir = tempfile::tempdir().unwrap();
            let socket = address(dir.path());
            // A socket that nobody listens to any more, and a file with the temporary name.
            drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
            std::fs::write(socket.with_extension("new"), "").unwrap();
            assert!(UnixStream::connect(&socket).is_err(), "control: it is stale");
            let (_first, wishes) = first(dir.path());
            assert!(matches!(start(dir.path(), None), Start::Told));
            assert!(matches!(wishes.recv_timeout(LONG).unwrap(), Request::ComeForward));
        }
    }
}
