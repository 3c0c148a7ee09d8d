//! `athome-streamer`: reads the command line, sets up the log, and hands over to the library.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use athome_shared::logging::{self, Usual};
use athome_streamer::cli::{self, Cli, Command};
use athome_streamer::terminal::run::{SharedScreen, Voice};
use athome_streamer::words::{Lang, Word};
use clap::Parser;

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
    match runtime.block_on(act(&cli, voice, &screen)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

async fn act(cli: &Cli, voice: Voice, screen: &SharedScreen) -> anyhow::Result<()> {
    let lang = Lang::of_system();
    match &cli.command {
        None => cli::start::start(&cli.common, &cli.run, lang, voice, screen).await,
        Some(Command::Cameras(cameras)) => match &cameras.command {
            None => cli::devices::cameras(&cli.common, lang).await,
            Some(command) => cli::remote::camera(&cli.common, command, lang).await,
        },
        Some(Command::Pair(pair)) => cli::remote::pair(&cli.common, pair, lang).await,
        Some(Command::Viewers(viewers)) => cli::remote::viewers(&cli.common, &viewers.command, lang).await,
        Some(Command::CheckConfig) => cli::devices::check_config(&cli.common, lang),
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
