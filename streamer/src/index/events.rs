//! Motion, as it was told: for the marks on a timeline.

use athome_shared::id::CameraId;
use athome_shared::time::WallTime;
use rusqlite::{Row, params};
use serde::Serialize;

use super::{Index, IndexError};

/// What moved for longer is not looked for from its middle on: a day, in microseconds.
const LONGEST: i64 = 24 * 3_600 * 1_000_000;

/// Something moved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Motion {
    pub id: i64,
    pub camera: CameraId,
    pub began: WallTime,
    /// `None` while it goes on, and where its end was never heard.
    pub ended: Option<WallTime>,
    /// Largest share of the looked-at picture that moved, 0 to 1.
    pub peak: f32,
    pub zones: Vec<String>,
}

impl Index {
    /// Something began to move.
    pub fn motion_began(&self, camera: &CameraId, began: WallTime, zones: &[String]) -> Result<(), IndexError> {
        let zones = serde_json::to_string(zones).unwrap_or_default();
        self.db().execute(
            "INSERT INTO events (camera, kind, began, zones) VALUES (?1, 'motion', ?2, ?3)",
            params![camera.as_str(), began.0, zones],
        )?;
        Ok(())
    }

    /// What began then has ended.
    pub fn motion_ended(
        &self,
        camera: &CameraId,
        began: WallTime,
        ended: WallTime,
        peak: f32,
    ) -> Result<(), IndexError> {
        self.db().execute(
            "UPDATE events SET ended = ?3, peak = ?4 WHERE camera = ?1 AND kind = 'motion' AND began = ?2",
            params![camera.as_str(), began.0, ended.0, f64::from(peak)],
        )?;
        Ok(())
    }

    /// Motion that began from `from` on and before `to`, oldest first, at most `limit`; of all cameras or one.
    pub fn motions(
        &self,
        camera: Option<&CameraId>,
        from: WallTime,
        to: WallTime,
        limit: u32,
    ) -> Result<Vec<Motion>, IndexError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT id, camera, began, ended, peak, zones FROM events
             WHERE (?1 IS NULL OR camera = ?1) AND kind = 'motion' AND began >= ?2 AND began < ?3 ORDER BY began, id LIMIT ?4",
        )?;
        let rows = statement.query_map(params![camera.map(CameraId::as_str), from.0, to.0, limit], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Motion of a camera that touches the time between the two, oldest first, at most `limit`.
    pub fn motions_during(
        &self,
        camera: &CameraId,
        from: WallTime,
        to: WallTime,
        limit: u32,
    ) -> Result<Vec<Motion>, IndexError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT id, camera, began, ended, peak, zones FROM events
             WHERE camera = ?1 AND kind = 'motion' AND began > ?2 AND began < ?4 AND coalesce(ended, began) >= ?3
             ORDER BY began, id LIMIT ?5",
        )?;
        let earliest = from.0.saturating_sub(LONGEST);
        let rows = statement.query_map(params![camera.as_str(), earliest, from.0, to.0, limit], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets motion that began before `before`: its recordings went long ago. Tells how much.
    pub fn forget_motion(&self, before: WallTime) -> Result<usize, IndexError> {
        Ok(self.db().execute("DELETE FROM events WHERE began < ?1", [before.0])?)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Motion> {
    let (camera, zones): (String, String) = (row.get(1)?, row.get(5)?);
    Ok(Motion {
        id: row.get(0)?,
        camera: CameraId::slug(&camera),
        began: WallTime(row.get(2)?),
        ended: row.get::<_, Option<i64>>(3)?.map(WallTime),
        peak: row.get::<_, f64>(4)? as f32,
        zones: serde_json::from_str(&zones).unwrap_or_default(),
    })
}
