//! The controller's errands: each moves bytes or waits for a disk, and reports back.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::pair::link::Link;
use athome_shared::peer::PeerStats;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Controller, Happening, file_name, stats};
use crate::headless::pairing_sentence;
use crate::session::client::{self, Client};
use crate::settings::{CameraKey, Settings};
use crate::store::PlaceId;
use crate::words::{Lang, Sentence};

/// A pairing that takes longer than this has failed: its own limits are shorter.
const PAIRING: Duration = Duration::from_secs(40);

/// Carries a client's events until it ends or is told to.
pub(super) async fn follow(place: PlaceId, mut client: Client, out: mpsc::Sender<Happening>, stop: CancellationToken) {
    loop {
        tokio::select! {
            event = client.event() => match event {
                Some(event) => {
                    if out.send(Happening::Client(place, event)).await.is_err() {
                        break;
                    }
                }
                None => return,
            },
            () = stop.cancelled() => break,
        }
    }
    client.close().await;
}

impl Controller {
    pub(super) fn pair(&mut self, link: Link) {
        let (store, device, out) = (Arc::clone(&self.setup.store), self.setup.device.clone(), self.out.clone());
        self.pairing.abort_all();
        self.pairing.spawn(async move {
            let pairing = client::pair(&store, &link, &device, "desktop");
            let result = match tokio::time::timeout(PAIRING, pairing).await {
                Ok(result) => result.map_err(|error| pairing_sentence(&error)),
                Err(_) => Err(Sentence::CodeUnknown),
            };
            let _ = out.send(Happening::Paired(result)).await;
        });
    }

    pub(super) fn forget(&mut self, id: PlaceId) {
        if let Some(running) = self.clients.remove(&id) {
            running.stop.cancel();
            self.tasks.spawn(async move {
                let _ = tokio::time::timeout(super::GOODBYE, running.task).await;
            });
        }
        self.setup.media.forget(id);
        let store = Arc::clone(&self.setup.store);
        self.tasks.spawn_blocking(move || {
            if let Err(error) = store.lock().unwrap_or_else(PoisonError::into_inner).remove(&id.0) {
                warn!(%error, "the pairing could not be taken out of the store");
            }
        });
    }

    pub(super) fn keep(&mut self, id: PlaceId, name: String, device: String) {
        let store = Arc::clone(&self.setup.store);
        self.tasks.spawn_blocking(move || {
            if let Err(error) = store.lock().unwrap_or_else(PoisonError::into_inner).rename(id, &name, &device) {
                warn!(%error, "a place's new name could not be kept");
            }
        });
    }

    pub(super) fn save(&mut self, settings: Settings) {
        let data = self.setup.data.clone();
        self.tasks.spawn_blocking(move || {
            if let Err(error) = settings.save(&data) {
                warn!(%error, "the window's settings could not be written");
            }
        });
    }

    pub(super) fn notify(&mut self, camera: CameraKey, sentence: &Sentence) {
        let lang = self.lang();
        let title = self.state.model().camera(&camera).map(|camera| camera.name.clone()).unwrap_or_default();
        self.setup.desktop.notify(camera, &title, &sentence.text(lang), self.handle.clone());
    }

    fn lang(&self) -> Lang {
        let language = self.state.model().settings.language.as_deref();
        language.map_or_else(Lang::of_system, Lang::of_tag)
    }

    pub(super) fn snapshot(&mut self, camera: CameraKey) {
        let name = self.name(&camera);
        let (folder, out) = (self.folder(), self.out.clone());
        let requests = self.requests(camera.place);
        self.tasks.spawn(async move {
            let picture = match requests {
                Some(requests) => requests.snapshot(camera.camera).await.ok(),
                None => None,
            };
            let result = match picture {
                Some(bulk) => {
                    let file = folder.join(file_name(&name, &jiff::Zoned::now(), "jpg"));
                    let written = tokio::task::spawn_blocking(move || write_new(&file, &bulk.data)).await;
                    written.unwrap_or_else(|error| Err((folder, io::Error::other(error))))
                }
                None => {
                    let _ = out.send(Happening::Snapshot(Err(Sentence::NoSnapshot { camera: name }))).await;
                    return;
                }
            };
            let _ = out.send(Happening::Snapshot(result.map_err(unwritable))).await;
        });
    }

    pub(super) fn record(&mut self, camera: CameraKey) {
        let folder = self.folder();
        let file = folder.join(file_name(&self.name(&camera), &jiff::Zoned::now(), "mp4"));
        let started = std::fs::create_dir_all(&folder).and_then(|()| self.setup.media.record(&camera, &file));
        let result = match started {
            Ok(()) => Ok(file),
            Err(error) => Err(unwritable((file, error))),
        };
        self.state.handle_recording(Instant::now(), camera, result);
    }

    pub(super) fn stop_recording(&mut self, camera: CameraKey) {
        let (media, out) = (Arc::clone(&self.setup.media), self.out.clone());
        let file = self.state.model().recordings.get(&camera).map(|recording| recording.file.clone());
        self.tasks.spawn(async move {
            let key = camera.clone();
            let ended = tokio::task::spawn_blocking(move || media.stop_recording(&key)).await;
            let trouble = match ended {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(unwritable((file.unwrap_or_default(), error))),
                Err(error) => Some(unwritable((file.unwrap_or_default(), io::Error::other(error)))),
            };
            let _ = out.send(Happening::Recorded(camera, trouble)).await;
        });
    }

    pub(super) fn measure(&mut self, camera: CameraKey) {
        let (requests, out) = (self.requests(camera.place), self.out.clone());
        self.tasks.spawn(async move {
            let peer = match requests {
                Some(requests) => requests.stats().await,
                None => None,
            };
            let _ = out.send(Happening::Stats(camera, peer)).await;
        });
    }

    pub(super) fn measured(&mut self, now: Instant, camera: CameraKey, peer: Option<PeerStats>) {
        let Some(peer) = peer else {
            self.samples.remove(&camera);
            return;
        };
        let sample = stats::Sample {
            at: now,
            bytes: peer.bytes_received,
            lost: peer.packets_lost,
            received: peer.packets_received,
        };
        // One camera at a time is measured.
        self.samples.retain(|key, _| *key == camera);
        let rate = stats::rate(self.samples.insert(camera.clone(), sample), sample);
        let figures = self.setup.media.figures(&camera);
        let slot = self.state.figures.get(&camera).copied();
        self.state.handle_stats(stats::stats(camera, &peer, figures, slot, rate));
    }

    fn name(&self, camera: &CameraKey) -> String {
        self.state.model().camera(camera).map_or_else(|| camera.camera.to_string(), |camera| camera.name.clone())
    }

    fn folder(&self) -> PathBuf {
        self.state.model().settings.folder.clone().unwrap_or_else(|| crate::folders::pictures().join("AtHome"))
    }
}

/// Writes a file that is not there yet; a name that is taken gets a number.
fn write_new(file: &Path, data: &[u8]) -> Result<PathBuf, (PathBuf, io::Error)> {
    let failed = |error| (file.to_owned(), error);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    for number in 1..100 {
        let path = match number {
            1 => file.to_owned(),
            _ => {
                let stem = file.file_stem().unwrap_or_default().to_string_lossy();
                let ending = file.extension().unwrap_or_default().to_string_lossy();
                file.with_file_name(format!("{stem} ({number}).{ending}"))
            }
        };
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut out) => return out.write_all(data).map(|()| path).map_err(failed),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err(failed(io::ErrorKind::AlreadyExists.into()))
}

fn unwritable((path, error): (PathBuf, io::Error)) -> Sentence {
    Sentence::FileUnwritable { path: path.display().to_string(), detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::write_new;

    #[test]
    fn a_second_picture_in_the_same_second_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new/Door 14.03.jpg");
        let first = write_new(&file, b"one").unwrap();
        let second = write_new(&file, b"two").unwrap();
        assert_eq!(second, dir.path().join("new/Door 14.03 (2).jpg"));
        assert_eq!((std::fs::read(first).unwrap(), std::fs::read(second).unwrap()), (b"one".into(), b"two".into()));
    }
}
