//! The plaintext of Noise messages: JSON, padded so that the server can't tell messages apart by length
//! (`docs/protocol.md` section 4).
//!
//! ```text
//! len:u16be ‖ JSON:len ‖ zeros            in all exactly one of BUCKETS
//! ```

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The sizes that a plaintext may have. The largest leaves room for the handshake's 96 bytes and the frame's 10 within
/// the server's 16,384.
pub const BUCKETS: [usize; 5] = [256, 1024, 4096, 8192, 15_872];

/// Largest plaintext.
pub const MAX: usize = BUCKETS[BUCKETS.len() - 1];

/// Why a payload can't be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("a sealed message of {0} bytes of JSON is larger than the {max} that fit", max = MAX - 2)]
    TooLong(usize),
    #[error("a sealed message has {0} bytes, which is none of the sizes that messages are padded to")]
    Size(usize),
    #[error("a sealed message says it holds {0} bytes of JSON, more than fit in it")]
    Length(usize),
    #[error("a sealed message holds something other than zeros after its JSON")]
    Padding,
    #[error("a sealed message is not the JSON expected here: {0}")]
    Json(#[from] serde_json::Error),
}

/// Writes a value and pads it to the smallest bucket it fits.
pub fn seal<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, SealError> {
    pad(&serde_json::to_vec(value)?)
}

/// Reads a value out of a padded plaintext.
pub fn open<T: DeserializeOwned>(plain: &[u8]) -> Result<T, SealError> {
    Ok(serde_json::from_slice(unpad(plain)?)?)
}

/// Frames and pads bytes.
pub fn pad(json: &[u8]) -> Result<Vec<u8>, SealError> {
    let too_long = SealError::TooLong(json.len());
    let Ok(len) = u16::try_from(json.len()) else { return Err(too_long) };
    let Some(bucket) = BUCKETS.into_iter().find(|&b| b >= json.len() + 2) else { return Err(too_long) };
    let mut plain = Vec::with_capacity(bucket);
    plain.extend_from_slice(&len.to_be_bytes());
    plain.extend_from_slice(json);
    plain.resize(bucket, 0);
    Ok(plain)
}

/// The bytes that were padded. Sizes other than the buckets' and padding other than zeros are refused, so that nothing
/// travels unread.
pub fn unpad(plain: &[u8]) -> Result<&[u8], SealError> {
    if !BUCKETS.contains(&plain.len()) {
        return Err(SealError::Size(plain.len()));
    }
    let (len, rest) = plain.split_first_chunk::<2>().ok_or(SealError::Size(plain.len()))?;
    let len = usize::from(u16::from_be_bytes(*len));
    let (json, zeros) = rest.split_at_checked(len).ok_or(SealError::Length(len))?;
    if zeros.iter().any(|&b| b != 0) {
        return Err(SealError::Padding);
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, MAX, SealError, open, pad, seal, unpad};
    use crate::protocol::wire::FromViewer;

    #[test]
    fn each_length_takes_the_smallest_bucket() {
        for (json, bucket) in [(0, 256), (254, 256), (255, 1024), (1022, 1024), (1023, 4096), (8190, 8192)] {
            let plain = pad(&vec![b'x'; json]).unwrap();
            assert_eq!(plain.len(), bucket, "{json} bytes");
            assert_eq!(unpad(&plain).unwrap().len(), json);
        }
        assert_eq!(pad(&vec![b'x'; MAX - 2]).unwrap().len(), MAX);
        assert!(matches!(pad(&vec![b'x'; MAX - 1]), Err(SealError::TooLong(_))));
        assert!(matches!(pad(&vec![b'x'; 70_000]), Err(SealError::TooLong(70_000))));
    }

    #[test]
    fn what_was_not_padded_by_us_is_refused() {
        let good = seal(&FromViewer::PairOk).unwrap();
        assert!(matches!(open(&good), Ok(FromViewer::PairOk)));
        assert!(matches!(unpad(&good[..255]), Err(SealError::Size(255))));
        assert!(matches!(unpad(&[]), Err(SealError::Size(0))));
        let mut bent = good.clone();
        bent[200] = 1;
        assert!(matches!(unpad(&bent), Err(SealError::Padding)));
        let mut bent = good.clone();
        bent[0] = 1;
        assert!(matches!(unpad(&bent), Err(SealError::Length(_))));
        let mut bent = good;
        bent[3] = b'x';
        assert!(matches!(open::<FromViewer>(&bent), Err(SealError::Json(_))));
    }

    #[test]
    fn sealed_messages_fit_a_signaling_frame() {
        let (frame_header, handshake) = (10, 32 + 48 + 16);
        assert!(BUCKETS.iter().all(|b| b + handshake + frame_header <= 16_384));
    }
}
