//! An RTSP camera that sends H.264 (the project's own pictures), in the connection or beside it.

use std::io;
use std::net::{TcpStream, UdpSocket};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use athome_shared::media::rtp_h264::packetize;
use athome_shared::media::{clock, h264};
use bytes::{Bytes, BytesMut};
use openh264::encoder::Encoder;
use openh264::formats::YUVBuffer;

use super::{Asks, Camera, Life, header};

/// Size of the pictures.
pub const SIZE: (usize, usize) = (320, 176);
/// Size of the pictures of `/small`.
pub const SMALL_SIZE: (usize, usize) = (160, 96);
/// Pictures that differ; after the last the first comes again. The first of each 25 is a key frame.
pub const PICTURES: usize = 100;
const KEY_EVERY: usize = 25;
/// Time from picture to picture.
pub const INTERVAL: Duration = Duration::from_millis(40);
const TICKS: u32 = 3_600;
/// Payload of a packet, as cameras cut them.
const MOST_PAYLOAD: usize = 1_400;

/// How the camera behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manners {
    pub asks: Asks,
    pub way: Way,
}

/// What it sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Pictures with their parameter sets, and sound (PCMU).
    #[default]
    Good,
    /// Parameter sets stand in the description only.
    Described,
    /// Of each size in turn, at each key frame.
    Resizing,
    NoVideo,
    H265,
    NotFound,
    /// Takes the connection and says nothing.
    Silence,
    /// Says nothing more once it is to play.
    SilentPlay,
    /// Good pictures, then silence.
    ThenSilence,
    /// Good pictures, then bytes that mean nothing.
    ThenGarbage,
    /// Good pictures, then packets of another kind.
    ThenOtherKind,
    /// Bytes that mean nothing.
    Garbage,
    /// An answer whose header never ends.
    EndlessHead,
    /// An answer of 4 GB.
    HugeLength,
    /// A picture that never ends.
    EndlessPicture,
    /// An answer one byte each tenth of a second.
    Drip,
    /// A web server.
    Web,
}

/// A pretended RTSP camera.
pub type RtspCamera = Camera<Manners>;

/// Starts one.
pub fn start(asks: Asks, way: Way) -> RtspCamera {
    pictures(SIZE);
    pictures(SMALL_SIZE);
    Camera::start(Manners { asks, way }, serve)
}

/// The access units in their order, Annex B with parameter sets; their clocks show their numbers.
pub fn pictures(size: (usize, usize)) -> &'static [Bytes] {
    static FULL: OnceLock<Vec<Bytes>> = OnceLock::new();
    static SMALL: OnceLock<Vec<Bytes>> = OnceLock::new();
    let all = if size == SIZE { &FULL } else { &SMALL };
    all.get_or_init(|| {
        let mut encoder = Encoder::new().expect("an encoder");
        let (width, height) = size;
        let encode = |number: usize| {
            let mut data = vec![128; width * height * 3 / 2];
            clock::write_clock(&mut data, width, width, number as u32);
            if number.is_multiple_of(KEY_EVERY) {
                encoder.force_intra_frame();
            }
            Bytes::from(encoder.encode(&YUVBuffer::from_vec(data, width, height)).expect("encodes").to_vec())
        };
        (0..PICTURES).map(encode).collect()
    })
}

/// Where packets go.
enum Out {
    Channel(u8),
    Datagrams(UdpSocket),
}

struct Conversation<'a> {
    life: &'a Life<Manners>,
    stream: TcpStream,
    rest: Vec<u8>,
    asks: Asks,
    way: Way,
    small: bool,
    video: Option<Out>,
    sound: Option<Out>,
}

fn serve(stream: TcpStream, life: &Life<Manners>) -> io::Result<()> {
    let Manners { asks, way } = life.mode();
    if way == Way::Silence {
        life.silence();
        return Ok(());
    }
    let _only_latency = stream.set_nodelay(true);
    let rest = Vec::new();
    let mut talk = Conversation { life, stream, rest, asks, way, small: false, video: None, sound: None };
    loop {
        let request = talk.life.request(&mut talk.stream, &mut talk.rest)?;
        if talk.answer(&request)? {
            return talk.play();
        }
    }
}

impl Conversation<'_> {
    fn say(&mut self, request: &str, status: &str, rest: &str) -> io::Result<()> {
        let sequence = header(request, "cseq").unwrap_or("0");
        let text = format!("RTSP/1.0 {status}\r\nCSeq: {sequence}\r\n{rest}\r\n");
        self.life.send(&mut self.stream, text.as_bytes())
    }

    fn endless(&mut self, bytes: &[u8]) -> io::Result<()> {
        let page = bytes.repeat(1 + 4096 / bytes.len());
        loop {
            self.life.send(&mut self.stream, &page)?;
        }
    }

    /// True once it is to play.
    fn answer(&mut self, request: &str) -> io::Result<bool> {
        match self.way {
            Way::Garbage => self.endless(&[0x47, 0x0d, 0xff, 0x00, 0x24, 0x91])?,
            Way::EndlessHead => {
                self.life.send(&mut self.stream, b"RTSP/1.0 200 OK\r\n")?;
                self.endless(b"X-And: so on\r\n")?;
            }
            Way::HugeLength => {
                self.say(request, "200 OK", "Content-Length: 4294967296\r\n")?;
                self.endless(b"v=0\r\n")?;
            }
            Way::Drip => {
                for byte in b"RTSP/1.0 200 OK\r\n".iter().chain(&[b'X'; 9_999]) {
                    self.life.send(&mut self.stream, &[*byte])?;
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
            Way::Web => {
                self.life.send(&mut self.stream, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")?;
                return Ok(false);
            }
            _ => {}
        }
        if let Some(challenge) = self.asks.challenge().filter(|_| !self.asks.lets_in(request)) {
            self.say(request, "401 Unauthorized", &format!("WWW-Authenticate: {challenge}\r\n"))?;
            return Ok(false);
        }
        let mut words = request.split_whitespace();
        let (method, uri) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        match method {
            "DESCRIBE" if self.way == Way::NotFound => self.say(request, "404 Not Found", "")?,
            "DESCRIBE" => {
                self.small = uri.ends_with("/small");
                let sdp = self.description();
                let head = format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len());
                let sequence = header(request, "cseq").unwrap_or("0");
                let text = format!("RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\n{head}");
                self.life.send(&mut self.stream, text.as_bytes())?;
            }
            "SETUP" => self.set_up(request, uri)?,
            "PLAY" => {
                self.say(request, "200 OK", "Session: 12345678\r\n")?;
                return Ok(true);
            }
            _ => self.say(request, "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n")?,
        }
        Ok(false)
    }

    fn set_up(&mut self, request: &str, uri: &str) -> io::Result<()> {
        let wish = header(request, "transport").unwrap_or_default().to_owned();
        let number = |key: &str| {
            let pair = wish.split(';').find_map(|field| field.strip_prefix(key))?;
            pair.split('-').next()?.parse::<u16>().ok()
        };
        let out = match number("client_port=") {
            Some(port) => {
                let socket = UdpSocket::bind("127.0.0.1:0")?;
                socket.connect((self.stream.peer_addr()?.ip(), port))?;
                Out::Datagrams(socket)
            }
            None => Out::Channel(number("interleaved=").unwrap_or(0) as u8),
        };
        let slot = if uri.ends_with("sound") { &mut self.sound } else { &mut self.video };
        *slot = Some(out);
        self.say(request, "200 OK", &format!("Session: 12345678;timeout=60\r\nTransport: {wish}\r\n"))
    }

    fn size(&self) -> (usize, usize) {
        if self.small { SMALL_SIZE } else { SIZE }
    }

    fn description(&self) -> String {
        let sound = "m=audio 0 RTP/AVP 0\r\na=control:sound\r\n";
        let video = |rest: &str| format!("m=video 0 RTP/AVP 96\r\na=control:picture\r\n{rest}");
        let media = match self.way {
            Way::NoVideo => sound.to_owned(),
            Way::H265 => video("a=rtpmap:96 H265/90000\r\n"),
            Way::Described => {
                let sets = h264::nals(&pictures(self.size())[0])
                    .filter(|nal| matches!(h264::nal_unit_type(nal), Some(7 | 8)))
                    .map(base64)
                    .collect::<Vec<_>>();
                let sets = sets.join(",");
                video(&format!(
                    "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\n"
                )) + sound
            }
            _ => video("a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n") + sound,
        };
        format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=pretended\r\nt=0 0\r\na=control:*\r\n{media}")
    }

    fn play(mut self) -> io::Result<()> {
        if self.way == Way::SilentPlay {
            self.life.silence();
            return Ok(());
        }
        let (mut at, mut sequence, mut sounded) = (Instant::now(), 0u16, 0u32);
        for n in 0usize.. {
            if !self.idle_until(at)? {
                return Ok(());
            }
            at += INTERVAL;
            match self.way {
                Way::ThenSilence if n == 30 => {
                    self.life.silence();
                    return Ok(());
                }
                Way::ThenGarbage if n == 30 => self.endless(&[0x47, 0x0d, 0xff, 0x00])?,
                Way::EndlessPicture => {
                    let piece = [&[0x5c, 0x45][..], &[7; MOST_PAYLOAD]].concat();
                    loop {
                        self.packet(true, sequence, 0, false, &piece)?;
                        sequence = sequence.wrapping_add(1);
                    }
                }
                _ => {}
            }
            let other = self.way == Way::ThenOtherKind && n >= 30;
            let size = if self.way == Way::Resizing && n / KEY_EVERY % 2 == 1 { SMALL_SIZE } else { self.size() };
            let unit = &pictures(size)[n % PICTURES];
            let unit = if self.way == Way::Described { without_sets(unit) } else { unit.clone() };
            let unit = if other { Bytes::from_static(&[0, 0, 0, 1, 0x40, 1, 2, 3, 4]) } else { unit };
            let mut payloads = Vec::new();
            packetize(&unit, MOST_PAYLOAD, &mut payloads);
            let last = payloads.len().saturating_sub(1);
            for (i, payload) in payloads.iter().enumerate() {
                let bytes = payload.bytes(&mut BytesMut::new());
                if i == last {
                    self.life.note_sent(n % PICTURES);
                }
                self.packet(true, sequence, n as u32 * TICKS, i == last, &bytes)?;
                sequence = sequence.wrapping_add(1);
            }
            // 40 ms of silence as mu-law says it.
            if self.sound.is_some() {
                self.packet(false, n as u16, sounded, false, &[0xff; 320])?;
                sounded += 320;
            }
        }
        Ok(())
    }

    /// Answers requests until it is time for the next picture; false when it is over.
    fn idle_until(&mut self, at: Instant) -> io::Result<bool> {
        while let Some(left) = at.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.stream.set_read_timeout(Some(left.clamp(Duration::from_millis(1), Duration::from_millis(20))))?;
            let came = self.life.receive(&mut self.stream)?;
            self.rest.extend(came);
            while let Some(end) = self.rest.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head: Vec<u8> = self.rest.drain(..end + 4).collect();
                let request = String::from_utf8_lossy(&head).into_owned();
                self.say(&request, "200 OK", "")?;
                if request.starts_with("TEARDOWN") {
                    return Ok(false);
                }
            }
        }
        Ok(!self.life.over())
    }

    fn packet(&mut self, video: bool, sequence: u16, time: u32, marker: bool, payload: &[u8]) -> io::Result<()> {
        let kind = if video { 96 } else { 0 } | if marker { 0x80 } else { 0 };
        let head = [&[0x80, kind][..], &sequence.to_be_bytes(), &time.to_be_bytes(), &[0, 0, 0, 7]].concat();
        let packet = [&head[..], payload].concat();
        match if video { &self.video } else { &self.sound } {
            Some(Out::Channel(channel)) => {
                let length = (packet.len() as u16).to_be_bytes();
                let framed = [&[b'$', *channel][..], &length, &packet].concat();
                self.life.send(&mut self.stream, &framed)
            }
            // Nobody listens any more: the next look at the connection tells.
            Some(Out::Datagrams(socket)) => {
                let _nobody_there = socket.send(&packet);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn without_sets(unit: &Bytes) -> Bytes {
    let kept = h264::nals(unit).filter(|nal| !matches!(h264::nal_unit_type(nal), Some(7 | 8)));
    Bytes::from(kept.flat_map(|nal| [&[0, 0, 0, 1], nal].concat()).collect::<Vec<u8>>())
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for n in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * n) & 63) as usize] as char;
            text.push(if n <= chunk.len() { digit } else { '=' });
        }
    }
    text
}
