//! The folder of recordings and its index, kept in step. Durable order of a new one: file, its folder, row. Of a removal: row to
//! garbage, unlink, folder, forget. Only what is listed as garbage is ever unlinked.
//!
//! Everything here blocks on the disk.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use athome_shared::id::CameraId;
use athome_shared::time::WallTime;
use jiff::tz::TimeZone;
use serde::Serialize;
use tracing::{info, warn};

use super::awake::Awake;
use super::disk::{Disk, parent};
use super::layout::{self, PIN, THUMBNAIL};
use super::recover::{self, Adopted, Files, Look};
use super::retain::{self, ClockTrust, Limits};
use super::segment::{Closed, Place};
use super::still;
use crate::events::{Cause, Events, Kind};
use crate::index::{Index, IndexError, NewSegment, Opened, Query, Segment, Totals};

/// Removed at a time; the rest follows at once.
const SWEEP: u32 = 256;
/// What is made free at least where the disk is full: some seconds of many cameras.
const ROOM: u64 = 64 << 20;
/// Motion is forgotten after this long where recordings have no age.
const MOTION_AGE: Duration = Duration::from_secs(366 * 24 * 3_600);
/// Files whose row could not be written; more are found at the next start.
const MOST_ORPHANS: usize = 1_000;
/// In the folder of recordings: who holds it records there.
const LOCK: &str = ".in-use";
/// The latest time that is known to have been.
const SEEN: &str = "clock_seen";

/// Why it can't be done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    /// Two of them would take each other's files for damaged ones.
    #[error("another streamer records into {0}; give each a folder of its own under [storage] path")]
    InUse(PathBuf),
}

/// What was found when the store was opened, or looked through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Recordings in the index now.
    pub recordings: u64,
    /// Files that the index did not know and that play.
    pub adopted: Vec<String>,
    /// Of those, how many had to be cut back, and by how many bytes in all.
    pub cut: u64,
    pub cut_bytes: u64,
    /// Files that hold nothing that plays, where they are now.
    pub quarantined: Vec<String>,
    /// Rows whose files are gone.
    pub missing: Vec<String>,
    /// Files that could not be read, with why.
    pub unread: Vec<String>,
    /// The index was damaged and has been made anew.
    pub index_replaced: bool,
}

/// How full it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Room {
    #[serde(flatten)]
    pub totals: Totals,
    pub free_bytes: Option<u64>,
    /// For how many days the room will do, once that is known.
    pub days: Option<f64>,
    /// The age rule waits until the clock is to be believed.
    pub clock_doubted: bool,
}

/// The open store.
pub struct Store {
    pub(super) disk: Arc<dyn Disk>,
    index: Index,
    root: PathBuf,
    limits: Limits,
    events: Events,
    clock: Mutex<ClockTrust>,
    orphans: Mutex<BTreeSet<String>>,
    /// One at a time decides what goes.
    tidying: Mutex<()>,
    /// Held while the store is open; `None` where the file system has no locks.
    _alone: Option<File>,
}

impl Store {
    /// Opens the recordings in `root` with the index in `data`, and puts in order what a crash left.
    pub fn open(
        disk: Arc<dyn Disk>,
        data: &Path,
        root: &Path,
        limits: Limits,
        events: Events,
    ) -> Result<(Self, Found), StoreError> {
        let failed = |source| StoreError::File { path: root.to_owned(), source };
        disk.make_folder(root).map_err(failed)?;
        let alone = alone(root)?;
        let (index, opened) = Index::open(data)?;
        let clock = Mutex::new(ClockTrust::new(Awake::now(), WallTime::now(), None));
        let (orphans, tidying) = (Mutex::default(), Mutex::default());
        let mut store =
            Self { disk, index, root: root.to_owned(), limits, events, clock, orphans, tidying, _alone: alone };
        store.sweep();
        let before = store.seen()?;
        let mut found = store.reconcile(before)?;
        found.index_replaced = opened == Opened::Replaced;
        let totals = store.index.totals()?;
        found.recordings = totals.files;
        let seen = store.seen()?;
        store.clock = Mutex::new(ClockTrust::new(Awake::now(), WallTime::now(), seen));
        Ok((store, found))
    }

    /// The latest time that is known to have been. What was recorded under a doubted clock says nothing of it.
    fn seen(&self) -> Result<Option<WallTime>, StoreError> {
        Ok(self.index.fact(SEEN)?.map(WallTime).max(self.index.newest_dated()?))
    }

    /// Makes the index agree with the files.
    fn reconcile(&self, seen: Option<WallTime>) -> Result<Found, StoreError> {
        let failed = |source| StoreError::File { path: self.root.clone(), source };
        let Files { recordings: files, pinned } = recover::files(&*self.disk, &self.root).map_err(failed)?;
        let rows = self.index.segments(&Query::default())?;
        let known: BTreeSet<&str> = rows.iter().map(|row| row.new.file.as_str()).collect();
        let garbage: BTreeSet<String> = self.index.garbage(u32::MAX)?.into_iter().collect();
        let mut found = Found::default();
        // An empty folder is more likely a disk that is not there than recordings that all went at once.
        if !files.is_empty() {
            for row in rows.iter().filter(|row| !files.contains(&row.new.file)) {
                self.index.forget(row.id)?;
                found.missing.push(row.new.file.clone());
            }
        }
        // The pin on the disk is what counts.
        for row in rows.iter().filter(|row| files.contains(&row.new.file)) {
            let kept = pinned.contains(&row.new.file);
            if kept != row.new.kept {
                self.index.set_kept(row.id, kept)?;
            }
        }
        let mut adopted = Vec::new();
        for file in files.iter().filter(|file| !known.contains(file.as_str()) && !garbage.contains(*file)) {
            match recover::adopt(&*self.disk, &self.root, file, Look::Quick) {
                Ok(Adopted::Recording { mut segment, cut, still }) => {
                    segment.dated &= seen.is_none_or(|seen| retain::may_follow(seen, segment.ended));
                    found.cut += u64::from(cut > 0);
                    found.cut_bytes += cut;
                    self.thumbnail(&segment.file, &still);
                    adopted.push(segment);
                }
                Ok(Adopted::Quarantined { to }) => found.quarantined.push(to),
                Err(why) => found.unread.push(format!("{file}: {why}")),
            }
        }
        // Rows in the order in which they were recorded, which is the order in which they go.
        adopted.sort_by_key(|segment| segment.began);
        for segment in adopted {
            self.index.add(&segment)?;
            found.adopted.push(segment.file);
        }
        Ok(found)
    }

    /// Mends what [`super::check`] found damaged: what plays of it is a recording again, the rest goes to quarantine.
    pub fn mend(&self, damaged: &[String]) -> Result<Found, StoreError> {
        let (rows, mut found) = (self.index.segments(&Query::default())?, Found::default());
        for row in rows.iter().filter(|row| damaged.contains(&row.new.file)) {
            match recover::adopt(&*self.disk, &self.root, &row.new.file, Look::Close) {
                Ok(Adopted::Recording { segment, cut, .. }) => {
                    self.index.add(&segment)?;
                    found.cut += 1;
                    found.cut_bytes += cut;
                    found.adopted.push(segment.file);
                }
                Ok(Adopted::Quarantined { to }) => {
                    self.index.forget(row.id)?;
                    found.quarantined.push(to);
                }
                Err(why) => found.unread.push(format!("{}: {why}", row.new.file)),
            }
        }
        Ok(found)
    }

    /// Where a camera's next file lies.
    pub(super) fn place(&self, camera: &CameraId) -> Place {
        Place { root: self.root.clone(), camera: camera.clone(), zone: TimeZone::system() }
    }

    /// The folder of recordings.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The disk that it lies on.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Looks into the index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// A file is complete and durable: its thumbnail, its row, and whoever wants to know.
    pub(super) fn add(&self, camera: &CameraId, closed: &Closed, why: Cause) {
        self.thumbnail(&closed.file, &closed.still);
        let dated = self.clock().look(Awake::now(), WallTime::now());
        let segment = NewSegment {
            camera: camera.clone(),
            file: closed.file.clone(),
            began: closed.began,
            ended: closed.ended,
            bytes: closed.bytes,
            why,
            width: closed.size.0,
            height: closed.size.1,
            sound: closed.sound,
            kept: false,
            dated,
        };
        if let Err(error) = self.index.add(&segment) {
            warn!(file = %closed.file, %error, "a recording is not in the index yet");
            self.orphan(&closed.file);
        }
        let (file, bytes) = (closed.file.clone(), closed.bytes);
        self.events
            .camera(camera, Kind::RecordingClosed { file, began: closed.began, ended: closed.ended, bytes, why });
    }

    /// A file that ended badly: it is looked at again later.
    pub(super) fn orphan(&self, file: &str) {
        // Made a moment ago, and nothing is in it: on a full disk each try would leave another one.
        let path = self.root.join(file);
        if self.disk.length(&path).is_ok_and(|length| length == 0) && self.disk.remove(&path).is_ok() {
            return;
        }
        let mut orphans = self.orphans.lock().unwrap_or_else(PoisonError::into_inner);
        if orphans.len() < MOST_ORPHANS {
            orphans.insert(file.to_owned());
        }
    }

    fn thumbnail(&self, file: &str, key: &[u8]) {
        let path = self.root.join(layout::beside(file, THUMBNAIL));
        if self.disk.exists(&path) {
            return;
        }
        let Some(jpeg) = still::thumbnail(key) else { return };
        let written = self.disk.create(&path).and_then(|mut to| to.write_all(&jpeg));
        if let Err(error) = written {
            // A recording without a thumbnail is a recording; half a thumbnail is none.
            info!(file, %error, "no thumbnail");
            let _never_made = self.disk.remove(&path);
        }
    }

    /// What the rules ask for now: once a minute, and when the disk is full.
    pub fn tidy(&self) -> Result<(), StoreError> {
        // Its failure is told once room was made: on a full disk the index can't be written either.
        let adopted = self.adopt_orphans();
        let wall = WallTime::now();
        let believed = self.clock().look(Awake::now(), wall);
        self.remove_by(&self.limits, believed.then_some(wall), self.free())?;
        if believed {
            self.index.set_fact(SEEN, wall.0)?;
            // Marks of motion can't be read from the files again: under a clock that is doubted none is too old.
            let age = i64::try_from(self.limits.age.unwrap_or(MOTION_AGE).as_micros()).unwrap_or(i64::MAX);
            self.index.forget_motion(WallTime(wall.0.saturating_sub(age)))?;
        }
        adopted
    }

    /// Makes room on a full disk; false where nothing may go.
    pub(super) fn make_room(&self) -> Result<bool, StoreError> {
        // What ended badly takes room as well, and can go only when it is known.
        if let Err(error) = self.adopt_orphans() {
            info!(%error, "what ended badly can't be taken in yet");
        }
        let free = self.free().unwrap_or(0);
        let limits = Limits { floor: self.limits.floor.max(free + ROOM), ..self.limits };
        Ok(self.remove_by(&limits, None, Some(free))? > 0)
    }

    fn remove_by(&self, limits: &Limits, now: Option<WallTime>, free: Option<u64>) -> Result<u64, StoreError> {
        let _alone = self.tidying.lock().unwrap_or_else(PoisonError::into_inner);
        self.sweep();
        if !self.index.garbage(1)?.is_empty() {
            // What can't be unlinked keeps its room: naming more would free nothing now, and cost all of it later.
            return Ok(0);
        }
        let mut segments = self.index.segments(&Query::default())?;
        segments.sort_by_key(|segment| segment.id);
        let plan = retain::plan(&segments, now, limits, free);
        let mut removed = 0;
        for id in &plan.remove {
            removed += u64::from(self.index.condemn(*id)?);
        }
        self.sweep();
        if removed > 0 {
            self.events.streamer(Kind::MadeRoom { files: removed, bytes: plan.bytes });
        }
        if plan.short {
            warn!(
                "no room for recordings: what is pinned, or others' files on this disk, take it; make room, lower min_free_gb or raise max_size_gb under [storage]"
            );
        }
        Ok(removed)
    }

    /// Removes one recording; false where it is pinned or gone.
    pub fn delete(&self, id: i64) -> Result<bool, StoreError> {
        let condemned = self.index.condemn(id)?;
        self.sweep();
        Ok(condemned)
    }

    /// Pins a recording, or takes the pin off. The pin is a file beside it, so that it outlives the index.
    pub fn keep(&self, id: i64, kept: bool) -> Result<Segment, StoreError> {
        let segment = self.index.segment(id)?;
        let pin = self.root.join(layout::beside(&segment.new.file, PIN));
        let failed = |source| StoreError::File { path: pin.clone(), source };
        let done = match kept {
            true => self.disk.create(&pin).map(drop).or_else(ignore(io::ErrorKind::AlreadyExists)),
            false => self.disk.remove(&pin).or_else(ignore(io::ErrorKind::NotFound)),
        };
        done.and_then(|()| self.disk.sync_folder(&parent(&pin))).map_err(failed)?;
        self.index.set_kept(id, kept)?;
        Ok(self.index.segment(id)?)
    }

    /// How full it is, and for how long it will do.
    pub fn room(&self) -> Result<Room, StoreError> {
        let (segments, wall, free_bytes) = (self.index.segments(&Query::default())?, WallTime::now(), self.free());
        let clock_doubted = !self.clock().look(Awake::now(), wall);
        let days = retain::forecast(&segments, wall, &self.limits, free_bytes);
        Ok(Room { totals: self.index.totals()?, free_bytes, days, clock_doubted })
    }

    fn free(&self) -> Option<u64> {
        self.disk.free(&self.root).ok().flatten()
    }

    /// Unlinks what is listed as garbage. What can't be unlinked now stays listed.
    fn sweep(&self) {
        loop {
            let Ok(garbage) = self.index.garbage(SWEEP) else { return };
            let swept = garbage.iter().filter(|file| match self.unlink(file) {
                Ok(()) => true,
                Err(error) => {
                    warn!(%file, %error, "an old recording could not be removed");
                    false
                }
            });
            if swept.count() == 0 {
                return;
            }
        }
    }

    fn unlink(&self, file: &str) -> Result<(), StoreError> {
        let path = self.root.join(file);
        let failed = |source| StoreError::File { path: path.clone(), source };
        let gone = |path: &Path| self.disk.remove(path).or_else(ignore(io::ErrorKind::NotFound));
        // A name that no recording has is not ours to remove, whatever the list says.
        if layout::camera_of(file).is_some() {
            gone(&path).map_err(failed)?;
            gone(&self.root.join(layout::beside(file, THUMBNAIL))).map_err(failed)?;
            let folder = parent(&path);
            if self.disk.exists(&folder) {
                self.disk.sync_folder(&folder).map_err(failed)?;
                // The day's last one: an empty folder says nothing. One that is not empty stays by itself.
                let _not_empty = self.disk.remove_folder(&folder);
            }
        }
        Ok(self.index.unlinked(file)?)
    }

    fn adopt_orphans(&self) -> Result<(), StoreError> {
        let orphans: Vec<String> =
            self.orphans.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        for file in orphans {
            match recover::adopt(&*self.disk, &self.root, &file, Look::Quick) {
                Ok(Adopted::Recording { mut segment, still, .. }) => {
                    segment.dated &= self.clock().look(Awake::now(), WallTime::now());
                    self.thumbnail(&file, &still);
                    self.index.add(&segment)?;
                }
                Ok(Adopted::Quarantined { .. }) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    info!(file, %error, "a recording that ended badly can't be mended yet");
                    continue;
                }
            }
            self.orphans.lock().unwrap_or_else(PoisonError::into_inner).remove(&file);
        }
        Ok(())
    }

    fn clock(&self) -> MutexGuard<'_, ClockTrust> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the folder of recordings for this store alone.
fn alone(root: &Path) -> Result<Option<File>, StoreError> {
    let path = root.join(LOCK);
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let locked = opened.map_err(TryLockError::Error).and_then(|file| file.try_lock().map(|()| file));
    match locked {
        Ok(file) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(root.to_owned())),
        Err(TryLockError::Error(why)) => {
            // A full disk, or a share without locks: what is there can be recorded and looked at all the same.
            info!(%why, "the folder of recordings can't be locked");
            Ok(None)
        }
    }
}

fn ignore(kind: io::ErrorKind) -> impl Fn(io::Error) -> io::Result<()> {
    move |why| if why.kind() == kind { Ok(()) } else { Err(why) }
}
