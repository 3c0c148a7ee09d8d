//! Moves the bytes of one connection. What they mean is decided by [`Peer`]; what waits to go out is in the [`Outbox`].

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use athome_shared::protocol::signal::{ErrorCode, Frame};
use athome_shared::signal::liveness::{Beat, Liveness};
use bytes::Bytes;
use futures_util::{Sink, SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WsCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tracing::debug;

use crate::outbox::{End, Outbox, Popped};
use crate::peer::Peer;

/// tungstenite allocates this at once for each connection, and it is most of what an idle one costs.
const READ_BUFFER: usize = 4 * 1024;
/// Frames that are ready together leave with one system call.
const WRITE_BUFFER: usize = 8 * 1024;
/// One more frame and control frames beyond [`WRITE_BUFFER`]; nothing more is taken from the outbox while it is stuck.
const MAX_WRITE_BUFFER: usize = 64 * 1024;
/// So many messages are read before what was written meanwhile is flushed, even if more could be read.
const READS_BEFORE_FLUSH: u32 = 16;
/// For the last words, and for the client to take them.
const GOODBYE: Duration = Duration::from_secs(1);
/// How much of an ended connection's input is thrown away while the last words travel. A close with unread input would
/// reset the connection, and the client might never see why.
const LINGER_BYTES: usize = 256 * 1024;

/// How long a connection may be silent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) ping_every: Duration,
    pub(crate) idle: Duration,
    /// Until it is known what the connection is.
    pub(crate) hello: Duration,
}

/// How a connection ended.
enum Outcome {
    /// The client closed, or the network did.
    Gone,
    /// We do, with an ERROR where there is something to say.
    Ended(Option<End>),
}

/// Serves an upgraded connection to its end. `early` is what the client sent right behind its request.
pub(crate) async fn run(stream: TcpStream, early: Bytes, mut peer: Peer, patience: Patience) {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_message_size(Some(peer.max_frame()))
        .max_frame_size(Some(peer.max_frame()));
    // Copied: the slice would keep the 8 KiB that the request was read into for as long as the connection lives.
    let read = early.to_vec();
    drop(early);
    let ws = WebSocketStream::from_partially_read(stream, read, Role::Server, Some(config)).await;
    let mut wire = Wire { ws, outbox: peer.outbox(), ping: false, unflushed: false, reads: 0 };
    let outcome = serve(&mut wire, &mut peer, patience).await;
    let conn = peer.conn.0;
    // The others hear of it now; the goodbye may take a second.
    drop(peer);
    match outcome {
        Outcome::Gone => debug!(conn, "connection gone"),
        Outcome::Ended(end) => {
            debug!(conn, ?end, "connection ended");
            // Whether the client takes the last words or not, the connection is over. Boxed, since every connection would
            // carry the room for it all its life.
            let _ = timeout(GOODBYE, Box::pin(goodbye(wire.ws, end))).await;
        }
    }
}

async fn serve(wire: &mut Wire, peer: &mut Peer, patience: Patience) -> Outcome {
    let start = Instant::now();
    let known_by = start + patience.hello;
    let mut liveness = Liveness::new(start, patience.ping_every, patience.idle);
    let mut timer = pin!(sleep_until(known_by.min(liveness.poll_timeout()).into()));
    loop {
        let end = match poll_fn(|cx| wire.poll_step(cx, timer.as_mut())).await {
            Step::Message(message) => {
                let now = Instant::now();
                liveness.handle_heard(now);
                peer.handle_message(now, message).err()
            }
            Step::Alive => {
                liveness.handle_heard(Instant::now());
                None
            }
            Step::TooLarge => Some(peer.too_large()),
            Step::Broken(what) => Some(End::new(ErrorCode::Malformed, what)),
            Step::Timeout => {
                let now = Instant::now();
                let late = !peer.is_known() && now >= known_by;
                let beat = liveness.handle_timeout(now);
                wire.ping |= beat == Beat::Ping;
                // Not reset at every message: a timer that fires too early looks again.
                let next =
                    if peer.is_known() { liveness.poll_timeout() } else { known_by.min(liveness.poll_timeout()) };
                timer.as_mut().reset(next.into());
                match (late, beat) {
                    (true, _) => Some(End::new(ErrorCode::Idle, "no HELLO, OPEN or WATCH came in time")),
                    (false, Beat::Dead) => Some(End::new(ErrorCode::Idle, "nothing was heard for too long")),
                    (false, Beat::Ping | Beat::Wait) => None,
                }
            }
            Step::Ended(end) => {
                if let Some(end) = &end {
                    peer.count_end(end.code);
                }
                return Outcome::Ended(end);
            }
            Step::Gone => return Outcome::Gone,
        };
        if let Some(end) = end {
            peer.count_end(end.code);
            return Outcome::Ended(Some(end));
        }
    }
}

/// What happened on the socket.
enum Step {
    Message(Bytes),
    /// A ping or a pong.
    Alive,
    Timeout,
    /// The server wants the connection to end.
    Ended(Option<End>),
    TooLarge,
    /// The client broke the WebSocket protocol.
    Broken(String),
    Gone,
}

struct Wire {
    ws: WebSocketStream<TcpStream>,
    outbox: Arc<Outbox>,
    /// A ping is due.
    ping: bool,
    unflushed: bool,
    /// Messages read since something was written and not flushed.
    reads: u32,
}

impl Wire {
    /// One task does both directions: a client that does not read stops its own output here, and is still read.
    fn poll_step(&mut self, cx: &mut Context<'_>, timer: Pin<&mut Sleep>) -> Poll<Step> {
        loop {
            match self.ws.poll_ready_unpin(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Step::Gone),
                Poll::Pending => break,
            }
            let message = if std::mem::take(&mut self.ping) {
                Message::Ping(Bytes::new())
            } else {
                match self.outbox.pop(cx) {
                    Popped::Frame(frame) => Message::Binary(frame),
                    Popped::Empty => break,
                    Popped::Ended(end) => return Poll::Ready(Step::Ended(end)),
                }
            };
            if Pin::new(&mut self.ws).start_send(message).is_err() {
                return Poll::Ready(Step::Gone);
            }
            self.unflushed = true;
        }
        if self.unflushed && self.reads >= READS_BEFORE_FLUSH && self.poll_flush(cx).is_err() {
            return Poll::Ready(Step::Gone);
        }
        if let Poll::Ready(received) = self.ws.poll_next_unpin(cx) {
            self.reads += 1;
            return Poll::Ready(received.map_or(Step::Gone, step));
        }
        if self.unflushed && self.poll_flush(cx).is_err() {
            return Poll::Ready(Step::Gone);
        }
        timer.poll(cx).map(|()| Step::Timeout)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        self.reads = 0;
        match self.ws.poll_flush_unpin(cx) {
            Poll::Ready(Ok(())) => {
                self.unflushed = false;
                Ok(())
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Ok(()),
        }
    }
}

fn step(received: Result<Message, Error>) -> Step {
    match received {
        Ok(Message::Binary(message)) => Step::Message(message),
        Ok(Message::Ping(_) | Message::Pong(_)) => Step::Alive,
        Ok(Message::Text(_) | Message::Frame(_)) => Step::Broken("frames are binary messages".to_owned()),
        Ok(Message::Close(_)) | Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_)) => Step::Gone,
        Err(Error::Capacity(_)) => Step::TooLarge,
        Err(error) => Step::Broken(error.to_string()),
    }
}

/// Says why, closes, and waits until the client has taken it. The caller bounds the time.
async fn goodbye(mut ws: WebSocketStream<TcpStream>, end: Option<End>) -> Result<(), Error> {
    let code = match &end {
        None => WsCode::Away,
        Some(End { code: ErrorCode::TooLarge, .. }) => WsCode::Size,
        Some(End { code: ErrorCode::Malformed, .. }) => WsCode::Protocol,
        Some(_) => WsCode::Policy,
    };
    if let Some(End { code, text }) = end {
        ws.feed(Message::Binary(Frame::Error { code, text }.encode())).await?;
    }
    ws.feed(Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::default() }))).await?;
    ws.flush().await?;
    let stream = ws.get_mut();
    stream.shutdown().await?;
    let mut waste = [0; 1024];
    let mut left = LINGER_BYTES;
    while left > 0 {
        match stream.read(&mut waste).await? {
            0 => break,
            n => left = left.saturating_sub(n),
        }
    }
    Ok(())
}
