//! Who we are to a network camera: a user name and a password, and how they answer a challenge (Basic, RFC 7617; Digest,
//! RFC 7616). The one file that names the library for it.

use std::borrow::Cow;
use std::fmt;

use http_auth::{PasswordClient, PasswordParams};
use zeroize::Zeroizing;

/// A user name and a password; `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    user: Zeroizing<String>,
    password: Zeroizing<String>,
}

impl Login {
    /// Takes both over.
    pub fn new(user: String, password: String) -> Self {
        Self { user: Zeroizing::new(user), password: Zeroizing::new(password) }
    }

    /// The user name, for the configuration file.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password, for the configuration file.
    pub fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

/// One conversation's answers to challenges.
pub(super) struct Answers<'a> {
    login: Option<&'a Login>,
    client: Option<PasswordClient>,
    /// Challenges met with the same login.
    refused: u32,
}

/// What a challenge comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Challenged {
    /// Ask again, with [`Answers::header`].
    Again,
    /// Nobody gave a login.
    Missing,
    /// It was answered before, so the login is wrong.
    Refused,
    /// It is of a kind that we don't know.
    Unknown,
}

impl<'a> Answers<'a> {
    pub(super) fn new(login: Option<&'a Login>) -> Self {
        Self { login, client: None, refused: 0 }
    }

    /// The camera answered 401 with these `WWW-Authenticate` values. A nonce that became too old is worth one more answer.
    pub(super) fn handle_challenge<'v>(&mut self, values: impl Iterator<Item = &'v str>) -> Challenged {
        if self.login.is_none() {
            return Challenged::Missing;
        }
        let mut fallback = None;
        let mut strongest = None;
        for value in values.filter(|value| value.len() <= LONGEST_CHALLENGE) {
            let value = canonical(value);
            for challenge in http_auth::parse_challenges(&value).unwrap_or_default() {
                match PasswordClient::try_from(&challenge) {
                    Ok(client @ PasswordClient::Digest(_)) => strongest = strongest.or(Some(client)),
                    Ok(client) => fallback = fallback.or(Some(client)),
                    Err(_) => {}
                }
            }
        }
        let Some(client) = strongest.or(fallback) else { return Challenged::Unknown };
        let stale = matches!(&client, PasswordClient::Digest(digest) if digest.stale());
        let answered = self.client.replace(client).is_some();
        if answered {
            self.refused += 1;
        }
        if self.refused > u32::from(stale) { Challenged::Refused } else { Challenged::Again }
    }

    /// The value of `Authorization` for a request; `None` before a challenge.
    pub(super) fn header(&mut self, method: &str, uri: &str) -> Option<String> {
        let (login, client) = (self.login?, self.client.as_mut()?);
        let (username, password) = (&*login.user, &*login.password);
        client.respond(&PasswordParams { username, password, uri, method, body: Some(&[]) }).ok()
    }
}

/// The library knows algorithms as RFC 7616 §6.1 writes them; some cameras write `md5`.
fn canonical(challenge: &str) -> Cow<'_, str> {
    const KEY: &str = "algorithm=";
    let Some(at) = challenge.to_ascii_lowercase().find(KEY) else { return Cow::Borrowed(challenge) };
    let start = at + KEY.len();
    let known = ["MD5-sess", "MD5", "SHA-256-sess", "SHA-256"];
    let rest = challenge.get(start..).unwrap_or_default().trim_start_matches('"');
    let name =
        known.into_iter().find(|name| rest.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name)));
    let Some(name) = name else { return Cow::Borrowed(challenge) };
    let (before, after) = (challenge.get(..start).unwrap_or_default(), rest.get(name.len()..).unwrap_or_default());
    Cow::Owned(format!("{before}{name}{}", after.trim_start_matches('"')))
}

/// Longest challenge looked at, in bytes.
const LONGEST_CHALLENGE: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::{Answers, Challenged, Login};

    fn login() -> Login {
        Login::new("anna".to_owned(), "hunter2".to_owned())
    }

    #[test]
    fn nothing_of_a_login_is_printed() {
        assert_eq!(format!("{:?}", login()), "Login(…)");
    }

    #[test]
    fn the_stronger_way_is_taken_and_a_second_refusal_is_the_last() {
        let login = login();
        let mut answers = Answers::new(Some(&login));
        assert_eq!(answers.header("GET", "/"), None, "no password before it is asked for");
        let both = [r#"Basic realm="cam""#, r#"Digest realm="cam", nonce="n1", qop="auth""#];
        assert_eq!(answers.handle_challenge(both.into_iter()), Challenged::Again);
        let header = answers.header("GET", "/video").expect("an answer");
        assert!(header.starts_with("Digest ") && header.contains(r#"uri="/video""#), "{header}");
        assert!(!header.contains("hunter2"));
        // A nonce may grow old once for nothing; the same answer refused is a wrong password.
        let stale = [r#"Digest realm="cam", nonce="n2", qop="auth", stale=true"#];
        assert_eq!(answers.handle_challenge(stale.into_iter()), Challenged::Again);
        assert_eq!(answers.handle_challenge(both.into_iter()), Challenged::Refused);
    }

    #[test]
    fn old_digest_without_qop_and_basic_are_answered() {
        let login = login();
        // RFC 2069: what many cameras still send.
        let mut answers = Answers::new(Some(&login));
        let old = r#"Digest realm="4419b63f5e51", nonce="8b84a3b789283a8bea8da7fa7d41f08b""#;
        assert_eq!(answers.handle_challenge([old].into_iter()), Challenged::Again);
        let header = answers.header("DESCRIBE", "rtsp://h/1").expect("an answer");
        assert!(header.contains("response=") && !header.contains("qop"), "{header}");
        let mut answers = Answers::new(Some(&login));
        assert_eq!(answers.handle_challenge(["Basic realm=\"x\""].into_iter()), Challenged::Again);
        assert_eq!(answers.header("GET", "/").as_deref(), Some("Basic YW5uYTpodW50ZXIy"));
    }

    #[test]
    fn an_algorithm_is_known_however_it_is_written() {
        let login = login();
        for name in ["md5", "\"MD5\"", "Md5-Sess", "sha-256", "\"SHA-256-SESS\""] {
            let challenge = format!("Digest realm=\"Motion\",qop=\"auth\",nonce=\"e5\",Algorithm={name}, opaque=\"0\"");
            let mut answers = Answers::new(Some(&login));
            assert_eq!(answers.handle_challenge([challenge.as_str()].into_iter()), Challenged::Again, "{name}");
            assert!(answers.header("GET", "/").is_some_and(|header| header.contains("opaque=\"0\"")), "{name}");
        }
        let mut answers = Answers::new(Some(&login));
        let odd = ["Digest realm=\"x\", nonce=\"y\", algorithm=rot13"];
        assert_eq!(answers.handle_challenge(odd.into_iter()), Challenged::Unknown);
    }

    #[test]
    fn without_a_login_or_with_an_unknown_challenge_nothing_is_sent() {
        assert_eq!(Answers::new(None).handle_challenge(["Basic realm=x"].into_iter()), Challenged::Missing);
        let login = login();
        for odd in ["", "Negotiate", "Digest", "Digest nonce=", "\u{0}", &"Basic ".repeat(10_000)] {
            let mut answers = Answers::new(Some(&login));
            assert_eq!(answers.handle_challenge([odd].into_iter()), Challenged::Unknown, "{odd:.20}");
            assert_eq!(answers.header("GET", "/"), None);
        }
    }
}
