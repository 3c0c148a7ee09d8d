//! One picture of the past: the newest key frame at or before a moment.

use std::sync::PoisonError;

use athome_shared::id::CameraId;
use athome_shared::media::mp4::read::{Fragment, Kind, Outline, ReadError, Sample, fragment_at, load};
use athome_shared::time::WallTime;
use bytes::Bytes;

use super::{Past, PastError, scale};
use crate::decode::h264::Decoder;
use crate::encode::jpeg;
use crate::record::disk::DiskFile;

/// JPEG quality, of 100: what is scrubbed past is looked at for a moment.
const QUALITY: u8 = 80;
/// Fragments that are passed over in search of a later key frame: more than two of them hold only cameras that send none for
/// minutes.
const MOST_STEPS: usize = 600;

/// A picture with its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Still {
    /// When it was captured.
    pub at: WallTime,
    pub jpeg: Bytes,
}

impl Past {
    /// The newest key frame at or before `at` of the recording that holds it, else the first one after, at most `width` pixels
    /// wide.
    pub fn picture(&self, camera: &CameraId, at: WallTime, width: u32) -> Result<Still, PastError> {
        let piece = self.find(camera, at)?.ok_or(PastError::Nothing)?;
        let (mut file, outline) = self.open(&piece.file)?;
        let failed = |source| PastError::Read { file: piece.file.clone(), source };
        let wanted = outline.ticks(at);
        let found = key_fragment(&mut file, &outline, wanted).map_err(failed)?.ok_or(PastError::Nothing)?;
        let samples = load(&mut file, &found).map_err(failed)?;
        let key = newest_key(&samples, wanted).ok_or_else(|| failed(ReadError::Damaged(found.place)))?;
        let name = (piece.file.clone(), key.at, width);
        let kept = || self.kept.pictures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(still) = kept().get(&name) {
            return Ok(still);
        }
        let unshown = |why: String| PastError::Picture { file: piece.file.clone(), why };
        let still = Still { at: outline.wall(key.at), jpeg: show(&key.data, width).map_err(unshown)? };
        let cost = still.jpeg.len() + piece.file.len() + 128;
        kept().put(name, still.clone(), cost);
        Ok(still)
    }
}

/// The fragment with the newest key frame at or before a time, else the first that has one.
pub(super) fn key_fragment(
    file: &mut Box<dyn DiskFile>,
    outline: &Outline,
    wanted: u64,
) -> Result<Option<Fragment>, ReadError> {
    let Some(start) = outline.before(wanted) else { return Ok(None) };
    let (mut place, mut found) = (start.place, None);
    for _ in 0..MOST_STEPS {
        let Some(fragment) = fragment_at(file, outline, place)? else { break };
        place += fragment.length;
        let Some(video) = fragment.video else { continue };
        if found.is_some() && video.at > wanted {
            break;
        }
        if let Some(key) = video.first_key
            && (found.is_none() || key <= wanted)
        {
            found = Some(fragment);
        }
    }
    Ok(found)
}

/// Of a fragment's frames.
pub(super) fn newest_key(samples: &[Sample], wanted: u64) -> Option<&Sample> {
    let keys = || samples.iter().filter(|sample| sample.kind == Kind::Video && sample.is_key);
    keys().take_while(|key| key.at <= wanted).last().or_else(|| keys().next())
}

/// A key frame as JPEG.
fn show(key: &[u8], width: u32) -> Result<Bytes, String> {
    let mut decoder = Decoder::new().map_err(|why| why.to_string())?;
    let decoded = decoder.decode(key).map_err(|why| why.to_string())?;
    let picture = match decoded {
        Some(picture) => picture,
        None => decoder.flush().map_err(|why| why.to_string())?.pop().ok_or("it holds no picture")?,
    };
    let small = scale::shrink(picture, width as usize).ok_or("it is no whole picture")?;
    jpeg::encode(&small, QUALITY)
}
