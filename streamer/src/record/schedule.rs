//! Hours in which a camera records: `"22:00-06:00"`, `"Mon-Fri 08:00-18:00"`, `"Sat,Sun 00:00-24:00"`, in local time. Pure.

use std::str::FromStr;

use athome_shared::time::WallTime;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::words::Problem;

/// One line of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Bit 0 is Monday. Hours past midnight belong to the day on which they began.
    days: u8,
    /// Minutes since midnight; an end that is not later is on the next day.
    from: u16,
    to: u16,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY: u16 = 24 * 60;

/// Whether any of the lines holds at a time.
pub fn open(schedule: &[Hours], at: WallTime, zone: &TimeZone) -> bool {
    let Ok(at) = Timestamp::from_microsecond(at.0) else { return false };
    let at = at.to_zoned(zone.clone());
    let day = u8::try_from(at.weekday().to_monday_zero_offset()).unwrap_or(0);
    let minute = u16::from(at.hour().unsigned_abs()) * 60 + u16::from(at.minute().unsigned_abs());
    schedule.iter().any(|hours| hours.hold(day, minute))
}

impl Hours {
    fn hold(self, day: u8, minute: u16) -> bool {
        let on = |day: u8| self.days >> day & 1 == 1;
        if self.from < self.to {
            return on(day) && (self.from..self.to).contains(&minute);
        }
        on(day) && minute >= self.from || on((day + 6) % 7) && minute < self.to
    }
}

impl FromStr for Hours {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let wrong = || Problem::Hours;
        let (days, times) = match text.trim().rsplit_once(' ') {
            Some((days, times)) => (read_days(days).ok_or_else(wrong)?, times),
            None => (0x7f, text.trim()),
        };
        let (from, to) = times.split_once('-').ok_or_else(wrong)?;
        let (from, to) = (read_time(from).ok_or_else(wrong)?, read_time(to).ok_or_else(wrong)?);
        if from == to || from == DAY {
            return Err(wrong());
        }
        Ok(Self { days, from, to })
    }
}

fn read_days(text: &str) -> Option<u8> {
    let day = |name: &str| DAYS.iter().position(|day| name.trim().eq_ignore_ascii_case(day));
    let mut days = 0;
    for part in text.split(',') {
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (day(first)?, day(last)?),
            None => (day(part)?, day(part)?),
        };
        // From Friday to Monday goes over the weekend.
        let length = (last + 7 - first) % 7;
        (0..=length).for_each(|n| days |= 1 << ((first + n) % 7));
    }
    Some(days)
}

fn read_time(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    let (hours, minutes): (u16, u16) =
        (hours.parse().ok().filter(|_| digits(hours))?, minutes.parse().ok().filter(|_| digits(minutes))?);
    let time = hours * 60 + minutes;
    (minutes < 60 && time <= DAY).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(line: &str, utc: &str) -> bool {
        let at: Timestamp = utc.parse().expect("a time");
        open(&[line.parse().expect(line)], WallTime(at.as_microsecond()), &TimeZone::UTC)
    }

    #[test]
    fn hours_hold_on_their_days_and_past_midnight() {
        // 20 November 2026 is a Friday.
        assert!(holds("08:00-18:00", "2026-11-20T08:00:00Z") && !holds("08:00-18:00", "2026-11-20T18:00:00Z"));
        assert!(holds("22:00-06:00", "2026-11-20T23:59:00Z") && holds("22:00-06:00", "2026-11-20T05:59:00Z"));
        assert!(!holds("22:00-06:00", "2026-11-20T12:00:00Z"));
        assert!(holds("Mon-Fri 08:00-18:00", "2026-11-20T09:00:00Z"));
        assert!(!holds("Mon-Fri 08:00-18:00", "2026-11-21T09:00:00Z"));
        assert!(holds("Fri 22:00-06:00", "2026-11-21T05:00:00Z"), "Friday's night");
        assert!(!holds("Fri 22:00-06:00", "2026-11-20T05:00:00Z"), "Thursday's night");
        assert!(holds("Fri-Mon 00:00-24:00", "2026-11-22T23:59:59Z"));
        assert!(holds("sat, SUN 10:00-11:00", "2026-11-21T10:30:00Z"));
        assert!(!open(&[], WallTime(0), &TimeZone::UTC));
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for line in [
            "",
            "8-18",
            "08:00",
            "08:00-08:00",
            "25:00-26:00",
            "08:60-09:00",
            "Mo 08:00-09:00",
            "24:00-06:00",
            "-1:00-02:00",
        ] {
            assert!(line.parse::<Hours>().is_err(), "{line}");
        }
    }
}
