//! What a viewer is told of the past: the answer to `past`, a bulk transfer of `application/json`. Rows are lists, because
//! there may be ten thousand of them.

use serde::{Deserialize, Serialize};

use crate::id::CameraId;
use crate::time::WallTime;

/// What it is sent as.
pub const LIST_MIME: &str = "application/json";
/// Spans at most, and motion at most, of one answer; the rest is asked for with a later `from`.
pub const MAX_ROWS: usize = 10_000;
/// Changes of the house's clock at most: the whole of a century has fewer.
pub const MAX_OFFSETS: usize = 256;
/// Times that a request may name: from 1970 up to here, the beginning of 2200, which a page's numbers hold exactly.
pub const LATEST: WallTime = WallTime(7_258_118_400_000_000);
/// Pixels across that a picture may be asked for with.
pub const PICTURE_WIDTHS: std::ops::RangeInclusive<u32> = 160..=1920;
/// Seconds that a recording on request may last; whoever wants more asks without a length.
pub const RECORD_SECONDS: std::ops::RangeInclusive<u64> = 1..=7 * 24 * 3_600;

/// Why something is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    Motion,
    Always,
    Schedule,
    /// Somebody asked for it.
    Manual,
    /// It was found on the disk: what was recorded is known, not why.
    Found,
}

/// What one camera recorded between two times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Past {
    pub camera: CameraId,
    /// As asked for.
    pub from: WallTime,
    pub to: WallTime,
    pub zone: Zone,
    /// The streamer's clock.
    pub now: WallTime,
    /// Oldest first, all that touch the range.
    pub spans: Vec<Span>,
    /// Oldest first, all that touch the range.
    pub motion: Vec<Motion>,
    pub room: Room,
    /// There is more than this: ask again from the last row on.
    pub more: bool,
}

/// The house's clock, for labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Zone {
    /// Its name in the IANA list, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// From when on the clock is how many seconds ahead of UTC; the first is at or before the range. Empty where not known.
    pub offsets: Vec<(WallTime, i32)>,
}

/// A recorded file: `[id, began, ended, why, kept, sound, bytes]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SpanRow", into = "SpanRow")]
pub struct Span {
    /// For `thumb`, `keep` and `delete`; `None` while it is being recorded.
    pub id: Option<i64>,
    pub began: WallTime,
    /// While it is being recorded: up to what can be played already.
    pub ended: WallTime,
    pub why: Cause,
    pub kept: bool,
    pub sound: bool,
    pub bytes: u64,
}

type SpanRow = (Option<i64>, WallTime, WallTime, Cause, bool, bool, u64);

impl From<SpanRow> for Span {
    fn from((id, began, ended, why, kept, sound, bytes): SpanRow) -> Self {
        Self { id, began, ended, why, kept, sound, bytes }
    }
}

impl From<Span> for SpanRow {
    fn from(Span { id, began, ended, why, kept, sound, bytes }: Span) -> Self {
        (id, began, ended, why, kept, sound, bytes)
    }
}

/// Something that moved: `[id, began, ended, peak, zones]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "MotionRow", into = "MotionRow")]
pub struct Motion {
    pub id: i64,
    pub began: WallTime,
    /// `None` while it goes on, and where its end was never heard.
    pub ended: Option<WallTime>,
    /// Largest share of the looked-at picture that moved, 0 to 1.
    pub peak: f32,
    /// Where it began; empty for the whole picture.
    pub zones: Vec<String>,
}

type MotionRow = (i64, WallTime, Option<WallTime>, f32, Vec<String>);

impl From<MotionRow> for Motion {
    fn from((id, began, ended, peak, zones): MotionRow) -> Self {
        Self { id, began, ended, peak, zones }
    }
}

impl From<Motion> for MotionRow {
    fn from(Motion { id, began, ended, peak, zones }: Motion) -> Self {
        (id, began, ended, peak, zones)
    }
}

/// How full the recordings' disk is, over all cameras.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Room {
    pub files: u64,
    pub bytes: u64,
    pub kept_bytes: u64,
    /// The oldest recording of all, and the end of the newest.
    pub oldest: Option<WallTime>,
    pub newest: Option<WallTime>,
    pub free_bytes: Option<u64>,
    /// For how many days the room will do, once that is known.
    pub days: Option<f64>,
    /// The age rule waits until the clock is to be believed.
    pub clock_doubted: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_travel_as_lists() {
        let text = r#"{"camera":"door","from":1,"to":9,"zone":{"name":"Europe/Paris","offsets":[[0,3600],[5,7200]]},"now":8,
            "spans":[[7,1,4,"motion",true,false,900],[null,5,8,"manual",false,true,70]],
            "motion":[[3,2,null,0.5,["Path"]]],
            "room":{"files":2,"bytes":970,"kept_bytes":900,"oldest":1,"newest":8,"free_bytes":null,"days":1.5,"clock_doubted":false},
            "more":false}"#;
        let past: Past = serde_json::from_str(text).expect("as documented");
        let kept = Span {
            id: Some(7),
            began: WallTime(1),
            ended: WallTime(4),
            why: Cause::Motion,
            kept: true,
            sound: false,
            bytes: 900,
        };
        assert_eq!((past.spans[0], past.spans[1].id, past.zone.offsets[1]), (kept, None, (WallTime(5), 7_200)));
        assert_eq!((past.motion[0].ended, past.motion[0].zones.as_slice()), (None, &["Path".to_owned()][..]));
        let back: serde_json::Value = serde_json::to_value(&past).expect("writes");
        assert_eq!(back, serde_json::from_str::<serde_json::Value>(text).expect("reads"));
    }
}
