//! What a person wishes, and how a pairing ends.

use std::time::Instant;

use super::super::model::{Pairing, PlaceState};
use super::super::request::{Recording, Request, Unreadable, Wanted};
use super::{Effect, State};
use crate::settings::Placed;
use crate::store::{self, PlaceId};
use crate::words::Sentence;

impl State {
    /// A person wants something.
    pub fn handle_request(&mut self, now: Instant, request: Request) {
        match request {
            Request::Pair(link) => {
                self.model.pairing = Pairing::Working;
                self.effects.push_back(Effect::Pair(link));
            }
            Request::BadLink(why) => self.model.pairing = Pairing::Failed(unreadable(&why)),
            Request::CancelPairing => {
                self.model.pairing = Pairing::Idle;
                self.effects.push_back(Effect::CancelPairing);
            }
            Request::Retry(place) => {
                if self.model.place(place).is_some_and(|p| p.state != PlaceState::Live) {
                    self.connect(place);
                }
            }
            Request::Forget(place) => self.forget(now, place),
            Request::Rename(place, name) => self.effects.push_back(Effect::Rename { place, name }),
            Request::Mode(place, mode) => self.effects.push_back(Effect::SetMode { place, mode }),
            Request::Visible(visible) => {
                self.visible = visible;
                self.plan();
            }
            Request::Layout(layout) => {
                self.model.settings.layout = layout;
                self.model.settings.large = None;
                self.keep(now);
            }
            Request::Place { camera, at } => {
                self.put(camera, at);
                self.keep(now);
            }
            Request::Clear { at } => {
                if let Some(place) = self.model.settings.grid.get_mut(at) {
                    *place = Placed::default();
                }
                self.keep(now);
            }
            Request::Select(camera) => {
                self.model.settings.selected = Some(camera);
                self.sound();
                self.keep(now);
            }
            Request::Enlarge(camera) => {
                if let Some(camera) = &camera {
                    self.model.settings.selected = Some(camera.clone());
                }
                self.model.settings.large = camera;
                self.sound();
                self.keep(now);
            }
            Request::Sound(camera, sound) => {
                self.model.settings.set_sound(&camera, sound);
                if sound.on {
                    self.model.settings.selected = Some(camera);
                }
                self.sound();
                self.keep(now);
            }
            Request::Snapshot(camera) => self.effects.push_back(Effect::Snapshot(camera)),
            Request::Record(camera, Recording::Start) => self.effects.push_back(Effect::Record(camera)),
            Request::Record(camera, Recording::Stop) => self.effects.push_back(Effect::StopRecording(camera)),
            Request::Theme(theme) => {
                self.model.settings.theme = theme;
                self.keep(now);
            }
            Request::Language(language) => {
                self.model.settings.language = language;
                self.keep(now);
            }
            Request::SingleKeys(keys) => {
                self.model.settings.single_keys = keys;
                self.keep(now);
            }
            Request::Notify(notify) => {
                self.model.settings.notify = notify;
                self.keep(now);
            }
            Request::Bell(camera, wanted) => {
                self.model.settings.set_bell(camera, wanted == Wanted::Yes);
                self.keep(now);
            }
            Request::Folder(folder) => {
                self.model.settings.folder = Some(folder);
                self.keep(now);
            }
            Request::WindowSize(size) => {
                self.model.settings.window = Some(size);
                self.keep(now);
            }
            Request::Kept(keystore) => self.model.keystore = keystore,
            Request::ComeForward => self.model.forward += 1,
            Request::Say(sentence) => self.notice(now, sentence),
            Request::DismissNotice => self.model.notice = None,
            Request::Stats(wanted) => {
                self.stats = wanted;
                self.measure_at = (wanted == Wanted::Yes).then_some(now);
                if wanted == Wanted::No {
                    self.model.stats = None;
                }
            }
            Request::Strip(wanted) => self.handle_strip(now, wanted),
            Request::Past(wish) => self.handle_past_wish(now, wish),
            Request::Quit => {
                if self.save_at.take().is_some() {
                    self.effects.push_back(Effect::Save(Box::new(self.model.settings.clone())));
                }
                self.effects.push_back(Effect::Quit);
            }
        }
        // Another camera may be selected now.
        self.follow(now);
        self.redraw();
    }

    /// A pairing ended.
    pub fn handle_paired(&mut self, now: Instant, result: Result<&store::Place, Sentence>) {
        match result {
            Ok(place) => {
                let sentence = Sentence::Paired { place: place.name.clone() };
                self.model.pairing = Pairing::Done { place: place.id(), sentence: sentence.clone() };
                self.add_place(place);
                self.connect(place.id());
                self.notice(now, sentence);
            }
            Err(sentence) => self.model.pairing = Pairing::Failed(sentence),
        }
        self.redraw();
    }

    pub(super) fn forget(&mut self, now: Instant, id: PlaceId) {
        let Some(place) = self.model.place(id) else { return };
        let said = Sentence::Forgotten { place: place.name.clone() };
        self.model.places.retain(|place| place.id != id);
        self.slots.remove(&id);
        self.listening.remove(&id);
        self.visible.retain(|(key, _)| key.place != id);
        let settings = &mut self.model.settings;
        for placed in &mut settings.grid {
            if placed.camera.as_ref().is_some_and(|key| key.place == id) {
                *placed = Placed::default();
            }
        }
        for kept in [&mut settings.selected, &mut settings.large] {
            if kept.as_ref().is_some_and(|key| key.place == id) {
                *kept = None;
            }
        }
        let prefix = format!("{id}/");
        settings.sounds.retain(|key, _| !key.starts_with(&prefix));
        settings.bells.retain(|key| key.place != id);
        self.moving.forget(id);
        self.model.moving.clone_from(self.moving.now());
        self.effects.push_back(Effect::Forget(id));
        self.sound();
        self.notice(now, said);
        self.keep(now);
    }
}

fn unreadable(why: &Unreadable) -> Sentence {
    match why {
        Unreadable::Incomplete => Sentence::LinkIncomplete,
        Unreadable::Newer => Sentence::LinkTooNew,
        Unreadable::NoCode => Sentence::NoCodeInImage,
        Unreadable::NoImage => Sentence::NoImage,
        Unreadable::Busy => Sentence::ScanBusy,
        Unreadable::NoWebcam => Sentence::NoWebcam,
    }
}
