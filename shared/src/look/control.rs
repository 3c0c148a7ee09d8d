//! The controls that panels are made of: each has a name for a screen reader and is large enough to be hit.

use egui::{Color32, Rect, Response, RichText, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::icon::{Icon, Status};
use super::theme::{self, CONTROL, CONTROL_RADIUS, FOCUS, LEAST_TARGET};

/// Whether a control can be used and, for switches, whether it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Ready,
    On,
    Disabled,
}

impl State {
    /// Ready or not.
    pub fn ready(ready: bool) -> Self {
        if ready { Self::Ready } else { Self::Disabled }
    }

    /// A switch that is on or off.
    pub fn on(on: bool) -> Self {
        if on { Self::On } else { Self::Ready }
    }
}

/// A square button with a drawing; its name shows when hovered and is read aloud.
pub fn icon_button(ui: &mut Ui, icon: Icon, name: &str, state: State) -> Response {
    drawn_button(ui, name, state, |ui, rect, colour| icon.paint(ui.painter(), rect, colour))
}

/// A square button whose drawing the caller makes.
pub fn drawn_button(ui: &mut Ui, name: &str, state: State, draw: impl FnOnce(&Ui, Rect, Color32)) -> Response {
    let sense = if state == State::Disabled { Sense::hover() } else { Sense::click() };
    let (rect, response) = ui.allocate_exact_size(vec2(CONTROL, CONTROL), sense);
    let enabled = state != State::Disabled && ui.is_enabled();
    response.widget_info(|| match state {
        State::On => WidgetInfo::selected(Role::Button, enabled, true, name),
        State::Ready | State::Disabled => WidgetInfo::labeled(Role::Button, enabled, name),
    });
    let palette = theme::palette(ui.visuals());
    let pressed = response.is_pointer_button_down_on();
    let (fill, colour) = match state {
        State::On => (palette.accent, palette.on_accent),
        State::Disabled => (Color32::TRANSPARENT, palette.border),
        State::Ready if response.hovered() || pressed => (palette.raised, palette.text),
        State::Ready => (Color32::TRANSPARENT, palette.text),
    };
    ui.painter().rect_filled(rect, CONTROL_RADIUS, fill);
    draw(ui, rect.shrink(7.0), colour);
    focus_ring(ui, &response, rect);
    response.on_hover_text(name)
}

/// Two points of accent around what has the focus.
pub fn focus_ring(ui: &Ui, response: &Response, rect: Rect) {
    if response.has_focus() {
        let colour = theme::palette(ui.visuals()).accent;
        ui.painter().rect_stroke(rect, CONTROL_RADIUS, Stroke::new(FOCUS, colour), StrokeKind::Inside);
    }
}

/// A card over everything else, closed by Escape or a click beside it.
pub fn modal(ui: &Ui, name: &'static str) -> egui::Modal {
    let frame = egui::Frame::popup(ui.style()).inner_margin(egui::Margin::same(20));
    egui::Modal::new(egui::Id::unique(name)).frame(frame).backdrop_color(Color32::from_black_alpha(160))
}

/// The button of a dialog that does what the dialog is for.
pub fn primary(ui: &mut Ui, text: &str, enabled: bool) -> Response {
    let palette = theme::palette(ui.visuals());
    let label = RichText::new(text).color(if enabled { palette.on_accent } else { palette.muted });
    let fill = if enabled { palette.accent } else { palette.raised };
    ui.add_enabled(enabled, egui::Button::new(label).fill(fill).min_size(vec2(0.0, CONTROL)))
}

/// The button of a dialog that takes something away for good.
pub fn dangerous(ui: &mut Ui, text: &str) -> Response {
    let palette = theme::palette(ui.visuals());
    let label = RichText::new(text).color(palette.on_danger);
    ui.add(egui::Button::new(label).fill(palette.danger).min_size(vec2(0.0, CONTROL)))
}

/// Any other button.
pub fn button(ui: &mut Ui, text: &str) -> Response {
    ui.add(egui::Button::new(text).min_size(vec2(LEAST_TARGET, CONTROL)))
}

/// A status shape of the height of a line of text.
pub fn status(ui: &mut Ui, status: Status, colour: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(14.0, 14.0), Sense::hover());
    status.paint(ui.painter(), rect, colour);
}

/// The heading of a side panel, with a way to close it; true once that was used.
pub fn heading(ui: &mut Ui, title: &str, close: &str) -> bool {
    let mut closed = false;
    ui.horizontal(|ui| {
        ui.heading(title);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            closed = icon_button(ui, Icon::Close, close, State::Ready).clicked();
        });
    });
    closed
}

/// Text that is less important.
pub fn muted(ui: &mut Ui, text: impl Into<String>) -> Response {
    let colour = theme::palette(ui.visuals()).muted;
    ui.add(egui::Label::new(RichText::new(text).color(colour)).wrap())
}
