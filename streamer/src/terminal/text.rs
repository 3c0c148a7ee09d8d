//! Text that goes to a terminal: measured in cells, cut to a width, and free of anything that would steer the terminal.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Cells that the text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most `cells` cells, with an ellipsis where something was cut off.
pub fn fit(text: &str, cells: usize) -> String {
    let text = clean(text);
    if width(&text) <= cells {
        return text;
    }
    let mut cut = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > cells {
            break;
        }
        used += wide;
        cut.push(c);
    }
    if cells > 0 {
        cut.push('…');
    }
    cut
}

/// Without control and direction characters: names come from other devices.
pub fn clean(text: &str) -> String {
    text.chars()
        .filter(|c| {
            !c.is_control()
                && !matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .collect()
}

/// Minutes and seconds, rounded up, as a countdown shows them.
pub fn countdown(left: Duration) -> String {
    let secs = left.as_millis().div_ceil(1000);
    format!("{}:{:02}", secs / 60, secs % 60)
}

/// Breaks text into lines of at most `cells` cells at spaces; a word that is longer is cut.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in clean(text).split(' ') {
        if !line.is_empty() && width(&line) + 1 + width(word) > cells {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&fit(word, cells));
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{clean, countdown, fit, width, wrap};

    #[test]
    fn text_is_cut_by_cells_and_says_so() {
        assert_eq!(fit("Front door", 10), "Front door");
        assert_eq!(fit("Front door", 6), "Front…");
        assert_eq!(width(&fit("日本語のカメラ", 6)), 5);
        assert_eq!(fit("x", 0), "");
    }

    #[test]
    fn names_can_not_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\u{202e}c\nd"), "a[2Jbcd");
    }

    #[test]
    fn a_countdown_ends_at_zero_and_never_shows_it_early() {
        assert_eq!(countdown(Duration::from_millis(581_001)), "9:42");
        assert_eq!(countdown(Duration::from_millis(1)), "0:01");
        assert_eq!(countdown(Duration::ZERO), "0:00");
    }

    #[test]
    fn wrapping_keeps_every_word() {
        let lines = wrap("This code has expired. Press p for a new one.", 20);
        assert!(lines.iter().all(|l| width(l) <= 20), "{lines:?}");
        assert_eq!(lines.join(" "), "This code has expired. Press p for a new one.");
    }
}
