//! Looking back: which recording holds a moment, pictures of it, and films from it on. It reads what [`crate::record`] wrote, the
//! file that is being written too.
//!
//! Everything here blocks on the disk. What does *not* belong here: who may look back, and how it gets to a viewer (`serve`).

mod cache;
mod find;
mod line;
mod list;
mod picture;
pub mod play;
mod scale;
mod zone;

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use athome_shared::id::CameraId;
use athome_shared::media::mp4::read::{Outline, ReadError, grow, outline};
use athome_shared::time::WallTime;
use bytes::Bytes;

use self::cache::Cache;
use crate::index::{IndexError, Query, Segment};
use crate::record::Control;
use crate::record::disk::DiskFile;
use crate::record::export::{ExportError, Exporter};
use crate::record::layout::{self, THUMBNAIL};
use crate::record::store::{Store, StoreError};

pub use picture::Still;

/// Bytes of outlines that are kept, about 16 for each key frame: a day of recordings of a second each.
const OUTLINES: usize = 2 << 20;
/// Bytes of pictures that are kept: some hundreds, as large as they are scrubbed with.
const PICTURES: usize = 16 << 20;
/// Largest thumbnail that is read.
const MOST_THUMBNAIL: u64 = 1 << 20;

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    #[error("nothing was recorded then")]
    Nothing,
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("{file}: {source}")]
    Read { file: String, source: ReadError },
    #[error("{file}: its picture can't be shown: {why}")]
    Picture { file: String, why: String },
}

/// The recordings, for looking at. Cloning shares what is kept.
#[derive(Clone)]
pub struct Past {
    control: Control,
    kept: Arc<Kept>,
}

#[derive(Default)]
struct Kept {
    outlines: Mutex<Cache<String, (u64, Arc<Outline>)>>,
    pictures: Mutex<Cache<(String, u64, u32), Still>>,
}

impl Past {
    /// What these recorders record.
    pub fn new(control: Control) -> Self {
        let kept = Kept { outlines: Cache::new(OUTLINES).into(), pictures: Cache::new(PICTURES).into() };
        Self { control, kept: Arc::new(kept) }
    }

    /// Orders to the recorders, and their files.
    pub fn control(&self) -> &Control {
        &self.control
    }

    fn store(&self) -> &Store {
        self.control.store()
    }

    /// A recording's thumbnail, as JPEG.
    pub fn thumbnail(&self, id: i64) -> Result<Bytes, PastError> {
        let segment = match self.store().index().segment(id) {
            Err(IndexError::Unknown) => return Err(PastError::Nothing),
            found => found?,
        };
        let path = self.store().root().join(layout::beside(&segment.new.file, THUMBNAIL));
        let mut jpeg = Vec::new();
        let read = self.store().disk().read(&path).and_then(|file| file.take(MOST_THUMBNAIL).read_to_end(&mut jpeg));
        match read {
            Ok(_) => Ok(jpeg.into()),
            Err(_) => Err(PastError::Nothing),
        }
    }

    /// Pins a recording, or takes the pin off.
    pub fn keep(&self, id: i64, kept: bool) -> Result<(), PastError> {
        match self.store().keep(id, kept) {
            Ok(_) => Ok(()),
            Err(StoreError::Index(IndexError::Unknown)) => Err(PastError::Nothing),
            Err(why) => Err(unstored(why)),
        }
    }

    /// Deletes a recording; false where it is pinned.
    pub fn delete(&self, id: i64) -> Result<bool, PastError> {
        match self.store().index().segment(id) {
            Err(IndexError::Unknown) => return Err(PastError::Nothing),
            found => found?,
        };
        self.store().delete(id).map_err(unstored)
    }

    /// A range as one film with gaps closed up.
    pub fn export(&self, camera: &CameraId, from: WallTime, to: WallTime) -> Result<Exporter, PastError> {
        let query = Query { camera: Some(camera.clone()), from: Some(from), to: Some(to), limit: None };
        let mut segments = self.store().index().segments(&query)?;
        segments.extend(self.under_way(camera)?.filter(|open| open.new.ended > from && open.new.began < to));
        if segments.is_empty() { Err(PastError::Nothing) } else { Ok(Exporter::new(segments, (from, to))) }
    }

    /// The next part of an export; `None` at its end.
    pub fn export_part(&self, exporter: &mut Exporter) -> Result<Option<Vec<u8>>, PastError> {
        exporter.part(&**self.store().disk(), self.store().root()).map_err(|why| match why {
            ExportError::Read { file, source } => PastError::Read { file, source },
            ExportError::Nothing | ExportError::Write(_) => PastError::Nothing,
        })
    }

    /// What is being recorded of a camera, as if it were complete up to its last whole fragment.
    fn under_way(&self, camera: &CameraId) -> Result<Option<Segment>, PastError> {
        let Some(open) = find::open_of(&self.control, camera) else { return Ok(None) };
        let Ok((mut file, outline)) = self.open(&open.file) else {
            // It may have been completed this moment, or hold no whole fragment so far.
            return Ok(None);
        };
        let bytes = file.seek(SeekFrom::End(0)).unwrap_or(0);
        let new = crate::index::NewSegment {
            camera: camera.clone(),
            file: open.file,
            began: outline.began,
            ended: outline.wall(outline.until),
            bytes,
            why: open.why,
            width: outline.width,
            height: outline.height,
            sound: outline.sound,
            kept: false,
            dated: true,
        };
        Ok(Some(Segment { id: 0, new }))
    }

    /// A file and where things are in it.
    fn open(&self, file: &str) -> Result<(Box<dyn DiskFile>, Arc<Outline>), PastError> {
        let failed = |source| PastError::Read { file: file.to_owned(), source };
        let opened = self.store().disk().read(&self.store().root().join(file));
        let mut from = opened.map_err(|why| match why.kind() {
            io::ErrorKind::NotFound => PastError::Nothing,
            _ => failed(why.into()),
        })?;
        let length = from.seek(SeekFrom::End(0)).map_err(|why| failed(why.into()))?;
        let outlines = || self.kept.outlines.lock().unwrap_or_else(PoisonError::into_inner);
        let known = outlines().get(&file.to_owned());
        let found = match known {
            Some((known_length, known)) if known_length == length => return Ok((from, known)),
            // It is being written: only what is new is looked at.
            Some((known_length, known)) if !known.finished && known_length < length => {
                let mut outline = (*known).clone();
                grow(&mut from, &mut outline).map_err(failed)?;
                outline
            }
            _ => outline(&mut from).map_err(failed)?,
        };
        let (cost, found) = (file.len() + 128 + found.keys.len() * 16, Arc::new(found));
        outlines().put(file.to_owned(), (length, found.clone()), cost);
        Ok((from, found))
    }
}

fn unstored(why: StoreError) -> PastError {
    match why {
        StoreError::Index(why) => PastError::Index(why),
        StoreError::File { path, source } => {
            PastError::Read { file: path.display().to_string(), source: source.into() }
        }
    }
}
