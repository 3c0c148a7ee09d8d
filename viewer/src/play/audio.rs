//! Opus to sound. [`Jitter`] puts packets back into order and says what to conceal; [`SoundDecoder`] does it on a thread of
//! its own, because a decoder's spike must not delay the picture.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use athome_shared::peer::ReceivedFrame;
use athome_shared::protocol::control::Attached;
use athome_shared::time::WallTime;

/// Samples a second of Opus.
pub const RATE: u32 = 48_000;
/// Channels that are decoded to; mono is doubled.
pub const CHANNELS: usize = 2;
/// Samples of one packet as our streamer sends it (20 ms); a gap is concealed in steps of this.
const PACKET: u32 = 960;
/// How long a packet that came early waits for the one before it.
const PATIENCE: u32 = 3 * PACKET;
/// Longer gaps are not concealed: the sound starts anew.
const MAX_CONCEALED: u32 = 10 * PACKET;
/// Longest Opus packet: 120 ms (RFC 6716 §2.1.4).
const MAX_SAMPLES: usize = 5_760;
/// Packets on their way to the decoder's thread: one second. When full, the newest is dropped and concealed.
const QUEUE: usize = 50;

/// What to do next to the decoder.
#[derive(Debug)]
pub enum Play {
    Packet(ReceivedFrame),
    /// Samples that are missing before the packet that follows; it may carry a copy of the last of them (in-band FEC).
    Conceal {
        samples: u32,
        rtp: u32,
    },
    /// The sound starts anew: another camera, or a gap too long to hide.
    Restart,
}

/// Reorders packets of one sound slot. Pure.
#[derive(Debug, Default)]
pub struct Jitter {
    /// Timestamp after the last packet played, unwrapped.
    next: Option<u64>,
    /// The newest timestamp, unwrapped, to unwrap the following ones by.
    newest: u64,
    waiting: BTreeMap<u64, ReceivedFrame>,
}

impl Jitter {
    /// A packet arrived, holding this many samples; what can be played now is appended to `out`.
    pub fn handle_packet(&mut self, frame: ReceivedFrame, samples: u32, out: &mut Vec<Play>) {
        let at = self.unwrap(frame.rtp);
        let Some(next) = self.next else {
            self.start(at, frame, samples, out);
            return;
        };
        if at + u64::from(MAX_CONCEALED) < next || at > next + u64::from(MAX_CONCEALED) {
            // The clock jumped, or nothing came for a while.
            out.push(Play::Restart);
            self.waiting.clear();
            self.start(at, frame, samples, out);
            return;
        }
        if at < next {
            return; // Concealed already, or a duplicate.
        }
        self.newest = self.newest.max(at);
        self.waiting.insert(at, frame);
        self.release(samples, out);
    }

    fn start(&mut self, at: u64, frame: ReceivedFrame, samples: u32, out: &mut Vec<Play>) {
        self.newest = at;
        self.next = Some(at + u64::from(samples));
        out.push(Play::Packet(frame));
    }

    fn release(&mut self, samples: u32, out: &mut Vec<Play>) {
        while let (Some(next), Some(entry)) = (self.next, self.waiting.first_entry()) {
            let at = *entry.key();
            if at > next {
                if self.newest < next + u64::from(PATIENCE) {
                    return;
                }
                let missing = (at - next) as u32;
                out.push(Play::Conceal { samples: missing, rtp: next as u32 });
            }
            self.next = Some(at.max(next) + u64::from(samples));
            let frame = entry.remove();
            if at >= next {
                out.push(Play::Packet(frame));
            }
        }
    }

    /// RTP timestamps wrap; the newest one seen says which turn this one belongs to.
    fn unwrap(&self, rtp: u32) -> u64 {
        if self.next.is_none() {
            return (1 << 32) + u64::from(rtp);
        }
        let ahead = i64::from(rtp.wrapping_sub(self.newest as u32) as i32);
        self.newest.saturating_add_signed(ahead)
    }
}

/// Decoded sound: [`CHANNELS`] interleaved channels at [`RATE`].
#[derive(Clone, Copy, Debug)]
pub struct Sound<'a> {
    pub content: &'a Attached,
    pub samples: &'a [f32],
    /// Of the first sample.
    pub rtp: u32,
    /// Of the first sample, by the streamer's clock.
    pub captured: Option<WallTime>,
    /// Made up, because packets were lost.
    pub concealed: bool,
}

/// Where sound goes; called on the decoder's thread.
pub trait SoundSink: Send + Sync {
    fn sound(&self, sound: &Sound<'_>);
}

/// The decoder of one sound slot; dropping it ends its thread.
#[derive(Debug)]
pub struct SoundDecoder {
    queue: Option<SyncSender<(Arc<Attached>, ReceivedFrame)>>,
    thread: Option<JoinHandle<()>>,
}

impl SoundDecoder {
    /// Starts the thread.
    pub fn start(sink: Arc<dyn SoundSink>) -> std::io::Result<Self> {
        let (queue, packets) = sync_channel(QUEUE);
        let thread =
            std::thread::Builder::new().name("sound-decode".to_owned()).spawn(move || run(&packets, sink.as_ref()))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Takes a packet; never waits.
    pub fn push(&self, content: Arc<Attached>, frame: ReceivedFrame) {
        if let Some(queue) = &self.queue {
            // Full: dropped and concealed, as if it had been lost on the way.
            let _ = queue.try_send((content, frame));
        }
    }
}

impl Drop for SoundDecoder {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(packets: &Receiver<(Arc<Attached>, ReceivedFrame)>, sink: &dyn SoundSink) {
    let Ok(mut decoder) = opus::Decoder::new(RATE, opus::Channels::Stereo) else { return };
    let mut jitter = Jitter::default();
    let mut plays = Vec::new();
    let mut pcm = vec![0.0; MAX_SAMPLES * CHANNELS];
    let mut epoch = None;
    while let Ok((content, frame)) = packets.recv() {
        if epoch != Some(content.epoch) {
            epoch = Some(content.epoch);
            jitter = Jitter::default();
            plays.push(Play::Restart);
        }
        let Ok(samples) = decoder.get_nb_samples(&frame.data) else { continue };
        jitter.handle_packet(frame, samples as u32, &mut plays);
        let mut queue = plays.drain(..).peekable();
        while let Some(play) = queue.next() {
            match play {
                Play::Restart => {
                    let _ = decoder.reset_state();
                }
                Play::Packet(frame) => {
                    // A packet that can't be decoded is as good as lost.
                    let decoded = decoder.decode_float(&frame.data, &mut pcm, false);
                    let samples = decoded.ok().and_then(|n| pcm.get(..n * CHANNELS));
                    if let Some(samples) = samples {
                        let sound = Sound {
                            content: &content,
                            samples,
                            rtp: frame.rtp,
                            captured: frame.captured,
                            concealed: false,
                        };
                        sink.sound(&sound);
                    }
                }
                Play::Conceal { samples, rtp } => {
                    let after = match queue.peek() {
                        Some(Play::Packet(frame)) => Some(frame),
                        Some(Play::Conceal { .. } | Play::Restart) | None => None,
                    };
                    conceal(&mut decoder, &content, samples, rtp, after, &mut pcm, sink);
                }
            }
        }
    }
}

/// Fills a gap: by prediction, and its last packet by the copy that the packet after it may carry.
fn conceal(
    decoder: &mut opus::Decoder,
    content: &Attached,
    samples: u32,
    rtp: u32,
    after: Option<&ReceivedFrame>,
    pcm: &mut [f32],
    sink: &dyn SoundSink,
) {
    let mut done = 0;
    while done < samples {
        let step = (samples - done).min(PACKET);
        let last = done + step == samples;
        let packet = match after {
            Some(frame) if last => &frame.data[..],
            Some(_) | None => &[],
        };
        let Some(room) = pcm.get_mut(..step as usize * CHANNELS) else { return };
        let Ok(made) = decoder.decode_float(packet, room, !packet.is_empty()) else { return };
        if let Some(samples) = room.get(..made * CHANNELS) {
            let rtp = rtp.wrapping_add(done);
            sink.sound(&Sound { content, samples, rtp, captured: None, concealed: true });
        }
        done += step;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use athome_shared::peer::ReceivedFrame;
    use athome_shared::protocol::wire::SlotKind;
    use bytes::Bytes;

    use super::{Jitter, PACKET, Play};

    fn packet(rtp: u32) -> ReceivedFrame {
        ReceivedFrame {
            kind: SlotKind::Audio,
            mid: "2".to_owned(),
            rtp,
            is_key: true,
            captured: None,
            received: Instant::now(),
            data: Bytes::new(),
            missing: 0,
        }
    }

    /// Plays packets that start at these multiples of a packet, and says what came out: `7`, `~2` (two concealed), `|`.
    fn played(first: u32, order: &[u32]) -> String {
        let mut jitter = Jitter::default();
        let mut out = Vec::new();
        for n in order {
            jitter.handle_packet(packet(first.wrapping_add(n * PACKET)), PACKET, &mut out);
        }
        let words: Vec<String> = out
            .into_iter()
            .map(|play| match play {
                Play::Packet(frame) => (frame.rtp.wrapping_sub(first) / PACKET).to_string(),
                Play::Conceal { samples, .. } => format!("~{}", samples / PACKET),
                Play::Restart => "|".to_owned(),
            })
            .collect();
        words.join(" ")
    }

    #[test]
    fn packets_in_order_play_at_once() {
        assert_eq!(played(0, &[0, 1, 2, 3]), "0 1 2 3");
    }

    #[test]
    fn a_late_packet_is_waited_for_and_a_lost_one_is_concealed() {
        assert_eq!(played(0, &[0, 2, 1, 3]), "0 1 2 3");
        assert_eq!(played(0, &[0, 2, 3, 4, 1]), "0 ~1 2 3 4");
        assert_eq!(played(0, &[0, 0, 1, 1, 2]), "0 1 2");
    }

    #[test]
    fn timestamps_wrap_and_long_gaps_start_anew() {
        assert_eq!(played(u32::MAX - 1_000, &[0, 1, 2]), "0 1 2");
        assert_eq!(played(0, &[0, 1, 500, 501]), "0 1 | 500 501");
    }
}
