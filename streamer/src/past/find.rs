//! Which file holds a moment, and which one comes after it.

use athome_shared::id::CameraId;
use athome_shared::protocol::past::Cause;
use athome_shared::time::WallTime;

use super::Past;
use crate::index::{IndexError, Segment};
use crate::record::Control;

/// A file, complete or being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// From the folder of recordings.
    pub(super) file: String,
    pub(super) began: WallTime,
}

/// What a recorder writes now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) file: String,
    pub(super) began: WallTime,
    pub(super) why: Cause,
}

/// The file under way, once there is one.
pub(super) fn open_of(control: &Control, camera: &CameraId) -> Option<Open> {
    let status = control.status(camera).ok()?;
    Some(Open { file: status.file?, began: status.since?, why: status.why? })
}

fn piece(segment: Segment) -> Piece {
    Piece { file: segment.new.file, began: segment.new.began }
}

impl Past {
    /// The file that holds a moment; where none does, the first that begins later.
    pub(super) fn find(&self, camera: &CameraId, at: WallTime) -> Result<Option<Piece>, IndexError> {
        if let Some(open) = open_of(&self.control, camera).filter(|open| open.began <= at) {
            return Ok(Some(Piece { file: open.file, began: open.began }));
        }
        let before = self.store().index().last_begun(camera, at)?;
        match before.filter(|segment| at < segment.new.ended) {
            Some(segment) => Ok(Some(piece(segment))),
            None => self.after(camera, at),
        }
    }

    /// The first file that begins later than this.
    pub(super) fn after(&self, camera: &CameraId, at: WallTime) -> Result<Option<Piece>, IndexError> {
        let next = self.store().index().next_begun(camera, at)?.map(piece);
        let open = open_of(&self.control, camera).filter(|open| open.began > at);
        let open = open.map(|open| Piece { file: open.file, began: open.began });
        Ok(next.into_iter().chain(open).min_by_key(|piece| piece.began))
    }

    /// Whether this file is still being written.
    pub(super) fn is_open(&self, camera: &CameraId, file: &str) -> bool {
        open_of(&self.control, camera).is_some_and(|open| open.file == file)
    }
}
