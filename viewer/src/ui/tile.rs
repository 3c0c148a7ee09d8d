//! One camera's place: its picture, never cropped, with its name and what it may claim of its age.

mod past;

use athome_shared::look::icon::Status;
use athome_shared::look::picture::{self, NARROW, PAD};
use athome_shared::look::theme::{DARK, LABEL, OVER_PICTURE, SURROUND};
use athome_shared::protocol::control::CameraState;
use athome_shared::protocol::house::HouseMode;
use athome_shared::protocol::past::Cause;
use egui::{
    Align2, Color32, CornerRadius, FontId, Painter, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};

use super::freshness::Freshness;
use super::view::{Scene, View};
use super::wall::Shown;
use super::zoom::Zoom;
use crate::controller::model::{Model, PlaceState};
use crate::settings::CameraKey;
use crate::words::past::Word;
use crate::words::{Label, Lang, Sentence};

/// Draws a camera into a rectangle.
pub(super) fn show(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, rect: Rect, key: &CameraKey) -> Response {
    let id = ui.scope_id().with(("tile", key));
    let response = ui.interact(rect, id, Sense::click_and_drag());
    let painter = ui.painter_at(rect);
    if let Some(past) = scene.model.past.as_ref().filter(|past| past.on && past.camera == *key) {
        past::show(ui, scene, view, rect, past, &response);
        return response;
    }
    let shown = scene.wall.newest(key);
    let age = shown.as_ref().map(|shown| scene.now.saturating_duration_since(shown.captured));
    let fresh = age.map(Freshness::of);
    if let (Some(shown), Some(fresh)) = (&shown, fresh) {
        let zoom = view.zoom.get(key).copied().unwrap_or_default();
        let size = vec2(shown.planes.width as f32, shown.planes.height as f32);
        let place = picture::fit(rect, size);
        view.canvas(scene.wall, key).draw(&painter, place, zoom.uv(), shown, !fresh.live());
        if !fresh.live() {
            picture::veil(&painter, place);
        }
        if zoom.zoomed() {
            map(&painter, rect, &zoom, size);
        }
        view.ages = true;
    }
    view.drawn.push((key.clone(), (rect.width() * ui.pixels_per_point()).round() as u32));
    let name = scene.model.camera(key).map_or_else(|| key.camera.to_string(), |camera| camera.name.clone());
    let badge = badge(scene, key, shown.as_ref(), fresh);
    let reason = reason(scene.model, key).filter(|_| fresh.is_none_or(Freshness::reasoned));
    let reason = reason.map(|sentence| sentence.text(scene.lang));
    // What this window writes is another matter than what the streamer records.
    let saved = scene.model.recordings.contains_key(key);
    // A picture that is not live tells of nothing that moves now.
    let moving = fresh.is_some_and(Freshness::live) && scene.model.moving.contains(key);
    let marks = [
        moving.then(|| (Status::Motion, DARK.motion, Label::Motion.text(scene.lang))),
        recorded(scene.model, key, scene.lang).map(|word| (Status::Recording, DARK.danger, word)),
        saved.then(|| (Status::Recording, DARK.warning, Word::SavingHere.text(scene.lang))),
    ];
    draw_badges(&painter, rect, &name, &badge, marks.iter().flatten());
    if let Some(reason) = &reason {
        picture::reason(&painter, rect, reason);
    }
    let selected = scene.model.settings.selected.as_ref() == Some(key);
    // Which one is selected is a question only where there are several.
    let several = scene.model.settings.large.is_none() && scene.model.settings.layout.places() > 1;
    outline(ui, rect, selected && several, response.has_focus());
    let enabled = ui.is_enabled();
    response.widget_info(|| {
        let said = [Some(name.clone()), Some(badge.accessible.clone())].into_iter();
        let marks = marks.iter().map(|mark| mark.as_ref().map(|(_, _, word)| word.clone()));
        let said: Vec<String> = said.chain(marks).chain([reason.clone()]).flatten().collect();
        WidgetInfo::selected(Role::Button, enabled, selected, said.join(". "))
    });
    response
}

/// Where in the whole picture one is.
fn map(painter: &Painter, rect: Rect, zoom: &Zoom, size: Vec2) {
    let width = 72.0_f32.min(rect.width() / 4.0);
    let map_size = vec2(width, width * size.y / size.x.max(1.0));
    let map = Rect::from_min_size(rect.right_bottom() - map_size - Vec2::splat(PAD), map_size);
    let part = zoom.uv();
    let inner = Rect::from_min_max(map.min + part.min.to_vec2() * map_size, map.min + part.max.to_vec2() * map_size);
    painter.rect_filled(map, CornerRadius::ZERO, OVER_PICTURE);
    painter.rect_stroke(map, CornerRadius::ZERO, Stroke::new(1.0, DARK.muted), StrokeKind::Inside);
    painter.rect_filled(inner, CornerRadius::ZERO, DARK.accent);
}

/// What a camera claims now.
struct Badge {
    status: Status,
    colour: Color32,
    text: String,
    /// Where there is no room: the age alone.
    short: String,
    /// What a screen reader says: without an age, which would change all the time.
    accessible: String,
}

fn badge(scene: &Scene<'_>, key: &CameraKey, shown: Option<&Shown>, fresh: Option<Freshness>) -> Badge {
    let lang = scene.lang;
    let (status, colour) = match fresh {
        Some(fresh) if fresh.live() => (Status::Live, DARK.live),
        Some(_) | None => trouble(scene.model, key),
    };
    let (Some(shown), Some(fresh)) = (shown, fresh) else {
        let text = state_label(scene.model, key).text(lang);
        return Badge { status, colour, short: String::new(), accessible: text.clone(), text };
    };
    let age = scene.now.saturating_duration_since(shown.captured);
    let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    let short = athome_shared::look::fmt::age(age, lang.decimal());
    match fresh {
        Freshness::Live => {
            let text = Sentence::Live { age_ms }.text(lang);
            Badge { status, colour, text, short, accessible: Label::StateLive.text(lang) }
        }
        Freshness::Stale | Freshness::Reasoned => {
            let text = Sentence::Stale { age_ms }.text(lang);
            Badge { status, colour, accessible: text.clone(), text, short }
        }
        Freshness::Clock => {
            let at = jiff::Zoned::now().checked_sub(jiff::SignedDuration::try_from(age).unwrap_or_default());
            let time = at.map(|at| at.strftime("%H:%M").to_string()).unwrap_or_default();
            let text = Label::StaleClock.with(lang, &[("time", &time)]);
            Badge { status, colour, accessible: text.clone(), text, short: time }
        }
    }
}

/// The shape of a camera that gives no live picture.
pub(super) fn trouble(model: &Model, key: &CameraKey) -> (Status, Color32) {
    let camera = model.camera(key).map(|camera| camera.state);
    match (model.place(key.place).map(|place| place.state), camera) {
        (Some(PlaceState::Live), Some(CameraState::Stopped)) => (Status::Paused, DARK.muted),
        (Some(PlaceState::Live), Some(CameraState::Backoff) | None) => (Status::Trouble, DARK.warning),
        (Some(PlaceState::Stopped) | None, _) => (Status::Trouble, DARK.danger),
        (Some(PlaceState::Live | PlaceState::Connecting | PlaceState::Waiting), _) => {
            (Status::Reconnecting, DARK.motion)
        }
    }
}

/// A camera's state in a word, as far as its streamer tells.
pub(super) fn state_label(model: &Model, key: &CameraKey) -> Label {
    let camera = model.camera(key).map(|camera| camera.state);
    match (model.place(key.place).map(|place| place.state), camera) {
        (Some(PlaceState::Live), Some(CameraState::Live)) => Label::StateLive,
        (Some(PlaceState::Live), Some(CameraState::Stopped)) => {
            let private = model.place(key.place).is_some_and(|place| place.mode == Some(HouseMode::Privacy));
            if private { Label::StatePrivacy } else { Label::StatePaused }
        }
        (Some(PlaceState::Live), Some(CameraState::Backoff) | None) => Label::StateTrouble,
        (Some(PlaceState::Live | PlaceState::Connecting), _) => Label::StateConnecting,
        (Some(PlaceState::Waiting), _) => Label::StateReconnecting,
        (Some(PlaceState::Stopped) | None, _) => Label::StateWaiting,
    }
}

/// That the streamer records a camera, and why.
pub(super) fn recorded(model: &Model, key: &CameraKey, lang: Lang) -> Option<String> {
    let place = model.place(key.place).filter(|place| place.state == PlaceState::Live)?;
    let why = match place.cameras.iter().find(|camera| camera.id == key.camera)?.recording? {
        Cause::Motion => Word::WhyMotion,
        Cause::Always => Word::WhyAlways,
        Cause::Schedule => Word::WhySchedule,
        Cause::Manual => Word::WhyManual,
        Cause::Found => return Some(Label::Recording.text(lang)),
    };
    Some(format!("{} · {}", Label::Recording.text(lang), why.text(lang)))
}

/// Why there is no live picture, where anything is known.
fn reason(model: &Model, key: &CameraKey) -> Option<Sentence> {
    let place = model.place(key.place)?;
    if place.state != PlaceState::Live {
        return place.sentence.clone();
    }
    let camera = model.camera(key)?;
    if camera.state == CameraState::Stopped && place.mode == Some(HouseMode::Privacy) {
        return Some(Sentence::PrivacyOn);
    }
    Sentence::of_camera(camera)
}

type Mark = (Status, Color32, String);

fn draw_badges<'a>(painter: &Painter, rect: Rect, name: &str, badge: &Badge, marks: impl Iterator<Item = &'a Mark>) {
    let narrow = rect.width() < NARROW;
    let claim = if narrow { &badge.short } else { &badge.text };
    let top = rect.top() + PAD;
    let claim = picture::pill(
        painter,
        pos2(rect.right() - PAD, top),
        Align2::RIGHT_TOP,
        Some((badge.status, badge.colour)),
        claim,
    );
    let room = claim.left() - rect.left() - 3.0 * PAD;
    let font = FontId::proportional(LABEL);
    let name = picture::shortened(painter, name, &font, room - 2.0 * PAD);
    if !name.is_empty() {
        picture::pill(painter, pos2(rect.left() + PAD, top), Align2::LEFT_TOP, None, &name);
    }
    let mut left = rect.left() + PAD;
    for (status, colour, word) in marks {
        let text = if narrow { "" } else { word.as_str() };
        let at = pos2(left, top + 32.0);
        left = picture::pill(painter, at, Align2::LEFT_TOP, Some((*status, *colour)), text).right() + PAD;
    }
}

fn outline(ui: &Ui, rect: Rect, selected: bool, focused: bool) {
    // What is around a picture is dark in both themes.
    let ring = |inset: f32, width: f32, colour: Color32| {
        let stroke = Stroke::new(width, colour);
        ui.painter().rect_stroke(rect.shrink(inset), CornerRadius::ZERO, stroke, StrokeKind::Inside);
    };
    if focused {
        // Light and dark beside each other: seen on any picture.
        ring(0.0, 3.0, DARK.accent);
        ring(3.0, 1.0, SURROUND);
    } else if selected {
        ring(0.0, 2.0, DARK.accent);
    }
}
