//! From the file's text to [`Config`], with every refusal pointing at its line.

use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::detection::{DetectionTable, ZoneTable, sensitivity};
use super::{
    Api, CameraConfig, Config, ConfigError, Recording, SecretText, Signaling, Storage, TurnServer, Webrtc,
    make_ids_unique,
};
use super::{AtHome, Detection};
use crate::record::retain::Limits;
use crate::record::trigger::{Mode, Rules};
use crate::source::{CameraSpec, Login, MicSpec, Transport, Wish};
use crate::words::Problem;

/// A configuration is a page or two; more is another file given by mistake.
const LARGEST: u64 = 1 << 20;
/// Longest name of a camera or a place in characters: what a label on a picture holds.
const LONGEST_NAME: usize = 60;
/// A secret is one line; more is another file given by mistake.
const LONGEST_SECRET: u64 = 4096;
/// Longest user name and password of a camera, in bytes.
const LONGEST_CREDENTIAL: usize = 128;
/// More cameras than one machine could ever encode.
pub const MOST_CAMERAS: usize = 64;
/// More entries than any list here has a use for.
const MOST_ENTRIES: usize = 32;

/// Reads and checks a configuration file, with all that it refers to.
pub fn check_config(path: &Path) -> Result<Config, ConfigError> {
    let config = parse(&read_text(path)?, path, &|name| std::env::var(name).ok())?;
    Ok(Config { file: Some(path.to_owned()), ..config })
}

pub(super) fn read_text(path: &Path) -> Result<String, ConfigError> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|why| {
        let problem = match why.kind() {
            std::io::ErrorKind::NotFound => Problem::NoFile,
            _ => Problem::CantOpen(why.to_string()),
        };
        ConfigError::file(path, problem)
    })?;
    let read = file.take(LARGEST + 1).read_to_string(&mut text);
    read.map_err(|why| ConfigError::file(path, Problem::NoText(why.to_string())))?;
    if text.len() as u64 > LARGEST {
        return Err(ConfigError::file(path, Problem::TooLarge(LARGEST)));
    }
    Ok(text)
}

/// Reads a configuration. Relative paths in it start from the folder of `path`; `env` looks up environment variables.
pub fn parse(text: &str, path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
    let reader = Reader { text, path, env };
    let file: File = toml::from_str(text).map_err(|why| reader.refuse(why.span(), explain(why.message())))?;
    reader.config(file)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    place: Option<Spanned<String>>,
    #[serde(default)]
    camera: Vec<Camera>,
    detection: Option<DetectionTable>,
    signaling: Option<SignalingTable>,
    webrtc: Option<WebrtcTable>,
    api: Option<ApiTable>,
    recording: Option<RecordingTable>,
    storage: Option<StorageTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Camera {
    name: Spanned<String>,
    source: Spanned<String>,
    sub_source: Option<Spanned<String>>,
    user: Option<Spanned<String>>,
    password: Option<Spanned<String>>,
    transport: Option<Spanned<String>>,
    size: Option<Spanned<String>>,
    fps: Option<Spanned<f32>>,
    bitrate: Option<Spanned<u32>>,
    audio: Option<Spanned<String>>,
    active: Option<bool>,
    record: Option<Spanned<String>>,
    at_home: Option<Spanned<String>>,
    sensitivity: Option<Spanned<u8>>,
    #[serde(default)]
    zone: Vec<ZoneTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignalingTable {
    listen: Option<Spanned<String>>,
    servers: Option<Spanned<Vec<Spanned<String>>>>,
    names: Option<Spanned<Vec<Spanned<String>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebrtcTable {
    stun_servers: Option<Spanned<Vec<Spanned<String>>>>,
    turn_servers: Option<Spanned<Vec<Spanned<Turn>>>>,
    bind: Option<Spanned<Vec<Spanned<String>>>>,
    max_viewers: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    url: Spanned<String>,
    username: String,
    credential_file: Option<PathBuf>,
    credential_env: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApiTable {
    listen: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordingTable {
    mode: Option<Spanned<String>>,
    pre_seconds: Option<Spanned<f64>>,
    post_seconds: Option<Spanned<f64>>,
    segment_minutes: Option<Spanned<f64>>,
    schedule: Option<Spanned<Vec<Spanned<String>>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StorageTable {
    path: Option<PathBuf>,
    max_size_gb: Option<Spanned<f64>>,
    retention_days: Option<Spanned<f64>>,
    min_free_gb: Option<Spanned<f64>>,
}

pub(super) struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
    env: &'a dyn Fn(&str) -> Option<String>,
}

impl Reader<'_> {
    fn config(&self, file: File) -> Result<Config, ConfigError> {
        let defaults = Config::default();
        let detection = file.detection.map_or(Ok(defaults.detection), |table| self.detection(table))?;
        let mut cameras = Vec::new();
        // What would never record is no mode.
        let blind = |mode: &&Spanned<String>| mode.get_ref() == "motion" && !detection.active;
        if let Some(mode) = file.recording.as_ref().and_then(|table| table.mode.as_ref()).filter(blind) {
            return Err(self.refuse(Some(mode.span()), Problem::DetectionOff));
        }
        let hours = file.recording.as_ref().and_then(|table| table.schedule.as_ref());
        let has_hours = hours.is_some_and(|list| !list.get_ref().is_empty());
        for camera in file.camera {
            if let Some(record) = camera.record.as_ref().filter(|record| record.get_ref() == "schedule" && !has_hours) {
                return Err(self.refuse(Some(record.span()), Problem::HoursMissing));
            }
            if let Some(record) = camera.record.as_ref().filter(blind) {
                return Err(self.refuse(Some(record.span()), Problem::DetectionOff));
            }
            if cameras.len() == MOST_CAMERAS {
                return Err(self.refuse(Some(camera.name.span()), Problem::TooManyCameras(MOST_CAMERAS)));
            }
            let own = camera.sensitivity.as_ref().map(|n| self.checked(n, sensitivity)).transpose()?;
            let detection = Detection { sensitivity: own.unwrap_or(detection.sensitivity), ..detection };
            cameras.push(CameraConfig { detection, ..self.camera(camera)? });
        }
        make_ids_unique(&mut cameras);
        Ok(Config {
            place: file.place.map_or(Ok(defaults.place), |place| self.name(&place))?,
            cameras,
            detection,
            signaling: file.signaling.map_or(Ok(defaults.signaling), |table| self.signaling(table))?,
            webrtc: file.webrtc.map_or(Ok(defaults.webrtc), |table| self.webrtc(table))?,
            api: file.api.map_or(Ok(defaults.api), |table| self.api(table))?,
            recording: file.recording.map_or(Ok(defaults.recording), |table| self.recording(table))?,
            storage: file.storage.map_or(Ok(defaults.storage), |table| self.storage(table))?,
            file: None,
        })
    }

    fn camera(&self, camera: Camera) -> Result<CameraConfig, ConfigError> {
        let name = self.name(&camera.name)?;
        let mut source: CameraSpec = self.value(&camera.source, |text| text.parse())?;
        if let CameraSpec::File(path) = &mut source {
            *path = self.beside(path);
        }
        let (inside, login) = (source.take_login(), self.login(&camera)?);
        if let Some(user) = camera.user.as_ref().filter(|_| inside.is_some() || !source.is_network()) {
            let problem = if source.is_network() { Problem::LoginTwice } else { Problem::NetworkOnly };
            return Err(self.refuse(Some(user.span()), problem));
        }
        let sub_source = camera.sub_source.as_ref().map(|text| self.value(text, |text| small(text, &source)));
        let (sub_source, inside) = match sub_source.transpose()? {
            Some((sub_source, login)) => (Some(sub_source), inside.or(login)),
            None => (None, inside),
        };
        let audio = camera.audio.map(|audio| self.value(&audio, |text| text.parse())).transpose()?;
        Ok(CameraConfig {
            login: login.or(inside),
            sub_source,
            transport: match &camera.transport {
                Some(text) => self.value(text, |text| transport(text, &source))?,
                None => Transport::default(),
            },
            wish: Wish {
                size: camera.size.map(|text| self.value(&text, size)).transpose()?,
                fps: camera.fps.map(|value| self.checked(&value, fps)).transpose()?,
            },
            bitrate_bps: camera.bitrate.map(|value| self.checked(&value, bitrate)).transpose()?,
            audio: audio.map(|spec| match spec {
                MicSpec::File(path) => MicSpec::File(self.beside(&path)),
                MicSpec::Default | MicSpec::None | MicSpec::Tone | MicSpec::Device(_) => spec,
            }),
            active: camera.active.unwrap_or(true),
            record: camera.record.map(|text| self.value(&text, mode)).transpose()?,
            at_home: camera.at_home.map_or(Ok(AtHome::default()), |text| self.value(&text, at_home))?,
            zones: self.zones(camera.zone)?,
            ..CameraConfig::new(&name, source)
        })
    }

    /// The login that stands beside a camera's address.
    fn login(&self, camera: &Camera) -> Result<Option<Login>, ConfigError> {
        let Some(user) = &camera.user else {
            let lone = camera.password.as_ref().map(Spanned::span);
            return lone.map_or(Ok(None), |at| Err(self.refuse(Some(at), Problem::UserMissing)));
        };
        let user = self.value(user, |text| credential(text).map(str::to_owned))?;
        let password = match &camera.password {
            Some(text) => self.value(text, |text| credential(text).map(str::to_owned))?,
            None => String::new(),
        };
        Ok(Some(Login::new(user, password)))
    }

    fn signaling(&self, table: SignalingTable) -> Result<Signaling, ConfigError> {
        let defaults = Signaling::default();
        Ok(Signaling {
            listen: match table.listen {
                None => defaults.listen,
                Some(text) if text.get_ref() == "off" => None,
                Some(text) => {
                    Some(self.value(&text, |text| text.parse().map_err(|_| Problem::AddressOrOff("0.0.0.0:8080")))?)
                }
            },
            servers: self.list(table.servers, defaults.servers, |text| {
                let wrong = || Problem::WriteAs("wss://HOST/ws");
                let url = Url::parse(text).map_err(|_| wrong())?;
                let fits = matches!(url.scheme(), "ws" | "wss") && url.host().is_some() && url.username().is_empty();
                if fits && url.query().is_none() && url.fragment().is_none() { Ok(url) } else { Err(wrong()) }
            })?,
            names: self.list(table.names, defaults.names, |text| {
                let fits = !text.is_empty() && text.len() <= 255 && !text.contains(['/', '@', ' ']);
                if fits { Ok(text.to_lowercase()) } else { Err(Problem::WriteAs("HOST:PORT")) }
            })?,
        })
    }

    fn webrtc(&self, table: WebrtcTable) -> Result<Webrtc, ConfigError> {
        let defaults = Webrtc::default();
        let mut turn_servers = Vec::new();
        if let Some(list) = table.turn_servers {
            self.few(&list)?;
            for turn in list.into_inner() {
                turn_servers.push(self.turn(turn)?);
            }
        }
        Ok(Webrtc {
            stun_servers: self
                .list(table.stun_servers, defaults.stun_servers, |text| ice_url(text, "stun", "stun:HOST:PORT"))?,
            turn_servers,
            bind: self.list(table.bind, defaults.bind, |text| {
                text.parse::<IpAddr>().map_err(|_| Problem::WriteAs("192.168.1.20"))
            })?,
            max_viewers: match table.max_viewers {
                None => defaults.max_viewers,
                Some(value) => {
                    self.checked(&value, |n| if (1..=256).contains(&n) { Ok(n) } else { Err(between(1, 256)) })?
                }
            },
        })
    }

    fn turn(&self, turn: Spanned<Turn>) -> Result<TurnServer, ConfigError> {
        let span = turn.span();
        let turn = turn.into_inner();
        let url = self.value(&turn.url, |text| ice_url(text, "turn", "turn:HOST:PORT"))?;
        let credential = match (&turn.credential_file, &turn.credential_env) {
            (Some(path), None) => self.secret_file(path).map_err(|why| self.refuse(Some(span), why))?,
            (None, Some(name)) => (self.env)(name)
                .filter(|text| !text.is_empty())
                .map(SecretText::new)
                .ok_or_else(|| self.refuse(Some(span), Problem::NoVariable(name.clone())))?,
            _ => return Err(self.refuse(Some(span), Problem::SecretTwoWays)),
        };
        Ok(TurnServer { url, username: turn.username, credential })
    }

    fn secret_file(&self, path: &Path) -> Result<SecretText, Problem> {
        let path = self.beside(path);
        let mut text = String::new();
        std::fs::File::open(&path)
            .and_then(|file| file.take(LONGEST_SECRET).read_to_string(&mut text))
            .map_err(|why| Problem::SecretUnreadable { path: path.display().to_string(), why: why.to_string() })?;
        let secret = SecretText::new(text.trim_end().to_owned());
        if secret.expose().is_empty() || secret.expose().lines().count() > 1 {
            return Err(Problem::SecretOneLine { path: path.display().to_string() });
        }
        Ok(secret)
    }

    fn api(&self, table: ApiTable) -> Result<Api, ConfigError> {
        let Some(listen) = table.listen else { return Ok(Api::default()) };
        let listen = self.value(&listen, |text| {
            let addr: SocketAddr = text.parse().map_err(|_| Problem::WriteAs("127.0.0.1:8081"))?;
            let here = addr.ip().is_loopback();
            here.then_some(addr).ok_or(Problem::LoopbackOnly("127.0.0.1:8081"))
        })?;
        Ok(Api { listen })
    }

    fn recording(&self, table: RecordingTable) -> Result<Recording, ConfigError> {
        let defaults = Recording::default();
        let seconds = |value: Option<Spanned<f64>>, default: Duration, most: f64| match value {
            None => Ok(default),
            Some(value) => self.checked(&value, |n| seconds_within(n, 0.0, most)).map(Duration::from_secs_f64),
        };
        let has_schedule = table.schedule.as_ref().is_some_and(|list| !list.get_ref().is_empty());
        if let Some(mode) = table.mode.as_ref().filter(|mode| mode.get_ref() == "schedule" && !has_schedule) {
            return Err(self.refuse(Some(mode.span()), Problem::HoursMissing));
        }
        Ok(Recording {
            rules: Rules {
                mode: table.mode.map_or(Ok(defaults.rules.mode), |text| self.value(&text, mode))?,
                pre: seconds(table.pre_seconds, defaults.rules.pre, 30.0)?,
                post: seconds(table.post_seconds, defaults.rules.post, 3_600.0)?,
            },
            schedule: self.list(table.schedule, defaults.schedule, str::parse)?,
            longest: match table.segment_minutes {
                None => defaults.longest,
                Some(value) => {
                    Duration::from_secs_f64(self.checked(&value, |n| seconds_within(n * 60.0, 5.0, 86_400.0))?)
                }
            },
        })
    }

    fn storage(&self, table: StorageTable) -> Result<Storage, ConfigError> {
        let Limits { size, age, floor } = Storage::default().limits;
        // Nought is no limit.
        let amount = |value: &Spanned<f64>, unit: f64| {
            self.checked(value, |n| {
                let fits = (0.0..=1e6).contains(&n);
                if fits { Ok(n * unit) } else { Err(between(0, 1_000_000)) }
            })
        };
        Ok(Storage {
            path: table.path.map(|path| self.beside(&path)),
            limits: Limits {
                size: match &table.max_size_gb {
                    None => size,
                    Some(value) => Some(amount(value, 1e9)? as u64).filter(|bytes| *bytes > 0),
                },
                age: match &table.retention_days {
                    None => age,
                    Some(value) => Some(Duration::from_secs_f64(amount(value, 86_400.0)?)).filter(|age| !age.is_zero()),
                },
                floor: match &table.min_free_gb {
                    None => floor,
                    Some(value) => amount(value, 1e9)? as u64,
                },
            },
        })
    }

    pub(super) fn name(&self, text: &Spanned<String>) -> Result<String, ConfigError> {
        self.value(text, name)
    }

    fn list<T>(
        &self,
        list: Option<Spanned<Vec<Spanned<String>>>>,
        default: Vec<T>,
        read: impl Fn(&str) -> Result<T, Problem>,
    ) -> Result<Vec<T>, ConfigError> {
        let Some(list) = list else { return Ok(default) };
        self.few(&list)?;
        list.get_ref().iter().map(|text| self.value(text, &read)).collect()
    }

    fn few<T>(&self, list: &Spanned<Vec<T>>) -> Result<(), ConfigError> {
        if list.get_ref().len() > MOST_ENTRIES {
            return Err(self.refuse(Some(list.span()), Problem::TooManyEntries(MOST_ENTRIES)));
        }
        Ok(())
    }

    pub(super) fn value<T>(
        &self,
        text: &Spanned<String>,
        read: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Result<T, ConfigError> {
        read(text.get_ref()).map_err(|why| self.refuse(Some(text.span()), why))
    }

    pub(super) fn checked<T: Copy>(
        &self,
        value: &Spanned<T>,
        check: impl FnOnce(T) -> Result<T, Problem>,
    ) -> Result<T, ConfigError> {
        check(*value.get_ref()).map_err(|why| self.refuse(Some(value.span()), why))
    }

    pub(super) fn refuse(&self, span: Option<Range<usize>>, problem: Problem) -> ConfigError {
        let line = span.and_then(|span| self.text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
        ConfigError { path: self.path.to_owned(), line, problem }
    }

    /// A path in the file, from the file's own folder.
    fn beside(&self, path: &Path) -> PathBuf {
        self.path.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }
}

/// A name for people.
pub fn name(text: &str) -> Result<String, Problem> {
    let name = text.trim();
    let fits = !name.is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err(Problem::Name { longest: LONGEST_NAME }) }
}

pub(super) fn between(least: impl ToString, most: impl ToString) -> Problem {
    Problem::Between { least: least.to_string(), most: most.to_string() }
}

/// Width and height as they are written, `1280x720`, if a camera can be asked for them.
pub fn size(text: &str) -> Result<(u32, u32), Problem> {
    let numbers = text.split_once(['x', 'X', '×']).and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    let (w, h): (u32, u32) = numbers.ok_or(Problem::WriteAs("\"1280x720\""))?;
    let (long, short) = crate::encode::convert::LARGEST;
    if w.min(h) < 16 || w.max(h) > long || w.min(h) > short || w % 2 != 0 || h % 2 != 0 {
        return Err(Problem::EvenAtMost { long, short });
    }
    Ok((w, h))
}

/// Frames a second, if a camera can be asked for them.
pub fn fps(value: f32) -> Result<f32, Problem> {
    if (1.0..=120.0).contains(&value) { Ok(value) } else { Err(between(1, 120)) }
}

/// What can stand in a user name or a password: RFC 7617 §2 leaves control characters out.
pub fn credential(text: &str) -> Result<&str, Problem> {
    let fits = text.len() <= LONGEST_CREDENTIAL && !text.chars().any(char::is_control);
    if fits { Ok(text) } else { Err(Problem::Credential { longest: LONGEST_CREDENTIAL }) }
}

/// A camera's smaller stream, and the login in its address.
pub fn small(text: &str, main: &CameraSpec) -> Result<(CameraSpec, Option<Login>), Problem> {
    let mut spec: CameraSpec = text.parse()?;
    let login = spec.take_login();
    let both_rtsp = matches!((main, &spec), (CameraSpec::Rtsp(_), CameraSpec::Rtsp(_)));
    if both_rtsp { Ok((spec, login)) } else { Err(Problem::SmallRtspOnly) }
}

/// How an RTSP camera's packets come.
pub fn transport(text: &str, main: &CameraSpec) -> Result<Transport, Problem> {
    if !matches!(main, CameraSpec::Rtsp(_)) {
        return Err(Problem::RtspOnly);
    }
    match text {
        "tcp" => Ok(Transport::Tcp),
        "udp" => Ok(Transport::Udp),
        _ => Err(Problem::OneOf("\"tcp\", \"udp\"")),
    }
}

fn at_home(text: &str) -> Result<AtHome, Problem> {
    match text {
        "live" => Ok(AtHome::Live),
        "record" => Ok(AtHome::Record),
        "off" => Ok(AtHome::Off),
        _ => Err(Problem::OneOf("\"live\", \"record\", \"off\"")),
    }
}

fn mode(text: &str) -> Result<Mode, Problem> {
    match text {
        "manual" => Ok(Mode::Manual),
        "motion" => Ok(Mode::Motion),
        "always" => Ok(Mode::Always),
        "schedule" => Ok(Mode::Schedule),
        _ => Err(Problem::OneOf("\"manual\", \"motion\", \"always\", \"schedule\"")),
    }
}

pub(super) fn seconds_within(seconds: f64, least: f64, most: f64) -> Result<f64, Problem> {
    if (least..=most).contains(&seconds) { Ok(seconds) } else { Err(Problem::Seconds { least, most }) }
}

fn bitrate(value: u32) -> Result<u32, Problem> {
    let (least, most) = (50_000, 50_000_000);
    if (least..=most).contains(&value) { Ok(value) } else { Err(Problem::Bitrate { least, most }) }
}

fn ice_url(text: &str, scheme: &str, form: &'static str) -> Result<String, Problem> {
    let host = text.strip_prefix(scheme).and_then(|rest| rest.strip_prefix(':')).unwrap_or_default();
    let fits = !host.is_empty() && text.len() <= 255 && !host.contains(['/', '@', ' ']);
    if fits { Ok(text.to_owned()) } else { Err(Problem::WriteAs(form)) }
}

/// The library's message, with the nearest key where one was not known.
fn explain(message: &str) -> Problem {
    let mut words = message.split('`').skip(1).step_by(2);
    let unknown = match words.next() {
        Some(key) if message.starts_with("unknown field") => key,
        Some(key) if message.starts_with("missing field") => return Problem::MissingKey(key.to_owned()),
        // The value is not repeated: it may be a password without its quotes.
        _ if message.starts_with("invalid type") => {
            let told = message.split('`').step_by(2).collect::<String>();
            return Problem::Toml(told.replace(" ,", ","));
        }
        _ => return Problem::Toml(message.to_owned()),
    };
    let known: Vec<&str> = words.collect();
    let nearest = known.iter().map(|key| (slips(unknown, key), *key)).min();
    let nearest = nearest.filter(|(slips, key)| *slips <= 3 && *slips < key.len()).map(|(_, key)| key.to_owned());
    Problem::UnknownKey { key: unknown.to_owned(), nearest, known: known.iter().map(ToString::to_string).collect() }
}

/// Letters to change, add or take away to get from `a` (its first 64) to `b`.
fn slips(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate().take(64) {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, right) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
