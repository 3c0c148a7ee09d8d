//! The bar under the picture: the two things that are wanted most.

use athome_shared::look::control;
use egui::Ui;

use super::{Scene, Wish};
use crate::window::model::Request;
use crate::words::window::Label;
use athome_shared::protocol::control::CameraState;

pub(super) fn show(ui: &mut Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>) {
    let lang = scene.lang();
    ui.horizontal_wrapped(|ui| {
        if control::primary(ui, Label::CodeShow.text(lang), true).clicked() {
            wishes.push(Wish::Ask(Request::ShowCode));
        }
        let Some(camera) = scene.model.camera() else { return };
        let stopped = camera.state == CameraState::Stopped;
        let (label, request) = match stopped {
            true => (Label::ResumeOf, Request::Resume(camera.id.clone())),
            false => (Label::PauseOf, Request::Pause(camera.id.clone())),
        };
        if control::button(ui, &label.with(lang, &[("cam", &camera.name)])).clicked() {
            wishes.push(Wish::Ask(request));
        }
    });
}
