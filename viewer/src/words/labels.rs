//! What stands on buttons, headings and figures, in English and French. Keys are the page's where both say the same; a
//! test reads the page's tables and compares. `{name}` marks are filled in by [`Label::with`].

macro_rules! labels {
    ($table:ident; $($name:ident, $key:literal, $en:literal, $fr:literal;)*) => {
        /// A short text of the window's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $table {
            $($name,)*
        }

        impl $table {
            /// Every one of them, with its key.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$name, $key),)*];

            fn both(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$name => ($en, $fr),)*
                }
            }

            /// The text.
            pub fn text(self, lang: $crate::words::Lang) -> String {
                let (en, fr) = self.both();
                match lang {
                    $crate::words::Lang::En => en.to_owned(),
                    $crate::words::Lang::Fr => fr.to_owned(),
                    #[cfg(test)]
                    $crate::words::Lang::Pseudo => $crate::words::pseudo(en),
                }
            }

            /// The text with its marks filled in.
            pub fn with(self, lang: $crate::words::Lang, marks: &[(&str, &str)]) -> String {
                let mut text = self.text(lang);
                for (mark, value) in marks {
                    text = text.replace(&format!("{{{mark}}}"), value);
                }
                text
            }
        }
    };
}
pub(super) use labels;

labels! { Label;
    Add, "add", "Add a camera", "Ajouter une caméra";
    AllCameras, "grid", "All cameras", "Toutes les caméras";
    Back, "back", "One step back", "Revenir en arrière";
    Cameras, "cameras", "Cameras", "Caméras";
    Cancel, "cancel", "Cancel", "Annuler";
    CapArrows, "cap_arrows", "Arrows", "Flèches";
    CapEnd, "cap_end", "End", "Fin";
    CapSpace, "cap_space", "Space", "Espace";
    CapShiftArrows, "cap_shift_arrows", "Shift + arrows", "Maj + flèches";
    Clear, "clear", "Take out of the grid", "Retirer de la grille";
    Close, "close", "Close", "Fermer";
    Copied, "copied", "Copied", "Copié";
    Copy, "copy", "Copy", "Copier";
    Dark, "dark", "Dark", "Sombre";
    Empty, "empty", "Empty place", "Place vide";
    EmptyHow, "empty_how", "Choose a camera from the list to show it here.", "Choisissez une caméra dans la liste pour l’afficher ici.";
    Enlarge, "enlarge", "Enlarge {cam}", "Agrandir {cam}";
    Folder, "folder", "Pictures and recordings go to", "Images et vidéos vont dans";
    FolderChange, "folder_change", "Choose a folder", "Choisir un dossier";
    Forget, "forget_place", "Forget {place}", "Oublier {place}";
    ForgetAsk, "forget_ask", "Forget {place} on this device? Its cameras go from the list. Coming back needs a new code.", "Oublier {place} sur cet appareil\u{202f}? Ses caméras quittent la liste. Il faudra un nouveau code pour revenir.";
    ForgetYes, "forget_yes", "Forget", "Oublier";
    FullOff, "full_off", "Leave full screen", "Quitter le plein écran";
    FullOn, "full", "Full screen", "Plein écran";
    Good, "good", "Good: {path}, {age}", "Bon\u{a0}: {path}, {age}";
    HopCapture, "hop_capture", "capture", "capture";
    HopDecode, "hop_decode", "decode", "décodage";
    HopEncode, "hop_encode", "encode", "codage";
    HopNetwork, "hop_network", "network", "réseau";
    HopSend, "hop_send", "send", "envoi";
    HopShow, "hop_show", "show", "affichage";
    HopTotal, "hop_total", "total", "total";
    ImageHow, "image_how", "Or open a picture of the code.", "Ou ouvrez une image du code.";
    ImageOpen, "image_open", "Open a picture", "Ouvrir une image";
    KeyArrows, "key_arrows", "Move in the zoomed picture", "Se déplacer dans l’image agrandie";
    KeyCamera, "key_camera", "Camera 1 to 9", "Caméra 1 à 9";
    KeyPlace, "key_place", "Move to another place", "Changer de place";
    Keys, "keys", "Keys", "Touches";
    KeysSingle, "keys_single", "Single keys", "Touches simples";
    Keystore, "keystore", "Keys are kept", "Les clés sont gardées";
    KeystoreFile, "keystore_file", "in a file that only you can read", "dans un fichier que vous seul pouvez lire";
    KeystoreSystem, "keystore_system", "in the system’s keystore", "dans le trousseau du système";
    Language, "language", "Language", "Langue";
    LanguageSystem, "language_system", "As the system", "Comme le système";
    LayoutOf, "layout_of", "Grid of {n}", "Grille de {n}";
    Light, "light", "Light", "Clair";
    Link, "home_link", "Link from the camera's computer", "Lien donné par l’ordinateur de la caméra";
    LinkHow, "link_how", "Press l at the camera’s computer, copy the link, and paste it here.", "Appuyez sur l à l’ordinateur de la caméra, copiez le lien et collez-le ici.";
    Mbit, "mbit", "{n} Mbit/s", "{n} Mbit/s";
    MoveDown, "move_down", "Move down", "Vers le bas";
    MoveLeft, "move_left", "Move left", "Vers la gauche";
    MoveRight, "move_right", "Move right", "Vers la droite";
    MoveUp, "move_up", "Move up", "Vers le haut";
    Ms, "ms", "{n} ms", "{n} ms";
    Name, "device_name", "This device’s name there", "Nom de cet appareil là-bas";
    NoPicture, "no_picture", "No picture at the moment", "Pas d’image pour le moment";
    NoSound, "no_sound", "This camera has no sound", "Cette caméra n’a pas de son";
    NotifyOn, "notify", "Tell me when a camera goes away", "Me prévenir quand une caméra disparaît";
    Off, "off", "Off", "Non";
    On, "on", "On", "Oui";
    Options, "options", "Settings", "Réglages";
    Pair, "pair", "Pair", "Associer";
    Pairing, "pairing", "Pairing…", "Association…";
    PanelFailed, "panel_failed", "This part of the window failed. AtHome draws it again; the cameras go on.", "Cette partie de la fenêtre a échoué. AtHome la redessine\u{202f}; les caméras continuent.";
    Paste, "paste", "Paste", "Coller";
    PathDirect, "path_host", "direct", "direct";
    PathRelay, "path_relay", "through the relay", "par le relais";
    PathSrflx, "path_srflx", "direct, through the internet", "direct, par internet";
    PathUnknown, "path_unknown", "path unknown", "chemin inconnu";
    PlaceMenu, "place_menu", "Place of {cam}", "Place de {cam}";
    Record, "record", "Record", "Enregistrer la vidéo";
    ModeHome, "mode_home", "Home", "Présent";
    ModeAway, "mode_away", "Away", "Absent";
    ModePrivacy, "mode_privacy", "Privacy", "Vie privée";
    ModeOf, "mode_of", "{place}: {mode}", "{place}\u{a0}: {mode}";
    ModeHow, "mode_how", "Home: nothing records by itself. Away: everything as it is set up. Privacy: every camera is really off.", "Présent\u{a0}: rien n’enregistre tout seul. Absent\u{a0}: tout comme prévu. Vie privée\u{a0}: chaque caméra est vraiment éteinte.";
    StatePrivacy, "state_privacy", "Privacy is on: really off", "Vie privée\u{a0}: vraiment éteinte";
    Motion, "motion", "Motion", "Mouvement";
    BellOn, "bell_on", "Tell me when something moves here", "Me prévenir quand quelque chose bouge ici";
    BellOff, "bell_off", "No more notifications of movement here", "Ne plus me prévenir des mouvements ici";
    RecordStop, "record_stop", "Stop recording", "Arrêter la vidéo";
    Recording, "recording", "Recording", "Enregistrement";
    Rename, "rename", "Rename", "Renommer";
    Save, "save", "Save", "Enregistrer";
    Slow, "slow", "Slow: {path}, {age}", "Lent\u{a0}: {path}, {age}";
    Snapshot, "snapshot", "Save picture", "Enregistrer l’image";
    SoundOff, "sound_off", "Turn sound off", "Couper le son";
    SoundOn, "sound_on", "Turn sound on", "Activer le son";
    StFps, "st_fps", "Pictures a second", "Images par seconde";
    StFreezes, "st_freezes", "Freezes", "Arrêts";
    StLoss, "st_loss", "Lost packets", "Paquets perdus";
    StRate, "st_rate", "Rate", "Débit";
    StRound, "st_round", "Round trip", "Aller-retour";
    StSize, "st_size", "Size", "Taille";
    StaleClock, "stale_clock", "Not live · picture from {time}", "Pas en direct · image de {time}";
    StateConnecting, "state_connecting", "Connecting", "Connexion";
    StateLive, "state_live", "Live", "En direct";
    StatePaused, "state_paused", "Paused", "En pause";
    StateReconnecting, "state_reconnecting", "Reconnecting", "Reconnexion";
    StateTrouble, "state_trouble", "No picture", "Pas d’image";
    StateWaiting, "state_waiting", "Away", "Absent";
    Stats, "stats", "Connection", "Connexion";
    ThemeName, "theme", "Colours", "Couleurs";
    ThemeSystem, "theme_system", "As the system", "Comme le système";
    TryAgain, "try_again", "Try again", "Réessayer";
    Volume, "volume", "Volume", "Volume";
    Watching, "watching", "{n} watching: {names}", "{n} regardent\u{a0}: {names}";
    WatchingOne, "watching_one", "{n} watching: {names}", "{n} regarde\u{a0}: {names}";
    Webcam, "webcam", "Show the code to the webcam", "Montrer le code à la webcam";
    WebcamHow, "webcam_how", "Hold the code before the webcam.", "Tenez le code devant la webcam.";
    WebcamStop, "webcam_stop", "Switch the webcam off", "Éteindre la webcam";
    Welcome, "welcome", "No camera is paired with this device yet.", "Aucune caméra n’est encore associée à cet appareil.";
    ZoomIn, "zoom_in", "Zoom in", "Zoom avant";
    ZoomOut, "zoom_out", "Zoom out", "Zoom arrière";
    ZoomReset, "zoom_reset", "Zoom {zoom}, back to the whole picture", "Zoom {zoom}, revenir à l’image entière";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::Label;
    use crate::words::Lang;
    use crate::words::past::Word;

    /// The lines `key: 'text',` of one of the page's tables.
    fn page(file: &str) -> BTreeMap<String, String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web-viewer/src/words").join(file);
        let text = std::fs::read_to_string(path).unwrap();
        let mut table = BTreeMap::new();
        for line in text.lines().take_while(|line| !line.starts_with("};")) {
            let Some((key, value)) = line.trim().split_once(": ") else { continue };
            let value = value.trim_end_matches(',');
            if value.len() < 2 || !value.starts_with(['\'', '"']) {
                continue;
            }
            let value = value[1..value.len() - 1].replace("\\u202f", "\u{202f}").replace("\\u00a0", "\u{a0}");
            table.insert(key.to_owned(), value);
        }
        table
    }

    #[test]
    fn page_and_window_use_the_same_words() {
        // Some of the page's words are loaded with what they are said of.
        let with = |file: &str, later: &str| page(later).into_iter().chain(page(file)).collect::<BTreeMap<_, _>>();
        let (en, fr) = (with("en.ts", "panel-en.ts"), with("fr.ts", "panel-fr.ts"));
        let mut shared = 0;
        for (label, key) in Label::ALL {
            if let (Some(en), Some(fr)) = (en.get(*key), fr.get(*key)) {
                assert_eq!(label.text(Lang::En), *en, "{key}");
                assert_eq!(label.text(Lang::Fr), *fr, "{key}");
                shared += 1;
            }
        }
        assert!(shared >= 40, "only {shared} keys are shared: was a table read?");
        // What is said of the past may be beside the rest.
        let beside = |file| {
            if Path::new(env!("CARGO_MANIFEST_DIR")).join("../web-viewer/src/words").join(file).exists() {
                page(file)
            } else {
                BTreeMap::new()
            }
        };
        let (en_past, fr_past) = (beside("past-en.ts"), beside("past-fr.ts"));
        for (word, key) in Word::ALL {
            let [en, fr] = [(&en_past, &en), (&fr_past, &fr)].map(|(past, all)| past.get(*key).or(all.get(*key)));
            if let (Some(en), Some(fr)) = (en, fr) {
                let plain = |text: &str| text.replace("can\\u2019t", "can't").replace('\u{a0}', " ");
                assert_eq!(plain(&word.text(Lang::En)), plain(en), "{key}");
                assert_eq!(plain(&word.text(Lang::Fr)), plain(fr), "{key}");
            }
        }
        assert!(!en.contains_key("tap_sound_x") && en["tap_sound"] != Label::SoundOn.text(Lang::En));
    }

    #[test]
    fn keys_are_unique_and_marks_are_the_same_in_both_languages() {
        let mut seen = std::collections::BTreeSet::new();
        let labels = Label::ALL.iter().map(|(label, key)| (key, label.text(Lang::En), label.text(Lang::Fr)));
        let words = Word::ALL.iter().map(|(word, key)| (key, word.text(Lang::En), word.text(Lang::Fr)));
        // The past has a table of its own, in the page too.
        let words: Vec<_> = labels.map(|row| ("", row)).chain(words.map(|row| ("past", row))).collect();
        for (table, (key, en, fr)) in words {
            assert!(seen.insert((table, *key)), "{key} is there twice");
            let marks = |text: &str| {
                let mut marks: Vec<String> =
                    text.split('{').skip(1).map(|s| s.split('}').next().unwrap_or_default().to_owned()).collect();
                marks.sort();
                marks
            };
            assert_eq!(marks(&en), marks(&fr), "{key}");
            assert!(!fr.contains('\''), "straight apostrophe: {fr}");
            assert!(!fr.contains(" :") && !fr.contains(" ;") && !fr.contains(" ?"), "plain space: {fr}");
            assert!(en.split_whitespace().count() <= 25 && fr.split_whitespace().count() <= 25, "{key}");
        }
    }
}
