//! The terminal's life: what is printed for scripts, for a pipe, and for a person at the keyboard.

use std::io::{self, IsTerminal, Stdout, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use athome_shared::id::Layer;
use athome_shared::protocol::control::{Camera, CameraState};
use athome_shared::time::WallTime;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::keys::{Key, Keys};
use super::layout::{self, CameraLine, Model, Window};
use super::qr::Modules;
use super::screen::Screen;
use super::sentence;
use super::text::{clean, fit, width, wrap};
use crate::app::App;
use crate::events::Heard;
use crate::hub::{Hub, StreamKey, Track};
use crate::serve::{Code, ViewerRow};
use crate::words::{Lang, Word};

/// How long a code that was asked for by key works.
pub const CODE_LIFE: Duration = Duration::from_secs(600);

/// How the program speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// One JSON object a line.
    Json,
    /// One sentence a line; `codes` only where a person reads it.
    Plain { codes: bool },
    /// A block that is redrawn, and keys.
    Rich,
}

impl Voice {
    /// What suits this process's standard streams and environment.
    pub fn of_process(json: bool) -> Self {
        let (out, input) = (io::stdout().is_terminal(), io::stdin().is_terminal());
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let utf8 = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
            .is_some_and(|v| v.to_ascii_lowercase().replace('-', "").contains("utf8"));
        match (json, out) {
            (true, _) => Self::Json,
            (false, false) => Self::Plain { codes: false },
            (false, true) if input && !set("NO_COLOR") && !dumb && (utf8 || cfg!(not(unix))) => Self::Rich,
            (false, true) => Self::Plain { codes: true },
        }
    }
}

/// The screen, shared with the log: lines of the log appear above the block instead of through it.
#[derive(Clone, Default)]
pub struct SharedScreen(Arc<Mutex<Option<Screen<Stdout>>>>, Arc<Told>);

/// What other threads have to say to the person. The newest wins: nobody reads a queue of it.
#[derive(Default)]
struct Told {
    line: Mutex<Option<String>>,
    news: Notify,
}

impl SharedScreen {
    /// Prints lines above the block, or plainly on standard error where there is no block.
    pub fn log(&self, text: &str) {
        let mut screen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A terminal that is gone can't be told so.
        let _gone = match screen.as_mut() {
            Some(screen) => screen.above(text),
            None => io::stderr().write_all(text.as_bytes()),
        };
    }

    /// Says a sentence where it can be read, like the answer to a key; on standard error where there is no block.
    pub fn tell(&self, sentence: &str) {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            return self.log(&format!("{sentence}\n"));
        }
        *self.1.line.lock().unwrap_or_else(PoisonError::into_inner) = Some(sentence.to_owned());
        self.1.news.notify_one();
    }

    fn told(&self) -> Option<String> {
        self.1.line.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn with(&self, act: impl FnOnce(&mut Screen<Stdout>) -> io::Result<()>) {
        if let Some(screen) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            let _gone = act(screen);
        }
    }

    fn set(&self, screen: Option<Screen<Stdout>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = screen;
    }
}

/// Prints a line on standard output. Nobody reading it is no reason to stop.
pub fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _unread = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Speaks until `shutdown`; with keys, `q` cancels it, and `w` asks for a window. `sound` names the microphone.
pub async fn run(
    app: &App,
    voice: Voice,
    lang: Lang,
    sound: Option<String>,
    screen: &SharedScreen,
    window: &(dyn Fn() + Sync),
    shutdown: &CancellationToken,
) -> io::Result<()> {
    match voice {
        Voice::Json => {
            lines(app, shutdown, |event, _| sentence::object(event).to_string(), &ready(app).to_string()).await
        }
        Voice::Plain { codes } => {
            let first = first_words(app, lang, codes);
            let line = |event: &_, cameras: &[Camera]| {
                clean(&format!("{} {}", sentence::time_of_day(WallTime::now()), sentence::words(event, cameras, lang)))
            };
            lines(app, shutdown, line, &first).await;
        }
        Voice::Rich => rich(app, lang, sound, screen, window, shutdown).await?,
    }
    Ok(())
}

/// The object that scripts wait for.
fn ready(app: &App) -> Value {
    let mut ready = json!({
        "event": "ready",
        "page": app.page(),
        "api": format!("http://{}", app.api_addr()),
        "link": null,
        "at": WallTime::now().0,
    });
    if let (Code::Open(invitation), Some(fields)) = (&*app.desk().code().borrow(), ready.as_object_mut()) {
        fields.insert("link".to_owned(), json!(invitation.link));
        fields.insert("expires".to_owned(), json!(invitation.expires.0));
    }
    ready
}

fn first_words(app: &App, lang: Lang, codes: bool) -> String {
    let mut words = vec![Word::Running.text(lang).to_owned()];
    if app.lan_only() {
        words.push(Word::LanLine.text(lang).to_owned());
    }
    match &*app.desk().code().borrow() {
        Code::Open(invitation) if codes => {
            words.push(Word::LinkIs.text(lang).to_owned());
            words.push(invitation.link.clone());
        }
        _ => words.push(Word::RunPair.text(lang).to_owned()),
    }
    words.join("\n")
}

async fn lines(
    app: &App,
    shutdown: &CancellationToken,
    line: impl Fn(&crate::events::Event, &[Camera]) -> String,
    first: &str,
) {
    let mut events = app.events();
    say(first);
    loop {
        let heard = tokio::select! {
            () = shutdown.cancelled() => return,
            heard = events.next() => heard,
        };
        match heard {
            Some(Heard::Event(event)) => say(&line(&event, &app.cameras().list())),
            Some(Heard::Lost(n)) => tracing::warn!("{n} events were not printed: the terminal was too slow"),
            None => return,
        }
    }
}

async fn rich(
    app: &App,
    lang: Lang,
    sound: Option<String>,
    shared: &SharedScreen,
    open: &(dyn Fn() + Sync),
    shutdown: &CancellationToken,
) -> io::Result<()> {
    let (keys, mut pressed) = Keys::start()?;
    shared.set(Some(Screen::new(io::stdout(), window().cols)));
    let mut model = Model { lang, sound, ..Model::default() };
    let (mut events, mut cameras) = (app.events(), app.cameras().changes());
    let (mut code, mut watching) = (app.desk().code(), app.desk().watching());
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        model.outside = app.outside();
        model.cameras = app.cameras().list().iter().map(|camera| camera_line(camera, app.hub())).collect();
        model.watching = watching.borrow().to_vec();
        model.code = shown(&code.borrow());
        redraw(shared, &model);
        tokio::select! {
            () = shutdown.cancelled() => break,
            _ = second.tick() => {}
            Ok(()) = cameras.changed() => {}
            Ok(()) = watching.changed() => {}
            Ok(()) = code.changed() => {}
            heard = events.next() => if let Some(Heard::Event(event)) = heard {
                let words = sentence::words(&event, &app.cameras().list(), lang);
                above(shared, &format!("{} {words}", sentence::time_of_day(event.at)));
            },
            () = shared.1.news.notified() => if let Some(line) = shared.told() {
                answer(&mut model, shared, &[line]);
            },
            // A keyboard that is gone asks for nothing more; the pictures go on.
            Some(key) = pressed.recv() => press(app, key, &mut model, &code, shared, open, shutdown).await,
        }
    }
    shared.with(Screen::finish);
    shared.set(None);
    drop(keys);
    Ok(())
}

async fn press(
    app: &App,
    key: Key,
    model: &mut Model,
    code: &watch::Receiver<Code>,
    shared: &SharedScreen,
    open: &(dyn Fn() + Sync),
    shutdown: &CancellationToken,
) {
    let lang = model.lang;
    match key {
        Key::NewCode => match app.new_invite(None, CODE_LIFE, 1).await {
            Ok(_) => model.folded = false,
            Err(error) => above(shared, &error.to_string()),
        },
        Key::Viewers => {
            let lines = match app.desk().viewers().await {
                Ok(rows) => viewers_table(&rows, lang),
                Err(error) => vec![error.to_string()],
            };
            answer(model, shared, &lines);
        }
        Key::Cameras => {
            let lines: Vec<String> = app.cameras().list().iter().map(|c| camera_words(c, lang)).collect();
            answer(model, shared, &lines);
        }
        Key::Link => {
            let link = match &*code.borrow() {
                Code::Open(invitation) => invitation.link.clone(),
                _ => Word::NoCode.text(lang).to_owned(),
            };
            answer(model, shared, &[]);
            // Whole, whatever the width: it is there to be copied.
            shared.with(|screen| screen.above(&link));
        }
        Key::Bigger if model.folded => model.folded = false,
        Key::Bigger => model.bigger = !model.bigger,
        Key::Outside => {
            let word = if model.outside { Word::ReachedOutside } else { Word::ReachOutside };
            answer(model, shared, &[word.text(lang).to_owned()]);
        }
        Key::Window => open(),
        Key::Help => {
            answer(model, shared, &[Word::HelpTitle.text(lang).to_owned(), Word::HelpText.text(lang).to_owned()]);
        }
        Key::Quit => shutdown.cancel(),
        // Whatever happens, the loop draws for the window as it is then.
        Key::Resized => {}
    }
}

fn redraw(shared: &SharedScreen, model: &Model) {
    let window = window();
    shared.with(|screen| {
        screen.resized(window.cols);
        screen.draw(layout::block(model, window))
    });
}

/// Prints what a key asked for where it can be read: a code that fills the window makes room first.
fn answer(model: &mut Model, shared: &SharedScreen, lines: &[String]) {
    let window = window();
    let lines: Vec<String> = lines.iter().flat_map(|line| wrap(line, window.cols)).collect();
    if layout::height(&layout::block(model, window), window.cols) + lines.len().max(2) > window.rows {
        model.folded = true;
        redraw(shared, model);
    }
    if !lines.is_empty() {
        shared.with(|screen| screen.above(&lines.join("\n")));
    }
}

fn above(shared: &SharedScreen, line: &str) {
    let lines = wrap(line, window().cols);
    shared.with(|screen| screen.above(&lines.join("\n")));
}

fn window() -> Window {
    let (cols, rows) = crossterm::terminal::size().unwrap_or((80, 24));
    Window { cols: usize::from(cols.max(1)), rows: usize::from(rows.max(1)) }
}

fn shown(code: &Code) -> layout::Code {
    match code {
        Code::None => layout::Code::None,
        Code::Expired => layout::Code::Expired,
        Code::Used { device, at, .. } => {
            layout::Code::Used { device: device.clone(), time: sentence::time_of_day(*at) }
        }
        Code::Open(invitation) => {
            let left = invitation.expires.0.saturating_sub(WallTime::now().0);
            match Modules::of_link(&invitation.link) {
                Some(modules) => layout::Code::Shown {
                    modules,
                    uses: invitation.uses,
                    left: Duration::from_micros(u64::try_from(left).unwrap_or(0)),
                },
                None => layout::Code::None,
            }
        }
    }
}

fn camera_line(camera: &Camera, hub: &Hub) -> CameraLine {
    let tracks = [Track::Video(Layer::Full), Track::Video(Layer::Small), Track::Audio];
    let now = Instant::now();
    let bits = |track| hub.bits_per_second(&StreamKey { camera: camera.id.clone(), track }, now);
    CameraLine {
        recording: camera.recording.is_some(),
        bits: tracks.into_iter().map(bits).sum(),
        name: camera.name.clone(),
        state: camera.state,
        width: camera.width,
        height: camera.height,
        fps: camera.fps,
        retry_s: camera.retry_s,
    }
}

/// A camera in a sentence, for lists.
pub fn camera_words(camera: &Camera, lang: Lang) -> String {
    let state = layout::state_word(camera.state).text(lang);
    let mut words = format!("{}: {state}", camera.name);
    if camera.state == CameraState::Live && camera.width > 0 {
        words.push_str(&format!(", {}×{}, {:.0} fps", camera.width, camera.height, camera.fps));
    }
    if let Some(reason) = camera.reason {
        words.push_str(". ");
        words.push_str(&sentence::trouble(reason, camera.last_frame.is_some()).fill(lang, &[("cam", &camera.name)]));
    }
    words
}

/// Paired devices as a table of at most 80 cells.
pub fn viewers_table(rows: &[ViewerRow], lang: Lang) -> Vec<String> {
    // A pairing that was never confirmed is no device yet.
    let rows: Vec<&ViewerRow> = rows.iter().filter(|row| row.state != "pending").collect();
    if rows.is_empty() {
        return vec![Word::NoDevices.text(lang).to_owned()];
    }
    let mut lines = vec![Word::DevicesTitle.text(lang).to_owned()];
    lines.extend(rows.into_iter().map(|row| {
        let roles: Vec<String> =
            row.roles.iter().filter_map(|role| serde_json::to_value(role).ok()?.as_str().map(str::to_owned)).collect();
        let seen = match (row.state.as_str(), row.last_seen) {
            ("revoked", _) => Word::Revoked.text(lang).to_owned(),
            (_, Some(at)) => sentence::day_and_time(at),
            (_, None) => Word::Never.text(lang).to_owned(),
        };
        let mark = if row.watching { '◉' } else { '○' };
        let roles = if roles.iter().any(|role| role == "admin") { "admin".to_owned() } else { roles.join(",") };
        let name = fit(&row.name, 20);
        let gap = " ".repeat(20 - width(&name));
        fit(&format!("{mark} {}  {name}{gap}  {seen:<16}  {roles}", row.id), 80)
    }));
    lines
}
