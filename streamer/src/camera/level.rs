//! How loud a camera's sound is, for a meter that a person looks at. Pure: time is an argument.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How fast a meter falls after a loud moment, in decibels a second: as fast as programme meters do (IEC 60268-10 type II).
const FALL_DB: f32 = 20.0;
/// A sample from here on counts as clipped: the last step of 16 bits below full scale.
const CLIP: f32 = 0.999_97;
/// How long the mark of a clipped sample stays.
pub const CLIP_SHOWN: Duration = Duration::from_secs(2);
/// Sound that is older than this is none: the microphone gives blocks of 20 ms.
const SILENT_AFTER: Duration = Duration::from_millis(500);
/// The least that a meter shows, in dBFS.
pub const FLOOR_DBFS: f32 = -60.0;

/// What a meter shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Of the loudest sample lately, from [`FLOOR_DBFS`] to 0.
    pub dbfs: f32,
    /// Samples reached full scale a moment ago.
    pub clipped: bool,
}

/// One camera's meter. Written by its source's thread, read by whoever shows it; neither waits for the other for long.
#[derive(Debug, Default)]
pub struct Level(Mutex<Meter>);

#[derive(Clone, Copy, Debug, Default)]
struct Meter {
    /// Of the loudest sample, 1.0 at full scale, and when it was heard.
    peak: Option<(f32, Instant)>,
    heard: Option<Instant>,
    clipped: Option<Instant>,
}

impl Level {
    /// Sound that was heard at `now`.
    pub fn handle_block(&self, now: Instant, samples: &[f32]) {
        // What is no number (a broken driver) is silence, and nothing is louder than full scale.
        let loudest = samples.iter().fold(0.0_f32, |most, sample| most.max(sample.abs())).min(1.0);
        let mut meter = self.lock();
        let before = meter.fallen(now);
        if loudest >= before {
            meter.peak = Some((loudest, now));
        }
        if loudest >= CLIP {
            meter.clipped = Some(now);
        }
        meter.heard = Some(now);
    }

    /// What to show at `now`; `None` while there is no sound at all.
    pub fn reading(&self, now: Instant) -> Option<Reading> {
        let meter = *self.lock();
        let heard = meter.heard?;
        if now.saturating_duration_since(heard) > SILENT_AFTER {
            return None;
        }
        let dbfs = (20.0 * meter.fallen(now).log10()).clamp(FLOOR_DBFS, 0.0);
        let clipped = meter.clipped.is_some_and(|at| now.saturating_duration_since(at) < CLIP_SHOWN);
        Some(Reading { dbfs, clipped })
    }

    fn lock(&self) -> MutexGuard<'_, Meter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meter {
    fn fallen(&self, now: Instant) -> f32 {
        let Some((peak, at)) = self.peak else { return 0.0 };
        let fall = FALL_DB * now.saturating_duration_since(at).as_secs_f32();
        peak * 10.0_f32.powf(-fall / 20.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{CLIP_SHOWN, FLOOR_DBFS, Level};

    fn close(is: f32, wanted: f32) -> bool {
        (is - wanted).abs() < 0.1
    }

    #[test]
    fn a_meter_shows_the_loudest_sample_and_falls_by_twenty_decibels_a_second() {
        let (level, start) = (Level::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(level.reading(start), None, "no sound, no meter");
        level.handle_block(start, &[0.0, -0.5, 0.25]);
        let loud = level.reading(start).expect("sound");
        assert!(close(loud.dbfs, -6.0) && !loud.clipped, "{loud:?}");
        // Quieter sound does not pull it down at once.
        level.handle_block(at(250), &[0.001]);
        assert!(close(level.reading(at(250)).expect("sound").dbfs, -11.0));
        level.handle_block(at(5_000), &[0.0]);
        assert!(close(level.reading(at(5_000)).expect("sound").dbfs, FLOOR_DBFS));
        assert_eq!(level.reading(at(5_600)), None, "a microphone that gives nothing is no silence");
    }

    #[test]
    fn what_reached_full_scale_is_marked_for_a_while() {
        let (level, start) = (Level::default(), Instant::now());
        level.handle_block(start, &[0.9]);
        assert!(!level.reading(start).expect("sound").clipped, "the control: loud is not clipped");
        level.handle_block(start, &[-1.0]);
        assert!(level.reading(start).expect("sound").clipped);
        let later = start + CLIP_SHOWN;
        level.handle_block(later, &[0.1]);
        assert!(!level.reading(later).expect("sound").clipped);
    }

    #[test]
    fn what_is_no_number_is_silence() {
        let (level, start) = (Level::default(), Instant::now());
        level.handle_block(start, &[f32::NAN]);
        assert!(close(level.reading(start).expect("sound").dbfs, FLOOR_DBFS));
        level.handle_block(start, &[f32::INFINITY]);
        assert!(close(level.reading(start).expect("sound").dbfs, 0.0));
        let later = start + Duration::from_secs(1);
        level.handle_block(later, &[0.0]);
        assert!(close(level.reading(later).expect("sound").dbfs, -20.0), "and it falls again");
    }
}
