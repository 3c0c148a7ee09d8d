//! A viewer's link: one WebSocket, many channels, one attempt. Whether and when to try again is the viewer's business.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep_until, timeout};

use super::liveness::{Beat, DEAD_AFTER, Liveness, PING_EVERY};
use super::socket::{Incoming, LinkError, Socket};
use crate::id::{ChannelId, MailboxId};
use crate::protocol::signal::{CloseCode, ErrorCode, Frame, FrameError, MAX_BODY, Target};
use crate::secret::Secret;

/// Dialling, TLS and upgrade together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Commands of all channels on their way to the socket; when full, senders wait.
const COMMANDS: usize = 64;
/// Unread events of one channel; a channel whose owner lets it fill up is closed as too slow, the others go on.
const CHANNEL_EVENTS: usize = 128;

/// An open link. The connection ends when it and all its channels and watches are dropped: its task waits for commands
/// and leaves, politely, with the last sender of them.
pub struct ViewerLink {
    commands: mpsc::Sender<Command>,
    end: watch::Receiver<Option<LinkEnd>>,
}

/// How a link ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEnd {
    /// The server stops; come back after this.
    Draining { retry: Duration },
    /// The server ended it, with a sentence.
    Refused { code: ErrorCode, text: String },
    /// The connection is gone. In words.
    Lost(String),
    /// We let go of it.
    Left,
}

/// One channel to a camera. Dropping it closes it with code 0.
pub struct Channel {
    id: ChannelId,
    commands: mpsc::Sender<Command>,
    events: mpsc::Receiver<ChannelEvent>,
    closed: bool,
}

/// What arrives on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelEvent {
    /// A sealed message.
    Data(Bytes),
    /// The last event.
    Closed(CloseCode),
}

/// Whether a camera is online, as the server says. Dropping it ends the watch.
pub struct Watch {
    id: ChannelId,
    commands: mpsc::Sender<Command>,
    online: watch::Receiver<Option<bool>>,
}

impl ViewerLink {
    /// Connects to `ws(s)://host[:port]/ws`, within 15 s.
    pub async fn connect(url: &str) -> Result<Self, LinkError> {
        let dial = timeout(CONNECT_TIMEOUT, Socket::connect(url));
        let socket = dial
            .await
            .map_err(|_| LinkError::Connect(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())))??;
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (end_tx, end) = watch::channel(None);
        tokio::spawn(run(socket, inbox, end_tx));
        Ok(Self { commands, end })
    }

    /// Rings a camera that this viewer is paired with. Messages may be sent at once.
    pub async fn open_session(&self, mailbox: MailboxId, cap: &Secret<16>) -> Result<Channel, LinkError> {
        self.open(Target::Session { mailbox, cap: cap.clone() }).await
    }

    /// Rings the camera behind an invitation. Messages may be sent at once.
    pub async fn open_pairing(&self, pair_mailbox: MailboxId) -> Result<Channel, LinkError> {
        self.open(Target::Pairing(pair_mailbox)).await
    }

    async fn open(&self, target: Target) -> Result<Channel, LinkError> {
        let id = random_id()?;
        let (tx, events) = mpsc::channel(CHANNEL_EVENTS + 1);
        self.command(Command::Open { id, target, events: tx }).await?;
        let commands = self.commands.clone();
        Ok(Channel { id, commands, events, closed: false })
    }

    /// Asks to be told when the camera is online.
    pub async fn watch(&self, mailbox: MailboxId, cap: &Secret<16>) -> Result<Watch, LinkError> {
        let id = random_id()?;
        let (tx, online) = watch::channel(None);
        self.command(Command::Watch { id, mailbox, cap: cap.clone(), online: tx }).await?;
        Ok(Watch { id, commands: self.commands.clone(), online })
    }

    /// Waits for the end of the link.
    pub async fn ended(&self) -> LinkEnd {
        let mut end = self.end.clone();
        match end.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(end)) => end.clone(),
            _ => LinkEnd::Left,
        }
    }

    async fn command(&self, command: Command) -> Result<(), LinkError> {
        self.commands.send(command).await.map_err(|_| LinkError::Ended)
    }
}

impl Channel {
    /// As the camera knows it; part of the handshakes' prologue.
    pub fn id(&self) -> ChannelId {
        self.id
    }

    /// Sends a sealed message, at most [`MAX_BODY`] bytes. Waits while the link is busy. A message to a channel that the
    /// other end has closed is lost; [`Self::recv`] tells.
    pub async fn send(&self, body: Bytes) -> Result<(), LinkError> {
        if body.len() > MAX_BODY {
            return Err(LinkError::TooLarge(body.len()));
        }
        self.commands.send(Command::Data { id: self.id, body }).await.map_err(|_| LinkError::Ended)
    }

    /// The next event; `None` after `Closed`, or when the link has ended. Safe to drop while waiting.
    pub async fn recv(&mut self) -> Option<ChannelEvent> {
        let event = self.events.recv().await;
        self.closed |= matches!(event, None | Some(ChannelEvent::Closed(_)));
        event
    }

    /// Closes with a code of our choice.
    pub async fn close(mut self, code: CloseCode) {
        self.closed = true;
        // A link that has ended has closed the channel already.
        let _ = self.commands.send(Command::Close { id: self.id, code }).await;
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if !self.closed {
            // When the queue is full the channel's dropped event queue tells the task instead.
            let _ = self.commands.try_send(Command::Close { id: self.id, code: CloseCode::Done });
        }
    }
}

impl Watch {
    /// The next answer or change, the newest only; `None` when the link has ended or the server refuses the watch.
    pub async fn changed(&mut self) -> Option<bool> {
        self.online.changed().await.ok()?;
        *self.online.borrow_and_update()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // When the queue is full the watch's closed receiver tells the task at the next change.
        let _ = self.commands.try_send(Command::Close { id: self.id, code: CloseCode::Done });
    }
}

enum Command {
    Open { id: ChannelId, target: Target, events: mpsc::Sender<ChannelEvent> },
    Watch { id: ChannelId, mailbox: MailboxId, cap: Secret<16>, online: watch::Sender<Option<bool>> },
    Data { id: ChannelId, body: Bytes },
    Close { id: ChannelId, code: CloseCode },
}

/// Channels and watches by id: who gets what, without socket or clock.
#[derive(Default)]
struct Table {
    channels: HashMap<ChannelId, mpsc::Sender<ChannelEvent>>,
    watches: HashMap<ChannelId, watch::Sender<Option<bool>>>,
}

impl Table {
    /// What to send for a command.
    fn handle_command(&mut self, command: Command) -> Option<Frame> {
        match command {
            Command::Open { id, target, events } => {
                self.channels.insert(id, events);
                Some(Frame::Open { chan: id, target })
            }
            Command::Watch { id, mailbox, cap, online } => {
                self.watches.insert(id, online);
                Some(Frame::Watch { chan: id, mailbox, cap })
            }
            Command::Data { id, body } => self.channels.contains_key(&id).then_some(Frame::Data { chan: id, body }),
            Command::Close { id, code } => {
                let known = self.channels.remove(&id).is_some() | self.watches.remove(&id).is_some();
                known.then_some(Frame::Close { chan: id, code })
            }
        }
    }

    /// What to answer to a frame, or how the link ends.
    fn handle_frame(&mut self, frame: Frame) -> Result<Option<Frame>, LinkEnd> {
        match frame {
            Frame::Data { chan, body } => Ok(self.deliver(chan, body)),
            Frame::Close { chan, code } => {
                if let Some(events) = self.channels.remove(&chan) {
                    // One place is kept free for this event by `deliver`.
                    let _ = events.try_send(ChannelEvent::Closed(code));
                }
                self.watches.remove(&chan);
                Ok(None)
            }
            Frame::Presence { chan, online } => match self.watches.get(&chan) {
                Some(watch) if watch.send(Some(online)).is_err() => {
                    self.watches.remove(&chan);
                    Ok(Some(Frame::Close { chan, code: CloseCode::Done }))
                }
                Some(_) | None => Ok(None),
            },
            Frame::Drain { retry_secs } => Err(LinkEnd::Draining { retry: Duration::from_secs(retry_secs.into()) }),
            Frame::Error { code, text } => {
                Err(LinkEnd::Refused { code, text: text.chars().filter(|c| !c.is_control()).collect() })
            }
            Frame::Hello { .. }
            | Frame::Challenge { .. }
            | Frame::Auth { .. }
            | Frame::Ready { .. }
            | Frame::Caps(_)
            | Frame::Invites(_)
            | Frame::Open { .. }
            | Frame::Ring { .. }
            | Frame::Watch { .. } => Err(LinkEnd::Lost("the server sent a frame that makes no sense here".to_owned())),
        }
    }

    fn deliver(&mut self, chan: ChannelId, body: Bytes) -> Option<Frame> {
        let events = self.channels.get(&chan)?;
        // The last place is for the goodbye.
        let code = if events.is_closed() {
            CloseCode::Done
        } else if events.capacity() > 1 {
            // Cannot fail: only this task sends, and there is room.
            let _ = events.try_send(ChannelEvent::Data(body));
            return None;
        } else {
            let _ = events.try_send(ChannelEvent::Closed(CloseCode::TooSlow));
            CloseCode::TooSlow
        };
        self.channels.remove(&chan);
        Some(Frame::Close { chan, code })
    }

    fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.watches.is_empty()
    }
}

async fn run(mut socket: Socket, mut commands: mpsc::Receiver<Command>, end: watch::Sender<Option<LinkEnd>>) {
    let mut table = Table::default();
    let how = serve(&mut socket, &mut commands, &mut table).await;
    for events in table.channels.values() {
        let _ = events.try_send(ChannelEvent::Closed(CloseCode::PeerGone));
    }
    end.send_replace(Some(how));
    drop(table);
    socket.close().await;
}

async fn serve(socket: &mut Socket, commands: &mut mpsc::Receiver<Command>, table: &mut Table) -> LinkEnd {
    let mut liveness = Liveness::new(Instant::now(), PING_EVERY, DEAD_AFTER);
    let mut draining = None;
    loop {
        // Channels that are being set up may finish while the server drains.
        if let Some(end) = &draining
            && table.is_empty()
        {
            return LinkEnd::clone(end);
        }
        let moved = tokio::select! {
            command = commands.recv() => match command {
                Some(command) => feed_all(socket, commands, table, command).await,
                None => return LinkEnd::Left,
            },
            incoming = socket.recv() => {
                liveness.handle_heard(Instant::now());
                match incoming {
                    Ok(Incoming::Alive) => Ok(()),
                    Ok(Incoming::Message(message)) => match answer(table, message) {
                        Ok(Some(frame)) => send(socket, &frame).await,
                        Ok(None) => Ok(()),
                        Err(end @ LinkEnd::Draining { .. }) => {
                            draining = Some(end);
                            Ok(())
                        }
                        Err(end) => return end,
                    },
                    Err(why) => Err(why),
                }
            }
            () = sleep_until(liveness.poll_timeout().into()) => match liveness.handle_timeout(Instant::now()) {
                Beat::Wait => Ok(()),
                Beat::Ping => match socket.ping().await {
                    Ok(()) => socket.flush().await,
                    Err(why) => Err(why),
                },
                Beat::Dead => Err(format!("the server was silent for {} s", DEAD_AFTER.as_secs())),
            },
        };
        if let Err(why) = moved {
            return draining.unwrap_or(LinkEnd::Lost(why));
        }
    }
}

/// Sends a command and whatever else is waiting, with one flush.
async fn feed_all(
    socket: &mut Socket,
    commands: &mut mpsc::Receiver<Command>,
    table: &mut Table,
    first: Command,
) -> Result<(), String> {
    let mut next = Some(first);
    // As many as the queue holds at once, so that busy senders don't keep us from reading.
    let mut left = COMMANDS;
    while let Some(command) = next {
        if let Some(frame) = table.handle_command(command) {
            socket.feed(frame.encode()).await?;
        }
        left -= 1;
        next = if left > 0 { commands.try_recv().ok() } else { None };
    }
    socket.flush().await
}

async fn send(socket: &mut Socket, frame: &Frame) -> Result<(), String> {
    socket.feed(frame.encode()).await?;
    socket.flush().await
}

fn answer(table: &mut Table, message: Bytes) -> Result<Option<Frame>, LinkEnd> {
    match Frame::decode(message) {
        Ok(frame) => table.handle_frame(frame),
        Err(FrameError::UnknownType(_)) => Ok(None),
        Err(error) => Err(LinkEnd::Lost(format!("the server sent something unreadable: {error}"))),
    }
}

/// Never zero, which means the connection.
fn random_id() -> Result<ChannelId, LinkError> {
    let mut bytes = [0; 8];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| LinkError::Connect("the system gives no random numbers".to_owned()))?;
    Ok(ChannelId(u64::from_be_bytes(bytes).max(1)))
}
