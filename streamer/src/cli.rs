//! The command line: what may be written, and one sentence for what may not.

pub mod devices;
pub mod recordings;
pub mod remote;
pub mod start;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use athome_shared::protocol::control::Role;
use athome_shared::protocol::house::HouseMode;
use athome_shared::time::WallTime;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

use crate::source::spec::{CameraSpec, MicSpec};
use crate::words::{Lang, Problem, Word};

/// Shows a camera of this computer, or of this network, to the devices that you paired with it, and to nobody else.
#[derive(Clone, Debug, Parser)]
#[command(name = "athome-streamer", version, about, args_conflicts_with_subcommands = false)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub run: Run,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Configuration file; all of it is optional
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of keys and paired devices [default: the user's data folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Local interface for other programs of this computer, loopback only [default: 127.0.0.1:8081]
    #[arg(long, global = true, value_name = "ADDR:PORT", value_parser = loopback)]
    pub api: Option<SocketAddr>,
    /// One JSON object a line on standard output
    #[arg(long, global = true)]
    pub json: bool,
}

/// Options of a running streamer; each overrides the configuration file.
#[derive(Clone, Debug, Default, Args)]
pub struct Run {
    /// webcam, webcam:N, a device path, test or file:PATH; repeatable
    #[arg(long = "camera", value_name = "SPEC")]
    pub cameras: Vec<CameraSpec>,
    /// default, none, tone, file:PATH or a device's name
    #[arg(long, value_name = "SPEC")]
    pub mic: Option<MicSpec>,
    /// Picture size
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub size: Option<(u32, u32)>,
    /// Frames a second
    #[arg(long, value_name = "N", value_parser = fps)]
    pub fps: Option<f32>,
    /// Bits a second of the full picture at most
    #[arg(long, value_name = "BPS", value_parser = clap::value_parser!(u32).range(50_000..=50_000_000))]
    pub bitrate: Option<u32>,
    /// Address of the page and the own signaling server [default: 0.0.0.0:8080]
    #[arg(long, value_name = "ADDR:PORT", value_parser = address, conflicts_with = "no_listen")]
    pub listen: Option<SocketAddr>,
    /// Without the own signaling server
    #[arg(long)]
    pub no_listen: bool,
    /// Also in a window, with the picture as the others see it and a large code
    #[arg(long)]
    pub window: bool,
    /// A signaling server outside, ws(s)://…; repeatable
    #[arg(long = "signaling", value_name = "URL", value_parser = server)]
    pub signaling: Vec<Url>,
}

/// What else can be done.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// List cameras and microphones of this computer with their formats, or pause and resume one of the streamer's
    Cameras(Cameras),
    /// Make a new code for the streamer that runs with this data folder
    Pair(Pair),
    /// Say or change how the house is watched over: home, away or privacy
    Mode(ModeArgs),
    /// List or remove paired devices
    Viewers(Viewers),
    /// List, export or check what was recorded
    Recordings(Recordings),
    /// Read the configuration file and say what is wrong with it
    CheckConfig,
}

/// Options of `pair`.
#[derive(Clone, Debug, Args)]
pub struct Pair {
    /// What the device may do; repeatable [default: everything for the first device, then view, talk and playback]
    #[arg(long = "role", value_name = "ROLE")]
    pub roles: Vec<RoleName>,
    /// How long the code works: 90s, 10m, 2h
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = ttl)]
    pub ttl: Duration,
    /// How many devices may use it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub uses: u16,
}

/// `mode …`
#[derive(Clone, Debug, Args)]
pub struct ModeArgs {
    /// home: nothing records by itself; away: everything as it is set up; privacy: every camera is off
    #[arg(value_enum)]
    pub mode: Option<ModeName>,
}

/// A mode of the house, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeName {
    Home,
    Away,
    Privacy,
}

impl From<ModeName> for HouseMode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Home => Self::Home,
            ModeName::Away => Self::Away,
            ModeName::Privacy => Self::Privacy,
        }
    }
}

/// `cameras …`
#[derive(Clone, Debug, Args)]
pub struct Cameras {
    #[command(subcommand)]
    pub command: Option<CamerasCommand>,
}

/// `cameras pause NAME`, `cameras resume NAME`.
#[derive(Clone, Debug, Subcommand)]
pub enum CamerasCommand {
    /// Switch a camera of the running streamer off; its device is closed, also after a restart
    Pause {
        /// As viewers see it
        name: String,
    },
    /// Switch it on again
    Resume {
        /// As viewers see it
        name: String,
    },
    /// Add a camera to the running streamer, and to its configuration file
    Add {
        /// As viewers are to see it
        name: String,
        /// As `--camera` takes it, such as rtsp://HOST/PATH
        source: String,
        /// Its second, smaller stream: rtsp://HOST/PATH
        #[arg(long, value_name = "URL")]
        small: Option<String>,
        /// A network camera's user name; the password is read from standard input, one line
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Remove a camera; what was recorded of it stays
    Remove {
        /// As viewers see it
        name: String,
    },
}

/// `viewers …`
#[derive(Clone, Debug, Args)]
pub struct Viewers {
    #[command(subcommand)]
    pub command: ViewersCommand,
}

/// `viewers list`, `viewers revoke ID`.
#[derive(Clone, Debug, Subcommand)]
pub enum ViewersCommand {
    /// List paired devices
    List,
    /// Remove a device: its picture stops at once, and it needs a new code to come back
    Revoke {
        /// As `viewers list` shows it
        id: String,
    },
}

/// `recordings …`
#[derive(Clone, Debug, Args)]
pub struct Recordings {
    #[command(subcommand)]
    pub command: RecordingsCommand,
}

/// `recordings list`, `recordings export`, `recordings check`.
#[derive(Clone, Debug, Subcommand)]
pub enum RecordingsCommand {
    /// List recordings, oldest first
    List {
        /// Of this camera only, as viewers see it
        #[arg(long, value_name = "NAME")]
        camera: Option<String>,
        /// Not those that ended before: "2026-11-20 14:03", 14:03, -10m
        #[arg(long, value_name = "TIME", value_parser = recordings::time, allow_hyphen_values = true)]
        from: Option<WallTime>,
        /// Not those that began later
        #[arg(long, value_name = "TIME", value_parser = recordings::time, allow_hyphen_values = true)]
        to: Option<WallTime>,
    },
    /// Write a part of what was recorded into one MP4 file, as it is, without encoding it again
    Export {
        /// Of which camera, as viewers see it
        #[arg(long, value_name = "NAME")]
        camera: String,
        /// From when: "2026-11-20 14:03", 14:03, -10m
        #[arg(long, value_name = "TIME", value_parser = recordings::time, allow_hyphen_values = true)]
        from: WallTime,
        /// Until when
        #[arg(long, value_name = "TIME", value_parser = recordings::time, allow_hyphen_values = true)]
        to: WallTime,
        /// The file to make; never one that is there
        file: PathBuf,
    },
    /// Look through all files and their index, to the last byte
    Check {
        /// Put in order what is not: cut back to what plays, put into the index, set aside; nothing is deleted
        #[arg(long)]
        repair: bool,
    },
}

/// A role as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    View,
    Talk,
    Playback,
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::View => Self::View,
            RoleName::Talk => Self::Talk,
            RoleName::Playback => Self::Playback,
            RoleName::Admin => Self::Admin,
        }
    }
}

/// One sentence for a refused command line; `None` for `--help` and `--version`, which are no refusals.
pub fn refusal(error: &clap::Error, lang: Lang) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    // Without the place-holder of its value.
    let named = |kind| text(kind).unwrap_or_default().split(" <").next().unwrap_or_default().to_owned();
    let say = |word: Word, values: &[(&str, &str)]| word.fill(lang, values);
    let nearest = |kind| match text(kind) {
        Some(nearest) => say(Word::DidYouMean, &[("nearest", &nearest)]),
        None => say(Word::SeeHelp, &[]),
    };
    let arg = named(ContextKind::InvalidArg);
    let value = text(ContextKind::InvalidValue).unwrap_or_default();
    let both = |first: String, second: String| Some(format!("{first} {second}"));
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            None
        }
        ErrorKind::UnknownArgument => both(say(Word::NoOption, &[("arg", &arg)]), nearest(ContextKind::SuggestedArg)),
        ErrorKind::InvalidSubcommand => {
            let command = named(ContextKind::InvalidSubcommand);
            both(say(Word::NoCommand, &[("arg", &command)]), nearest(ContextKind::SuggestedSubcommand))
        }
        ErrorKind::InvalidValue if value.is_empty() => {
            both(say(Word::NeedsValue, &[("arg", &arg)]), say(Word::SeeHelp, &[]))
        }
        ErrorKind::InvalidValue => {
            both(say(Word::NoValueOf, &[("value", &value), ("arg", &arg)]), nearest(ContextKind::SuggestedValue))
        }
        ErrorKind::ValueValidation => Some(unusable(error, &arg, &value, lang)),
        ErrorKind::ArgumentConflict => {
            Some(say(Word::CantTogether, &[("arg", &arg), ("other", &named(ContextKind::PriorArg))]))
        }
        ErrorKind::MissingRequiredArgument => both(say(Word::ArgMissing, &[("arg", &arg)]), say(Word::SeeHelp, &[])),
        _ => {
            let all = error.to_string();
            let first = all.lines().next().unwrap_or_default();
            Some(first.strip_prefix("error: ").unwrap_or(first).to_owned())
        }
    }
}

/// What an option's own reader says of its value.
fn unusable(error: &clap::Error, arg: &str, value: &str, lang: Lang) -> String {
    let colon = if lang == Lang::French { "\u{a0}:" } else { ":" };
    let source = error.source();
    if let Some(problem) = source.and_then(|why| why.downcast_ref::<Problem>()) {
        let why = problem.say(lang);
        // Some name the value themselves, and know which part of it may be repeated.
        return match problem {
            Problem::Slip { .. } | Problem::UnknownCamera { .. } | Problem::After { .. } => {
                ended(&format!("{arg}{colon} {why}"))
            }
            _ => ended(&format!("{arg} {value}{colon} {why}")),
        };
    }
    // Of numbers the library gives Rust's own notation.
    let why = source.map(ToString::to_string).unwrap_or_default();
    match why.strip_prefix(&format!("{value} is not in ")).and_then(|range| range.split_once("..=")) {
        Some((least, most)) => {
            let between = Problem::Between { least: least.to_owned(), most: most.to_owned() };
            ended(&format!("{arg} {value}{colon} {}", between.say(lang)))
        }
        None => ended(&Word::NoValueOf.fill(lang, &[("value", value), ("arg", arg)])),
    }
}

/// The text as a sentence, with a full stop unless it ends one already.
pub fn ended(text: &str) -> String {
    if text.ends_with(['.', '?', '!', '…']) { text.to_owned() } else { format!("{text}.") }
}

fn address(text: &str) -> Result<SocketAddr, Problem> {
    text.parse().map_err(|_| Problem::WriteAs("0.0.0.0:8080"))
}

fn loopback(text: &str) -> Result<SocketAddr, Problem> {
    let addr: SocketAddr = text.parse().map_err(|_| Problem::WriteAs("127.0.0.1:8081"))?;
    if addr.ip().is_loopback() { Ok(addr) } else { Err(Problem::LoopbackOnly("127.0.0.1:8081")) }
}

fn size(text: &str) -> Result<(u32, u32), Problem> {
    let wrong = || Problem::WriteAs("1280x720");
    let (w, h) = text.split_once(['x', 'X', '×']).ok_or_else(wrong)?;
    let (w, h): (u32, u32) = (w.parse().map_err(|_| wrong())?, h.parse().map_err(|_| wrong())?);
    // The encoder's limits: level 5.2, even sizes.
    if !(64..=4096).contains(&w) || !(64..=2304).contains(&h) {
        return Err(Problem::EvenAtMost { long: 4096, short: 2304 });
    }
    if w % 2 != 0 || h % 2 != 0 {
        return Err(Problem::Even);
    }
    Ok((w, h))
}

fn fps(text: &str) -> Result<f32, Problem> {
    match text.parse::<f32>() {
        Ok(fps) if (1.0..=120.0).contains(&fps) => Ok(fps),
        _ => Err(Problem::Between { least: "1".to_owned(), most: "120".to_owned() }),
    }
}

/// A time with its unit, one second to a day.
fn ttl(text: &str) -> Result<Duration, Problem> {
    let wrong = || Problem::TimeForm;
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(wrong()),
    };
    let secs = number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).ok_or_else(wrong)?;
    if (1..=86_400).contains(&secs) { Ok(Duration::from_secs(secs)) } else { Err(wrong()) }
}

/// A signaling server: `ws(s)://`, or `http(s)://` as a browser would show it; `/ws` where no path is given.
fn server(text: &str) -> Result<Url, Problem> {
    let wrong = || Problem::WriteAs("wss://HOST/ws");
    let mut url = Url::parse(text).map_err(|_| wrong())?;
    let scheme = match url.scheme() {
        "ws" | "http" => "ws",
        "wss" | "https" => "wss",
        _ => return Err(wrong()),
    };
    url.set_scheme(scheme).map_err(|()| wrong())?;
    if url.host().is_none() || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(wrong());
    }
    if url.path() == "/" {
        url.set_path("/ws");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::{CommandFactory, Parser};

    use super::{Cli, Command, refusal};
    use crate::words::{Lang, french_faults};

    fn parse(args: &[&str]) -> Result<Cli, String> {
        parse_in(args, Lang::English)
    }

    fn parse_in(args: &[&str], lang: Lang) -> Result<Cli, String> {
        Cli::try_parse_from(std::iter::once("athome-streamer").chain(args.iter().copied()))
            .map_err(|error| refusal(&error, lang).unwrap_or_else(|| "help".to_owned()))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_documented_line_is_accepted() {
        let cli = parse(&[
            "--config",
            "athome.toml",
            "--data",
            "d",
            "--camera",
            "test",
            "--camera",
            "webcam:1",
            "--mic",
            "tone",
            "--size",
            "1280x720",
            "--fps",
            "30",
            "--bitrate",
            "2000000",
            "--listen",
            "0.0.0.0:8080",
            "--signaling",
            "https://example.org",
            "--api",
            "127.0.0.1:0",
            "--json",
        ])
        .expect("the documented options parse");
        assert_eq!(cli.run.cameras.len(), 2);
        assert_eq!(cli.run.size, Some((1280, 720)));
        assert_eq!(cli.run.signaling[0].as_str(), "wss://example.org/ws");
        assert!(cli.common.json && cli.command.is_none());
    }

    #[test]
    fn subcommands_take_the_common_options() {
        let cli =
            parse(&["pair", "--role", "view", "--role", "talk", "--ttl", "2h", "--uses", "3", "--json"]).expect("pair");
        let Some(Command::Pair(pair)) = cli.command else { panic!("pair is a command") };
        assert_eq!((pair.ttl, pair.uses, pair.roles.len()), (Duration::from_secs(7200), 3, 2));
        assert!(cli.common.json);
        for line in [
            &["cameras", "--json"][..],
            &["viewers", "list"],
            &["viewers", "revoke", "ab12"],
            &["check-config"],
            &["cameras", "pause", "Front door"],
        ] {
            assert!(parse(line).is_ok(), "{line:?}");
        }
    }

    #[test]
    fn every_refusal_is_one_line_and_a_slip_gets_the_nearest_word() {
        let cases: [(&[&str], &str); 18] = [
            (&["--camra", "test"], "Did you mean --camera?"),
            (&["--camera", "tset"], "Did you mean `test`?"),
            (&["vievers"], "Did you mean viewers?"),
            (&["viewers", "lst"], "Did you mean list?"),
            (&["pair", "--role", "veiw"], "Did you mean view?"),
            (&["pair", "--ttl", "10"], "90s, 10m or 2h"),
            (&["pair", "--ttl", "99999999999999999999h"], "90s, 10m or 2h"),
            (&["pair", "--ttl", "é"], "90s, 10m or 2h"),
            (&["--size", "1280"], "1280x720"),
            (&["--size", "1281x720"], "even"),
            (&["--fps", "NaN"], "1 to 120"),
            (&["--bitrate", "1"], "--bitrate 1: a number from 50000 to 50000000."),
            (&["--listen", "8080"], "--listen 8080: write it as 0.0.0.0:8080."),
            (&["--camera", "banana"], "--camera: `banana` is not a camera. Use webcam, webcam:N"),
            (&["--api", "0.0.0.0:8081"], "loopback"),
            (&["--signaling", "ftp://x"], "wss://HOST/ws"),
            (&["--listen", "127.0.0.1:1", "--no-listen"], "can't be used together"),
            (&["--listen"], "needs a value"),
        ];
        for (args, part) in cases {
            let said = parse(args).expect_err("refused");
            assert!(said.contains(part), "{args:?} gave {said:?}");
            assert!(!said.contains('\n') && said.len() < 250, "{args:?} gave {said:?}");
            assert!(!said.contains("?.") && !said.contains('<'), "{args:?} gave {said:?}");
            let french = parse_in(args, Lang::French).expect_err("refused");
            assert_ne!(french, said, "{args:?}");
            assert!(!french.contains('\n') && !french.contains("?."), "{args:?} gave {french:?}");
            assert_eq!(french_faults(&french), Vec::<String>::new(), "{args:?}");
            let english = ["write it", "number", "Did you", "There is", "value of", "can't", "needs"];
            assert!(!english.iter().any(|word| french.contains(word)), "{args:?} gave {french:?}");
        }
    }

    #[test]
    fn help_is_no_refusal() {
        assert_eq!(parse(&["--help"]).expect_err("help"), "help");
    }
}
