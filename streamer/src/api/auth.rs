//! Who may use the local interface: a program of this computer that can read the token, never a page of some web site.
//!
//! Three checks, each against another road in: the bearer token against other users of the computer, `Host` against a
//! web page whose name was made to point to 127.0.0.1 (DNS rebinding), `Origin` against pages altogether.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;

use athome_shared::pair::b64;
use athome_shared::secret::Secret;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use ring::rand::{SecureRandom, SystemRandom};

use super::error::Refusal;

/// The token's file in the data folder.
pub const TOKEN_FILE: &str = "api-token";

/// The bearer token: 32 random bytes, base64url on disk and on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(Secret<32>);

impl Token {
    /// Reads the token of a data folder, or makes one there that only its owner can read.
    pub fn of_folder(data: &Path) -> io::Result<Self> {
        match Self::read(data) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(data),
            read => read,
        }
    }

    /// Reads the token of a data folder.
    pub fn read(data: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(data.join(TOKEN_FILE))?;
        Self::parse(text.trim()).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "the token file is damaged; delete it and start the streamer again",
            )
        })
    }

    fn create(data: &Path) -> io::Result<Self> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("no randomness from the system"))?;
        let token = Self(Secret::new(bytes));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let mut file = options.open(data.join(TOKEN_FILE))?;
        file.write_all(token.text().as_bytes())?;
        file.sync_all()?;
        Ok(token)
    }

    fn parse(text: &str) -> Option<Self> {
        b64::decode_array::<32>(text).map(|bytes| Self(Secret::new(bytes)))
    }

    /// As it is written after `Bearer`.
    pub fn text(&self) -> String {
        b64::encode(self.0.expose())
    }
}

/// Whether a request needs the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Token,
    Nothing,
}

/// Admits or refuses a request by its headers.
pub fn admit(headers: &HeaderMap, token: &Token, needs: Needs) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next().and_then(|h| h.to_str().ok()), hosts.next()) {
        (Some(host), None) if is_loopback(host) => host,
        _ => {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "This interface answers only at a loopback address, such as http://127.0.0.1:8081.",
            ));
        }
    };
    for origin in headers.get_all(ORIGIN) {
        if origin.to_str().ok().and_then(|o| o.strip_prefix("http://")) != Some(host) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "Pages of other origins can't use this interface."));
        }
    }
    if needs == Needs::Nothing {
        return Ok(());
    }
    let mut tokens = headers.get_all(AUTHORIZATION).iter();
    let given = match (tokens.next().and_then(|t| t.to_str().ok()), tokens.next()) {
        (Some(given), None) => given,
        _ => "",
    };
    // The comparison of secrets takes constant time.
    match given.split_once(' ') {
        Some((scheme, given))
            if scheme.eq_ignore_ascii_case("bearer") && Token::parse(given.trim()).as_ref() == Some(token) =>
        {
            Ok(())
        }
        _ => Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "Send the header Authorization: Bearer with the token from the file api-token in the data folder.",
        )),
    }
}

/// Whether `Host` names this computer by a literal loopback address or as `localhost`.
fn is_loopback(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port)) => (name, port),
            None => return false,
        },
        None => host.find(':').map_or((host, ""), |at| host.split_at(at)),
    };
    let port_is_fine = port.is_empty() || port.strip_prefix(':').is_some_and(|p| p.parse::<u16>().is_ok());
    port_is_fine && (name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::{Token, is_loopback};

    #[test]
    fn only_literal_loopback_names_are_ours() {
        for host in ["127.0.0.1", "127.0.0.1:8081", "localhost:1", "LOCALHOST", "[::1]:8081", "127.9.9.9:80"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            ":8081",
            "example.org",
            "127.0.0.1.example.org",
            "localhost.example.org",
            "192.168.1.2:8081",
            "0.0.0.0",
            "[::1",
            "::1",
            "127.0.0.1:99999",
            "127.0.0.1:8081:1",
            "2130706433",
            "localhost@example.org",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn the_token_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let token = Token::of_folder(folder.path()).expect("made");
        assert_eq!(Token::of_folder(folder.path()).expect("read"), token);
        assert_eq!(format!("{token:?}"), "Token(Secret(…))");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(folder.path().join(super::TOKEN_FILE)).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::write(folder.path().join(super::TOKEN_FILE), "short").expect("written");
        assert!(Token::of_folder(folder.path()).is_err(), "a damaged token is not replaced in silence");
    }
}
