//! A picture as JPEG: stills and thumbnails.

use bytes::Bytes;
use jpeg_encoder::{Encoder, ImageBuffer, JpegColorType};

use crate::decode::{I420, i420_len};

/// Limited to full range, as JPEG has it: of luma (16 to 235) and of chroma (16 to 240).
const LUMA: [u8; 256] = full(16, 219, 0);
const CHROMA: [u8; 256] = full(128, 224, 128);

const fn full(black: i32, range: i32, offset: i32) -> [u8; 256] {
    let (mut table, mut v) = ([0; 256], 0);
    while v < 256 {
        let wide = ((v as i32 - black) * 255 + range / 2).div_euclid(range) + offset;
        table[v] = if wide < 0 {
            0
        } else if wide > 255 {
            255
        } else {
            wide as u8
        };
        v += 1;
    }
    table
}

/// Writes a picture as JPEG of this quality (1 to 100).
pub fn encode(picture: &I420, quality: u8) -> Result<Bytes, String> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    if picture.data.len() < i420_len(width, height) {
        return Err("the picture is shorter than its size".to_owned());
    }
    let side = |n: usize| u16::try_from(n).map_err(|error| error.to_string());
    let (luma, chroma) = picture.data.split_at(width * height);
    let (cb, cr) = chroma.split_at(width.div_ceil(2) * height.div_ceil(2));
    let planes = Planes { width: side(width)?, height: side(height)?, luma, cb, cr };
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, quality).encode_image(planes).map_err(|error| error.to_string())?;
    Ok(bytes.into())
}

/// A picture's planes, as the encoder asks for them: row by row, chroma doubled back to the luma's size.
struct Planes<'a> {
    width: u16,
    height: u16,
    luma: &'a [u8],
    cb: &'a [u8],
    cr: &'a [u8],
}

impl ImageBuffer for Planes<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, y: u16, [luma, cb, cr, _]: &mut [Vec<u8>; 4]) {
        let (width, y) = (usize::from(self.width), usize::from(y));
        let half = width.div_ceil(2);
        luma.extend(row(self.luma, y, width).iter().map(|v| LUMA[usize::from(*v)]));
        for (plane, out) in [(self.cb, cb), (self.cr, cr)] {
            let doubled = row(plane, y / 2, half).iter().flat_map(|v| [CHROMA[usize::from(*v)]; 2]);
            out.extend(doubled.take(width));
        }
    }
}

fn row(plane: &[u8], y: usize, length: usize) -> &[u8] {
    plane.get(y * length..(y + 1) * length).unwrap_or_default()
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
