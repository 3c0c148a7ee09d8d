//! Names of STUN and TURN servers. The crate resolves them on its driver, in front of everything else: a name server that does not
//! answer would hold up even the local candidates. So names are resolved here, once for the process, and the crate gets
//! addresses; a name that reaches it all the same is refused by [`PlainSockets`](super::sockets::PlainSockets).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::peer::PeerSettings;
use crate::protocol::wire::IceServer;

/// How long a new connection waits for names that were never resolved; it then goes without their servers.
const PATIENCE: Duration = Duration::from_millis(100);
/// An address is taken from memory for so long.
const FRESH: Duration = Duration::from_secs(600);
/// A name that could not be resolved, or is still being looked up, is tried again after this.
const RETRY: Duration = Duration::from_secs(30);
/// Names remembered at most; they come from the configuration, a viewer's from the streamers that it is paired with.
const MAX_NAMES: usize = 64;
/// URLs used at most: each costs a socket's time for each local address.
const MAX_URLS: usize = 8;

type Known = Mutex<HashMap<String, (Option<SocketAddr>, Instant)>>;

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(Known::default)
}

/// Resolves the names of the servers ahead, so that the first connection has them. Worth calling once at start.
pub async fn prepare(settings: &PeerSettings) {
    servers(settings).await;
}

/// The servers with addresses instead of names; those not resolved in time are left out.
pub(super) async fn servers(settings: &PeerSettings) -> Vec<IceServer> {
    let stun = settings.stun_servers.iter().map(|url| (url, None));
    let turn = settings.turn_servers.iter().flat_map(|server| server.urls.iter().map(move |url| (url, Some(server))));
    // All lookups run at the same time.
    let lookups: Vec<_> = stun
        .chain(turn)
        .filter_map(|(url, server)| Some((Server::parse(url)?, server)))
        .take(MAX_URLS)
        .map(|(url, server)| (look_up(&url.host), url, server))
        .collect();
    let deadline = Instant::now() + PATIENCE;
    let mut found = Vec::new();
    for (lookup, url, server) in lookups {
        let Some(address) = lookup.by(deadline).await else { continue };
        let (username, credential) = server.map_or((None, None), |s| (s.username.clone(), s.credential.clone()));
        found.push(IceServer { urls: vec![url.at(address)], username, credential });
    }
    found
}

/// A URL of RFC 7064 or 7065, taken apart.
struct Server {
    scheme: &'static str,
    /// With its port.
    host: String,
    /// With its question mark; a `stun:` URL has none (RFC 7064), and the crate refuses the many that are written with one.
    query: String,
}

impl Server {
    /// `None` for what the crate can't use: TLS, and anything that is none of the two.
    fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = ["stun:", "turn:"].into_iter().find_map(|s| Some((s, url.strip_prefix(s)?)))?;
        let at = rest.find('?').unwrap_or(rest.len());
        let (host, query) = rest.split_at(at);
        // Without a port if nothing follows the colon of a name, or the bracket of an IPv6 address.
        let port = host.rsplit_once(':').filter(|(name, port)| !name.ends_with(':') && !port.ends_with(']'));
        let host = if port.is_some() { host.to_owned() } else { format!("{host}:3478") };
        let query = if scheme == "turn:" { query.to_owned() } else { String::new() };
        Some(Self { scheme, host, query })
    }

    fn at(&self, address: SocketAddr) -> String {
        format!("{}{address}{}", self.scheme, self.query)
    }
}

enum Lookup {
    Known(Option<SocketAddr>),
    UnderWay(JoinHandle<Option<SocketAddr>>),
}

impl Lookup {
    /// The address, if it is there by then. The lookup itself goes on, so that the next connection finds its answer.
    async fn by(self, deadline: Instant) -> Option<SocketAddr> {
        match self {
            Self::Known(address) => address,
            Self::UnderWay(lookup) => timeout_at(deadline, lookup).await.ok()?.ok()?,
        }
    }
}

/// Takes an address from memory, or starts a lookup, which ends with the system's own time-out. A name has one at a time.
fn look_up(host: &str) -> Lookup {
    if let Ok(address) = host.parse() {
        return Lookup::Known(Some(address));
    }
    let now = Instant::now();
    let mut memory = known().lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((address, at)) = memory.get(host).copied() {
        let age = now.saturating_duration_since(at);
        if age < if address.is_some() { FRESH } else { RETRY } {
            return Lookup::Known(address);
        }
    }
    if memory.len() >= MAX_NAMES && !memory.contains_key(host) {
        memory.retain(|_, (_, at)| now.saturating_duration_since(*at) < RETRY);
        if memory.len() >= MAX_NAMES {
            return Lookup::Known(None);
        }
    }
    memory.insert(host.to_owned(), (None, now));
    let name = host.to_owned();
    Lookup::UnderWay(tokio::spawn(async move {
        let found = tokio::net::lookup_host(&name).await.ok().and_then(|found| {
            let found: Vec<SocketAddr> = found.collect();
            found.iter().find(|a| a.is_ipv4()).or(found.first()).copied()
        });
        let mut known = known().lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(name, (found, Instant::now()));
        found
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Option<(String, String)> {
        Server::parse(url).map(|s| (s.host.clone(), s.at(SocketAddr::from(([192, 0, 2, 1], 5)))))
    }

    #[test]
    fn urls_get_their_port_and_only_turn_keeps_its_query() {
        let some = |host: &str, url: &str| Some((host.to_owned(), url.to_owned()));
        assert_eq!(parsed("stun:a.example"), some("a.example:3478", "stun:192.0.2.1:5"));
        assert_eq!(parsed("stun:a.example?transport=udp"), some("a.example:3478", "stun:192.0.2.1:5"));
        assert_eq!(parsed("stun:a.example:19302"), some("a.example:19302", "stun:192.0.2.1:5"));
        assert_eq!(parsed("turn:a.example?transport=udp"), some("a.example:3478", "turn:192.0.2.1:5?transport=udp"));
        assert_eq!(parsed("stun:[2001:db8::1]"), some("[2001:db8::1]:3478", "stun:192.0.2.1:5"));
        assert_eq!(parsed("stun:[2001:db8::1]:7"), some("[2001:db8::1]:7", "stun:192.0.2.1:5"));
        for bad in ["stuns:a.example", "turns:a.example", "https://a.example", ""] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn a_name_that_is_being_looked_up_is_not_looked_up_again() {
        let name = "being-looked-up.invalid:3478";
        assert!(matches!(look_up(name), Lookup::UnderWay(_)), "never seen before");
        assert!(matches!(look_up(name), Lookup::Known(None)));
    }
}
