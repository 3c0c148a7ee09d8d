//! The control channel: a reliable, ordered data channel labelled `ctl`, one JSON object a message, at most
//! [`MAX_MESSAGE`] bytes. Bulk data travels beside it on the channel `bulk` (see [`bulk`]).

use serde::{Deserialize, Serialize};

use crate::id::{CameraId, Layer};
use crate::protocol::past::Cause;
use crate::protocol::wire::{SlotKind, Why};
use crate::time::WallTime;

/// Largest control message in bytes; a larger one ends the session with [`Why::Protocol`].
pub const MAX_MESSAGE: usize = 16 * 1024;

/// What a viewer may do; flags, combined for each viewer. The one table of commands is `pair::roles`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Watch and listen.
    View,
    /// Talk.
    Talk,
    /// Look back.
    Playback,
    /// Manage.
    Admin,
}

/// A camera as its viewers know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    pub id: CameraId,
    pub name: String,
    pub state: CameraState,
    /// Why it is not live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<CameraReason>,
    /// Seconds until the next try, when `state` is `backoff`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_s: Option<u32>,
    /// When its last picture was captured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_frame: Option<WallTime>,
    /// Pixels and frames a second of the full layer, zero while unknown.
    pub width: u32,
    pub height: u32,
    pub fps: f32,
    pub audio: bool,
    pub layers: Vec<Layer>,
    /// Why it is being recorded; `None` while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Cause>,
}

/// Where a camera is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CameraState {
    Starting,
    Live,
    Backoff,
    Stopped,
}

/// Why a camera gives no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CameraReason {
    /// No such device; it was unplugged or never there.
    Gone,
    /// Another program uses it.
    Busy,
    /// It stopped giving frames.
    Stalled,
    /// It offers no format that we can use.
    Format,
    /// The file can't be read or holds no video we know.
    File,
    /// It does not answer.
    Unreachable,
    /// User name or password refused.
    Auth,
    /// Anything else; the streamer's log says more.
    Other,
}

/// A slot's content. Sent before the first frame of it; a viewer shows nothing of the slot before a frame with at least
/// this RTP timestamp.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attached {
    pub kind: SlotKind,
    pub slot: u8,
    pub camera: CameraId,
    pub layer: Layer,
    /// Grows with every change of this slot.
    pub epoch: u32,
    /// RTP timestamps of the new content are this one or later (modulo 2^32).
    pub rtp: u32,
}

/// Streamer to viewer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ToViewer {
    /// First message on an open channel.
    Hello {
        v: u16,
        place: String,
        device: String,
        roles: Vec<Role>,
        cameras: Vec<Camera>,
    },
    /// The whole list again, on each change.
    Cameras {
        cameras: Vec<Camera>,
    },
    Attached(Attached),
    /// The slot carries nothing from now on.
    Detached {
        kind: SlotKind,
        slot: u8,
        epoch: u32,
    },
    /// Answer to `ping`: the streamer's wall clock when it was received and answered.
    Pong {
        id: u32,
        received: WallTime,
        sent: WallTime,
    },
    /// Once a second for each attached video slot: medians of the last second in microseconds.
    SlotStats {
        slot: u8,
        epoch: u32,
        encode_us: u32,
        hub_us: u32,
        send_us: u32,
        frames: u32,
        bytes: u32,
        dropped: u32,
        target_bps: u32,
    },
    /// Who watches now, this viewer included.
    Watching {
        names: Vec<String>,
    },
    /// Whether something moves in front of a camera, and in which zones it began; on each change, to those who may watch.
    /// Worth showing, never needed.
    Motion {
        camera: CameraId,
        moving: bool,
        zones: Vec<String>,
    },
    /// Which cells of a grid move now, to those who asked by `cells`; at most ten times a second, and once more, empty, when
    /// nothing moves any more.
    Cells {
        camera: CameraId,
        width: u16,
        height: u16,
        /// A bit for each cell, row by row, the first in the lowest bit of the first byte; base64url, empty if none moves.
        bits: String,
    },
    /// A request `re` was carried out (where the request has no other answer).
    Done {
        re: u32,
    },
    /// A request `re` was refused.
    Refused {
        re: u32,
        why: RefusedWhy,
    },
    /// A bulk transfer starts on the channel `bulk`; `re` is the request that asked for it.
    BulkBegin {
        re: u32,
        id: u32,
        /// Missing where it is made while it is sent: then `bulk_end` says how many there were.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
        mime: String,
        /// Of `picture`: when it was captured. Of `play` and `export`: when media time zero was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<WallTime>,
    },
    /// All bytes were sent (`ok`) or the transfer was given up.
    BulkEnd {
        id: u32,
        ok: bool,
        /// How many there were, where `bulk_begin` could not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
        /// Of `play`: from when on to ask again; missing where there is nothing later now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<WallTime>,
    },
    Bye {
        why: Why,
    },
}

/// Viewer to streamer. `re` is chosen by the viewer and returned in the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ToStreamer {
    /// Attach a camera to a video slot.
    Watch {
        re: u32,
        slot: u8,
        camera: CameraId,
        layer: Layer,
    },
    /// Detach a video slot.
    Unwatch {
        re: u32,
        slot: u8,
    },
    /// Attach a camera's sound to a sound slot, or silence it.
    Listen {
        re: u32,
        slot: u8,
        camera: Option<CameraId>,
    },
    /// A key frame is needed (beside RTCP PLI, which says the same).
    Key {
        slot: u8,
    },
    Ping {
        id: u32,
        sent: WallTime,
    },
    /// A JPEG of the newest picture, as a bulk transfer of `image/jpeg`.
    Snapshot {
        re: u32,
        camera: CameraId,
    },
    /// This many bytes of a transfer have been received in all.
    BulkAck {
        id: u32,
        bytes: u64,
    },
    BulkCancel {
        id: u32,
    },
    /// Send `cells` of this camera from now on, or no more.
    Cells {
        re: u32,
        camera: CameraId,
        on: bool,
    },
    /// A new name for this device, at most 64 bytes.
    Rename {
        re: u32,
        name: String,
    },
    /// What a camera recorded between two times, as a bulk transfer of `application/json` ([`past::Past`]).
    ///
    /// [`past::Past`]: crate::protocol::past::Past
    Past {
        re: u32,
        camera: CameraId,
        from: WallTime,
        to: WallTime,
    },
    /// The newest key frame at or before `at` of the recording that holds it, else the first one after; as a bulk transfer of
    /// `image/jpeg`, at most `width` pixels wide.
    Picture {
        re: u32,
        camera: CameraId,
        at: WallTime,
        width: u32,
    },
    /// A recording's thumbnail, as a bulk transfer of `image/jpeg`.
    Thumb {
        re: u32,
        id: i64,
    },
    /// What was recorded from the key frame at or before `from` on (else from the first one after), as a bulk transfer of
    /// fragmented MP4 on one line of time: gaps stay gaps.
    Play {
        re: u32,
        camera: CameraId,
        from: WallTime,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<WallTime>,
        /// At the end of what is being recorded: waits for more, as long as the recording goes on.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        follow: bool,
    },
    /// A range as one MP4 with gaps closed up, as a bulk transfer of `video/mp4`.
    Export {
        re: u32,
        camera: CameraId,
        from: WallTime,
        to: WallTime,
    },
    /// Pins a recording, or takes the pin off.
    Keep {
        re: u32,
        id: i64,
        kept: bool,
    },
    /// Deletes a recording.
    Delete {
        re: u32,
        id: i64,
    },
    /// Records a camera, for so many seconds or until it is stopped.
    Record {
        re: u32,
        camera: CameraId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u64>,
    },
    /// Stops what was asked for.
    RecordStop {
        re: u32,
        camera: CameraId,
    },
    Bye {
        why: Why,
    },
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedWhy {
    /// The viewer's roles don't allow it.
    Role,
    UnknownCamera,
    UnknownSlot,
    /// The camera has no such layer or no sound; nothing was recorded then; no recording has this number; it is recorded by a
    /// rule that a request can't stop.
    Unavailable,
    /// Too many of these at once.
    Busy,
    /// The request makes no sense (a name too long, say).
    Invalid,
    /// The recording is kept: the pin has to be taken off first.
    Kept,
}

/// The channel `bulk`: binary messages `id:u32be offset:u64be payload`, payload at most [`bulk::CHUNK`] bytes. The sender
/// keeps at most [`bulk::WINDOW`] bytes of a transfer unacknowledged, less where there are several; the receiver acknowledges
/// on `ctl` every [`bulk::ACK_EVERY`] bytes. Whoever wants no more for a while stops acknowledging.
pub mod bulk {
    /// Bytes in front of each payload.
    pub const HEADER: usize = 12;
    /// Largest payload of one message.
    pub const CHUNK: usize = 16 * 1024 - HEADER;
    /// Unacknowledged bytes at most: more buys nothing on a relay and delays live video in Chromium.
    pub const WINDOW: u64 = 256 * 1024;
    /// The receiver's step between acknowledgements.
    pub const ACK_EVERY: u64 = 64 * 1024;
}
