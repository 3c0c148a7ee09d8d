//! `athome-streamer` itself: options over configuration, start, speak, stop in order.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use athome_shared::shutdown;
use athome_signaling::BindError;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Common, Run};
use crate::app::{App, Options, StartError};
use crate::config::{self, CameraConfig, Config, make_ids_unique};
use crate::encode::h264::slow_build;
use crate::record::store::StoreError;
use crate::serve::Code;
use crate::source::list::{list_cameras, list_microphones};
use crate::source::{CameraSpec, MicSpec};
use crate::terminal::keys;
use crate::terminal::run::{CODE_LIFE, SharedScreen, Voice, run, say};
use crate::trust::TrustError;
use crate::window::Door;
use crate::window::login::Autostart;
use crate::window::model::Request;
use crate::window::remembered::Remembered;
use crate::window::run::{Controller, Setup, WantTray};
use crate::words::{Lang, Word};

/// Runs the streamer until it is told to stop.
pub async fn start(
    common: &Common,
    options: &Run,
    lang: Lang,
    voice: Voice,
    screen: &SharedScreen,
    door: &Door,
) -> anyhow::Result<()> {
    let mut config = read_config(common.config.as_deref(), lang)?;
    let nobody_chose = options.cameras.is_empty() && config.cameras.is_empty();
    let webcam = if nobody_chose { first_webcam().await } else { None };
    let chosen = apply(&mut config, common, options, webcam);
    let shutdown = shutdown::on_signal_or_at_once(move || {
        keys::restore();
        eprintln!("{}", Word::SecondSignal.text(lang));
    });
    let shutdown = shutdown.context("listening for signals")?;
    let sound = config.cameras.first().and_then(|camera| camera.audio.as_ref()).filter(|mic| **mic != MicSpec::None);
    let sound = sound.map(ToString::to_string);
    if let Some(why) = slow_build() {
        warn!("{why}");
    }
    let data = data_folder(common.data.clone())?;
    make_folder(&data).map_err(|why| data_unusable(&data, &why, lang))?;
    let _ours = lock(&data, lang)?;
    let remembered = Remembered::new(&data);
    let app = App::start(Options { config, data }).await;
    let app = app.map_err(|error| refusal(error, lang))?;
    for word in chosen {
        let told = word.fill(lang, &[("cam", app.cameras().list().first().map_or("", |c| &c.name))]);
        match voice {
            Voice::Json => info!("{told}"),
            Voice::Plain { .. } | Voice::Rich => say(&told),
        }
    }
    // A code only for eyes that can use it, and by itself only for the first device.
    let shown = voice != Voice::Plain { codes: false };
    let nobody_yet = app.desk().viewers().await?.iter().all(|row| row.state == "revoked");
    if shown && nobody_yet && app.reachable() {
        match app.new_invite(None, CODE_LIFE, 1).await {
            Ok(_) => {
                debug_assert!(
                    matches!(&*app.desk().code().borrow(), Code::Open(_)),
                    "a new invitation is the one shown"
                );
            }
            // One that was started again and again has too many open: it films and records all the same.
            Err(why) => warn!("no code for a first device: {why}"),
        }
    }
    let opener = door.clone();
    let controller = Controller::new(
        &app,
        Setup {
            lang,
            remembered,
            autostart: Autostart::of_process(),
            wake: door.wake(),
            open: Box::new(move |handle| opener.open(handle)),
            tray: WantTray::Yes,
            quit: shutdown.clone(),
        },
    );
    let window = controller.handle();
    let stopping = CancellationToken::new();
    let beside = tokio::spawn(controller.run(stopping.clone()));
    let open = || window.send(Request::Open);
    if options.window {
        open();
    }
    let spoken = run(&app, voice, lang, sound, screen, &open, &shutdown).await;
    stopping.cancel();
    if beside.await.is_err() {
        warn!("the window's task ended badly");
    }
    if voice == Voice::Rich {
        say(Word::Stopping.text(lang));
    }
    app.shutdown().await;
    match voice {
        Voice::Json => say(r#"{"event":"stopped"}"#),
        Voice::Plain { .. } | Voice::Rich => say(Word::StoppedCleanly.text(lang)),
    }
    spoken.context("the terminal")
}

/// Reads the configuration, or the defaults where none is named.
pub fn read_config(path: Option<&Path>, lang: Lang) -> anyhow::Result<Config> {
    match path {
        Some(path) => config::check_config(path).map_err(|why| anyhow::anyhow!(why.say(lang))),
        None => Ok(Config::default()),
    }
}

/// Puts the options over the configuration; says what was chosen where nobody did.
fn apply(config: &mut Config, common: &Common, options: &Run, webcam: Option<Found>) -> Vec<Word> {
    let mut chosen = Vec::new();
    if !options.cameras.is_empty() || config.cameras.is_empty() {
        // The file is about other cameras.
        config.file = None;
    }
    if !options.cameras.is_empty() {
        config.cameras = options.cameras.iter().map(|spec| CameraConfig::new(&name_of(spec), spec.clone())).collect();
    } else if config.cameras.is_empty() {
        let (word, camera) = match webcam {
            Some(found) => {
                let mut camera = CameraConfig::new(&found.name, found.spec);
                camera.audio = Some(if found.microphone { MicSpec::Default } else { MicSpec::None });
                (Word::WebcamChosen, camera)
            }
            None => (Word::TestCardChosen, CameraConfig::new(TEST_CARD, CameraSpec::Test { mark: 1 })),
        };
        chosen.push(word);
        if word == Word::TestCardChosen && options.mic.is_none() {
            chosen.push(Word::SilentTestCard);
        }
        config.cameras = vec![camera];
    }
    make_ids_unique(&mut config.cameras);
    // A webcam brings no sound of its own: the first camera gets the microphone unless somebody chose.
    if let Some(first) = config.cameras.first_mut()
        && first.audio.is_none()
        && matches!(first.source, CameraSpec::Webcam | CameraSpec::WebcamNumber(_) | CameraSpec::Device(_))
    {
        first.audio = Some(MicSpec::Default);
    }
    if let Some(mic) = &options.mic
        && let Some(first) = config.cameras.first_mut()
    {
        first.audio = Some(mic.clone());
    }
    for camera in &mut config.cameras {
        camera.wish.size = options.size.or(camera.wish.size);
        camera.wish.fps = options.fps.or(camera.wish.fps);
        camera.bitrate_bps = options.bitrate.or(camera.bitrate_bps);
    }
    if let Some(listen) = options.listen {
        config.signaling.listen = Some(listen);
    }
    if options.no_listen {
        config.signaling.listen = None;
    }
    config.signaling.servers.extend(options.signaling.iter().cloned());
    if let Some(api) = common.api {
        config.api.listen = api;
    }
    chosen
}

const TEST_CARD: &str = "Test card";

/// What a camera is called whose name nobody gave.
fn name_of(spec: &CameraSpec) -> String {
    match spec {
        CameraSpec::Test { mark: 0 | 1 } => TEST_CARD.to_owned(),
        CameraSpec::Test { mark } => format!("{TEST_CARD} {mark}"),
        CameraSpec::Webcam => "Webcam".to_owned(),
        CameraSpec::WebcamNumber(n) => format!("Webcam {n}"),
        CameraSpec::Device(path) | CameraSpec::File(path) => {
            path.file_stem().map_or_else(|| "Camera".to_owned(), |stem| stem.to_string_lossy().into_owned())
        }
        CameraSpec::Rtsp(_) | CameraSpec::Http(_) => "Camera".to_owned(),
    }
}

/// A webcam to use where nobody chose a camera.
struct Found {
    name: String,
    spec: CameraSpec,
    /// The system has a default microphone.
    microphone: bool,
}

/// The first webcam, if there is one. Devices are asked, which takes a moment.
async fn first_webcam() -> Option<Found> {
    let found = tokio::task::spawn_blocking(|| {
        let camera = list_cameras().into_iter().next()?;
        let microphone = list_microphones().iter().any(|mic| mic.default);
        let spec = camera.spec.parse().unwrap_or(CameraSpec::Webcam);
        Some(Found { name: camera.name, spec, microphone })
    });
    // A driver that panics is a driver without a webcam.
    found.await.ok().flatten()
}

/// The folder of keys and paired devices: as named, or the platform's place for a user's data.
pub fn data_folder(named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    named
        .or_else(user_data_folder)
        .context("No home folder is known; name a folder for keys and devices with --data DIR.")
}

fn user_data_folder() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(target_os = "macos") {
        return Some(folder("HOME")?.join("Library/Application Support/AtHome"));
    }
    if cfg!(windows) {
        return Some(folder("LOCALAPPDATA")?.join("AtHome"));
    }
    let data = folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")))?;
    Some(data.join("athome"))
}

fn refusal(error: StartError, lang: Lang) -> anyhow::Error {
    match error {
        StartError::PortInUse { addr, option, other } => {
            let (port, other) = (addr.port().to_string(), other.to_string());
            anyhow::anyhow!(Word::PortInUse.fill(lang, &[("port", &port), ("option", option), ("other", &other)]))
        }
        StartError::Listen { addr, source, .. } => cant_listen(addr, "--api", &source, lang),
        StartError::Server(BindError::Io { address, source }) => cant_listen(address, "--listen", &source, lang),
        StartError::Recordings(StoreError::File { path, source }) => {
            let path = path.display().to_string();
            anyhow::anyhow!(Word::StorageUnusable.fill(lang, &[("path", &path), ("why", &plainly(&source))]))
        }
        StartError::Data { path, source } | StartError::Trust(TrustError::File { path, source }) => {
            data_unusable(&path, &source, lang)
        }
        error => error.into(),
    }
}

fn cant_listen(addr: SocketAddr, option: &str, why: &io::Error, lang: Lang) -> anyhow::Error {
    let word = match why.kind() {
        io::ErrorKind::AddrNotAvailable => Word::NoSuchAddress,
        _ => Word::CantListen,
    };
    anyhow::anyhow!(word.fill(lang, &[("addr", &addr.to_string()), ("option", option), ("why", &plainly(why))]))
}

fn data_unusable(path: &Path, why: &io::Error, lang: Lang) -> anyhow::Error {
    let path = path.display().to_string();
    anyhow::anyhow!(Word::DataUnusable.fill(lang, &[("path", &path), ("why", &plainly(why))]))
}

/// The system's words for an error, without its number.
pub fn plainly(why: &io::Error) -> String {
    let text = why.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// Makes the data folder, closed to others: what is not there can't be locked.
fn make_folder(data: &Path) -> io::Result<()> {
    if data.exists() {
        return Ok(());
    }
    let mut folder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.recursive(true).create(data)
}

/// Keeps a data folder for this process: two would take each other's place at every signaling server. The system lets go of
/// it with the process, however that ends.
pub(super) fn lock(data: &Path, lang: Lang) -> anyhow::Result<Option<File>> {
    let path = data.join(LOCK_FILE);
    // Making the folder, with its rights, is the trust store's business; where it is missing nobody runs with it.
    let file = match OpenOptions::new().create(true).truncate(false).write(true).open(&path) {
        Ok(file) => file,
        Err(why) if why.kind() == io::ErrorKind::NotFound && !data.exists() => return Ok(None),
        Err(why) => return Err(data_unusable(data, &why, lang)),
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            Err(anyhow::anyhow!(Word::DataInUse.fill(lang, &[("path", &data.display().to_string())])))
        }
        // Some file systems of other computers know no locks: better without than not at all.
        Err(TryLockError::Error(why)) => {
            info!("the data folder can't be locked: {why}");
            Ok(None)
        }
    }
}

const LOCK_FILE: &str = "lock";

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{Found, apply};
    use crate::cli::Cli;
    use crate::config::Config;
    use crate::source::{CameraSpec, MicSpec};
    use crate::words::Word;

    fn applied(args: &[&str], webcam: Option<Found>) -> (Config, Vec<Word>) {
        let line = std::iter::once("athome-streamer").chain(args.iter().copied());
        let cli = Cli::try_parse_from(line).expect("a good line");
        let mut config = Config::default();
        let chosen = apply(&mut config, &cli.common, &cli.run, webcam);
        (config, chosen)
    }

    fn webcam(microphone: bool) -> Option<Found> {
        Some(Found { name: "Webcam C920".to_owned(), spec: CameraSpec::WebcamNumber(0), microphone })
    }

    #[test]
    fn without_a_word_it_is_the_webcam_with_its_microphone_and_else_the_silent_test_card() {
        let (config, chosen) = applied(&[], webcam(true));
        assert_eq!((config.cameras[0].name.as_str(), chosen), ("Webcam C920", vec![Word::WebcamChosen]));
        assert_eq!(config.cameras[0].audio, Some(MicSpec::Default));
        assert_eq!(applied(&[], webcam(false)).0.cameras[0].audio, Some(MicSpec::None));
        let (config, chosen) = applied(&[], None);
        assert_eq!(config.cameras[0].source, CameraSpec::Test { mark: 1 });
        assert_eq!(chosen, [Word::TestCardChosen, Word::SilentTestCard]);
        assert_eq!(applied(&["--mic", "tone"], None).1, [Word::TestCardChosen]);
    }

    #[test]
    fn options_win_over_the_configuration() {
        let line =
            ["--camera", "test", "--camera", "test", "--mic", "tone", "--size", "640x360", "--bitrate", "900000"];
        let (config, chosen) =
            applied(&[&line[..], &["--no-listen", "--signaling", "wss://a.example/ws"]].concat(), None);
        assert!(chosen.is_empty() && config.signaling.listen.is_none());
        let ids: Vec<&str> = config.cameras.iter().map(|c| c.id.as_str()).collect();
        assert_eq!(ids, ["test-card", "test-card-2"]);
        assert_eq!((config.cameras[0].audio.clone(), config.cameras[1].audio.clone()), (Some(MicSpec::Tone), None));
        assert_eq!((config.cameras[1].wish.size, config.cameras[1].bitrate_bps), (Some((640, 360)), Some(900_000)));
        assert_eq!(config.signaling.servers[0].as_str(), "wss://a.example/ws");
    }
}
