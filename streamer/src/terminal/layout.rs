//! What the terminal shows, as plain lines: the model and the window's size go in, at most `rows` lines of at most
//! `cols` cells come out. Nothing in here writes, reads a clock or knows an escape sequence.

use std::time::Duration;

use athome_shared::protocol::control::CameraState;

use super::qr::{Modules, Scale};
use super::text::{countdown, fit, width, wrap};
use crate::words::{Lang, Word};

/// Cells of the column of words beside a code, and the gap before it: with the code of a same-origin link (45) this
/// makes 80.
const WORDS: usize = 33;
const GAP: usize = 2;
/// Lines of the block below when no code is shown.
const STATUS_ROWS: usize = 4;

/// How a piece of a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    Bold,
    /// Part of a code: black on white whatever the theme.
    Code,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub style: Style,
    pub text: String,
}

/// One line, left to right.
pub type Line = Vec<Span>;

/// The window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub cols: usize,
    pub rows: usize,
}

/// What stands in the place of the code.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Code {
    #[default]
    None,
    Shown {
        modules: Modules,
        uses: u16,
        left: Duration,
    },
    /// Wiped because a device used it, at a local time of day.
    Used {
        device: String,
        time: String,
    },
    Expired,
}

/// A camera's line.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraLine {
    /// It is being recorded.
    pub recording: bool,
    pub name: String,
    pub state: CameraState,
    pub width: u32,
    pub height: u32,
    pub fps: f32,
    /// Bits a second that its encoders or its file give now; zero while nobody watches.
    pub bits: u64,
    pub retry_s: Option<u32>,
}

/// All that the terminal knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    pub lang: Lang,
    pub code: Code,
    /// The person asked for the code twice as large.
    pub bigger: bool,
    /// The code makes room for lines that were asked for, until it is wanted again.
    pub folded: bool,
    pub cameras: Vec<CameraLine>,
    pub sound: Option<String>,
    pub watching: Vec<String>,
    /// Registered with a server outside.
    pub outside: bool,
}

/// The block at the foot of the window: with a code up to the whole window, else at most four lines.
pub fn block(model: &Model, window: Window) -> Vec<Line> {
    let lines = match &model.code {
        Code::Shown { modules, uses, left } => shown(model, modules, *uses, *left, window),
        Code::Used { device, time } => {
            let said = Word::CodeUsed.fill(model.lang, &[("device", device), ("time", time)]);
            status(model, Some(&said), window)
        }
        Code::Expired => status(model, Some(Word::CodeOld.text(model.lang)), window),
        Code::None => status(model, None, window),
    };
    debug_assert!(height(&lines, window.cols) <= window.rows.max(1), "the block is higher than the window");
    lines
}

/// Rows that lines take in a window of this width; only a link is longer than a row.
pub fn height(lines: &[Line], cols: usize) -> usize {
    let cells = |line: &Line| line.iter().map(|span| width(&span.text)).sum::<usize>();
    lines.iter().map(|line| cells(line).div_ceil(cols.max(1)).max(1)).sum()
}

fn shown(model: &Model, modules: &Modules, uses: u16, left: Duration, window: Window) -> Vec<Line> {
    if model.folded {
        let said = Word::CodeFolded.fill(model.lang, &[("left", &countdown(left))]);
        return status(model, Some(&said), window);
    }
    // One row stays for the keys.
    let rows = window.rows.saturating_sub(1);
    if model.bigger
        && let Some(code) = modules.cells(Scale::Double, window.cols, rows)
    {
        return code_above(model, code, uses, left, window);
    }
    let beside = window.cols.saturating_sub(WORDS + GAP);
    if let Some(code) = modules.cells(Scale::Half, beside, rows) {
        return code_beside(model, code, uses, left, window);
    }
    match modules.cells(Scale::Half, window.cols, rows) {
        Some(code) => code_above(model, code, uses, left, window),
        None => link_alone(model, modules.link(), uses, left, window),
    }
}

/// Where the code has no room: the link itself, in one piece so that it can be copied, and what fits below it.
fn link_alone(model: &Model, link: &str, uses: u16, left: Duration, window: Window) -> Vec<Line> {
    let lang = model.lang;
    let link_rows = width(link).div_ceil(window.cols.max(1));
    if link_rows > window.rows {
        return status(model, Some(Word::MakeLarger.text(lang)), window);
    }
    let mut above = wrap(Word::LinkOrLarger.text(lang), window.cols);
    let mut below = wrap(&within(uses, left, lang), window.cols);
    below.push(fit(&cameras(model, window.cols), window.cols));
    below.push(fit(&watching(model), window.cols));
    below.push(keys(model, window.cols));
    // The countdown matters most: the link is worthless after it.
    let room = window.rows - link_rows;
    if room < above.len() + below.len() {
        above.truncate(if room > above.len() { above.len() } else { 0 });
        below.truncate(room - above.len());
    }
    let bold = |text| vec![Span { style: Style::Bold, text }];
    let mut lines: Vec<Line> = above.into_iter().map(bold).collect();
    lines.push(vec![plain(link)]);
    lines.extend(below.into_iter().map(|text| vec![plain(text)]));
    lines
}

fn code_beside(model: &Model, code: Vec<String>, uses: u16, left: Duration, window: Window) -> Vec<Line> {
    let cells = code.first().map_or(0, |row| width(row));
    let room = window.cols.saturating_sub(cells + GAP);
    let mut words = words_beside(model, uses, left, room, code.len()).into_iter();
    let mut lines: Vec<Line> = code
        .into_iter()
        .map(|row| {
            let mut line = vec![Span { style: Style::Code, text: row }];
            if let Some(said) = words.next().filter(|span| !span.text.is_empty()) {
                line.push(plain(" ".repeat(GAP)));
                line.push(said);
            }
            line
        })
        .collect();
    lines.push(vec![plain(keys(model, window.cols))]);
    lines
}

fn words_beside(model: &Model, uses: u16, left: Duration, room: usize, rows: usize) -> Vec<Span> {
    let lang = model.lang;
    let mut words = vec![Span { style: Style::Bold, text: fit(Word::Running.text(lang), room) }, plain("")];
    let (camera, sound) = (Word::Camera.text(lang), Word::Sound.text(lang));
    let column = width(camera).max(width(sound)) + 2;
    // Two lines a camera, as many as leave room for everything below them.
    let most = rows.saturating_sub(15) / 2;
    for (at, line) in model.cameras.iter().take(most).enumerate() {
        let label = if at == 0 { camera } else { "" };
        words.push(plain(fit(&format!("{label:<column$}{}", line.name), room)));
        words.push(plain(fit(&format!("{:<column$}{}", "", picture(line, lang)), room)));
    }
    if model.cameras.len() > most {
        words.push(plain(format!("{:<column$}+{}", "", model.cameras.len() - most)));
    }
    let heard = model.sound.as_deref().unwrap_or(Word::NoSound.text(lang));
    words.push(plain(fit(&format!("{sound:<column$}{heard}"), room)));
    words.push(plain(""));
    for word in [Word::JoinWifi, Word::PointAtCode] {
        words.push(plain(fit(word.text(lang), room)));
    }
    words.push(plain(fit(&within(uses, left, lang), room)));
    let reach = if model.outside { Word::OutsideLine } else { Word::LanLine };
    words.push(plain(fit(reach.text(lang), room)));
    if !model.outside {
        words.push(plain(fit(&format!("o  {}", Word::HowOutside.text(lang)), room)));
    }
    words.push(plain(""));
    words.extend(wrap(&watching(model), room).into_iter().take(4).map(plain));
    words.truncate(rows);
    words
}

fn code_above(model: &Model, code: Vec<String>, uses: u16, left: Duration, window: Window) -> Vec<Line> {
    let mut lines: Vec<Line> = code.into_iter().map(|row| vec![Span { style: Style::Code, text: row }]).collect();
    let within = fit(&within(uses, left, model.lang), window.cols);
    let mut below = vec![within.clone()];
    below.push(fit(&cameras(model, window.cols), window.cols));
    below.push(fit(&watching(model), window.cols));
    below.push(keys(model, window.cols));
    let room = window.rows.saturating_sub(lines.len());
    if room < below.len() {
        // The countdown matters most: the code is worthless after it.
        below = vec![within];
    }
    lines.extend(below.into_iter().map(|text| vec![plain(text)]));
    lines
}

fn status(model: &Model, said: Option<&str>, window: Window) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    if let Some(said) = said {
        lines.push(vec![Span { style: Style::Bold, text: fit(said, window.cols) }]);
    }
    let (cameras, watching) = (cameras(model, window.cols), watching(model));
    if width(&cameras) + 3 + width(&watching) <= window.cols {
        lines.push(vec![plain(format!("{cameras} · {watching}"))]);
    } else {
        lines.push(vec![plain(fit(&cameras, window.cols))]);
        lines.push(vec![plain(fit(&watching, window.cols))]);
    }
    lines.push(vec![plain(keys(model, window.cols))]);
    let most = STATUS_ROWS.min(window.rows.max(1));
    lines.truncate(most);
    lines
}

fn within(uses: u16, left: Duration, lang: Lang) -> String {
    let left = countdown(left);
    if uses == 1 {
        Word::OneDeviceWithin.fill(lang, &[("left", &left)])
    } else {
        Word::DevicesWithin.fill(lang, &[("n", &uses.to_string()), ("left", &left)])
    }
}

fn picture(line: &CameraLine, lang: Lang) -> String {
    if line.state == CameraState::Live && line.width > 0 {
        return format!("{}×{}, {:.0} fps", line.width, line.height, line.fps);
    }
    match (line.state, line.retry_s) {
        (CameraState::Backoff, Some(s)) => Word::NextTry.fill(lang, &[("s", &s.to_string())]),
        (state, _) => state_word(state).text(lang).to_owned(),
    }
}

/// One line for all cameras: a single one in full, several by their states, trouble by name.
fn cameras(model: &Model, cols: usize) -> String {
    let lang = model.lang;
    let one = |line: &CameraLine| {
        let name = fit(&line.name, (cols / 3).max(8));
        let word = match line.state {
            CameraState::Live if line.recording => Word::Records,
            state => state_word(state),
        };
        let state = word.text(lang);
        match line.state {
            CameraState::Live if line.fps > 0.0 => {
                format!("● {name} {state} {:.0} fps{}", line.fps, megabits(line.bits, lang))
            }
            CameraState::Live => format!("● {name} {state}{}", megabits(line.bits, lang)),
            CameraState::Starting => format!("↻ {name} {state}"),
            CameraState::Backoff => match line.retry_s {
                Some(s) => format!("▲ {name} {}", Word::NextTry.fill(lang, &[("s", &s.to_string())])),
                None => format!("▲ {name} {state}"),
            },
            CameraState::Stopped => format!("‖ {name} {state}"),
        }
    };
    match model.cameras.as_slice() {
        [] => String::new(),
        [line] => one(line),
        many => {
            let live = many.iter().filter(|c| c.state == CameraState::Live).count();
            let bits = many.iter().map(|c| c.bits).sum();
            let mut said = format!("● {live}/{} {}{}", many.len(), Word::Live.text(lang), megabits(bits, lang));
            let recorded = many.iter().filter(|c| c.recording).count();
            if recorded > 0 {
                said.push_str(&format!(" · {recorded} {}", Word::Records.text(lang)));
            }
            for trouble in many.iter().filter(|c| c.state != CameraState::Live) {
                said.push_str(" · ");
                said.push_str(&one(trouble));
            }
            said
        }
    }
}

/// Behind a camera's rate: ` 2.1 Mbit/s`, or nothing where next to nothing flows.
fn megabits(bits: u64, lang: Lang) -> String {
    let tenths = bits.saturating_add(50_000) / 100_000;
    let point = match lang {
        Lang::English => '.',
        Lang::French => ',',
    };
    if tenths == 0 { String::new() } else { format!(" {}{point}{} Mbit/s", tenths / 10, tenths % 10) }
}

fn watching(model: &Model) -> String {
    let names = model.watching.join(", ");
    match model.watching.len() {
        0 => format!("○ {}", Word::WatchingNone.text(model.lang)),
        1 => format!("◉ {}", Word::WatchingOne.fill(model.lang, &[("names", &names)])),
        n => format!("◉ {}", Word::WatchingMany.fill(model.lang, &[("n", &n.to_string()), ("names", &names)])),
    }
}

fn keys(model: &Model, cols: usize) -> String {
    let bigger = if model.bigger { Word::KeySmaller } else { Word::KeyBigger };
    let shown = matches!(model.code, Code::Shown { .. });
    let all = [
        ("p", Some(Word::KeyNew)),
        ("v", Some(Word::KeyViewers)),
        ("c", Some(Word::KeyCameras)),
        ("l", shown.then_some(Word::KeyLink)),
        ("b", shown.then_some(bigger)),
        // Beside a code it has a line of its own.
        ("o", (!shown && !model.outside).then_some(Word::KeyOutside)),
        ("w", Some(Word::KeyWindow)),
        ("?", Some(Word::KeyMore)),
        ("q", Some(Word::KeyQuit)),
    ];
    let full: Vec<String> =
        all.iter().filter_map(|(key, word)| word.map(|w| format!("{key} {}", w.text(model.lang)))).collect();
    let full = format!(" {}", full.join("  "));
    if width(&full) <= cols {
        return full;
    }
    let short: Vec<&str> = all.iter().filter(|(_, word)| word.is_some()).map(|(key, _)| *key).collect();
    fit(&format!(" {}", short.join(" ")), cols)
}

/// The word for a camera's state.
pub fn state_word(state: CameraState) -> Word {
    match state {
        CameraState::Live => Word::Live,
        CameraState::Starting => Word::Starting,
        CameraState::Backoff => Word::Reconnecting,
        CameraState::Stopped => Word::Stopped,
    }
}

fn plain(text: impl Into<String>) -> Span {
    Span { style: Style::Plain, text: text.into() }
}

#[cfg(test)]
mod tests;
