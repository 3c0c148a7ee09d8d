//! What a camera knows of passwords: Basic (RFC 7617) and Digest with MD5 (RFC 7616), as most cameras ask for them.

use md5::{Digest, Md5};

use super::{Asks, LOGIN, header};

const REALM: &str = "pretended";
const NONCE: &str = "dcd98b7102dd2f0e8b11d0f600bfb0c0";

impl Asks {
    /// What stands behind `WWW-Authenticate:`; `None` where nothing is asked.
    pub fn challenge(self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Basic => Some(format!("Basic realm=\"{REALM}\"")),
            Self::Digest => Some(format!("Digest realm=\"{REALM}\", nonce=\"{NONCE}\", qop=\"auth\", algorithm=MD5")),
        }
    }

    /// Whether a request may come in.
    pub fn lets_in(self, request: &str) -> bool {
        let given = header(request, "authorization").unwrap_or_default();
        match self {
            Self::Nothing => true,
            // base64 of `anna:hunter2`
            Self::Basic => given == "Basic YW5uYTpodW50ZXIy",
            Self::Digest => given.strip_prefix("Digest ").is_some_and(|fields| answers(request, fields)),
        }
    }
}

fn answers(request: &str, fields: &str) -> bool {
    let field = |name: &str| {
        let mut pairs = fields.split(", ").filter_map(|field| field.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.trim_matches('"')).unwrap_or_default()
    };
    let mut line = request.split(' ');
    let (method, uri) = (line.next().unwrap_or_default(), line.next().unwrap_or_default());
    let secret = hash(&format!("{}:{REALM}:{}", LOGIN.0, LOGIN.1));
    let what = hash(&format!("{method}:{uri}"));
    let (count, cnonce, qop) = (field("nc"), field("cnonce"), field("qop"));
    let wanted = hash(&format!("{secret}:{NONCE}:{count}:{cnonce}:{qop}:{what}"));
    field("username") == LOGIN.0 && field("uri") == uri && field("nonce") == NONCE && field("response") == wanted
}

fn hash(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
