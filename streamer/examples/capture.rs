//! Runs one source and says what it gave, as one JSON object: for checking a device, a clip or the test card without the
//! rest of the streamer.
//!
//! ```text
//! capture SPEC [--mic | --portable] [--seconds N] [--size WxH] [--fps N] [--dump FILE]
//! capture --list
//! ```
//!
//! `--mic` takes SPEC as a microphone's; `--portable` reads a webcam the way of systems other than Linux; `--list` prints the
//! webcams and microphones that there are. `--dump` writes the raw pictures (or the encoded stream, or 32-bit float sound)
//! behind each other. The exit status is 0 where at least one frame or block came.

use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use athome_shared::media::{clock, frame::EncodedFrame};
use athome_shared::time::{MediaClock, WallTime};
use athome_streamer::source::list::{list_cameras, list_microphones};
use athome_streamer::source::webcam::{Memory, Way, Webcam, Which};
use athome_streamer::source::{
    Access, CameraSpec, MicSpec, Opened, PcmBlock, PixelFormat, RawFrame, Sink, Source, Stop, Wish, open_camera,
    open_microphone,
};
use serde_json::{Value, json};

fn main() -> Result<()> {
    let mut spec = None;
    let (mut mic, mut portable, mut seconds, mut wish, mut dump) = (false, false, 5.0, Wish::default(), None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--mic" => mic = true,
            "--portable" => portable = true,
            "--list" => {
                println!("{}", json!({"cameras": list_cameras(), "microphones": list_microphones()}));
                return Ok(());
            }
            "--seconds" => seconds = value()?.parse()?,
            "--fps" => wish.fps = Some(value()?.parse()?),
            "--size" => {
                let size = value()?;
                let (width, height) = size.split_once('x').context("--size is WxH")?;
                wish.size = Some((width.parse()?, height.parse()?));
            }
            "--dump" => dump = Some(File::create(value()?)?),
            _ => spec = Some(argument),
        }
    }
    let Some(spec) = spec else {
        bail!("capture --list | SPEC [--mic | --portable] [--seconds N] [--size WxH] [--fps N] [--dump FILE]")
    };
    let media = MediaClock::new(Instant::now(), WallTime::now());
    let source = if mic {
        open_microphone(&spec.parse::<MicSpec>()?, media)
    } else if portable {
        let which = match spec.parse::<CameraSpec>()? {
            CameraSpec::Webcam => Which::First,
            CameraSpec::WebcamNumber(number) => Which::Number(number),
            CameraSpec::Device(path) => Which::Path(path),
            other => bail!("{other} is not a webcam"),
        };
        Box::new(Webcam::new(which, &wish, Way::Portable, media, Memory::default()))
    } else {
        let mut spec = spec.parse::<CameraSpec>()?;
        let access = Access { login: spec.take_login(), ..Access::default() };
        open_camera(&spec, &wish, &access, media, &Memory::default())
    };
    let report = run(source, Duration::from_secs_f64(seconds), dump);
    println!("{report}");
    if report["frames"] == 0 && report["blocks"] == 0 {
        std::process::exit(1);
    }
    Ok(())
}

fn run(mut source: Box<dyn Source>, length: Duration, dump: Option<File>) -> Value {
    let stop = Stop::default();
    let seen = Seen { state: Mutex::new(State { dump, ..State::default() }) };
    let started = Instant::now();
    let ended = thread::scope(|scope| {
        let running = scope.spawn(|| {
            let ended = source.run(&seen, &stop);
            (ended, thread_cpu())
        });
        while !running.is_finished() && started.elapsed() < length {
            thread::sleep(Duration::from_millis(20));
        }
        stop.stop();
        running.join()
    });
    let took = started.elapsed().as_secs_f64();
    let state = seen.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (error, cpu) = match ended {
        Ok((Ok(()), cpu)) => (Value::Null, cpu),
        Ok((Err(why), cpu)) => (json!({"reason": why.reason, "detail": why.detail}), cpu),
        Err(_) => (json!({"detail": "the source panicked"}), None),
    };
    let span = state.first.zip(state.last).map_or(0.0, |(first, last)| (last - first).as_secs_f64());
    json!({
        "seconds": took,
        "label": state.opened.as_ref().map(|opened| opened.label.clone()),
        "width": state.size.0,
        "height": state.size.1,
        "nominal_fps": state.opened.as_ref().map(|opened| opened.fps),
        "format": state.format,
        "frames": state.frames,
        "key_frames": state.key_frames,
        "fps": if span > 0.0 { (state.frames - 1) as f64 / span } else { 0.0 },
        "bytes": state.bytes,
        "longest_gap_ms": state.longest_gap.as_secs_f64() * 1000.0,
        "clocks_read": state.clocks_read,
        "blocks": state.blocks,
        "audio_seconds": state.audio_samples as f64 / 48_000.0,
        "tone_1khz": state.tone.amplitude(),
        "cpu_ms": cpu.map(|cpu| cpu.as_secs_f64() * 1000.0),
        "error": error,
    })
}

struct Seen {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    opened: Option<Opened>,
    size: (u32, u32),
    format: Option<String>,
    frames: u64,
    key_frames: u64,
    bytes: u64,
    first: Option<Instant>,
    last: Option<Instant>,
    longest_gap: Duration,
    clocks_read: u64,
    blocks: u64,
    audio_samples: u64,
    tone: Goertzel,
    dump: Option<File>,
}

impl State {
    fn frame(&mut self, captured: Instant, data: &[u8]) {
        if let Some(last) = self.last {
            self.longest_gap = self.longest_gap.max(captured.saturating_duration_since(last));
        }
        self.first.get_or_insert(captured);
        self.last = Some(captured);
        self.frames += 1;
        self.write(data);
    }

    fn write(&mut self, data: &[u8]) {
        self.bytes += data.len() as u64;
        if let Some(file) = &mut self.dump
            && let Err(why) = file.write_all(data)
        {
            eprintln!("--dump: {why}");
            self.dump = None;
        }
    }
}

impl Sink for Seen {
    fn opened(&self, opened: Opened) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).opened = Some(opened);
    }

    fn raw(&self, frame: RawFrame) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.size = (frame.width, frame.height);
        state.format = Some(format!("{:?}", frame.format));
        if matches!(frame.format, PixelFormat::I420 | PixelFormat::Nv12) {
            let (width, height) = (frame.width as usize, frame.height as usize);
            state.clocks_read += u64::from(clock::read_clock(&frame.data, width, width, height).is_some());
        }
        state.frame(frame.captured, &frame.data);
    }

    fn encoded(&self, frame: EncodedFrame) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.format = Some(format!("{:?}", frame.codec));
        state.size = state.opened.as_ref().map_or((0, 0), |opened| (opened.width, opened.height));
        state.key_frames += u64::from(frame.is_key);
        state.frame(frame.captured, &frame.data);
    }

    fn pcm(&self, block: PcmBlock) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.blocks += 1;
        let channels = usize::from(block.channels.max(1));
        state.audio_samples += (block.samples.len() / channels) as u64;
        for sample in block.samples.iter().step_by(channels) {
            state.tone.push(*sample);
        }
        if state.opened.as_ref().is_none_or(|opened| opened.width == 0) {
            let bytes: Vec<u8> = block.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            state.write(&bytes);
        }
    }
}

/// How much of 1 kHz there is, in windows of 100 ms.
#[derive(Default)]
struct Goertzel {
    last: [f64; 2],
    samples: u32,
    best: f64,
}

impl Goertzel {
    const WINDOW: u32 = 4800;

    fn push(&mut self, sample: f32) {
        let turn = std::f64::consts::TAU * 1000.0 / 48_000.0;
        let next = f64::from(sample) + 2.0 * turn.cos() * self.last[0] - self.last[1];
        self.last = [next, self.last[0]];
        self.samples += 1;
        if self.samples == Self::WINDOW {
            let [a, b] = self.last;
            let power = a * a + b * b - 2.0 * turn.cos() * a * b;
            self.best = self.best.max(2.0 * power.max(0.0).sqrt() / f64::from(Self::WINDOW));
            *self = Self { best: self.best, ..Self::default() };
        }
    }

    /// The largest amplitude of any window.
    fn amplitude(&self) -> f64 {
        self.best
    }
}

/// Time that the calling thread has had a processor; Linux only.
fn thread_cpu() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(stat.split(' ').next()?.parse().ok()?))
}
