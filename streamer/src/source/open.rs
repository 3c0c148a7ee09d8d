//! From a spec to its source. Devices and files are opened when the source runs, so that the one who retries does it in
//! one place.

use athome_shared::time::MediaClock;

use super::file::Clip;
use super::microphone::Microphone;
use super::mjpeg::Mjpeg;
use super::rtsp::{Role, Rtsp};
use super::sound_file::SoundFile;
use super::testcard::TestCard;
use super::tone::Tone;
use super::webcam::{Memory, Way, Webcam, Which};
use super::{CameraSpec, Login, MicSpec, Sink, Source, SourceError, Stop, Transport, Wish};

/// How a network camera is asked.
#[derive(Clone, Debug, Default)]
pub struct Access {
    pub login: Option<Login>,
    pub transport: Transport,
}

/// The source of a camera. `memory` is shared by all attempts at it, so that a replugged webcam is found again.
pub fn open_camera(
    spec: &CameraSpec,
    wish: &Wish,
    access: &Access,
    clock: MediaClock,
    memory: &Memory,
) -> Box<dyn Source> {
    let webcam = |which| Box::new(Webcam::new(which, wish, Way::Best, clock, memory.clone()));
    match spec {
        CameraSpec::Webcam => webcam(Which::First),
        CameraSpec::WebcamNumber(number) => webcam(Which::Number(*number)),
        CameraSpec::Device(path) => webcam(Which::Path(path.clone())),
        CameraSpec::Test { mark } => Box::new(TestCard::new(wish, *mark, clock)),
        CameraSpec::File(path) => Box::new(Clip::new(path, clock)),
        CameraSpec::Http(url) => Box::new(Mjpeg::new(url, access.login.clone(), clock)),
        CameraSpec::Rtsp(url) => Box::new(Rtsp::new(url, access, Role::Main, clock)),
    }
}

/// The source of a camera's smaller stream.
pub fn open_small(spec: &CameraSpec, access: &Access, clock: MediaClock) -> Box<dyn Source> {
    match spec {
        CameraSpec::Rtsp(url) => Box::new(Rtsp::new(url, access, Role::Small, clock)),
        other => open_camera(other, &Wish::default(), access, clock, &Memory::default()),
    }
}

/// The source of a microphone. That of [`MicSpec::None`] gives nothing and waits to be stopped.
pub fn open_microphone(spec: &MicSpec, clock: MediaClock) -> Box<dyn Source> {
    match spec {
        MicSpec::Default => Box::new(Microphone::new(None, clock)),
        MicSpec::Device(name) => Box::new(Microphone::new(Some(name), clock)),
        MicSpec::Tone => Box::new(Tone::new(clock)),
        MicSpec::File(path) => Box::new(SoundFile::new(path, clock)),
        MicSpec::None => Box::new(Silence),
    }
}

struct Silence;

impl Source for Silence {
    fn run(&mut self, _sink: &dyn Sink, stop: &Stop) -> Result<(), SourceError> {
        stop.wait();
        Ok(())
    }
}
