//! When a frame belongs in a recording. Video and sound count from bases of their own; what joins them is when each was
//! captured, by the streamer's clock, or where that is unknown, when it was received. Pure.

use std::time::Instant;

use athome_shared::peer::ReceivedFrame;
use athome_shared::protocol::control::Attached;
use athome_shared::protocol::wire::SlotKind;
use athome_shared::time::WallTime;

/// Counted times that are this far from the captured ones are set anew: clocks drift, streams are switched.
const APART_US: i64 = 100_000;

/// The times of one recording.
#[derive(Debug, Default)]
pub(super) struct Timelines {
    start: Option<Start>,
    video: Option<Anchor>,
    sound: Option<Anchor>,
}

#[derive(Clone, Copy, Debug)]
struct Start {
    captured: Option<WallTime>,
    received: Instant,
}

/// A timestamp whose time in the file is known.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    epoch: u32,
    rtp: u32,
    at: u64,
}

impl Timelines {
    /// The first video frame is time zero; later ones change nothing.
    pub(super) fn begin(&mut self, frame: &ReceivedFrame) {
        self.start.get_or_insert(Start { captured: frame.captured, received: frame.received });
    }

    /// In ticks of `rate`; `None` for what was captured before the beginning.
    pub(super) fn at(&mut self, content: &Attached, frame: &ReceivedFrame, rate: u32) -> Option<u64> {
        let start = self.start?;
        let (captured, by_capture) = match (start.captured, frame.captured) {
            (Some(start), Some(captured)) => (captured.0.saturating_sub(start.0), true),
            (_, _) => (frame.received.saturating_duration_since(start.received).as_micros() as i64, false),
        };
        let anchor = match content.kind {
            SlotKind::Video => &mut self.video,
            SlotKind::Audio => &mut self.sound,
        };
        let counted = anchor.filter(|anchor| anchor.epoch == content.epoch).and_then(|anchor| {
            let ticks = i64::from(frame.rtp.wrapping_sub(anchor.rtp) as i32);
            anchor.at.checked_add_signed(ticks)
        });
        let at = match counted {
            // Reception jitters, so it decides nothing that counting can.
            Some(at) if !by_capture || (micros(at, rate) - captured).abs() < APART_US => at,
            Some(_) | None => ticks(captured, rate)?,
        };
        *anchor = Some(Anchor { epoch: content.epoch, rtp: frame.rtp, at });
        Some(at)
    }
}

fn micros(ticks: u64, rate: u32) -> i64 {
    i64::try_from(u128::from(ticks) * 1_000_000 / u128::from(rate)).unwrap_or(i64::MAX / 2)
}

fn ticks(micros: i64, rate: u32) -> Option<u64> {
    let micros = u64::try_from(micros).ok()?;
    u64::try_from(u128::from(micros) * u128::from(rate) / 1_000_000).ok()
}
