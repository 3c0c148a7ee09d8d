//! Which camera stands where, what of it is received, and which one is heard.

use athome_shared::id::{CameraId, Layer};

use super::super::plan::{self, Change, Content};
use super::{Effect, State};
use crate::settings::{CameraKey, Layout, Placed};
use crate::store::PlaceId;

impl State {
    pub(super) fn put(&mut self, camera: CameraKey, at: usize) {
        if at >= Layout::Nine.places() {
            return;
        }
        let grid = &mut self.model.settings.grid;
        let from = grid.iter().position(|placed| placed.camera.as_ref() == Some(&camera));
        if grid.len() <= at {
            grid.resize(at + 1, Placed::default());
        }
        match from {
            Some(from) => grid.swap(from, at),
            None => {
                if let Some(place) = grid.get_mut(at) {
                    place.camera = Some(camera);
                }
            }
        }
    }

    /// Into the first empty place; the grid grows up to nine.
    pub(super) fn add_to_grid(&mut self, key: CameraKey) {
        let settings = &mut self.model.settings;
        let empty = (0..Layout::Nine.places()).find(|at| settings.placed(*at).is_none());
        let Some(at) = empty else { return };
        let first = settings.grid.iter().all(|placed| placed.camera.is_none());
        self.put(key, at);
        let settings = &mut self.model.settings;
        if first {
            settings.layout = Layout::One;
        } else if at >= settings.layout.places() {
            settings.layout = Layout::holding(at + 1);
        }
    }

    /// Brings the slots of every place to what is visible.
    pub(super) fn plan(&mut self) {
        for (place, change) in self.plan_only() {
            self.effects.push_back(match change {
                Change::Watch { slot, content } => Effect::Watch { place, slot, content },
                Change::Unwatch { slot } => Effect::Unwatch { place, slot },
            });
        }
    }

    pub(super) fn plan_only(&mut self) -> Vec<(PlaceId, Change)> {
        let mut all = Vec::new();
        let past = self.looked_back().cloned();
        for (place, slots) in &mut self.slots {
            let cameras = self.model.places.iter().find(|p| p.id == *place).map(|p| p.cameras.as_slice());
            let wanted = self.visible.iter().filter(|(key, _)| key.place == *place && past.as_ref() != Some(key));
            let wanted = wanted.map(|(key, width)| {
                let camera = cameras.unwrap_or_default().iter().find(|camera| camera.id == key.camera);
                let layer = camera.map_or(Layer::Full, |camera| plan::layer(camera, *width));
                let refused = self.refused.contains(&(key.clone(), layer));
                let layer = if refused { Layer::Full } else { layer };
                Content { camera: key.camera.clone(), layer }
            });
            let wanted: Vec<Content> = wanted.collect();
            all.extend(plan::plan(slots, &wanted).into_iter().map(|change| (*place, change)));
        }
        all
    }

    /// What is heard: the selected camera, if its sound is on and it is on the screen.
    pub(super) fn heard(&self) -> Option<(CameraKey, f32)> {
        let key = self.model.settings.selected.as_ref()?;
        let sound = self.model.settings.sound(key);
        let shown = self.model.shown().into_iter().flatten().any(|shown| shown == key);
        (sound.on && shown).then(|| (key.clone(), sound.volume))
    }

    pub(super) fn sound(&mut self) {
        let places: Vec<PlaceId> = self.listening.keys().copied().collect();
        for place in places {
            let wanted = self.sounds(place);
            let Some(slots) = self.listening.get_mut(&place) else { continue };
            for (slot, camera) in plan::plan_sounds(slots, &wanted) {
                self.effects.push_back(Effect::Listen { place, slot, camera });
            }
        }
        self.effects.push_back(Effect::Hear(self.heard()));
    }

    /// Whose sound a place has to send: of the camera that is heard, and of those that are recorded.
    pub(super) fn sounds(&self, place: PlaceId) -> Vec<CameraId> {
        // A film brings its own sound.
        let heard = self.heard().map(|(key, _)| key).filter(|key| self.looked_back() != Some(key));
        let audible = |key: &&CameraKey| self.model.camera(key).is_none_or(|camera| camera.audio);
        let recorded = self.model.recordings.keys().filter(|key| heard.as_ref() != Some(*key)).filter(audible);
        let all = heard.iter().chain(recorded).filter(|key| key.place == place);
        all.map(|key| key.camera.clone()).collect()
    }
}
