//! The menus of the selected camera. A choice applies at once.

use athome_shared::look::control;
use athome_shared::look::fmt::number;
use athome_shared::protocol::control::CameraState;
use egui::{ComboBox, Id, Response, Ui};

use super::{Scene, Wish, decimal};
use crate::window::model::{CameraView, Choice, Chosen, Name, Request};
use crate::words::Lang;
use crate::words::window::Label;

pub(super) fn camera(ui: &mut Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>, camera: &CameraView) {
    let lang = scene.lang();
    let menus = &scene.model.menus;
    // The heading above is its name.
    let name = Label::Camera.text(lang);
    choices(ui, scene, "source", name, &menus.sources, |spec| wishes.push(Wish::Ask(Request::Source(spec))));
    if !menus.sizes.is_empty() {
        ui.columns(2, |columns| {
            let size = |size: Option<(u32, u32)>| match size {
                Some((width, height)) => format!("{width}×{height}"),
                None => Label::Automatic.text(lang).to_owned(),
            };
            let rate = |rate: Option<f32>| match rate {
                Some(rate) => Label::Fps.with(lang, &[("n", &figure(rate, lang))]),
                None => Label::Automatic.text(lang).to_owned(),
            };
            values(&mut columns[0], "size", Label::Size.text(lang), &menus.sizes, size, |value| {
                wishes.push(Wish::Ask(Request::Size(value)));
            });
            values(&mut columns[1], "rate", Label::Rate.text(lang), &menus.rates, rate, |value| {
                wishes.push(Wish::Ask(Request::Rate(value)));
            });
        });
    }
    if let Some(given) = given(camera, lang) {
        control::muted(ui, given);
    }
}

pub(super) fn microphone(ui: &mut Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>) {
    let name = Label::Microphone.text(scene.lang());
    choices(ui, scene, "microphone", name, &scene.model.menus.microphones, |spec| {
        wishes.push(Wish::Ask(Request::Microphone(spec)));
    });
}

/// What the camera really gives while it is live: `1280×720, 30 fps · 2.1 Mbit/s`.
fn given(camera: &CameraView, lang: Lang) -> Option<String> {
    if camera.state != CameraState::Live || camera.width == 0 {
        return None;
    }
    let mut said = format!("{}×{}", camera.width, camera.height);
    if camera.fps > 0.0 {
        said.push_str(", ");
        said.push_str(&Label::Fps.with(lang, &[("n", &number(f64::from(camera.fps), 0, decimal(lang)))]));
    }
    if camera.bits >= 50_000 {
        said.push_str(&format!(" · {} Mbit/s", number(camera.bits as f64 / 1e6, 1, decimal(lang))));
    }
    Some(said)
}

/// Whole where it is whole.
fn figure(value: f32, lang: Lang) -> String {
    let places = if value.fract() == 0.0 { 0 } else { 2 };
    number(f64::from(value), places, decimal(lang))
}

fn choices(ui: &mut Ui, scene: &Scene<'_>, id: &str, name: &str, choices: &[Choice], mut chosen: impl FnMut(String)) {
    let lang = scene.lang();
    let text = |choice: &Choice| match &choice.name {
        Name::Own(name) => name.clone(),
        Name::Word(said) => said.text(lang),
    };
    let now = choices.iter().find(|choice| choice.chosen == Chosen::Yes).map(text).unwrap_or_default();
    named_combo(ui, id, name, &now, |ui, close| {
        for choice in choices {
            let now = choice.chosen == Chosen::Yes;
            if entry(ui, &text(choice), now) {
                *close = true;
                if !now {
                    chosen(choice.spec.clone());
                }
            }
        }
    });
}

fn values<T: Copy>(
    ui: &mut Ui,
    id: &str,
    name: &str,
    values: &[(T, Chosen)],
    text: impl Fn(T) -> String,
    mut chosen: impl FnMut(T),
) {
    let now = values.iter().find(|(_, chosen)| *chosen == Chosen::Yes).map(|(value, _)| text(*value));
    let label = ui.label(name);
    combo(ui, id, label.id, &now.unwrap_or_default(), |ui, close| {
        for (value, state) in values {
            let now = *state == Chosen::Yes;
            if entry(ui, &text(*value), now) {
                *close = true;
                if !now {
                    chosen(*value);
                }
            }
        }
    });
}

/// An entry of a menu; true when it was chosen.
pub(super) fn entry(ui: &mut Ui, text: &str, chosen: bool) -> bool {
    ui.selectable_label(chosen, text).clicked()
}

/// A menu as wide as its column, named by a text before it.
pub(super) fn combo(ui: &mut Ui, id: &str, label: Id, now: &str, entries: impl FnOnce(&mut Ui, &mut bool)) {
    drawn(ui, id, now, entries).labelled_by(label);
}

/// A menu as wide as its column, whose name stands in the heading above.
fn named_combo(ui: &mut Ui, id: &str, name: &str, now: &str, entries: impl FnOnce(&mut Ui, &mut bool)) {
    let response = drawn(ui, id, now, entries);
    let said = format!("{name}: {now}");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &said));
}

fn drawn(ui: &mut Ui, id: &str, now: &str, entries: impl FnOnce(&mut Ui, &mut bool)) -> Response {
    let width = ui.available_width();
    let menu = ComboBox::from_id_salt(id).selected_text(now).width(width).truncate();
    let shown = menu.show_ui(ui, |ui| {
        let mut close = false;
        entries(ui, &mut close);
        if close {
            ui.close();
        }
    });
    shown.response
}
