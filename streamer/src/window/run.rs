//! The task between the streamer and its window: gathers what the window shows, and carries out what it wishes by the same
//! commands that the terminal and the local interface use. It never waits for the window, and the window never for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use athome_shared::id::{CameraId, Layer};
use athome_shared::pair::roles::{Command, Roles, Way, allowed};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::login::Autostart;
use super::model::{Model, Request, Tray as TrayState};
use super::picture::{Eyes, Glass};
use super::remembered::Remembered;
use super::state::{Action, Figures, Outcome, State};
use super::tray::{Ask, Tray, TrayModel};
use crate::app::App;
use crate::camera::Cameras;
use crate::camera::presence::{Kept, Presence};
use crate::camera::settings::{ChangeError, Settings};
use crate::events::{Heard, Kind, Listener};
use crate::hub::{Hub, StreamKey, Track};
use crate::serve::Desk;
use crate::source::list::{list_cameras, list_microphones};
use crate::terminal::run::CODE_LIFE;
use crate::words::Lang;

/// Requests that wait; a window that sends more than these without being heard loses the rest.
const REQUESTS: usize = 64;
/// How often figures are read while somebody looks at them, and while nobody does.
const LOOK: Duration = Duration::from_millis(100);
const IDLE: Duration = Duration::from_secs(1);
/// How often the devices are asked for while the window is open: when they were last seen is told by nothing else.
const DEVICES: Duration = Duration::from_secs(5);
/// Longest wait for the session bus.
const BUS: Duration = Duration::from_secs(5);

/// What wakes a window that is open.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// The window's way to the task, and what it draws. Cloning shares it.
#[derive(Clone)]
pub struct Handle {
    requests: mpsc::Sender<Request>,
    model: Arc<ArcSwap<Model>>,
    glass: Glass,
}

impl Handle {
    /// Sends a wish. Never waits.
    pub fn send(&self, request: Request) {
        if let Err(why) = self.requests.try_send(request) {
            warn!("a wish of the window's is lost: {why}");
        }
    }

    /// Tells what must not be lost, from a thread outside the runtime.
    pub(super) fn tell(&self, request: Request) {
        // A task that is gone needs to know nothing.
        let _gone = self.requests.blocking_send(request);
    }

    /// What there is to draw.
    pub fn model(&self) -> Arc<Model> {
        self.model.load_full()
    }

    /// The selected camera's newest picture.
    pub fn glass(&self) -> &Glass {
        &self.glass
    }
}

/// What the task works with.
pub struct Setup {
    pub lang: Lang,
    pub remembered: Remembered,
    pub autostart: Autostart,
    /// Wakes the window, where there is one.
    pub wake: Wake,
    /// Opens the window. Never waits.
    pub open: Box<dyn Fn(Handle) + Send + Sync>,
    /// Whether to put an icon into the tray once the window was opened.
    pub tray: WantTray,
    /// Cancelled when a person wishes the whole program to end.
    pub quit: CancellationToken,
}

/// Whether the desktop's tray is asked for an icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantTray {
    Yes,
    No,
}

/// The window's side of a streamer.
pub struct Controller {
    cameras: Cameras,
    settings: Settings,
    presence: Presence,
    hub: Hub,
    desk: Desk,
    events: Listener,
    setup: Setup,
    state: State,
    handle: Handle,
    inbox: mpsc::Receiver<Request>,
    actions: JoinSet<Done>,
    eyes: Option<Eyes>,
    tray: TraySide,
    /// It was told that there is no tray.
    no_tray: bool,
}

/// What ended.
enum Done {
    Action(Outcome),
    Tray(Option<Tray>, TrayModel),
    /// The tray shows this now.
    Shown(Tray, TrayModel),
}

/// The tray, which is worked with on threads of its own: it speaks with a bus that may hang.
enum TraySide {
    None,
    Working,
    Ready(Tray, TrayModel),
}

impl Controller {
    /// Of a streamer that runs.
    pub fn new(app: &App, setup: Setup) -> Self {
        let (requests, inbox) = mpsc::channel(REQUESTS);
        let kept = setup.remembered.read();
        let state = State::new(setup.lang, app.place().to_owned(), kept, setup.autostart.state());
        let wake = setup.wake.clone();
        let handle = Handle {
            requests,
            model: Arc::new(ArcSwap::from_pointee(state.model())),
            glass: Glass::new(move || wake()),
        };
        Self {
            cameras: app.cameras().clone(),
            settings: app.settings().clone(),
            presence: app.presence().clone(),
            hub: app.hub().clone(),
            desk: app.desk().clone(),
            events: app.later_events(),
            setup,
            state,
            handle,
            inbox,
            actions: JoinSet::new(),
            eyes: None,
            tray: TraySide::None,
            no_tray: false,
        }
    }

    /// The way to it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Works until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let (mut cameras, mut configs) = (self.cameras.changes(), self.settings.configs());
        let mut mode = self.presence.mode();
        let (mut code, mut watching) = (self.desk.code(), self.desk.watching());
        let mut look = Instant::now();
        let mut devices = look + DEVICES;
        self.state.handle_code(&code.borrow_and_update().clone());
        self.devices().await;
        loop {
            self.state.handle_mode(*mode.borrow());
            self.gather(&watching.borrow().clone());
            self.follow();
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = sleep_until(look.into()) => {
                    let now = Instant::now();
                    look = now + if self.state.open() { LOOK } else { IDLE };
                    self.figures(now);
                    self.state.handle_time(now);
                    if self.state.open() && now >= devices {
                        devices = now + DEVICES;
                        self.devices().await;
                        // At a login the desktop's tray may come later than this program.
                        self.open_tray();
                    }
                }
                Ok(()) = cameras.changed() => {}
                Ok(()) = configs.changed() => {}
                Ok(()) = mode.changed() => {}
                Ok(()) = watching.changed() => self.devices().await,
                Ok(()) = code.changed() => {
                    let code = code.borrow_and_update().clone();
                    self.state.handle_code(&code);
                    self.devices().await;
                }
                heard = self.events.next() => match heard {
                    Some(Heard::Event(event)) if matches!(event.kind, Kind::DevicePaired { .. }) => self.devices().await,
                    Some(Heard::Lost(_)) => self.devices().await,
                    Some(Heard::Event(_)) => {}
                    None => break,
                },
                Some(request) = self.inbox.recv() => {
                    // What was wished is seen at once.
                    look = Instant::now();
                    self.request(request);
                }
                Some(done) = self.actions.join_next() => self.done(done).await,
            }
        }
        self.state.handle_end();
        self.publish();
        self.eyes = None;
        // What a bus or a driver holds up is left behind.
        if timeout(BUS, self.actions.shutdown()).await.is_err() {
            warn!("something that the window asked for did not end in time");
        }
        if let TraySide::Ready(tray, _) = self.tray {
            let closed = tokio::task::spawn_blocking(move || drop(tray));
            if timeout(BUS, closed).await.is_err() {
                warn!("the tray's icon did not go in time");
            }
        }
    }

    fn gather(&mut self, watching: &[String]) {
        self.state.handle_cameras(&self.cameras.list(), &self.settings.configs().borrow());
        self.state.handle_watching(watching);
        self.state.handle_outside(self.desk.outside());
    }

    fn figures(&mut self, now: Instant) {
        let tracks = [Track::Video(Layer::Full), Track::Video(Layer::Small), Track::Audio];
        let figure = |id: &CameraId| {
            let bits = |track| self.hub.bits_per_second(&StreamKey { camera: id.clone(), track }, now);
            (tracks.into_iter().map(bits).sum(), self.cameras.released(id))
        };
        let figures = Figures {
            cameras: self.cameras.list().iter().map(|camera| figure(&camera.id)).collect(),
            level: self.state.selected().and_then(|id| self.cameras.level(id)),
        };
        self.state.handle_figures(&figures);
    }

    async fn devices(&mut self) {
        // A desk that is gone belongs to a streamer that stops.
        if let Ok(rows) = self.desk.viewers().await {
            self.state.handle_devices(&rows);
        }
    }

    fn request(&mut self, request: Request) {
        for action in self.state.handle_request(Instant::now(), request) {
            self.act(action);
        }
    }

    /// Makes model, picture and tray what the state says.
    fn follow(&mut self) {
        self.publish();
        let wanted = self.state.watched();
        if self.eyes.as_ref().map(|eyes| &eyes.camera) != wanted {
            self.eyes = None;
            self.eyes = wanted.and_then(|camera| {
                let stream = self.hub.stream(&StreamKey::video(camera, Layer::Full));
                Eyes::open(camera, stream, self.handle.glass.clone(), tokio::runtime::Handle::current())
            });
        }
        let wanted = self.state.tray();
        if matches!(&self.tray, TraySide::Ready(_, shown) if *shown != wanted)
            && let TraySide::Ready(tray, _) = std::mem::replace(&mut self.tray, TraySide::Working)
        {
            self.actions.spawn_blocking(move || {
                tray.show(&wanted);
                Done::Shown(tray, wanted)
            });
        }
    }

    fn publish(&self) {
        let model = self.state.model();
        if **self.handle.model.load() != model {
            self.handle.model.store(Arc::new(model));
            (self.setup.wake)();
        }
    }

    async fn done(&mut self, done: Result<Done, tokio::task::JoinError>) {
        match done {
            Ok(Done::Action(outcome)) => {
                let devices = matches!(outcome, Outcome::Revoked(_));
                self.state.handle_outcome(Instant::now(), outcome);
                if devices {
                    self.devices().await;
                }
            }
            Ok(Done::Tray(Some(tray), shown)) => {
                self.tray = TraySide::Ready(tray, shown);
                let _open_already = self.state.handle_tray(TrayState::Shown);
            }
            Ok(Done::Tray(None, _)) => {
                self.tray = TraySide::None;
                if !std::mem::replace(&mut self.no_tray, true) {
                    info!("no tray");
                }
                if let Some(action) = self.state.handle_tray(TrayState::None) {
                    self.act(action);
                }
            }
            Ok(Done::Shown(tray, shown)) => self.tray = TraySide::Ready(tray, shown),
            Err(why) if why.is_panic() => error!("a wish of the window's failed"),
            Err(_) => {}
        }
    }

    fn act(&mut self, action: Action) {
        let (desk, settings) = (self.desk.clone(), self.settings.clone());
        // Whoever sits at this window holds the data folder; the one table is asked all the same.
        let may = |command| allowed(command, &Roles::NONE, Way::CommandLine);
        match action {
            Action::OpenWindow => {
                (self.setup.open)(self.handle.clone());
                self.open_tray();
            }
            Action::Quit => self.setup.quit.cancel(),
            Action::Change(id, wanted) if may(Command::CameraSettings) => {
                let lang = self.setup.lang;
                self.spawn(async move {
                    match settings.change(&id, *wanted).await {
                        Ok(changed) => Outcome::Changed { saved: changed.saved },
                        Err(ChangeError::NotSaved(why)) => Outcome::Failed(why.say(lang)),
                        Err(why) => Outcome::Failed(why.to_string()),
                    }
                });
            }
            Action::Invite if may(Command::Invite) => self.spawn(async move {
                match desk.invite(None, CODE_LIFE, 1).await {
                    Ok(_) => Outcome::Invited,
                    Err(why) => Outcome::Failed(why.to_string()),
                }
            }),
            Action::Revoke(id) if may(Command::Revoke) => self.spawn(async move {
                match desk.revoke(&id).await {
                    Ok(row) => Outcome::Revoked(row.name),
                    Err(why) => Outcome::Failed(why.to_string()),
                }
            }),
            Action::SetMode(mode) if may(Command::SetMode) => {
                let presence = self.presence.clone();
                self.spawn(async move { Outcome::ModeSet { kept: presence.set(mode).await == Kept::Yes } });
            }
            Action::LookForDevices => self.blocking(|| Outcome::Found(list_cameras(), list_microphones())),
            Action::Login(login) => {
                let autostart = self.setup.autostart.clone();
                self.blocking(move || match autostart.set(login) {
                    Ok(login) => Outcome::Login(login),
                    Err(why) => Outcome::LoginFailed(why.to_string()),
                });
            }
            Action::Remember(kept) => {
                let remembered = self.setup.remembered.clone();
                self.blocking(move || match remembered.keep(kept) {
                    Ok(()) => Outcome::Remembered,
                    Err(why) => Outcome::Failed(why.to_string()),
                });
            }
            Action::Change(..) | Action::Invite | Action::Revoke(_) | Action::SetMode(_) => {
                warn!("not allowed at this computer")
            }
        }
    }

    fn open_tray(&mut self) {
        if self.setup.tray == WantTray::No || !matches!(self.tray, TraySide::None) {
            return;
        }
        self.tray = TraySide::Working;
        let (model, requests) = (self.state.tray(), self.handle.clone());
        let ask: Ask = Arc::new(move |request| requests.send(request));
        self.actions.spawn_blocking(move || Done::Tray(Tray::open(model.clone(), ask), model));
    }

    fn spawn(&mut self, action: impl Future<Output = Outcome> + Send + 'static) {
        self.actions.spawn(async move { Done::Action(action.await) });
    }

    fn blocking(&mut self, action: impl FnOnce() -> Outcome + Send + 'static) {
        self.actions.spawn_blocking(move || Done::Action(action()));
    }
}
