//! Boxes (ISO 14496-12 §4.2): a length, four letters, a payload.

/// Appends a box; its length is filled in when its content is known. Content never comes near 4 GiB.
pub(super) fn boxed(out: &mut Vec<u8>, name: &[u8; 4], content: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; 4]);
    out.extend(name);
    content(out);
    let size = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    patch(out, start, size);
}

/// Appends a box with a version and flags.
pub(super) fn full(out: &mut Vec<u8>, name: &[u8; 4], version: u8, flags: u32, content: impl FnOnce(&mut Vec<u8>)) {
    boxed(out, name, |out| {
        u32(out, u32::from(version) << 24 | flags);
        content(out);
    });
}

/// Overwrites four bytes.
pub(super) fn patch(out: &mut [u8], at: usize, value: u32) {
    if let Some(bytes) = out.get_mut(at..at + 4) {
        bytes.copy_from_slice(&value.to_be_bytes());
    }
}

pub(super) fn u16(out: &mut Vec<u8>, value: u16) {
    out.extend(value.to_be_bytes());
}

pub(super) fn u32(out: &mut Vec<u8>, value: u32) {
    out.extend(value.to_be_bytes());
}

pub(super) fn u64(out: &mut Vec<u8>, value: u64) {
    out.extend(value.to_be_bytes());
}
