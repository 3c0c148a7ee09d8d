use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::id::CameraId;
use athome_shared::protocol::past::{Cause, Motion};
use athome_shared::time::WallTime;

use super::{Act, Back, End, Note, Shown, Told, Wish};
use crate::past::known::Why;
use crate::past::marks::Way;
use crate::past::player::Speed;
use crate::past::scrub::{Ask, Held};
use crate::past::{HOUR, Ms};
use crate::settings::CameraKey;
use crate::store::PlaceId;

const NOW: Ms = 1_795_000_000_000;

/// A camera with two recordings: from an hour ago for half an hour, and the last ten minutes.
struct Desk {
    start: Instant,
    back: Back,
}

impl Desk {
    fn new(why: Cause) -> Self {
        let start = Instant::now();
        let key = CameraKey { place: PlaceId([1; 32]), camera: CameraId::slug("door") };
        let mut desk = Self { start, back: Back::new(start, key, NOW, 25.0) };
        let [Act::List(range)] = desk.acts()[..] else { panic!("the last day is asked for") };
        let s = NOW / 1_000;
        let files = [(1, s - 3_600, s - 1_800, why), (2, s - 600, s - 1, why)];
        let mut told = crate::past::tests::told(&files, range.from, range.to, NOW);
        let us = |ms: Ms| WallTime(ms * 1_000);
        told.motion = [NOW - 3_000_000, NOW - 300_000].map(|at| moves(us(at), us(at + 9_000))).into();
        desk.back.handle_list(start, range, Ok(&told));
        desk.acts();
        desk
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    fn wish(&mut self, ms: u64, wish: Wish) -> Vec<Act> {
        let at = self.at(ms);
        self.back.handle_wish(at, wish);
        self.acts()
    }

    fn acts(&mut self) -> Vec<Act> {
        std::iter::from_fn(|| self.back.poll_act()).collect()
    }

    fn answer(&mut self, ask: Ask, at: Ms) {
        let held = Held { at, bytes: 10, picture: Arc::default() };
        self.back.handle_picture(self.start, ask, Ok(held));
    }

    fn still(&self) -> Option<Ms> {
        match &self.back.view().shown {
            Shown::Still(still) => Some(still.at),
            Shown::Nothing | Shown::Film => None,
        }
    }

    /// The number of the film that was begun, from when on, and whether it plays.
    fn film(acts: &[Act]) -> (u64, Ms, bool) {
        let film = acts.iter().find_map(|act| match act {
            Act::Film { turn, from, playing, .. } => Some((*turn, *from, *playing)),
            _ => None,
        });
        film.unwrap_or_else(|| panic!("no film in {acts:?}"))
    }
}

fn moves(began: WallTime, ended: WallTime) -> Motion {
    Motion { id: began.0, began, ended: Some(ended), peak: 0.1, zones: Vec::new() }
}

fn seek(at: Ms) -> Wish {
    Wish::Seek { at, play: None }
}

#[test]
fn to_any_moment_and_back_to_live_and_never_live_by_itself() {
    let mut desk = Desk::new(Cause::Motion);
    let acts = desk.wish(0, seek(NOW - 120_000));
    assert!(acts.contains(&Act::Received), "live is not received any more");
    let (turn, from, playing) = Desk::film(&acts);
    assert_eq!((from, playing), (NOW - 120_000, true));
    desk.back.handle_film(desk.at(10), turn, Told::Shown(from));
    assert!(matches!(desk.back.view().shown, Shown::Film));
    // Days and hours pass; it is in the past still.
    for ms in [20_000, 60_000, 120_000] {
        desk.back.handle_timeout(desk.at(ms));
        assert!(desk.back.on());
    }
    // It has caught up with now: it stops, and says so.
    let wall = desk.back.view().now(desk.at(120_000));
    desk.back.handle_film(desk.at(120_000), turn, Told::Shown(wall - 1_000));
    let view = desk.back.view();
    assert!(view.on && !view.playing && view.end.is_some(), "{view:?}");
    desk.acts();
    let acts = desk.wish(121_000, Wish::Live);
    assert_eq!(acts, [Act::Cut, Act::Received]);
    assert!(!desk.back.on());
    // What the old film still tells changes nothing.
    desk.back.handle_film(desk.at(121_000), turn, Told::Shown(5));
    assert!(!desk.back.on() && matches!(desk.back.view().shown, Shown::Nothing));
}

#[test]
fn the_end_of_what_was_recorded_is_told_from_now() {
    let mut desk = Desk::new(Cause::Motion);
    let (turn, ..) = Desk::film(&desk.wish(0, seek(NOW - 5_000)));
    desk.back.handle_film(desk.at(0), turn, Told::Ended);
    assert_eq!(desk.back.view().end, Some(End::Now));
    let (turn, ..) = Desk::film(&desk.wish(600_000, seek(NOW - 5_000)));
    desk.back.handle_film(desk.at(600_000), turn, Told::Ended);
    assert_eq!(desk.back.view().end, Some(End::Last));
}

#[test]
fn a_drag_shows_the_nearest_picture_of_the_same_stretch_and_the_exact_frame_at_its_end() {
    let mut desk = Desk::new(Cause::Motion);
    let acts = desk.wish(0, Wish::Grab);
    assert_eq!(acts, [], "live goes on");
    let acts = desk.wish(10, Wish::Drag(NOW - 300_000));
    let [Act::Received, Act::Picture(ask)] = acts[..] else { panic!("{acts:?}") };
    assert_eq!(ask.at, NOW - 300_000);
    // Steps: the newest wanted only, two at most.
    let mut asked = 1;
    for step in 0..50 {
        let acts = desk.wish(20 + step, Wish::Drag(NOW - 299_000 + step as Ms * 1_000));
        asked += acts.iter().filter(|act| matches!(act, Act::Picture(_))).count();
    }
    assert_eq!(asked, 2);
    desk.answer(ask, NOW - 300_400);
    assert_eq!(desk.still(), Some(NOW - 300_400), "with its true time");
    let acts = desk.acts();
    assert_eq!(acts.len(), 1, "{acts:?}");
    // Into the gap: no picture of either side.
    desk.wish(100, Wish::Drag(NOW - 1_000_000));
    assert!(desk.still().is_none() && desk.back.view().gap.is_some_and(|gap| gap.why == Why::Quiet));
    // On the other side: not the one of this side.
    desk.wish(110, Wish::Drag(NOW - 1_900_000));
    assert_eq!(desk.still(), None);
    let (_, from, playing) = Desk::film(&desk.wish(120, Wish::Release));
    assert_eq!((from, playing), (NOW - 1_900_000, true), "it was live, so it plays");
    assert!(!desk.back.view().dragging);
    // Standing still before the drag, it stands still after.
    desk.wish(130, Wish::Pause);
    desk.wish(140, Wish::Grab);
    desk.wish(150, Wish::Drag(NOW - 1_950_000));
    assert!(!Desk::film(&desk.wish(160, Wish::Release)).2);
}

#[test]
fn quiet_time_is_passed_with_a_word_and_steps_land_on_something() {
    let mut desk = Desk::new(Cause::Motion);
    let acts = desk.wish(0, seek(NOW - 1_000_000));
    assert_eq!(Desk::film(&acts).1, NOW - 600_000, "what comes next");
    assert_eq!(desk.back.view().note, Some(Note::Skipped { why: Why::Quiet, ms: 400_000 }));
    desk.back.handle_timeout(desk.at(3_000));
    assert_eq!(desk.back.view().note, None, "it goes by itself");
    let acts = desk.wish(3_000, Wish::Step(-10_000));
    assert_eq!(Desk::film(&acts).1, NOW - 1_802_000, "before the gap");
    assert_eq!(Desk::film(&desk.wish(3_000, Wish::Step(10_000))).1, NOW - 600_000, "and over it again");
    // Standing: the gap is shown, with its reason.
    desk.wish(3_000, Wish::Pause);
    let acts = desk.wish(3_000, seek(NOW - 1_000_000));
    assert_eq!(acts, [Act::Cut]);
    assert!(desk.back.view().gap.is_some() && matches!(desk.back.view().shown, Shown::Nothing));
}

#[test]
fn events_are_played_from_three_seconds_before() {
    let mut desk = Desk::new(Cause::Motion);
    assert_eq!(Desk::film(&desk.wish(0, Wish::Event(Way::Back))).1, NOW - 303_000);
    assert_eq!(Desk::film(&desk.wish(0, Wish::Event(Way::Back))).1, NOW - 3_003_000);
    assert_eq!(Desk::film(&desk.wish(0, Wish::Event(Way::On))).1, NOW - 303_000);
    assert_eq!(desk.wish(0, Wish::Event(Way::On)), [], "there is none after");
    let id = (NOW - 3_000_000) * 1_000;
    assert_eq!(Desk::film(&desk.wish(0, Wish::PlayEvent(id))).1, NOW - 3_003_000);
}

#[test]
fn fast_and_backwards_is_by_pictures_and_a_speed_a_decoder_keeps_up_with_is_a_film() {
    let mut desk = Desk::new(Cause::Motion);
    desk.wish(0, seek(NOW - 300_000));
    let speed = |factor| Wish::Speed(Speed::of(factor).unwrap());
    assert_eq!(desk.wish(0, speed(2.0)), [Act::Go { playing: true, speed: 2.0 }]);
    let acts = desk.wish(0, speed(-4.0));
    assert_eq!(acts, [Act::Cut], "a picture of here is on its way already");
    desk.back.handle_timeout(desk.at(1_000));
    assert_eq!(desk.back.view().at, NOW - 304_000);
    // Over the gap, backwards.
    desk.wish(1_000, seek(NOW - 599_000));
    desk.back.handle_timeout(desk.at(2_000));
    assert!(desk.back.view().at <= NOW - 1_800_000, "{:?}", NOW - desk.back.view().at);
    assert!(matches!(desk.back.view().note, Some(Note::Skipped { why: Why::Quiet, .. })));
    // The oldest: it stands, and stays in the past.
    desk.wish(2_000, Wish::Oldest);
    desk.back.handle_timeout(desk.at(3_000));
    assert!(desk.back.on() && !desk.back.view().playing);
    assert_eq!(desk.back.view().at, NOW - HOUR);
    // K, then L: it plays as it was.
    let (_, from, playing) = Desk::film(&desk.wish(3_000, Wish::Shuttle(Way::On)));
    assert_eq!((from, playing), (NOW - HOUR, true));
}

#[test]
fn a_frame_back_is_the_one_before_the_one_that_is_shown() {
    let mut desk = Desk::new(Cause::Always);
    let (turn, ..) = Desk::film(&desk.wish(0, Wish::Seek { at: NOW - 300_000, play: Some(false) }));
    desk.back.handle_film(desk.start, turn, Told::Shown(NOW - 300_013));
    assert_eq!(desk.back.view().at, NOW - 300_000, "standing, the playhead stays where it was put");
    let (_, from, playing) = Desk::film(&desk.wish(0, Wish::Frame(Way::Back)));
    assert_eq!((from, playing), (NOW - 300_054, false));
}

#[test]
fn a_new_session_asks_again_and_goes_on_where_it_was() {
    let mut desk = Desk::new(Cause::Always);
    desk.wish(0, seek(NOW - 300_000));
    desk.back.handle_session(desk.at(5_000));
    let acts = desk.acts();
    assert!(acts.iter().any(|act| matches!(act, Act::List(_))), "{acts:?}");
    assert_eq!(Desk::film(&acts).1, NOW - 300_000);
}
