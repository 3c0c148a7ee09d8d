//! The send-side bandwidth estimate: the crate's GCC, made readable from outside.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rtc::interceptor::{BandwidthEstimator, EstimatorStats, Gcc, PacketReport};

use super::outbox::Outbox;
use crate::peer::BitrateRange;

/// A change below this share is not reported.
const REPORTED_CHANGE: f64 = 0.05;

/// What the estimate is by now; read by the outlet and the statistics.
#[derive(Debug)]
pub(super) struct Link {
    target_bps: AtomicU32,
    /// Zero while unknown.
    rtt_us: AtomicU32,
}

impl Link {
    pub(super) fn new(target_bps: u32) -> Self {
        Self { target_bps: AtomicU32::new(target_bps), rtt_us: AtomicU32::new(0) }
    }

    pub(super) fn target_bps(&self) -> u32 {
        self.target_bps.load(Ordering::Relaxed)
    }

    /// The shortest time from sending a packet to hearing of it lately: a round trip, and what little the newest packet
    /// waited for the next feedback.
    pub(super) fn rtt(&self) -> Option<Duration> {
        let us = self.rtt_us.load(Ordering::Relaxed);
        (us > 0).then(|| Duration::from_micros(us.into()))
    }
}

/// Feedbacks (ten to twenty a second) over which the shortest round trip is looked for.
const RTT_SAMPLES: usize = 20;

/// Wraps GCC; the crate has no event for its target.
pub(super) struct Estimate {
    gcc: Gcc,
    reported: f64,
    rtts: VecDeque<u32>,
    link: Arc<Link>,
    outbox: Arc<Outbox>,
}

impl Estimate {
    pub(super) fn new(range: BitrateRange, link: Arc<Link>, outbox: Arc<Outbox>) -> Self {
        // GCC panics on an empty range.
        let min = f64::from(range.min.max(10_000));
        let max = f64::from(range.max).max(min);
        let start = f64::from(range.start).clamp(min, max);
        Self { gcc: Gcc::new(start, min, max), reported: start, rtts: VecDeque::new(), link, outbox }
    }
}

impl BandwidthEstimator for Estimate {
    fn on_reports(&mut self, now: Instant, reports: &[PacketReport]) {
        self.gcc.on_reports(now, reports);
        if let Some(newest) = reports.iter().filter(|r| r.arrived).map(|r| r.departure).max() {
            if self.rtts.len() == RTT_SAMPLES {
                self.rtts.pop_front();
            }
            self.rtts.push_back(now.saturating_duration_since(newest).as_micros().clamp(1, 10_000_000) as u32);
            let rtt = self.rtts.iter().min().copied().unwrap_or(0);
            self.link.rtt_us.store(rtt, Ordering::Relaxed);
        }
        let target = self.gcc.target_bitrate();
        self.link.target_bps.store(target as u32, Ordering::Relaxed);
        if (target - self.reported).abs() >= self.reported * REPORTED_CHANGE {
            self.reported = target;
            self.outbox.target_bitrate(target as u32);
        }
    }

    fn target_bitrate(&self) -> f64 {
        self.gcc.target_bitrate()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.gcc.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.gcc.poll_timeout()
    }

    fn stats(&self) -> EstimatorStats {
        self.gcc.stats()
    }
}
