//! A film from a moment on: file after file, fragment by fragment, as somebody takes it.

use std::sync::Arc;

use athome_shared::id::CameraId;
use athome_shared::media::h264::{nal_type, nal_unit_type, nals};
use athome_shared::media::mp4::read::{Outline, ReadError, Sample, fragment_at, grow, load};
use athome_shared::time::WallTime;
use bytes::Bytes;

use super::find::Piece;
use super::line::Line;
use super::picture::{key_fragment, newest_key};
use super::{Past, PastError};
use crate::record::disk::DiskFile;

/// Two files that are no further apart are one recording.
const SEAM: i64 = 1_000_000;
/// Files that are passed over because they are gone or hold nothing, before the film is given up.
const MOST_SKIPPED: usize = 100;

/// What is to be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    pub camera: CameraId,
    pub from: WallTime,
    pub to: Option<WallTime>,
    /// At the end of what is being recorded, wait for more.
    pub follow: bool,
}

/// How a film begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    pub mime: String,
    /// When media time zero was.
    pub at: WallTime,
    pub first: Bytes,
}

/// How it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Part(Bytes),
    /// Nothing yet: it is being recorded.
    Later,
    /// That was all. `next` is from when on to ask again.
    End {
        next: Option<WallTime>,
    },
}

/// A film that is being played.
pub struct Player {
    past: Past,
    wish: Wish,
    line: Line,
    size: (u32, u32),
    file: File,
    /// Everything was given; how it ended.
    ended: Option<Option<WallTime>>,
}

/// Where it is.
struct File {
    piece: Piece,
    from: Box<dyn DiskFile>,
    outline: Arc<Outline>,
    /// The next fragment's first byte.
    place: u64,
    /// Frames before this are left out.
    start: u64,
}

impl Past {
    /// Begins a film at the key frame at or before a moment, else at the first after it.
    pub fn play(&self, wish: Wish) -> Result<(Player, Begun), PastError> {
        let mut piece = self.find(&wish.camera, wish.from)?.ok_or(PastError::Nothing)?;
        for _ in 0..MOST_SKIPPED {
            let began = piece.began;
            match self.begin(&wish, piece) {
                Err(PastError::Nothing) => {}
                begun => return begun,
            }
            piece = self.after(&wish.camera, began)?.ok_or(PastError::Nothing)?;
        }
        Err(PastError::Nothing)
    }

    fn begin(&self, wish: &Wish, piece: Piece) -> Result<(Player, Begun), PastError> {
        if wish.to.is_some_and(|to| piece.began >= to) {
            return Err(PastError::Nothing);
        }
        let (mut file, key) = self.enter(piece, wish.from)?;
        let samples = file.load()?.ok_or(PastError::Nothing)?;
        let first = samples.iter().find(|sample| sample.is_key && sample.at == key).ok_or(PastError::Nothing)?;
        let (zero, size, sound) =
            (file.outline.wall(key), (file.outline.width, file.outline.height), file.outline.sound);
        let mime = mime(&first.data, sound).ok_or(PastError::Nothing)?;
        let mut line = Line::new(zero, sound);
        line.next_file(file.outline.began);
        let mut out = Vec::new();
        line.push(&samples, key, wish.to.map_or(u64::MAX, |to| file.outline.ticks(to)), &mut out);
        let player = Player { past: self.clone(), wish: wish.clone(), line, size, file, ended: None };
        Ok((player, Begun { mime, at: zero, first: out.into() }))
    }

    /// Opens a file at the newest key frame at or before a moment, else at its first; with that frame's time.
    fn enter(&self, piece: Piece, at: WallTime) -> Result<(File, u64), PastError> {
        let (mut from, outline) = self.open(&piece.file)?;
        let failed = |source| PastError::Read { file: piece.file.clone(), source };
        let wanted = outline.ticks(at);
        let fragment = key_fragment(&mut from, &outline, wanted).map_err(failed)?.ok_or(PastError::Nothing)?;
        let samples = load(&mut from, &fragment).map_err(failed)?;
        let start = newest_key(&samples, wanted).map(|key| key.at).ok_or(PastError::Nothing)?;
        Ok((File { piece, from, outline, place: fragment.place, start }, start))
    }
}

impl File {
    /// The next fragment's frames; `None` at the end of what is there.
    fn load(&mut self) -> Result<Option<Vec<Sample>>, PastError> {
        let failed = |source| PastError::Read { file: self.piece.file.clone(), source };
        let Some(fragment) = fragment_at(&mut self.from, &self.outline, self.place).map_err(failed)? else {
            let end = self.place >= self.outline.end;
            return if end { Ok(None) } else { Err(failed(ReadError::Damaged(self.place))) };
        };
        let samples = load(&mut self.from, &fragment).map_err(failed)?;
        self.place += fragment.length;
        Ok(Some(samples))
    }

    /// Looks whether there is more by now.
    fn grow(&mut self) -> Result<bool, PastError> {
        if self.outline.finished {
            return Ok(false);
        }
        let failed = |source| PastError::Read { file: self.piece.file.clone(), source };
        grow(&mut self.from, Arc::make_mut(&mut self.outline)).map_err(failed)
    }
}

impl Player {
    /// The next part, at most a fragment.
    pub fn step(&mut self) -> Result<Step, PastError> {
        if let Some(next) = self.ended {
            return Ok(Step::End { next });
        }
        if self.wish.to.is_some_and(|to| self.line.until() >= to) {
            return Ok(self.end(Some(self.line.until())));
        }
        if let Some(samples) = self.file.load()? {
            return Ok(self.part(&samples));
        }
        // Whether it is being written is asked first: what was written until then is there when it is looked at.
        let open = self.past.is_open(&self.wish.camera, &self.file.piece.file);
        if self.file.grow()? {
            return match self.file.load()? {
                Some(samples) => Ok(self.part(&samples)),
                None => Ok(Step::Later),
            };
        }
        if open {
            return Ok(self.wait());
        }
        self.next_file()
    }

    fn part(&mut self, samples: &[Sample]) -> Step {
        let mut out = Vec::new();
        let to = self.wish.to.map_or(u64::MAX, |to| self.file.outline.ticks(to));
        self.line.push(samples, self.file.start, to, &mut out);
        let reached = samples.iter().any(|sample| sample.at >= to);
        if out.is_empty() && reached { self.end(self.wish.to) } else { Step::Part(out.into()) }
    }

    /// It is recorded right now, or was a moment ago.
    fn wait(&mut self) -> Step {
        if self.wish.follow { Step::Later } else { self.end(None) }
    }

    fn next_file(&mut self) -> Result<Step, PastError> {
        let camera = self.wish.camera.clone();
        let mut began = self.file.piece.began;
        for _ in 0..MOST_SKIPPED {
            let Some(piece) = self.past.after(&camera, began)? else {
                let goes_on = self.past.control.status(&camera).is_ok_and(|status| status.recording);
                return Ok(if goes_on { self.wait() } else { self.end(None) });
            };
            began = piece.began;
            if self.wish.to.is_some_and(|to| began >= to) {
                return Ok(self.end(Some(began)));
            }
            // Not what was played already, where a clock was set back.
            let resume = WallTime(self.line.until().0.saturating_sub(SEAM));
            let (file, start) = match self.past.enter(piece, WallTime(resume.0.max(began.0))) {
                Ok(entered) => entered,
                Err(PastError::Nothing) => continue,
                Err(why) => return Err(why),
            };
            if file.outline.wall(file.outline.until) <= self.line.until() {
                continue;
            }
            let next = file.outline.wall(start).max(began).max(self.line.until());
            let fits =
                (file.outline.width, file.outline.height) == self.size && (self.line.sound() || !file.outline.sound);
            if !fits {
                return Ok(self.end(Some(next)));
            }
            let mut out = Vec::new();
            if file.outline.wall(start).0 > self.line.until().0.saturating_add(SEAM) {
                self.line.gap(&mut out);
            }
            self.line.next_file(file.outline.began);
            self.file = file;
            return Ok(match self.file.load()? {
                Some(samples) => match self.part(&samples) {
                    Step::Part(part) => Step::Part([&out[..], &part].concat().into()),
                    other => other,
                },
                None => Step::Part(out.into()),
            });
        }
        Ok(self.end(Some(began)))
    }

    /// The rest first; then, asked again, that it is over.
    fn end(&mut self, next: Option<WallTime>) -> Step {
        self.ended = Some(next);
        let mut out = Vec::new();
        self.line.finish(&mut out);
        if out.is_empty() { Step::End { next } } else { Step::Part(out.into()) }
    }
}

/// Container and codecs of a film that begins with this key frame (RFC 6381).
fn mime(key: &[u8], sound: bool) -> Option<String> {
    let sps = nals(key).find(|nal| nal_unit_type(nal) == Some(nal_type::SPS))?;
    let [profile, constraints, level] = sps.get(1..4)?.try_into().ok()?;
    let sound = if sound { ",opus" } else { "" };
    Some(format!("video/mp4; codecs=\"avc3.{profile:02x}{constraints:02x}{level:02x}{sound}\""))
}
