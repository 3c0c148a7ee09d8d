//! How loud the microphone is, from -60 to 0 dBFS, with a mark for what was too loud. A figure stands beside the bar.

use athome_shared::look::fmt::number;
use athome_shared::look::icon::Status;
use athome_shared::look::theme::{self, SMALL};
use egui::{Color32, CornerRadius, FontId, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::{Scene, decimal};
use crate::camera::level::FLOOR_DBFS;
use crate::words::window::Label;

const HEIGHT: f32 = 24.0;
const BAR: f32 = 10.0;
/// Room for the figure, and for the mark before it.
const FIGURE: f32 = 56.0;
/// From here on speech is as loud as it should be at most (EBU R 68 aligns at -18 dBFS; half of what is left).
const LOUD_DBFS: f32 = -9.0;

pub(super) fn show(ui: &mut Ui, scene: &Scene<'_>) {
    let lang = scene.lang();
    let palette = theme::palette(ui.visuals());
    let Some(level) = scene.model.level else {
        athome_shared::look::control::muted(ui, Label::NoLevel.text(lang));
        return;
    };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    let figure = number(f64::from(level.dbfs), 0, decimal(lang));
    let name = Label::LevelName.with(lang, &[("n", &figure)]);
    let clipped = level.clipped.then(|| Label::Clipped.text(lang));
    response.widget_info(|| {
        let said = clipped.map_or_else(|| name.clone(), |clipped| format!("{name}. {clipped}"));
        WidgetInfo::labeled(Role::Meter, true, said)
    });
    let bar = Rect::from_min_size(pos2(rect.left(), rect.center().y - BAR / 2.0), vec2(rect.width() - FIGURE, BAR));
    let painter = ui.painter();
    let radius = CornerRadius::same(3);
    painter.rect_filled(bar, radius, palette.background);
    let part = ((level.dbfs - FLOOR_DBFS) / -FLOOR_DBFS).clamp(0.0, 1.0);
    let colour = match (level.clipped, level.dbfs >= LOUD_DBFS) {
        (true, _) => palette.danger,
        (false, true) => palette.motion,
        (false, false) => palette.live,
    };
    let filled = Rect::from_min_size(bar.min, vec2(bar.width() * part, bar.height()));
    painter.rect_filled(filled, radius, colour);
    painter.rect_stroke(bar, radius, Stroke::new(1.0, palette.border), StrokeKind::Outside);
    for mark in [-40.0_f32, -20.0, LOUD_DBFS] {
        let x = bar.left() + bar.width() * (mark - FLOOR_DBFS) / -FLOOR_DBFS;
        painter.vline(x, bar.y_range(), Stroke::new(1.0, palette.border));
    }
    let font = FontId::proportional(SMALL);
    let text = painter.layout_no_wrap(format!("{figure} dB"), font, palette.muted);
    painter.galley(pos2(rect.right() - text.size().x, rect.center().y - text.size().y / 2.0), text, palette.muted);
    if let Some(clipped) = clipped {
        // Its row comes and goes with the mark, below everything that can be clicked in this part.
        ui.horizontal(|ui| {
            athome_shared::look::control::status(ui, Status::Trouble, palette.danger);
            let colour: Color32 = palette.danger;
            ui.colored_label(colour, clipped);
        });
    }
}
