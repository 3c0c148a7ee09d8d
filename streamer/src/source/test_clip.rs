//! Clips for tests: pictures by our own encoder, in the smallest Matroska file that players take.

use athome_shared::media::clock;
use athome_shared::media::h264::{self, nal_type};
use openh264::encoder::Encoder;
use openh264::formats::YUVBuffer;

/// Size of the clips' pictures.
pub(crate) const SIZE: (usize, usize) = (160, 96);

/// Access units (Annex B) of pictures whose clock shows their number; the first is an IDR, and each `key_every`th.
pub(crate) fn access_units(count: u32, key_every: u32) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new().unwrap();
    (0..count)
        .map(|number| {
            let (width, height) = SIZE;
            let mut data = vec![128; width * height * 3 / 2];
            clock::write_clock(&mut data, width, width, number);
            clock::write_mark(&mut data, width, width, 77);
            if number % key_every == 0 {
                encoder.force_intra_frame();
            }
            encoder.encode(&YUVBuffer::from_vec(data, width, height)).unwrap().to_vec()
        })
        .collect()
}

/// A Matroska file of those pictures, `interval_ms` apart, the parameter sets in its header only.
pub(crate) fn mkv(units: &[Vec<u8>], interval_ms: u16) -> Vec<u8> {
    let set = |wanted| {
        let found = units.iter().flat_map(|unit| h264::nals(unit)).find(|nal| h264::nal_unit_type(nal) == Some(wanted));
        found.unwrap().to_vec()
    };
    let (sps, pps) = (set(nal_type::SPS), set(nal_type::PPS));
    let mut avcc = vec![1, sps[1], sps[2], sps[3], 0xff, 0xe1];
    avcc.extend((sps.len() as u16).to_be_bytes());
    avcc.extend(&sps);
    avcc.push(1);
    avcc.extend((pps.len() as u16).to_be_bytes());
    avcc.extend(&pps);

    let (width, height) = SIZE;
    let video = [element(&[0xb0], &[width as u8]), element(&[0xba], &[height as u8])].concat();
    let track = [
        element(&[0xd7], &[1]),
        element(&[0x73, 0xc5], &[1]),
        element(&[0x83], &[1]),
        element(&[0x86], b"V_MPEG4/ISO/AVC"),
        element(&[0x63, 0xa2], &avcc),
        element(&[0xe0], &video),
    ]
    .concat();
    let mut cluster = element(&[0xe7], &[0]);
    for (number, unit) in units.iter().enumerate() {
        let kept: Vec<&[u8]> = h264::nals(unit)
            .filter(|nal| !matches!(h264::nal_unit_type(nal), Some(nal_type::SPS | nal_type::PPS)))
            .collect();
        let mut block = vec![0x81];
        block.extend((number as u16 * interval_ms).to_be_bytes());
        block.push(if h264::is_idr(unit) { 0x80 } else { 0 });
        for nal in kept {
            block.extend((nal.len() as u32).to_be_bytes());
            block.extend(nal);
        }
        cluster.extend(element(&[0xa3], &block));
    }
    let info = [
        element(&[0x2a, 0xd7, 0xb1], &1_000_000u32.to_be_bytes()),
        element(&[0x4d, 0x80], b"test"),
        element(&[0x57, 0x41], b"test"),
    ]
    .concat();
    let segment = [
        element(&[0x15, 0x49, 0xa9, 0x66], &info),
        element(&[0x16, 0x54, 0xae, 0x6b], &element(&[0xae], &track)),
        element(&[0x1f, 0x43, 0xb6, 0x75], &cluster),
    ]
    .concat();
    let header =
        [element(&[0x42, 0x82], b"matroska"), element(&[0x42, 0x87], &[4]), element(&[0x42, 0x85], &[2])].concat();
    [element(&[0x1a, 0x45, 0xdf, 0xa3], &header), element(&[0x18, 0x53, 0x80, 0x67], &segment)].concat()
}

/// An EBML element with a size of eight bytes (RFC 8794 §6).
fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    [id, &(content.len() as u64 | 1 << 56).to_be_bytes(), content].concat()
}
