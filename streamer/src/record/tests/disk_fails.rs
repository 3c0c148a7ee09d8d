//! Each call to the disk fails in turn: nothing panics, nothing is lost without a word, and afterwards everything that was
//! written is a recording or stands aside.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use athome_shared::time::{MediaTime, WallTime};

use super::super::disk::{Disk, DiskFile, Entry, OwnDisk};
use super::super::layout;
use super::super::segment::Segment;
use super::{FOREVER, door, looked_through, open_well, picture};
use crate::events::{Cause, Events, Heard, Kind};
use crate::index::Query;
use crate::record::store::{Store, StoreError};

#[derive(Clone, Copy, Debug)]
enum Fault {
    Broken,
    Full,
    /// Half of it is written.
    Short,
}

impl Fault {
    fn error(self) -> io::Error {
        match self {
            Self::Broken => io::Error::from_raw_os_error(5),
            Self::Full | Self::Short => io::ErrorKind::StorageFull.into(),
        }
    }
}

/// Fails at one call, and at all later ones if `stays`.
#[derive(Clone)]
struct Failing {
    calls: Arc<AtomicUsize>,
    at: usize,
    stays: bool,
    fault: Fault,
}

impl Failing {
    fn new(at: usize, stays: bool, fault: Fault) -> Self {
        Self { calls: Arc::default(), at, stays, fault }
    }

    fn due(&self) -> bool {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        call == self.at || self.stays && call > self.at
    }

    fn call<T>(&self, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.due() { Err(self.fault.error()) } else { act() }
    }

    fn file(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(FailingFile { file, of: self.clone() })
    }

    fn hit(&self) -> bool {
        self.calls.load(Ordering::Relaxed) > self.at
    }
}

struct FailingFile {
    file: Box<dyn DiskFile>,
    of: Failing,
}

impl Read for FailingFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.of.clone().call(|| self.file.read(buffer))
    }
}

impl Write for FailingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.of.due() {
            if let Fault::Short = self.of.fault {
                self.file.write_all(&bytes[..bytes.len() / 2])?;
            }
            return Err(self.of.fault.error());
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for FailingFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl DiskFile for FailingFile {
    fn sync(&mut self) -> io::Result<()> {
        self.of.clone().call(|| self.file.sync())
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        self.of.clone().call(|| self.file.set_len(length))
    }
}

impl Disk for Failing {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.call(|| OwnDisk.create(path)).map(|file| self.file(file))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.call(|| OwnDisk.open(path)).map(|file| self.file(file))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.call(|| OwnDisk.read(path)).map(|file| self.file(file))
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.call(|| OwnDisk.make_folder(path))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.call(|| OwnDisk.sync_folder(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|| OwnDisk.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call(|| OwnDisk.remove(path))
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.call(|| OwnDisk.remove_folder(path))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.call(|| OwnDisk.list(path))
    }

    fn exists(&self, path: &Path) -> bool {
        OwnDisk.exists(path)
    }

    fn length(&self, path: &Path) -> io::Result<u64> {
        self.call(|| OwnDisk.length(path))
    }

    fn free(&self, path: &Path) -> io::Result<Option<u64>> {
        self.call(|| OwnDisk.free(path))
    }
}

const BEGAN: WallTime = WallTime(1_794_000_000_000_000);

/// Records five seconds; how many of its pictures are in the file by the recorder's word, and whether it said that all are.
fn record(store: &Store, began: WallTime) -> Result<u64, io::Error> {
    let origin = Instant::now();
    let key = picture(origin, 0, 50);
    let mut segment = Segment::new(store.place(&door()), began, &key, false, MediaTime(0));
    let mut failed = None;
    for n in 0..50 {
        let frame = picture(origin, n, 50);
        segment.push(&frame);
        failed = segment.write(&*store.disk, frame.captured).err();
        if failed.is_some() {
            break;
        }
    }
    match segment.close(&*store.disk) {
        Ok(Some(closed)) => {
            store.add(&door(), &closed, Cause::Always);
            failed.map_or(Ok(closed.bytes), Err)
        }
        Ok(None) => Err(failed.unwrap_or(io::ErrorKind::Other.into())),
        Err(why) => {
            if let Some(file) = segment.file() {
                store.orphan(file);
            }
            Err(why)
        }
    }
}

/// A life of a store. Tells whether each of its two recordings was completed by its word.
fn life(data: &Path, disk: Failing) -> Result<[bool; 2], StoreError> {
    let events = Events::new();
    let mut heard = events.subscribe();
    let (store, _) = Store::open(Arc::new(disk), data, &data.join("recordings"), FOREVER, events)?;
    let done = [0, 60].map(|later| record(&store, WallTime(BEGAN.0 + later * 1_000_000)).is_ok());
    let rows = store.index().segments(&Query::default())?;
    if let Some(row) = rows.first() {
        // Whether it works or not, it must not be half done.
        let _failed = store.keep(row.id, true);
    }
    let _failed = store.tidy();
    let told = async move {
        let mut closed = 0;
        drop(store);
        while let Some(Heard::Event(event)) = heard.next().await {
            closed += usize::from(matches!(event.kind, Kind::RecordingClosed { .. }));
        }
        closed
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let closed = runtime.block_on(told);
    assert!(closed >= done.iter().filter(|done| **done).count(), "what is complete is told");
    Ok(done)
}

#[test]
fn whatever_fails_nothing_is_lost_in_silence() {
    let (mut hits, mut losses) = (0, 0);
    for (fault, stays) in [
        (Fault::Broken, false),
        (Fault::Full, false),
        (Fault::Short, false),
        (Fault::Broken, true),
        (Fault::Short, true),
    ] {
        for at in 0.. {
            let data = tempfile::tempdir().expect("a folder");
            let disk = Failing::new(at, stays, fault);
            let done = life(data.path(), disk.clone());
            if !disk.hit() {
                assert_eq!(done.expect("nothing failed"), [true, true]);
                break;
            }
            hits += 1;
            // The disk is mended, and the streamer starts again.
            let (store, found) = open_well(data.path());
            let rows = store.index().segments(&Query::default()).expect("listed");
            let checked = looked_through(data.path(), &store);
            assert!(checked.clean(), "{fault:?} at {at}: {checked:?}");
            assert!(found.unread.is_empty(), "{found:?}");
            let done = done.unwrap_or_default();
            let completed = done.iter().filter(|done| **done).count();
            assert!(rows.len() >= completed, "{fault:?} at {at}: {done:?}, {rows:?}");
            losses += 2 - completed;
            for row in &rows {
                let pin = store.root().join(layout::beside(&row.new.file, layout::PIN));
                assert_eq!(pin.exists(), row.new.kept, "{fault:?} at {at}: pin and row differ");
            }
        }
    }
    println!("{hits} faults, {losses} recordings ended early");
    // The control: the faults did hit, and recordings did end early for them.
    assert!(hits > 100 && losses > 20, "{hits} faults, {losses} recordings ended early");
}
