//! The file: opening, its schema, the streamer's own identity.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use athome_shared::pair::keys::{MailboxKey, NoRandom, StaticKeypair};
use athome_shared::secret::Secret;
use ring::rand::SystemRandom;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::label::label;
use super::roster::Roster;

const FILE: &str = "trust.db";
const SCHEMA_VERSION: u32 = 1;

/// Times are Unix microseconds, keys are blobs. `viewers.invite` is the mailbox of the invitation through which the
/// device came last: only that one may be answered again.
const SCHEMA: &str = "
    CREATE TABLE identity (
        only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
        s BLOB NOT NULL, mb BLOB NOT NULL, place TEXT NOT NULL, epoch INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE viewers (
        v_pub BLOB PRIMARY KEY,
        label TEXT NOT NULL, roles INTEGER NOT NULL, state INTEGER NOT NULL,
        cap BLOB NOT NULL, psk BLOB NOT NULL, invite BLOB NOT NULL,
        created INTEGER NOT NULL, last_seen INTEGER, expires INTEGER, revoked INTEGER
    ) STRICT;
    CREATE TABLE invites (
        pair_mailbox BLOB PRIMARY KEY,
        psk BLOB NOT NULL, roles INTEGER NOT NULL,
        created INTEGER NOT NULL, expires INTEGER NOT NULL, access_us INTEGER,
        uses_left INTEGER NOT NULL, used_by TEXT
    ) STRICT;
";

/// Why the store can't do what it was asked. `path` says which file.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("trust store: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error(
        "{path} was written by a newer AtHome (schema {found}, this one knows {SCHEMA_VERSION}); update this program"
    )]
    Newer { path: PathBuf, found: u32 },
    #[error("trust store: {0} is damaged; restore trust.db from a copy, or move it away and pair every device again")]
    Damaged(&'static str),
    #[error("no viewer has this key")]
    UnknownViewer,
    #[error("a name must have at least one visible character")]
    EmptyLabel,
    #[error("{0} invitations are open already; wait until one is used or has expired")]
    TooManyInvites(usize),
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
}

/// Who this streamer is; made once, at its first start.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `S`: what viewers know it by.
    pub keys: StaticKeypair,
    /// `MB`: what servers know it by.
    pub mailbox_key: MailboxKey,
    /// What the place is called ("Home").
    pub place: String,
}

/// The open store. Its calls block on the disk: make them where blocking is allowed.
#[derive(Debug)]
pub struct TrustStore {
    db: Mutex<Connection>,
    pub(super) rng: SystemRandom,
}

impl TrustStore {
    /// Opens `trust.db` in a folder, making both where they are missing: the folder 0700, the file 0600 before anything
    /// is written to it. A file that others may read is closed to them.
    pub fn open(dir: &Path) -> Result<Self, TrustError> {
        let path = dir.join(FILE);
        prepare(dir, &path)?;
        let mut db = Connection::open(&path)?;
        db.busy_timeout(Duration::from_secs(5))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "secure_delete", "ON")?;
        let rng = SystemRandom::new();

        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: u32 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match version {
            SCHEMA_VERSION => {}
            0 => {
                tx.execute_batch(SCHEMA)?;
                let keys = StaticKeypair::generate(&rng)?;
                let mailbox_key = MailboxKey::generate(&rng)?;
                tx.execute(
                    "INSERT INTO identity VALUES (1, ?1, ?2, 'Home', 0)",
                    (keys.secret().expose(), mailbox_key.seed().expose()),
                )?;
                tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            }
            found => return Err(TrustError::Newer { path, found }),
        }
        tx.commit()?;
        Ok(Self { db: Mutex::new(db), rng })
    }

    /// The streamer's keys and place.
    pub fn identity(&self) -> Result<Identity, TrustError> {
        let (s, mb, place): (Vec<u8>, Vec<u8>, String) =
            self.db().query_row("SELECT s, mb, place FROM identity", [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
        let secret = |bytes: Vec<u8>| Secret::from_slice(&bytes).ok_or(TrustError::Damaged("the identity"));
        Ok(Identity {
            keys: StaticKeypair::from_secret(secret(s)?),
            mailbox_key: MailboxKey::from_seed(secret(mb)?),
            place,
        })
    }

    /// Gives the place another name.
    pub fn rename_place(&self, place: &str) -> Result<(), TrustError> {
        let place = label(place).ok_or(TrustError::EmptyLabel)?;
        self.write(|tx| Ok(tx.execute("UPDATE identity SET place = ?1", [&place]).map(|_| ())?))
    }

    /// Everybody, as one consistent copy.
    pub fn roster(&self) -> Result<Roster, TrustError> {
        let mut db = self.db();
        let tx = db.transaction()?;
        let epoch: i64 = tx.query_row("SELECT epoch FROM identity", [], |row| row.get(0))?;
        let roster = Roster::new(super::viewers::all(&tx)?, super::invites::all(&tx)?, epoch.unsigned_abs());
        tx.commit()?;
        Ok(roster)
    }

    /// One durable change: all of it, or nothing where `change` fails.
    pub(super) fn write<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, TrustError>,
    ) -> Result<T, TrustError> {
        let mut db = self.db();
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = change(&tx)?;
        tx.execute("UPDATE identity SET epoch = epoch + 1", [])?;
        tx.commit()?;
        Ok(done)
    }

    pub(super) fn db(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere leaves no half change behind: its transaction was rolled back when it was dropped.
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the folder and the file with their final modes, so that there is no moment at which others could read them.
/// SQLite gives its journal files the mode of the database.
#[cfg(unix)]
fn prepare(dir: &Path, path: &Path) -> Result<(), TrustError> {
    use std::fs::{DirBuilder, OpenOptions, Permissions};
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| TrustError::File { path, source }
    };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(at(dir))?;
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(at(path))?;
    if file.metadata().map_err(at(path))?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(at(path))?;
    }
    Ok(())
}

/// The user's profile folder is closed to others already.
#[cfg(not(unix))]
fn prepare(dir: &Path, _path: &Path) -> Result<(), TrustError> {
    std::fs::create_dir_all(dir).map_err(|source| TrustError::File { path: dir.to_owned(), source })
}
