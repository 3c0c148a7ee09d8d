//! The encoder threads of one camera: one for each layer, the small one fed by the full one, which converts for both.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::control::{Control, Range};
use super::convert::{Converter, Picture, Shrinker};
use super::h264::{Encoder, suitable_bitrate};
use super::mailbox::Mailbox;
use super::mask::{Blackout, Private};
use super::rate::FrameRate;
use crate::hub::{Demand, Stream};
use crate::source::RawFrame;

/// Nothing is shown older than this: a viewer who comes after the camera went silent waits for a new picture.
const NEWEST_AGE: Duration = Duration::from_secs(1);
/// The encoder is told of another frame rate when the measured one is off by this share.
const RATE_HYSTERESIS: f32 = 0.15;
/// A broken picture is worth one line in this time.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);
/// Below these a picture is worth little; a reader that can't take them loses frames instead.
const FULL_FLOOR_BPS: u32 = 150_000;
const SMALL_FLOOR_BPS: u32 = 60_000;

/// Encodes a camera's raw frames for both layers. Dropping it ends its threads, which takes at most the picture in work.
pub struct VideoEncoders {
    frames: Arc<Mailbox<RawFrame>>,
    pictures: Arc<Mailbox<Picture>>,
    threads: Vec<JoinHandle<()>>,
}

/// What the encoders have to keep to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Of the full layer, in bits a second; `None` for what suits the size.
    pub ceiling_bps: Option<u32>,
    /// Nominal frames a second; zero while unknown.
    pub fps: f32,
}

impl VideoEncoders {
    /// Starts the threads. They sleep while nobody wants a layer. What is `private` is black before anything is encoded.
    pub fn start(
        name: &str,
        full: Arc<Stream>,
        small: Arc<Stream>,
        limits: Limits,
        private: Arc<Private>,
    ) -> std::io::Result<Self> {
        let mut encoders = Self { frames: Arc::default(), pictures: Arc::default(), threads: Vec::new() };
        let small_layer = SmallLayer {
            inbox: encoders.pictures.clone(),
            source: encoders.frames.clone(),
            shrinker: Shrinker::default(),
            layer: Layer::new(small.clone(), Limits { ceiling_bps: None, ..limits }, SMALL_FLOOR_BPS),
        };
        let full_layer = FullLayer {
            inbox: encoders.frames.clone(),
            outbox: encoders.pictures.clone(),
            converter: Converter::default(),
            blackout: Blackout::new(private),
            layer: Layer::new(full, limits, FULL_FLOOR_BPS),
            small,
            newest: None,
            complained: None,
        };
        encoders.spawn(format!("{name} full"), move || full_layer.run())?;
        encoders.spawn(format!("{name} small"), move || small_layer.run())?;
        Ok(encoders)
    }

    fn spawn(&mut self, name: String, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        self.threads.push(std::thread::Builder::new().name(name.chars().take(15).collect()).spawn(run)?);
        Ok(())
    }

    /// A new picture; one that waited for the encoder is dropped and counted. Never waits.
    pub fn post(&self, frame: RawFrame) {
        self.frames.post(frame);
    }

    /// Pictures dropped because the encoder was busy with an older one (or asleep, which is no loss).
    pub fn overwritten(&self) -> u64 {
        self.frames.overwritten() + self.pictures.overwritten()
    }
}

impl Drop for VideoEncoders {
    fn drop(&mut self) {
        self.frames.close();
        self.pictures.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("an encoder thread panicked");
            }
        }
    }
}

/// Converts, feeds the small layer, encodes the full one.
struct FullLayer {
    inbox: Arc<Mailbox<RawFrame>>,
    outbox: Arc<Mailbox<Picture>>,
    converter: Converter,
    blackout: Blackout,
    layer: Layer,
    small: Arc<Stream>,
    /// The last frame, until it is encoded: who comes between two frames need not wait for the next.
    newest: Option<RawFrame>,
    complained: Option<Instant>,
}

impl FullLayer {
    fn run(mut self) {
        self.inbox.own();
        self.layer.stream.wake_on_demand(Some(std::thread::current()));
        while !self.inbox.closed() {
            if let Some(frame) = self.inbox.take() {
                self.layer.rate.count(frame.captured);
                self.newest = Some(frame);
            }
            // A codec library that panics on a device's bytes costs a picture, not the camera.
            let done = catch_unwind(AssertUnwindSafe(|| self.encode_newest())).unwrap_or_else(|_| {
                tracing::error!(camera = %self.layer.stream.key().camera, "a picture made the encoder panic");
                self.converter = Converter::default();
                true
            });
            if !done {
                std::thread::park();
            }
        }
        self.layer.stream.wake_on_demand(None);
    }

    /// False if there was nothing to do.
    fn encode_newest(&mut self) -> bool {
        let (full, small) = (self.layer.stream.peek_demand().wanted, self.small.peek_demand().wanted);
        if !full {
            self.layer.idle();
        }
        if !(full || small) {
            return false;
        }
        let Some(frame) = self.newest.take().filter(|frame| frame.captured.elapsed() < NEWEST_AGE) else {
            return false;
        };
        match self.converter.to_i420(&frame) {
            Ok(picture) => {
                let picture = self.blackout.apply(picture);
                if small {
                    self.outbox.post(picture.clone());
                }
                if full {
                    self.layer.encode(&picture);
                }
            }
            Err(why) => complain(&mut self.complained, &self.layer.stream, &why),
        }
        true
    }
}

/// Shrinks and encodes the small layer.
struct SmallLayer {
    inbox: Arc<Mailbox<Picture>>,
    /// Where the full layer waits for frames; woken when the small layer becomes wanted.
    source: Arc<Mailbox<RawFrame>>,
    shrinker: Shrinker,
    layer: Layer,
}

impl SmallLayer {
    fn run(mut self) {
        self.inbox.own();
        self.layer.stream.wake_on_demand(Some(std::thread::current()));
        while !self.inbox.closed() {
            if let Some(picture) = self.inbox.take() {
                self.layer.rate.count(picture.captured);
                let small = self.shrinker.shrink(&picture);
                self.layer.encode(&small);
                continue;
            }
            if self.layer.stream.peek_demand().wanted {
                self.source.wake();
            } else {
                self.layer.idle();
            }
            std::thread::park();
        }
        self.layer.stream.wake_on_demand(None);
    }
}

/// One layer's encoder and its decisions.
struct Layer {
    stream: Arc<Stream>,
    limits: Limits,
    floor_bps: u32,
    running: Option<Running>,
    rate: FrameRate,
    complained: Option<Instant>,
}

struct Running {
    encoder: Encoder,
    control: Control,
    size: (u32, u32),
}

impl Layer {
    fn new(stream: Arc<Stream>, limits: Limits, floor_bps: u32) -> Self {
        Self { stream, limits, floor_bps, running: None, rate: FrameRate::default(), complained: None }
    }

    /// Nobody wants it; the next picture begins with a key frame.
    fn idle(&mut self) {
        if let Some(running) = &mut self.running {
            running.control.handle_picture(Instant::now(), Demand::default());
        }
    }

    fn encode(&mut self, picture: &Picture) {
        let fps = self.rate.measured().unwrap_or(self.limits.fps);
        let size = (picture.width, picture.height);
        if self.running.as_ref().is_none_or(|running| running.size != size) {
            self.running = Some(self.start(size, fps));
        }
        let Some(running) = &mut self.running else { return };
        let Some(plan) = running.control.handle_picture(Instant::now(), self.stream.demand()) else { return };
        let reckoned = running.encoder.frame_rate();
        let mut encoded = running.encoder.set_bitrate(plan.bitrate_bps);
        if fps > 0.0 && (fps - reckoned).abs() > reckoned * RATE_HYSTERESIS {
            encoded = encoded.and(running.encoder.set_frame_rate(fps));
        }
        match encoded.and_then(|()| running.encoder.encode(picture, plan.key_frame)) {
            Ok(Some(frame)) => {
                let (at, is_key) = (frame.encoded, frame.is_key);
                self.stream.publish(frame);
                running.control.handle_encoded(at, is_key);
            }
            // Skipped to keep to the bitrate.
            Ok(None) => {}
            Err(why) => {
                complain(&mut self.complained, &self.stream, &why);
                self.running = None;
            }
        }
    }

    fn start(&self, size: (u32, u32), fps: f32) -> Running {
        let nominal = if fps > 0.0 { fps } else { 30.0 };
        let ceiling_bps = self.limits.ceiling_bps.unwrap_or_else(|| suitable_bitrate(size.0, size.1, nominal));
        Running {
            encoder: Encoder::new(ceiling_bps, nominal),
            control: Control::new(Range { floor_bps: self.floor_bps, ceiling_bps }),
            size,
        }
    }
}

fn complain(last: &mut Option<Instant>, stream: &Stream, why: &dyn std::error::Error) {
    let now = Instant::now();
    if last.is_none_or(|last| now.duration_since(last) >= COMPLAIN_EVERY) {
        *last = Some(now);
        tracing::warn!(camera = %stream.key().camera, %why, "a picture could not be encoded");
    }
}
