//! What a terminal in raw mode sends, as keys. Read here and not by the terminal library, which loses what was typed in the
//! moment in which the window changed its size (its poll is edge-triggered and it drops the second of two events).

use super::{Key, meaning};

/// Where the bytes so far have led.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Plain,
    /// After ESC: a sequence begins, or the key Escape was pressed.
    Escape,
    /// Within a control sequence (ECMA-48 §5.4), until its final byte.
    Sequence,
    /// One more byte belongs to a function key (`ESC O P`).
    Function,
}

/// Reads keys byte by byte. Sequences of arrows and function keys, and letters beyond ASCII, mean nothing here.
#[derive(Debug, Default)]
pub(super) struct Typed(State);

impl Typed {
    /// What the next byte completes.
    pub(super) fn handle_byte(&mut self, byte: u8) -> Option<Key> {
        let (state, key) = match (self.0, byte) {
            (_, 0x1b) => (State::Escape, None),
            (State::Escape, b'[') => (State::Sequence, None),
            (State::Escape, b'O') => (State::Function, None),
            (State::Sequence, 0x40..=0x7e) | (State::Function, _) => (State::Plain, None),
            (State::Sequence, _) => (State::Sequence, None),
            // Escape, or Alt, and then a key.
            (State::Plain | State::Escape, byte) => (State::Plain, meaning_of(byte)),
        };
        self.0 = state;
        key
    }

    /// Nothing came for a while: what looked like the beginning of a sequence was the key Escape.
    pub(super) fn handle_pause(&mut self) {
        self.0 = State::Plain;
    }
}

fn meaning_of(byte: u8) -> Option<Key> {
    const CTRL_C: u8 = 3;
    const CTRL_D: u8 = 4;
    match byte {
        // Raw mode takes the terminal's own Ctrl+C away, so it must mean the same here.
        CTRL_C | CTRL_D => Some(Key::Quit),
        byte if byte.is_ascii() => meaning(char::from(byte)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Typed};

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut typed = Typed::default();
        bytes.iter().filter_map(|byte| typed.handle_byte(*byte)).collect()
    }

    #[test]
    fn letters_and_control_characters_are_keys() {
        assert_eq!(keys(b"pQ\x03\x04"), [Key::NewCode, Key::Quit, Key::Quit, Key::Quit]);
    }

    #[test]
    fn arrows_function_keys_and_other_letters_are_not() {
        // Each holds a byte that would be a key by itself: B, c, P, p, and the second byte of é.
        for bytes in [&b"\x1b[B"[..], b"\x1b[?1;2c", b"\x1bOP", b"\x1b[1;5P", "éàß".as_bytes(), b"\x00\x7f\xff"] {
            assert_eq!(keys(bytes), [], "{bytes:?}");
        }
        assert_eq!(keys(b"\x1b[Bb"), [Key::Bigger], "the control: what follows is one again");
    }

    #[test]
    fn escape_by_itself_swallows_nothing() {
        let mut typed = Typed::default();
        assert_eq!(typed.handle_byte(0x1b), None);
        assert_eq!(typed.handle_byte(b'q'), Some(Key::Quit));
        assert_eq!(typed.handle_byte(0x1b), None);
        assert_eq!(typed.handle_byte(b'['), None);
        typed.handle_pause();
        assert_eq!(typed.handle_byte(b'p'), Some(Key::NewCode));
    }
}
