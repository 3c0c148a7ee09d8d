//! Every sentence that the terminal and the command line say to a person, in English and French; what stands in the window
//! is in `window`. The page has the same words for the same things.
//!
//! French follows its typography: U+202F before `; ? !`, U+00A0 before `:`, the apostrophe is U+2019.

mod problem;
mod verdict;
pub mod window;

pub use problem::{Problem, Thing};
pub use verdict::Verdict;

/// A language that we speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    #[default]
    English,
    French,
}

impl Lang {
    /// The system's language, English where it is neither.
    pub fn of_system() -> Self {
        sys_locale::get_locale().map_or(Self::English, |tag| Self::of_tag(&tag))
    }

    /// `fr`, `fr-CA`, `fr_FR.UTF-8` are French, everything else is English.
    pub fn of_tag(tag: &str) -> Self {
        let primary = tag.split(['-', '_', '.']).next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("fr") { Self::French } else { Self::English }
    }
}

/// A sentence of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Running,
    Camera,
    Sound,
    NoSound,
    JoinWifi,
    PointAtCode,
    OneDeviceWithin,
    DevicesWithin,
    LanLine,
    OutsideLine,
    HowOutside,
    KeyNew,
    KeyViewers,
    KeyCameras,
    KeyLink,
    KeyBigger,
    KeySmaller,
    KeyOutside,
    KeyMore,
    KeyQuit,
    CodeUsed,
    CodeOld,
    MakeLarger,
    LinkOrLarger,
    LinkIs,
    NoCode,
    RunPair,
    WatchingNone,
    WatchingOne,
    WatchingMany,
    NowWatching,
    Left,
    Paired,
    Live,
    Records,
    Starting,
    Reconnecting,
    Stopped,
    Gone,
    NotFound,
    NoSuchCamera,
    CameraPaused,
    ModeHome,
    ModeAway,
    ModePrivacy,
    ModeNotKept,
    CameraAdded,
    CameraRemoved,
    PasswordPrompt,
    CameraResumed,
    StaysSo,
    UntilRestart,
    Busy,
    Stalled,
    Format,
    File,
    Unreachable,
    Auth,
    Other,
    NextTry,
    CameraBack,
    Motion,
    MotionIn,
    MotionOver,
    ViewClear,
    ViewCovered,
    ViewBlinded,
    ViewMoved,
    Stopping,
    StoppedCleanly,
    SecondSignal,
    PortInUse,
    Tampered,
    CantListen,
    NoSuchAddress,
    DataUnusable,
    DataInUse,
    SignalingUp,
    SignalingDown,
    SignalingUnreachable,
    SignalingRefused,
    SignalingReplaced,
    NoDevices,
    DevicesTitle,
    HelpTitle,
    HelpText,
    Revoked,
    Never,
    TestCardChosen,
    WebcamChosen,
    SilentTestCard,
    UsableUntil,
    WasRemoved,
    CodeFolded,
    ReachOutside,
    ReachedOutside,
    KeyWindow,
    NoOption,
    NoCommand,
    NeedsValue,
    NoValueOf,
    CantTogether,
    ArgMissing,
    SeeHelp,
    DidYouMean,
    NoDevice,
    NeverRan,
    TokenUnreadable,
    NotRunning,
    NotOurs,
    RefusedBy,
    NoThreads,
    NameTheFile,
    ConfigFine,
    NoWebcams,
    NoMicrophones,
    MicrophoneWord,
    MicGone,
    MicBusy,
    MicTrouble,
    MicBack,
    RecordingBegan,
    RecordingClosed,
    DiskFull,
    DiskFailed,
    DiskSlow,
    MadeRoom,
    StorageUnusable,
    NothingRecorded,
    RecordingsSum,
    RoomFor,
    NothingThen,
    ExportDone,
    CheckClean,
    CheckFound,
    CheckMended,
    StopFirst,
}

impl Word {
    /// All of them, for the tests and for whoever wants to print the table.
    pub const ALL: [Self; Self::StopFirst as usize + 1] = [
        Self::Running,
        Self::Camera,
        Self::Sound,
        Self::NoSound,
        Self::JoinWifi,
        Self::PointAtCode,
        Self::OneDeviceWithin,
        Self::DevicesWithin,
        Self::LanLine,
        Self::OutsideLine,
        Self::HowOutside,
        Self::KeyNew,
        Self::KeyViewers,
        Self::KeyCameras,
        Self::KeyLink,
        Self::KeyBigger,
        Self::KeySmaller,
        Self::KeyOutside,
        Self::KeyMore,
        Self::KeyQuit,
        Self::CodeUsed,
        Self::CodeOld,
        Self::MakeLarger,
        Self::LinkOrLarger,
        Self::LinkIs,
        Self::NoCode,
        Self::RunPair,
        Self::WatchingNone,
        Self::WatchingOne,
        Self::WatchingMany,
        Self::NowWatching,
        Self::Left,
        Self::Paired,
        Self::Live,
        Self::Records,
        Self::Starting,
        Self::Reconnecting,
        Self::Stopped,
        Self::Gone,
        Self::NotFound,
        Self::NoSuchCamera,
        Self::CameraPaused,
        Self::ModeHome,
        Self::ModeAway,
        Self::ModePrivacy,
        Self::ModeNotKept,
        Self::CameraAdded,
        Self::CameraRemoved,
        Self::PasswordPrompt,
        Self::CameraResumed,
        Self::StaysSo,
        Self::UntilRestart,
        Self::Busy,
        Self::Stalled,
        Self::Format,
        Self::File,
        Self::Unreachable,
        Self::Auth,
        Self::Other,
        Self::NextTry,
        Self::CameraBack,
        Self::Motion,
        Self::MotionIn,
        Self::MotionOver,
        Self::ViewClear,
        Self::ViewCovered,
        Self::ViewBlinded,
        Self::ViewMoved,
        Self::Stopping,
        Self::StoppedCleanly,
        Self::SecondSignal,
        Self::PortInUse,
        Self::Tampered,
        Self::CantListen,
        Self::NoSuchAddress,
        Self::DataUnusable,
        Self::DataInUse,
        Self::SignalingUp,
        Self::SignalingDown,
        Self::SignalingUnreachable,
        Self::SignalingRefused,
        Self::SignalingReplaced,
        Self::NoDevices,
        Self::DevicesTitle,
        Self::HelpTitle,
        Self::HelpText,
        Self::Revoked,
        Self::Never,
        Self::TestCardChosen,
        Self::WebcamChosen,
        Self::SilentTestCard,
        Self::UsableUntil,
        Self::WasRemoved,
        Self::CodeFolded,
        Self::ReachOutside,
        Self::ReachedOutside,
        Self::KeyWindow,
        Self::NoOption,
        Self::NoCommand,
        Self::NeedsValue,
        Self::NoValueOf,
        Self::CantTogether,
        Self::ArgMissing,
        Self::SeeHelp,
        Self::DidYouMean,
        Self::NoDevice,
        Self::NeverRan,
        Self::TokenUnreadable,
        Self::NotRunning,
        Self::NotOurs,
        Self::RefusedBy,
        Self::NoThreads,
        Self::NameTheFile,
        Self::ConfigFine,
        Self::NoWebcams,
        Self::NoMicrophones,
        Self::MicrophoneWord,
        Self::MicGone,
        Self::MicBusy,
        Self::MicTrouble,
        Self::MicBack,
        Self::RecordingBegan,
        Self::RecordingClosed,
        Self::DiskFull,
        Self::DiskFailed,
        Self::DiskSlow,
        Self::MadeRoom,
        Self::StorageUnusable,
        Self::NothingRecorded,
        Self::RecordingsSum,
        Self::RoomFor,
        Self::NothingThen,
        Self::ExportDone,
        Self::CheckClean,
        Self::CheckFound,
        Self::CheckMended,
        Self::StopFirst,
    ];

    /// The sentence with its places unfilled.
    pub fn text(self, lang: Lang) -> &'static str {
        let (english, french) = self.pair();
        match lang {
            Lang::English => english,
            Lang::French => french,
        }
    }

    /// The sentence with each `{name}` replaced by its value.
    pub fn fill(self, lang: Lang, values: &[(&str, &str)]) -> String {
        let mut text = self.text(lang).to_owned();
        for (name, value) in values {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }

    fn pair(self) -> (&'static str, &'static str) {
        match self {
            Self::Running => ("AtHome is running.", "AtHome est en marche."),
            Self::Camera => ("Camera", "Caméra"),
            Self::Sound => ("Sound", "Son"),
            Self::NoSound => ("none", "aucun"),
            Self::JoinWifi => ("1. Join this Wi-Fi on your phone.", "1. Même Wi-Fi sur le téléphone."),
            Self::PointAtCode => ("2. Point its camera at the code.", "2. Visez le code avec l’appareil."),
            Self::OneDeviceWithin => ("One device, once, within {left}.", "Un appareil, une fois, {left}."),
            Self::DevicesWithin => ("{n} devices, within {left}.", "{n} appareils, {left}."),
            Self::LanLine => ("Works on this network only.", "Ne marche que sur ce réseau."),
            Self::OutsideLine => ("Also reachable from outside.", "Joignable aussi de l’extérieur."),
            Self::KeyNew => ("new code", "code"),
            Self::KeyViewers => ("viewers", "appareils"),
            Self::KeyCameras => ("cameras", "caméras"),
            Self::KeyLink => ("link", "lien"),
            Self::KeyBigger => ("bigger", "grand"),
            Self::KeyOutside => ("outside", "de l’extérieur"),
            Self::HowOutside => ("how to reach it from outside", "comment le joindre du dehors"),
            Self::KeySmaller => ("smaller", "petit"),
            Self::KeyWindow => ("window", "fenêtre"),
            Self::KeyMore => ("more", "aide"),
            Self::KeyQuit => ("quit", "quitter"),
            Self::CodeUsed => ("Used by {device}, {time}. Watching now.", "Utilisé par {device}, {time}. Regarde."),
            Self::CodeOld => (
                "This code has expired. Press p for a new one.",
                "Ce code a expiré. Appuyez sur p pour en avoir un nouveau.",
            ),
            Self::MakeLarger => (
                "Make the window larger to see the code, or press l for the link.",
                "Agrandissez la fenêtre pour voir le code, ou appuyez sur l pour le lien.",
            ),
            Self::LinkOrLarger => (
                "Open this link, or make the window larger to see the code.",
                "Ouvrez ce lien, ou agrandissez la fenêtre pour voir le code.",
            ),
            Self::ReachOutside => (
                "From outside: run athome-signaling on a server of yours, then start again with --signaling and its address.",
                "De l’extérieur\u{a0}: lancez athome-signaling sur un serveur à vous, puis relancez avec --signaling et son adresse.",
            ),
            Self::ReachedOutside => (
                "It can be reached from outside already, through the server named with --signaling or in the configuration.",
                "Il est déjà joignable de l’extérieur, par le serveur nommé avec --signaling ou dans la configuration.",
            ),
            Self::RecordingBegan => ("{cam} is being recorded.", "{cam} est enregistrée."),
            Self::RecordingClosed => {
                ("A recording of {cam} is complete: {file}.", "Un enregistrement de {cam} est terminé\u{a0}: {file}.")
            }
            Self::DiskFull => (
                "The disk is full: {cam} is not recorded now. Make room, or name another folder under [storage]; live view goes on.",
                "Le disque est plein\u{a0}: {cam} n’est pas enregistrée. Libérez de la place, ou changez de dossier dans [storage]\u{202f}; le direct continue.",
            ),
            Self::DiskFailed => (
                "The disk failed: {cam} is not recorded now. Check the disk; it is tried again by itself, live view goes on.",
                "Panne du disque\u{a0}: {cam} n’est pas enregistrée. Vérifiez-le\u{202f}; nouvel essai automatique, le direct continue.",
            ),
            Self::DiskSlow => (
                "The disk is too slow: some pictures of {cam} are not recorded. Use another disk, or a lower bitrate.",
                "Le disque est trop lent\u{a0}: il manque des images de {cam}. Changez de disque, ou baissez le débit.",
            ),
            Self::MadeRoom => (
                "Old recordings made room for new ones: {n} files.",
                "D’anciens enregistrements ont fait de la place\u{a0}: {n} fichiers.",
            ),
            Self::StorageUnusable => (
                "Name another folder under [storage], or mend {path}: {why}.",
                "Donnez un autre dossier dans [storage], ou réparez {path}\u{a0}: {why}.",
            ),
            Self::NothingRecorded => (
                "Nothing is recorded yet. Choose when under [recording] in the configuration.",
                "Rien n’est enregistré. Choisissez quand sous [recording] dans la configuration.",
            ),
            Self::RecordingsSum => ("{n} recordings, {size}.", "{n} enregistrements, {size}."),
            Self::RoomFor => (
                "The room will do for about {n} days at this rate.",
                "La place suffit pour environ {n} jours à ce rythme.",
            ),
            Self::NothingThen => (
                "Nothing was recorded then. athome-streamer recordings list shows what there is.",
                "Rien n’a été enregistré alors. athome-streamer recordings list montre ce qu’il y a.",
            ),
            Self::ExportDone => (
                "{file} holds {time} from {n} recordings, as they were.",
                "{file} contient {time} tirées de {n} enregistrements, tels quels.",
            ),
            Self::CheckClean => (
                "All {n} recordings are whole and in the index.",
                "Les {n} enregistrements sont entiers et dans l’index.",
            ),
            Self::CheckFound => (
                "To be mended: {n}. Stop the streamer and run athome-streamer recordings check --repair.",
                "À réparer\u{a0}: {n}. Arrêtez le programme et lancez athome-streamer recordings check --repair.",
            ),
            Self::CheckMended => (
                "Mended: {n}. Whole and in the index: {all}.",
                "Réparés\u{a0}: {n}. Entiers et dans l’index\u{a0}: {all}.",
            ),
            Self::StopFirst => (
                "A streamer runs with this folder. Stop it first: --repair needs the recordings for itself.",
                "Un programme utilise ce dossier. Arrêtez-le d’abord\u{a0}: --repair veut les enregistrements pour lui seul.",
            ),
            Self::LinkIs => ("Open this link on one device:", "Ouvrez ce lien sur un appareil\u{a0}:"),
            Self::NoCode => ("Press p to add a device.", "Appuyez sur p pour ajouter un appareil."),
            Self::RunPair => {
                ("Run athome-streamer pair to add a device.", "Lancez athome-streamer pair pour ajouter un appareil.")
            }
            Self::WatchingNone => ("nobody watching", "personne ne regarde"),
            Self::WatchingOne => ("1 watching: {names}", "1 regarde\u{a0}: {names}"),
            Self::WatchingMany => ("{n} watching: {names}", "{n} regardent\u{a0}: {names}"),
            Self::NowWatching => ("{device} is watching.", "{device} regarde."),
            Self::Left => ("{device} stopped watching.", "{device} ne regarde plus."),
            Self::Paired => ("{device} is now paired.", "{device} est maintenant associé."),
            Self::Live => ("live", "en direct"),
            Self::Records => ("recording", "enregistre"),
            Self::Starting => ("starting", "démarre"),
            Self::Reconnecting => ("reconnecting", "se reconnecte"),
            Self::Stopped => ("stopped", "arrêtée"),
            Self::Gone => (
                "{cam} was unplugged. It comes back by itself when plugged in.",
                "{cam} est débranchée. Elle revient d’elle-même une fois rebranchée.",
            ),
            Self::NotFound => (
                "{cam} is not there. It starts by itself when plugged in; athome-streamer cameras lists what there is.",
                "{cam} est introuvable. Elle démarre d’elle-même une fois branchée\u{202f}; athome-streamer cameras liste les autres.",
            ),
            Self::NoSuchCamera => (
                "There is no camera {cam}. There are: {names}.",
                "Il n’y a pas de caméra {cam}. Il y a\u{a0}: {names}.",
            ),
            Self::ModeHome => (
                "Home: cameras can be watched, and record only when somebody asks.",
                "Présent\u{a0}: les caméras sont visibles, et n’enregistrent que sur demande.",
            ),
            Self::ModeAway => {
                ("Away: everything records as it is set up.", "Absent\u{a0}: tout enregistre comme prévu.")
            }
            Self::ModePrivacy => (
                "Privacy is on: every camera is really off.",
                "Vie privée\u{a0}: toutes les caméras sont vraiment éteintes.",
            ),
            Self::ModeNotKept => (
                "It could not be written down, and holds until the streamer ends. Is the disk full?",
                "Cela n’a pas pu être noté et ne tient que jusqu’à l’arrêt. Le disque est-il plein\u{202f}?",
            ),
            Self::CameraPaused => ("{cam} is really off.", "{cam} est vraiment éteinte."),
            Self::CameraAdded => ("{cam} is added.", "{cam} est ajoutée."),
            Self::CameraRemoved => (
                "{cam} is removed; what was recorded of it stays.",
                "{cam} est retirée\u{202f}; ce qui en a été enregistré reste.",
            ),
            Self::PasswordPrompt => ("Password:", "Mot de passe\u{a0}:"),
            Self::CameraResumed => ("{cam} is on again.", "{cam} est rallumée."),
            Self::StaysSo => (
                "It stays so after a restart: the configuration file says so too.",
                "Cela reste ainsi après un redémarrage\u{a0}: le fichier de configuration le dit aussi.",
            ),
            Self::UntilRestart => (
                "Until the next start: no configuration file names this camera.",
                "Jusqu’au prochain démarrage\u{a0}: aucun fichier de configuration ne la nomme.",
            ),
            Self::CantListen => (
                "Name another address with {option}: {addr} can't be used ({why}).",
                "Donnez une autre adresse avec {option}\u{a0}: {addr} est inutilisable ({why}).",
            ),
            Self::NoSuchAddress => (
                "Name an address of this computer with {option}: {addr} is none.",
                "Donnez une adresse de cet ordinateur avec {option}\u{a0}: {addr} n’en est pas une.",
            ),
            Self::DataUnusable => (
                "Name another folder with --data, or mend {path}: {why}.",
                "Donnez un autre dossier avec --data, ou réparez {path}\u{a0}: {why}.",
            ),
            Self::DataInUse => (
                "Another athome-streamer runs with the folder {path}. Stop it, or name another folder with --data.",
                "Un autre athome-streamer utilise le dossier {path}. Arrêtez-le, ou donnez un autre dossier avec --data.",
            ),
            Self::Busy => (
                "Another program uses {cam}. Close it; it is tried again by itself.",
                "Un autre programme utilise {cam}. Fermez-le\u{202f}; nouvel essai automatique.",
            ),
            Self::Stalled => (
                "{cam} stopped giving pictures. It is opened again by itself.",
                "{cam} ne donne plus d’images. Elle est rouverte d’elle-même.",
            ),
            Self::Format => (
                "{cam} offers no picture format that AtHome can use. Try another size with --size.",
                "{cam} n’offre aucun format utilisable. Essayez une autre taille avec --size.",
            ),
            Self::File => (
                "{cam} can't be read, or holds no video that AtHome knows. Check the file.",
                "{cam} est illisible ou ne contient aucune vidéo connue. Vérifiez le fichier.",
            ),
            Self::Unreachable => (
                "Nothing answers for {cam}. Is it on, and on this network?",
                "Rien ne répond pour {cam}. Est-elle allumée, sur ce réseau\u{202f}?",
            ),
            Self::Auth => (
                "{cam} refused the user name or password. Change them in its settings.",
                "{cam} refuse le nom ou le mot de passe. Changez-les dans ses réglages.",
            ),
            Self::Other => (
                "{cam} does not work. The log says more; it is tried again by itself.",
                "{cam} ne marche pas. Le journal en dit plus\u{202f}; nouvel essai automatique.",
            ),
            Self::NextTry => ("next try in {s} s", "nouvel essai dans {s} s"),
            Self::CameraBack => ("{cam} is live.", "{cam} est en direct."),
            Self::Motion => ("Motion at {cam}.", "Du mouvement\u{a0}: {cam}."),
            Self::MotionIn => ("Motion at {cam}, in {zones}.", "Du mouvement\u{a0}: {cam}, dans {zones}."),
            Self::MotionOver => ("{cam} is still again.", "{cam}\u{a0}: plus rien ne bouge."),
            Self::ViewClear => ("{cam} sees clearly again.", "{cam} voit de nouveau bien."),
            Self::ViewCovered => (
                "{cam} is covered. Look whether something lies over its lens.",
                "{cam} est masquée. Regardez si quelque chose couvre l’objectif.",
            ),
            Self::ViewBlinded => (
                "{cam} is blinded by a light. Turn the light or the camera away.",
                "{cam} est éblouie. Détournez la lumière ou la caméra.",
            ),
            Self::ViewMoved => (
                "{cam} looks elsewhere than before. Check whether someone turned it.",
                "{cam} regarde ailleurs qu’avant. Vérifiez si quelqu’un l’a tournée.",
            ),
            Self::Stopping => ("Stopping…", "Arrêt…"),
            Self::StoppedCleanly => ("Stopped cleanly.", "Arrêt propre."),
            Self::SecondSignal => ("Stopped at once.", "Arrêt immédiat."),
            Self::PortInUse => (
                "Port {port} is in use by another program. Try {option} {other}.",
                "Le port {port} est pris par un autre programme. Essayez {option} {other}.",
            ),
            Self::Tampered => (
                "{n} sealed messages were damaged or changed on the way; nothing of them was used. Check your network, or use another signaling server.",
                "{n} messages scellés ont été abîmés ou modifiés en route\u{202f}; rien n’en a été utilisé. Vérifiez le réseau, ou changez de serveur.",
            ),
            Self::SignalingUp => ("Registered with {server}.", "Inscrit auprès de {server}."),
            Self::SignalingDown => (
                "No connection to {server}. It is tried again by itself; open pictures go on.",
                "Pas de liaison avec {server}. Nouvel essai automatique\u{202f}; les images en cours continuent.",
            ),
            Self::SignalingUnreachable => (
                "No signaling server answers at {server}. Check its address; it is tried again by itself.",
                "Aucun serveur ne répond à l’adresse {server}. Vérifiez-la\u{202f}; nouvel essai automatique.",
            ),
            Self::SignalingRefused => (
                "{server} does not take this streamer. Check the address: the server must go by the name in it.",
                "{server} n’accepte pas cette caméra. Vérifiez l’adresse\u{a0}: le serveur doit porter ce nom.",
            ),
            Self::SignalingReplaced => (
                "Another streamer with the same keys took over at {server}. Stop one of the two.",
                "Un autre programme avec les mêmes clés a pris la place auprès de {server}. Arrêtez l’un des deux.",
            ),
            Self::NoDevices => ("No device is paired yet.", "Aucun appareil n’est encore associé."),
            Self::DevicesTitle => ("Paired devices", "Appareils associés"),
            Self::HelpTitle => ("Keys", "Touches"),
            Self::HelpText => (
                "p new code · v devices · c cameras · l link · b code size · o from outside · w window · q quit",
                "p nouveau code · v appareils · c caméras · l lien · b taille du code · o du dehors · w fenêtre · q quitter",
            ),
            Self::Revoked => ("removed", "retiré"),
            Self::Never => ("never", "jamais"),
            Self::TestCardChosen => (
                "No webcam was found: showing the test card. Plug one in and start again, or choose with --camera.",
                "Aucune webcam trouvée\u{a0}: mire affichée. Branchez-en une et relancez, ou choisissez avec --camera.",
            ),
            Self::WebcamChosen => ("Using the first webcam found: {cam}.", "Première webcam trouvée\u{a0}: {cam}."),
            Self::SilentTestCard => (
                "The test card is silent; --mic tone gives it a tone.",
                "La mire est muette\u{202f}; --mic tone lui donne un son.",
            ),
            Self::CodeFolded => (
                "The code is folded away, {left} left. Press b to show it.",
                "Le code est replié, encore {left}. Appuyez sur b pour le revoir.",
            ),
            Self::UsableUntil => {
                ("Uses left: {n}. Works until {time}.", "Utilisations restantes\u{a0}: {n}. Valable jusqu’à {time}.")
            }
            Self::WasRemoved => (
                "{device} was removed. It needs a new code to come back.",
                "{device} a été retiré. Il lui faut un nouveau code pour revenir.",
            ),
            Self::NoOption => ("There is no option {arg}.", "Il n’y a pas d’option {arg}."),
            Self::NoCommand => ("There is no command {arg}.", "Il n’y a pas de commande {arg}."),
            Self::NeedsValue => ("{arg} needs a value.", "{arg} demande une valeur."),
            Self::NoValueOf => ("{value} is not a value of {arg}.", "{value} n’est pas une valeur de {arg}."),
            Self::CantTogether => {
                ("{arg} and {other} can't be used together.", "{arg} et {other} ne vont pas ensemble.")
            }
            Self::ArgMissing => ("{arg} is missing.", "{arg} manque."),
            Self::SeeHelp => ("See athome-streamer --help.", "Voyez athome-streamer --help."),
            Self::DidYouMean => ("Did you mean {nearest}?", "Vouliez-vous dire {nearest}\u{202f}?"),
            Self::NoDevice => (
                "{id} is no device; athome-streamer viewers list shows them.",
                "{id} n’est pas un appareil\u{202f}; athome-streamer viewers list les montre.",
            ),
            Self::NeverRan => (
                "No streamer has run with the data folder {path}. Start athome-streamer first, or name its folder with --data.",
                "Aucune caméra n’a tourné avec le dossier {path}. Lancez d’abord athome-streamer, ou donnez son dossier avec --data.",
            ),
            Self::TokenUnreadable => (
                "The token in {path} can't be read ({why}). Run this as the user who runs athome-streamer.",
                "Le jeton dans {path} est illisible ({why}). Lancez ceci avec l’utilisateur de athome-streamer.",
            ),
            Self::NotRunning => (
                "No streamer answers at {addr}. Start athome-streamer first, or name its address with --api.",
                "Aucune caméra ne répond à {addr}. Lancez d’abord athome-streamer, ou donnez son adresse avec --api.",
            ),
            Self::NotOurs => (
                "What answers at {addr} is not an AtHome streamer. Name its address with --api.",
                "Ce qui répond à {addr} n’est pas AtHome. Donnez son adresse avec --api.",
            ),
            Self::RefusedBy => ("The streamer at {addr} refused ({status}).", "La caméra à {addr} refuse ({status})."),
            Self::NoThreads => (
                "The program could not start its threads ({why}). Close other programs and try again.",
                "Le programme n’a pas pu démarrer ({why}). Fermez d’autres programmes et réessayez.",
            ),
            Self::NameTheFile => (
                "Name the file to check: athome-streamer check-config --config FILE",
                "Donnez le fichier à vérifier\u{a0}: athome-streamer check-config --config FILE",
            ),
            Self::ConfigFine => ("{path} is fine. Cameras: {n}.", "{path} est correct. Caméras\u{a0}: {n}."),
            Self::NoWebcams => (
                "No webcam was found. --camera test shows a test card; file:PATH plays a clip.",
                "Aucune webcam trouvée. --camera test montre une mire\u{202f}; file:PATH lit un clip.",
            ),
            Self::NoMicrophones => (
                "No microphone was found. --mic tone gives a test tone.",
                "Aucun micro trouvé. --mic tone donne un son d’essai.",
            ),
            Self::MicrophoneWord => ("microphone", "micro"),
            Self::MicGone => (
                "The microphone of {cam} is not there. The picture goes on; sound starts by itself when it is plugged in.",
                "Le micro de {cam} est absent. L’image continue\u{202f}; le son démarre de lui-même une fois branché.",
            ),
            Self::MicBusy => (
                "Another program uses the microphone of {cam}. Close it; the picture goes on meanwhile.",
                "Un autre programme utilise le micro de {cam}. Fermez-le\u{202f}; l’image continue.",
            ),
            Self::MicTrouble => (
                "The microphone of {cam} does not work. The picture goes on; sound is tried again by itself.",
                "Le micro de {cam} ne marche pas. L’image continue\u{202f}; nouvel essai automatique du son.",
            ),
            Self::MicBack => ("The microphone of {cam} is on.", "Le micro de {cam} est allumé."),
        }
    }
}

/// What French typography finds wrong in a text; inside of `code` and addresses nothing is.
#[cfg(test)]
pub(crate) fn french_faults(text: &str) -> Vec<String> {
    let prose: String = text.split('`').step_by(2).collect();
    let mut faults: Vec<String> =
        prose.contains('\'').then(|| format!("straight apostrophe in {text:?}")).into_iter().collect();
    let chars: Vec<char> = prose.chars().collect();
    for (at, c) in chars.iter().enumerate().filter(|(_, c)| matches!(**c, ';' | '?' | '!' | ':')) {
        // `file:PATH`, `rtsp://…` and `webcam:N` are written as they are typed.
        if *c == ':' && chars.get(at + 1).is_some_and(|next| !next.is_whitespace()) {
            continue;
        }
        let wanted = if *c == ':' { '\u{a0}' } else { '\u{202f}' };
        if at.checked_sub(1).and_then(|at| chars.get(at)) != Some(&wanted) {
            faults.push(format!("{c:?} without its space in {text:?}"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Lang, Word, french_faults};

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
    }

    #[test]
    fn every_word_is_listed_once_and_has_both_languages_with_the_same_places() {
        for (at, word) in Word::ALL.into_iter().enumerate() {
            assert_eq!(word as usize, at, "{word:?} stands in the wrong place of ALL");
            let (english, french) = (word.text(Lang::English), word.text(Lang::French));
            assert!(!english.is_empty() && !french.is_empty(), "{word:?}");
            assert_eq!(places(english), places(french), "{word:?}");
        }
    }

    #[test]
    fn french_has_its_own_typography() {
        for word in Word::ALL {
            assert_eq!(french_faults(word.text(Lang::French)), Vec::<String>::new(), "{word:?}");
        }
    }

    #[test]
    fn the_locale_decides() {
        for tag in ["fr", "fr-CA", "fr_FR.UTF-8", "FR"] {
            assert_eq!(Lang::of_tag(tag), Lang::French, "{tag}");
        }
        for tag in ["en-US", "C", "", "fry", "de"] {
            assert_eq!(Lang::of_tag(tag), Lang::English, "{tag}");
        }
    }

    #[test]
    fn places_are_filled() {
        let text = Word::CodeUsed.fill(Lang::English, &[("device", "Anna's phone"), ("time", "14:03")]);
        assert_eq!(text, "Used by Anna's phone, 14:03. Watching now.");
    }
}
