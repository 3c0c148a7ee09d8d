//! What waits for a camera's looking thread. Whoever posts never waits: of raw pictures the newest wins, encoded ones
//! queue up to a bound and begin again at a key frame when it is reached.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use athome_shared::media::frame::EncodedFrame;

use super::pace::Pace;
use super::zones::Zone;
use crate::source::RawFrame;

/// Encoded pictures that wait, about a second's; when full, all of them go, and so does what follows up to a key frame.
const MOST_ENCODED: usize = 32;

/// What a camera is looked at with.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub zones: Vec<Zone>,
    /// 1 to 100, where a zone says nothing else.
    pub sensitivity: u8,
}

/// What the thread is to do next.
pub(super) enum Work {
    Raw(RawFrame),
    Encoded(EncodedFrame),
    Settings(Settings),
    /// Nothing came for as long as it waited.
    Nothing,
    End,
}

#[derive(Default)]
pub(super) struct Inbox {
    slots: Mutex<Slots>,
    wake: Condvar,
}

#[derive(Default)]
struct Slots {
    pace: Pace,
    raw: Option<RawFrame>,
    encoded: VecDeque<EncodedFrame>,
    /// Nothing is decodable before a key frame.
    lost: bool,
    settings: Option<Settings>,
    closed: bool,
}

impl Inbox {
    pub(super) fn raw(&self, frame: &RawFrame) {
        let mut slots = self.slots();
        if slots.pace.take(frame.captured) {
            slots.raw = Some(frame.clone());
            self.wake.notify_one();
        }
    }

    pub(super) fn encoded(&self, frame: &EncodedFrame) {
        let mut slots = self.slots();
        if slots.encoded.len() == MOST_ENCODED {
            slots.encoded.clear();
            slots.lost = true;
        }
        slots.lost &= !frame.is_key;
        if !slots.lost {
            slots.encoded.push_back(frame.clone());
            self.wake.notify_one();
        }
    }

    pub(super) fn settings(&self, settings: Settings) {
        self.slots().settings = Some(settings);
        self.wake.notify_one();
    }

    pub(super) fn close(&self) {
        self.slots().closed = true;
        self.wake.notify_one();
    }

    /// The next thing, waiting for it at most so long.
    pub(super) fn next(&self, patience: Duration) -> Work {
        let mut slots = self.slots();
        let mut waited = false;
        loop {
            if slots.closed {
                return Work::End;
            }
            if let Some(settings) = slots.settings.take() {
                return Work::Settings(settings);
            }
            if let Some(frame) = slots.encoded.pop_front() {
                return Work::Encoded(frame);
            }
            if let Some(frame) = slots.raw.take() {
                return Work::Raw(frame);
            }
            if waited {
                return Work::Nothing;
            }
            let woken = self.wake.wait_timeout(slots, patience).unwrap_or_else(PoisonError::into_inner);
            (slots, waited) = (woken.0, woken.1.timed_out());
        }
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use athome_shared::media::frame::{Codec, EncodedFrame, Params};
    use athome_shared::time::MediaTime;
    use bytes::Bytes;

    use super::{Inbox, MOST_ENCODED, Work};
    use crate::source::{PixelFormat, RawFrame};

    fn raw(captured: Instant, mark: i64) -> RawFrame {
        let format = PixelFormat::I420;
        RawFrame { format, width: 2, height: 2, data: Bytes::from_static(&[0; 6]), captured, pts: MediaTime(mark) }
    }

    fn encoded(n: i64, is_key: bool) -> EncodedFrame {
        let params = Arc::new(Params::Video { width: 2, height: 2, profile_level_id: [0; 3] });
        let now = Instant::now();
        let data = Bytes::new();
        EncodedFrame { codec: Codec::H264, is_key, pts: MediaTime(n), captured: now, encoded: now, data, params }
    }

    #[test]
    fn of_raw_pictures_the_newest_wins_at_the_pace_of_looking() {
        let (inbox, start) = (Inbox::default(), Instant::now());
        for n in 0..30 {
            inbox.raw(&raw(start + Duration::from_millis(33) * n, i64::from(n)));
        }
        let Work::Raw(frame) = inbox.next(Duration::ZERO) else { panic!("a picture waits") };
        assert_eq!(frame.pts, MediaTime(28), "of 30 a second every other one");
        assert!(matches!(inbox.next(Duration::ZERO), Work::Nothing));
    }

    #[test]
    fn encoded_pictures_queue_up_to_a_bound_and_go_on_at_a_key_frame() {
        let inbox = Inbox::default();
        inbox.encoded(&encoded(0, true));
        for n in 1..MOST_ENCODED as i64 + 10 {
            inbox.encoded(&encoded(n, false));
        }
        assert!(matches!(inbox.next(Duration::ZERO), Work::Nothing), "all that can't be decoded is gone");
        inbox.encoded(&encoded(100, true));
        inbox.encoded(&encoded(101, false));
        let pts = |work| if let Work::Encoded(frame) = work { frame.pts.0 } else { -1 };
        assert_eq!((pts(inbox.next(Duration::ZERO)), pts(inbox.next(Duration::ZERO))), (100, 101));
        inbox.close();
        assert!(matches!(inbox.next(Duration::from_secs(60)), Work::End));
    }
}
