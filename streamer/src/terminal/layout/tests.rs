use std::time::Duration;

use athome_shared::protocol::control::CameraState;

use super::super::qr::Modules;
use super::super::text::width;
use super::{CameraLine, Code, Line, Model, Style, Window, block, height};
use crate::words::Lang;

/// A same-origin link of the longest usual kind: version 5-L.
const LINK: &str = "http://192.168.178.123:8080/#1AQswVXqfxOkOM1h9osfsETZbgKXK7xQ5XoOozfIXPGGGq9D1Gj9kia7T-B1CZ4yx1gA";
/// With a server's address in it: version 6-L.
const OUTSIDE: &str = "https://a.example.org/#1AAswVXqfxOkOM1h9osfsETZbgKXK7xQ5XoOozfIXPGGGq9D1Gj9kia7T-B1CZ4yx1hZ3c3M6Ly9hLmV4YW1wbGUub3JnL3dz";
const USUAL: Window = Window { cols: 80, rows: 24 };

fn model(link: &str, lang: Lang) -> Model {
    Model {
        lang,
        code: Code::Shown {
            modules: Modules::of_link(link).expect("a short link fits a code"),
            uses: 1,
            left: Duration::from_secs(581),
        },
        cameras: vec![CameraLine {
            recording: false,
            name: "Webcam C920 with a name that is far too long for its column".into(),
            state: CameraState::Live,
            width: 1280,
            height: 720,
            fps: 30.0,
            bits: 2_140_000,
            retry_s: None,
        }],
        sound: Some("Built-in microphone".into()),
        watching: vec!["Anna's phone".into(), "日本のタブレット".into()],
        ..Model::default()
    }
}

fn text(lines: &[Line]) -> String {
    lines.iter().map(|l| l.iter().map(|s| s.text.as_str()).collect::<String>()).collect::<Vec<_>>().join("\n")
}

/// Reads the code back out of the cells, eight pixels a module, as a phone would see it.
fn decode(lines: &[Line]) -> Option<String> {
    const SCALE: usize = 8;
    let rows: Vec<Vec<char>> = lines
        .iter()
        .filter_map(|l| l.first().filter(|s| s.style == Style::Code))
        .map(|s| s.text.chars().collect())
        .collect();
    let (wide, high) = (rows.first()?.len(), rows.len() * 2);
    let mut luma = vec![255_u8; wide * high * SCALE * SCALE];
    for (y, row) in rows.iter().enumerate() {
        for (x, c) in row.iter().enumerate() {
            let (top, bottom) = match c {
                '█' => (true, true),
                '▀' => (true, false),
                '▄' => (false, true),
                _ => (false, false),
            };
            for (half, dark) in [top, bottom].into_iter().enumerate() {
                for py in 0..SCALE {
                    for px in 0..SCALE {
                        let at = ((y * 2 + half) * SCALE + py) * wide * SCALE + x * SCALE + px;
                        luma[at] = if dark { 0 } else { 255 };
                    }
                }
            }
        }
    }
    let (w, h) = (u32::try_from(wide * SCALE).ok()?, u32::try_from(high * SCALE).ok()?);
    rxing::helpers::detect_in_luma(luma, w, h, Some(rxing::BarcodeFormat::QR_CODE)).ok().map(|r| r.getText().to_owned())
}

fn fits(lines: &[Line], window: Window) {
    assert!(height(lines, window.cols) <= window.rows, "{} rows in {window:?}", lines.len());
    // A link is the one line that the terminal wraps: in one piece it can be copied.
    for line in lines.iter().filter(|line| !text(std::slice::from_ref(*line)).starts_with("http")) {
        let cells: usize = line.iter().map(|s| width(&s.text)).sum();
        assert!(cells <= window.cols, "{cells} cells in {window:?}: {}", text(std::slice::from_ref(line)));
    }
}

#[test]
fn the_whole_first_screen_fits_80_by_24_and_its_code_reads_back() {
    for lang in [Lang::English, Lang::French] {
        for (link, wide) in [(LINK, 45), (OUTSIDE, 45)] {
            let lines = block(&model(link, lang), USUAL);
            fits(&lines, USUAL);
            assert_eq!(lines.len(), 24);
            assert_eq!(width(&lines[0][0].text), wide);
            assert_eq!(decode(&lines).as_deref(), Some(link));
            let said = text(&lines);
            for part in ["9:41", "1280×720, 30 fps", "Built-in microphone", " p ", "Anna's phone"] {
                assert!(said.contains(part), "{part:?} is missing in\n{said}");
            }
            // Nothing of the sentences is cut off: only the camera's name is.
            assert_eq!(said.matches('…').count(), 1, "{said}");
        }
    }
}

#[test]
fn a_damaged_code_does_not_read_back() {
    let mut lines = block(&model(LINK, Lang::English), USUAL);
    for line in &mut lines[4..16] {
        line[0].text = line[0].text.replace('█', " ");
    }
    assert_eq!(decode(&lines), None);
}

#[test]
fn words_go_below_in_a_narrow_window_and_the_code_stays_whole() {
    for (cols, rows) in [(79, 24), (60, 24), (45, 24), (45, 40), (79, 30)] {
        let window = Window { cols, rows };
        let lines = block(&model(LINK, Lang::English), window);
        fits(&lines, window);
        assert_eq!(decode(&lines).as_deref(), Some(LINK), "{window:?}");
        assert!(text(&lines).contains("9:41"), "{window:?}");
    }
}

#[test]
fn a_window_too_small_for_the_code_shows_the_link_itself() {
    for lang in [Lang::English, Lang::French] {
        for (link, cols, rows) in [(LINK, 40, 24), (LINK, 25, 24), (LINK, 80, 20), (OUTSIDE, 30, 10), (LINK, 20, 5)] {
            let window = Window { cols, rows };
            let lines = block(&model(link, lang), window);
            fits(&lines, window);
            assert!(lines.iter().flatten().all(|s| s.style != Style::Code));
            assert!(lines.iter().any(|line| text(std::slice::from_ref(line)) == link), "{window:?}: {}", text(&lines));
            assert_eq!(text(&lines).contains("9:41"), rows > 5, "{window:?}: {}", text(&lines));
        }
    }
    let said = text(&block(&model(LINK, Lang::English), Window { cols: 80, rows: 20 }));
    assert!(said.starts_with("Open this link, or make the window larger to see the code.\nhttp"), "{said}");
}

#[test]
fn a_window_too_small_for_the_link_says_what_to_do() {
    for (cols, rows) in [(20, 4), (1, 1), (3, 20)] {
        let window = Window { cols, rows };
        let lines = block(&model(LINK, Lang::English), window);
        fits(&lines, window);
        assert!(!text(&lines).contains("http"));
    }
    assert!(text(&block(&model(LINK, Lang::English), Window { cols: 80, rows: 1 })).contains("Make the window larger"));
}

#[test]
fn the_status_line_tells_rate_bits_and_who_watches() {
    let mut one = model(LINK, Lang::English);
    one.code = Code::None;
    one.cameras[0].name = "Front door".into();
    let line = |model: &Model| text(&block(model, Window { cols: 120, rows: 24 })[..1]);
    assert_eq!(line(&one), "● Front door live 30 fps 2.1 Mbit/s · ◉ 2 watching: Anna's phone, 日本のタブレット");
    one.lang = Lang::French;
    assert!(line(&one).starts_with("● Front door en direct 30 fps 2,1 Mbit/s · ◉ 2 regardent"), "{}", line(&one));
    (one.lang, one.cameras[0].bits) = (Lang::English, 49_999);
    assert!(line(&one).starts_with("● Front door live 30 fps · "), "nothing flows: {}", line(&one));
    one.cameras[0].bits = 1_000_000;
    one.cameras.push(one.cameras[0].clone());
    assert!(line(&one).starts_with("● 2/2 live 2.0 Mbit/s · "), "{}", line(&one));
}

#[test]
fn the_larger_code_is_twice_as_large() {
    let mut larger = model(LINK, Lang::English);
    larger.bigger = true;
    let window = Window { cols: 100, rows: 50 };
    let lines = block(&larger, window);
    fits(&lines, window);
    assert_eq!((width(&lines[0][0].text), lines.iter().filter(|l| l[0].style == Style::Code).count()), (90, 45));
    // A window that has no room for it keeps the usual one.
    assert_eq!(decode(&block(&larger, USUAL)).as_deref(), Some(LINK));
}

#[test]
fn a_used_or_expired_code_leaves_a_sentence_in_its_place() {
    let mut used = model(LINK, Lang::English);
    used.code = Code::Used { device: "Anna's phone".into(), time: "14:03".into() };
    let lines = block(&used, USUAL);
    assert!(lines.len() <= 4 && lines.iter().flatten().all(|s| s.style != Style::Code));
    assert!(text(&lines).starts_with("Used by Anna's phone, 14:03. Watching now."));
    used.code = Code::Expired;
    assert!(text(&block(&used, USUAL)).starts_with("This code has expired. Press p for a new one."));
}

#[test]
fn the_status_block_has_at_most_four_lines_at_any_width() {
    for lang in [Lang::English, Lang::French] {
        for cols in 1..120 {
            for code in [Code::None, Code::Expired] {
                let mut some = model(LINK, lang);
                some.code = code;
                some.cameras.push(CameraLine {
                    recording: false,
                    name: "Boat".into(),
                    state: CameraState::Backoff,
                    width: 0,
                    height: 0,
                    fps: 0.0,
                    bits: 0,
                    retry_s: Some(20),
                });
                let window = Window { cols, rows: 24 };
                let lines = block(&some, window);
                fits(&lines, window);
                assert!(lines.len() <= 4);
            }
        }
    }
}

#[test]
fn a_folded_code_leaves_room_and_says_how_to_get_it_back() {
    let mut folded = model(LINK, Lang::English);
    folded.folded = true;
    let lines = block(&folded, USUAL);
    fits(&lines, USUAL);
    assert!(lines.len() <= 4 && lines.iter().flatten().all(|s| s.style != Style::Code));
    assert!(text(&lines).starts_with("The code is folded away, 9:41 left. Press b to show it."));
}

#[test]
fn a_camera_that_is_recorded_says_so() {
    let mut some = model(LINK, Lang::English);
    some.code = Code::None;
    let text = |some: &Model| {
        let lines = block(some, Window { cols: 200, rows: 24 });
        lines.into_iter().flatten().map(|span| span.text).collect::<Vec<_>>().join("")
    };
    assert!(text(&some).contains(" live 30 fps"), "{}", text(&some));
    some.cameras[0].recording = true;
    assert!(text(&some).contains(" recording 30 fps"), "{}", text(&some));
    some.cameras.push(some.cameras[0].clone());
    assert!(text(&some).contains("● 2/2 live 4.3 Mbit/s · 2 recording"), "{}", text(&some));
}
