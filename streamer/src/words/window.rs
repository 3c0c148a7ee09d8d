//! What stands in the streamer's window and in its tray menu, in English and French. Keys are the page's and the viewer's
//! where they say the same. `{name}` marks are filled in by [`Label::with`].

use super::Lang;

macro_rules! labels {
    ($($name:ident, $en:literal, $fr:literal;)*) => {
        /// A text of the window's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Label {
            $($name,)*
        }

        impl Label {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            fn both(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$name => ($en, $fr),)*
                }
            }
        }
    };
}

labels! {
    AsSeen, "As the others see it", "Comme les autres la voient";
    Automatic, "Automatic", "Automatique";
    Camera, "Camera", "Caméra";
    CameraClosing, "{cam} is being closed…", "Fermeture de {cam}…";
    CameraFormat, "{cam} offers no picture format that AtHome can use. Choose another size.", "{cam} n’offre aucun format utilisable. Choisissez une autre taille.";
    CameraLightOff, "{cam} is paused. Camera light is off.", "{cam} est en pause. Le voyant de la caméra est éteint.";
    CameraLive, "{cam} is live.", "{cam} est en direct.";
    CameraMissing, "{cam} is not there. It starts by itself when plugged in; the menu lists what there is.", "{cam} est introuvable. Elle démarre d’elle-même une fois branchée\u{202f}; le menu liste les autres.";
    CameraStarting, "{cam} is starting.", "{cam} démarre.";
    Cameras, "Cameras", "Caméras";
    Cancel, "Cancel", "Annuler";
    Clipped, "Too loud", "Trop fort";
    Close, "Close", "Fermer";
    CloseAsk, "Close the window?", "Fermer la fenêtre\u{202f}?";
    CloseAskHow, "AtHome can keep running in the tray, or stop: then nobody can watch.", "AtHome peut continuer dans la barre système, ou s’arrêter\u{a0}: plus personne ne pourra regarder.";
    CloseTrayAsked, "Asking this desktop for its tray. AtHome can also go on with a small window, or stop: then nobody can watch.", "La barre système n’a pas encore répondu. AtHome peut aussi continuer fenêtre réduite, ou s’arrêter\u{a0}: plus personne ne pourra regarder.";
    CloseNoTray, "This desktop has no tray. AtHome can go on with a small window, or stop: then nobody can watch.", "Ce bureau n’a pas de barre système. AtHome peut continuer fenêtre réduite, ou s’arrêter\u{a0}: plus personne ne pourra regarder.";
    CodeHow, "Point the phone’s camera at the code, on the same Wi-Fi.", "Visez le code avec l’appareil photo du téléphone, sur le même Wi-Fi.";
    CodeHowOutside, "Point the phone’s camera at the code.", "Visez le code avec l’appareil photo du téléphone.";
    CodeLeft, "One device, once, within {left}.", "Un appareil, une seule fois, pendant {left}.";
    CodeLeftMany, "{n} devices, within {left}.", "{n} appareils, pendant {left}.";
    CodeMaking, "Making a code…", "Création d’un code…";
    CodeName, "Code for a new device, {left} left", "Code pour un nouvel appareil, encore {left}";
    CodeNew, "New code", "Nouveau code";
    CodeOld, "This code has expired. Choose New code for another.", "Ce code a expiré. Choisissez Nouveau code pour un autre.";
    CodeShow, "Show code", "Afficher le code";
    CodeUsed, "Used by {device}, {time}.", "Utilisé par {device}, {time}.";
    CodeUsedWatching, "Used by {device}, {time}. Watching now.", "Utilisé par {device}, {time}. Regarde en ce moment.";
    Devices, "Devices", "Appareils";
    Failed, "Not done: {why}", "Non fait\u{a0}: {why}";
    Fps, "{n} fps", "{n} images/s";
    LastSeen, "last {when}", "vu {when}";
    LevelName, "Sound level, {n} decibels", "Niveau du son, {n} décibels";
    Live, "Live · {age}", "En direct · {age}";
    LoginFailed, "Starting at login could not be changed: {why}", "Le lancement à l’ouverture de session n’a pas pu être changé\u{a0}: {why}";
    LoginStart, "Start at login", "Lancer à l’ouverture de session";
    MayAdmin, "Manage", "Gérer";
    MayPlayback, "Look back", "Revoir";
    MayTalk, "Talk", "Parler";
    MayView, "Watch", "Regarder";
    MicDefault, "The system’s microphone", "Le micro du système";
    MicFile, "Sound file {name}", "Fichier son {name}";
    MicNone, "No sound", "Sans son";
    MicOwn, "With the picture", "Avec l’image";
    MicTone, "Test tone", "Son de test";
    Microphone, "Microphone", "Micro";
    Minimise, "Make it small", "Réduire";
    NeverWatched, "has not watched yet", "n’a pas encore regardé";
    NoDevices, "No device is paired yet. Show code adds one.", "Aucun appareil associé. Afficher le code en ajoute un.";
    NoDisplay, "No window can be opened here; AtHome goes on without. Start it on a desktop for a window.", "Aucune fenêtre ne peut s’ouvrir ici\u{202f}; AtHome continue sans. Lancez-le sur un bureau pour en avoir une.";
    NoLevel, "No sound comes in.", "Aucun son n’arrive.";
    NoPictureYet, "No picture yet", "Pas encore d’image";
    NobodyWatching, "Nobody is watching.", "Personne ne regarde.";
    NotThere, "{name} (not there)", "{name} (absent)";
    OnClose, "When you close the window", "Quand vous fermez la fenêtre";
    OnCloseAsk, "Ask each time", "Demander à chaque fois";
    OnCloseStop, "Stop AtHome", "Arrêter AtHome";
    OnCloseTray, "Keep running in the tray", "Continuer dans la barre système";
    Open, "Open the window", "Ouvrir la fenêtre";
    Pause, "Pause", "Mettre en pause";
    PauseOf, "Pause {cam}", "Mettre {cam} en pause";
    Paused, "Paused", "En pause";
    Quit, "Quit", "Quitter";
    Rate, "Rate", "Cadence";
    Reconnecting, "Reconnecting", "Reconnexion";
    Remember, "Remember my answer", "Retenir ma réponse";
    House, "House", "Maison";
    ModeHome, "Home", "Présent";
    ModeHomeHow, "Cameras can be watched, and record only when somebody asks.", "Les caméras sont visibles, et n’enregistrent que sur demande.";
    ModeAway, "Away", "Absent";
    ModeAwayHow, "Everything records as it is set up.", "Tout enregistre comme prévu.";
    ModePrivacy, "Privacy", "Vie privée";
    ModePrivacyHow, "Every camera is really off.", "Toutes les caméras sont vraiment éteintes.";
    ModeNotKept, "This could not be written down, and holds until AtHome ends.", "Cela n’a pas pu être noté et tient jusqu’à l’arrêt d’AtHome.";
    NotYou, "Not you? Remove", "Ce n’est pas vous\u{202f}? Retirer";
    Remove, "Remove {device}", "Retirer {device}";
    RemoveAsk, "Remove {device}? Its picture stops now. It needs a new code to come back.", "Retirer {device}\u{202f}? Son image s’arrête maintenant. Il lui faudra un nouveau code pour revenir.";
    RemoveYes, "Remove", "Retirer";
    Removed, "{device} was removed.", "{device} a été retiré.";
    Resume, "Resume", "Reprendre";
    ResumeOf, "Resume {cam}", "Reprendre {cam}";
    SavedNot, "Changed until the next start: no configuration file names this camera.", "Changé jusqu’au prochain démarrage\u{a0}: aucun fichier de configuration ne nomme cette caméra.";
    Size, "Size", "Taille";
    Stale, "Not live · picture from {age} ago", "Pas en direct · image d’il y a {age}";
    StaleClock, "Not live · picture from {time}", "Pas en direct · image de {time}";
    Starting, "Starting", "Démarrage";
    StateLive, "Live", "En direct";
    TestCard, "Test card", "Mire";
    Theme, "Colours", "Couleurs";
    ThemeDark, "Dark", "Sombre";
    ThemeLight, "Light", "Clair";
    ThemeSystem, "As the system", "Comme le système";
    TrayIdle, "Nobody is watching", "Personne ne regarde";
    TrayNoneShort, "This desktop has no tray, so closing the window can’t leave AtHome there.", "Ce bureau n’a pas de barre système\u{a0}: AtHome ne peut pas y rester une fois la fenêtre fermée.";
    TrayPaused, "All cameras are paused", "Toutes les caméras sont en pause";
    TrayTrouble, "{cam} gives no picture", "{cam} ne donne pas d’image";
    Trouble, "No picture", "Pas d’image";
    WatchesNow, "watching now", "regarde en ce moment";
    WatchingMany, "{n} watching: {names}", "{n} regardent\u{a0}: {names}";
    WatchingNow, "Watching now", "Regardent en ce moment";
    WatchingOne, "1 watching: {names}", "1 regarde\u{a0}: {names}";
    WindowFailed, "A part of the window failed and was made anew. The pictures for others go on.", "Une partie de la fenêtre a échoué et a été refaite. Les images des autres continuent.";
}

impl Label {
    /// The text with its marks unfilled.
    pub fn text(self, lang: Lang) -> &'static str {
        let (english, french) = self.both();
        match lang {
            Lang::English => english,
            Lang::French => french,
        }
    }

    /// The text with each `{name}` replaced by its value.
    pub fn with(self, lang: Lang, values: &[(&str, &str)]) -> String {
        let mut text = self.text(lang).to_owned();
        for (name, value) in values {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Label, Lang};

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
    }

    #[test]
    fn both_languages_say_the_same_in_at_most_twenty_five_words() {
        for label in Label::ALL {
            let (english, french) = label.both();
            assert_eq!(places(english), places(french), "{label:?}");
            for text in [english, french] {
                assert!(!text.is_empty() && text.split(' ').count() <= 25, "{label:?}: {text:?}");
                assert!(!text.contains('\''), "{label:?}: straight apostrophe in {text:?}");
            }
        }
    }

    #[test]
    fn french_has_its_own_typography() {
        for label in Label::ALL {
            let chars: Vec<char> = label.text(Lang::French).chars().collect();
            for (at, c) in chars.iter().enumerate().filter(|(_, c)| matches!(**c, ';' | '?' | '!' | ':')) {
                let before = at.checked_sub(1).and_then(|at| chars.get(at));
                let wanted = if *c == ':' { '\u{a0}' } else { '\u{202f}' };
                assert_eq!(before, Some(&wanted), "{label:?}");
            }
        }
    }

    #[test]
    fn marks_are_filled() {
        assert_eq!(Label::CodeUsed.with(Lang::English, &[("device", "A"), ("time", "14:03")]), "Used by A, 14:03.");
    }
}
