//! Where a JPEG in a larger buffer ends, and how large its picture is. Some capture interfaces and cameras don't say, and
//! what lies behind the end may be an older picture's rest. Nothing is decoded here.

/// Bytes of the JPEG that `bytes` begins with, its EOI marker included (ITU-T T.81 §B.1). `None` where it does not begin with
/// one or the end is missing.
pub(super) fn jpeg_end(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return None;
    }
    let mut at = 2;
    loop {
        // At a marker: FF, perhaps repeated, and its kind.
        if *bytes.get(at)? != 0xff {
            return None;
        }
        while *bytes.get(at)? == 0xff {
            at += 1;
        }
        let kind = *bytes.get(at)?;
        at += 1;
        match kind {
            0xd9 => return Some(at),
            // Alone, without a length: TEM and restarts.
            0x01 | 0xd0..=0xd7 => {}
            0x00 | 0xd8 => return None,
            _ => {
                let length = u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]);
                if length < 2 {
                    return None;
                }
                at += usize::from(length);
                if kind == 0xda {
                    at = scan_end(bytes, at)?;
                }
            }
        }
    }
}

/// Width and height that a JPEG says it has (T.81 §B.2.2); `None` where it doesn't say, or begins as something else.
pub(super) fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return None;
    }
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        while *bytes.get(at)? == 0xff {
            at += 1;
        }
        let kind = *bytes.get(at)?;
        at += 1;
        let number = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        match kind {
            0x01 | 0xd0..=0xd7 => {}
            // Frame headers of every coding; what lies between them are tables and arithmetic coding.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Some((number(at + 5)?.into(), number(at + 3)?.into()));
            }
            0x00 | 0xd8..=0xda => return None,
            _ => at += usize::from(number(at)?).max(2),
        }
    }
}

/// The first marker behind a scan's data: FF followed by anything but a stuffed zero or a restart.
fn scan_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == 0xff)?;
        match *bytes.get(at + 1)? {
            0x00 | 0xd0..=0xd7 => at += 2,
            0xff => at += 1,
            _ => return Some(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{jpeg_end, jpeg_size};

    /// A comment that holds an end marker, then a scan with a stuffed byte and a restart.
    const JPEG: &[u8] = &[
        0xff, 0xd8, 0xff, 0xfe, 0, 6, 0xff, 0xd9, 1, 2, 0xff, 0xff, 0xda, 0, 3, 9, 1, 0xff, 0x00, 2, 0xff, 0xd3, 3,
        0xff, 0xd9,
    ];

    #[test]
    fn the_end_is_the_first_real_one() {
        assert_eq!(jpeg_end(JPEG), Some(JPEG.len()));
        let with_rest = [JPEG, &[0, 7, 0xff, 0xd9, 0, 0]].concat();
        assert_eq!(jpeg_end(&with_rest), Some(JPEG.len()));
    }

    #[test]
    fn a_real_encoder_s_picture_ends_where_it_ends() {
        let mut bytes = Vec::new();
        let pixels: Vec<u8> = (0..64u32 * 48 * 3).map(|n| ((n * 7919) >> 3) as u8).collect();
        jpeg_encoder::Encoder::new(&mut bytes, 90).encode(&pixels, 64, 48, jpeg_encoder::ColorType::Rgb).unwrap();
        let length = bytes.len();
        assert_eq!(jpeg_size(&bytes), Some((64, 48)));
        bytes.resize(length + 500, 0xff);
        assert_eq!(jpeg_end(&bytes), Some(length));
    }

    #[test]
    fn cut_and_foreign_bytes_have_no_end() {
        for cut in 0..JPEG.len() {
            assert_eq!(jpeg_end(&JPEG[..cut]), None, "{cut}");
        }
        for bytes in [&b"GIF89a"[..], &[0xff, 0xd8, 0, 0, 0], &[0xff, 0xd8, 0xff, 0xdb, 0, 1, 0xff, 0xd9], &[0xff; 40]]
        {
            assert_eq!(jpeg_end(bytes), None);
            assert_eq!(jpeg_size(bytes), None);
        }
    }
}
