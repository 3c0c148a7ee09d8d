//! Names of STUN servers. The crate resolves them on its driver, in front of everything else: a name server that does not answer
//! would hold up even the local candidates. So names are resolved here, once for the process, and the crate gets addresses.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::peer::PeerSettings;

/// How long a new connection waits for a name that was never resolved; it then goes without this server.
const PATIENCE: Duration = Duration::from_millis(100);
/// An address is taken from memory for so long.
const FRESH: Duration = Duration::from_secs(600);
/// A name that could not be resolved is tried again after this.
const RETRY: Duration = Duration::from_secs(30);
/// Names remembered at most; they come from the configuration.
const MAX_NAMES: usize = 64;

type Known = Mutex<HashMap<String, (Option<SocketAddr>, Instant)>>;

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(Known::default)
}

/// Resolves the names of the STUN servers ahead, so that the first connection has them. Worth calling once at start.
pub async fn prepare(settings: &PeerSettings) {
    stun_urls(settings).await;
}

/// The STUN servers as URLs with addresses instead of names; those not resolved in time are left out.
pub(super) async fn stun_urls(settings: &PeerSettings) -> Vec<String> {
    let lookups = settings.stun_servers.iter().filter_map(|url| url.strip_prefix("stun:")).map(|server| {
        let server = server.split('?').next().unwrap_or(server);
        if server.contains(':') { server.to_owned() } else { format!("{server}:3478") }
    });
    let mut urls = Vec::new();
    for server in lookups {
        if let Some(address) = resolve(server).await {
            urls.push(format!("stun:{address}"));
        }
    }
    urls
}

async fn resolve(server: String) -> Option<SocketAddr> {
    if let Ok(address) = server.parse() {
        return Some(address);
    }
    let now = Instant::now();
    let lock = || known().lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((address, at)) = lock().get(&server).copied() {
        let age = now.saturating_duration_since(at);
        if age < if address.is_some() { FRESH } else { RETRY } {
            return address;
        }
    }
    // Goes on when we stop waiting, so that the next connection finds the answer. It ends with the system's own time-out.
    let lookup = tokio::spawn(async move {
        let found = tokio::net::lookup_host(&server).await.ok().and_then(|found| {
            let found: Vec<SocketAddr> = found.collect();
            found.iter().find(|a| a.is_ipv4()).or(found.first()).copied()
        });
        let mut known = known().lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MAX_NAMES || known.contains_key(&server) {
            known.insert(server, (found, Instant::now()));
        }
        found
    });
    tokio::time::timeout(PATIENCE, lookup).await.ok()?.ok()?
}
