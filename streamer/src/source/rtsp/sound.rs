//! A camera's sound: G.711 (ITU-T G.711, RFC 3551 §4.5.14) decoded, Opus (RFC 7587) as it comes.

use std::sync::Arc;
use std::time::Instant;

use athome_shared::media::frame::{Codec, EncodedFrame, Params};
use athome_shared::time::MediaClock;

use super::rtp::Packet;
use super::sdp::Stream;
use super::timeline::Timeline;
use crate::source::resample::Resampler;
use crate::source::{PcmBlock, Sink};

/// Largest packet of sound taken, in bytes: 120 ms of Opus at its highest rate (RFC 6716 §3.2.5) is 7,656.
const MOST_BYTES: usize = 8_192;

/// A stream of sound that can be played.
pub(super) struct Sound {
    payload_type: u8,
    timeline: Timeline,
    way: Way,
}

enum Way {
    Opus(Arc<Params>),
    G711 { table: Box<[f32; 256]>, resampler: Resampler, channels: u8 },
}

impl Sound {
    /// `None` for sound of a kind that is not played.
    pub(super) fn new(stream: &Stream) -> Option<Self> {
        let way = match stream.codec.as_str() {
            "OPUS" => Way::Opus(Arc::new(Params::Audio { channels: 2 })),
            "PCMU" => Way::g711(stream, mu_law)?,
            "PCMA" => Way::g711(stream, a_law)?,
            _ => return None,
        };
        Some(Self { payload_type: stream.payload_type, timeline: Timeline::new(stream.rate), way })
    }

    /// Passes a packet on.
    pub(super) fn handle_packet(&mut self, now: Instant, packet: Packet, clock: &MediaClock, sink: &dyn Sink) {
        if packet.payload_type != self.payload_type || packet.payload.is_empty() || packet.payload.len() > MOST_BYTES {
            return;
        }
        let captured = self.timeline.handle_packet(now, packet.timestamp);
        let pts = clock.media(captured);
        match &mut self.way {
            Way::Opus(params) => sink.encoded(EncodedFrame {
                codec: Codec::Opus,
                is_key: true,
                pts,
                captured,
                encoded: now,
                data: packet.payload,
                params: params.clone(),
            }),
            Way::G711 { table, resampler, channels } => {
                let decoded: Vec<f32> = packet.payload.iter().map(|byte| table[usize::from(*byte)]).collect();
                let mut samples = Vec::with_capacity(decoded.len() * 6);
                resampler.push(&decoded, &mut samples);
                sink.pcm(PcmBlock { channels: *channels, samples: samples.into(), captured, pts });
            }
        }
    }
}

impl Way {
    fn g711(stream: &Stream, decode: fn(u8) -> i16) -> Option<Self> {
        let resampler = Resampler::new(stream.rate, usize::from(stream.channels))?;
        let table = Box::new(std::array::from_fn(|byte| f32::from(decode(byte as u8)) / 32_768.0));
        let channels = resampler.channels();
        Some(Self::G711 { table, resampler, channels })
    }
}

/// G.711 table 2a, its 14 bits in the upper part of 16.
fn mu_law(byte: u8) -> i16 {
    let byte = !byte;
    let (exponent, mantissa) = (i32::from(byte >> 4 & 7), i32::from(byte & 0x0f));
    let size = (((mantissa << 3) + 0x84) << exponent) - 0x84;
    (if byte & 0x80 != 0 { -size } else { size }) as i16
}

/// G.711 table 1a, its 13 bits in the upper part of 16.
fn a_law(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (exponent, mantissa) = (i32::from(byte >> 4 & 7), i32::from(byte & 0x0f));
    let size = if exponent == 0 { (mantissa << 4) + 8 } else { ((mantissa << 4) + 0x108) << (exponent - 1) };
    (if byte & 0x80 != 0 { size } else { -size }) as i16
}

#[cfg(test)]
mod tests {
    use super::{a_law, mu_law};

    #[test]
    fn the_tables_are_those_of_g711() {
        // The loudest, the softest and silence of both laws.
        assert_eq!([0x80, 0x00, 0xff, 0x7f, 0xfe].map(mu_law), [32_124, -32_124, 0, 0, 8]);
        assert_eq!([0xaa, 0x2a, 0xd5, 0x55, 0xd4].map(a_law), [32_256, -32_256, 8, -8, 24]);
        for law in [mu_law, a_law] {
            assert!((0..=127).all(|byte: u8| i32::from(law(byte)) == -i32::from(law(byte | 0x80))));
        }
    }
}
