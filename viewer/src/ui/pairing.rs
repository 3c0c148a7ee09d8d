//! Adding a camera: a pasted link, a picture of the code, or the code before the webcam.

use athome_shared::look::theme;
use athome_shared::pair::link::{Link, LinkError};
use egui::{TextEdit, TextureHandle, TextureOptions, Ui, vec2};
use zeroize::Zeroize;

use super::control;
use super::view::{Scene, View, Wish};
use crate::controller::model::Pairing;
use crate::controller::request::{Request, Unreadable, Wanted};
use crate::words::Label;

const WIDTH: f32 = 440.0;
/// Longer than any link; a whole file pasted by mistake is cut here.
const LONGEST: usize = 2_000;

/// What was typed so far, and the webcam's picture.
#[derive(Default)]
pub(super) struct Form {
    link: String,
    webcam: Option<(u64, TextureHandle)>,
    /// What there was to say when a pairing was started from here: its end closes the dialog.
    started: Option<Pairing>,
    /// A pairing runs, whoever started it.
    scanned: bool,
    /// What there was to say when the dialog opened: a pairing may be done before it was ever drawn at work.
    opened: Option<Pairing>,
}

impl Form {
    /// A link is secret: it goes with the dialog.
    pub(super) fn clear(&mut self) {
        self.link.zeroize();
        *self = Self::default();
    }
}

pub(super) fn show(ui: &Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>) {
    let pairing = &scene.model.pairing;
    view.form.scanned |= *pairing == Pairing::Working;
    let form = &mut view.form;
    form.opened.get_or_insert_with(|| pairing.clone());
    let answer = control::modal(ui, "pairing").show(ui.ctx(), |ui| {
        ui.set_width(WIDTH.min(ui.ctx().content_rect().width() - 48.0));
        let closed = control::heading(ui, &Label::Add.text(scene.lang), &Label::Close.text(scene.lang));
        if *pairing == Pairing::Working {
            working(ui, scene, wishes);
        } else {
            link(ui, scene, form, wishes);
            others(ui, scene, form, wishes);
        }
        if let Pairing::Failed(sentence) = pairing {
            let colour = theme::palette(ui.visuals()).danger;
            ui.add(egui::Label::new(egui::RichText::new(sentence.text(scene.lang)).color(colour)).wrap());
        }
        closed
    });
    let done = matches!(pairing, Pairing::Done { .. })
        && (form.scanned || [&form.started, &form.opened].into_iter().flatten().any(|before| before != pairing));
    if answer.inner || answer.should_close() || done {
        if *pairing == Pairing::Working || matches!(pairing, Pairing::Failed(_)) {
            wishes.push(Wish::Ask(Request::CancelPairing));
        }
        if scene.webcam.is_some() {
            wishes.push(Wish::Webcam(Wanted::No));
        }
        form.clear();
        view.dialog = None;
    }
}

fn working(ui: &mut Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>) {
    ui.horizontal(|ui| {
        ui.spinner();
        ui.label(Label::Pairing.text(scene.lang));
    });
    if control::button(ui, &Label::Cancel.text(scene.lang)).clicked() {
        wishes.push(Wish::Ask(Request::CancelPairing));
    }
}

fn link(ui: &mut Ui, scene: &Scene<'_>, form: &mut Form, wishes: &mut Vec<Wish>) {
    control::muted(ui, Label::LinkHow.text(scene.lang));
    let label = ui.label(Label::Link.text(scene.lang));
    let field = TextEdit::singleline(&mut form.link).char_limit(LONGEST).desired_width(f32::INFINITY);
    let field = ui.add(field.margin(vec2(8.0, 8.0))).labelled_by(label.id);
    // Before the focus is given back, which would hide that Enter took it.
    let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    if ui.memory(|memory| memory.focused()).is_none() {
        field.request_focus();
    }
    let typed = !form.link.trim().is_empty();
    ui.horizontal(|ui| {
        let pair = control::primary(ui, &Label::Pair.text(scene.lang), typed).clicked();
        if control::button(ui, &Label::Paste.text(scene.lang)).clicked() {
            field.request_focus();
            wishes.push(Wish::Paste);
        }
        if (pair || entered) && typed {
            let request = read(&form.link);
            // An earlier pairing's end is not this one's.
            form.started = matches!(request, Request::Pair(_)).then(|| scene.model.pairing.clone());
            if let Request::Pair(link) = &request {
                wishes.push(Wish::LinkUsed(link.clone()));
            }
            wishes.push(Wish::Ask(request));
        }
    });
}

/// A link, or why there is none.
pub(super) fn read(text: &str) -> Request {
    match Link::parse(text) {
        Ok(link) => Request::Pair(link),
        Err(LinkError::Newer) => Request::BadLink(Unreadable::Newer),
        Err(LinkError::NotOurs | LinkError::Incomplete | LinkError::BadServer) => {
            Request::BadLink(Unreadable::Incomplete)
        }
    }
}

/// A picture of the code, from a file or from the webcam.
fn others(ui: &mut Ui, scene: &Scene<'_>, form: &mut Form, wishes: &mut Vec<Wish>) {
    ui.separator();
    control::muted(ui, Label::ImageHow.text(scene.lang));
    ui.horizontal(|ui| {
        if control::button(ui, &Label::ImageOpen.text(scene.lang)).clicked() {
            wishes.push(Wish::OpenImage);
        }
        let (label, wanted) = match scene.webcam {
            Some(_) => (Label::WebcamStop, Wanted::No),
            None => (Label::Webcam, Wanted::Yes),
        };
        if control::button(ui, &label.text(scene.lang)).clicked() {
            wishes.push(Wish::Webcam(wanted));
        }
    });
    let Some(webcam) = scene.webcam else {
        form.webcam = None;
        return;
    };
    control::muted(ui, Label::WebcamHow.text(scene.lang));
    let Some((number, image)) = &webcam.picture else {
        ui.spinner();
        return;
    };
    let texture = match &mut form.webcam {
        Some((shown, texture)) => {
            if shown != number {
                texture.set(std::sync::Arc::clone(image), TextureOptions::LINEAR);
                *shown = *number;
            }
            texture
        }
        None => {
            let texture = ui.ctx().load_texture("webcam", std::sync::Arc::clone(image), TextureOptions::LINEAR);
            &form.webcam.insert((*number, texture)).1
        }
    };
    let width = ui.available_width();
    let size = vec2(width, width * image.height() as f32 / image.width().max(1) as f32);
    ui.image((texture.id(), size))
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, Label::Webcam.text(scene.lang)));
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::controller::request::{Request, Unreadable};

    #[test]
    fn what_is_no_link_says_so() {
        for text in ["", "hello", "https://example.org/#A1", "athome:#A1.!!!"] {
            assert!(matches!(read(text), Request::BadLink(Unreadable::Incomplete)), "{text}");
        }
    }
}
