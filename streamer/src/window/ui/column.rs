//! The column beside the picture: how it is, what it is made of, who watches, who may.

use athome_shared::look::control;
use athome_shared::look::theme::{self, BODY, CONTROL_RADIUS, Palette};
use athome_shared::protocol::control::CameraState;
use egui::{Color32, FontId, Label as Text, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use super::{Scene, View, Wish, devices, menus, meter, picture};
use crate::window::model::{CameraView, Login, OnClose, Request, Theme, Tray};
use crate::words::window::Label;
use athome_shared::protocol::house::HouseMode;

const ROW: f32 = 32.0;
/// Between the parts of the column.
const APART: f32 = 16.0;

pub(super) fn show(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>) {
    let lang = scene.lang();
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        // The scroll bar stands in the margin.
        ui.set_max_width(super::COLUMN - 32.0);
        ui.add(Text::new(RichText::new(&scene.model.place).size(theme::TITLE).strong()).truncate());
        if let Some(camera) = scene.model.camera() {
            state(ui, scene, camera);
        }
        if scene.model.cameras.len() > 1 {
            part(ui, Label::Cameras.text(lang));
            for camera in &scene.model.cameras {
                switch(ui, scene, wishes, camera);
            }
        }
        if let Some(camera) = scene.model.camera() {
            part(ui, Label::Camera.text(lang));
            menus::camera(ui, scene, wishes, camera);
            part(ui, Label::Microphone.text(lang));
            menus::microphone(ui, scene, wishes);
            meter::show(ui, scene);
        }
        part(ui, Label::WatchingNow.text(lang));
        devices::watching(ui, scene);
        part(ui, Label::Devices.text(lang));
        devices::paired(ui, scene, view);
        ui.add_space(APART);
        ui.separator();
        mode(ui, scene, wishes);
        ui.add_space(8.0);
        login(ui, scene, wishes);
        closing(ui, scene, wishes);
        colours(ui, scene, wishes);
        ui.add_space(APART);
    });
}

fn part(ui: &mut Ui, title: &str) {
    ui.add_space(APART - 8.0);
    ui.add(Text::new(RichText::new(title).size(BODY).strong()));
}

/// The selected camera's state: shape, colour and a sentence.
fn state(ui: &mut Ui, scene: &Scene<'_>, camera: &CameraView) {
    let lang = scene.lang();
    let (shape, colour) = shape(camera, theme::palette(ui.visuals()));
    let sentence =
        picture::reason(camera, lang).unwrap_or_else(|| Label::CameraLive.with(lang, &[("cam", &camera.name)]));
    ui.horizontal_top(|ui| {
        ui.add_space(1.0);
        ui.vertical(|ui| {
            ui.set_width(14.0);
            ui.add_space(2.0);
            control::status(ui, shape, colour);
        });
        ui.add(Text::new(sentence).wrap());
    });
}

fn shape(camera: &CameraView, palette: &Palette) -> (athome_shared::look::icon::Status, Color32) {
    let colour = match camera.state {
        CameraState::Live => palette.live,
        CameraState::Starting => palette.motion,
        CameraState::Backoff => palette.warning,
        CameraState::Stopped => palette.muted,
    };
    (picture::state(camera).0, colour)
}

/// A camera's row: a click selects it.
fn switch(ui: &mut Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>, camera: &CameraView) {
    let lang = scene.lang();
    let palette = theme::palette(ui.visuals());
    let selected = scene.model.selected.as_ref() == Some(&camera.id);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let word = picture::state(camera).2.text(lang);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, selected, format!("{}. {word}", camera.name)));
    let fill = if selected || response.hovered() { palette.raised } else { Color32::TRANSPARENT };
    ui.painter().rect_filled(rect, CONTROL_RADIUS, fill);
    let (shape, colour) = shape(camera, palette);
    let mark = egui::Rect::from_center_size(pos2(rect.left() + 15.0, rect.center().y), vec2(14.0, 14.0));
    shape.paint(ui.painter(), mark, colour);
    let painter = ui.painter_at(rect.shrink2(vec2(6.0, 0.0)));
    let mut room = rect.right() - 8.0;
    if camera.state != CameraState::Live {
        let said = painter.layout_no_wrap(word.to_owned(), FontId::proportional(theme::SMALL), palette.muted);
        room -= said.size().x;
        painter.galley(pos2(room, rect.center().y - said.size().y / 2.0), said, palette.muted);
        room -= 8.0;
    }
    let font = FontId::proportional(theme::LABEL);
    let name = athome_shared::look::picture::shortened(&painter, &camera.name, &font, room - rect.left() - 30.0);
    let galley = painter.layout_no_wrap(name, font, palette.text);
    painter.galley(pos2(rect.left() + 30.0, rect.center().y - galley.size().y / 2.0), galley, palette.text);
    control::focus_ring(ui, &response, rect);
    if response.clicked() {
        wishes.push(Wish::Ask(Request::Select(camera.id.clone())));
    }
}

/// Home, away or privacy, with what that means.
fn mode(ui: &mut Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>) {
    let lang = scene.lang();
    let label = ui.label(Label::House.text(lang));
    let word = |mode| match mode {
        HouseMode::Home => (Label::ModeHome, Label::ModeHomeHow),
        HouseMode::Away => (Label::ModeAway, Label::ModeAwayHow),
        HouseMode::Privacy => (Label::ModePrivacy, Label::ModePrivacyHow),
    };
    let now = scene.model.mode;
    menus::combo(ui, "mode", label.id, word(now).0.text(lang), |ui, close| {
        for choice in [HouseMode::Home, HouseMode::Away, HouseMode::Privacy] {
            if menus::entry(ui, word(choice).0.text(lang), choice == now) {
                *close = true;
                wishes.push(Wish::Ask(Request::Mode(choice)));
            }
        }
    });
    control::muted(ui, word(now).1.text(lang));
}

fn login(ui: &mut Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>) {
    if scene.model.login == Login::Unknown {
        return;
    }
    let mut on = scene.model.login == Login::On;
    if ui.checkbox(&mut on, Label::LoginStart.text(scene.lang())).changed() {
        wishes.push(Wish::Ask(Request::Login(if on { Login::On } else { Login::Off })));
    }
}

/// What closing the window does, or why there is nothing to choose.
fn closing(ui: &mut Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>) {
    let lang = scene.lang();
    if scene.model.tray == Tray::None {
        control::muted(ui, Label::TrayNoneShort.text(lang));
        return;
    }
    let label = ui.label(Label::OnClose.text(lang));
    let word = |on_close| match on_close {
        OnClose::Ask => Label::OnCloseAsk,
        OnClose::Tray => Label::OnCloseTray,
        OnClose::Stop => Label::OnCloseStop,
    };
    let now = scene.model.kept.on_close;
    menus::combo(ui, "on close", label.id, word(now).text(lang), |ui, close| {
        for choice in [OnClose::Ask, OnClose::Tray, OnClose::Stop] {
            if menus::entry(ui, word(choice).text(lang), choice == now) {
                *close = true;
                wishes.push(Wish::Ask(Request::OnClose(choice)));
            }
        }
    });
}

fn colours(ui: &mut Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>) {
    let lang = scene.lang();
    let label = ui.label(Label::Theme.text(lang));
    let word = |theme| match theme {
        Theme::System => Label::ThemeSystem,
        Theme::Dark => Label::ThemeDark,
        Theme::Light => Label::ThemeLight,
    };
    let now = scene.model.kept.theme;
    menus::combo(ui, "theme", label.id, word(now).text(lang), |ui, close| {
        for choice in [Theme::System, Theme::Dark, Theme::Light] {
            if menus::entry(ui, word(choice).text(lang), choice == now) {
                *close = true;
                wishes.push(Wish::Ask(Request::Theme(choice)));
            }
        }
    });
}
