//! A camera that sends JPEGs over HTTP.

use std::io;
use std::net::TcpStream;
use std::sync::OnceLock;
use std::time::Duration;

use athome_shared::media::clock;
use jpeg_encoder::{ColorType, Encoder};

use super::{Asks, Camera, Life};

/// Size of the pictures.
pub const SIZE: (u16, u16) = (320, 176);
/// Pictures that differ; after the last the first comes again.
pub const PICTURES: usize = 64;
/// Time from picture to picture.
pub const INTERVAL: Duration = Duration::from_millis(40);

/// How the camera behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manners {
    pub asks: Asks,
    pub way: Way,
}

/// What it sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Pictures with their lengths.
    #[default]
    Good,
    /// Pictures without lengths; the boundary's dashes stand in its name, lines end in LF alone.
    Odd,
    /// In chunks (RFC 9112 §7.1) of a few bytes.
    Chunked,
    /// Sends on to `/moved` on this machine, and is there.
    Moved,
    /// Sends on to another machine.
    Away,
    WebPage,
    OnePicture,
    NotFound,
    Crowded,
    /// An answer whose header never ends.
    EndlessHead,
    /// A part whose header never ends.
    EndlessPartHead,
    /// A part of 4 GB.
    HugeLength,
    /// Another boundary than was named.
    WrongBoundary,
    /// Takes the connection and says nothing.
    Silence,
    /// Good pictures, then silence.
    ThenSilence,
    /// Good pictures, then parts of another kind.
    ThenOtherKind,
    /// A picture of 65535x65535.
    Vast,
    /// Parts of no bytes.
    Empty,
    /// One byte each tenth of a second.
    Drip,
    /// Bytes that mean nothing.
    Garbage,
    /// Of each size in turn.
    Resizing,
}

/// A pretended HTTP camera.
pub type MjpegCamera = Camera<Manners>;

/// Starts one.
pub fn start(asks: Asks, way: Way) -> MjpegCamera {
    pictures();
    Camera::start(Manners { asks, way }, serve)
}

/// The pictures in their order; their clocks show their numbers.
pub fn pictures() -> &'static [Vec<u8>] {
    static ALL: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    ALL.get_or_init(|| (0..PICTURES as u32).map(|number| picture(SIZE, number)).collect())
}

fn picture((width, height): (u16, u16), number: u32) -> Vec<u8> {
    let (w, h) = (usize::from(width), usize::from(height));
    let mut luma = vec![120; w * h];
    clock::write_clock(&mut luma, w, w, number);
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, 80).encode(&luma, width, height, ColorType::Luma).expect("encodes");
    jpeg
}

fn serve(mut stream: TcpStream, life: &Life<Manners>) -> io::Result<()> {
    let Manners { asks, way } = life.mode();
    let request = life.request(&mut stream, &mut Vec::new())?;
    let (stream, path) = (&mut stream, request.split(' ').nth(1).unwrap_or_default());
    if way == Way::Silence {
        life.silence();
        return Ok(());
    }
    if let Some(challenge) = asks.challenge().filter(|_| !asks.lets_in(&request)) {
        let refusal =
            format!("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n");
        return life.send(stream, refusal.as_bytes());
    }
    let text = |life: &Life<Manners>, stream: &mut TcpStream, status: &str, rest: &str| {
        life.send(stream, format!("HTTP/1.1 {status}\r\n{rest}\r\n").as_bytes())
    };
    match way {
        Way::Moved if path != "/moved" => return text(life, stream, "302 Found", "Location: /moved\r\n"),
        Way::Away => return text(life, stream, "302 Found", "Location: http://192.0.2.7/stream\r\n"),
        Way::WebPage => {
            return text(life, stream, "200 OK", "Content-Type: text/html; charset=utf-8\r\n\r\n<html>Hello");
        }
        Way::OnePicture => return text(life, stream, "200 OK", "Content-Type: image/jpeg\r\n\r\nJPEG"),
        Way::NotFound => return text(life, stream, "404 Not Found", "Content-Length: 0\r\n"),
        Way::Crowded => return text(life, stream, "503 Service Unavailable", "Content-Length: 0\r\n"),
        Way::EndlessHead => {
            life.send(stream, b"HTTP/1.1 200 OK\r\n")?;
            return endless(life, stream, b"X-And: so on\r\n");
        }
        Way::Garbage => return endless(life, stream, &[0x47, 0x0d, 0xff, 0x00, 0x24, 0x91]),
        _ => {}
    }
    let named = if way == Way::Odd { "--seam" } else { "seam" };
    let chunked = if way == Way::Chunked { "Transfer-Encoding: chunked\r\n" } else { "" };
    let kind = format!("Content-Type: multipart/x-mixed-replace; boundary={named}\r\n{chunked}");
    text(life, stream, "200 OK", &kind)?;
    stream_parts(life, stream, way)
}

fn stream_parts(life: &Life<Manners>, stream: &mut TcpStream, way: Way) -> io::Result<()> {
    let seam = if way == Way::WrongBoundary { "--hem" } else { "--seam" };
    let head =
        |kind: &str, length: usize| format!("{seam}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
    let mut at = life.began();
    for n in 0usize.. {
        if !life.sleep_until(at) {
            return Ok(());
        }
        at += INTERVAL;
        let good = &pictures()[n % PICTURES];
        let part = |data: &[u8]| [head("image/jpeg", data.len()).as_bytes(), data, b"\r\n"].concat();
        match way {
            Way::Odd => {
                life.send(stream, &[seam.as_bytes(), b"\nContent-type: image/jpeg\n\n", good, b"\n"].concat())?
            }
            Way::Chunked => {
                for piece in part(good).chunks(700) {
                    life.send(stream, &[format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat())?;
                }
            }
            Way::EndlessPartHead => {
                life.send(stream, format!("{seam}\r\n").as_bytes())?;
                return endless(life, stream, b"X-And: so on\r\n");
            }
            Way::HugeLength => {
                life.send(stream, head("image/jpeg", 4 << 30).as_bytes())?;
                return endless(life, stream, good);
            }
            Way::ThenSilence if n == 10 => {
                life.silence();
                return Ok(());
            }
            Way::ThenOtherKind if n >= 10 => {
                life.send(stream, &[head("video/mp4", 999).as_bytes(), &[0x42; 999], b"\r\n"].concat())?;
            }
            Way::Vast => {
                let mut vast = good.clone();
                let start = vast.windows(2).position(|marker| marker == [0xff, 0xc0]).expect("a frame header");
                vast[start + 5..start + 9].fill(0xff);
                life.send(stream, &part(&vast))?;
            }
            Way::Empty => {
                life.send(stream, &part(&[]))?;
                at = life.began();
            }
            Way::Drip => {
                for byte in part(good) {
                    life.send(stream, &[byte])?;
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
            Way::Resizing => {
                let size = [SIZE, (640, 352), (160, 96)][n / 10 % 3];
                life.send(stream, &part(&picture(size, n as u32)))?;
            }
            _ => life.send(stream, &part(good))?,
        }
    }
    Ok(())
}

fn endless(life: &Life<Manners>, stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let page = bytes.repeat(1 + 4096 / bytes.len());
    loop {
        life.send(stream, &page)?;
    }
}
