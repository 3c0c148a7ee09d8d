//! A smaller picture of a picture: each pixel the mean of those it covers. Pure.

use crate::decode::{I420, i420_len};

/// At most `most` pixels wide, in the same shape, both sides even; the picture itself where it is no wider. `None` where its
/// bytes are not a picture of its size.
pub(super) fn shrink(picture: I420, most: usize) -> Option<I420> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    if width == 0 || height == 0 || picture.data.len() < i420_len(width, height) {
        return None;
    }
    if width <= most {
        return Some(picture);
    }
    let to_width = (most / 2 * 2).max(2);
    let to_height = ((height * to_width + width / 2) / width / 2 * 2).max(2);
    let (luma, chroma) = picture.data.split_at(width * height);
    let (chroma_width, chroma_height) = (width.div_ceil(2), height.div_ceil(2));
    let (cb, cr) = chroma.split_at(chroma_width * chroma_height);
    let mut data = Vec::with_capacity(i420_len(to_width, to_height));
    plane(luma, (width, height), (to_width, to_height), &mut data);
    for part in [cb, cr] {
        plane(part, (chroma_width, chroma_height), (to_width / 2, to_height / 2), &mut data);
    }
    Some(I420 { width: to_width as u32, height: to_height as u32, data: data.into() })
}

/// Pixels `n * from / to` and on, up to where the next one begins.
fn covers(n: usize, from: usize, to: usize) -> (usize, usize) {
    let start = n * from / to;
    (start, ((n + 1) * from / to).max(start + 1).min(from))
}

fn plane(from: &[u8], (width, height): (usize, usize), (to_width, to_height): (usize, usize), out: &mut Vec<u8>) {
    let mut columns = vec![0_u32; width];
    for y in 0..to_height {
        let (top, bottom) = covers(y, height, to_height);
        columns.fill(0);
        for row in from.chunks_exact(width).skip(top).take(bottom - top) {
            for (sum, v) in columns.iter_mut().zip(row) {
                *sum += u32::from(*v);
            }
        }
        for x in 0..to_width {
            let (left, right) = covers(x, width, to_width);
            let sum: u32 = columns.get(left..right).unwrap_or_default().iter().sum();
            let count = ((right - left) * (bottom - top)) as u32;
            out.push(((sum + count / 2) / count.max(1)) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn picture(width: usize, height: usize, at: impl Fn(usize, usize) -> u8) -> I420 {
        let mut data = vec![128; i420_len(width, height)];
        for y in 0..height {
            for x in 0..width {
                data[y * width + x] = at(x, y);
            }
        }
        I420 { width: width as u32, height: height as u32, data: data.into() }
    }

    #[test]
    fn pixels_are_the_means_of_what_they_cover() {
        let small = shrink(picture(1_280, 720, |x, _| if x % 8 < 4 { 0 } else { 200 }), 160).expect("shrinks");
        assert_eq!((small.width, small.height, small.data.len()), (160, 90, i420_len(160, 90)));
        assert!(small.data[..160 * 90].iter().all(|v| *v == 100));
        // A ratio that is no whole number: the sides stay where they are.
        let small =
            shrink(picture(1_000, 600, |x, y| if x < 500 && y < 300 { 240 } else { 16 }), 640).expect("shrinks");
        assert_eq!((small.width, small.height), (640, 384));
        let luma = |x: usize, y: usize| small.data[y * 640 + x];
        assert_eq!((luma(0, 0), luma(318, 190), luma(321, 193), luma(639, 383)), (240, 240, 16, 16));
    }

    #[test]
    fn nothing_is_enlarged_and_nothing_that_is_no_picture_is_read() {
        let odd = picture(321, 179, |_, _| 7);
        assert_eq!(shrink(odd.clone(), 640), Some(odd));
        assert_eq!(shrink(picture(3, 1, |_, _| 7), 2).map(|p| (p.width, p.height)), Some((2, 2)));
        assert!(shrink(I420 { width: 640, height: 480, data: Bytes::new() }, 160).is_none());
        assert!(shrink(I420 { width: 0, height: 9, data: Bytes::new() }, 160).is_none());
    }
}
