//! What is wrong with something that a person wrote, on the command line or in the configuration file, and what to write
//! instead. Parsers give these, whoever shows them chooses the language; `Display` is English, for logs and programs.

use std::fmt;

use super::Lang;

/// What a text should have named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    Camera,
    Microphone,
}

/// Something wrong in what was written. Nothing in it may hold a password.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// The form that was expected, as an example.
    WriteAs(&'static str),
    /// A time that is none.
    TimeForm,
    /// An address, or the word that switches it off.
    AddressOrOff(&'static str),
    /// One of these words.
    OneOf(&'static str),
    /// Hours of a day, with or without days of the week.
    Hours,
    /// The mode that goes by hours has none.
    HoursMissing,
    /// The mode that goes by motion, where nobody looks for it.
    DetectionOff,
    Seconds {
        least: f64,
        most: f64,
    },
    /// A number outside its range.
    Between {
        least: String,
        most: String,
    },
    WholeNumber {
        least: u32,
        most: u32,
    },
    Bitrate {
        least: u32,
        most: u32,
    },
    Even,
    /// A picture's size, the long side first.
    EvenAtMost {
        long: u32,
        short: u32,
    },
    LoopbackOnly(&'static str),
    Name {
        longest: usize,
    },
    TooManyCameras(usize),
    TooManyEntries(usize),
    TooManyZones(usize),
    /// Two zones of a camera have this name.
    ZoneTwice(String),
    /// What is wrong with one of a camera's zones.
    InZone {
        zone: String,
        problem: Box<Self>,
    },
    /// How many a zone may have.
    Corners {
        least: usize,
        most: usize,
    },
    CornersOutside,
    EdgesCross,
    PercentOfPicture,
    /// Close to a word we know.
    Slip {
        what: Thing,
        word: String,
        nearest: String,
    },
    UnknownCamera {
        word: String,
    },
    /// The word was right, what follows it was not.
    After {
        form: &'static str,
        problem: Box<Self>,
    },
    NumberOfList,
    EmptyMicrophone,
    PathMissing,
    HostMissing,
    NoAddress,
    /// A login beside an address that has one.
    LoginTwice,
    /// A login for a camera that nobody logs in to.
    NetworkOnly,
    UserMissing,
    Credential {
        longest: usize,
    },
    SmallRtspOnly,
    RtspOnly,
    UnknownKey {
        key: String,
        nearest: Option<String>,
        known: Vec<String>,
    },
    MissingKey(String),
    NoFile,
    CantOpen(String),
    NoText(String),
    TooLarge(u64),
    CantWrite(String),
    SecretUnreadable {
        path: String,
        why: String,
    },
    SecretOneLine {
        path: String,
    },
    SecretTwoWays,
    NoVariable(String),
    CamerasInline,
    NoCamera(String),
    /// What the TOML library says; it speaks English.
    Toml(String),
}

impl Problem {
    /// In a language; without a full stop, because it follows a place or an option.
    pub fn say(&self, lang: Lang) -> String {
        let (english, french) = self.both();
        match lang {
            Lang::English => english,
            Lang::French => french,
        }
    }

    fn both(&self) -> (String, String) {
        let forms = "webcam, webcam:N, test, test:N, file:PATH, rtsp://HOST/PATH, http(s)://HOST/PATH";
        match self {
            Self::WriteAs(form) => (format!("write it as {form}"), format!("écrivez-le comme {form}")),
            Self::TimeForm => {
                ("write it as 90s, 10m or 2h, at most 24h".to_owned(), "écrivez 90s, 10m ou 2h, au plus 24h".to_owned())
            }
            Self::AddressOrOff(form) => {
                (format!("write it as {form}, or \"off\""), format!("écrivez-le comme {form}, ou \"off\""))
            }
            Self::Hours => (
                "write it as \"22:00-06:00\" or \"Mon-Fri 08:00-18:00\"".to_owned(),
                "écrivez \"22:00-06:00\" ou \"Mon-Fri 08:00-18:00\"".to_owned(),
            ),
            Self::HoursMissing => (
                "give its hours, such as schedule = [\"22:00-06:00\"]".to_owned(),
                "donnez ses heures, comme schedule = [\"22:00-06:00\"]".to_owned(),
            ),
            Self::DetectionOff => (
                "nobody looks for motion: active = true under [detection], or another mode".to_owned(),
                "personne ne guette le mouvement\u{a0}: active = true sous [detection], ou un autre mode".to_owned(),
            ),
            Self::Seconds { least, most } => {
                (format!("{least} to {most} seconds"), format!("de {least} à {most} secondes"))
            }
            Self::OneOf(words) => (format!("one of {words}"), format!("l’un de {words}")),
            Self::Between { least, most } => {
                (format!("a number from {least} to {most}"), format!("un nombre de {least} à {most}"))
            }
            Self::WholeNumber { least, most } => (
                format!("N is a whole number from {least} to {most}"),
                format!("N est un nombre entier de {least} à {most}"),
            ),
            Self::Bitrate { least, most } => {
                (format!("bits a second, from {least} to {most}"), format!("bits par seconde, de {least} à {most}"))
            }
            Self::Even => ("both numbers must be even".to_owned(), "les deux nombres doivent être pairs".to_owned()),
            Self::EvenAtMost { long, short } => {
                (format!("even numbers, at most {long}x{short}"), format!("des nombres pairs, au plus {long}x{short}"))
            }
            Self::LoopbackOnly(form) => (
                format!("only a loopback address, such as {form}"),
                format!("seulement une adresse de cet ordinateur, comme {form}"),
            ),
            Self::Name { longest } => {
                (format!("a name of 1 to {longest} characters"), format!("un nom de 1 à {longest} caractères"))
            }
            Self::TooManyCameras(most) => (format!("more than {most} cameras"), format!("plus de {most} caméras")),
            Self::TooManyEntries(most) => (format!("at most {most} entries"), format!("au plus {most} entrées")),
            Self::TooManyZones(most) => {
                (format!("at most {most} zones for a camera"), format!("au plus {most} zones par caméra"))
            }
            Self::ZoneTwice(name) => (
                format!("two zones are called {name}; give each its own name"),
                format!("deux zones s’appellent {name}\u{202f}; donnez à chacune son propre nom"),
            ),
            Self::InZone { zone, problem } => {
                let (english, french) = problem.both();
                (format!("zone {zone}: {english}"), format!("zone {zone}\u{a0}: {french}"))
            }
            Self::Corners { least, most } => (
                format!("{least} to {most} corners, each as [across, down]"),
                format!("de {least} à {most} coins, chacun comme [horizontal, vertical]"),
            ),
            Self::CornersOutside => (
                "corners are from 0 to 1: shares of the picture's width and height".to_owned(),
                "les coins vont de 0 à 1\u{a0}: des parts de la largeur et de la hauteur de l’image".to_owned(),
            ),
            Self::EdgesCross => (
                "its edges cross; put the corners in the order of the outline".to_owned(),
                "ses côtés se croisent\u{202f}; mettez les coins dans l’ordre du contour".to_owned(),
            ),
            Self::PercentOfPicture => (
                "percent of the picture, from 0.01 to 100".to_owned(),
                "un pourcentage de l’image, de 0.01 à 100".to_owned(),
            ),
            Self::Slip { what, word, nearest } => {
                let (english, french) = match what {
                    Thing::Camera => ("camera", "une caméra"),
                    Thing::Microphone => ("microphone", "un micro"),
                };
                (
                    format!("`{word}` is not a {english}. Did you mean `{nearest}`?"),
                    format!("`{word}` n’est pas {french}. Vouliez-vous dire `{nearest}`\u{202f}?"),
                )
            }
            Self::UnknownCamera { word } => (
                format!("`{word}` is not a camera. Use {forms} or a device path"),
                format!("`{word}` n’est pas une caméra. Utilisez {forms} ou un fichier de périphérique"),
            ),
            Self::After { form, problem } => {
                let (english, french) = problem.both();
                (format!("`{form}`: {english}"), format!("`{form}`\u{a0}: {french}"))
            }
            Self::NumberOfList => (
                "N is a whole number; see `athome-streamer cameras`".to_owned(),
                "N est un nombre entier\u{202f}; voyez `athome-streamer cameras`".to_owned(),
            ),
            Self::EmptyMicrophone => (
                "it is empty; use default, none, tone, file:PATH or a name".to_owned(),
                "c’est vide\u{202f}; utilisez default, none, tone, file:PATH ou un nom".to_owned(),
            ),
            Self::PathMissing => ("the path is missing".to_owned(), "le chemin manque".to_owned()),
            Self::HostMissing => ("the host is missing".to_owned(), "l’hôte manque".to_owned()),
            Self::NoAddress => ("this is no address".to_owned(), "ce n’est pas une adresse".to_owned()),
            Self::LoginTwice => (
                "the address holds a user name already; write it here or there".to_owned(),
                "l’adresse contient déjà un nom\u{202f}; écrivez-le ici ou là".to_owned(),
            ),
            Self::NetworkOnly => (
                "only an rtsp:// or http:// camera has a user name".to_owned(),
                "seule une caméra `rtsp://` ou `http://` a un nom d’utilisateur".to_owned(),
            ),
            Self::UserMissing => (
                "a password needs a user name beside it: user = \"NAME\"".to_owned(),
                "un mot de passe demande un nom à côté\u{a0}: user = \"NOM\"".to_owned(),
            ),
            Self::Credential { longest } => {
                (format!("at most {longest} bytes, on one line"), format!("au plus {longest} octets, sur une ligne"))
            }
            Self::SmallRtspOnly => (
                "a smaller stream is rtsp://HOST/PATH, beside a source that is one too".to_owned(),
                "un petit flux est `rtsp://HÔTE/CHEMIN`, à côté d’une source qui en est un aussi".to_owned(),
            ),
            Self::RtspOnly => (
                "only an rtsp:// camera has a choice of transport".to_owned(),
                "seule une caméra `rtsp://` a le choix du transport".to_owned(),
            ),
            Self::UnknownKey { key, nearest: Some(nearest), .. } => (
                format!("there is no key `{key}` here. Did you mean `{nearest}`?"),
                format!("il n’y a pas de clé `{key}` ici. Vouliez-vous dire `{nearest}`\u{202f}?"),
            ),
            Self::UnknownKey { key, nearest: None, known } => {
                let known = known.join(", ");
                (
                    format!("there is no key `{key}` here. There are: {known}"),
                    format!("il n’y a pas de clé `{key}` ici. Il y a\u{a0}: {known}"),
                )
            }
            Self::MissingKey(key) => (format!("the key `{key}` is missing"), format!("la clé `{key}` manque")),
            Self::NoFile => (
                "there is no such file; athome.example.toml is one to start from".to_owned(),
                "ce fichier n’existe pas\u{202f}; partez de athome.example.toml".to_owned(),
            ),
            Self::CantOpen(why) => (format!("can't be opened: {why}"), format!("ne s’ouvre pas\u{a0}: {why}")),
            Self::NoText(why) => {
                (format!("can't be read as text: {why}"), format!("n’est pas lisible comme du texte\u{a0}: {why}"))
            }
            Self::TooLarge(most) => (
                format!("is larger than {most} bytes; is it the right file?"),
                format!("dépasse {most} octets\u{202f}; est-ce le bon fichier\u{202f}?"),
            ),
            Self::CantWrite(why) => (format!("can't be written: {why}"), format!("n’est pas modifiable\u{a0}: {why}")),
            Self::SecretUnreadable { path, why } => (
                format!("the secret in {path} can't be read: {why}"),
                format!("le secret dans {path} est illisible\u{a0}: {why}"),
            ),
            Self::SecretOneLine { path } => (
                format!("{path} must hold one line, the secret"),
                format!("{path} doit contenir une seule ligne, le secret"),
            ),
            Self::SecretTwoWays => (
                "give the password by credential_file = \"PATH\" or credential_env = \"NAME\", one of them".to_owned(),
                "donnez le mot de passe par credential_file = \"PATH\" ou credential_env = \"NAME\", l’un des deux"
                    .to_owned(),
            ),
            Self::NoVariable(name) => (
                format!("the environment variable {name} is not set"),
                format!("la variable d’environnement {name} n’est pas définie"),
            ),
            Self::CamerasInline => (
                "the cameras are written as one line; write each under [[camera]] so that they can be changed"
                    .to_owned(),
                "les caméras tiennent sur une ligne\u{202f}; écrivez chacune sous [[camera]] pour pouvoir les changer"
                    .to_owned(),
            ),
            Self::NoCamera(name) => (format!("there is no camera {name}"), format!("il n’y a pas de caméra {name}")),
            Self::Toml(why) => (why.clone(), format!("TOML\u{a0}: {why}")),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.say(Lang::English))
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::{Problem, Thing};
    use crate::words::{Lang, french_faults};

    #[test]
    fn french_has_its_own_words_and_typography() {
        let text = String::new;
        let all = [
            Problem::WriteAs("x"),
            Problem::TimeForm,
            Problem::AddressOrOff("x"),
            Problem::OneOf("x"),
            Problem::Hours,
            Problem::HoursMissing,
            Problem::DetectionOff,
            Problem::Seconds { least: 5.0, most: 9.0 },
            Problem::Between { least: text(), most: text() },
            Problem::WholeNumber { least: 0, most: 9 },
            Problem::Bitrate { least: 0, most: 9 },
            Problem::Even,
            Problem::EvenAtMost { long: 4, short: 2 },
            Problem::LoopbackOnly("x"),
            Problem::Name { longest: 60 },
            Problem::TooManyCameras(2),
            Problem::TooManyEntries(2),
            Problem::TooManyZones(2),
            Problem::ZoneTwice(text()),
            Problem::InZone { zone: text(), problem: Box::new(Problem::EdgesCross) },
            Problem::Corners { least: 3, most: 9 },
            Problem::CornersOutside,
            Problem::EdgesCross,
            Problem::PercentOfPicture,
            Problem::Slip { what: Thing::Camera, word: text(), nearest: text() },
            Problem::Slip { what: Thing::Microphone, word: text(), nearest: text() },
            Problem::After { form: "file", problem: Box::new(Problem::PathMissing) },
            Problem::NumberOfList,
            Problem::EmptyMicrophone,
            Problem::PathMissing,
            Problem::HostMissing,
            Problem::NoAddress,
            Problem::LoginTwice,
            Problem::NetworkOnly,
            Problem::UserMissing,
            Problem::Credential { longest: 9 },
            Problem::SmallRtspOnly,
            Problem::RtspOnly,
            Problem::UnknownKey { key: text(), nearest: Some(text()), known: Vec::new() },
            Problem::UnknownKey { key: text(), nearest: None, known: Vec::new() },
            Problem::MissingKey(text()),
            Problem::NoFile,
            Problem::CantOpen(text()),
            Problem::NoText(text()),
            Problem::TooLarge(1),
            Problem::CantWrite(text()),
            Problem::SecretUnreadable { path: text(), why: text() },
            Problem::SecretOneLine { path: text() },
            Problem::SecretTwoWays,
            Problem::NoVariable(text()),
            Problem::CamerasInline,
            Problem::NoCamera(text()),
        ];
        for problem in all {
            let french = problem.say(Lang::French);
            assert_ne!(french, problem.say(Lang::English), "{problem:?}");
            assert_eq!(french_faults(&french), Vec::<String>::new(), "{problem:?}");
        }
        // Control: what a typist writes without thinking of it is found.
        assert_eq!(french_faults("l'hôte : quoi ?").len(), 3);
    }
}
