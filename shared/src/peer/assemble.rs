//! Puts RTP packets of one stream back in order and into frames. Pure: time is an argument, nothing waits.
//!
//! A video frame is handed out the moment its last packet is there and everything before it was handed out, never later. A
//! hole is waited for (retransmission fills it) until it is too old or a newer key frame is complete; then everything up
//! to the next key frame is dropped, because it would decode to rubbish.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::media::rtp_h264::{Malformed, depacketize, starts_key_frame};
use crate::protocol::wire::SlotKind;
use crate::time::WallTime;

/// Packets kept for one stream at most, holes included: three seconds at 8 Mbit/s. A stream that needs more is cut, as if lost.
const MAX_PACKETS: usize = 2048;
/// Bytes kept for one stream at most; see [`MAX_PACKETS`].
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// How long a hole in a video stream is waited for, before a round-trip time is known.
const PATIENCE: Duration = Duration::from_millis(150);
/// Bounds of that time once a round-trip time is known (2.5 of them and 60 ms).
const PATIENCE_RANGE: (Duration, Duration) = (Duration::from_millis(80), Duration::from_millis(600));
/// How long a packet of sound is waited for: only reordering is repaired.
const AUDIO_PATIENCE: Duration = Duration::from_millis(20);

/// One RTP packet.
#[derive(Clone, Debug)]
pub struct RtpPacket {
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Bytes,
    /// From abs-capture-time.
    pub captured: Option<WallTime>,
}

/// What [`Assembler::poll`] gives out.
#[derive(Clone, Debug, PartialEq)]
pub enum Assembled {
    Frame(Frame),
    /// A frame is given up, or can't be read. The stream needs a key frame; frames until then are dropped.
    Lost,
}

/// A complete frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    pub rtp: u32,
    pub is_key: bool,
    pub captured: Option<WallTime>,
    /// When the packet that completed it arrived.
    pub received: Instant,
    pub data: Bytes,
    /// Packets missing just before it.
    pub missing: u16,
}

#[derive(Debug)]
struct Stored {
    packet: RtpPacket,
    at: Instant,
}

/// See the module's comment. One for each stream.
#[derive(Debug)]
pub struct Assembler {
    kind: SlotKind,
    /// Extended sequence number of `slots[0]`, which belongs to the next frame to hand out.
    base: u64,
    slots: VecDeque<Option<Stored>>,
    bytes: usize,
    started: bool,
    /// Something was handed out or dropped, so packets in front of `base` are no longer wanted.
    settled: bool,
    /// Frames other than key frames are dropped.
    needs_key: bool,
    /// Since when a hole holds up frames.
    blocked: Option<Instant>,
    patience: Duration,
    missing: u64,
    dropped: u64,
}

impl Assembler {
    /// An assembler that starts with the first packet it sees; video starts with a key frame.
    pub fn new(kind: SlotKind) -> Self {
        Self {
            kind,
            base: 0,
            slots: VecDeque::new(),
            bytes: 0,
            started: false,
            settled: false,
            needs_key: kind == SlotKind::Video,
            blocked: None,
            patience: if kind == SlotKind::Video { PATIENCE } else { AUDIO_PATIENCE },
            missing: 0,
            dropped: 0,
        }
    }

    /// Adapts how long holes are waited for to a measured round-trip time.
    pub fn set_rtt(&mut self, rtt: Duration) {
        if self.kind == SlotKind::Video {
            let (min, max) = PATIENCE_RANGE;
            self.patience = (rtt * 5 / 2 + Duration::from_millis(60)).clamp(min, max);
        }
    }

    /// Whether frames are dropped until a key frame comes.
    pub fn needs_key(&self) -> bool {
        self.needs_key
    }

    /// Drops frames until a key frame comes: what was handed out could not be decoded or passed on.
    pub fn require_key(&mut self) {
        self.needs_key = self.kind == SlotKind::Video;
    }

    /// Packets before this extended sequence number are of no more use.
    pub fn wanted_from(&self) -> u64 {
        self.base
    }

    /// Frames dropped for want of a key frame, so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes a packet, in any order. Returns its extended sequence number unless it is old, a duplicate or out of bounds.
    pub fn handle_packet(&mut self, now: Instant, packet: RtpPacket) -> Option<u64> {
        if !self.started {
            self.started = true;
            // Far from zero, so that packets before the first one can be counted too.
            self.base = (1 << 32) + u64::from(packet.sequence);
        }
        let next = self.base + self.slots.len() as u64;
        let sequence = extend(next, packet.sequence);
        if sequence < self.base {
            let early = (self.base - sequence) as usize;
            // The very first packets may arrive in any order.
            if self.settled || early > 64 {
                return None;
            }
            (0..early).for_each(|_| self.slots.push_front(None));
            self.base = sequence;
        }
        let index = (sequence - self.base) as usize;
        if index >= MAX_PACKETS || self.bytes + packet.payload.len() > MAX_BYTES {
            // A jump (the sender started anew, or a hostile packet) or a hole that can't be waited for any longer.
            self.missing += index.min(MAX_PACKETS) as u64;
            self.clear(sequence);
            self.needs_key = self.kind == SlotKind::Video;
        }
        let index = (sequence - self.base) as usize;
        if index >= self.slots.len() {
            self.slots.resize_with(index + 1, || None);
        }
        let slot = self.slots.get_mut(index)?;
        if slot.is_some() {
            return None;
        }
        self.bytes += packet.payload.len();
        *slot = Some(Stored { packet, at: now });
        Some(sequence)
    }

    /// The next frame, if there is one.
    pub fn poll(&mut self, now: Instant) -> Option<Assembled> {
        loop {
            if let Some(end) = self.complete_from(0) {
                self.blocked = None;
                match self.take(end) {
                    Ok(Some(frame)) => return Some(Assembled::Frame(frame)),
                    Ok(None) => continue,
                    Err(_) => {
                        self.needs_key = self.kind == SlotKind::Video;
                        return Some(Assembled::Lost);
                    }
                }
            }
            if self.kind == SlotKind::Video && self.needs_key && self.drop_until_newest_or_key() {
                continue;
            }
            if !self.has_hole() {
                self.blocked = None;
                return None;
            }
            let blocked = *self.blocked.get_or_insert(now);
            if let Some(start) = self.complete_key_frame() {
                // Newer than what is waited for, and needs none of it.
                self.skip(start);
                continue;
            }
            if now.saturating_duration_since(blocked) < self.patience {
                return None;
            }
            self.blocked = None;
            match self.kind {
                SlotKind::Audio => {
                    let holes = self.slots.iter().take_while(|slot| slot.is_none()).count();
                    self.skip(holes.max(1));
                }
                SlotKind::Video => {
                    let start = (1..self.slots.len()).find(|i| self.starts_key(*i));
                    self.skip(start.unwrap_or(self.slots.len()));
                    if !std::mem::replace(&mut self.needs_key, true) {
                        return Some(Assembled::Lost);
                    }
                }
            }
        }
    }

    /// When [`Self::poll`] should be called next if no packet comes.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.blocked.map(|since| since + self.patience)
    }

    /// Index of the last packet of the frame that starts at `from`, if all of it is there.
    fn complete_from(&self, from: usize) -> Option<usize> {
        let first = self.slots.get(from)?.as_ref()?;
        if self.kind == SlotKind::Audio {
            return Some(from);
        }
        for (i, slot) in self.slots.iter().enumerate().skip(from) {
            let stored = slot.as_ref()?;
            if stored.packet.timestamp != first.packet.timestamp {
                // The next frame began: the marker was lost on the way, or never set.
                return i.checked_sub(1);
            }
            if stored.packet.marker {
                return Some(i);
            }
        }
        None
    }

    fn starts_key(&self, index: usize) -> bool {
        self.slots.get(index).and_then(Option::as_ref).is_some_and(|s| starts_key_frame(&s.packet.payload))
    }

    fn complete_key_frame(&self) -> Option<usize> {
        if self.kind == SlotKind::Audio {
            return None;
        }
        (1..self.slots.len()).rev().find(|i| self.starts_key(*i) && self.complete_from(*i).is_some())
    }

    fn has_hole(&self) -> bool {
        self.slots.iter().any(Option::is_none)
    }

    /// While a key frame is needed: drops what lies before the newest frame or the first start of a key frame.
    fn drop_until_newest_or_key(&mut self) -> bool {
        let stored = |i: &usize| self.slots.get(*i).and_then(Option::as_ref);
        let Some(newest) = (0..self.slots.len()).rev().find_map(|i| stored(&i)).map(|s| s.packet.timestamp) else {
            return false;
        };
        let key = (0..self.slots.len()).find(|i| self.starts_key(*i));
        // A hole in front of the newest frame may be its late first packet.
        let older = || (0..self.slots.len()).rev().find(|i| stored(i).is_some_and(|s| s.packet.timestamp != newest));
        match key.or_else(|| older().map(|i| i + 1)) {
            Some(keep) if keep > 0 && self.settled => {
                self.skip(keep);
                true
            }
            _ => false,
        }
    }

    /// Takes the frame `0..=end`. `None`: it was dropped.
    fn take(&mut self, end: usize) -> Result<Option<Frame>, Malformed> {
        self.settled = true;
        let packets: Vec<Stored> = self.slots.drain(..=end).flatten().collect();
        self.base += end as u64 + 1;
        self.bytes -= packets.iter().map(|s| s.packet.payload.len()).sum::<usize>().min(self.bytes);
        let (Some(first), Some(received)) = (packets.first(), packets.iter().map(|s| s.at).max()) else {
            return Ok(None);
        };
        let rtp = first.packet.timestamp;
        let captured = packets.iter().rev().find_map(|s| s.packet.captured);
        if packets.iter().all(|s| s.packet.payload.is_empty()) {
            return Ok(None);
        }
        let (data, is_key) = match self.kind {
            SlotKind::Audio => (first.packet.payload.clone(), true),
            SlotKind::Video => {
                let unit = depacketize(packets.iter().map(|s| &s.packet.payload[..]));
                if self.needs_key && !unit.as_ref().is_ok_and(|u| u.idr && u.sps) {
                    self.dropped += 1;
                    return Ok(None);
                }
                let unit = unit?;
                (unit.data, unit.idr)
            }
        };
        self.needs_key = false;
        let missing = u16::try_from(std::mem::take(&mut self.missing)).unwrap_or(u16::MAX);
        Ok(Some(Frame { rtp, is_key, captured, received, data, missing }))
    }

    /// Drops `count` slots and counts the holes among them.
    fn skip(&mut self, count: usize) {
        self.settled = true;
        let count = count.min(self.slots.len());
        for slot in self.slots.drain(..count) {
            match slot {
                Some(stored) => self.bytes -= stored.packet.payload.len().min(self.bytes),
                None => self.missing += 1,
            }
        }
        self.base += count as u64;
        self.blocked = None;
    }

    fn clear(&mut self, base: u64) {
        self.slots.clear();
        self.bytes = 0;
        self.base = base;
        self.settled = true;
        self.blocked = None;
    }
}

/// The 64-bit sequence number nearest to `near` that ends in `sequence` (RFC 3550 appendix A.1).
fn extend(near: u64, sequence: u16) -> u64 {
    let delta = sequence.wrapping_sub(near as u16) as i16;
    near.saturating_add_signed(i64::from(delta))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::rtp_h264::packetize;

    /// A key frame (parameter sets and IDR) or another frame, of about `len` bytes.
    fn unit(key: bool, len: usize, tag: u8) -> Bytes {
        let mut out = Vec::new();
        let body = |header: u8| [&[0, 0, 0, 1, header, tag][..], &vec![tag | 1; len]].concat();
        if key {
            out.extend([0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 3]);
        }
        out.extend(body(if key { 0x65 } else { 0x41 }));
        Bytes::from(out)
    }

    struct Stream {
        sequence: u16,
        timestamp: u32,
    }

    impl Stream {
        fn packets(&mut self, unit: &Bytes) -> Vec<RtpPacket> {
            let mut payloads = Vec::new();
            packetize(unit, 100, &mut payloads);
            let count = payloads.len();
            let mut space = bytes::BytesMut::new();
            self.timestamp = self.timestamp.wrapping_add(3000);
            payloads
                .into_iter()
                .enumerate()
                .map(|(i, payload)| {
                    self.sequence = self.sequence.wrapping_add(1);
                    RtpPacket {
                        sequence: self.sequence,
                        timestamp: self.timestamp,
                        marker: i + 1 == count,
                        payload: payload.bytes(&mut space),
                        captured: (i + 1 == count).then_some(WallTime(7)),
                    }
                })
                .collect()
        }
    }

    fn frames(assembler: &mut Assembler, now: Instant) -> Vec<Frame> {
        let mut out = Vec::new();
        while let Some(assembled) = assembler.poll(now) {
            if let Assembled::Frame(frame) = assembled {
                out.push(frame);
            }
        }
        out
    }

    fn give(assembler: &mut Assembler, now: Instant, packets: &[RtpPacket]) -> Vec<Frame> {
        packets.iter().for_each(|p| _ = assembler.handle_packet(now, p.clone()));
        frames(assembler, now)
    }

    #[test]
    fn frames_come_out_with_their_last_packet_across_the_wrap() {
        let now = Instant::now();
        let mut stream = Stream { sequence: 65_530, timestamp: u32::MAX - 4000 };
        let mut assembler = Assembler::new(SlotKind::Video);
        for i in 0..20u8 {
            let unit = unit(i == 0, 250, i);
            let packets = stream.packets(&unit);
            let (last, rest) = packets.split_last().unwrap();
            assert!(give(&mut assembler, now, rest).is_empty());
            let out = give(&mut assembler, now, std::slice::from_ref(last));
            assert_eq!(out.len(), 1, "frame {i}");
            assert_eq!((&out[0].data, out[0].is_key, out[0].captured), (&unit, i == 0, Some(WallTime(7))));
        }
    }

    #[test]
    fn any_order_and_duplicates_give_the_same_frames() {
        let now = Instant::now();
        let mut stream = Stream { sequence: 65_500, timestamp: 0 };
        let units: Vec<Bytes> = (0..12).map(|i| unit(i == 0, 300, i)).collect();
        let mut packets: Vec<RtpPacket> = units.iter().flat_map(|u| stream.packets(u)).collect();
        // Shuffled in groups of seven after the key frame, so that neighbouring frames mix; then each packet twice.
        let mut seed = 5u32;
        for group in packets[5..].chunks_mut(7) {
            for i in 0..group.len() {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                group.swap(i, (seed >> 24) as usize % group.len());
            }
        }
        let packets: Vec<RtpPacket> = packets.into_iter().flat_map(|p| [p.clone(), p]).collect();
        let mut assembler = Assembler::new(SlotKind::Video);
        let mut out = Vec::new();
        for packet in packets {
            assembler.handle_packet(now, packet);
            out.extend(frames(&mut assembler, now).into_iter().map(|f| f.data));
        }
        assert!(out == units, "{} of {} frames", out.len(), units.len());
    }

    #[test]
    fn a_repaired_hole_holds_frames_up_and_loses_none() {
        let now = Instant::now();
        let mut stream = Stream { sequence: 1, timestamp: 0 };
        let mut assembler = Assembler::new(SlotKind::Video);
        give(&mut assembler, now, &stream.packets(&unit(true, 300, 0)));
        let mut first = stream.packets(&unit(false, 300, 1));
        let lost = first.remove(1);
        let second = stream.packets(&unit(false, 300, 2));
        assert!(give(&mut assembler, now, &first).is_empty());
        assert!(give(&mut assembler, now, &second).is_empty());
        let later = now + Duration::from_millis(100);
        assert_eq!(assembler.poll_timeout(), Some(now + PATIENCE));
        assert_eq!(give(&mut assembler, later, &[lost]).len(), 2);
        assert_eq!(assembler.poll_timeout(), None);
    }

    #[test]
    fn an_old_hole_is_given_up_and_nothing_is_shown_until_a_key_frame() {
        let now = Instant::now();
        let mut stream = Stream { sequence: 1, timestamp: 0 };
        let mut assembler = Assembler::new(SlotKind::Video);
        give(&mut assembler, now, &stream.packets(&unit(true, 300, 0)));
        let mut packets = stream.packets(&unit(false, 300, 1));
        packets.remove(0);
        assert!(give(&mut assembler, now, &packets).is_empty());
        assert_eq!(assembler.poll(now + PATIENCE - Duration::from_millis(1)), None);
        assert_eq!(assembler.poll(now + PATIENCE), Some(Assembled::Lost));
        assert!(assembler.needs_key());
        let later = now + PATIENCE;
        assert!(give(&mut assembler, later, &stream.packets(&unit(false, 300, 2))).is_empty());
        let key = give(&mut assembler, later, &stream.packets(&unit(true, 300, 3)));
        assert_eq!((key.len(), key[0].is_key, key[0].missing), (1, true, 1));
        assert_eq!(give(&mut assembler, later, &stream.packets(&unit(false, 9, 4))).len(), 1);
    }

    #[test]
    fn a_newer_key_frame_ends_the_waiting_at_once() {
        let now = Instant::now();
        let mut stream = Stream { sequence: 1, timestamp: 0 };
        let mut assembler = Assembler::new(SlotKind::Video);
        give(&mut assembler, now, &stream.packets(&unit(true, 300, 0)));
        let mut packets = stream.packets(&unit(false, 300, 1));
        packets.remove(1);
        packets.extend(stream.packets(&unit(true, 300, 2)));
        let out = give(&mut assembler, now, &packets);
        assert_eq!((out.len(), out[0].is_key, out[0].missing), (1, true, 1));
    }

    #[test]
    fn nothing_starts_without_a_key_frame_or_without_its_beginning() {
        let now = Instant::now();
        let mut stream = Stream { sequence: 1, timestamp: 0 };
        let mut assembler = Assembler::new(SlotKind::Video);
        assert!(give(&mut assembler, now, &stream.packets(&unit(false, 300, 0))).is_empty());
        let mut key = stream.packets(&unit(true, 300, 1));
        key.remove(0);
        assert!(give(&mut assembler, now, &key).is_empty());
        let later = now + Duration::from_secs(1);
        frames(&mut assembler, later);
        assert_eq!(give(&mut assembler, later, &stream.packets(&unit(true, 300, 2))).len(), 1);
    }

    #[test]
    fn a_key_frame_whose_first_packets_swap_places_is_not_lost() {
        let now = Instant::now();
        let mut stream = Stream { sequence: 1, timestamp: 0 };
        let mut assembler = Assembler::new(SlotKind::Video);
        give(&mut assembler, now, &stream.packets(&unit(false, 30, 0)));
        let mut key = stream.packets(&unit(true, 300, 1));
        key.swap(0, 2);
        assert_eq!(give(&mut assembler, now, &key).len(), 1);
    }

    #[test]
    fn memory_stays_bounded_and_a_jump_starts_anew() {
        let now = Instant::now();
        let mut stream = Stream { sequence: 1, timestamp: 0 };
        let mut assembler = Assembler::new(SlotKind::Video);
        give(&mut assembler, now, &stream.packets(&unit(true, 300, 0)));
        stream.sequence += 1;
        for i in 0..5000u32 {
            let packets = stream.packets(&unit(false, 10, i as u8));
            packets.iter().for_each(|p| _ = assembler.handle_packet(now, p.clone()));
            assert!(assembler.slots.len() <= MAX_PACKETS && assembler.bytes <= MAX_BYTES);
        }
        stream.sequence = stream.sequence.wrapping_add(20_000);
        assert_eq!(give(&mut assembler, now, &stream.packets(&unit(true, 300, 9))).len(), 1);
    }

    #[test]
    fn sound_comes_at_once_and_a_lost_packet_is_counted() {
        let now = Instant::now();
        let packet = |sequence: u16| RtpPacket {
            sequence,
            timestamp: u32::from(sequence) * 960,
            marker: false,
            payload: Bytes::from_static(&[1, 2]),
            captured: None,
        };
        let mut assembler = Assembler::new(SlotKind::Audio);
        assert_eq!(give(&mut assembler, now, &[packet(65_535)]).len(), 1);
        assert_eq!(give(&mut assembler, now, &[packet(1)]).len(), 0, "0 may be on its way");
        assert_eq!(give(&mut assembler, now, &[packet(0)]).len(), 2);
        assert_eq!(give(&mut assembler, now, &[packet(4)]).len(), 0);
        let out = frames(&mut assembler, now + AUDIO_PATIENCE);
        assert_eq!((out.len(), out[0].missing), (1, 2));
        assert!(give(&mut assembler, now, &[packet(3)]).is_empty(), "too late");
    }
}
