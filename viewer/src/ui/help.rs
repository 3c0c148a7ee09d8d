//! The keys.

use egui::{Grid, Id, Modal, Ui};

use super::control;
use super::view::{Scene, View};
use crate::words::Label;

const KEYS: [(&str, Label); 12] = [
    ("1 – 9", Label::KeyCamera),
    ("G", Label::AllCameras),
    ("F", Label::FullOn),
    ("M", Label::SoundOn),
    ("S", Label::Snapshot),
    ("R", Label::Record),
    ("I", Label::Stats),
    ("+  −", Label::ZoomIn),
    ("← ↑ ↓ →", Label::KeyArrows),
    ("⇧ ← ↑ ↓ →", Label::KeyPlace),
    ("Esc", Label::Back),
    ("?", Label::Keys),
];

pub(super) fn show(ui: &Ui, scene: &Scene<'_>, view: &mut View) {
    let answer = Modal::new(Id::unique("help")).show(ui.ctx(), |ui| {
        ui.set_max_width(420.0);
        let closed = control::heading(ui, &Label::Keys.text(scene.lang), &Label::Close.text(scene.lang));
        Grid::new("keys").num_columns(2).spacing([24.0, 8.0]).show(ui, |ui| {
            for (key, label) in KEYS {
                ui.strong(key);
                ui.label(label.text(scene.lang));
                ui.end_row();
            }
        });
        closed
    });
    if answer.inner || answer.should_close() {
        view.dialog = None;
    }
}
