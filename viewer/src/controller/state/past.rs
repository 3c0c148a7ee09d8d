//! The strip: which camera it is about, and what its looking back means for what is received and heard.

use std::time::Instant;

use athome_shared::protocol::control::Role;
use athome_shared::protocol::past;

use super::super::past::{Act, Back, Told, Unanswered, Wish};
use super::super::request::Wanted;
use super::{Effect, State};
use crate::past::Ms;
use crate::past::scrub::{Ask, Held};
use crate::past::spans::Span;
use crate::play::planes::Planes;
use crate::settings::CameraKey;
use crate::store::PlaceId;
use std::sync::Arc;

impl State {
    /// What a place's clock shows now.
    pub fn handle_clock(&mut self, now: Instant, place: PlaceId, wall: Ms) {
        self.clocks.insert(place, (now, wall));
        if let Some(back) = self.past.as_mut().filter(|back| back.camera().place == place) {
            back.handle_clock(now, wall);
        }
    }

    /// The answer to [`Act::List`].
    pub fn handle_list(&mut self, now: Instant, key: &CameraKey, range: Span, told: Result<&past::Past, Unanswered>) {
        self.with_past(now, key, |back| back.handle_list(now, range, told));
    }

    /// The answer to [`Act::Picture`].
    pub fn handle_picture(&mut self, now: Instant, key: &CameraKey, ask: Ask, got: Result<Held<Arc<Planes>>, bool>) {
        self.with_past(now, key, |back| back.handle_picture(now, ask, got));
    }

    /// A film tells something.
    pub fn handle_film(&mut self, now: Instant, key: &CameraKey, turn: u64, told: Told) {
        self.with_past(now, key, |back| back.handle_film(now, turn, told));
    }

    pub(super) fn handle_past_wish(&mut self, now: Instant, wish: Wish) {
        if let Some(key) = self.past.as_ref().map(|back| back.camera().clone()) {
            self.with_past(now, &key, |back| back.handle_wish(now, wish));
        }
    }

    pub(super) fn handle_strip(&mut self, now: Instant, wanted: Wanted) {
        self.strip = wanted;
        self.follow(now);
    }

    /// Whether this device may look back there.
    pub(super) fn may_look_back(&self, place: PlaceId) -> bool {
        let roles = self.model.place(place).map(|place| place.roles.as_slice()).unwrap_or_default();
        roles.contains(&Role::Playback) || roles.contains(&Role::Admin)
    }

    /// The strip is of the selected camera, where this device may look back; a change of camera ends its looking back.
    pub(super) fn follow(&mut self, now: Instant) {
        let selected = self.model.settings.selected.clone().filter(|_| self.strip == Wanted::Yes);
        let wanted = selected.filter(|key| self.may_look_back(key.place) && self.model.camera(key).is_some());
        if self.past.as_ref().map(Back::camera) == wanted.as_ref() {
            return;
        }
        if let Some(key) = self.past.as_ref().map(|back| back.camera().clone()) {
            self.with_past(now, &key, |back| back.handle_wish(now, Wish::Live));
        }
        self.past = wanted.map(|key| {
            let wall = self
                .clocks
                .get(&key.place)
                .map(|(at, wall)| wall + Ms::try_from(now.saturating_duration_since(*at).as_millis()).unwrap_or(0));
            let fps = self.model.camera(&key).map_or(0.0, |camera| f64::from(camera.fps));
            Back::new(now, key, wall.unwrap_or_else(|| athome_shared::time::WallTime::now().unix_ms()), fps)
        });
        self.carry_past(now);
    }

    /// The camera that is in the past, and so not received.
    pub(super) fn looked_back(&self) -> Option<&CameraKey> {
        let key = self.past.as_ref().filter(|back| back.on()).map(Back::camera)?;
        // What is being recorded here goes on being received.
        (!self.model.recordings.contains_key(key)).then_some(key)
    }

    pub(super) fn with_past(&mut self, now: Instant, key: &CameraKey, act: impl FnOnce(&mut Back)) {
        if let Some(back) = self.past.as_mut().filter(|back| back.camera() == key) {
            act(back);
            self.carry_past(now);
        }
    }

    pub(super) fn carry_past(&mut self, _now: Instant) {
        while let Some((camera, act)) = self.past.as_mut().and_then(|b| b.poll_act().map(|a| (b.camera().clone(), a))) {
            if act == Act::Received {
                self.plan();
                self.sound();
            } else {
                self.effects.push_back(Effect::Past { camera, act });
            }
        }
        self.model.past = self.past.as_ref().map(|back| back.view().clone());
        self.redraw();
    }
}
