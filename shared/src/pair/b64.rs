//! base64url without padding (RFC 4648 §5), the one text form of keys and hashes in links and sealed messages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Text of some bytes.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Bytes of some text; `None` for padding, foreign characters and non-zero trailing bits.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// As [`decode`], for exactly `N` bytes.
pub fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    // Refused by length first, so that a long field is not decoded only to be thrown away.
    if text.len() != (N * 4).div_ceil(3) {
        return None;
    }
    decode(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{decode_array, encode};

    #[test]
    fn only_the_exact_length_and_alphabet_decode() {
        let text = encode(&[0xfb; 16]);
        assert_eq!(text, "-_v7-_v7-_v7-_v7-_v7-w");
        assert_eq!(decode_array::<16>(&text), Some([0xfb; 16]));
        assert_eq!(decode_array::<15>(&text), None);
        assert_eq!(decode_array::<16>(&text.replace('-', "+")), None);
        assert_eq!(decode_array::<16>(&format!("{}x", &text[..21])), None, "non-zero trailing bits");
        assert_eq!(decode_array::<16>(&format!("{text}==")), None);
    }
}
