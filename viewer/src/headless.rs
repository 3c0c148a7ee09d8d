//! Watching without a window: pairs if asked, watches one camera for a while, and reports figures.

mod past;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, Layer};
use athome_shared::pair::link::{self, Link, LinkError};
use athome_shared::peer::{BitrateRange, PeerSettings, PeerStats};
use athome_shared::protocol::control::{Camera, CameraReason, CameraState};
use athome_shared::protocol::wire::WatchWish;
use athome_shared::time::WallTime;
use serde::Serialize;

use crate::meter::Meter;
use crate::play::audio::RATE;
use crate::play::player::{Player, SharedRecorder};
use crate::play::record::Recorder;
use crate::play::tone;
use crate::session::client::{self, Client, ClientEvent, Options, SharedStore};
use crate::session::ended::{Ended, printable};
use crate::session::machine::Event;
use crate::session::task::PairError;
use crate::store::Place;
use crate::words::Sentence;
pub use past::{PastReport, moment};

/// How long the first picture may take.
const FIRST_PICTURE: Duration = Duration::from_secs(30);

/// Tries before the first picture after which a streamer counts as away.
const TRIES: u32 = 4;

/// What to do.
#[derive(Clone, Debug)]
pub struct Headless {
    /// Where the pairings are.
    pub data: PathBuf,
    /// Pair with this link first. Secret: read by [`read_link`], never from the command line.
    pub link: Option<Link>,
    /// Which paired place, where there are several.
    pub place: Option<String>,
    /// By id or name; the streamer's first camera otherwise.
    pub camera: Option<String>,
    /// How long to watch from the first picture on.
    pub watch_for: Duration,
    /// Look back from this moment on instead.
    pub at: Option<WallTime>,
    /// Write the video there as it comes.
    pub record: Option<PathBuf>,
    /// What this device calls itself when it pairs.
    pub device: String,
}

/// What was measured: the one JSON object of `--json` (stable names; `null` where unknown).
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub frames_decoded: u64,
    pub audio_frames: u64,
    pub first_frame_ms: Option<f64>,
    pub latency_ms: Option<Latency>,
    pub freezes: u32,
    pub freeze_ms: f64,
    pub bytes: u64,
    pub lost_packets: u64,
    pub codec: &'static str,
    pub width: usize,
    pub height: usize,
    /// `host`, `srflx` or `relay`.
    pub path: Option<String>,
    pub bitrate_bps: u64,
    pub audio_tone_hz: Option<f64>,
    pub audio_level_dbfs: Option<f64>,
    pub av_offset_ms: Option<f64>,
    /// How the file of `--record` is coded.
    pub recording: Option<&'static str>,
}

/// What comes out in the end.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// Of what is live.
    Live(Box<Report>),
    /// Of what was recorded.
    Past(Box<PastReport>),
}

/// Capture to decoded, milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p95: f64,
    pub max: f64,
}

/// Reads a link from a file, or from standard input for `-`.
pub fn read_link(from: &str) -> Result<Link, Sentence> {
    let unreadable =
        || Sentence::LinkUnreadable { from: if from == "-" { "stdin".to_owned() } else { from.to_owned() } };
    let mut text = zeroize::Zeroizing::new(String::new());
    let most = link::MAX_LEN as u64 + 64;
    let read = if from == "-" {
        // One line: a person pastes it and presses Enter.
        use std::io::BufRead;
        std::io::stdin().lock().take(most).read_line(&mut text)
    } else {
        File::open(from).and_then(|file| file.take(most).read_to_string(&mut text))
    };
    read.map_err(|_| unreadable())?;
    Link::parse(&text).map_err(|error| link_sentence(&error))
}

/// What to say about a link that can't be used.
pub fn link_sentence(error: &LinkError) -> Sentence {
    match error {
        LinkError::Newer => Sentence::LinkTooNew,
        LinkError::NotOurs | LinkError::Incomplete | LinkError::BadServer => Sentence::LinkIncomplete,
    }
}

/// What to say about a pairing that failed.
pub fn pairing_sentence(error: &PairError) -> Sentence {
    match error {
        PairError::Ended(Ended::Offline) => Sentence::CodeUnknown,
        PairError::Ended(ended) => ended.sentence("", 5),
        PairError::Store(error) => error.sentence(),
    }
}

/// Settings of a peer connection for a viewer. The streamer's offer names the STUN and TURN servers.
pub fn peer_settings() -> PeerSettings {
    PeerSettings {
        stun_servers: Vec::new(),
        turn_servers: Vec::new(),
        bind: Vec::new(),
        check_interval: Duration::from_millis(10),
        mdns_query: false,
        bitrate: BitrateRange { start: 1_000_000, min: 100_000, max: 10_000_000 },
    }
}

/// Runs; `say` gets a line for each thing that happens.
pub async fn run(headless: Headless, say: &mut (dyn FnMut(&Sentence) + Send)) -> Result<Outcome, Sentence> {
    let store = client::open_store(&headless.data).map_err(|e| e.sentence())?;
    let place = match &headless.link {
        Some(link) => {
            let place =
                client::pair(&store, link, &headless.device, "headless").await.map_err(|e| pairing_sentence(&e))?;
            say(&Sentence::Paired { place: place.name.clone() });
            place
        }
        None => choose(&store, headless.place.as_deref())?,
    };
    match headless.at {
        Some(at) => past::run(headless, store, place, at, say).await.map(|report| Outcome::Past(Box::new(report))),
        None => watch(headless, store, place, say).await.map(|report| Outcome::Live(Box::new(report))),
    }
}

fn choose(store: &SharedStore, wanted: Option<&str>) -> Result<Place, Sentence> {
    let places = store.lock().unwrap_or_else(std::sync::PoisonError::into_inner).places().to_vec();
    let names = || places.iter().map(|p| printable(&p.name)).collect::<Vec<_>>().join(", ");
    match (wanted, places.as_slice()) {
        (_, []) => Err(Sentence::NotPaired),
        (None, [place]) => Ok(place.clone()),
        (None, _) => Err(Sentence::WhichPlace { places: names() }),
        (Some(name), _) => places
            .iter()
            .find(|p| p.name == name)
            .or_else(|| places.iter().find(|p| p.name.to_lowercase() == name.to_lowercase()))
            .cloned()
            .ok_or_else(|| Sentence::PlaceUnknown { place: printable(name), places: names() }),
    }
}

async fn watch(
    headless: Headless,
    store: SharedStore,
    place: Place,
    say: &mut (dyn FnMut(&Sentence) + Send),
) -> Result<Report, Sentence> {
    let recorder = headless.record.as_deref().map(recorder).transpose()?;
    let recorder: SharedRecorder = Arc::new(Mutex::new(recorder));
    let recording = Arc::clone(&recorder);
    let wish = WatchWish { slot: 0, camera: headless.camera.as_deref().map(CameraId::slug), layer: Layer::Full };
    let options = Options { slots: 1, watch: vec![wish.clone()], audio: true, peer: peer_settings(), reconnect: true };
    let started = Instant::now();
    let mut meter = None;
    let mut client = Client::start(store, place, options, |requests| {
        let shared = Arc::new(Meter::new(started, requests.offset().clone()));
        meter = Some(Arc::clone(&shared));
        let player = Player::new(Arc::clone(&shared) as _, shared, requests);
        Box::new(player.with_recorder(recorder))
    });
    let meter = meter.unwrap_or_default();
    let watched = follow(&mut client, &headless, &meter, wish, say).await;
    let stats = match &watched {
        Ok(last) => client.requests().stats().await.or_else(|| last.clone()).unwrap_or_default(),
        Err(_) => PeerStats::default(),
    };
    client.close().await;
    watched?;
    let recorder = recording.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let (Some(file), Some(recorder)) = (&headless.record, recorder) {
        recorder.finish().map_err(|error| unwritable(file, &error))?;
        say(&Sentence::Recorded { file: file.display().to_string() });
    }
    Ok(report(&meter, &stats, headless.record.is_some()))
}

fn recorder(path: &Path) -> Result<Recorder, Sentence> {
    Recorder::create(path).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Sentence {
    Sentence::FileUnwritable { path: path.display().to_string(), detail: error.to_string() }
}

/// Follows the client until the time is over; the newest figures of the connection, or what to say instead.
async fn follow(
    client: &mut Client,
    headless: &Headless,
    meter: &Meter,
    wish: WatchWish,
    say: &mut (dyn FnMut(&Sentence) + Send),
) -> Result<Option<PeerStats>, Sentence> {
    let mut deadline = tokio::time::Instant::now() + FIRST_PICTURE;
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    let mut seen = false;
    let mut asked = wish.camera;
    let mut trouble = None;
    let mut last = None;
    let mut ticks = 0_u32;
    let mut away = 0;
    loop {
        tokio::select! {
            event = client.event() => match event {
                Some(ClientEvent::Say(sentence)) => {
                    say(&sentence);
                    trouble = Some(sentence);
                }
                Some(ClientEvent::Session(Event::Cameras(cameras))) => {
                    if let Some(sentence) = pick(client, headless, &cameras, &mut asked).await? {
                        say(&sentence);
                        trouble = Some(sentence);
                    }
                }
                Some(ClientEvent::Session(_)) => {}
                Some(ClientEvent::Ended { ended, again }) => {
                    // Right after a start or a pairing the server may not know of it yet.
                    away += u32::from(matches!(ended, Ended::Offline | Ended::NoServer));
                    let hopeless = !seen && (away >= TRIES || matches!(ended, Ended::Refused(_)));
                    if !again || hopeless {
                        return Err(trouble.unwrap_or(Sentence::Protocol));
                    }
                }
                None => return Err(trouble.unwrap_or(Sentence::Protocol)),
            },
            _ = tick.tick() => {
                if !seen && meter.frames() > 0 {
                    seen = true;
                    deadline = tokio::time::Instant::now() + headless.watch_for;
                    say(&Sentence::Live { age_ms: meter.age().unwrap_or_default().as_millis() as u64 });
                }
                ticks = ticks.wrapping_add(1);
                if seen && ticks.is_multiple_of(20) {
                    last = client.requests().stats().await.or(last);
                }
            }
            () = tokio::time::sleep_until(deadline) => {
                if seen {
                    return Ok(last);
                }
                return Err(trouble.unwrap_or(Sentence::NoPicture { seconds: FIRST_PICTURE.as_secs() }));
            }
        }
    }
}

/// Makes sure that the camera that was asked for is the one in the slot, and says what is wrong with it.
async fn pick(
    client: &Client,
    headless: &Headless,
    cameras: &[Camera],
    asked: &mut Option<CameraId>,
) -> Result<Option<Sentence>, Sentence> {
    let camera = find_camera(headless, cameras)?;
    if headless.camera.is_some() && asked.as_ref() != Some(&camera.id) {
        *asked = Some(camera.id.clone());
        // Refused: the list that follows says why.
        let _ = client.requests().watch(0, camera.id.clone(), Layer::Full).await;
    }
    Ok(camera_sentence(camera))
}

/// The camera that was asked for.
fn find_camera<'a>(headless: &Headless, cameras: &'a [Camera]) -> Result<&'a Camera, Sentence> {
    let Some(name) = &headless.camera else { return cameras.first().ok_or(Sentence::NoCamera) };
    let by_id = cameras.iter().find(|c| c.id.as_str() == name);
    let found = by_id.or_else(|| cameras.iter().find(|c| c.name.to_lowercase() == name.to_lowercase()));
    found.ok_or_else(|| {
        let known = cameras.iter().map(|c| printable(&c.name)).collect::<Vec<_>>().join(", ");
        if cameras.is_empty() { Sentence::NoCamera } else { Sentence::CameraUnknown { camera: printable(name), known } }
    })
}

fn camera_sentence(camera: &Camera) -> Option<Sentence> {
    let name = printable(&camera.name);
    match (camera.state, camera.reason) {
        (CameraState::Live | CameraState::Starting, _) => None,
        (_, Some(CameraReason::Auth)) => Some(Sentence::CameraAuth { camera: name }),
        (_, Some(CameraReason::Gone)) => Some(Sentence::CameraGone { camera: name }),
        (CameraState::Backoff | CameraState::Stopped, _) => {
            Some(Sentence::CameraRetry { camera: name, retry_s: camera.retry_s.unwrap_or(0) })
        }
    }
}

fn report(meter: &Meter, stats: &PeerStats, recorded: bool) -> Report {
    let figures = meter.figures();
    let (freezes, frozen) = figures.freezes.freezes();
    let watched = match (figures.first_at, figures.last_at) {
        (Some(first), Some(last)) => last.saturating_duration_since(first).as_secs_f64(),
        _ => 0.0,
    };
    let ms = |d: Duration| (d.as_secs_f64() * 1e6).round() / 1e3;
    Report {
        frames_decoded: figures.frames,
        audio_frames: figures.sounds,
        first_frame_ms: figures.first_frame.map(ms),
        latency_ms: figures.latency_ms().map(|(p50, p95, max)| Latency { p50, p95, max }),
        freezes,
        freeze_ms: ms(frozen),
        bytes: stats.bytes_received,
        lost_packets: stats.packets_lost,
        codec: "h264",
        width: figures.width,
        height: figures.height,
        path: stats.path.as_ref().map(|(local, remote)| path_kind(local, remote).to_owned()),
        bitrate_bps: if watched > 0.0 { (stats.bytes_received as f64 * 8.0 / watched) as u64 } else { 0 },
        audio_tone_hz: tone::strongest_hz(&figures.last_second, RATE),
        audio_level_dbfs: tone::level_dbfs(&figures.last_second),
        av_offset_ms: figures.av_offset_ms(),
        recording: recorded.then_some("mp4"),
    }
}

/// One word for both ends' candidates. A peer-reflexive one is a host's whose check was quicker than its announcement,
/// unless the other end is behind a translator, which then shows as server-reflexive there.
pub fn path_kind(local: &str, remote: &str) -> &'static str {
    let either = |kind| local == kind || remote == kind;
    if either("relay") {
        "relay"
    } else if either("srflx") {
        "srflx"
    } else {
        "host"
    }
}
