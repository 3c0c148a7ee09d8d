//! The window's decisions, with time moved by hand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, Layer};
use athome_shared::protocol::control::{Camera, CameraReason, CameraState, Role};
use athome_shared::time::WallTime;

use super::{Action, Figures, NOTICE, Outcome, State};
use crate::camera::settings::Wanted;
use crate::config::CameraConfig;
use crate::serve::{self, Invitation, ViewerRow};
use crate::window::model::{Chosen, Code, Kept, Login, OnClose, Request, Theme, Tray};
use crate::window::tray::Mark;
use crate::words::Lang;
use crate::words::window::Label;

fn camera(name: &str, state: CameraState) -> Camera {
    Camera {
        id: CameraId::slug(name),
        name: name.to_owned(),
        state,
        reason: (state == CameraState::Backoff).then_some(CameraReason::Gone),
        retry_s: None,
        last_frame: None,
        width: 1280,
        height: 720,
        fps: 30.0,
        audio: true,
        layers: vec![Layer::Full],
        recording: None,
    }
}

fn config(name: &str) -> CameraConfig {
    CameraConfig::new(name, "test:1".parse().expect("a camera"))
}

fn door() -> CameraId {
    CameraId::slug("Door")
}

/// Two cameras that are live, and a window that is open.
fn open() -> State {
    let mut state = State::new(Lang::English, "Home".to_owned(), Kept::default(), Login::Off);
    state.handle_cameras(
        &[camera("Door", CameraState::Live), camera("Yard", CameraState::Live)],
        &[config("Door"), config("Yard")],
    );
    let now = Instant::now();
    assert_eq!(state.handle_request(now, Request::Open), [Action::OpenWindow, Action::LookForDevices]);
    assert_eq!(state.handle_request(now, Request::Opened), []);
    state
}

fn ask(state: &mut State, request: Request) -> Vec<Action> {
    state.handle_request(Instant::now(), request)
}

fn invitation() -> serve::Code {
    let link = "http://192.168.1.5:8080/#1AQswVXqf".to_owned();
    serve::Code::Open(Arc::new(Invitation { link, roles: vec![Role::View], uses: 1, expires: WallTime(9) }))
}

#[test]
fn a_window_is_opened_once_and_then_brought_to_the_front() {
    let mut state = open();
    assert!(state.open());
    let before = state.model().raised;
    assert_eq!(ask(&mut state, Request::Open), [], "no second window");
    assert_eq!(state.model().raised, before + 1);
    ask(&mut state, Request::Closed);
    assert!(!state.open());
    assert_eq!(ask(&mut state, Request::Open)[0], Action::OpenWindow);
    // Asked for again before it is there: still one.
    assert_eq!(ask(&mut state, Request::Open), []);
}

#[test]
fn pictures_are_decoded_only_while_they_can_be_seen() {
    let mut state = open();
    assert_eq!(state.watched(), Some(&door()));
    ask(&mut state, Request::Select(CameraId::slug("Yard")));
    assert_eq!(state.watched(), Some(&CameraId::slug("Yard")));
    for (hide, show) in [(Request::Visible(false), Request::Visible(true)), (Request::ShowCode, Request::HideCode)] {
        ask(&mut state, hide);
        assert_eq!(state.watched(), None);
        ask(&mut state, show);
        assert!(state.watched().is_some());
    }
    ask(&mut state, Request::Closed);
    assert_eq!(state.watched(), None);
}

#[test]
fn a_choice_is_a_change_of_the_selected_camera() {
    let mut state = open();
    let wanted = |wanted| vec![Action::Change(door(), wanted)];
    let source = Wanted { source: Some("webcam:2".parse().expect("a camera")), ..Wanted::default() };
    assert_eq!(ask(&mut state, Request::Source("webcam:2".to_owned())), wanted(source));
    let audio = Wanted { audio: Some("none".parse().expect("a microphone")), ..Wanted::default() };
    assert_eq!(ask(&mut state, Request::Microphone("none".to_owned())), wanted(audio));
    let size = Wanted { size: Some(Some((640, 360))), ..Wanted::default() };
    assert_eq!(ask(&mut state, Request::Size(Some((640, 360)))), wanted(size));
    let rate = Wanted { fps: Some(None), ..Wanted::default() };
    assert_eq!(ask(&mut state, Request::Rate(None)), wanted(rate));
    // What names nothing changes nothing, and says so.
    assert_eq!(ask(&mut state, Request::Source("nonsense".to_owned())), []);
    assert_eq!(state.model().notice.expect("a sentence").label, Label::Failed);
    // The camera that is gone is not selected, and one that goes is left.
    ask(&mut state, Request::Select(CameraId::slug("Attic")));
    assert_eq!(state.selected(), Some(&door()));
    state.handle_cameras(&[camera("Yard", CameraState::Live)], &[config("Yard")]);
    assert_eq!(state.selected(), Some(&CameraId::slug("Yard")));
    assert!(state.model().menus.sources.iter().any(|choice| choice.chosen == Chosen::Yes));
}

#[test]
fn all_are_paused_or_resumed_and_those_that_are_already_are_left_alone() {
    let mut state = open();
    let active =
        |name: &str, active| Action::Change(CameraId::slug(name), Wanted { active: Some(active), ..Wanted::default() });
    assert_eq!(ask(&mut state, Request::PauseAll), [active("Door", false), active("Yard", false)]);
    assert_eq!(ask(&mut state, Request::ResumeAll), []);
    state.handle_cameras(
        &[camera("Door", CameraState::Stopped), camera("Yard", CameraState::Live)],
        &[config("Door"), config("Yard")],
    );
    assert_eq!(ask(&mut state, Request::PauseAll), [active("Yard", false)]);
    assert_eq!(ask(&mut state, Request::ResumeAll), [active("Door", true)]);
}

#[test]
fn the_light_is_off_only_once_every_device_is_closed() {
    let mut state = open();
    let stopped = [camera("Door", CameraState::Stopped), camera("Yard", CameraState::Live)];
    state.handle_cameras(&stopped, &[]);
    assert!(!state.model().cameras[0].released, "not claimed before it is known");
    let figures = |released| Figures { cameras: vec![(0, released), (9, false)], level: None };
    state.handle_figures(&figures(false));
    assert!(!state.model().cameras[0].released);
    state.handle_figures(&figures(true));
    assert!(state.model().cameras[0].released);
    // The figures stay over a new list.
    state.handle_cameras(&stopped, &[]);
    assert_eq!((state.model().cameras[0].released, state.model().cameras[1].bits), (true, 9));
}

#[test]
fn a_code_is_shown_on_request_only_wiped_once_used_and_says_by_whom() {
    let mut state = open();
    state.handle_code(&invitation());
    assert_eq!(state.model().code, None, "one that was made elsewhere does not cover the picture");
    assert_eq!(ask(&mut state, Request::ShowCode), [], "the open one is shown");
    assert!(matches!(state.model().code, Some(Code::Shown { uses: 1, expires: WallTime(9), .. })));
    let used = serve::Code::Used { device: "Anna".to_owned(), at: WallTime(5) };
    state.handle_code(&used);
    let code = |watching| Some(Code::Used { device: "Anna".to_owned(), at: WallTime(5), watching });
    assert_eq!(state.model().code, code(false));
    state.handle_watching(&["Anna".to_owned()]);
    assert_eq!(state.model().code, code(true));
    state.handle_watching(&[]);
    assert_eq!(state.model().code, code(false), "watching now is a claim that has to be true");
    assert_eq!(ask(&mut state, Request::NewCode), [Action::Invite]);
    assert_eq!(state.model().code, Some(Code::Making));
    state.handle_code(&invitation());
    assert!(matches!(state.model().code, Some(Code::Shown { .. })));
    state.handle_code(&serve::Code::Expired);
    assert_eq!(state.model().code, Some(Code::Expired));
    ask(&mut state, Request::HideCode);
    assert_eq!(state.model().code, None);
    // Later, a spent one is no code to show: a new one is made.
    assert_eq!(ask(&mut state, Request::ShowCode), [Action::Invite]);
    assert_eq!(state.model().code, Some(Code::Making));
}

#[test]
fn a_code_that_can_not_be_made_is_not_waited_for() {
    let mut state = open();
    ask(&mut state, Request::ShowCode);
    state.handle_outcome(Instant::now(), Outcome::Failed("no server".to_owned()));
    assert_eq!(state.model().code, None);
    assert_eq!(state.model().notice.expect("a sentence").text(Lang::English), "Not done: no server");
}

#[test]
fn a_notice_stays_for_a_while_and_the_newest_wins() {
    let (mut state, start) = (open(), Instant::now());
    state.handle_outcome(start, Outcome::Changed { saved: true });
    assert_eq!(state.model().notice, None, "what is remembered needs no word");
    state.handle_outcome(start, Outcome::Changed { saved: false });
    assert_eq!(state.model().notice.map(|said| said.label), Some(Label::SavedNot));
    let later = start + Duration::from_secs(1);
    state.handle_outcome(later, Outcome::Revoked("Anna".to_owned()));
    state.handle_time(start + NOTICE);
    assert_eq!(state.model().notice.map(|said| said.text(Lang::English)).as_deref(), Some("Anna was removed."));
    state.handle_time(later + NOTICE);
    assert_eq!(state.model().notice, None);
}

#[test]
fn the_tray_tells_trouble_first_then_pause_then_who_watches() {
    let mut state = open();
    let mark = |state: &State| state.tray().mark;
    assert_eq!((mark(&state), state.tray().paused), (Mark::Idle, false));
    state.handle_watching(&["Anna".to_owned(), "Paul".to_owned()]);
    assert_eq!(mark(&state), Mark::Watched(2));
    assert_eq!(state.tray().tip, "2 watching: Anna, Paul");
    let stopped = [camera("Door", CameraState::Stopped), camera("Yard", CameraState::Stopped)];
    state.handle_cameras(&stopped, &[]);
    assert_eq!((mark(&state), state.tray().paused), (Mark::Paused, true));
    state.handle_cameras(&[camera("Door", CameraState::Stopped), camera("Yard", CameraState::Backoff)], &[]);
    assert_eq!(mark(&state), Mark::Trouble);
    assert_eq!(state.tray().tip, "Yard gives no picture");
}

#[test]
fn a_tray_that_goes_away_gives_a_closed_window_back() {
    let mut state = open();
    assert_eq!(state.handle_tray(Tray::Shown), None);
    assert_eq!(ask(&mut state, Request::TrayLost), [], "the window is there");
    ask(&mut state, Request::TrayBack);
    ask(&mut state, Request::Closed);
    assert_eq!(ask(&mut state, Request::TrayLost), [Action::OpenWindow]);
    // Without a tray from the start there is nothing to give back.
    let mut state = open();
    ask(&mut state, Request::Closed);
    assert_eq!(state.handle_tray(Tray::None), None);
}

#[test]
fn what_is_chosen_for_the_window_is_remembered_together() {
    let mut state = open();
    ask(&mut state, Request::Theme(Theme::Light));
    let kept = Kept { on_close: OnClose::Tray, theme: Theme::Light };
    assert_eq!(ask(&mut state, Request::OnClose(OnClose::Tray)), [Action::Remember(kept)]);
    assert_eq!(state.model().kept, kept);
}

#[test]
fn only_devices_that_may_come_are_listed() {
    let mut state = open();
    let row = |name: &str, valid: &str| ViewerRow {
        id: name.to_lowercase(),
        name: name.to_owned(),
        roles: vec![Role::View],
        state: valid.to_owned(),
        created: WallTime(0),
        last_seen: None,
        expires: None,
        watching: false,
    };
    state.handle_devices(&[row("Anna", "valid"), row("Paul", "revoked"), row("Eve", "pending")]);
    let names: Vec<String> = state.model().devices.iter().map(|device| device.name.clone()).collect();
    assert_eq!(names, ["Anna"]);
    assert_eq!(ask(&mut state, Request::Remove("anna".to_owned())), [Action::Revoke("anna".to_owned())]);
}
