//! Cameras that speak RTSP.

use std::time::{Duration, Instant};

use athome_shared::protocol::control::CameraReason;
use athome_shared::time::{MediaClock, WallTime};
use athome_streamer::source::webcam::Memory;
use athome_streamer::source::{Access, CameraSpec, Source, SourceError, Transport, Wish, open_camera, open_small};
use athome_streamer::words::Verdict;
use athome_tests::pretend::catch::Catch;
use athome_tests::pretend::rtsp::{PICTURES, SIZE, SMALL_SIZE, Way, pictures, start};
use athome_tests::pretend::{Asks, LOGIN};

const PATIENCE: Duration = Duration::from_secs(20);

fn source(url: &str, transport: Transport) -> Box<dyn Source> {
    let mut spec: CameraSpec = url.parse().expect("an address");
    let access = Access { login: spec.take_login(), transport };
    let clock = MediaClock::new(Instant::now(), WallTime(0));
    open_camera(&spec, &Wish::default(), &access, clock, &Memory::default())
}

fn refused(way: Way) -> SourceError {
    let camera = start(Asks::Nothing, way);
    Catch::start(source(&format!("rtsp://{}/main", camera.addr()), Transport::Tcp)).ended().expect_err("refused")
}

#[test]
fn every_picture_passes_untouched_with_its_sound() {
    for (way, transport) in [(Way::Good, Transport::Tcp), (Way::Good, Transport::Udp), (Way::Described, Transport::Tcp)]
    {
        let camera = start(Asks::Nothing, way);
        let catch = Catch::start(source(&format!("rtsp://{}/main", camera.addr()), transport));
        let enough = catch.wait(PATIENCE, |caught| caught.encoded.len() >= 60 && caught.pcm.len() >= 50);
        assert!(enough, "{way:?} {transport:?}");
        {
            let caught = catch.caught();
            let opened = &caught.opened[0];
            assert_eq!((opened.width, opened.height), (SIZE.0 as u32, SIZE.1 as u32));
            assert!(opened.encoded && opened.audio && caught.opened.len() == 1);
            for (n, frame) in caught.encoded.iter().enumerate() {
                assert_eq!(frame.data, pictures(SIZE)[n % PICTURES], "{way:?} {transport:?}: picture {n}");
                assert_eq!(frame.is_key, n % 25 == 0);
            }
            let steps = caught.encoded.windows(2).map(|pair| pair[1].pts.since(pair[0].pts).as_millis());
            assert!(steps.clone().all(|ms| (20..80).contains(&ms)), "{:?}", steps.collect::<Vec<_>>());
            assert!(caught.pcm.iter().all(|block| block.samples.iter().all(|sample| sample.abs() < 0.01)));
        }
        catch.stop().expect("stopped");
    }
}

#[test]
fn a_change_of_size_is_told_at_its_key_frame() {
    let camera = start(Asks::Nothing, Way::Resizing);
    let catch = Catch::start(source(&format!("rtsp://{}/main", camera.addr()), Transport::Tcp));
    assert!(catch.wait(PATIENCE, |caught| caught.opened.len() >= 3));
    let sizes: Vec<_> =
        catch.caught().opened.iter().map(|opened| (opened.width as usize, opened.height as usize)).collect();
    assert_eq!(sizes[..3], [SIZE, SMALL_SIZE, SIZE]);
}

#[test]
fn the_smaller_stream_is_one_of_its_own_and_without_sound() {
    let camera = start(Asks::Nothing, Way::Good);
    let spec = format!("rtsp://{}/small", camera.addr()).parse().expect("an address");
    let clock = MediaClock::new(Instant::now(), WallTime(0));
    let catch = Catch::start(open_small(&spec, &Access::default(), clock));
    assert!(catch.wait(PATIENCE, |caught| caught.encoded.len() >= 10));
    let caught = catch.caught();
    assert_eq!((caught.opened[0].width, caught.opened[0].audio), (SMALL_SIZE.0 as u32, false));
    assert!(caught.pcm.is_empty());
}

#[test]
fn a_password_opens_and_a_wrong_one_or_none_is_told() {
    let (user, password) = LOGIN;
    for asks in [Asks::Basic, Asks::Digest] {
        let camera = start(asks, Way::Good);
        let addr = camera.addr();
        let catch = Catch::start(source(&format!("rtsp://{user}:{password}@{addr}/main?x=1"), Transport::Tcp));
        assert!(catch.wait(PATIENCE, |caught| caught.encoded.len() >= 3), "{asks:?}");
        catch.stop().expect("stopped");
        for (url, verdict) in [
            (format!("rtsp://{user}:wrong@{addr}/main"), Verdict::LoginRefused),
            (format!("rtsp://{addr}/main"), Verdict::LoginMissing),
        ] {
            let why = Catch::start(source(&url, Transport::Tcp)).ended().expect_err("refused");
            assert_eq!((why.reason, why.verdict.as_ref()), (CameraReason::Auth, Some(&verdict)), "{asks:?}");
            assert!(!format!("{why} {why:?}").contains("wrong"));
        }
    }
}

#[test]
fn what_can_t_be_shown_is_told_in_a_sentence() {
    let cases = [
        (Way::NoVideo, Verdict::NoVideo),
        (Way::H265, Verdict::H265),
        (Way::NotFound, Verdict::NoPath),
        (Way::Web, Verdict::WebPage),
        (Way::Garbage, Verdict::Nonsense),
        (Way::EndlessHead, Verdict::Nonsense),
        (Way::HugeLength, Verdict::Nonsense),
        (Way::ThenGarbage, Verdict::Nonsense),
    ];
    for (way, verdict) in cases {
        let began = Instant::now();
        let why = refused(way);
        assert_eq!(why.verdict, Some(verdict), "{way:?}: {why}");
        assert!(began.elapsed() < Duration::from_secs(6), "{way:?}");
    }
    let secure = Catch::start(source("rtsps://127.0.0.1/", Transport::Tcp)).ended().expect_err("refused");
    assert_eq!(secure.verdict, Some(Verdict::Secure));
}

#[test]
fn a_silent_or_slow_camera_is_given_up_after_five_seconds() {
    std::thread::scope(|scope| {
        for way in [Way::Silence, Way::SilentPlay, Way::Drip, Way::EndlessPicture] {
            scope.spawn(move || {
                let began = Instant::now();
                let why = refused(way);
                assert_eq!((why.reason, why.verdict), (CameraReason::Stalled, Some(Verdict::Silent)), "{way:?}");
                assert!((4..7).contains(&began.elapsed().as_secs()), "{way:?}: {:?}", began.elapsed());
            });
        }
    });
}
