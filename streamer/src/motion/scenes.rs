//! Whole scenes, made here: what is found, and what is not taken for motion. Each guard is also shown to be needed, by
//! the same scene without it.

use std::time::{Duration, Instant};

use super::gate::{Change, HOLD};
use super::grid::{CELLS, HEIGHT, Plane, WIDTH, plane};
use super::guard::view::View;
use super::look::{Guards, Looker, SETTLE};
use super::wide::Wide;
use super::zones::{MIDDLE, Zone, ZoneKind, ZoneMap};

const FPS: f32 = 15.0;
/// When something happens, in seconds.
const AT: f32 = 6.0;
/// No event may come of a disturbance within this time.
const QUIET: f32 = 10.0;

/// A room: some furniture and walls of different brightness, and noise.
fn room(x: f32, y: f32) -> f32 {
    let wall = 70.0 + 0.25 * x + 0.3 * y;
    let furniture: f32 =
        [(20.0, 50.0, 25.0, 60.0), (70.0, 20.0, 18.0, -40.0), (110.0, 55.0, 30.0, 45.0), (60.0, 70.0, 20.0, 70.0)]
            .iter()
            .filter(|(left, top, side, _)| (*left..left + side).contains(&x) && (*top..top + side * 0.7).contains(&y))
            .map(|(.., tone)| *tone)
            .sum();
    let stripes = if (x as i32 / 4) % 2 == 0 && y > 40.0 { 12.0 } else { 0.0 };
    wall + furniture + stripes
}

struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 % 1000) as f32 / 1000.0
    }
}

/// What came of a scene: times of begins and ends, zones, and what was said of the view.
#[derive(Debug, Default)]
struct Told {
    began: Vec<(f32, u16)>,
    ended: Vec<(f32, f32)>,
    views: Vec<(f32, View)>,
}

impl Told {
    fn begins_within(&self, from: f32, to: f32) -> usize {
        self.began.iter().filter(|(at, _)| (from..to).contains(at)).count()
    }
}

/// Looks at `seconds` of a scene. `light` makes a cell's luma from where it is, what is there and the time.
fn watch(
    guards: Guards,
    zones: &[Zone],
    seconds: f32,
    light: impl Fn(f32, f32, f32, &dyn Fn(f32, f32) -> f32) -> f32,
) -> Told {
    watch_at(FPS, guards, zones, seconds, light)
}

fn watch_at(
    fps: f32,
    guards: Guards,
    zones: &[Zone],
    seconds: f32,
    light: impl Fn(f32, f32, f32, &dyn Fn(f32, f32) -> f32) -> f32,
) -> Told {
    let mut looker = Looker::new(ZoneMap::new(zones, MIDDLE), Wide::widest(), 7).with_guards(guards);
    let (start, mut noise, mut told) = (Instant::now(), Noise(0x1234_5678), Told::default());
    let mut picture: Box<Plane> = plane(0);
    for n in 0..(seconds * fps) as u32 {
        let at = n as f32 / fps;
        for (i, cell) in picture.iter_mut().enumerate() {
            let value = light((i % WIDTH) as f32, (i / WIDTH) as f32, at, &room);
            *cell = (value + noise.next() * 3.0 - 1.5).clamp(0.0, 255.0) as u8;
        }
        let seen = looker.handle_picture(start + Duration::from_secs_f32(at), &picture);
        match seen.change {
            Some(Change::Began { zones, .. }) => told.began.push((at, zones)),
            Some(Change::Ended { peak, .. }) => told.ended.push((at, peak)),
            Some(Change::Peak) | None => {}
        }
        told.views.extend(seen.view.map(|view| (at, view)));
    }
    told
}

/// Someone walks: 8 by 16 cells, 12 cells a second, from the left at [`AT`].
fn walker(x: f32, y: f32, at: f32) -> Option<f32> {
    let left = (at - AT) * 12.0 - 8.0;
    ((left..left + 8.0).contains(&x) && (40.0..56.0).contains(&y)).then_some(if (y as i32) % 5 < 2 {
        180.0
    } else {
        30.0
    })
}

fn without(off: impl Fn(&mut Guards)) -> Guards {
    let mut guards = Guards::default();
    off(&mut guards);
    guards
}

#[test]
fn someone_who_walks_is_found_within_a_second_at_any_rate() {
    for fps in [5.0, 10.0, 15.0, 30.0] {
        let told = watch_at(fps, Guards::default(), &[], 26.0, |x, y, at, room| {
            walker(x, y, at).unwrap_or_else(|| room(x, y))
        });
        assert_eq!(told.began.len(), 1, "{fps}: {told:?}");
        let (began, _) = told.began[0];
        // Half of the body is in view after a third of a second.
        assert!((AT..AT + 1.3).contains(&began), "{fps}: {told:?}");
        // 160 cells and the body take 14 s; then the hold.
        let (ended, peak) = told.ended[0];
        let gone = AT + 168.0 / 12.0;
        assert!((gone..gone + HOLD.as_secs_f32() + 2.0).contains(&ended), "{fps}: {told:?}");
        assert!((0.003..0.05).contains(&peak), "128 of 14400 cells: {told:?}");
    }
    // Control: an empty room.
    assert!(watch(Guards::default(), &[], 26.0, |x, y, _, room| room(x, y)).began.is_empty());
}

#[test]
fn nothing_is_said_while_a_new_scene_is_learned() {
    let early = watch(Guards::default(), &[], SETTLE.as_secs_f32(), |x, y, at, room| {
        walker(x, y, at + AT + 1.0).unwrap_or_else(|| room(x, y))
    });
    assert!(early.began.is_empty(), "{early:?}");
}

/// A disturbance raises nothing by itself; without its guard it does.
fn guarded(name: &str, off: impl Fn(&mut Guards), light: impl Fn(f32, f32, f32, &dyn Fn(f32, f32) -> f32) -> f32) {
    let told = watch(Guards::default(), &[], AT + QUIET, &light);
    assert_eq!(told.begins_within(0.0, AT + QUIET), 0, "{name}: {told:?}");
    let control = watch(without(off), &[], AT + QUIET, &light);
    assert!(control.begins_within(AT, AT + QUIET) > 0, "{name}: without its guard nothing happens either");
}

fn lamp(x: f32, y: f32) -> f32 {
    1.0 + 0.9 * (-((x - 50.0).powi(2) + (y - 25.0).powi(2)) / 900.0).exp()
}

#[test]
fn a_lamp_is_no_motion() {
    guarded(
        "lamp",
        |guards| *guards = Guards { tones: false, light: false, scene: false, tracks: false, ..*guards },
        |x, y, at, room| if at < AT { room(x, y) } else { room(x, y) * lamp(x, y) },
    );
}

#[test]
fn light_on_a_part_of_the_scene_keeps_its_texture() {
    // By itself the guard does it, without the tracks; without it each lit part would count.
    let lit = |x: f32, y: f32, at: f32, room: &dyn Fn(f32, f32) -> f32| {
        let part = (60.0..100.0).contains(&x) && (60.0..85.0).contains(&y);
        if at >= AT && part { room(x, y) * 1.3 } else { room(x, y) }
    };
    let every = |light| without(|guards| *guards = Guards { tracks: false, scene: false, light, ..*guards });
    assert_eq!(watch(every(true), &[], AT + 2.0, lit).began.len(), 0);
    assert!(!watch(every(false), &[], AT + 2.0, lit).began.is_empty(), "the control");
}

#[test]
fn exposure_is_no_motion() {
    let ramp = |x: f32, y: f32, at: f32, room: &dyn Fn(f32, f32) -> f32| {
        let turn = ((at - AT).clamp(0.0, 8.0) / 8.0 * std::f32::consts::TAU).sin();
        room(x, y) * (1.0 + 0.35 * turn)
    };
    guarded("ramp", |guards| *guards = Guards { tones: false, light: false, tracks: false, ..*guards }, ramp);
    guarded(
        "jump",
        |guards| *guards = Guards { tones: false, light: false, scene: false, tracks: false, ..*guards },
        |x, y, at, room| if at < AT { room(x, y) } else { room(x, y) * 1.4 },
    );
}

#[test]
fn an_infrared_switch_is_no_motion_and_no_other_view() {
    let switch = |x: f32, y: f32, at: f32, room: &dyn Fn(f32, f32) -> f32| {
        let v = room(x, y);
        if at < AT {
            v
        } else if at < AT + 0.3 {
            20.0
        } else {
            50.0 + 60.0 * (v / 40.0).sin() + v * 0.2
        }
    };
    guarded("infrared", |guards| *guards = Guards { scene: false, tones: false, tracks: false, ..*guards }, switch);
    let told = watch(Guards::default(), &[], AT + QUIET, switch);
    assert!(told.views.is_empty(), "{told:?}");
}

#[test]
fn shake_is_no_motion() {
    guarded(
        "shake",
        |guards| *guards = Guards { shake: false, tracks: false, ..*guards },
        |x, y, at, room| {
            if (AT..AT + 2.0).contains(&at) {
                room(x + (at * 40.0).sin() * 0.6, y + (at * 31.0).cos() * 0.4)
            } else {
                room(x, y)
            }
        },
    );
}

#[test]
fn a_covered_lens_is_told_and_is_no_motion() {
    let covered = |x: f32, y: f32, at: f32, room: &dyn Fn(f32, f32) -> f32| {
        if (AT..AT + 8.0).contains(&at) { 18.0 } else { room(x, y) }
    };
    let told = watch(Guards::default(), &[], 24.0, covered);
    assert!(told.began.is_empty(), "{told:?}");
    let [(covered_at, View::Covered), (clear_at, View::Clear)] = told.views[..] else { panic!("{told:?}") };
    assert!((AT..AT + 4.0).contains(&covered_at) && (AT + 8.0..AT + 12.0).contains(&clear_at), "{told:?}");
    let control = watch(without(|guards| guards.view = false), &[], 24.0, covered);
    assert!(control.views.is_empty());
}

#[test]
fn a_blinded_and_a_turned_camera_are_told() {
    let blinded = watch(Guards::default(), &[], 14.0, |x, y, at, room| if at < AT { room(x, y) } else { 250.0 });
    assert!(blinded.views.iter().any(|(_, view)| *view == View::Blinded), "{blinded:?}");
    let turned = watch(Guards::default(), &[], 16.0, |x, y, at, room| {
        if at < AT { room(x, y) } else { 240.0 - room((x * 1.7 + 31.0) % 160.0, 89.0 - y) }
    });
    assert!(turned.views.iter().any(|(_, view)| *view == View::Moved), "{turned:?}");
    assert!(turned.began.is_empty(), "{turned:?}");
}

#[test]
fn rain_and_insects_are_no_motion() {
    let drop = |x: f32, y: f32, at: f32| {
        let n = (at * FPS) as u32;
        let spread = |salt: u32| (n.wrapping_mul(0x9e37_79b9) ^ salt.wrapping_mul(0x85eb_ca6b)) >> 7;
        (0..70).any(|d| {
            let (cx, cy) = (spread(d * 2) % 160, spread(d * 2 + 1) % 90);
            x as u32 == cx && (cy..cy + 7).contains(&(y as u32))
        })
    };
    let rain = move |x: f32, y: f32, at: f32, room: &dyn Fn(f32, f32) -> f32| {
        room(x, y) + if at >= AT && drop(x, y, at) { 40.0 } else { 0.0 }
    };
    guarded("rain", |guards| guards.tracks = false, rain);
    // Across the picture in 0.4 s, one a second.
    let insect = |x: f32, y: f32, at: f32, room: &dyn Fn(f32, f32) -> f32| {
        let way = (at - AT).rem_euclid(1.0) / 0.4;
        let (cx, cy) = (10.0 + 120.0 * way, 30.0 + 30.0 * (way * 3.0).sin());
        let near = (x - cx).hypot(y - cy) < 6.0;
        if at >= AT && way <= 1.0 && near { 220.0 } else { room(x, y) }
    };
    guarded("insects", |guards| guards.tracks = false, insect);
}

#[test]
fn someone_is_found_after_the_light_changed() {
    let told = watch(Guards::default(), &[], AT + 8.0, |x, y, at, room| {
        walker(x, y, at - 3.0).unwrap_or_else(|| if at < AT { room(x, y) } else { room(x, y) * 1.4 })
    });
    assert_eq!(told.began.len(), 1, "{told:?}");
}

fn zone(name: &str, kind: ZoneKind, left: f32, right: f32) -> Zone {
    Zone {
        name: name.to_owned(),
        kind,
        corners: vec![(left, 0.0), (right, 0.0), (right, 1.0), (left, 1.0)],
        sensitivity: None,
        min_size: None,
        min_duration: 0.0,
    }
}

fn walk(zones: &[Zone]) -> Told {
    watch(Guards::default(), zones, 26.0, |x, y, at, room| walker(x, y, at).unwrap_or_else(|| room(x, y)))
}

#[test]
fn a_zone_counts_what_is_in_it_and_knows_who_came_from_outside() {
    // The walker is in the right half after 7 s.
    let right = walk(&[zone("right", ZoneKind::Watch, 0.5, 1.0)]);
    assert_eq!(right.began.len(), 1, "{right:?}");
    assert!((AT + 6.5..AT + 7.8).contains(&right.began[0].0), "{right:?}");
    let both = walk(&[zone("left", ZoneKind::Watch, 0.0, 0.5), zone("right", ZoneKind::Watch, 0.5, 1.0)]);
    assert_eq!(both.began.iter().map(|(_, zones)| *zones).collect::<Vec<_>>(), [1], "{both:?}");
    // Ignored and private parts don't count, whatever else is watched.
    for kind in [ZoneKind::Ignore, ZoneKind::Privacy] {
        let ignored = walk(&[zone("all", ZoneKind::Watch, 0.0, 1.0), zone("path", kind, 0.0, 1.0)]);
        assert!(ignored.began.is_empty(), "{ignored:?}");
        let left = walk(&[zone("path", kind, 0.0, 0.5)]);
        assert!(left.began.iter().all(|(at, _)| *at > AT + 6.5) && left.began.len() == 1, "{left:?}");
    }
}

#[test]
fn a_zone_asks_for_size_and_duration() {
    let sized = |share| Zone { min_size: Some(share), ..zone("all", ZoneKind::Watch, 0.0, 1.0) };
    assert_eq!(walk(&[sized(0.004)]).began.len(), 1, "57 cells of the walker's 128");
    assert!(walk(&[sized(0.02)]).began.is_empty());
    let long = |seconds| Zone { min_duration: seconds, ..zone("all", ZoneKind::Watch, 0.0, 1.0) };
    let told = walk(&[long(5.0)]);
    assert!(told.began.len() == 1 && told.began[0].0 >= AT + 5.0, "{told:?}");
    assert!(walk(&[long(30.0)]).began.is_empty());
    let dull = Zone { sensitivity: Some(1), ..zone("all", ZoneKind::Watch, 0.0, 1.0) };
    let keen = Zone { sensitivity: Some(100), ..dull.clone() };
    let faint = |zone: &Zone| {
        watch(Guards::default(), std::slice::from_ref(zone), 14.0, |x, y, at, room| {
            // A pattern that goes with it: added alone it would be a patch of light.
            let pattern = if ((x - (at - AT) * 12.0) / 2.0).floor() as i32 % 2 == 0 { 14.0 } else { -14.0 };
            room(x, y) + walker(x, y, at).map_or(0.0, |_| pattern)
        })
    };
    assert!(faint(&dull).began.is_empty() && !faint(&keen).began.is_empty());
}

#[test]
fn other_zones_apply_to_the_next_picture_and_end_what_went_on() {
    let mut looker = Looker::new(ZoneMap::new(&[], MIDDLE), Wide::portable(), 1);
    let (start, mut changes) = (Instant::now(), Vec::new());
    for n in 0..150u32 {
        let at = n as f32 / FPS;
        if n == 120 {
            changes.extend(looker.set_zones(ZoneMap::new(&[zone("none", ZoneKind::Ignore, 0.0, 1.0)], MIDDLE)));
        }
        let mut picture = plane(0);
        for (i, cell) in picture.iter_mut().enumerate() {
            let (x, y) = ((i % WIDTH) as f32, (i / WIDTH) as f32);
            *cell = walker(x, y, at + 2.0).unwrap_or_else(|| room(x, y)) as u8;
        }
        changes.extend(looker.handle_picture(start + Duration::from_secs_f32(at), &picture).change);
    }
    let ends = |change: &Change| matches!(change, Change::Ended { .. });
    assert!(matches!(changes.first(), Some(Change::Began { .. })), "{changes:?}");
    assert!(
        changes.last().is_some_and(ends) && changes.iter().filter(|change| ends(change)).count() == 1,
        "{changes:?}"
    );
    assert_eq!(looker.zones().looked_at, 0);
}

#[test]
fn every_processor_sees_the_same() {
    let run = |wide| {
        let mut looker = Looker::new(ZoneMap::new(&[], MIDDLE), wide, 3);
        let (start, mut noise) = (Instant::now(), Noise(99));
        let mut cells = Vec::new();
        for n in 0..120u32 {
            let at = n as f32 / FPS;
            let mut picture = plane(0);
            for (i, cell) in picture.iter_mut().enumerate() {
                let (x, y) = ((i % WIDTH) as f32, (i / WIDTH) as f32);
                let value = walker(x, y, at + 3.0).unwrap_or_else(|| room(x, y));
                *cell = (value + noise.next() * 8.0).clamp(0.0, 255.0) as u8;
            }
            looker.handle_picture(start + Duration::from_secs_f32(at), &picture);
            cells.push(looker.cells().to_vec());
        }
        cells
    };
    let portable = run(Wide::portable());
    assert!(portable.iter().flatten().any(|cell| *cell != 0), "something moved");
    assert_eq!(run(Wide::widest()), portable);
    assert_eq!(portable[0].len(), CELLS);
    assert_eq!(HEIGHT * WIDTH, CELLS);
}
