//! The program at a keyboard: on a real terminal (a pseudo one) its code is read as a phone reads it, and its keys are
//! pressed.

#![cfg(target_os = "linux")]

mod pty;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use athome_shared::pair::link::Link;
use athome_viewer::headless::{self, Headless};

use pty::{Terminal, Theme};

const PROGRAM: &str = env!("CARGO_BIN_EXE_athome-streamer");

/// The program on the test card, with nothing from outside and a port of its own for the local interface.
fn streamer(data: &Path, cols: u16, rows: u16) -> (Terminal, String) {
    let config = data.join("athome.toml");
    std::fs::write(&config, "[webrtc]\nstun_servers = []\nbind = [\"127.0.0.1\"]\n").expect("a folder of ours");
    // Free a moment ago; nobody else of this machine is told it.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let api = free.to_string();
    let (config, folder) = (config.display().to_string(), data.display().to_string());
    let args = ["--config", &config, "--data", &folder, "--camera", "test", "--size", "640x360", "--mic", "tone"];
    let ports = ["--listen", "127.0.0.1:0", "--api", &api];
    (Terminal::start(Path::new(PROGRAM), &[&args[..], &ports].concat(), cols, rows), api)
}

fn watch(link: &str, data: &Path) -> Headless {
    Headless {
        data: data.to_owned(),
        link: Some(Link::parse(link).expect("a link")),
        place: None,
        camera: None,
        watch_for: Duration::from_secs(60),
        at: None,
        record: None,
        device: "Anna's phone".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanned_code_pairs_is_wiped_and_says_by_whom() {
    let (data, phone) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (mut terminal, _) = streamer(data.path(), 80, 24);
    let link = terminal.wait_for_code(None);
    assert!(link.starts_with("http://127.0.0.1:"), "{link}");
    terminal.wait_for("640×360, 30 fps");
    terminal.wait_for("One device, once, within 9:");
    let screen = terminal.text();
    for words in ["AtHome is running.", "Test card", "tone", "Works on this network only.", "o  how to reach it"] {
        assert!(screen.contains(words), "{words:?} is missing:\n{screen}");
    }
    let last = screen.lines().last().unwrap_or_default();
    assert!(
        last.starts_with(" p new code  v viewers  c cameras  l link  b bigger  w window  ? more  q quit"),
        "{screen}"
    );
    assert_eq!(screen.lines().count(), 24, "the whole of it on one screen:\n{screen}");
    assert_eq!(terminal.scan(Theme::Light, true).as_ref(), Some(&link));
    // The control: without colours of its own the code would be light on dark, which many phones don't read.
    assert_eq!(terminal.scan(Theme::Dark, false), None);
    assert_eq!(terminal.scan(Theme::Light, false).as_ref(), Some(&link));

    let headless = watch(&link, phone.path());
    let watching = tokio::spawn(async move { headless::run(headless, &mut |_| {}).await.map(|_| ()) });
    terminal.wait("by whom it was used", |terminal| {
        let screen = terminal.text();
        let line = screen.lines().find(|line| line.starts_with("Used by Anna's phone, "))?;
        line.ends_with(". Watching now.").then_some(())
    });
    assert!(!terminal.shows_code() && terminal.scan(Theme::Dark, true).is_none(), "{}", terminal.text());
    assert!(!terminal.history().contains(['█', '▀', '▄']), "nor above the window:\n{}", terminal.history());
    terminal.wait("the line of what is live", |terminal| {
        let screen = terminal.text();
        let line = screen.lines().find(|line| line.starts_with("● Test card live "))?;
        (line.contains(" fps ") && line.contains(" Mbit/s · ◉ 1 watching: Anna's phone")).then_some(())
    });

    terminal.press("p");
    let second = terminal.wait_for_code(Some(&link));
    assert!(second.starts_with("http://127.0.0.1:"), "{second}");
    assert!(!terminal.is_restored(), "the control: while it runs, keys come one by one");
    terminal.press("q");
    assert_eq!(terminal.wait_for_end().code(), Some(0));
    terminal.wait_for("Stopped cleanly.");
    assert!(terminal.is_restored() && !terminal.shows_code(), "{}", terminal.text());
    watching.abort();
}

#[test]
fn an_expired_code_is_wiped_and_p_gives_a_new_one() {
    let data = tempfile::tempdir().expect("a folder");
    let (mut terminal, api) = streamer(data.path(), 80, 24);
    let first = terminal.wait_for_code(None);
    let pair = ["pair", "--ttl", "3s", "--json", "--api", &api, "--data"];
    let made = Command::new(PROGRAM).args(pair).arg(data.path()).output().expect("runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let short = terminal.wait_for_code(Some(&first));
    assert!(String::from_utf8_lossy(&made.stdout).contains(&short), "the terminal shows the newest");
    terminal.wait_for("This code has expired. Press p for a new one.");
    assert!(!terminal.shows_code(), "{}", terminal.text());
    terminal.press("p");
    let new = terminal.wait_for_code(None);
    assert!(new != short && new != first);
    // In raw mode this is a key and no signal.
    terminal.press("\u{3}");
    assert_eq!(terminal.wait_for_end().code(), Some(0));
    assert!(terminal.is_restored());
}

#[test]
fn every_key_answers_and_every_size_shows_the_code_or_its_link() {
    let data = tempfile::tempdir().expect("a folder");
    let (mut terminal, _) = streamer(data.path(), 80, 24);
    let link = terminal.wait_for_code(None);
    for (key, answer) in [
        ("?", "p new code · v devices · c cameras"),
        ("v", "No device is paired yet."),
        ("c", "Test card: live, 640×360"),
        ("o", "From outside: run athome-signaling on a server of yours"),
        ("w", "No window can be opened here; AtHome goes on without."),
        ("l", link.as_str()),
    ] {
        terminal.press(key);
        terminal.wait(key, |terminal| terminal.text().replace('\n', " ").contains(answer).then_some(()));
        assert!(terminal.text().contains("The code is folded away, "), "{}", terminal.text());
        terminal.press("b");
        assert_eq!(terminal.wait_for_code(None), link, "{key}");
    }
    for (cols, rows) in [(60, 30), (45, 24), (120, 40), (80, 24)] {
        terminal.resize(cols, rows);
        terminal.wait("the code in another size", |terminal| {
            let whole = terminal.text().contains("One device, once, within 9:");
            (whole && terminal.scan(Theme::Dark, true).as_ref() == Some(&link)).then_some(())
        });
    }
    terminal.resize(40, 24);
    terminal.wait("the link itself", |terminal| terminal.text().contains(&link).then_some(()));
    assert!(terminal.text().starts_with("Open this link, or make the window\nlarger"), "{}", terminal.text());
    terminal.resize(100, 50);
    terminal.press("b");
    terminal.wait("a code twice as large", |terminal| {
        let large = terminal.text().lines().filter(|line| line.contains('█')).count() > 30;
        (large && terminal.scan(Theme::Light, true).as_ref() == Some(&link)).then_some(())
    });
    terminal.press("q");
    assert_eq!(terminal.wait_for_end().code(), Some(0));
    assert!(terminal.is_restored());
}
