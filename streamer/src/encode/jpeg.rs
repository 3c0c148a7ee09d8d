//! A picture as JPEG: stills and thumbnails.

use bytes::Bytes;
use jpeg_encoder::{ColorType, Encoder};

use crate::decode::{I420, i420_len};

/// Writes a picture as JPEG of this quality (1 to 100).
pub fn encode(picture: &I420, quality: u8) -> Result<Bytes, String> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    if picture.data.len() < i420_len(width, height) {
        return Err("the picture is shorter than its size".to_owned());
    }
    let side = |n: usize| u16::try_from(n).map_err(|error| error.to_string());
    let (w, h) = (side(width)?, side(height)?);
    let (chroma_width, chroma_height) = (width.div_ceil(2), height.div_ceil(2));
    let (luma, chroma) = picture.data.split_at(width * height);
    let (cb, cr) = chroma.split_at(chroma_width * chroma_height);
    // Limited to full range, as JPEG has it, and chroma doubled back to the luma's size.
    let full = |v: u8, black: i32, range: i32, offset: i32| {
        (((i32::from(v) - black) * 255 + range / 2).div_euclid(range) + offset).clamp(0, 255) as u8
    };
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        let (row, chroma_row) = (y * width, y / 2 * chroma_width);
        for x in 0..width {
            let at = chroma_row + x / 2;
            let sample = |plane: &[u8], at: usize| plane.get(at).copied().unwrap_or(128);
            pixels.push(full(sample(luma, row + x), 16, 219, 0));
            pixels.push(full(sample(cb, at), 128, 224, 128));
            pixels.push(full(sample(cr, at), 128, 224, 128));
        }
    }
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, quality).encode(&pixels, w, h, ColorType::Ycbcr).map_err(|error| error.to_string())?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::encode;
    use crate::decode::I420;

    #[test]
    fn a_picture_becomes_a_jpeg_with_its_colours() {
        // Limited-range white, odd sizes.
        let picture =
            I420 { width: 33, height: 17, data: Bytes::from([vec![235; 33 * 17], vec![128; 17 * 9 * 2]].concat()) };
        let jpeg = encode(&picture, 88).expect("encodes");
        let back = crate::decode::jpeg::Decoder::default().decode(&jpeg).expect("our own decoder reads it");
        assert_eq!((back.width, back.height), (33, 17));
        let luma = back.data[20 * 8];
        assert!((233..=237).contains(&luma), "white came back as {luma}");
    }

    #[test]
    fn a_picture_that_is_too_short_is_refused() {
        assert!(encode(&I420 { width: 640, height: 480, data: Bytes::new() }, 88).is_err());
    }
}
