//! The code for a new device, as large as the window: black on white in either theme, with the margin that the standard asks
//! for, so that it reads from across a room. Once it was used or has expired, its place says so.

use std::time::Duration;

use athome_shared::look::control;
use athome_shared::look::theme::{self, TITLE};
use egui::{
    Align, Color32, CornerRadius, Label as Text, Layout, Rect, RichText, Role, Sense, Ui, WidgetInfo, pos2, vec2,
};

use super::{Dialog, Scene, View, Wish};
use crate::terminal::qr::Modules;
use crate::terminal::sentence::time_of_day;
use crate::terminal::text::countdown;
use crate::window::model::{Code, Request};
use crate::words::window::Label;

/// Light modules around the code (ISO/IEC 18004 §9.1).
const QUIET: usize = 4;
/// Room for the words beside the code, as a part of the width and at least and at most, or below it.
const BESIDE: (f32, f32, f32) = (0.34, 200.0, 300.0);
const BELOW: f32 = 150.0;
/// Width of a sentence that stands alone.
const ALONE: f32 = 480.0;

pub(super) fn show(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>) {
    let area = ui.available_rect_before_wrap();
    let Some(Code::Shown { modules, uses, expires }) = &scene.model.code else {
        alone(ui, scene, view, wishes, area);
        return;
    };
    let left = Duration::from_micros(u64::try_from(expires.0.saturating_sub(scene.wall.0)).unwrap_or(0));
    // The words go where they cost the code less.
    let room = (area.width() * BESIDE.0).clamp(BESIDE.1, BESIDE.2);
    let (beside, below) = ((area.width() - room).min(area.height()), area.width().min(area.height() - BELOW));
    let wide = beside >= below;
    let place = if wide {
        Rect::from_min_size(area.min, vec2(area.width() - room, area.height()))
    } else {
        Rect::from_min_size(area.min, vec2(area.width(), area.height() - BELOW))
    };
    let square = draw(ui, scene, modules, place, left);
    let words = if wide {
        Rect::from_min_max(pos2(place.right() + 24.0, square.top()), area.max)
    } else {
        Rect::from_min_max(pos2(square.left(), place.bottom() + 12.0), area.max)
    };
    ui.scope_builder(egui::UiBuilder::new().max_rect(words), |ui| {
        let how = if scene.model.outside { Label::CodeHowOutside } else { Label::CodeHow };
        let lang = scene.lang();
        ui.add(Text::new(RichText::new(how.text(lang)).size(TITLE)).wrap());
        let counted = countdown(left);
        let within = match uses {
            1 => Label::CodeLeft.with(lang, &[("left", &counted)]),
            n => Label::CodeLeftMany.with(lang, &[("n", &n.to_string()), ("left", &counted)]),
        };
        control::muted(ui, within);
        ui.add_space(12.0);
        buttons(ui, scene, wishes);
    });
}

/// Draws the code into the largest square of whole pixels; returns the square with its margin.
fn draw(ui: &mut Ui, scene: &Scene<'_>, modules: &Modules, place: Rect, left: Duration) -> Rect {
    let scale = ui.pixels_per_point();
    let count = modules.width() + 2 * QUIET;
    let side = place.width().min(place.height());
    // Whole pixels for each module: edges stay sharp, and no row is wider than another.
    let module = ((side * scale / count as f32).floor().max(1.0)) / scale;
    let square = Rect::from_center_size(place.center(), egui::Vec2::splat(module * count as f32));
    let corner = (square.min.to_vec2() * scale).round() / scale;
    let square = Rect::from_min_size(corner.to_pos2(), square.size());
    let response = ui.allocate_rect(square, Sense::hover());
    let name = Label::CodeName.with(scene.lang(), &[("left", &countdown(left))]);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    let painter = ui.painter();
    painter.rect_filled(square, CornerRadius::ZERO, Color32::WHITE);
    for y in 0..modules.width() {
        for x in (0..modules.width()).filter(|x| modules.dark(*x, y)) {
            let at = square.min + vec2((x + QUIET) as f32, (y + QUIET) as f32) * module;
            painter.rect_filled(Rect::from_min_size(at, vec2(module, module)), CornerRadius::ZERO, Color32::BLACK);
        }
    }
    square
}

/// Where there is no code: why, and what next.
fn alone(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>, area: Rect) {
    let lang = scene.lang();
    let said = match &scene.model.code {
        Some(Code::Used { device, at, watching, .. }) => {
            let label = if *watching { Label::CodeUsedWatching } else { Label::CodeUsed };
            label.with(lang, &[("device", device), ("time", &time_of_day(*at))])
        }
        Some(Code::Expired) => Label::CodeOld.text(lang).to_owned(),
        Some(Code::Making | Code::Shown { .. }) | None => Label::CodeMaking.text(lang).to_owned(),
    };
    let card = Rect::from_center_size(area.center(), vec2(ALONE.min(area.width()), 128.0));
    let palette = theme::palette(ui.visuals());
    ui.painter().rect_filled(card.expand(24.0), theme::CARD_RADIUS, palette.surface);
    ui.scope_builder(egui::UiBuilder::new().max_rect(card).layout(Layout::top_down(Align::Min)), |ui| {
        ui.add(Text::new(RichText::new(said).size(TITLE)).wrap());
        if scene.model.code == Some(Code::Making) {
            ui.spinner();
        }
        ui.add_space(16.0);
        buttons(ui, scene, wishes);
        if let Some(Code::Used { device, id: Some(id), .. }) = &scene.model.code {
            ui.add_space(8.0);
            if control::button(ui, Label::NotYou.text(lang)).clicked() {
                view.dialog = Some(Dialog::Remove(id.clone(), device.clone()));
            }
        }
    });
}

fn buttons(ui: &mut Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>) {
    let lang = scene.lang();
    ui.horizontal_wrapped(|ui| {
        let making = scene.model.code == Some(Code::Making);
        if control::primary(ui, Label::CodeNew.text(lang), !making).clicked() {
            wishes.push(Wish::Ask(Request::NewCode));
        }
        if control::button(ui, Label::Close.text(lang)).clicked() {
            wishes.push(Wish::Ask(Request::HideCode));
        }
    });
}
