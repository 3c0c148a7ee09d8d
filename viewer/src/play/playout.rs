//! The buffer between sound that comes in bursts by the streamer's clock and a loudspeaker that takes it by its own. Pure:
//! time is what the loudspeaker has taken.
//!
//! The buffer grows when it runs dry, shrinks again when it was never near that for a while, and is kept at its aim by
//! playing up to 0.5 % faster or slower, which nobody hears. Whatever begins or ends does so over 5 ms.

use std::collections::VecDeque;

use athome_shared::time::WallTime;

use super::audio::{CHANNELS, RATE};
use crate::settings::CameraKey;

type Frame = [f32; CHANNELS];

const MS: usize = RATE as usize / 1000;
/// Level to aim at, left over after each fill.
const FIRST_AIM: usize = 40 * MS;
/// One packet more than is played may be missing when two clocks slip past each other.
const MIN_AIM: usize = 30 * MS;
const MAX_AIM: usize = 200 * MS;
/// How much the aim grows when the buffer runs dry.
const GROW: usize = 15 * MS;
/// How much it shrinks after a quiet window, in which the level was never below [`SPARE`].
const SHRINK: usize = 5 * MS;
const SPARE: usize = 15 * MS;
const QUIET: usize = 10_000 * MS;
/// This much above the aim is the past: it is dropped, not played faster.
const EXCESS: usize = 120 * MS;
/// Largest correction of the speed.
const MAX_CORRECTION: f64 = 0.005;
/// Distance from the aim at which the correction is largest.
const FULL_CORRECTION: f64 = 20.0 * MS as f64;
/// Length of fades, and of a change from silence to full loudness.
const FADE: usize = 5 * MS;
/// Frames that interpolation looks at.
const TAPS: usize = 4;
/// Longest sound taken at once; a packet holds 120 ms at most.
const MAX_PUSH: usize = 240 * MS;
/// Capture times that are remembered.
const STAMPS: usize = 256;

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayoutCounts {
    pub underruns: u64,
    /// Frames of the past that were left out after a burst.
    pub dropped: u64,
}

/// The sound of the one camera that is heard.
#[derive(Debug)]
pub struct Playout {
    heard: Option<CameraKey>,
    queue: VecDeque<Frame>,
    /// Capture time of frames in the queue, by the streamer's clock, with their number.
    stamps: VecDeque<(u64, WallTime)>,
    /// Number of the queue's first frame.
    first: u64,
    /// Where between the second and the third frame of the queue the next one to play lies.
    phase: f64,
    speed: f64,
    aim: usize,
    level: f64,
    playing: bool,
    /// From silence to sound, 0 to [`FADE`].
    risen: usize,
    gain: f32,
    wanted_gain: f32,
    /// What was played last, and how much of its way to silence is left.
    last: Frame,
    falling: usize,
    lowest: usize,
    since: usize,
    counts: PlayoutCounts,
}

impl Default for Playout {
    fn default() -> Self {
        Self {
            heard: None,
            queue: VecDeque::with_capacity(MAX_AIM + EXCESS + MAX_PUSH),
            stamps: VecDeque::with_capacity(STAMPS),
            first: 0,
            phase: 0.0,
            speed: 1.0,
            aim: FIRST_AIM,
            level: 0.0,
            playing: false,
            risen: 0,
            gain: 1.0,
            wanted_gain: 1.0,
            last: [0.0; CHANNELS],
            falling: 0,
            lowest: usize::MAX,
            since: 0,
            counts: PlayoutCounts::default(),
        }
    }
}

impl Playout {
    /// Plays this camera from now on, this loud; whatever was played before fades.
    pub fn hear(&mut self, camera: Option<(CameraKey, f32)>) {
        let (camera, gain) = camera.map_or((None, 0.0), |(camera, gain)| (Some(camera), gain));
        self.wanted_gain = if gain.is_finite() { gain.clamp(0.0, 1.0) } else { 0.0 };
        if camera != self.heard {
            self.heard = camera;
            self.silence();
            self.queue.clear();
            self.stamps.clear();
            self.aim = FIRST_AIM;
        }
    }

    /// Who is played.
    pub fn heard(&self) -> Option<&CameraKey> {
        self.heard.as_ref()
    }

    /// Takes decoded sound, interleaved; of any camera but the heard one it is let go.
    pub fn handle_sound(&mut self, camera: &CameraKey, samples: &[f32], captured: Option<WallTime>) {
        if self.heard.as_ref() != Some(camera) {
            return;
        }
        if let Some(captured) = captured {
            if self.stamps.len() == STAMPS {
                self.stamps.pop_front();
            }
            self.stamps.push_back((self.first + self.queue.len() as u64, captured));
        }
        let (frames, _) = samples.as_chunks::<CHANNELS>();
        self.queue.extend(frames.iter().take(MAX_PUSH));
        if self.queue.len() > self.aim + EXCESS {
            self.drop_past();
        }
    }

    /// Leaves out the oldest frames down to the aim, and joins what is left to what was played.
    fn drop_past(&mut self) {
        let past = self.queue.len().saturating_sub(self.aim);
        for at in 0..FADE {
            let weight = at as f32 / FADE as f32;
            let (Some(old), Some(new)) = (self.queue.get(at).copied(), self.queue.get_mut(past + at)) else { break };
            for (new, old) in new.iter_mut().zip(old) {
                *new = old * (1.0 - weight) + *new * weight;
            }
        }
        self.take(past);
        self.counts.dropped += past as u64;
        self.level = self.aim as f64;
    }

    fn take(&mut self, frames: usize) {
        let frames = frames.min(self.queue.len());
        self.queue.drain(..frames);
        self.first += frames as u64;
    }

    /// Fills the loudspeaker's buffer, interleaved. `rate` is the loudspeaker's, in frames a second.
    pub fn fill(&mut self, out: &mut [f32], rate: u32) {
        let ratio = f64::from(RATE) / f64::from(rate.max(1));
        let (frames, _) = out.as_chunks_mut::<CHANNELS>();
        let wanted = (frames.len() as f64 * ratio) as usize;
        if !self.playing && self.queue.len() >= self.aim + wanted + TAPS {
            self.playing = true;
            self.risen = 0;
            self.level = self.aim as f64;
            self.phase = 0.0;
        }
        for frame in frames {
            *frame = self.next(ratio);
        }
        self.settle(wanted);
    }

    fn next(&mut self, ratio: f64) -> Frame {
        self.gain += (self.wanted_gain - self.gain).clamp(-1.0 / FADE as f32, 1.0 / FADE as f32);
        if self.playing && self.queue.len() < TAPS {
            self.counts.underruns += 1;
            self.aim = (self.aim + GROW).min(MAX_AIM);
            self.silence();
        }
        if !self.playing {
            self.falling = self.falling.saturating_sub(1);
            let left = self.falling as f32 / FADE as f32;
            return self.last.map(|sample| sample * left);
        }
        let mut taps = self.queue.iter();
        let mut tap = || taps.next().copied().unwrap_or_default();
        let (a, b, c, d) = (tap(), tap(), tap(), tap());
        self.risen = (self.risen + 1).min(FADE);
        let loud = self.gain * self.risen as f32 / FADE as f32;
        let at = self.phase as f32;
        let mut frame = [0.0; CHANNELS];
        for ((((out, a), b), c), d) in frame.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            // Catmull and Rom's cubic through four neighbours.
            let cubic = b + 0.5 * at * (c - a + at * (2.0 * a - 5.0 * b + 4.0 * c - d + at * (3.0 * (b - c) + d - a)));
            *out = (cubic * loud).clamp(-1.0, 1.0);
        }
        self.phase += self.speed * ratio;
        let whole = self.phase as usize;
        self.phase -= whole as f64;
        self.take(whole);
        self.last = frame;
        frame
    }

    fn silence(&mut self) {
        if self.playing {
            self.falling = FADE;
        }
        self.playing = false;
        self.lowest = usize::MAX;
        self.since = 0;
        self.speed = 1.0;
    }

    /// After each fill: how fast to go on, and whether the buffer may shrink.
    fn settle(&mut self, filled: usize) {
        if !self.playing {
            return;
        }
        let share = (filled as f64 / f64::from(RATE)).min(1.0);
        self.level += (self.queue.len() as f64 - self.level) * share;
        let off = (self.level - self.aim as f64) / FULL_CORRECTION;
        self.speed = 1.0 + off.clamp(-1.0, 1.0) * MAX_CORRECTION;
        self.lowest = self.lowest.min(self.queue.len());
        self.since += filled;
        if self.since >= QUIET {
            if self.lowest >= SPARE {
                self.aim = self.aim.saturating_sub(SHRINK).max(MIN_AIM);
            }
            self.lowest = usize::MAX;
            self.since = 0;
        }
        while self.stamps.get(1).is_some_and(|(at, _)| *at <= self.first) {
            self.stamps.pop_front();
        }
    }

    /// Capture time of the next frame to play, by the streamer's clock; `None` in silence.
    pub fn position(&self) -> Option<WallTime> {
        let &(at, captured) = self.stamps.front().filter(|_| self.playing)?;
        let after = self.first as i64 - at as i64;
        Some(WallTime(captured.0.saturating_add(after * 1_000_000 / i64::from(RATE))))
    }

    /// Frames that wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What happened so far.
    pub fn counts(&self) -> PlayoutCounts {
        self.counts
    }
}

#[cfg(test)]
mod tests;
