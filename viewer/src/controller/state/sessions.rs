//! What the places' clients say: where each session is, which cameras a place has, and what of them went away.

use std::collections::BTreeSet;
use std::time::Instant;

use athome_shared::id::{CameraId, Layer};
use athome_shared::protocol::control::{Camera, RefusedWhy};
use athome_shared::protocol::house::HouseMode;
use athome_shared::protocol::wire::WatchWish;

use super::super::model::{self, PlaceState};
use super::super::plan::{self, Content};
use super::super::stats::SlotFigures;
use super::{Effect, State};
use crate::session::client::ClientEvent;
use crate::session::machine::{Event, Stage};
use crate::settings::{CameraKey, Placed};
use crate::store::{self, PlaceId};
use crate::words::Sentence;

impl State {
    /// A place's client says something.
    pub fn handle_client(&mut self, now: Instant, id: PlaceId, event: ClientEvent) {
        match event {
            ClientEvent::Say(sentence) => {
                // Why a connection ends is said before it has ended.
                if let Some(place) = self.place_mut(id) {
                    place.sentence = Some(sentence);
                }
            }
            ClientEvent::Ended { again, .. } => {
                if let Some(place) = self.place_mut(id) {
                    place.state = if again { PlaceState::Waiting } else { PlaceState::Stopped };
                    place.watching.clear();
                }
                self.moving.handle_end(id);
                self.model.moving.clone_from(self.moving.now());
                self.look(now);
            }
            ClientEvent::Session(event) => self.handle_session(now, id, event),
        }
        self.redraw();
    }

    pub(super) fn handle_session(&mut self, now: Instant, id: PlaceId, event: Event) {
        match event {
            Event::Stage(stage) => {
                if stage == Stage::Live {
                    // A new session plays its first camera or nothing, whatever the last one played.
                    self.listening.insert(id, vec![None; usize::from(plan::SOUNDS)]);
                    self.sound();
                    let key = self.past.as_ref().map(|back| back.camera().clone());
                    if let Some(key) = key.filter(|key| key.place == id) {
                        self.with_past(now, &key, |back| back.handle_session(now));
                    }
                }
                if let Some(place) = self.place_mut(id) {
                    match stage {
                        Stage::Proving | Stage::Connecting => place.state = PlaceState::Connecting,
                        Stage::Live => {
                            place.state = PlaceState::Live;
                            place.sentence = None;
                        }
                        Stage::Closing => {}
                    }
                }
            }
            Event::Hello { place: name, device, roles } => {
                if let Some(place) = self.place_mut(id) {
                    place.roles = roles;
                    if (&place.name, &place.device) != (&name, &device) {
                        (place.name, place.device) = (name.clone(), device.clone());
                        self.effects.push_back(Effect::Keep { place: id, name, device });
                    }
                }
            }
            Event::Cameras(cameras) => self.handle_cameras(now, id, cameras),
            Event::Watching(names) => {
                if let Some(place) = self.place_mut(id) {
                    place.watching = names;
                }
            }
            Event::Mode(mode) => {
                if let Some(place) = self.place_mut(id) {
                    place.mode = Some(mode);
                }
            }
            Event::Motion { camera, moving } => {
                let key = CameraKey { place: id, camera };
                let worth_telling = self.moving.handle_motion(now, &key, moving);
                self.model.moving.clone_from(self.moving.now());
                if !moving {
                    self.with_past(now, &key, |back| back.handle_motion(now));
                }
                // Whoever is at home needs no word of it.
                let at_home = self.model.place(id).is_some_and(|place| place.mode == Some(HouseMode::Home));
                if worth_telling && !at_home && self.model.settings.bells.contains(&key) {
                    self.tell(key, |camera, place| Sentence::CameraMoves { camera, place });
                }
            }
            Event::SlotStats { slot, encode_us, hub_us, send_us, .. } => {
                if let Some(Some(content)) = self.slots.get(&id).and_then(|slots| slots.get(usize::from(slot))) {
                    let key = CameraKey { place: id, camera: content.camera.clone() };
                    self.figures.insert(key, SlotFigures { encode_us, send_us: hub_us.saturating_add(send_us) });
                }
            }
            Event::Attached(_)
            | Event::Detached { .. }
            | Event::Reply { .. }
            | Event::BulkBegin { .. }
            | Event::BulkEnd { .. } => {}
        }
        self.follow(now);
        self.look(now);
    }

    pub(super) fn handle_cameras(&mut self, now: Instant, id: PlaceId, cameras: Vec<Camera>) {
        let Some(place) = self.place_mut(id) else { return };
        let known: BTreeSet<CameraId> = place.cameras.iter().map(|camera| camera.id.clone()).collect();
        place.cameras = cameras;
        let ids: Vec<CameraId> = place.cameras.iter().map(|camera| camera.id.clone()).collect();
        let settings = &mut self.model.settings;
        let before = settings.clone();
        // A camera that its streamer no longer has.
        for placed in &mut settings.grid {
            if placed.camera.as_ref().is_some_and(|key| key.place == id && !ids.contains(&key.camera)) {
                *placed = Placed::default();
            }
        }
        if settings.large.as_ref().is_some_and(|key| key.place == id && !ids.contains(&key.camera)) {
            settings.large = None;
        }
        // A place that shows nothing yet shows all it has; later its new cameras are added.
        let shows = settings.grid.iter().flat_map(|p| &p.camera).any(|key| key.place == id);
        let new = ids.iter().filter(|camera| if known.is_empty() { !shows } else { !known.contains(camera) });
        let new: Vec<CameraKey> = new.map(|camera| CameraKey { place: id, camera: camera.clone() }).collect();
        for key in new {
            self.add_to_grid(key);
        }
        let settings = &mut self.model.settings;
        if settings.selected.is_none() {
            settings.selected = settings.grid.iter().find_map(|placed| placed.camera.clone());
        }
        if *settings != before {
            self.keep(now);
        }
        // Until the window says what is on the screen, the grid is.
        let missing: Vec<_> = self.model.shown().into_iter().flatten().cloned().collect();
        for key in missing {
            if !self.visible.iter().any(|(visible, _)| *visible == key) {
                self.visible.push((key, u32::MAX));
            }
        }
        self.plan();
        self.sound();
    }

    /// A request for a slot was refused; `None` if it was carried out.
    pub fn handle_reply(&mut self, place: PlaceId, slot: u8, content: Content, refused: Option<RefusedWhy>) {
        if refused.is_none() {
            return;
        }
        let held = self.slots.get_mut(&place).and_then(|slots| slots.get_mut(usize::from(slot)));
        let Some(held) = held.filter(|held| held.as_ref() == Some(&content)) else { return };
        *held = None;
        if refused == Some(RefusedWhy::Unavailable) && content.layer == Layer::Small {
            self.refused.insert((CameraKey { place, camera: content.camera }, content.layer));
            self.plan();
        }
    }

    pub(super) fn add_place(&mut self, place: &store::Place) {
        let row = model::Place {
            id: place.id(),
            name: place.name.clone(),
            device: place.device.clone(),
            roles: place.roles.clone(),
            state: PlaceState::Connecting,
            sentence: Some(Sentence::Finding),
            cameras: Vec::new(),
            mode: None,
            watching: Vec::new(),
        };
        self.model.places.retain(|known| known.id != row.id);
        self.slots.entry(row.id).or_insert_with(|| vec![None; usize::from(plan::SLOTS)]);
        self.model.places.push(row);
    }

    pub(super) fn connect(&mut self, id: PlaceId) {
        self.plan_only();
        let wishes = self.slots.get(&id).into_iter().flatten().enumerate().filter_map(|(slot, content)| {
            let content = content.as_ref()?;
            Some(WatchWish { slot: slot as u8, camera: Some(content.camera.clone()), layer: content.layer })
        });
        let watch = wishes.collect();
        let listen = self.sounds(id).into_iter().next();
        self.listening.insert(id, vec![None; usize::from(plan::SOUNDS)]);
        if let Some(place) = self.place_mut(id) {
            place.state = PlaceState::Connecting;
            place.sentence = Some(Sentence::Finding);
        }
        self.effects.push_back(Effect::Connect { place: id, watch, listen });
    }

    /// Notices which watched cameras are away, or back.
    pub(super) fn look(&mut self, now: Instant) {
        let shown: Vec<CameraKey> = self.model.settings.grid.iter().filter_map(|p| p.camera.clone()).collect();
        let model = &self.model;
        let back = self.watchdog.handle_look(now, &shown, |key| {
            let place = model.place(key.place)?;
            model.camera(key).map(|camera| (place.state, camera.state))
        });
        for camera in back {
            self.tell(camera, |camera, place| Sentence::CameraBack { camera, place });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use athome_shared::id::{CameraId, Layer};
    use athome_shared::protocol::control::{Camera, CameraState};
    use athome_shared::protocol::house::HouseMode;

    use super::super::{Effect, State};
    use crate::controller::request::{Request, Wanted};
    use crate::session::client::ClientEvent;
    use crate::session::ended::Ended;
    use crate::session::machine::{Event, Stage};
    use crate::settings::{CameraKey, Notify, Settings};
    use crate::store::tests::place;
    use crate::store::{Keystore, PlaceId};
    use crate::words::Sentence;

    const HOME: PlaceId = PlaceId([1; 32]);

    fn door() -> Camera {
        Camera {
            id: CameraId::slug("Door"),
            name: "Door".to_owned(),
            state: CameraState::Live,
            reason: None,
            retry_s: None,
            last_frame: None,
            width: 1_280,
            height: 720,
            fps: 30.0,
            audio: false,
            layers: vec![Layer::Full],
            recording: None,
        }
    }

    /// What the desktop is told.
    fn told(state: &mut State) -> Vec<Sentence> {
        let effects = std::iter::from_fn(|| state.poll_effect());
        let told = effects.filter_map(|effect| match effect {
            Effect::Notify { sentence, .. } => Some(sentence),
            _ => None,
        });
        told.collect()
    }

    #[test]
    fn the_desktop_is_told_of_a_camera_that_went_away_and_of_its_return() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut state = State::new(&[place(1, "Home")], Settings::default(), Keystore::File, None);
        state.handle_client(at(0), HOME, ClientEvent::Session(Event::Stage(Stage::Live)));
        state.handle_client(at(0), HOME, ClientEvent::Session(Event::Cameras(vec![door()])));
        let lost = || ClientEvent::Ended { ended: Ended::Offline, again: true };
        let back = || ClientEvent::Session(Event::Stage(Stage::Live));
        let names = || ("Door".to_owned(), "Home".to_owned());
        // A short break is not worth a word.
        state.handle_client(at(1), HOME, lost());
        state.handle_client(at(5), HOME, back());
        state.handle_timeout(at(20));
        assert_eq!(told(&mut state), []);
        state.handle_client(at(30), HOME, lost());
        state.handle_timeout(at(41));
        let (camera, place) = names();
        assert_eq!(told(&mut state), [Sentence::CameraAway { camera, place }]);
        state.handle_client(at(60), HOME, back());
        let (camera, place) = names();
        assert_eq!(told(&mut state), [Sentence::CameraBack { camera, place }]);
        // Nor to somebody who wants to hear nothing.
        state.handle_request(at(61), Request::Notify(Notify::Off));
        state.handle_client(at(62), HOME, lost());
        state.handle_timeout(at(90));
        state.handle_client(at(91), HOME, back());
        assert_eq!(told(&mut state), []);
    }

    #[test]
    fn movement_is_told_of_cameras_with_a_bell_only_and_shown_of_all() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut state = State::new(&[place(1, "Home")], Settings::default(), Keystore::File, None);
        let key = CameraKey { place: HOME, camera: door().id };
        let moves = |moving| ClientEvent::Session(Event::Motion { camera: door().id, moving });
        state.handle_client(at(0), HOME, ClientEvent::Session(Event::Stage(Stage::Live)));
        state.handle_client(at(0), HOME, ClientEvent::Session(Event::Cameras(vec![door()])));
        state.handle_client(at(1), HOME, moves(true));
        assert_eq!(told(&mut state), [], "nobody asked for it");
        assert!(state.model().moving.contains(&key));
        state.handle_client(at(2), HOME, moves(false));
        assert!(state.model().moving.is_empty());
        state.handle_request(at(3), Request::Bell(key.clone(), Wanted::Yes));
        state.handle_client(at(100), HOME, moves(true));
        let (camera, place) = ("Door".to_owned(), "Home".to_owned());
        assert_eq!(told(&mut state), [Sentence::CameraMoves { camera, place }]);
        state.handle_client(at(100), HOME, moves(false));
        state.handle_client(at(200), HOME, ClientEvent::Session(Event::Mode(HouseMode::Home)));
        state.handle_client(at(200), HOME, moves(true));
        assert_eq!(told(&mut state), [], "somebody is at home");
        state.handle_client(at(201), HOME, ClientEvent::Ended { ended: Ended::Offline, again: true });
        assert!(state.model().moving.is_empty(), "nothing is known any more");
        state.handle_request(at(202), Request::Bell(key, Wanted::No));
        state.handle_client(at(300), HOME, moves(true));
        assert_eq!(told(&mut state), []);
    }
}
