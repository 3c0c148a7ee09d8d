//! What stands on a picture: its place, the veil of one that is not live, names and claims on black.

use egui::{Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Stroke, Vec2, pos2, vec2};

use super::icon::Status;
use super::theme::{CONTROL_RADIUS, LABEL, OVER_PICTURE, SMALL};

/// A picture narrower than this shows the shape and the age alone.
pub const NARROW: f32 = 240.0;
/// Between a picture's border and what stands on it.
pub const PAD: f32 = 8.0;

/// The largest rectangle of the picture's shape inside another.
pub fn fit(rect: Rect, size: Vec2) -> Rect {
    if size.x <= 0.0 || size.y <= 0.0 {
        return rect;
    }
    let scale = (rect.width() / size.x).min(rect.height() / size.y);
    Rect::from_center_size(rect.center(), size * scale)
}

/// 45 % of black and diagonal lines: told from a live picture without colour.
pub fn veil(painter: &Painter, rect: Rect) {
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

/// Text on black at 70 %, with a shape before it.
pub fn pill(painter: &Painter, at: Pos2, align: Align2, shape: Option<(Status, Color32)>, text: &str) -> Rect {
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
pub fn shortened(painter: &Painter, text: &str, font: &FontId, width: f32) -> String {
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

/// Why the picture is not live, in its middle.
pub fn reason(painter: &Painter, rect: Rect, text: &str) {
    let size = if rect.width() < NARROW { SMALL } else { LABEL };
    let width = (rect.width() - 6.0 * PAD).clamp(40.0, 420.0);
    let galley = painter.layout(text.to_owned(), FontId::proportional(size), Color32::WHITE, width);
    let place = Rect::from_center_size(rect.center(), galley.size());
    painter.rect_filled(place.expand(12.0), CornerRadius::same(CONTROL_RADIUS), OVER_PICTURE);
    painter.galley(place.min, galley, Color32::WHITE);
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
