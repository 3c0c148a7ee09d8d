//! Names that others chose and that we show.

/// Longest label in bytes.
const MAX_LEN: usize = 64;

/// A device's or place's name made fit to show: without control and direction characters (which could make one name look
/// like another), without white space around, at most 64 bytes, cut between characters. `None` where nothing is left.
pub fn label(text: &str) -> Option<String> {
    let mut label = String::new();
    for c in text.chars().filter(|&c| !c.is_control() && !is_invisible(c)) {
        if label.is_empty() && c.is_whitespace() {
            continue;
        }
        if label.len() + c.len_utf8() > MAX_LEN {
            break;
        }
        label.push(c);
    }
    label.truncate(label.trim_end().len());
    (!label.is_empty()).then_some(label)
}

/// Direction marks and overrides (Unicode Standard Annex 9 §2), line and paragraph separators, and characters of no width that
/// tell two equal-looking names apart. The joiner U+200D stays: emoji are made with it.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{061c}' | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn names_are_shown_without_tricks() {
        assert_eq!(label("  Anna's phone\n").as_deref(), Some("Anna's phone"));
        assert_eq!(label("gnp.\u{202e}exe\u{0}").as_deref(), Some("gnp.exe"));
        assert_eq!(label("\u{200f}\u{feff} \t"), None);
        assert_eq!(label(""), None);
        assert_eq!(label("Zoë 日本 👩‍👧").as_deref(), Some("Zoë 日本 👩‍👧"));
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let long = label(&"é".repeat(100)).unwrap();
        assert_eq!(long, "é".repeat(32));
        assert_eq!(label(&format!("{}日", "x".repeat(63))).unwrap(), "x".repeat(63));
    }
}
