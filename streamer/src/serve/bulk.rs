//! A viewer's bulk transfers: a few at a time, each within its window. Pure; the session carries the messages.

use athome_shared::peer::bulk::{BulkError, BulkSender};
use bytes::Bytes;

/// Transfers of one viewer at once, those that are still being made included; more are refused as busy.
pub const MAX_TRANSFERS: usize = 2;

/// What goes out next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// A message for the channel `bulk`.
    Chunk(Bytes),
    /// The transfer's last byte is out; it is forgotten.
    Sent { id: u32 },
}

/// The transfers of one viewer.
#[derive(Debug, Default)]
pub struct Transfers {
    next_id: u32,
    open: Vec<(u32, BulkSender)>,
}

impl Transfers {
    /// How many are under way.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is under way.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Begins a transfer; its id.
    pub fn begin(&mut self, data: Bytes) -> u32 {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        self.open.push((id, BulkSender::new(id, data)));
        id
    }

    /// The viewer has `bytes` bytes of a transfer in all. An id that is over is fine: its last acknowledgements come late.
    pub fn handle_ack(&mut self, id: u32, bytes: u64) -> Result<(), BulkError> {
        match self.open.iter_mut().find(|(open, _)| *open == id) {
            Some((_, sender)) => sender.handle_ack(bytes),
            None => Ok(()),
        }
    }

    /// The viewer wants no more of it; false if it was over.
    pub fn handle_cancel(&mut self, id: u32) -> bool {
        let before = self.open.len();
        self.open.retain(|(open, _)| *open != id);
        self.open.len() != before
    }

    /// The next message; `None` until an acknowledgement makes room.
    pub fn poll(&mut self) -> Option<Outgoing> {
        for (at, (id, sender)) in self.open.iter_mut().enumerate() {
            if let Some(chunk) = sender.poll_chunk() {
                return Some(Outgoing::Chunk(chunk));
            }
            if sender.all_sent() {
                let id = *id;
                self.open.remove(at);
                return Some(Outgoing::Sent { id });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use athome_shared::protocol::control::bulk::{ACK_EVERY, WINDOW};
    use bytes::Bytes;

    use super::{Outgoing, Transfers};

    #[test]
    fn a_transfer_waits_for_its_viewer_and_a_second_one_goes_on() {
        let mut transfers = Transfers::default();
        let large = transfers.begin(Bytes::from(vec![7; 2 * usize::try_from(WINDOW).expect("small")]));
        let drain = |transfers: &mut Transfers| std::iter::from_fn(|| transfers.poll()).collect::<Vec<_>>();
        assert!(drain(&mut transfers).iter().all(|o| matches!(o, Outgoing::Chunk(_))));
        // The first is at the end of its window; a small one passes it.
        let small = transfers.begin(Bytes::from_static(b"small"));
        assert_eq!(drain(&mut transfers).last(), Some(&Outgoing::Sent { id: small }));
        transfers.handle_ack(large, ACK_EVERY).expect("less than was sent");
        assert!(matches!(transfers.poll(), Some(Outgoing::Chunk(_))));
        assert!(transfers.handle_ack(large, u64::MAX).is_err(), "more than was sent");
        assert!(transfers.handle_ack(99, 5).is_ok());
        assert!(transfers.handle_cancel(large) && !transfers.handle_cancel(large) && transfers.is_empty());
    }
}
