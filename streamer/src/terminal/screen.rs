//! Puts lines on a terminal: plain lines that stay in the scrollback, and under them one block that is redrawn in place.
//! Nothing but the block is ever cleared, so a code is gone once its block is.

use std::io::{self, Write};

use super::layout::{Line, Style};
use super::text::width;

/// The 256-colour cube's own black on white (16 and 231): themes leave those alone, unlike the sixteen named colours.
const CODE_ON: &str = "\x1b[38;5;16;48;5;231m";
const BOLD_ON: &str = "\x1b[1m";
const OFF: &str = "\x1b[0m";
/// Synchronised update: terminals that know it show the whole change at once, others ignore it.
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// A terminal in raw mode.
#[derive(Debug)]
pub struct Screen<W: Write> {
    out: W,
    cols: usize,
    block: Vec<Line>,
}

impl<W: Write> Screen<W> {
    /// Nothing is drawn yet; the cursor stands at the start of a line.
    pub fn new(out: W, cols: usize) -> Self {
        Self { out, cols: cols.max(1), block: Vec::new() }
    }

    /// The window has this width now; lines that were drawn wider have been wrapped by the terminal.
    pub fn resized(&mut self, cols: usize) {
        self.cols = cols.max(1);
    }

    /// Shows this block in the place of the last one.
    pub fn draw(&mut self, block: Vec<Line>) -> io::Result<()> {
        if block == self.block {
            return Ok(());
        }
        let mut bytes = BEGIN.to_owned();
        self.erase(&mut bytes);
        push_block(&mut bytes, &block);
        bytes.push_str(END);
        self.block = block;
        self.flush(&bytes)
    }

    /// Prints lines above the block, where they stay.
    pub fn above(&mut self, text: &str) -> io::Result<()> {
        let mut bytes = BEGIN.to_owned();
        self.erase(&mut bytes);
        for line in text.lines() {
            bytes.push_str(line);
            bytes.push_str("\r\n");
        }
        push_block(&mut bytes, &self.block);
        bytes.push_str(END);
        self.flush(&bytes)
    }

    /// Erases the block and leaves the cursor where it began.
    pub fn finish(&mut self) -> io::Result<()> {
        let mut bytes = String::new();
        self.erase(&mut bytes);
        self.block.clear();
        self.flush(&bytes)
    }

    fn erase(&self, bytes: &mut String) {
        // The cursor stands behind the last line; each line takes as many rows as it is wide.
        let rows: usize = self.block.iter().map(|line| cells(line).div_ceil(self.cols).max(1)).sum();
        if rows > 0 {
            bytes.push('\r');
        }
        if rows > 1 {
            bytes.push_str(&format!("\x1b[{}A", rows - 1));
        }
        bytes.push_str("\x1b[J");
    }

    fn flush(&mut self, bytes: &str) -> io::Result<()> {
        self.out.write_all(bytes.as_bytes())?;
        self.out.flush()
    }
}

/// A row of a code with its colours, for plain printing.
pub fn code_row(cells: &str) -> String {
    format!("{CODE_ON}{cells}{OFF}")
}

fn push_block(bytes: &mut String, block: &[Line]) {
    for (at, line) in block.iter().enumerate() {
        if at > 0 {
            bytes.push_str("\r\n");
        }
        for span in line {
            let on = match span.style {
                Style::Plain => "",
                Style::Bold => BOLD_ON,
                Style::Code => CODE_ON,
            };
            bytes.push_str(on);
            bytes.push_str(&span.text);
            if !on.is_empty() {
                bytes.push_str(OFF);
            }
        }
    }
}

fn cells(line: &Line) -> usize {
    line.iter().map(|span| width(&span.text)).sum()
}

#[cfg(test)]
mod tests {
    use super::super::layout::{Line, Span, Style};
    use super::Screen;

    /// As much of a terminal as the screen uses: rows of cells, a cursor, scrolling.
    #[derive(Default)]
    struct Vt {
        rows: Vec<String>,
        row: usize,
    }

    impl Vt {
        fn show(bytes: &[u8]) -> Self {
            let text = std::str::from_utf8(bytes).expect("the screen writes text");
            let mut vt = Self { rows: vec![String::new()], row: 0 };
            let mut chars = text.chars();
            while let Some(c) = chars.next() {
                match c {
                    '\u{1b}' => {
                        let mut sequence = String::new();
                        for c in chars.by_ref() {
                            sequence.push(c);
                            if c.is_ascii_alphabetic() {
                                break;
                            }
                        }
                        vt.obey(&sequence);
                    }
                    '\r' => {}
                    '\n' => {
                        vt.row += 1;
                        if vt.row == vt.rows.len() {
                            vt.rows.push(String::new());
                        }
                    }
                    c => vt.rows[vt.row].push(c),
                }
            }
            vt
        }

        /// Up, and erase from here; colours and synchronisation don't show.
        fn obey(&mut self, sequence: &str) {
            if let Some(n) = sequence.strip_prefix('[').and_then(|s| s.strip_suffix('A')) {
                self.row = self.row.saturating_sub(n.parse().expect("a number of rows"));
            } else if sequence == "[J" {
                self.rows.truncate(self.row + 1);
                self.rows[self.row].clear();
            }
        }
    }

    fn line(style: Style, text: &str) -> Line {
        vec![Span { style, text: text.to_owned() }]
    }

    fn code() -> Vec<Line> {
        vec![line(Style::Plain, "xx one"), line(Style::Plain, "xx two"), line(Style::Plain, "keys")]
    }

    #[test]
    fn a_wiped_code_is_nowhere_on_the_screen_or_in_the_scrollback() {
        let mut out = Vec::new();
        let mut screen = Screen::new(&mut out, 80);
        screen.draw(code()).expect("memory");
        screen.above("12:00 Anna's phone is watching.").expect("memory");
        screen.draw(vec![line(Style::Plain, "Used by Anna's phone"), line(Style::Plain, "keys")]).expect("memory");
        let vt = Vt::show(&out);
        assert_eq!(vt.rows, ["12:00 Anna's phone is watching.", "Used by Anna's phone", "keys"]);
    }

    #[test]
    fn lines_above_stay_and_the_block_stays_whole() {
        let mut out = Vec::new();
        let mut screen = Screen::new(&mut out, 80);
        screen.draw(code()).expect("memory");
        screen.above("first").expect("memory");
        screen.above("second\nthird").expect("memory");
        screen.finish().expect("memory");
        screen.above("last").expect("memory");
        assert_eq!(Vt::show(&out).rows, ["first", "second", "third", "last", ""]);
    }

    #[test]
    fn a_narrower_window_wraps_what_was_drawn_and_all_of_it_is_erased() {
        let mut out = Vec::new();
        let mut screen = Screen::new(&mut out, 80);
        screen.draw(vec![line(Style::Code, &"x".repeat(45)), line(Style::Plain, "keys")]).expect("memory");
        screen.resized(20);
        screen.draw(vec![line(Style::Plain, "keys")]).expect("memory");
        // 45 cells became three rows, and the keys a fourth.
        assert!(String::from_utf8_lossy(&out).contains("\x1b[3A\x1b[J"));
    }

    #[test]
    fn an_unchanged_block_is_not_drawn_again() {
        let mut out = Vec::new();
        let mut screen = Screen::new(&mut out, 80);
        screen.draw(code()).expect("memory");
        screen.draw(code()).expect("memory");
        assert_eq!(String::from_utf8_lossy(&out).matches("xx one").count(), 1);
    }
}
