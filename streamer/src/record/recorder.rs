//! One camera's recorder: a thread of its own with a cursor on the hub. It looks four times a second at what has come, and blocks
//! on the disk as long as the disk likes: the hub keeps some seconds for it, and never waits.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, Layer};
use athome_shared::media::frame::{Codec, EncodedFrame};
use athome_shared::time::{MediaTime, WallTime};
use serde::Serialize;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::Tell;
use super::disk::is_full;
use super::schedule::{self, Hours};
use super::segment::{Closed, Segment};
use super::store::Store;
use super::trigger::{Action, State, Trigger};
use crate::events::{Cause, DiskTrouble, Events, Kind};
use crate::hub::{From, Hub, Read, Reader, StreamKey};

/// Between two looks at the hub: with a fragment's second, what a crash costs stays under two.
pub(super) const TICK: Duration = Duration::from_millis(250);
/// A camera that gives nothing for so long has no more of this file.
const QUIET: Duration = Duration::from_secs(5);
/// After trouble with the disk, the next file is tried after this long.
const RETRY: Duration = Duration::from_secs(2);
/// A file that is long enough waits so long for a key frame before one is asked for.
const KEY_PATIENCE: Duration = Duration::from_secs(10);

/// The clocks are read so many times, for the reading that was not interrupted.
const CLOCK_READINGS: usize = 3;
/// Longer than the hub keeps anything.
const LONG_AGO: Duration = Duration::from_secs(120);
/// So long after something began to move, it shows what it is.
const SETTLED: Duration = Duration::from_secs(1);

/// What a recorder is told.
#[derive(Debug)]
pub(super) enum Order {
    MotionBegan { began: Instant },
    MotionEnded,
    Start { length: Option<Duration>, done: oneshot::Sender<Status> },
    Stop { done: oneshot::Sender<Result<Status, Goes>> },
}

/// It goes on all the same: it is to be recorded always, or in these hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goes;

/// What a recorder does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    pub recording: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Cause>,
    /// When the file under way began; missing while there are no pictures yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<WallTime>,
    /// When it will end; missing where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<WallTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What the disk did last; gone when a file is complete again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<DiskTrouble>,
}

/// What a recorder is made of.
pub(super) struct Parts {
    pub(super) camera: CameraId,
    pub(super) hub: Hub,
    pub(super) store: Arc<Store>,
    pub(super) events: Events,
    pub(super) trigger: Trigger,
    pub(super) schedule: Vec<Hours>,
    /// A file is at most about this long.
    pub(super) longest: Duration,
    /// Whether the camera has sound now.
    pub(super) has_sound: Box<dyn Fn(&CameraId) -> bool + Send>,
    pub(super) status: Arc<Mutex<Status>>,
    pub(super) tell: Tell,
}

pub(super) struct Recorder {
    parts: Parts,
    /// Keeps the camera encoding for what may be wanted later.
    armed: Option<(Reader, Reader)>,
    run: Option<Run>,
    trouble: Option<DiskTrouble>,
    retry_at: Option<Instant>,
    h265_told: bool,
}

/// A recording under way, of one file after the other.
struct Run {
    why: Cause,
    video: Reader,
    sound: Reader,
    segment: Option<Segment>,
    /// When the last picture came.
    heard: Instant,
    /// When what the thumbnail should show was captured.
    about: Option<Instant>,
}

impl Recorder {
    pub(super) fn new(parts: Parts) -> Self {
        Self { parts, armed: None, run: None, trouble: None, retry_at: None, h265_told: false }
    }

    /// Until nobody can give orders any more; then the file is completed.
    pub(super) fn run(mut self, orders: &Receiver<Order>) {
        loop {
            match orders.recv_timeout(TICK) {
                Ok(order) => {
                    self.order(order, Instant::now());
                    while let Ok(order) = orders.try_recv() {
                        self.order(order, Instant::now());
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.step(Instant::now()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if let Some(mut run) = self.run.take() {
            self.pump(&mut run, Instant::now());
            self.close(&mut run);
        }
    }

    pub(super) fn order(&mut self, order: Order, now: Instant) {
        match order {
            Order::MotionBegan { began } => self.parts.trigger.handle_motion_began(now, began),
            Order::MotionEnded => self.parts.trigger.handle_motion_ended(now),
            Order::Start { length, done } => {
                self.parts.trigger.handle_start(now, length);
                self.step(now);
                let _gone = done.send(self.status());
            }
            Order::Stop { done } => {
                let stops = self.parts.trigger.handle_stop(now);
                self.step(now);
                let _gone = done.send(if stops { Ok(self.status()) } else { Err(Goes) });
            }
        }
        self.step(now);
    }

    /// What is due now.
    pub(super) fn step(&mut self, now: Instant) {
        let place = self.parts.store.place(&self.parts.camera);
        let open = schedule::open(&self.parts.schedule, WallTime::now(), &place.zone);
        self.parts.trigger.handle_schedule(now, open);
        if self.parts.trigger.armed() != self.armed.is_some() {
            self.armed = self.parts.trigger.armed().then(|| self.readers(From::NewestKey));
        }
        while let Some(action) = self.parts.trigger.poll(now) {
            match action {
                Action::Begin { from, why } => self.begin(now, from, why),
                Action::End => {
                    if let Some(mut run) = self.run.take() {
                        self.pump(&mut run, now);
                        self.close(&mut run);
                    }
                    self.parts.trigger.handle_closed();
                }
            }
        }
        if let Some(mut run) = self.run.take() {
            self.pump(&mut run, now);
            self.run = Some(run);
        }
        let status = self.status();
        let why = status.why;
        let before = {
            let mut told = self.parts.status.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *told, status)
        };
        if before.why != why {
            (self.parts.tell)(&self.parts.camera, why);
        }
    }

    fn readers(&self, from: From) -> (Reader, Reader) {
        let Parts { camera, hub, .. } = &self.parts;
        let video = hub.stream(&StreamKey::video(camera, Layer::Full)).subscribe(from);
        // What is recorded, or may be, is never made worse for a viewer's sake.
        video.hold();
        // All the sound there is: what is older than the first picture is left out when that is known.
        let all = Instant::now().checked_sub(LONG_AGO).map_or(from, From::Since);
        (video, hub.stream(&StreamKey::audio(camera)).subscribe(all))
    }

    fn begin(&mut self, now: Instant, from: Instant, why: Cause) {
        let (video, sound) = self.readers(if from < now { From::Since(from) } else { From::NewestKey });
        let about = (why == Cause::Motion).then(|| from + self.parts.trigger.rules().pre + SETTLED);
        self.run = Some(Run { why, video, sound, segment: None, heard: now, about });
        self.parts.events.camera(&self.parts.camera, Kind::RecordingBegan { why });
    }

    /// Takes what has come, in the order of its times.
    fn pump(&mut self, run: &mut Run, now: Instant) {
        let (mut frames, mut lost, mut ended) = (Vec::new(), 0, false);
        for reader in [&mut run.video, &mut run.sound] {
            while let Some(read) = reader.try_next() {
                match read {
                    Read::Frame(frame) => frames.push(frame),
                    Read::Dropped { frames: dropped } => {
                        // Lost sound is silence; lost pictures end the file.
                        lost += if reader.stream().key().track == crate::hub::Track::Audio { 0 } else { dropped };
                        break;
                    }
                    Read::Ended => {
                        ended = true;
                        break;
                    }
                }
            }
        }
        frames.sort_by_key(|frame| frame.pts);
        for frame in &frames {
            self.take(run, frame, now);
        }
        if let Some(segment) = &mut run.segment
            && let Err(why) = segment.write(&*self.parts.store.disk, now)
        {
            self.unwritten(run, &why, now);
        }
        if lost > 0 {
            warn!(camera = %self.parts.camera, lost, "the disk was too slow: pictures between two files are missing");
            self.close(run);
            self.fail(DiskTrouble::Slow, now);
            self.retry_at = None;
        }
        if run.segment.is_some() && now.saturating_duration_since(run.heard) > QUIET {
            self.close(run);
        }
        if ended {
            // The camera was removed; one of the same name may come.
            self.close(run);
            (run.video, run.sound) = self.readers(From::NewestKey);
        }
    }

    fn take(&mut self, run: &mut Run, frame: &Arc<EncodedFrame>, now: Instant) {
        match frame.codec {
            Codec::Opus => {
                if let Some(segment) = &mut run.segment {
                    segment.push(frame);
                }
                return;
            }
            Codec::H265 => {
                if !std::mem::replace(&mut self.h265_told, true) {
                    warn!(camera = %self.parts.camera, "H.265 is not recorded yet");
                }
                return;
            }
            Codec::H264 => {}
        }
        run.heard = run.heard.max(frame.encoded);
        if let Some(segment) = &run.segment {
            let gap = frame.pts.since(segment.newest()) > QUIET;
            let length = segment.length_with(frame);
            let long = length >= self.parts.longest;
            if segment.ends_before(frame) || gap || long && frame.is_key {
                self.close(run);
            } else if length >= self.parts.longest + KEY_PATIENCE {
                run.video.want_key_frame();
            }
        }
        if run.segment.is_none() {
            if self.retry_at.is_some_and(|at| now < at) {
                return;
            }
            if !frame.is_key {
                run.video.want_key_frame();
                return;
            }
            run.segment = Some(self.open(run, frame));
        }
        if let Some(segment) = &mut run.segment {
            segment.push(frame);
        }
    }

    fn open(&self, run: &mut Run, key: &EncodedFrame) -> Segment {
        let Parts { camera, store, has_sound, .. } = &self.parts;
        // By the system's clock as it is now: corrected since the start, it is right from the next file on.
        let began = wall_of(key.captured);
        let after = run.about.take().map_or(Duration::ZERO, |about| about.saturating_duration_since(key.captured));
        let still_at = MediaTime(key.pts.0.saturating_add(MediaTime::from_duration(after).0));
        Segment::new(store.place(camera), began, key, has_sound(camera), still_at)
    }

    /// Completes the file under way, if there is one.
    fn close(&mut self, run: &mut Run) {
        let Some(mut segment) = run.segment.take() else { return };
        let disk = self.parts.store.disk.clone();
        let closed = segment.close(&*disk).or_else(|why| match self.made_room(&why) {
            true => segment.close(&*disk),
            false => Err(why),
        });
        match closed {
            Ok(Some(closed)) => self.closed(&closed, run.why),
            Ok(None) => {}
            Err(why) => self.abandon(&segment, &why),
        }
    }

    fn closed(&mut self, closed: &Closed, why: Cause) {
        self.trouble = None;
        self.parts.store.add(&self.parts.camera, closed, why);
    }

    /// The disk did not take what was to be written.
    fn unwritten(&mut self, run: &mut Run, why: &io::Error, now: Instant) {
        let Some(mut segment) = run.segment.take() else { return };
        if self.made_room(why) && segment.write(&*self.parts.store.disk, now).is_ok() {
            run.segment = Some(segment);
            return;
        }
        // What is there already is completed if it can be.
        match segment.close(&*self.parts.store.disk) {
            Ok(Some(closed)) => self.closed(&closed, run.why),
            Ok(None) => self.fail(trouble(why), now),
            Err(_) => self.abandon(&segment, why),
        }
    }

    /// A file stays as a crash would have left it, and is mended later.
    fn abandon(&mut self, segment: &Segment, why: &io::Error) {
        warn!(camera = %self.parts.camera, file = segment.file(), error = %why, "a recording ended badly");
        if let Some(file) = segment.file() {
            self.parts.store.orphan(file);
        }
        self.fail(trouble(why), Instant::now());
    }

    fn fail(&mut self, trouble: DiskTrouble, now: Instant) {
        self.retry_at = Some(now + RETRY);
        // Told once, until a file is complete again.
        if self.trouble.replace(trouble) != Some(trouble) {
            self.parts.events.camera(&self.parts.camera, Kind::RecordingFailed { why: trouble });
        }
    }

    fn made_room(&self, why: &io::Error) -> bool {
        is_full(why)
            && self.parts.store.make_room().unwrap_or_else(|error| {
                info!(%error, "no room could be made");
                false
            })
    }

    fn status(&self) -> Status {
        let until = match self.parts.trigger.state() {
            State::Recording { until: Some(until) } => {
                let left = until.saturating_duration_since(Instant::now());
                Some(WallTime(WallTime::now().0.saturating_add(i64::try_from(left.as_micros()).unwrap_or(i64::MAX))))
            }
            _ => None,
        };
        let segment = self.run.as_ref().and_then(|run| run.segment.as_ref());
        Status {
            recording: self.run.is_some(),
            why: self.run.as_ref().map(|run| run.why),
            since: segment.map(Segment::began),
            until,
            file: segment.and_then(Segment::file).map(str::to_owned),
            trouble: self.trouble,
        }
    }
}

/// What the system's clock showed then. Both clocks are read at one moment: a thread that has to wait in between would date the
/// whole file wrongly.
fn wall_of(then: Instant) -> WallTime {
    let read = || {
        let before = Instant::now();
        (WallTime::now(), before, Instant::now())
    };
    let apart = |(_, before, after): &(WallTime, Instant, Instant)| after.saturating_duration_since(*before);
    let (wall, _, at) = (0..CLOCK_READINGS).map(|_| read()).min_by_key(apart).unwrap_or_else(read);
    let age = i64::try_from(at.saturating_duration_since(then).as_micros()).unwrap_or(0);
    WallTime(wall.0.saturating_sub(age))
}

fn trouble(why: &io::Error) -> DiskTrouble {
    if is_full(why) { DiskTrouble::Full } else { DiskTrouble::Failed }
}
