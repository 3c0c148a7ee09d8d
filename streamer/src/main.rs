//! `athome-streamer`: reads the command line, sets up the log, and hands over to the library.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use athome_shared::logging::{self, Usual};
use athome_streamer::cli::{self, Cli, Command};
use athome_streamer::terminal::run::{SharedScreen, Voice};
use athome_streamer::window::{self, Door};
use athome_streamer::words::window::Label;
use athome_streamer::words::{Lang, Word};
use clap::Parser;
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            return match cli::refusal(&error, Lang::of_system()) {
                Some(sentence) => {
                    eprintln!("{sentence}");
                    ExitCode::from(2)
                }
                None => {
                    // Help and version; a closed pipe is no trouble.
                    let _unread = error.print();
                    ExitCode::SUCCESS
                }
            };
        }
    };
    let voice = Voice::of_process(cli.common.json);
    let screen = SharedScreen::default();
    log_to_stderr(voice, &screen);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{}", Word::NoThreads.fill(Lang::of_system(), &[("why", &error.to_string())]));
            return ExitCode::FAILURE;
        }
    };
    let lang = Lang::of_system();
    let done = match cli.command.clone() {
        Some(command) => runtime.block_on(act(&cli, &command, lang)),
        None => streamer(cli, lang, voice, screen, runtime),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

/// The streamer itself, on a thread of its own: this one belongs to its window.
fn streamer(cli: Cli, lang: Lang, voice: Voice, screen: SharedScreen, runtime: Runtime) -> anyhow::Result<()> {
    let said = screen.clone();
    let run = move |door: Door| {
        let done = runtime.block_on(cli::start::start(&cli.common, &cli.run, lang, voice, &screen, &door));
        // What is left speaks with something that does not answer.
        runtime.shutdown_timeout(Duration::from_secs(1));
        done
    };
    let say = || said.tell(Label::NoDisplay.text(lang));
    let overdue = |done: &anyhow::Result<()>| {
        if let Err(error) = done {
            eprintln!("{}", sentence(error));
        }
        std::process::exit(i32::from(done.is_err()));
    };
    let done = window::beside(run, say, overdue).context("a thread for the streamer")?;
    // The panic was reported where it happened.
    done.unwrap_or_else(|_| Err(anyhow::anyhow!("the streamer broke off")))
}

async fn act(cli: &Cli, command: &Command, lang: Lang) -> anyhow::Result<()> {
    match command {
        Command::Cameras(cameras) => match &cameras.command {
            None => cli::devices::cameras(&cli.common, lang).await,
            Some(command) => cli::remote::camera(&cli.common, command, lang).await,
        },
        Command::Pair(pair) => cli::remote::pair(&cli.common, pair, lang).await,
        Command::Mode(mode) => cli::remote::mode(&cli.common, mode, lang).await,
        Command::Viewers(viewers) => cli::remote::viewers(&cli.common, &viewers.command, lang).await,
        Command::Recordings(recordings) => cli::recordings::recordings(&cli.common, &recordings.command, lang),
        Command::CheckConfig => cli::devices::check_config(&cli.common, lang),
    }
}

/// The whole chain as one sentence. Many errors name their cause themselves: what was said already is not said again.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string).filter(|cause| !cause.is_empty()) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    cli::ended(&format!("{first}{}", chars.as_str()))
}

/// `ATHOME_LOG` decides what is logged; without it warnings where a person reads along, else what a journal should hold.
fn log_to_stderr(voice: Voice, screen: &SharedScreen) {
    let usual = if voice == Voice::Rich { Usual::Warn } else { Usual::Info };
    let log = tracing_subscriber::fmt().with_env_filter(logging::filter(usual));
    if voice == Voice::Rich && io::stderr().is_terminal() {
        let screen = screen.clone();
        log.with_writer(move || AboveBlock(screen.clone())).init();
    } else {
        log.with_ansi(io::stderr().is_terminal()).with_writer(io::stderr).init();
    }
}

/// Writes log lines above the terminal's block.
struct AboveBlock(SharedScreen);

impl Write for AboveBlock {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.log(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
