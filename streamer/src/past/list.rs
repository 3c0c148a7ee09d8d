//! What was recorded when.

use athome_shared::id::CameraId;
use athome_shared::protocol::past::{self, MAX_ROWS, Motion, Span};
use athome_shared::time::WallTime;
use jiff::tz::TimeZone;

use super::{Past, PastError, unstored, zone};
use crate::index::{Query, Segment};

impl Past {
    /// What a camera recorded between two times, and what moved.
    pub fn list(&self, camera: &CameraId, from: WallTime, to: WallTime) -> Result<past::Past, PastError> {
        let index = self.store().index();
        let limit = u32::try_from(MAX_ROWS).unwrap_or(u32::MAX).saturating_add(1);
        let query = Query { camera: Some(camera.clone()), from: Some(from), to: Some(to), limit: Some(limit) };
        let rows = index.segments(&query)?;
        let mut spans: Vec<Span> = rows.iter().map(|row| span(row, Some(row.id))).collect();
        if let Some(open) = self.under_way(camera)?.filter(|open| open.new.ended > from && open.new.began < to) {
            // Completed since the rows were read, it is there twice otherwise.
            spans.retain(|span| span.began != open.new.began);
            let at = spans.partition_point(|span| span.began <= open.new.began);
            spans.insert(at, span(&open, None));
        }
        let motion = index.motions_during(camera, from, to, limit)?;
        let mut motion: Vec<Motion> = motion
            .into_iter()
            .map(|m| Motion { id: m.id, began: m.began, ended: m.ended, peak: m.peak, zones: m.zones })
            .collect();
        let more = spans.len() > MAX_ROWS || motion.len() > MAX_ROWS;
        spans.truncate(MAX_ROWS);
        motion.truncate(MAX_ROWS);
        let room = self.store().room().map_err(unstored)?;
        let totals = room.totals;
        let room = past::Room {
            files: totals.files,
            bytes: totals.bytes,
            kept_bytes: totals.kept_bytes,
            oldest: totals.oldest,
            newest: totals.newest,
            free_bytes: room.free_bytes,
            days: room.days.filter(|days| days.is_finite()),
            clock_doubted: room.clock_doubted,
        };
        let zone = zone::zone(&TimeZone::system(), from, to);
        Ok(past::Past { camera: camera.clone(), from, to, zone, now: WallTime::now(), spans, motion, room, more })
    }
}

fn span(row: &Segment, id: Option<i64>) -> Span {
    let new = &row.new;
    Span { id, began: new.began, ended: new.ended, why: new.why, kept: new.kept, sound: new.sound, bytes: new.bytes }
}
