//! Whether files and index agree, and whether every file is whole, to its last byte. Looks only; mending is [`super::store`]'s.

use std::io;
use std::path::Path;

use athome_shared::media::mp4::read::{Depth, Movie, ReadError, scan};
use serde::Serialize;

use super::disk::Disk;
use super::layout::QUARANTINE;
use super::recover;
use crate::index::Segment;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Recordings that are in the index and whole.
    pub whole: u64,
    /// In the index, but not finished, cut or full of holes.
    pub damaged: Vec<String>,
    /// Bytes in them are not as they were written. They play, but for that, so there is nothing to mend.
    pub flawed: Vec<String>,
    /// In the index, but not there.
    pub missing: Vec<String>,
    /// There, but not in the index: what a crash or a lost index left.
    pub unknown: Vec<String>,
    /// Being recorded now.
    pub growing: Vec<String>,
    /// Put aside, as nothing in them plays.
    pub quarantined: usize,
    /// Could not be read, with why.
    pub unread: Vec<String>,
}

impl Checked {
    /// Nothing is to be mended.
    pub fn clean(&self) -> bool {
        self.damaged.is_empty() && self.missing.is_empty() && self.unknown.is_empty() && self.unread.is_empty()
    }
}

/// Looks through a folder of recordings. `running`: a streamer records into it, so the newest file of a camera may grow.
pub fn check(disk: &dyn Disk, root: &Path, rows: &[Segment], running: bool) -> io::Result<Checked> {
    let mut checked = Checked::default();
    if !disk.exists(root) {
        checked.missing = rows.iter().map(|row| row.new.file.clone()).collect();
        return Ok(checked);
    }
    let mut files = recover::files(disk, root)?.recordings;
    let newest = |file: &String| {
        let camera = file.split('/').next().unwrap_or_default();
        let rows = rows.iter().map(|row| &row.new.file);
        rows.filter(|other| other.split('/').next() == Some(camera)).all(|other| other < file)
    };
    for row in rows {
        let file = &row.new.file;
        if !files.remove(file) {
            checked.missing.push(file.clone());
            continue;
        }
        let path = root.join(file);
        let scanned = |depth| disk.read(&path).map_err(Into::into).and_then(|mut open| scan(&mut open, depth));
        let entire = |movie: &Movie| Ok::<_, io::Error>(movie.finished && disk.length(&path)? == row.new.bytes);
        match scanned(Depth::Whole) {
            Ok(movie) if entire(&movie)? => checked.whole += 1,
            Err(ReadError::Io(why)) => checked.unread.push(format!("{file}: {why}")),
            Ok(_) | Err(_) => match scanned(Depth::Outline) {
                Ok(movie) if entire(&movie)? => checked.flawed.push(file.clone()),
                Ok(_) | Err(_) => checked.damaged.push(file.clone()),
            },
        }
    }
    for file in files {
        if running && newest(&file) { checked.growing.push(file) } else { checked.unknown.push(file) }
    }
    if disk.exists(&root.join(QUARANTINE)) {
        checked.quarantined = disk.list(&root.join(QUARANTINE))?.len();
    }
    Ok(checked)
}
