//! H.264 byte streams (ITU-T H.264): NAL units in Annex B and AVCC form, parameter sets, slice types. Every input is
//! somebody else's: nothing here panics, and nothing grows beyond the input's own size.

mod sps;

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

pub use sps::{Reorder, Sps, SpsError, parse_sps};

/// `nal_unit_type` values (table 7-1) that we act on.
pub mod nal_type {
    pub const SLICE: u8 = 1;
    pub const PARTITION_A: u8 = 2;
    pub const IDR: u8 = 5;
    pub const SEI: u8 = 6;
    pub const SPS: u8 = 7;
    pub const PPS: u8 = 8;
    pub const AUD: u8 = 9;
    pub const FILLER: u8 = 12;
}

/// Start code in front of each NAL unit that we write.
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// The type of a NAL unit that starts with its header byte; `None` for an empty one.
pub fn nal_unit_type(nal: &[u8]) -> Option<u8> {
    nal.first().map(|b| b & 0x1f)
}

/// Where the NAL units of an Annex B byte stream (annex B.1) lie: header byte to last payload byte, without start codes
/// and trailing zeros. Bytes in front of the first start code are skipped.
pub fn nal_ranges(stream: &[u8]) -> NalRanges<'_> {
    NalRanges { stream, next: start_code(stream, 0).map(|at| at + 3) }
}

/// Iterator of [`nal_ranges`].
#[derive(Clone, Debug)]
pub struct NalRanges<'a> {
    stream: &'a [u8],
    next: Option<usize>,
}

impl Iterator for NalRanges<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            let start = self.next?;
            let following = start_code(self.stream, start);
            let mut end = following.unwrap_or(self.stream.len());
            while end > start && self.stream.get(end - 1) == Some(&0) {
                end -= 1;
            }
            self.next = following.map(|at| at + 3);
            if end > start {
                return Some(start..end);
            }
        }
    }
}

/// The NAL units of an Annex B byte stream; see [`nal_ranges`].
pub fn nals(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    nal_ranges(stream).filter_map(|range| stream.get(range))
}

/// Index of the next `00 00 01` at or after `from`. Looks at one byte in three as long as they are large.
fn start_code(stream: &[u8], from: usize) -> Option<usize> {
    let mut at = from.checked_add(2)?;
    loop {
        match *stream.get(at)? {
            0 => at += 1,
            1 if stream.get(at - 1) == Some(&0) && stream.get(at - 2) == Some(&0) => return Some(at - 2),
            _ => at += 3,
        }
    }
}

/// Whether an Annex B access unit holds an IDR slice, so that decoding can start with it.
pub fn is_idr(stream: &[u8]) -> bool {
    nals(stream).any(|nal| nal_unit_type(nal) == Some(nal_type::IDR))
}

/// Whether an Annex B access unit holds a B slice: such a stream needs reordering, which WebRTC receivers don't do.
pub fn has_b_slice(stream: &[u8]) -> bool {
    nals(stream).any(|nal| {
        matches!(nal_unit_type(nal), Some(nal_type::SLICE | nal_type::PARTITION_A)) && slice_type(nal) == Some(1)
    })
}

/// `slice_type` modulo 5 of a slice's NAL unit (7.4.3): 0 P, 1 B, 2 I, 3 SP, 4 SI.
pub fn slice_type(nal: &[u8]) -> Option<u32> {
    let mut bits = sps::Bits::new(nal.get(1..)?);
    bits.ue()?;
    let slice_type = bits.ue()?;
    (slice_type <= 9).then_some(slice_type % 5)
}

/// Why bytes that should be AVCC are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AvccError {
    #[error("NAL unit length size {0} is none of 1, 2, 4")]
    LengthSize(u8),
    #[error("NAL unit at byte {at} says {length} bytes, {left} are left")]
    Overrun { at: usize, length: usize, left: usize },
    #[error("AVC decoder configuration ends at byte {at}")]
    Truncated { at: usize },
}

/// Length-prefixed NAL units (ISO 14496-15 §5.3.2) as an Annex B stream with 4-byte start codes.
pub fn avcc_to_annex_b(sample: &[u8], length_size: u8) -> Result<Bytes, AvccError> {
    if !matches!(length_size, 1 | 2 | 4) {
        return Err(AvccError::LengthSize(length_size));
    }
    let size = usize::from(length_size);
    let mut out = BytesMut::with_capacity(sample.len() + 32);
    let mut at = 0;
    while at < sample.len() {
        let left = sample.len() - at;
        let prefix = sample.get(at..at + size).ok_or(AvccError::Overrun { at, length: size, left })?;
        let length = prefix.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
        at += size;
        let left = sample.len() - at;
        let end = at.checked_add(length).filter(|end| *end <= sample.len());
        let nal = end.and_then(|end| sample.get(at..end)).ok_or(AvccError::Overrun { at, length, left })?;
        if !nal.is_empty() {
            out.put_slice(&START_CODE);
            out.put_slice(nal);
        }
        at += length;
    }
    Ok(out.freeze())
}

/// An Annex B stream as NAL units with 4-byte lengths, the form that MP4 samples have.
pub fn annex_b_to_avcc(stream: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(stream.len() + 32);
    for nal in nals(stream) {
        out.put_u32(u32::try_from(nal.len()).unwrap_or(u32::MAX));
        out.put_slice(nal);
    }
    out.freeze()
}

/// What an `avcC` box holds (ISO 14496-15 §5.3.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvcConfig {
    /// Bytes of each sample's NAL unit lengths: 1, 2 or 4.
    pub length_size: u8,
    pub sps: Vec<Bytes>,
    pub pps: Vec<Bytes>,
}

impl AvcConfig {
    /// Parses the box's content.
    pub fn parse(data: &[u8]) -> Result<Self, AvccError> {
        let truncated = AvccError::Truncated { at: data.len() };
        let length_size = (data.get(4).ok_or(truncated)? & 3) + 1;
        if length_size == 3 {
            return Err(AvccError::LengthSize(3));
        }
        let mut at = 5;
        let mut sets = |mask: u8| -> Result<Vec<Bytes>, AvccError> {
            let count = data.get(at).ok_or(truncated)? & mask;
            at += 1;
            (0..count)
                .map(|_| {
                    let prefix = data.get(at..at + 2).ok_or(truncated)?;
                    let length = prefix.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
                    let set = data.get(at + 2..at + 2 + length).ok_or(truncated)?;
                    at += 2 + length;
                    Ok(Bytes::copy_from_slice(set))
                })
                .collect()
        };
        Ok(Self { length_size, sps: sets(0x1f)?, pps: sets(0xff)? })
    }

    /// The parameter sets as an Annex B stream, to go in front of an IDR.
    pub fn annex_b(&self) -> Bytes {
        let mut out = BytesMut::new();
        for set in self.sps.iter().chain(&self.pps) {
            out.put_slice(&START_CODE);
            out.put_slice(set);
        }
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(stream: &[u8]) -> Vec<u8> {
        nals(stream).filter_map(nal_unit_type).collect()
    }

    #[test]
    fn nals_are_found_between_start_codes_of_both_lengths() {
        let stream = [0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 0x65, 0, 0, 3, 1, 0, 0];
        assert_eq!(types(&stream), [7, 8, 5]);
        let found: Vec<&[u8]> = nals(&stream).collect();
        assert_eq!(found, [&[0x67, 1, 2][..], &[0x68, 3], &[0x65, 0, 0, 3, 1]]);
        assert!(is_idr(&stream));
    }

    #[test]
    fn streams_without_a_nal_give_none() {
        for stream in [&[][..], &[0], &[0, 0, 1], &[0, 0, 0, 1, 0, 0], &[1, 2, 3, 4, 5], &[0, 0, 1, 0, 0, 1]] {
            assert_eq!(nals(stream).count(), 0, "{stream:?}");
        }
    }

    #[test]
    fn the_fast_scan_finds_what_the_slow_one_finds() {
        // A small generator that favours the bytes start codes are made of.
        let mut seed = 7u32;
        for _ in 0..300 {
            let stream: Vec<u8> = (0..60)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (seed >> 24) as u8 % 4
                })
                .collect();
            let slow = stream.windows(3).position(|w| w == [0, 0, 1]);
            assert_eq!(start_code(&stream, 0), slow, "{stream:?}");
        }
    }

    #[test]
    fn avcc_goes_there_and_back() {
        let annex_b = [0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x65, 9, 9, 9];
        let avcc = annex_b_to_avcc(&annex_b);
        assert_eq!(&avcc[..], [0, 0, 0, 3, 0x67, 1, 2, 0, 0, 0, 4, 0x65, 9, 9, 9]);
        assert_eq!(&avcc_to_annex_b(&avcc, 4).unwrap()[..], annex_b);
    }

    #[test]
    fn avcc_lengths_that_lie_are_refused() {
        assert!(avcc_to_annex_b(&[0, 0, 0, 9, 1, 2], 4).is_err());
        assert!(avcc_to_annex_b(&[0xff, 0xff, 0xff, 0xff], 4).is_err());
        assert!(avcc_to_annex_b(&[0, 0], 4).is_err());
        assert_eq!(avcc_to_annex_b(&[0], 3), Err(AvccError::LengthSize(3)));
    }

    #[test]
    fn a_decoder_configuration_is_read_and_a_cut_one_refused() {
        let config = [1, 0x42, 0xe0, 0x1f, 0xff, 0xe1, 0, 2, 0x67, 1, 1, 0, 1, 0x68];
        let parsed = AvcConfig::parse(&config).unwrap();
        assert_eq!((parsed.length_size, parsed.sps.len(), parsed.pps.len()), (4, 1, 1));
        assert_eq!(&parsed.annex_b()[..], [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68]);
        for cut in 0..config.len() {
            assert!(AvcConfig::parse(&config[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn slice_types_are_peeked_at() {
        // first_mb 0 (1), slice_type 5 -> P (00110)
        assert_eq!(slice_type(&[0x41, 0b1001_1000]), Some(0));
        // first_mb 0 (1), slice_type 6 -> B (00111)
        assert_eq!(slice_type(&[0x01, 0b1001_1100]), Some(1));
        assert!(has_b_slice(&[0, 0, 1, 0x01, 0b1001_1100]));
        assert_eq!(slice_type(&[0x01]), None);
        assert_eq!(slice_type(&[0x01, 0]), None);
    }
}
