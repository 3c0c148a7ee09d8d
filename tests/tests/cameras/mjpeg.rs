//! Cameras that send JPEGs over HTTP.

use std::time::{Duration, Instant};

use athome_shared::protocol::control::CameraReason;
use athome_shared::time::{MediaClock, WallTime};
use athome_streamer::source::webcam::Memory;
use athome_streamer::source::{Access, CameraSpec, PixelFormat, Source, SourceError, Wish, open_camera};
use athome_streamer::words::Verdict;
use athome_tests::pretend::catch::Catch;
use athome_tests::pretend::mjpeg::{SIZE, Way, pictures, start};
use athome_tests::pretend::{Asks, LOGIN};

const PATIENCE: Duration = Duration::from_secs(20);

fn source(url: &str) -> Box<dyn Source> {
    let mut spec: CameraSpec = url.parse().expect("an address");
    let access = Access { login: spec.take_login(), ..Access::default() };
    let clock = MediaClock::new(Instant::now(), WallTime(0));
    open_camera(&spec, &Wish::default(), &access, clock, &Memory::default())
}

fn refused(way: Way) -> SourceError {
    let camera = start(Asks::Nothing, way);
    Catch::start(source(&format!("http://{}/", camera.addr()))).ended().expect_err("refused")
}

#[test]
fn every_picture_comes_as_it_was_sent() {
    for way in [Way::Good, Way::Odd, Way::Chunked, Way::Moved] {
        let camera = start(Asks::Nothing, way);
        let catch = Catch::start(source(&format!("http://{}/video?x=1", camera.addr())));
        assert!(catch.wait(PATIENCE, |caught| caught.raw.len() >= 20), "{way:?}");
        {
            let caught = catch.caught();
            for (n, frame) in caught.raw.iter().enumerate() {
                assert_eq!(frame.data, pictures()[n], "{way:?}: picture {n}");
                assert_eq!((frame.format, frame.width, frame.height), (PixelFormat::Mjpeg, 320, 176));
            }
            let opened = &caught.opened[0];
            assert_eq!((opened.width, opened.height, opened.encoded), (SIZE.0.into(), SIZE.1.into(), false));
        }
        catch.stop().expect("stopped");
    }
}

#[test]
fn a_change_of_size_is_told_and_the_stream_goes_on() {
    let camera = start(Asks::Nothing, Way::Resizing);
    let catch = Catch::start(source(&format!("http://{}/", camera.addr())));
    assert!(catch.wait(PATIENCE, |caught| caught.opened.len() >= 4));
    let sizes: Vec<_> = catch.caught().opened.iter().map(|opened| (opened.width, opened.height)).collect();
    assert_eq!(sizes[..4], [(320, 176), (640, 352), (160, 96), (320, 176)]);
}

#[test]
fn a_password_opens_and_a_wrong_one_or_none_is_told() {
    let (user, password) = LOGIN;
    for asks in [Asks::Basic, Asks::Digest] {
        let camera = start(asks, Way::Good);
        let addr = camera.addr();
        let catch = Catch::start(source(&format!("http://{user}:{password}@{addr}/video?a=b%20c")));
        assert!(catch.wait(PATIENCE, |caught| caught.raw.len() >= 3), "{asks:?}");
        catch.stop().expect("stopped");
        for (url, verdict) in [
            (format!("http://{user}:wrong@{addr}/"), Verdict::LoginRefused),
            (format!("http://{addr}/"), Verdict::LoginMissing),
        ] {
            let before = camera.connections();
            let why = Catch::start(source(&url)).ended().expect_err("refused");
            assert_eq!((why.reason, why.verdict.as_ref()), (CameraReason::Auth, Some(&verdict)), "{asks:?}");
            assert!(!format!("{why} {why:?}").contains("wrong"));
            assert!(camera.connections() - before <= 2, "a password is not tried again and again");
        }
    }
}

#[test]
fn what_is_no_camera_is_told_in_a_sentence() {
    let cases = [
        (Way::WebPage, Verdict::WebPage),
        (Way::OnePicture, Verdict::OnePicture),
        (Way::NotFound, Verdict::NoPath),
        (Way::Crowded, Verdict::Crowded),
        (Way::Away, Verdict::Elsewhere { host: "192.0.2.7".to_owned() }),
        (Way::Vast, Verdict::TooLarge { width: 65_535, height: 65_535 }),
        (Way::Empty, Verdict::Damaged),
        (Way::ThenOtherKind, Verdict::Damaged),
        (Way::EndlessHead, Verdict::Nonsense),
        (Way::EndlessPartHead, Verdict::Nonsense),
        (Way::HugeLength, Verdict::Nonsense),
        (Way::Garbage, Verdict::Nonsense),
    ];
    for (way, verdict) in cases {
        let began = Instant::now();
        let why = refused(way);
        assert_eq!(why.verdict, Some(verdict), "{way:?}: {why}");
        assert!(began.elapsed() < Duration::from_secs(6), "{way:?}");
    }
}

#[test]
fn a_silent_or_slow_camera_is_given_up_after_five_seconds() {
    std::thread::scope(|scope| {
        for way in [Way::Silence, Way::Drip] {
            scope.spawn(move || {
                let began = Instant::now();
                let why = refused(way);
                assert_eq!((why.reason, why.verdict), (CameraReason::Stalled, Some(Verdict::Silent)), "{way:?}");
                assert!((4..7).contains(&began.elapsed().as_secs()), "{way:?}: {:?}", began.elapsed());
            });
        }
        // Control: one that is switched off is told at once, and as that.
        let addr = start(Asks::Nothing, Way::Good).addr();
        let began = Instant::now();
        let why = Catch::start(source(&format!("http://{addr}/"))).ended().expect_err("nobody there");
        assert_eq!(why.verdict, Some(Verdict::NoAnswer { host: addr.to_string() }));
        assert!(began.elapsed() < Duration::from_secs(1));
    });
}
