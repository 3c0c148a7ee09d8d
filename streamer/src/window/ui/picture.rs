//! The picture as the others see it, with what it may claim of its age.

use std::sync::Arc;

use athome_shared::look::freshness::Freshness;
use athome_shared::look::icon::Status;
use athome_shared::look::picture::{self, PAD};
use athome_shared::look::theme::{DARK, LABEL};
use athome_shared::protocol::control::{CameraReason, CameraState};
use athome_shared::time::WallTime;
use egui::epaint::Mesh;
use egui::{
    Align2, Color32, ColorImage, FontId, Rect, Role, Sense, Shape, TextureHandle, TextureId, TextureOptions, Ui,
    WidgetInfo, pos2, vec2,
};

use super::{Scene, View};
use crate::terminal::sentence;
use crate::window::model::CameraView;
use crate::window::picture::Shown;
use crate::words::Lang;
use crate::words::window::Label;

/// The picture at the graphics driver.
pub(super) struct Texture {
    number: u64,
    grey: bool,
    handle: TextureHandle,
}

pub(super) fn show(ui: &mut Ui, scene: &Scene<'_>, view: &mut View) {
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
    let Some(camera) = scene.model.camera() else {
        view.texture = None;
        return;
    };
    let painter = ui.painter_at(rect);
    let lang = scene.lang();
    let age = scene.picture.as_ref().map(|shown| scene.now.saturating_duration_since(shown.captured));
    let fresh = age.map(Freshness::of);
    // Without a picture there is still its place, for the words.
    let mut place = rect;
    if let (Some(shown), Some(fresh)) = (&scene.picture, fresh) {
        place = picture::fit(rect, vec2(shown.image.width() as f32, shown.image.height() as f32));
        let mut mesh = Mesh::with_texture(upload(ui, view, shown, !fresh.live()));
        mesh.add_rect_with_uv(place, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)), Color32::WHITE);
        painter.add(Shape::mesh(mesh));
        if !fresh.live() {
            picture::veil(&painter, place);
        }
    } else {
        view.texture = None;
    }
    let claim = claim(scene, camera, fresh);
    let top = place.top() + PAD;
    let shape = Some((claim.status, claim.colour));
    let right = picture::pill(&painter, pos2(place.right() - PAD, top), Align2::RIGHT_TOP, shape, &claim.text);
    let (font, room) = (FontId::proportional(LABEL), right.left() - place.left() - 5.0 * PAD);
    let name = picture::shortened(&painter, &camera.name, &font, room);
    if !name.is_empty() {
        picture::pill(&painter, pos2(place.left() + PAD, top), Align2::LEFT_TOP, None, &name);
    }
    if fresh.is_some() {
        let corner = pos2(place.left() + PAD, place.bottom() - PAD);
        picture::pill(&painter, corner, Align2::LEFT_BOTTOM, None, Label::AsSeen.text(lang));
    }
    // Whoever pauses a camera wants to know at once that it is off.
    let at_once = camera.state == CameraState::Stopped;
    let reason = reason(camera, lang).filter(|_| at_once || fresh.is_none_or(Freshness::reasoned));
    let reason = reason.or_else(|| fresh.is_none().then(|| Label::NoPictureYet.text(lang).to_owned()));
    if let Some(reason) = &reason {
        picture::reason(&painter, place, reason);
    }
    response.widget_info(|| {
        let said = [Some(camera.name.clone()), Some(claim.accessible.clone()), reason.clone()];
        let said: Vec<String> = said.into_iter().flatten().collect();
        WidgetInfo::labeled(Role::Image, true, said.join(". "))
    });
}

fn upload(ui: &Ui, view: &mut View, shown: &Shown, grey: bool) -> TextureId {
    let image = || if grey { Arc::new(greyscale(&shown.image)) } else { Arc::clone(&shown.image) };
    match &mut view.texture {
        Some(texture) => {
            if texture.number != shown.number || texture.grey != grey {
                texture.handle.set(image(), TextureOptions::LINEAR);
                (texture.number, texture.grey) = (shown.number, grey);
            }
            texture.handle.id()
        }
        None => {
            let handle = ui.ctx().load_texture("camera", image(), TextureOptions::LINEAR);
            view.texture.insert(Texture { number: shown.number, grey, handle }).handle.id()
        }
    }
}

fn greyscale(image: &ColorImage) -> ColorImage {
    let luma = |p: &Color32| ((u32::from(p.r()) * 77 + u32::from(p.g()) * 150 + u32::from(p.b()) * 29) >> 8) as u8;
    ColorImage::new(image.size, image.pixels.iter().map(|p| Color32::from_gray(luma(p))).collect())
}

/// What the picture claims now.
struct Claim {
    status: Status,
    colour: Color32,
    text: String,
    /// Without an age that changes all the time.
    accessible: String,
}

fn claim(scene: &Scene<'_>, camera: &CameraView, fresh: Option<Freshness>) -> Claim {
    let lang = scene.lang();
    let (status, colour, word) = state(camera);
    let (Some(shown), Some(fresh)) = (&scene.picture, fresh) else {
        // A camera that is live, and whose first picture is on its way, is not called live before that is here.
        let (status, colour, word) = match camera.state {
            CameraState::Live => (Status::Reconnecting, DARK.motion, Label::Starting),
            CameraState::Starting | CameraState::Backoff | CameraState::Stopped => (status, colour, word),
        };
        let text = word.text(lang).to_owned();
        return Claim { status, colour, accessible: text.clone(), text };
    };
    let age = scene.now.saturating_duration_since(shown.captured);
    let said = athome_shared::look::fmt::age(age, super::decimal(lang));
    match fresh {
        Freshness::Live => Claim {
            status: Status::Live,
            colour: DARK.live,
            text: Label::Live.with(lang, &[("age", &said)]),
            accessible: Label::StateLive.text(lang).to_owned(),
        },
        Freshness::Stale | Freshness::Reasoned | Freshness::Clock => {
            let (status, colour) = match camera.state {
                CameraState::Live => (Status::Reconnecting, DARK.motion),
                CameraState::Starting | CameraState::Backoff | CameraState::Stopped => (status, colour),
            };
            let text = if fresh == Freshness::Clock {
                let ago = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
                let time = sentence::time_of_day(WallTime(scene.wall.0.saturating_sub(ago)));
                Label::StaleClock.with(lang, &[("time", &time)])
            } else {
                Label::Stale.with(lang, &[("age", &said)])
            };
            Claim { status, colour, accessible: word_of_stale(camera, lang), text }
        }
    }
}

/// What a screen reader hears of a picture that is not live: its camera's state.
fn word_of_stale(camera: &CameraView, lang: Lang) -> String {
    let word = match camera.state {
        CameraState::Live => Label::Reconnecting,
        CameraState::Starting | CameraState::Backoff | CameraState::Stopped => state(camera).2,
    };
    word.text(lang).to_owned()
}

/// A camera's shape, colour (over black) and word, the same everywhere.
pub(super) fn state(camera: &CameraView) -> (Status, Color32, Label) {
    match camera.state {
        CameraState::Live => (Status::Live, DARK.live, Label::StateLive),
        CameraState::Starting => (Status::Reconnecting, DARK.motion, Label::Starting),
        CameraState::Backoff => (Status::Trouble, DARK.warning, Label::Trouble),
        CameraState::Stopped => (Status::Paused, DARK.muted, Label::Paused),
    }
}

/// Why there is no live picture, in a sentence.
pub(super) fn reason(camera: &CameraView, lang: Lang) -> Option<String> {
    let with = |label: Label| label.with(lang, &[("cam", &camera.name)]);
    match (camera.state, camera.reason) {
        (CameraState::Live, _) => None,
        (CameraState::Stopped, _) if camera.released => Some(with(Label::CameraLightOff)),
        (CameraState::Stopped, _) => Some(with(Label::CameraClosing)),
        (CameraState::Starting, _) | (CameraState::Backoff, None) => Some(with(Label::CameraStarting)),
        // The terminal's sentences name its options; here there are menus.
        (CameraState::Backoff, Some(CameraReason::Gone)) if !camera.seen => Some(with(Label::CameraMissing)),
        (CameraState::Backoff, Some(CameraReason::Format)) => Some(with(Label::CameraFormat)),
        (CameraState::Backoff, Some(why)) => {
            Some(sentence::trouble(why, camera.seen).fill(lang, &[("cam", &camera.name)]))
        }
    }
}
