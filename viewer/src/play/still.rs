//! A JPEG of the past as planes, so that it is drawn as a film's pictures are.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::planes::{Colour, Matrix, Planes, Range};

/// Larger than any picture that is asked for, in either direction.
const MOST_SIDE: usize = 4_096;

/// Decodes; `None` for what is no whole picture.
pub fn decode(jpeg: &[u8]) -> Option<Planes> {
    let options = DecoderOptions::default()
        .set_max_width(MOST_SIDE)
        .set_max_height(MOST_SIDE)
        .jpeg_set_out_colorspace(ColorSpace::YCbCr);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    decoder.decode_headers().ok()?;
    let info = decoder.info()?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    if width == 0 || height == 0 {
        return None;
    }
    let pixels = decoder.decode().ok().filter(|pixels| pixels.len() == width * height * 3)?;
    // As JFIF says: BT.601 over the full range.
    let colour = Colour { matrix: Matrix::Bt601, range: Range::Full };
    Some(Planes::of_pixels(width, height, colour, &pixels))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn a_jpeg_keeps_its_size_and_colours_and_nonsense_is_no_picture() {
        let mut bytes = Vec::new();
        let red = image::RgbImage::from_pixel(33, 17, image::Rgb([200, 30, 40]));
        image::DynamicImage::from(red)
            .write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Jpeg)
            .unwrap();
        let planes = decode(&bytes).unwrap();
        assert_eq!((planes.size_of(0), planes.size_of(1)), ([33, 17], [17, 9]));
        let mut rgba = vec![0; 33 * 17 * 4];
        planes.to_rgba(&mut rgba).unwrap();
        for pixel in rgba.chunks(4) {
            let off = [200, 30, 40].iter().zip(pixel).map(|(a, b)| i32::abs(a - i32::from(*b))).max();
            assert!(off.is_some_and(|off| off < 12), "{pixel:?}");
        }
        assert!(decode(&bytes[..40]).is_none() && decode(b"nonsense").is_none());
    }
}
