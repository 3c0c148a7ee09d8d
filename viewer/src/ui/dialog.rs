//! Questions and the line that comes and goes.

use athome_shared::look::icon::Icon;
use athome_shared::look::theme::{self, CARD_RADIUS};
use egui::{Align2, Area, Frame, Id, Margin, Order, Ui};

use super::control::{self, State};
use super::view::{Dialog, Scene, View, Wish};
use crate::controller::request::Request;
use crate::store::PlaceId;
use crate::words::Label;

/// Another name for this device at a place.
pub(super) fn rename(
    ui: &Ui,
    scene: &Scene<'_>,
    view: &mut View,
    wishes: &mut Vec<Wish>,
    place: PlaceId,
    mut name: String,
) {
    let answer = control::modal(ui, "rename").show(ui.ctx(), |ui| {
        ui.set_width(360.0);
        ui.heading(Label::Rename.text(scene.lang));
        let label = ui.label(Label::Name.text(scene.lang));
        let field = ui.add(egui::TextEdit::singleline(&mut name).char_limit(60).desired_width(f32::INFINITY));
        let field = field.labelled_by(label.id);
        // Before the focus is given back, which would hide that Enter took it.
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        if ui.memory(|memory| memory.focused()).is_none() {
            field.request_focus();
        }
        let usable = !name.trim().is_empty();
        ui.horizontal(|ui| {
            let save = control::primary(ui, &Label::Save.text(scene.lang), usable).clicked();
            let cancel = control::button(ui, &Label::Cancel.text(scene.lang)).clicked();
            ((save || entered) && usable, cancel)
        })
        .inner
    });
    let (save, cancel) = answer.inner;
    if save {
        wishes.push(Wish::Ask(Request::Rename(place, name.trim().to_owned())));
    }
    let close = save || cancel || answer.should_close();
    view.dialog = (!close).then_some(Dialog::Rename(place, name));
}

/// Forgetting can't be undone without a new code, so it asks.
pub(super) fn forget(ui: &Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>, id: PlaceId) {
    let Some(place) = scene.model.place(id) else {
        view.dialog = None;
        return;
    };
    let answer = control::modal(ui, "forget").show(ui.ctx(), |ui| {
        ui.set_width(360.0);
        ui.add(egui::Label::new(Label::ForgetAsk.with(scene.lang, &[("place", &place.name)])).wrap());
        ui.horizontal(|ui| {
            let cancel = control::button(ui, &Label::Cancel.text(scene.lang));
            if ui.memory(|memory| memory.focused()).is_none() {
                cancel.request_focus();
            }
            (control::dangerous(ui, &Label::ForgetYes.text(scene.lang)).clicked(), cancel.clicked())
        })
        .inner
    });
    let (forget, cancel) = answer.inner;
    if forget {
        wishes.push(Wish::Ask(Request::Forget(id)));
    }
    if forget || cancel || answer.should_close() {
        view.dialog = None;
    }
}

/// One line over the pictures, with a way to close it.
pub(super) fn notice(ui: &Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>) {
    let Some(notice) = &scene.model.notice else { return };
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
                ui.add(egui::Label::new(notice.sentence.text(scene.lang)).wrap());
                if control::icon_button(ui, Icon::Close, &Label::Close.text(scene.lang), State::Ready).clicked() {
                    wishes.push(Wish::Ask(Request::DismissNotice));
                }
            });
        });
    });
}
