//! One camera's place: its picture, never cropped, with its name and what it may claim of its age.

use athome_shared::look::icon::Status;
use athome_shared::look::theme::{CONTROL_RADIUS, DARK, LABEL, OVER_PICTURE, SMALL, SURROUND};
use athome_shared::protocol::control::CameraState;
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
use crate::words::{Label, Sentence};

/// A tile narrower than this shows the shape and the age alone.
const NARROW: f32 = 240.0;
const PAD: f32 = 8.0;

/// Draws a camera into a rectangle.
pub(super) fn show(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, rect: Rect, key: &CameraKey) -> Response {
    let id = ui.scope_id().with(("tile", key));
    let response = ui.interact(rect, id, Sense::click_and_drag());
    let painter = ui.painter_at(rect);
    let shown = scene.wall.newest(key);
    let age = shown.as_ref().map(|shown| scene.now.saturating_duration_since(shown.captured));
    let fresh = age.map(Freshness::of);
    if let (Some(shown), Some(fresh)) = (&shown, fresh) {
        let zoom = view.zoom.get(key).copied().unwrap_or_default();
        let size = vec2(shown.planes.width as f32, shown.planes.height as f32);
        let place = fit(rect, size);
        view.canvas(scene.wall, key).draw(&painter, place, zoom.uv(), shown, !fresh.live());
        if !fresh.live() {
            veil(&painter, place);
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
    let recording = scene.model.recordings.contains_key(key);
    draw_badges(&painter, rect, &name, &badge, recording.then(|| Label::Recording.text(scene.lang)));
    if let Some(reason) = &reason {
        draw_reason(&painter, rect, reason);
    }
    let selected = scene.model.settings.selected.as_ref() == Some(key);
    // Which one is selected is a question only where there are several.
    let several = scene.model.settings.large.is_none() && scene.model.settings.layout.places() > 1;
    outline(ui, rect, selected && several, response.has_focus());
    let enabled = ui.is_enabled();
    response.widget_info(|| {
        let said = [Some(name.clone()), Some(badge.accessible.clone()), reason.clone()];
        let said: Vec<String> = said.into_iter().flatten().collect();
        WidgetInfo::selected(Role::Button, enabled, selected, said.join(". "))
    });
    response
}

/// The largest rectangle of the picture's shape inside another.
fn fit(rect: Rect, size: Vec2) -> Rect {
    if size.x <= 0.0 || size.y <= 0.0 {
        return rect;
    }
    let scale = (rect.width() / size.x).min(rect.height() / size.y);
    Rect::from_center_size(rect.center(), size * scale)
}

/// 45 % of black and diagonal lines: told from a live picture without colour.
fn veil(painter: &Painter, rect: Rect) {
    const STEP: f32 = 14.0;
    painter.rect_filled(rect, CornerRadius::ZERO, Color32::from_black_alpha(115));
    let painter = painter.with_clip_rect(rect.intersect(painter.clip_rect()));
    let stroke = Stroke::new(1.0, Color32::from_white_alpha(56));
    let mut x = rect.left() - rect.height();
    while x < rect.right() {
        painter.line_segment([pos2(x, rect.bottom()), pos2(x + rect.height(), rect.top())], stroke);
        x += STEP;
    }
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
        (Some(PlaceState::Live), Some(CameraState::Stopped)) => Label::StatePaused,
        (Some(PlaceState::Live), Some(CameraState::Backoff) | None) => Label::StateTrouble,
        (Some(PlaceState::Live | PlaceState::Connecting), _) => Label::StateConnecting,
        (Some(PlaceState::Waiting), _) => Label::StateReconnecting,
        (Some(PlaceState::Stopped) | None, _) => Label::StateWaiting,
    }
}

/// Why there is no live picture, where anything is known.
fn reason(model: &Model, key: &CameraKey) -> Option<Sentence> {
    let place = model.place(key.place)?;
    if place.state != PlaceState::Live {
        return place.sentence.clone();
    }
    Sentence::of_camera(model.camera(key)?)
}

fn draw_badges(painter: &Painter, rect: Rect, name: &str, badge: &Badge, recording: Option<String>) {
    let narrow = rect.width() < NARROW;
    let claim = if narrow { &badge.short } else { &badge.text };
    let top = rect.top() + PAD;
    let claim =
        pill(painter, pos2(rect.right() - PAD, top), Align2::RIGHT_TOP, Some((badge.status, badge.colour)), claim);
    let room = claim.left() - rect.left() - 3.0 * PAD;
    let font = FontId::proportional(LABEL);
    let name = shortened(painter, name, &font, room - 2.0 * PAD);
    if !name.is_empty() {
        pill(painter, pos2(rect.left() + PAD, top), Align2::LEFT_TOP, None, &name);
    }
    if let Some(recording) = recording {
        let at = pos2(rect.left() + PAD, top + 32.0);
        let text = if narrow { "" } else { recording.as_str() };
        pill(painter, at, Align2::LEFT_TOP, Some((Status::Recording, DARK.danger)), text);
    }
}

/// Text on black at 70 %, with a shape before it.
fn pill(painter: &Painter, at: egui::Pos2, align: Align2, shape: Option<(Status, Color32)>, text: &str) -> Rect {
    let galley = painter.layout_no_wrap(text.to_owned(), FontId::proportional(LABEL), Color32::WHITE);
    let shape_width = if shape.is_some() { 14.0 } else { 0.0 };
    let between = if shape.is_some() && !text.is_empty() { 6.0 } else { 0.0 };
    let size = vec2(galley.size().x + shape_width + between + 2.0 * PAD, 26.0);
    let rect = align.anchor_size(at, size);
    painter.rect_filled(rect, CornerRadius::same(CONTROL_RADIUS), OVER_PICTURE);
    let mut x = rect.left() + PAD;
    if let Some((status, colour)) = shape {
        let place = Rect::from_min_size(pos2(x, rect.center().y - 7.0), Vec2::splat(14.0));
        status.paint(painter, place, colour);
        x += shape_width + between;
    }
    painter.galley(pos2(x, rect.center().y - galley.size().y / 2.0), galley, Color32::WHITE);
    rect
}

/// As much of a text as fits, with an ellipsis where something is missing.
fn shortened(painter: &Painter, text: &str, font: &FontId, width: f32) -> String {
    let fits = |text: &str| painter.layout_no_wrap(text.to_owned(), font.clone(), Color32::WHITE).size().x <= width;
    if fits(text) {
        return text.to_owned();
    }
    let mut short: Vec<char> = text.chars().take(200).collect();
    while short.pop().is_some() {
        let candidate = format!("{}…", short.iter().collect::<String>().trim_end());
        if fits(&candidate) {
            return if short.is_empty() { String::new() } else { candidate };
        }
    }
    String::new()
}

fn draw_reason(painter: &Painter, rect: Rect, text: &str) {
    let size = if rect.width() < NARROW { SMALL } else { LABEL };
    let width = (rect.width() - 6.0 * PAD).clamp(40.0, 420.0);
    let galley = painter.layout(text.to_owned(), FontId::proportional(size), Color32::WHITE, width);
    let place = Rect::from_center_size(rect.center(), galley.size());
    painter.rect_filled(place.expand(12.0), CornerRadius::same(CONTROL_RADIUS), OVER_PICTURE);
    painter.galley(place.min, galley, Color32::WHITE);
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

#[cfg(test)]
mod tests {
    use egui::{Rect, pos2, vec2};

    use super::fit;

    #[test]
    fn a_picture_is_never_cropped_and_keeps_its_shape() {
        let place = Rect::from_min_size(pos2(10.0, 10.0), vec2(300.0, 300.0));
        for size in [vec2(1_280.0, 720.0), vec2(480.0, 640.0), vec2(1.0, 1.0)] {
            let fitted = fit(place, size);
            assert!(place.expand(0.01).contains_rect(fitted), "{fitted:?}");
            assert!((fitted.width() / fitted.height() - size.x / size.y).abs() < 1e-3);
        }
        assert_eq!(fit(place, vec2(0.0, 5.0)), place);
    }
}
