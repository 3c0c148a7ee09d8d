use std::time::Instant;

use athome_shared::id::{CameraId, Layer, MailboxId};
use athome_shared::protocol::control::{Camera, CameraState, Role};
use athome_shared::secret::Secret;

use super::{Effect, State};
use crate::controller::past::{Act, Wish};
use crate::controller::request::{Request, Wanted};
use crate::session::client::ClientEvent;
use crate::session::machine::{Event, Stage};
use crate::settings::{CameraKey, Settings, Sound};
use crate::store::{Keystore, Place, PlaceId};

const HOME: PlaceId = PlaceId([1; 32]);

fn place() -> Place {
    Place {
        name: "Home".to_owned(),
        streamer: HOME.0,
        mailbox: MailboxId([1; 16]),
        cap: Secret::new([7; 16]),
        psk: Secret::new([0x41; 32]),
        servers: vec!["ws://127.0.0.1:8080/ws".to_owned()],
        roles: vec![Role::View],
        device: "Anna's laptop".to_owned(),
        counter: 0,
    }
}

fn camera(name: &str) -> Camera {
    Camera {
        id: CameraId::slug(name),
        name: name.to_owned(),
        state: CameraState::Live,
        reason: None,
        retry_s: None,
        last_frame: None,
        width: 1_280,
        height: 720,
        fps: 30.0,
        audio: name != "mute",
        layers: vec![Layer::Full],
        recording: None,
    }
}

fn key(name: &str) -> CameraKey {
    CameraKey { place: HOME, camera: CameraId::slug(name) }
}

/// A place that is live, with three cameras, of which one has no sound.
fn live(now: Instant) -> State {
    let mut state = State::new(&[place()], Settings::default(), Keystore::File, None);
    state.handle_client(now, HOME, ClientEvent::Session(Event::Stage(Stage::Live)));
    let cameras = ["door", "yard", "mute"].map(camera).to_vec();
    state.handle_client(now, HOME, ClientEvent::Session(Event::Cameras(cameras)));
    while state.poll_effect().is_some() {}
    state
}

/// What was asked of the place's sound slots.
fn listened(state: &mut State) -> Vec<(u8, Option<String>)> {
    let mut all = Vec::new();
    while let Some(effect) = state.poll_effect() {
        if let Effect::Listen { slot, camera, .. } = effect {
            all.push((slot, camera.map(|camera| camera.to_string())));
        }
    }
    all
}

#[test]
fn a_recorded_camera_sends_its_sound_whether_it_is_heard_or_not() {
    let now = Instant::now();
    let mut state = live(now);
    let of = |slot: u8, name: &str| (slot, Some(name.to_owned()));
    // The control: a camera that is only watched sends none.
    assert_eq!(listened(&mut state), []);
    state.handle_recording(now, key("yard"), Ok("yard.mp4".into()));
    assert_eq!(listened(&mut state), [of(0, "yard")]);
    // Another one is heard: the recording's sound goes on untouched.
    state.handle_request(now, Request::Sound(key("door"), Sound { on: true, volume: 1.0 }));
    assert_eq!(listened(&mut state), [of(1, "door")]);
    state.handle_recording(now, key("mute"), Ok("mute.mp4".into()));
    assert_eq!(listened(&mut state), [], "a camera without sound");
    // The connection is made anew: all of it is asked for again.
    state.handle_client(now, HOME, ClientEvent::Session(Event::Stage(Stage::Live)));
    assert_eq!(listened(&mut state), [of(0, "door"), of(1, "yard")]);
    state.handle_recorded(now, &key("yard"), None);
    assert_eq!(listened(&mut state), [(1, None)]);
}

/// What is done for looking back, and what changes of what is received, as words.
fn done(state: &mut State) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(effect) = state.poll_effect() {
        match effect {
            Effect::Watch { content, .. } => all.push(format!("watch {}", content.camera)),
            Effect::Unwatch { slot, .. } => all.push(format!("unwatch {slot}")),
            Effect::Listen { camera, .. } => all.push(format!("listen {camera:?}")),
            Effect::Past { act: Act::List(_), .. } => all.push("list".to_owned()),
            Effect::Past { act: Act::Film { .. }, camera, .. } => all.push(format!("film of {}", camera.camera)),
            Effect::Past { act: Act::Cut, .. } => all.push("cut".to_owned()),
            _ => {}
        }
    }
    all
}

#[test]
fn a_camera_in_the_past_is_not_received_and_is_again_at_once() {
    let now = Instant::now();
    let mut state = live(now);
    state.handle_request(now, Request::Strip(Wanted::Yes));
    assert!(state.model().past.is_none(), "who may not look back gets no strip");
    let hello =
        |roles| ClientEvent::Session(Event::Hello { place: "Home".to_owned(), device: "Laptop".to_owned(), roles });
    state.handle_client(now, HOME, hello(vec![Role::View, Role::Playback]));
    assert!(state.model().past.as_ref().is_some_and(|past| !past.on && past.camera == key("door")));
    assert_eq!(done(&mut state), ["list"]);
    state.handle_request(now, Request::Sound(key("door"), Sound { on: true, volume: 1.0 }));
    done(&mut state);
    let at = state.model().past.as_ref().map_or(0, |past| past.at) - 60_000;
    state.handle_request(now, Request::Past(Wish::Seek { at, play: Some(true) }));
    let seen = done(&mut state);
    assert_eq!(seen, ["unwatch 0", "listen None", "film of door"], "live rests, the film begins");
    state.handle_request(now, Request::Past(Wish::Live));
    assert_eq!(done(&mut state), ["cut", "watch door", "listen Some(CameraId(\"door\"))"]);
    // Another camera is selected while this one is in the past: that ends.
    state.handle_request(now, Request::Past(Wish::Seek { at, play: Some(true) }));
    done(&mut state);
    state.handle_request(now, Request::Select(key("yard")));
    assert!(state.model().past.as_ref().is_some_and(|past| !past.on && past.camera == key("yard")));
    let seen = done(&mut state);
    assert!(seen.contains(&"watch door".to_owned()) && seen.contains(&"cut".to_owned()), "{seen:?}");
    // What is being saved here goes on being received.
    state.handle_request(now, Request::Select(key("door")));
    state.handle_recording(now, key("door"), Ok("door.mp4".into()));
    done(&mut state);
    state.handle_request(now, Request::Past(Wish::Seek { at, play: Some(true) }));
    assert!(!done(&mut state).iter().any(|word| word.starts_with("unwatch")));
    state.handle_request(now, Request::Strip(Wanted::No));
    assert!(state.model().past.is_none());
}
