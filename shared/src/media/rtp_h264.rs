//! H.264 over RTP (RFC 6184, packetization-mode 1): access units to payloads and back. The way back takes hostile input.

use bytes::{BufMut, Bytes, BytesMut};

use super::h264::{START_CODE, nal_ranges, nal_type};

/// Largest RTP payload that we send. With 32 bytes of RTP header and extensions, 16 of SRTP, 8 of UDP and 40 of IPv6 it
/// stays below the 1,280 bytes that every path carries.
pub const MAX_PAYLOAD: usize = 1160;
/// Largest access unit that is put together again; a larger one is malformed.
pub const MAX_ACCESS_UNIT: usize = 4 * 1024 * 1024;

/// RFC 6184 §5.2: an aggregate of several NAL units.
const STAP_A: u8 = 24;
/// RFC 6184 §5.2: a part of one NAL unit.
const FU_A: u8 = 28;

/// An RTP payload that shares the access unit's memory, so that keeping it for retransmission costs nothing.
#[derive(Clone, Debug)]
pub struct Payload {
    /// FU indicator and FU header of a fragment.
    fragment: Option<[u8; 2]>,
    body: Bytes,
}

impl Payload {
    /// A payload that is sent as it is.
    pub fn whole(body: Bytes) -> Self {
        Self { fragment: None, body }
    }

    /// Bytes on the wire.
    pub fn len(&self) -> usize {
        self.body.len() + if self.fragment.is_some() { 2 } else { 0 }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether its bytes have to be put together before sending.
    pub fn is_fragment(&self) -> bool {
        self.fragment.is_some()
    }

    /// Appends the bytes on the wire.
    pub fn put(&self, out: &mut BytesMut) {
        if let Some(head) = self.fragment {
            out.put_slice(&head);
        }
        out.put_slice(&self.body);
    }

    /// The bytes on the wire; a fragment's are copied into `space`, others are shared.
    pub fn bytes(&self, space: &mut BytesMut) -> Bytes {
        if self.fragment.is_none() {
            return self.body.clone();
        }
        self.put(space);
        space.split().freeze()
    }
}

/// Splits an Annex B access unit into RTP payloads of at most `max_payload` bytes (at least 16), in sending order. Access
/// unit delimiters and filler are left out; small NAL units next to each other share a packet.
pub fn packetize(unit: &Bytes, max_payload: usize, out: &mut Vec<Payload>) {
    let max = max_payload.max(16);
    let mut small: Vec<Bytes> = Vec::new();
    let mut small_len = 1;
    for range in nal_ranges(unit) {
        let nal = unit.slice(range);
        let Some(header) = nal.first().copied() else { continue };
        if matches!(header & 0x1f, nal_type::AUD | nal_type::FILLER) {
            continue;
        }
        if small_len + 2 + nal.len() > max {
            flush(&mut small, &mut small_len, out);
        }
        if nal.len() > max {
            fragment(&nal, header, max, out);
        } else {
            small_len += 2 + nal.len();
            small.push(nal);
        }
    }
    flush(&mut small, &mut small_len, out);
}

/// Sends NAL units that fit one packet: alone as they are, several as STAP-A (RFC 6184 §5.7.1).
fn flush(small: &mut Vec<Bytes>, small_len: &mut usize, out: &mut Vec<Payload>) {
    if small.len() == 1 {
        out.extend(small.drain(..).map(Payload::whole));
    } else if !small.is_empty() {
        let headers = small.iter().filter_map(|nal| nal.first());
        // F is set if any has it, NRI is the largest.
        let header = headers.fold(STAP_A, |all, h| (all & 0x80 | h & 0x80) | (all & 0x60).max(h & 0x60) | STAP_A);
        let mut payload = BytesMut::with_capacity(*small_len);
        payload.put_u8(header);
        for nal in small.drain(..) {
            // Each fits a packet, so its length fits 16 bits.
            payload.put_u16(nal.len() as u16);
            payload.put_slice(&nal);
        }
        out.push(Payload::whole(payload.freeze()));
    }
    *small_len = 1;
}

/// RFC 6184 §5.8: FU indicator, FU header, then a part of the NAL unit without its header byte.
fn fragment(nal: &Bytes, header: u8, max: usize, out: &mut Vec<Payload>) {
    let body = nal.slice(1..);
    let chunk = max - 2;
    for start in (0..body.len()).step_by(chunk) {
        let end = (start + chunk).min(body.len());
        let first = if start == 0 { 0x80 } else { 0 };
        let last = if end == body.len() { 0x40 } else { 0 };
        let head = [header & 0xe0 | FU_A, first | last | header & 0x1f];
        out.push(Payload { fragment: Some(head), body: body.slice(start..end) });
    }
}

/// Why a payload is not H.264 that we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("empty access unit")]
    Empty,
    #[error("aggregate is cut short")]
    Aggregate,
    #[error("fragment without its start, or interrupted")]
    Fragment,
    #[error("payload type {0} is not part of packetization-mode 1")]
    Kind(u8),
    #[error("access unit above {MAX_ACCESS_UNIT} bytes")]
    TooLarge,
}

/// An access unit put together from payloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// Annex B with 4-byte start codes.
    pub data: Bytes,
    /// It holds an IDR slice.
    pub idr: bool,
    /// It holds a sequence parameter set.
    pub sps: bool,
}

/// Puts an access unit together from the payloads of its packets, given in order and without gaps.
pub fn depacketize<'a>(payloads: impl Iterator<Item = &'a [u8]> + Clone) -> Result<AccessUnit, Malformed> {
    let size: usize = payloads.clone().map(<[u8]>::len).sum();
    if size > MAX_ACCESS_UNIT {
        return Err(Malformed::TooLarge);
    }
    let mut unit = Assembly { out: BytesMut::with_capacity(size + 64), fragmented: None, idr: false, sps: false };
    for payload in payloads {
        unit.push(payload)?;
    }
    if unit.fragmented.is_some() {
        return Err(Malformed::Fragment);
    }
    if unit.out.is_empty() {
        return Err(Malformed::Empty);
    }
    Ok(AccessUnit { data: unit.out.freeze(), idr: unit.idr, sps: unit.sps })
}

struct Assembly {
    out: BytesMut,
    /// The header byte of the NAL unit whose fragments are arriving.
    fragmented: Option<u8>,
    idr: bool,
    sps: bool,
}

impl Assembly {
    fn push(&mut self, payload: &[u8]) -> Result<(), Malformed> {
        let Some((&header, rest)) = payload.split_first() else {
            // Padding only (bandwidth probes of other stacks).
            return Ok(());
        };
        let kind = header & 0x1f;
        if self.fragmented.is_some() && kind != FU_A {
            return Err(Malformed::Fragment);
        }
        match kind {
            1..=23 => self.nal(payload),
            STAP_A => self.aggregate(rest)?,
            FU_A => self.fragment(header, rest)?,
            _ => return Err(Malformed::Kind(kind)),
        }
        Ok(())
    }

    fn nal(&mut self, nal: &[u8]) {
        self.seen(nal.first().copied().unwrap_or(0));
        self.out.put_slice(&START_CODE);
        self.out.put_slice(nal);
    }

    fn seen(&mut self, header: u8) {
        match header & 0x1f {
            nal_type::IDR => self.idr = true,
            nal_type::SPS => self.sps = true,
            _ => {}
        }
    }

    fn aggregate(&mut self, mut rest: &[u8]) -> Result<(), Malformed> {
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk::<2>().ok_or(Malformed::Aggregate)?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (nal, after) = after.split_at_checked(length).ok_or(Malformed::Aggregate)?;
            if nal.is_empty() {
                return Err(Malformed::Aggregate);
            }
            self.nal(nal);
            rest = after;
        }
        Ok(())
    }

    fn fragment(&mut self, indicator: u8, rest: &[u8]) -> Result<(), Malformed> {
        let (&fu, body) = rest.split_first().ok_or(Malformed::Fragment)?;
        let (start, end) = (fu & 0x80 != 0, fu & 0x40 != 0);
        let header = indicator & 0xe0 | fu & 0x1f;
        if start {
            if self.fragmented.is_some() || end || !(1..=23).contains(&(fu & 0x1f)) {
                return Err(Malformed::Fragment);
            }
            self.seen(header);
            self.out.put_slice(&START_CODE);
            self.out.put_u8(header);
            self.fragmented = Some(header);
        } else if self.fragmented.is_none_or(|open| open & 0x1f != fu & 0x1f) {
            return Err(Malformed::Fragment);
        }
        self.out.put_slice(body);
        if end {
            self.fragmented = None;
        }
        Ok(())
    }
}

/// Whether a payload is the first of an access unit that decoding can start with: it begins with a sequence parameter set, as
/// every key frame of ours does.
pub fn starts_key_frame(payload: &[u8]) -> bool {
    match payload.first().map(|b| b & 0x1f) {
        Some(nal_type::SPS) => true,
        Some(STAP_A) => payload.get(3).is_some_and(|b| b & 0x1f == nal_type::SPS),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(nals: &[&[u8]]) -> Bytes {
        let mut out = BytesMut::new();
        for nal in nals {
            out.put_slice(&START_CODE);
            out.put_slice(nal);
        }
        out.freeze()
    }

    /// A NAL unit of `len` bytes without start codes or trailing zeros in it.
    fn nal(header: u8, len: usize) -> Vec<u8> {
        (0..len).map(|i| if i == 0 { header } else { (i % 250) as u8 + 1 }).collect()
    }

    fn payloads(unit: &Bytes, max: usize) -> Vec<Bytes> {
        let mut payloads = Vec::new();
        packetize(unit, max, &mut payloads);
        let mut space = BytesMut::new();
        payloads
            .iter()
            .map(|p| {
                let bytes = p.bytes(&mut space);
                assert_eq!(bytes.len(), p.len());
                bytes
            })
            .collect()
    }

    fn round_trip(unit: &Bytes, max: usize) -> AccessUnit {
        let payloads = payloads(unit, max);
        assert!(payloads.iter().all(|p| p.len() <= max && !p.is_empty()));
        depacketize(payloads.iter().map(|p| &p[..])).unwrap()
    }

    #[test]
    fn every_size_comes_back_bit_exact() {
        for len in (1..40).chain(1150..1180).chain(2300..2330).chain([5_000, 100_000]) {
            let frame = unit(&[&nal(0x41, len)]);
            assert_eq!(round_trip(&frame, 1160).data, frame, "{len}");
            assert_eq!(round_trip(&frame, 16).data, frame, "{len}");
        }
    }

    #[test]
    fn a_key_frame_keeps_its_parameter_sets_and_is_seen_as_one() {
        let frame = unit(&[&nal(0x67, 12), &nal(0x68, 5), &nal(0x06, 30), &nal(0x65, 30_000)]);
        let payloads = payloads(&frame, MAX_PAYLOAD);
        assert_eq!(payloads[0][0] & 0x1f, STAP_A);
        assert!(starts_key_frame(&payloads[0]));
        assert!(!starts_key_frame(&payloads[1]));
        let back = round_trip(&frame, MAX_PAYLOAD);
        assert_eq!(back, AccessUnit { data: frame, idr: true, sps: true });
    }

    #[test]
    fn delimiters_and_filler_stay_at_home() {
        let frame = unit(&[&[0x09, 0xf0], &nal(0x41, 100), &[0x0c, 0xff, 0xff]]);
        assert_eq!(round_trip(&frame, 1160).data, unit(&[&nal(0x41, 100)]));
    }

    #[test]
    fn hostile_payloads_are_refused() {
        let cases: [(&[&[u8]], Malformed); 12] = [
            (&[&[0x78, 0, 2, 0x65, 1, 9]], Malformed::Aggregate),
            (&[&[0x78, 0xff, 0xff, 0x65]], Malformed::Aggregate),
            (&[&[0x78, 0, 0]], Malformed::Aggregate),
            (&[&[0x78, 0]], Malformed::Aggregate),
            (&[&[0x78]], Malformed::Empty),
            (&[&[]], Malformed::Empty),
            (&[&[0x7c]], Malformed::Fragment),
            (&[&[0x7c, 0x05, 1]], Malformed::Fragment),
            (&[&[0x7c, 0x85, 1]], Malformed::Fragment),
            (&[&[0x7c, 0x85, 1], &[0x7c, 0x85, 1], &[0x7c, 0x45, 1]], Malformed::Fragment),
            (&[&[0x7c, 0x85, 1], &[0x41, 1], &[0x7c, 0x45, 1]], Malformed::Fragment),
            (&[&[0x7d, 1, 2]], Malformed::Kind(29)),
        ];
        for (payloads, error) in cases {
            assert_eq!(depacketize(payloads.iter().copied()), Err(error), "{payloads:?}");
        }
        assert_eq!(depacketize([&[0x60u8, 1][..]].into_iter()), Err(Malformed::Kind(0)));
    }

    #[test]
    fn no_payload_panics() {
        let mut seed = 3u32;
        let mut random = move || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        };
        for _ in 0..20_000 {
            let payloads: Vec<Vec<u8>> = (0..3)
                .map(|_| {
                    let mut p: Vec<u8> = (0..random() % 12).map(|_| random() & random()).collect();
                    if let Some(first) = p.first_mut() {
                        *first = [0x78, 0x7c, 0x65][usize::from(random() % 3)];
                    }
                    p
                })
                .collect();
            let _ = depacketize(payloads.iter().map(|p| &p[..]));
            payloads.iter().for_each(|p| _ = starts_key_frame(p));
        }
    }
}
