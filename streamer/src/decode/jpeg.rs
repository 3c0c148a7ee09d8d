//! Motion JPEG to I420: the only room that knows the JPEG library. A 720p frame of 64 KB takes 2.8 ms of one core:
//! 2.5 ms to RGB by the library (to its interleaved YCbCr it takes as long, and planes it doesn't give), 0.2 ms to I420.

use athome_shared::media::jpeg::with_huffman_tables;
use yuv::{BufferStoreMut, YuvConversionMode, YuvPlanarImageMut, YuvRange, YuvStandardMatrix};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::pool::Pool;
use super::{I420, i420_len};

/// Longest side taken, in pixels.
pub(crate) const MOST_SIDE: usize = 8192;
/// Bytes of RGB that a picture may need: 22 megapixels.
const MOST_RGB: usize = 64 << 20;
/// Pixels that a picture may have.
pub(crate) const MOST_PIXELS: usize = MOST_RGB / 3;
/// Longest file taken; a camera's largest are a tenth of it.
const MOST_BYTES: usize = 16 << 20;

/// Decodes one camera's pictures, keeping its buffers from one to the next.
#[derive(Debug, Default)]
pub struct Decoder {
    rgb: Vec<u8>,
    pool: Pool,
}

/// Why a JPEG gave no picture. The next one may.
#[derive(Debug, thiserror::Error)]
pub enum JpegError {
    #[error("a JPEG of {0} bytes is larger than any camera's")]
    TooLong(usize),
    #[error("a JPEG of {0}x{1} pixels is larger than we decode")]
    TooLarge(usize, usize),
    #[error("JPEG: {0}")]
    Damaged(String),
}

impl Decoder {
    /// Decodes one JPEG. Time and memory are bounded whatever the bytes say.
    pub fn decode(&mut self, jpeg: &[u8]) -> Result<I420, JpegError> {
        if jpeg.len() > MOST_BYTES {
            return Err(JpegError::TooLong(jpeg.len()));
        }
        let damaged = |why: &dyn std::fmt::Debug| JpegError::Damaged(format!("{why:?}"));
        let options = DecoderOptions::default()
            .set_max_width(MOST_SIDE)
            .set_max_height(MOST_SIDE)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        let jpeg = with_huffman_tables(jpeg);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&*jpeg), options);
        decoder.decode_headers().map_err(|why| damaged(&why))?;
        let (Some(info), Some(len)) = (decoder.info(), decoder.output_buffer_size()) else {
            return Err(JpegError::Damaged("it has no picture".to_owned()));
        };
        let (width, height) = (usize::from(info.width), usize::from(info.height));
        if width * height * 3 > MOST_RGB {
            return Err(JpegError::TooLarge(width, height));
        }
        if width == 0 || height == 0 || len != width * height * 3 {
            return Err(JpegError::Damaged(format!("{width}x{height} pixels in {len} bytes")));
        }
        self.rgb.resize(len, 0);
        decoder.decode_into(&mut self.rgb).map_err(|why| damaged(&why))?;
        self.convert(width, height).ok_or_else(|| JpegError::Damaged(format!("{width}x{height} can't be converted")))
    }

    fn convert(&self, width: usize, height: usize) -> Option<I420> {
        let mut data = self.pool.take(i420_len(width, height));
        let (luma, chroma) = data.split_at_mut(width * height);
        let (u, v) = chroma.split_at_mut(chroma.len() / 2);
        let half = width.div_ceil(2) as u32;
        let mut planes = YuvPlanarImageMut {
            y_plane: BufferStoreMut::Borrowed(luma),
            y_stride: width as u32,
            u_plane: BufferStoreMut::Borrowed(u),
            u_stride: half,
            v_plane: BufferStoreMut::Borrowed(v),
            v_stride: half,
            width: width as u32,
            height: height as u32,
        };
        yuv::rgb_to_yuv420(
            &mut planes,
            &self.rgb,
            width as u32 * 3,
            YuvRange::Limited,
            YuvStandardMatrix::Bt601,
            YuvConversionMode::Balanced,
        )
        .ok()?;
        Some(I420 { width: width as u32, height: height as u32, data: data.freeze() })
    }
}

#[cfg(test)]
mod tests {
    use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

    use super::*;

    /// Left half red, right half blue.
    fn jpeg(width: u16, height: u16, sampling: SamplingFactor) -> Vec<u8> {
        let mut rgb = Vec::new();
        for i in 0..usize::from(width) * usize::from(height) {
            let left = i % usize::from(width) < usize::from(width) / 2;
            rgb.extend(if left { [255, 0, 0] } else { [0, 0, 255] });
        }
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 95);
        encoder.set_sampling_factor(sampling);
        encoder.encode(&rgb, width, height, ColorType::Rgb).unwrap();
        bytes
    }

    /// Y, U, V at a pixel.
    fn at(picture: &I420, x: usize, y: usize) -> [i32; 3] {
        let (width, height) = (picture.width as usize, picture.height as usize);
        let half = width.div_ceil(2);
        let chroma = width * height + y / 2 * half + x / 2;
        [y * width + x, chroma, chroma + half * height.div_ceil(2)].map(|i| i32::from(picture.data[i]))
    }

    #[track_caller]
    fn assert_near(found: [i32; 3], wanted: [i32; 3]) {
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() <= 3), "{found:?} is not {wanted:?}");
    }

    #[test]
    fn colours_come_out_in_limited_range_whatever_the_sampling() {
        let mut decoder = Decoder::default();
        for sampling in [SamplingFactor::R_4_2_0, SamplingFactor::R_4_2_2, SamplingFactor::R_4_4_4] {
            for (width, height) in [(64, 48), (63, 47)] {
                let picture = decoder.decode(&jpeg(width, height, sampling)).unwrap();
                assert_eq!((picture.width, picture.height), (u32::from(width), u32::from(height)));
                assert_eq!(picture.data.len(), i420_len(width.into(), height.into()));
                assert_near(at(&picture, 8, 8), [81, 90, 240]);
                assert_near(at(&picture, 56, 40), [41, 240, 110]);
            }
        }
    }

    /// Removes the segments of a kind.
    fn without(kind: u8, jpeg: &[u8]) -> Vec<u8> {
        let (mut out, mut at) = (jpeg[..2].to_vec(), 2);
        while jpeg[at + 1] != 0xda {
            let len = 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
            if jpeg[at + 1] != kind {
                out.extend(&jpeg[at..at + len]);
            }
            at += len;
        }
        out.extend(&jpeg[at..]);
        out
    }

    #[test]
    fn a_webcam_that_leaves_the_tables_out_is_understood() {
        // The encoder uses the standard's tables unless asked for better ones.
        let whole = jpeg(64, 48, SamplingFactor::R_4_2_2);
        let bare = without(0xc4, &whole);
        assert!(bare.len() + 400 < whole.len());
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(&bare).unwrap(), decoder.decode(&whole).unwrap());
        assert!(JpegDecoder::new(ZCursor::new(&bare)).decode().is_err(), "the library alone can't");
    }

    #[test]
    fn damaged_and_oversized_pictures_are_refused() {
        let mut decoder = Decoder::default();
        let good = jpeg(64, 48, SamplingFactor::R_4_2_0);
        for cut in 0..good.len() - 2 {
            // Any outcome but a panic; a picture, if any, has the right size.
            if let Ok(picture) = decoder.decode(&good[..cut]) {
                assert_eq!(picture.data.len(), i420_len(64, 48));
            }
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x55;
            if let Ok(picture) = decoder.decode(&bad) {
                assert_eq!(picture.data.len(), i420_len(picture.width as usize, picture.height as usize));
            }
        }
        let start = good.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        for size in [0xffff_ffffu32, 0x1fff_1fff, 0x0000_0040, 0x0040_0000] {
            let mut large = good.clone();
            large[start + 5..start + 9].copy_from_slice(&size.to_be_bytes());
            assert!(decoder.decode(&large).is_err(), "{size:x}");
        }
        assert!(decoder.rgb.len() < MOST_RGB);
        assert!(decoder.decode(&vec![0xff; MOST_BYTES + 1]).is_err());
    }
}
