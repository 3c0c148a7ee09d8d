//! One session after another with one streamer: connects, watches, says what happens, and comes back by itself.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use athome_shared::id::{CameraId, Layer};
use athome_shared::pair::b64;
use athome_shared::pair::keys::{self, StaticKeypair};
use athome_shared::pair::link::Link;
use athome_shared::peer::{PeerSettings, PeerStats};
use athome_shared::protocol::VERSION;
use athome_shared::protocol::control::RefusedWhy;
use athome_shared::protocol::past::Past;
use athome_shared::protocol::wire::{Join, WatchWish};
use athome_shared::signal::ViewerLink;
use athome_shared::time::WallTime;
use ring::rand::SystemRandom;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::MediaSink;
use super::bulk::{Bulk, BulkError};
use super::ended::Ended;
use super::machine::{Event, Stage};
use super::past::{Ask, Film};
use super::reconnect::{Next, Reconnect};
use super::task::{self, PairError, Reply, Request, Run};
use crate::desktop::keystore::System;
use crate::play::clock::SharedOffset;
use crate::store::{Place, Store};
use crate::words::Sentence;

/// Requests on their way to a session; when full, the asker waits, and requests for key frames are dropped (they are
/// repeated).
const REQUESTS: usize = 64;
/// Events that the consumer has not read; when full, the session waits for it.
const EVENTS: usize = 256;
/// A goodbye may take this long.
const GOODBYE: Duration = Duration::from_secs(2);
/// Shortest wait before another try, even if the server says that the streamer is there.
const LEAST_WAIT: Duration = Duration::from_millis(100);

/// A code may be read before the streamer has told the server of it, so that nobody there is believed only after this.
const NEW_CODE: [Duration; 3] = [Duration::from_millis(200), Duration::from_millis(400), Duration::from_millis(800)];

/// The pairings, shared by the clients of one program.
pub type SharedStore = Arc<Mutex<Store>>;

/// How to watch.
#[derive(Clone, Debug)]
pub struct Options {
    /// Places on the screen, 1 to 16.
    pub slots: u8,
    /// What to show in them from the start.
    pub watch: Vec<WatchWish>,
    /// The sound of the first camera from the start.
    pub audio: bool,
    pub peer: PeerSettings,
    /// Whether to come back by itself.
    pub reconnect: bool,
}

/// What a client tells.
#[derive(Clone, Debug)]
pub enum ClientEvent {
    /// Something to show to a person.
    Say(Sentence),
    /// From the session that runs now.
    Session(Event),
    /// A session ended; `again` if another try follows.
    Ended { ended: Ended, again: bool },
}

/// A place that is being watched. Dropping it ends the session without a goodbye; [`Client::close`] says one.
#[derive(Debug)]
pub struct Client {
    requests: Requests,
    events: mpsc::Receiver<ClientEvent>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Asks a client for something. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Requests {
    queue: mpsc::Sender<Request>,
    offset: SharedOffset,
}

/// Pairs with the camera of a link, and keeps the pairing in the store.
pub async fn pair(store: &SharedStore, link: &Link, device: &str, platform: &str) -> Result<Place, PairError> {
    let server = ViewerLink::connect(&link.signal_url()).await.map_err(|_| PairError::Ended(Ended::NoServer))?;
    let key = key_of(store);
    let mut keep = |place: &Place| store.lock().unwrap_or_else(PoisonError::into_inner).add(place.clone());
    let mut waits = NEW_CODE.iter();
    loop {
        match task::pair(&server, link, &key, device, platform, &mut keep).await {
            Err(PairError::Ended(Ended::Offline)) => match waits.next() {
                Some(wait) => tokio::time::sleep(*wait).await,
                None => return Err(PairError::Ended(Ended::Offline)),
            },
            result => return result,
        }
    }
}

fn key_of(store: &SharedStore) -> StaticKeypair {
    StaticKeypair::from_secret(store.lock().unwrap_or_else(PoisonError::into_inner).key().clone())
}

impl Client {
    /// Starts watching a place. `media` makes the consumer of its frames, which may keep the [`Requests`].
    pub fn start(
        store: SharedStore,
        place: Place,
        options: Options,
        media: impl FnOnce(Requests) -> Box<dyn MediaSink>,
    ) -> Self {
        let (queue, inbox) = mpsc::channel(REQUESTS);
        let (out, events) = mpsc::channel(EVENTS);
        let offset = SharedOffset::default();
        let requests = Requests { queue, offset: offset.clone() };
        let media = media(requests.clone());
        let stop = CancellationToken::new();
        let runner =
            Runner { key: key_of(&store), store, place, options, inbox, out, media, offset, stop: stop.clone() };
        let task = tokio::spawn(runner.run());
        Self { requests, events, stop, task }
    }

    /// The next event; `None` once it has stopped for good.
    pub async fn event(&mut self) -> Option<ClientEvent> {
        self.events.recv().await
    }

    /// For requests.
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Says goodbye and ends.
    pub async fn close(mut self) {
        self.stop.cancel();
        let _ = tokio::time::timeout(GOODBYE, async {
            while self.events.recv().await.is_some() {}
            let _ = (&mut self.task).await;
        })
        .await;
    }
}

impl Requests {
    /// Shows a camera in a slot.
    pub async fn watch(&self, slot: u8, camera: CameraId, layer: Layer) -> Reply {
        self.ask(|reply| Request::Watch { slot, camera, layer, reply }).await
    }

    /// Empties a slot.
    pub async fn unwatch(&self, slot: u8) -> Reply {
        self.ask(|reply| Request::Unwatch { slot, reply }).await
    }

    /// Plays a camera's sound in a sound slot, or silence.
    pub async fn listen(&self, slot: u8, camera: Option<CameraId>) -> Reply {
        self.ask(|reply| Request::Listen { slot, camera, reply }).await
    }

    /// Gives this device another name at that place.
    pub async fn rename(&self, name: String) -> Reply {
        self.ask(|reply| Request::Rename { name, reply }).await
    }

    /// A JPEG of a camera's newest picture. Dropping the future cancels the transfer.
    pub async fn snapshot(&self, camera: CameraId) -> Result<Bulk, BulkError> {
        self.fetch(Ask::Snapshot { camera }).await
    }

    /// What was recorded between two times.
    pub async fn past(&self, camera: CameraId, from: WallTime, to: WallTime) -> Result<Past, BulkError> {
        let bulk = self.fetch(Ask::List { camera, from, to }).await?;
        serde_json::from_slice(&bulk.data).map_err(|_| BulkError::Broken)
    }

    /// A picture of the past as JPEG; `Bulk::at` says when it was captured. Of several that wait only the newest is made,
    /// the others are refused as busy.
    pub async fn picture(&self, camera: CameraId, at: WallTime, width: u32) -> Result<Bulk, BulkError> {
        self.fetch(Ask::Picture { camera, at, width }).await
    }

    /// A recording's thumbnail as JPEG.
    pub async fn thumb(&self, id: i64) -> Result<Bulk, BulkError> {
        self.fetch(Ask::Thumb { id }).await
    }

    /// A film ([`Ask::Play`] or [`Ask::Export`]). Dropping the future, or the film, gives it up.
    pub async fn film(&self, ask: Ask) -> Result<Film, BulkError> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Film { ask, queue: self.queue.clone(), reply };
        self.queue.send(request).await.map_err(|_| BulkError::Ended)?;
        answer.await.unwrap_or(Err(BulkError::Ended))
    }

    /// Keeps, deletes, records or stops recording.
    pub async fn change(&self, ask: Ask) -> Reply {
        self.ask(|reply| Request::Do { ask, reply }).await
    }

    async fn fetch(&self, ask: Ask) -> Result<Bulk, BulkError> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Request::Fetch { ask, reply }).await.map_err(|_| BulkError::Ended)?;
        answer.await.unwrap_or(Err(BulkError::Ended))
    }

    /// Asks for a key frame; never waits.
    pub fn key_frame(&self, slot: u8) {
        // When the queue is full the request is repeated by whoever needs it.
        let _ = self.queue.try_send(Request::Key { slot });
    }

    /// Figures of the present peer connection; `None` while there is none.
    pub async fn stats(&self) -> Option<PeerStats> {
        let (reply, answer) = oneshot::channel();
        self.queue.send(Request::Stats { reply }).await.ok()?;
        answer.await.ok()
    }

    /// The streamer's clock.
    pub fn offset(&self) -> &SharedOffset {
        &self.offset
    }

    async fn ask(&self, request: impl FnOnce(oneshot::Sender<Reply>) -> Request) -> Reply {
        let (reply, answer) = oneshot::channel();
        self.queue.send(request(reply)).await.map_err(|_| RefusedWhy::Unavailable)?;
        answer.await.unwrap_or(Err(RefusedWhy::Unavailable))
    }
}

struct Runner {
    key: StaticKeypair,
    store: SharedStore,
    place: Place,
    options: Options,
    inbox: mpsc::Receiver<Request>,
    out: mpsc::Sender<ClientEvent>,
    media: Box<dyn MediaSink>,
    offset: SharedOffset,
    stop: CancellationToken,
}

impl Runner {
    async fn run(mut self) {
        let mut reconnect = Reconnect::default();
        loop {
            let (ended, link) = self.attempt(&mut reconnect).await;
            let random = keys::random::<4>(&SystemRandom::new()).map_or(0, u32::from_be_bytes);
            let next = match reconnect.handle_ended(&ended, random) {
                Next::Wait { .. } if !self.options.reconnect || self.stop.is_cancelled() => Next::Stop,
                next => next,
            };
            let again = next != Next::Stop;
            let absent = matches!(ended, Ended::Offline | Ended::NoServer);
            let said = match &next {
                Next::Stop => ended.sentence(&self.place.name, 0),
                Next::Wait { wait, attempt } => match &ended {
                    Ended::Lost | Ended::Silent => Sentence::Lost { attempt: *attempt },
                    other => other.sentence(&self.place.name, wait.as_secs().max(1) as u32),
                },
            };
            if ended != Ended::Left {
                forward(&self.out, &self.stop, ClientEvent::Say(said)).await;
            }
            forward(&self.out, &self.stop, ClientEvent::Ended { ended, again }).await;
            match next {
                Next::Stop => return,
                Next::Wait { wait, .. } => self.wait(wait, link, absent).await,
            }
            if self.stop.is_cancelled() {
                return;
            }
        }
    }

    /// One try, over the place's servers in their order until one lets us talk to the streamer.
    async fn attempt(&mut self, reconnect: &mut Reconnect) -> (Ended, Option<ViewerLink>) {
        let mut result = (Ended::NoServer, None);
        say(&self.out, &self.stop, Sentence::Finding).await;
        for server in self.place.servers.clone() {
            let (stop, join) = (self.stop.clone(), self.join());
            let connected = tokio::select! {
                connected = async { tokio::join!(ViewerLink::connect(&server), join) } => connected,
                () = stop.cancelled() => return (Ended::Left, None),
            };
            let (link, join) = match connected {
                (Ok(link), Some(join)) => (link, join),
                (Ok(_), None) => return (Ended::Protocol("the pairing can't be written"), None),
                (Err(_), _) => continue,
            };
            let ended = self.session(&link, join, reconnect).await;
            let elsewhere = matches!(ended, Ended::Offline | Ended::NoServer);
            result = (ended, Some(link));
            if !elsewhere {
                break;
            }
        }
        result
    }

    async fn session(&mut self, link: &ViewerLink, join: Join, reconnect: &mut Reconnect) -> Ended {
        let watch = &mut self.options.watch;
        let audio = &mut self.options.audio;
        let mut remember = |request: &Request| match request {
            Request::Watch { slot, camera, layer, .. } => {
                watch.retain(|w| w.slot != *slot);
                watch.push(WatchWish { slot: *slot, camera: Some(camera.clone()), layer: *layer });
            }
            Request::Unwatch { slot, .. } => watch.retain(|w| w.slot != *slot),
            Request::Listen { camera, .. } => *audio = camera.is_some(),
            _ => {}
        };
        // What stages are said is decided here, on the way to the consumer.
        let (tap, mut tapped) = mpsc::channel(EVENTS);
        let run = task::run(Run {
            link,
            place: &self.place,
            key: &self.key,
            join,
            settings: &self.options.peer,
            requests: &mut self.inbox,
            events: &tap,
            media: self.media.as_mut(),
            offset: &self.offset,
            stop: &self.stop,
            remember: &mut remember,
        });
        tokio::pin!(run);
        let ended = loop {
            tokio::select! {
                ended = &mut run => break ended,
                Some(event) = tapped.recv() => {
                    if let ClientEvent::Session(Event::Stage(stage)) = &event {
                        match stage {
                            Stage::Proving => say(&self.out, &self.stop, Sentence::Proving).await,
                            Stage::Connecting => say(&self.out, &self.stop, Sentence::Path).await,
                            Stage::Live => reconnect.handle_connected(),
                            Stage::Closing => {}
                        }
                    }
                    forward(&self.out, &self.stop, event).await;
                }
            }
        };
        while let Ok(event) = tapped.try_recv() {
            forward(&self.out, &self.stop, event).await;
        }
        ended
    }

    /// A join with the next counter, which is on disk before it is used.
    fn join(&self) -> impl Future<Output = Option<Join>> + use<> {
        let store = Arc::clone(&self.store);
        let streamer = self.place.streamer;
        let mut join = Join {
            v: VERSION,
            sid: String::new(),
            ctr: 0,
            slots: self.options.slots,
            watch: self.options.watch.clone(),
            audio: self.options.audio,
        };
        async move {
            let counted = tokio::task::spawn_blocking(move || {
                store.lock().unwrap_or_else(PoisonError::into_inner).next_counter(&streamer, WallTime::now())
            });
            join.ctr = counted.await.ok()?.ok()?;
            join.sid = b64::encode(&keys::random::<16>(&SystemRandom::new()).ok()?);
            Some(join)
        }
    }

    /// Waits before the next try; less long if the server says that the streamer is back.
    /// Only a streamer that was away and came back is news: one that is there refused us for another reason.
    fn wait(&self, wait: Duration, link: Option<ViewerLink>, mut absent: bool) -> impl Future<Output = ()> + use<> {
        let stop = self.stop.clone();
        let (mailbox, cap) = (self.place.mailbox, self.place.cap.clone());
        let presence = async move {
            tokio::time::sleep(LEAST_WAIT).await;
            let Some(link) = link else { return std::future::pending().await };
            let Ok(mut watch) = link.watch(mailbox, &cap).await else {
                return std::future::pending().await;
            };
            loop {
                match watch.changed().await {
                    Some(true) if absent => return,
                    Some(online) => absent = !online,
                    None => return std::future::pending().await,
                }
            }
        };
        async move {
            tokio::select! {
                () = tokio::time::sleep(wait.max(LEAST_WAIT)) => {}
                () = presence => {}
                () = stop.cancelled() => {}
            }
        }
    }
}

async fn say(out: &mpsc::Sender<ClientEvent>, stop: &CancellationToken, sentence: Sentence) {
    forward(out, stop, ClientEvent::Say(sentence)).await;
}

/// To the consumer; after a stop only as far as it still fits.
async fn forward(out: &mpsc::Sender<ClientEvent>, stop: &CancellationToken, event: ClientEvent) {
    match out.try_send(event) {
        Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
        Err(mpsc::error::TrySendError::Full(event)) => tokio::select! {
            _ = out.send(event) => {}
            () = stop.cancelled() => {}
        },
    }
}

/// The data folder's store, ready to be shared. The system's keystore is asked only if the file is sealed with its key.
pub fn open_store(dir: &Path) -> Result<SharedStore, crate::store::StoreError> {
    Ok(Arc::new(Mutex::new(Store::open_with(dir, Arc::new(System::default()))?)))
}
