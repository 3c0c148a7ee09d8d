//! Where a picture's time goes. Pure.

use std::time::Duration;

use athome_shared::peer::PeerStats;

use super::model::{Hops, Stats};
use crate::headless::path_kind;
use crate::play::times::Figures;
use crate::settings::CameraKey;

/// What the streamer says of a slot, medians of a second in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SlotFigures {
    pub encode_us: u32,
    /// In the hub and on the way to the socket.
    pub send_us: u32,
}

/// Counters at one time, to take rates between two.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub at: std::time::Instant,
    pub bytes: u64,
    pub lost: u64,
    pub received: u64,
}

/// Joins what the two ends measured. `before` is the time from capture to reception, of which the network has half of a
/// round trip; what the streamer did not account for is the capture itself.
pub fn stats(
    camera: CameraKey,
    peer: &PeerStats,
    figures: Option<Figures>,
    slot: Option<SlotFigures>,
    rate: (f64, f64),
) -> Stats {
    let ms = |d: Duration| d.as_secs_f64() * 1_000.0;
    let round_trip_ms = peer.rtt_ms;
    let hops = figures.zip(slot).and_then(|(figures, slot)| {
        let before = ms(figures.before?);
        let (encode, send) = (f64::from(slot.encode_us) / 1_000.0, f64::from(slot.send_us) / 1_000.0);
        let network = round_trip_ms.map_or(0.0, |rtt| rtt / 2.0).min((before - encode - send).max(0.0));
        let capture = (before - encode - send - network).max(0.0);
        Some(Hops { capture, encode, send, network, decode: ms(figures.decode), show: ms(figures.show) })
    });
    let figures = figures.unwrap_or_default();
    Stats {
        camera: Some(camera),
        path: peer.path.as_ref().map(|(local, remote)| path_kind(local, remote)),
        hops,
        width: figures.width,
        height: figures.height,
        fps: figures.fps,
        bitrate_bps: rate.0,
        lost_percent: rate.1,
        freezes: figures.freezes,
        round_trip_ms,
    }
}

/// Bits a second, and per cent of packets lost, between two samples.
pub fn rate(before: Option<Sample>, now: Sample) -> (f64, f64) {
    let Some(before) = before else { return (0.0, 0.0) };
    let seconds = now.at.saturating_duration_since(before.at).as_secs_f64();
    if seconds <= 0.0 || now.bytes < before.bytes {
        return (0.0, 0.0);
    }
    let bits = (now.bytes - before.bytes) as f64 * 8.0 / seconds;
    let lost = now.lost.saturating_sub(before.lost) as f64;
    let all = lost + now.received.saturating_sub(before.received) as f64;
    (bits, if all > 0.0 { 100.0 * lost / all } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use athome_shared::id::CameraId;
    use athome_shared::peer::PeerStats;

    use super::{Sample, SlotFigures, rate, stats};
    use crate::play::times::Figures;
    use crate::settings::CameraKey;
    use crate::store::PlaceId;

    #[test]
    fn hops_add_up_to_the_age_of_the_picture() {
        let key = CameraKey { place: PlaceId([1; 32]), camera: CameraId::slug("door") };
        let ms = Duration::from_millis;
        let figures = Figures { before: Some(ms(20)), decode: ms(3), show: ms(8), ..Figures::default() };
        let slot = SlotFigures { encode_us: 4_000, send_us: 1_000 };
        let peer = PeerStats { rtt_ms: Some(10.0), ..PeerStats::default() };
        let hops = stats(key.clone(), &peer, Some(figures), Some(slot), (0.0, 0.0)).hops.unwrap();
        assert!((hops.total() - 31.0).abs() < 1e-9, "{hops:?}");
        assert_eq!((hops.network, hops.capture), (5.0, 10.0));
        // A round trip measured in a worse moment takes nothing from the others.
        let peer = PeerStats { rtt_ms: Some(900.0), ..PeerStats::default() };
        let hops = stats(key, &peer, Some(figures), Some(slot), (0.0, 0.0)).hops.unwrap();
        assert!((hops.total() - 31.0).abs() < 1e-9 && hops.capture == 0.0, "{hops:?}");
    }

    #[test]
    fn rates_are_between_two_samples_of_one_connection() {
        let at = Instant::now();
        let one = Sample { at, bytes: 1_000, lost: 0, received: 100 };
        let two = Sample { at: at + Duration::from_secs(2), bytes: 251_000, lost: 5, received: 195 };
        assert_eq!(rate(Some(one), two), (1_000_000.0, 5.0));
        assert_eq!(rate(None, two), (0.0, 0.0));
        assert_eq!(rate(Some(two), Sample { at: two.at + Duration::from_secs(1), ..one }), (0.0, 0.0));
    }
}
