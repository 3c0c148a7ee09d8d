//! Recording: what comes out of the hub, as it came, into files that any player opens. A recorder for each camera follows its
//! trigger; the store keeps files and index in step. Files are the truth, and what can't be read from them stands beside them.
//!
//! What does *not* belong here: pictures' meaning (motion tells by events), playing back, SQL.

pub mod check;
pub mod disk;
pub mod export;
pub mod layout;
mod recorder;
mod recover;
pub mod retain;
pub mod schedule;
mod segment;
mod still;
pub mod store;
#[cfg(test)]
mod tests;
pub mod trigger;

use std::collections::BTreeMap;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use athome_shared::id::CameraId;
use athome_shared::time::MediaClock;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::events::{Cause, Event, Events, Heard, Kind};
use crate::hub::Hub;
pub use recorder::{Goes, Status};
use recorder::{Order, Parts, Recorder};
use schedule::Hours;
use store::Store;
use trigger::{Rules, Trigger};

/// Orders that wait for a recorder that waits for the disk. More are refused; the end of a motion that gets lost so is made up
/// for by [`trigger::LONGEST_MOTION`].
const ORDERS: usize = 64;
/// Between two looks at what has to go.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// Longest wait for the recorders to complete their files; a disk that hangs is left behind.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

/// How one camera is recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub camera: CameraId,
    pub rules: Rules,
    pub schedule: Vec<Hours>,
    pub longest: Duration,
}

/// What recording works with.
pub struct Setup {
    pub hub: Hub,
    pub events: Events,
    pub clock: MediaClock,
    pub plans: Vec<Plan>,
    /// Whether a camera has sound now.
    pub has_sound: Arc<dyn Fn(&CameraId) -> bool + Send + Sync>,
    pub tell: Tell,
}

/// Is told why a camera is recorded, or that it is not, with each change.
pub type Tell = Arc<dyn Fn(&CameraId, Option<Cause>) + Send + Sync>;

/// Why a camera is not recorded on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("no camera of this name is recorded")]
    UnknownCamera,
    #[error("the recorder is waiting for the disk")]
    Busy,
    #[error("it is recorded always, or in these hours; change that in the configuration")]
    Goes,
}

/// All recorders. Dropping it lets them complete their files without waiting for them.
pub struct Recording {
    store: Arc<Store>,
    recorders: Arc<BTreeMap<CameraId, Handle>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

struct Handle {
    orders: Mutex<Option<SyncSender<Order>>>,
    status: Arc<Mutex<Status>>,
}

/// Gives orders and answers questions. Cloning shares it.
#[derive(Clone)]
pub struct Control {
    store: Arc<Store>,
    recorders: Arc<BTreeMap<CameraId, Handle>>,
}

impl Recording {
    /// Starts a recorder for each plan. On the runtime that is to look after what is told to them.
    pub fn start(setup: Setup, store: Store) -> std::io::Result<Self> {
        let Setup { hub, events, clock, plans, has_sound, tell } = setup;
        let store = Arc::new(store);
        let (mut recorders, mut threads) = (BTreeMap::new(), Vec::new());
        for plan in plans {
            let (orders, inbox) = sync_channel(ORDERS);
            let status = Arc::<Mutex<Status>>::default();
            let (has_sound, tell) = (has_sound.clone(), tell.clone());
            let recorder = Recorder::new(Parts {
                camera: plan.camera.clone(),
                hub: hub.clone(),
                store: store.clone(),
                events: events.clone(),
                trigger: Trigger::new(Instant::now(), plan.rules),
                schedule: plan.schedule,
                longest: plan.longest,
                has_sound: Box::new(move |camera| has_sound(camera)),
                status: status.clone(),
                tell,
            });
            let name: String = format!("rec {}", plan.camera).chars().take(15).collect();
            threads.push(std::thread::Builder::new().name(name).spawn(move || recorder.run(&inbox))?);
            recorders.insert(plan.camera, Handle { orders: Mutex::new(Some(orders)), status });
        }
        let (recorders, stop, mut tasks) = (Arc::new(recorders), CancellationToken::new(), JoinSet::new());
        tasks.spawn(listen(events.subscribe(), clock, store.clone(), recorders.clone(), stop.clone()));
        tasks.spawn(tidy(store.clone(), stop.clone()));
        Ok(Self { store, recorders, threads: Mutex::new(threads), tasks, stop })
    }

    /// Orders and questions.
    pub fn control(&self) -> Control {
        Control { store: self.store.clone(), recorders: self.recorders.clone() }
    }

    /// Completes every file and waits for it, at most [`SHUTDOWN_LIMIT`].
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        for handle in self.recorders.values() {
            handle.orders.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = tokio::task::spawn_blocking(move || {
            let until = Instant::now() + SHUTDOWN_LIMIT;
            for thread in threads {
                while !thread.is_finished() && Instant::now() < until {
                    std::thread::sleep(Duration::from_millis(5));
                }
                if !thread.is_finished() {
                    warn!("a recorder waits for the disk and is left behind; its file is mended at the next start");
                } else if thread.join().is_err() {
                    warn!("a recorder ended badly; its file is mended at the next start");
                }
            }
        });
        if joined.await.is_err() {
            warn!("the recorders could not be waited for");
        }
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN_LIMIT, ended).await.is_err() {
            warn!("what looks through the recordings waits for the disk and is left behind");
        }
    }
}

impl Control {
    /// Records a camera, for a while or until it is stopped.
    pub async fn start(&self, camera: &CameraId, length: Option<Duration>) -> Result<Status, RecordError> {
        let (done, answer) = oneshot::channel();
        self.order(camera, Order::Start { length, done })?;
        answer.await.map_err(|_| RecordError::Busy)
    }

    /// Stops what was asked for.
    pub async fn stop(&self, camera: &CameraId) -> Result<Status, RecordError> {
        let (done, answer) = oneshot::channel();
        self.order(camera, Order::Stop { done })?;
        answer.await.map_err(|_| RecordError::Busy)?.map_err(|Goes| RecordError::Goes)
    }

    /// What a camera's recorder does.
    pub fn status(&self, camera: &CameraId) -> Result<Status, RecordError> {
        let handle = self.recorders.get(camera).ok_or(RecordError::UnknownCamera)?;
        Ok(handle.status.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// The files and their index.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    fn order(&self, camera: &CameraId, order: Order) -> Result<(), RecordError> {
        self.recorders.get(camera).ok_or(RecordError::UnknownCamera)?.order(order)
    }
}

impl Handle {
    fn order(&self, order: Order) -> Result<(), RecordError> {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.as_ref().and_then(|orders| orders.try_send(order).ok()).ok_or(RecordError::Busy)
    }
}

/// Passes motion on to the triggers, and into the index.
async fn listen(
    mut events: crate::events::Listener,
    clock: MediaClock,
    store: Arc<Store>,
    recorders: Arc<BTreeMap<CameraId, Handle>>,
    stop: CancellationToken,
) {
    loop {
        let heard = tokio::select! {
            () = stop.cancelled() => return,
            heard = events.next() => heard,
        };
        let (event, camera) = match heard {
            Some(Heard::Event(event)) => match event.camera.clone() {
                Some(camera) => (event, camera),
                None => continue,
            },
            Some(Heard::Lost(n)) => {
                warn!("{n} events were lost: what they would have recorded is not");
                continue;
            }
            None => return,
        };
        let order = match &event.kind {
            Kind::MotionBegan { began, .. } => {
                Order::MotionBegan { began: clock.instant(*began).unwrap_or(Instant::now()) }
            }
            Kind::MotionEnded { .. } => Order::MotionEnded,
            _ => continue,
        };
        if let Some(handle) = recorders.get(&camera)
            && handle.order(order).is_err()
        {
            info!(%camera, "a recorder that waits for the disk did not hear of motion");
        }
        let store = store.clone();
        let noted = tokio::task::spawn_blocking(move || note(&store, &camera, &event)).await;
        match noted {
            Ok(Err(error)) => info!(%error, "motion is not in the index"),
            Err(error) => warn!(%error, "motion is not in the index"),
            Ok(Ok(())) => {}
        }
    }
}

fn note(store: &Store, camera: &CameraId, event: &Event) -> Result<(), crate::index::IndexError> {
    match &event.kind {
        Kind::MotionBegan { began, zones } => store.index().motion_began(camera, *began, zones),
        Kind::MotionEnded { began, peak } => store.index().motion_ended(camera, *began, event.at, *peak),
        _ => Ok(()),
    }
}

/// Looks once a minute at what has to go.
async fn tidy(store: Arc<Store>, stop: CancellationToken) {
    loop {
        let store = store.clone();
        let tidied = tokio::task::spawn_blocking(move || store.tidy());
        match tidied.await {
            Ok(Err(error)) => warn!(%error, "old recordings could not be looked through"),
            Err(error) => warn!(%error, "old recordings could not be looked through"),
            Ok(Ok(())) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TIDY_EVERY) => {}
        }
    }
}
