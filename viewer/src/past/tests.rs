//! The same cases as the page's.

use athome_shared::protocol::past::{Cause, Past, Room, Span as Row, Zone as Told};
use athome_shared::time::WallTime;
use serde::Deserialize;

use super::axis::{Axis, Detail, MAX_SPAN, MIN_SPAN, Says, Which, zoom_step};
use super::known::{Known, Why};
use super::marks::{Mark, Merged, Way, merge, neighbour, piece};
use super::momentum::{Sample, fineness, run_out, runs, speed_of};
use super::player::{Range, Speed, Step, ahead, past_gap, picture_clock, step, wants_more};
use super::scrub::{Ask, Held, Scrub, picture_step};
use super::spans::{Span, joined, snapped, span_at};
use super::times::{Times, to_type, typed};
use super::zone::Zone;
use super::{DAY, HOUR, Ms};
use crate::words::Lang;

#[derive(Deserialize)]
struct Vectors {
    zones: std::collections::BTreeMap<String, Vec<(Ms, Ms)>>,
    places: Vec<Place>,
    zooms: Vec<ZoomCase>,
    steps: Vec<StepCase>,
    labels: Vec<LabelCase>,
    local: Vec<LocalCase>,
    days: Vec<DayCase>,
    chips: Vec<ChipCase>,
    merge: Vec<MergeCase>,
    pieces: Vec<PieceCase>,
    fineness: Vec<(f64, f64)>,
    momentum: Vec<MomentumCase>,
    neighbours: Vec<NeighbourCase>,
    spans: Vec<SpanCase>,
    playing: Vec<PlayCase>,
    loading: Vec<LoadCase>,
}
#[derive(Deserialize)]
struct Place {
    centre: f64,
    span: f64,
    width: f64,
    at: Ms,
    x: f64,
}
#[derive(Deserialize)]
struct ZoomCase {
    about: String,
    centre: f64,
    span: f64,
    width: f64,
    factor: f64,
    x: f64,
    to: ZoomTo,
}
#[derive(Deserialize)]
struct ZoomTo {
    centre: f64,
    span: f64,
}
#[derive(Deserialize)]
struct StepCase {
    span: f64,
    width: f64,
    tick: Ms,
    label: Ms,
}
#[derive(Deserialize)]
struct LabelCase {
    about: String,
    zone: String,
    centre: f64,
    span: f64,
    width: f64,
    labels: Vec<(String, Ms)>,
}
#[derive(Deserialize)]
struct LocalCase {
    about: String,
    zone: String,
    local: String,
    moments: Vec<Ms>,
    existed: bool,
}
#[derive(Deserialize)]
struct DayCase {
    zone: String,
    of: Ms,
    from: Ms,
    hours: Ms,
}
#[derive(Deserialize)]
struct ChipCase {
    about: String,
    zone: String,
    centre: f64,
    span: f64,
    width: f64,
    chip: f64,
    chips: Vec<(Ms, f64)>,
}
#[derive(Deserialize)]
struct MergeCase {
    about: String,
    piece: Ms,
    marks: Vec<(Ms, Ms, f32)>,
    groups: Vec<GroupCase>,
}
#[derive(Deserialize)]
struct GroupCase {
    from: Ms,
    to: Ms,
    count: usize,
    peak: f32,
}
#[derive(Deserialize)]
struct PieceCase {
    span: f64,
    width: f64,
    piece: Ms,
}
#[derive(Deserialize)]
struct MomentumCase {
    about: String,
    samples: Vec<(f64, f64)>,
    now: f64,
    speed: f64,
    way: f64,
}
#[derive(Deserialize)]
struct NeighbourCase {
    marks: Vec<Ms>,
    at: Ms,
    next: Option<Ms>,
    previous: Option<Ms>,
}
#[derive(Deserialize)]
struct SpanCase {
    about: String,
    files: Vec<(Ms, Ms)>,
    joined: Vec<(Ms, Ms)>,
}
#[derive(Deserialize)]
struct PlayCase {
    about: String,
    at: f64,
    ranges: Vec<(f64, f64)>,
    ended: bool,
    step: StepTo,
}
#[derive(Debug, Deserialize, PartialEq)]
#[serde(tag = "do", rename_all = "snake_case")]
enum StepTo {
    Play,
    Wait,
    Hop { to: f64, ms: f64, say: bool },
    Stop,
}
#[derive(Deserialize)]
struct LoadCase {
    at: f64,
    ranges: Vec<(f64, f64)>,
    more: bool,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../shared/tests/vectors/timeline.json")).unwrap()
}

fn zone_of(name: &str) -> Zone {
    let listed = &vectors().zones[name];
    Zone::Listed(listed.iter().map(|(from, seconds)| (*from, seconds * 1_000)).collect())
}

fn ranges(pairs: &[(f64, f64)]) -> Vec<Range> {
    pairs.iter().map(|(start, end)| Range { start: *start, end: *end }).collect()
}

fn mark(from: Ms, to: Option<Ms>, peak: f32) -> Mark {
    Mark { id: from, from, to, peak, zones: Vec::new() }
}

fn spans(pairs: &[(Ms, Ms)]) -> Vec<Span> {
    pairs.iter().map(|(from, to)| Span { from: *from, to: *to }).collect()
}

#[test]
fn places_zoom_and_the_steps_of_the_axis_are_those_of_the_vectors() {
    for v in vectors().places {
        let axis = Axis { centre: v.centre, span: v.span, width: v.width };
        assert_eq!((axis.x_of(v.at), axis.time_at(v.x) as Ms), (v.x, v.at));
    }
    for v in vectors().zooms {
        let axis = Axis { centre: v.centre, span: v.span, width: v.width }.zoom(v.factor, v.x);
        assert_eq!((axis.centre, axis.span), (v.to.centre, v.to.span), "{}", v.about);
    }
    for v in vectors().steps {
        let axis = Axis { centre: 0.0, span: v.span, width: v.width };
        assert_eq!((axis.tick_step(), axis.label_step()), (v.tick, v.label), "{} on {}", v.span, v.width);
    }
    let axis = Axis { centre: 0.0, span: 1_000.0, width: 100.0 };
    assert_eq!(axis.pan(10.0).centre, -100.0);
    let hour = HOUR as f64;
    assert_eq!(zoom_step(hour, Detail::Finer), 600_000.0);
    assert_eq!(zoom_step(hour, Detail::Coarser), 6.0 * hour);
    assert_eq!(zoom_step(MIN_SPAN, Detail::Finer), MIN_SPAN);
    assert_eq!(zoom_step(MAX_SPAN, Detail::Coarser), MAX_SPAN);
}

#[test]
fn at_every_zoom_labels_stand_64_points_apart_and_ticks_8() {
    let zone = zone_of("utc");
    let mut span = MIN_SPAN;
    while span <= MAX_SPAN {
        for width in [390.0, 1_280.0] {
            let ticks = Axis { centre: 1_792_888_000_000.0, span, width }.ticks(&zone);
            let nearest = |list: &[f64]| list.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
            let labels: Vec<f64> = ticks.iter().filter(|tick| tick.label.is_some()).map(|tick| tick.x).collect();
            let all: Vec<f64> = ticks.iter().map(|tick| tick.x).collect();
            assert!(nearest(&labels) >= 63.9, "labels at {span} on {width}");
            assert!(nearest(&all) >= 7.9, "ticks at {span} on {width}");
            assert!(!labels.is_empty(), "a label at {span} on {width}");
        }
        span *= 1.07;
    }
}

#[test]
fn labels_are_in_the_houses_zone_through_the_hour_that_comes_twice_and_the_one_that_is_missing() {
    let name = |local: Ms, says: Says, which: Option<Which>| {
        let (date, time) = to_type(&zone_of("utc"), local);
        let text = match says {
            Says::Day => date,
            Says::Minutes => time[..5].to_owned(),
            Says::Seconds => time,
        };
        match which {
            None => text,
            Some(Which::First) => format!("{text} first"),
            Some(Which::Second) => format!("{text} second"),
        }
    };
    for v in vectors().labels {
        let ticks = Axis { centre: v.centre, span: v.span, width: v.width }.ticks(&zone_of(&v.zone));
        let inside = ticks.iter().filter(|tick| tick.x >= 0.0 && tick.x <= v.width);
        let found: Vec<(String, Ms)> =
            inside.filter_map(|tick| tick.label.map(|l| (name(l.local, l.says, l.which), tick.at))).collect();
        assert_eq!(found, v.labels, "{}", v.about);
    }
    for v in vectors().local {
        let (date, time) = v.local.split_once('T').unwrap();
        let found = zone_of(&v.zone).moment(typed(date, time).unwrap());
        assert_eq!((found.moments, found.existed), (v.moments, v.existed), "{}", v.about);
    }
    for v in vectors().days {
        let zone = zone_of(&v.zone);
        assert_eq!(zone.day_start(v.of), v.from);
        assert_eq!((zone.day_end(v.of) - v.from) / HOUR, v.hours);
    }
    for v in vectors().chips {
        let chips = Axis { centre: v.centre, span: v.span, width: v.width }.chips(&zone_of(&v.zone), v.chip);
        let found: Vec<(Ms, f64)> = chips.iter().map(|chip| (chip.day, chip.x)).collect();
        assert_eq!(found, v.chips, "{}", v.about);
    }
}

#[test]
fn a_zone_by_its_name_is_the_same_as_by_its_list() {
    let (named, listed) = (Zone::named("Europe/Paris").expect("this computer's list of zones"), zone_of("paris_2026"));
    for at in (1_774_000_000_000..1_795_000_000_000).step_by(7_777_777) {
        assert_eq!(named.at(at), listed.at(at), "{at}");
    }
    let jumps: Vec<Ms> = named.jumps(1_774_000_000_000, 1_795_000_000_000).iter().map(|jump| jump.at).collect();
    assert_eq!(jumps, [1_774_746_000_000, 1_792_890_000_000]);
    assert_eq!(Zone::named("Nowhere/Place"), None);
    let told = Told { name: Some("Nowhere/Place".to_owned()), offsets: vec![(WallTime(0), 3_600)] };
    assert_eq!(Zone::told(&told), Some(Zone::Listed(vec![(0, HOUR)])));
}

#[test]
fn marks_merge_and_never_vanish() {
    for v in vectors().merge {
        let marks: Vec<Mark> = v.marks.iter().map(|(from, to, peak)| mark(*from, Some(*to), *peak)).collect();
        let found: Vec<_> = merge(&marks, v.piece).iter().map(|g| (g.from, g.to, g.count, g.peak)).collect();
        let wanted: Vec<_> = v.groups.iter().map(|g| (g.from, g.to, g.count, g.peak)).collect();
        assert_eq!(found, wanted, "{}", v.about);
    }
    for v in vectors().pieces {
        assert_eq!(piece(v.span, v.width), v.piece);
    }
    let many: Vec<Mark> = (0..10_000).map(|n| mark(n * 60_000, Some(n * 60_000 + 5_000), 0.1)).collect();
    let mut merged = Merged::default();
    for span in [10_000.0, HOUR as f64, MAX_SPAN] {
        let counted: usize = merged.at(&many, 1, span, 390.0).iter().map(|group| group.count).sum();
        assert_eq!(counted, many.len(), "every mark is counted");
    }
    assert!(merged.at(&[], 2, MAX_SPAN, 390.0).is_empty(), "made anew when what is known changed");
}

#[test]
fn next_and_previous_event() {
    for v in vectors().neighbours {
        let marks: Vec<Mark> = v.marks.iter().map(|from| mark(*from, Some(from + 1_000), 0.1)).collect();
        assert_eq!(neighbour(&marks, v.at, Way::On).map(|mark| mark.from), v.next);
        assert_eq!(neighbour(&marks, v.at, Way::Back).map(|mark| mark.from), v.previous);
    }
}

#[test]
fn a_drag_is_finer_further_up_and_runs_on_when_it_was_fast() {
    for (up, part) in vectors().fineness {
        assert_eq!(fineness(up), part);
    }
    for v in vectors().momentum {
        let samples: Vec<Sample> = v.samples.iter().map(|(at, x)| Sample { at: *at, x: *x }).collect();
        let speed = speed_of(&samples, v.now);
        assert_eq!(speed, v.speed, "{}", v.about);
        assert_eq!(run_out(speed, runs(speed)).round(), v.way, "{}", v.about);
    }
}

#[test]
fn stretches() {
    for v in vectors().spans {
        assert_eq!(joined(spans(&v.files)), spans(&v.joined), "{}", v.about);
    }
    let all = spans(&[(1_000, 5_000), (9_000, 20_000)]);
    assert_eq!(span_at(&all, 1_000), Some(all[0]));
    assert_eq!((span_at(&all, 5_000), span_at(&all, 500)), (None, None));
    assert_eq!((snapped(&all, 6_000), snapped(&all, 30_000), snapped(&[], 1)), (Some(9_000), Some(19_000), None));
}

#[test]
fn while_scrubbing_two_requests_are_out_at_most_and_no_picture_comes_from_across_a_gap() {
    let mut scrub = Scrub::new(300);
    let all = Span { from: 0, to: 100_000 };
    let within = Some(all);
    let held = |at, picture| Held { at, bytes: 100, picture };
    assert_eq!(scrub.next(0), None);
    let mut asked = Vec::new();
    for at in (10_000..=60_000).step_by(1_000) {
        scrub.want(at, 500, within);
        asked.extend(scrub.next(0).map(|ask| ask.at));
        assert!(scrub.in_flight() <= 2);
    }
    assert_eq!(asked, [10_000, 11_000]);
    scrub.answer(1, held(9_600, "a"));
    assert_eq!(scrub.next(10), Some(Ask { id: 3, at: 60_000 }), "the newest, not the ones in between");
    assert_eq!(scrub.nearest(60_000, all).map(|held| held.picture), Some("a"));
    assert_eq!(scrub.nearest(60_000, Span { from: 50_000, to: 100_000 }), None, "from before a gap");
    scrub.answer(3, held(59_000, "b"));
    scrub.answer(2, held(9_600, "a"));
    assert_eq!(scrub.next(20), None, "the key frame before is all there is");
    assert_eq!(scrub.bytes(), 200);
    scrub.want(80_000, 500, within);
    let id = scrub.next(30).unwrap().id;
    scrub.answer(id, held(79_000, "c"));
    scrub.want(90_000, 500, within);
    let id = scrub.next(40).unwrap().id;
    scrub.answer(id, held(89_000, "d"));
    assert_eq!(scrub.bytes(), 300, "held to its limit");
    assert_eq!(scrub.nearest(9_600, all).map(|held| held.picture), Some("b"), "the furthest went");
    // One without an answer does not block for ever.
    for (at, now) in [(20_000, 50), (30_000, 50)] {
        scrub.want(at, 500, within);
        assert!(scrub.next(now).is_some());
    }
    scrub.want(40_000, 500, within);
    assert_eq!(scrub.next(60), None);
    assert!(scrub.next(6_000).is_some());
    let steps = [86_400_000.0, 7_200_000.0, 60_000.0].map(picture_step);
    assert_eq!(steps, [60_000, 10_000, 500]);
}

#[test]
fn playing_passes_gaps_and_says_so_and_stops_at_the_end() {
    for v in vectors().playing {
        let found = match step(v.at, &ranges(&v.ranges), v.ended) {
            Step::Play => StepTo::Play,
            Step::Wait => StepTo::Wait,
            Step::Stop => StepTo::Stop,
            Step::Hop { to, ms, say } => StepTo::Hop { to: (to * 1_000.0).round() / 1_000.0, ms: ms.round(), say },
        };
        assert_eq!(found, v.step, "{}", v.about);
    }
    for v in vectors().loading {
        assert_eq!(wants_more(&ranges(&v.ranges), v.at, true), v.more);
    }
    assert!(!wants_more(&ranges(&[(0.0, 10.0)]), 5.0, false), "standing still, less is loaded");
    assert_eq!(ahead(&ranges(&[(0.0, 10.0), (900.0, 914.0)]), 5.0), 19.0);
    let speed = |factor| Speed::of(factor).unwrap();
    assert_eq!(speed(1.0).step(Way::On), speed(2.0));
    assert_eq!(speed(16.0).step(Way::On), speed(16.0));
    assert_eq!(speed(0.25).step(Way::Back), speed(-1.0));
    assert_eq!(speed(2.0).shuttle(true, Way::On), speed(4.0));
    assert_eq!(speed(2.0).shuttle(true, Way::Back), speed(-1.0));
    assert_eq!(speed(4.0).shuttle(false, Way::On), speed(1.0));
    assert_eq!(picture_clock(10_000, speed(-4.0), 1_000, 0, 60_000), (6_000, false));
    assert_eq!(picture_clock(59_000, speed(4.0), 1_000, 0, 60_000), (60_000, true));
    let all = spans(&[(0, 10), (50, 60)]);
    let found = [(20, Way::On), (20, Way::Back), (55, Way::On), (70, Way::On)].map(|(at, way)| past_gap(&all, at, way));
    assert_eq!(found, [Some(50), Some(10), Some(55), None]);
}

/// An answer with these files: number, began and ended in seconds, why.
pub(crate) fn told(files: &[(i64, i64, i64, Cause)], from: Ms, to: Ms, now: Ms) -> Past {
    let us = |ms: Ms| WallTime(ms * 1_000);
    let row = |(id, began, ended, why): &(i64, i64, i64, Cause)| Row {
        id: Some(*id),
        began: us(began * 1_000),
        ended: us(ended * 1_000),
        why: *why,
        kept: false,
        sound: false,
        bytes: 1_000,
    };
    Past {
        camera: athome_shared::id::CameraId::slug("door"),
        from: us(from),
        to: us(to),
        zone: Told::default(),
        now: us(now),
        spans: files.iter().map(row).collect(),
        motion: Vec::new(),
        room: Room::default(),
        more: false,
    }
}

#[test]
fn what_is_known_grows_and_only_what_is_missing_is_asked_for() {
    let mut known = Known::default();
    let now = 10 * DAY;
    let range = known.missing(now - HOUR, now).unwrap();
    assert_eq!(range, Span { from: now - 2 * HOUR, to: now + HOUR });
    assert_eq!(known.missing(0, now), None, "one answer is awaited");
    let s = now / 1_000;
    let files =
        [(1, s - 600, s - 500, Cause::Motion), (2, s - 300, s - 200, Cause::Motion), (3, s - 100, s, Cause::Always)];
    known.add(range, &told(&files, range.from, range.to, now));
    assert_eq!(known.spans.len(), 3);
    assert_eq!(known.gaps.iter().map(|gap| gap.why).collect::<Vec<_>>(), [Why::Quiet, Why::Unknown]);
    assert_eq!(known.gap_at(now - 400_000).map(|gap| gap.from), Some(now - 500_000));
    assert_eq!(known.missing(now - HOUR, now), None, "known already");
    let more = known.missing(now, now + 10_000).unwrap();
    assert_eq!(more.from, now - HOUR, "what is newer than the answer");
    known.failed();
    known.stale(now - 150_000);
    assert!(known.missing(now - HOUR, now).is_some(), "asked for again");
    known.failed();
    assert_eq!(known.files_of(now - 250_000, now).count(), 2);
}

#[test]
fn moments_are_said_in_both_languages() {
    let zone = zone_of("paris_2026");
    let (en, fr) = (Times { lang: Lang::En }, Times { lang: Lang::Fr });
    let at = 1_795_007_112_000;
    assert_eq!(en.time(&zone, at), "14:05:12");
    assert_eq!(
        (en.day(&zone, at), en.day_long(&zone, at)),
        ("Wed 18 Nov".to_owned(), "Wednesday 18 November".to_owned())
    );
    assert_eq!(
        (fr.day(&zone, at), fr.day_long(&zone, at)),
        ("mer. 18 nov.".to_owned(), "mercredi 18 novembre".to_owned())
    );
    assert_eq!(en.minutes(&zone, 1_792_888_200_000), "02:30 (summer)");
    assert_eq!(fr.minutes(&zone, 1_792_891_800_000), "02:30 (hiver)");
    assert_eq!(
        [12_000, 90_000, 7_500_000].map(|ms| en.length(ms)),
        ["12\u{a0}s", "1\u{a0}min\u{a0}30\u{a0}s", "2\u{a0}h\u{a0}5\u{a0}min"]
    );
    assert_eq!(typed("2026-11-18", "14:05"), typed("2026/11/18", "14.05.00"));
    assert_eq!((typed("2026-02-30", "10:00"), typed("", "10:00"), typed("2026-11-18", "25:00")), (None, None, None));
    assert_eq!(to_type(&zone, at), ("2026-11-18".to_owned(), "14:05:12".to_owned()));
}
