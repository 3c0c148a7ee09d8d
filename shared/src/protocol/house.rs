//! How a house is watched over: its mode, and where its cameras look for motion. Parts of the control channel's messages.

use serde::{Deserialize, Serialize};

use crate::id::CameraId;

/// Who is there, so what the cameras are to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HouseMode {
    /// Somebody is there: cameras can be watched, and record only when they are asked to, but for those that are set up to
    /// record at home as well.
    Home,
    /// Nobody is there: everything as it is set up.
    #[default]
    Away,
    /// Every device is closed.
    Privacy,
}

/// What a zone does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneKind {
    /// Motion here counts. Where there is one, motion elsewhere does not.
    Watch,
    /// Motion here does not count.
    Ignore,
    /// Black for everyone, live and recorded.
    Privacy,
}

/// A part of the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneRow {
    /// At most 64 bytes, and no two of a camera alike.
    pub name: String,
    pub kind: ZoneKind,
    /// 3 to 20 corners, each from 0 to 1 of the picture's width and height; its edges do not cross.
    pub points: Vec<(f32, f32)>,
    /// 1 to 100; the camera's where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<u8>,
    /// What must move at least, in percent of the picture; what the sensitivity says where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_size: Option<f32>,
    /// How long it must move, in seconds.
    #[serde(default)]
    pub min_duration: f32,
}

/// Zones of one camera at most.
pub const MAX_ZONES: usize = 16;

/// Where and how a camera looks for motion: the answer to `looking`, a bulk transfer of `application/json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Looking {
    pub camera: CameraId,
    /// Whether it does.
    pub active: bool,
    /// 1 to 100.
    pub sensitivity: u8,
    pub zones: Vec<ZoneRow>,
}
