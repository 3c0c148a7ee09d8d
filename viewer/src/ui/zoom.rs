//! Which part of a picture is on the screen. Pure.

use egui::{Pos2, Rect, Vec2, pos2, vec2};

const MOST: f32 = 8.0;
/// One press of a button or key.
const STEP: f32 = 1.25;

/// A factor from 1 to 8, and the point of the picture in the middle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Zoom {
    factor: f32,
    centre: Pos2,
}

impl Default for Zoom {
    fn default() -> Self {
        Self { factor: 1.0, centre: pos2(0.5, 0.5) }
    }
}

impl Zoom {
    pub(super) fn factor(&self) -> f32 {
        self.factor
    }

    pub(super) fn zoomed(&self) -> bool {
        self.factor > 1.0
    }

    /// The visible part, from 0 to 1 in both directions.
    pub(super) fn uv(&self) -> Rect {
        Rect::from_center_size(self.centre, Vec2::splat(1.0 / self.factor))
    }

    pub(super) fn step_in(&mut self) {
        self.by(STEP, self.centre);
    }

    pub(super) fn step_out(&mut self) {
        self.by(1.0 / STEP, self.centre);
    }

    /// Zooms so that this point of the picture stays where it is on the screen.
    pub(super) fn by(&mut self, factor: f32, about: Pos2) {
        if !factor.is_finite() {
            return;
        }
        let new = (self.factor * factor).clamp(1.0, MOST);
        // Steps down end at exactly one.
        let new = if new < 1.01 { 1.0 } else { new };
        self.centre = about + (self.centre - about) * (self.factor / new);
        self.factor = new;
        self.clamp();
    }

    /// Moves the picture under the window by a part of what is visible.
    pub(super) fn pan(&mut self, part: Vec2) {
        self.centre -= part / self.factor;
        self.clamp();
    }

    fn clamp(&mut self) {
        let half = vec2(0.5, 0.5) / self.factor;
        self.centre = self.centre.clamp(Pos2::ZERO + half, pos2(1.0, 1.0) - half);
    }
}

#[cfg(test)]
mod tests {
    use egui::{Rect, pos2, vec2};

    use super::Zoom;

    #[test]
    fn a_picture_is_never_smaller_than_whole_nor_moved_out_of_view() {
        let mut zoom = Zoom::default();
        zoom.by(100.0, pos2(0.0, 0.0));
        assert_eq!(zoom.factor(), 8.0);
        zoom.pan(vec2(1_000.0, -1_000.0));
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        assert!(whole.contains_rect(zoom.uv()), "{:?}", zoom.uv());
        zoom.by(f32::NAN, pos2(0.5, 0.5));
        zoom.by(0.001, pos2(0.9, 0.9));
        assert_eq!(zoom, Zoom::default());
    }

    #[test]
    fn the_point_under_the_pointer_stays_there() {
        let mut zoom = Zoom::default();
        let about = pos2(0.25, 0.5);
        let place = |zoom: &Zoom| (about - zoom.uv().min) / zoom.uv().size();
        let before = place(&zoom);
        zoom.by(2.0, about);
        assert!((place(&zoom) - before).length() < 1e-5, "{:?}", zoom.uv());
    }

    #[test]
    fn steps_in_and_out_come_back_to_the_whole_picture() {
        let mut zoom = Zoom::default();
        (0..5).for_each(|_| zoom.step_in());
        assert!(zoom.zoomed());
        (0..5).for_each(|_| zoom.step_out());
        assert!(!zoom.zoomed());
    }
}
