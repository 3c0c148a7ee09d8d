//! Recorded files, and the list of those that are to be removed.

use athome_shared::id::CameraId;
use athome_shared::time::WallTime;
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;

use super::{Index, IndexError};
use crate::events::Cause;

/// A recorded file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    pub id: i64,
    #[serde(flatten)]
    pub new: NewSegment,
}

/// What is known of a file when it is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewSegment {
    pub camera: CameraId,
    /// From the folder of recordings, with `/`.
    pub file: String,
    pub began: WallTime,
    pub ended: WallTime,
    pub bytes: u64,
    pub why: Cause,
    pub width: u32,
    pub height: u32,
    pub sound: bool,
    /// It stays whatever its age, and whatever room is needed.
    pub kept: bool,
    /// The clock was to be believed when it was recorded.
    pub dated: bool,
}

/// Which segments. All of it optional; the answer is oldest first.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pub camera: Option<CameraId>,
    /// Those that end after …
    pub from: Option<WallTime>,
    /// … and begin before.
    pub to: Option<WallTime>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// Sums over all segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    pub files: u64,
    pub bytes: u64,
    pub kept_bytes: u64,
    pub oldest: Option<WallTime>,
    pub newest: Option<WallTime>,
}

const COLUMNS: &str = "id, camera, file, began, ended, bytes, why, width, height, sound, kept, dated";

impl Index {
    /// Adds a complete file and returns its number. One of the same name is replaced by what is known now.
    pub fn add(&self, new: &NewSegment) -> Result<i64, IndexError> {
        let db = self.db();
        // A name that was removed before is this file's now.
        db.execute("DELETE FROM garbage WHERE file = ?1", [&new.file])?;
        db.prepare_cached(
            "INSERT INTO segments (camera, file, began, ended, bytes, why, width, height, sound, kept, dated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (file) DO UPDATE SET began = ?3, ended = ?4, bytes = ?5, width = ?7, height = ?8, sound = ?9, kept = ?10",
        )?
        .execute(params![
            new.camera.as_str(),
            new.file,
            new.began.0,
            new.ended.0,
            i64::try_from(new.bytes).unwrap_or(i64::MAX),
            text(new.why),
            new.width,
            new.height,
            new.sound,
            new.kept,
            new.dated,
        ])?;
        Ok(db.query_row("SELECT id FROM segments WHERE file = ?1", [&new.file], |row| row.get(0))?)
    }

    /// Segments, oldest first.
    pub fn segments(&self, query: &Query) -> Result<Vec<Segment>, IndexError> {
        let db = self.db();
        let mut statement = db.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM segments
             WHERE (?1 IS NULL OR camera = ?1) AND ended > ?2 AND began < ?3 ORDER BY began, id LIMIT ?4"
        ))?;
        let rows = statement.query_map(
            params![
                query.camera.as_ref().map(CameraId::as_str),
                query.from.map_or(i64::MIN, |at| at.0),
                query.to.map_or(i64::MAX, |at| at.0),
                query.limit.map_or(-1, i64::from),
            ],
            read,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A camera's newest segment that began at or before a time.
    pub fn last_begun(&self, camera: &CameraId, at: WallTime) -> Result<Option<Segment>, IndexError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM segments WHERE camera = ?1 AND began <= ?2 ORDER BY began DESC, id DESC LIMIT 1"
        );
        let db = self.db();
        Ok(db.prepare_cached(&sql)?.query_row(params![camera.as_str(), at.0], read).optional()?)
    }

    /// A camera's first segment that began after a time.
    pub fn next_begun(&self, camera: &CameraId, at: WallTime) -> Result<Option<Segment>, IndexError> {
        let sql = format!("SELECT {COLUMNS} FROM segments WHERE camera = ?1 AND began > ?2 ORDER BY began, id LIMIT 1");
        let db = self.db();
        Ok(db.prepare_cached(&sql)?.query_row(params![camera.as_str(), at.0], read).optional()?)
    }

    /// One segment.
    pub fn segment(&self, id: i64) -> Result<Segment, IndexError> {
        let db = self.db();
        let found = db.query_row(&format!("SELECT {COLUMNS} FROM segments WHERE id = ?1"), [id], read).optional()?;
        found.ok_or(IndexError::Unknown)
    }

    /// What all of it comes to.
    pub fn totals(&self) -> Result<Totals, IndexError> {
        let sum = "SELECT count(*), coalesce(sum(bytes), 0), coalesce(sum(bytes * kept), 0), min(began), max(ended) FROM segments";
        Ok(self.db().query_row(sum, [], |row| {
            Ok(Totals {
                files: row.get::<_, i64>(0)?.unsigned_abs(),
                bytes: row.get::<_, i64>(1)?.unsigned_abs(),
                kept_bytes: row.get::<_, i64>(2)?.unsigned_abs(),
                oldest: row.get::<_, Option<i64>>(3)?.map(WallTime),
                newest: row.get::<_, Option<i64>>(4)?.map(WallTime),
            })
        })?)
    }

    /// When the newest one ended that was recorded under a clock to be believed.
    pub fn newest_dated(&self) -> Result<Option<WallTime>, IndexError> {
        let newest = "SELECT max(ended) FROM segments WHERE dated";
        Ok(self.db().query_row(newest, [], |row| row.get::<_, Option<i64>>(0))?.map(WallTime))
    }

    /// Pins a segment, or takes the pin off.
    pub fn set_kept(&self, id: i64, kept: bool) -> Result<(), IndexError> {
        match self.db().execute("UPDATE segments SET kept = ?2 WHERE id = ?1", params![id, kept])? {
            0 => Err(IndexError::Unknown),
            _ => Ok(()),
        }
    }

    /// First step of a removal: the file is no recording any more, and may be unlinked. False where it is pinned or gone.
    pub fn condemn(&self, id: i64) -> Result<bool, IndexError> {
        let mut db = self.db();
        let tx = db.transaction()?;
        let file: Option<String> = tx
            .query_row("DELETE FROM segments WHERE id = ?1 AND kept = 0 RETURNING file", [id], |row| row.get(0))
            .optional()?;
        if let Some(file) = &file {
            tx.execute("INSERT OR IGNORE INTO garbage VALUES (?1)", [file])?;
        }
        tx.commit()?;
        Ok(file.is_some())
    }

    /// A file that is gone from the disk without us: nothing is left to unlink.
    pub fn forget(&self, id: i64) -> Result<(), IndexError> {
        self.db().execute("DELETE FROM segments WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Files to unlink, at most so many.
    pub fn garbage(&self, limit: u32) -> Result<Vec<String>, IndexError> {
        let db = self.db();
        let mut statement = db.prepare_cached("SELECT file FROM garbage LIMIT ?1")?;
        let rows = statement.query_map([limit], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Last step of a removal: the file is durably gone.
    pub fn unlinked(&self, file: &str) -> Result<(), IndexError> {
        self.db().execute("DELETE FROM garbage WHERE file = ?1", [file])?;
        Ok(())
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Segment> {
    let camera: String = row.get(1)?;
    let wrong = |column, what: &str| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, what.to_owned().into())
    };
    Ok(Segment {
        id: row.get(0)?,
        new: NewSegment {
            camera: CameraId::new(&camera).ok_or_else(|| wrong(1, "no camera's id"))?,
            file: row.get(2)?,
            began: WallTime(row.get(3)?),
            ended: WallTime(row.get(4)?),
            bytes: row.get::<_, i64>(5)?.unsigned_abs(),
            why: cause(&row.get::<_, String>(6)?),
            width: row.get(7)?,
            height: row.get(8)?,
            sound: row.get(9)?,
            kept: row.get(10)?,
            dated: row.get(11)?,
        },
    })
}

fn text(why: Cause) -> &'static str {
    match why {
        Cause::Motion => "motion",
        Cause::Always => "always",
        Cause::Schedule => "schedule",
        Cause::Manual => "manual",
        Cause::Found => "found",
    }
}

fn cause(text: &str) -> Cause {
    let all = [Cause::Motion, Cause::Always, Cause::Schedule, Cause::Manual];
    all.into_iter().find(|why| self::text(*why) == text).unwrap_or(Cause::Found)
}
