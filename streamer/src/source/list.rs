//! What there is to choose from: webcams with their formats, microphones by name. For people and for `--json`.

use serde::Serialize;

use super::microphone;
use super::webcam::Offer;

/// A webcam that could be opened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ListedCamera {
    /// What to write after `--camera`.
    pub spec: String,
    /// Its device file; empty where the system has none.
    pub path: String,
    pub name: String,
    /// Formats that we use, in the device's order.
    pub formats: Vec<Offer>,
}

/// A microphone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ListedMicrophone {
    /// What to write after `--mic`.
    pub spec: String,
    pub name: String,
    /// `--mic default` takes this one.
    pub default: bool,
}

/// The webcams of this machine; none where there are none, or none that this user may open.
#[cfg(target_os = "linux")]
pub fn list_cameras() -> Vec<ListedCamera> {
    let listed = |(device, formats): (super::webcam::direct::Device, Vec<Offer>)| ListedCamera {
        spec: format!("webcam:{}", device.number),
        path: device.path.display().to_string(),
        name: device.name,
        formats,
    };
    super::webcam::direct::webcams().into_iter().map(listed).collect()
}

/// The webcams of this machine; none where there are none, or none that this user may open.
#[cfg(not(target_os = "linux"))]
pub fn list_cameras() -> Vec<ListedCamera> {
    use super::webcam::portable;
    let listed = |(number, name): (u32, String)| ListedCamera {
        spec: format!("webcam:{number}"),
        path: String::new(),
        name,
        formats: portable::offers(number),
    };
    portable::webcams().into_iter().map(listed).collect()
}

/// The microphones of this machine; none where there are none.
pub fn list_microphones() -> Vec<ListedMicrophone> {
    microphone::list()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::PixelFormat;

    #[test]
    fn listing_never_fails_and_is_json() {
        // With or without devices: whatever there is has a spec that reads back.
        for camera in list_cameras() {
            assert!(camera.spec.parse::<crate::source::CameraSpec>().is_ok());
        }
        for microphone in list_microphones() {
            assert!(microphone.spec.parse::<crate::source::MicSpec>().is_ok(), "{}", microphone.spec);
        }
        let camera = ListedCamera {
            spec: "webcam:0".into(),
            path: "/dev/video0".into(),
            name: "Cam".into(),
            formats: vec![Offer { format: PixelFormat::Mjpeg, width: 1280, height: 720, fps: 30.0 }],
        };
        assert_eq!(
            serde_json::to_string(&camera).unwrap(),
            r#"{"spec":"webcam:0","path":"/dev/video0","name":"Cam","formats":[{"format":"MJPEG","width":1280,"height":720,"fps":30.0}]}"#
        );
    }
}
