//! From packets to pictures of H.264 (RFC 6184): access units that a decoder can take, with their parameter sets in front
//! of each key frame wherever the camera sends them. Pure, in bounded memory.
//!
//! Cameras set the marker as they like: a unit ends with a marker behind a slice, or where the time changes.

use std::collections::VecDeque;

use athome_shared::media::h264::{self, START_CODE, Sps, nal_type};
use athome_shared::media::rtp_h264::{MAX_ACCESS_UNIT, depacketize};
use bytes::{BufMut, Bytes, BytesMut};

use super::rtp::Packet;

/// Packets of one picture at most.
const MOST_PACKETS: usize = 8_192;
/// Parameter sets kept of a kind, and the longest taken, in bytes.
const MOST_SETS: usize = 8;
const LONGEST_SET: usize = 1_024;

/// A picture as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Annex B, parameter sets in front of a key frame.
    pub data: Bytes,
    pub is_key: bool,
    /// Of its first packet.
    pub timestamp: u32,
    /// What its stream says of itself from here on, where that is new.
    pub sps: Option<Sps>,
}

/// Gathers one stream's packets.
#[derive(Debug, Default)]
pub struct Units {
    timestamp: u32,
    payloads: Vec<Bytes>,
    bytes: usize,
    /// A packet of the unit under way is missing.
    broken: bool,
    /// Nothing can be decoded before a key frame.
    needs_key: bool,
    sps: Vec<Bytes>,
    pps: Vec<Bytes>,
    told: Option<Sps>,
    ready: VecDeque<Unit>,
    lost: u64,
}

impl Units {
    /// With the parameter sets that stand in a description.
    pub fn new(sets: &[Vec<u8>]) -> Self {
        let mut units = Self::default();
        units.learn(sets.iter().map(|set| Bytes::copy_from_slice(set)));
        units
    }

    /// Takes the next packet in order; `gap` tells that some in front of it are missing.
    pub fn handle_packet(&mut self, packet: Packet, gap: bool) {
        if gap {
            // What follows refers to what is missing, whichever unit that belonged to.
            (self.broken, self.needs_key) = (true, true);
        }
        if packet.timestamp != self.timestamp {
            // A gap between two units may have cost the end of the first or the start of the second.
            self.finish();
            self.timestamp = packet.timestamp;
            self.broken = gap && !starts_unit(&packet.payload);
        }
        self.bytes += packet.payload.len();
        if self.bytes > MAX_ACCESS_UNIT || self.payloads.len() >= MOST_PACKETS {
            self.payloads.clear();
            (self.broken, self.bytes) = (true, 0);
        }
        let ends = packet.marker && ends_slice(&packet.payload);
        self.payloads.push(packet.payload);
        if ends {
            self.finish();
        }
    }

    /// The next picture.
    pub fn poll(&mut self) -> Option<Unit> {
        self.ready.pop_front()
    }

    /// What the stream said of itself last.
    pub fn sps(&self) -> Option<Sps> {
        self.told
    }

    /// Pictures lost so far, to gaps and damage.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn finish(&mut self) {
        let payloads = std::mem::take(&mut self.payloads);
        self.bytes = 0;
        if payloads.is_empty() {
            return;
        }
        let unit = depacketize(payloads.iter().map(|payload| &payload[..]));
        let Some(unit) = unit.ok().filter(|_| !std::mem::take(&mut self.broken)) else {
            (self.needs_key, self.broken) = (true, false);
            self.lost += 1;
            return;
        };
        let kinds =
            |wanted: fn(u8) -> bool| h264::nals(&unit.data).any(|nal| h264::nal_unit_type(nal).is_some_and(wanted));
        let in_band = kinds(|kind| matches!(kind, nal_type::SPS | nal_type::PPS));
        if in_band {
            self.learn(h264::nal_ranges(&unit.data).map(|range| unit.data.slice(range)));
        }
        if !kinds(|kind| matches!(kind, nal_type::SLICE | nal_type::PARTITION_A | nal_type::IDR)) {
            // Parameter sets on their own; they go in front of the next key frame.
            return;
        }
        if self.needs_key && !unit.idr {
            self.lost += 1;
            return;
        }
        self.needs_key &= !unit.idr;
        let whole = unit.sps || !unit.idr;
        let data = if whole { unit.data } else { self.with_sets(&unit.data) };
        let sps = self.news(unit.idr);
        self.ready.push_back(Unit { data, is_key: unit.idr, timestamp: self.timestamp, sps });
    }

    /// What the parameter sets say, when that is first known, and at a key frame after it changed.
    fn news(&mut self, is_key: bool) -> Option<Sps> {
        if self.told.is_some() && !is_key {
            return None;
        }
        let sps = h264::parse_sps(self.sps.last()?).ok()?;
        (self.told != Some(sps)).then(|| *self.told.insert(sps))
    }

    fn with_sets(&self, unit: &[u8]) -> Bytes {
        let mut whole = BytesMut::with_capacity(unit.len() + 256);
        for set in self.sps.iter().chain(&self.pps) {
            whole.put_slice(&START_CODE);
            whole.put_slice(set);
        }
        whole.put_slice(unit);
        whole.freeze()
    }

    /// Parameter sets that came together replace those of their kind before.
    fn learn(&mut self, nals: impl Iterator<Item = Bytes>) {
        let (mut sps, mut pps) = (Vec::new(), Vec::new());
        for nal in nals.filter(|nal| nal.len() <= LONGEST_SET) {
            let kept = match h264::nal_unit_type(&nal) {
                Some(nal_type::SPS) => &mut sps,
                Some(nal_type::PPS) => &mut pps,
                _ => continue,
            };
            if kept.len() < MOST_SETS {
                // A copy, so that a whole picture's memory is not held for it.
                kept.push(Bytes::copy_from_slice(&nal));
            }
        }
        if !sps.is_empty() {
            self.sps = sps;
        }
        if !pps.is_empty() {
            self.pps = pps;
        }
    }
}

/// Whether a payload ends a slice, so that a marker on it ends a picture.
fn ends_slice(payload: &[u8]) -> bool {
    let slice = |byte: u8| matches!(byte & 0x1f, nal_type::SLICE..=nal_type::IDR);
    match payload {
        [header, fu, ..] if header & 0x1f == FU_A => slice(*fu) && fu & 0x40 != 0,
        [header, rest @ ..] if header & 0x1f == STAP_A => {
            let (mut rest, mut last) = (rest, 0);
            while let [high, low, header, ..] = rest {
                last = *header;
                let length = 2 + usize::from(u16::from_be_bytes([*high, *low]));
                rest = rest.get(length..).unwrap_or_default();
            }
            slice(last)
        }
        [header, ..] => slice(*header),
        [] => false,
    }
}

/// Whether a payload may be a picture's first: anything but the middle of a fragmented unit.
fn starts_unit(payload: &[u8]) -> bool {
    !matches!(payload, [header, fu, ..] if header & 0x1f == FU_A && fu & 0x80 == 0)
}

/// RFC 6184 §5.2.
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

#[cfg(test)]
mod tests {
    use athome_shared::media::rtp_h264::packetize;

    use super::*;
    use crate::source::test_clip::{SIZE, access_units};

    /// Packets of pictures as a camera sends them, its parameter sets as `sets` says.
    fn packets(units: &[Vec<u8>], keep_sets: bool) -> Vec<Packet> {
        let mut all = Vec::new();
        for (n, unit) in units.iter().enumerate() {
            let nals = h264::nals(unit)
                .filter(|nal| keep_sets || !matches!(h264::nal_unit_type(nal), Some(nal_type::SPS | nal_type::PPS)));
            let bytes: Vec<u8> = nals.flat_map(|nal| [&START_CODE, nal].concat()).collect();
            let mut payloads = Vec::new();
            packetize(&Bytes::from(bytes), 200, &mut payloads);
            let last = payloads.len() - 1;
            for (i, payload) in payloads.iter().enumerate() {
                all.push(Packet {
                    payload_type: 96,
                    marker: i == last,
                    sequence: all.len() as u16,
                    timestamp: n as u32 * 3_000,
                    payload: payload.bytes(&mut BytesMut::new()),
                });
            }
        }
        all
    }

    fn sets(units: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let nals = units.iter().flat_map(|unit| h264::nals(unit));
        let sets = nals.filter(|nal| matches!(h264::nal_unit_type(nal), Some(nal_type::SPS | nal_type::PPS)));
        sets.take(2).map(<[u8]>::to_vec).collect()
    }

    fn gather(units: &mut Units, packets: impl IntoIterator<Item = (Packet, bool)>) -> Vec<Unit> {
        let mut all = Vec::new();
        for (packet, gap) in packets {
            units.handle_packet(packet, gap);
            all.extend(std::iter::from_fn(|| units.poll()));
        }
        all
    }

    fn whole(packets: Vec<Packet>) -> impl Iterator<Item = (Packet, bool)> {
        packets.into_iter().map(|packet| (packet, false))
    }

    #[test]
    fn pictures_come_whole_with_parameter_sets_in_or_out_of_band() {
        let sent = access_units(6, 3);
        for (described, in_band) in [(Vec::new(), true), (sets(&sent), false)] {
            let mut units = Units::new(&described);
            let all = gather(&mut units, whole(packets(&sent, in_band)));
            assert_eq!(
                all.iter().map(|unit| unit.is_key).collect::<Vec<_>>(),
                [true, false, false, true, false, false]
            );
            for (unit, sent) in all.iter().zip(&sent) {
                assert!(h264::nals(&unit.data).eq(h264::nals(sent)), "as it was encoded");
            }
            let sps = all[0].sps.expect("told with the first");
            assert_eq!((sps.width, sps.height), (SIZE.0 as u32, SIZE.1 as u32));
            assert!(all[1..].iter().all(|unit| unit.sps.is_none()), "and once");
        }
    }

    #[test]
    fn markers_on_parameter_sets_and_missing_ones_harm_nothing() {
        let sent = access_units(4, 4);
        for marked in [true, false] {
            let packets = packets(&sent, true).into_iter().map(|packet| Packet { marker: marked, ..packet });
            // Control of the last one: nothing follows that would end it.
            let expected = if marked { 4 } else { 3 };
            assert_eq!(gather(&mut Units::default(), packets.map(|packet| (packet, false))).len(), expected);
        }
    }

    #[test]
    fn after_a_loss_nothing_comes_before_the_next_key_frame() {
        let sent = access_units(9, 4);
        let all = packets(&sent, true);
        for lost in 0..all.len() {
            let mut units = Units::default();
            let rest = all.iter().enumerate().filter(|(n, _)| *n != lost);
            let given = gather(&mut units, rest.map(|(n, packet)| (packet.clone(), n == lost + 1)));
            let at = (all[lost].timestamp / 3_000) as usize;
            for unit in &given {
                let number = (unit.timestamp / 3_000) as usize;
                let next_key = (at / 4 + 1) * 4;
                let spoilt = (at..next_key).contains(&number);
                // A lost parameter set of a stream that has others is the only one that costs nothing.
                assert!(!spoilt || number == at, "picture {number} refers to what was lost with {at}");
            }
        }
    }

    #[test]
    fn a_picture_without_end_is_dropped_in_bounded_memory() {
        let mut units = Units::default();
        let piece = Bytes::from(vec![0x5c; 60_000]);
        for n in 0..1_000u32 {
            let packet =
                Packet { payload_type: 96, marker: false, sequence: n as u16, timestamp: 0, payload: piece.clone() };
            units.handle_packet(packet, false);
            assert!(units.bytes <= MAX_ACCESS_UNIT && units.payloads.len() <= MOST_PACKETS);
        }
        assert_eq!(units.poll(), None);
    }
}
