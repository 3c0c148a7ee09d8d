//! What the server costs: messages relayed for each CPU-second, and memory for each idle connection.
//!
//! `cargo bench -p athome-signaling --bench relay` prints one JSON object, within 20 s.
//!
//! Method: the server runs in a process of its own (this program again) as its binary runs it; only that process's CPU
//! time (getrusage, user and system) and resident memory count. This process plays the clients. Beside it, alternated in
//! the same run, a bare tokio-tungstenite echo server with the same 4 KiB read buffer gets the same number of connections
//! and messages in flight. A message counts once when it went through the server, in and out. Sizes are those of the
//! smallest sealed message: 256 bytes padded, 16 of authentication, 10 of header. Figures are medians of the rounds.
//! Idle memory: resident memory after all connections signed in, less that after the first, over their number.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use athome_shared::id::ChannelId;
use athome_shared::protocol::signal::{Frame, Target, auth_input, cap_hash, mailbox_id};
use athome_shared::secret::Secret;
use athome_signaling::{Config, Server};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, accept_async_with_config, connect_async_with_config};
use tokio_util::sync::CancellationToken;

/// Conversations at once; each has two connections.
const PAIRS: usize = 16;
/// Messages of one conversation under way at a time: one is a handshake, many are trickling candidates.
const IN_FLIGHT: [usize; 2] = [1, 16];
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_millis(700);
const BODY: usize = 256 + 16;
const IDLE_CONNECTIONS: usize = 5_000;
/// Sign-ins at a time.
const IDLE_STEP: usize = 50;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

fn main() -> anyhow::Result<()> {
    os::allow_open_files(2 * IDLE_CONNECTIONS as u64 + 100)?;
    let runtime = tokio::runtime::Runtime::new()?;
    match std::env::args().nth(1).as_deref() {
        Some("serve-relay") => runtime.block_on(serve(Kind::Relay)),
        Some("serve-echo") => runtime.block_on(serve(Kind::Echo)),
        _ => runtime.block_on(measure()),
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Relay,
    Echo,
}

async fn measure() -> anyhow::Result<()> {
    let mut report = json!({});
    for in_flight in IN_FLIGHT {
        let (mut relay, mut echo) = (vec![], vec![]);
        for _ in 0..ROUNDS {
            relay.push(throughput(Kind::Relay, in_flight).await?);
            echo.push(throughput(Kind::Echo, in_flight).await?);
        }
        let (relay, echo) = (median(relay), median(echo));
        report[format!("messages_per_cpu_second_{in_flight}_in_flight")] =
            json!({ "relay": relay.round(), "bare_echo": echo.round(), "ratio": ratio(relay, echo) });
    }
    let (relay, echo) = (idle(Kind::Relay).await?, idle(Kind::Echo).await?);
    report["idle_connection_kb"] = json!({ "connections": IDLE_CONNECTIONS, "signed_in": tenth(relay), "bare_echo": tenth(echo), "ratio": ratio(relay, echo) });
    println!("{report:#}");
    Ok(())
}

/// Messages through the server for each second of its CPU time.
async fn throughput(kind: Kind, in_flight: usize) -> anyhow::Result<f64> {
    let mut server = Process::start(kind)?;
    let conversations = Conversations::start(kind, server.address, in_flight).await?;
    let before = (server.usage()?, conversations.passed.load(Ordering::Relaxed));
    tokio::time::sleep(ROUND).await;
    let after = (server.usage()?, conversations.passed.load(Ordering::Relaxed));
    conversations.stop().await;
    let cpu_seconds = (after.0.cpu_us - before.0.cpu_us) / 1e6;
    Ok((after.1 - before.1) as f64 / cpu_seconds)
}

/// Kilobytes for each connection that says nothing.
async fn idle(kind: Kind) -> anyhow::Result<f64> {
    let mut server = Process::start(kind)?;
    let address = server.address;
    let mut sockets = vec![idle_connection(kind, address, 0).await?];
    let before = server.usage()?.rss_kb;
    while sockets.len() < IDLE_CONNECTIONS + 1 {
        let first = sockets.len();
        let step = (first..first + IDLE_STEP).map(|n| idle_connection(kind, address, n));
        sockets.extend(futures_util::future::try_join_all(step).await?);
    }
    let after = server.usage()?.rss_kb;
    Ok((after - before) / (sockets.len() - 1) as f64)
}

async fn idle_connection(kind: Kind, address: SocketAddr, n: usize) -> anyhow::Result<Socket> {
    let mut socket = connect(address).await?;
    match kind {
        Kind::Relay => {
            let mut seed = [1; 32];
            seed.iter_mut().zip(n.to_be_bytes()).for_each(|(to, from)| *to = from);
            sign_in(&mut socket, &seed).await?;
        }
        Kind::Echo => {
            socket.send(message(1)).await?;
            receive(&mut socket).await?;
        }
    }
    Ok(socket)
}

/// Clients that keep messages going round until they are stopped.
struct Conversations {
    passed: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    tasks: tokio::task::JoinSet<anyhow::Result<()>>,
}

impl Conversations {
    async fn start(kind: Kind, address: SocketAddr, in_flight: usize) -> anyhow::Result<Self> {
        let (passed, stop) = (Arc::default(), Arc::default());
        let mut this = Self { passed, stop, tasks: tokio::task::JoinSet::new() };
        match kind {
            Kind::Relay => {
                for n in 0..PAIRS {
                    let (camera, viewer) = pair(address, n as u64 + 1).await?;
                    this.bounce(camera, 0, n);
                    this.bounce(viewer, in_flight, n);
                }
            }
            Kind::Echo => {
                // The same number of connections, and of messages under way in all.
                for n in 0..2 * PAIRS {
                    let messages = if in_flight == 1 { (n % 2 == 0).into() } else { in_flight / 2 };
                    this.bounce(connect(address).await?, messages, n);
                }
            }
        }
        Ok(this)
    }

    /// Sends `first` messages, and another for each that arrives.
    fn bounce(&mut self, mut socket: Socket, first: usize, n: usize) {
        let (passed, stop) = (Arc::clone(&self.passed), Arc::clone(&self.stop));
        let next = message(n as u64 + 1);
        self.tasks.spawn(async move {
            for _ in 0..first {
                socket.feed(next.clone()).await?;
            }
            socket.flush().await?;
            while !stop.load(Ordering::Relaxed) {
                let Ok(Some(received)) = tokio::time::timeout(ROUND, socket.next()).await else { continue };
                if received?.len() == next.len() {
                    passed.fetch_add(1, Ordering::Relaxed);
                    socket.send(next.clone()).await?;
                }
            }
            Ok(())
        });
    }

    async fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A peer that stopped first ends the other's connection; what counts was counted.
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn pair(address: SocketAddr, chan: u64) -> anyhow::Result<(Socket, Socket)> {
    let mut camera = connect(address).await?;
    let mut seed = [2; 32];
    seed[..8].copy_from_slice(&chan.to_be_bytes());
    let mailbox = sign_in(&mut camera, &seed).await?;
    let cap = Secret::new([3; 16]);
    camera.send(Message::Binary(Frame::Caps(vec![cap_hash(&cap)]).encode())).await?;
    // Answered after CAPS was carried out.
    camera.send(Message::Ping(Bytes::new())).await?;
    camera.next().await.context("no pong")??;
    let mut viewer = connect(address).await?;
    let open = Frame::Open { chan: ChannelId(chan), target: Target::Session { mailbox, cap } };
    viewer.send(Message::Binary(open.encode())).await?;
    match receive(&mut camera).await? {
        Frame::Ring { .. } => Ok((camera, viewer)),
        other => bail!("expected RING, got {other:?}"),
    }
}

async fn sign_in(socket: &mut Socket, seed: &[u8; 32]) -> anyhow::Result<athome_shared::id::MailboxId> {
    let key = Ed25519KeyPair::from_seed_unchecked(seed)?;
    let mailbox_pub = key.public_key().as_ref().try_into()?;
    let hello = Frame::Hello { min_ver: 1, max_ver: 1, mailbox_pub };
    socket.send(Message::Binary(hello.encode())).await?;
    let Frame::Challenge { nonce } = receive(socket).await? else { bail!("no CHALLENGE") };
    let name = "localhost".to_owned();
    let sig = key.sign(&auth_input(&nonce, &mailbox_pub, &name)).as_ref().try_into()?;
    socket.send(Message::Binary(Frame::Auth { sig, name }.encode())).await?;
    let Frame::Ready { .. } = receive(socket).await? else { bail!("no READY") };
    Ok(mailbox_id(&mailbox_pub))
}

async fn connect(address: SocketAddr) -> anyhow::Result<Socket> {
    let url = format!("ws://{address}/ws");
    Ok(connect_async_with_config(url, Some(buffers()), true).await?.0)
}

async fn receive(socket: &mut Socket) -> anyhow::Result<Frame> {
    Ok(Frame::decode(socket.next().await.context("the server hung up")??.into_data())?)
}

fn message(chan: u64) -> Message {
    Message::Binary(Frame::Data { chan: ChannelId(chan), body: vec![0; BODY].into() }.encode())
}

fn buffers() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(4 * 1024)
}

/// The process under test: prints its port, and its usage for each line that it reads.
async fn serve(kind: Kind) -> anyhow::Result<()> {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let address = match kind {
        Kind::Relay => {
            let config = Config {
                listen,
                max_connections: 100_000,
                max_connections_per_address: 100_000,
                frames_per_second: 1_000_000,
                frames_burst: 1_000_000,
                opens_per_second: 1_000_000,
                opens_burst: 1_000_000,
                ..Config::default()
            };
            let server = Server::bind(config).await?;
            let address = server.local_addr();
            tokio::spawn(server.run(CancellationToken::new()));
            address
        }
        Kind::Echo => {
            let listener = TcpListener::bind(listen).await?;
            let address = listener.local_addr()?;
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(echo(stream));
                }
            });
            address
        }
    };
    println!("{}", json!({ "port": address.port() }));
    let answer = tokio::task::spawn_blocking(|| -> anyhow::Result<()> {
        for line in std::io::stdin().lock().lines() {
            line?;
            println!("{}", json!({ "cpu_us": os::cpu_us()?, "rss_kb": os::rss_kb()? }));
        }
        Ok(())
    });
    answer.await??;
    std::process::exit(0)
}

async fn echo(stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut socket = accept_async_with_config(stream, Some(buffers())).await?;
    while let Some(message) = socket.next().await {
        socket.send(message?).await?;
    }
    Ok(())
}

/// This program again, as a server.
struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
}

struct Usage {
    cpu_us: f64,
    rss_kb: f64,
}

impl Process {
    fn start(kind: Kind) -> anyhow::Result<Self> {
        let role = match kind {
            Kind::Relay => "serve-relay",
            Kind::Echo => "serve-echo",
        };
        let program = std::env::current_exe()?;
        let mut child = Command::new(program).arg(role).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take().context("piped")?;
        let stdout = BufReader::new(child.stdout.take().context("piped")?);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut this = Self { child, stdin, stdout, address };
        let port = this.line()?["port"].as_u64().context("a port")?;
        this.address.set_port(u16::try_from(port)?);
        Ok(this)
    }

    fn usage(&mut self) -> anyhow::Result<Usage> {
        self.stdin.write_all(b"\n")?;
        let line = self.line()?;
        let number = |key: &str| line[key].as_f64().with_context(|| key.to_owned());
        Ok(Usage { cpu_us: number("cpu_us")?, rss_kb: number("rss_kb")? })
    }

    fn line(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn ratio(ours: f64, theirs: f64) -> f64 {
    (ours / theirs * 100.0).round() / 100.0
}

/// What only the operating system knows.
#[allow(unsafe_code)]
mod os {
    use std::io;

    /// User and system time of this process in microseconds.
    pub(crate) fn cpu_us() -> io::Result<i64> {
        // SAFETY: rusage is plain numbers, for which zeros are valid.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is to a whole rusage that lives through the call.
        match unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) } {
            0 => {
                let micros = |time: libc::timeval| time.tv_sec * 1_000_000 + time.tv_usec;
                Ok(micros(usage.ru_utime) + micros(usage.ru_stime))
            }
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Resident memory of this process in kilobytes (proc(5), /proc/self/status).
    pub(crate) fn rss_kb() -> io::Result<u64> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).ok_or(io::ErrorKind::InvalidData.into())
    }

    /// Raises the limit of open files to `wanted`, if it is lower.
    pub(crate) fn allow_open_files(wanted: u64) -> io::Result<()> {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the pointer is to a whole rlimit that lives through the call.
        if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
            return Err(io::Error::last_os_error());
        }
        if limit.rlim_cur >= wanted {
            return Ok(());
        }
        limit.rlim_cur = wanted;
        limit.rlim_max = limit.rlim_max.max(wanted);
        // SAFETY: as above; the call only reads it.
        match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}
