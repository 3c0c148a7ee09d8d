//! Where a recording lies: `CAMERA/YYYY-MM-DD/HH-MM-SS.mp4`, in local time, its thumbnail and its pin beside it. Pure.
//!
//! Two files of one second, of a repeated hour or of a clock that was set back get `-2`, `-3`, …: the file itself holds UTC.

use athome_shared::id::CameraId;
use athome_shared::time::WallTime;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What a recording ends with.
pub const VIDEO: &str = "mp4";
/// The picture beside it.
pub const THUMBNAIL: &str = "jpg";
/// The pin beside it: who has it stays.
pub const PIN: &str = "keep";
/// Where files go that should be recordings and hold nothing that plays.
pub const QUARANTINE: &str = "quarantine";
/// Files of one name; a day of files that all begin in one second is no recording any more.
pub const MOST_OF_ONE_NAME: u32 = 10_000;

/// A recording's path from the folder of recordings, with `/`; `n` counts from 1 until one is free.
pub fn path(camera: &CameraId, began: WallTime, zone: &TimeZone, n: u32) -> String {
    let at = Timestamp::from_microsecond(began.0).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone());
    let suffix = if n > 1 { format!("-{n}") } else { String::new() };
    format!("{camera}/{}{suffix}.{VIDEO}", at.strftime("%Y-%m-%d/%H-%M-%S"))
}

/// The path of what stands beside a recording.
pub fn beside(path: &str, ending: &str) -> String {
    format!("{}.{ending}", path.strip_suffix(".mp4").unwrap_or(path))
}

/// Whose recording a path names; `None` for a path that no recording has.
pub fn camera_of(path: &str) -> Option<CameraId> {
    let mut parts = path.split('/');
    let (camera, day, file) = (parts.next()?, parts.next()?, parts.next()?);
    let stem = file.strip_suffix(".mp4")?;
    let time = stem.get(..8)?;
    let suffix = stem.get(8..)?;
    let count = suffix.is_empty()
        || suffix
            .strip_prefix('-')
            .is_some_and(|n| (1..=5).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()));
    let fits = parts.next().is_none() && is_day(day) && shaped(time, "00-00-00") && count && camera != QUARANTINE;
    CameraId::new(camera).filter(|_| fits)
}

/// Whether a folder is one of a day.
pub fn is_day(name: &str) -> bool {
    shaped(name, "0000-00-00")
}

fn shaped(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(a, b)| if b == b'0' { a.is_ascii_digit() } else { a == b })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone")
    }

    fn name(utc: &str, n: u32) -> String {
        let at: Timestamp = utc.parse().expect("a time");
        path(&CameraId::slug("Front door"), WallTime(at.as_microsecond()), &zone(), n)
    }

    #[test]
    fn a_file_is_named_by_its_camera_and_local_time() {
        assert_eq!(name("2026-11-20T13:05:12.9Z", 1), "front-door/2026-11-20/14-05-12.mp4");
        assert_eq!(name("2026-11-20T23:30:00Z", 1), "front-door/2026-11-21/00-30-00.mp4");
        assert_eq!(beside("a/2026-11-20/14-05-12-2.mp4", THUMBNAIL), "a/2026-11-20/14-05-12-2.jpg");
    }

    #[test]
    fn the_hour_that_comes_twice_gives_one_name_twice_and_the_second_a_number() {
        let (summer, winter) = ("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z");
        assert_eq!(name(summer, 1), "front-door/2026-10-25/02-30-00.mp4");
        assert_eq!(name(winter, 1), name(summer, 1));
        assert_eq!(name(winter, 2), "front-door/2026-10-25/02-30-00-2.mp4");
    }

    #[test]
    fn a_clock_out_of_all_bounds_is_no_panic() {
        let door = CameraId::slug("door");
        for at in [i64::MIN, -1, 0, i64::MAX] {
            assert!(camera_of(&path(&door, WallTime(at), &zone(), 1)).is_some() || at == i64::MIN);
        }
    }

    #[test]
    fn only_what_is_named_as_a_recording_is_one() {
        for n in [1, 2, 10_000] {
            assert_eq!(camera_of(&name("2026-11-20T13:05:12Z", n)), Some(CameraId::slug("front-door")));
        }
        for other in [
            "front-door/2026-11-20/14-05-12.jpg",
            "front-door/2026-11-20/holiday.mp4",
            "front-door/2026-11-20/14-05-12-x.mp4",
            "front-door/14-05-12.mp4",
            "Front/2026-11-20/14-05-12.mp4",
            "../2026-11-20/14-05-12.mp4",
            "a/2026-11-20/b/14-05-12.mp4",
            "quarantine/2026-11-20/14-05-12.mp4",
            "",
        ] {
            assert_eq!(camera_of(other), None, "{other}");
        }
    }
}
