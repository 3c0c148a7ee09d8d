//! A camera as configured.

use std::collections::BTreeSet;

use athome_shared::id::CameraId;

use super::{AtHome, Detection};
use crate::motion::zones::Zone;
use crate::record::layout::QUARANTINE;
use crate::record::trigger::Mode;
use crate::source::{CameraSpec, Login, MicSpec, Transport, Wish};

/// A camera as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraConfig {
    /// Unique; made from the name.
    pub id: CameraId,
    /// For people.
    pub name: String,
    pub source: CameraSpec,
    /// Of a network camera; it never stands in the address.
    pub login: Option<Login>,
    /// Of an RTSP camera.
    pub transport: Transport,
    /// A network camera's smaller stream, for small tiles and for looking.
    pub sub_source: Option<CameraSpec>,
    /// Size and rate asked of the device.
    pub wish: Wish,
    /// The most that the full layer's encoder may spend, in bits a second; `None` for what suits the size.
    pub bitrate_bps: Option<u32>,
    /// `None` for the sound that comes with the picture, if any.
    pub audio: Option<MicSpec>,
    /// Started with the program.
    pub active: bool,
    /// When it records, where that is another mode than that of all cameras.
    pub record: Option<Mode>,
    /// What it does while somebody is at home.
    pub at_home: AtHome,
    /// How it is looked at: as all cameras are, but for a sensitivity of its own.
    pub detection: Detection,
    pub zones: Vec<Zone>,
}

impl CameraConfig {
    /// A camera with nothing but a source and a name. A login in the source's address is taken out of it.
    pub fn new(name: &str, mut source: CameraSpec) -> Self {
        Self {
            id: CameraId::slug(name),
            name: name.to_owned(),
            login: source.take_login(),
            transport: Transport::default(),
            sub_source: None,
            source,
            wish: Wish::default(),
            bitrate_bps: None,
            audio: None,
            active: true,
            record: None,
            at_home: AtHome::default(),
            detection: Detection::default(),
            zones: Vec::new(),
        }
    }
}

/// Gives cameras whose names lead to the same id a number, in their order.
pub fn make_ids_unique(cameras: &mut [CameraConfig]) {
    // The folder of what does not play has this name.
    let mut taken: BTreeSet<CameraId> = CameraId::new(QUARANTINE).into_iter().collect();
    for camera in cameras {
        let base = camera.id.clone();
        let mut n = 2;
        while !taken.insert(camera.id.clone()) {
            camera.id = numbered(&base, n);
            n += 1;
        }
    }
}

fn numbered(base: &CameraId, n: u32) -> CameraId {
    let suffix = format!("-{n}");
    let room = CameraId::MAX_LEN - suffix.len();
    let stem: String = base.as_str().chars().take(room).collect();
    CameraId::new(&format!("{stem}{suffix}")).unwrap_or_else(|| base.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_of_one_name_get_numbers() {
        let long = "x".repeat(60);
        let mut cameras: Vec<_> = ["Door", "door", "Door 2", "DOOR!", &long, &long]
            .map(|name| CameraConfig::new(name, CameraSpec::Webcam))
            .into();
        make_ids_unique(&mut cameras);
        let ids: Vec<_> = cameras.iter().map(|camera| camera.id.as_str()).collect();
        assert_eq!(ids[..4], ["door", "door-2", "door-2-2", "door-3"]);
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        assert!(ids[5].len() <= CameraId::MAX_LEN && ids[5].ends_with("-2"));
    }
}
