//! Cameras that come and go while the streamer runs. Nobody else's pictures notice.

use std::time::Duration;

use athome_shared::id::CameraId;
use athome_shared::protocol::control::CameraState;
use tokio::time::timeout;

use super::{ChangeError, Changed, Settings, written};
use crate::config::{self, Added, CameraConfig, Change, MOST_CAMERAS, make_ids_unique};
use crate::record::Plan;
use crate::record::trigger::Rules;
use crate::source::{CameraSpec, Login, MicSpec, Transport};

/// How long it is waited for a new camera's first picture, or for why there is none: one try.
const FIRST_TRY: Duration = Duration::from_secs(6);

/// A camera to be added.
#[derive(Clone, Debug)]
pub struct NewCamera {
    pub name: String,
    pub source: CameraSpec,
    pub sub_source: Option<CameraSpec>,
    /// In place of one in the addresses.
    pub login: Option<Login>,
    pub transport: Transport,
    pub audio: Option<MicSpec>,
    pub active: bool,
}

impl NewCamera {
    /// One with nothing but a source and a name.
    pub fn new(name: &str, source: CameraSpec) -> Self {
        let (transport, active) = (Transport::default(), true);
        Self { name: name.to_owned(), source, sub_source: None, login: None, transport, audio: None, active }
    }

    fn config(self) -> CameraConfig {
        let mut sub_source = self.sub_source;
        let small_login = sub_source.as_mut().and_then(CameraSpec::take_login);
        let config = CameraConfig::new(&self.name, self.source);
        CameraConfig {
            login: self.login.or(config.login).or(small_login),
            sub_source,
            transport: self.transport,
            audio: self.audio,
            active: self.active,
            ..config
        }
    }
}

impl Settings {
    /// Adds a camera, to the file as well, and waits for its first picture or for why there is none.
    pub async fn add(&self, new: NewCamera) -> Result<Changed, ChangeError> {
        let file = self.0.file.lock().await;
        let known = self.configs().borrow().clone();
        if known.len() >= MOST_CAMERAS {
            return Err(ChangeError::TooMany);
        }
        let mut config = CameraConfig { detection: self.0.detection, ..new.config() };
        // A number would do for two of one name, until one of them goes and the other gets its number's id.
        let mut all = known.to_vec();
        all.push(config.clone());
        make_ids_unique(&mut all);
        if all.last().is_none_or(|last| last.id != config.id) {
            return Err(ChangeError::NameTaken);
        }
        if let Some(path) = file.clone() {
            let change = Change::Add(added(&config));
            let saved = tokio::task::spawn_blocking(move || config::save(&path, &change)).await;
            let saved = saved.map_err(|_| ChangeError::Stopping)??;
            // Paths in the file start from its own folder.
            if let Some(read) = saved.cameras.into_iter().find(|read| read.id == config.id) {
                config = read;
            }
        }
        let cameras = &self.0.cameras;
        let mut changes = cameras.changes();
        if !cameras.add(&config) {
            return Err(ChangeError::NameTaken);
        }
        let (control, recording) = &self.0.recording;
        if let Err(why) = control.add(plan(&config, recording)) {
            tracing::error!(camera = %config.id, %why, "no thread to record it");
        }
        let id = config.id.clone();
        self.0.configs.send_modify(|configs| std::sync::Arc::make_mut(configs).push(config));
        let saved = file.is_some();
        // Others may be changed while this one is waited for.
        drop(file);
        let tried = changes.wait_for(|list| {
            let camera = list.iter().find(|camera| camera.id == id);
            camera.is_none_or(|camera| camera.state != CameraState::Starting)
        });
        let _late = timeout(FIRST_TRY, tried).await.is_ok();
        let camera = cameras.list().into_iter().find(|camera| camera.id == id);
        Ok(Changed { camera: camera.ok_or(ChangeError::UnknownCamera)?, saved })
    }

    /// Removes a camera, from the file as well. What was recorded of it stays.
    pub async fn remove(&self, id: &CameraId) -> Result<bool, ChangeError> {
        let file = self.0.file.lock().await;
        let mut rest = self.configs().borrow().to_vec();
        let before = rest.len();
        rest.retain(|config| config.id != *id);
        if rest.len() == before {
            return Err(ChangeError::UnknownCamera);
        }
        // Of two of one name the second's id comes from the first being there.
        let mut named: Vec<CameraConfig> =
            rest.iter().map(|config| CameraConfig { id: CameraId::slug(&config.name), ..config.clone() }).collect();
        make_ids_unique(&mut named);
        if named.iter().zip(&rest).any(|(named, config)| named.id != config.id) {
            return Err(ChangeError::NamesakeNeedsIt);
        }
        if let Some(path) = file.clone() {
            let change = Change::Remove { camera: id.clone() };
            let saved = tokio::task::spawn_blocking(move || config::save(&path, &change)).await;
            saved.map_err(|_| ChangeError::Stopping)??;
        }
        self.0.configs.send_replace(std::sync::Arc::new(rest));
        self.0.recording.0.remove(id);
        self.0.cameras.remove(id).await;
        Ok(file.is_some())
    }
}

/// How a camera is recorded.
pub fn plan(camera: &CameraConfig, recording: &config::Recording) -> Plan {
    Plan {
        camera: camera.id.clone(),
        rules: Rules { mode: camera.record.unwrap_or(recording.rules.mode), ..recording.rules },
        schedule: recording.schedule.clone(),
        longest: recording.longest,
    }
}

fn added(config: &CameraConfig) -> Added {
    Added {
        name: config.name.clone(),
        source: config.source.written(),
        sub_source: config.sub_source.as_ref().map(CameraSpec::written),
        login: config.login.clone(),
        transport: (config.transport == Transport::Udp).then_some("udp"),
        audio: config.audio.as_ref().map(written),
        active: (!config.active).then_some(false),
    }
}
