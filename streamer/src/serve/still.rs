//! A still of what is live: the newest picture of a stream as JPEG.

use std::sync::Arc;
use std::time::Duration;

use athome_shared::id::{CameraId, Layer};
use athome_shared::media::frame::{Codec, EncodedFrame};
use bytes::Bytes;
use jpeg_encoder::{ColorType, Encoder};
use tokio::sync::Semaphore;

use crate::decode::h264::Decoder;
use crate::decode::{I420, i420_len};
use crate::hub::{From, Hub, Read, StreamKey};

/// Longest wait for the camera's next picture.
const PATIENCE: Duration = Duration::from_secs(3);
/// JPEG quality, of 100: no visible loss against what the encoder left.
const QUALITY: u8 = 88;

/// Why there is no still.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StillError {
    #[error("the camera gives no picture now")]
    NoPicture,
    #[error("the picture could not be decoded: {0}")]
    Decode(String),
    #[error("the picture could not be written as JPEG: {0}")]
    Encode(String),
}

/// The newest picture of a camera. Waits for one, at most three seconds, where nobody watches and nothing is encoded. `gate` is
/// held while it is decoded.
pub(super) async fn take(hub: &Hub, camera: &CameraId, gate: Arc<Semaphore>) -> Result<Bytes, StillError> {
    let stream = hub.stream(&StreamKey::video(camera, Layer::Full));
    let mut reader = stream.subscribe(From::Live);
    let first = async {
        loop {
            match reader.next().await {
                Read::Frame(_) => return Ok(()),
                Read::Dropped { .. } => {}
                Read::Ended => return Err(StillError::NoPicture),
            }
        }
    };
    tokio::time::timeout(PATIENCE, first).await.map_err(|_| StillError::NoPicture)??;
    // It goes with the decoder, which nothing can stop, so that going away and asking again makes no second one.
    let decoding = gate.acquire_owned().await.map_err(|_| StillError::NoPicture)?;
    let gop = stream.newest_gop();
    let made = tokio::task::spawn_blocking(move || {
        let _decoding = decoding;
        jpeg(&gop)
    });
    match made.await {
        Ok(jpeg) => jpeg,
        Err(_) => Err(StillError::Decode("the decoder gave up".to_owned())),
    }
}

/// Decodes a group of pictures and encodes its last one. Blocking.
fn jpeg(gop: &[Arc<EncodedFrame>]) -> Result<Bytes, StillError> {
    let mut decoder = Decoder::new().map_err(|e| StillError::Decode(e.to_string()))?;
    let mut newest = None;
    for frame in gop.iter().filter(|frame| frame.codec == Codec::H264) {
        newest = decoder.decode(&frame.data).map_err(|e| StillError::Decode(e.to_string()))?.or(newest);
    }
    newest = decoder.flush().map_err(|e| StillError::Decode(e.to_string()))?.pop().or(newest);
    encode(&newest.ok_or(StillError::NoPicture)?)
}

fn encode(picture: &I420) -> Result<Bytes, StillError> {
    let refused = |why: &dyn std::fmt::Display| StillError::Encode(why.to_string());
    let (width, height) = (picture.width as usize, picture.height as usize);
    if picture.data.len() < i420_len(width, height) {
        return Err(refused(&"the picture is shorter than its size"));
    }
    let (w, h) = (u16::try_from(width).map_err(|e| refused(&e))?, u16::try_from(height).map_err(|e| refused(&e))?);
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
    Encoder::new(&mut bytes, QUALITY).encode(&pixels, w, h, ColorType::Ycbcr).map_err(|e| refused(&e))?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{encode, jpeg};
    use crate::decode::I420;

    #[test]
    fn a_picture_becomes_a_jpeg_with_its_colours() {
        // Limited-range white, odd sizes.
        let picture =
            I420 { width: 33, height: 17, data: Bytes::from([vec![235; 33 * 17], vec![128; 17 * 9 * 2]].concat()) };
        let jpeg = encode(&picture).expect("encodes");
        let back = crate::decode::jpeg::Decoder::default().decode(&jpeg).expect("our own decoder reads it");
        assert_eq!((back.width, back.height), (33, 17));
        let luma = back.data[20 * 8];
        assert!((233..=237).contains(&luma), "white came back as {luma}");
    }

    #[test]
    fn nothing_and_nonsense_are_errors() {
        assert!(jpeg(&[]).is_err());
        assert!(encode(&I420 { width: 640, height: 480, data: Bytes::new() }).is_err());
    }
}
