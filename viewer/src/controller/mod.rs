//! The window's controller: owns the clients of all places, decides nothing itself. [`state`] decides; here requests,
//! events and times are carried to it, and its effects carried out.

mod looking;
pub mod model;
pub mod moving;
pub mod past;
pub mod plan;
pub mod request;
pub mod state;
pub mod stats;
mod tasks;
pub mod watchdog;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use athome_shared::id::CameraId;
use athome_shared::peer::PeerStats;
use athome_shared::protocol::control::RefusedWhy;
use athome_shared::protocol::house::HouseMode;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::warn;

use crate::play::film::{Film, Start, Tell};
use crate::play::times::Figures;
use crate::session::MediaSink;
use crate::session::client::{Client, ClientEvent, Options, Requests, SharedStore};
use crate::settings::{CameraKey, Settings};
use crate::store::{self, PlaceId};
use crate::words::Sentence;
use model::{Model, Notice};
use plan::Content;
use request::Request;
use state::{Effect, State};

/// Wishes that were not carried out yet; when full, the window's newest is dropped: a person repeats it.
const REQUESTS: usize = 256;
/// Events of all clients and tasks; when full, they wait.
const HAPPENINGS: usize = 512;
/// All goodbyes together may take this long.
const GOODBYE: Duration = Duration::from_secs(2);

/// Where pictures and sound go, and what can be done with them. Called from the controller's task: must not wait.
pub trait Media: Send + Sync {
    /// The consumer of a place's frames.
    fn sink(&self, place: PlaceId, requests: Requests) -> Box<dyn MediaSink>;
    /// Which camera the loudspeaker plays, and how loud (0 to 1).
    fn hear(&self, camera: Option<(CameraKey, f32)>);
    /// Starts writing a camera's frames as they come into a new MP4 file.
    fn record(&self, camera: &CameraKey, file: &Path) -> io::Result<()>;
    /// Ends a recording. Waits until the file is complete, so it is called on a thread that may wait.
    fn stop_recording(&self, camera: &CameraKey) -> io::Result<()>;
    /// Of the pictures last shown.
    fn figures(&self, camera: &CameraKey) -> Option<Figures>;
    /// Begins a film of a camera's past.
    fn film(&self, camera: &CameraKey, start: Start, tell: Tell) -> io::Result<Film>;
    /// The place is gone for good.
    fn forget(&self, place: PlaceId);
}

/// Tells the desktop something.
pub trait Desktop: Send + Sync {
    /// Shows a notification; a click on it sends a request to enlarge that camera.
    fn notify(&self, camera: CameraKey, title: &str, sentence: &str, requests: Handle);
}

/// What the controller is made of.
pub struct Setup {
    pub store: SharedStore,
    /// The data folder, for the settings.
    pub data: PathBuf,
    pub settings: Settings,
    /// Something to say at the start.
    pub notice: Option<Sentence>,
    /// What this device calls itself when it pairs.
    pub device: String,
    pub media: Arc<dyn Media>,
    pub desktop: Arc<dyn Desktop>,
    /// Called after each change of the model.
    pub wake: Arc<dyn Fn() + Send + Sync>,
}

/// The window's end: sends requests and reads the newest model. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    requests: mpsc::Sender<Request>,
    model: Arc<ArcSwap<Model>>,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Handle {
    /// Asks for something; never waits.
    pub fn send(&self, request: Request) {
        if let Err(error) = self.requests.try_send(request) {
            warn!(%error, "a wish of the window's was dropped");
        }
    }

    /// What to draw.
    pub fn model(&self) -> Arc<Model> {
        self.model.load_full()
    }
}

/// What can happen to the controller, in one list.
enum Happening {
    Request(Request),
    Client(PlaceId, ClientEvent),
    Paired(Result<store::Place, Sentence>),
    Reply { place: PlaceId, slot: u8, content: Content, refused: Option<RefusedWhy> },
    Snapshot(Result<PathBuf, Sentence>),
    Recorded(CameraKey, Option<Sentence>),
    Stats(CameraKey, Option<PeerStats>),
    Found(CameraKey, looking::Found),
}

/// Owns everything; [`Controller::run`] ends after [`Request::Quit`].
pub struct Controller {
    setup: Setup,
    state: State,
    model: Arc<ArcSwap<Model>>,
    handle: Handle,
    inbox: mpsc::Receiver<Request>,
    happenings: mpsc::Receiver<Happening>,
    out: mpsc::Sender<Happening>,
    clients: BTreeMap<PlaceId, Running>,
    pairing: JoinSet<()>,
    tasks: JoinSet<()>,
    samples: BTreeMap<CameraKey, stats::Sample>,
    /// The film of the past that there is.
    showing: Option<looking::Showing>,
}

struct Running {
    requests: Requests,
    /// Carries the client's events here; ending it ends the client.
    task: tokio::task::JoinHandle<()>,
    stop: tokio_util::sync::CancellationToken,
}

impl Controller {
    /// Nothing runs before [`Controller::run`].
    pub fn new(setup: Setup) -> Self {
        let (requests, inbox) = mpsc::channel(REQUESTS);
        let (out, happenings) = mpsc::channel(HAPPENINGS);
        let (places, keystore) = {
            let store = setup.store.lock().unwrap_or_else(PoisonError::into_inner);
            (store.places().to_vec(), store.keystore())
        };
        let notice = setup.notice.clone();
        let notice = notice.map(|sentence| Notice { sentence, until: Instant::now() + Duration::from_secs(20) });
        let state = State::new(&places, setup.settings.clone(), keystore, notice);
        let model = Arc::new(ArcSwap::from_pointee(state.model().clone()));
        let handle = Handle { requests, model: Arc::clone(&model) };
        Self {
            setup,
            state,
            model,
            handle,
            inbox,
            happenings,
            out,
            clients: BTreeMap::new(),
            pairing: JoinSet::new(),
            tasks: JoinSet::new(),
            samples: BTreeMap::new(),
            showing: None,
        }
    }

    /// For the window.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Carries everything until the window is closed, then says goodbye.
    pub async fn run(mut self) {
        while self.carry_out() {
            let wake = self.state.poll_timeout();
            let happening = tokio::select! {
                Some(request) = self.inbox.recv() => Happening::Request(request),
                Some(happening) = self.happenings.recv() => happening,
                () = sleep_until(wake) => {
                    self.tell_clocks(Instant::now());
                    self.state.handle_timeout(Instant::now());
                    continue;
                }
            };
            self.handle_happening(Instant::now(), happening);
            while self.tasks.try_join_next().is_some() || self.pairing.try_join_next().is_some() {}
        }
        self.close().await;
    }

    fn handle_happening(&mut self, now: Instant, happening: Happening) {
        self.tell_clocks(now);
        match happening {
            Happening::Request(request) => self.state.handle_request(now, request),
            Happening::Client(place, event) => self.state.handle_client(now, place, event),
            Happening::Paired(result) => {
                self.state.handle_paired(now, result.as_ref().map_err(Clone::clone));
            }
            Happening::Reply { place, slot, content, refused } => {
                self.state.handle_reply(place, slot, content, refused);
            }
            Happening::Snapshot(result) => self.state.handle_snapshot(now, result),
            Happening::Recorded(camera, trouble) => self.state.handle_recorded(now, &camera, trouble),
            Happening::Stats(camera, peer) => self.measured(now, camera, peer),
            Happening::Found(camera, found) => self.found(now, &camera, found),
        }
    }

    /// Carries out what is to be done; false once the window wants to close.
    fn carry_out(&mut self) -> bool {
        while let Some(effect) = self.state.poll_effect() {
            match effect {
                Effect::Redraw => {
                    self.model.store(Arc::new(self.state.model().clone()));
                    (self.setup.wake)();
                }
                Effect::Quit => return false,
                Effect::Hear(camera) => self.setup.media.hear(camera),
                Effect::Connect { place, watch, listen } => self.connect(place, watch, listen.is_some()),
                Effect::Watch { place, slot, content } => self.watch(place, slot, content),
                Effect::Unwatch { place, slot } => self.ask(place, move |r| async move { r.unwatch(slot).await.ok() }),
                Effect::Listen { place, slot, camera } => {
                    self.ask(place, move |r| async move { r.listen(slot, camera).await.ok() });
                }
                Effect::Rename { place, name } => self.ask(place, move |r| async move { r.rename(name).await.ok() }),
                Effect::SetMode { place, mode } => self.set_mode(place, mode),
                Effect::Pair(link) => self.pair(link),
                Effect::CancelPairing => self.pairing.abort_all(),
                Effect::Forget(place) => self.forget(place),
                Effect::Keep { place, name, device } => self.keep(place, name, device),
                Effect::Snapshot(camera) => self.snapshot(camera),
                Effect::Record(camera) => self.record(camera),
                Effect::StopRecording(camera) => self.stop_recording(camera),
                Effect::Save(settings) => self.save(*settings),
                Effect::Notify { camera, sentence } => self.notify(camera, &sentence),
                Effect::Measure(camera) => self.measure(camera),
                Effect::Past { camera, act } => self.look_back(camera, act),
            }
        }
        true
    }

    fn connect(&mut self, id: PlaceId, watch: Vec<athome_shared::protocol::wire::WatchWish>, audio: bool) {
        let store = self.setup.store.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = store.places().iter().find(|place| place.id() == id).cloned() else { return };
        drop(store);
        let options =
            Options { slots: plan::SLOTS, watch, audio, peer: crate::headless::peer_settings(), reconnect: true };
        let media = Arc::clone(&self.setup.media);
        let old = self.clients.remove(&id);
        let shared = Arc::clone(&self.setup.store);
        let stop = tokio_util::sync::CancellationToken::new();
        let client = Client::start(shared, place, options, |requests| media.sink(id, requests));
        let requests = client.requests().clone();
        let task = tokio::spawn(tasks::follow(id, client, self.out.clone(), stop.clone()));
        self.clients.insert(id, Running { requests, task, stop });
        if let Some(old) = old {
            old.stop.cancel();
            self.tasks.spawn(async move {
                let _ = tokio::time::timeout(GOODBYE, old.task).await;
            });
        }
    }

    fn requests(&self, place: PlaceId) -> Option<Requests> {
        self.clients.get(&place).map(|running| running.requests.clone())
    }

    /// Asks a place's client for something whose answer nobody waits for.
    fn ask<F: Future<Output = Option<()>> + Send + 'static>(
        &mut self,
        place: PlaceId,
        ask: impl FnOnce(Requests) -> F + Send + 'static,
    ) {
        if let Some(requests) = self.requests(place) {
            self.tasks.spawn(async move {
                let _ = ask(requests).await;
            });
        }
    }

    fn watch(&mut self, place: PlaceId, slot: u8, content: Content) {
        let (Some(requests), out) = (self.requests(place), self.out.clone()) else { return };
        self.tasks.spawn(async move {
            let refused = requests.watch(slot, content.camera.clone(), content.layer).await.err();
            let _ = out.send(Happening::Reply { place, slot, content, refused }).await;
        });
    }

    fn set_mode(&mut self, place: PlaceId, mode: HouseMode) {
        let (Some(requests), out) = (self.requests(place), self.out.clone()) else { return };
        self.tasks.spawn(async move {
            // Done is told by the mode itself.
            if requests.set_mode(mode).await.is_err() {
                let _ = out.send(Happening::Request(Request::Say(Sentence::ModeRefused))).await;
            }
        });
    }

    async fn close(mut self) {
        self.showing = None;
        self.pairing.abort_all();
        for running in self.clients.values() {
            running.stop.cancel();
        }
        let clients = std::mem::take(&mut self.clients);
        let recordings: Vec<CameraKey> = self.state.model().recordings.keys().cloned().collect();
        let media = Arc::clone(&self.setup.media);
        let files = tokio::task::spawn_blocking(move || {
            for camera in recordings {
                if let Err(error) = media.stop_recording(&camera) {
                    warn!(%error, "the end of a recording is missing");
                }
            }
        });
        let _ = tokio::time::timeout(GOODBYE, async {
            for (_, running) in clients {
                // What is still said is not read any more, but must not hold the goodbye.
                while !running.task.is_finished() {
                    tokio::select! {
                        _ = self.happenings.recv() => {}
                        () = tokio::time::sleep(Duration::from_millis(5)) => {}
                    }
                }
            }
            let _ = files.await;
        })
        .await;
        self.tasks.shutdown().await;
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// A file's name from a camera's name and a time: nothing in it that a file system or a person trips over.
fn file_name(camera: &str, at: &jiff::Zoned, ending: &str) -> String {
    let name: String = camera
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, ' ' | '-' | '_') { c } else { '_' })
        .take(60)
        .collect();
    let name = name.trim();
    let name = if name.is_empty() { CameraId::slug(camera).to_string() } else { name.to_owned() };
    format!("{name} {}.{ending}", at.strftime("%Y-%m-%d %H.%M.%S"))
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn file_names_hold_no_surprises() {
        let at: jiff::Zoned = "2026-11-25T14:03:09+01:00[Europe/Paris]".parse().unwrap();
        assert_eq!(file_name("Front door", &at, "jpg"), "Front door 2026-11-25 14.03.09.jpg");
        assert_eq!(file_name("../../etc/passwd", &at, "mp4"), "______etc_passwd 2026-11-25 14.03.09.mp4");
        assert_eq!(file_name("\u{202e}\n", &at, "jpg"), "__ 2026-11-25 14.03.09.jpg");
        assert_eq!(file_name("", &at, "jpg"), "camera 2026-11-25 14.03.09.jpg");
    }
}
