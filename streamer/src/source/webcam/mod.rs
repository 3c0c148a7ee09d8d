//! Webcams. On Linux the kernel's interface is spoken directly (`direct`), because only there are a frame's byte count,
//! its time of capture and a time-out to be had; everywhere else, and for trying it on Linux, `portable` takes the capture
//! library's way, which has none of the three: there a JPEG's end is found by its markers and a watchdog sits in front.
//!
//! Listing on Linux is direct as well: the library lists metadata nodes as cameras and panics on unusual device names.

#[cfg(target_os = "linux")]
pub(super) mod direct;
mod known;
pub(super) mod portable;

use std::path::PathBuf;
use std::time::Duration;

use athome_shared::time::MediaClock;
use bytes::Bytes;
use serde::Serialize;

pub use known::Memory;

use super::jpeg::jpeg_end;
use super::{PixelFormat, Sink, Source, SourceError, Stop, Wish};
use crate::decode::pool::Pool;

/// Without a wish: what viewers show well and every encoder manages.
const USUAL: (u32, u32, f32) = (1280, 720, 30.0);
/// Nothing for so long, and the device is taken for stalled.
const STALLED: Duration = Duration::from_secs(5);
/// How often a waiting source looks whether it shall stop.
const LOOK: Duration = Duration::from_millis(100);

/// A picture format, size and rate that a webcam offers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Offer {
    #[serde(serialize_with = "format_name")]
    pub format: PixelFormat,
    pub width: u32,
    pub height: u32,
    /// Frames a second; zero where the device does not say.
    pub fps: f32,
}

/// Which way a webcam is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The kernel's interface on Linux, the library's elsewhere.
    Best,
    /// The library's, for trying it where `Best` is another.
    Portable,
}

/// Which webcam.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The first that offers pictures.
    First,
    /// `/dev/videoN`, or the library's number elsewhere.
    Number(u32),
    /// A device file.
    Path(PathBuf),
}

/// A webcam as a source. Its device is looked up and opened when it runs. On Linux one that was asked for by number (or by a
/// path such as `/dev/video2`) is found again after replugging, whatever its number is then; elsewhere at its old number.
pub struct Webcam {
    which: Which,
    wish: Wish,
    way: Way,
    clock: MediaClock,
    memory: Memory,
}

impl Webcam {
    /// The webcam, asked for what is nearest to the wish. `memory` is shared by all attempts at one camera.
    pub fn new(which: Which, wish: &Wish, way: Way, clock: MediaClock, memory: Memory) -> Self {
        Self { which, wish: *wish, way, clock, memory }
    }
}

impl Source for Webcam {
    fn run(&mut self, sink: &dyn Sink, stop: &Stop) -> Result<(), SourceError> {
        #[cfg(target_os = "linux")]
        if self.way == Way::Best {
            return direct::run(&self.which, &self.memory, &self.wish, self.clock, sink, stop);
        }
        portable::run(&self.which, &self.wish, self.clock, sink, stop)
    }
}

/// The offer nearest to the wish; of equals MJPEG before YUYV before NV12. Half the width costs as much as half the rate;
/// a higher rate than wished costs little.
fn choose(offers: &[Offer], wish: &Wish) -> Option<Offer> {
    let (width, height) = wish.size.unwrap_or((USUAL.0, USUAL.1));
    let fps = wish.fps.filter(|fps| *fps > 0.0).unwrap_or(USUAL.2);
    let apart = |a: u32, b: u32| (a.max(1) as f32 / b.max(1) as f32).ln().abs();
    let cost = |offer: &Offer| {
        let rate = if offer.fps > 0.0 { (fps / offer.fps).ln() } else { 0.2 };
        apart(offer.width, width) + apart(offer.height, height) + if rate > 0.0 { rate * 2.0 } else { -rate * 0.1 }
    };
    let order = |offer: &Offer| match offer.format {
        PixelFormat::Mjpeg => 0,
        PixelFormat::Yuyv => 1,
        PixelFormat::Nv12 => 2,
        PixelFormat::I420 => 3,
    };
    offers.iter().copied().min_by(|a, b| cost(a).total_cmp(&cost(b)).then(order(a).cmp(&order(b))))
}

/// A device's buffer as a frame's bytes: a JPEG to its end marker, rows without their padding. `stride` is the bytes of a
/// luma row, or zero for tight ones. `None` for what is no whole picture.
fn tidy(format: PixelFormat, size: (u32, u32), stride: usize, bytes: &[u8], pool: &Pool) -> Option<Bytes> {
    let (width, height) = (size.0 as usize, size.1 as usize);
    let (row, rows) = match format {
        PixelFormat::Mjpeg => {
            let jpeg = bytes.get(..jpeg_end(bytes)?)?;
            let mut data = pool.take(jpeg.len());
            data.copy_from_slice(jpeg);
            return Some(data.freeze());
        }
        PixelFormat::Yuyv => (width.next_multiple_of(2) * 2, height),
        PixelFormat::Nv12 => (width.next_multiple_of(2), height + height.div_ceil(2)),
        PixelFormat::I420 => return None,
    };
    let stride = stride.max(row);
    // The last row may come without its padding.
    if row == 0 || rows == 0 || bytes.len() < stride * (rows - 1) + row {
        return None;
    }
    let mut data = pool.take(row * rows);
    for (to, from) in data.chunks_exact_mut(row).zip(bytes.chunks(stride)) {
        to.copy_from_slice(from.get(..row)?);
    }
    Some(data.freeze())
}

fn format_name<S: serde::Serializer>(format: &PixelFormat, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match format {
        PixelFormat::Mjpeg => "MJPEG",
        PixelFormat::Yuyv => "YUYV",
        PixelFormat::Nv12 => "NV12",
        PixelFormat::I420 => "I420",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(format: PixelFormat, width: u32, height: u32, fps: f32) -> Offer {
        Offer { format, width, height, fps }
    }

    fn wish(width: u32, height: u32, fps: f32) -> Wish {
        Wish { size: Some((width, height)), fps: Some(fps) }
    }

    #[test]
    fn a_usb_webcam_gives_720p_at_30_by_mjpeg() {
        use PixelFormat::{Mjpeg, Yuyv};
        let offers = [
            offer(Yuyv, 640, 480, 30.0),
            offer(Yuyv, 1280, 720, 10.0),
            offer(Mjpeg, 640, 480, 30.0),
            offer(Mjpeg, 1280, 720, 60.0),
            offer(Mjpeg, 1280, 720, 30.0),
            offer(Mjpeg, 1920, 1080, 30.0),
        ];
        assert_eq!(choose(&offers, &Wish::default()), Some(offers[4]));
        assert_eq!(choose(&offers, &wish(640, 480, 30.0)), Some(offers[2]), "of equals MJPEG");
        assert_eq!(choose(&offers, &wish(1920, 1080, 15.0)), Some(offers[5]));
        assert_eq!(choose(&offers, &wish(1280, 720, 50.0)), Some(offers[3]));
        assert_eq!(choose(&offers[..2], &wish(1280, 720, 10.0)), Some(offers[1]));
        assert_eq!(choose(&offers[..2], &Wish::default()), Some(offers[0]), "smooth before large");
        assert_eq!(choose(&[], &Wish::default()), None);
        assert!(choose(&offers, &wish(0, u32::MAX, f32::NAN)).is_some());
    }

    #[test]
    fn padded_rows_become_tight_and_short_buffers_nothing() {
        let pool = Pool::default();
        let padded: Vec<u8> = (0..3).flat_map(|row| [row, row, row, row, row, row, row, row, 99, 99]).collect();
        let tight = tidy(PixelFormat::Yuyv, (4, 3), 10, &padded, &pool).unwrap();
        assert_eq!(tight[..], [[0u8; 8], [1; 8], [2; 8]].concat());
        assert!(
            tidy(PixelFormat::Yuyv, (4, 3), 10, &padded[..28], &pool).is_some(),
            "the last row's padding may be missing"
        );
        assert!(tidy(PixelFormat::Yuyv, (4, 3), 10, &padded[..27], &pool).is_none());
        assert_eq!(tidy(PixelFormat::Nv12, (2, 2), 0, &[1, 2, 3, 4, 5, 6, 7], &pool).unwrap()[..], [1, 2, 3, 4, 5, 6]);
        assert!(tidy(PixelFormat::Mjpeg, (2, 2), 0, &[0xff, 0xd8, 0, 0], &pool).is_none());
        assert!(tidy(PixelFormat::Nv12, (0, 0), 0, &[], &pool).is_none());
    }
}
