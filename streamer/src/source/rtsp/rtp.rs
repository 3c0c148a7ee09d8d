//! RTP packets (RFC 3550 §5.1), and their order where they come as datagrams. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// How long a datagram is waited for that others overtook.
const PATIENCE: Duration = Duration::from_millis(60);
/// Datagrams that wait for an earlier one at most.
const MOST_WAITING: usize = 256;
/// A jump by more than this is a new beginning.
const MOST_JUMP: u64 = 3_000;

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub payload_type: u8,
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub payload: Bytes,
}

impl Packet {
    /// `None` for anything that is no RTP.
    pub fn parse(bytes: &Bytes) -> Option<Self> {
        let &[first, second, s0, s1, t0, t1, t2, t3, ..] = &bytes[..] else { return None };
        if first >> 6 != 2 {
            return None;
        }
        let mut start = 12 + 4 * usize::from(first & 0x0f);
        if first & 0x10 != 0 {
            let length = u16::from_be_bytes([*bytes.get(start + 2)?, *bytes.get(start + 3)?]);
            start += 4 + 4 * usize::from(length);
        }
        let padding = if first & 0x20 != 0 { usize::from(*bytes.last()?) } else { 0 };
        let end = bytes.len().checked_sub(padding).filter(|end| *end >= start)?;
        Some(Self {
            payload_type: second & 0x7f,
            marker: second & 0x80 != 0,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            payload: bytes.slice(start..end),
        })
    }
}

/// Puts one stream's packets in order.
#[derive(Debug, Default)]
pub struct Order {
    /// They come in order by themselves.
    in_order: bool,
    next: Option<u64>,
    waiting: BTreeMap<u64, Packet>,
    since: Option<Instant>,
}

impl Order {
    /// For packets of a connection (`in_order`) or datagrams.
    pub fn new(in_order: bool) -> Self {
        Self { in_order, ..Self::default() }
    }

    /// Takes a packet; duplicates and those that come too late are dropped.
    pub fn handle_packet(&mut self, packet: Packet) {
        let near = *self.next.get_or_insert((1 << 32) + u64::from(packet.sequence));
        let delta = packet.sequence.wrapping_sub(near as u16) as i16;
        let sequence = near.saturating_add_signed(i64::from(delta));
        if sequence.abs_diff(near) > MOST_JUMP || self.waiting.len() >= MOST_WAITING {
            self.waiting.clear();
            // One that nobody waits for, so that the gap is told.
            self.next = Some(sequence.saturating_sub(1));
        } else if sequence < near {
            return;
        }
        self.waiting.insert(sequence, packet);
    }

    /// The next packet, and whether some are missing in front of it.
    pub fn poll(&mut self, now: Instant) -> Option<(Packet, bool)> {
        let (first, next) = (*self.waiting.keys().next()?, self.next?);
        if first != next && !self.in_order {
            let since = *self.since.get_or_insert(now);
            if now.saturating_duration_since(since) < PATIENCE {
                return None;
            }
        }
        self.since = None;
        self.next = Some(first + 1);
        Some((self.waiting.remove(&first)?, first != next))
    }

    /// When [`Self::poll`] should be called next if no packet comes.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.since.map(|since| since + PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16) -> Packet {
        Packet { payload_type: 96, marker: false, sequence, timestamp: 0, payload: Bytes::new() }
    }

    fn given(order: &mut Order, now: Instant) -> Vec<(u16, bool)> {
        std::iter::from_fn(|| order.poll(now)).map(|(packet, gap)| (packet.sequence, gap)).collect()
    }

    #[test]
    fn headers_with_all_their_options_are_read_and_lies_refused() {
        let mut bytes = vec![0xb1, 0xe0, 0, 7, 0, 0, 0, 9, 1, 1, 1, 1, 2, 2, 2, 2];
        bytes.extend([0xbe, 0xde, 0, 1, 5, 5, 5, 5, b'h', b'i', 0, 2]);
        let found = Packet::parse(&Bytes::from(bytes.clone())).expect("RTP");
        assert_eq!((found.payload_type, found.marker, found.sequence, found.timestamp), (96, true, 7, 9));
        assert_eq!(&found.payload[..], b"hi");
        for cut in 0..bytes.len() {
            if let Some(packet) = Packet::parse(&Bytes::copy_from_slice(&bytes[..cut])) {
                assert!(packet.payload.len() <= cut);
            }
        }
        assert_eq!(Packet::parse(&Bytes::from_static(&[0x40; 40])), None);
    }

    #[test]
    fn datagrams_are_put_in_order_and_a_lost_one_is_waited_for_a_little() {
        let (mut order, now) = (Order::new(false), Instant::now());
        for sequence in [65_534, 65_535, 1, 0] {
            order.handle_packet(packet(sequence));
        }
        assert_eq!(given(&mut order, now), [(65_534, false), (65_535, false), (0, false), (1, false)]);
        for sequence in [3, 4, 1, 3] {
            order.handle_packet(packet(sequence));
        }
        assert_eq!(given(&mut order, now), []);
        let late = order.poll_timeout().expect("waits");
        assert_eq!(given(&mut order, late), [(3, true), (4, false)]);
    }

    #[test]
    fn a_connection_s_gap_is_told_at_once_and_a_jump_is_a_new_beginning() {
        let (mut order, now) = (Order::new(true), Instant::now());
        order.handle_packet(packet(1));
        order.handle_packet(packet(3));
        assert_eq!(given(&mut order, now), [(1, false), (3, true)]);
        order.handle_packet(packet(30_000));
        assert_eq!(given(&mut order, now), [(30_000, true)]);
        let mut order = Order::new(false);
        for sequence in (0..2_000u16).map(|n| n * 2) {
            order.handle_packet(packet(sequence));
            assert!(order.waiting.len() <= MOST_WAITING);
        }
    }
}
