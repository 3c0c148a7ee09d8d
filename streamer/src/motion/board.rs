//! What is known of motion right now, for whoever shows it, and pictures of the last events.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use athome_shared::id::CameraId;
use athome_shared::time::WallTime;
use bytes::Bytes;
use tokio::sync::watch;

/// Thumbnails kept for all cameras together; at 320 by 180 about half a megabyte.
const THUMBNAILS: usize = 48;

/// A camera's newest look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Glance {
    /// An event goes on.
    pub moving: bool,
    /// In which zones it began; empty for the whole picture.
    pub zones: Vec<String>,
    /// A bit for each cell of the grid that moves, the first cell in the lowest bit of the first byte; empty while none
    /// does.
    pub cells: Bytes,
}

/// The best picture of an event, as JPEG.
#[derive(Clone, Debug, PartialEq)]
pub struct Thumbnail {
    pub camera: CameraId,
    /// When the event began, as its events say.
    pub began: WallTime,
    pub jpeg: Bytes,
}

/// Shared by all that look and all that show. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    glances: watch::Sender<BTreeMap<CameraId, Glance>>,
    thumbnails: Mutex<VecDeque<Thumbnail>>,
}

impl Board {
    /// Everything as it is now, and each change. A reader that is slow misses what lay between.
    pub fn glances(&self) -> watch::Receiver<BTreeMap<CameraId, Glance>> {
        self.0.glances.subscribe()
    }

    /// The thumbnail of an event of this camera, if it is one of the last.
    pub fn thumbnail(&self, camera: &CameraId, began: WallTime) -> Option<Bytes> {
        let kept = self.thumbnails();
        kept.iter().find(|kept| kept.camera == *camera && kept.began == began).map(|kept| kept.jpeg.clone())
    }

    pub(super) fn show(&self, camera: &CameraId, glance: Glance) {
        self.0.glances.send_if_modified(|glances| {
            let news = glances.get(camera) != Some(&glance);
            if news {
                glances.insert(camera.clone(), glance);
            }
            news
        });
    }

    pub(super) fn remove(&self, camera: &CameraId) {
        self.0.glances.send_if_modified(|glances| glances.remove(camera).is_some());
    }

    pub(super) fn keep(&self, thumbnail: Thumbnail) {
        let mut kept = self.thumbnails();
        if kept.len() == THUMBNAILS {
            kept.pop_front();
        }
        kept.push_back(thumbnail);
    }

    fn thumbnails(&self) -> MutexGuard<'_, VecDeque<Thumbnail>> {
        self.0.thumbnails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use athome_shared::id::CameraId;
    use athome_shared::time::WallTime;

    use super::{Board, Glance, THUMBNAILS, Thumbnail};

    #[test]
    fn thumbnails_are_bounded_and_found_by_their_event() {
        let (board, door) = (Board::default(), CameraId::slug("door"));
        for n in 0..THUMBNAILS as i64 + 5 {
            board.keep(Thumbnail { camera: door.clone(), began: WallTime(n), jpeg: vec![n as u8].into() });
        }
        assert_eq!(board.thumbnail(&door, WallTime(4)), None, "the oldest are gone");
        assert_eq!(board.thumbnail(&door, WallTime(7)).as_deref(), Some(&[7][..]));
        assert_eq!(board.thumbnail(&CameraId::slug("yard"), WallTime(7)), None);
    }

    #[test]
    fn only_changes_wake_a_reader() {
        let (board, door) = (Board::default(), CameraId::slug("door"));
        let mut reader = board.glances();
        let glance = Glance { moving: true, ..Glance::default() };
        board.show(&door, glance.clone());
        assert!(reader.has_changed().unwrap());
        assert_eq!(reader.borrow_and_update().get(&door), Some(&glance));
        board.show(&door, glance);
        assert!(!reader.has_changed().unwrap());
        board.remove(&door);
        assert!(reader.borrow_and_update().is_empty());
    }
}
