//! Files that the index does not know: what a crash left, or what is left after the index was lost. What plays in them is kept,
//! cut back to the last whole fragment; what holds nothing goes to quarantine. Nothing is deleted.

use std::collections::BTreeSet;
use std::io::{self, SeekFrom};
use std::path::Path;

use athome_shared::id::CameraId;
use athome_shared::media::mp4::read::{Depth, Fragment, Kind, Movie, ReadError, ends, is_sound, load, scan};
use athome_shared::time::WallTime;

use super::disk::{Disk, DiskFile, is_full, parent};
use super::layout::{self, PIN, QUARANTINE};
use crate::events::Cause;
use crate::index::NewSegment;

/// Nobody recorded with AtHome before (2025-01-01): a clock that says so is wrong.
const NOT_BEFORE: WallTime = WallTime(1_735_689_600_000_000);
/// Names in quarantine.
const MOST_OF_ONE_NAME: u32 = 1_000;

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Adopted {
    /// It is a recording; `cut` bytes at its end were no whole fragment.
    Recording { segment: NewSegment, cut: u64, still: Vec<u8> },
    /// It holds nothing that plays; it is there now.
    Quarantined { to: String },
}

/// What is in the folder, by paths, in order.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) recordings: BTreeSet<String>,
    /// Paths of recordings that have a pin, whether they are there or not.
    pub(super) pinned: BTreeSet<String>,
}

/// Looks through the folder of recordings; what has other names is not ours.
pub(super) fn files(disk: &dyn Disk, root: &Path) -> io::Result<Files> {
    let mut found = Files::default();
    // Others' folders are not looked into: the root of a disk has some that nobody may read.
    let camera = |name: &str| name != QUARANTINE && CameraId::new(name).is_some();
    for camera in disk.list(root)?.into_iter().filter(|entry| entry.folder && camera(&entry.name)) {
        let days = disk.list(&root.join(&camera.name))?;
        for day in days.into_iter().filter(|day| day.folder && layout::is_day(&day.name)) {
            let folder = format!("{}/{}", camera.name, day.name);
            for file in disk.list(&root.join(&folder))?.into_iter().filter(|file| !file.folder) {
                let path = format!("{folder}/{}", file.name);
                if layout::camera_of(&path).is_some() {
                    found.recordings.insert(path);
                } else if let Some(stem) = path.strip_suffix(".keep") {
                    found.pinned.insert(format!("{stem}.mp4"));
                }
            }
        }
    }
    Ok(found)
}

/// How a file is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A finished one is believed: with thousands of files, reading all of them would take hours.
    Quick,
    /// To its last byte: it is known to be damaged.
    Close,
}

/// Makes a finished recording of a file, or puts it aside.
pub(super) fn adopt(disk: &dyn Disk, root: &Path, file: &str, look: Look) -> io::Result<Adopted> {
    let path = root.join(file);
    let camera = layout::camera_of(file).ok_or(io::ErrorKind::InvalidInput)?;
    let mut open = disk.open(&path)?;
    let known = |began: WallTime, ended: WallTime, bytes: u64, (width, height): (u32, u32), sound: bool| NewSegment {
        camera: camera.clone(),
        file: file.to_owned(),
        began,
        ended,
        bytes,
        why: Cause::Found,
        width,
        height,
        sound,
        kept: disk.exists(&root.join(layout::beside(file, PIN))),
        dated: began >= NOT_BEFORE,
    };
    if look == Look::Quick
        && let Ok(Some(ends)) = ends(&mut open)
    {
        let bytes = disk.length(&path)?;
        let segment = known(ends.began, ends.ended, bytes, (ends.width, ends.height), ends.sound);
        return Ok(Adopted::Recording { segment, cut: 0, still: key_frame(&mut open, &ends.first) });
    }
    // What a crash left is looked at from the end backwards, where it is not whole: a flaw further in costs only itself.
    let depth = if look == Look::Quick { Depth::Outline } else { Depth::Whole };
    let mut scanned = scan(&mut open, depth);
    if let Ok(movie) = &mut scanned
        && movie.began.is_some()
        && depth == Depth::Outline
    {
        while let Some(last) = movie.fragments.last().copied()
            && !is_sound(&mut open, &last)?
        {
            movie.fragments.pop();
            movie.good = last.place;
        }
    }
    let mut movie = match scanned {
        Ok(movie) if movie.began.is_some() && movie.end() > 0 => movie,
        Err(ReadError::Io(why)) => return Err(why),
        Ok(_) | Err(ReadError::Foreign | ReadError::Damaged(_)) => {
            drop(open);
            return quarantine(disk, root, file);
        }
    };
    let length = disk.length(&path)?;
    let bytes = finish(&mut *open, &mut movie)?;
    disk.sync_folder(&parent(&path))?;
    let began = movie.began.unwrap_or_default();
    let ended = movie.wall(movie.end()).unwrap_or(began);
    let segment = known(began, ended, bytes, (movie.width, movie.height), movie.sound);
    let still = movie.fragments.first().map(|first| key_frame(&mut open, first)).unwrap_or_default();
    Ok(Adopted::Recording { segment, cut: length.saturating_sub(movie.good), still })
}

/// The first key frame of a fragment; empty where there is none.
fn key_frame(open: &mut Box<dyn DiskFile>, first: &Fragment) -> Vec<u8> {
    let samples = load(open, first).unwrap_or_default();
    samples.into_iter().find(|sample| sample.kind == Kind::Video && sample.is_key).map(|s| s.data).unwrap_or_default()
}

/// Cuts a file back to what is whole and completes it. On a full disk its last fragment makes room for its end.
fn finish(open: &mut dyn DiskFile, movie: &mut Movie) -> io::Result<u64> {
    let (length, patches) = loop {
        let (tail, patches) = movie.completion();
        open.set_len(movie.good)?;
        open.seek(SeekFrom::Start(movie.good))?;
        match open.write_all(&tail) {
            Ok(()) => break (movie.good + tail.len() as u64, patches),
            Err(why) if is_full(&why) && movie.fragments.len() > 1 => {
                movie.fragments.pop();
                movie.good = movie.fragments.last().map_or(0, |last| last.place + last.length);
            }
            Err(why) => return Err(why),
        }
    };
    open.sync()?;
    for patch in &patches {
        open.seek(SeekFrom::Start(patch.place))?;
        open.write_all(&patch.bytes)?;
    }
    open.sync()?;
    Ok(length)
}

fn quarantine(disk: &dyn Disk, root: &Path, file: &str) -> io::Result<Adopted> {
    let folder = root.join(QUARANTINE);
    disk.make_folder(&folder)?;
    let flat = file.replace('/', "_");
    for n in 1..=MOST_OF_ONE_NAME {
        let to = if n == 1 { format!("{QUARANTINE}/{flat}") } else { format!("{QUARANTINE}/{n}_{flat}") };
        match disk.rename(&root.join(file), &root.join(&to)) {
            Ok(()) => {
                disk.sync_folder(&folder)?;
                disk.sync_folder(&parent(&root.join(file)))?;
                return Ok(Adopted::Quarantined { to });
            }
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
            Err(why) => return Err(why),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
