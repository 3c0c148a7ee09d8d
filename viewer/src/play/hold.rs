//! Pictures wait for their sound. Sound is slower: it has a buffer before the loudspeaker, and the loudspeaker its own.
//! While a camera is heard, its pictures are held back by the difference, at most 80 ms.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::settings::CameraKey;

/// Longest that a picture is held: sound that is later still is better late than the picture.
pub const MAX_HOLD_US: i64 = 80_000;
/// Within this the ear finds nothing wrong, so nothing is changed for less.
const CALM_US: i64 = 10_000;
/// Share of a new measurement in the average: about half a second of pictures.
const SHARE: i64 = 16;

/// The rule; pure. Delays are from capture by the streamer's clock to our clock, which need not agree: only their
/// difference counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hold {
    sound_us: Option<i64>,
    picture_us: Option<i64>,
    hold_us: i64,
}

impl Hold {
    /// Sound leaves the loudspeaker this long after it was captured.
    pub fn handle_sound(&mut self, delay_us: i64) {
        average(&mut self.sound_us, delay_us);
        self.decide();
    }

    /// A picture could be shown this long after it was captured, were it not held.
    pub fn handle_picture(&mut self, delay_us: i64) {
        average(&mut self.picture_us, delay_us);
        self.decide();
    }

    /// How long to hold pictures.
    pub fn hold(&self) -> Duration {
        Duration::from_micros(self.hold_us.max(0) as u64)
    }

    /// How far the sound is behind the held pictures.
    pub fn offset_us(&self) -> Option<i64> {
        Some(self.sound_us?.saturating_sub(self.picture_us?).saturating_sub(self.hold_us))
    }

    fn decide(&mut self) {
        let Some(offset) = self.offset_us() else { return };
        if offset.saturating_abs() > CALM_US {
            self.hold_us = self.hold_us.saturating_add(offset).clamp(0, MAX_HOLD_US);
        }
    }
}

fn average(kept: &mut Option<i64>, new: i64) {
    *kept = Some(match *kept {
        // A jump is a new state of affairs, not noise.
        Some(old) if new.saturating_sub(old).saturating_abs() < 200_000 => {
            old.saturating_add(new.saturating_sub(old) / SHARE)
        }
        Some(_) | None => new,
    });
}

/// The hold of the one camera that is heard, for whoever shows pictures. One lock, held for a few instructions.
#[derive(Debug, Default)]
pub struct Holds(Mutex<Option<(CameraKey, Hold)>>);

impl Holds {
    /// How long a camera's pictures wait before they are shown.
    pub fn of(&self, camera: &CameraKey) -> Duration {
        self.with(camera, |hold| hold.hold()).unwrap_or_default()
    }

    /// How far the sound is behind the held pictures, in microseconds; `None` for a camera that is not heard.
    pub fn offset_us(&self, camera: &CameraKey) -> Option<i64> {
        self.with(camera, |hold| hold.offset_us()).flatten()
    }

    /// Another camera is heard, or none.
    pub fn hear(&self, camera: Option<CameraKey>) {
        let mut heard = self.lock();
        if heard.as_ref().map(|(key, _)| key) != camera.as_ref() {
            *heard = camera.map(|camera| (camera, Hold::default()));
        }
    }

    /// See [`Hold::handle_sound`].
    pub fn handle_sound(&self, camera: &CameraKey, delay_us: i64) {
        self.with(camera, |hold| hold.handle_sound(delay_us));
    }

    /// See [`Hold::handle_picture`].
    pub fn handle_picture(&self, camera: &CameraKey, delay_us: i64) {
        self.with(camera, |hold| hold.handle_picture(delay_us));
    }

    fn with<T>(&self, camera: &CameraKey, act: impl FnOnce(&mut Hold) -> T) -> Option<T> {
        match &mut *self.lock() {
            Some((heard, hold)) if heard == camera => Some(act(hold)),
            Some(_) | None => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<(CameraKey, Hold)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Hold;

    /// Runs five seconds of sound and pictures with these delays and a jitter of ±8 ms; the offset that is left.
    fn offset_after(clock_us: i64, sound_ms: i64, picture_ms: i64) -> (i64, Duration) {
        let mut hold = Hold::default();
        for n in 0..150 {
            let jitter = (n * 7_919 % 17 - 8) * 1000;
            hold.handle_sound(clock_us + sound_ms * 1000);
            hold.handle_picture(clock_us + picture_ms * 1000 + jitter);
        }
        (hold.offset_us().unwrap(), hold.hold())
    }

    #[test]
    fn picture_and_sound_are_within_40_ms_up_to_110_ms_of_difference() {
        for clock in [0, -90_000_000, i64::from(u32::MAX)] {
            for sound in [20, 45, 60, 80, 99, 119] {
                let (offset, hold) = offset_after(clock, sound, 10);
                assert!(offset.abs() <= 40_000, "sound at {sound} ms: {offset} us");
                assert!(hold <= Duration::from_millis(80));
            }
        }
        // The control: what would be without the hold.
        let (offset, hold) = offset_after(0, 99, 10);
        assert!(offset + hold.as_micros() as i64 > 40_000);
    }

    #[test]
    fn a_picture_is_never_held_for_longer_than_80_ms_nor_for_early_sound() {
        assert_eq!(offset_after(0, 500, 10).1, Duration::from_millis(80));
        assert_eq!(offset_after(0, 10, 80).1, Duration::ZERO);
        let mut hold = Hold::default();
        hold.handle_sound(i64::MAX);
        hold.handle_picture(i64::MIN);
        hold.handle_picture(i64::MAX);
        assert!(hold.hold() <= Duration::from_millis(80));
    }
}
