//! Ages and figures as people read them. The decimal mark is an argument: a comma in French.

use std::time::Duration;

/// An age: "0.2 s" under ten seconds, whole seconds up to two minutes, then minutes, then hours.
pub fn age(age: Duration, decimal: char) -> String {
    let ms = age.as_millis();
    match ms {
        0..10_000 => format!("{}{decimal}{} s", ms / 1_000, ms % 1_000 / 100),
        10_000..120_000 => format!("{} s", ms / 1_000),
        120_000..7_200_000 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

/// A figure with so many places after the decimal mark; a dash for what is no number.
pub fn number(value: f64, places: usize, decimal: char) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    format!("{value:.places$}").replace('.', &decimal.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{age, number};

    #[test]
    fn ages_grow_coarser() {
        let said = |ms| age(Duration::from_millis(ms), ',');
        assert_eq!(said(230), "0,2 s");
        assert_eq!(said(9_999), "9,9 s");
        assert_eq!(said(61_000), "61 s");
        assert_eq!(said(180_000), "3 min");
        assert_eq!(said(7_300_000), "2 h");
    }

    #[test]
    fn figures_take_the_mark_of_the_language() {
        assert_eq!(number(1.25, 1, ','), "1,2");
        assert_eq!(number(-3.0, 0, '.'), "-3");
        assert_eq!(number(f64::NAN, 2, '.'), "–");
    }
}
