//! The paired places with their state, and their cameras.

use athome_shared::look::icon::{Icon, Status};
use athome_shared::look::theme::{self, CONTROL_RADIUS};
use athome_shared::protocol::control::{Camera, Role as May};
use athome_shared::protocol::house::HouseMode;
use egui::{Color32, FontId, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo, vec2};

use super::control::{self, State};
use super::view::{Dialog, Scene, View, Wish};
use super::{tile, toolbar};
use crate::controller::model::{Place, PlaceState};
use crate::controller::request::Request;
use crate::settings::CameraKey;
use crate::words::Label;
use crate::words::past::Word;

const ROW: f32 = 32.0;

pub(super) fn show(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>) {
    egui::Panel::bottom("add").resizable(false).frame(egui::Frame::new()).show(ui, |ui| {
        ui.add_space(8.0);
        let text = Label::Add.text(scene.lang);
        if ui.add_sized([ui.available_width(), 36.0], egui::Button::new(text)).clicked() {
            view.dialog = Some(Dialog::Pairing);
        }
    });
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        for place in &scene.model.places {
            ui.push_id(place.id, |ui| place_ui(ui, scene, view, wishes, place));
            ui.add_space(16.0);
        }
    });
}

fn place_ui(ui: &mut Ui, scene: &Scene<'_>, view: &mut View, wishes: &mut Vec<Wish>, place: &Place) {
    let palette = theme::palette(ui.visuals());
    let (shape, colour, word) = match place.state {
        PlaceState::Live => (Status::Live, palette.live, Label::StateLive),
        PlaceState::Connecting => (Status::Reconnecting, palette.motion, Label::StateConnecting),
        PlaceState::Waiting => (Status::Reconnecting, palette.motion, Label::StateReconnecting),
        PlaceState::Stopped => (Status::Trouble, palette.danger, Label::StateWaiting),
    };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        let buttons = if place.state == PlaceState::Live { 2.0 } else { 3.0 };
        let room = ui.available_width() - buttons * 34.0;
        let name = RichText::new(&place.name).size(16.0).strong();
        ui.allocate_ui_with_layout(vec2(room, ROW), egui::Layout::left_to_right(egui::Align::Center), |ui| {
            ui.set_min_width(room);
            ui.add(egui::Label::new(name).truncate());
        });
        if place.state != PlaceState::Live {
            let name = Label::TryAgain.text(scene.lang);
            if control::icon_button(ui, Icon::Retry, &name, State::Ready).clicked() {
                wishes.push(Wish::Ask(Request::Retry(place.id)));
            }
        }
        let rename = Label::Rename.text(scene.lang);
        let state = State::ready(place.state == PlaceState::Live);
        if control::icon_button(ui, Icon::Pencil, &rename, state).clicked() {
            view.dialog = Some(Dialog::Rename(place.id, place.device.clone()));
        }
        let forget = Label::Forget.with(scene.lang, &[("place", &place.name)]);
        if control::icon_button(ui, Icon::Trash, &forget, State::Ready).clicked() {
            view.dialog = Some(Dialog::Forget(place.id));
        }
    });
    ui.horizontal(|ui| {
        control::status(ui, shape, colour);
        ui.colored_label(palette.muted, word.text(scene.lang));
    });
    mode_ui(ui, scene, wishes, place);
    if let Some(sentence) = place.sentence.as_ref().filter(|_| place.state != PlaceState::Live) {
        control::muted(ui, sentence.text(scene.lang));
    }
    for camera in &place.cameras {
        camera_ui(ui, scene, wishes, place, camera);
    }
    if !place.watching.is_empty() {
        let (count, names) = (place.watching.len().to_string(), place.watching.join(", "));
        // In French one is singular.
        let label = if place.watching.len() == 1 { Label::WatchingOne } else { Label::Watching };
        control::muted(ui, label.with(scene.lang, &[("n", &count), ("names", &names)]));
    }
}

/// How the house is watched over: a menu for who may change it, a word for the others.
fn mode_ui(ui: &mut Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>, place: &Place) {
    let Some(mode) = place.mode.filter(|_| place.state == PlaceState::Live) else { return };
    let word = mode_label(mode).text(scene.lang);
    let name = Label::ModeOf.with(scene.lang, &[("place", &place.name), ("mode", &word)]);
    if !place.roles.contains(&May::Admin) {
        control::muted(ui, word);
        return;
    }
    let menu = egui::ComboBox::from_id_salt("mode").selected_text(&word).width(ui.available_width() - 8.0);
    let response = menu.show_ui(ui, |ui| {
        for choice in [HouseMode::Home, HouseMode::Away, HouseMode::Privacy] {
            if ui.selectable_label(choice == mode, mode_label(choice).text(scene.lang)).clicked() && choice != mode {
                wishes.push(Wish::Ask(Request::Mode(place.id, choice)));
            }
        }
    });
    response.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, &name));
    response.response.on_hover_text(Label::ModeHow.text(scene.lang));
}

fn mode_label(mode: HouseMode) -> Label {
    match mode {
        HouseMode::Home => Label::ModeHome,
        HouseMode::Away => Label::ModeAway,
        HouseMode::Privacy => Label::ModePrivacy,
    }
}

/// A camera's row: a click shows it (or selects it where it is shown), a drag puts it into a place.
fn camera_ui(ui: &mut Ui, scene: &Scene<'_>, wishes: &mut Vec<Wish>, place: &Place, camera: &Camera) {
    let key = CameraKey { place: place.id, camera: camera.id.clone() };
    let settings = &scene.model.settings;
    let selected = settings.selected.as_ref() == Some(&key);
    let state = tile::state_label(scene.model, &key);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click_and_drag());
    let palette = theme::palette(ui.visuals());
    // What is looked back at is not live here, whatever its streamer says.
    let past = toolbar::in_past(scene, &key);
    let word = if past { Word::InPast.text(scene.lang) } else { state.text(scene.lang) };
    let recorded = tile::recorded(scene.model, &key, scene.lang);
    let said = [Some(camera.name.clone()), Some(word.clone()), recorded.clone()];
    let said = said.into_iter().flatten().collect::<Vec<_>>().join(". ");
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, selected, &said));
    let fill = if selected || response.hovered() { palette.raised } else { Color32::TRANSPARENT };
    ui.painter().rect_filled(rect, CONTROL_RADIUS, fill);
    let (shape, colour) = match state {
        _ if past => (Status::Past, palette.past),
        Label::StateLive => (Status::Live, palette.live),
        Label::StatePaused | Label::StatePrivacy => (Status::Paused, palette.muted),
        Label::StateTrouble | Label::StateWaiting => (Status::Trouble, palette.warning),
        _ => (Status::Reconnecting, palette.motion),
    };
    let mark = egui::Rect::from_center_size(egui::pos2(rect.left() + 15.0, rect.center().y), vec2(14.0, 14.0));
    shape.paint(ui.painter(), mark, colour);
    let painter = ui.painter_at(rect.shrink2(vec2(6.0, 0.0)));
    let mut right = rect.right() - 8.0;
    if recorded.is_some() {
        right -= 14.0;
        let mark = egui::Rect::from_min_size(egui::pos2(right, rect.center().y - 7.0), vec2(14.0, 14.0));
        Status::Recording.paint(&painter, mark, palette.danger);
        right -= 8.0;
    }
    if past || state != Label::StateLive {
        let galley = painter.layout_no_wrap(word.clone(), FontId::proportional(12.0), palette.muted);
        right -= galley.size().x;
        painter.galley(egui::pos2(right, rect.center().y - galley.size().y / 2.0), galley, palette.muted);
        right -= 8.0;
    }
    let mut name =
        egui::text::LayoutJob::simple_singleline(camera.name.clone(), FontId::proportional(14.0), palette.text);
    name.wrap.max_width = (right - rect.left() - 30.0).max(20.0);
    name.wrap.max_rows = 1;
    let galley = painter.layout_job(name);
    painter.galley(egui::pos2(rect.left() + 30.0, rect.center().y - galley.size().y / 2.0), galley, palette.text);
    control::focus_ring(ui, &response, rect);
    if response.drag_started() {
        response.dnd_set_drag_payload(key.clone());
    }
    if response.double_clicked() {
        wishes.push(Wish::Ask(Request::Enlarge(Some(key))));
    } else if response.clicked() {
        let shown = settings.large.is_none() && scene.model.shown().contains(&Some(&key));
        if shown {
            wishes.push(Wish::Ask(Request::Select(key)));
        } else if settings.large.is_some() {
            wishes.push(Wish::Ask(Request::Enlarge(Some(key))));
        } else {
            let at = (0..settings.layout.places()).find(|at| settings.placed(*at).is_none()).unwrap_or(0);
            wishes.push(Wish::Ask(Request::Place { camera: key.clone(), at }));
            wishes.push(Wish::Ask(Request::Select(key)));
        }
    }
}
