//! A still of what is live: the newest picture of a stream as JPEG.

use std::sync::Arc;
use std::time::Duration;

use athome_shared::id::{CameraId, Layer};
use athome_shared::media::frame::{Codec, EncodedFrame};
use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::decode::h264::Decoder;
use crate::encode::jpeg::encode;
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
    encode(&newest.ok_or(StillError::NoPicture)?, QUALITY).map_err(StillError::Encode)
}

#[cfg(test)]
mod tests {
    use super::jpeg;

    #[test]
    fn nothing_is_an_error() {
        assert!(jpeg(&[]).is_err());
    }
}
