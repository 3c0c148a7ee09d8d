//! Flow control of bulk transfers (`protocol::control::bulk`): how much may be in flight, and what is acknowledged. Pure; the
//! bytes themselves go through the channel `bulk`, the acknowledgements through `ctl`.

use bytes::{BufMut, Bytes, BytesMut};

use crate::protocol::control::bulk::{ACK_EVERY, CHUNK, HEADER, WINDOW};

/// Why a chunk or an acknowledgement is refused; the transfer ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BulkError {
    #[error("bulk message of {0} bytes is shorter than its header")]
    Short(usize),
    #[error("bulk message carries {0} bytes, {CHUNK} are allowed")]
    Long(usize),
    #[error("bulk message of transfer {found}, expected {expected}")]
    Id { found: u32, expected: u32 },
    #[error("bulk message starts at byte {found}, expected {expected}")]
    Offset { found: u64, expected: u64 },
    #[error("transfer goes beyond its {0} bytes")]
    Overrun(u64),
    #[error("acknowledgement of {acked} bytes, {sent} were sent")]
    Ack { acked: u64, sent: u64 },
}

/// The transfer's id and first byte of a message of the channel `bulk`; the payload is what follows [`HEADER`].
pub fn header(message: &[u8]) -> Result<(u32, u64), BulkError> {
    let short = BulkError::Short(message.len());
    let (id, rest) = message.split_first_chunk::<4>().ok_or(short)?;
    let (offset, _) = rest.split_first_chunk::<8>().ok_or(short)?;
    Ok((u32::from_be_bytes(*id), u64::from_be_bytes(*offset)))
}

/// The sending end of one transfer.
#[derive(Debug)]
pub struct BulkSender {
    id: u32,
    data: Bytes,
    sent: u64,
    acked: u64,
}

impl BulkSender {
    /// A transfer of `data`, announced as `id`.
    pub fn new(id: u32, data: Bytes) -> Self {
        Self { id, data, sent: 0, acked: 0 }
    }

    /// The next message for the channel; `None` while the window is full, or at the end.
    pub fn poll_chunk(&mut self) -> Option<Bytes> {
        let left = self.data.len() as u64 - self.sent;
        let room = WINDOW - (self.sent - self.acked);
        let length = left.min(CHUNK as u64);
        if length == 0 || room < length {
            return None;
        }
        let start = self.sent as usize;
        let payload = self.data.get(start..start + length as usize)?;
        let mut message = BytesMut::with_capacity(HEADER + payload.len());
        message.put_u32(self.id);
        message.put_u64(self.sent);
        message.put_slice(payload);
        self.sent += length;
        Some(message.freeze())
    }

    /// The receiver has `bytes` bytes in all.
    pub fn handle_ack(&mut self, bytes: u64) -> Result<(), BulkError> {
        if bytes > self.sent {
            return Err(BulkError::Ack { acked: bytes, sent: self.sent });
        }
        self.acked = self.acked.max(bytes);
        Ok(())
    }

    /// Everything was handed to the channel.
    pub fn all_sent(&self) -> bool {
        self.sent == self.data.len() as u64
    }
}

/// The receiving end of one transfer. Keeps no data.
#[derive(Debug)]
pub struct BulkReceiver {
    id: u32,
    total: u64,
    received: u64,
    acked: u64,
}

/// A chunk that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkChunk {
    /// Next bytes of the transfer.
    pub data: Bytes,
    /// To be sent as `bulk_ack` with this many bytes.
    pub ack: Option<u64>,
}

impl BulkReceiver {
    /// A transfer as its `bulk_begin` announced it. Whether `total` is acceptable is the caller's to check first.
    pub fn new(id: u32, total: u64) -> Self {
        Self { id, total, received: 0, acked: 0 }
    }

    /// Takes a message of the channel.
    pub fn handle_chunk(&mut self, message: &Bytes) -> Result<BulkChunk, BulkError> {
        let (id, offset) = header(message)?;
        if id != self.id {
            return Err(BulkError::Id { found: id, expected: self.id });
        }
        if offset != self.received {
            return Err(BulkError::Offset { found: offset, expected: self.received });
        }
        let data = message.slice(HEADER..);
        if data.len() > CHUNK {
            return Err(BulkError::Long(data.len()));
        }
        if data.len() as u64 > self.total - self.received {
            return Err(BulkError::Overrun(self.total));
        }
        self.received += data.len() as u64;
        let due = self.received - self.acked >= ACK_EVERY || self.finished();
        let ack = due.then_some(self.received);
        self.acked = ack.unwrap_or(self.acked);
        Ok(BulkChunk { data, ack })
    }

    /// All announced bytes are there.
    pub fn finished(&self) -> bool {
        self.received == self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_arrives_whole_within_its_window() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 1_000_000] {
            let data = Bytes::from((0..length).map(|i| i as u8).collect::<Vec<_>>());
            let mut sender = BulkSender::new(7, data.clone());
            let mut receiver = BulkReceiver::new(7, length as u64);
            let mut got = Vec::new();
            let mut wire = std::collections::VecDeque::new();
            let mut most = 0;
            loop {
                // The sender is as greedy as it may be; the receiver takes one message at a time.
                while let Some(message) = sender.poll_chunk() {
                    wire.push_back(message);
                }
                most = most.max(wire.iter().map(|m| m.len() - HEADER).sum());
                let Some(message) = wire.pop_front() else { break };
                let chunk = receiver.handle_chunk(&message).unwrap();
                got.extend_from_slice(&chunk.data);
                if let Some(bytes) = chunk.ack {
                    sender.handle_ack(bytes).unwrap();
                }
            }
            assert!(sender.all_sent() && receiver.finished(), "{length}");
            assert_eq!(got, data);
            assert!(most as u64 <= WINDOW);
        }
    }

    #[test]
    fn without_acknowledgements_the_sender_stops_at_the_window() {
        let mut sender = BulkSender::new(1, Bytes::from(vec![0; 1_000_000]));
        let sent: usize = std::iter::from_fn(|| sender.poll_chunk()).map(|m| m.len() - HEADER).sum();
        assert!(sent as u64 <= WINDOW && sent as u64 + CHUNK as u64 > WINDOW);
        assert_eq!(sender.handle_ack(WINDOW * 2), Err(BulkError::Ack { acked: WINDOW * 2, sent: sent as u64 }));
    }

    #[test]
    fn chunks_out_of_place_are_refused() {
        let message = |id: u32, offset: u64, length: usize| {
            let mut m = BytesMut::new();
            m.put_u32(id);
            m.put_u64(offset);
            m.put_bytes(1, length);
            m.freeze()
        };
        let mut receiver = BulkReceiver::new(3, 100);
        assert!(receiver.handle_chunk(&Bytes::from_static(&[0; 11])).is_err());
        assert!(receiver.handle_chunk(&message(4, 0, 1)).is_err());
        assert!(receiver.handle_chunk(&message(3, 1, 1)).is_err());
        assert!(receiver.handle_chunk(&message(3, 0, 101)).is_err());
        assert!(receiver.handle_chunk(&message(3, 0, CHUNK + 1)).is_err());
        assert!(receiver.handle_chunk(&message(3, u64::MAX, 1)).is_err());
        assert_eq!(receiver.handle_chunk(&message(3, 0, 100)).unwrap().ack, Some(100));
    }
}
