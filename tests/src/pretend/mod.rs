//! Cameras on the network that are none: they send the project's own pictures, ask for passwords, and are as rude as a test
//! wants. Each listens on a free port of loopback and ends when dropped.

pub mod catch;
pub mod digest;
pub mod mjpeg;
pub mod rtsp;

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The user name and the password that every pretended camera asks for.
pub const LOGIN: (&str, &str) = ("anna", "hunter2");

/// What a pretended camera asks of whoever comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asks {
    #[default]
    Nothing,
    Basic,
    Digest,
}

/// How often a connection looks whether it shall end.
const LOOK: Duration = Duration::from_millis(20);

/// What connections share with the test.
struct Shared<M> {
    mode: Mutex<M>,
    /// Grows with each reboot; connections of an earlier life end.
    life: AtomicU64,
    stopped: AtomicBool,
    connections: AtomicU64,
    /// When the last packet of which picture was sent.
    sent: Mutex<VecDeque<(usize, Instant)>>,
}

/// Pictures whose sending is remembered.
const MOST_SENT: usize = 1_000;

/// A listening camera whose manners are of type `M`.
pub struct Camera<M> {
    addr: SocketAddr,
    shared: Arc<Shared<M>>,
    thread: Option<JoinHandle<()>>,
}

/// One connection's view of its camera.
pub struct Life<M> {
    shared: Arc<Shared<M>>,
    life: u64,
    began: Instant,
}

impl<M: Clone + Send + 'static> Camera<M> {
    /// Listens, and serves each connection on a thread of its own.
    pub fn start(mode: M, serve: impl Fn(TcpStream, &Life<M>) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let shared = Arc::new(Shared {
            mode: Mutex::new(mode),
            life: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            sent: Mutex::default(),
        });
        let (ours, serve) = (shared.clone(), Arc::new(serve));
        let thread = std::thread::spawn(move || {
            let mut threads = Vec::new();
            for stream in listener.incoming() {
                if ours.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                ours.connections.fetch_add(1, Ordering::SeqCst);
                let life = Life { shared: ours.clone(), life: ours.life.load(Ordering::SeqCst), began: Instant::now() };
                let serve = serve.clone();
                threads.push(std::thread::spawn(move || {
                    // A viewer that leaves is no failure of the camera's.
                    let _left = stream.set_read_timeout(Some(LOOK)).and_then(|()| stream.set_write_timeout(Some(LOOK)));
                    let _left = serve(stream, &life);
                }));
                threads.retain(|thread| !thread.is_finished());
            }
            threads.into_iter().for_each(|thread| drop(thread.join()));
        });
        Self { addr, shared, thread: Some(thread) }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connections so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// When the last packet of a picture was sent last.
    pub fn sent(&self, number: usize) -> Option<Instant> {
        let sent = self.shared.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.iter().rev().find(|(other, _)| *other == number).map(|(_, at)| *at)
    }

    /// From now on it has these manners; as a camera that was rebooted, it drops all connections.
    pub fn reboot(&self, mode: M) {
        *self.shared.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
        self.shared.life.fetch_add(1, Ordering::SeqCst);
    }
}

impl<M> Drop for Camera<M> {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.shared.life.fetch_add(1, Ordering::SeqCst);
        let _woken = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

impl<M: Clone> Life<M> {
    /// The camera's manners when this connection was made.
    pub fn mode(&self) -> M {
        self.shared.mode.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last packet of a picture is being sent.
    pub fn note_sent(&self, number: usize) {
        let mut sent = self.shared.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() == MOST_SENT {
            sent.pop_front();
        }
        sent.push_back((number, Instant::now()));
    }

    /// Since when this connection is there.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// The camera was rebooted or switched off.
    pub fn over(&self) -> bool {
        self.shared.life.load(Ordering::SeqCst) != self.life
    }

    /// Sleeps until then; false when the camera's life ends meanwhile.
    pub fn sleep_until(&self, at: Instant) -> bool {
        loop {
            if self.over() {
                return false;
            }
            match at.checked_duration_since(Instant::now()) {
                None => return true,
                Some(left) => std::thread::sleep(left.min(LOOK)),
            }
        }
    }

    /// Says nothing until the camera's life ends.
    pub fn silence(&self) {
        while !self.over() {
            std::thread::sleep(LOOK);
        }
    }

    /// Sends all of it, unless the camera's life ends.
    pub fn send(&self, stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.over() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            match io::Write::write(stream, bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => bytes = &bytes[n..],
                Err(why) if matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }

    /// What came, or nothing in a little while; an error once the other side is gone.
    pub fn receive(&self, stream: &mut TcpStream) -> io::Result<Vec<u8>> {
        let mut bytes = [0; 4096];
        if self.over() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        match io::Read::read(stream, &mut bytes) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => Ok(bytes[..n].to_vec()),
            Err(why) if matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(Vec::new()),
            Err(why) => Err(why),
        }
    }

    /// The head of a request, up to its empty line.
    pub fn request(&self, stream: &mut TcpStream, rest: &mut Vec<u8>) -> io::Result<String> {
        loop {
            if let Some(end) = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = rest.drain(..end + 4).collect::<Vec<_>>();
                return Ok(String::from_utf8_lossy(&head).into_owned());
            }
            rest.extend(self.receive(stream)?);
        }
    }
}

/// The value of a request's header.
pub fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let lines = request.lines().skip(1);
    let mut values = lines.filter_map(|line| line.split_once(':'));
    values.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
