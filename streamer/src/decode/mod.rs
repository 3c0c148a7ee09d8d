//! From coded pictures to I420 (planes Y, U, V, tight rows, chroma rounded up, BT.601 limited range), on the caller's
//! thread. Each codec library is named in its own file only.

pub mod h264;
pub mod jpeg;
pub(crate) mod pool;

use bytes::Bytes;

/// A decoded picture, shared by reference count; its buffer goes back to its decoder when the last reader lets go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct I420 {
    /// Luma samples across.
    pub width: u32,
    /// Luma samples down.
    pub height: u32,
    /// The three planes behind each other; [`i420_len`] bytes.
    pub data: Bytes,
}

/// Bytes of an I420 picture.
pub fn i420_len(width: usize, height: usize) -> usize {
    width * height + 2 * width.div_ceil(2) * height.div_ceil(2)
}

/// A full-range picture (0 to 255) in limited range (luma 16 to 235, chroma 16 to 240): what encoder and viewers expect.
pub(crate) fn limit_range(picture: I420) -> I420 {
    let luma: [u8; 256] = std::array::from_fn(|v| (16 + (v * 219 + 127) / 255) as u8);
    let chroma: [u8; 256] = std::array::from_fn(|v| (16 + (v * 224 + 127) / 255) as u8);
    let mut data = picture.data.to_vec();
    let (y, uv) = data.split_at_mut((picture.width * picture.height) as usize);
    y.iter_mut().for_each(|v| *v = luma[usize::from(*v)]);
    uv.iter_mut().for_each(|v| *v = chroma[usize::from(*v)]);
    I420 { data: data.into(), ..picture }
}
