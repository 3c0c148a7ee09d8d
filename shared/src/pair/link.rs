//! The pairing link, as text and in a QR code (`docs/protocol.md` section 2).
//!
//! ```text
//! http(s)://HOST[:PORT]/#1<b64>    or    athome://pair/#1<b64>
//! b64 of: flags:u8 ‖ S_pub:32 ‖ secret:16 ‖ serverlen:u8 ‖ server
//! ```

use url::Url;

use super::b64;
use crate::secret::Secret;

/// Longest text that is looked at; the longest real link is under 800 bytes.
pub const MAX_LEN: usize = 1024;

const VERSION: char = '1';
const FLAG_SAME_ORIGIN: u8 = 0x01;
const FIXED: usize = 1 + 32 + 16 + 1;

/// An invitation: who the camera is, the one-time secret, and where to ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub server: LinkServer,
    /// The streamer's static key.
    pub s_pub: [u8; 32],
    /// One use, a few minutes.
    pub secret: Secret<16>,
    /// The page's origin without a trailing slash (`https://view.example.org`), or `athome://pair` for the desktop app.
    pub page: String,
}

/// Where the signaling server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkServer {
    /// On the page's own origin, at `/ws`.
    SameOrigin,
    /// A `ws(s)://` URL.
    Url(String),
}

/// Why some text is not a link that can be used. The texts say what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Something else altogether.
    #[error("this is not an AtHome link; scan the code that the camera's computer shows")]
    NotOurs,
    /// Cut off or damaged on its way.
    #[error("this link is incomplete; scan the code again, or copy the whole link")]
    Incomplete,
    /// Of a later format, or with flags this program does not know.
    #[error("this link was made by a newer AtHome; update this program or page")]
    Newer,
    /// Its server field is missing, contradicts the flags or is no `ws(s)` URL.
    #[error("this link names no usable server; ask for a new one")]
    BadServer,
}

impl Link {
    /// Reads a link that a person pasted, scanned or clicked; surrounding white space and a query are ignored.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        if text.len() > MAX_LEN {
            return Err(LinkError::NotOurs);
        }
        let (place, fragment) = text.split_once('#').ok_or(LinkError::NotOurs)?;
        let page = page_of(place).ok_or(LinkError::NotOurs)?;
        let mut rest = fragment.chars();
        match rest.next() {
            Some(VERSION) => {}
            Some('2'..='9') => return Err(LinkError::Newer),
            Some(_) => return Err(LinkError::NotOurs),
            None => return Err(LinkError::Incomplete),
        }
        let payload = b64::decode(rest.as_str()).ok_or(LinkError::Incomplete)?;
        Self::from_payload(&payload, page)
    }

    fn from_payload(payload: &[u8], page: String) -> Result<Self, LinkError> {
        let (flags, rest) = payload.split_first().ok_or(LinkError::Incomplete)?;
        if flags & !FLAG_SAME_ORIGIN != 0 {
            return Err(LinkError::Newer);
        }
        let (s_pub, rest) = rest.split_first_chunk::<32>().ok_or(LinkError::Incomplete)?;
        let (secret, rest) = rest.split_first_chunk::<16>().ok_or(LinkError::Incomplete)?;
        let (len, server) = rest.split_first().ok_or(LinkError::Incomplete)?;
        if server.len() != usize::from(*len) {
            return Err(LinkError::Incomplete);
        }
        let server = if flags & FLAG_SAME_ORIGIN != 0 {
            // An `athome:` link has no origin that a server could be on.
            if !server.is_empty() || page.starts_with("athome:") {
                return Err(LinkError::BadServer);
            }
            LinkServer::SameOrigin
        } else {
            let server = std::str::from_utf8(server).ok().filter(|s| is_server_url(s)).ok_or(LinkError::BadServer)?;
            LinkServer::Url(server.to_owned())
        };
        Ok(Self { server, s_pub: *s_pub, secret: Secret::new(*secret), page })
    }

    /// The link as text. It holds the secret: show it to a person, never to a log.
    ///
    /// A server URL that [`Self::parse`] would refuse is written all the same; check it where it is configured, with
    /// [`is_server_url`].
    pub fn to_url(&self) -> String {
        let (flags, server) = match &self.server {
            LinkServer::SameOrigin => (FLAG_SAME_ORIGIN, ""),
            LinkServer::Url(url) => (0, url.as_str()),
        };
        let mut payload = Vec::with_capacity(FIXED + server.len());
        payload.push(flags);
        payload.extend_from_slice(&self.s_pub);
        payload.extend_from_slice(self.secret.expose());
        payload.push(u8::try_from(server.len()).unwrap_or(u8::MAX));
        payload.extend_from_slice(server.as_bytes());
        let url = format!("{}/#{VERSION}{}", self.page, b64::encode(&payload));
        zeroize::Zeroize::zeroize(&mut payload);
        url
    }

    /// The WebSocket address to ring at.
    pub fn signal_url(&self) -> String {
        match &self.server {
            LinkServer::Url(url) => url.clone(),
            // `http://h:p` becomes `ws://h:p/ws`, `https://…` becomes `wss://…/ws`.
            LinkServer::SameOrigin => format!("ws{}/ws", self.page.strip_prefix("http").unwrap_or(&self.page)),
        }
    }
}

/// Whether a text may stand in a link's server field: a `ws(s)` URL of printable ASCII, at most 255 bytes, without user name,
/// password or fragment.
pub fn is_server_url(text: &str) -> bool {
    text.len() <= 255
        && text.bytes().all(|b| b.is_ascii_graphic())
        && !text.contains('#')
        // Schemes know no case, but the page and we must agree byte for byte.
        && (text.starts_with("ws://") || text.starts_with("wss://"))
        && Url::parse(text).is_ok_and(|url| {
            matches!(url.scheme(), "ws" | "wss")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
        })
}

/// The origin of what stands before the `#`.
fn page_of(place: &str) -> Option<String> {
    if !place.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    let url = Url::parse(place).ok()?;
    let anonymous = url.username().is_empty() && url.password().is_none();
    match url.scheme() {
        "http" | "https" if anonymous && url.path() == "/" => Some(url.origin().ascii_serialization()),
        "athome" if anonymous && url.host_str() == Some("pair") && url.port().is_none() => {
            matches!(url.path(), "" | "/").then(|| "athome://pair".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Link, LinkError, LinkServer};
    use crate::secret::Secret;

    fn link() -> Link {
        Link {
            server: LinkServer::SameOrigin,
            s_pub: [0xa5; 32],
            secret: Secret::new([0x5a; 16]),
            page: "http://192.168.1.20:8080".to_owned(),
        }
    }

    #[test]
    fn a_link_goes_to_text_and_back() {
        let url = link().to_url();
        assert_eq!(url.len(), 94, "the length that the QR code of the first run is planned for");
        assert_eq!(Link::parse(&format!("  {url}\n")), Ok(link()));
        let outside = Link { server: LinkServer::Url("wss://signal.example.org/ws".into()), ..link() };
        assert_eq!(Link::parse(&outside.to_url()), Ok(outside));
    }

    #[test]
    fn every_cut_of_a_link_is_incomplete_or_not_ours_and_never_another_link() {
        let url = link().to_url();
        for cut in 0..url.len() {
            let error = Link::parse(&url[..cut]).expect_err("a cut link");
            let fragment = url.find('#').unwrap();
            let expected = if cut > fragment { LinkError::Incomplete } else { LinkError::NotOurs };
            assert_eq!(error, expected, "cut at {cut}");
        }
    }

    #[test]
    fn signal_urls_follow_the_page() {
        assert_eq!(link().signal_url(), "ws://192.168.1.20:8080/ws");
        assert_eq!(Link { page: "https://cam.example".into(), ..link() }.signal_url(), "wss://cam.example/ws");
        let outside = Link { server: LinkServer::Url("wss://signal.example.org/ws".into()), ..link() };
        assert_eq!(outside.signal_url(), "wss://signal.example.org/ws");
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", link());
        assert!(!shown.contains("90"), "{shown}");
    }
}
