use std::time::{Duration, Instant};

use athome_shared::time::WallTime;

use super::{Do, Reel};
use crate::controller::past::Told;
use crate::play::film::Start;
use crate::session::past::Unit;

const ZERO: i64 = 1_795_000_000_000_000;

/// 25 pictures a second over these seconds, a key frame each second, and sound beside them.
fn load(reel: &mut Reel, from: i64, to: i64) {
    for n in from * 25..to * 25 {
        let at = WallTime(ZERO + n * 40_000);
        reel.push(Unit::Picture { at, is_key: n % 25 == 0, data: vec![1] });
        reel.push(Unit::Sound { at, data: vec![2] });
    }
}

fn reel(from_ms: i64, playing: bool, speed: f64) -> Reel {
    Reel::new(Start { from: ZERO / 1_000 + from_ms, playing, speed, sound: true })
}

#[derive(Default, Debug)]
struct Seen {
    /// Milliseconds after the beginning, and after [`ZERO`].
    shown: Vec<(u64, i64)>,
    decoded: usize,
    sounds: usize,
    told: Vec<Told>,
}

/// Runs it by hand for a while.
fn run(reel: &mut Reel, start: Instant, from_ms: u64, to_ms: u64) -> Seen {
    let mut seen = Seen::default();
    let mut now = start + Duration::from_millis(from_ms);
    let end = start + Duration::from_millis(to_ms);
    let mut steps = 0;
    while now < end {
        steps += 1;
        assert!(steps < 20_000, "it spins");
        match reel.next(now) {
            Do::Picture { at, show, .. } => {
                seen.decoded += 1;
                if show {
                    let ms = now.duration_since(start).as_millis() as u64;
                    seen.shown.push((ms, (at - ZERO) / 1_000));
                }
            }
            Do::Sound { .. } => seen.sounds += 1,
            Do::Tell(told) => seen.told.push(told),
            Do::Sleep(until) => now = until,
            Do::Wait | Do::Close => break,
        }
    }
    seen
}

#[test]
fn the_exact_picture_is_shown_first_and_the_ones_before_it_are_only_decoded() {
    let mut film = reel(1_430, false, 1.0);
    load(&mut film, 0, 3);
    let seen = run(&mut film, Instant::now(), 0, 5_000);
    assert_eq!(seen.shown, [(0, 1_400)]);
    assert_eq!((seen.decoded, seen.sounds), (36, 0), "standing, there is no sound");
}

#[test]
fn it_plays_at_its_pace_with_sound_and_its_pace_can_change() {
    let start = Instant::now();
    let mut film = reel(1_000, true, 1.0);
    load(&mut film, 0, 8);
    let seen = run(&mut film, start, 0, 2_000);
    let worst = seen.shown.iter().map(|(ms, at)| (*ms as i64 + 1_000 - at).abs()).max();
    assert!(worst.is_some_and(|ms| ms <= 2), "{worst:?}");
    assert!(seen.shown.len() >= 49 && seen.sounds >= 49, "{} {}", seen.shown.len(), seen.sounds);
    film.go(start + Duration::from_secs(2), true, 2.0);
    let seen = run(&mut film, start, 2_000, 3_000);
    assert_eq!(seen.shown.last().map(|(_, at)| at / 100), Some(49), "twice as fast");
    film.go(start + Duration::from_secs(3), false, 2.0);
    assert!(run(&mut film, start, 3_000, 4_000).shown.is_empty(), "it stands");
    film.go(start + Duration::from_secs(10), true, 0.25);
    let seen = run(&mut film, start, 10_000, 11_000);
    assert_eq!((seen.shown.last().map(|(_, at)| at / 100), seen.sounds), (Some(52), 0), "a quarter has no sound");
}

#[test]
fn a_gap_is_passed_at_once_with_a_word_and_the_end_is_told_once() {
    let start = Instant::now();
    let mut film = reel(0, true, 1.0);
    load(&mut film, 0, 1);
    load(&mut film, 900, 901);
    film.end();
    let seen = run(&mut film, start, 0, 5_000);
    let from = ZERO / 1_000 + 960;
    assert_eq!(seen.told, [Told::Skipped { from, to: ZERO / 1_000 + 900_000 }, Told::Ended]);
    let hop = seen.shown.windows(2).find(|pair| pair[1].1 - pair[0].1 > 1_000).unwrap();
    assert!(hop[1].0 - hop[0].0 < 60, "{hop:?}");
    assert_eq!(seen.shown.len(), 50);
    assert!(run(&mut film, start, 5_000, 6_000).told.is_empty());
}

#[test]
fn it_waits_for_more_and_holds_only_so_much() {
    let start = Instant::now();
    let mut film = reel(0, true, 1.0);
    load(&mut film, 0, 1);
    let seen = run(&mut film, start, 0, 3_000);
    assert_eq!(seen.shown.last().map(|(_, at)| *at), Some(960));
    assert!(seen.told.is_empty(), "more may come");
    load(&mut film, 1, 2);
    let seen = run(&mut film, start, 10_000, 10_900);
    assert!(seen.shown.len() > 15, "it goes on where it was: {seen:?}");
    assert!(film.has_room());
    load(&mut film, 2, 40);
    assert!(!film.has_room(), "the streamer waits");
    film.close();
    assert!(film.has_room(), "who pushes is not held by a film that is over");
    assert_eq!(film.next(start), Do::Close);
}
