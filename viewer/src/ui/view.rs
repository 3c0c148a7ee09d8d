//! What the window remembers by itself (open panels, zoom, canvases), and how its parts stand together.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::look::theme;
use athome_shared::pair::link::Link;
use egui::{CentralPanel, ColorImage, Frame, Margin, Panel, Ui};

use super::canvas::Canvas;
use super::shader::Shader;
use super::wall::Wall;
use super::zoom::Zoom;
use super::{dialog, events, goto, grid, help, keys, pairing, past_bar, settings, sidebar, stats, strip, toolbar};
use crate::controller::model::Model;
use crate::controller::request::{Request, Wanted};
use crate::scan::webcam::Preview;
use crate::settings::CameraKey;
use crate::store::PlaceId;
use crate::words::Lang;

/// In full screen the controls go after this long without a movement.
const IDLE: f64 = 4.0;
const SIDEBAR: f32 = 264.0;
const SIDE: f32 = 320.0;

/// All that is drawn, for one frame.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub model: &'a Model,
    pub wall: &'a Arc<Wall>,
    pub lang: Lang,
    pub now: Instant,
    pub full_screen: bool,
    /// What the webcam sees while it looks for a code.
    pub webcam: Option<&'a Webcam>,
}

/// The webcam while it looks for a code.
#[derive(Clone, Default)]
pub struct Webcam {
    /// Its newest picture, once there is one.
    pub picture: Option<(u64, Arc<ColorImage>)>,
}

impl Webcam {
    /// With its newest picture.
    pub fn new(preview: Option<&Preview>) -> Self {
        Self {
            picture: preview.map(|seen| {
                let image = ColorImage::from_rgb([seen.width, seen.height], &seen.rgb);
                (seen.number, Arc::new(image))
            }),
        }
    }
}

/// What a person wishes: of the controller, or of the window itself.
#[derive(Clone, Debug)]
pub enum Wish {
    Ask(Request),
    FullScreen(bool),
    /// Look for a code in this picture.
    Image(PathBuf),
    /// Ask which picture, then look for a code in it.
    OpenImage,
    Webcam(Wanted),
    ChooseFolder,
    /// Put the clipboard's text into the field that has the focus.
    Paste,
    /// This link was typed or pasted: it shall not stay in the clipboard.
    LinkUsed(Link),
    Copy(String),
}

/// What lies beside the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Stats,
    Settings,
    Events,
}

/// What lies over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Dialog {
    Pairing,
    Help,
    Rename(PlaceId, String),
    Forget(PlaceId),
    /// Go to a time.
    Goto(goto::Form),
}

/// The window's own memory.
#[derive(Default)]
pub struct View {
    pub(super) side: Option<Side>,
    pub(super) dialog: Option<Dialog>,
    pub(super) sidebar_hidden: bool,
    /// What the pictures are drawn with; where there is none, they become textures of colours.
    shader: Option<Arc<Shader>>,
    pub(super) canvases: HashMap<CameraKey, Canvas>,
    pub(super) zoom: HashMap<CameraKey, Zoom>,
    /// Of the picture of the past.
    pub(super) past: Option<Canvas>,
    pub(super) strip: strip::Strip,
    pub(super) form: pairing::Form,
    pub(super) copied: Option<Instant>,
    /// When a pointer or key was last used, by egui's clock.
    pub(super) stirred: f64,
    /// The cameras drawn in this frame, with their widths in real pixels.
    pub(super) drawn: Vec<(CameraKey, u32)>,
    /// How many places stood in the grid's first row.
    pub(super) columns: usize,
    /// The youngest age that is on the screen changes by itself.
    pub(super) ages: bool,
}

impl View {
    /// Of a window whose pictures are drawn by this shader.
    pub fn new(shader: Option<Arc<Shader>>) -> Self {
        Self { shader, ..Self::default() }
    }

    /// Everything else as it was at the start.
    pub fn reset(&mut self) {
        *self = Self::new(self.shader.take());
    }

    /// The cameras that the last frame showed, with their widths in real pixels.
    pub fn visible(&self) -> &[(CameraKey, u32)] {
        &self.drawn
    }

    /// How soon the window has to be drawn again although nothing happens.
    pub fn again_after(&self) -> Option<Duration> {
        self.ages.then_some(Duration::from_millis(100))
    }

    /// Whether the pairing dialog is open.
    pub fn pairing(&self) -> bool {
        self.dialog == Some(Dialog::Pairing)
    }

    /// What draws a camera's picture.
    pub(super) fn canvas(&mut self, wall: &Arc<Wall>, camera: &CameraKey) -> &mut Canvas {
        let shader = self.shader.as_ref();
        self.canvases.entry(camera.clone()).or_insert_with(|| {
            let (wall, camera) = (Arc::clone(wall), camera.clone());
            Canvas::new(shader, Box::new(move |shown, now| wall.handle_uploaded(&camera, shown, now)))
        })
    }

    /// What draws the picture of the past.
    pub(super) fn past_canvas(&mut self) -> &mut Canvas {
        self.past.get_or_insert_with(|| Canvas::new(self.shader.as_ref(), Box::new(|_, _| ())))
    }

    pub(super) fn zoom(&mut self, camera: &CameraKey) -> &mut Zoom {
        self.zoom.entry(camera.clone()).or_default()
    }
}

/// Draws the whole window.
pub fn show(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>) {
    view.drawn.clear();
    view.ages = false;
    for file in ui.ctx().input(|input| input.raw.dropped_files.clone()) {
        view.dialog = Some(Dialog::Pairing);
        wishes.push(Wish::Image(file.path().to_owned()));
    }
    keys::handle(ui.ctx(), scene, view, wishes);
    let palette = theme::palette(ui.visuals());
    let (time, stirred) = ui.ctx().input(|input| (input.time, !input.events.is_empty()));
    if stirred || !scene.full_screen {
        view.stirred = time;
    }
    let past = scene.model.past.as_ref();
    // The way back to live is always there.
    let quiet = scene.full_screen && time - view.stirred > IDLE && !past.is_some_and(|past| past.on);
    let frame = Frame::new().fill(palette.surface).inner_margin(Margin::same(12));
    if !quiet {
        let bar = Frame::new().fill(palette.surface).inner_margin(Margin::symmetric(12, 6));
        Panel::bottom("toolbar").resizable(false).frame(bar).show(ui, |ui| toolbar::show(ui, scene, view, wishes));
        if let Some(past) = past {
            Panel::bottom("strip").resizable(false).frame(past_bar::fill(ui, past)).show(ui, |ui| {
                strip::show(ui, scene, view, wishes, past);
                past_bar::show(ui, scene, view, wishes, past);
            });
        }
    }
    if !scene.full_screen && !view.sidebar_hidden {
        let panel = Panel::left("sidebar").resizable(false).exact_size(SIDEBAR).frame(frame);
        panel.show(ui, |ui| sidebar::show(ui, scene, view, wishes));
    }
    if past.is_none() && view.side == Some(Side::Events) {
        view.side = None;
    }
    if let (Some(side), false) = (view.side, quiet) {
        let panel = Panel::right("side").resizable(false).exact_size(SIDE).frame(frame);
        panel.show(ui, |ui| match side {
            Side::Stats => stats::show(ui, scene, view, wishes),
            Side::Settings => settings::show(ui, scene, view, wishes),
            Side::Events => events::show(ui, scene, view, wishes),
        });
    }
    // What lies around the pictures is the window's clear colour: painting it again would double the work of a computer
    // without a graphics card.
    CentralPanel::default().frame(Frame::new()).show(ui, |ui| grid::show(ui, scene, view, wishes));
    match view.dialog.clone() {
        Some(Dialog::Pairing) => pairing::show(ui, scene, view, wishes),
        Some(Dialog::Help) => help::show(ui, scene, view),
        Some(Dialog::Rename(place, name)) => dialog::rename(ui, scene, view, wishes, place, name),
        Some(Dialog::Goto(form)) => goto::show(ui, scene, view, wishes, form),
        Some(Dialog::Forget(place)) => dialog::forget(ui, scene, view, wishes, place),
        None => {}
    }
    dialog::notice(ui, scene, wishes);
    // A texture whose camera is not on the screen is memory of the graphics driver's for nothing.
    view.canvases.retain(|key, _| view.drawn.iter().any(|(drawn, _)| drawn == key));
    if !scene.model.past.as_ref().is_some_and(|past| past.on) {
        view.past = None;
    }
    view.zoom.retain(|key, zoom| zoom.zoomed() && scene.model.camera(key).is_some());
}
