//! What the menus of a camera offer, from how it is configured and what is plugged in. Pure.

use std::collections::BTreeSet;
use std::path::Path;

use super::model::{Choice, Menus, Name, Said};
use crate::config::CameraConfig;
use crate::source::list::{ListedCamera, ListedMicrophone};
use crate::source::{CameraSpec, MicSpec};
use crate::words::window::Label;

/// Sizes for a camera that does not list its own.
const SIZES: [(u32, u32); 4] = [(640, 360), (960, 540), (1280, 720), (1920, 1080)];
/// Frames a second that cameras know.
const RATES: [f32; 5] = [10.0, 15.0, 25.0, 30.0, 60.0];

/// The menus of a camera.
pub(super) fn of(config: &CameraConfig, cameras: &[ListedCamera], microphones: &[ListedMicrophone]) -> Menus {
    let in_use = cameras.iter().position(|listed| is(listed, config, cameras));
    let clip = matches!(config.source, CameraSpec::File(_));
    Menus {
        sources: sources(config, cameras, in_use),
        microphones: mics(config, microphones),
        sizes: if clip { Vec::new() } else { sizes(config, in_use.and_then(|at| cameras.get(at))) },
        rates: if clip { Vec::new() } else { rates(config) },
    }
}

fn is(listed: &ListedCamera, config: &CameraConfig, all: &[ListedCamera]) -> bool {
    match &config.source {
        CameraSpec::Webcam => all.first() == Some(listed),
        CameraSpec::Device(path) => Path::new(&listed.path) == path,
        spec @ CameraSpec::WebcamNumber(_) => spec.to_string() == listed.spec,
        CameraSpec::Test { .. } | CameraSpec::File(_) | CameraSpec::Rtsp(_) | CameraSpec::Http(_) => false,
    }
}

fn sources(config: &CameraConfig, cameras: &[ListedCamera], in_use: Option<usize>) -> Vec<Choice> {
    let listed = cameras.iter().enumerate().map(|(at, listed)| Choice {
        spec: listed.spec.clone(),
        name: Name::Own(listed.name.clone()),
        chosen: (in_use == Some(at)).into(),
    });
    let mut choices: Vec<Choice> = listed.collect();
    let spec = config.source.to_string();
    let test = matches!(config.source, CameraSpec::Test { .. });
    if in_use.is_none() && !test {
        let name = match &config.source {
            CameraSpec::File(path) => Name::Own(file_name(path)),
            other => Name::Word(Said::with(Label::NotThere, "name", other.to_string())),
        };
        choices.insert(0, Choice { spec: spec.clone(), name, chosen: true.into() });
    }
    choices.push(Choice {
        spec: if test { spec } else { CameraSpec::Test { mark: 1 }.to_string() },
        name: Name::Word(Said::plain(Label::TestCard)),
        chosen: test.into(),
    });
    choices
}

fn mics(config: &CameraConfig, microphones: &[ListedMicrophone]) -> Vec<Choice> {
    let word = |spec: MicSpec, label| Choice {
        chosen: (config.audio.as_ref() == Some(&spec)).into(),
        spec: spec.to_string(),
        name: Name::Word(Said::plain(label)),
    };
    let mut choices = vec![word(MicSpec::Default, Label::MicDefault)];
    let parsed = |listed: &ListedMicrophone| listed.spec.parse::<MicSpec>().ok();
    choices.extend(microphones.iter().map(|listed| Choice {
        spec: listed.spec.clone(),
        name: Name::Own(listed.name.clone()),
        chosen: (config.audio.is_some() && parsed(listed) == config.audio).into(),
    }));
    match &config.audio {
        Some(MicSpec::File(path)) => choices.push(Choice {
            spec: MicSpec::File(path.clone()).to_string(),
            name: Name::Word(Said::with(Label::MicFile, "name", file_name(path))),
            chosen: true.into(),
        }),
        Some(MicSpec::Device(name)) if !microphones.iter().any(|listed| parsed(listed) == config.audio) => {
            choices.push(Choice {
                spec: format!("device:{name}"),
                name: Name::Word(Said::with(Label::NotThere, "name", name.clone())),
                chosen: true.into(),
            });
        }
        None => choices.insert(
            0,
            Choice { spec: String::new(), name: Name::Word(Said::plain(Label::MicOwn)), chosen: true.into() },
        ),
        Some(MicSpec::Default | MicSpec::None | MicSpec::Tone | MicSpec::Device(_)) => {}
    }
    if matches!(config.source, CameraSpec::Test { .. }) || config.audio == Some(MicSpec::Tone) {
        choices.push(word(MicSpec::Tone, Label::MicTone));
    }
    choices.push(word(MicSpec::None, Label::MicNone));
    choices
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn sizes(config: &CameraConfig, listed: Option<&ListedCamera>) -> Vec<(Option<(u32, u32)>, super::model::Chosen)> {
    let offered = listed.into_iter().flat_map(|listed| &listed.formats).map(|offer| (offer.width, offer.height));
    // What can't be asked for in a configuration is not offered.
    let usable = |(width, height): &(u32, u32)| crate::config::size(&format!("{width}x{height}")).is_ok();
    let mut sizes: BTreeSet<(u32, u32)> = offered.filter(usable).collect();
    if sizes.is_empty() {
        sizes.extend(SIZES);
    }
    sizes.extend(config.wish.size);
    let choices = std::iter::once(None).chain(sizes.into_iter().map(Some));
    choices.map(|size| (size, (size == config.wish.size).into())).collect()
}

fn rates(config: &CameraConfig) -> Vec<(Option<f32>, super::model::Chosen)> {
    let mut rates = RATES.to_vec();
    if let Some(fps) = config.wish.fps.filter(|fps| !RATES.contains(fps)) {
        rates.push(fps);
        rates.sort_by(f32::total_cmp);
    }
    let choices = std::iter::once(None).chain(rates.into_iter().map(Some));
    choices.map(|fps| (fps, (fps == config.wish.fps).into())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::model::{Chosen, Name};
    use super::{ListedCamera, ListedMicrophone, of};
    use crate::config::CameraConfig;
    use crate::source::webcam::Offer;
    use crate::source::{MicSpec, PixelFormat};

    fn webcam(n: u32, sizes: &[(u32, u32)]) -> ListedCamera {
        let offer = |&(width, height): &(u32, u32)| Offer { format: PixelFormat::Mjpeg, width, height, fps: 30.0 };
        ListedCamera {
            spec: format!("webcam:{n}"),
            path: format!("/dev/video{n}"),
            name: format!("Cam {n}"),
            formats: sizes.iter().map(offer).collect(),
        }
    }

    fn config(source: &str, audio: Option<&str>) -> CameraConfig {
        let mut config = CameraConfig::new("Door", source.parse().expect("a camera"));
        config.audio = audio.map(|audio| audio.parse().expect("a microphone"));
        config
    }

    fn chosen(menu: &[super::Choice]) -> Vec<&str> {
        menu.iter().filter(|choice| choice.chosen == Chosen::Yes).map(|choice| choice.spec.as_str()).collect()
    }

    #[test]
    fn exactly_one_entry_is_the_one_in_use_however_it_was_written() {
        let cameras = [webcam(0, &[(640, 480), (640, 480), (1281, 721)]), webcam(2, &[])];
        let mics = [ListedMicrophone { spec: "USB Audio".into(), name: "USB Audio".into(), default: true }];
        for (source, spec) in [
            ("webcam", "webcam:0"),
            ("webcam:2", "webcam:2"),
            ("/dev/video2", "webcam:2"),
            ("webcam:7", "webcam:7"),
            ("test:3", "test:3"),
            ("file:/a/clip.mp4", "file:/a/clip.mp4"),
        ] {
            assert_eq!(chosen(&of(&config(source, None), &cameras, &mics).sources), [spec], "{source}");
        }
        for (audio, spec) in [
            (None, ""),
            (Some("default"), "default"),
            (Some("none"), "none"),
            (Some("tone"), "tone"),
            (Some("USB Audio"), "USB Audio"),
            (Some("Old mic"), "device:Old mic"),
            (Some("file:/a/b.wav"), "file:/a/b.wav"),
        ] {
            assert_eq!(chosen(&of(&config("webcam", audio), &cameras, &mics).microphones), [spec], "{audio:?}");
        }
        // Every entry that can be chosen reads back.
        let menus = of(&config("test", Some("Old mic")), &cameras, &mics);
        assert!(menus.sources.iter().all(|choice| choice.spec.parse::<crate::source::CameraSpec>().is_ok()));
        assert!(menus.microphones.iter().all(|choice| choice.spec.parse::<MicSpec>().is_ok()));
        assert!(matches!(&menus.sources[0].name, Name::Own(name) if name == "Cam 0"));
    }

    #[test]
    fn sizes_are_the_devices_own_and_a_clip_has_none() {
        let cameras = [webcam(0, &[(640, 480), (640, 480), (1281, 721)])];
        let sizes =
            |config: &CameraConfig| of(config, &cameras, &[]).sizes.into_iter().map(|(s, _)| s).collect::<Vec<_>>();
        assert_eq!(sizes(&config("webcam", None)), [None, Some((640, 480))]);
        assert_eq!(sizes(&config("test", None)).len(), 5);
        assert!(sizes(&config("file:x.mp4", None)).is_empty());
        let mut wished = config("test", None);
        (wished.wish.size, wished.wish.fps) = (Some((800, 600)), Some(12.5));
        let menus = of(&wished, &cameras, &[]);
        assert!(menus.sizes.contains(&(Some((800, 600)), Chosen::Yes)));
        assert!(menus.rates.contains(&(Some(12.5), Chosen::Yes)) && menus.rates.contains(&(None, Chosen::No)));
    }
}
