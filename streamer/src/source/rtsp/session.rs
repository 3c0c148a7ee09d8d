//! One conversation with an RTSP camera: described, set up, playing, kept alive, ended.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{sleep_until, timeout};
use url::Url;

use super::message::{Incoming, Malformed, Reader, Response, request};
use super::sdp::{Description, Stream};
use crate::source::login::{Answers, Challenged, Login};
use crate::source::network::Progress;
use crate::source::{SourceError, Transport};
use crate::words::Verdict;

/// A session without a time-out of its own ends after so long (RFC 2326 §12.37).
const USUAL_TIMEOUT: Duration = Duration::from_secs(60);
/// Of a session's time-out, what is waited before it is kept alive.
const KEEP_ALIVE_SHARE: u32 = 2;
/// Requests for one answer: the plain one, one with the password, one with a newer nonce.
const MOST_REQUESTS: usize = 3;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(300);
/// Room for datagrams that come while a picture is worked on.
const DATAGRAM_ROOM: usize = 2 << 20;
/// Largest datagram.
const MOST_DATAGRAM: usize = 65_536;
/// Pairs of ports that are tried.
const PORT_TRIES: usize = 16;

/// A camera that is talked to.
pub(super) struct Session<'a> {
    stream: TcpStream,
    reader: Reader,
    answers: Answers<'a>,
    sequence: u32,
    /// Its own, and how long it lasts.
    session: Option<(String, Duration)>,
    /// What aggregate requests name.
    pub(super) base: String,
    tracks: Vec<Track>,
    space: BytesMut,
}

/// A stream that is set up.
struct Track {
    /// Of its packets in the connection.
    channel: u8,
    sockets: Option<Sockets>,
}

/// Where a stream's datagrams come; reports on the second socket are taken and thrown away by the system.
struct Sockets {
    rtp: UdpSocket,
    _rtcp: UdpSocket,
    from: IpAddr,
}

/// What happened while playing.
pub(super) enum Happened {
    /// A packet of the stream that was set up as this one, counted from zero.
    Packet(usize, Bytes),
    /// Nothing that is of use.
    Nothing,
}

impl<'a> Session<'a> {
    /// Connects and asks what there is. `url` holds no login.
    pub(super) async fn describe(
        url: &Url,
        login: Option<&'a Login>,
        progress: &Progress,
    ) -> Result<(Self, Description), SourceError> {
        let stream = progress.connect(url, 554).await?;
        let mut session = Self {
            stream,
            reader: Reader::default(),
            answers: Answers::new(login),
            sequence: 0,
            session: None,
            base: url.to_string(),
            tracks: Vec::new(),
            space: BytesMut::new(),
        };
        let uri = session.base.clone();
        let response = session.ask("DESCRIBE", &uri, &[("Accept", "application/sdp")]).await?;
        let text = String::from_utf8_lossy(&response.body);
        let description = Description::parse(&text);
        let base = ["content-base", "content-location"].into_iter().find_map(|name| response.header(name));
        // One that names no whole address is a slip of the camera's.
        let base = base.filter(|base| base.starts_with("rtsp://") && !base.contains(char::is_whitespace));
        session.base = description.address(base.unwrap_or(&uri));
        Ok((session, description))
    }

    /// Sets a stream up; the first is number zero.
    pub(super) async fn set_up(
        &mut self,
        description: &Description,
        stream: &Stream,
        transport: Transport,
    ) -> Result<(), SourceError> {
        let uri = description.address_of(stream, &self.base);
        let number = self.tracks.len() as u8;
        let (wish, sockets) = match transport {
            Transport::Tcp => (format!("RTP/AVP/TCP;unicast;interleaved={}-{}", number * 2, number * 2 + 1), None),
            Transport::Udp => {
                let sockets = self.sockets().await.map_err(|why| SourceError::from(Verdict::Silent).because(why))?;
                let port = sockets.rtp.local_addr().map(|addr| addr.port()).unwrap_or_default();
                (format!("RTP/AVP;unicast;client_port={port}-{}", port.saturating_add(1)), Some(sockets))
            }
        };
        let response = self.ask("SETUP", &uri, &[("Transport", &wish)]).await?;
        let given = response.header("transport").unwrap_or_default();
        if let Some(session) = response.header("session").filter(|_| self.session.is_none()) {
            self.session = Some(session_of(session));
        }
        let channel = given.split(';').find_map(|field| field.trim().strip_prefix("interleaved="));
        let channel = channel.and_then(|pair| pair.split('-').next()?.trim().parse().ok());
        self.tracks.push(Track { channel: channel.unwrap_or(number * 2), sockets });
        Ok(())
    }

    /// Starts what was set up.
    pub(super) async fn play(&mut self) -> Result<(), SourceError> {
        let uri = self.base.clone();
        self.ask("PLAY", &uri, &[("Range", "npt=0.000-")]).await.map(drop)
    }

    /// When the camera is to hear of us again.
    pub(super) fn keep_alive_every(&self) -> Duration {
        let lasts = self.session.as_ref().map_or(USUAL_TIMEOUT, |(_, lasts)| *lasts);
        lasts.clamp(Duration::from_secs(4), USUAL_TIMEOUT) / KEEP_ALIVE_SHARE
    }

    /// Says that somebody is still there; the answer comes among the packets.
    pub(super) async fn keep_alive(&mut self) -> Result<(), SourceError> {
        let uri = self.base.clone();
        self.send("OPTIONS", &uri, &[]).await
    }

    /// Says goodbye, without waiting for an answer: a camera that sends datagrams would go on.
    pub(super) async fn tear_down(&mut self) {
        let uri = self.base.clone();
        let _in_time = timeout(GOODBYE, self.send("TEARDOWN", &uri, &[])).await;
    }

    /// Waits for what comes next, at most until `until`.
    pub(super) async fn next(&mut self, until: Instant) -> Result<Happened, SourceError> {
        loop {
            if let Some(incoming) = self.reader.poll().map_err(foreign)? {
                return Ok(match incoming {
                    Incoming::Data { channel, data } => {
                        let track = self.tracks.iter().position(|track| track.channel == channel);
                        track.map_or(Happened::Nothing, |track| Happened::Packet(track, data))
                    }
                    Incoming::Response(response) => {
                        self.handle_late(&response)?;
                        Happened::Nothing
                    }
                    Incoming::Request => Happened::Nothing,
                });
            }
            let tracks = &self.tracks;
            tokio::select! {
                read = self.stream.read_buf(self.reader.buffer()) => {
                    if read.map_err(|why| SourceError::from(Verdict::Silent).because(why))? == 0 {
                        return Err(SourceError::from(Verdict::Silent).because("it closed the connection"));
                    }
                }
                (track, datagram) = datagram(tracks, &mut self.space) => {
                    return Ok(datagram.map_or(Happened::Nothing, |data| Happened::Packet(track, data)));
                }
                () = sleep_until(until.into()) => return Ok(Happened::Nothing),
            }
        }
    }

    /// The answer to a keep-alive.
    fn handle_late(&mut self, response: &Response) -> Result<(), SourceError> {
        match response.status {
            // The nonce grew old: the next one goes with a new answer.
            401 => self.challenge(response),
            454 => Err(SourceError::from(Verdict::Silent).because("it forgot the session")),
            _ => Ok(()),
        }
    }

    async fn ask(&mut self, method: &str, uri: &str, headers: &[(&str, &str)]) -> Result<Response, SourceError> {
        for _ in 0..MOST_REQUESTS {
            self.send(method, uri, headers).await?;
            let response = self.response().await?;
            match response.status {
                200..=299 => return Ok(response),
                401 => self.challenge(&response)?,
                status => return Err(refusal(status, response.header("location"))),
            }
        }
        Err(Verdict::LoginRefused.into())
    }

    fn challenge(&mut self, response: &Response) -> Result<(), SourceError> {
        match self.answers.handle_challenge(response.headers_of("www-authenticate")) {
            Challenged::Again => Ok(()),
            Challenged::Missing => Err(Verdict::LoginMissing.into()),
            Challenged::Refused => Err(Verdict::LoginRefused.into()),
            Challenged::Unknown => Err(SourceError::from(Verdict::LoginRefused).because("it asks in an unknown way")),
        }
    }

    async fn send(&mut self, method: &str, uri: &str, headers: &[(&str, &str)]) -> Result<(), SourceError> {
        self.sequence = self.sequence.wrapping_add(1);
        let authorization = self.answers.header(method, uri);
        let session = self.session.as_ref().map(|(name, _)| name.clone());
        let mut all = headers.to_vec();
        all.extend(session.as_deref().map(|session| ("Session", session)));
        all.extend(authorization.as_deref().map(|value| ("Authorization", value)));
        let text = request(method, uri, self.sequence, &all);
        self.stream.write_all(text.as_bytes()).await.map_err(|why| SourceError::from(Verdict::Silent).because(why))
    }

    /// The answer to the last request. Packets that come before it are dropped.
    async fn response(&mut self) -> Result<Response, SourceError> {
        loop {
            match self.reader.poll().map_err(foreign)? {
                // Some cameras forget to say what they answer to.
                Some(Incoming::Response(response))
                    if response.sequence().is_none_or(|sequence| sequence == self.sequence) =>
                {
                    return Ok(response);
                }
                Some(_) => {}
                None => {
                    let read = self.stream.read_buf(self.reader.buffer()).await;
                    if read.map_err(|why| SourceError::from(Verdict::Silent).because(why))? == 0 {
                        return Err(SourceError::from(Verdict::Nonsense).because("it closed the connection"));
                    }
                }
            }
        }
    }

    /// Two sockets with neighbouring ports, the first even (RFC 3550 §11).
    async fn sockets(&self) -> io::Result<Sockets> {
        let (local, from) = (self.stream.local_addr()?.ip(), self.stream.peer_addr()?.ip());
        let mut refused = None;
        for _ in 0..PORT_TRIES {
            let first = UdpSocket::bind(SocketAddr::new(local, 0)).await?;
            let port = first.local_addr()?.port();
            let neighbour = if port % 2 == 0 { port.checked_add(1) } else { port.checked_sub(1) };
            let Some(neighbour) = neighbour.filter(|port| *port > 0) else { continue };
            match UdpSocket::bind(SocketAddr::new(local, neighbour)).await {
                Ok(second) => {
                    let (rtp, rtcp) = if port % 2 == 0 { (first, second) } else { (second, first) };
                    // The system may give less; then a burst costs pictures.
                    let _as_much_as_allowed = socket2::SockRef::from(&rtp).set_recv_buffer_size(DATAGRAM_ROOM);
                    return Ok(Sockets { rtp, _rtcp: rtcp, from });
                }
                Err(why) => refused = Some(why),
            }
        }
        Err(refused.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
    }
}

/// The next datagram of any stream; never, where none comes that way. What another machine sends is nothing.
async fn datagram(tracks: &[Track], space: &mut BytesMut) -> (usize, Option<Bytes>) {
    let sockets = tracks.iter().enumerate().filter_map(|(n, track)| Some((n, track.sockets.as_ref()?)));
    let ready = sockets.map(|(n, sockets)| {
        Box::pin(async move {
            let _ready = sockets.rtp.readable().await;
            (n, sockets)
        })
    });
    let ready: Vec<_> = ready.collect();
    if ready.is_empty() {
        return std::future::pending().await;
    }
    let ((n, sockets), ..) = futures_util::future::select_all(ready).await;
    space.clear();
    space.reserve(MOST_DATAGRAM);
    match sockets.rtp.try_recv_buf_from(space) {
        Ok((_, from)) if from.ip() == sockets.from => (n, Some(Bytes::copy_from_slice(space))),
        Ok(_) | Err(_) => (n, None),
    }
}

/// `12345678;timeout=60`
fn session_of(value: &str) -> (String, Duration) {
    let mut fields = value.split(';').map(str::trim);
    let name = fields.next().unwrap_or_default().to_owned();
    let seconds = fields.find_map(|field| field.strip_prefix("timeout=")?.trim().parse().ok());
    (name, seconds.map_or(USUAL_TIMEOUT, Duration::from_secs))
}

fn foreign(why: Malformed) -> SourceError {
    match why {
        Malformed::Http => Verdict::WebPage.into(),
        other => SourceError::from(Verdict::Nonsense).because(other),
    }
}

fn refusal(status: u16, location: Option<&str>) -> SourceError {
    match status {
        403 => Verdict::LoginRefused.into(),
        404 | 410 => Verdict::NoPath.into(),
        453 | 503 => Verdict::Crowded.into(),
        300..=399 => {
            let url = location.and_then(|location| Url::parse(location).ok());
            let host = url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
            SourceError::from(Verdict::Elsewhere { host })
        }
        other => SourceError::from(Verdict::Nonsense).because(format_args!("RTSP status {other}")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::session_of;

    #[test]
    fn a_session_has_a_name_and_lasts() {
        assert_eq!(session_of("abc;timeout=20"), ("abc".to_owned(), Duration::from_secs(20)));
        assert_eq!(session_of(" abc ; timeout=x"), ("abc".to_owned(), Duration::from_secs(60)));
    }
}
