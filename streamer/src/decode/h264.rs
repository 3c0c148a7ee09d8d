//! H.264 to I420: the only room in the streamer that knows the decoding library. It takes progressive 4:2:0 of 8 bits up
//! to High profile, B-frames too.

use openh264::OpenH264API;
use openh264::decoder::{DecodedYUV, Decoder as Library, DecoderConfig, Flush};
use openh264::formats::YUVSource;

use super::pool::Pool;
use super::{I420, i420_len};

/// Decodes one stream. Not shared between streams: it remembers what pictures refer to.
pub struct Decoder {
    library: Library,
    pool: Pool,
}

/// Why bytes gave no picture: damage, or a feature that the library lacks. Decoding may go on with the next key frame.
#[derive(Debug, thiserror::Error)]
#[error("H.264: {0}")]
pub struct H264Error(String);

impl Decoder {
    /// Fails only where the library can't be set up.
    pub fn new() -> Result<Self, H264Error> {
        // Pictures are taken in order of showing, as the library's own buffer gives them; flushing it after each picture
        // would give B-frames in order of decoding.
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let library = Library::with_api_config(OpenH264API::from_source(), config).map_err(error)?;
        Ok(Self { library, pool: Pool::default() })
    }

    /// Decodes one access unit (Annex B). The picture that comes back is the next in order of showing: with B-frames an
    /// earlier one, and at first none.
    pub fn decode(&mut self, access_unit: &[u8]) -> Result<Option<I420>, H264Error> {
        if access_unit.is_empty() {
            return Ok(None);
        }
        let decoded = self.library.decode(access_unit).map_err(error)?;
        Ok(decoded.map(|picture| copy(&picture, &self.pool)))
    }

    /// The pictures still held back, in order of showing, at the end of a stream.
    pub fn flush(&mut self) -> Result<Vec<I420>, H264Error> {
        let held = self.library.flush_remaining().map_err(error)?;
        Ok(held.iter().map(|picture| copy(picture, &self.pool)).collect())
    }
}

fn error(why: openh264::Error) -> H264Error {
    H264Error(why.to_string())
}

/// The library's planes, which it overwrites with the next picture, as tight ones of our own.
fn copy(picture: &DecodedYUV<'_>, pool: &Pool) -> I420 {
    let (width, height) = picture.dimensions();
    let strides = picture.strides();
    let mut data = pool.take(i420_len(width, height));
    let (luma, chroma) = data.split_at_mut(width * height);
    let (u, v) = chroma.split_at_mut(chroma.len() / 2);
    copy_plane(luma, width, picture.y(), strides.0);
    copy_plane(u, width.div_ceil(2), picture.u(), strides.1);
    copy_plane(v, width.div_ceil(2), picture.v(), strides.2);
    I420 { width: width as u32, height: height as u32, data: data.freeze() }
}

fn copy_plane(to: &mut [u8], width: usize, from: &[u8], stride: usize) {
    for (to, from) in to.chunks_exact_mut(width.max(1)).zip(from.chunks(stride.max(1))) {
        if let Some(row) = from.get(..width) {
            to.copy_from_slice(row);
        }
    }
}
