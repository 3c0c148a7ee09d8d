//! One WebSocket of a client: it dials, and moves bytes. What they mean is decided elsewhere.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use url::Url;

use crate::protocol::signal::MAX_FRAME;

/// tungstenite allocates this at once for each connection; its default of 128 KiB is for servers of large messages.
const READ_BUFFER: usize = 4 * 1024;
/// Small messages that are ready together leave in one segment.
const WRITE_BUFFER: usize = 8 * 1024;
/// Room for one more message and control frames beyond [`WRITE_BUFFER`] while the network is stuck.
const MAX_WRITE_BUFFER: usize = 64 * 1024;
/// A server that takes nothing for this long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// For a goodbye that nobody waits for.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// Why a link could not be made or ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Not an address of a signaling server.
    #[error("{0:?} is not a signaling server's address: expected ws://HOST[:PORT]/ws or wss://…")]
    Url(String),
    /// The server can't be reached, or is none. In words.
    #[error("can't connect to the signaling server: {0}")]
    Connect(String),
    /// The link has ended; [`super::ViewerLink::ended`] says how.
    #[error("the link to the signaling server has ended")]
    Ended,
    /// More than one frame holds.
    #[error("a message of {0} bytes is larger than a frame holds")]
    TooLarge(usize),
}

/// The `host[:port]` of a server's URL as AUTH names it: lower case, without a default port.
pub fn dialled_name(url: &str) -> Result<String, LinkError> {
    let wrong = || LinkError::Url(shown(url));
    let url = Url::parse(url).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "ws" | "wss") {
        return Err(wrong());
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?.to_ascii_lowercase();
    Ok(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}

/// An address for messages: what could be a password is left out.
fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut url) if url.host_str().is_some() => {
            url.set_query(None);
            url.set_fragment(None);
            // Fails only where there can be no user anyway.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.into()
        }
        _ => url.chars().filter(|c| !c.is_control()).take(40).collect(),
    }
}

/// What arrived.
pub(super) enum Incoming {
    Message(Bytes),
    /// A ping or a pong.
    Alive,
}

/// An open WebSocket.
pub(super) struct Socket {
    /// Boxed: more than a kilobyte with TLS.
    ws: Box<WebSocketStream<MaybeTlsStream<TcpStream>>>,
}

impl Socket {
    /// Dials; the caller bounds the time.
    pub(super) async fn connect(url: &str) -> Result<Self, LinkError> {
        dialled_name(url)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_write_buffer_size(MAX_WRITE_BUFFER)
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME));
        let no_delay = true;
        match connect_async_with_config(url, Some(config), no_delay).await {
            Ok((ws, _)) => Ok(Self { ws: Box::new(ws) }),
            Err(error) => Err(LinkError::Connect(in_words(&error))),
        }
    }

    /// The next message. Safe to drop while waiting. `Err` says in words why there will be no other.
    pub(super) async fn recv(&mut self) -> Result<Incoming, String> {
        match self.ws.next().await {
            Some(Ok(Message::Binary(message))) => Ok(Incoming::Message(message)),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Incoming::Alive),
            Some(Ok(Message::Close(_))) | None => Err("the server closed the connection".to_owned()),
            Some(Ok(Message::Text(_) | Message::Frame(_))) => Err("the server sent text instead of frames".to_owned()),
            Some(Err(error)) => Err(in_words(&error)),
        }
    }

    /// Queues a message; [`Self::flush`] sends it.
    pub(super) async fn feed(&mut self, message: Bytes) -> Result<(), String> {
        self.write(Message::Binary(message)).await
    }

    /// Queues a ping.
    pub(super) async fn ping(&mut self) -> Result<(), String> {
        self.write(Message::Ping(Bytes::new())).await
    }

    async fn write(&mut self, message: Message) -> Result<(), String> {
        in_time(self.ws.feed(message)).await
    }

    /// Sends what is queued.
    pub(super) async fn flush(&mut self) -> Result<(), String> {
        in_time(self.ws.flush()).await
    }

    /// Says goodbye, without waiting for an answer.
    pub(super) async fn close(mut self) {
        // Whether it arrives changes nothing: the socket is dropped either way.
        let _ = timeout(CLOSE_TIMEOUT, self.ws.close()).await;
    }
}

async fn in_time(write: impl Future<Output = Result<(), Error>>) -> Result<(), String> {
    match timeout(WRITE_TIMEOUT, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(in_words(&error)),
        Err(_) => Err(format!("the server took nothing for {} s", WRITE_TIMEOUT.as_secs())),
    }
}

fn in_words(error: &Error) -> String {
    match error {
        Error::Http(response) => {
            let said = response.body().as_deref().unwrap_or_default();
            let said: String = String::from_utf8_lossy(said).chars().filter(|c| !c.is_control()).take(120).collect();
            format!("it answered {} {said}", response.status()).trim_end().to_owned()
        }
        Error::ConnectionClosed | Error::AlreadyClosed => "the server closed the connection".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_in_auth_is_what_was_dialled() {
        for (url, name) in [
            ("ws://Home.Example:8080/ws", "home.example:8080"),
            ("wss://hub.example/ws", "hub.example"),
            ("wss://hub.example:443/ws", "hub.example"),
            ("ws://[::1]:8080/ws", "[::1]:8080"),
            ("ws://127.0.0.1:80/ws", "127.0.0.1"),
        ] {
            assert_eq!(dialled_name(url).as_deref(), Ok(name));
        }
        for url in ["", "http://hub.example/ws", "ws://", "hub.example:8080"] {
            assert!(matches!(dialled_name(url), Err(LinkError::Url(_))), "{url}");
        }
    }

    #[test]
    fn a_wrong_address_is_shown_without_its_password() {
        let error = dialled_name("http://user:hunter2@hub.example/ws?token=hunter2#hunter2").map_err(|e| e.to_string());
        assert_eq!(error.err().map(|e| e.contains("hub.example") && !e.contains("hunter2")), Some(true));
    }
}
