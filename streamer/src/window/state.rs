//! What the window knows and what it wants done, as plain values: news and requests go in, a [`Model`] and [`Action`]s come
//! out. Nothing in here waits, reads a clock or knows a toolkit.

use std::time::{Duration, Instant};

use athome_shared::id::CameraId;
use athome_shared::protocol::control::{Camera, CameraState};
use athome_shared::protocol::house::HouseMode;

use super::menus;
use super::model::{CameraView, Code, Device, Kept, Login, Model, Request, Said, Tray};
use super::tray::{Mark, TrayModel};
use crate::camera::level::Reading;
use crate::camera::settings::Wanted;
use crate::config::CameraConfig;
use crate::serve::{self, ViewerRow};
use crate::source::list::{ListedCamera, ListedMicrophone};
use crate::terminal::qr::Modules;
use crate::words::Lang;
use crate::words::window::Label;

/// How long a notice stays.
const NOTICE: Duration = Duration::from_secs(8);

/// What is to be done; each ends in an [`Outcome`].
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The main thread opens the window.
    OpenWindow,
    Change(CameraId, Box<Wanted>),
    Invite,
    Revoke(String),
    LookForDevices,
    SetMode(HouseMode),
    Login(Login),
    Remember(Kept),
    Quit,
}

/// What became of an action.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Changed {
        /// The configuration file says so too.
        saved: bool,
    },
    /// The house is watched over in another way; `kept` after a restart as well.
    ModeSet {
        kept: bool,
    },
    Invited,
    Remembered,
    /// With the name of the device.
    Revoked(String),
    Found(Vec<ListedCamera>, Vec<ListedMicrophone>),
    Login(Login),
    LoginFailed(String),
    /// With the reason for people.
    Failed(String),
}

/// What changes many times a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// In the order of the cameras: bits a second, and whether every device is closed.
    pub cameras: Vec<(u64, bool)>,
    pub level: Option<Reading>,
}

/// Where the window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Window {
    Closed,
    /// Asked for, not there yet.
    Opening,
    Open,
}

/// All that the window knows.
#[derive(Debug)]
pub struct State {
    model: Model,
    window: Window,
    visible: bool,
    configs: Vec<CameraConfig>,
    found: (Vec<ListedCamera>, Vec<ListedMicrophone>),
    /// The newest code, shown or not.
    code: serve::Code,
    code_wanted: bool,
    notice_until: Option<Instant>,
}

impl State {
    /// Before anything is known.
    pub fn new(lang: Lang, place: String, kept: Kept, login: Login) -> Self {
        Self {
            model: Model { lang, place, kept, login, ..Model::default() },
            window: Window::Closed,
            visible: true,
            configs: Vec::new(),
            found: (Vec::new(), Vec::new()),
            code: serve::Code::None,
            code_wanted: false,
            notice_until: None,
        }
    }

    /// What the window draws.
    pub fn model(&self) -> Model {
        self.model.clone()
    }

    /// What the tray shows.
    pub fn tray(&self) -> TrayModel {
        let cameras = &self.model.cameras;
        let paused = !cameras.is_empty() && cameras.iter().all(|camera| camera.state == CameraState::Stopped);
        let lang = self.model.lang;
        let names = self.model.watching.join(", ");
        let (mark, tip) = match (cameras.iter().find(|c| c.state == CameraState::Backoff), self.model.watching.len()) {
            (Some(camera), _) => (Mark::Trouble, Label::TrayTrouble.with(lang, &[("cam", &camera.name)])),
            (None, _) if paused => (Mark::Paused, Label::TrayPaused.text(lang).to_owned()),
            (None, 0) => (Mark::Idle, Label::TrayIdle.text(lang).to_owned()),
            (None, 1) => (Mark::Watched(1), Label::WatchingOne.with(lang, &[("names", &names)])),
            (None, n) => {
                (Mark::Watched(n), Label::WatchingMany.with(lang, &[("n", &n.to_string()), ("names", &names)]))
            }
        };
        TrayModel { lang, mark, tip, paused }
    }

    /// Whose pictures are to be decoded: nobody's while they can't be seen.
    pub fn watched(&self) -> Option<&CameraId> {
        let seen = self.window == Window::Open && self.visible && self.model.code.is_none();
        self.model.selected.as_ref().filter(|_| seen)
    }

    /// Whether the window is open.
    pub fn open(&self) -> bool {
        self.window == Window::Open
    }

    /// The selected camera.
    pub fn selected(&self) -> Option<&CameraId> {
        self.model.selected.as_ref()
    }

    /// The cameras, and how they are to run.
    pub fn handle_cameras(&mut self, cameras: &[Camera], configs: &[CameraConfig]) {
        let before = std::mem::take(&mut self.model.cameras);
        let figures = |id: &CameraId| before.iter().find(|camera| camera.id == *id);
        self.model.cameras = cameras
            .iter()
            .map(|camera| CameraView {
                id: camera.id.clone(),
                name: camera.name.clone(),
                state: camera.state,
                reason: camera.reason,
                retry_s: camera.retry_s,
                seen: camera.last_frame.is_some(),
                width: camera.width,
                height: camera.height,
                fps: camera.fps,
                audio: camera.audio,
                bits: figures(&camera.id).map_or(0, |before| before.bits),
                released: figures(&camera.id).is_some_and(|before| before.released),
            })
            .collect();
        if self.model.camera().is_none() {
            self.model.selected = self.model.cameras.first().map(|camera| camera.id.clone());
        }
        self.configs = configs.to_vec();
        self.make_menus();
    }

    /// What changes all the time.
    pub fn handle_figures(&mut self, figures: &Figures) {
        for (camera, (bits, released)) in self.model.cameras.iter_mut().zip(&figures.cameras) {
            (camera.bits, camera.released) = (*bits, *released);
        }
        self.model.level = figures.level;
    }

    /// Who watches now.
    pub fn handle_watching(&mut self, names: &[String]) {
        self.model.watching = names.to_vec();
        for device in &mut self.model.devices {
            device.watching = names.contains(&device.name);
        }
        self.show_code();
    }

    /// Which devices are paired.
    pub fn handle_devices(&mut self, rows: &[ViewerRow]) {
        let device = |row: &ViewerRow| Device {
            id: row.id.clone(),
            name: row.name.clone(),
            roles: row.roles.clone(),
            last_seen: row.last_seen,
            watching: row.watching,
        };
        self.model.devices = rows.iter().filter(|row| row.state == "valid").map(device).collect();
        self.show_code();
    }

    /// The newest code and its fate.
    pub fn handle_code(&mut self, code: &serve::Code) {
        // One that was made elsewhere (a key of the terminal) does not cover the picture.
        self.code = code.clone();
        self.show_code();
    }

    /// How the house is watched over.
    pub fn handle_mode(&mut self, mode: HouseMode) {
        self.model.mode = mode;
    }

    /// Whether a server outside knows this place.
    pub fn handle_outside(&mut self, outside: bool) {
        self.model.outside = outside;
    }

    /// Whether the desktop shows the icon. Without it a closed window could not be opened again: it comes back.
    pub fn handle_tray(&mut self, tray: Tray) -> Option<Action> {
        let lost = self.model.tray == Tray::Shown && tray == Tray::None;
        self.model.tray = tray;
        (lost && self.window == Window::Closed).then(|| self.open_window())
    }

    /// The streamer stops.
    pub fn handle_end(&mut self) {
        self.model.ending = true;
    }

    /// What a person wishes.
    pub fn handle_request(&mut self, now: Instant, request: Request) -> Vec<Action> {
        let selected = self.model.selected.clone();
        let change = |wanted| selected.clone().map(|id| Action::Change(id, Box::new(wanted))).into_iter().collect();
        match request {
            Request::Open if self.window == Window::Closed => return vec![self.open_window(), Action::LookForDevices],
            Request::Open => self.model.raised += 1,
            Request::Opened => self.window = Window::Open,
            Request::Closed => {
                self.window = Window::Closed;
                self.visible = true;
                self.code_wanted = false;
                self.show_code();
            }
            Request::Select(id) if self.model.cameras.iter().any(|camera| camera.id == id) => {
                self.model.selected = Some(id);
                self.model.level = None;
                self.make_menus();
            }
            Request::Select(_) => {}
            Request::Source(spec) => match spec.parse() {
                Ok(source) => return change(Wanted { source: Some(source), ..Wanted::default() }),
                Err(why) => self.say(now, Said::with(Label::Failed, "why", why.to_string())),
            },
            Request::Microphone(spec) => match spec.parse() {
                Ok(audio) => return change(Wanted { audio: Some(audio), ..Wanted::default() }),
                Err(why) => self.say(now, Said::with(Label::Failed, "why", why.to_string())),
            },
            Request::Size(size) => return change(Wanted { size: Some(size), ..Wanted::default() }),
            Request::Rate(fps) => return change(Wanted { fps: Some(fps), ..Wanted::default() }),
            Request::Pause(id) => return vec![active(id, false)],
            Request::Resume(id) => return vec![active(id, true)],
            Request::PauseAll => return self.all(false),
            Request::ResumeAll => return self.all(true),
            Request::ShowCode => {
                self.code_wanted = true;
                let open = matches!(self.code, serve::Code::Open(_));
                if !open {
                    self.code = serve::Code::None;
                }
                self.show_code();
                let mut actions = Vec::new();
                if self.window == Window::Closed {
                    actions.extend([self.open_window(), Action::LookForDevices]);
                }
                if !open {
                    actions.push(Action::Invite);
                }
                return actions;
            }
            Request::NewCode => {
                (self.code, self.code_wanted) = (serve::Code::None, true);
                self.show_code();
                return vec![Action::Invite];
            }
            Request::HideCode => {
                self.code_wanted = false;
                self.show_code();
            }
            Request::Remove(id) => return vec![Action::Revoke(id)],
            Request::Mode(mode) => return vec![Action::SetMode(mode)],
            Request::Login(login) => return vec![Action::Login(login)],
            Request::OnClose(on_close) => return self.keep(Kept { on_close, ..self.model.kept }),
            Request::Theme(theme) => return self.keep(Kept { theme, ..self.model.kept }),
            Request::LookForDevices => return vec![Action::LookForDevices],
            Request::DismissNotice => (self.model.notice, self.notice_until) = (None, None),
            Request::Visible(visible) => self.visible = visible,
            Request::Say(said) => self.say(now, said),
            Request::TrayLost => return self.handle_tray(Tray::None).into_iter().collect(),
            Request::TrayBack => return self.handle_tray(Tray::Shown).into_iter().collect(),
            Request::Quit => return vec![Action::Quit],
        }
        Vec::new()
    }

    /// What became of an action.
    pub fn handle_outcome(&mut self, now: Instant, outcome: Outcome) {
        match outcome {
            Outcome::Changed { saved: true }
            | Outcome::ModeSet { kept: true }
            | Outcome::Invited
            | Outcome::Remembered => {}
            Outcome::ModeSet { kept: false } => self.say(now, Said::plain(Label::ModeNotKept)),
            Outcome::Changed { saved: false } => self.say(now, Said::plain(Label::SavedNot)),
            Outcome::Revoked(name) => self.say(now, Said::with(Label::Removed, "device", name)),
            Outcome::Found(cameras, microphones) => {
                self.found = (cameras, microphones);
                self.make_menus();
            }
            Outcome::Login(login) => self.model.login = login,
            Outcome::LoginFailed(why) => self.say(now, Said::with(Label::LoginFailed, "why", why)),
            Outcome::Failed(why) => {
                // A code that can't be made is not waited for.
                if self.model.code == Some(Code::Making) {
                    self.code_wanted = false;
                    self.show_code();
                }
                self.say(now, Said::with(Label::Failed, "why", why));
            }
        }
    }

    /// Takes a notice away once it was there for long enough.
    pub fn handle_time(&mut self, now: Instant) {
        if self.notice_until.is_some_and(|until| now >= until) {
            (self.model.notice, self.notice_until) = (None, None);
        }
    }

    fn keep(&mut self, kept: Kept) -> Vec<Action> {
        self.model.kept = kept;
        vec![Action::Remember(kept)]
    }

    fn say(&mut self, now: Instant, said: Said) {
        (self.model.notice, self.notice_until) = (Some(said), Some(now + NOTICE));
    }

    fn open_window(&mut self) -> Action {
        self.window = Window::Opening;
        Action::OpenWindow
    }

    fn all(&self, on: bool) -> Vec<Action> {
        let changed = self.model.cameras.iter().filter(|camera| (camera.state != CameraState::Stopped) != on);
        changed.map(|camera| active(camera.id.clone(), on)).collect()
    }

    fn show_code(&mut self) {
        self.model.code = self.code_wanted.then(|| match &self.code {
            serve::Code::None => Code::Making,
            serve::Code::Expired => Code::Expired,
            serve::Code::Used { device, id, at } => Code::Used {
                device: device.clone(),
                id: id.clone().filter(|id| self.model.devices.iter().any(|device| device.id == *id)),
                at: *at,
                watching: self.model.watching.contains(device),
            },
            serve::Code::Open(invitation) => match Modules::of_link(&invitation.link) {
                Some(modules) => Code::Shown { modules, uses: invitation.uses, expires: invitation.expires },
                None => Code::Expired,
            },
        });
    }

    fn make_menus(&mut self) {
        let config = self.configs.iter().find(|config| Some(&config.id) == self.model.selected.as_ref());
        self.model.menus = config.map(|config| menus::of(config, &self.found.0, &self.found.1)).unwrap_or_default();
    }
}

fn active(id: CameraId, active: bool) -> Action {
    Action::Change(id, Box::new(Wanted { active: Some(active), ..Wanted::default() }))
}

#[cfg(test)]
mod tests;
