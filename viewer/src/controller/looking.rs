//! The errands of looking back: lists, pictures and films are fetched, each reports back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::protocol::control::RefusedWhy;
use athome_shared::time::WallTime;
use tokio::task::AbortHandle;
use tracing::debug;

use super::past::{Act, Told, Unanswered};
use super::{Controller, Happening};
use crate::past::Ms;
use crate::past::scrub::{Ask, Held};
use crate::past::spans::Span;
use crate::play::film::{Film, Start};
use crate::play::planes::Planes;
use crate::play::still;
use crate::session::bulk::BulkError;
use crate::session::client::Requests;
use crate::session::past::{Ask as Wanted, FilmReader};
use crate::settings::CameraKey;

/// Pictures that follow the playhead are no wider than this.
const PICTURE_WIDTH: u32 = 640;
/// Between two tries to go on with a film whose recording is just ending.
const AGAIN: Duration = Duration::from_secs(1);

/// The film that there is.
#[derive(Debug)]
pub(super) struct Showing {
    film: Arc<Film>,
    pump: AbortHandle,
}

impl Drop for Showing {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// What came of an errand.
#[derive(Debug)]
pub(super) enum Found {
    List(Span, Result<Box<athome_shared::protocol::past::Past>, Unanswered>),
    Picture(Ask, Result<Held<Arc<Planes>>, bool>),
    Film(u64, Told),
}

impl Controller {
    pub(super) fn look_back(&mut self, camera: CameraKey, act: Act) {
        match act {
            Act::List(range) => {
                self.fetch(
                    camera,
                    move |requests, key| async move { Found::List(range, list(requests, key, range).await) },
                );
            }
            Act::Picture(ask) => {
                self.fetch(camera, move |requests, key| async move {
                    Found::Picture(ask, picture(requests, key, ask).await)
                });
            }
            Act::Film { turn, from, playing, speed } => {
                let sound = !self.state.model().recordings.contains_key(&camera);
                self.begin(camera, turn, Start { from, playing, speed, sound });
            }
            Act::Go { playing, speed } => {
                if let Some(showing) = &self.showing {
                    showing.film.go(playing, speed);
                }
            }
            Act::Cut => self.showing = None,
            // Carried out where it arises.
            Act::Received => {}
        }
    }

    /// Tells the state what each place's clock shows.
    pub(super) fn tell_clocks(&mut self, now: Instant) {
        let ours = WallTime::now();
        for (place, running) in &self.clients {
            if let Some(theirs) = running.requests.offset().to_theirs(ours) {
                self.state.handle_clock(now, *place, theirs.unix_ms());
            }
        }
    }

    pub(super) fn found(&mut self, now: Instant, camera: &CameraKey, found: Found) {
        match found {
            Found::List(range, told) => {
                self.state.handle_list(now, camera, range, told.as_deref().map_err(|why| *why));
            }
            Found::Picture(ask, got) => self.state.handle_picture(now, camera, ask, got),
            Found::Film(turn, told) => self.state.handle_film(now, camera, turn, told),
        }
    }

    fn fetch<F: Future<Output = Found> + Send + 'static>(
        &mut self,
        camera: CameraKey,
        errand: impl FnOnce(Option<Requests>, CameraKey) -> F + Send + 'static,
    ) {
        let (requests, out) = (self.requests(camera.place), self.out.clone());
        self.tasks.spawn(async move {
            let found = errand(requests, camera.clone()).await;
            let _ = out.send(Happening::Found(camera, found)).await;
        });
    }

    fn begin(&mut self, camera: CameraKey, turn: u64, start: Start) {
        self.showing = None;
        let (out, key) = (self.out.clone(), camera.clone());
        // The film's own thread may wait: what it tells is read until the film is gone.
        let tell = Box::new(move |told| {
            let _ = out.try_send(Happening::Found(key.clone(), Found::Film(turn, told)));
        });
        let film = match self.setup.media.film(&camera, start, tell) {
            Ok(film) => Arc::new(film),
            Err(error) => {
                debug!(%error, "no thread for a film");
                return self.state.handle_film(Instant::now(), &camera, turn, Told::Failed);
            }
        };
        let (requests, out, of_pump) = (self.requests(camera.place), self.out.clone(), Arc::clone(&film));
        let pump = self.tasks.spawn(async move {
            if let Some(told) = pump(requests, &camera, start.from, &of_pump).await {
                let _ = out.send(Happening::Found(camera, Found::Film(turn, told))).await;
            }
        });
        self.showing = Some(Showing { film, pump });
    }
}

async fn list(
    requests: Option<Requests>,
    key: CameraKey,
    range: Span,
) -> Result<Box<athome_shared::protocol::past::Past>, Unanswered> {
    let requests = requests.ok_or(Unanswered::Lost)?;
    match requests.past(key.camera, wall(range.from), wall(range.to)).await {
        Ok(past) => Ok(Box::new(past)),
        Err(BulkError::Ended) => Err(Unanswered::Lost),
        Err(error) => {
            debug!(%error, "no list of what was recorded");
            Err(Unanswered::Refused)
        }
    }
}

/// `Err(true)` where there will never be one.
async fn picture(requests: Option<Requests>, key: CameraKey, ask: Ask) -> Result<Held<Arc<Planes>>, bool> {
    let requests = requests.ok_or(false)?;
    let got = requests.picture(key.camera, wall(ask.at), PICTURE_WIDTH).await;
    let bulk = got.map_err(|why| matches!(why, BulkError::Refused(RefusedWhy::Unavailable)))?;
    let at = bulk.at.map_or(ask.at, WallTime::unix_ms);
    let planes = tokio::task::spawn_blocking(move || still::decode(&bulk.data)).await.ok().flatten().ok_or(true)?;
    let bytes = planes.bytes();
    Ok(Held { at, bytes, picture: Arc::new(planes) })
}

/// Carries a film's bytes to where it is shown, from one recording to the next; what to tell at the end.
async fn pump(requests: Option<Requests>, key: &CameraKey, from: Ms, film: &Film) -> Option<Told> {
    let requests = requests?;
    let mut from = wall(from);
    let mut came = false;
    loop {
        let ask = Wanted::Play { camera: key.camera.clone(), from, to: None, follow: true };
        let mut parts = match requests.film(ask).await {
            Ok(parts) => parts,
            Err(BulkError::Refused(RefusedWhy::Unavailable)) if came => {
                film.end();
                return None;
            }
            Err(BulkError::Refused(RefusedWhy::Unavailable)) => return Some(Told::Ended),
            // The next session begins anew.
            Err(BulkError::Ended) => return None,
            Err(error) => {
                debug!(%error, "no film");
                return Some(Told::Failed);
            }
        };
        let mut reader = FilmReader::new(parts.at);
        loop {
            let part = match parts.part().await {
                Ok(Some(part)) => part,
                Ok(None) => break,
                Err(BulkError::Ended) => return None,
                Err(error) => {
                    debug!(%error, "a film broke off");
                    return Some(Told::Failed);
                }
            };
            reader.push(&part);
            loop {
                match reader.poll() {
                    Ok(Some(unit)) => film.push(unit).await,
                    Ok(None) => break,
                    Err(error) => {
                        debug!(%error, "a film that can't be read");
                        return Some(Told::Failed);
                    }
                }
            }
        }
        came = true;
        match parts.next() {
            Some(next) if next > from => from = next,
            Some(_) => tokio::time::sleep(AGAIN).await,
            None => {
                film.end();
                return None;
            }
        }
    }
}

fn wall(ms: Ms) -> WallTime {
    WallTime(ms.saturating_mul(1_000))
}
