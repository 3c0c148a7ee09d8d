//! What keys do. Single keys can be switched off (WCAG 2.1.4), and do nothing while text is typed.

use egui::{Context, Event, Key, Modifiers};

use super::view::{Dialog, Scene, Side, View, Wish};
use super::{strip, toolbar};
use crate::controller::past;
use crate::controller::request::{Recording, Request};
use crate::settings::{CameraKey, SingleKeys, Sound};

/// One press of an arrow moves the zoomed picture by this part of what is visible.
const PAN: f32 = 0.1;
const DIGITS: [Key; 9] =
    [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7, Key::Num8, Key::Num9];

pub(super) fn handle(ctx: &Context, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>) {
    // Dialogs close themselves, and have the keys to themselves.
    if view.dialog.is_some() || egui::Popup::is_any_open(ctx) {
        return;
    }
    if press(ctx, Key::Escape) {
        return step_back(scene, view, wishes);
    }
    if ctx.text_edit_focused() || scene.model.settings.single_keys == SingleKeys::Off {
        return;
    }
    let selected = scene.model.settings.selected.clone().filter(|key| scene.model.camera(key).is_some());
    if press(ctx, Key::G) {
        let large = scene.model.settings.large.is_some();
        wishes.push(Wish::Ask(Request::Enlarge(selected.clone().filter(|_| !large))));
    }
    if press(ctx, Key::F) {
        wishes.push(Wish::FullScreen(!scene.full_screen));
    }
    if press(ctx, Key::I) {
        toolbar::toggle(view, Side::Stats, wishes);
    }
    // On many layouts "?" is another key with Shift.
    if ctx.input(|input| input.events.iter().any(|event| matches!(event, Event::Text(text) if text == "?"))) {
        view.dialog = Some(Dialog::Help);
    }
    for (at, key) in DIGITS.into_iter().enumerate() {
        if press(ctx, key)
            && let Some(camera) = camera(scene, at)
        {
            wishes.push(Wish::Ask(Request::Enlarge(Some(camera))));
        }
    }
    if press(ctx, Key::H) && toolbar::may_look_back(scene, selected.as_ref()) {
        toolbar::toggle_strip(scene, wishes);
    }
    if let Some(past) = &scene.model.past {
        if press(ctx, Key::E) {
            toolbar::toggle(view, Side::Events, wishes);
        }
        strip::single_keys(ctx, past, wishes);
    }
    if let Some(key) = selected {
        of_camera(ctx, scene, view, wishes, &key);
    }
}

fn of_camera(ctx: &Context, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>, key: &CameraKey) {
    let audio = scene.model.camera(key).is_some_and(|camera| camera.audio);
    if press(ctx, Key::M) && audio {
        let sound = scene.model.settings.sound(key);
        wishes.push(Wish::Ask(Request::Sound(key.clone(), Sound { on: !sound.on, ..sound })));
    }
    if press(ctx, Key::S) && !toolbar::in_past(scene, key) {
        wishes.push(Wish::Ask(Request::Snapshot(key.clone())));
    }
    if press(ctx, Key::R) {
        let runs = scene.model.recordings.contains_key(key);
        let change = if runs { Recording::Stop } else { Recording::Start };
        wishes.push(Wish::Ask(Request::Record(key.clone(), change)));
    }
    if !scene.model.shown().contains(&Some(key)) {
        return;
    }
    let zoom = view.zoom(key);
    if press(ctx, Key::Plus) || press(ctx, Key::Equals) {
        zoom.step_in();
    }
    if press(ctx, Key::Minus) {
        zoom.step_out();
    }
    if !zoom.zoomed() {
        return;
    }
    for (arrow, x, y) in [
        (Key::ArrowLeft, PAN, 0.0),
        (Key::ArrowRight, -PAN, 0.0),
        (Key::ArrowUp, 0.0, PAN),
        (Key::ArrowDown, 0.0, -PAN),
    ] {
        if press(ctx, arrow) {
            zoom.pan(egui::vec2(x, y));
        }
    }
}

/// Escape: full screen, then a side panel, then the zoom, then the past, then the camera shown alone.
fn step_back(scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>) {
    if scene.full_screen {
        wishes.push(Wish::FullScreen(false));
    } else if let Some(side) = view.side {
        toolbar::toggle(view, side, wishes);
    } else if view.zoom.values().any(super::zoom::Zoom::zoomed) {
        view.zoom.clear();
    } else if scene.model.past.as_ref().is_some_and(|past| past.on) {
        wishes.push(Wish::Ask(Request::Past(past::Wish::Live)));
    } else if scene.model.settings.large.is_some() {
        wishes.push(Wish::Ask(Request::Enlarge(None)));
    }
}

/// The first to ninth camera: those of the grid in their order, else as listed.
fn camera(scene: &Scene<'_>, at: usize) -> Option<CameraKey> {
    let placed: Vec<&CameraKey> =
        scene.model.settings.grid.iter().filter_map(|placed| placed.camera.as_ref()).collect();
    let placed = placed.get(at).map(|key| (*key).clone());
    placed.or_else(|| {
        let mut all = scene.model.places.iter().flat_map(|place| {
            place.cameras.iter().map(|camera| CameraKey { place: place.id, camera: camera.id.clone() })
        });
        all.nth(at)
    })
}

/// Pressed without Ctrl, Alt or Command.
fn press(ctx: &Context, key: Key) -> bool {
    ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key))
}
