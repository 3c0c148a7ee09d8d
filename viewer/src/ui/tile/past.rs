//! A camera's place while it is in the past: nothing in it looks or sounds like live.

use athome_shared::look::icon::Status;
use athome_shared::look::picture::{self, PAD};
use athome_shared::look::theme::{DARK, LABEL};
use egui::{Align2, CornerRadius, FontId, Rect, Response, Role, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::super::strip;
use super::super::view::{Scene, View};
use super::super::wall::Shown as Drawn;
use crate::controller::past::{End, Note, Past, Shown};
use crate::past::Ms;
use crate::past::known::Why;
use crate::past::times::Times;
use crate::words::past::Word;

/// The violet frame's width.
const FRAME: f32 = 3.0;
/// Numbers of stills lie above those of the wall.
const STILLS: u64 = 1 << 62;

pub(super) fn show(ui: &Ui, scene: &Scene<'_>, view: &mut View, rect: Rect, past: &Past, response: &Response) {
    let painter = ui.painter_at(rect);
    let (lang, times) = (scene.lang, Times { lang: scene.lang });
    let head = strip::playhead(scene, past);
    let (drawn, at) = match &past.shown {
        Shown::Nothing => (None, head),
        Shown::Still(still) => {
            let number = STILLS | still.at.unsigned_abs();
            (Some(Drawn::of_past(still.planes.clone(), number, scene.now)), still.at)
        }
        Shown::Film => match scene.wall.film(&past.camera) {
            Some(film) => (Some(film.shown), film.at),
            None => (None, head),
        },
    };
    if let Some(drawn) = &drawn {
        let zoom = view.zoom.get(&past.camera).copied().unwrap_or_default();
        let size = vec2(drawn.planes.width as f32, drawn.planes.height as f32);
        let place = picture::fit(rect, size);
        view.past_canvas().draw(&painter, place, zoom.uv(), drawn, false);
    }
    painter.rect_stroke(rect, CornerRadius::ZERO, Stroke::new(FRAME, DARK.past), StrokeKind::Inside);

    let name = scene.model.camera(&past.camera).map_or_else(|| past.camera.camera.to_string(), |c| c.name.clone());
    let day = times.day(&past.zone, at);
    let claim = |time: String| Word::Past.with(lang, &[("day", &day), ("time", &time)]);
    let top = rect.top() + PAD;
    let text = claim(times.time(&past.zone, at));
    let shape = Some((Status::Past, DARK.past));
    let pill = picture::pill(&painter, pos2(rect.right() - PAD, top), Align2::RIGHT_TOP, shape, &text);
    let font = FontId::proportional(LABEL);
    let short = picture::shortened(&painter, &name, &font, pill.left() - rect.left() - 5.0 * PAD);
    if !short.is_empty() {
        picture::pill(&painter, pos2(rect.left() + PAD, top), Align2::LEFT_TOP, None, &short);
    }
    let reason = past.gap.filter(|_| past.loaded).map(|gap| strip::gap_word(gap.why).text(lang));
    if let Some(reason) = &reason {
        picture::reason(&painter, rect, reason);
    }
    let word = said(past, times);
    if let Some(word) = &word {
        picture::pill(&painter, rect.center_bottom() - vec2(0.0, PAD), Align2::CENTER_BOTTOM, None, word);
    }
    if response.has_focus() {
        let inner = rect.shrink(FRAME);
        painter.rect_stroke(inner, CornerRadius::ZERO, Stroke::new(3.0, DARK.accent), StrokeKind::Inside);
    }
    let selected = scene.model.settings.selected.as_ref() == Some(&past.camera);
    // Without seconds, which would be read out all the time.
    let spoken = claim(times.minutes(&past.zone, at));
    response.widget_info(|| {
        let said = [Some(name.clone()), Some(spoken.clone()), reason.clone(), word.clone()];
        let said: Vec<String> = said.into_iter().flatten().collect();
        WidgetInfo::selected(Role::Button, ui.is_enabled(), selected, said.join(". "))
    });
    view.drawn.push((past.camera.clone(), (rect.width() * ui.pixels_per_point()).round() as u32));
}

fn said(past: &Past, times: Times) -> Option<String> {
    let length = |ms: Ms| times.length(ms);
    if let Some(end) = past.end {
        let word = match end {
            End::Now => Word::EndNow,
            End::Last => Word::EndLast,
        };
        return Some(word.text(times.lang));
    }
    Some(match past.note? {
        Note::Failed => Word::Failed.text(times.lang),
        Note::Skipped { why, ms } => {
            let word = match why {
                Why::Quiet => Word::SkippedQuiet,
                Why::Off => Word::SkippedOff,
                Why::Unknown => Word::SkippedNone,
            };
            word.with(times.lang, &[("time", &length(ms))])
        }
    })
}
