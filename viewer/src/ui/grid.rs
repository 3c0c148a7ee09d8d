//! The grid: which place is where, and moving cameras between places by drag, menu or keys.

use athome_shared::look::theme::{DARK, LABEL};
use egui::{
    Align2, Color32, CornerRadius, FontId, Key, Modifiers, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2,
    vec2,
};

use super::control;
use super::tile;
use super::view::{Dialog, Scene, View, Wish};
use crate::controller::request::Request;
use crate::settings::{CameraKey, Layout};
use crate::words::Label;

/// Between two tiles.
const GAP: f32 = 4.0;
/// Under this width the grid turns upright.
const NARROW: f32 = 480.0;

pub(super) fn show(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>) {
    let whole = ui.max_rect();
    ui.advance_cursor_after_rect(whole);
    if scene.model.places.is_empty() {
        return welcome(ui, whole, scene, view);
    }
    let shown = scene.model.shown();
    let large = scene.model.settings.large.is_some();
    let rects = if large { vec![whole] } else { places(scene.model.settings.layout, whole) };
    let columns = columns(&rects);
    view.columns = columns;
    for (at, (rect, key)) in rects.into_iter().zip(shown).enumerate() {
        let response = match key {
            Some(key) => {
                let response = tile::show(ui, scene, view, rect, key);
                act(ui, scene, view, wishes, key, &response);
                if !large {
                    arrange(ui, scene, wishes, key, at, columns, &response);
                }
                response
            }
            None => empty(ui, scene, rect, at),
        };
        if let Some(camera) = response.dnd_hover_payload::<CameraKey>()
            && key != Some(&*camera)
        {
            ui.painter().rect_stroke(rect, CornerRadius::ZERO, Stroke::new(3.0, DARK.accent), StrokeKind::Inside);
        }
        if let Some(camera) = response.dnd_release_payload::<CameraKey>()
            && key != Some(&*camera)
        {
            wishes.push(Wish::Ask(Request::Place { camera: (*camera).clone(), at }));
        }
    }
}

/// Selecting, enlarging, zooming and panning.
fn act(
    ui: &Ui,
    scene: &Scene<'_>,
    view: &mut View,
    wishes: &mut Vec<Wish>,
    key: &CameraKey,
    response: &egui::Response,
) {
    let large = scene.model.settings.large.is_some();
    if response.clicked() && scene.model.settings.selected.as_ref() != Some(key) {
        wishes.push(Wish::Ask(Request::Select(key.clone())));
    }
    let entered = response.has_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if response.double_clicked() || entered {
        wishes.push(Wish::Ask(Request::Enlarge((!large).then(|| key.clone()))));
    }
    let zoom = view.zoom(key);
    if response.hovered() {
        let (scroll, pinch, pointer) =
            ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta(), input.pointer.hover_pos()));
        let factor = pinch * (scroll / 240.0).exp2();
        if let Some(pointer) = pointer.filter(|_| factor != 1.0) {
            let uv = zoom.uv();
            let inside = (pointer - response.rect.min) / response.rect.size();
            zoom.by(factor, uv.min + inside * uv.size());
        }
    }
    if zoom.zoomed() && response.dragged() {
        zoom.pan(response.drag_delta() / response.rect.size());
    } else if response.drag_started() && !large {
        response.dnd_set_drag_payload(key.clone());
    }
    if response.has_focus() && zoom.zoomed() {
        let filter = egui::EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    }
}

/// Moving to another place: a menu, and Shift with an arrow while the tile has the focus.
fn arrange(
    ui: &Ui,
    scene: &Scene<'_>,
    wishes: &mut Vec<Wish>,
    key: &CameraKey,
    at: usize,
    columns: usize,
    response: &egui::Response,
) {
    if response.has_focus() {
        let filter = egui::EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
        let shift = ui.input(|input| input.modifiers.shift);
        if shift {
            ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        }
        for (arrow, way) in [
            (Key::ArrowLeft, Way::Left),
            (Key::ArrowRight, Way::Right),
            (Key::ArrowUp, Way::Up),
            (Key::ArrowDown, Way::Down),
        ] {
            if ui.input_mut(|input| input.consume_key(Modifiers::SHIFT, arrow))
                && let Some(at) = neighbour(at, way, columns, scene.model.settings.layout.places())
            {
                wishes.push(Wish::Ask(Request::Place { camera: key.clone(), at }));
            }
        }
    }
    response.context_menu(|ui| place_menu(ui, scene, wishes, key, at, columns));
}

/// The ways a camera can go from its place.
pub(super) fn place_menu(
    ui: &mut Ui,
    scene: &Scene<'_>,
    wishes: &mut Vec<Wish>,
    key: &CameraKey,
    at: usize,
    columns: usize,
) {
    let places = scene.model.settings.layout.places();
    for (label, way) in [
        (Label::MoveLeft, Way::Left),
        (Label::MoveRight, Way::Right),
        (Label::MoveUp, Way::Up),
        (Label::MoveDown, Way::Down),
    ] {
        if let Some(at) = neighbour(at, way, columns, places)
            && control::button(ui, &label.text(scene.lang)).clicked()
        {
            wishes.push(Wish::Ask(Request::Place { camera: key.clone(), at }));
            ui.close();
        }
    }
    if control::button(ui, &Label::Clear.text(scene.lang)).clicked() {
        wishes.push(Wish::Ask(Request::Clear { at }));
        ui.close();
    }
}

fn empty(ui: &mut Ui, scene: &Scene<'_>, rect: Rect, at: usize) -> egui::Response {
    let response = ui.interact(rect, ui.scope_id().with(("empty", at)), Sense::hover());
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, CornerRadius::ZERO, DARK.background);
    painter.rect_stroke(rect, CornerRadius::ZERO, Stroke::new(1.0, DARK.raised), StrokeKind::Inside);
    let dragging = egui::DragAndDrop::has_payload_of_type::<CameraKey>(ui.ctx());
    let text = if rect.width() < 300.0 || dragging { Label::Empty } else { Label::EmptyHow };
    let text = text.text(scene.lang);
    let width = (rect.width() - 32.0).max(40.0);
    let galley = painter.layout(text.clone(), FontId::proportional(LABEL), DARK.muted, width);
    painter.galley(Align2::CENTER_CENTER.anchor_size(rect.center(), galley.size()).min, galley, Color32::WHITE);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
    response
}

/// What a person sees who has no camera yet.
fn welcome(ui: &mut Ui, whole: Rect, scene: &Scene<'_>, view: &mut View) {
    let place = Rect::from_center_size(whole.center(), vec2(whole.width().min(420.0), 120.0));
    let mut ui =
        ui.new_child(egui::UiBuilder::new().max_rect(place).layout(egui::Layout::top_down(egui::Align::Center)));
    ui.colored_label(DARK.text, egui::RichText::new(Label::Welcome.text(scene.lang)).size(20.0));
    ui.add_space(12.0);
    if control::primary(&mut ui, &Label::Add.text(scene.lang), true).clicked() {
        view.dialog = Some(Dialog::Pairing);
    }
}

/// Where the places of a layout are.
fn places(layout: Layout, whole: Rect) -> Vec<Rect> {
    let narrow = whole.width() < NARROW;
    let rows: &[usize] = match (layout, narrow) {
        (Layout::One, _) => &[1],
        (Layout::Two, false) => &[2],
        (Layout::Two, true) => &[1, 1],
        (Layout::Three, true) => &[1, 2],
        (Layout::Three, false) => return one_and_two(whole),
        (Layout::Four, _) => &[2, 2],
        (Layout::Six, false) => &[3, 3],
        (Layout::Six, true) => &[2, 2, 2],
        (Layout::Nine, false) => &[3, 3, 3],
        (Layout::Nine, true) => &[2, 2, 2, 2, 1],
    };
    let height = (whole.height() - GAP * (rows.len() - 1) as f32) / rows.len() as f32;
    let mut rects = Vec::new();
    for (row, columns) in rows.iter().enumerate() {
        let width = (whole.width() - GAP * (columns - 1) as f32) / *columns as f32;
        for column in 0..*columns {
            let corner = whole.min + vec2((width + GAP) * column as f32, (height + GAP) * row as f32);
            rects.push(Rect::from_min_size(corner, vec2(width, height)));
        }
    }
    rects
}

/// A large place at the left, two at the right.
fn one_and_two(whole: Rect) -> Vec<Rect> {
    let edge = whole.left() + ((whole.width() - GAP) * 2.0 / 3.0);
    let middle = whole.center().y;
    vec![
        Rect::from_min_max(whole.min, pos2(edge, whole.bottom())),
        Rect::from_min_max(pos2(edge + GAP, whole.top()), pos2(whole.right(), middle - GAP / 2.0)),
        Rect::from_min_max(pos2(edge + GAP, middle + GAP / 2.0), whole.max),
    ]
}

/// How many places stand in the first row.
fn columns(rects: &[Rect]) -> usize {
    let first = rects.first().map_or(0.0, |rect| rect.top());
    rects.iter().filter(|rect| (rect.top() - first).abs() < 1.0).count().max(1)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Left,
    Right,
    Up,
    Down,
}

/// The place beside another one; left and right go on in the next row, so that every place can be reached.
fn neighbour(at: usize, way: Way, columns: usize, places: usize) -> Option<usize> {
    let to = match way {
        Way::Left => at.checked_sub(1)?,
        Way::Right => at + 1,
        Way::Up => at.checked_sub(columns)?,
        Way::Down => at + columns,
    };
    (to < places).then_some(to)
}

#[cfg(test)]
mod tests {
    use egui::{Rect, pos2, vec2};

    use super::{Way, columns, neighbour, places};
    use crate::settings::Layout;

    #[test]
    fn places_of_every_layout_fill_the_window_without_lying_over_each_other() {
        for width in [360.0, 700.0, 1_600.0] {
            let whole = Rect::from_min_size(pos2(264.0, 0.0), vec2(width, 700.0));
            for layout in Layout::ALL {
                let rects = places(layout, whole);
                assert_eq!(rects.len(), layout.places());
                for (at, rect) in rects.iter().enumerate() {
                    assert!(whole.expand(0.1).contains_rect(*rect), "{layout:?} {rect:?}");
                    assert!(rect.width() >= 100.0 && rect.height() >= 100.0, "{layout:?} {rect:?}");
                    assert!(rects[..at].iter().all(|other| !other.shrink(0.1).intersects(*rect)), "{layout:?}");
                }
                let area: f32 = rects.iter().map(|rect| rect.area()).sum();
                assert!(area > whole.area() * 0.95, "{layout:?} leaves {area} of {}", whole.area());
            }
        }
    }

    #[test]
    fn every_place_can_be_reached_by_steps() {
        let whole = Rect::from_min_size(pos2(0.0, 0.0), vec2(1_200.0, 700.0));
        for layout in Layout::ALL {
            let columns = columns(&places(layout, whole));
            let mut at = 0;
            let mut seen = 1;
            while let Some(next) = neighbour(at, Way::Right, columns, layout.places()) {
                (at, seen) = (next, seen + 1);
            }
            assert_eq!(seen, layout.places());
        }
        assert_eq!(neighbour(0, Way::Left, 3, 9), None);
        assert_eq!(neighbour(1, Way::Up, 3, 9), None);
        assert_eq!(neighbour(4, Way::Down, 3, 9), Some(7));
        assert_eq!(neighbour(7, Way::Down, 3, 9), None);
    }
}
