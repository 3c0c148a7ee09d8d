//! What a person writes for a camera or a microphone (`--camera`, `--mic`, the configuration file), read into types.
//! Nothing is opened here, and what may hold a password is never printed.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

use super::Login;
use crate::words::{Problem, Thing};

/// Which camera. Parsed from `webcam`, `webcam:N`, a device path, `test`, `test:N`, `file:PATH`, `rtsp://…` or
/// `http(s)://…`; `Display` gives the same text back without user name, password and query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraSpec {
    /// The first webcam that answers.
    Webcam,
    /// The webcam with this number in the list of `athome-streamer cameras`.
    WebcamNumber(u32),
    /// A capture device by its path.
    Device(PathBuf),
    /// The test card; the number is shown in its picture as the camera's mark.
    Test { mark: u8 },
    /// A clip, looped.
    File(PathBuf),
    /// A network camera.
    Rtsp(CameraUrl),
    /// A network camera that sends MJPEG.
    Http(CameraUrl),
}

/// Which microphone. Parsed from `default`, `none`, `tone`, `file:PATH` or a device's name (`device:NAME` where the name
/// looks like one of the words).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MicSpec {
    /// The system's default input.
    Default,
    /// No sound.
    None,
    /// 1 kHz, with a beep at each full second.
    Tone,
    /// A sound file (or a clip's sound), looped.
    File(PathBuf),
    /// An input by its name.
    Device(String),
}

/// How an RTSP camera's packets come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// In the connection itself: nothing gets lost.
    #[default]
    Tcp,
    /// As datagrams of their own.
    Udp,
}

/// What is wished of a camera; it gives the nearest it can.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wish {
    /// Width and height in pixels.
    pub size: Option<(u32, u32)>,
    /// Frames a second.
    pub fps: Option<f32>,
}

/// A network camera's address. It may hold a user name and a password (in the query too), so neither `Debug` nor
/// `Display` shows those parts.
#[derive(Clone, PartialEq, Eq)]
pub struct CameraUrl(Url);

impl FromStr for CameraSpec {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        let (word, rest) = match text.split_once(':') {
            Some((word, rest)) => (word, Some(rest)),
            None => (text, None),
        };
        match (word, rest) {
            ("webcam", None) => Ok(Self::Webcam),
            ("webcam", Some(number)) => match number.parse() {
                Ok(number) => Ok(Self::WebcamNumber(number)),
                Err(_) => Err(after("webcam:N", Problem::NumberOfList)),
            },
            ("test", None) => Ok(Self::Test { mark: 0 }),
            ("test", Some(mark)) => match mark.parse() {
                Ok(mark) => Ok(Self::Test { mark }),
                Err(_) => Err(after("test:N", Problem::WholeNumber { least: 0, most: 255 })),
            },
            ("file", Some(path)) => file_path(path).map(Self::File),
            ("rtsp" | "rtsps", Some(_)) => camera_url(text, "rtsp://HOST/PATH").map(Self::Rtsp),
            ("http" | "https", Some(_)) => camera_url(text, "http://HOST/PATH").map(Self::Http),
            _ if text.starts_with("/dev/") => Ok(Self::Device(text.into())),
            _ => Err(unknown_camera(word, rest)),
        }
    }
}

impl FromStr for MicSpec {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        match text {
            "default" => return Ok(Self::Default),
            "none" => return Ok(Self::None),
            "tone" => return Ok(Self::Tone),
            "" => return Err(after("microphone", Problem::EmptyMicrophone)),
            _ => {}
        }
        if let Some(path) = text.strip_prefix("file:") {
            return file_path(path).map(Self::File);
        }
        if let Some(name) = text.strip_prefix("device:") {
            return Ok(Self::Device(name.to_owned()));
        }
        match nearest(text, &["default", "none", "tone"], 1) {
            Some(nearest) => {
                Err(Problem::Slip { what: Thing::Microphone, word: text.to_owned(), nearest: nearest.to_owned() })
            }
            None => Ok(Self::Device(text.to_owned())),
        }
    }
}

impl fmt::Display for CameraSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webcam => f.write_str("webcam"),
            Self::WebcamNumber(number) => write!(f, "webcam:{number}"),
            Self::Device(path) => write!(f, "{}", path.display()),
            Self::Test { mark: 0 } => f.write_str("test"),
            Self::Test { mark } => write!(f, "test:{mark}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Rtsp(url) | Self::Http(url) => url.fmt(f),
        }
    }
}

impl fmt::Display for MicSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::None => f.write_str("none"),
            Self::Tone => f.write_str("tone"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Device(name) => f.write_str(name),
        }
    }
}

impl CameraUrl {
    /// The whole address, password included, for whoever connects to it.
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// The host as a person writes it, with the port where it is not the usual one.
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Takes user name and password out of the address, so that they stand in one place only.
    fn take_login(&mut self) -> Option<Login> {
        if self.0.username().is_empty() && self.0.password().is_none() {
            return None;
        }
        let decoded = |text: &str| percent_decoded(text);
        let login = Login::new(decoded(self.0.username()), decoded(self.0.password().unwrap_or_default()));
        let _has_a_host = self.0.set_username("").and_then(|()| self.0.set_password(None));
        Some(login)
    }
}

impl CameraSpec {
    /// Takes user name and password out of a network camera's address.
    pub fn take_login(&mut self) -> Option<Login> {
        match self {
            Self::Rtsp(url) | Self::Http(url) => url.take_login(),
            Self::Webcam | Self::WebcamNumber(_) | Self::Device(_) | Self::Test { .. } | Self::File(_) => None,
        }
    }

    /// As the configuration file takes it: the query too, which `Display` hides because it may hold a password.
    pub fn written(&self) -> String {
        match self {
            Self::Rtsp(url) | Self::Http(url) => url.0.to_string(),
            other => other.to_string(),
        }
    }

    /// A network camera's host and port, as a person writes them.
    pub fn host(&self) -> Option<String> {
        match self {
            Self::Rtsp(url) | Self::Http(url) => Some(url.host()),
            Self::Webcam | Self::WebcamNumber(_) | Self::Device(_) | Self::Test { .. } | Self::File(_) => None,
        }
    }

    /// Whether it is asked over the network.
    pub fn is_network(&self) -> bool {
        matches!(self, Self::Rtsp(_) | Self::Http(_))
    }
}

/// `%40` as `@` (RFC 3986 §2.1); what is no such escape stays.
fn percent_decoded(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let escaped = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let value = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        out.push(value.unwrap_or(*byte));
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl fmt::Display for CameraUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.0.path())
    }
}

impl fmt::Debug for CameraUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CameraUrl({self})")
    }
}

fn after(form: &'static str, problem: Problem) -> Problem {
    Problem::After { form, problem: Box::new(problem) }
}

fn file_path(path: &str) -> Result<PathBuf, Problem> {
    if path.is_empty() {
        return Err(after("file:PATH", Problem::PathMissing));
    }
    Ok(path.into())
}

fn camera_url(text: &str, form: &'static str) -> Result<CameraUrl, Problem> {
    // The text is not repeated: it may hold a password.
    let url = Url::parse(text).map_err(|_| after(form, Problem::NoAddress))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(after(form, Problem::HostMissing));
    }
    Ok(CameraUrl(url))
}

fn unknown_camera(word: &str, rest: Option<&str>) -> Problem {
    let what = Thing::Camera;
    if let Some(nearest) = nearest(word, &["webcam", "test", "file", "rtsp", "rtsps", "http", "https"], 2) {
        // Of an address only the scheme is repeated: the rest may hold a password.
        let ending = match rest {
            Some(rest) if rest.starts_with("//") => "://…".to_owned(),
            Some(rest) => format!(":{rest}"),
            None if nearest == "file" => ":PATH".to_owned(),
            None if nearest.starts_with("rtsp") || nearest.starts_with("http") => "://HOST/PATH".to_owned(),
            None => String::new(),
        };
        let shown = if rest.is_some() { &ending } else { "" };
        return Problem::Slip { what, word: format!("{word}{shown}"), nearest: format!("{nearest}{ending}") };
    }
    if rest.is_none() && (word.contains('/') || word.contains('\\') || word.contains('.')) {
        return Problem::Slip { what, word: word.to_owned(), nearest: format!("file:{word}") };
    }
    let shown = if rest.is_some() { ":…" } else { "" };
    Problem::UnknownCamera { word: format!("{word}{shown}") }
}

/// The word that `text` is at most `most` slips away from, and less than half of it.
fn nearest<'a>(text: &str, words: &[&'a str], most: usize) -> Option<&'a str> {
    const LONGEST: usize = 16;
    if text.chars().count() > LONGEST {
        return None;
    }
    let lower = text.to_lowercase();
    let near = words.iter().map(|word| (slips(&lower, word), *word)).min()?;
    (near.0 <= most && near.0 * 2 < near.1.len()).then_some(near.1)
}

/// Letters left out, put in, exchanged or swapped with their neighbour (optimal string alignment distance).
fn slips(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let exchanged = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = exchanged.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(text: &str) -> CameraSpec {
        text.parse().unwrap()
    }

    fn refusal(text: &str) -> String {
        text.parse::<CameraSpec>().unwrap_err().to_string()
    }

    #[test]
    fn every_form_is_read_and_printed_back() {
        for text in ["webcam", "webcam:2", "/dev/video3", "test", "test:7", "file:a b/clip.mp4", "rtsp://host:554/main"]
        {
            assert_eq!(camera(text).to_string(), text);
        }
        assert_eq!(camera("webcam:2"), CameraSpec::WebcamNumber(2));
        assert_eq!(camera("test"), CameraSpec::Test { mark: 0 });
        assert_eq!(camera("file:C:\\x.mp4"), CameraSpec::File("C:\\x.mp4".into()));
        for text in ["default", "none", "tone", "file:x.wav", "USB Audio"] {
            assert_eq!(text.parse::<MicSpec>().unwrap().to_string(), text);
        }
        assert_eq!("device:tones".parse(), Ok(MicSpec::Device("tones".into())));
    }

    #[test]
    fn a_slip_gets_the_nearest_word() {
        assert_eq!(refusal("wbecam"), "`wbecam` is not a camera. Did you mean `webcam`?");
        assert_eq!(refusal("webcan:1"), "`webcan:1` is not a camera. Did you mean `webcam:1`?");
        assert_eq!(refusal("Test"), "`Test` is not a camera. Did you mean `test`?");
        assert_eq!(refusal("fiel:clip.mp4"), "`fiel:clip.mp4` is not a camera. Did you mean `file:clip.mp4`?");
        assert_eq!(refusal("clips/a.mp4"), "`clips/a.mp4` is not a camera. Did you mean `file:clips/a.mp4`?");
        assert!(refusal("banana").contains("Use webcam, webcam:N"));
        assert_eq!(
            "tnoe".parse::<MicSpec>().unwrap_err().to_string(),
            "`tnoe` is not a microphone. Did you mean `tone`?"
        );
    }

    #[test]
    fn what_follows_the_word_is_checked() {
        for text in ["webcam:", "webcam:x", "test:256", "file:", "rtsp:", "rtsp://", "http://user:pw@"] {
            assert!(text.parse::<CameraSpec>().is_err(), "{text}");
        }
        assert!("".parse::<CameraSpec>().is_err());
        assert!("".parse::<MicSpec>().is_err());
    }

    #[test]
    fn a_login_is_taken_out_of_an_address() {
        let mut spec = camera("rtsp://anna:p%40ss%zz@cam.local:8554/main?channel=1");
        let login = spec.take_login().unwrap();
        assert_eq!((login.user(), login.password()), ("anna", "p@ss%zz"));
        assert_eq!(spec.written(), "rtsp://cam.local:8554/main?channel=1");
        assert_eq!(spec.take_login(), None);
        assert_eq!(camera("test:7").written(), "test:7");
    }

    #[test]
    fn passwords_are_never_printed() {
        for text in [
            "rtsp://anna:hunter2@cam.local/main?key=hunter2",
            "https://:hunter2@cam.local:8443/mjpg#hunter2",
            "http://cam.local/?password=hunter2",
        ] {
            let spec = camera(text);
            assert!(!format!("{spec} {spec:?}").contains("hunter2"), "{spec}");
            assert!(format!("{spec}").contains("cam.local"));
            let (CameraSpec::Rtsp(url) | CameraSpec::Http(url)) = spec else { panic!("{text}") };
            assert!(url.expose().as_str().contains("hunter2"));
        }
        for slip in ["rstp://anna:hunter2@cam/", "bla://anna:hunter2@cam/", "rtsp://anna:hunter2@:99999/", "x:hunter2"]
        {
            let refused = slip.parse::<CameraSpec>().unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused}");
        }
    }
}
