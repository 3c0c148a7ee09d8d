//! A slot's feed: one reader of the hub, one slot of one peer connection, and nothing between them but a reference.
//! On the hot path: no lock is held across a wait, no payload is copied, nothing is logged above trace.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use athome_shared::media::frame::EncodedFrame;
use athome_shared::peer::Sender;
use athome_shared::time::{MediaClock, MediaTime};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::trace;

use crate::hub::{Read, Reader};

/// How often a video slot reports its figures.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How often a key frame is asked for again while the connection takes no frames.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Where a slot is on its RTP time line: it never goes back, so that a timestamp says which content a frame is of.
#[derive(Debug)]
pub struct TimeLine {
    /// The first position that is still free, in media time.
    free: AtomicI64,
}

impl TimeLine {
    /// Nothing was sent yet.
    pub fn new() -> Self {
        Self { free: AtomicI64::new(i64::MIN) }
    }

    /// Where content that is attached at `now` begins.
    pub fn attach(&self, now: MediaTime) -> MediaTime {
        let from = self.free.load(Ordering::Relaxed).max(now.0);
        self.free.store(from, Ordering::Relaxed);
        MediaTime(from)
    }

    /// The position for a frame of `pts`. Frames from before the attach (a camera's own group of pictures is sent from its
    /// key frame on) are squeezed into single ticks behind it, so that they are decoded at once and shown for no time.
    pub fn place(&self, pts: MediaTime) -> MediaTime {
        let at = self.free.load(Ordering::Relaxed).max(pts.0);
        self.free.store(at + 1, Ordering::Relaxed);
        MediaTime(at)
    }
}

impl Default for TimeLine {
    fn default() -> Self {
        Self::new()
    }
}

/// What the session wants of a feed; the latest counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wish {
    /// Grows with each request for a key frame.
    keys: u32,
    target_bps: Option<u32>,
}

/// A video slot's last second, in microseconds (medians), frames and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub slot: u8,
    pub epoch: u32,
    pub encode_us: u32,
    pub hub_us: u32,
    pub send_us: u32,
    pub frames: u32,
    pub bytes: u32,
    pub dropped: u32,
    pub target_bps: u32,
}

/// A running feed. Dropping it ends it; [`Feed::stop`] also waits until it writes no more.
pub struct Feed {
    task: JoinHandle<()>,
    wish: watch::Sender<Wish>,
}

impl Feed {
    /// Feeds a video slot. `reports` is told once a second; when it is full, that second's figures are dropped.
    pub fn video(
        sender: Arc<Sender>,
        slot: u8,
        epoch: u32,
        reader: Reader,
        line: Arc<TimeLine>,
        clock: MediaClock,
        reports: mpsc::Sender<Figures>,
    ) -> Self {
        let (wish, wishes) = watch::channel(Wish::default());
        let feed = VideoFeed { sender, slot, epoch, reader, line, clock, reports, broken: None };
        Self { task: tokio::spawn(feed.run(wishes)), wish }
    }

    /// Feeds a sound slot. Packets from before the attach are dropped: late sound is worse than none.
    pub fn audio(sender: Arc<Sender>, slot: u8, mut reader: Reader, line: Arc<TimeLine>, clock: MediaClock) -> Self {
        let (wish, _) = watch::channel(Wish::default());
        let from = line.attach(MediaTime(i64::MIN));
        let task = tokio::spawn(async move {
            loop {
                match reader.next().await {
                    Read::Frame(frame) if frame.pts < from => {}
                    Read::Frame(frame) => {
                        line.place(frame.pts);
                        // Before the connection stands, or after it fell: sound that nobody can hear is not kept.
                        let _unsent = sender.send_audio(slot, &frame, clock.wall(frame.captured)).await;
                    }
                    Read::Dropped { .. } => {}
                    Read::Ended => return,
                }
            }
        });
        Self { task, wish }
    }

    /// Asks the stream for a key frame.
    pub fn want_key_frame(&self) {
        self.wish.send_modify(|wish| wish.keys = wish.keys.wrapping_add(1));
    }

    /// Says what this viewer can take of the stream.
    pub fn set_target_bps(&self, bps: u32) {
        self.wish.send_if_modified(|wish| wish.target_bps.replace(bps) != Some(bps));
    }

    /// Ends the feed; afterwards it writes nothing more.
    pub async fn stop(mut self) {
        self.task.abort();
        // Cancelled is what was asked for; a panic was reported where it happened.
        let _ended = (&mut self.task).await;
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct VideoFeed {
    sender: Arc<Sender>,
    slot: u8,
    epoch: u32,
    reader: Reader,
    line: Arc<TimeLine>,
    clock: MediaClock,
    reports: mpsc::Sender<Figures>,
    /// A frame could not be sent, and a key frame was asked for then.
    broken: Option<Instant>,
}

impl VideoFeed {
    async fn run(mut self, mut wishes: watch::Receiver<Wish>) {
        let mut second = Second::default();
        let mut keys = 0;
        let mut report = tokio::time::interval(REPORT_EVERY);
        report.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                changed = wishes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let wish = *wishes.borrow_and_update();
                    if wish.keys != keys {
                        keys = wish.keys;
                        self.reader.want_key_frame();
                    }
                    if let Some(bps) = wish.target_bps {
                        second.target_bps = bps;
                        self.reader.set_target_bps(bps);
                    }
                }
                _ = report.tick() => {
                    // Full: the session is busy, and the next second has its own figures.
                    let _dropped = self.reports.try_send(second.figures(self.slot, self.epoch));
                }
                read = self.reader.next() => match read {
                    Read::Frame(frame) => self.send(&frame, &mut second).await,
                    Read::Dropped { frames } => second.dropped = second.dropped.saturating_add(frames),
                    Read::Ended => return,
                },
            }
        }
    }

    async fn send(&mut self, frame: &EncodedFrame, second: &mut Second) {
        let read = Instant::now();
        if let Some(asked) = self.broken
            && !frame.is_key
        {
            // Frames that build on one that was not sent are no use.
            if read.duration_since(asked) >= ASK_AGAIN {
                self.broken = Some(read);
                self.reader.want_key_frame();
            }
            return;
        }
        let captured = self.clock.wall(frame.captured);
        let pts = self.line.place(frame.pts);
        let sent = if pts == frame.pts {
            self.sender.send_video(self.slot, frame, captured).await
        } else {
            self.sender.send_video(self.slot, &EncodedFrame { pts, ..frame.clone() }, captured).await
        };
        match sent {
            Ok(_) => {
                self.broken = None;
                second.add(frame, read, Instant::now());
            }
            Err(error) => {
                trace!(slot = self.slot, "frame not sent: {error}");
                second.dropped = second.dropped.saturating_add(1);
                if self.broken.is_none() {
                    self.broken = Some(read);
                    self.reader.want_key_frame();
                }
            }
        }
    }
}

/// One second's samples. At most [`Second::MOST`] of each are kept; a camera is never that fast.
#[derive(Debug, Default)]
struct Second {
    encode: Vec<u32>,
    hub: Vec<u32>,
    send: Vec<u32>,
    frames: u32,
    bytes: u32,
    dropped: u64,
    target_bps: u32,
}

impl Second {
    const MOST: usize = 256;

    fn add(&mut self, frame: &EncodedFrame, read: Instant, sent: Instant) {
        self.frames = self.frames.saturating_add(1);
        self.bytes = self.bytes.saturating_add(u32::try_from(frame.data.len()).unwrap_or(u32::MAX));
        if self.encode.len() < Self::MOST {
            self.encode.push(micros(frame.captured, frame.encoded));
            self.hub.push(micros(frame.encoded, read));
            self.send.push(micros(read, sent));
        }
    }

    fn figures(&mut self, slot: u8, epoch: u32) -> Figures {
        let figures = Figures {
            slot,
            epoch,
            encode_us: median(&mut self.encode),
            hub_us: median(&mut self.hub),
            send_us: median(&mut self.send),
            frames: self.frames,
            bytes: self.bytes,
            dropped: u32::try_from(self.dropped).unwrap_or(u32::MAX),
            target_bps: self.target_bps,
        };
        (self.frames, self.bytes, self.dropped) = (0, 0, 0);
        figures
    }
}

fn micros(from: Instant, to: Instant) -> u32 {
    u32::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u32::MAX)
}

/// Takes the median and empties the list.
fn median(samples: &mut Vec<u32>) -> u32 {
    samples.sort_unstable();
    let median = samples.get(samples.len() / 2).copied().unwrap_or(0);
    samples.clear();
    median
}

#[cfg(test)]
mod tests {
    use athome_shared::time::MediaTime;

    use super::{TimeLine, median};

    #[test]
    fn a_slot_never_goes_back_on_its_time_line() {
        let line = TimeLine::new();
        assert_eq!(line.attach(MediaTime(1_000)), MediaTime(1_000));
        // A camera's own group of pictures, begun before the attach.
        assert_eq!(line.place(MediaTime(400)), MediaTime(1_000));
        assert_eq!(line.place(MediaTime(700)), MediaTime(1_001));
        assert_eq!(line.place(MediaTime(4_000)), MediaTime(4_000));
        // The next camera begins behind everything of the last one, although the clock lags behind.
        assert_eq!(line.attach(MediaTime(3_500)), MediaTime(4_001));
        assert_eq!(line.place(MediaTime(3_600)), MediaTime(4_001));
    }

    #[test]
    fn the_median_leaves_an_empty_list() {
        let mut samples = vec![9, 1, 5];
        assert_eq!((median(&mut samples), samples.len()), (5, 0));
        assert_eq!(median(&mut samples), 0);
    }
}
