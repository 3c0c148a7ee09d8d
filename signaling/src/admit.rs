//! Who may come in: places for connections, and a camera's proof that it owns its mailbox.

use std::collections::HashMap;
use std::net::IpAddr;

use athome_shared::protocol::signal::auth_input;
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::limit::network;

/// Counts connections, in all and of each network.
#[derive(Debug)]
pub(crate) struct Places {
    most: usize,
    most_per_address: usize,
    taken: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    #[error("the server is full, try again later")]
    Server,
    #[error("too many connections from this address")]
    Address,
}

impl Places {
    pub(crate) fn new(most: usize, most_per_address: usize) -> Self {
        Self { most, most_per_address, taken: 0, by_network: HashMap::new() }
    }

    /// Takes a place in the server; [`Self::leave`] gives it back.
    pub(crate) fn enter(&mut self) -> Result<(), Full> {
        if self.taken >= self.most {
            return Err(Full::Server);
        }
        self.taken += 1;
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.taken = self.taken.saturating_sub(1);
    }

    /// Takes one of the address's places; [`Self::leave_address`] gives it back. Entries: no more than connections.
    pub(crate) fn enter_address(&mut self, address: IpAddr) -> Result<(), Full> {
        let network = network(address);
        let taken = self.by_network.get(&network).copied().unwrap_or(0);
        if taken >= self.most_per_address {
            return Err(Full::Address);
        }
        self.by_network.insert(network, taken + 1);
        Ok(())
    }

    pub(crate) fn leave_address(&mut self, address: IpAddr) {
        let network = network(address);
        match self.by_network.get_mut(&network) {
            Some(taken) if *taken > 1 => *taken -= 1,
            _ => {
                self.by_network.remove(&network);
            }
        }
    }
}

/// Whether `sig` shows that its maker owns the mailbox key, for this challenge and this name.
pub(crate) fn proof_holds(nonce: &[u8; 32], mailbox_pub: &[u8; 32], name: &str, sig: &[u8; 64]) -> bool {
    UnparsedPublicKey::new(&ED25519, mailbox_pub).verify(&auth_input(nonce, mailbox_pub, name), sig).is_ok()
}

/// What cameras may call this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// Each a `host` (any port) or a `host:port`, lower case.
    configured: Vec<String>,
    /// `localhost` and the address at which a connection arrives are its names too.
    own_address: bool,
}

impl Names {
    /// Without configured names the own address is all there is, so it counts then in any case.
    pub(crate) fn new(configured: &[String], own_address: bool) -> Self {
        let configured: Vec<String> = configured.iter().map(|name| name.to_lowercase()).collect();
        Self { own_address: own_address || configured.is_empty(), configured }
    }
}

/// Whether `name`, a lower-case `host[:port]` that a camera says it dialled, is this server.
///
/// The host must be a configured name, or `localhost` or `arrived_at`, the address of our end of the connection, where
/// those count.
pub(crate) fn is_our_name(name: &str, ours: &Names, arrived_at: IpAddr) -> bool {
    let host = host(name);
    if ours.configured.iter().any(|own| own == name || own == host) {
        return true;
    }
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    ours.own_address && (host == "localhost" || address.is_ok_and(|ip| ip.to_canonical() == arrived_at.to_canonical()))
}

/// The name without a port.
fn host(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            // The last colon of a bare IPv6 address is no port's.
            if host.contains(':') && !host.ends_with(']') { name } else { host }
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_last_place_is_taken_and_given_back() {
        let mut places = Places::new(2, 9);
        assert_eq!([(); 3].map(|()| places.enter()), [Ok(()), Ok(()), Err(Full::Server)]);
        places.leave();
        assert_eq!(places.enter(), Ok(()));
    }

    #[test]
    fn an_address_has_its_own_places() {
        let mut places = Places::new(9, 2);
        let [a, b] = [ip("192.0.2.1"), ip("192.0.2.2")];
        assert_eq!([(); 3].map(|()| places.enter_address(a)), [Ok(()), Ok(()), Err(Full::Address)]);
        assert_eq!(places.enter_address(b), Ok(()));
        places.leave_address(a);
        assert_eq!(places.enter_address(a), Ok(()));
        for address in [a, a, b] {
            places.leave_address(address);
        }
        assert!(places.by_network.is_empty(), "nothing is kept of those who left");
    }

    #[test]
    fn a_proof_holds_for_one_challenge_one_key_and_one_name() {
        let key = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).expect("a seed");
        let other = Ed25519KeyPair::from_seed_unchecked(&[2; 32]).expect("a seed");
        let public = |key: &Ed25519KeyPair| <[u8; 32]>::try_from(key.public_key().as_ref()).expect("32 bytes");
        let mine = public(&key);
        let sig = key.sign(&auth_input(&[7; 32], &mine, "hub.example"));
        let sig = sig.as_ref().try_into().expect("64 bytes");
        assert!(proof_holds(&[7; 32], &mine, "hub.example", sig));
        assert!(!proof_holds(&[8; 32], &mine, "hub.example", sig), "a replayed challenge");
        assert!(!proof_holds(&[7; 32], &mine, "evil.example", sig), "a relayed challenge");
        assert!(!proof_holds(&[7; 32], &public(&other), "hub.example", sig), "another's mailbox");
        assert!(!proof_holds(&[7; 32], &mine, "hub.example", &[0; 64]));
    }

    #[test]
    fn without_names_only_localhost_and_the_address_itself_are_ours() {
        let at = ip("192.0.2.7");
        for (name, ours) in [
            ("localhost", true),
            ("localhost:8080", true),
            ("192.0.2.7", true),
            ("192.0.2.7:8080", true),
            ("192.0.2.8:8080", false),
            ("hub.example", false),
            ("localhost.hub.example", false),
            ("hub.example:localhost", false),
            ("", false),
            (":80", false),
        ] {
            assert_eq!(is_our_name(name, &Names::new(&[], false), at), ours, "{name}");
        }
        for name in ["[::1]:8080", "[::1]", "::1"] {
            assert!(is_our_name(name, &Names::new(&[], false), ip("::1")), "{name}");
        }
        assert!(is_our_name("192.0.2.7", &Names::new(&[], false), ip("::ffff:192.0.2.7")));
    }

    #[test]
    fn configured_names_replace_the_default_ones_or_stand_beside_them() {
        let configured = ["Hub.Example".to_owned(), "hub.example.org:8443".to_owned()];
        let (strict, beside) = (Names::new(&configured, false), Names::new(&configured, true));
        let at = ip("127.0.0.1");
        for (name, expected) in [
            ("hub.example", true),
            ("hub.example:8080", true),
            ("hub.example.org:8443", true),
            ("hub.example.org", false),
            ("hub.example.org:443", false),
            ("192.0.2.8", false),
        ] {
            assert_eq!(is_our_name(name, &strict, at), expected, "{name}");
            assert_eq!(is_our_name(name, &beside, at), expected, "{name}");
        }
        for name in ["localhost", "127.0.0.1", "127.0.0.1:8080"] {
            assert!(!is_our_name(name, &strict, at), "{name}");
            assert!(is_our_name(name, &beside, at), "{name}");
        }
    }
}
