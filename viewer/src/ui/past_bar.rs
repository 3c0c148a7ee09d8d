//! The buttons under the time strip.

use athome_shared::look::icon::Icon;
use athome_shared::look::theme::{self, CONTROL};
use egui::{Popup, Role, Ui, WidgetInfo, vec2};

use super::control::{self, State};
use super::goto;
use super::strip;
use super::toolbar;
use super::view::{Dialog, Scene, Side, View, Wish};
use crate::controller::past::{Past, Wish as Do};
use crate::controller::request::Request;
use crate::past::axis::{Detail, ZOOMS, zoom_step};
use crate::past::marks::Way;
use crate::past::player::{SPEEDS, Speed};
use crate::past::times::Times;
use crate::words::Lang;
use crate::words::past::Word;

pub(super) fn show(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>, past: &Past) {
    let lang = scene.lang;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let stands = past.on && !past.playing;
        let (icon, label) = if stands { (Icon::Play, Word::Play) } else { (Icon::Pause, Word::Pause) };
        let buttons = [
            (Icon::Back10, Word::Back10, State::Ready, Do::Step(-10_000)),
            (Icon::EventPrev, Word::EventPrev, State::Ready, Do::Event(Way::Back)),
            (icon, label, State::Ready, Do::Toggle),
            (Icon::EventNext, Word::EventNext, State::ready(past.on), Do::Event(Way::On)),
            (Icon::On10, Word::On10, State::ready(past.on), Do::Step(10_000)),
        ];
        for (icon, word, state, wish) in buttons {
            if control::icon_button(ui, icon, &word.text(lang), state).clicked() {
                wishes.push(Wish::Ask(Request::Past(wish)));
            }
        }
        speeds(ui, lang, wishes, past);
        ui.separator();
        spans(ui, lang, wishes, past);
        ui.separator();
        let name = Word::Goto.text(lang);
        if control::icon_button(ui, Icon::Calendar, &name, State::Ready).clicked() {
            view.dialog = Some(Dialog::Goto(goto::Form::of(past, strip::playhead(scene, past))));
        }
        let name = Word::Events.text(lang);
        if control::icon_button(ui, Icon::List, &name, State::on(view.side == Some(Side::Events))).clicked() {
            toolbar::toggle(view, Side::Events, wishes);
        }
        if past.on && to_live(ui, lang) {
            wishes.push(Wish::Ask(Request::Past(Do::Live)));
        }
        if let Some(word) = word(scene, past) {
            control::muted(ui, word);
        }
    });
}

/// Always there while in the past.
fn to_live(ui: &mut Ui, lang: Lang) -> bool {
    control::primary(ui, &Word::ToLive.text(lang), true).clicked()
}

/// What there is to say of the strip as a whole.
fn word(scene: &Scene<'_>, past: &Past) -> Option<String> {
    let empty = past.loaded && past.known.spans.is_empty();
    let word = match (past.trouble, empty) {
        (true, _) => Word::Failed,
        (false, true) => Word::None,
        (false, false) => return None,
    };
    Some(word.text(scene.lang))
}

fn speeds(ui: &mut Ui, lang: Lang, wishes: &mut Vec<Wish>, past: &Past) {
    let name = Word::SpeedIs.with(lang, &[("speed", &speed_name(past.speed, lang))]);
    let button = text_button(ui, &speed_name(past.speed, lang), &name, past.on);
    Popup::menu(&button).show(|ui| {
        for speed in SPEEDS {
            if ui.selectable_label(past.speed == speed, speed_name(speed, lang)).clicked() {
                wishes.push(Wish::Ask(Request::Past(Do::Speed(speed))));
            }
        }
    });
}

fn spans(ui: &mut Ui, lang: Lang, wishes: &mut Vec<Wish>, past: &Past) {
    let times = Times { lang };
    let mut ask = |span: f64| wishes.push(Wish::Ask(Request::Past(Do::Span(span))));
    let coarser = zoom_step(past.span, Detail::Coarser);
    let state = State::ready(coarser > past.span);
    if control::icon_button(ui, Icon::Minus, &Word::Coarser.text(lang), state).clicked() {
        ask(coarser);
    }
    let distance = |zoom: f64| (zoom / past.span).ln().abs();
    let nearest = ZOOMS.into_iter().min_by(|a, b| distance(*a as f64).total_cmp(&distance(*b as f64)));
    let shown = times.span(nearest.unwrap_or(ZOOMS[0]));
    let name = Word::SpanIs.with(lang, &[("span", &shown)]);
    let button = text_button(ui, &shown, &name, true);
    Popup::menu(&button).show(|ui| {
        for zoom in ZOOMS {
            if ui.selectable_label(nearest == Some(zoom), times.span(zoom)).clicked() {
                ask(zoom as f64);
            }
        }
    });
    let finer = zoom_step(past.span, Detail::Finer);
    if control::icon_button(ui, Icon::Add, &Word::Finer.text(lang), State::ready(finer < past.span)).clicked() {
        ask(finer);
    }
}

fn text_button(ui: &mut Ui, text: &str, name: &str, enabled: bool) -> egui::Response {
    let button = ui.add_enabled(enabled, egui::Button::new(text).min_size(vec2(56.0, CONTROL)));
    button.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, name));
    button.on_hover_text(name)
}

fn speed_name(speed: Speed, lang: Lang) -> String {
    let factor = speed.factor();
    let size = match factor.abs() {
        0.25 => "¼".to_owned(),
        0.5 => "½".to_owned(),
        size => athome_shared::look::fmt::number(size, 0, lang.decimal()),
    };
    format!("{}{size}×", if speed.backwards() { "−" } else { "" })
}

/// The panel's colour says that what is above it is not live.
pub(super) fn fill(ui: &Ui, past: &Past) -> egui::Frame {
    let palette = theme::palette(ui.visuals());
    let frame = egui::Frame::new().fill(palette.surface).inner_margin(egui::Margin::symmetric(12, 6));
    if past.on { frame.stroke(egui::Stroke::new(1.0, palette.past)) } else { frame }
}
