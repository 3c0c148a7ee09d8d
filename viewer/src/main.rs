//! The viewer's command line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use athome_viewer::headless::{self, Headless};
use athome_viewer::store;
use athome_viewer::words::{Lang, Sentence};
use clap::Parser;

/// Watch an AtHome camera.
#[derive(Debug, Parser)]
#[command(name = "athome-viewer", version)]
struct Args {
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
    /// Write the video to this file as it comes (raw H.264, Annex B).
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Where the pairings are kept.
    #[arg(long, value_name = "DIR", env = "ATHOME_VIEWER_DATA")]
    data: Option<PathBuf>,
    /// What this device calls itself when it pairs.
    #[arg(long, value_name = "NAME", default_value = "Headless viewer")]
    device: String,
    /// Print one JSON object at the end.
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
    let args = Args::parse();
    let lang = Lang::of_system();
    if !args.headless {
        eprintln!("{}", Sentence::WindowLater.text(lang));
        return ExitCode::from(2);
    }
    athome_shared::logging::init();
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

fn run(args: Args, say: &mut (dyn FnMut(&Sentence) + Send)) -> Result<headless::Report, Sentence> {
    let unusable =
        |path: &str, detail: &str| Sentence::StoreUnusable { path: path.to_owned(), detail: detail.to_owned() };
    let data = args.data.or_else(store::default_dir).ok_or_else(|| unusable("~", "--data DIR is needed"))?;
    let headless = Headless {
        data,
        link: args.link.as_deref().map(headless::read_link).transpose()?,
        place: args.place,
        camera: args.camera,
        watch_for: Duration::from_secs_f64(args.seconds),
        record: args.record,
        device: args.device,
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
