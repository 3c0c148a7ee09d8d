//! How well motion is found, and what looking costs.
//!
//! `ATHOME_CLIPS` names a folder of real clips (see `clips.rs`), `ATHOME_OPENCV_PYTHON` a Python that has OpenCV, whose
//! MOG2 is compared with; without them their parts are left out, and say so. An argument picks parts: `time`, `clips`,
//! `disturb`.

mod clips;
mod disturb;
mod rival;
mod score;
mod speed;

use std::path::Path;
use std::time::{Duration, Instant};

use athome_streamer::motion::gate::{Change, HOLD};
use athome_streamer::motion::grid::plane;
use athome_streamer::motion::look::{Looker, SETTLE};
use athome_streamer::motion::sample::{Layout, Sampler};
use athome_streamer::motion::things::{Things, Trust};
use athome_streamer::motion::wide::Wide;
use athome_streamer::motion::zones::{MIDDLE, Zone, ZoneKind, ZoneMap};

use clips::{CLIPS, Clip, Gray, Pace, Pictures};
use disturb::{ALL, Disturbance};
use rival::{NAMES, Rival};
use score::Score;

/// A disturbance begins after so many seconds.
const BEGINS: f32 = 12.0;
/// A still scene is watched for so long.
const STILL: f32 = 36.0;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let want = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    if want("time") {
        speed::run();
    }
    let Some(folder) = clips::folder() else {
        println!("SKIP: no real clips (name their folder in ATHOME_CLIPS); nothing said about finding motion in them.");
        return;
    };
    let mut rival = Rival::start();
    if rival.is_none() {
        println!("SKIP: no OpenCV (name a Python that has it in ATHOME_OPENCV_PYTHON); nothing compared with MOG2.");
    }
    if want("clips") {
        on_clips(&folder, &mut rival);
    }
    if want("disturb") {
        disturbed(&folder, &mut rival);
    }
}

/// One way of looking, and its alarms.
struct Watcher {
    name: &'static str,
    start: Instant,
    alarms: Vec<[f32; 2]>,
    open: Option<f32>,
}

impl Watcher {
    fn new(name: &'static str, start: Instant) -> Self {
        Self { name, start, alarms: Vec::new(), open: None }
    }

    fn note(&mut self, at: f32, change: Option<Change>) {
        match change {
            // An alarm is there from when it is raised, not from when it says that it began.
            Some(Change::Began { .. }) => self.open = Some(at),
            Some(Change::Ended { began, .. }) => {
                let raised = self.open.take().unwrap_or((began - self.start).as_secs_f32());
                self.alarms.push([raised, (at - HOLD.as_secs_f32()).max(raised)]);
            }
            Some(Change::Peak) | None => {}
        }
    }
}

/// Everyone looks at the same pictures.
struct Bench<'a> {
    start: Instant,
    sampler: Sampler,
    looker: Looker,
    ours: Watcher,
    rival: Option<&'a mut Rival>,
    things: Vec<Things>,
    theirs: Vec<Watcher>,
    restart: bool,
    last: f32,
    views: Vec<(f32, String)>,
}

impl<'a> Bench<'a> {
    fn new(rival: Option<&'a mut Rival>, zones: &[Zone]) -> Self {
        let (start, wide) = (Instant::now(), Wide::widest());
        let map = || ZoneMap::new(zones, MIDDLE);
        Self {
            start,
            sampler: Sampler::new(wide),
            looker: Looker::new(map(), wide, 0x5eed),
            ours: Watcher::new("AtHome", start),
            things: rival.iter().flat_map(|_| NAMES).map(|_| Things::new(map(), wide)).collect(),
            theirs: rival.iter().flat_map(|_| NAMES).map(|name| Watcher::new(name, start)).collect(),
            rival,
            restart: true,
            last: 0.0,
            views: Vec::new(),
        }
    }

    fn look(&mut self, at: f32, picture: &Gray) {
        let now = self.start + Duration::from_secs_f32(at);
        let mut cells = plane(0);
        let layout = Layout { width: picture.width, height: picture.height, stride: picture.width, step: 1 };
        assert!(self.sampler.sample(&picture.luma, layout, &mut cells), "a clip's picture");
        let seen = self.looker.handle_picture(now, &cells);
        self.ours.note(at, seen.change);
        self.views.extend(seen.view.map(|view| (at, format!("{view:?}"))));
        let passed = at - std::mem::replace(&mut self.last, at);
        if let Some(rival) = &mut self.rival {
            let foregrounds = rival.look(picture, self.restart).expect("OpenCV answers");
            self.restart = false;
            let trust = if at < SETTLE.as_secs_f32() { Trust::Muted } else { Trust::Full };
            for ((things, watcher), foreground) in self.things.iter_mut().zip(&mut self.theirs).zip(&foregrounds) {
                things.handle_picture(&cells, passed);
                watcher.note(at, things.judge(now, foreground, trust, |_| true));
            }
        }
    }

    fn end(mut self) -> (Vec<Watcher>, Vec<(f32, String)>) {
        let end = self.last + HOLD.as_secs_f32();
        self.ours.note(end, self.looker.stop());
        for (things, watcher) in self.things.iter_mut().zip(&mut self.theirs) {
            watcher.note(end, things.stop());
        }
        (std::iter::once(self.ours).chain(self.theirs).collect(), self.views)
    }
}

fn zones(clip: &Clip) -> Vec<Zone> {
    let region = clip.region.map(|[x, y, w, h, width, height]| {
        let (l, t, r, b) = (x / width, y / height, (x + w) / width, (y + h) / height);
        Zone {
            name: "region".to_owned(),
            kind: ZoneKind::Watch,
            corners: vec![(l, t), (r, t), (r, b), (l, b)],
            sensitivity: None,
            min_size: None,
            min_duration: 0.0,
        }
    });
    region.into_iter().collect()
}

fn on_clips(folder: &Path, rival: &mut Option<Rival>) {
    println!("motion: real clips; events found, alarms that are right, precision, recall and F1 by the second");
    let mut sums: Vec<(&str, Score)> = Vec::new();
    for clip in CLIPS {
        let pictures = match Pictures::open(&folder.join(clip.file)) {
            Ok(pictures) => pictures,
            Err(why) => {
                println!("SKIP: {}: {why}", clip.name);
                continue;
            }
        };
        let mut bench = Bench::new(rival.as_mut(), &zones(clip));
        let mut pace = Pace::default();
        for (at, picture) in pictures {
            if pace.take(at) {
                bench.look(at, &picture);
            }
        }
        let (watchers, views) = bench.end();
        for watcher in watchers {
            let score = Score::of(&watcher.alarms, clip.events, clip.empty, SETTLE.as_secs_f32());
            print_score(clip.name, watcher.name, &score);
            if std::env::var_os("ATHOME_ALARMS").is_some() {
                println!("    {:.1?} {views:?}", watcher.alarms);
            }
            match sums.iter_mut().find(|sum| sum.0 == watcher.name) {
                Some(sum) => sum.1.add(&score),
                None => sums.push((watcher.name, score)),
            }
        }
    }
    for (name, score) in sums {
        print_score("all", name, &score);
    }
}

fn print_score(clip: &str, name: &str, score: &Score) {
    let [p, r, f1] = score.by_second();
    println!(
        "{clip:>10} {name:<16} found {:>2} of {:>2}, right {:>2} of {:>2}, recall {:.2}, precision {:.2}; by second {p:.2} {r:.2} \
         {f1:.2}; false on empty {} in {:.0} s",
        score.found,
        score.events,
        score.right,
        score.alarms,
        score.recall(),
        score.precision(),
        score.false_on_empty,
        score.empty_s
    );
}

/// Disturbances over still scenes: the empty parts of real clips, forwards and backwards, so that their noise is real.
fn disturbed(folder: &Path, rival: &mut Option<Rival>) {
    println!("motion: disturbances over empty scenes; alarms raised (and within 10 s of the begin of the disturbance)");
    for (name, file, from, to) in [
        ("people", "intel_one-by-one-person-detection.mp4", 0.5, 4.5),
        ("cars", "intel_car-detection.mp4", 9.5, 12.0),
        ("bottles", "intel_bottle-detection.mp4", 0.5, 4.5),
    ] {
        let Ok(pictures) = Pictures::open(&folder.join(file)) else {
            println!("SKIP: {file} is not there");
            continue;
        };
        let mut pace = Pace::default();
        let still: Vec<(f32, Gray)> = pictures
            .skip_while(|(at, _)| *at < from)
            .take_while(|(at, _)| *at < to)
            .filter(|(at, _)| pace.take(*at))
            .collect();
        let step = (still[still.len() - 1].0 - still[0].0) / (still.len() - 1) as f32;
        for disturbance in ALL {
            scene(name, &still, step, disturbance, rival);
        }
    }
}

fn scene(name: &str, still: &[(f32, Gray)], step: f32, disturbance: Disturbance, rival: &mut Option<Rival>) {
    let mut bench = Bench::new(rival.as_mut(), &[]);
    let count = (STILL / step) as usize;
    for n in 0..count {
        let round = 2 * (still.len() - 1);
        let at = if n % round < still.len() { n % round } else { round - n % round };
        let time = n as f32 * step;
        bench.look(time, &disturbance.apply(&still[at].1, time - BEGINS, n as u32));
    }
    let (watchers, views) = bench.end();
    let line: Vec<String> = watchers
        .iter()
        .map(|watcher| {
            let near = |alarm: &&[f32; 2]| (BEGINS..BEGINS + 10.0).contains(&alarm[0]);
            format!("{} {} ({})", watcher.name, watcher.alarms.len(), watcher.alarms.iter().filter(near).count())
        })
        .collect();
    println!("{name:>10} {:<16} {}", disturbance.name(), line.join(", "));
    if std::env::var_os("ATHOME_ALARMS").is_some() {
        println!("    {:.1?} {views:?}", watchers[0].alarms);
    }
}
