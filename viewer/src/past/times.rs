//! Moments as people of the house read them.

use super::axis::{Label, Says, Which, repeated};
use super::zone::Zone;
use super::{DAY, HOUR, MINUTE, Ms, SECOND};
use crate::words::past::Word;
use crate::words::{Lang, calendar};

/// Moments in a language.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub lang: Lang,
}

impl Times {
    /// What a label of the axis says.
    pub fn label(self, label: &Label) -> String {
        match label.says {
            Says::Day => self.day_and_month(label.local),
            Says::Minutes => self.season(minutes(label.local), label.which),
            Says::Seconds => self.season(seconds(label.local), label.which),
        }
    }

    /// "14:05:12".
    pub fn time(self, zone: &Zone, at: Ms) -> String {
        self.season(seconds(zone.local(at)), repeated(zone, at))
    }

    /// "14:05".
    pub fn minutes(self, zone: &Zone, at: Ms) -> String {
        self.season(minutes(zone.local(at)), repeated(zone, at))
    }

    /// "Wed 18 Nov".
    pub fn day(self, zone: &Zone, at: Ms) -> String {
        let local = zone.local(at);
        format!("{} {}", calendar::weekday_short(self.lang, weekday(local)), self.day_and_month(local))
    }

    /// "Wednesday 18 November".
    pub fn day_long(self, zone: &Zone, at: Ms) -> String {
        let local = zone.local(at);
        let (day, month) = date(local).map_or((1, 1), |date| (date.day(), date.month()));
        let (weekday, month) = (calendar::weekday(self.lang, weekday(local)), calendar::month(self.lang, month));
        format!("{weekday} {day} {month}")
    }

    fn day_and_month(self, local: Ms) -> String {
        let (day, month) = date(local).map_or((1, 1), |date| (date.day(), date.month()));
        format!("{day} {}", calendar::month_short(self.lang, month))
    }

    /// "12 s", "1 min 30 s", "2 h 5 min".
    pub fn length(self, ms: Ms) -> String {
        let s = ((ms + SECOND / 2) / SECOND).max(1);
        let unit = |word: Word, n: Ms| (n != 0).then(|| word.with(self.lang, &[("n", &n.to_string())]));
        let parts = if s < HOUR / SECOND {
            [unit(Word::UnitMin, s / 60), unit(Word::UnitS, s % 60)]
        } else {
            [unit(Word::UnitH, s / 3_600), unit(Word::UnitMin, s / 60 % 60)]
        };
        parts.into_iter().flatten().collect::<Vec<_>>().join("\u{a0}")
    }

    /// How much of the time is shown: "Week", "6 h".
    pub fn span(self, ms: Ms) -> String {
        match ms {
            _ if ms == 31 * DAY => Word::SpanMonth.text(self.lang),
            _ if ms == 7 * DAY => Word::SpanWeek.text(self.lang),
            DAY => Word::SpanDay.text(self.lang),
            HOUR.. => Word::UnitH.with(self.lang, &[("n", &(ms / HOUR).to_string())]),
            MINUTE.. => Word::UnitMin.with(self.lang, &[("n", &(ms / MINUTE).to_string())]),
            _ => Word::UnitS.with(self.lang, &[("n", &(ms / SECOND).to_string())]),
        }
    }

    fn season(self, time: String, which: Option<Which>) -> String {
        match which {
            None => time,
            Some(Which::First) => Word::Summer.with(self.lang, &[("time", &time)]),
            Some(Which::Second) => Word::Winter.with(self.lang, &[("time", &time)]),
        }
    }
}

/// What was typed as a date and a time of day (`2026-11-18`, `14:05:12` or `14:05`), as local time. Forgiving in what
/// stands between the numbers.
pub fn typed(date: &str, time: &str) -> Option<Ms> {
    let numbers = |text: &str| -> Option<Vec<i32>> {
        let parts = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
        parts.map(|part| part.parse().ok()).collect()
    };
    let (year, month, day) = match numbers(date)?.as_slice() {
        [year, month, day] => (*year, *month, *day),
        _ => return None,
    };
    let (hour, minute, second) = match numbers(time)?.as_slice() {
        [hour, minute] => (*hour, *minute, 0),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return None,
    };
    let small = |n: i32| i8::try_from(n).ok();
    let date = jiff::civil::Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
    let time = jiff::civil::Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    let at = date.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(at.timestamp().as_millisecond())
}

/// A moment's date and time of day as they are typed.
pub fn to_type(zone: &Zone, at: Ms) -> (String, String) {
    let local = zone.local(at);
    let date = date(local).map(|date| date.to_string()).unwrap_or_default();
    (date, seconds(local))
}

fn clock(local: Ms) -> (Ms, Ms, Ms) {
    let s = local.rem_euclid(DAY) / SECOND;
    (s / 3_600, s / 60 % 60, s % 60)
}

fn minutes(local: Ms) -> String {
    let (h, m, _) = clock(local);
    format!("{h:02}:{m:02}")
}

fn seconds(local: Ms) -> String {
    let (h, m, s) = clock(local);
    format!("{h:02}:{m:02}:{s:02}")
}

/// From Monday, 0.
fn weekday(local: Ms) -> usize {
    (local.div_euclid(DAY) + 3).rem_euclid(7) as usize
}

fn date(local: Ms) -> Option<jiff::civil::Date> {
    let at = jiff::Timestamp::from_millisecond(local).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_datetime(at).date())
}
