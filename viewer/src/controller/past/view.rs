//! What the strip and the picture of the past show, as plain data.

use std::sync::Arc;
use std::time::Instant;

use crate::past::Ms;
use crate::past::known::{Gap, Known, Why};
use crate::past::player::Speed;
use crate::past::zone::Zone;
use crate::play::planes::Planes;
use crate::settings::CameraKey;

/// The strip of one camera, and where it stands.
#[derive(Clone, Debug)]
pub struct Past {
    pub camera: CameraKey,
    /// In the past; else live.
    pub on: bool,
    /// At this moment of ours the streamer's clock showed that.
    pub clock: (Instant, Ms),
    /// Where the playhead is while in the past. While a film plays, its pictures know better.
    pub at: Ms,
    /// How much time the strip shows, in milliseconds.
    pub span: f64,
    pub playing: bool,
    pub speed: Speed,
    /// The strip is being dragged, or runs on.
    pub dragging: bool,
    pub shown: Shown,
    /// Why nothing is shown where the playhead is.
    pub gap: Option<Gap>,
    /// Playing came to an end.
    pub end: Option<End>,
    pub note: Option<Note>,
    pub known: Arc<Known>,
    pub zone: Arc<Zone>,
    /// A first answer came.
    pub loaded: bool,
    /// The last question was not answered as it should have been.
    pub trouble: bool,
}

impl Past {
    /// The streamer's clock.
    pub fn now(&self, now: Instant) -> Ms {
        let (at, ms) = self.clock;
        ms + Ms::try_from(now.saturating_duration_since(at).as_millis()).unwrap_or(0)
    }
}

/// What is on the screen.
#[derive(Clone, Debug, Default)]
pub enum Shown {
    #[default]
    Nothing,
    Still(Still),
    /// The pictures of the film that plays, or stands.
    Film,
}

/// A picture by itself.
#[derive(Clone)]
pub struct Still {
    /// When it was captured.
    pub at: Ms,
    pub planes: Arc<Planes>,
}

impl std::fmt::Debug for Still {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Still").field("at", &self.at).finish_non_exhaustive()
    }
}

/// Where playing came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The newest picture there is.
    Now,
    /// Nothing was recorded after this.
    Last,
}

/// A word that stays for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    Skipped { why: Why, ms: Ms },
    Failed,
}
