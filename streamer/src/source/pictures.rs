//! A clip's pictures on their way out: untouched where viewers can take them as they are, decoded otherwise.
//!
//! Untouched: Baseline, Main or High profile, progressive, without B-frames. (Viewers are offered constrained baseline;
//! every decoder that AtHome meets takes Main and High as well, as network cameras send them. B-frames they do not reorder.)

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use athome_shared::media::frame::Params;
use athome_shared::media::h264::{self, AvcConfig, Reorder, Sps, nal_type};
use athome_shared::protocol::control::CameraReason;
use athome_shared::time::MediaTime;
use bytes::{BufMut, Bytes, BytesMut};

use super::SourceError;
use super::container::{Container, Picture};
use crate::decode::h264::Decoder;
use crate::decode::{I420, limit_range};

/// Pictures looked at before deciding: their order and their rate.
const PEEKED: usize = 100;
/// Pictures in a row that may fail to decode before the clip is given up.
const MOST_FAILURES: usize = 100;

/// Pictures that a decoder holds back at most (H.264 annex A.3.1: 16).
const MOST_HELD: usize = 17;

/// What a look at a clip's beginning told.
pub(super) struct Kind {
    pub(super) config: AvcConfig,
    pub(super) sps: Sps,
    pub(super) fps: f32,
    pub(super) decode: bool,
}

/// What comes out of a clip.
pub(super) enum Output {
    /// An access unit, Annex B, with its parameter sets where it is a key frame.
    Encoded {
        data: Bytes,
        is_key: bool,
    },
    Raw(I420),
    /// B-frames after all: from here on the clip must be decoded.
    NeedsDecoding,
}

/// One round through a clip's pictures.
pub(super) struct Pictures {
    config: AvcConfig,
    sets: Bytes,
    full_range: bool,
    way: Way,
    begun: bool,
    /// Of the pictures read so far.
    span: Span,
}

enum Way {
    Through,
    Decode {
        decoder: Box<Decoder>,
        /// Times of the pictures that the decoder holds back.
        times: BinaryHeap<Reverse<MediaTime>>,
        ready: VecDeque<I420>,
        failures: usize,
        ended: bool,
    },
}

/// First, last and end of the times seen.
#[derive(Clone, Copy, Default)]
struct Span {
    pictures: usize,
    first: MediaTime,
    last: MediaTime,
    end: MediaTime,
}

impl Kind {
    /// Reads the first pictures. `name` is for errors.
    pub(super) fn peek(container: &mut Container, name: &str) -> Result<Self, SourceError> {
        let fail = |what: String| SourceError::new(CameraReason::File, format!("{name}: {what}"));
        let config = container.picture_config().ok_or_else(|| fail("it holds no video".to_owned()))?;
        let config = AvcConfig::parse(config).map_err(|why| fail(format!("damaged: {why}")))?;
        let sps = config.sps.first().ok_or_else(|| fail("damaged: its video has no parameters".to_owned()))?;
        let sps = h264::parse_sps(sps).map_err(|why| fail(format!("damaged: {why}")))?;
        if sps.interlaced {
            return Err(fail("its video is interlaced, which is not supported; convert it to progressive".to_owned()));
        }
        let mut span = Span::default();
        let mut reordered = false;
        while span.pictures < PEEKED
            && let Some(picture) = container.next_picture()?
        {
            span.see(&picture);
            reordered |=
                h264::avcc_to_annex_b(&picture.data, config.length_size).is_ok_and(|unit| h264::has_b_slice(&unit));
        }
        if span.pictures == 0 {
            return Err(fail("it holds no pictures, or they are damaged".to_owned()));
        }
        let known_profile = matches!(sps.profile_level_id[0], 66 | 77 | 100);
        let decode = !known_profile || reordered || matches!(sps.reorder, Reorder::Frames(1..));
        Ok(Self { config, sps, fps: span.fps(), decode })
    }

    /// What encoded frames say of themselves.
    pub(super) fn params(&self) -> Arc<Params> {
        let Sps { width, height, profile_level_id, .. } = self.sps;
        Arc::new(Params::Video { width, height, profile_level_id })
    }
}

impl Pictures {
    /// A new round; decoding begins afresh.
    pub(super) fn new(kind: &Kind) -> Result<Self, SourceError> {
        let way = if kind.decode {
            let decoder = Decoder::new().map_err(|why| SourceError::new(CameraReason::Other, why))?;
            let decoder = Box::new(decoder);
            Way::Decode { decoder, times: BinaryHeap::new(), ready: VecDeque::new(), failures: 0, ended: false }
        } else {
            Way::Through
        };
        Ok(Self {
            config: kind.config.clone(),
            sets: kind.config.annex_b(),
            full_range: kind.sps.full_range,
            way,
            begun: false,
            span: Span::default(),
        })
    }

    /// The next picture in order of showing, with its time in the clip; `None` at the end.
    pub(super) fn next(&mut self, container: &mut Container) -> Result<Option<(MediaTime, Output)>, SourceError> {
        loop {
            if let Some(output) = self.take_decoded() {
                return Ok(Some(output));
            }
            let Some(picture) = container.next_picture()? else {
                if self.flush() {
                    continue;
                }
                return Ok(None);
            };
            let Some((unit, is_key)) = self.access_unit(&picture) else { continue };
            self.span.see(&picture);
            match &mut self.way {
                Way::Through if !is_key && h264::has_b_slice(&unit) => {
                    return Ok(Some((picture.at, Output::NeedsDecoding)));
                }
                Way::Through => return Ok(Some((picture.at, Output::Encoded { data: unit, is_key }))),
                Way::Decode { decoder, times, ready, failures, .. } => match decoder.decode(&unit) {
                    Ok(decoded) => {
                        *failures = 0;
                        times.push(Reverse(picture.at));
                        // A picture that the decoder swallowed must not make all later ones early.
                        if times.len() > MOST_HELD {
                            times.pop();
                        }
                        ready.extend(decoded);
                    }
                    Err(why) => {
                        *failures += 1;
                        if *failures > MOST_FAILURES {
                            return Err(SourceError::new(
                                CameraReason::File,
                                format!("its video can't be decoded: {why}"),
                            ));
                        }
                    }
                },
            }
        }
    }

    /// How long the round was: from its first picture to the end of its last.
    pub(super) fn length(&self) -> MediaTime {
        self.span.length()
    }

    /// A stored picture as an access unit; `None` for damage and for what lies in front of the first key frame.
    fn access_unit(&mut self, picture: &Picture) -> Option<(Bytes, bool)> {
        let unit = h264::avcc_to_annex_b(&picture.data, self.config.length_size).ok()?;
        let is_key = h264::is_idr(&unit);
        self.begun |= is_key;
        if !self.begun {
            return None;
        }
        let has_sets = || h264::nals(&unit).any(|nal| h264::nal_unit_type(nal) == Some(nal_type::SPS));
        if !is_key || has_sets() {
            return Some((unit, is_key));
        }
        let mut whole = BytesMut::with_capacity(self.sets.len() + unit.len());
        whole.put_slice(&self.sets);
        whole.put_slice(&unit);
        Some((whole.freeze(), is_key))
    }

    fn take_decoded(&mut self) -> Option<(MediaTime, Output)> {
        let Way::Decode { times, ready, .. } = &mut self.way else { return None };
        let picture = ready.pop_front()?;
        // Pictures come out in order of showing: the earliest time not yet given out is theirs.
        let Reverse(at) = times.pop()?;
        let picture = if self.full_range { limit_range(picture) } else { picture };
        Some((at, Output::Raw(picture)))
    }

    /// Takes what the decoder held back, once; true if that was anything.
    fn flush(&mut self) -> bool {
        match &mut self.way {
            Way::Decode { decoder, ready, ended: ended @ false, .. } => {
                *ended = true;
                ready.extend(decoder.flush().unwrap_or_default());
                !ready.is_empty()
            }
            _ => false,
        }
    }
}

impl Span {
    fn see(&mut self, picture: &Picture) {
        if self.pictures == 0 {
            (self.first, self.last) = (picture.at, picture.at);
        }
        self.pictures += 1;
        self.first = self.first.min(picture.at);
        self.last = self.last.max(picture.at);
        self.end = self.end.max(MediaTime(picture.at.0.saturating_add(picture.length.0)));
    }

    /// Mean time from picture to picture; a thirtieth of a second where there is but one.
    fn interval(&self) -> MediaTime {
        match i64::try_from(self.pictures).unwrap_or(i64::MAX) - 1 {
            ..1 => MediaTime(MediaTime::RATE / 30),
            steps => MediaTime((self.last.0.saturating_sub(self.first.0) / steps).max(1)),
        }
    }

    fn fps(&self) -> f32 {
        let fps = MediaTime::RATE as f32 / self.interval().0 as f32;
        // Containers round times; people expect 25, not 24.9992.
        if (fps - fps.round()).abs() < 0.02 { fps.round() } else { fps }
    }

    fn length(&self) -> MediaTime {
        let end = self.end.0.max(self.last.0.saturating_add(self.interval().0));
        MediaTime(end.saturating_sub(self.first.0))
    }
}
