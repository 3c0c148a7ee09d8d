//! Motion JPEG as webcams send it. Nothing is decoded here.

use std::borrow::Cow;

/// Many webcams leave the Huffman tables out, as they are always the same (ITU-T T.81 annex K.3). Decoders put them in
/// where an `AVI1` marker says so; where both are missing, the marker is added.
pub fn with_huffman_tables(jpeg: &[u8]) -> Cow<'_, [u8]> {
    const SOI: [u8; 2] = [0xff, 0xd8];
    const AVI1: [u8; 18] = *b"\xff\xe0\x00\x10AVI1\0\0\0\0\0\0\0\0\0\0";
    let mut tables = false;
    let mut at = SOI.len();
    // Segments up to the scan: FF, kind, length of two bytes that counts itself.
    while let Some(&[0xff, kind, high, low]) = jpeg.get(at..at + 4) {
        match kind {
            0xc4 => tables = true,
            0xda => break,
            _ => {}
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    if tables || !jpeg.starts_with(&SOI) {
        return Cow::Borrowed(jpeg);
    }
    Cow::Owned([&SOI, &AVI1[..], &jpeg[SOI.len()..]].concat())
}

#[cfg(test)]
mod tests {
    use super::with_huffman_tables;

    #[test]
    fn the_marker_is_added_only_where_the_tables_are_missing() {
        let bare = b"\xff\xd8\xff\xdb\x00\x02\xff\xda\x00\x02pixels";
        let marked = with_huffman_tables(bare);
        assert_eq!((&marked[..2], &marked[6..10], &marked[20..]), (&bare[..2], &b"AVI1"[..], &bare[2..]));
        let whole = b"\xff\xd8\xff\xc4\x00\x02\xff\xda\x00\x02pixels";
        assert_eq!(&*with_huffman_tables(whole), whole);
        for other in [b"".as_slice(), b"\xff", b"\xff\xd8", b"GIF89a", b"\xff\xd8\xff\xe0\xff\xff"] {
            assert!(with_huffman_tables(other).ends_with(other.get(2..).unwrap_or_default()), "{other:?}");
        }
    }
}
