//! The bar under the pictures: what can be done with the selected camera, and with the window.

use athome_shared::look::icon::Icon;
use athome_shared::look::theme::LEAST_TARGET;
use athome_shared::protocol::control::Role;
use egui::{Align, Layout as Direction, Rect, Stroke, StrokeKind, Ui, vec2};

use super::control::{self, State};
use super::grid;
use super::view::{Dialog, Scene, Side, View, Wish};
use crate::controller::request::{Recording, Request, Wanted};
use crate::settings::{CameraKey, Layout, Sound};
use crate::words::Label;
use crate::words::past::Word;

/// Below this width the words between the groups are left out.
const ROOMY: f32 = 900.0;

pub(super) fn show(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let roomy = ui.available_width() >= ROOMY;
        if !scene.full_screen {
            let name = Label::Cameras.text(scene.lang);
            if control::icon_button(ui, Icon::Sidebar, &name, State::on(!view.sidebar_hidden)).clicked() {
                view.sidebar_hidden = !view.sidebar_hidden;
            }
            ui.separator();
        }
        let selected = scene.model.settings.selected.clone().filter(|key| scene.model.camera(key).is_some());
        camera_tools(ui, scene, view, wishes, selected.as_ref(), roomy);
        ui.separator();
        layouts(ui, scene, wishes, view.columns);
        ui.with_layout(Direction::right_to_left(Align::Center), |ui| window_tools(ui, scene, view, wishes));
    });
}

fn camera_tools(
    ui: &mut Ui,
    scene: &Scene<'_>,
    view: &mut View,
    wishes: &mut Vec<Wish>,
    key: Option<&CameraKey>,
    roomy: bool,
) {
    let lang = scene.lang;
    let camera = key.and_then(|key| scene.model.camera(key));
    let audio = camera.is_some_and(|camera| camera.audio);
    let sound = key.map(|key| scene.model.settings.sound(key)).unwrap_or_default();
    let (icon, label) = match (audio, sound.on) {
        (false, _) => (Icon::SoundOff, Label::NoSound),
        (true, true) => (Icon::SoundOn, Label::SoundOff),
        (true, false) => (Icon::SoundOff, Label::SoundOn),
    };
    let state = if audio { State::on(sound.on) } else { State::Disabled };
    if control::icon_button(ui, icon, &label.text(lang), state).clicked()
        && let Some(key) = key
    {
        wishes.push(Wish::Ask(Request::Sound(key.clone(), Sound { on: !sound.on, ..sound })));
    }
    volume(ui, scene, wishes, key.filter(|_| audio && sound.on), sound);
    let here = State::ready(camera.is_some());
    // It is the newest picture that is saved, not the one of the past.
    let live = State::ready(camera.is_some() && !key.is_some_and(|key| in_past(scene, key)));
    if control::icon_button(ui, Icon::Snapshot, &Label::Snapshot.text(lang), live).clicked()
        && let Some(key) = key
    {
        wishes.push(Wish::Ask(Request::Snapshot(key.clone())));
    }
    let recording = key.is_some_and(|key| scene.model.recordings.contains_key(key));
    let (icon, label) = if recording { (Icon::Stop, Label::RecordStop) } else { (Icon::Record, Label::Record) };
    let state = if recording { State::On } else { here };
    if control::icon_button(ui, icon, &label.text(lang), state).clicked()
        && let Some(key) = key
    {
        let change = if recording { Recording::Stop } else { Recording::Start };
        wishes.push(Wish::Ask(Request::Record(key.clone(), change)));
    }
    let bell = key.is_some_and(|key| scene.model.settings.bells.contains(key));
    let (icon, label) = if bell { (Icon::BellOff, Label::BellOff) } else { (Icon::Bell, Label::BellOn) };
    let state = if bell { State::On } else { here };
    if control::icon_button(ui, icon, &label.text(lang), state).clicked()
        && let Some(key) = key
    {
        let wanted = if bell { Wanted::No } else { Wanted::Yes };
        wishes.push(Wish::Ask(Request::Bell(key.clone(), wanted)));
    }
    if may_look_back(scene, key) {
        let state = State::on(scene.model.past.is_some());
        if control::icon_button(ui, Icon::Strip, &Word::Strip.text(lang), state).clicked() {
            toggle_strip(scene, wishes);
        }
    }
    if roomy {
        ui.separator();
    }
    zoom(ui, scene, view, key);
}

/// Whether this device may look back at a camera.
pub(super) fn may_look_back(scene: &Scene<'_>, key: Option<&CameraKey>) -> bool {
    let roles = key.and_then(|key| scene.model.place(key.place)).map(|place| place.roles.as_slice());
    roles.is_some_and(|roles| roles.contains(&Role::Playback) || roles.contains(&Role::Admin))
}

/// Whether a camera is in the past.
pub(super) fn in_past(scene: &Scene<'_>, key: &CameraKey) -> bool {
    scene.model.past.as_ref().is_some_and(|past| past.on && past.camera == *key)
}

/// Opens or closes the time strip.
pub(super) fn toggle_strip(scene: &Scene<'_>, wishes: &mut Vec<Wish>) {
    let wanted = if scene.model.past.is_some() { Wanted::No } else { Wanted::Yes };
    wishes.push(Wish::Ask(Request::Strip(wanted)));
}

fn volume(ui: &mut Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>, key: Option<&CameraKey>, sound: Sound) {
    let mut volume = sound.volume * 100.0;
    let name = Label::Volume.text(scene.lang);
    let slider = egui::Slider::new(&mut volume, 0.0..=100.0).show_value(false).step_by(5.0);
    let response = ui
        .scope(|ui| {
            // The handle is as large as a control is high.
            ui.spacing_mut().interact_size.y = LEAST_TARGET;
            ui.spacing_mut().slider_width = 72.0;
            ui.add_enabled(key.is_some(), slider)
        })
        .inner;
    response.widget_info(|| egui::WidgetInfo::slider(key.is_some(), f64::from(volume), &name));
    if response.changed()
        && let Some(key) = key
    {
        let volume = (volume / 100.0).clamp(0.0, 1.0);
        wishes.push(Wish::Ask(Request::Sound(key.clone(), Sound { volume, ..sound })));
    }
    response.on_hover_text(name);
}

fn zoom(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, key: Option<&CameraKey>) {
    let lang = scene.lang;
    let factor = key.and_then(|key| view.zoom.get(key)).map_or(1.0, super::zoom::Zoom::factor);
    let zoomed = factor > 1.0;
    let shown = key.filter(|key| scene.model.shown().contains(&Some(*key)));
    if control::icon_button(ui, Icon::ZoomOut, &Label::ZoomOut.text(lang), State::ready(zoomed)).clicked()
        && let Some(key) = key
    {
        view.zoom(key).step_out();
    }
    let said = format!("{}×", athome_shared::look::fmt::number(f64::from(factor), 1, lang.decimal()));
    let name = Label::ZoomReset.with(lang, &[("zoom", &said)]);
    let reset = ui.add_enabled(zoomed, egui::Button::new(&said).min_size(vec2(48.0, 32.0)).frame(false));
    reset.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, zoomed, &name));
    if reset.on_hover_text(&name).clicked()
        && let Some(key) = key
    {
        view.zoom.remove(key);
    }
    let state = State::ready(shown.is_some() && factor < 8.0);
    if control::icon_button(ui, Icon::ZoomIn, &Label::ZoomIn.text(lang), state).clicked()
        && let Some(key) = shown
    {
        view.zoom(key).step_in();
    }
}

fn layouts(ui: &mut Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>, columns: usize) {
    let settings = &scene.model.settings;
    for layout in Layout::ALL {
        let name = Label::LayoutOf.with(scene.lang, &[("n", &layout.places().to_string())]);
        let state = State::on(settings.large.is_none() && settings.layout == layout);
        let button = control::drawn_button(ui, &name, state, |ui, rect, colour| {
            for cell in cells(layout, rect) {
                ui.painter().rect_stroke(cell, 1, Stroke::new(1.5, colour), StrokeKind::Inside);
            }
        });
        if button.clicked() {
            wishes.push(Wish::Ask(Request::Layout(layout)));
        }
    }
    place(ui, scene, wishes, columns);
    ui.separator();
    let large = settings.large.is_some();
    let selected = settings.selected.as_ref().and_then(|key| scene.model.camera(key));
    let name = match selected {
        Some(camera) if !large => Label::Enlarge.with(scene.lang, &[("cam", &camera.name)]),
        Some(_) | None => Label::AllCameras.text(scene.lang),
    };
    let icon = if large { Icon::Grid } else { Icon::Large };
    if control::icon_button(ui, icon, &name, State::ready(large || selected.is_some())).clicked() {
        let key = settings.selected.clone().filter(|_| !large);
        wishes.push(Wish::Ask(Request::Enlarge(key)));
    }
}

/// Moving the selected camera to another place, for whoever has no right button.
fn place(ui: &mut Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>, columns: usize) {
    let settings = &scene.model.settings;
    let shown = scene.model.shown();
    let selected = settings.selected.as_ref().filter(|_| settings.large.is_none());
    let at = selected.and_then(|key| shown.iter().position(|shown| *shown == Some(key)));
    let name = selected.and_then(|key| scene.model.camera(key)).map(|camera| camera.name.clone()).unwrap_or_default();
    let label = Label::PlaceMenu.with(scene.lang, &[("cam", &name)]);
    let button = control::icon_button(ui, Icon::Move, &label, State::ready(at.is_some()));
    if let (Some(key), Some(at)) = (selected, at) {
        egui::Popup::menu(&button).show(|ui| grid::place_menu(ui, scene, wishes, key, at, columns));
    }
}

/// A layout drawn small.
fn cells(layout: Layout, rect: Rect) -> Vec<Rect> {
    let grid = |columns: usize, rows: usize| {
        let size = rect.size() / vec2(columns as f32, rows as f32);
        let cell = move |n: usize| {
            let at = vec2((n % columns) as f32, (n / columns) as f32);
            Rect::from_min_size(rect.min + at * size, size).shrink(0.5)
        };
        (0..columns * rows).map(cell).collect::<Vec<_>>()
    };
    match layout {
        Layout::One => grid(1, 1),
        Layout::Two => grid(2, 1),
        Layout::Three => {
            let mut cells = grid(2, 2);
            let tall = cells.iter().step_by(2).fold(Rect::NOTHING, |all, cell| all.union(*cell));
            cells.retain(|cell| !tall.contains(cell.center()));
            cells.push(tall);
            cells
        }
        Layout::Four => grid(2, 2),
        Layout::Six => grid(3, 2),
        Layout::Nine => grid(3, 3),
    }
}

/// From the right.
fn window_tools(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>) {
    let lang = scene.lang;
    if control::icon_button(ui, Icon::Help, &Label::Keys.text(lang), State::Ready).clicked() {
        view.dialog = Some(Dialog::Help);
    }
    let settings = State::on(view.side == Some(Side::Settings));
    if control::icon_button(ui, Icon::Settings, &Label::Options.text(lang), settings).clicked() {
        toggle(view, Side::Settings, wishes);
    }
    let stats = State::on(view.side == Some(Side::Stats));
    if control::icon_button(ui, Icon::Stats, &Label::Stats.text(lang), stats).clicked() {
        toggle(view, Side::Stats, wishes);
    }
    let (icon, label) = match scene.full_screen {
        true => (Icon::FullScreenOff, Label::FullOff),
        false => (Icon::FullScreen, Label::FullOn),
    };
    if control::icon_button(ui, icon, &label.text(lang), State::on(scene.full_screen)).clicked() {
        wishes.push(Wish::FullScreen(!scene.full_screen));
    }
}

/// Opens or closes a side panel; figures are asked for only while they are shown.
pub(super) fn toggle(view: &mut View, side: Side, wishes: &mut Vec<Wish>) {
    let before = view.side;
    view.side = if before == Some(side) { None } else { Some(side) };
    let shows = |side: Option<Side>| side == Some(Side::Stats);
    match (shows(before), shows(view.side)) {
        (false, true) => wishes.push(Wish::Ask(Request::Stats(Wanted::Yes))),
        (true, false) => wishes.push(Wish::Ask(Request::Stats(Wanted::No))),
        (true, true) | (false, false) => {}
    }
}
