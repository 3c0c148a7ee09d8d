use athome_shared::id::CameraId;
use athome_shared::time::WallTime;

use super::{EXCESS, FADE, FIRST_AIM, MAX_AIM, MS, Playout};
use crate::settings::CameraKey;
use crate::store::PlaceId;

const PACKET: usize = 960;

fn camera(name: &str) -> CameraKey {
    CameraKey { place: PlaceId([1; 32]), camera: CameraId::slug(name) }
}

/// A source with its own clock and a loudspeaker, both moved by hand.
struct Scene {
    playout: Playout,
    key: CameraKey,
    sent: u64,
    heard: Vec<f32>,
}

impl Scene {
    fn new() -> Self {
        let key = camera("door");
        let mut playout = Playout::default();
        playout.hear(Some((key.clone(), 1.0)));
        Self { playout, key, sent: 0, heard: Vec::new() }
    }

    /// One packet of a 400 Hz tone.
    fn packet(&mut self) {
        let mut samples = Vec::with_capacity(PACKET * 2);
        for n in 0..PACKET as u64 {
            let sample = (((self.sent + n) % 120) as f32 / 120.0 * std::f32::consts::TAU).sin() * 0.5;
            samples.extend([sample, sample]);
        }
        let at = WallTime((self.sent * 1_000_000 / 48_000) as i64);
        self.sent += PACKET as u64;
        self.playout.handle_sound(&self.key.clone(), &samples, Some(at));
    }

    fn fill(&mut self) {
        let mut out = vec![0.0; PACKET * 2];
        self.playout.fill(&mut out, 48_000);
        self.heard.extend(out.chunks_exact(2).map(|frame| frame[0]));
    }

    fn steady(&mut self, packets: usize) {
        for _ in 0..packets {
            self.packet();
            self.fill();
        }
    }

    /// The largest step between neighbours: a click is one.
    fn largest_step(&self) -> f32 {
        self.heard.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max)
    }
}

/// The steepest that the tone itself is.
const TONE_STEP: f32 = 0.5 * std::f32::consts::TAU / 120.0 * 1.1;

/// Runs for so many seconds of a source that is `ppm` fast; lowest and highest level in the last half, and underruns.
fn drift(ppm: f64, seconds: usize, corrected: bool) -> (usize, usize, u64) {
    let mut scene = Scene::new();
    let (mut due, mut low, mut high) = (0.0, usize::MAX, 0);
    let fills = seconds * 50;
    for fill in 0..fills {
        due += 1.0 + ppm / 1e6;
        while due >= 1.0 {
            scene.packet();
            due -= 1.0;
        }
        if !corrected {
            scene.playout.speed = 1.0;
        }
        scene.fill();
        scene.heard.clear();
        if fill > fills / 2 {
            low = low.min(scene.playout.waiting());
            high = high.max(scene.playout.waiting());
        }
    }
    assert_eq!(scene.playout.counts().dropped, 0, "nothing is cut out for a drift");
    (low, high, scene.playout.counts().underruns)
}

#[test]
fn clocks_that_differ_by_200_ppm_for_an_hour_keep_the_buffer_within_bounds() {
    for (ppm, seconds) in [(200.0, 3600), (-200.0, 900)] {
        let (low, high, underruns) = drift(ppm, seconds, true);
        assert_eq!(underruns, 0, "{ppm} ppm");
        assert!(low > 5 * MS && high < FIRST_AIM + 25 * MS, "{ppm} ppm: {low} to {high}");
    }
}

#[test]
fn without_correction_the_same_drift_runs_dry() {
    let (_, _, underruns) = drift(-200.0, 900, false);
    assert!(underruns > 0);
}

#[test]
fn a_burst_after_a_stall_is_the_past_and_is_left_out_without_a_click() {
    let mut scene = Scene::new();
    scene.steady(50);
    for _ in 0..10 {
        scene.fill();
    }
    for _ in 0..50 {
        scene.packet();
    }
    assert!(scene.playout.waiting() <= MAX_AIM + EXCESS);
    scene.steady(50);
    let counts = scene.playout.counts();
    assert_eq!(counts.underruns, 1);
    assert!(counts.dropped > 0);
    assert!(scene.largest_step() < TONE_STEP * 2.0, "{}", scene.largest_step());
    // Where it is: not more than the aim and a packet behind.
    let behind = (scene.sent * 1000 / 48_000) as i64 - scene.playout.position().unwrap().0 / 1000;
    assert!(behind < 200, "{behind} ms");
}

#[test]
fn running_dry_makes_the_buffer_grow_and_quiet_makes_it_shrink() {
    let mut scene = Scene::new();
    for _ in 0..8 {
        scene.steady(20);
        for _ in 0..8 {
            scene.fill();
        }
    }
    let grown = scene.playout.aim;
    assert!(grown >= FIRST_AIM + 75 * MS, "{grown}");
    scene.steady(50 * 300);
    assert!(scene.playout.aim < FIRST_AIM && scene.playout.counts().underruns <= 8, "{}", scene.playout.aim);
}

#[test]
fn nothing_comes_and_nothing_is_played() {
    let mut scene = Scene::new();
    scene.fill();
    scene.steady(20);
    for _ in 0..50 {
        scene.fill();
    }
    let tail = &scene.heard[scene.heard.len() - PACKET * 20..];
    assert!(tail.iter().all(|sample| *sample == 0.0));
    assert!(scene.largest_step() < TONE_STEP * 2.0, "{}", scene.largest_step());
    assert_eq!(scene.playout.position(), None);
}

#[test]
fn only_the_heard_camera_is_played_and_a_switch_does_not_click() {
    let mut scene = Scene::new();
    scene.steady(20);
    let yard = camera("yard");
    scene.playout.handle_sound(&yard, &[1.0; PACKET * 2], None);
    scene.steady(5);
    assert!(scene.heard.iter().all(|sample| sample.abs() <= 0.51), "the other camera is not heard");
    scene.playout.hear(Some((yard.clone(), 0.5)));
    let before = scene.heard.len();
    scene.steady(2);
    assert!(scene.heard[before + FADE..].iter().all(|sample| *sample == 0.0), "the first one is not heard any more");
    for _ in 0..10 {
        scene.playout.handle_sound(&yard, &[0.5; PACKET * 2], None);
        scene.fill();
    }
    assert!((scene.heard.last().unwrap() - 0.25).abs() < 1e-3);
    scene.playout.hear(None);
    scene.fill();
    assert_eq!(scene.heard.last(), Some(&0.0));
    assert!(scene.largest_step() < TONE_STEP * 2.0, "{}", scene.largest_step());
}

#[test]
fn loudness_changes_over_five_milliseconds() {
    let mut scene = Scene::new();
    scene.steady(20);
    scene.playout.hear(Some((scene.key.clone(), 0.0)));
    scene.steady(2);
    assert!(scene.largest_step() < TONE_STEP * 2.0);
    assert_eq!(scene.heard.last(), Some(&0.0));
    scene.playout.hear(Some((scene.key.clone(), f32::NAN)));
    scene.steady(2);
    assert_eq!(scene.heard.last(), Some(&0.0));
}
