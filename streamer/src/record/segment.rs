//! A recording's file while it grows. What it holds is whole fragments at every moment, so whatever ends it early, all but the
//! last second plays.

use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use athome_shared::id::CameraId;
use athome_shared::media::frame::{Codec, EncodedFrame, Params};
use athome_shared::media::mp4::{Patch, SOUND_RATE, VIDEO_RATE, Writer};
use athome_shared::time::{MediaTime, WallTime};
use bytes::Bytes;
use jiff::tz::TimeZone;

use super::disk::{Disk, DiskFile, parent};
use super::layout;

/// What is written is on the disk this long afterwards at the latest: with a second for the fragment, a power cut costs less
/// than five.
pub(super) const SYNC_EVERY: Duration = Duration::from_secs(3);
/// The last frame's length where nothing tells it.
const USUAL_FRAME: i64 = MediaTime::RATE / 30;

/// Where a file is to lie.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) root: PathBuf,
    pub(super) camera: CameraId,
    pub(super) zone: TimeZone,
}

/// A file that grows.
pub(super) struct Segment {
    writer: Writer,
    place: Place,
    began: WallTime,
    first: MediaTime,
    last: MediaTime,
    usual: i64,
    size: (u32, u32),
    sound: bool,
    /// Not there before there is a whole fragment to be in it.
    file: Option<(String, Box<dyn DiskFile>)>,
    /// Bytes that are written, all of them whole fragments.
    good: u64,
    /// Bytes that are to be written next.
    waiting: Vec<u8>,
    header: usize,
    synced: Option<Instant>,
    /// The first key frame, for the thumbnail; then the first at or after the time that it is about.
    still: (MediaTime, Bytes),
    still_at: MediaTime,
    /// The writer is done; these go over the beginning.
    patches: Option<Vec<Patch>>,
}

/// A file that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    /// From the folder of recordings.
    pub(super) file: String,
    pub(super) began: WallTime,
    pub(super) ended: WallTime,
    pub(super) bytes: u64,
    pub(super) size: (u32, u32),
    pub(super) sound: bool,
    /// A key frame, Annex B.
    pub(super) still: Bytes,
}

impl Segment {
    /// A file that begins with this key frame, captured at `began`. `still_at`: of what its thumbnail should be.
    pub(super) fn new(place: Place, began: WallTime, key: &EncodedFrame, sound: bool, still_at: MediaTime) -> Self {
        Self {
            writer: Writer::dated(sound, began),
            place,
            began,
            first: key.pts,
            last: key.pts,
            usual: USUAL_FRAME,
            size: size(key),
            sound,
            file: None,
            good: 0,
            waiting: Vec::new(),
            header: 0,
            synced: None,
            still: (key.pts, key.data.clone()),
            still_at,
            patches: None,
        }
    }

    /// Takes a frame of the camera; the next [`Self::write`] writes what became whole.
    pub(super) fn push(&mut self, frame: &EncodedFrame) {
        let ticks = |rate: u32| {
            let ticks = u64::try_from(frame.pts.0.saturating_sub(self.first.0)).unwrap_or(0);
            ticks.saturating_mul(u64::from(rate)) / MediaTime::RATE as u64
        };
        match frame.codec {
            Codec::H264 => {
                let started = self.writer.started();
                self.writer.video(ticks(VIDEO_RATE), frame.is_key, &frame.data, &mut self.waiting);
                if !started {
                    self.header = self.waiting.len();
                }
                if frame.pts > self.last {
                    self.usual = (frame.pts.0 - self.last.0).min(MediaTime::RATE);
                    self.last = frame.pts;
                }
                if frame.is_key && self.still.0 < self.still_at {
                    self.still = (frame.pts, frame.data.clone());
                }
            }
            // From before the first picture, it would be heard later than it was.
            Codec::Opus if frame.pts >= self.first => {
                self.writer.sound(ticks(SOUND_RATE), &frame.data, &mut self.waiting);
            }
            Codec::Opus | Codec::H265 => {}
        }
    }

    /// How long it is up to a frame that is not in it yet.
    pub(super) fn length_with(&self, frame: &EncodedFrame) -> Duration {
        frame.pts.since(self.first)
    }

    /// When its newest frame was shown.
    pub(super) fn newest(&self) -> MediaTime {
        self.last
    }

    /// When it began.
    pub(super) fn began(&self) -> WallTime {
        self.began
    }

    /// Its path from the folder of recordings, once it is there.
    pub(super) fn file(&self) -> Option<&str> {
        self.file.as_ref().map(|(name, _)| name.as_str())
    }

    /// Whether a frame can't go on in this file: another size of picture, or a clock that went on without us.
    pub(super) fn ends_before(&self, frame: &EncodedFrame) -> bool {
        matches!(&*frame.params, Params::Video { .. }) && size(frame) != self.size || frame.pts < self.last
    }

    /// Writes the fragments that are whole. After an error the file ends with the last good one, and a further call tries the
    /// same bytes again.
    pub(super) fn write(&mut self, disk: &dyn Disk, now: Instant) -> io::Result<()> {
        if self.waiting.len() <= self.header && self.file.is_none() || self.waiting.is_empty() {
            return Ok(());
        }
        self.append(disk)?;
        if self.synced.is_none_or(|synced| now.saturating_duration_since(synced) >= SYNC_EVERY) {
            let first = self.synced.replace(now).is_none();
            if let Some((name, file)) = &mut self.file {
                file.sync()?;
                if first {
                    // Its name, too.
                    disk.sync_folder(&parent(&self.place.root.join(&*name)))?;
                }
            }
        }
        Ok(())
    }

    fn append(&mut self, disk: &dyn Disk) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(create(disk, &self.place, self.began)?);
        }
        let Some((_, file)) = &mut self.file else { return Ok(()) };
        let written = file.seek(SeekFrom::Start(self.good)).and_then(|_| file.write_all(&self.waiting));
        if let Err(why) = written {
            // What the disk took of it is cut off again; where that fails too, the checks tell it apart.
            let _as_it_is = file.set_len(self.good);
            return Err(why);
        }
        self.good += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    /// Completes the file, durably: the rest, then what makes it easy to find one's way in it, then its name. `None` if there
    /// was never a picture to write. After an error the file is as a crash would have left it, and a further call tries again.
    pub(super) fn close(&mut self, disk: &dyn Disk) -> io::Result<Option<Closed>> {
        if self.patches.is_none() {
            if !self.writer.started() {
                return Ok(None);
            }
            self.patches = Some(std::mem::take(&mut self.writer).finish(&mut self.waiting));
        }
        self.append(disk)?;
        let Some((name, file)) = &mut self.file else { return Ok(None) };
        file.sync()?;
        for patch in self.patches.iter().flatten() {
            file.seek(SeekFrom::Start(patch.place))?;
            file.write_all(&patch.bytes)?;
        }
        file.sync()?;
        disk.sync_folder(&parent(&self.place.root.join(&*name)))?;
        let length = self.last.since(self.first) + MediaTime(self.usual).since(MediaTime(0));
        Ok(Some(Closed {
            file: name.clone(),
            began: self.began,
            ended: WallTime(self.began.0.saturating_add(i64::try_from(length.as_micros()).unwrap_or(i64::MAX))),
            bytes: self.good,
            size: self.size,
            sound: self.sound,
            still: self.still.1.clone(),
        }))
    }
}

/// Makes the file, in a folder that is durably there.
fn create(disk: &dyn Disk, place: &Place, began: WallTime) -> io::Result<(String, Box<dyn DiskFile>)> {
    for n in 1..=layout::MOST_OF_ONE_NAME {
        let name = layout::path(&place.camera, began, &place.zone, n);
        let path = place.root.join(&name);
        let folder = parent(&path);
        if !disk.exists(&folder) {
            disk.make_folder(&folder)?;
            sync_up(disk, &folder, &place.root)?;
        }
        // A pin or a thumbnail of a file that is gone would become this one's.
        let beside = |ending| place.root.join(layout::beside(&name, ending));
        let taken = [layout::THUMBNAIL, layout::PIN].iter().any(|ending| disk.exists(&beside(ending)));
        if taken {
            continue;
        }
        match disk.create(&path) {
            Ok(file) => return Ok((name, file)),
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
            Err(why) => return Err(why),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn sync_up(disk: &dyn Disk, folder: &Path, root: &Path) -> io::Result<()> {
    let mut above = parent(folder);
    while above.starts_with(root) {
        disk.sync_folder(&above)?;
        if above == root {
            break;
        }
        above = parent(&above);
    }
    Ok(())
}

fn size(frame: &EncodedFrame) -> (u32, u32) {
    match &*frame.params {
        Params::Video { width, height, .. } => (*width, *height),
        Params::Audio { .. } => (0, 0),
    }
}
