//! The keys.

use egui::{Grid, Ui};

use super::control;
use super::view::{Scene, View};
use crate::words::Label;
use crate::words::past::Word;

/// What is printed on a key, or its name in words: the fonts have no arrows.
enum Cap {
    Printed(&'static str),
    Named(Label),
}

/// What a key does.
enum Name {
    Label(Label),
    Past(Word),
}

const KEYS: [(Cap, Name); 19] = [
    (Cap::Printed("1 – 9"), Name::Label(Label::KeyCamera)),
    (Cap::Printed("G"), Name::Label(Label::AllCameras)),
    (Cap::Printed("F"), Name::Label(Label::FullOn)),
    (Cap::Printed("M"), Name::Label(Label::SoundOn)),
    (Cap::Printed("S"), Name::Label(Label::Snapshot)),
    (Cap::Printed("R"), Name::Label(Label::Record)),
    (Cap::Printed("I"), Name::Label(Label::Stats)),
    (Cap::Printed("+  –"), Name::Label(Label::ZoomIn)),
    (Cap::Printed("H"), Name::Past(Word::Strip)),
    (Cap::Printed("E"), Name::Past(Word::Events)),
    (Cap::Printed("N  P"), Name::Past(Word::KeyEvents)),
    (Cap::Printed("J  K  L"), Name::Past(Word::KeyShuttle)),
    (Cap::Printed(",  ."), Name::Past(Word::KeyFrames)),
    (Cap::Named(Label::CapSpace), Name::Past(Word::KeyPlay)),
    (Cap::Named(Label::CapEnd), Name::Past(Word::ToLive)),
    (Cap::Named(Label::CapArrows), Name::Label(Label::KeyArrows)),
    (Cap::Named(Label::CapShiftArrows), Name::Label(Label::KeyPlace)),
    (Cap::Printed("Esc"), Name::Label(Label::Back)),
    (Cap::Printed("?"), Name::Label(Label::Keys)),
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
                ui.label(match label {
                    Name::Label(label) => label.text(scene.lang),
                    Name::Past(word) => word.text(scene.lang),
                });
                ui.end_row();
            }
        });
        closed
    });
    if answer.inner || answer.should_close() {
        view.dialog = None;
    }
}
