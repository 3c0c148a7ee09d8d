//! The keys.

use egui::{Grid, Ui};

use super::control;
use super::view::{Scene, View};
use crate::words::Label;

/// What is printed on a key, or its name in words: the fonts have no arrows.
enum Cap {
    Printed(&'static str),
    Named(Label),
}

const KEYS: [(Cap, Label); 12] = [
    (Cap::Printed("1 – 9"), Label::KeyCamera),
    (Cap::Printed("G"), Label::AllCameras),
    (Cap::Printed("F"), Label::FullOn),
    (Cap::Printed("M"), Label::SoundOn),
    (Cap::Printed("S"), Label::Snapshot),
    (Cap::Printed("R"), Label::Record),
    (Cap::Printed("I"), Label::Stats),
    (Cap::Printed("+  –"), Label::ZoomIn),
    (Cap::Named(Label::CapArrows), Label::KeyArrows),
    (Cap::Named(Label::CapShiftArrows), Label::KeyPlace),
    (Cap::Printed("Esc"), Label::Back),
    (Cap::Printed("?"), Label::Keys),
];

pub(super) fn show(ui: &Ui, scene: &Scene<'_>, view: &mut View) {
    let answer = control::modal(ui, "help").show(ui.ctx(), |ui| {
        ui.set_max_width(420.0);
        let closed = control::heading(ui, &Label::Keys.text(scene.lang), &Label::Close.text(scene.lang));
        Grid::new("keys").num_columns(2).spacing([24.0, 8.0]).show(ui, |ui| {
            for (key, label) in KEYS {
                match key {
                    Cap::Printed(key) => ui.strong(key),
                    Cap::Named(key) => ui.strong(key.text(scene.lang)),
                };
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
