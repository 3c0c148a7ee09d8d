//! Flow control of bulk transfers (`protocol::control::bulk`): how much may be in flight, and what is acknowledged. Pure; the
//! bytes themselves go through the channel `bulk`, the acknowledgements through `ctl`.

use std::collections::VecDeque;

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
    /// What is still to be sent, in order.
    waiting: VecDeque<Bytes>,
    /// Nothing is added any more.
    complete: bool,
    sent: u64,
    acked: u64,
}

impl BulkSender {
    /// A transfer of `data`, announced as `id`.
    pub fn new(id: u32, data: Bytes) -> Self {
        let mut sender = Self::open(id);
        sender.push(data);
        sender.complete();
        sender
    }

    /// A transfer of what will be pushed.
    pub fn open(id: u32) -> Self {
        Self { id, waiting: VecDeque::new(), complete: false, sent: 0, acked: 0 }
    }

    /// More of it. How much may wait is the caller's to decide, by [`Self::waiting`].
    pub fn push(&mut self, data: Bytes) {
        if !data.is_empty() && !self.complete {
            self.waiting.push_back(data);
        }
    }

    /// That was all of it.
    pub fn complete(&mut self) {
        self.complete = true;
    }

    /// The next message for the channel; `None` while more than `window` bytes would be unacknowledged, or nothing waits.
    pub fn poll_chunk(&mut self, window: u64) -> Option<Bytes> {
        let room = window.min(WINDOW).saturating_sub(self.in_flight());
        let piece = self.waiting.front_mut()?;
        let length = piece.len().min(CHUNK);
        if room < length as u64 {
            return None;
        }
        let payload = piece.split_to(length);
        if piece.is_empty() {
            self.waiting.pop_front();
        }
        let mut message = BytesMut::with_capacity(HEADER + payload.len());
        message.put_u32(self.id);
        message.put_u64(self.sent);
        message.put_slice(&payload);
        self.sent += length as u64;
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

    /// Bytes that wait to be sent.
    pub fn waiting(&self) -> u64 {
        self.waiting.iter().map(|piece| piece.len() as u64).sum()
    }

    /// Bytes that were sent and not acknowledged.
    pub fn in_flight(&self) -> u64 {
        self.sent - self.acked
    }

    /// Bytes that were sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Everything was handed to the channel.
    pub fn all_sent(&self) -> bool {
        self.complete && self.waiting.is_empty()
    }
}

/// The receiving end of one transfer. Keeps no data.
#[derive(Debug)]
pub struct BulkReceiver {
    id: u32,
    /// Where that is known.
    total: Option<u64>,
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
        Self { id, total: Some(total), received: 0, acked: 0 }
    }

    /// A transfer whose length is told at its end.
    pub fn open(id: u32) -> Self {
        Self { id, total: None, received: 0, acked: 0 }
    }

    /// Takes a message of the channel. What is `due` to be acknowledged is told with it; a caller that wants no more for a
    /// while keeps that to itself until it does.
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
        if let Some(total) = self.total
            && data.len() as u64 > total - self.received
        {
            return Err(BulkError::Overrun(total));
        }
        self.received += data.len() as u64;
        let due = self.received - self.acked >= ACK_EVERY || self.finished();
        let ack = due.then_some(self.received);
        self.acked = ack.unwrap_or(self.acked);
        Ok(BulkChunk { data, ack })
    }

    /// The sender said how much it was.
    pub fn handle_total(&mut self, total: u64) -> Result<(), BulkError> {
        if total < self.received {
            return Err(BulkError::Overrun(total));
        }
        self.total = Some(total);
        Ok(())
    }

    /// Bytes that are there.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// All announced bytes are there.
    pub fn finished(&self) -> bool {
        self.total == Some(self.received)
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
                while let Some(message) = sender.poll_chunk(WINDOW) {
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
        let sent: usize = std::iter::from_fn(|| sender.poll_chunk(WINDOW)).map(|m| m.len() - HEADER).sum();
        assert!(sent as u64 <= WINDOW && sent as u64 + CHUNK as u64 > WINDOW);
        assert_eq!(sender.handle_ack(WINDOW * 2), Err(BulkError::Ack { acked: WINDOW * 2, sent: sent as u64 }));
    }

    #[test]
    fn a_transfer_of_unknown_length_is_told_at_its_end() {
        let (mut sender, mut receiver) = (BulkSender::open(9), BulkReceiver::open(9));
        assert!(sender.poll_chunk(WINDOW).is_none() && !sender.all_sent());
        let mut got = 0;
        for n in 0..50_usize {
            sender.push(Bytes::from(vec![n as u8; n * 1_000]));
            while let Some(message) = sender.poll_chunk(WINDOW) {
                let chunk = receiver.handle_chunk(&message).unwrap();
                got += chunk.data.len() as u64;
                if let Some(bytes) = chunk.ack {
                    sender.handle_ack(bytes).unwrap();
                }
            }
        }
        sender.complete();
        sender.push(Bytes::from_static(b"too late"));
        assert!(sender.all_sent() && !receiver.finished());
        assert!(receiver.handle_total(got - 1).is_err());
        receiver.handle_total(sender.sent()).unwrap();
        assert!(receiver.finished() && got == sender.sent());
    }

    #[test]
    fn a_narrower_window_holds_less_back() {
        let mut sender = BulkSender::new(1, Bytes::from(vec![0; 1_000_000]));
        while sender.poll_chunk(80 * 1024).is_some() {}
        assert!((64 * 1024..=80 * 1024).contains(&sender.in_flight()), "{}", sender.in_flight());
        assert_eq!(sender.waiting() + sender.in_flight(), 1_000_000);
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
