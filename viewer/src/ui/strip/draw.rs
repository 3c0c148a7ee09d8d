//! The strip's drawing: what was recorded, what moved, the time. Nothing here decides.

use athome_shared::look::theme::{Palette, SMALL};
use egui::{Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, pos2, vec2};

use crate::controller::past::Past;
use crate::past::axis::Axis;
use crate::past::known::Why;
use crate::past::marks::Group;
use crate::past::times::Times;
use crate::past::{DAY, Ms};
use crate::words::past::Word;

/// How wide a day's chip is.
const CHIP: f64 = 92.0;
const BAR_TOP: f32 = 4.0;
const BAR: f32 = 16.0;

pub(super) struct Drawn<'a> {
    pub axis: Axis,
    pub now: Ms,
    pub past: &'a Past,
    pub groups: &'a [Group],
    pub times: Times,
}

pub(super) fn strip(painter: &Painter, rect: Rect, drawn: &Drawn<'_>, palette: &Palette) {
    let Drawn { axis, now, past, times, .. } = drawn;
    let (from, to) = (axis.left(), axis.right());
    let x = |at: Ms| rect.left() + axis.x_of(at) as f32;
    let within = |x: f32| x.clamp(rect.left(), rect.right());
    painter.rect_filled(rect, CornerRadius::ZERO, palette.surface);
    let bar = Rect::from_min_size(rect.min + vec2(0.0, BAR_TOP), vec2(rect.width(), BAR));
    // What has not happened yet.
    let ahead = x(*now);
    if ahead < rect.right() {
        let future = Rect::from_min_max(pos2(within(ahead), rect.top()), rect.max);
        painter.rect_filled(future, CornerRadius::ZERO, palette.raised);
    }
    painter.rect_filled(bar, CornerRadius::ZERO, palette.raised);
    let spans = &past.known.spans;
    let first = spans.partition_point(|span| span.to <= from);
    for span in spans.iter().skip(first).take_while(|span| span.from < to) {
        let left = within(x(span.from));
        // However short, it is there.
        let right = within(x(span.to)).max(left + 1.5);
        let part = Rect::from_min_max(pos2(left, bar.top()), pos2(right, bar.bottom()));
        painter.rect_filled(part, CornerRadius::ZERO, palette.accent);
    }
    let marks = Rect::from_min_max(pos2(rect.left(), bar.bottom() + 4.0), pos2(rect.right(), rect.bottom() - 26.0));
    gaps(painter, rect, drawn, bar.union(marks), palette);
    groups(painter, drawn, marks, from, to, &x, palette);
    ticks(painter, rect, drawn, palette);
    let zone = &past.zone;
    for jump in zone.jumps(from, to) {
        let line = [pos2(x(jump.at), rect.top()), pos2(x(jump.at), rect.bottom())];
        painter.extend(Shape::dashed_line(&line, Stroke::new(1.0, palette.warning), 3.0, 3.0));
    }
    if axis.label_step() < DAY {
        for at in axis.midnights(zone) {
            painter.vline(x(at).round(), rect.y_range(), Stroke::new(1.0, palette.border));
        }
        for chip in axis.chips(zone, CHIP) {
            let text = painter.layout_no_wrap(times.day(zone, chip.day), FontId::proportional(SMALL), palette.text);
            let at = pos2(rect.left() + chip.x as f32 + 3.0, marks.top());
            let place = Rect::from_min_size(at, text.size() + vec2(12.0, 2.0));
            painter.rect_filled(place, 2, palette.surface.gamma_multiply(0.9));
            painter.rect_stroke(place, 2, Stroke::new(1.0, palette.border), StrokeKind::Inside);
            painter.galley(at + vec2(6.0, 1.0), text, palette.text);
        }
    }
    if ahead >= rect.left() && ahead <= rect.right() {
        painter.vline(ahead.round(), rect.y_range(), Stroke::new(2.0, palette.live));
    }
    let middle = rect.center().x.round();
    let colour = if past.on { palette.past } else { palette.text };
    painter.vline(middle, rect.y_range(), Stroke::new(2.0, colour));
    let top = [pos2(middle - 6.0, rect.top()), pos2(middle + 6.0, rect.top()), pos2(middle, rect.top() + 8.0)];
    painter.add(Shape::convex_polygon(top.to_vec(), colour, Stroke::NONE));
}

/// Stretches that should have been recorded and were not: hatched, with a word where there is room.
fn gaps(painter: &Painter, rect: Rect, drawn: &Drawn<'_>, rows: Rect, palette: &Palette) {
    let Drawn { axis, past, times, .. } = drawn;
    for gap in past.known.gaps.iter().filter(|gap| gap.why == Why::Off) {
        let x = |at: Ms| (rect.left() + axis.x_of(at) as f32).clamp(rect.left(), rect.right());
        let (left, right) = (x(gap.from), x(gap.to));
        if right <= rect.left() || left >= rect.right() {
            continue;
        }
        let place = Rect::from_min_max(pos2(left, rows.top()), pos2(right.max(left + 2.0), rows.bottom()));
        hatch(&painter.with_clip_rect(place), place, palette.border);
        let text = Word::Off.text(times.lang);
        let text = painter.layout_no_wrap(text, FontId::proportional(SMALL), palette.muted);
        let size = text.size() + vec2(12.0, 4.0);
        if place.width() >= size.x {
            let behind = Rect::from_center_size(pos2(place.center().x, rows.center().y + BAR / 2.0), size);
            painter.rect_filled(behind, 2, palette.surface);
            painter.galley(behind.min + vec2(6.0, 2.0), text, palette.muted);
        }
    }
}

fn hatch(painter: &Painter, rect: Rect, colour: Color32) {
    let mut x = rect.left() - rect.height();
    // Held to the screen, so that their number is bounded; in step with it, so that they do not swim.
    x -= x.rem_euclid(8.0);
    while x < rect.right() {
        painter.line_segment([pos2(x, rect.bottom()), pos2(x + rect.height(), rect.top())], Stroke::new(1.5, colour));
        x += 8.0;
    }
}

fn groups(
    painter: &Painter,
    drawn: &Drawn<'_>,
    marks: Rect,
    from: Ms,
    to: Ms,
    x: &impl Fn(Ms) -> f32,
    palette: &Palette,
) {
    let mut free = f32::NEG_INFINITY;
    let mut counts: Vec<(Pos2, String)> = Vec::new();
    let first = drawn.groups.partition_point(|group| group.from < from - (to - from)).saturating_sub(1);
    for group in drawn.groups.iter().skip(first).take_while(|group| group.from < to) {
        let left = x(group.from);
        let right = x(group.to).max(left + 3.0);
        if right < marks.left() - 30.0 {
            continue;
        }
        let high = 4.0 + group.peak.clamp(0.0, 1.0).sqrt() * (marks.height() - 4.0);
        let bar = Rect::from_min_max(pos2(left, marks.bottom() - high), pos2(right, marks.bottom()));
        painter.rect_filled(bar, CornerRadius::ZERO, palette.motion);
        let middle = f32::midpoint(left, right);
        if group.count > 1 && middle - 14.0 > free {
            free = middle + 14.0;
            counts.push((pos2(middle, marks.top() + 2.0), group.count.to_string()));
        }
    }
    for (at, text) in counts {
        let text = painter.layout_no_wrap(text, FontId::proportional(SMALL), palette.text);
        let behind = Align2::CENTER_TOP.anchor_size(at, text.size() + vec2(6.0, 0.0));
        painter.rect_filled(behind, 2, palette.surface);
        painter.galley(behind.min + vec2(3.0, 0.0), text, palette.text);
    }
}

fn ticks(painter: &Painter, rect: Rect, drawn: &Drawn<'_>, palette: &Palette) {
    let base = rect.bottom() - 20.0;
    for tick in drawn.axis.ticks(&drawn.past.zone) {
        let x = rect.left() + tick.x as f32;
        let long = if tick.label.is_some() { 6.0 } else { 3.0 };
        painter.vline(x.round(), base..=base + long, Stroke::new(1.0, palette.muted));
        if let Some(label) = tick.label {
            let text = drawn.times.label(&label);
            painter.text(
                pos2(x, rect.bottom() - 1.0),
                Align2::CENTER_BOTTOM,
                text,
                FontId::proportional(SMALL),
                palette.muted,
            );
        }
    }
}

pub(super) struct Day<'a> {
    pub from: Ms,
    pub to: Ms,
    pub past: &'a Past,
    pub groups: &'a [Group],
    pub now: Ms,
    /// What the strip shows of it.
    pub axis: &'a Axis,
}

/// A whole day.
pub(super) fn day(painter: &Painter, rect: Rect, drawn: &Day<'_>, palette: &Palette) {
    let Day { from, to, past, groups, now, axis } = drawn;
    let x = |at: Ms| {
        let part = (at - from) as f32 / (to - from) as f32;
        (rect.left() + part * rect.width()).clamp(rect.left(), rect.right())
    };
    painter.rect_filled(rect, CornerRadius::ZERO, palette.raised);
    for span in past.known.spans.iter().filter(|span| span.to > *from && span.from < *to) {
        let (left, right) = (x(span.from), x(span.to));
        let part = Rect::from_min_max(pos2(left, rect.bottom() - 5.0), pos2(right.max(left + 1.5), rect.bottom()));
        painter.rect_filled(part, CornerRadius::ZERO, palette.accent);
    }
    for group in groups.iter().filter(|group| group.from >= *from && group.from < *to) {
        let high = 3.0 + group.peak.clamp(0.0, 1.0).sqrt() * (rect.height() - 10.0);
        let (left, bottom) = (x(group.from), rect.bottom() - 6.0);
        let part = Rect::from_min_max(pos2(left, bottom - high), pos2(x(group.to).max(left + 2.0), bottom));
        painter.rect_filled(part, CornerRadius::ZERO, palette.motion);
    }
    if now < to {
        let future = Rect::from_min_max(pos2(x(*now), rect.top()), rect.max);
        painter.rect_filled(future, CornerRadius::ZERO, palette.surface);
    }
    let (left, right) = (x(axis.left()), x(axis.right()));
    let seen = Rect::from_min_max(pos2(left, rect.top()), pos2(right.max(left + 4.0), rect.bottom()));
    painter.rect_stroke(seen, 1, Stroke::new(2.0, palette.past), StrokeKind::Inside);
}
