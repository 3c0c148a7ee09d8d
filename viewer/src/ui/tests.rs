//! Every screen and flow, without a display, from models built by hand.

mod past;

use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, Layer};
use athome_shared::look::theme::{self, LEAST_TARGET};
use athome_shared::protocol::control::{Attached, Camera, CameraReason, CameraState, Role};
use athome_shared::protocol::wire::SlotKind;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use super::view::{Dialog, Side};
use super::wall::Wall;
use super::{Scene, View, Webcam, Wish};
use crate::controller::model::{Hops, Model, Notice, Pairing, Place, PlaceState, Stats};
use crate::controller::request::{Recording, Request};
use crate::play::clock::SharedOffset;
use crate::play::decode::Picture;
use crate::play::planes::Colour;
use crate::settings::{CameraKey, Layout, Placed, SingleKeys};
use crate::store::PlaceId;
use crate::words::{Lang, Sentence};
use athome_shared::protocol::house::HouseMode;

const HOME: PlaceId = PlaceId([1; 32]);
/// Names without letters: what is left in the pseudo-language comes from no table.
const NAMES: [&str; 3] = ["111", "222", "333"];

/// The window as a test drives it.
struct Desk {
    model: Model,
    wall: Arc<Wall>,
    view: View,
    lang: Lang,
    now: Instant,
    full_screen: bool,
    webcam: Option<Webcam>,
    wishes: Vec<Wish>,
}

fn key(n: usize) -> CameraKey {
    CameraKey { place: HOME, camera: CameraId::slug(NAMES[n]) }
}

fn camera(n: usize, state: CameraState, reason: Option<CameraReason>) -> Camera {
    Camera {
        id: CameraId::slug(NAMES[n]),
        name: NAMES[n].to_owned(),
        state,
        reason,
        retry_s: Some(4),
        last_frame: None,
        width: 1_280,
        height: 720,
        fps: 30.0,
        audio: n == 0,
        layers: vec![Layer::Full],
        recording: None,
    }
}

fn model() -> Model {
    let mut model = Model::default();
    model.places.push(Place {
        id: HOME,
        name: "000".to_owned(),
        device: "999".to_owned(),
        roles: vec![Role::View],
        state: PlaceState::Live,
        sentence: None,
        cameras: vec![
            camera(0, CameraState::Live, None),
            camera(1, CameraState::Backoff, Some(CameraReason::Gone)),
            camera(2, CameraState::Live, None),
        ],
        mode: Some(HouseMode::Away),
        watching: vec!["999".to_owned()],
    });
    model.settings.layout = Layout::Four;
    model.settings.grid = (0..3).map(|n| Placed { camera: Some(key(n)) }).collect();
    model.settings.selected = Some(key(0));
    model
}

/// Puts a picture of this colour on the wall, just captured.
fn picture(wall: &Arc<Wall>, n: usize, luma: u8) {
    let content =
        Attached { kind: SlotKind::Video, slot: n as u8, camera: key(n).camera, layer: Layer::Full, epoch: 1, rtp: 0 };
    let planes: [&[u8]; 3] = [&[luma; 64], &[128; 16], &[128; 16]];
    wall.screen(HOME, SharedOffset::default()).picture(&Picture {
        content: &content,
        width: 8,
        height: 8,
        planes,
        strides: [8, 4, 4],
        colour: Colour::default(),
        is_key: true,
        rtp: 0,
        captured: None,
        received: Instant::now(),
        decoded: Instant::now(),
        coded: 1,
    });
}

impl Desk {
    fn new(model: Model) -> Self {
        let wall = Wall::new(Arc::default(), |_| {});
        picture(&wall, 0, 200);
        Self {
            model,
            wall,
            view: View::default(),
            lang: Lang::En,
            now: Instant::now(),
            full_screen: false,
            webcam: None,
            wishes: Vec::new(),
        }
    }

    fn open(self) -> Harness<'static, Self> {
        self.open_as(egui::Theme::Dark, 1.0)
    }

    fn open_as(self, theme: egui::Theme, pixels_per_point: f32) -> Harness<'static, Self> {
        let mut harness = Harness::builder()
            .with_size([1_280.0, 800.0])
            .with_pixels_per_point(pixels_per_point)
            .with_theme(theme)
            .with_context_setup(theme::apply)
            .build_ui_state(
                |ui, desk: &mut Self| {
                    let scene = Scene {
                        model: &desk.model,
                        wall: &desk.wall,
                        lang: desk.lang,
                        now: desk.now,
                        full_screen: desk.full_screen,
                        webcam: desk.webcam.as_ref(),
                    };
                    super::show(ui, &scene, &mut desk.view, &mut desk.wishes);
                },
                self,
            );
        harness.run_ok();
        harness
    }
}

fn wishes(harness: &mut Harness<'_, Desk>) -> Vec<String> {
    harness.run_ok();
    std::mem::take(&mut harness.state_mut().wishes).iter().map(|wish| format!("{wish:?}")).collect()
}

fn wished(harness: &mut Harness<'_, Desk>, what: &str) {
    let all = wishes(harness);
    assert!(all.iter().any(|wish| wish.contains(what)), "{what} is not in {all:?}");
}

/// Every screen there is.
fn screens() -> Vec<(&'static str, Desk)> {
    let with = |change: &dyn Fn(&mut Desk)| {
        let mut desk = Desk::new(model());
        change(&mut desk);
        desk
    };
    let stats = Stats {
        camera: Some(key(0)),
        path: Some("relay"),
        hops: Some(Hops { capture: 10.0, encode: 5.0, ..Hops::default() }),
        round_trip_ms: Some(3.0),
        ..Stats::default()
    };
    let failed = Pairing::Failed(Sentence::CodeExpired);
    vec![
        ("first run", Desk::new(Model::default())),
        ("grid", with(&|_| ())),
        ("grid of nine", with(&|desk| desk.model.settings.layout = Layout::Nine)),
        ("stale", with(&|desk| desk.now += Duration::from_secs(12))),
        ("stale for long", with(&|desk| desk.now += Duration::from_secs(600))),
        (
            "away",
            with(&|desk| {
                desk.model.places[0].state = PlaceState::Waiting;
                desk.model.places[0].sentence = Some(Sentence::OfflineServer);
            }),
        ),
        ("one", with(&|desk| desk.model.settings.large = Some(key(0)))),
        ("full screen", with(&|desk| desk.full_screen = true)),
        (
            "recording",
            with(&|desk| {
                let recording = crate::controller::model::Recording { file: "1".into(), since: desk.now };
                desk.model.recordings.insert(key(0), recording);
            }),
        ),
        (
            "figures",
            with(&|desk| {
                desk.model.stats = Some(stats.clone());
                desk.view.side = Some(Side::Stats);
            }),
        ),
        (
            "settings",
            with(&|desk| {
                desk.model.settings.folder = Some("/1/2".into());
                desk.view.side = Some(Side::Settings);
            }),
        ),
        ("keys", with(&|desk| desk.view.dialog = Some(Dialog::Help))),
        ("pairing", with(&|desk| desk.view.dialog = Some(Dialog::Pairing))),
        (
            "pairing failed",
            with(&|desk| {
                desk.model.pairing = failed.clone();
                desk.view.dialog = Some(Dialog::Pairing);
            }),
        ),
        (
            "webcam",
            with(&|desk| {
                let image = Arc::new(egui::ColorImage::filled([4, 3], egui::Color32::WHITE));
                desk.webcam = Some(Webcam { picture: Some((1, image)) });
                desk.view.dialog = Some(Dialog::Pairing);
            }),
        ),
        ("strip", with(&|desk| past::live(desk))),
        ("past", with(&|desk| past::still(desk))),
        ("past, in a gap", with(&|desk| past::gap(desk))),
        ("past, at its end", with(&|desk| past::end(desk))),
        (
            "past, alone",
            with(&|desk| {
                past::still(desk);
                desk.model.settings.large = Some(key(0));
            }),
        ),
        ("events", with(&|desk| past::events(desk))),
        ("go to a time", with(&|desk| past::goto(desk))),
        ("rename", with(&|desk| desk.view.dialog = Some(Dialog::Rename(HOME, "999".to_owned())))),
        ("forget", with(&|desk| desk.view.dialog = Some(Dialog::Forget(HOME)))),
        (
            "notice",
            with(&|desk| {
                let until = desk.now + Duration::from_secs(9);
                desk.model.notice = Some(Notice { sentence: Sentence::Forgotten { place: "000".to_owned() }, until });
            }),
        ),
    ]
}

/// What a screen reader finds: role, name and place of everything that has one of the three.
struct Found {
    role: egui::Role,
    name: String,
    rect: egui::Rect,
    enabled: bool,
}

fn found(harness: &Harness<'_, Desk>) -> Vec<Found> {
    let mut found = Vec::new();
    let mut open = vec![harness.root()];
    while let Some(node) = open.pop() {
        open.extend(node.children());
        let inner = node.accesskit_node();
        let name = inner.label().or_else(|| inner.value()).unwrap_or_default();
        let enabled = !inner.is_disabled();
        let rect = inner.bounding_box().map(|b| {
            egui::Rect::from_min_max(egui::pos2(b.x0 as f32, b.y0 as f32), egui::pos2(b.x1 as f32, b.y1 as f32))
        });
        found.push(Found { role: inner.role(), name, rect: rect.unwrap_or(egui::Rect::ZERO), enabled });
    }
    found
}

fn controls(harness: &Harness<'_, Desk>) -> Vec<Found> {
    use egui::Role::{Button, CheckBox, RadioButton, Slider, TextInput};
    let mut all = found(harness);
    all.retain(|f| matches!(f.role, Button | CheckBox | RadioButton | Slider | TextInput));
    all
}

#[test]
fn every_control_of_every_screen_has_a_name_and_can_be_hit() {
    for theme in [egui::Theme::Dark, egui::Theme::Light] {
        for scale in [1.0_f32, 2.0] {
            for (screen, mut desk) in screens() {
                desk.lang = if scale > 1.0 { Lang::Fr } else { Lang::En };
                let harness = desk.open_as(theme, scale);
                let controls = controls(&harness);
                assert!(!controls.is_empty(), "{screen}: nothing can be done");
                for control in controls {
                    let Found { role, name, rect, .. } = &control;
                    assert!(!name.trim().is_empty(), "{screen}: a {role:?} at {rect:?} has no name");
                    let least = (LEAST_TARGET - 0.5) * scale;
                    let small = rect.width() < least || rect.height() < least;
                    assert!(!small, "{screen}: {role:?} {name} is {:?} at {scale}x", rect.size());
                }
            }
        }
    }
}

#[test]
fn all_words_on_every_screen_come_from_the_table() {
    // Names of languages are the same in every language; keys are what is printed on them.
    const SAME: [&str; 15] =
        ["English", "Français", "G", "F", "M", "S", "R", "I", "H", "E", "N  P", "J  K  L", "Esc", "home_1", "AtHome"];
    let mut seen = 0;
    for (screen, mut desk) in screens() {
        desk.lang = Lang::Pseudo;
        let harness = desk.open();
        for Found { role, name, .. } in found(&harness) {
            // A figure keeps its unit.
            let units = ["s", "ms", "min", "h", "Mbit", "\u{d7}"];
            let words = name.split(|c: char| !c.is_alphabetic()).filter(|word| !units.contains(word));
            let plain = words.into_iter().any(|word| word.chars().any(|c| c.is_ascii_alphabetic()));
            assert!(!plain || SAME.contains(&name.as_str()), "{screen}: {role:?} says {name}");
            seen += usize::from(name.contains('ø'));
        }
    }
    assert!(seen > 100, "only {seen} words were looked at");
    // The check itself finds plain English.
    let harness = Desk::new(model()).open();
    assert!(found(&harness).iter().any(|f| f.name.contains("Full screen")));
}

#[test]
fn nothing_but_a_young_picture_says_live() {
    let claims = |after: u64| {
        let mut desk = Desk::new(model());
        desk.now += Duration::from_secs(after);
        let harness = desk.open();
        let tile = found(&harness).into_iter().find(|f| f.name.starts_with("111. ") && f.rect.width() > 300.0);
        tile.unwrap().name
    };
    assert_eq!(claims(0), "111. Live");
    assert_eq!(claims(3), "111. Not live · picture from 3.0 s ago");
    assert!(!claims(12).contains("Live ") && claims(12).contains("12 s"), "{}", claims(12));
    assert!(claims(600).contains("Not live · picture from") && claims(600).contains(':'), "{}", claims(600));
}

#[test]
fn a_camera_without_a_picture_says_why() {
    let harness = Desk::new(model()).open();
    let tile = found(&harness).into_iter().find(|f| f.name.starts_with("222. ") && f.rect.width() > 300.0).unwrap();
    assert_eq!(tile.name, "222. No picture. 222 was unplugged. It comes back by itself when plugged in.");
}

#[test]
fn single_keys_do_what_the_help_says_and_can_be_switched_off() {
    let mut harness = Desk::new(model()).open();
    for (pressed, what) in [
        (Key::F, "FullScreen(true)"),
        (Key::M, "Sound("),
        (Key::S, "Snapshot("),
        (Key::R, "Start"),
        (Key::I, "Stats(Yes)"),
        (Key::G, "Enlarge(Some("),
        (Key::Num3, "Enlarge(Some("),
    ] {
        harness.key_press(pressed);
        wished(&mut harness, what);
    }
    harness.state_mut().model.settings.single_keys = SingleKeys::Off;
    for pressed in [Key::F, Key::M, Key::S, Key::R, Key::I, Key::G, Key::Num3] {
        harness.key_press(pressed);
    }
    assert_eq!(wishes(&mut harness), Vec::<String>::new());
}

#[test]
fn letters_that_are_typed_into_a_field_are_text() {
    let mut desk = Desk::new(model());
    desk.view.dialog = Some(Dialog::Pairing);
    let mut harness = desk.open();
    harness.get_by_role(egui::Role::TextInput).type_text("fmsr");
    harness.key_press(Key::F);
    assert_eq!(wishes(&mut harness), Vec::<String>::new());
}

#[test]
fn a_pasted_link_pairs_and_the_dialog_closes_when_it_is_done() {
    let mut harness = Desk::new(Model::default()).open();
    harness.get_all_by_label("Add a camera").next().unwrap().click();
    harness.run_ok();
    harness.get_by_role(egui::Role::TextInput).type_text("nothing of ours");
    harness.run_ok();
    harness.get_by_label("Pair").click();
    wished(&mut harness, "BadLink(Incomplete)");
    harness.state_mut().model.pairing = Pairing::Failed(Sentence::LinkIncomplete);
    harness.run_ok();
    harness.get_by_label("This link is incomplete. Scan the code again, or copy the whole link.");
    harness.state_mut().model.pairing = Pairing::Working;
    harness.run_steps(3);
    harness.get_by_label("Cancel").click();
    harness.run_steps(3);
    wished(&mut harness, "CancelPairing");
    let sentence = Sentence::Paired { place: "000".to_owned() };
    harness.state_mut().model = model();
    harness.state_mut().model.pairing = Pairing::Done { place: HOME, sentence };
    harness.run_ok();
    assert!(!harness.state().view.pairing(), "still open");
}

#[test]
fn a_pairing_that_is_done_before_it_was_drawn_at_work_closes_the_dialog_and_an_old_one_does_not() {
    let done = |place: &str| Pairing::Done { place: HOME, sentence: Sentence::Paired { place: place.to_owned() } };
    let mut desk = Desk::new(model());
    desk.model.pairing = done("first");
    let mut harness = desk.open();
    harness.get_all_by_label("Add a camera").next().unwrap().click();
    harness.run_ok();
    assert!(harness.state().view.pairing(), "the control: closed by what was done before");
    // A picture of a code was dropped, and the answer came between two frames.
    harness.state_mut().model.pairing = done("second");
    harness.run_ok();
    assert!(!harness.state().view.pairing(), "still open");
}

#[test]
fn forgetting_asks_first_and_escape_forgets_nothing() {
    let mut harness = Desk::new(model()).open();
    harness.get_by_label("Forget 000").click();
    harness.run_ok();
    harness.key_press(Key::Escape);
    assert_eq!(wishes(&mut harness), Vec::<String>::new());
    assert_eq!(harness.state().view.dialog, None);
    harness.get_by_label("Forget 000").click();
    harness.run_ok();
    harness.get_by_label("Forget").click();
    wished(&mut harness, "Ask(Forget(");
}

#[test]
fn this_device_is_renamed_by_keyboard() {
    let mut harness = Desk::new(model()).open();
    harness.get_by_label("Rename").click();
    harness.run_ok();
    harness.get_by_role(egui::Role::TextInput).type_text("8");
    harness.run_ok();
    harness.key_press(Key::Enter);
    wished(&mut harness, "9998");
    assert_eq!(harness.state().view.dialog, None);
}

#[test]
fn everything_is_reached_by_tab_alone() {
    for (screen, desk) in screens() {
        let mut harness = desk.open();
        let dialog = harness.state().view.dialog.is_some();
        let mut reached = std::collections::BTreeSet::new();
        for _ in 0..80 {
            harness.key_press(Key::Tab);
            harness.run_steps(2);
            let focused = found_focused(&harness);
            reached.extend(focused);
        }
        // Under a dialog the rest of the window is out of reach, and should be.
        let enabled: Vec<String> =
            controls(&harness).into_iter().filter(|control| control.enabled).map(|control| control.name).collect();
        let missed: Vec<&String> = enabled.iter().filter(|name| !reached.contains(*name)).collect();
        assert!(dialog || missed.is_empty(), "{screen}: not reached by Tab: {missed:?}");
        assert!(!reached.is_empty(), "{screen}: nothing takes the focus");
    }
}

fn found_focused(harness: &Harness<'_, Desk>) -> Option<String> {
    let mut open = vec![harness.root()];
    while let Some(node) = open.pop() {
        open.extend(node.children());
        let inner = node.accesskit_node();
        if inner.is_focused() && inner.role() != egui::Role::Window {
            return inner.label().or_else(|| inner.value());
        }
    }
    None
}

#[test]
fn a_tile_is_enlarged_zoomed_and_moved_by_keys() {
    let mut harness = Desk::new(model()).open();
    // The list's row has the same name; the tile is the larger of the two.
    let tiles = harness.get_all_by_label("111. Live").collect::<Vec<_>>();
    tiles.iter().find(|tile| tile.rect().width() > 300.0).unwrap().focus();
    drop(tiles);
    harness.run_ok();
    harness.key_press(Key::Enter);
    wished(&mut harness, "Enlarge(Some(");
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowRight);
    wished(&mut harness, "at: 1");
    let uv = |harness: &Harness<'_, Desk>| harness.state().view.zoom.get(&key(0)).map(super::zoom::Zoom::uv);
    assert_eq!(uv(&harness), None);
    harness.key_press(Key::Plus);
    harness.run_ok();
    let zoomed = uv(&harness).unwrap();
    assert!(zoomed.width() < 1.0);
    harness.key_press(Key::ArrowRight);
    harness.run_ok();
    assert!(uv(&harness).unwrap().left() > zoomed.left(), "the picture did not move");
    harness.key_press(Key::Escape);
    harness.run_ok();
    assert_eq!(uv(&harness), None);
}

#[test]
fn a_drag_brings_a_camera_to_another_place() {
    let mut harness = Desk::new(model()).open();
    let rect = |name: &str, harness: &Harness<'_, Desk>| {
        let of = |f: &Found| f.name.starts_with(name) && f.rect.width() > 300.0;
        found(harness).into_iter().find(of).unwrap().rect
    };
    let (from, to) = (rect("111. ", &harness).center(), rect("333. ", &harness).center());
    harness.drag_at(from);
    harness.run_steps(2);
    harness.hover_at(from + (to - from) * 0.5);
    harness.run_steps(2);
    harness.hover_at(to);
    harness.run_steps(2);
    harness.drop_at(to);
    harness.run_steps(2);
    wished(&mut harness, "at: 2");
}

#[test]
fn a_tile_shows_no_camera_but_its_own() {
    let mut desk = Desk::new(model());
    for (n, luma) in [(0, 50), (1, 100), (2, 150)] {
        picture(&desk.wall, n, luma);
    }
    desk.model.places[0].cameras[1].state = CameraState::Live;
    let harness = desk.open();
    let view = &harness.state().view;
    assert_eq!(view.canvases.len(), 3);
    for n in 0..3 {
        let newest = harness.state().wall.newest(&key(n)).unwrap();
        assert_eq!(view.canvases[&key(n)].number(), Some(newest.number));
    }
}

#[test]
fn what_is_on_the_screen_is_told_in_real_pixels() {
    let width = |scale: f32| {
        let harness = Desk::new(model()).open_as(egui::Theme::Dark, scale);
        let visible = harness.state().view.visible().to_vec();
        assert_eq!(visible.len(), 3);
        visible[0].1
    };
    let (one, two) = (width(1.0), width(2.0));
    assert!((480..520).contains(&one) && two.abs_diff(one * 2) <= 2, "{one} {two}");
    let mut desk = Desk::new(model());
    desk.model.settings.large = Some(key(2));
    assert_eq!(desk.open().state().view.visible().len(), 1, "what is not drawn is not asked for");
}

#[test]
fn recording_is_stopped_by_the_button_that_started_it() {
    let mut harness = Desk::new(model()).open();
    harness.get_by_label("Record").click();
    wished(&mut harness, "Start");
    let recording = crate::controller::model::Recording { file: "1".into(), since: Instant::now() };
    harness.state_mut().model.recordings.insert(key(0), recording);
    harness.run_ok();
    harness.get_by_label("Stop recording").click();
    harness.run_ok();
    let stop = std::mem::take(&mut harness.state_mut().wishes);
    assert!(matches!(&stop[..], [Wish::Ask(Request::Record(_, Recording::Stop))]), "{stop:?}");
}

#[test]
fn the_house_has_a_mode_that_its_owner_changes_and_others_read() {
    let mut desk = Desk::new(model());
    desk.model.places[0].roles = vec![athome_shared::protocol::control::Role::Admin];
    desk.model.places[0].cameras[0].state = CameraState::Stopped;
    desk.model.places[0].mode = Some(HouseMode::Privacy);
    let place = desk.model.places[0].name.clone();
    let mut harness = desk.open();
    harness.get_by_label_contains("111. Privacy is on: really off");
    harness.get_by_role_and_label(egui::Role::ComboBox, &format!("{place}: Privacy")).click();
    harness.run_ok();
    harness.get_by_label("Away").click();
    wished(&mut harness, "Mode(PlaceId(");
    harness.state_mut().model.places[0].roles.clear();
    harness.run_ok();
    assert!(harness.query_by_role(egui::Role::ComboBox).is_none(), "a guest reads it");
    harness.get_by_label("Privacy");
}

#[test]
fn movement_is_shown_in_its_tile_and_a_bell_asks_to_be_told_of_it() {
    let mut desk = Desk::new(model());
    desk.model.moving.insert(key(0));
    let mut harness = desk.open();
    harness.get_by_label("111. Live. Motion");
    assert!(harness.query_by_label("222. Live. Motion").is_none(), "control: nothing moves there");
    harness.get_by_label("Tell me when something moves here").click();
    wished(&mut harness, "Bell(CameraKey");
    harness.state_mut().model.settings.set_bell(key(0), true);
    harness.run_ok();
    harness.get_by_label("No more notifications of movement here").click();
    let wishes = wishes(&mut harness);
    assert!(wishes.iter().any(|wish| wish.starts_with("Ask(Bell(") && wish.ends_with(", No))")), "{wishes:?}");
}

#[test]
fn controls_leave_the_full_screen_to_the_picture_until_something_is_used() {
    let mut desk = Desk::new(model());
    desk.full_screen = true;
    let mut harness = desk.open();
    let bar = |harness: &Harness<'_, Desk>| harness.query_by_label("Leave full screen").is_some();
    harness.run_steps(300);
    assert!(!bar(&harness), "still there after five seconds");
    assert!(harness.query_by_label("111. Live").is_some(), "the claim of age never goes");
    harness.key_press(Key::Tab);
    harness.run_steps(2);
    assert!(bar(&harness), "a key brings them back");
}

#[test]
fn a_link_that_was_used_is_to_leave_the_clipboard() {
    let link = crate::scan::code::tests::link();
    let mut harness = Desk::new(Model::default()).open();
    harness.get_all_by_label("Add a camera").next().unwrap().click();
    harness.run_ok();
    harness.get_by_role(egui::Role::TextInput).type_text("nothing of ours");
    harness.run_ok();
    harness.get_by_label("Pair").click();
    assert!(!wishes(&mut harness).iter().any(|wish| wish.contains("LinkUsed")), "control: no link, nothing to clear");
    harness.state_mut().view.form.clear();
    harness.run_ok();
    harness.get_by_role(egui::Role::TextInput).type_text(&link.to_url());
    harness.run_ok();
    harness.get_by_label("Pair").click();
    let all = wishes(&mut harness);
    assert!(all.iter().any(|wish| wish.starts_with("LinkUsed(")), "{all:?}");
    assert!(all.iter().any(|wish| wish.starts_with("Ask(Pair(")), "{all:?}");
}

#[test]
fn a_camera_moves_by_a_button_alone() {
    let mut harness = Desk::new(model()).open();
    harness.get_by_label("Place of 111").click();
    harness.run_ok();
    harness.get_by_label("Move right").click();
    wished(&mut harness, "Place { camera:");
    // Shown alone, it has no place to leave.
    harness.state_mut().model.settings.large = Some(key(0));
    harness.run_ok();
    let button = controls(&harness).into_iter().find(|f| f.name.starts_with("Place of")).unwrap();
    assert!(!button.enabled);
}
