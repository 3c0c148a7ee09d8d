//! A clip in place of a camera, looped in real time, with its own sound: MP4 and MKV with H.264, and Y4M.
//!
//! Streams that viewers can take pass through untouched (`pictures` says which); they give no key frame on demand, only
//! their own. Everything else is decoded and goes the way of a webcam's pictures. Times are the clip's, moved onto our media
//! clock; after its end the clip starts again as if it went on.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::media::frame::{Codec, EncodedFrame, Params};
use athome_shared::protocol::control::CameraReason;
use athome_shared::time::{MediaClock, MediaTime};

use super::container::{Container, Sound, open_file};
use super::pictures::{Kind, Output, Pictures};
use super::{Opened, PcmBlock, PixelFormat, RawFrame, Sink, Source, SourceError, Stop, label_of, y4m};
use crate::decode::I420;

/// A clip that falls behind real time by more than this goes on from now, instead of hurrying after.
const MOST_BEHIND: Duration = Duration::from_millis(500);
/// A picture whose time lies further ahead than this comes from a damaged clip, and comes at once.
const MOST_AHEAD: Duration = Duration::from_secs(10);
/// A round shorter than this is no clip: it would be opened thousands of times a second.
const SHORTEST: MediaTime = MediaTime(MediaTime::RATE / 20);

/// A file as a camera.
pub struct Clip {
    path: PathBuf,
    clock: MediaClock,
}

/// Where a clip's time lies on ours.
pub(super) struct Pace {
    origin: Instant,
    clock: MediaClock,
}

/// How a round ended.
enum Round {
    Stopped,
    /// At its end; it was this long.
    Ended(MediaTime),
    NeedsDecoding,
}

impl Clip {
    /// The file is opened when it runs.
    pub fn new(path: &Path, clock: MediaClock) -> Self {
        Self { path: path.to_owned(), clock }
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// One round through the clip, from the pace's origin on.
    fn round(&self, kind: &Kind, pace: &mut Pace, sink: &dyn Sink, stop: &Stop) -> Result<Round, SourceError> {
        let mut container = Container::open(&self.path)?;
        let mut pictures = Pictures::new(kind)?;
        let params = kind.params();
        let (mut picture, mut sound) = (None, None);
        // The first picture is due at the origin, whatever time the file gives it.
        let (mut zero, mut shown) = (None, 0u64);
        loop {
            if picture.is_none() {
                picture = pictures.next(&mut container)?;
            }
            if sound.is_none() {
                sound = container.next_sound()?;
            }
            // Sound that outlasts the picture is cut off.
            let Some((at, _)) = &picture else { break };
            let zero = *zero.get_or_insert(*at);
            if let Some(early) = sound.take_if(|sound: &mut Sound| sound.at <= *at) {
                let Some(due) = pace.wait(MediaTime(early.at.0.saturating_sub(zero.0)), stop) else {
                    return Ok(Round::Stopped);
                };
                let (channels, pts) = (container.channels(), self.clock.media(due));
                sink.pcm(PcmBlock { channels, samples: early.samples.into(), captured: due, pts });
            } else if let Some((at, output)) = picture.take() {
                let at = MediaTime(at.0.saturating_sub(zero.0));
                let Some(due) = pace.wait(at, stop) else { return Ok(Round::Stopped) };
                shown += 1;
                match output {
                    Output::Encoded { data, is_key } => {
                        sink.encoded(self.encoded(data, is_key, due, &params));
                    }
                    Output::Raw(picture) => sink.raw(pace.raw(picture, due)),
                    Output::NeedsDecoding => return Ok(Round::NeedsDecoding),
                }
            }
        }
        if shown == 0 {
            return Err(self.damaged("none of its pictures can be decoded"));
        }
        Ok(Round::Ended(pictures.length().max(SHORTEST)))
    }

    fn encoded(&self, data: bytes::Bytes, is_key: bool, due: Instant, params: &Arc<Params>) -> EncodedFrame {
        EncodedFrame {
            codec: Codec::H264,
            is_key,
            pts: self.clock.media(due),
            captured: due,
            encoded: Instant::now(),
            data,
            params: params.clone(),
        }
    }

    fn damaged(&self, how: &str) -> SourceError {
        SourceError::new(CameraReason::File, format!("{}: damaged: {how}", self.name()))
    }
}

impl Source for Clip {
    fn run(&mut self, sink: &dyn Sink, stop: &Stop) -> Result<(), SourceError> {
        let mut pace = Pace { origin: Instant::now(), clock: self.clock };
        if is_y4m(&self.path)? {
            return y4m::run(&self.path, &mut pace, sink, stop);
        }
        let mut container = Container::open(&self.path)?;
        let audio = container.has_sound();
        let mut kind = Kind::peek(&mut container, &self.name())?;
        drop(container);
        loop {
            sink.opened(Opened {
                label: label_of(&self.path),
                width: kind.sps.width,
                height: kind.sps.height,
                fps: kind.fps,
                encoded: !kind.decode,
                audio,
            });
            pace.origin = Instant::now();
            loop {
                match self.round(&kind, &mut pace, sink, stop) {
                    Ok(Round::Stopped) => return Ok(()),
                    Ok(Round::Ended(length)) => pace.advance(length),
                    Ok(Round::NeedsDecoding) => break,
                    Err(why) => return Err(SourceError::new(why.reason, self.named(&why.detail))),
                }
            }
            kind.decode = true;
        }
    }
}

impl Clip {
    /// An error's words with the file's name in front, where they don't have it.
    fn named(&self, detail: &str) -> String {
        let name = self.name();
        if detail.starts_with(&name) { detail.to_owned() } else { format!("{name}: {detail}") }
    }
}

impl Pace {
    /// Sleeps until a position in the clip is due and says when that was; `None` when stopped.
    pub(super) fn wait(&mut self, at: MediaTime, stop: &Stop) -> Option<Instant> {
        let now = Instant::now();
        let due = self.origin.checked_add(at.since(MediaTime(0))).filter(|due| *due < now + MOST_AHEAD);
        match due {
            Some(due) if now.saturating_duration_since(due) <= MOST_BEHIND => (!stop.sleep_until(due)).then_some(due),
            _ => {
                // Where this picture is due now, the round began that long ago.
                self.origin = now.checked_sub(at.since(MediaTime(0))).unwrap_or(now);
                (!stop.stopped()).then_some(now)
            }
        }
    }

    /// The next round begins where this one ended.
    pub(super) fn advance(&mut self, length: MediaTime) {
        self.origin = self.origin.checked_add(length.since(MediaTime(0))).unwrap_or_else(Instant::now);
    }

    /// A decoded picture as a camera's.
    pub(super) fn raw(&self, picture: I420, due: Instant) -> RawFrame {
        RawFrame {
            format: PixelFormat::I420,
            width: picture.width,
            height: picture.height,
            data: picture.data,
            captured: due,
            pts: self.clock.media(due),
        }
    }
}

fn is_y4m(path: &Path) -> Result<bool, SourceError> {
    let mut start = Vec::new();
    let read = open_file(path)?.take(y4m::MAGIC.len() as u64).read_to_end(&mut start);
    read.map_err(|why| SourceError::new(CameraReason::File, format!("{}: {why}", path.display())))?;
    Ok(start == y4m::MAGIC)
}
