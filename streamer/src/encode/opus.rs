//! Opus: packets of 20 ms at 48 kHz out of blocks of any length, with forward error correction in band. The one file
//! that names the library.

use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::media::frame::{Codec, EncodedFrame, Params};
use athome_shared::time::MediaTime;
use bytes::Bytes;
use opus::{Application, Bitrate, Channels};

use crate::source::PcmBlock;

/// Samples of one channel in a packet: 20 ms.
pub const PACKET_SAMPLES: usize = 960;
/// Bits a second.
pub const BITRATE: i32 = 64_000;
/// Of 10: enough for speech at this bitrate, at a fifth of the processor time of the library's default.
const COMPLEXITY: i32 = 5;
/// What the encoder prepares for; from about 5 % on it spends bits on the packet before (RFC 6716 §2.1.7).
const EXPECTED_LOSS_PERCENT: i32 = 10;
/// The largest packet that is reasonable here; the library never makes one larger than it is given room for.
const MAX_PACKET: usize = 1_500;
/// Sound that is further off than this was interrupted; less is drift and unsteady time stamps.
const GAP: u64 = 60 * TICKS_PER_MS as u64;
/// Drift is followed by this share of the difference with each block, at most a millisecond: no ear hears that.
const FOLLOW: i64 = 32;
const TICKS_PER_MS: i64 = MediaTime::RATE / 1_000;
const PACKET: Duration = Duration::from_millis(20);
const PACKET_TICKS: i64 = 20 * TICKS_PER_MS;

/// The library refused.
#[derive(Debug, thiserror::Error)]
#[error("Opus encoder: {0}")]
pub struct OpusError(#[from] opus::Error);

/// Gathers and encodes one stream of sound.
#[derive(Default)]
pub struct Encoder {
    inner: Option<Running>,
    /// Interleaved; less than a packet between calls.
    gathered: Vec<f32>,
    timeline: Timeline,
}

struct Running {
    encoder: opus::Encoder,
    channels: u8,
    params: Arc<Params>,
}

impl Encoder {
    /// Encodes what became a whole packet with this block; the rest waits for the next one. More than two channels are cut
    /// to the first two.
    pub fn encode(&mut self, block: &PcmBlock, mut packet: impl FnMut(EncodedFrame)) -> Result<(), OpusError> {
        let given = usize::from(block.channels);
        if given == 0 {
            return Ok(());
        }
        let kept = block.channels.min(2);
        if self.inner.as_ref().is_none_or(|running| running.channels != kept) {
            self.inner = Some(Running::start(kept)?);
            self.gathered.clear();
        }
        let Some(running) = &mut self.inner else { return Ok(()) };
        let channels = usize::from(kept);
        if self.timeline.handle_block(self.gathered.len() / channels, block.pts, block.captured) == Block::AfterGap {
            // What was gathered before the gap fills no packet any more.
            self.gathered.clear();
        }
        for sample in block.samples.chunks_exact(given) {
            self.gathered.extend(sample.iter().take(channels));
        }
        let whole = PACKET_SAMPLES * channels;
        let mut taken = 0;
        while let Some(pcm) = self.gathered.get(taken..taken + whole) {
            let mut data = vec![0; MAX_PACKET];
            let len = running.encoder.encode_float(pcm, &mut data)?;
            data.truncate(len);
            taken += whole;
            let Some((pts, captured)) = self.timeline.handle_packet() else { continue };
            packet(EncodedFrame {
                codec: Codec::Opus,
                is_key: true,
                pts,
                captured,
                encoded: Instant::now(),
                data: Bytes::from(data),
                params: running.params.clone(),
            });
        }
        self.gathered.drain(..taken);
        Ok(())
    }
}

impl Running {
    fn start(channels: u8) -> Result<Self, OpusError> {
        let layout = if channels == 1 { Channels::Mono } else { Channels::Stereo };
        let mut encoder = opus::Encoder::new(48_000, layout, Application::Audio)?;
        encoder.set_bitrate(Bitrate::Bits(BITRATE))?;
        encoder.set_vbr(true)?;
        encoder.set_vbr_constraint(true)?;
        encoder.set_inband_fec(true)?;
        encoder.set_packet_loss_perc(EXPECTED_LOSS_PERCENT)?;
        encoder.set_complexity(COMPLEXITY)?;
        encoder.set_dtx(false)?;
        Ok(Self { encoder, channels, params: Arc::new(Params::Audio { channels }) })
    }
}

/// How a block joins what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Continues,
    AfterGap,
}

/// Where the gathered samples are in time. Samples are counted, because blocks are stamped unsteadily; the count follows
/// the stamps slowly, because a sound card's clock is not ours. Pure.
#[derive(Debug, Default)]
struct Timeline {
    /// Of the first gathered sample.
    start: Option<(i64, Instant)>,
    /// Of the last packet made; later ones are later.
    last: Option<i64>,
}

impl Timeline {
    /// A block whose first sample is `pts` comes after `gathered` samples.
    fn handle_block(&mut self, gathered: usize, pts: MediaTime, captured: Instant) -> Block {
        if let Some((start, first)) = &mut self.start {
            let expected = start.saturating_add(ticks(gathered));
            let off = pts.0.saturating_sub(expected);
            if off.unsigned_abs() <= GAP {
                *start += (off / FOLLOW).clamp(-TICKS_PER_MS, TICKS_PER_MS);
                // Of an unsteady stamp the captured instant is taken as it is where a block begins a packet.
                if gathered == 0 {
                    *first = captured;
                }
                return Block::Continues;
            }
        }
        self.start = Some((pts.0, captured));
        Block::AfterGap
    }

    /// A packet was made of the first gathered samples: its times, or `None` where time went back and the packet is of a
    /// past that was told already.
    fn handle_packet(&mut self) -> Option<(MediaTime, Instant)> {
        let (start, captured) = self.start?;
        self.start = Some((start.saturating_add(PACKET_TICKS), captured + PACKET));
        if self.last.is_some_and(|last| start <= last) {
            return None;
        }
        self.last = Some(start);
        Some((MediaTime(start), captured))
    }
}

fn ticks(samples: usize) -> i64 {
    i64::try_from(samples).unwrap_or(i64::MAX).saturating_mul(15) / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 48_000.0;

    fn block(samples: &[f32], channels: u8, pts: i64, captured: Instant) -> PcmBlock {
        PcmBlock { channels, samples: samples.into(), captured, pts: MediaTime(pts) }
    }

    fn tone(hz: f64, from: usize, samples: usize) -> Vec<f32> {
        (from..from + samples).map(|n| (n as f64 * hz * std::f64::consts::TAU / RATE).sin() as f32 * 0.5).collect()
    }

    /// Mono blocks of these lengths, one after the other, each stamped `pts` by its start.
    fn encode(lens: &[usize], pts: impl Fn(usize, usize) -> i64) -> Vec<EncodedFrame> {
        let (origin, mut from) = (Instant::now(), 0);
        let (mut encoder, mut packets) = (Encoder::default(), Vec::new());
        for (n, len) in lens.iter().enumerate() {
            let captured = origin + Duration::from_nanos(from as u64 * 1_000_000_000 / 48_000);
            let block = block(&tone(1000.0, from, *len), 1, pts(n, from), captured);
            encoder.encode(&block, |packet| packets.push(packet)).unwrap();
            from += len;
        }
        packets
    }

    #[test]
    fn blocks_of_any_length_become_packets_of_20_ms() {
        let lens: Vec<usize> = (0..200).map(|n| [441, 960, 17, 2000, 1, 480][n % 6]).collect();
        let packets = encode(&lens, |_, from| ticks(from));
        assert_eq!(packets.len(), lens.iter().sum::<usize>() / PACKET_SAMPLES);
        for (n, pair) in packets.windows(2).enumerate() {
            assert!((pair[1].pts.0 - pair[0].pts.0 - PACKET_TICKS).abs() <= 1, "packet {n}");
            let apart = pair[1].captured - pair[0].captured;
            assert!(apart.abs_diff(PACKET) < Duration::from_micros(50), "packet {n}: {apart:?}");
        }
        assert_eq!(*packets[0].params, Params::Audio { channels: 1 });
    }

    #[test]
    fn a_tone_is_a_tone_again_after_decoding() {
        let packets = encode(&[960; 50], |_, from| ticks(from));
        let mut decoder = opus::Decoder::new(48_000, Channels::Mono).unwrap();
        let mut pcm = Vec::new();
        for packet in &packets {
            let mut out = [0f32; PACKET_SAMPLES];
            assert_eq!(decoder.decode_float(&packet.data, &mut out, false).unwrap(), PACKET_SAMPLES);
            pcm.extend(out);
        }
        let heard = &pcm[PACKET_SAMPLES * 10..];
        let power = |hz: f64| {
            let (mut re, mut im) = (0.0, 0.0);
            for (n, sample) in heard.iter().enumerate() {
                let phase = n as f64 * hz * std::f64::consts::TAU / RATE;
                re += f64::from(*sample) * phase.cos();
                im += f64::from(*sample) * phase.sin();
            }
            2.0 * re.hypot(im) / heard.len() as f64
        };
        assert!((power(1000.0) - 0.5).abs() < 0.05, "amplitude {}", power(1000.0));
        assert!(power(1500.0) < 0.01, "control: nothing at another pitch");
    }

    #[test]
    fn a_lost_packet_is_restored_from_the_next() {
        // A tone whose pitch rises: concealment can't guess it, the redundancy knows it.
        let pcm: Vec<f32> = (0..960 * 60)
            .map(|n| {
                let t = n as f64 / RATE;
                ((200.0 * t + 600.0 * t * t) * std::f64::consts::TAU).sin() as f32 * 0.5
            })
            .collect();
        let (mut encoder, mut packets) = (Encoder::default(), Vec::new());
        encoder.encode(&block(&pcm, 1, 0, Instant::now()), |packet| packets.push(packet)).unwrap();
        let energy_of_error = |restore: &dyn Fn(&mut opus::Decoder, usize, &mut [f32])| {
            let (mut whole, mut lossy) = (
                opus::Decoder::new(48_000, Channels::Mono).unwrap(),
                opus::Decoder::new(48_000, Channels::Mono).unwrap(),
            );
            let mut error = 0.0;
            for (n, packet) in packets.iter().enumerate().take(packets.len() - 1) {
                let (mut a, mut b) = ([0f32; PACKET_SAMPLES], [0f32; PACKET_SAMPLES]);
                whole.decode_float(&packet.data, &mut a, false).unwrap();
                if n % 10 == 9 {
                    restore(&mut lossy, n, &mut b);
                    error += a.iter().zip(&b).map(|(a, b)| f64::from((a - b) * (a - b))).sum::<f64>();
                } else {
                    lossy.decode_float(&packet.data, &mut b, false).unwrap();
                }
            }
            error
        };
        let restored = energy_of_error(&|decoder, n, out| {
            decoder.decode_float(&packets[n + 1].data, out, true).unwrap();
        });
        let concealed = energy_of_error(&|decoder, _, out| {
            decoder.decode_float(&[], out, false).unwrap();
        });
        assert!(restored < concealed * 0.5, "with redundancy {restored}, by guessing {concealed}");
    }

    #[test]
    fn unsteady_stamps_are_smoothed_and_drift_is_followed() {
        // Stamps that jump by up to 10 ms either way, of a sound card that is 200 ppm slow.
        let packets = encode(&[480; 3_000], |n, from| {
            let true_time = ticks(from) as f64 * 1.000_2;
            true_time as i64 + ((n * 7919) % 1800) as i64 - 900
        });
        for pair in packets.windows(2) {
            assert!((pair[1].pts.0 - pair[0].pts.0 - PACKET_TICKS).abs() <= 2 * TICKS_PER_MS);
        }
        let last = packets.last().unwrap();
        let off = last.pts.0 as f64 - ticks((packets.len() - 1) * PACKET_SAMPLES) as f64 * 1.000_2;
        assert!(off.abs() < 5.0 * TICKS_PER_MS as f64, "off by {} ms after 30 s", off / 90.0);
    }

    #[test]
    fn after_a_gap_time_goes_on_where_the_stamps_say_and_never_back() {
        let second = MediaTime::RATE;
        let ahead = encode(&[960; 20], |n, from| ticks(from) + if n >= 10 { second } else { 0 });
        assert_eq!(ahead[10].pts.0 - ahead[9].pts.0, PACKET_TICKS + second);
        let back = encode(&[960; 120], |n, from| ticks(from) - if n >= 60 { second } else { 0 });
        assert!(back.windows(2).all(|pair| pair[1].pts > pair[0].pts));
        assert_eq!(back.len(), 120 - 50, "what was told already is not told again");
    }

    #[test]
    fn odd_blocks_are_harmless() {
        let mut encoder = Encoder::default();
        let now = Instant::now();
        let mut packets = 0;
        for (channels, len) in [(0, 960), (1, 0), (2, 961), (6, 960 * 6), (255, 255 * 960), (2, 1921)] {
            encoder.encode(&block(&vec![f32::NAN; len], channels, i64::MIN, now), |_| packets += 1).unwrap();
            encoder.encode(&block(&vec![1e30; len], channels, i64::MAX, now), |_| packets += 1).unwrap();
        }
        assert!(packets < 10);
    }
}
