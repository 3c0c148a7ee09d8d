//! What a person reads, in one table: each sentence in English and French. Nothing else in this crate holds a sentence
//! for people; keys are those of the page's table where both say the same thing.

mod camera;
pub mod labels;

pub use labels::Label;

/// A language of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    En,
    Fr,
    /// Every letter replaced, to see whether anything on the screen comes from elsewhere.
    #[cfg(test)]
    Pseudo,
}

impl Lang {
    /// The system's language; English where the table has no other.
    pub fn of_system() -> Self {
        sys_locale::get_locale().map_or(Self::En, |locale| Self::of_tag(&locale))
    }

    /// The decimal mark.
    pub fn decimal(self) -> char {
        if self == Self::Fr { ',' } else { '.' }
    }

    /// By a language tag such as `fr-CH` or `fr_FR.UTF-8`.
    pub fn of_tag(tag: &str) -> Self {
        let primary = tag.split(['-', '_', '.']).next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("fr") { Self::Fr } else { Self::En }
    }
}

/// Something to say, with what goes into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sentence {
    Finding,
    Proving,
    Path,
    Relay,
    /// A picture is shown; how old it is in milliseconds.
    Live {
        age_ms: u64,
    },
    Stale {
        age_ms: u64,
    },
    Lost {
        attempt: u32,
    },
    OfflineServer,
    /// The signaling server can't be reached at all.
    OfflineMe {
        retry_s: u64,
    },
    NoPath,
    LinkIncomplete,
    /// A link of a newer format than this program knows.
    LinkTooNew,
    CodeUsed {
        device: String,
    },
    CodeExpired,
    /// Nothing answers where the link points to.
    CodeUnknown,
    Removed {
        owner: String,
    },
    GuestEnded,
    Tampered,
    OldViewer,
    OldCamera,
    Replaced,
    Stopping,
    Busy {
        count: u32,
        retry_s: u32,
    },
    Paired {
        place: String,
    },
    CameraUnknown {
        camera: String,
        known: String,
    },
    CameraGone {
        camera: String,
    },
    CameraRetry {
        camera: String,
        retry_s: u32,
    },
    CameraAuth {
        camera: String,
    },
    NoCamera,
    NotPaired,
    WhichPlace {
        places: String,
    },
    PlaceUnknown {
        place: String,
        places: String,
    },
    Protocol,
    NoPicture {
        seconds: u64,
    },
    NothingRecorded {
        camera: String,
    },
    MayNotLookBack,
    NoDisplay,
    CameraBusy {
        camera: String,
    },
    CameraStalled {
        camera: String,
    },
    CameraFormat {
        camera: String,
    },
    CameraFile {
        camera: String,
    },
    CameraStarting {
        camera: String,
    },
    CameraStopped {
        camera: String,
    },
    Recorded {
        file: String,
    },
    LinkUnreadable {
        from: String,
    },
    NoSpeaker {
        detail: String,
    },
    FileUnwritable {
        path: String,
        detail: String,
    },
    /// A decoder crashed and was replaced.
    DecoderCrashed {
        camera: String,
    },
    /// The graphics driver lost the window, which was opened again.
    GraphicsBack,
    /// It loses it again and again.
    GraphicsGone,
    CameraAway {
        camera: String,
        place: String,
    },
    CameraBack {
        camera: String,
        place: String,
    },
    CameraMoves {
        camera: String,
        place: String,
    },
    NoNotifications,
    SnapshotSaved {
        file: String,
    },
    NoSnapshot {
        camera: String,
    },
    RecordingSaved {
        file: String,
    },
    Forgotten {
        place: String,
    },
    NoCodeInImage,
    NoImage,
    NoWebcam,
    LinkLeaves,
    ScanBusy,
    SettingsAside {
        file: String,
    },
    AlreadyOpen,
    /// The file of pairings is sealed, and its key is gone from the keystore.
    KeyMissing {
        path: String,
    },
    /// The keystore is locked, absent or silent.
    KeystoreSilent,
    StoreUnusable {
        path: String,
        detail: String,
    },
}

impl Sentence {
    /// The sentence, ready to print.
    pub fn text(&self, lang: Lang) -> String {
        match lang {
            Lang::En => self.english(),
            Lang::Fr => self.french(),
            #[cfg(test)]
            Lang::Pseudo => pseudo(&self.english()),
        }
    }

    fn english(&self) -> String {
        match self {
            Self::Finding => "Looking for your camera…".into(),
            Self::Proving => "Checking that it is really yours…".into(),
            Self::Path => "Finding the best path…".into(),
            Self::Relay => "No direct path; trying the relay, still encrypted.".into(),
            Self::Live { age_ms } => format!("Live · {}", age(*age_ms, '.')),
            Self::Stale { age_ms } => format!("Not live · picture from {} ago", age(*age_ms, '.')),
            Self::Lost { attempt } => format!("Connection lost. Reconnecting by itself, try {attempt}."),
            Self::OfflineServer => {
                "The camera's computer is off or has no internet. It will appear here when it is back.".into()
            }
            Self::OfflineMe { retry_s } => {
                format!(
                    "The server that introduces the camera can't be reached. Check this device's network; next try in {retry_s} s."
                )
            }
            Self::NoPath => "No path could be found. A relay would fix this; the owner can switch one on.".into(),
            Self::LinkIncomplete => "This link is incomplete. Scan the code again, or copy the whole link.".into(),
            Self::LinkTooNew => "This link is for a newer AtHome. Update this program, then try it again.".into(),
            Self::CodeUsed { device } => {
                format!("This code was already used, by {device}. Ask for a new one.")
            }
            Self::CodeExpired => "This code has expired. At the computer, press p for a new one.".into(),
            Self::CodeUnknown => {
                "No camera waits for this code. Check that its computer is on, or ask for a new code.".into()
            }
            Self::Removed { owner } => {
                format!("{owner} removed this device. Ask for a new code if that was a mistake.")
            }
            Self::GuestEnded => "Your guest access ended. Ask for a new code.".into(),
            Self::Tampered => {
                "Messages were changed on the way. AtHome stopped, and shows nothing it can't trust.".into()
            }
            Self::OldViewer => "This program is older than the camera. Update it.".into(),
            Self::OldCamera => "This camera is older than the program. Update it.".into(),
            Self::Replaced => "This device opened the camera a second time. Close one of the two.".into(),
            Self::Stopping => "The camera's computer is stopping. It will appear here when it is back.".into(),
            Self::Busy { count, retry_s } => {
                let people = if *count == 1 { "person is" } else { "people are" };
                format!("{count} {people} watching, the most this computer allows. Trying again in {retry_s} s.")
            }
            Self::Paired { place } => {
                format!("This device is now paired with {place}. No code is needed next time.")
            }
            Self::CameraUnknown { camera, known } => {
                format!("There is no camera {camera} here. Choose one of: {known}.")
            }
            Self::CameraGone { camera } => {
                format!("{camera} was unplugged. It comes back by itself when plugged in.")
            }
            Self::CameraRetry { camera, retry_s } => {
                format!("{camera} does not answer. Next try in {retry_s} s.")
            }
            Self::CameraAuth { camera } => {
                format!("{camera} refused the user name or password. Change them in its settings.")
            }
            Self::NoCamera => "No camera is set up there yet. Add one at the computer.".into(),
            Self::NotPaired => "No camera is paired with this device yet. Give a link with --link -.".into(),
            Self::WhichPlace { places } => {
                format!("Several places are paired. Choose one with --place: {places}.")
            }
            Self::PlaceUnknown { place, places } => {
                format!("No paired place is called {place}. Choose one with --place: {places}.")
            }
            Self::Protocol => "The camera sent something this program does not understand. Update both.".into(),
            Self::NoPicture { seconds } => {
                format!("No picture came within {seconds} s. Check the camera at its computer.")
            }
            Self::NothingRecorded { camera } => {
                format!("Nothing was recorded of {camera} then, nor later.")
            }
            Self::MayNotLookBack => "This device may not look back. Ask for a code with that right.".into(),
            Self::NoDisplay => "No window can be opened here. Start AtHome on a desktop, or use --headless.".into(),
            Self::CameraBusy { camera } => {
                format!("Another program uses {camera}. Close it there; AtHome keeps trying.")
            }
            Self::CameraStalled { camera } => {
                format!("{camera} stopped sending pictures. AtHome restarts it by itself.")
            }
            Self::CameraFormat { camera } => format!("{camera} offers no picture format that AtHome can use."),
            Self::CameraFile { camera } => {
                format!("The file of {camera} can't be read, or holds no video that AtHome knows.")
            }
            Self::CameraStarting { camera } => format!("{camera} is starting."),
            Self::CameraStopped { camera } => format!("{camera} is paused at the computer."),
            Self::Recorded { file } => {
                format!("{file} holds the video and sound as they came (MP4).")
            }
            Self::LinkUnreadable { from } => {
                format!("The link could not be read from {from}. Give a file, or - and paste it.")
            }
            Self::NoSpeaker { detail } => {
                format!("No loudspeaker can be used ({detail}). Choose one in the system’s sound settings.")
            }
            Self::FileUnwritable { path, detail } => {
                format!("{path} can't be written: {detail}. Choose another file.")
            }
            Self::DecoderCrashed { camera } => {
                format!("The decoder of {camera} crashed. A new one has taken over; the picture comes back by itself.")
            }
            Self::GraphicsBack => {
                "The graphics driver was lost, so the window was opened anew. Recordings and sound went on.".to_owned()
            }
            Self::GraphicsGone => {
                "The graphics driver fails again and again. Update it or restart the computer, then open AtHome again."
                    .to_owned()
            }
            Self::CameraAway { camera, place } => {
                format!("{camera} at {place} has given no picture for a while. AtHome keeps trying.")
            }
            Self::CameraBack { camera, place } => format!("{camera} at {place} is live again."),
            Self::CameraMoves { camera, place } => format!("Something moves at {camera}, {place}."),
            Self::NoNotifications => {
                "This desktop shows no notifications. Keep the window in view to see when a camera goes away.".into()
            }
            Self::SnapshotSaved { file } => format!("Picture saved: {file}"),
            Self::NoSnapshot { camera } => format!("{camera} gives no picture now. Try again when it is live."),
            Self::RecordingSaved { file } => format!("Recording saved: {file}"),
            Self::Forgotten { place } => format!("{place} is forgotten on this device. A new code brings it back."),
            Self::NoCodeInImage => {
                "There is no AtHome code in this picture. Try one where the whole code is sharp.".into()
            }
            Self::NoImage => "This file is no picture that can be read. PNG, JPEG and WebP work.".into(),
            Self::NoWebcam => {
                "The webcam gives no picture. Is another program using it? Paste the link instead.".into()
            }
            Self::LinkLeaves => "The link leaves the clipboard in 60 seconds, so that no other program finds it.".into(),
            Self::ScanBusy => "Another picture is still being searched. Try this one again in a moment.".into(),
            Self::SettingsAside { file } => {
                format!("The window’s settings could not be read. They are kept in {file}; the usual ones are in use.")
            }
            Self::AlreadyOpen => {
                "AtHome is open already and does not answer. Close it there, then start it again.".into()
            }
            Self::KeyMissing { path } => format!(
                "The key to the pairings in {path} is no longer in the system’s keystore. Restore it, or move that file away and pair again."
            ),
            Self::KeystoreSilent => {
                "The system’s keystore gives no key to your pairings. Unlock it, then start AtHome again; nothing is lost."
                    .into()
            }
            Self::StoreUnusable { path, detail } => {
                format!("The pairings in {path} can't be used: {detail}. Repair or move that file.")
            }
        }
    }

    fn french(&self) -> String {
        match self {
            Self::Finding => "Recherche de votre caméra…".into(),
            Self::Proving => "Vérification que c’est bien la vôtre…".into(),
            Self::Path => "Recherche du meilleur chemin…".into(),
            Self::Relay => "Pas de chemin direct\u{202f}; essai par le relais, toujours chiffré.".into(),
            Self::Live { age_ms } => format!("En direct · {}", age(*age_ms, ',')),
            Self::Stale { age_ms } => format!("Pas en direct · image d’il y a {}", age(*age_ms, ',')),
            Self::Lost { attempt } => format!("Connexion perdue. Reconnexion automatique, essai {attempt}."),
            Self::OfflineServer => "L’ordinateur de la caméra est éteint ou sans internet. Il réapparaîtra ici.".into(),
            Self::OfflineMe { retry_s } => format!(
                "Le serveur qui présente la caméra est injoignable. Vérifiez le réseau de cet appareil\u{202f}; nouvel essai dans {retry_s} s."
            ),
            Self::NoPath => {
                "Aucun chemin trouvé. Un relais réglerait cela\u{202f}; le propriétaire peut en activer un.".into()
            }
            Self::LinkIncomplete => {
                "Ce lien est incomplet. Scannez de nouveau le code ou copiez le lien entier.".into()
            }
            Self::LinkTooNew => {
                "Ce lien est destiné à un AtHome plus récent. Mettez ce programme à jour, puis réessayez.".into()
            }
            Self::CodeUsed { device } => {
                format!("Ce code a déjà servi, pour {device}. Demandez-en un nouveau.")
            }
            Self::CodeExpired => "Ce code a expiré. Sur l’ordinateur, appuyez sur p pour en avoir un nouveau.".into(),
            Self::CodeUnknown => {
                "Aucune caméra n’attend ce code. Vérifiez que son ordinateur est allumé, ou demandez un nouveau code."
                    .into()
            }
            Self::Removed { owner } => {
                format!("{owner} a retiré cet appareil. Demandez un nouveau code si c’est une erreur.")
            }
            Self::GuestEnded => "Votre accès invité a pris fin. Demandez un nouveau code.".into(),
            Self::Tampered => {
                "Des messages ont été modifiés en route. AtHome s’est arrêté et ne montre rien de douteux.".into()
            }
            Self::OldViewer => "Ce programme est plus ancien que la caméra. Mettez-le à jour.".into(),
            Self::OldCamera => "Cette caméra est plus ancienne que le programme. Mettez-la à jour.".into(),
            Self::Replaced => "Cet appareil a ouvert la caméra une deuxième fois. Fermez l’une des deux.".into(),
            Self::Stopping => "L’ordinateur de la caméra s’arrête. Il réapparaîtra ici.".into(),
            Self::Busy { count, retry_s } => {
                let people = if *count <= 1 { "personne regarde" } else { "personnes regardent" };
                format!("{count} {people}, le maximum de cet ordinateur. Nouvel essai dans {retry_s} s.")
            }
            Self::Paired { place } => format!("Cet appareil est associé à {place}. Plus besoin de code."),
            Self::CameraUnknown { camera, known } => {
                format!("Il n’y a pas de caméra {camera} ici. Choisissez parmi\u{a0}: {known}.")
            }
            Self::CameraGone { camera } => {
                format!("{camera} est débranchée. Elle revient d’elle-même une fois rebranchée.")
            }
            Self::CameraRetry { camera, retry_s } => {
                format!("{camera} ne répond pas. Prochain essai dans {retry_s} s.")
            }
            Self::CameraAuth { camera } => {
                format!("{camera} refuse le nom ou le mot de passe. Changez-les dans ses réglages.")
            }
            Self::NoCamera => "Aucune caméra n’y est encore installée. Ajoutez-en une sur l’ordinateur.".into(),
            Self::NotPaired => {
                "Aucune caméra n’est encore associée à cet appareil. Donnez un lien avec --link -.".into()
            }
            Self::WhichPlace { places } => {
                format!("Plusieurs lieux sont associés. Choisissez avec --place\u{a0}: {places}.")
            }
            Self::PlaceUnknown { place, places } => {
                format!("Aucun lieu associé ne s’appelle {place}. Choisissez avec --place\u{a0}: {places}.")
            }
            Self::Protocol => {
                "La caméra a envoyé quelque chose que ce programme ne comprend pas. Mettez les deux à jour.".into()
            }
            Self::NoPicture { seconds } => {
                format!("Aucune image n’est arrivée en {seconds} s. Vérifiez la caméra sur son ordinateur.")
            }
            Self::NothingRecorded { camera } => {
                format!("Rien n’a été enregistré de {camera} à ce moment, ni après.")
            }
            Self::MayNotLookBack => {
                "Cet appareil n’a pas le droit de revenir en arrière. Demandez un code qui le donne.".into()
            }
            Self::NoDisplay => {
                "Aucune fenêtre ne peut s’ouvrir ici. Lancez AtHome sur un bureau, ou avec --headless.".into()
            }
            Self::CameraBusy { camera } => {
                format!("Un autre programme utilise {camera}. Fermez-le\u{202f}; AtHome réessaie.")
            }
            Self::CameraStalled { camera } => {
                format!("{camera} n’envoie plus d’images. AtHome la redémarre tout seul.")
            }
            Self::CameraFormat { camera } => {
                format!("{camera} ne propose aucun format d’image utilisable par AtHome.")
            }
            Self::CameraFile { camera } => {
                format!("Le fichier de {camera} est illisible, ou sa vidéo est inconnue d’AtHome.")
            }
            Self::CameraStarting { camera } => format!("{camera} démarre."),
            Self::CameraStopped { camera } => format!("{camera} est en pause sur l’ordinateur."),
            Self::Recorded { file } => {
                format!("{file} contient la vidéo et le son tels quels (MP4).")
            }
            Self::LinkUnreadable { from } => {
                format!("Le lien n’a pas pu être lu depuis {from}. Donnez un fichier, ou - et collez-le.")
            }
            Self::NoSpeaker { detail } => {
                format!("Aucun haut-parleur utilisable ({detail}). Choisissez-en un dans les réglages du son.")
            }
            Self::FileUnwritable { path, detail } => {
                format!("Impossible d’écrire {path}\u{a0}: {detail}. Choisissez un autre fichier.")
            }
            Self::DecoderCrashed { camera } => {
                format!("Le décodeur de {camera} s’est arrêté. Un autre a pris le relais\u{202f}; l’image revient d’elle-même.")
            }
            Self::GraphicsBack => {
                "Le pilote graphique a été perdu, la fenêtre a été rouverte. Les enregistrements et le son ont continué.".to_owned()
            }
            Self::GraphicsGone => {
                "Le pilote graphique échoue sans cesse. Mettez-le à jour ou redémarrez l’ordinateur, puis rouvrez AtHome.".to_owned()
            }
            Self::CameraAway { camera, place } => {
                format!("{camera} ({place}) ne donne plus d’image. AtHome continue d’essayer.")
            }
            Self::CameraBack { camera, place } => format!("{camera} ({place}) est de nouveau en direct."),
            Self::CameraMoves { camera, place } => format!("Quelque chose bouge\u{a0}: {camera} ({place})."),
            Self::NoNotifications => {
                "Ce bureau n’affiche pas de notifications. Gardez la fenêtre en vue pour voir si une caméra disparaît."
                    .into()
            }
            Self::SnapshotSaved { file } => format!("Image enregistrée\u{a0}: {file}"),
            Self::NoSnapshot { camera } => {
                format!("{camera} ne donne pas d’image. Réessayez quand elle sera en direct.")
            }
            Self::RecordingSaved { file } => format!("Vidéo enregistrée\u{a0}: {file}"),
            Self::Forgotten { place } => {
                format!("{place} est oublié sur cet appareil. Un nouveau code le fera revenir.")
            }
            Self::NoCodeInImage => {
                "Aucun code AtHome dans cette image. Essayez-en une où le code entier est net.".into()
            }
            Self::NoImage => "Ce fichier n’est pas une image lisible. PNG, JPEG et WebP conviennent.".into(),
            Self::NoWebcam => {
                "La webcam ne donne pas d’image. Un autre programme l’utilise-t-il\u{202f}? Collez plutôt le lien."
                    .into()
            }
            Self::LinkLeaves => {
                "Le lien quittera le presse-papiers dans 60 secondes, pour qu’aucun autre programme ne le trouve.".into()
            }
            Self::ScanBusy => "Une autre image est encore examinée. Réessayez celle-ci dans un instant.".into(),
            Self::SettingsAside { file } => {
                format!(
                    "Les réglages de la fenêtre étaient illisibles. Ils restent dans {file}\u{202f}; ceux d’origine servent."
                )
            }
            Self::AlreadyOpen => "AtHome est déjà ouvert et ne répond pas. Fermez-le, puis relancez-le.".into(),
            Self::KeyMissing { path } => format!(
                "La clé des associations de {path} n’est plus dans le trousseau du système. Restaurez-la, ou déplacez ce fichier et associez de nouveau."
            ),
            Self::KeystoreSilent => {
                "Le trousseau du système ne donne pas la clé de vos associations. Déverrouillez-le, puis relancez AtHome\u{202f}; rien n’est perdu."
                    .into()
            }
            Self::StoreUnusable { path, detail } => {
                format!(
                    "Les associations de {path} sont inutilisables\u{a0}: {detail}. Réparez ou déplacez ce fichier."
                )
            }
        }
    }
}

fn age(ms: u64, decimal: char) -> String {
    athome_shared::look::fmt::age(std::time::Duration::from_millis(ms), decimal)
}

/// Letters become "ø"; `{marks}` stay.
#[cfg(test)]
fn pseudo(english: &str) -> String {
    let mut mark = false;
    let letter = |c: char| {
        mark = (mark || c == '{') && c != '}';
        if c.is_alphabetic() && !mark { 'ø' } else { c }
    };
    english.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::{Lang, Sentence, age};

    fn every_sentence() -> Vec<Sentence> {
        let s = || "Anna".to_owned();
        vec![
            Sentence::Finding,
            Sentence::Proving,
            Sentence::Path,
            Sentence::Relay,
            Sentence::Live { age_ms: 200 },
            Sentence::Stale { age_ms: 12_000 },
            Sentence::Lost { attempt: 2 },
            Sentence::OfflineServer,
            Sentence::OfflineMe { retry_s: 4 },
            Sentence::NoPath,
            Sentence::LinkIncomplete,
            Sentence::LinkTooNew,
            Sentence::CodeUsed { device: s() },
            Sentence::CodeExpired,
            Sentence::CodeUnknown,
            Sentence::Removed { owner: s() },
            Sentence::GuestEnded,
            Sentence::Tampered,
            Sentence::OldViewer,
            Sentence::OldCamera,
            Sentence::Replaced,
            Sentence::Stopping,
            Sentence::Busy { count: 16, retry_s: 5 },
            Sentence::Paired { place: s() },
            Sentence::CameraUnknown { camera: s(), known: s() },
            Sentence::CameraGone { camera: s() },
            Sentence::CameraRetry { camera: s(), retry_s: 1 },
            Sentence::CameraAuth { camera: s() },
            Sentence::NoCamera,
            Sentence::NotPaired,
            Sentence::WhichPlace { places: s() },
            Sentence::PlaceUnknown { place: s(), places: s() },
            Sentence::Protocol,
            Sentence::NoPicture { seconds: 20 },
            Sentence::NothingRecorded { camera: s() },
            Sentence::MayNotLookBack,
            Sentence::NoDisplay,
            Sentence::CameraBusy { camera: s() },
            Sentence::CameraStalled { camera: s() },
            Sentence::CameraFormat { camera: s() },
            Sentence::CameraFile { camera: s() },
            Sentence::CameraStarting { camera: s() },
            Sentence::CameraStopped { camera: s() },
            Sentence::Recorded { file: s() },
            Sentence::LinkUnreadable { from: s() },
            Sentence::NoSpeaker { detail: s() },
            Sentence::FileUnwritable { path: s(), detail: s() },
            Sentence::DecoderCrashed { camera: s() },
            Sentence::GraphicsBack,
            Sentence::GraphicsGone,
            Sentence::CameraAway { camera: s(), place: s() },
            Sentence::CameraBack { camera: s(), place: s() },
            Sentence::CameraMoves { camera: s(), place: s() },
            Sentence::NoNotifications,
            Sentence::SnapshotSaved { file: s() },
            Sentence::NoSnapshot { camera: s() },
            Sentence::RecordingSaved { file: s() },
            Sentence::Forgotten { place: s() },
            Sentence::NoCodeInImage,
            Sentence::NoImage,
            Sentence::NoWebcam,
            Sentence::LinkLeaves,
            Sentence::ScanBusy,
            Sentence::SettingsAside { file: s() },
            Sentence::AlreadyOpen,
            Sentence::KeyMissing { path: s() },
            Sentence::KeystoreSilent,
            Sentence::StoreUnusable { path: s(), detail: s() },
        ]
    }

    #[test]
    fn sentences_are_short_and_french_is_typeset_as_french() {
        for sentence in every_sentence() {
            let (en, fr) = (sentence.text(Lang::En), sentence.text(Lang::Fr));
            for text in [&en, &fr] {
                assert!(text.split_whitespace().count() <= 27, "too long: {text}");
                assert!(!text.to_lowercase().contains("error"), "{text}");
            }
            assert!(!fr.contains('\''), "straight apostrophe: {fr}");
            for (at, c) in fr.char_indices() {
                let before = fr[..at].chars().last();
                match c {
                    ';' | '?' | '!' => assert_eq!(before, Some('\u{202f}'), "{fr}"),
                    ':' => assert_eq!(before, Some('\u{a0}'), "{fr}"),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn languages_and_ages() {
        assert_eq!(Lang::of_tag("fr_CH.UTF-8"), Lang::Fr);
        assert_eq!(Lang::of_tag("C"), Lang::En);
        assert_eq!(age(230, ','), "0,2 s");
        assert_eq!(age(61_000, '.'), "61 s");
        assert_eq!(age(180_000, '.'), "3 min");
    }
}
