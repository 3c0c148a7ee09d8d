//! Fragmented MP4 (ISO 14496-12, H.264 as in 14496-15, Opus as in "Encapsulation of Opus in ISOBMFF"). Pure: frames go in,
//! bytes to append to a file come out.
//!
//! A fragment is written when it is complete, so a file that is cut anywhere plays up to its last whole fragment.
//! Parameter sets stay in the stream (`avc3`): a camera may change its size while it is recorded, and a header that is
//! on the disk can't describe what comes later.
//!
//! A *dated* file, which is what a streamer records, says more: in UTC when it began (`mvhd`) and when each fragment was
//! captured (`prft`), and behind each fragment a check of its bytes (in a `free` box), because after a power cut a file
//! may have its full length and zeros in it. Room behind the header is kept for a `sidx`, which is put there when the file
//! is finished, so that any player finds its way about in it.
//!
//! ```text
//! dated: ftyp moov free|sidx+free (prft moof mdat free)… mfra      else: ftyp moov (moof mdat)… mfra
//! ```

mod boxes;
mod finish;
mod fragment;
mod header;
pub mod read;

use super::h264::{nal_type, nal_unit_type, nals, parse_sps};
use crate::time::WallTime;
use finish::{Entry, Layout};
pub use finish::{Patch, completion};
use fragment::{Date, Sample, fragment};

/// Ticks a second of the video's times.
pub const VIDEO_RATE: u32 = 90_000;
/// Ticks a second of the sound's times.
pub const SOUND_RATE: u32 = 48_000;

const VIDEO_TRACK: u32 = 1;
const SOUND_TRACK: u32 = 2;
/// `sample_flags` (14496-12 §8.8.3.1): depends on no other, and on others.
const SYNC: u32 = 0x0200_0000;
const NOT_SYNC: u32 = 0x0101_0000;

/// Longest fragment: what a crash may cost.
const LONGEST_MS: u64 = 2_000;
/// The same of a dated file: what a crash costs is that and what is on its way to the disk, two seconds together.
const LONGEST_DATED_MS: u64 = 1_000;
/// A key frame begins a new fragment unless the present one is shorter.
const SHORTEST_MS: u64 = 500;
/// A fragment with this many bytes or samples is written, however short.
const MOST_BYTES: usize = 8 << 20;
const MOST_SAMPLES: usize = 4_096;
/// A frame's length where nothing tells it.
const USUAL: u64 = VIDEO_RATE as u64 / 30;
/// A last frame lasts this long at most where the next one is not known yet.
const LONGEST_FRAME: u64 = VIDEO_RATE as u64;
/// Key frames that the index at the end names: four weeks of one a second. Later ones are found by playing on.
const MOST_ENTRIES: usize = 2_500_000;
/// Largest parameter set that the header can hold.
const MOST_SET: usize = u16::MAX as usize;

/// Makes a file of one video and, if wanted, one sound.
#[derive(Debug, Default)]
pub struct Writer {
    sound_wanted: bool,
    started: bool,
    sequence: u32,
    /// Bytes given out.
    length: u64,
    video: Vec<Sample>,
    sound: Vec<Sample>,
    bytes: usize,
    last_video: Option<u64>,
    last_sound: Option<u64>,
    usual: Option<u64>,
    /// When time zero was, in a dated file.
    began: Option<WallTime>,
    layout: Layout,
    /// Fragments that begin with a key frame.
    index: Vec<Entry>,
    /// Where the video ends so far.
    end: u64,
}

impl Writer {
    /// A file with room for sound (a track without any is allowed), or without.
    pub fn new(sound: bool) -> Self {
        Self { sound_wanted: sound, ..Self::default() }
    }

    /// The same, dated: time zero was at `began`.
    pub fn dated(sound: bool, began: WallTime) -> Self {
        Self { began: Some(began), ..Self::new(sound) }
    }

    /// Whether the beginning is written: only then are other frames than key frames, and sound, of any use.
    pub fn started(&self) -> bool {
        self.started
    }

    /// Takes an access unit (Annex B) shown at `at`; what is to be written is appended to `out`. Frames before the first
    /// key frame with its parameter sets are let go. Times that don't grow are moved behind the one before.
    pub fn video(&mut self, at: u64, is_key: bool, unit: &[u8], out: &mut Vec<u8>) {
        let begins = self.started || is_key && self.start(unit, out);
        if !begins {
            return;
        }
        let at = self.last_video.map_or(at, |last| at.max(last.saturating_add(1)));
        if let Some(last) = self.last_video {
            self.usual = Some((at - last).min(LONGEST_FRAME));
        }
        if let Some(first) = self.video.first() {
            let span = millis(at - first.at, VIDEO_RATE);
            let next = millis((at - first.at).saturating_add(self.usual.unwrap_or(USUAL)), VIDEO_RATE);
            if next > self.longest_ms() || is_key && span >= SHORTEST_MS || self.full() {
                self.flush(Some(at), out);
            }
        }
        let data = avcc(unit);
        if data.is_empty() {
            return;
        }
        self.last_video = Some(at);
        self.bytes += data.len();
        self.video.push(Sample { at, length: 0, is_key, data });
    }

    /// Takes an Opus packet heard at `at`.
    pub fn sound(&mut self, at: u64, packet: &[u8], out: &mut Vec<u8>) {
        let Some(length) = opus_samples(packet).filter(|_| self.started && self.sound_wanted) else { return };
        let at = self.last_sound.map_or(at, |last| at.max(last.saturating_add(1)));
        if let Some(last) = self.sound.last_mut() {
            // A gap, or packets that overlap: the one before lasts until this one.
            last.length = at - last.at;
        }
        let span = |first: &Sample| millis((at - first.at).saturating_add(length.into()), SOUND_RATE);
        let span = self.sound.first().map_or(0, span);
        // A little longer than the video, which cuts where it likes.
        if span > self.longest_ms() + SHORTEST_MS || self.full() {
            self.flush(None, out);
        }
        self.last_sound = Some(at);
        self.bytes += packet.len();
        self.sound.push(Sample { at, length: length.into(), is_key: true, data: packet.to_vec() });
    }

    /// The rest, and an index. Nothing if nothing was started. What is returned is to be written over the file's beginning
    /// once all the rest is safely on the disk; without it the file plays as well.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Vec<Patch> {
        self.flush(None, out);
        if !self.started {
            return Vec::new();
        }
        completion(&self.layout, &self.index, self.length, self.end, out)
    }

    /// Writes what waits as a fragment of its own: a gap follows, or nothing for a while.
    pub fn cut(&mut self, out: &mut Vec<u8>) {
        self.flush(None, out);
    }

    /// The same where it is known when the frame after it would be shown.
    pub fn cut_at(&mut self, next: u64, out: &mut Vec<u8>) {
        self.flush(Some(next), out);
    }

    /// Of a dated file: time zero was at another time, for what follows a [`Self::cut`].
    pub fn redate(&mut self, began: WallTime) {
        self.began = self.began.map(|_| began);
    }

    fn longest_ms(&self) -> u64 {
        if self.began.is_some() { LONGEST_DATED_MS } else { LONGEST_MS }
    }

    fn full(&self) -> bool {
        self.bytes >= MOST_BYTES || self.video.len() + self.sound.len() >= MOST_SAMPLES
    }

    fn start(&mut self, unit: &[u8], out: &mut Vec<u8>) -> bool {
        let set = |kind| nals(unit).find(|nal| nal_unit_type(nal) == Some(kind) && nal.len() <= MOST_SET);
        let (Some(sps), Some(pps)) = (set(nal_type::SPS), set(nal_type::PPS)) else { return false };
        if parse_sps(sps).is_err() {
            return false;
        }
        let before = out.len();
        self.layout = header::header(out, sps, pps, self.sound_wanted, self.began);
        self.length += (out.len() - before) as u64;
        self.started = true;
        true
    }

    /// Writes what waits. `next` is when the frame after it is shown.
    fn flush(&mut self, next: Option<u64>, out: &mut Vec<u8>) {
        let (mut video, sound) = (std::mem::take(&mut self.video), std::mem::take(&mut self.sound));
        self.bytes = 0;
        if video.is_empty() && sound.is_empty() {
            return;
        }
        let starts: Vec<u64> = video.iter().skip(1).map(|sample| sample.at).collect();
        for (sample, next) in video.iter_mut().zip(starts) {
            sample.length = next.saturating_sub(sample.at);
        }
        if let Some(last) = video.last_mut() {
            last.length = next.map_or(self.usual.unwrap_or(USUAL), |next| next.saturating_sub(last.at));
        }
        if let Some(first) = video.first().filter(|first| first.is_key)
            && self.index.len() < MOST_ENTRIES
        {
            self.index.push(Entry { at: first.at, place: self.length });
        }
        if let Some(last) = video.last() {
            self.end = last.at.saturating_add(last.length);
        }
        self.sequence = self.sequence.wrapping_add(1);
        let before = out.len();
        match self.began {
            Some(began) => fragment::dated(Date { began }, self.sequence, &video, &sound, out),
            None => fragment(self.sequence, &video, &sound, out),
        }
        self.length += (out.len() - before) as u64;
    }
}

/// Ticks as microseconds.
fn micros(ticks: u64, rate: u32) -> i64 {
    i64::try_from(u128::from(ticks) * 1_000_000 / u128::from(rate)).unwrap_or(i64::MAX)
}

fn millis(ticks: u64, rate: u32) -> u64 {
    ticks.saturating_mul(1000) / u64::from(rate)
}

/// Annex B as NAL units with their lengths, without what only a byte stream needs.
fn avcc(unit: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(unit.len() + 16);
    for nal in nals(unit) {
        if !matches!(nal_unit_type(nal), Some(nal_type::AUD | nal_type::FILLER)) {
            boxes::u32(&mut out, u32::try_from(nal.len()).unwrap_or(u32::MAX));
            out.extend(nal);
        }
    }
    out
}

/// Samples at 48 kHz of an Opus packet (RFC 6716 §3.1); `None` if it is none.
pub fn opus_samples(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let config = toc >> 3;
    let frame = match config {
        0..12 => [480, 960, 1_920, 2_880].get(usize::from(config & 3)).copied()?,
        12..16 => [480, 960].get(usize::from(config & 1)).copied()?,
        _ => [120, 240, 480, 960].get(usize::from(config & 3)).copied()?,
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    let samples: u32 = frame * frames;
    (1..=5_760).contains(&samples).then_some(samples)
}

#[cfg(test)]
mod tests;
