//! The house's clock, as lists tell it. Pure.

use athome_shared::protocol::past::{MAX_OFFSETS, Zone};
use athome_shared::time::WallTime;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How far the clock is ahead of UTC between two times.
pub(super) fn zone(zone: &TimeZone, from: WallTime, to: WallTime) -> Zone {
    let Ok(start) = Timestamp::from_microsecond(from.0) else { return Zone::default() };
    let changes = zone.following(start).map(|change| (WallTime(change.timestamp().as_microsecond()), change.offset()));
    let offsets = std::iter::once((from, zone.to_offset(start)))
        .chain(changes.take_while(|(at, _)| *at < to))
        .take(MAX_OFFSETS)
        .map(|(at, offset)| (at, offset.seconds()));
    Zone { name: zone.iana_name().map(str::to_owned), offsets: offsets.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_the_clock_are_told() {
        let paris = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
        let at = |text: &str| WallTime(text.parse::<Timestamp>().expect("a time").as_microsecond());
        let (from, to) = (at("2026-10-20T00:00:00Z"), at("2027-04-01T00:00:00Z"));
        let found = zone(&paris, from, to);
        assert_eq!(
            found.offsets,
            [(from, 7_200), (at("2026-10-25T01:00:00Z"), 3_600), (at("2027-03-28T01:00:00Z"), 7_200)]
        );
        let long = zone(&paris, WallTime(0), athome_shared::protocol::past::LATEST);
        assert_eq!(long.offsets.len(), MAX_OFFSETS);
        assert_eq!(zone(&TimeZone::UTC, from, to).offsets, [(from, 0)]);
        assert_eq!(zone(&paris, WallTime(i64::MAX), to), Zone::default());
    }
}
