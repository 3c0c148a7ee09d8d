//! What the window shows, in figures: one JSON object each second for programs that watch it (`docs/measurements.md`).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::media::clock;
use athome_shared::time::WallTime;
use serde::Serialize;

use crate::play::planes::Planes;
use crate::settings::CameraKey;

/// Pictures of a camera that are measured between two lines.
const MOST: usize = 512;
/// A picture's own clock is believed up to this age; beyond, the picture is older than its stream (a clip of a test card).
const CLOCK_TRUST: std::ops::Range<i32> = 0..50_000;

/// Collects figures; one lock, held for a few instructions.
#[derive(Debug)]
pub struct Report {
    started: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    since: Option<Instant>,
    first_picture: Option<Duration>,
    paints: u32,
    /// From capture to the graphics driver, in microseconds.
    cameras: BTreeMap<CameraKey, Vec<u32>>,
}

/// One line (stable names).
#[derive(Debug, Serialize)]
pub struct Line {
    pub event: &'static str,
    /// Since the program started.
    pub seconds: f64,
    /// From the program's start to the first picture at the graphics driver.
    pub first_picture_ms: Option<f64>,
    /// How often the window was drawn in a second.
    pub paints: f64,
    pub cameras: Vec<Shown>,
}

/// What was shown of a camera since the last line.
#[derive(Debug, PartialEq, Serialize)]
pub struct Shown {
    pub camera: String,
    /// Different pictures shown in a second.
    pub fps: f64,
    /// From capture to the graphics driver: by the picture's own clock where it holds one, else by its time of capture.
    pub latency_ms: Latency,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p95: f64,
}

impl Report {
    /// `started` is when the program was.
    pub fn new(started: Instant) -> Self {
        Self { started, inner: Mutex::default() }
    }

    /// A picture was handed to the graphics driver; `captured` by our clock.
    pub fn handle_shown(&self, camera: &CameraKey, planes: &Planes, captured: Instant, now: Instant, wall: WallTime) {
        let [width, height] = planes.size_of(0);
        let own = clock::read_clock(planes.plane(0), width, width, height);
        let own = own.map(|shown| clock::ticks_between(shown, clock::ticks(wall)));
        let age = match own {
            Some(tenths) if CLOCK_TRUST.contains(&tenths) => tenths as u32 * 100,
            Some(_) | None => u32::try_from(now.saturating_duration_since(captured).as_micros()).unwrap_or(u32::MAX),
        };
        let started = self.started;
        let mut inner = self.lock();
        inner.first_picture.get_or_insert(now.saturating_duration_since(started));
        let ages = inner.cameras.entry(camera.clone()).or_default();
        if ages.len() < MOST {
            ages.push(age);
        }
    }

    /// The window was drawn.
    pub fn handle_painted(&self) {
        self.lock().paints += 1;
    }

    /// The figures since the last line, and starts new ones.
    pub fn line(&self, now: Instant) -> Line {
        let mut inner = self.lock();
        let span = now.saturating_duration_since(inner.since.unwrap_or(self.started)).as_secs_f64().max(1e-3);
        inner.since = Some(now);
        let paints = std::mem::take(&mut inner.paints);
        let cameras = std::mem::take(&mut inner.cameras);
        let first_picture_ms = inner.first_picture.map(|first| first.as_secs_f64() * 1e3);
        drop(inner);
        let cameras = cameras.into_iter().map(|(camera, mut ages)| {
            ages.sort_unstable();
            let at = |percent: usize| {
                let age = ages.get(ages.len() * percent / 100).or(ages.last()).copied().unwrap_or_default();
                f64::from(age) / 1e3
            };
            let latency_ms = Latency { p50: at(50), p95: at(95) };
            Shown { camera: camera.camera.to_string(), fps: ages.len() as f64 / span, latency_ms }
        });
        Line {
            event: "shown",
            seconds: now.saturating_duration_since(self.started).as_secs_f64(),
            first_picture_ms,
            paints: f64::from(paints) / span,
            cameras: cameras.collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use athome_shared::id::CameraId;
    use athome_shared::time::WallTime;

    use super::{Latency, Report};
    use crate::play::planes::Planes;
    use crate::settings::CameraKey;
    use crate::store::PlaceId;

    #[test]
    fn a_line_holds_what_was_shown_since_the_last_one() {
        let start = Instant::now();
        let report = Report::new(start);
        let door = CameraKey { place: PlaceId([1; 32]), camera: CameraId::slug("door") };
        let ms = Duration::from_millis;
        for n in 0..20 {
            let now = start + ms(500 + 25 * n);
            report.handle_painted();
            report.handle_shown(&door, &Planes::default(), now - ms(n + 1), now, WallTime(0));
        }
        let line = report.line(start + ms(1_000));
        assert_eq!((line.first_picture_ms, line.paints), (Some(500.0), 20.0));
        assert_eq!(line.cameras[0].fps, 20.0);
        assert_eq!(line.cameras[0].latency_ms, Latency { p50: 11.0, p95: 20.0 });
        let next = report.line(start + ms(2_000));
        assert!(next.cameras.is_empty() && next.paints == 0.0 && next.first_picture_ms == Some(500.0));
    }
}
