//! A streamer's link to one server: up, or on its way up again, until it is told to stop.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::Ed25519KeyPair;
use tokio::sync::mpsc;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::session::{Output, Session};
use super::socket::{Incoming, LinkError, Socket, dialled_name};
use crate::id::{ChannelId, MailboxId};
use crate::protocol::signal::{CapHash, CloseCode, MAX_BODY, MAX_CAPS, MAX_INVITES};

pub use crate::protocol::signal::RingKind;

/// Where to register, and as whom.
#[derive(Clone)]
pub struct CameraLinkConfig {
    /// `ws(s)://host[:port]/ws`.
    pub url: String,
    /// The mailbox key `MB`.
    pub mailbox_key: Arc<Ed25519KeyPair>,
}

impl fmt::Debug for CameraLinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CameraLinkConfig").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What the owner wants of the link.
#[derive(Clone, Debug, PartialEq)]
pub enum CameraCommand {
    /// SHA-256 of each capability that may ring, at most [`MAX_CAPS`]. Kept, and sent again on every reconnect.
    Caps(Vec<CapHash>),
    /// Pairing mailboxes, at most [`MAX_INVITES`]. Kept, and sent again on every reconnect.
    Invites(Vec<MailboxId>),
    /// A sealed message, at most [`MAX_BODY`] bytes. Dropped when the channel is gone.
    Data { chan: ChannelId, body: Bytes },
    /// The channel is done. No `Closed` answers it.
    Close { chan: ChannelId, code: CloseCode },
}

/// What happened on the link.
#[derive(Clone, Debug, PartialEq)]
pub enum CameraLinkEvent {
    /// Registered: viewers can ring.
    Joined,
    /// A viewer opened a channel.
    Ring { chan: ChannelId, kind: RingKind },
    /// A sealed message.
    Data { chan: ChannelId, body: Bytes },
    /// The channel is gone; each open one also when the link goes down, before `Down`.
    Closed { chan: ChannelId, code: CloseCode },
    /// Not registered; tried again by itself.
    Down { retry_in: Duration, why: String },
    /// The server answered, and does not take us: another version, or a name that it does not go by. Tried again by itself.
    Refused { retry_in: Duration, why: String },
    /// The server will stop: open channels may finish, `Down` follows.
    Draining,
    /// Another program registered the same mailbox. Tried again after five minutes.
    Replaced,
}

/// Keeps the link up until `shutdown`, or until `commands` is closed.
///
/// When `events` is full nothing more is read from the server, which then closes the channels that overflow at its end;
/// commands are taken all the time, so an owner that waits for room in `commands` always gets it.
pub async fn run_camera_link(
    config: CameraLinkConfig,
    mut commands: mpsc::Receiver<CameraCommand>,
    events: mpsc::Sender<CameraLinkEvent>,
    shutdown: CancellationToken,
) {
    // A wrong address fails each dial with a sentence, so the name does not matter then.
    let name = dialled_name(&config.url).unwrap_or_default();
    let mut session = Session::new(config.mailbox_key, name);
    let mut line = Line::Down;
    // Bounded: nothing is read from the socket while it holds something.
    let mut pending = VecDeque::new();
    let random = SystemRandom::new();
    session.handle_start(Instant::now());
    loop {
        let carried = tokio::select! {
            () = shutdown.cancelled() => break,
            carried = carry_out(&mut session, &mut line, &config.url, &mut pending) => carried,
        };
        if let Err(why) = carried {
            line = Line::Down;
            session.handle_lost(Instant::now(), &why, fraction(&random));
            continue;
        }
        let deadline = session.poll_timeout().unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        tokio::select! {
            () = shutdown.cancelled() => break,
            permit = events.reserve(), if !pending.is_empty() => match (permit, pending.pop_front()) {
                (Ok(permit), Some(event)) => permit.send(event),
                _ => break,
            },
            command = commands.recv() => match command {
                Some(command) => {
                    if let Some(command) = within_limits(command) {
                        session.handle_command(command);
                    }
                }
                None => break,
            },
            arrived = line.next(), if pending.is_empty() => match arrived {
                Ok(Arrived::Open(socket)) => {
                    line = Line::Up(socket);
                    session.handle_open(Instant::now());
                }
                Ok(Arrived::Incoming(incoming)) => {
                    let now = Instant::now();
                    session.handle_heard(now);
                    if let Incoming::Message(message) = incoming {
                        session.handle_message(now, message);
                    }
                }
                Err(why) => {
                    line = Line::Down;
                    session.handle_lost(Instant::now(), &why, fraction(&random));
                }
            },
            () = sleep_until(deadline.into()) => session.handle_timeout(Instant::now()),
        }
    }
    if let Line::Up(socket) = line {
        socket.close().await;
    }
}

type Dial = Pin<Box<dyn Future<Output = Result<Socket, LinkError>> + Send>>;

/// The socket, if there is one.
enum Line {
    Down,
    Dialling(Dial),
    Up(Socket),
}

enum Arrived {
    Open(Socket),
    Incoming(Incoming),
}

impl Line {
    /// Waits for the dial or for the next message; for ever while down. Safe to drop.
    async fn next(&mut self) -> Result<Arrived, String> {
        match self {
            Self::Down => std::future::pending().await,
            Self::Dialling(dial) => dial.await.map(Arrived::Open).map_err(|e| e.to_string()),
            Self::Up(socket) => socket.recv().await.map(Arrived::Incoming),
        }
    }
}

/// Does what the session asks for; events go to `pending`. `Err` says why the line is gone.
async fn carry_out(
    session: &mut Session,
    line: &mut Line,
    url: &str,
    pending: &mut VecDeque<CameraLinkEvent>,
) -> Result<(), String> {
    let mut fed = false;
    while let Some(output) = session.poll_output() {
        match (output, &mut *line) {
            (Output::Event(event), _) => pending.push_back(event),
            (Output::Connect, _) => {
                let url = url.to_owned();
                *line = Line::Dialling(Box::pin(async move { Socket::connect(&url).await }));
            }
            (Output::Send(message), Line::Up(socket)) => {
                socket.feed(message).await?;
                fed = true;
            }
            (Output::Ping, Line::Up(socket)) => {
                socket.ping().await?;
                fed = true;
            }
            (Output::Disconnect, _) => {
                if let Line::Up(mut socket) = std::mem::replace(line, Line::Down) {
                    // A last word, such as a channel's CLOSE, may still be queued.
                    let _ = socket.flush().await;
                    socket.close().await;
                }
                return Err("we hung up".to_owned());
            }
            (Output::Send(_) | Output::Ping, Line::Down | Line::Dialling(_)) => {}
        }
    }
    match line {
        Line::Up(socket) if fed => socket.flush().await,
        _ => Ok(()),
    }
}

/// What no frame holds is cut or dropped here, loudly: the owner should not have asked.
fn within_limits(command: CameraCommand) -> Option<CameraCommand> {
    match command {
        CameraCommand::Caps(mut caps) => {
            if caps.len() > MAX_CAPS {
                warn!(
                    paired = caps.len(),
                    most = MAX_CAPS,
                    "more paired viewers than a server takes: the last can't ring"
                );
                caps.truncate(MAX_CAPS);
            }
            Some(CameraCommand::Caps(caps))
        }
        CameraCommand::Invites(mut invites) => {
            if invites.len() > MAX_INVITES {
                warn!(
                    open = invites.len(),
                    most = MAX_INVITES,
                    "more invitations than a server takes: the last won't open"
                );
                invites.truncate(MAX_INVITES);
            }
            Some(CameraCommand::Invites(invites))
        }
        CameraCommand::Data { chan, body } if body.len() > MAX_BODY => {
            warn!(bytes = body.len(), "sealed message larger than a frame: channel closed");
            Some(CameraCommand::Close { chan, code: CloseCode::Protocol })
        }
        other => Some(other),
    }
}

/// A random number from 0 to 1.
fn fraction(random: &SystemRandom) -> f64 {
    let mut bytes = [0; 4];
    match random.fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}
