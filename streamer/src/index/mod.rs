//! The index of what was recorded: `index.db` in the data folder. It answers quickly what the files answer slowly, and can be
//! lost: a damaged one is moved aside and made again from the files. SQLite is named here and in `trust` only.
//!
//! Its calls block on the disk: make them where blocking is allowed, never on the live path.

mod events;
mod segments;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

pub use events::Motion;
pub use segments::{NewSegment, Query, Segment, Totals};

const FILE: &str = "index.db";
const SCHEMA: &str = include_str!("schema.sql");
const SCHEMA_VERSION: u32 = 1;
/// Damaged ones that are kept, for whoever wants to know what happened.
const MOST_DAMAGED: u32 = 9;

/// Why the index can't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("index: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{0} is of a newer AtHome; update this program, or move it away: it is made again from the recordings")]
    Newer(PathBuf),
    #[error("no recording has this number")]
    Unknown,
}

/// What became of the file when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It was whole.
    Whole,
    /// There was none.
    New,
    /// It was damaged, and a new one stands in its place.
    Replaced,
}

/// The open index.
#[derive(Debug)]
pub struct Index(Mutex<Connection>);

impl Index {
    /// Opens or makes the index of a data folder. A damaged one is moved aside.
    pub fn open(data: &Path) -> Result<(Self, Opened), IndexError> {
        let path = data.join(FILE);
        let there = path.exists();
        match Self::connect(&path) {
            Ok(index) => Ok((index, if there { Opened::Whole } else { Opened::New })),
            Err(IndexError::Sqlite(why)) if there && is_damage(&why) => {
                set_aside(&path)?;
                Ok((Self::connect(&path)?, Opened::Replaced))
            }
            Err(why) => Err(why),
        }
    }

    /// Opens the index of a data folder for looking only; `None` where there is none.
    pub fn look(data: &Path) -> Result<Option<Self>, IndexError> {
        let path = data.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let db = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        db.busy_timeout(Duration::from_secs(5))?;
        db.pragma_update(None, "query_only", "ON")?;
        match db.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))? {
            SCHEMA_VERSION => Ok(Some(Self(Mutex::new(db)))),
            _ => Err(IndexError::Newer(path)),
        }
    }

    fn connect(path: &Path) -> Result<Self, IndexError> {
        prepare(path).map_err(|source| IndexError::File { path: path.to_owned(), source })?;
        let mut db = Connection::open(path)?;
        db.busy_timeout(Duration::from_secs(5))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        // A power cut may cost the last rows, never the file: they are made again from the recordings.
        db.pragma_update(None, "synchronous", "NORMAL")?;
        let sound: String = db.pragma_query_value(None, "quick_check", |row| row.get(0))?;
        if sound != "ok" {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
                Some(sound),
            )
            .into());
        }
        let tx = db.transaction()?;
        match tx.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))? {
            SCHEMA_VERSION => {}
            0 => {
                tx.execute_batch(SCHEMA)?;
                tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            }
            _ => return Err(IndexError::Newer(path.to_owned())),
        }
        tx.commit()?;
        Ok(Self(Mutex::new(db)))
    }

    /// A number that was noted under this name.
    pub fn fact(&self, name: &str) -> Result<Option<i64>, IndexError> {
        Ok(self.db().query_row("SELECT value FROM facts WHERE name = ?1", [name], |row| row.get(0)).optional()?)
    }

    /// Notes a number.
    pub fn set_fact(&self, name: &str, value: i64) -> Result<(), IndexError> {
        self.db().execute("INSERT OR REPLACE INTO facts VALUES (?1, ?2)", (name, value))?;
        Ok(())
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere leaves no half change behind: its transaction was rolled back when it was dropped.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_damage(why: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(why.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
        // Our tables are not as we made them.
        || matches!(why.sqlite_error_code(), Some(rusqlite::ErrorCode::Unknown))
}

/// Moves a damaged index away, with what SQLite keeps beside it.
fn set_aside(path: &Path) -> Result<(), IndexError> {
    let named = |ending: &str| PathBuf::from(format!("{}{ending}", path.display()));
    let free = (1..MOST_DAMAGED).find(|n| !named(&format!(".damaged-{n}")).exists()).unwrap_or(MOST_DAMAGED);
    let failed = |source| IndexError::File { path: path.to_owned(), source };
    std::fs::rename(path, named(&format!(".damaged-{free}"))).map_err(failed)?;
    for ending in ["-wal", "-shm"] {
        match std::fs::remove_file(named(ending)) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => return Err(failed(why)),
            _ => {}
        }
    }
    Ok(())
}

/// Makes the file so that only its owner reads who was at home when.
#[cfg(unix)]
fn prepare(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map(drop)
}

/// The user's profile folder is closed to others already.
#[cfg(not(unix))]
fn prepare(_path: &Path) -> std::io::Result<()> {
    Ok(())
}
