//! "Go to time": a date and a time of day on the house's clock.

use egui::{TextEdit, Ui};

use super::control;
use super::view::{Dialog, Scene, View, Wish};
use crate::controller::past::{Past, Wish as Do};
use crate::controller::request::Request;
use crate::past::times::{Times, to_type, typed};
use crate::past::zone::Zone;
use crate::past::{DAY, HOUR, MINUTE, Ms};
use crate::words::past::Word;

/// What is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    date: String,
    time: String,
}

impl Form {
    /// Where the playhead is.
    pub(super) fn of(past: &Past, at: Ms) -> Self {
        let (date, time) = to_type(&past.zone, at);
        Self { date, time }
    }
}

pub(super) fn show(ui: &Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>, mut form: Form) {
    let Some(past) = &scene.model.past else {
        view.dialog = None;
        return;
    };
    let lang = scene.lang;
    let now = past.now(scene.now);
    let mut to = None;
    let answer = control::modal(ui, "goto").show(ui.ctx(), |ui| {
        ui.set_width(360.0);
        let closed = control::heading(ui, &Word::Goto.text(lang), &crate::words::Label::Close.text(lang));
        let mut entered = false;
        for (word, text) in [(Word::Date, &mut form.date), (Word::Time, &mut form.time)] {
            let label = ui.label(word.text(lang));
            let field = ui.add(TextEdit::singleline(text).char_limit(20).desired_width(f32::INFINITY));
            let field = field.labelled_by(label.id);
            entered |= field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            if word == Word::Time && ui.memory(|memory| memory.focused()).is_none() {
                field.request_focus();
            }
        }
        if let Some(said) = other_zone(past, now, Times { lang }) {
            control::muted(ui, said);
        }
        go(ui, scene, past, &form, entered, &mut to);
        ui.horizontal_wrapped(|ui| {
            for (word, ago) in [(Word::HourAgo, HOUR), (Word::Yesterday, DAY)] {
                if control::button(ui, &word.text(lang)).clicked() {
                    to = Some(if ago == DAY { yesterday(&past.zone, now) } else { now - ago });
                }
            }
        });
        closed
    });
    if let Some(at) = to {
        wishes.push(Wish::Ask(Request::Past(Do::Seek { at, play: None })));
    }
    let close = answer.inner || to.is_some() || answer.should_close();
    view.dialog = (!close).then_some(Dialog::Goto(form));
}

/// The button, or two where the time came twice; or why there is none.
fn go(ui: &mut Ui, scene: &Scene<'_>, past: &Past, form: &Form, entered: bool, to: &mut Option<Ms>) {
    let (lang, times) = (scene.lang, Times { lang: scene.lang });
    let Some(local) = typed(&form.date, &form.time) else {
        control::muted(ui, Word::Unread.text(lang));
        control::primary(ui, &Word::Go.text(lang), false);
        return;
    };
    let found = past.zone.moment(local);
    let later = found.moments.first().is_some_and(|at| *at > past.now(scene.now));
    if later {
        control::muted(ui, Word::Future.text(lang));
    } else if !found.existed {
        let time = times.time(&past.zone, found.moments.first().copied().unwrap_or(local));
        control::muted(ui, Word::DstNever.with(lang, &[("time", &time)]));
    }
    match found.moments.as_slice() {
        [first, second] => {
            control::muted(ui, Word::Which.text(lang));
            ui.horizontal_wrapped(|ui| {
                for at in [first, second] {
                    if control::primary(ui, &times.time(&past.zone, *at), !later).clicked() {
                        *to = Some(*at);
                    }
                }
            });
        }
        moments => {
            let go = control::primary(ui, &Word::Go.text(lang), !later);
            if (go.clicked() || entered) && !later {
                *to = moments.first().copied();
            }
        }
    }
}

/// The same time on the house's clock.
fn yesterday(zone: &Zone, now: Ms) -> Ms {
    zone.first(zone.local(now) - DAY)
}

/// Where the house's clock shows something else than this computer's.
fn other_zone(past: &Past, now: Ms, times: Times) -> Option<String> {
    let here = Zone::here();
    let same = (past.zone.at(now) - here.at(now)).abs() < MINUTE;
    let said = [("here", times.minutes(&here, now)), ("there", times.minutes(&past.zone, now))];
    (!same).then(|| Word::InZone.with(times.lang, &said.each_ref().map(|(mark, text)| (*mark, text.as_str()))))
}
