//! Why a camera gives no picture, in words.

use athome_shared::protocol::control::{Camera, CameraReason, CameraState};

use super::Sentence;

impl Sentence {
    /// `None` for a camera that is live.
    pub fn of_camera(camera: &Camera) -> Option<Self> {
        let name = camera.name.clone();
        let retry_s = camera.retry_s.unwrap_or(0);
        Some(match (camera.state, camera.reason) {
            (CameraState::Live, _) => return None,
            (CameraState::Starting, _) => Self::CameraStarting { camera: name },
            (_, Some(CameraReason::Auth)) => Self::CameraAuth { camera: name },
            (_, Some(CameraReason::Gone)) => Self::CameraGone { camera: name },
            (_, Some(CameraReason::Busy)) => Self::CameraBusy { camera: name },
            (_, Some(CameraReason::Stalled)) => Self::CameraStalled { camera: name },
            (_, Some(CameraReason::Format)) => Self::CameraFormat { camera: name },
            (_, Some(CameraReason::File)) => Self::CameraFile { camera: name },
            (CameraState::Stopped, _) => Self::CameraStopped { camera: name },
            (CameraState::Backoff, Some(CameraReason::Unreachable | CameraReason::Other) | None) => {
                Self::CameraRetry { camera: name, retry_s }
            }
        })
    }
}
