//! What a person asks of the window; the only way from `ui` to the controller.

use std::path::PathBuf;

use athome_shared::pair::link::Link;
use athome_shared::protocol::house::HouseMode;

use super::past;
use crate::settings::{CameraKey, Layout, Notify, SingleKeys, Sound, Theme};
use crate::store::{Keystore, PlaceId};
use crate::words::Sentence;

/// One wish. None of them is answered directly: the model changes, or a notice says why not.
#[derive(Clone, Debug)]
pub enum Request {
    /// Pair with the streamer of a link.
    Pair(Link),
    /// Something that was meant to be a link or a picture of one, and is none.
    BadLink(Unreadable),
    /// Stop trying to pair.
    CancelPairing,
    /// Try a place again now.
    Retry(PlaceId),
    /// Forget a pairing on this device.
    Forget(PlaceId),
    /// Another name for this device at a place.
    Rename(PlaceId, String),
    /// Watch over a place in another way.
    Mode(PlaceId, HouseMode),
    /// Which cameras are on the screen, and how many real pixels wide each is. Sent once that has settled.
    Visible(Vec<(CameraKey, u32)>),
    Layout(Layout),
    /// Put a camera into a place of the grid; what stood there changes places with it.
    Place {
        camera: CameraKey,
        at: usize,
    },
    /// Take whatever stands in a place out of the grid.
    Clear {
        at: usize,
    },
    /// The camera that is heard, photographed and measured.
    Select(CameraKey),
    /// Show one camera alone, or the grid again.
    Enlarge(Option<CameraKey>),
    Sound(CameraKey, Sound),
    Snapshot(CameraKey),
    /// Start or stop recording what is watched.
    Record(CameraKey, Recording),
    Theme(Theme),
    Language(Option<String>),
    SingleKeys(SingleKeys),
    Notify(Notify),
    /// Whether to be told by the desktop when something moves in front of a camera.
    Bell(CameraKey, Wanted),
    Folder(PathBuf),
    /// The window's size in points, to be remembered.
    WindowSize([f32; 2]),
    /// This device's keys are somewhere else now.
    Kept(Keystore),
    /// Bring the window to the front: a notification was clicked, or the program started a second time.
    ComeForward,
    /// Something to say that happened outside the controller (the loudspeaker is gone).
    Say(Sentence),
    DismissNotice,
    /// Whether figures of the selected camera are wanted.
    Stats(Wanted),
    /// Whether the time strip of the selected camera is open.
    Strip(Wanted),
    /// Something done with the strip.
    Past(past::Wish),
    Quit,
}

/// Why there is no link in what was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    Incomplete,
    Newer,
    /// An image without a code, or with another one.
    NoCode,
    /// The file can't be read as an image.
    NoImage,
    /// Another image is being searched.
    Busy,
    /// The webcam gives no picture.
    NoWebcam,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recording {
    Start,
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Yes,
    No,
}
