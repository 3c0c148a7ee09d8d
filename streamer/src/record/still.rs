//! The thumbnail of a recording: a key frame, at most 320 pixels wide, as JPEG.

use bytes::Bytes;

use crate::decode::h264::Decoder;
use crate::decode::{I420, i420_len};
use crate::encode::jpeg;

/// Widest thumbnail.
const WIDTH: usize = 320;
/// JPEG quality, of 100: some 10 KB.
const QUALITY: u8 = 75;

/// The picture of a key frame (Annex B); `None` where it can't be decoded.
pub(super) fn thumbnail(key: &[u8]) -> Option<Bytes> {
    let mut decoder = Decoder::new().ok()?;
    let decoded = decoder.decode(key).ok()?;
    let picture = match decoded {
        Some(picture) => picture,
        None => decoder.flush().ok()?.pop()?,
    };
    jpeg::encode(&shrink(&picture)?, QUALITY).ok()
}

/// Each pixel the mean of a square of `n` by `n`.
fn shrink(picture: &I420) -> Option<I420> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let n = width.div_ceil(WIDTH).max(1);
    let (small_width, small_height) = (width / n / 2 * 2, height / n / 2 * 2);
    if small_width == 0 || small_height == 0 || picture.data.len() < i420_len(width, height) {
        return None;
    }
    let (luma, chroma) = picture.data.split_at(width * height);
    let chroma_width = width.div_ceil(2);
    let (cb, cr) = chroma.split_at(chroma_width * height.div_ceil(2));
    let mut data = Vec::with_capacity(i420_len(small_width, small_height));
    mean(luma, width, n, (small_width, small_height), &mut data);
    for plane in [cb, cr] {
        mean(plane, chroma_width, n, (small_width / 2, small_height / 2), &mut data);
    }
    Some(I420 { width: small_width as u32, height: small_height as u32, data: data.into() })
}

fn mean(plane: &[u8], stride: usize, n: usize, (width, height): (usize, usize), out: &mut Vec<u8>) {
    for y in 0..height {
        for x in 0..width {
            let rows = (0..n).filter_map(|dy| plane.get((y * n + dy) * stride + x * n..)?.get(..n));
            let sum: usize = rows.flatten().map(|v| usize::from(*v)).sum();
            out.push((sum / (n * n)) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_shrinks_to_the_means_of_its_squares() {
        let (width, height) = (1_280, 720);
        let mut data = vec![0; i420_len(width, height)];
        for (at, v) in data.iter_mut().enumerate() {
            *v = if at < width * height { ((at % width) / 4 % 2 * 200) as u8 } else { 128 };
        }
        let small = shrink(&I420 { width: 1_280, height: 720, data: data.into() }).expect("shrinks");
        assert_eq!((small.width, small.height, small.data.len()), (320, 180, i420_len(320, 180)));
        assert_eq!((small.data[0], small.data[1], small.data[320 * 180]), (0, 200, 128));
        assert!(shrink(&I420 { width: 1, height: 1, data: vec![0; 3].into() }).is_none());
        assert!(shrink(&I420 { width: 640, height: 480, data: Bytes::new() }).is_none());
        assert!(thumbnail(b"no picture").is_none());
    }
}
