//! What the headless viewer measures while it watches: latency, freezes, size, the tone in the sound, and picture against
//! sound. Pictures and sound are looked at and forgotten.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::media::clock::{self, read_clock, read_flash};
use athome_shared::protocol::control::Attached;
use athome_shared::time::WallTime;

use crate::play::audio::{CHANNELS, RATE, Sound, SoundSink};
use crate::play::clock::SharedOffset;
use crate::play::decode::Picture;
use crate::play::freeze::FreezeDetector;
use crate::play::player::Screen;
use crate::play::tone;

/// Latencies that are kept: nine hours at 30 fps; later ones are not counted in.
const MAX_SAMPLES: usize = 1_000_000;
/// A picture clock further off than this is not of this machine.
const CLOCK_TRUST: i32 = 10 * 10_000;
/// Flashes and beeps that are remembered, a minute of each: one that a busy machine blurred does not decide.
const REMEMBERED: usize = 60;
/// Sound in blocks of 5 ms for finding where a beep begins.
const BLOCK: usize = RATE as usize / 200;

/// Collects figures.
#[derive(Debug, Default)]
pub struct Meter {
    started: Option<Instant>,
    offset: SharedOffset,
    figures: Mutex<Figures>,
}

/// The figures so far.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub frames: u64,
    pub sounds: u64,
    pub concealed: u64,
    pub first_frame: Option<Duration>,
    pub width: usize,
    pub height: usize,
    pub latencies_us: Vec<u32>,
    pub freezes: FreezeDetector,
    pub first_at: Option<Instant>,
    pub last_at: Option<Instant>,
    /// The newest second of sound, mixed to one channel.
    second: Vec<f32>,
    /// The newest full second of sound.
    pub last_second: Vec<f32>,
    flash: Edge,
    beep: Edge,
    /// Streamer's wall time of the newest flashes and beeps, each minus what it should have been.
    flash_errors_us: VecDeque<i64>,
    beep_errors_us: VecDeque<i64>,
    block: Vec<f32>,
    block_at: Option<WallTime>,
}

/// Finds where something that is on for 100 ms a second begins.
#[derive(Clone, Copy, Debug, Default)]
struct Edge {
    on: Option<bool>,
}

impl Edge {
    /// True at the change from off to on.
    fn handle(&mut self, on: bool) -> bool {
        self.on.replace(on) == Some(false) && on
    }
}

impl Meter {
    /// Starts the clock for the first frame; latencies use the streamer's clock as `offset` maps it.
    pub fn new(started: Instant, offset: SharedOffset) -> Self {
        Self { started: Some(started), offset, figures: Mutex::default() }
    }

    /// The figures so far.
    pub fn figures(&self) -> Figures {
        self.lock().clone()
    }

    /// Frames decoded so far.
    pub fn frames(&self) -> u64 {
        self.lock().frames
    }

    /// How old the newest picture is.
    pub fn age(&self) -> Option<Duration> {
        self.lock().last_at.map(|at| at.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn latency_us(&self, picture: &Picture<'_>, now: WallTime) -> Option<u32> {
        let [luma, ..] = picture.planes;
        let [stride, ..] = picture.strides;
        if let Some(shown) = read_clock(luma, stride, picture.width, picture.height) {
            let tenths = clock::ticks_between(shown, clock::ticks(now));
            if (0..CLOCK_TRUST).contains(&tenths) {
                return Some(tenths as u32 * 100);
            }
        }
        let captured = self.offset.to_local(picture.captured?)?;
        u32::try_from(now.0.saturating_sub(captured.0)).ok()
    }
}

impl Screen for Meter {
    fn picture(&self, picture: &Picture<'_>) {
        let latency = self.latency_us(picture, WallTime::now());
        let [luma, ..] = picture.planes;
        let [stride, ..] = picture.strides;
        let flash = read_flash(luma, stride, picture.width, picture.height);
        let shown = read_clock(luma, stride, picture.width, picture.height);
        let mut figures = self.lock();
        figures.frames += 1;
        figures.first_at.get_or_insert(picture.decoded);
        figures.last_at = Some(picture.decoded);
        (figures.width, figures.height) = (picture.width, picture.height);
        if figures.first_frame.is_none() {
            figures.first_frame = self.started.map(|at| picture.decoded.saturating_duration_since(at));
        }
        figures.freezes.handle_frame(picture.decoded);
        if figures.latencies_us.len() < MAX_SAMPLES {
            figures.latencies_us.extend(latency);
        }
        if let (Some(lit), Some(shown), Some(captured)) = (flash, shown, picture.captured)
            && figures.flash.handle(lit)
        {
            // The picture says when it was taken, so that the frame interval does not blur the measurement.
            let tenths = clock::ticks_between(shown, clock::ticks(captured));
            remember(&mut figures.flash_errors_us, i64::from(tenths) * 100);
        }
    }

    fn crashed(&self, _: &Attached) {}

    fn switched(&self, _slot: u8) {
        let mut figures = self.lock();
        figures.freezes.handle_switch();
        figures.flash = Edge::default();
    }
}

impl SoundSink for Meter {
    fn sound(&self, sound: &Sound<'_>) {
        let mut figures = self.lock();
        figures.sounds += 1;
        figures.concealed += u64::from(sound.concealed);
        let mono = sound.samples.chunks_exact(CHANNELS).map(|frame| frame.iter().sum::<f32>() / CHANNELS as f32);
        for (n, sample) in mono.enumerate() {
            figures.second.push(sample);
            if figures.second.len() == RATE as usize {
                figures.last_second = std::mem::take(&mut figures.second);
            }
            if figures.block.is_empty() {
                let after_us = n as i64 * 1_000_000 / i64::from(RATE);
                figures.block_at = sound.captured.map(|at| WallTime(at.0 + after_us));
            }
            figures.block.push(sample);
            if figures.block.len() == BLOCK {
                figures.handle_block();
            }
        }
    }
}

impl Figures {
    /// Beeps are twice as loud as the tone between them; silence has none.
    fn handle_block(&mut self) {
        let block = std::mem::take(&mut self.block);
        let (Some(level), Some(at)) = (tone::level_dbfs(&block), self.block_at) else { return };
        let usual = tone::level_dbfs(&self.last_second).unwrap_or(f64::INFINITY);
        if self.beep.handle(level > usual + 3.0 && usual > -60.0) {
            remember(&mut self.beep_errors_us, (at.0 + 500_000).rem_euclid(1_000_000) - 500_000);
        }
    }

    /// Picture minus sound in milliseconds, by where flash and beep lie against their stamps, in the median; positive: the sound
    /// comes first. `None` unless both were seen.
    pub fn av_offset_ms(&self) -> Option<f64> {
        Some((median(&self.flash_errors_us)? - median(&self.beep_errors_us)?) as f64 / 1_000.0)
    }

    /// Median, 95th percentile and maximum latency in milliseconds.
    pub fn latency_ms(&self) -> Option<(f64, f64, f64)> {
        let mut sorted = self.latencies_us.clone();
        sorted.sort_unstable();
        let at = |share: f64| {
            let index = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
            sorted.get(index).map(|us| f64::from(*us) / 1_000.0)
        };
        Some((at(0.5)?, at(0.95)?, at(1.0)?))
    }
}

fn remember(errors_us: &mut VecDeque<i64>, error_us: i64) {
    if errors_us.len() == REMEMBERED {
        errors_us.pop_front();
    }
    errors_us.push_back(error_us);
}

fn median(errors_us: &VecDeque<i64>) -> Option<i64> {
    let mut sorted: Vec<i64> = errors_us.iter().copied().collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}
