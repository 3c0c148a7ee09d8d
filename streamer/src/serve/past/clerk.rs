//! Fetches for one viewer what it asks of the past. The disk is read on threads that may block; nothing here waits for one of
//! them, and what was given up is let go when its thread returns.

use std::collections::BTreeMap;
use std::sync::Arc;

use athome_shared::id::CameraId;
use athome_shared::protocol::control::RefusedWhy;
use athome_shared::protocol::past::LIST_MIME;
use athome_shared::time::WallTime;
use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::debug;

use super::ask::{Ask, What};
use super::pictures::{Pictures, Turn};
use crate::past::play::{Player, Step, Wish};
use crate::past::{Past, PastError};
use crate::record::RecordError;
use crate::record::export::Exporter;
use crate::serve::bulk::{Class, Made};

/// Changes of recordings under way for one viewer; more are refused as busy.
const MOST_CHANGES: usize = 4;
/// Pictures decoded at once for all viewers together: live pictures are encoded on the same processor.
const MOST_DECODING: usize = 4;

/// What all viewers' clerks share.
#[derive(Clone)]
pub struct Archive {
    past: Past,
    decoding: Arc<Semaphore>,
}

impl Archive {
    /// Of these recordings.
    pub fn new(past: Past) -> Self {
        Self { past, decoding: Arc::new(Semaphore::new(MOST_DECODING)) }
    }
}

/// What was fetched.
pub enum Done {
    /// All of it, or why not.
    Whole {
        re: u32,
        class: Class,
        got: Result<Whole, RefusedWhy>,
        /// A picture, after which the next one may be made.
        decoded: bool,
    },
    /// The beginning of a film.
    Begun { re: u32, class: Class, got: Result<Beginning, RefusedWhy> },
    /// More of transfer `id`.
    More { id: u32, film: Option<Film>, made: Made },
    /// A change was made, or not.
    Changed { re: u32, done: Result<(), RefusedWhy> },
}

/// Bytes to be sent.
pub struct Whole {
    pub mime: &'static str,
    pub at: Option<WallTime>,
    pub data: Bytes,
}

/// A film that can be sent from here on.
pub struct Beginning {
    pub mime: String,
    pub at: WallTime,
    pub first: Bytes,
    pub film: Film,
}

/// What is made while it is sent.
pub enum Film {
    Play(Box<Player>),
    Export(Box<(Past, Exporter)>),
}

impl Film {
    /// Blocks on the disk.
    fn more(&mut self) -> Made {
        let made = match self {
            Self::Play(player) => player.step().map(|step| match step {
                Step::Part(data) => Made::Part(data),
                Step::Later => Made::Later,
                Step::End { next } => Made::End { next },
            }),
            Self::Export(export) => {
                let (past, exporter) = &mut **export;
                let part = past.export_part(exporter);
                part.map(|part| part.map_or(Made::End { next: None }, |part| Made::Part(part.into())))
            }
        };
        made.unwrap_or_else(|why| {
            debug!("a film can't go on: {why}");
            Made::Failed
        })
    }
}

/// One viewer's clerk.
pub struct Clerk {
    archive: Archive,
    works: JoinSet<Done>,
    films: BTreeMap<u32, Film>,
    pictures: Pictures<Picture>,
    changes: usize,
}

/// Which picture.
#[derive(Debug)]
struct Picture {
    re: u32,
    camera: CameraId,
    at: WallTime,
    width: u32,
}

impl Clerk {
    pub fn new(archive: Archive) -> Self {
        let (works, films) = (JoinSet::new(), BTreeMap::new());
        Self { archive, works, films, pictures: Pictures::default(), changes: 0 }
    }

    /// The class of transfer that answers a request; `None` where no transfer does.
    pub fn class(what: &What) -> Option<Class> {
        match what {
            What::List { .. } => Some(Class::List),
            What::Picture { .. } | What::Thumb { .. } => Some(Class::Still),
            What::Play { .. } => Some(Class::Play),
            What::Export { .. } => Some(Class::Export),
            What::Keep { .. } | What::Delete { .. } | What::Record { .. } | What::RecordStop { .. } => None,
        }
    }

    /// Takes an admitted request. Returns one that is given up for it, to be refused as busy.
    pub fn take(&mut self, Ask { re, what }: Ask) -> Option<u32> {
        let past = self.archive.past.clone();
        match what {
            What::Picture { camera, at, width } => {
                return match self.pictures.handle_wish(Picture { re, camera, at, width }) {
                    Turn::Make(picture) => {
                        self.make(picture);
                        None
                    }
                    Turn::Wait(older) => older.map(|older| older.re),
                };
            }
            What::List { camera, from, to } => self.whole(re, Class::List, move || {
                let list = past.list(&camera, from, to)?;
                let data = serde_json::to_vec(&list).map_err(|_| PastError::Nothing)?;
                Ok(Whole { mime: LIST_MIME, at: None, data: data.into() })
            }),
            What::Thumb { id } => self
                .whole(re, Class::Still, move || Ok(Whole { mime: "image/jpeg", at: None, data: past.thumbnail(id)? })),
            What::Play { camera, from, to, follow } => self.begin(re, Class::Play, move || {
                let (player, begun) = past.play(Wish { camera, from, to, follow })?;
                let film = Film::Play(Box::new(player));
                Ok(Beginning { mime: begun.mime, at: begun.at, first: begun.first, film })
            }),
            What::Export { camera, from, to } => self.begin(re, Class::Export, move || {
                let mut exporter = past.export(&camera, from, to)?;
                let first = past.export_part(&mut exporter)?.ok_or(PastError::Nothing)?;
                let at = exporter.began().unwrap_or(from);
                let film = Film::Export(Box::new((past, exporter)));
                Ok(Beginning { mime: "video/mp4".to_owned(), at, first: first.into(), film })
            }),
            What::Keep { .. } | What::Delete { .. } | What::Record { .. } | What::RecordStop { .. } => {
                if self.changes >= MOST_CHANGES {
                    return Some(re);
                }
                self.changes += 1;
                self.works.spawn(async move { Done::Changed { re, done: change(past, what).await } });
            }
        }
        None
    }

    fn make(&mut self, Picture { re, camera, at, width }: Picture) {
        let (past, decoding) = (self.archive.past.clone(), self.archive.decoding.clone());
        self.works.spawn(async move {
            // It goes with the decoder, which nothing can stop.
            let permit = decoding.acquire_owned().await;
            let got = blocking(move || {
                let _permit = permit;
                let still = past.picture(&camera, at, width)?;
                Ok(Whole { mime: "image/jpeg", at: Some(still.at), data: still.jpeg })
            });
            Done::Whole { re, class: Class::Still, got: got.await, decoded: true }
        });
    }

    fn whole(&mut self, re: u32, class: Class, fetch: impl FnOnce() -> Result<Whole, PastError> + Send + 'static) {
        self.works.spawn(async move { Done::Whole { re, class, got: blocking(fetch).await, decoded: false } });
    }

    fn begin(&mut self, re: u32, class: Class, begin: impl FnOnce() -> Result<Beginning, PastError> + Send + 'static) {
        self.works.spawn(async move { Done::Begun { re, class, got: blocking(begin).await } });
    }

    /// A film is transfer `id` now.
    pub fn keep(&mut self, id: u32, film: Film) {
        self.films.insert(id, film);
    }

    /// A transfer is over.
    pub fn forget(&mut self, id: u32) {
        self.films.remove(&id);
    }

    /// Has more of a transfer made.
    pub fn more(&mut self, id: u32) {
        let film = self.films.remove(&id);
        self.works.spawn(async move {
            let made = tokio::task::spawn_blocking(move || {
                let mut film = film?;
                let made = film.more();
                Some((film, made))
            });
            match made.await {
                Ok(Some((film, made))) => Done::More { id, film: Some(film), made },
                Ok(None) | Err(_) => Done::More { id, film: None, made: Made::Failed },
            }
        });
    }

    /// The next thing that was fetched; `None` while nothing is being.
    pub async fn next(&mut self) -> Option<Done> {
        loop {
            // None of them panics: what might is on a thread of its own.
            if let Ok(done) = self.works.join_next().await? {
                self.handle_done(&done);
                return Some(done);
            }
        }
    }

    fn handle_done(&mut self, done: &Done) {
        match done {
            Done::Whole { decoded: true, .. } => {
                if let Some(next) = self.pictures.handle_made() {
                    self.make(next);
                }
            }
            Done::Changed { .. } => self.changes = self.changes.saturating_sub(1),
            _ => {}
        }
    }

    /// Lets go of everything.
    pub async fn close(mut self) {
        self.works.shutdown().await;
    }
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, PastError> + Send + 'static,
) -> Result<T, RefusedWhy> {
    match tokio::task::spawn_blocking(act).await {
        Ok(Ok(got)) => Ok(got),
        Ok(Err(PastError::Nothing)) => Err(RefusedWhy::Unavailable),
        Ok(Err(why)) => {
            debug!("the past can't be shown: {why}");
            Err(RefusedWhy::Unavailable)
        }
        Err(_) => Err(RefusedWhy::Unavailable),
    }
}

async fn change(past: Past, what: What) -> Result<(), RefusedWhy> {
    let recorded = |result: Result<_, RecordError>| match result {
        Ok(_) => Ok(()),
        Err(RecordError::UnknownCamera) => Err(RefusedWhy::UnknownCamera),
        Err(RecordError::Busy) => Err(RefusedWhy::Busy),
        Err(RecordError::Goes) => Err(RefusedWhy::Unavailable),
    };
    match what {
        What::Record { camera, length } => recorded(past.control().start(&camera, length).await),
        What::RecordStop { camera } => recorded(past.control().stop(&camera).await),
        What::Keep { id, kept } => blocking(move || past.keep(id, kept)).await,
        What::Delete { id } => match blocking(move || past.delete(id)).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(RefusedWhy::Kept),
            Err(why) => Err(why),
        },
        _ => Err(RefusedWhy::Invalid),
    }
}
