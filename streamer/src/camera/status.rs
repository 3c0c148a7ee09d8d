//! What people are told about a camera: its state, why it is not live, how many frames it really gives.

use std::time::Instant;

use athome_shared::id::{CameraId, Layer};
use athome_shared::protocol::control::{Camera, CameraReason, CameraState};
use athome_shared::time::MediaClock;

use super::state::State;
use crate::encode::{FrameRate, SMALL_WIDTH};
use crate::source::Opened;

/// What is known of a source besides its state.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// What the running source gives; `None` while none runs.
    pub opened: Option<Opened>,
    /// When its newest frame was captured; kept after it stopped.
    pub last_frame: Option<Instant>,
    pub rate: FrameRate,
}

impl Picture {
    /// The running attempt has given something.
    pub fn fresh(&self) -> bool {
        !self.rate.is_new()
    }
}

/// A camera as its viewers know it, at `now`.
pub fn camera(
    id: &CameraId,
    name: &str,
    state: State,
    picture: &Picture,
    sound: bool,
    clock: &MediaClock,
    now: Instant,
) -> Camera {
    let (state, reason, retry_s) = match state {
        State::Starting => (CameraState::Starting, None, None),
        State::Live => (CameraState::Live, None, None),
        State::Backoff { until, reason, .. } => {
            let left = until.saturating_duration_since(now).as_secs_f32().ceil();
            (CameraState::Backoff, Some(reason), Some(left as u32))
        }
        State::Stopped => (CameraState::Stopped, None, None),
    };
    let live = picture.opened.as_ref().filter(|_| state == CameraState::Live || state == CameraState::Starting);
    let mut layers = vec![Layer::Full];
    if live.is_some_and(|opened| !opened.encoded && opened.width > SMALL_WIDTH) {
        layers.push(Layer::Small);
    }
    Camera {
        id: id.clone(),
        name: name.to_owned(),
        state,
        reason,
        retry_s,
        last_frame: picture.last_frame.map(|at| clock.wall(at)),
        width: live.map_or(0, |opened| opened.width),
        height: live.map_or(0, |opened| opened.height),
        fps: live.map_or(0.0, |opened| picture.rate.measured().unwrap_or(opened.fps)),
        audio: sound,
        layers,
        recording: None,
    }
}

/// Whether the change from `a` to `b` is worth telling: anything but the figures that change all the time. The rate is
/// told when it moved by more than a tenth (and at least one frame a second).
pub fn changed(a: &Camera, b: &Camera) -> bool {
    let calm = |camera: &Camera| Camera { last_frame: None, fps: 0.0, retry_s: None, ..camera.clone() };
    calm(a) != calm(b) || (a.fps - b.fps).abs() > (a.fps * 0.1).max(1.0)
}

/// Why a camera gives no picture, in the words of the log.
pub fn describe(reason: CameraReason) -> &'static str {
    match reason {
        CameraReason::Gone => "it was unplugged or is not there",
        CameraReason::Busy => "another program uses it",
        CameraReason::Stalled => "it stopped giving frames",
        CameraReason::Format => "it offers no format that can be used",
        CameraReason::File => "the file can't be read or holds no video we know",
        CameraReason::Unreachable => "it does not answer",
        CameraReason::Auth => "user name or password refused",
        CameraReason::Other => "it failed",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_camera_that_is_not_live_claims_no_size_and_tells_the_wait() {
        let now = Instant::now();
        let clock = MediaClock::new(now, athome_shared::time::WallTime(0));
        let id = CameraId::slug("door");
        let opened =
            Opened { label: "Webcam".into(), width: 1280, height: 720, fps: 30.0, encoded: false, audio: false };
        let picture = Picture { opened: Some(opened), last_frame: Some(now), ..Picture::default() };
        let live = camera(&id, "Door", State::Live, &picture, false, &clock, now);
        assert_eq!((live.width, live.layers.as_slice()), (1280, &[Layer::Full, Layer::Small][..]));
        let until = now + Duration::from_millis(1_400);
        let state = State::Backoff { until, tries: 2, reason: CameraReason::Gone };
        let gone = camera(&id, "Door", state, &picture, false, &clock, now);
        assert_eq!((gone.width, gone.reason, gone.retry_s), (0, Some(CameraReason::Gone), Some(2)));
        assert!(gone.last_frame.is_some(), "the age of the last picture is still known");
        assert!(changed(&live, &gone));
        assert!(!changed(&gone, &Camera { retry_s: Some(1), fps: 0.5, ..gone.clone() }));
    }
}
