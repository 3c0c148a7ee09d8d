//! Recording on request, and what was recorded: lists, files in whole or in part, exports.

use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

use athome_shared::id::CameraId;
use athome_shared::pair::roles::Command;
use athome_shared::time::WallTime;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::Api;
use super::error::Refusal;
use super::routes::{permit, whole};
use crate::index::{self, IndexError, Motion, Segment};
use crate::record::disk::DiskFile;
use crate::record::export::{ExportError, export};
use crate::record::layout::{self, THUMBNAIL};
use crate::record::store::{Room, Store, StoreError};
use crate::record::{RecordError, Status};

/// Longest recording on request; whoever wants more asks without a length.
const LONGEST_S: u64 = 7 * 24 * 3_600;
/// Rows of one answer.
const MOST_ROWS: u32 = 10_000;
/// Bytes of a file that are read at a time.
const PIECE: usize = 256 * 1024;
/// Pieces of an export that wait for whoever reads them; then the export waits.
const PIECES: usize = 4;

impl From<RecordError> for Refusal {
    fn from(error: RecordError) -> Self {
        let status = match error {
            RecordError::UnknownCamera => StatusCode::NOT_FOUND,
            RecordError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            RecordError::Goes => StatusCode::CONFLICT,
        };
        Self::new(status, format!("Nothing was changed: {error}."))
    }
}

impl From<IndexError> for Refusal {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Unknown => {
                Self::new(StatusCode::NOT_FOUND, "No recording has this number; /api/v1/recordings lists them.")
            }
            error => Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("The recordings can't be read: {error}.")),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Index(error) => error.into(),
            error => Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("The disk refused: {error}.")),
        }
    }
}

/// Body of a start; all of it optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    seconds: Option<u64>,
}

pub(super) async fn status(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Status>, Refusal> {
    permit(Command::Watch)?;
    let camera = api.camera(&id)?.id;
    Ok(Json(api.0.recording.status(&camera)?))
}

pub(super) async fn start(
    State(api): State<Api>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Status>, Refusal> {
    permit(Command::Record)?;
    let body = whole(body)?;
    let wrong = |why: String| Refusal::new(StatusCode::BAD_REQUEST, why);
    let wanted: Start = if body.is_empty() {
        Start::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| wrong(format!("Send {{\"seconds\": 60}} or nothing: {error}.")))?
    };
    if wanted.seconds.is_some_and(|s| !(1..=LONGEST_S).contains(&s)) {
        return Err(wrong(format!("seconds is 1 to {LONGEST_S}; leave it out to record until it is stopped.")));
    }
    let camera = api.camera(&id)?.id;
    Ok(Json(api.0.recording.start(&camera, wanted.seconds.map(Duration::from_secs)).await?))
}

pub(super) async fn stop(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Status>, Refusal> {
    permit(Command::Record)?;
    let camera = api.camera(&id)?.id;
    Ok(Json(api.0.recording.stop(&camera).await?))
}

/// Which recordings; times are Unix microseconds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    camera: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
    limit: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct Listed {
    recordings: Vec<Segment>,
    motion: Vec<Motion>,
    room: Room,
}

pub(super) async fn list(
    State(api): State<Api>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<Listed>, Refusal> {
    permit(Command::LookBack)?;
    let Query(which) = which.map_err(query)?;
    let camera = which.camera.map(|id| CameraId::new(&id).ok_or_else(no_camera)).transpose()?;
    let (from, to) = (which.from.map_or(WallTime(i64::MIN), WallTime), which.to.map_or(WallTime(i64::MAX), WallTime));
    let limit = which.limit.unwrap_or(MOST_ROWS).min(MOST_ROWS);
    let query = index::Query { camera, from: Some(from), to: Some(to), limit: Some(limit) };
    let listed = blocking(api, move |store| {
        let motion = store.index().motions(query.camera.as_ref(), from, to, limit)?;
        Ok(Listed { recordings: store.index().segments(&query)?, motion, room: store.room()? })
    });
    Ok(Json(listed.await?))
}

/// Body of a change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keep {
    kept: bool,
}

pub(super) async fn one(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Segment>, Refusal> {
    permit(Command::LookBack)?;
    let id = number(&id)?;
    Ok(Json(blocking(api, move |store| Ok(store.index().segment(id)?)).await?))
}

pub(super) async fn keep(
    State(api): State<Api>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Segment>, Refusal> {
    permit(Command::ManageRecordings)?;
    let id = number(&id)?;
    let Keep { kept } = serde_json::from_slice(&whole(body)?).map_err(|error| {
        Refusal::new(StatusCode::BAD_REQUEST, format!("Send {{\"kept\": true}} or {{\"kept\": false}}: {error}."))
    })?;
    Ok(Json(blocking(api, move |store| Ok(store.keep(id, kept)?)).await?))
}

pub(super) async fn remove(State(api): State<Api>, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    permit(Command::ManageRecordings)?;
    let id = number(&id)?;
    let removed = blocking(api, move |store| {
        store.index().segment(id)?;
        Ok(store.delete(id)?)
    });
    if removed.await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::new(
            StatusCode::CONFLICT,
            "This recording is kept. Take the pin off first, with {\"kept\": false}.",
        ))
    }
}

pub(super) async fn thumbnail(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, Refusal> {
    permit(Command::LookBack)?;
    let id = number(&id)?;
    let jpeg = blocking(api, move |store| {
        let path = store.root().join(layout::beside(&store.index().segment(id)?.new.file, THUMBNAIL));
        let mut jpeg = Vec::new();
        let read = store.disk().read(&path).and_then(|file| file.take(1 << 20).read_to_end(&mut jpeg));
        read.map_err(|_| Refusal::new(StatusCode::NOT_FOUND, "This recording has no thumbnail."))?;
        Ok(jpeg)
    });
    Ok(([(CONTENT_TYPE, "image/jpeg"), (CACHE_CONTROL, "private, max-age=86400")], jpeg.await?).into_response())
}

/// The file, in whole or in part (RFC 9110 §14, one range).
pub(super) async fn video(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    permit(Command::LookBack)?;
    let id = number(&id)?;
    let (file, length) = blocking(api, move |store| {
        let path = store.root().join(store.index().segment(id)?.new.file);
        let failed = |why| StoreError::File { path: path.clone(), source: why };
        let file = store.disk().read(&path).map_err(failed)?;
        Ok((file, store.disk().length(&path).map_err(failed)?))
    })
    .await?;
    let range = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let (status, from, to) = match range.map(|range| part(range, length)) {
        None | Some(Part::Ignored) => (StatusCode::OK, 0, length),
        Some(Part::Of(from, to)) => (StatusCode::PARTIAL_CONTENT, from, to),
        Some(Part::Outside) => {
            let refusal = Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "The file ends before this range.");
            return Ok(([(CONTENT_RANGE, format!("bytes */{length}"))], refusal).into_response());
        }
    };
    let pieces = stream::unfold(Some((file, from)), move |state| async move {
        let (file, at) = state.filter(|(_, at)| *at < to)?;
        let left = usize::try_from(to - at).unwrap_or(PIECE).min(PIECE);
        let read = tokio::task::spawn_blocking(move || piece(file, at, left)).await;
        Some(match read.unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into())) {
            Ok((bytes, file)) => (Ok(bytes), Some((file, at + left as u64))),
            // The answer breaks off, and whoever reads it sees that it is short.
            Err(why) => (Err(why), None),
        })
    });
    let mut response = (status, Body::from_stream(pieces)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, axum::http::HeaderValue::from_static("video/mp4"));
    headers.insert(ACCEPT_RANGES, axum::http::HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_LENGTH, (to - from).into());
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(value) = format!("bytes {from}-{}/{length}", to.saturating_sub(1)).parse()
    {
        headers.insert(CONTENT_RANGE, value);
    }
    Ok(response)
}

fn piece(mut file: Box<dyn DiskFile>, at: u64, length: usize) -> std::io::Result<(Bytes, Box<dyn DiskFile>)> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)?;
    Ok((bytes.into(), file))
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// From here up to there.
    Of(u64, u64),
    Outside,
    /// Not of the one form that is understood: the whole file is the answer.
    Ignored,
}

fn part(range: &str, length: u64) -> Part {
    let Some((from, to)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Part::Ignored;
    };
    match (from.parse::<u64>(), to.parse::<u64>()) {
        (Ok(from), Ok(to)) if from <= to && from < length => Part::Of(from, to.saturating_add(1).min(length)),
        (Ok(from), Err(_)) if to.is_empty() && from < length => Part::Of(from, length),
        (Err(_), Ok(last)) if from.is_empty() && last > 0 && length > 0 => {
            Part::Of(length.saturating_sub(last), length)
        }
        (Ok(from), Ok(to)) if from > to => Part::Ignored,
        (Ok(_), _) if to.is_empty() || to.parse::<u64>().is_ok() => Part::Outside,
        (Err(_), Ok(_)) if from.is_empty() => Part::Outside,
        _ => Part::Ignored,
    }
}

/// From when to when, in Unix microseconds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Between {
    from: i64,
    to: i64,
}

/// A range of a camera's recordings as one file. It is made while it is sent, so its length is not known before.
pub(super) async fn exported(
    State(api): State<Api>,
    Path(id): Path<String>,
    between: Result<Query<Between>, QueryRejection>,
) -> Result<Response, Refusal> {
    permit(Command::LookBack)?;
    let Query(Between { from, to }) = between.map_err(query)?;
    // Also of a camera that is no longer there.
    let camera = CameraId::new(&id).ok_or_else(no_camera)?;
    let (from, to) = (WallTime(from), WallTime(to));
    let query = index::Query { camera: Some(camera), from: Some(from), to: Some(to), limit: None };
    let store = api.0.recording.store().clone();
    let segments = blocking(api, move |store| Ok(store.index().segments(&query)?)).await?;
    if segments.is_empty() {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "Nothing was recorded then; /api/v1/recordings lists what was.",
        ));
    }
    let (pieces, sent) = mpsc::channel::<Result<Bytes, std::io::Error>>(PIECES);
    // Ends by itself when nobody reads any more, as the channel is closed then.
    tokio::task::spawn_blocking(move || {
        let made = export(&**store.disk(), store.root(), &segments, (from, to), |bytes| {
            let sent = bytes.is_empty() || pieces.blocking_send(Ok(Bytes::copy_from_slice(bytes))).is_ok();
            if sent { Ok(()) } else { Err(std::io::ErrorKind::BrokenPipe.into()) }
        });
        match made {
            Ok(_) | Err(ExportError::Write(_)) => {}
            Err(error) => {
                let _gone = pieces.blocking_send(Err(std::io::Error::other(error.to_string())));
            }
        }
    });
    let body = Body::from_stream(stream::unfold(sent, |mut sent| async { Some((sent.recv().await?, sent)) }));
    let name = format!("attachment; filename=\"{id}.mp4\"");
    Ok(([(CONTENT_TYPE, "video/mp4".to_owned()), (CONTENT_DISPOSITION, name)], body).into_response())
}

async fn blocking<T: Send + 'static>(
    api: Api,
    act: impl FnOnce(&Store) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let store = api.0.recording.store().clone();
    tokio::task::spawn_blocking(move || act(&store)).await.map_err(|_| Refusal::stopping())?
}

fn number(id: &str) -> Result<i64, Refusal> {
    id.parse().map_err(|_| IndexError::Unknown.into())
}

fn query(why: QueryRejection) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, format!("The question is not what is expected here: {}.", why.body_text()))
}

fn no_camera() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "No camera has this id; /api/v1/cameras lists them.")
}

#[cfg(test)]
mod tests {
    use super::{Part, part};

    #[test]
    fn one_range_is_understood_and_others_give_the_whole_file() {
        for (range, expected) in [
            ("bytes=0-99", Part::Of(0, 100)),
            ("bytes=500-", Part::Of(500, 1_000)),
            ("bytes=-100", Part::Of(900, 1_000)),
            ("bytes=-5000", Part::Of(0, 1_000)),
            ("bytes=990-2000", Part::Of(990, 1_000)),
            ("bytes=1000-", Part::Outside),
            ("bytes=1000-1001", Part::Outside),
            ("bytes=-0", Part::Outside),
            ("bytes=9-1", Part::Ignored),
            ("bytes=0-1,5-6", Part::Ignored),
            ("lines=0-1", Part::Ignored),
            ("bytes=a-b", Part::Ignored),
            ("bytes=", Part::Ignored),
            ("bytes=18446744073709551615-18446744073709551615", Part::Outside),
            ("bytes=0-18446744073709551615", Part::Of(0, 1_000)),
        ] {
            assert_eq!(part(range, 1_000), expected, "{range}");
        }
        assert_eq!(part("bytes=-5", 0), Part::Outside);
    }
}
