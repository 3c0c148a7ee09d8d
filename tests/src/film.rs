//! Films of the past, looked at by their test card's own clock.

use athome_shared::id::CameraId;
use athome_shared::media::clock::{read_clock, ticks, ticks_between};
use athome_shared::time::WallTime;
use athome_streamer::decode::jpeg::Decoder;
use athome_viewer::play::decode::{Shown, UnitDecoder};
use athome_viewer::session::bulk::{Bulk, BulkError};
use athome_viewer::session::client::Requests;
use athome_viewer::session::past::{Ask, Film, FilmReader, Unit};

use crate::wait::soon;

/// A picture of a film.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When it was captured, as the film says.
    pub at: WallTime,
    /// How far the clock in the picture is from that, in tenths of a millisecond; `None` where it shows none.
    pub off: Option<i32>,
}

/// What a film held.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    pub frames: Vec<Frame>,
    pub sounds: usize,
    pub bytes: u64,
    /// From when on there is more.
    pub next: Option<WallTime>,
}

/// Takes the rest of a film and decodes it.
pub async fn watch(film: &mut Film) -> Result<Watched, BulkError> {
    let (mut reader, mut decoder, mut watched) = (FilmReader::new(film.at), UnitDecoder::default(), Watched::default());
    while let Some(part) = soon("the next part of a film", film.part()).await? {
        watched.bytes += part.len() as u64;
        reader.push(&part);
        while let Some(unit) = reader.poll()? {
            match unit {
                Unit::Begin { .. } => {}
                Unit::Sound { .. } => watched.sounds += 1,
                Unit::Picture { at, is_key, data } => {
                    let mut off = None;
                    let mut see = |shown: Shown<'_>| {
                        let ([luma, ..], [stride, ..]) = (shown.planes, shown.strides);
                        let clock = read_clock(luma, stride, shown.width, shown.height);
                        off = clock.map(|clock| ticks_between(ticks(at), clock));
                    };
                    assert!(decoder.decode(&data, is_key, &mut see), "a picture that can't be decoded at {at:?}");
                    watched.frames.push(Frame { at, off });
                }
            }
        }
    }
    watched.next = film.next();
    Ok(watched)
}

/// Plays a range to its end, asking again where it has to be.
pub async fn play(requests: &Requests, camera: &CameraId, from: WallTime, to: WallTime) -> Result<Watched, BulkError> {
    let (mut all, mut from) = (Watched::default(), from);
    for _ in 0..20 {
        let ask = Ask::Play { camera: camera.clone(), from, to: Some(to), follow: false };
        let mut film = soon("a film", requests.film(ask)).await?;
        let part = watch(&mut film).await?;
        all.frames.extend(part.frames);
        all.sounds += part.sounds;
        all.bytes += part.bytes;
        match part.next.filter(|next| *next < to) {
            Some(next) => from = next,
            None => return Ok(all),
        }
    }
    panic!("a film that has no end: {} frames", all.frames.len());
}

/// How far the clock in a JPEG is from the time that it was sent with, in tenths of a millisecond.
pub fn off(picture: &Bulk) -> Option<i32> {
    let shown = Decoder::default().decode(&picture.data).expect("a JPEG");
    let width = shown.width as usize;
    let clock = read_clock(&shown.data, width, width, shown.height as usize)?;
    Some(ticks_between(ticks(picture.at?), clock))
}
