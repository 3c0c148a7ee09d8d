//! Looking back: the strip, the picture of the past, and the way back to live.

use std::sync::Arc;
use std::time::Duration;

use athome_shared::protocol::control::Role as Right;
use athome_shared::protocol::past::{Cause, Motion, Span as Row};
use athome_shared::time::WallTime;
use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT, Queryable};

use super::{Desk, HOME, found, key, model, wished, wishes};
use crate::controller::past::{End, Note, Past, Shown, Still};
use crate::past::known::{Gap, Known, Why};
use crate::past::player::Speed;
use crate::past::spans::Span;
use crate::past::zone::Zone;
use crate::past::{HOUR, MINUTE, Ms};
use crate::play::planes::{Colour, Planes};
use crate::settings::CameraKey;
use crate::ui::view::{Dialog, Side};
use crate::words::Lang;

/// Wednesday 18 November 2026, 14:05:12 in Lyon.
const NOW: Ms = 1_795_007_112_000;

fn known() -> Known {
    let us = |ms: Ms| WallTime((NOW + ms) * 1_000);
    let row = |id, from, to, why| Row {
        id: Some(id),
        began: us(from),
        ended: us(to),
        why,
        kept: false,
        sound: true,
        bytes: 9,
    };
    let mut told = crate::past::tests::told(&[], NOW - 25 * HOUR, NOW, NOW);
    told.spans = vec![
        row(1, -50 * MINUTE, -30 * MINUTE, Cause::Always),
        row(2, -25 * MINUTE, -12 * MINUTE, Cause::Always),
        row(3, -10 * MINUTE, 0, Cause::Motion),
    ];
    let motion = |n: i64| Motion {
        id: n,
        began: us(-40 * MINUTE + n * 20_000),
        ended: Some(us(-40 * MINUTE + n * 20_000 + 9_000)),
        peak: 0.02 * n as f32,
        zones: Vec::new(),
    };
    told.motion = (0..20).map(motion).collect();
    let mut known = Known::default();
    known.add(Span { from: NOW - 25 * HOUR, to: NOW }, &told);
    known
}

/// The strip is open, and the picture is live.
pub(super) fn live(desk: &mut Desk) {
    desk.model.places[0].roles = vec![Right::View, Right::Playback];
    desk.model.past = Some(Past {
        camera: CameraKey { place: HOME, camera: key(0).camera },
        on: false,
        clock: (desk.now, NOW),
        at: NOW,
        span: HOUR as f64,
        playing: false,
        speed: Speed::default(),
        dragging: false,
        shown: Shown::Nothing,
        gap: None,
        end: None,
        note: None,
        known: Arc::new(known()),
        zone: Arc::new(Zone::Listed(vec![(0, HOUR)])),
        loaded: true,
        trouble: false,
    });
}

fn past(desk: &mut Desk) -> &mut Past {
    desk.model.past.as_mut().expect("the strip is open")
}

/// Five minutes ago, standing.
pub(super) fn still(desk: &mut Desk) {
    live(desk);
    let planes = Planes::of_pixels(8, 8, Colour::default(), &[120; 192]);
    let view = past(desk);
    view.on = true;
    view.at = NOW - 5 * MINUTE;
    view.shown = Shown::Still(Still { at: NOW - 5 * MINUTE - 300, planes: Arc::new(planes) });
}

pub(super) fn gap(desk: &mut Desk) {
    still(desk);
    let view = past(desk);
    view.at = NOW - 27 * MINUTE;
    view.shown = Shown::Nothing;
    view.gap = Some(Gap { from: NOW - 30 * MINUTE, to: NOW - 25 * MINUTE, why: Why::Off });
}

pub(super) fn end(desk: &mut Desk) {
    still(desk);
    past(desk).end = Some(End::Now);
}

pub(super) fn goto(desk: &mut Desk) {
    still(desk);
    let form = crate::ui::goto::Form::of(desk.model.past.as_ref().expect("open"), NOW - 5 * MINUTE);
    desk.view.dialog = Some(Dialog::Goto(form));
}

pub(super) fn events(desk: &mut Desk) {
    still(desk);
    desk.view.side = Some(Side::Events);
}

fn desk(change: impl Fn(&mut Desk)) -> Desk {
    let mut desk = Desk::new(model());
    change(&mut desk);
    desk
}

/// What the slider says, and its name.
fn slider(harness: &egui_kittest::Harness<'_, Desk>) -> (String, String) {
    let node = harness.get_all_by_role(Role::Slider).find(|node| {
        node.accesskit_node().label().is_some_and(|label| label.starts_with("Timeline") || label.starts_with("Chrono"))
    });
    let node = node.expect("the strip");
    let inner = node.accesskit_node();
    (inner.label().unwrap_or_default(), inner.value().unwrap_or_default())
}

#[test]
fn the_strip_is_there_for_who_may_look_back_only() {
    let mut harness = Desk::new(model()).open();
    assert!(harness.query_by_label("Timeline").is_none());
    harness.key_press(Key::H);
    assert_eq!(wishes(&mut harness), Vec::<String>::new());
    harness.state_mut().model.places[0].roles = vec![Right::View, Right::Playback];
    harness.run_ok();
    harness.get_by_label("Timeline").click();
    wished(&mut harness, "Strip(Yes)");
    harness.key_press(Key::H);
    wished(&mut harness, "Strip(Yes)");
}

#[test]
fn nothing_of_the_past_says_live_and_the_way_back_is_always_there() {
    for change in [still, gap, end] {
        for full_screen in [false, true] {
            let mut desk = desk(change);
            desk.full_screen = full_screen;
            let mut harness = desk.open();
            let tile = found(&harness).into_iter().find(|f| f.name.starts_with("111. ") && f.rect.width() > 300.0);
            let name = tile.expect("the tile").name;
            assert!(name.contains("Recording · Wed 18 Nov") && !name.contains("Live"), "{name}");
            let row = found(&harness).into_iter().find(|f| f.name.starts_with("111. ") && f.rect.width() < 300.0);
            assert!(row.is_none_or(|row| row.name == "111. Looking back"));
            harness.get_by_label("Back to live").click();
            wished(&mut harness, "Past(Live)");
            harness.key_press(Key::End);
            wished(&mut harness, "Past(Live)");
        }
    }
    // A picture that is saved is the newest one: not while another is on the screen.
    let mut harness = desk(still).open();
    harness.key_press(Key::S);
    harness.get_by_label("Save picture").click();
    assert!(!wishes(&mut harness).iter().any(|wish| wish.contains("Snapshot")));
    // The control.
    let harness = desk(live).open();
    assert!(harness.query_by_label("Back to live").is_none());
    assert!(found(&harness).iter().any(|f| f.name == "111. Live"));
}

#[test]
fn the_strip_says_date_time_camera_and_state_and_a_drag_is_not_read_out() {
    let said = |change: &dyn Fn(&mut Desk)| slider(&desk(change).open());
    let all = said(&still);
    assert_eq!(all.0, "Timeline of 111");
    assert_eq!(all.1, "Wednesday 18 November, 14:00:12, 111, recorded");
    assert_eq!(said(&live).1, "Wednesday 18 November, 14:05, 111, live");
    assert!(said(&gap).1.ends_with("13:38:12, 111, Not recorded: the camera or its computer was off"));
    let moves = |desk: &mut Desk| {
        still(desk);
        past(desk).at = NOW - 40 * MINUTE + 1_000;
    };
    assert!(said(&moves).1.ends_with("13:25:13, 111, recorded, motion"), "{}", said(&moves).1);
    let french = |desk: &mut Desk| {
        still(desk);
        desk.lang = Lang::Fr;
    };
    assert_eq!(said(&french).1, "mercredi 18 novembre, 14:00:12, 111, enregistré");
}

#[test]
fn all_of_it_by_keys_alone() {
    let mut harness = desk(still).open();
    for (pressed, what) in [
        (Key::Space, "Past(Toggle)"),
        (Key::N, "Past(Event(On))"),
        (Key::P, "Past(Event(Back))"),
        (Key::J, "Past(Shuttle(Back))"),
        (Key::K, "Past(Pause)"),
        (Key::L, "Past(Shuttle(On))"),
        (Key::Escape, "Past(Live)"),
    ] {
        harness.key_press(pressed);
        wished(&mut harness, what);
    }
    let strip = harness.get_all_by_role(Role::Slider).last().expect("the strip");
    strip.focus();
    harness.run_ok();
    for (pressed, what) in [
        (Key::ArrowRight, "Past(Step(60000))"),
        (Key::ArrowLeft, "Past(Step(-60000))"),
        (Key::PageDown, "Past(Step(-3600000))"),
        (Key::PageUp, "Past(Step(3600000))"),
        (Key::Home, "Past(Oldest)"),
        (Key::End, "Past(Live)"),
    ] {
        harness.key_press(pressed);
        wished(&mut harness, what);
    }
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowLeft);
    wished(&mut harness, "Past(Frame(Back))");
}

#[test]
fn all_of_it_by_clicks_alone() {
    let mut harness = desk(still).open();
    for (name, what) in [
        ("Back 10 seconds", "Step(-10000)"),
        ("Previous event", "Event(Back)"),
        ("Play", "Toggle"),
        ("Next event", "Event(On)"),
        ("Forward 10 seconds", "Step(10000)"),
        ("Show more time", "Span(21600000.0)"),
        ("Show less time", "Span(600000.0)"),
    ] {
        harness.get_by_label(name).click();
        wished(&mut harness, what);
    }
    harness.get_by_label("Speed 1×").click();
    harness.run_ok();
    harness.get_by_label("−4×").click();
    wished(&mut harness, "Speed(Speed(-4.0))");
    harness.get_by_label("Time shown: 1\u{a0}h").click();
    harness.run_ok();
    harness.get_by_label("Week").click();
    wished(&mut harness, "Span(604800000.0)");
}

#[test]
fn a_time_is_typed_and_one_that_came_twice_asks_which() {
    let mut harness = desk(goto).open();
    harness.get_by_label("Yesterday, this time").click();
    wished(&mut harness, &format!("Seek {{ at: {}", NOW - 24 * HOUR));
    assert_eq!(harness.state().view.dialog, None);
    harness.get_by_label("Go to time").click();
    harness.run_ok();
    harness.get_by_label("Go").click();
    wished(&mut harness, &format!("Seek {{ at: {}", NOW - 5 * MINUTE));
    // The hour that came twice, where the clock went back at noon; the strip's zone is the house's.
    let jump = NOW - 2 * HOUR;
    let zone = Zone::Listed(vec![(0, 2 * HOUR), (jump, HOUR)]);
    let mut desk = desk(still);
    past(&mut desk).zone = Arc::new(zone);
    past(&mut desk).at = jump + 10 * MINUTE;
    let mut harness = desk.open();
    harness.get_by_label("Go to time").click();
    harness.run_ok();
    harness.get_by_label("Clocks went back: this hour happened twice.");
    let winter = harness
        .get_all_by_role(Role::Button)
        .find(|node| node.accesskit_node().label().is_some_and(|label| label.ends_with("(winter)")));
    winter.expect("the second one").click();
    wished(&mut harness, &format!("Seek {{ at: {}", jump + 10 * MINUTE));
}

#[test]
fn a_drag_takes_hold_moves_and_lets_go_and_a_click_goes_there() {
    let mut harness = desk(still).open();
    let strip = harness.get_all_by_role(Role::Slider).last().expect("the strip").rect();
    let at = strip.center();
    harness.drag_at(at);
    harness.run_ok();
    harness.hover_at(at + egui::vec2(60.0, 0.0));
    harness.step();
    harness.hover_at(at + egui::vec2(120.0, 0.0));
    harness.step();
    let all: Vec<String> =
        std::mem::take(&mut harness.state_mut().wishes).iter().map(|wish| format!("{wish:?}")).collect();
    assert!(all.iter().any(|wish| wish.contains("Past(Grab)")), "{all:?}");
    let dragged: Vec<Ms> =
        all.iter().filter_map(|wish| wish.split("Past(Drag(").nth(1)?.split(')').next()?.parse().ok()).collect();
    let expected = NOW - 5 * MINUTE - (120.0 / f64::from(strip.width()) * HOUR as f64) as Ms;
    assert!(dragged.last().is_some_and(|at| (at - expected).abs() < 2_000), "{dragged:?}, not {expected}");
    // Held until it has come to rest, then let go.
    for _ in 0..30 {
        harness.step();
    }
    harness.drop_at(at + egui::vec2(120.0, 0.0));
    for _ in 0..200 {
        harness.step();
    }
    wished(&mut harness, "Past(Release)");
    harness.hover_at(at + egui::vec2(-200.0, 0.0));
    harness.run_steps(2);
    harness.drag_at(at + egui::vec2(-200.0, 0.0));
    harness.drop_at(at + egui::vec2(-200.0, 0.0));
    harness.run_steps(4);
    wished(&mut harness, "Past(Seek");
}

#[test]
fn skipped_time_and_the_end_are_said() {
    let note = |desk: &mut Desk| {
        still(desk);
        past(desk).note = Some(Note::Skipped { why: Why::Quiet, ms: 14 * MINUTE });
    };
    let named = |change: &dyn Fn(&mut Desk)| {
        let harness = desk(change).open();
        found(&harness).into_iter().find(|f| f.name.starts_with("111. ") && f.rect.width() > 300.0).unwrap().name
    };
    assert!(named(&note).contains("Skipped 14\u{a0}min, nothing moved"), "{}", named(&note));
    assert!(named(&end).contains("This is the newest picture."));
    assert!(named(&gap).contains("Not recorded: the camera or its computer was off"));
    // As time passes, the strip stays where it is while in the past.
    let mut later = desk(still);
    later.now += Duration::from_secs(600);
    assert!(slider(&later.open()).1.contains("14:00:12"));
}

#[test]
fn what_the_streamer_records_is_told_from_what_this_window_saves() {
    let mut desk = Desk::new(model());
    desk.model.places[0].cameras[0].recording = Some(Cause::Motion);
    let name = |harness: &egui_kittest::Harness<'_, Desk>, wide: bool| {
        let mut all = found(harness).into_iter().filter(|f| f.name.starts_with("111. "));
        all.find(|f| (f.rect.width() > 300.0) == wide).map(|f| f.name).unwrap_or_default()
    };
    let mut harness = desk.open();
    assert_eq!(name(&harness, true), "111. Live. Recording · motion");
    assert_eq!(name(&harness, false), "111. Live. Recording · motion", "in the list as well");
    let recording = crate::controller::model::Recording { file: "1".into(), since: harness.state().now };
    harness.state_mut().model.recordings.insert(key(0), recording);
    harness.state_mut().model.places[0].cameras[0].recording = None;
    harness.run_ok();
    assert_eq!(name(&harness, true), "111. Live. Saving a video here");
}

#[test]
fn events_stand_under_their_hour_and_a_row_is_played() {
    let mut harness = desk(still).open();
    harness.key_press(Key::E);
    harness.run_ok();
    harness.get_by_label("Wed 18 Nov 13:00");
    harness.get_by_label("13:31:32, Motion, 9\u{a0}s").click();
    wished(&mut harness, "PlayEvent(19)");
    // The list is as tall as it is, whatever it holds.
    let rows = found(&harness).into_iter().filter(|f| f.name.ends_with("Motion, 9\u{a0}s")).count();
    assert!(rows > 3 && rows <= 20, "{rows}");
    harness.key_press(Key::Escape);
    harness.run_ok();
    assert_eq!(harness.state().view.side, None);
}
