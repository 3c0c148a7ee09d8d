//! What moved, newest first, by the hour: a row is played from a little before it.

use athome_shared::look::theme::{self, CONTROL_RADIUS, SMALL};
use egui::{Align2, Color32, FontId, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use super::control;
use super::strip;
use super::toolbar;
use super::view::{Scene, Side, View, Wish};
use crate::controller::past::{Past, Wish as Do};
use crate::controller::request::Request;
use crate::past::marks::{LEAD, Mark};
use crate::past::times::Times;
use crate::past::{DAY, HOUR, Ms};
use crate::words::past::Word;
use crate::words::{Label, Lang};

const ROW: f32 = 40.0;

/// A line of the list.
#[derive(Clone, Copy)]
enum Row<'a> {
    /// An hour of a day.
    Hour(Ms),
    Event(&'a Mark),
}

pub(super) fn show(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>) {
    let lang = scene.lang;
    if control::heading(ui, &Word::Events.text(lang), &Label::Close.text(lang)) {
        toolbar::toggle(view, Side::Events, wishes);
    }
    let Some(past) = &scene.model.past else { return };
    let rows = rows(past);
    if rows.is_empty() {
        control::muted(ui, Word::NoEvents.text(lang));
        return;
    }
    let at = strip::playhead(scene, past);
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().auto_shrink([false, false]).show_rows(ui, ROW, rows.len(), |ui, shown| {
        for row in rows.get(shown).unwrap_or_default() {
            match row {
                Row::Hour(at) => hour(ui, lang, past, *at),
                Row::Event(event) => {
                    if event_ui(ui, lang, past, event, at) {
                        wishes.push(Wish::Ask(Request::Past(Do::PlayEvent(event.id))));
                    }
                }
            }
        }
    });
}

/// Events whose recording is there, each hour under its name.
fn rows(past: &Past) -> Vec<Row<'_>> {
    let known = &past.known;
    let mut rows = Vec::new();
    let mut hour = None;
    for event in known.events.iter().rev() {
        let recorded = known.files_of(event.from - LEAD, event.to.unwrap_or(event.from + 1)).next().is_some();
        if !recorded {
            continue;
        }
        // A local hour that came twice is two.
        let of = past.zone.local(event.from).div_euclid(HOUR) * DAY + past.zone.at(event.from);
        if hour.replace(of) != Some(of) {
            rows.push(Row::Hour(event.from));
        }
        rows.push(Row::Event(event));
    }
    rows
}

fn hour(ui: &mut Ui, lang: Lang, past: &Past, at: Ms) {
    let times = Times { lang };
    let local = past.zone.local(at);
    let start = at - local.rem_euclid(HOUR);
    let text = format!("{} {}", times.day(&past.zone, at), times.minutes(&past.zone, start));
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
    let palette = theme::palette(ui.visuals());
    let at = pos2(rect.left(), rect.bottom() - 6.0);
    ui.painter().text(at, Align2::LEFT_BOTTOM, text, FontId::proportional(SMALL), palette.muted);
}

/// A row; true once it is to be played.
fn event_ui(ui: &mut Ui, lang: Lang, past: &Past, event: &Mark, at: Ms) -> bool {
    let times = Times { lang };
    let time = times.time(&past.zone, event.from);
    let kind = if event.zones.is_empty() { Label::Motion.text(lang) } else { event.zones.join(", ") };
    let length = match event.to {
        Some(to) => times.length(to - event.from),
        None => Word::StillOn.text(lang),
    };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let here = past.on && at >= event.from - LEAD && event.to.is_none_or(|to| at <= to);
    let name = format!("{time}, {kind}, {length}");
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, here, &name));
    let palette = theme::palette(ui.visuals());
    let fill = if here || response.hovered() { palette.raised } else { Color32::TRANSPARENT };
    ui.painter().rect_filled(rect, CONTROL_RADIUS, fill);
    if here {
        let mark = egui::Rect::from_min_size(rect.min, vec2(3.0, rect.height()));
        ui.painter().rect_filled(mark, 0, palette.past);
    }
    let painter = ui.painter_at(rect);
    let (left, middle) = (rect.left() + 12.0, rect.center().y);
    let font = FontId::proportional(14.0);
    let time = painter.text(pos2(left, middle), Align2::LEFT_CENTER, time, font.clone(), palette.text);
    let end = pos2(rect.right() - 8.0, middle);
    let length = painter.text(end, Align2::RIGHT_CENTER, length, font.clone(), palette.muted);
    let room = length.left() - time.right() - 24.0;
    let kind = athome_shared::look::picture::shortened(&painter, &kind, &font, room);
    painter.text(pos2(time.right() + 12.0, middle), Align2::LEFT_CENTER, kind, font, palette.muted);
    control::focus_ring(ui, &response, rect);
    response.clicked()
}
