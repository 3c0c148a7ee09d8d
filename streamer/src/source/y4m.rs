//! Raw video with a line of text in front (YUV4MPEG2, as `ffmpeg` and `mjpegtools` write it), 4:2:0 of 8 bits.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use athome_shared::protocol::control::CameraReason;
use athome_shared::time::MediaTime;

use super::container::open_file;
use super::file::Pace;
use super::{Opened, Sink, SourceError, Stop, label_of};
use crate::decode::pool::Pool;
use crate::decode::{I420, i420_len, limit_range};

/// How such a file begins.
pub(super) const MAGIC: &[u8] = b"YUV4MPEG2";
/// Longest line of text taken, in bytes.
const MOST_LINE: u64 = 512;
/// Longest side taken, in pixels.
const MOST_SIDE: usize = 8192;

/// What the first line says.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Header {
    width: usize,
    height: usize,
    /// Frames a second as a fraction.
    rate: (u32, u32),
    full_range: bool,
}

/// Plays the file round after round.
pub(super) fn run(path: &Path, pace: &mut Pace, sink: &dyn Sink, stop: &Stop) -> Result<(), SourceError> {
    let fail = |what: &str| SourceError::new(CameraReason::File, format!("{}: {what}", path.display()));
    let pool = Pool::default();
    let mut announced = false;
    loop {
        let mut file = BufReader::new(open_file(path)?);
        let line = read_line(&mut file).ok_or_else(|| fail("damaged: its first line does not end"))?;
        let header = parse_header(&line).map_err(|why| fail(&why))?;
        if !announced {
            announced = true;
            sink.opened(Opened {
                label: label_of(path),
                width: header.width as u32,
                height: header.height as u32,
                fps: header.rate.0 as f32 / header.rate.1 as f32,
                encoded: false,
                audio: false,
            });
        }
        let mut number = 0i64;
        // A file that breaks off ends with its last whole frame.
        while read_line(&mut file).is_some_and(|line| line.starts_with("FRAME")) {
            let mut data = pool.take(i420_len(header.width, header.height));
            if file.read_exact(&mut data).is_err() {
                break;
            }
            let Some(due) = pace.wait(at(number, header.rate), stop) else { return Ok(()) };
            let picture = I420 { width: header.width as u32, height: header.height as u32, data: data.freeze() };
            let picture = if header.full_range { limit_range(picture) } else { picture };
            sink.raw(pace.raw(picture, due));
            number += 1;
        }
        if number == 0 {
            return Err(fail("damaged: it holds no whole picture"));
        }
        pace.advance(at(number, header.rate));
    }
}

fn at(number: i64, (frames, seconds): (u32, u32)) -> MediaTime {
    MediaTime((i128::from(number) * i128::from(MediaTime::RATE) * i128::from(seconds) / i128::from(frames)) as i64)
}

/// A line without its end; `None` where there is none of a sensible length.
fn read_line(file: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    file.take(MOST_LINE).read_until(b'\n', &mut line).ok()?;
    (line.pop()? == b'\n').then(|| String::from_utf8_lossy(&line).into_owned())
}

fn parse_header(line: &str) -> Result<Header, String> {
    let (mut width, mut height, mut rate, mut full_range) = (0, 0, (25, 1), false);
    for field in line.split(' ').skip(1) {
        let (kind, value) = field.split_at_checked(1).unwrap_or_default();
        match kind {
            "W" => width = value.parse().unwrap_or(0),
            "H" => height = value.parse().unwrap_or(0),
            "F" => rate = fraction(value).ok_or_else(|| format!("damaged: frame rate {value}"))?,
            "I" if !matches!(value, "p" | "?") => return Err("it is interlaced, which is not supported".to_owned()),
            "C" if !matches!(value, "420" | "420jpeg" | "420mpeg2" | "420paldv") => {
                return Err(format!("its pixels are of the kind {value}; only 4:2:0 of 8 bits is supported"));
            }
            "X" => full_range |= value == "COLORRANGE=FULL",
            _ => {}
        }
    }
    if !(1..=MOST_SIDE).contains(&width) || !(1..=MOST_SIDE).contains(&height) {
        return Err(format!("damaged: pictures of {width}x{height}"));
    }
    Ok(Header { width, height, rate, full_range })
}

/// A rate of 1/5 to 1000 frames a second.
fn fraction(text: &str) -> Option<(u32, u32)> {
    let (frames, seconds) = text.split_once(':')?;
    let (frames, seconds) = (frames.parse::<u32>().ok()?, seconds.parse::<u32>().ok()?);
    let sane = seconds > 0 && frames > 0 && frames / seconds <= 1000 && seconds / frames <= 5;
    sane.then_some((frames, seconds))
}
