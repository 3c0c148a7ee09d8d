//! Picture buffers that come back when the last reader lets its frame go, so that a camera does not ask the system for a
//! megabyte thirty times a second.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Buffers kept for the next frames; what comes back beyond that is given to the system. Three are in flight as a rule:
/// one being filled, one in the encoder, one under motion's eyes.
const KEPT: usize = 4;

/// A source's buffers. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

impl Pool {
    /// A buffer of `len` bytes that hold anything.
    pub(crate) fn take(&self, len: usize) -> Buffer {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        bytes.resize(len, 0);
        Buffer { bytes, home: self.clone() }
    }
}

/// A buffer being filled.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    home: Pool,
}

impl Buffer {
    /// From now on only read, and shared by reference count.
    pub(crate) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut kept = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Pool};

    #[test]
    fn a_buffer_comes_back_when_its_last_reader_is_gone() {
        let pool = Pool::default();
        let frame = pool.take(1000).freeze();
        let (address, reader) = (frame.as_ptr(), frame.clone());
        drop(frame);
        assert_ne!(pool.take(1000).as_ptr(), address, "still read");
        drop(reader);
        assert!([pool.take(1000), pool.take(1000)].iter().any(|buffer| buffer.as_ptr() == address));
    }

    #[test]
    fn only_a_few_are_kept() {
        let pool = Pool::default();
        drop((0..10).map(|_| pool.take(10)).collect::<Vec<_>>());
        assert_eq!(pool.0.lock().unwrap().len(), KEPT);
    }
}
