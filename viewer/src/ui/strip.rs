//! The time strip: the whole of it is dragged, the playhead stays in the middle. Its words say what its drawing shows.

mod draw;

use athome_shared::look::theme::{self, LABEL};
use egui::{
    Align2, Color32, Event, FontId, Id, Key, LayerId, Modifiers, Order, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2,
};

use super::control;
use super::view::{Scene, View, Wish};
use crate::controller::past::{self, Past, Shown};
use crate::controller::request::Request;
use crate::past::Ms;
use crate::past::axis::Axis;
use crate::past::known::Why;
use crate::past::marks::{Merged, Way};
use crate::past::momentum::{Sample, fineness, run_out, runs, speed_of};
use crate::past::spans::span_at;
use crate::past::times::Times;
use crate::words::past::Word;

const HEIGHT: f32 = 88.0;
const OVERVIEW: f32 = 20.0;
/// The wheel has come to rest after this long (seconds).
const SETTLES: f64 = 0.16;
/// Positions of the pointer that are remembered.
const SAMPLES: usize = 12;

/// What the strip remembers between two frames.
#[derive(Default)]
pub(super) struct Strip {
    moving: Option<Moving>,
    /// The moment under the playhead while it moves.
    centre: f64,
    merged: Merged,
    merged_day: Merged,
    /// What was said last, while a drag must not be read out.
    said: Ms,
}

/// Why it moves.
enum Moving {
    Held {
        from_y: f32,
        samples: Vec<Sample>,
        fine: f64,
    },
    /// Let go: from where, since when, how fast.
    Rolls {
        from: f64,
        since: f64,
        speed: f64,
    },
    Wheel {
        until: f64,
    },
}

/// Where the playhead is now.
pub(super) fn playhead(scene: &Scene<'_>, past: &Past) -> Ms {
    match past.shown {
        _ if !past.on && !past.dragging => past.now(scene.now),
        Shown::Film if past.playing => scene.wall.film(&past.camera).map_or(past.at, |film| film.at),
        _ => past.at,
    }
}

pub(super) fn id() -> Id {
    Id::unique("time strip")
}

pub(super) fn show(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>, past: &Past) {
    let mut ask = |wish| wishes.push(Wish::Ask(Request::Past(wish)));
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    let response = ui.interact(rect, id(), Sense::click_and_drag());
    let time = ui.input(|input| input.time);
    let strip = &mut view.strip;
    let head = playhead(scene, past);
    if strip.moving.is_none() {
        strip.centre = head as f64;
    }
    let width = f64::from(rect.width().max(1.0));
    let mut axis = Axis { centre: strip.centre, span: past.span, width };
    let now = past.now(scene.now) as f64;
    let at_x = |axis: &Axis, x: f32| axis.time_at(f64::from(x - rect.left()));
    let pointer = ui.input(|input| input.pointer.latest_pos());

    if response.drag_started() {
        ask(past::Wish::Grab);
        let from_y = ui.input(|input| input.pointer.press_origin()).map_or(rect.center().y, |at| at.y);
        strip.moving = Some(Moving::Held { from_y, samples: vec![Sample { at: time * 1_000.0, x: 0.0 }], fine: 1.0 });
    }
    let mut settled = false;
    match &mut strip.moving {
        Some(Moving::Held { from_y, samples, fine }) => {
            *fine = fineness(f64::from(*from_y - pointer.map_or(*from_y, |at| at.y)));
            let dx = f64::from(response.drag_delta().x) * *fine;
            if dx != 0.0 {
                axis = axis.pan(dx);
                let x = samples.last().map_or(0.0, |sample| sample.x) + dx;
                samples.push(Sample { at: time * 1_000.0, x });
                if samples.len() > SAMPLES {
                    samples.remove(0);
                }
            }
            if response.drag_stopped() || !ui.input(|input| input.pointer.any_down()) {
                let speed = speed_of(samples, time * 1_000.0);
                settled = runs(speed) <= 0.0;
                if !settled {
                    strip.moving = Some(Moving::Rolls { from: axis.centre, since: time, speed });
                }
            }
        }
        Some(Moving::Rolls { from, since, speed }) => {
            let lasts = runs(*speed);
            let after = ((time - *since) * 1_000.0).clamp(0.0, lasts);
            axis = Axis { centre: *from, ..axis }.pan(run_out(*speed, after));
            settled = after >= lasts || axis.centre > now - 50.0;
            ui.request_repaint();
        }
        Some(Moving::Wheel { until }) => {
            settled = time >= *until;
            ui.request_repaint();
        }
        None => {}
    }
    if response.hovered() {
        let (scroll, zoom) = ui.input(|input| (input.smooth_scroll_delta(), f64::from(input.zoom_delta())));
        let pan = if scroll.x.abs() > scroll.y.abs() { scroll.x } else { scroll.y };
        if zoom != 1.0 {
            let x = pointer.map_or(width / 2.0, |at| f64::from(at.x - rect.left()));
            let next = axis.zoom(zoom, if past.on { x } else { width / 2.0 });
            ask(past::Wish::Span(next.span));
            // Live stays live: only how much is seen changes.
            axis = if past.on { next } else { Axis { span: next.span, ..axis } };
        } else if pan != 0.0 {
            axis = axis.pan(f64::from(pan));
        }
        if pan != 0.0 || (zoom != 1.0 && past.on) {
            if strip.moving.is_none() {
                ask(past::Wish::Grab);
            }
            strip.moving = Some(Moving::Wheel { until: time + SETTLES });
            settled = false;
            ui.request_repaint();
        }
    }
    axis.centre = axis.centre.min(now);
    if strip.moving.is_some() {
        if axis.centre != strip.centre {
            ask(past::Wish::Drag(axis.centre as Ms));
        }
        strip.centre = axis.centre;
        if settled {
            strip.moving = None;
            ask(past::Wish::Release);
        }
    } else {
        strip.said = head;
        if response.clicked()
            && let Some(at) = response.interact_pointer_pos()
        {
            ask(past::Wish::Seek { at: at_x(&axis, at.x) as Ms, play: None });
        }
    }
    keys(ui, &axis, &response, &mut ask);

    let times = Times { lang: scene.lang };
    let groups = strip.merged.at(&past.known.events, past.known.version, axis.span, width).to_vec();
    let painter = ui.painter_at(rect);
    let drawn = draw::Drawn { axis, now: now as Ms, past, groups: &groups, times };
    draw::strip(&painter, rect, &drawn, theme::palette(ui.visuals()));
    control::focus_ring(ui, &response, rect);
    said(ui, scene, past, strip.said, &response);
    let fine = match &strip.moving {
        Some(Moving::Held { fine, .. }) => Some(*fine),
        Some(_) => Some(1.0),
        None => None,
    };
    let hovered = response.hover_pos().filter(|_| fine.is_none());
    if let Some(fine) = fine {
        bubble(ui, times.time(&past.zone, axis.centre as Ms), fine, pos2(rect.center().x, rect.top()));
    } else if let Some(at) = hovered {
        let time = times.time(&past.zone, (at_x(&axis, at.x)).min(now) as Ms);
        bubble(ui, time, 1.0, pos2(at.x.clamp(rect.left() + 40.0, rect.right() - 40.0), rect.top()));
    }
    overview(ui, &mut view.strip, past, &axis, now as Ms, &mut ask);
    if !past.on || past.playing || view.strip.moving.is_some() {
        view.ages = true;
    }
}

/// The whole day, small: a click goes there.
fn overview(ui: &mut Ui, strip: &mut Strip, past: &Past, axis: &Axis, now: Ms, ask: &mut impl FnMut(past::Wish)) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), OVERVIEW), Sense::CLICK);
    let at = axis.centre as Ms;
    let (from, to) = (past.zone.day_start(at), past.zone.day_end(at).max(at + 1));
    let width = f64::from(rect.width()) * 4.0;
    let groups = strip.merged_day.at(&past.known.events, past.known.version, (to - from) as f64, width);
    let drawn = draw::Day { from, to, past, groups, now, axis };
    draw::day(&ui.painter_at(rect), rect, &drawn, theme::palette(ui.visuals()));
    if response.clicked()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let part = f64::from((pointer.x - rect.left()) / rect.width().max(1.0));
        ask(past::Wish::Seek { at: from + ((to - from) as f64 * part) as Ms, play: None });
    }
}

fn keys(ui: &Ui, axis: &Axis, response: &egui::Response, ask: &mut impl FnMut(past::Wish)) {
    use egui::accesskit::Action;
    let step = axis.tick_step();
    for (action, by) in [(Action::Increment, step), (Action::Decrement, -step)] {
        for _ in 0..ui.input(|input| input.num_accesskit_action_requests(response.id, action)) {
            ask(past::Wish::Step(by));
        }
    }
    if !response.has_focus() {
        return;
    }
    let filter = egui::EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let span = axis.span as Ms;
    let moves = [
        (Modifiers::SHIFT, Key::ArrowLeft, past::Wish::Frame(Way::Back)),
        (Modifiers::SHIFT, Key::ArrowRight, past::Wish::Frame(Way::On)),
        (Modifiers::NONE, Key::ArrowLeft, past::Wish::Step(-step)),
        (Modifiers::NONE, Key::ArrowRight, past::Wish::Step(step)),
        (Modifiers::NONE, Key::ArrowDown, past::Wish::Step(-step)),
        (Modifiers::NONE, Key::ArrowUp, past::Wish::Step(step)),
        (Modifiers::NONE, Key::PageDown, past::Wish::Step(-span)),
        (Modifiers::NONE, Key::PageUp, past::Wish::Step(span)),
        (Modifiers::NONE, Key::Home, past::Wish::Oldest),
        (Modifiers::NONE, Key::End, past::Wish::Live),
    ];
    for (modifiers, key, wish) in moves {
        if ui.input_mut(|input| input.consume_key(modifiers, key)) {
            ask(wish);
        }
    }
}

/// The strip in words; while it plays by itself only to the minute, and not at all during a drag.
fn said(ui: &Ui, scene: &Scene<'_>, past: &Past, at: Ms, response: &egui::Response) {
    let (lang, times) = (scene.lang, Times { lang: scene.lang });
    let camera = scene.model.camera(&past.camera).map(|camera| camera.name.clone()).unwrap_or_default();
    let within = span_at(&past.known.spans, at).is_some();
    let moves = past.known.events.iter().any(|event| event.from <= at && event.to.is_none_or(|to| to >= at));
    let state = match (past.on, within, moves) {
        (false, ..) => Word::StLive,
        (true, false, _) => gap_word(past.gap.map_or(Why::Unknown, |gap| gap.why)),
        (true, true, true) => Word::StMotion,
        (true, true, false) => Word::StRecorded,
    };
    let runs = !past.on || past.playing;
    let time = if runs { times.minutes(&past.zone, at) } else { times.time(&past.zone, at) };
    let day = times.day_long(&past.zone, at);
    let value =
        Word::Value.with(lang, &[("day", &day), ("time", &time), ("cam", &camera), ("state", &state.text(lang))]);
    let name = Word::Timeline.with(lang, &[("cam", &camera)]);
    response.widget_info(|| WidgetInfo::slider(true, (at / 1_000) as f64, &name));
    let oldest = past.known.spans.first().map_or(at, |span| span.from);
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_role(Role::Slider);
        node.set_value(value);
        node.set_min_numeric_value((oldest / 1_000) as f64);
        node.set_max_numeric_value((past.now(scene.now) / 1_000) as f64);
        node.add_action(egui::accesskit::Action::Increment);
        node.add_action(egui::accesskit::Action::Decrement);
    });
}

/// Why nothing was recorded.
pub(super) fn gap_word(why: Why) -> Word {
    match why {
        Why::Quiet => Word::GapQuiet,
        Why::Off => Word::GapOff,
        Why::Unknown => Word::GapNone,
    }
}

/// A time above the strip, never under the pointer.
fn bubble(ui: &Ui, time: String, fine: f64, at: egui::Pos2) {
    let text = match fine {
        _ if fine >= 1.0 => time,
        _ if fine >= 0.25 => format!("{time} · ×¼"),
        _ => format!("{time} · ×1/16"),
    };
    let painter = ui.ctx().layer_painter(LayerId::new(Order::Tooltip, id().with("bubble")));
    let galley = painter.layout_no_wrap(text, FontId::proportional(LABEL), Color32::WHITE);
    let size = galley.size() + vec2(16.0, 8.0);
    let rect = Align2::CENTER_BOTTOM.anchor_size(at - vec2(0.0, 6.0), size);
    painter.rect_filled(Rect::from_min_size(rect.min, size), theme::CONTROL_RADIUS, Color32::from_black_alpha(220));
    painter.galley(rect.min + vec2(8.0, 4.0), galley, Color32::WHITE);
}

/// Keys that work wherever the focus is.
pub(super) fn single_keys(ctx: &egui::Context, past: &Past, wishes: &mut Vec<Wish>) {
    let mut ask = |wish| wishes.push(Wish::Ask(Request::Past(wish)));
    let free = ctx.memory(|memory| memory.focused()).is_none_or(|focused| focused == id());
    let press = |key| ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    for (key, wish) in [
        (Key::N, past::Wish::Event(Way::On)),
        (Key::P, past::Wish::Event(Way::Back)),
        (Key::J, past::Wish::Shuttle(Way::Back)),
        (Key::K, past::Wish::Pause),
        (Key::L, past::Wish::Shuttle(Way::On)),
        (Key::End, past::Wish::Live),
    ] {
        if press(key) {
            ask(wish);
        }
    }
    // A button that has the focus takes it itself.
    if free && press(Key::Space) {
        ask(past::Wish::Toggle);
    }
    // On some layouts these are typed with Shift.
    let typed =
        |what: &str| ctx.input(|i| i.events.iter().any(|event| matches!(event, Event::Text(text) if text == what)));
    if past.on && typed(",") {
        ask(past::Wish::Frame(Way::Back));
    }
    if past.on && typed(".") {
        ask(past::Wish::Frame(Way::On));
    }
}
