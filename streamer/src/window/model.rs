//! What the window draws: plain data, made by [`super::state::State`]. Nothing in here is a connection or reads a clock.

use athome_shared::id::CameraId;
use athome_shared::protocol::control::{CameraReason, CameraState, Role};
use athome_shared::protocol::house::HouseMode;
use athome_shared::time::WallTime;

use crate::camera::level::Reading;
use crate::terminal::qr::Modules;
use crate::words::Lang;
use crate::words::window::Label;

/// All that the window shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    pub lang: Lang,
    /// What the place is called.
    pub place: String,
    pub cameras: Vec<CameraView>,
    /// The one that the picture and the menus are about.
    pub selected: Option<CameraId>,
    pub menus: Menus,
    /// Of the selected camera; `None` while no sound comes in.
    pub level: Option<Reading>,
    /// Names of who watches now.
    pub watching: Vec<String>,
    pub devices: Vec<Device>,
    /// A code is shown in the place of everything else.
    pub code: Option<Code>,
    pub notice: Option<Said>,
    /// How the house is watched over.
    pub mode: HouseMode,
    pub login: Login,
    pub tray: Tray,
    pub kept: Kept,
    /// Registered with a server outside.
    pub outside: bool,
    /// Grows when the window is asked for while it is open.
    pub raised: u64,
    /// The streamer stops: the window closes without a question.
    pub ending: bool,
}

impl Model {
    /// The selected camera.
    pub fn camera(&self) -> Option<&CameraView> {
        self.cameras.iter().find(|camera| Some(&camera.id) == self.selected.as_ref())
    }
}

/// A camera as the window tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraView {
    pub id: CameraId,
    pub name: String,
    pub state: CameraState,
    pub reason: Option<CameraReason>,
    pub retry_s: Option<u32>,
    /// It gave a picture at some time.
    pub seen: bool,
    pub width: u32,
    pub height: u32,
    pub fps: f32,
    pub audio: bool,
    /// Bits a second that it gives now; zero while nobody watches.
    pub bits: u64,
    /// Every device of it is closed.
    pub released: bool,
}

/// What there is to choose from for the selected camera; the chosen one is marked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Menus {
    pub sources: Vec<Choice>,
    pub microphones: Vec<Choice>,
    /// Empty where the source decides by itself (a clip).
    pub sizes: Vec<(Option<(u32, u32)>, Chosen)>,
    pub rates: Vec<(Option<f32>, Chosen)>,
}

/// An entry of a menu.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// As `--camera` or `--mic` takes it; empty for what is there and can't be chosen again.
    pub spec: String,
    pub name: Name,
    pub chosen: Chosen,
}

/// What an entry is called.
#[derive(Clone, Debug, PartialEq)]
pub enum Name {
    /// By its device or its file.
    Own(String),
    Word(Said),
}

/// Whether an entry is the one that is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    Yes,
    No,
}

impl From<bool> for Chosen {
    fn from(chosen: bool) -> Self {
        if chosen { Self::Yes } else { Self::No }
    }
}

/// A paired device.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    pub id: String,
    pub name: String,
    pub roles: Vec<Role>,
    pub last_seen: Option<WallTime>,
    pub watching: bool,
}

/// What became of the newest code.
#[derive(Clone, Debug, PartialEq)]
pub enum Code {
    /// It is being made.
    Making,
    Shown {
        modules: Modules,
        uses: u16,
        expires: WallTime,
    },
    Used {
        device: String,
        /// By which it can be removed, while it is paired.
        id: Option<String>,
        at: WallTime,
        watching: bool,
    },
    Expired,
}

/// Whether the program starts with the person's session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// This system's way is not known here.
    #[default]
    Unknown,
    Off,
    On,
}

/// Whether an icon stands in the desktop's tray.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tray {
    /// Not asked yet.
    #[default]
    Unknown,
    Shown,
    /// This desktop has none.
    None,
}

/// What closing the window does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnClose {
    #[default]
    Ask,
    Tray,
    Stop,
}

/// Which colours the window has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    System,
    Dark,
    Light,
}

/// What is remembered from one start to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub on_close: OnClose,
    pub theme: Theme,
}

/// A text of the table with its marks filled.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub label: Label,
    pub values: Vec<(&'static str, String)>,
}

impl Said {
    /// A text without marks.
    pub fn plain(label: Label) -> Self {
        Self { label, values: Vec::new() }
    }

    /// A text with one mark.
    pub fn with(label: Label, name: &'static str, value: impl Into<String>) -> Self {
        Self { label, values: vec![(name, value.into())] }
    }

    /// In a language.
    pub fn text(&self, lang: Lang) -> String {
        let values: Vec<(&str, &str)> = self.values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.label.with(lang, &values)
    }
}

/// What a person wishes, or what happened to the window.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Open the window, or bring it to the front.
    Open,
    /// It is there, and can be asked to draw itself.
    Opened,
    /// It is gone.
    Closed,
    Select(CameraId),
    /// The selected camera takes its picture from here.
    Source(String),
    /// And its sound.
    Microphone(String),
    Size(Option<(u32, u32)>),
    Rate(Option<f32>),
    Pause(CameraId),
    Resume(CameraId),
    PauseAll,
    ResumeAll,
    /// The open code, or a new one where there is none.
    ShowCode,
    NewCode,
    HideCode,
    Remove(String),
    Mode(HouseMode),
    Login(Login),
    OnClose(OnClose),
    Theme(Theme),
    /// What is plugged in now, for the menus.
    LookForDevices,
    DismissNotice,
    /// The picture can be seen, or not.
    Visible(bool),
    /// A notice of the window's own.
    Say(Said),
    TrayLost,
    TrayBack,
    Quit,
}
