//! What a person may choose. Everything applies at once.

use athome_shared::look::icon::Icon;
use athome_shared::look::theme::CONTROL;
use egui::{ScrollArea, Ui};

use super::control;
use super::toolbar;
use super::view::{Scene, Side, View, Wish};
use crate::controller::request::Request;
use crate::settings::{Notify, SingleKeys, Theme};
use crate::store::Keystore;
use crate::words::Label;

/// Each language by its own name, so that whoever reads only that one finds it.
const LANGUAGES: [(&str, &str); 2] = [("en", "English"), ("fr", "Français")];

pub(super) fn show(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>) {
    let lang = scene.lang;
    if control::heading(ui, &Label::Options.text(lang), &Label::Close.text(lang)) {
        toolbar::toggle(view, Side::Settings, wishes);
    }
    ScrollArea::vertical().show(ui, |ui| {
        let settings = &scene.model.settings;
        ui.strong(Label::ThemeName.text(lang));
        for (theme, label) in
            [(Theme::System, Label::ThemeSystem), (Theme::Dark, Label::Dark), (Theme::Light, Label::Light)]
        {
            if ui.radio(settings.theme == theme, label.text(lang)).clicked() {
                wishes.push(Wish::Ask(Request::Theme(theme)));
            }
        }
        ui.add_space(16.0);
        ui.strong(Label::Language.text(lang));
        if ui.radio(settings.language.is_none(), Label::LanguageSystem.text(lang)).clicked() {
            wishes.push(Wish::Ask(Request::Language(None)));
        }
        for (tag, name) in LANGUAGES {
            if ui.radio(settings.language.as_deref() == Some(tag), name).clicked() {
                wishes.push(Wish::Ask(Request::Language(Some(tag.to_owned()))));
            }
        }
        ui.add_space(16.0);
        let mut keys = settings.single_keys == SingleKeys::On;
        if ui.checkbox(&mut keys, Label::KeysSingle.text(lang)).changed() {
            let keys = if keys { SingleKeys::On } else { SingleKeys::Off };
            wishes.push(Wish::Ask(Request::SingleKeys(keys)));
        }
        let mut notify = settings.notify == Notify::On;
        if ui.checkbox(&mut notify, Label::NotifyOn.text(lang)).changed() {
            let notify = if notify { Notify::On } else { Notify::Off };
            wishes.push(Wish::Ask(Request::Notify(notify)));
        }
        ui.add_space(16.0);
        ui.strong(Label::Folder.text(lang));
        let folder = settings.folder.clone().unwrap_or_else(|| crate::folders::pictures().join("AtHome"));
        control::muted(ui, folder.display().to_string());
        ui.horizontal(|ui| {
            let (rect, _) = ui.allocate_exact_size(egui::vec2(20.0, CONTROL), egui::Sense::hover());
            Icon::Folder.paint(ui.painter(), rect, ui.visuals().text_color());
            if control::button(ui, &Label::FolderChange.text(lang)).clicked() {
                wishes.push(Wish::ChooseFolder);
            }
        });
        ui.add_space(16.0);
        ui.strong(Label::Keystore.text(lang));
        let kept = match scene.model.keystore {
            Keystore::File => Label::KeystoreFile,
            Keystore::System => Label::KeystoreSystem,
        };
        control::muted(ui, kept.text(lang));
    });
}
