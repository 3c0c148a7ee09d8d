//! From whatever a camera gives to planar I420, and from there to the small layer's size.

use athome_shared::time::MediaTime;
use bytes::Bytes;
use yuv::{BufferStoreMut, YuvPackedImage, YuvPlanarImageMut, yuyv422_to_yuv420};

use std::time::Instant;

use crate::decode::jpeg;
use crate::decode::pool::Pool;
use crate::source::{PixelFormat, RawFrame};

/// A picture wider than this has a small layer, which is at most this wide (in pixels).
pub const SMALL_WIDTH: u32 = 640;

/// The largest picture the encoder takes, either way round.
pub const LARGEST: (u32, u32) = (3840, 2160);

/// A picture that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// Too large for the encoder, or too small to have colour.
    #[error("a picture of {width}x{height} can't be encoded; from 16x16 to {}x{} can", LARGEST.0, LARGEST.1)]
    Size { width: u32, height: u32 },
    /// The bytes don't fill the picture.
    #[error("a {width}x{height} picture needs {needed} bytes and has {got}")]
    Short { width: u32, height: u32, needed: usize, got: usize },
    /// The picture's own coding is damaged.
    #[error("damaged picture: {0}")]
    Damaged(String),
}

/// A planar picture: Y, then U and V of half the size (rounded up), rows tight, BT.601 limited range.
#[derive(Clone, Debug)]
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub data: Bytes,
    pub captured: Instant,
    pub pts: MediaTime,
}

impl Picture {
    /// Width and height of a chroma plane.
    pub fn chroma_size(&self) -> (usize, usize) {
        chroma(self.width as usize, self.height as usize)
    }

    /// The planes Y, U and V; empty where the bytes are too few.
    pub fn planes(&self) -> [&[u8]; 3] {
        let luma = self.width as usize * self.height as usize;
        let (cw, ch) = self.chroma_size();
        let plane = |from: usize, len: usize| self.data.get(from..from + len).unwrap_or_default();
        [plane(0, luma), plane(luma, cw * ch), plane(luma + cw * ch, cw * ch)]
    }
}

/// Turns raw frames into pictures, with buffers of its own.
#[derive(Debug, Default)]
pub struct Converter {
    pool: Pool,
    jpeg: jpeg::Decoder,
}

impl Converter {
    /// The frame as I420. Costs nothing where it is that already.
    pub fn to_i420(&mut self, frame: &RawFrame) -> Result<Picture, ConvertError> {
        let (width, height) = (frame.width, frame.height);
        check_size(width, height)?;
        let (w, h) = (width as usize, height as usize);
        let (cw, ch) = chroma(w, h);
        let needed = match frame.format {
            PixelFormat::I420 | PixelFormat::Nv12 => w * h + 2 * cw * ch,
            PixelFormat::Yuyv => cw * 4 * h,
            PixelFormat::Mjpeg => 0,
        };
        if frame.data.len() < needed {
            return Err(ConvertError::Short { width, height, needed, got: frame.data.len() });
        }
        let picture = |data| Picture { width, height, data, captured: frame.captured, pts: frame.pts };
        match frame.format {
            PixelFormat::I420 => Ok(picture(frame.data.slice(..needed))),
            PixelFormat::Nv12 => {
                let mut out = self.pool.take(needed);
                let (y, uv) = frame.data.split_at(w * h);
                let (out_y, out_uv) = out.split_at_mut(w * h);
                out_y.copy_from_slice(y);
                let (out_u, out_v) = out_uv.split_at_mut(cw * ch);
                for ((u, v), pair) in out_u.iter_mut().zip(out_v).zip(uv.chunks_exact(2)) {
                    (*u, *v) = (pair[0], pair[1]);
                }
                Ok(picture(out.freeze()))
            }
            PixelFormat::Yuyv => {
                let mut out = self.pool.take(w * h + 2 * cw * ch);
                let (y, uv) = out.split_at_mut(w * h);
                let (u, v) = uv.split_at_mut(cw * ch);
                let mut planar = YuvPlanarImageMut {
                    y_plane: BufferStoreMut::Borrowed(y),
                    y_stride: width,
                    u_plane: BufferStoreMut::Borrowed(u),
                    u_stride: cw as u32,
                    v_plane: BufferStoreMut::Borrowed(v),
                    v_stride: cw as u32,
                    width,
                    height,
                };
                let yuy = frame.data.get(..needed).unwrap_or_default();
                let packed = YuvPackedImage { yuy, yuy_stride: cw as u32 * 4, width, height };
                yuyv422_to_yuv420(&mut planar, &packed).map_err(|why| ConvertError::Damaged(why.to_string()))?;
                drop(planar);
                Ok(picture(out.freeze()))
            }
            PixelFormat::Mjpeg => {
                let decoded = self.jpeg.decode(&frame.data).map_err(|why| ConvertError::Damaged(why.to_string()))?;
                // A camera's JPEG may be of another size than was asked for; the picture's own is right.
                let (width, height) = (decoded.width, decoded.height);
                check_size(width, height)?;
                Ok(Picture { width, height, ..picture(decoded.data) })
            }
        }
    }
}

/// The small layer's size: the picture's divided by the smallest whole number that brings it to [`SMALL_WIDTH`] or below,
/// even both ways; `None` where the picture is no wider than that.
pub fn small_size(width: u32, height: u32) -> Option<(u32, u32)> {
    size_within(SMALL_WIDTH, width, height)
}

fn size_within(most: u32, width: u32, height: u32) -> Option<(u32, u32)> {
    (width > most).then(|| {
        let by = width.div_ceil(most);
        ((width / by) & !1, ((height / by) & !1).max(2))
    })
}

/// Makes pictures of the small layer's size, or of another width, each pixel the mean of those it covers.
#[derive(Debug)]
pub struct Shrinker {
    most: u32,
    pool: Pool,
    /// Column sums of the rows that go into one.
    sums: Vec<u16>,
}

impl Default for Shrinker {
    fn default() -> Self {
        Self::with_width(SMALL_WIDTH)
    }
}

impl Shrinker {
    /// To pictures of at most this width, one pixel or more.
    pub fn with_width(most: u32) -> Self {
        Self { most: most.max(1), pool: Pool::default(), sums: Vec::new() }
    }

    /// The small picture; the same one where it is small already.
    pub fn shrink(&mut self, picture: &Picture) -> Picture {
        let Some((width, height)) = size_within(self.most, picture.width, picture.height) else {
            return picture.clone();
        };
        let by = picture.width.div_ceil(self.most) as usize;
        let (w, h) = (width as usize, height as usize);
        let mut out = self.pool.take(w * h * 3 / 2);
        let (y, uv) = out.split_at_mut(w * h);
        let (u, v) = uv.split_at_mut(w * h / 4);
        let [src_y, src_u, src_v] = picture.planes();
        let (cw, _) = picture.chroma_size();
        box_filter(src_y, picture.width as usize, y, w, by, &mut self.sums);
        box_filter(src_u, cw, u, w / 2, by, &mut self.sums);
        box_filter(src_v, cw, v, w / 2, by, &mut self.sums);
        Picture { width, height, data: out.freeze(), ..picture.clone() }
    }
}

/// Writes the mean of each `by` times `by` pixels of `src` (rows of `src_w`) to `out` (rows of `out_w`). Columns and rows
/// that fill no whole square are left out.
fn box_filter(src: &[u8], src_w: usize, out: &mut [u8], out_w: usize, by: usize, sums: &mut Vec<u16>) {
    // Division by multiplication: exact, because no sum times the area reaches 2^32.
    let area = (by * by) as u64;
    let reciprocal = (1 << 32) / area + 1;
    sums.resize(out_w * by, 0);
    for (rows, out) in src.chunks_exact(src_w * by).zip(out.chunks_exact_mut(out_w)) {
        sums.fill(0);
        for row in rows.chunks_exact(src_w) {
            for (sum, pixel) in sums.iter_mut().zip(row) {
                *sum += u16::from(*pixel);
            }
        }
        let mean = |sum: u64| (((sum + area / 2) * reciprocal) >> 32) as u8;
        if by == 2 {
            for (out, pair) in out.iter_mut().zip(sums.as_chunks::<2>().0) {
                *out = ((pair[0] + pair[1] + 2) >> 2) as u8;
            }
        } else {
            for (out, group) in out.iter_mut().zip(sums.chunks_exact(by)) {
                *out = mean(group.iter().copied().map(u64::from).sum());
            }
        }
    }
}

fn check_size(width: u32, height: u32) -> Result<(), ConvertError> {
    let (long, short) = (width.max(height), width.min(height));
    if short < 16 || long > LARGEST.0 || short > LARGEST.1 {
        return Err(ConvertError::Size { width, height });
    }
    Ok(())
}

fn chroma(width: usize, height: usize) -> (usize, usize) {
    (width.div_ceil(2), height.div_ceil(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(format: PixelFormat, width: u32, height: u32, data: Vec<u8>) -> RawFrame {
        RawFrame { format, width, height, data: data.into(), captured: Instant::now(), pts: MediaTime(7) }
    }

    fn planes(picture: &Picture) -> [Vec<u8>; 3] {
        picture.planes().map(<[u8]>::to_vec)
    }

    #[test]
    fn every_layout_gives_the_same_picture() {
        // Luma rises to the right, U downwards, V is constant; chroma changes every second row only.
        let (w, h) = (32usize, 18usize);
        let y: Vec<u8> = (0..w * h).map(|i| (i % w * 6 + 20) as u8).collect();
        let u: Vec<u8> = (0..w / 2 * (h / 2)).map(|i| (i / (w / 2) * 9 + 30) as u8).collect();
        let v = vec![77u8; w / 2 * (h / 2)];
        let i420: Vec<u8> = [&y[..], &u, &v].concat();
        let nv12: Vec<u8> = y.iter().copied().chain(u.iter().zip(&v).flat_map(|(u, v)| [*u, *v])).collect();
        let mut yuyv = Vec::new();
        for row in 0..h {
            for pair in 0..w / 2 {
                let (at, c) = (row * w + pair * 2, row / 2 * (w / 2) + pair);
                yuyv.extend([y[at], u[c], y[at + 1], v[c]]);
            }
        }
        let mut converter = Converter::default();
        for (format, data) in [(PixelFormat::I420, i420), (PixelFormat::Nv12, nv12), (PixelFormat::Yuyv, yuyv)] {
            let picture = converter.to_i420(&raw(format, w as u32, h as u32, data)).unwrap();
            assert_eq!(planes(&picture), [y.clone(), u.clone(), v.clone()], "{format:?}");
            assert_eq!(picture.pts, MediaTime(7));
        }
    }

    #[test]
    fn a_jpeg_is_what_it_says_itself() {
        let mut jpeg = Vec::new();
        let encoder = jpeg_encoder::Encoder::new(&mut jpeg, 95);
        encoder.encode(&[200; 64 * 48], 64, 48, jpeg_encoder::ColorType::Luma).unwrap();
        let mut converter = Converter::default();
        let picture = converter.to_i420(&raw(PixelFormat::Mjpeg, 1280, 720, jpeg)).unwrap();
        assert_eq!((picture.width, picture.height, picture.pts), (64, 48, MediaTime(7)));
        // Full range 200 is 188 in limited range.
        let [y, u, v] = picture.planes();
        assert!(y.iter().all(|y| y.abs_diff(188) <= 2) && u.iter().chain(v).all(|c| c.abs_diff(128) <= 2));
    }

    #[test]
    fn short_and_unencodable_frames_are_refused() {
        let mut converter = Converter::default();
        for format in [PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Yuyv, PixelFormat::Mjpeg] {
            assert!(converter.to_i420(&raw(format, 64, 48, vec![0; 64 * 48])).is_err(), "{format:?}");
            for (w, h) in [(0, 0), (8, 8), (u32::MAX, u32::MAX), (3841, 100), (3000, 2161)] {
                let refused = converter.to_i420(&raw(format, w, h, vec![0; 100]));
                assert_eq!(refused.err(), Some(ConvertError::Size { width: w, height: h }));
            }
        }
        // An odd width is fine as long as the bytes are there.
        let odd = converter.to_i420(&raw(PixelFormat::Yuyv, 33, 17, vec![128; 34 * 2 * 17])).unwrap();
        assert_eq!(odd.planes().map(<[u8]>::len), [33 * 17, 17 * 9, 17 * 9]);
    }

    #[test]
    fn the_small_layer_is_the_mean_of_what_it_covers() {
        assert_eq!(small_size(640, 480), None);
        for (size, small) in [
            ((1280, 720), (640, 360)),
            ((1920, 1080), (640, 360)),
            ((3840, 2160), (640, 360)),
            ((800, 600), (400, 300)),
            ((641, 481), (320, 240)),
            ((2000, 16), (500, 4)),
        ] {
            assert_eq!(small_size(size.0, size.1), Some(small));
            let (w, h) = (size.0 as usize, size.1 as usize);
            let by = size.0.div_ceil(SMALL_WIDTH) as usize;
            let y: Vec<u8> = (0..w * h).map(|i| ((i * 7919 + i / w * 31) % 256) as u8).collect();
            let c = vec![90u8; w.div_ceil(2) * h.div_ceil(2) * 2];
            let data = Bytes::from([&y[..], &c].concat());
            let picture = Picture { width: size.0, height: size.1, data, captured: Instant::now(), pts: MediaTime(0) };
            let shrunk = Shrinker::default().shrink(&picture);
            assert_eq!((shrunk.width, shrunk.height), small);
            let [out_y, out_u, _] = shrunk.planes();
            assert_eq!(out_y.len(), (small.0 * small.1) as usize);
            for (x, row) in [(0, 0), (small.0 as usize - 1, small.1 as usize - 1), (7, 2)] {
                let covered = (0..by * by).map(|i| u32::from(y[(row * by + i / by) * w + x * by + i % by]));
                let area = (by * by) as u32;
                let expected = (covered.sum::<u32>() + area / 2) / area;
                assert_eq!(u32::from(out_y[row * small.0 as usize + x]), expected, "{size:?} at {x},{row}");
            }
            assert!(out_u.iter().all(|u| *u == 90));
        }
    }
}
