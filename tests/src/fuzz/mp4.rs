//! A recording of what a hostile streamer sends.

use athome_shared::media::mp4::Writer;

/// `kind:u8 step:u8 len:u8 bytes` again and again, where `kind` says video or sound and key frame or not: the boxes fill
/// the file exactly, and it is hardly longer than what went in.
pub(super) fn mp4(data: &[u8]) {
    let mut writer = Writer::new(data.first().is_some_and(|first| first & 4 == 0));
    let (mut file, mut rest) = (Vec::new(), data);
    let (mut at, mut went_in, mut frames) = (0_u64, 0, 0);
    while let [kind, step, len, tail @ ..] = rest {
        let (bytes, tail) = tail.split_at(usize::from(*len).min(tail.len()));
        // Far as well as near, and sometimes back.
        at = at.wrapping_add(u64::from(*step) << (kind >> 3)).wrapping_sub(u64::from(kind & 1 == 0 && *step == 1) * 9);
        match kind & 2 {
            2 => writer.video(at, kind & 1 == 1, bytes, &mut file),
            _ => writer.sound(at, bytes, &mut file),
        }
        (went_in, frames, rest) = (went_in + bytes.len(), frames + 1, tail);
    }
    writer.finish(&mut file);
    let mut boxes = file.as_slice();
    while !boxes.is_empty() {
        let size = boxes.first_chunk().map_or(0, |size| u32::from_be_bytes(*size)) as usize;
        assert!((8..=boxes.len()).contains(&size), "a box of {size} bytes where {} are left", boxes.len());
        boxes = &boxes[size..];
    }
    // A length instead of a start code, a row in its tables, a fragment's frame and an entry of the index at most.
    assert!(file.len() <= 4 * went_in + 400 * frames + 4_000, "{} bytes of {went_in} in {frames}", file.len());
}
