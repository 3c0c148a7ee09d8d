//! What became of an attempt at a network camera, in words that name what to do.

use super::Lang;

/// Why a network camera gives no picture. Nothing in it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No connection comes about.
    NoAnswer { host: String },
    /// The name leads nowhere.
    UnknownName { host: String },
    /// It lets us in and then says nothing.
    Silent,
    /// It wants to know who asks, and nobody said.
    LoginMissing,
    /// User name or password are wrong.
    LoginRefused,
    /// Nothing is at this path.
    NoPath,
    /// It serves as many as it can already.
    Crowded,
    /// A page for people.
    WebPage,
    /// One picture instead of a stream.
    OnePicture,
    /// What answers does not speak as a camera does.
    Nonsense,
    /// It speaks as a camera does, and has no picture.
    NoVideo,
    /// H.265 can't be shown yet.
    H265,
    /// Pictures of a kind that can't be used; the camera's own name for it.
    Codec { name: String },
    /// Fields instead of pictures.
    Interlaced,
    /// B-frames, where only what needs no decoding is of use.
    Reordered,
    /// Pictures of a size that nobody takes.
    TooLarge { width: u32, height: u32 },
    /// What comes can't be decoded.
    Damaged,
    /// Its certificate is of nobody whom this computer knows.
    Certificate { host: String },
    /// It sends on to another machine, which does not get the password.
    Elsewhere { host: String },
    /// `rtsps://` is not spoken.
    Secure,
}

impl Verdict {
    /// A whole sentence or two.
    pub fn say(&self, lang: Lang) -> String {
        let (english, french) = self.both();
        match lang {
            Lang::English => english,
            Lang::French => french,
        }
    }

    fn both(&self) -> (String, String) {
        let fixed = |english: &str, french: &str| (english.to_owned(), french.to_owned());
        match self {
            Self::NoAnswer { host } => (
                format!("Nothing answers at {host}. Is it on, and on this network?"),
                format!("Rien ne répond à {host}. Est-elle allumée, et sur ce réseau\u{202f}?"),
            ),
            Self::UnknownName { host } => (
                format!("There is no {host} on this network. Check the name."),
                format!("Il n’y a pas de {host} sur ce réseau. Vérifiez le nom."),
            ),
            Self::Silent => fixed(
                "It answers, but sends nothing. Is another program using it?",
                "Elle répond, mais n’envoie rien. Un autre programme l’utilise-t-il\u{202f}?",
            ),
            Self::LoginMissing => fixed(
                "It asks for a user name and a password. Give them in its settings.",
                "Elle demande un nom et un mot de passe. Donnez-les dans ses réglages.",
            ),
            Self::LoginRefused => fixed(
                "It refused the user name or password. Change them in its settings.",
                "Elle refuse le nom ou le mot de passe. Changez-les dans ses réglages.",
            ),
            Self::NoPath => fixed(
                "Let in, but no picture at this path. The camera's manual names the right one.",
                "Entrée permise, mais pas d’image à ce chemin. Le manuel de la caméra donne le bon.",
            ),
            Self::Crowded => fixed(
                "Too many watch it already. Close another program that does.",
                "Trop de monde la regarde déjà. Fermez un autre programme qui le fait.",
            ),
            Self::WebPage => fixed("This is a web page, not a camera.", "C’est une page web, pas une caméra."),
            Self::OnePicture => fixed(
                "This address gives one picture, not a stream. The camera's manual names the stream's.",
                "Cette adresse donne une seule image, pas un flux. Le manuel de la caméra donne celle du flux.",
            ),
            Self::Nonsense => fixed(
                "What answers does not speak like a camera. Check the address.",
                "Ce qui répond ne parle pas comme une caméra. Vérifiez l’adresse.",
            ),
            Self::NoVideo => fixed(
                "It answers, but has no picture at this address.",
                "Elle répond, mais n’a pas d’image à cette adresse.",
            ),
            Self::H265 => fixed(
                "It sends H.265, which AtHome can't show yet. Set the camera to H.264, or take its smaller stream.",
                "Elle envoie du H.265, que AtHome n’affiche pas encore. Réglez-la sur H.264, ou prenez son petit flux.",
            ),
            Self::Codec { name } => (
                format!("It sends {name}, which AtHome can't show. Set the camera to H.264."),
                format!("Elle envoie du {name}, que AtHome n’affiche pas. Réglez-la sur H.264."),
            ),
            Self::Interlaced => fixed(
                "Its pictures are interlaced, which AtHome can't show. Set the camera to progressive.",
                "Ses images sont entrelacées, ce que AtHome n’affiche pas. Réglez-la sur progressif.",
            ),
            Self::Reordered => fixed(
                "The small stream has B-frames. Switch them off in the camera (a profile without B).",
                "Le petit flux a des images B. Désactivez-les dans la caméra (un profil sans B).",
            ),
            Self::TooLarge { width, height } => (
                format!("Its pictures are of {width}x{height}, larger than AtHome takes. Set a smaller size."),
                format!("Ses images font {width}x{height}, plus que AtHome n’accepte. Réglez une taille plus petite."),
            ),
            Self::Damaged => fixed("Its pictures arrive damaged.", "Ses images arrivent abîmées."),
            Self::Certificate { host } => (
                format!(
                    "The certificate of {host} is not from an authority that this computer knows. Use http:// at home."
                ),
                format!(
                    "Le certificat de {host} ne vient pas d’une autorité connue de cet ordinateur. Utilisez `http://` chez vous."
                ),
            ),
            Self::Elsewhere { host } => (
                format!("It sends on to another machine, {host}. Give that address if it is yours."),
                format!("Elle renvoie à une autre machine, {host}. Donnez cette adresse si elle est à vous."),
            ),
            Self::Secure => fixed(
                "rtsps:// is not supported yet. Use rtsp:// at home.",
                "`rtsps://` n’est pas encore possible. Utilisez `rtsp://` chez vous.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict;
    use crate::words::{Lang, french_faults};

    #[test]
    fn each_verdict_is_a_sentence_in_both_languages() {
        let host = || "192.168.1.64".to_owned();
        let all = [
            Verdict::NoAnswer { host: host() },
            Verdict::UnknownName { host: host() },
            Verdict::Silent,
            Verdict::LoginMissing,
            Verdict::LoginRefused,
            Verdict::NoPath,
            Verdict::Crowded,
            Verdict::WebPage,
            Verdict::OnePicture,
            Verdict::Nonsense,
            Verdict::NoVideo,
            Verdict::H265,
            Verdict::Codec { name: "MPEG-4".to_owned() },
            Verdict::Interlaced,
            Verdict::Reordered,
            Verdict::TooLarge { width: 65_535, height: 65_535 },
            Verdict::Damaged,
            Verdict::Certificate { host: host() },
            Verdict::Elsewhere { host: host() },
            Verdict::Secure,
        ];
        for verdict in all {
            let (english, french) = (verdict.say(Lang::English), verdict.say(Lang::French));
            assert_ne!(english, french, "{verdict:?}");
            assert_eq!(french_faults(&french), Vec::<String>::new(), "{verdict:?}");
            assert!([&english, &french].iter().all(|text| text.ends_with(['.', '?'])), "{verdict:?}");
        }
    }
}
