//! Changing a camera while the streamer runs: the one way that the local interface, the command line and the window take.
//! The configuration file remembers each change, with its comments.

mod adding;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use athome_shared::id::CameraId;
use athome_shared::protocol::control::{Camera, CameraState};
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

pub use adding::{NewCamera, plan};

use super::Cameras;
use crate::config::{self, CameraConfig, Config, ConfigError, Detection};
use crate::motion::zones::Zone;
use crate::record;
use crate::source::{CameraSpec, Login, MicSpec, Transport};
use crate::words::Verdict;

/// Longest wait for a camera to follow: a device that hangs is given up a little later, and the answer says what is known.
const FOLLOWS: Duration = Duration::from_secs(3);

/// What is to be different; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    pub active: Option<bool>,
    /// Without a login in its address; see `login`.
    pub source: Option<CameraSpec>,
    /// Of a network camera; inside, `None` takes it away.
    pub login: Option<Option<Login>>,
    /// A network camera's smaller stream; inside, `None` takes it away.
    pub sub_source: Option<Option<CameraSpec>>,
    pub transport: Option<Transport>,
    pub audio: Option<MicSpec>,
    /// Inside, `None` leaves the camera the choice.
    pub size: Option<Option<(u32, u32)>>,
    pub fps: Option<Option<f32>>,
    /// In place of all it has.
    pub zones: Option<Vec<Zone>>,
    /// How readily motion is seen, 1 to 100.
    pub sensitivity: Option<u8>,
}

/// The camera as it is then.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    pub camera: Camera,
    /// The configuration file says so too, so that it stays so after a restart.
    pub saved: bool,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("no camera has this id")]
    UnknownCamera,
    #[error("{0}")]
    NotSaved(#[from] ConfigError),
    #[error("the streamer is stopping")]
    Stopping,
    #[error("a camera of this name is there already; choose another")]
    NameTaken,
    #[error("more cameras than one machine can take")]
    TooMany,
    #[error("another camera has the same name and would take its place; give that one a name of its own first")]
    NamesakeNeedsIt,
}

/// What changes are made with. Cloning shares it.
#[derive(Clone)]
pub struct Settings(Arc<Inner>);

struct Inner {
    cameras: Cameras,
    /// One change at a time: each reads the file and writes it again.
    file: Mutex<Option<PathBuf>>,
    configs: watch::Sender<Arc<Vec<CameraConfig>>>,
    /// How cameras that are added are looked at.
    detection: Detection,
    /// Who records, and how.
    recording: (record::Control, config::Recording),
}

impl Settings {
    /// Changes to these cameras, which run as `config` says, written to its file where there is one.
    pub fn new(cameras: Cameras, config: Config, control: record::Control) -> Self {
        let Config { cameras: configs, file, detection, recording, .. } = config;
        let configs = watch::Sender::new(Arc::new(configs));
        let recording = (control, recording);
        Self(Arc::new(Inner { cameras, file: Mutex::new(file), configs, detection, recording }))
    }

    /// What is wrong with a camera that gives no picture, where that can be said in a sentence.
    pub fn verdict(&self, id: &CameraId) -> Option<Verdict> {
        self.0.cameras.verdict(id)
    }

    /// How the cameras are to run, again with each change.
    pub fn configs(&self) -> watch::Receiver<Arc<Vec<CameraConfig>>> {
        self.0.configs.subscribe()
    }

    /// Changes a camera, and its entry in the file. Readers of its streams stay.
    pub async fn change(&self, id: &CameraId, wanted: Wanted) -> Result<Changed, ChangeError> {
        let file = self.0.file.lock().await;
        let before = self.0.configs.borrow().iter().find(|config| config.id == *id).cloned();
        let before = before.ok_or(ChangeError::UnknownCamera)?;
        let wanted = completed(&before, wanted);
        let mut after = changed(&before, &wanted);
        // Written first: what can't be remembered is not done either, so that file and cameras never disagree.
        if let Some(path) = file.clone() {
            let changes = in_file(id, &wanted);
            let saved = tokio::task::spawn_blocking(move || config::save_all(&path, &changes)).await;
            let saved = saved.map_err(|_| ChangeError::Stopping)??;
            // Paths in the file start from its own folder.
            if let Some(read) = saved.cameras.into_iter().find(|config| config.id == *id) {
                if wanted.source.is_some() {
                    after.source = read.source;
                }
                if wanted.audio.is_some() {
                    after.audio = read.audio;
                }
                after.login = read.login;
                if wanted.zones.is_some() {
                    after.zones = read.zones;
                }
            }
        }
        let same = CameraConfig {
            active: before.active,
            zones: before.zones.clone(),
            detection: before.detection,
            ..after.clone()
        } == before;
        let looks_otherwise = wanted.zones.is_some() || wanted.sensitivity.is_some();
        let cameras = &self.0.cameras;
        // Before all else: what becomes private is gone from memory also where the camera is then run in another way.
        if looks_otherwise && !cameras.set_looking(id, after.detection.sensitivity, &after.zones) {
            return Err(ChangeError::Stopping);
        }
        let mut changes = cameras.changes();
        let known = match wanted.active {
            Some(false) if same => cameras.pause(id).await,
            Some(true) if same => cameras.resume(id).await,
            None if same => true,
            _ => cameras.replace(&after).await,
        };
        self.0.configs.send_modify(|configs| {
            for config in Arc::make_mut(configs).iter_mut().filter(|config| config.id == *id) {
                config.clone_from(&after);
            }
        });
        if let Some(active) = wanted.active {
            let follows = changes.wait_for(|list| {
                let camera = list.iter().find(|camera| camera.id == *id);
                camera.is_none_or(|camera| (camera.state != CameraState::Stopped) == active)
            });
            let _late = timeout(FOLLOWS, follows).await;
        }
        let camera = cameras.list().into_iter().find(|camera| camera.id == *id).filter(|_| known);
        Ok(Changed { camera: camera.ok_or(ChangeError::Stopping)?, saved: file.is_some() })
    }
}

/// What follows from what is wanted: a login in the new address moves to its own place, and that of another machine is
/// given to nobody.
fn completed(before: &CameraConfig, mut wanted: Wanted) -> Wanted {
    let small = wanted.sub_source.as_mut().and_then(Option::as_mut);
    let small_login = small.and_then(CameraSpec::take_login);
    if let (None, Some(login)) = (&wanted.login, small_login) {
        wanted.login = Some(Some(login));
    }
    let Some(source) = &mut wanted.source else { return wanted };
    // What only an RTSP camera has goes with it.
    if !matches!(source, CameraSpec::Rtsp(_)) {
        wanted.sub_source = wanted.sub_source.or_else(|| before.sub_source.is_some().then_some(None));
        wanted.transport = wanted.transport.or((before.transport == Transport::Udp).then_some(Transport::Tcp));
    }
    let inside = source.take_login();
    if wanted.login.is_none() && (inside.is_some() || source.host() != before.source.host()) {
        wanted.login = Some(inside).filter(|login| *login != before.login);
    }
    wanted
}

fn changed(before: &CameraConfig, wanted: &Wanted) -> CameraConfig {
    let mut after = before.clone();
    if let Some(active) = wanted.active {
        after.active = active;
    }
    if let Some(source) = &wanted.source {
        after.source = source.clone();
    }
    if let Some(login) = &wanted.login {
        after.login.clone_from(login);
    }
    if let Some(sub_source) = &wanted.sub_source {
        after.sub_source.clone_from(sub_source);
    }
    if let Some(transport) = wanted.transport {
        after.transport = transport;
    }
    if let Some(audio) = &wanted.audio {
        after.audio = Some(audio.clone());
    }
    if let Some(size) = wanted.size {
        after.wish.size = size;
    }
    if let Some(fps) = wanted.fps {
        after.wish.fps = fps;
    }
    if let Some(zones) = &wanted.zones {
        after.zones.clone_from(zones);
    }
    if let Some(sensitivity) = wanted.sensitivity {
        after.detection.sensitivity = sensitivity;
    }
    after
}

/// A microphone as the file takes it: one whose name looks like one of the words is marked as a name.
fn written(spec: &MicSpec) -> String {
    let text = spec.to_string();
    match spec {
        MicSpec::Device(name) if text.parse::<MicSpec>().as_ref() != Ok(spec) => format!("device:{name}"),
        MicSpec::Device(_) | MicSpec::Default | MicSpec::None | MicSpec::Tone | MicSpec::File(_) => text,
    }
}

fn in_file(id: &CameraId, wanted: &Wanted) -> Vec<config::Change> {
    use config::Change;
    let camera = || id.clone();
    let active = wanted.active.map(|active| Change::Active { camera: camera(), active });
    let source = wanted.source.as_ref().map(|spec| Change::Source { camera: camera(), source: spec.written() });
    let login = wanted.login.clone().map(|login| Change::Login { camera: camera(), login });
    let small = wanted.sub_source.clone();
    let small = small.map(|spec| Change::Small { camera: camera(), source: spec.as_ref().map(CameraSpec::written) });
    let transport = wanted.transport.map(|transport| Change::Transport {
        camera: camera(),
        transport: (transport == Transport::Udp).then_some("udp"),
    });
    let audio = wanted.audio.as_ref().map(|spec| Change::Audio { camera: camera(), audio: written(spec) });
    let size = wanted.size.map(|size| Change::Size { camera: camera(), size });
    let fps = wanted.fps.map(|fps| Change::Fps { camera: camera(), fps });
    let zones = wanted.zones.clone().map(|zones| Change::Zones { camera: camera(), zones });
    let sensitivity = wanted.sensitivity.map(|sensitivity| Change::Sensitivity { camera: camera(), sensitivity });
    [active, source, login, small, transport, audio, size, fps, zones, sensitivity].into_iter().flatten().collect()
}
