//! The viewer's command line.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::pair::link::Link;
use athome_shared::time::WallTime;
use athome_viewer::app::{self, Window};
use athome_viewer::desktop::instance::{self, Start};
use athome_viewer::desktop::notify::{self, Notifications};
use athome_viewer::headless::{self, Headless};
use athome_viewer::report::Report;
use athome_viewer::session::client;
use athome_viewer::settings::Settings;
use athome_viewer::store;
use athome_viewer::words::{Lang, Sentence};
use clap::Parser;
use tracing::warn;

/// Watch an AtHome camera.
#[derive(Debug, Parser)]
#[command(name = "athome-viewer", version)]
struct Args {
    /// What the system's handler of athome:// links hands over; nobody types it.
    #[arg(hide = true, value_name = "athome://…")]
    opened: Option<String>,
    /// Watch without a window and report figures.
    #[arg(long)]
    headless: bool,
    /// Pair with the link in this file, or read from standard input for "-". Links are secret: never an argument.
    #[arg(long, value_name = "-|FILE")]
    link: Option<String>,
    /// Which paired place to watch, where there are several.
    #[arg(long, value_name = "NAME")]
    place: Option<String>,
    /// Which camera to watch, by name or id; the first one otherwise.
    #[arg(long, value_name = "NAME")]
    camera: Option<String>,
    /// How long to watch, from the first picture on.
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = seconds)]
    seconds: f64,
    /// Look back from this moment on (-10m, 2026-11-20T14:03:00Z, or Unix microseconds), --seconds of it, as fast as it comes.
    #[arg(long, value_name = "TIME", value_parser = headless::moment, requires = "headless", allow_hyphen_values = true)]
    at: Option<WallTime>,
    /// Write the video and sound to this MP4 file as they come, never encoded again.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Where the pairings are kept.
    #[arg(long, value_name = "DIR", env = "ATHOME_VIEWER_DATA")]
    data: Option<PathBuf>,
    /// What this device calls itself when it pairs.
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// Print one JSON object at the end; with a window, one each second about what it shows.
    #[arg(long)]
    json: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(n) if n > 0.0 && n <= 31_536_000.0 => Ok(n),
        Ok(_) | Err(_) => Err("a number of seconds above 0".to_owned()),
    }
}

fn main() -> ExitCode {
    let started = Instant::now();
    let args = Args::parse();
    let lang = Lang::of_system();
    athome_shared::logging::init();
    if !args.headless {
        return match window(args, started) {
            Ok(()) => ExitCode::SUCCESS,
            Err(sentence) => {
                let text = sentence.text(lang);
                eprintln!("{text}");
                // Started from a desktop's menu, nobody reads that.
                if !std::io::stderr().is_terminal() {
                    notify::last_words(&text);
                }
                ExitCode::FAILURE
            }
        };
    }
    let json = args.json;
    let mut last = None;
    let mut say = |sentence: &Sentence| {
        eprintln!("{}", sentence.text(lang));
        last = Some(sentence.clone());
    };
    match run(args, &mut say) {
        Ok(report) => {
            let text = if json { serde_json::to_string(&report) } else { serde_json::to_string_pretty(&report) };
            match text {
                Ok(text) => {
                    println!("{text}");
                    ExitCode::SUCCESS
                }
                Err(error) => {
                    eprintln!("{error}");
                    ExitCode::FAILURE
                }
            }
        }
        Err(sentence) => {
            if last.as_ref() != Some(&sentence) {
                eprintln!("{}", sentence.text(lang));
            }
            ExitCode::FAILURE
        }
    }
}

fn unusable(path: &str, detail: &str) -> Sentence {
    Sentence::StoreUnusable { path: path.to_owned(), detail: detail.to_owned() }
}

fn data(given: Option<PathBuf>) -> Result<PathBuf, Sentence> {
    given.or_else(store::default_dir).ok_or_else(|| unusable("~", "--data DIR is needed"))
}

fn window(args: Args, started: Instant) -> Result<(), Sentence> {
    let data = data(args.data)?;
    // Only what the system's handler of links hands over; anything else has no business on a command line.
    let opened = args.opened.filter(|text| instance::is_link(text));
    let first = match instance::start(&data, opened.as_deref()) {
        Start::First(first) => first,
        Start::Told => return Ok(()),
        Start::Silent => return Err(Sentence::AlreadyOpen),
    };
    let store = client::open_store(&data).map_err(|error| error.sentence())?;
    let link = opened.map(|text| Link::parse(&text).map_err(|_| Sentence::LinkIncomplete)).transpose();
    let (settings, damaged) = Settings::load(&data);
    let aside = damaged.map(|file| Sentence::SettingsAside { file: file.display().to_string() });
    let (link, notice) = match link {
        Ok(link) => (link, aside),
        Err(sentence) => (None, Some(sentence)),
    };
    app::run(Window {
        store,
        data,
        settings,
        notice,
        device: args.device.unwrap_or_else(device),
        link,
        first,
        desktop: Arc::new(Notifications::start()),
        report: args.json.then(|| report(started)),
        probe: Box::new(|| false),
    })
}

/// Figures of what the window shows, printed once a second until the program ends.
fn report(started: Instant) -> Arc<Report> {
    let report = Arc::new(Report::new(started));
    let lines = Arc::downgrade(&report);
    let print = move || {
        while let Some(report) = lines.upgrade() {
            std::thread::sleep(Duration::from_secs(1));
            let line = serde_json::to_string(&report.line(Instant::now())).map_err(std::io::Error::from);
            if let Err(error) = line.and_then(|line| writeln!(std::io::stdout(), "{line}")) {
                return warn!(%error, "nobody reads the figures");
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("report".to_owned()).spawn(print) {
        warn!(%error, "no figures");
    }
    report
}

/// What this computer calls itself, as far as it tells.
fn device() -> String {
    let named = std::fs::read_to_string("/etc/hostname").ok().or_else(|| std::env::var("COMPUTERNAME").ok());
    let named = named.map(|name| name.trim().chars().take(60).collect::<String>());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "AtHome viewer".to_owned())
}

fn run(args: Args, say: &mut (dyn FnMut(&Sentence) + Send)) -> Result<headless::Outcome, Sentence> {
    let data = data(args.data)?;
    let headless = Headless {
        data,
        link: args.link.as_deref().map(headless::read_link).transpose()?,
        place: args.place,
        camera: args.camera,
        watch_for: Duration::from_secs_f64(args.seconds),
        at: args.at,
        record: args.record,
        device: args.device.unwrap_or_else(|| "Headless viewer".to_owned()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| unusable("-", &error.to_string()))?;
    let result = runtime.block_on(headless::run(headless, say));
    // What is left are closed sockets.
    runtime.shutdown_timeout(Duration::from_millis(500));
    result
}
