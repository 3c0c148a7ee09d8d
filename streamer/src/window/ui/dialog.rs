//! Questions, and the line that comes and goes.

use athome_shared::look::control::{self, State};
use athome_shared::look::icon::Icon;
use athome_shared::look::theme::{self, CARD_RADIUS};
use egui::{Align2, Area, Frame, Id, Label as Text, Margin, Order, Ui};

use super::{Dialog, Scene, View, Wish};
use crate::window::model::{OnClose, Request, Tray};
use crate::words::window::Label;

const WIDTH: f32 = 400.0;

/// Removing can't be undone without a new code, so it asks.
pub(super) fn remove(ui: &Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>, id: String, name: &str) {
    let lang = scene.lang();
    let answer = control::modal(ui, "remove").show(ui.ctx(), |ui| {
        ui.set_width(WIDTH);
        ui.add(Text::new(Label::RemoveAsk.with(lang, &[("device", name)])).wrap());
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            let cancel = control::button(ui, Label::Cancel.text(lang));
            if ui.memory(|memory| memory.focused()).is_none() {
                cancel.request_focus();
            }
            (control::dangerous(ui, Label::RemoveYes.text(lang)).clicked(), cancel.clicked())
        })
        .inner
    });
    let (remove, cancel) = answer.inner;
    if remove {
        wishes.push(Wish::Ask(Request::Remove(id)));
    }
    if remove || cancel || answer.should_close() {
        view.dialog = None;
    }
}

/// What closing is to mean: asked once, unless the answer is not to be remembered.
pub(super) fn close(ui: &Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>, mut remember: bool) {
    enum Answer {
        Tray,
        Small,
        Stop,
        Cancel,
    }
    let lang = scene.lang();
    let tray = scene.model.tray == Tray::Shown;
    // A desktop that still thinks about it has not said no.
    let asked = scene.model.tray == Tray::Unknown;
    let shown = control::modal(ui, "close").show(ui.ctx(), |ui| {
        ui.set_width(WIDTH);
        ui.heading(Label::CloseAsk.text(lang));
        let how = match scene.model.tray {
            Tray::Shown => Label::CloseAskHow,
            Tray::Unknown => Label::CloseTrayAsked,
            Tray::None => Label::CloseNoTray,
        };
        control::muted(ui, how.text(lang));
        if asked {
            ui.spinner();
        }
        // Making it small is no way of closing that could be remembered.
        if tray {
            ui.checkbox(&mut remember, Label::Remember.text(lang));
        }
        ui.add_space(8.0);
        let mut answer = None;
        ui.horizontal_wrapped(|ui| {
            let (keep, meant) = match tray {
                true => (Label::OnCloseTray, Answer::Tray),
                false => (Label::Minimise, Answer::Small),
            };
            let keep = control::primary(ui, keep.text(lang), true);
            if ui.memory(|memory| memory.focused()).is_none() {
                keep.request_focus();
            }
            if keep.clicked() {
                answer = Some(meant);
            }
            if control::button(ui, Label::OnCloseStop.text(lang)).clicked() {
                answer = Some(Answer::Stop);
            }
            if control::button(ui, Label::Cancel.text(lang)).clicked() {
                answer = Some(Answer::Cancel);
            }
        });
        answer
    });
    let closed = shown.should_close();
    let answer = shown.inner.or(closed.then_some(Answer::Cancel));
    view.dialog = answer.is_none().then_some(Dialog::Close { remember });
    match answer {
        Some(Answer::Tray) => {
            if remember {
                wishes.push(Wish::Ask(Request::OnClose(OnClose::Tray)));
            }
            view.leaving = true;
            wishes.push(Wish::Close);
        }
        Some(Answer::Small) => wishes.push(Wish::Minimise),
        Some(Answer::Stop) => {
            if remember && tray {
                wishes.push(Wish::Ask(Request::OnClose(OnClose::Stop)));
            }
            wishes.push(Wish::Ask(Request::Quit));
        }
        Some(Answer::Cancel) | None => {}
    }
}

/// One line over everything, with a way to close it.
pub(super) fn notice(ui: &Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>) {
    let Some(notice) = &scene.model.notice else { return };
    let lang = scene.lang();
    let palette = theme::palette(ui.visuals());
    let area = Area::new(Id::unique("notice")).order(Order::Foreground).anchor(Align2::CENTER_BOTTOM, [0.0, -64.0]);
    area.show(ui.ctx(), |ui| {
        let frame = Frame::new()
            .fill(palette.raised)
            .stroke(egui::Stroke::new(1.0, palette.border))
            .corner_radius(CARD_RADIUS)
            .inner_margin(Margin::symmetric(16, 8));
        frame.show(ui, |ui| {
            ui.set_max_width(560.0);
            ui.horizontal(|ui| {
                ui.add(Text::new(notice.text(lang)).wrap());
                if control::icon_button(ui, Icon::Close, Label::Close.text(lang), State::Ready).clicked() {
                    wishes.push(Wish::Ask(Request::DismissNotice));
                }
            });
        });
    });
}
