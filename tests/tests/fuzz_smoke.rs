//! The short form of fuzzing: every entry point on its seeds and on mutations of them, two seconds each. Same seeds, same
//! random numbers, so a machine that is as fast finds the same. The long form is `make fuzz TARGET=link`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use athome_tests::fuzz::{TARGETS, Target};

const TIME: Duration = Duration::from_secs(2);
const MAX_LEN: usize = 20_000;

/// xorshift64* (Vigna 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n.max(1)
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut paths: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// One to four small changes of one seed, or a splice of two.
fn mutate(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut data = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(data.len() + 1);
        let end = (at + 1 + random.below(16)).min(data.len());
        match random.below(8) {
            0 if at < data.len() => data[at] ^= 1 << random.below(8),
            1 if at < data.len() => data[at] = random.next() as u8,
            2 if at < data.len() => data[at] = [0, 1, 0x7f, 0x80, 0xff, b'\n', b'"', b':'][random.below(8)],
            3 => data.truncate(at),
            4 => data.insert(at, random.next() as u8),
            5 if at < end => drop(data.drain(at..end)),
            6 if at < end => {
                let again = data[at..end].to_vec();
                let times = 1 + random.below(40);
                data.splice(at..at, again.repeat(times));
            }
            _ => {
                let other = &seeds[random.below(seeds.len())];
                data.truncate(at);
                data.extend_from_slice(&other[random.below(other.len() + 1)..]);
            }
        }
    }
    data.truncate(MAX_LEN);
    data
}

/// Runs a target on all seeds, then on mutations for a while; the first input on which it panics.
fn first_fault(run: Target, seeds: &[Vec<u8>], time: Duration) -> Result<usize, Vec<u8>> {
    let (mut random, start, mut runs) = (Random(0x5eed), Instant::now(), 0);
    let mut next = seeds.iter().cloned();
    while runs < seeds.len() || start.elapsed() < time {
        let data = next.next().unwrap_or_else(|| mutate(seeds, &mut random));
        if catch_unwind(AssertUnwindSafe(|| run(&data))).is_err() {
            return Err(data);
        }
        runs += 1;
    }
    Ok(runs)
}

fn smoke(target: &str) {
    let (_, run) = TARGETS.iter().find(|(name, _)| *name == target).expect("a target of this name");
    let seeds = seeds(target);
    assert!(!seeds.is_empty(), "tests/fuzz/seeds/{target} holds no seed");
    match first_fault(*run, &seeds, TIME) {
        Ok(runs) => println!("{target}: {runs} inputs"),
        Err(input) => panic!("{target} fails on {} bytes: {:?}", input.len(), String::from_utf8_lossy(&input)),
    }
}

#[test]
fn link() {
    smoke("link");
}

#[test]
fn sdp() {
    smoke("sdp");
}

#[test]
fn sealed() {
    smoke("sealed");
}

#[test]
fn door() {
    smoke("door");
}

#[test]
fn control() {
    smoke("control");
}

#[test]
fn signal() {
    smoke("signal");
}

#[test]
fn h264() {
    smoke("h264");
}

#[test]
fn rtp() {
    smoke("rtp");
}

#[test]
fn bulk() {
    smoke("bulk");
}

#[test]
fn image() {
    smoke("image");
}

#[test]
fn webcam() {
    smoke("webcam");
}

#[test]
fn mp4() {
    smoke("mp4");
}

#[test]
fn recording() {
    smoke("recording");
}

#[test]
fn film() {
    smoke("film");
}

#[test]
fn zones() {
    smoke("zones");
}

#[test]
fn motion() {
    smoke("motion");
}

#[test]
fn multipart() {
    smoke("multipart");
}

#[test]
fn every_target_is_run_here_and_by_the_fuzzer() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fuzzer = std::fs::read_to_string(manifest.join("fuzz/Cargo.toml")).unwrap();
    let here = include_str!("fuzz_smoke.rs");
    for (name, _) in TARGETS {
        assert!(here.contains(&format!("smoke(\"{name}\")")), "{name} is not run here");
        assert!(fuzzer.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz/Cargo.toml");
        let target = std::fs::read_to_string(manifest.join(format!("fuzz/fuzz_targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("run(\"{name}\"")), "{name}.rs runs something else");
    }
}

/// The control: a fault that only a mutation meets is found.
#[test]
fn a_planted_fault_is_found() {
    fn faulty(data: &[u8]) {
        assert!(!data.windows(2).any(|w| w == [b'}', b'}']), "planted");
    }
    let seeds = vec![br#"{"t":"bye"}"#.to_vec()];
    assert!(first_fault(|_| {}, &seeds, Duration::from_millis(10)).is_ok());
    assert!(first_fault(faulty, &seeds, Duration::from_secs(20)).is_err());
}
