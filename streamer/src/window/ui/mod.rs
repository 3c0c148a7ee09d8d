//! The window's panels. Each is a file: it draws plain data and says what was wished. Nothing in here holds a connection or
//! waits for anything.

mod bar;
mod code;
mod column;
mod devices;
mod dialog;
mod menus;
mod meter;
mod picture;

use std::time::{Duration, Instant};

use athome_shared::look::theme;
use athome_shared::time::WallTime;
use egui::{CentralPanel, Frame, Key, Margin, Panel, Ui};

use super::model::{Code, Model, OnClose, Request, Tray};
use super::picture::Shown;
use crate::words::Lang;

/// Width of the column beside the picture.
const COLUMN: f32 = 340.0;
/// How often an age that is on the screen is written anew, and a countdown.
const AGES: Duration = Duration::from_millis(100);
const COUNTDOWN: Duration = Duration::from_millis(500);

/// All that the window draws.
pub struct Scene<'a> {
    pub model: &'a Model,
    /// The selected camera's newest picture.
    pub picture: Option<Shown>,
    pub now: Instant,
    pub wall: WallTime,
}

impl Scene<'_> {
    fn lang(&self) -> Lang {
        self.model.lang
    }
}

/// What a person wishes: of the task, or of the window itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    Ask(Request),
    Close,
    Minimise,
}

/// What lies over everything.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Dialog {
    /// Remove the device of this id and name?
    Remove(String, String),
    Close {
        remember: bool,
    },
}

/// The window's own memory.
#[derive(Default)]
pub struct View {
    dialog: Option<Dialog>,
    texture: Option<picture::Texture>,
    /// The question of closing was answered: the window may go.
    leaving: bool,
}

impl View {
    /// Whether the window may close now; if not, the question lies over it.
    pub fn may_close(&mut self, model: &Model) -> bool {
        let answered = match (model.kept.on_close, model.tray) {
            (OnClose::Stop, _) | (OnClose::Tray, Tray::Shown) => true,
            (OnClose::Tray | OnClose::Ask, _) => false,
        };
        if model.ending || self.leaving || answered {
            return true;
        }
        self.dialog = Some(Dialog::Close { remember: true });
        false
    }

    /// Whether closing it stops the streamer.
    pub fn stops(&self, model: &Model) -> bool {
        model.kept.on_close == OnClose::Stop && !self.leaving && !model.ending
    }

    /// How soon the window has to be drawn again although nothing happens.
    pub fn again_after(&self, model: &Model) -> Option<Duration> {
        match &model.code {
            Some(Code::Shown { .. }) => Some(COUNTDOWN),
            Some(Code::Making | Code::Used { .. } | Code::Expired) => None,
            None => self.texture.is_some().then_some(AGES),
        }
    }
}

/// Draws the whole window.
pub fn show(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>) {
    let palette = theme::palette(ui.visuals());
    if view.dialog.is_none() {
        keys(ui, scene, wishes);
    }
    if scene.model.code.is_some() {
        let frame = Frame::new().fill(palette.background).inner_margin(Margin::same(16));
        CentralPanel::default().frame(frame).show(ui, |ui| code::show(ui, scene, view, wishes));
    } else {
        let column = Frame::new().fill(palette.surface).inner_margin(Margin { left: 16, right: 4, top: 12, bottom: 0 });
        let panel = Panel::right("column").resizable(false).exact_size(COLUMN).frame(column);
        panel.show(ui, |ui| column::show(ui, scene, view, wishes));
        let under = Frame::new().fill(palette.surface).inner_margin(Margin::symmetric(12, 8));
        Panel::bottom("bar").resizable(false).frame(under).show(ui, |ui| bar::show(ui, scene, wishes));
        let around = Frame::new().fill(theme::SURROUND);
        CentralPanel::default().frame(around).show(ui, |ui| picture::show(ui, scene, view));
    }
    match view.dialog.clone() {
        Some(Dialog::Remove(id, name)) => dialog::remove(ui, scene, view, wishes, id, &name),
        Some(Dialog::Close { remember }) => dialog::close(ui, scene, view, wishes, remember),
        None => {}
    }
    dialog::notice(ui, scene, wishes);
}

/// Digits choose a camera, Escape leaves the code: the keys of the viewer's window. Nothing of it while text is typed.
fn keys(ui: &Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>) {
    const DIGITS: [Key; 9] =
        [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7, Key::Num8, Key::Num9];
    if egui::Popup::is_any_open(ui.ctx()) {
        return;
    }
    ui.input(|input| {
        if scene.model.code.is_some() && input.key_pressed(Key::Escape) {
            wishes.push(Wish::Ask(Request::HideCode));
        }
        if scene.model.code.is_none() && !input.modifiers.any() {
            let chosen = DIGITS.into_iter().zip(&scene.model.cameras).find(|(key, _)| input.key_pressed(*key));
            if let Some((_, camera)) = chosen {
                wishes.push(Wish::Ask(Request::Select(camera.id.clone())));
            }
        }
    });
}

fn decimal(lang: Lang) -> char {
    match lang {
        Lang::English => '.',
        Lang::French => ',',
    }
}

#[cfg(test)]
mod tests;
