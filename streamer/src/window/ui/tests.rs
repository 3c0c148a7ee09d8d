//! Every screen and flow of the window, without a display, from models built by hand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::id::CameraId;
use athome_shared::look::theme::{self, LEAST_TARGET};
use athome_shared::protocol::control::{CameraReason, CameraState, Role};
use athome_shared::protocol::house::HouseMode;
use athome_shared::time::WallTime;
use egui::{Color32, ColorImage, Key, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use super::{Dialog, Scene, View, Wish};
use crate::camera::level::Reading;
use crate::terminal::qr::Modules;
use crate::window::model::{
    CameraView, Choice, Chosen, Code, Device, Kept, Login, Menus, Model, Name, OnClose, Request, Said, Tray,
};
use crate::window::picture::Shown;
use crate::words::Lang;
use crate::words::window::Label;

const LINK: &str = "http://192.168.178.123:8080/#1AQswVXqfxOkOM1h9osfsETZbgKXK7xQ5XoOozfIXPGGGq9D1Gj9kia7T-B1CZ4yx1gA";
const SIZES: [[f32; 2]; 4] = [[640.0, 480.0], [1_120.0, 760.0], [1_280.0, 800.0], [1_920.0, 1_080.0]];

struct Desk {
    model: Model,
    picture: Option<Shown>,
    now: Instant,
    wall: WallTime,
    view: View,
    wishes: Vec<Wish>,
}

fn camera(name: &str, state: CameraState) -> CameraView {
    CameraView {
        id: CameraId::slug(name),
        name: name.to_owned(),
        state,
        reason: (state == CameraState::Backoff).then_some(CameraReason::Gone),
        retry_s: None,
        seen: true,
        width: 1_280,
        height: 720,
        fps: 30.0,
        audio: true,
        bits: 2_100_000,
        released: false,
    }
}

fn choice(spec: &str, name: Name, chosen: bool) -> Choice {
    Choice { spec: spec.to_owned(), name, chosen: chosen.into() }
}

fn model(lang: Lang) -> Model {
    let own = |name: &str| Name::Own(name.to_owned());
    Model {
        lang,
        place: "Home".to_owned(),
        cameras: vec![camera("Front door", CameraState::Live)],
        selected: Some(CameraId::slug("Front door")),
        menus: Menus {
            sources: vec![
                choice("webcam:0", own("Webcam C920"), true),
                choice("test:1", Name::Word(Said::plain(Label::TestCard)), false),
            ],
            microphones: vec![
                choice("default", Name::Word(Said::plain(Label::MicDefault)), true),
                choice("none", Name::Word(Said::plain(Label::MicNone)), false),
            ],
            sizes: vec![(None, Chosen::Yes), (Some((640, 360)), Chosen::No)],
            rates: vec![(None, Chosen::Yes), (Some(12.5), Chosen::No)],
        },
        level: Some(Reading { dbfs: -17.6, clipped: false }),
        watching: vec!["Anna’s phone".to_owned()],
        devices: vec![
            Device {
                id: "a1".to_owned(),
                name: "Anna’s phone".to_owned(),
                roles: vec![Role::View, Role::Talk, Role::Playback, Role::Admin],
                last_seen: Some(WallTime(1_763_000_000_000_000)),
                watching: true,
            },
            Device {
                id: "b2".to_owned(),
                name: "Paul’s laptop with a name that is far too long for any column".to_owned(),
                roles: vec![Role::View, Role::Playback],
                last_seen: None,
                watching: false,
            },
        ],
        login: Login::Off,
        tray: Tray::Shown,
        ..Model::default()
    }
}

impl Desk {
    fn new(lang: Lang) -> Self {
        let now = Instant::now();
        let image = ColorImage::filled([16, 9], Color32::from_rgb(200, 40, 40));
        let picture = Shown { camera: CameraId::slug("Front door"), number: 1, image: Arc::new(image), captured: now };
        Self {
            model: model(lang),
            picture: Some(picture),
            now,
            wall: WallTime(1_763_000_000_000_000),
            view: View::default(),
            wishes: Vec::new(),
        }
    }

    fn open(self) -> Harness<'static, Self> {
        self.open_as([1_120.0, 760.0], Theme::Dark, 1.0)
    }

    fn open_as(self, size: [f32; 2], theme: Theme, scale: f32) -> Harness<'static, Self> {
        let mut harness = Harness::builder()
            .with_size(size)
            .with_pixels_per_point(scale)
            .with_theme(theme)
            .with_context_setup(theme::apply)
            .build_ui_state(
                |ui, desk: &mut Self| {
                    let scene =
                        Scene { model: &desk.model, picture: desk.picture.clone(), now: desk.now, wall: desk.wall };
                    super::show(ui, &scene, &mut desk.view, &mut desk.wishes);
                },
                self,
            );
        harness.run_ok();
        harness
    }
}

/// Every screen there is.
fn screens(lang: Lang) -> Vec<(&'static str, Desk)> {
    let with = |change: &dyn Fn(&mut Desk)| {
        let mut desk = Desk::new(lang);
        change(&mut desk);
        desk
    };
    let code = |code: Code| with(&|desk| desk.model.code = Some(code.clone()));
    let modules = Modules::of_link(LINK).expect("a code");
    let expires = WallTime(1_763_000_581_000_000);
    vec![
        ("live", with(&|_| ())),
        ("nothing known yet", {
            let mut desk = with(&|desk| desk.model = Model { lang, place: "Home".to_owned(), ..Model::default() });
            desk.picture = None;
            desk
        }),
        ("no picture yet", with(&|desk| desk.picture = None)),
        ("stale", with(&|desk| desk.now += Duration::from_secs(12))),
        ("stale for long", with(&|desk| desk.now += Duration::from_secs(600))),
        (
            "paused",
            with(&|desk| {
                (desk.model.cameras[0].state, desk.model.cameras[0].released) = (CameraState::Stopped, true);
                desk.now += Duration::from_secs(12);
            }),
        ),
        (
            "several cameras, one in trouble",
            with(&|desk| {
                desk.model.cameras.push(camera("Yard", CameraState::Backoff));
                desk.model.cameras.push(camera("Boat", CameraState::Starting));
            }),
        ),
        ("too loud", with(&|desk| desk.model.level = Some(Reading { dbfs: 0.0, clipped: true }))),
        ("no sound", with(&|desk| desk.model.level = None)),
        (
            "a clip, nobody there, no tray, no login",
            with(&|desk| {
                (desk.model.menus.sizes, desk.model.menus.rates) = (Vec::new(), Vec::new());
                (desk.model.watching, desk.model.devices) = (Vec::new(), Vec::new());
                (desk.model.tray, desk.model.login) = (Tray::None, Login::Unknown);
            }),
        ),
        ("notice", with(&|desk| desk.model.notice = Some(Said::plain(Label::SavedNot)))),
        ("remove", with(&|desk| desk.view.dialog = Some(Dialog::Remove("a1".to_owned(), "Anna’s phone".to_owned())))),
        ("close", with(&|desk| desk.view.dialog = Some(Dialog::Close { remember: true }))),
        (
            "close without a tray",
            with(&|desk| {
                desk.model.tray = Tray::None;
                desk.view.dialog = Some(Dialog::Close { remember: true });
            }),
        ),
        ("code", code(Code::Shown { modules: modules.clone(), uses: 1, expires })),
        ("code for several", code(Code::Shown { modules, uses: 3, expires })),
        ("code being made", code(Code::Making)),
        (
            "code used",
            code(Code::Used {
                device: "Anna’s phone".to_owned(),
                id: Some("a1".to_owned()),
                at: WallTime(0),
                watching: true,
            }),
        ),
        ("code expired", code(Code::Expired)),
    ]
}

struct Found {
    role: egui::Role,
    name: String,
    rect: egui::Rect,
    focused: bool,
}

fn found(harness: &Harness<'_, Desk>) -> Vec<Found> {
    let mut found = Vec::new();
    let mut open = vec![harness.root()];
    while let Some(node) = open.pop() {
        open.extend(node.children());
        let inner = node.accesskit_node();
        let name = inner.label().or_else(|| inner.value()).unwrap_or_default();
        let rect = inner.bounding_box().map(|b| {
            egui::Rect::from_min_max(egui::pos2(b.x0 as f32, b.y0 as f32), egui::pos2(b.x1 as f32, b.y1 as f32))
        });
        let focused = inner.is_focused() && inner.role() != egui::Role::Window;
        found.push(Found { role: inner.role(), name, rect: rect.unwrap_or(egui::Rect::ZERO), focused });
    }
    found
}

fn controls(harness: &Harness<'_, Desk>) -> Vec<Found> {
    use egui::Role::{Button, CheckBox, ComboBox};
    let mut all = found(harness);
    all.retain(|f| matches!(f.role, Button | CheckBox | ComboBox));
    all
}

fn wishes(harness: &mut Harness<'_, Desk>) -> Vec<Wish> {
    harness.run_ok();
    std::mem::take(&mut harness.state_mut().wishes)
}

fn click(harness: &mut Harness<'_, Desk>, name: &str) -> Vec<Wish> {
    harness.get_by_label(name).click();
    wishes(harness)
}

fn asked(request: Request) -> Vec<Wish> {
    vec![Wish::Ask(request)]
}

#[test]
fn every_control_of_every_screen_has_a_name_a_size_and_a_place_in_every_window() {
    for (size, theme, scale, lang) in [
        (SIZES[0], Theme::Dark, 1.0, Lang::French),
        (SIZES[1], Theme::Light, 2.0, Lang::English),
        (SIZES[2], Theme::Dark, 2.0, Lang::French),
        (SIZES[3], Theme::Light, 1.0, Lang::English),
    ] {
        for (screen, desk) in screens(lang) {
            let harness = desk.open_as(size, theme, scale);
            let controls = controls(&harness);
            assert!(!controls.is_empty(), "{screen}: nothing can be done");
            for Found { role, name, rect, .. } in controls {
                assert!(!name.trim().is_empty(), "{screen} at {size:?}: a {role:?} at {rect:?} has no name");
                let least = (LEAST_TARGET - 0.5) * scale;
                let small = rect.width() < least || rect.height() < least;
                assert!(!small, "{screen} at {size:?}: {role:?} {name} is {:?}", rect.size());
                // What lies below the end of the column is scrolled to; nothing lies beside the window.
                assert!(rect.left() >= 0.0 && rect.right() <= size[0] * scale + 0.5, "{screen}: {name} at {rect:?}");
            }
        }
    }
}

#[test]
fn live_is_said_of_a_fresh_picture_only() {
    let says_live = |desk: Desk| {
        let harness = desk.open();
        let names: Vec<String> =
            found(&harness).into_iter().filter(|f| f.role == egui::Role::Image).map(|f| f.name).collect();
        names.iter().any(|name| name.contains("Live"))
    };
    let aged = |ms| {
        let mut desk = Desk::new(Lang::English);
        desk.now += Duration::from_millis(ms);
        desk
    };
    // The control first: it is said at all.
    assert!(says_live(aged(1_900)));
    assert!(!says_live(aged(2_100)) && !says_live(aged(70_000)));
    let mut none = aged(0);
    none.picture = None;
    assert!(!says_live(none), "a camera that is live, and no picture of it");
}

#[test]
fn a_stale_picture_gives_the_reason_and_a_paused_one_says_that_its_light_is_off() {
    let said = |state, released, seconds| {
        let mut desk = Desk::new(Lang::English);
        (desk.model.cameras[0].state, desk.model.cameras[0].released) = (state, released);
        desk.model.cameras[0].reason = (state == CameraState::Backoff).then_some(CameraReason::Gone);
        desk.now += Duration::from_secs(seconds);
        let harness = desk.open();
        found(&harness).into_iter().map(|found| found.name).collect::<Vec<_>>().join("\n")
    };
    assert!(said(CameraState::Backoff, false, 6).contains("Front door was unplugged."));
    let light = "Camera light is off.";
    assert!(said(CameraState::Stopped, true, 6).contains(light));
    assert!(!said(CameraState::Stopped, false, 6).contains(light), "not before the device is closed");
}

#[test]
fn the_buttons_under_the_picture_ask_for_a_code_and_for_a_pause() {
    let mut harness = Desk::new(Lang::English).open();
    assert_eq!(click(&mut harness, "Show code"), asked(Request::ShowCode));
    let id = CameraId::slug("Front door");
    assert_eq!(click(&mut harness, "Pause Front door"), asked(Request::Pause(id.clone())));
    harness.state_mut().model.cameras[0].state = CameraState::Stopped;
    harness.run_ok();
    assert_eq!(click(&mut harness, "Resume Front door"), asked(Request::Resume(id)));
}

#[test]
fn menus_choose_what_they_name_and_what_is_chosen_already_asks_for_nothing() {
    let mut harness = Desk::new(Lang::English).open();
    for (menu, entry, wish) in [
        ("Camera: Webcam C920", "Test card", Some(Request::Source("test:1".to_owned()))),
        ("Microphone: The system’s microphone", "No sound", Some(Request::Microphone("none".to_owned()))),
        ("Size", "640×360", Some(Request::Size(Some((640, 360))))),
        ("Rate", "12.50 fps", Some(Request::Rate(Some(12.5)))),
        ("Camera: Webcam C920", "Webcam C920", None),
    ] {
        harness.get_by_role_and_label(egui::Role::ComboBox, menu).click();
        assert_eq!(wishes(&mut harness), [], "{menu}");
        harness.get_by_role_and_label(egui::Role::Button, entry).click();
        assert_eq!(wishes(&mut harness), wish.map(Wish::Ask).into_iter().collect::<Vec<_>>(), "{menu}");
    }
}

#[test]
fn the_house_is_watched_over_as_its_menu_says() {
    let mut harness = Desk::new(Lang::English).open();
    harness.get_by_label("Everything records as it is set up.");
    harness.get_by_role_and_label(egui::Role::ComboBox, "House").click();
    assert_eq!(wishes(&mut harness), []);
    harness.get_by_role_and_label(egui::Role::Button, "Privacy").click();
    assert_eq!(wishes(&mut harness), asked(Request::Mode(HouseMode::Privacy)));
    harness.state_mut().model.mode = HouseMode::Privacy;
    harness.run_ok();
    harness.get_by_label("Every camera is really off.");
}

#[test]
fn removing_a_device_asks_first() {
    let mut harness = Desk::new(Lang::English).open();
    assert_eq!(click(&mut harness, "Remove Anna’s phone"), []);
    harness.get_by_label_contains("Its picture stops now. It needs a new code to come back.");
    assert_eq!(click(&mut harness, "Cancel"), []);
    assert_eq!(harness.state().view.dialog, None);
    click(&mut harness, "Remove Anna’s phone");
    harness.key_press(Key::Escape);
    assert_eq!(wishes(&mut harness), []);
    assert_eq!(harness.state().view.dialog, None);
    click(&mut harness, "Remove Anna’s phone");
    assert_eq!(click(&mut harness, "Remove"), asked(Request::Remove("a1".to_owned())));
}

#[test]
fn closing_asks_once_and_the_answer_is_remembered() {
    let mut desk = Desk::new(Lang::English);
    assert!(!desk.view.may_close(&desk.model));
    let mut harness = desk.open();
    let remembered = Wish::Ask(Request::OnClose(OnClose::Tray));
    assert_eq!(click(&mut harness, "Keep running in the tray"), [remembered, Wish::Close]);
    let state = harness.state_mut();
    assert!(state.view.may_close(&state.model) && !state.view.stops(&state.model));

    // Not remembered, where a person says so.
    let mut desk = Desk::new(Lang::English);
    assert!(!desk.view.may_close(&desk.model));
    let mut harness = desk.open();
    click(&mut harness, "Remember my answer");
    assert_eq!(click(&mut harness, "Stop AtHome"), asked(Request::Quit));

    let mut view = View::default();
    for (on_close, tray, may, stops) in [
        (OnClose::Ask, Tray::Shown, false, false),
        (OnClose::Tray, Tray::Shown, true, false),
        // A tray that is not there any more keeps nothing running.
        (OnClose::Tray, Tray::None, false, false),
        (OnClose::Stop, Tray::None, true, true),
    ] {
        let kept = Kept { on_close, ..Kept::default() };
        let model = Model { kept, tray, ..Model::default() };
        assert_eq!((view.may_close(&model), view.stops(&model)), (may, stops), "{on_close:?} {tray:?}");
    }
    let ending = Model { ending: true, ..Model::default() };
    assert!(view.may_close(&ending) && !view.stops(&ending));
}

#[test]
fn without_a_tray_closing_offers_a_small_window_or_the_end() {
    let mut desk = Desk::new(Lang::English);
    desk.model.tray = Tray::None;
    assert!(!desk.view.may_close(&desk.model));
    let mut harness = desk.open();
    assert!(harness.query_by_label("Keep running in the tray").is_none());
    harness.get_by_label_contains("This desktop has no tray. AtHome can go on");
    assert_eq!(click(&mut harness, "Make it small"), [Wish::Minimise]);
    let state = harness.state_mut();
    assert!(!state.view.may_close(&state.model), "small is not closed: it asks again");
    harness.run_ok();
    assert_eq!(click(&mut harness, "Stop AtHome"), asked(Request::Quit), "no answer that could be remembered");
}

#[test]
fn a_tray_that_is_still_asked_for_is_not_said_to_be_missing() {
    let mut desk = Desk::new(Lang::English);
    desk.model.tray = Tray::Unknown;
    assert!(!desk.view.may_close(&desk.model));
    let mut harness = desk.open();
    assert!(harness.query_by_label_contains("This desktop has no tray").is_none());
    harness.get_by_label_contains("Asking this desktop for its tray.");
    // The answer comes while the question is open.
    harness.state_mut().model.tray = Tray::Shown;
    harness.run_ok();
    harness.get_by_label("Keep running in the tray");
}

#[test]
fn digits_choose_cameras_and_escape_leaves_the_code() {
    let mut desk = Desk::new(Lang::English);
    desk.model.cameras.push(camera("Yard", CameraState::Live));
    let mut harness = desk.open();
    harness.key_press(Key::Num2);
    assert_eq!(wishes(&mut harness), asked(Request::Select(CameraId::slug("Yard"))));
    harness.key_press(Key::Num3);
    assert_eq!(wishes(&mut harness), []);
    harness.state_mut().model.code = Some(Code::Expired);
    harness.run_ok();
    harness.key_press(Key::Escape);
    assert_eq!(wishes(&mut harness), asked(Request::HideCode));
}

#[test]
fn everything_can_be_reached_and_used_by_the_keyboard_alone() {
    let mut desk = Desk::new(Lang::English);
    desk.model.cameras.push(camera("Yard", CameraState::Live));
    let mut harness = desk.open();
    let wanted: Vec<String> = controls(&harness).into_iter().map(|control| control.name).collect();
    let mut reached = Vec::new();
    for _ in 0..wanted.len() * 2 {
        harness.key_press(Key::Tab);
        harness.run_ok();
        let focused = found(&harness).into_iter().find(|found| found.focused).map(|found| found.name);
        reached.extend(focused);
    }
    for name in &wanted {
        assert!(reached.contains(name), "{name} is never focused: {reached:?}");
    }
    let mut harness = Desk::new(Lang::English).open();
    harness.get_by_label("Show code").focus();
    harness.run_ok();
    harness.key_press(Key::Enter);
    assert_eq!(wishes(&mut harness), asked(Request::ShowCode));
}

/// Draws a screen's shapes by hand as far as a code needs: filled rectangles, on a grid of points.
fn luma(harness: &Harness<'_, Desk>, size: [usize; 2]) -> Vec<u8> {
    fn fill(shape: &egui::Shape, size: [usize; 2], pixels: &mut [u8]) {
        match shape {
            egui::Shape::Rect(rect) if rect.fill.a() == 255 => {
                let (min, max) = (rect.rect.min.round(), rect.rect.max.round());
                for y in (min.y.max(0.0) as usize)..(max.y.max(0.0) as usize).min(size[1]) {
                    for x in (min.x.max(0.0) as usize)..(max.x.max(0.0) as usize).min(size[0]) {
                        pixels[y * size[0] + x] = rect.fill.g();
                    }
                }
            }
            egui::Shape::Vec(shapes) => shapes.iter().for_each(|shape| fill(shape, size, pixels)),
            _ => {}
        }
    }
    let mut pixels = vec![128; size[0] * size[1]];
    harness.output().shapes.iter().for_each(|clipped| fill(&clipped.shape, size, &mut pixels));
    pixels
}

fn scanned(luma: Vec<u8>, size: [usize; 2]) -> Option<String> {
    let found =
        rxing::helpers::detect_in_luma(luma, size[0] as u32, size[1] as u32, Some(rxing::BarcodeFormat::QR_CODE));
    found.ok().map(|code| code.getText().to_owned())
}

#[test]
fn the_code_fills_the_window_is_black_on_white_in_either_theme_and_reads_back() {
    for theme in [Theme::Dark, Theme::Light] {
        for size in SIZES {
            let mut desk = Desk::new(Lang::French);
            let modules = Modules::of_link(LINK).expect("a code");
            desk.model.code = Some(Code::Shown { modules, uses: 1, expires: WallTime(desk.wall.0 + 581_000_000) });
            let harness = desk.open_as(size, theme, 1.0);
            let pixels = [size[0] as usize, size[1] as usize];
            assert_eq!(scanned(luma(&harness, pixels), pixels).as_deref(), Some(LINK), "{theme:?} {size:?}");
            let code = found(&harness).into_iter().find(|f| f.name == "Code pour un nouvel appareil, encore 9:41");
            let rect = code.expect("its name").rect;
            assert!(
                rect.width() == rect.height() && rect.width() >= 0.6 * size[0].min(size[1]),
                "{rect:?} in {size:?}"
            );
            if size[1] >= 760.0 {
                assert!(rect.width() >= 600.0, "{rect:?} in {size:?}");
            }
        }
    }
    // The control: once it was used, no code is left to read.
    let mut desk = Desk::new(Lang::English);
    desk.model.code = Some(Code::Used {
        device: "Anna’s phone".to_owned(),
        id: Some("a1".to_owned()),
        at: WallTime(0),
        watching: true,
    });
    let harness = desk.open();
    assert_eq!(scanned(luma(&harness, [1_120, 760]), [1_120, 760]), None);
    harness.get_by_label_contains("Used by Anna’s phone, ");
    harness.get_by_label_contains("Watching now.");
}

#[test]
fn a_device_that_used_the_code_and_should_not_have_can_be_removed_there() {
    let mut desk = Desk::new(Lang::English);
    let used = |id: Option<&str>| Code::Used {
        device: "Anna’s phone".to_owned(),
        id: id.map(str::to_owned),
        at: WallTime(0),
        watching: true,
    };
    desk.model.code = Some(used(Some("a1")));
    let mut harness = desk.open();
    assert_eq!(click(&mut harness, "Not you? Remove"), [], "it asks first");
    harness.get_by_label_contains("Its picture stops now.");
    assert_eq!(click(&mut harness, "Remove"), asked(Request::Remove("a1".to_owned())));
    harness.state_mut().model.code = Some(used(None));
    harness.run_ok();
    assert!(harness.query_by_label("Not you? Remove").is_none(), "nothing is left to remove");
}

#[test]
fn the_code_counts_down() {
    let mut desk = Desk::new(Lang::English);
    let modules = Modules::of_link(LINK).expect("a code");
    desk.model.code = Some(Code::Shown { modules, uses: 1, expires: WallTime(desk.wall.0 + 61_000_000) });
    let mut harness = desk.open();
    harness.get_by_label("One device, once, within 1:01.");
    harness.state_mut().wall = WallTime(harness.state().wall.0 + 2_000_000);
    harness.run_ok();
    harness.get_by_label("One device, once, within 0:59.");
}
