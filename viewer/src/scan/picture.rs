//! A webcam's bytes as grey pixels to search and a small colour picture to show.

use athome_shared::media::jpeg::with_huffman_tables;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::code::MOST_SIDE;

/// Longest JPEG taken; a buffer may be longer than the JPEG in it.
const MOST_JPEG: usize = 16 * 1024 * 1024;
/// How wide the picture to show may be.
pub(super) const PREVIEW: usize = 640;

/// How a webcam's bytes are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    Mjpeg,
    Yuyv,
    Nv12,
}

/// What the person sees to aim: RGB, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Grows with each picture of a webcam.
    pub number: u64,
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<u8>,
}

/// A webcam's picture, decoded.
pub struct Picture {
    pub width: u32,
    pub height: u32,
    pub luma: Vec<u8>,
    pub preview: Preview,
}

/// Decodes; `None` for what is no whole picture of that size. The device's own size counts for raw layouts, the JPEG's for
/// JPEGs.
pub fn decode(layout: Layout, size: (u32, u32), bytes: &[u8]) -> Option<Picture> {
    match layout {
        Layout::Mjpeg => jpeg(bytes),
        Layout::Yuyv => {
            let (width, height) = sides(size)?;
            let row = width.next_multiple_of(2) * 2;
            // The library ignores the rows' real length: anything but tight rows would be a slanted picture.
            let bytes = bytes.get(..row * height).filter(|all| all.len() == bytes.len())?;
            let at = |x: usize, y: usize| {
                let pair = y * row + x / 2 * 4;
                [bytes[y * row + x * 2], bytes[pair + 1], bytes[pair + 3]]
            };
            Some(assemble(width, height, |x, y| at(x, y)[0], |x, y| rgb(at(x, y))))
        }
        Layout::Nv12 => {
            let (width, height) = sides(size)?;
            let row = width.next_multiple_of(2);
            let length = row * (height + height.div_ceil(2));
            let bytes = bytes.get(..length).filter(|all| all.len() == bytes.len())?;
            let at = |x: usize, y: usize| {
                let pair = row * (height + y / 2) + x / 2 * 2;
                [bytes[y * row + x], bytes[pair], bytes[pair + 1]]
            };
            Some(assemble(width, height, |x, y| bytes[y * row + x], |x, y| rgb(at(x, y))))
        }
    }
}

fn sides((width, height): (u32, u32)) -> Option<(usize, usize)> {
    let fits = |side: u32| (1..=4 * MOST_SIDE).contains(&side);
    (fits(width) && fits(height)).then_some((width as usize, height as usize))
}

fn jpeg(bytes: &[u8]) -> Option<Picture> {
    // The buffer's byte count is lost on its way; what lies behind the JPEG's end is not looked at by the decoder.
    let bytes = bytes.get(..bytes.len().min(MOST_JPEG))?;
    let bytes = with_huffman_tables(bytes);
    let most = 4 * MOST_SIDE as usize;
    let options =
        DecoderOptions::default().set_max_width(most).set_max_height(most).jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&*bytes), options);
    decoder.decode_headers().ok()?;
    let info = decoder.info()?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    if width == 0 || height == 0 || width * height > 16_000_000 {
        return None;
    }
    let pixels = decoder.decode().ok().filter(|pixels| pixels.len() == width * height * 3)?;
    let at = |x: usize, y: usize| {
        let from = (y * width + x) * 3;
        [pixels[from], pixels[from + 1], pixels[from + 2]]
    };
    let grey = |x: usize, y: usize| {
        let [r, g, b] = at(x, y).map(u32::from);
        ((77 * r + 150 * g + 29 * b) >> 8) as u8
    };
    Some(assemble(width, height, grey, at))
}

/// Takes every n-th pixel, so that neither picture is larger than it need be.
fn assemble(
    width: usize,
    height: usize,
    grey: impl Fn(usize, usize) -> u8,
    colour: impl Fn(usize, usize) -> [u8; 3],
) -> Picture {
    let step = width.max(height).div_ceil(MOST_SIDE as usize);
    let (w, h) = (width / step, height / step);
    let luma = (0..h).flat_map(|y| (0..w).map(move |x| (x, y))).map(|(x, y)| grey(x * step, y * step)).collect();
    let shown = width.div_ceil(PREVIEW).max(height.div_ceil(PREVIEW));
    let (pw, ph) = (width / shown, height / shown);
    let rgb =
        (0..ph).flat_map(|y| (0..pw).map(move |x| (x, y))).flat_map(|(x, y)| colour(x * shown, y * shown)).collect();
    Picture { width: w as u32, height: h as u32, luma, preview: Preview { number: 0, width: pw, height: ph, rgb } }
}

/// BT.601, limited range, as webcams send it; in 1/256.
fn rgb([y, u, v]: [u8; 3]) -> [u8; 3] {
    let (y, u, v) = (298 * (i32::from(y) - 16), i32::from(u) - 128, i32::from(v) - 128);
    let value = |sum: i32| ((sum + 128) >> 8).clamp(0, 255) as u8;
    [value(y + 409 * v), value(y - 100 * u - 208 * v), value(y + 516 * u)]
}

#[cfg(test)]
pub(super) mod tests {
    use ::image::{DynamicImage, GrayImage, ImageFormat};

    use super::super::code::{link_in, tests::drawn, tests::link};
    use super::{Layout, decode, rgb};

    /// Grey pixels as a webcam's uncompressed ones.
    pub(in crate::scan) fn yuyv(grey: &GrayImage) -> Vec<u8> {
        grey.as_raw().iter().flat_map(|value| [*value, 128]).collect()
    }

    fn even(grey: &GrayImage) -> GrayImage {
        ::image::imageops::crop_imm(grey, 0, 0, grey.width() & !1, grey.height() & !1).to_image()
    }

    #[test]
    fn every_layout_gives_the_code_and_a_picture_to_show() {
        let code = even(&drawn(&link().to_url(), 5));
        let size = code.dimensions();
        let mut jpeg = std::io::Cursor::new(Vec::new());
        DynamicImage::from(code.clone()).write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        let mut jpeg = jpeg.into_inner();
        // As the library gives it: the whole buffer, with the rest of an older picture.
        jpeg.extend((0..500_000_u32).map(|n| (n % 251) as u8));
        let mut nv12 = code.as_raw().clone();
        nv12.resize(nv12.len() * 3 / 2, 128);
        for (layout, bytes) in [(Layout::Mjpeg, jpeg), (Layout::Yuyv, yuyv(&code)), (Layout::Nv12, nv12)] {
            let picture = decode(layout, size, &bytes).unwrap();
            assert_eq!(link_in(&picture.luma, picture.width, picture.height), Ok(link()), "{layout:?}");
            assert_eq!((picture.preview.width, picture.preview.height), (size.0 as usize, size.1 as usize));
            assert_eq!(picture.preview.rgb.len(), picture.preview.width * picture.preview.height * 3);
        }
    }

    /// A JPEG without its segments of a kind.
    fn without(kind: u8, jpeg: &[u8]) -> Vec<u8> {
        let (mut out, mut at) = (jpeg[..2].to_vec(), 2);
        while jpeg[at + 1] != 0xda {
            let length = 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
            if jpeg[at + 1] != kind {
                out.extend(&jpeg[at..at + length]);
            }
            at += length;
        }
        out.extend(&jpeg[at..]);
        out
    }

    #[test]
    fn a_webcam_that_leaves_the_huffman_tables_out_is_read() {
        let code = even(&drawn(&link().to_url(), 5));
        let mut whole = std::io::Cursor::new(Vec::new());
        DynamicImage::from(code.clone()).write_to(&mut whole, ImageFormat::Jpeg).unwrap();
        let bare = without(0xc4, whole.get_ref());
        assert!(bare.len() + 200 < whole.get_ref().len(), "control: the tables are gone");
        let picture = decode(Layout::Mjpeg, code.dimensions(), &bare).unwrap();
        assert_eq!(link_in(&picture.luma, picture.width, picture.height), Ok(link()));
    }

    #[test]
    fn large_pictures_are_shown_small() {
        let picture = decode(Layout::Yuyv, (1920, 1080), &vec![128; 1920 * 1080 * 2]).unwrap();
        assert_eq!((picture.width, picture.height), (1920, 1080));
        assert_eq!((picture.preview.width, picture.preview.height), (640, 360));
    }

    #[test]
    fn wrong_lengths_and_sizes_are_no_picture() {
        assert!(decode(Layout::Yuyv, (640, 480), &vec![0; 1_228_800]).is_none());
        assert!(decode(Layout::Yuyv, (640, 480), &vec![0; 614_399]).is_none());
        assert!(decode(Layout::Yuyv, (640, 480), &vec![0; 614_400]).is_some());
        assert!(decode(Layout::Nv12, (640, 480), &vec![0; 460_799]).is_none());
        assert!(decode(Layout::Yuyv, (0, 480), &[]).is_none());
        assert!(decode(Layout::Nv12, (u32::MAX, u32::MAX), &[]).is_none());
        assert!(decode(Layout::Mjpeg, (640, 480), &[0xff, 0xd8, 0xff]).is_none());
    }

    #[test]
    fn colours_are_the_standard_s() {
        assert_eq!(rgb([235, 128, 128]), [255, 255, 255]);
        assert_eq!(rgb([16, 128, 128]), [0, 0, 0]);
        let [r, g, b] = rgb([81, 90, 240]);
        assert!(r > 250 && g < 5 && b < 5, "red: {r} {g} {b}");
    }
}
