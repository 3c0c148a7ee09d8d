//! Going back over the connection that is there: what was recorded is listed, shown and played to the frame, by who may.

use std::time::{Duration, Instant};

use athome_shared::id::CameraId;
use athome_shared::media::mp4::read::{Depth, scan};
use athome_shared::protocol::control::RefusedWhy;
use athome_shared::protocol::control::bulk::WINDOW;
use athome_shared::protocol::past::{Cause, Past};
use athome_shared::time::WallTime;
use athome_streamer::record::trigger::Mode;
use athome_tests::film::{off, play, watch};
use athome_tests::house::House;
use athome_tests::viewer::{Device, Viewer};
use athome_tests::wait::{eventually, soon};
use athome_viewer::headless::{self, Headless, Outcome};
use athome_viewer::session::bulk::BulkError;
use athome_viewer::session::past::Ask;

/// Half a frame of the test card at 30 a second, in tenths of a millisecond.
const HALF_A_FRAME: i32 = 166;
const LONG_AGO: WallTime = WallTime(1_000_000_000_000_000);
const MANY: Duration = Duration::from_secs(600);

async fn house(mode: Mode, longest: Duration) -> House {
    House::start_with(|plan| plan.recorded(mode, longest)).await
}

async fn viewer(house: &House, roles: &[&str]) -> (Device, Viewer, CameraId) {
    let device = Device::new();
    let link = house.link_with_roles(roles).await;
    soon("pairing", device.pair(&link, "Anna")).await.unwrap();
    let viewer = device.watch();
    eventually("the list of cameras", || !viewer.story().cameras.is_empty()).await;
    (device, viewer, CameraId::new(&house.camera_id(0)).unwrap())
}

async fn list(viewer: &Viewer, camera: &CameraId) -> Past {
    let soon_over = WallTime(WallTime::now().0 + 60_000_000);
    soon("the list", viewer.requests.past(camera.clone(), LONG_AGO, soon_over)).await.unwrap()
}

/// Waits until this long was recorded; what there is.
async fn recorded(viewer: &Viewer, camera: &CameraId, seconds: i64) -> Past {
    let start = Instant::now();
    loop {
        let past = list(viewer, camera).await;
        let sum: i64 = past.spans.iter().map(|span| span.ended.0 - span.began.0).sum();
        if sum >= seconds * 1_000_000 {
            return past;
        }
        assert!(start.elapsed() < Duration::from_secs(90), "nothing is recorded: {past:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_recorded_is_listed_shown_and_played_to_the_frame() {
    let house = house(Mode::Always, Duration::from_secs(3)).await;
    let (device, viewer, camera) = viewer(&house, &["view", "playback"]).await;
    let past = recorded(&viewer, &camera, 8).await;
    assert!(past.spans.len() >= 2 && past.spans.is_sorted_by_key(|span| span.began), "{:?}", past.spans);
    assert!(past.spans.iter().all(|span| span.why == Cause::Always && span.began < span.ended));
    assert!(!past.zone.offsets.is_empty() && !past.more && past.room.files >= 1);
    let (first, last) = (past.spans[0].began, past.spans[past.spans.len() - 1].ended);

    // A picture shows the moment that it is said to be of, and is the newest key frame before it.
    let mut quickest = Duration::MAX;
    for at in [first.0, first.0 + 1_500_000, last.0 - 2_000_000, last.0 - 1] {
        let asked = Instant::now();
        let picture = soon("a picture", viewer.requests.picture(camera.clone(), WallTime(at), 640)).await.unwrap();
        quickest = quickest.min(asked.elapsed());
        let taken = picture.at.expect("a time");
        assert!(taken.0 <= at.max(first.0 + 1) && at - taken.0 < 4_000_000, "{taken:?} for {at}");
        assert!(off(&picture).is_some_and(|off| off.abs() <= HALF_A_FRAME), "{:?}", off(&picture));
    }
    assert!(quickest < Duration::from_millis(300), "{quickest:?} to a picture");

    // A film across several files shows each moment when it was.
    let watched = play(&viewer.requests, &camera, WallTime(first.0 + 500_000), last).await.unwrap();
    let span = watched.frames.last().unwrap().at.0 - watched.frames[0].at.0;
    assert!(span > (last.0 - first.0) * 3 / 4, "{span} of {}", last.0 - first.0);
    let read: Vec<i32> = watched.frames.iter().filter_map(|frame| frame.off).collect();
    assert!(read.len() * 10 >= watched.frames.len() * 9, "{} of {} clocks", read.len(), watched.frames.len());
    assert!(read.iter().all(|off| off.abs() <= HALF_A_FRAME), "{:?}", read.iter().max_by_key(|off| off.abs()));
    assert!(watched.sounds > 50, "{} packets of sound", watched.sounds);

    // From the tap to the first picture; the quickest of five, on machines that do other things as well.
    let mut quickest = Duration::MAX;
    for n in 0..5 {
        let asked = Instant::now();
        let from = WallTime(first.0 + 2_000_000 + n * 300_000);
        let ask = Ask::Play { camera: camera.clone(), from, to: None, follow: false };
        let mut film = soon("a film", viewer.requests.film(ask)).await.unwrap();
        let beginning = soon("its beginning", film.part()).await.unwrap();
        assert!(beginning.is_some_and(|part| part.len() > 1_000));
        quickest = quickest.min(asked.elapsed());
    }
    assert!(quickest < Duration::from_millis(300), "{quickest:?} to a film");

    // What is being recorded is followed.
    let from = WallTime(WallTime::now().0 - 2_000_000);
    let ask = Ask::Play { camera: camera.clone(), from, to: Some(WallTime(from.0 + 6_000_000)), follow: true };
    let mut film = soon("a film", viewer.requests.film(ask)).await.unwrap();
    let watched = watch(&mut film).await.unwrap();
    assert!(watched.frames.last().unwrap().at.0 > from.0 + 4_500_000, "it went on with what came later");
    viewer.leave().await;
    without_a_window(&device, WallTime(first.0 + 1_000_000)).await;
    house.stop().await;
}

/// The same by the command line's way.
async fn without_a_window(device: &Device, at: WallTime) {
    let file = device.data().join("film.mp4");
    let headless = Headless {
        data: device.data().to_owned(),
        link: None,
        place: None,
        camera: None,
        watch_for: Duration::from_secs(2),
        at: Some(at),
        record: Some(file.clone()),
        device: "Anna".to_owned(),
    };
    let outcome = soon("a look back", headless::run(headless, &mut |_| {})).await.unwrap();
    let Outcome::Past(report) = outcome else { panic!("{outcome:?}") };
    assert!(report.frames_decoded > 30 && report.frames_failed == 0, "{report:?}");
    assert!(report.from.is_some_and(|from| from <= at.0) && report.until.is_some_and(|until| until > at.0));
    assert!(report.clock_error_ms.is_some_and(|error| error <= 17.0), "{report:?}");
    assert!(report.first_frame_ms.is_some_and(|ms| ms < 1_000.0), "{report:?}");
    let mut film = std::fs::File::open(file).unwrap();
    let frames: u32 = scan(&mut film, Depth::Outline).unwrap().fragments.iter().map(|f| f.samples).sum();
    assert_eq!(u64::from(frames), report.frames_decoded + report.audio_frames);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gaps_stay_gaps_and_an_owner_records_keeps_and_deletes() {
    let house = house(Mode::Manual, MANY).await;
    let (_device, viewer, camera) = viewer(&house, &["view", "playback", "admin"]).await;
    viewer.see(5).await;
    assert!(list(&viewer, &camera).await.spans.is_empty());
    let nothing = Ask::Play { camera: camera.clone(), from: LONG_AGO, to: None, follow: false };
    assert!(matches!(viewer.requests.film(nothing).await, Err(BulkError::Refused(RefusedWhy::Unavailable))));
    let why = || viewer.story().cameras.first().and_then(|camera| camera.recording);
    for _ in 0..2 {
        viewer.requests.change(Ask::Record { camera: camera.clone(), seconds: Some(60) }).await.unwrap();
        eventually("the badge", || why() == Some(Cause::Manual)).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        viewer.requests.change(Ask::RecordStop { camera: camera.clone() }).await.unwrap();
        eventually("no badge", || why().is_none()).await;
        // A recording begins with the newest key frame, which may be three seconds old.
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let past = list(&viewer, &camera).await;
    let [a, b] = past.spans[..] else { panic!("{:?}", past.spans) };
    let gap = b.began.0 - a.ended.0;
    assert!(gap > 1_000_000, "{gap}");
    let watched = play(&viewer.requests, &camera, a.began, b.ended).await.unwrap();
    let apart = watched.frames.windows(2).map(|two| two[1].at.0 - two[0].at.0).max().unwrap();
    assert!((apart - gap).abs() < 200_000, "{apart} in the film, {gap} in the list");
    assert!(watched.frames.iter().filter_map(|f| f.off).all(|off| off.abs() <= HALF_A_FRAME));
    // In the gap, the next picture; control: in a recording, one before.
    let middle = WallTime(a.ended.0 + gap / 2);
    let picture = soon("a picture", viewer.requests.picture(camera.clone(), middle, 320)).await.unwrap();
    assert!(picture.at.unwrap() >= b.began && (picture.at.unwrap().0 - b.began.0) < 100_000);

    let thumb = soon("a thumbnail", viewer.requests.thumb(a.id.unwrap())).await.unwrap();
    assert!(thumb.data.starts_with(&[0xff, 0xd8]));
    let export = Ask::Export { camera: camera.clone(), from: a.began, to: b.ended };
    let mut film = soon("an export", viewer.requests.film(export)).await.unwrap();
    assert_eq!(film.mime, "video/mp4");
    let exported = watch(&mut film).await.unwrap();
    let length = exported.frames.last().unwrap().at.0 - exported.frames[0].at.0;
    assert!(length < watched.frames.last().unwrap().at.0 - watched.frames[0].at.0 - gap / 2, "closed up");

    let id = a.id.unwrap();
    viewer.requests.change(Ask::Keep { id, kept: true }).await.unwrap();
    assert_eq!(viewer.requests.change(Ask::Delete { id }).await, Err(RefusedWhy::Kept));
    viewer.requests.change(Ask::Keep { id, kept: false }).await.unwrap();
    viewer.requests.change(Ask::Delete { id }).await.unwrap();
    assert_eq!(viewer.requests.change(Ask::Delete { id }).await, Err(RefusedWhy::Unavailable));
    assert_eq!(list(&viewer, &camera).await.spans.iter().map(|span| span.id).collect::<Vec<_>>(), [b.id]);
    viewer.leave().await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_only_watch_sees_nothing_of_the_past_and_who_is_removed_no_more() {
    let house = house(Mode::Always, MANY).await;
    let (_device, guest, camera) = viewer(&house, &["view"]).await;
    let refused = Err(BulkError::Refused(RefusedWhy::Role));
    let now = WallTime::now();
    assert_eq!(guest.requests.past(camera.clone(), LONG_AGO, now).await.map(drop), refused);
    assert_eq!(guest.requests.picture(camera.clone(), now, 320).await.map(drop), refused);
    let ask = Ask::Play { camera: camera.clone(), from: LONG_AGO, to: None, follow: false };
    assert_eq!(guest.requests.film(ask.clone()).await.map(drop), refused);
    for change in [Ask::Keep { id: 1, kept: true }, Ask::Record { camera: camera.clone(), seconds: None }] {
        assert_eq!(guest.requests.change(change).await, Err(RefusedWhy::Role));
    }
    guest.leave().await;
    // Control: who may, does; until being removed, in the middle of a film.
    let device = Device::new();
    soon("pairing", device.pair(&house.link_with_roles(&["view", "playback"]).await, "Paul")).await.unwrap();
    let paul = device.watch();
    recorded(&paul, &camera, 3).await;
    let mut film =
        soon("a film", paul.requests.film(Ask::Play { camera, from: LONG_AGO, to: None, follow: true })).await.unwrap();
    assert!(soon("its beginning", film.part()).await.unwrap().is_some());
    house.revoke("Paul").await;
    let ended = async {
        loop {
            match film.part().await {
                Ok(Some(_)) => {}
                other => return other.map(drop),
            }
        }
    };
    assert_eq!(soon("the film ends with the session", ended).await, Err(BulkError::Ended));
    paul.leave().await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn downloads_that_nobody_takes_hold_up_neither_pictures_nor_what_is_live() {
    let house = house(Mode::Always, MANY).await;
    let (_device, viewer, camera) = viewer(&house, &["view", "playback"]).await;
    recorded(&viewer, &camera, 12).await;
    let latency = || {
        let seen = viewer.seen();
        let mut newest: Vec<Duration> = seen.iter().rev().take(60).filter_map(|seen| seen.latency).collect();
        newest.sort();
        newest[newest.len() / 2]
    };
    let quiet = latency();
    // Four films and an export that nobody takes, which is as many as there may be.
    let ask = || Ask::Play { camera: camera.clone(), from: LONG_AGO, to: None, follow: false };
    let export = || Ask::Export { camera: camera.clone(), from: LONG_AGO, to: WallTime::now() };
    let mut films = Vec::new();
    for _ in 0..4 {
        films.push(soon("a film", viewer.requests.film(ask())).await.unwrap());
    }
    films.push(soon("an export", viewer.requests.film(export())).await.unwrap());
    for more in [ask(), export()] {
        assert!(matches!(viewer.requests.film(more).await, Err(BulkError::Refused(RefusedWhy::Busy))));
    }
    viewer.see(60).await;
    let paused = latency();
    for n in 0..10 {
        let at = WallTime(WallTime::now().0 - 3_000_000 - n * 500_000);
        soon("a picture", viewer.requests.picture(camera.clone(), at, 640)).await.unwrap();
    }
    // What came of a film is what fits its window, and the rest comes when it is wanted.
    let mut held = 0;
    while let Ok(part) = tokio::time::timeout(Duration::from_millis(1), films[0].part()).await {
        held += part.unwrap().map_or(0, |part| part.len() as u64);
        assert!(held <= WINDOW * 8, "more than a film of twelve seconds");
        if held > 64 * 1024 {
            break;
        }
    }
    assert!(held > 0);
    for mut film in films.drain(1..4) {
        assert!(!watch(&mut film).await.unwrap().frames.is_empty());
    }
    // And downloads that are taken as fast as they come, one after the other. What was given up leaves its room soon.
    films.clear();
    let (start, mut bytes) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(3) {
        let Ok(mut film) = soon("an export", viewer.requests.film(export())).await else { continue };
        while let Some(part) = soon("more of it", film.part()).await.unwrap() {
            bytes += part.len();
        }
    }
    let busy = latency();
    assert!(bytes > 1_000_000, "{bytes}");
    let bound = quiet * 2 + Duration::from_millis(50);
    assert!(paused < bound && busy < bound, "quiet {quiet:?}, paused {paused:?}, busy {busy:?}");
    assert!(viewer.story().ended.is_empty());
    viewer.leave().await;
    house.stop().await;
}
