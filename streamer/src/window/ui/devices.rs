//! Who watches now, and who may.

use athome_shared::look::control::{self, State};
use athome_shared::look::icon::{Icon, Status};
use athome_shared::look::theme;
use athome_shared::protocol::control::Role;
use egui::{Label as Text, Layout, RichText, Ui, vec2};

use super::{Dialog, Scene, View};
use crate::terminal::sentence::day_and_time;
use crate::terminal::text::clean;
use crate::window::model::Device;
use crate::words::window::Label;

pub(super) fn watching(ui: &mut Ui, scene: &Scene<'_>) {
    let names = &scene.model.watching;
    if names.is_empty() {
        control::muted(ui, Label::NobodyWatching.text(scene.lang()));
        return;
    }
    let live = theme::palette(ui.visuals()).live;
    for name in names {
        ui.horizontal(|ui| {
            control::status(ui, Status::Live, live);
            ui.add(Text::new(RichText::new(clean(name)).strong()).truncate());
        });
    }
}

pub(super) fn paired(ui: &mut Ui, scene: &Scene<'_>, view: &mut View) {
    if scene.model.devices.is_empty() {
        control::muted(ui, Label::NoDevices.text(scene.lang()));
    }
    for device in &scene.model.devices {
        ui.push_id(&device.id, |ui| row(ui, scene, view, device));
    }
}

fn row(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, device: &Device) {
    let lang = scene.lang();
    let name = clean(&device.name);
    ui.horizontal(|ui| {
        let room = ui.available_width() - theme::CONTROL - 8.0;
        ui.allocate_ui_with_layout(vec2(room, 0.0), Layout::top_down(egui::Align::Min), |ui| {
            ui.set_min_width(room);
            ui.spacing_mut().item_spacing.y = 0.0;
            ui.add(Text::new(&name).truncate());
            let colour = theme::palette(ui.visuals()).muted;
            ui.add(Text::new(RichText::new(about(device, scene)).size(theme::SMALL).color(colour)).truncate());
        });
        let remove = Label::Remove.with(lang, &[("device", &name)]);
        if control::icon_button(ui, Icon::Trash, &remove, State::Ready).clicked() {
            view.dialog = Some(Dialog::Remove(device.id.clone(), name.clone()));
        }
    });
}

/// What it may, and when it was here.
fn about(device: &Device, scene: &Scene<'_>) -> String {
    let lang = scene.lang();
    let word = |role: &Role| match role {
        Role::View => Label::MayView,
        Role::Talk => Label::MayTalk,
        Role::Playback => Label::MayPlayback,
        Role::Admin => Label::MayAdmin,
    };
    // Who manages may everything.
    let may: Vec<&str> = match device.roles.contains(&Role::Admin) {
        true => vec![Label::MayAdmin.text(lang)],
        false => device.roles.iter().map(|role| word(role).text(lang)).collect(),
    };
    let seen = match (device.watching, device.last_seen) {
        (true, _) => Label::WatchesNow.text(lang).to_owned(),
        (false, Some(at)) => Label::LastSeen.with(lang, &[("when", &day_and_time(at))]),
        (false, None) => Label::NeverWatched.text(lang).to_owned(),
    };
    format!("{} · {seen}", may.join(", "))
}
