//! Looking back without a window: fetches what was recorded from a moment on, decodes it as fast as it comes, and reports figures.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use athome_shared::id::CameraId;
use athome_shared::media::clock::{read_clock, ticks, ticks_between};
use athome_shared::protocol::control::{Camera, RefusedWhy};
use athome_shared::time::WallTime;
use jiff::Timestamp;
use serde::Serialize;

use super::{Headless, find_camera, peer_settings, unwritable};
use crate::play::decode::{Shown, UnitDecoder};
use crate::session::bulk::BulkError;
use crate::session::client::{Client, ClientEvent, Options, SharedStore};
use crate::session::ended::{Ended, printable};
use crate::session::machine::Event;
use crate::session::past::{Ask, FilmReader, Unit};
use crate::store::Place;
use crate::words::Sentence;

/// How long the streamer may take to introduce itself, and to send the next part.
const PATIENCE: Duration = Duration::from_secs(30);
/// Width of the one picture that is asked for beside the film.
const PICTURE_WIDTH: u32 = 640;
/// Two pictures further apart than this have a gap between them.
const GAP: i64 = 1_000_000;

/// What was found: the one JSON object of `--at … --json` (stable names; `null` where unknown). Times are Unix microseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PastReport {
    pub camera: String,
    /// What was asked for.
    pub at: i64,
    /// When the picture of that moment was captured, and how long it took to come.
    pub picture_at: Option<i64>,
    pub picture_ms: Option<f64>,
    pub picture_bytes: usize,
    /// From the first picture of the film …
    pub from: Option<i64>,
    /// … to the last one.
    pub until: Option<i64>,
    /// From when on there is more to ask for.
    pub next: Option<i64>,
    /// From asking for the film to its first decoded picture.
    pub first_frame_ms: Option<f64>,
    pub frames_decoded: u64,
    pub frames_failed: u64,
    pub audio_frames: u64,
    pub gaps: u32,
    pub bytes: u64,
    pub seconds: f64,
    pub mime: Option<String>,
    pub width: usize,
    pub height: usize,
    /// With the test card: how far its own clock is from the time that the film gives to the picture, at most.
    pub clock_error_ms: Option<f64>,
    /// How the file of `--record` is coded.
    pub recording: Option<&'static str>,
}

/// A moment, as people and programs write it: `-10m` (also `s` and `h`), `2026-11-20T14:03:00Z`, or Unix microseconds.
pub fn moment(text: &str) -> Result<WallTime, String> {
    let wrong = || "write it as -10m, 2026-11-20T14:03:00Z or in Unix microseconds".to_owned();
    let text = text.trim();
    if let Ok(micros) = text.parse::<u64>() {
        return i64::try_from(micros).map(WallTime).map_err(|_| wrong());
    }
    if let Some(ago) = text.strip_prefix('-') {
        let unit = ago.chars().last().ok_or_else(wrong)?;
        let number: i64 = ago.strip_suffix(unit).and_then(|n| n.parse::<u32>().ok()).ok_or_else(wrong)?.into();
        let seconds = match unit {
            's' => number,
            'm' => number * 60,
            'h' => number * 3_600,
            _ => return Err(wrong()),
        };
        return Ok(WallTime(WallTime::now().0.saturating_sub(seconds * 1_000_000)));
    }
    text.parse::<Timestamp>().map(|at| WallTime(at.as_microsecond())).map_err(|_| wrong())
}

/// Connects, and looks back.
pub(super) async fn run(
    headless: Headless,
    store: SharedStore,
    place: Place,
    at: WallTime,
    say: &mut (dyn FnMut(&Sentence) + Send),
) -> Result<PastReport, Sentence> {
    let options = Options { slots: 1, watch: Vec::new(), audio: false, peer: peer_settings(), reconnect: false };
    let mut client = Client::start(store, place, options, |_| Box::new(Nothing));
    let found = match cameras(&mut client, say).await {
        Ok(cameras) => find_camera(&headless, &cameras).map(|camera| camera.id.clone()),
        Err(sentence) => Err(sentence),
    };
    let result = match found {
        Ok(camera) => {
            let requests = client.requests().clone();
            tokio::select! {
                result = fetch(&requests, &headless, camera, at) => result,
                sentence = lost(&mut client, say) => Err(sentence),
            }
        }
        Err(sentence) => Err(sentence),
    };
    client.close().await;
    if let (Ok(_), Some(file)) = (&result, &headless.record) {
        say(&Sentence::Recorded { file: file.display().to_string() });
    }
    result
}

/// The list of cameras, once the streamer has introduced itself.
async fn cameras(client: &mut Client, say: &mut (dyn FnMut(&Sentence) + Send)) -> Result<Vec<Camera>, Sentence> {
    let mut trouble = None;
    let told = async {
        loop {
            match client.event().await {
                Some(ClientEvent::Session(Event::Cameras(cameras))) => return Ok(cameras),
                Some(ClientEvent::Say(sentence)) => {
                    say(&sentence);
                    trouble = Some(sentence);
                }
                Some(ClientEvent::Ended { .. }) | None => return Err(trouble.take().unwrap_or(Sentence::Protocol)),
                Some(ClientEvent::Session(_)) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap_or(Err(Sentence::NoPicture { seconds: PATIENCE.as_secs() }))
}

/// Comes back only if the session ends.
async fn lost(client: &mut Client, say: &mut (dyn FnMut(&Sentence) + Send)) -> Sentence {
    let mut trouble = None;
    loop {
        match client.event().await {
            Some(ClientEvent::Say(sentence)) => {
                say(&sentence);
                trouble = Some(sentence);
            }
            Some(ClientEvent::Ended { ended: Ended::Left, .. } | ClientEvent::Session(_)) => {}
            Some(ClientEvent::Ended { .. }) | None => return trouble.unwrap_or(Sentence::Protocol),
        }
    }
}

async fn fetch(
    requests: &crate::session::client::Requests,
    headless: &Headless,
    camera: CameraId,
    at: WallTime,
) -> Result<PastReport, Sentence> {
    let name = printable(camera.as_str());
    let wrong = |why: BulkError| sentence(why, &name);
    let ms = |since: Instant| (since.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    let mut report = PastReport { camera: camera.to_string(), at: at.0, ..PastReport::default() };
    let asked = Instant::now();
    let picture = requests.picture(camera.clone(), at, PICTURE_WIDTH).await.map_err(wrong)?;
    (report.picture_ms, report.picture_bytes) = (Some(ms(asked)), picture.data.len());
    report.picture_at = picture.at.map(|at| at.0);

    let length = i64::try_from(headless.watch_for.as_micros()).unwrap_or(i64::MAX);
    let to = Some(WallTime(at.0.saturating_add(length)));
    let asked = Instant::now();
    let mut film = requests.film(Ask::Play { camera, from: at, to, follow: false }).await.map_err(wrong)?;
    let mut file = headless.record.as_deref().map(create).transpose()?;
    report.mime = Some(film.mime.clone());
    let mut reader = FilmReader::new(film.at);
    let mut decoder = UnitDecoder::default();
    let mut error: Option<i32> = None;
    loop {
        let part = tokio::time::timeout(PATIENCE, film.part()).await.unwrap_or(Err(BulkError::Broken));
        let Some(part) = part.map_err(wrong)? else { break };
        report.bytes += part.len() as u64;
        if let Some((path, file)) = &mut file {
            file.write_all(&part).map_err(|why| unwritable(path, &why))?;
        }
        reader.push(&part);
        while let Some(unit) = reader.poll().map_err(wrong)? {
            match unit {
                Unit::Begin { .. } => {}
                Unit::Sound { .. } => report.audio_frames += 1,
                Unit::Picture { at, is_key, data } => {
                    let gap = report.until.is_some_and(|until| at.0 - until > GAP);
                    report.gaps += u32::from(gap);
                    report.from = report.from.or(Some(at.0));
                    report.until = Some(at.0);
                    let mut see = |shown: Shown<'_>| {
                        (report.width, report.height) = (shown.width, shown.height);
                        let ([luma, ..], [stride, ..]) = (shown.planes, shown.strides);
                        if let Some(clock) = read_clock(luma, stride, shown.width, shown.height) {
                            let off = ticks_between(clock, ticks(at)).abs();
                            error = Some(error.unwrap_or(0).max(off));
                        }
                    };
                    if decoder.decode(&data, is_key, &mut see) {
                        report.first_frame_ms = report.first_frame_ms.or_else(|| Some(ms(asked)));
                        report.frames_decoded += 1;
                    } else {
                        report.frames_failed += 1;
                    }
                }
            }
        }
    }
    report.next = film.next().map(|at| at.0);
    report.seconds = asked.elapsed().as_secs_f64();
    report.clock_error_ms = error.map(|tenths| f64::from(tenths) / 10.0);
    report.recording = file.is_some().then_some("mp4");
    Ok(report)
}

fn create(path: &Path) -> Result<(&Path, File), Sentence> {
    File::create(path).map(|file| (path, file)).map_err(|why| unwritable(path, &why))
}

fn sentence(why: BulkError, camera: &str) -> Sentence {
    match why {
        BulkError::Refused(RefusedWhy::Role) => Sentence::MayNotLookBack,
        BulkError::Refused(RefusedWhy::Unavailable) => Sentence::NothingRecorded { camera: camera.to_owned() },
        BulkError::Refused(_) | BulkError::TooLarge | BulkError::Broken | BulkError::Ended => Sentence::Protocol,
    }
}

/// Takes nothing live: nothing is watched.
struct Nothing;

impl crate::session::MediaSink for Nothing {
    fn frame(
        &mut self,
        _: std::sync::Arc<athome_shared::protocol::control::Attached>,
        _: athome_shared::peer::ReceivedFrame,
    ) {
    }
    fn attached(&mut self, _: &athome_shared::protocol::control::Attached) {}
    fn detached(&mut self, _: athome_shared::protocol::wire::SlotKind, _: u8) {}
    fn key_frame_needed(&mut self, _: u8) {}
    fn lost(&mut self, _: u8) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_and_programs_write_them() {
        assert_eq!(moment("2026-11-20T14:03:00Z"), Ok(WallTime(1_795_183_380_000_000)));
        assert_eq!(moment("1795183380000000"), Ok(WallTime(1_795_183_380_000_000)));
        let ago = moment("-10m").expect("a moment");
        assert!((WallTime::now().0 - ago.0 - 600_000_000).abs() < 5_000_000);
        for wrong in ["", "-", "-m", "-5d", "yesterday", "--5m", "18446744073709551615", "-99999999999h"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }
}
