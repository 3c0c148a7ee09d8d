//! Long-lived keys and what is derived from them (`docs/protocol.md` section 3).

use ring::rand::SecureRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use ring::{digest, hkdf};
use snow::params::DHChoice;
use snow::resolvers::{CryptoResolver, DefaultResolver};

use crate::id::MailboxId;
use crate::protocol::signal::auth_input;
pub use crate::protocol::signal::{cap_hash, mailbox_id};
use crate::secret::Secret;

/// The machine gave no randomness, so nothing that needs a key can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandom;

/// `N` random bytes.
pub fn random<const N: usize>(rng: &dyn SecureRandom) -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    rng.fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(bytes)
}

/// A secret of `N` random bytes.
pub fn random_secret<const N: usize>(rng: &dyn SecureRandom) -> Result<Secret<N>, NoRandom> {
    random(rng).map(Secret::new)
}

/// A static X25519 key pair (RFC 7748): `S` of a streamer, `V` of a viewer.
#[derive(Clone, Debug)]
pub struct StaticKeypair {
    secret: Secret<32>,
    public: [u8; 32],
}

impl StaticKeypair {
    /// A new pair.
    pub fn generate(rng: &dyn SecureRandom) -> Result<Self, NoRandom> {
        random_secret(rng).map(Self::from_secret)
    }

    /// The pair of a stored secret half; any 32 bytes are one.
    pub fn from_secret(secret: Secret<32>) -> Self {
        let mut dh = DefaultResolver
            .resolve_dh(&DHChoice::Curve25519)
            .expect("the Noise library is built with Curve25519, without which no handshake works");
        dh.set(secret.expose());
        let mut public = [0; 32];
        public.copy_from_slice(dh.pubkey());
        Self { secret, public }
    }

    /// The half that is stored and never sent.
    pub fn secret(&self) -> &Secret<32> {
        &self.secret
    }

    /// The half that others know.
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }
}

/// A streamer's Ed25519 mailbox key (RFC 8032): proves at a signaling server that a mailbox is its own.
pub struct MailboxKey {
    seed: Secret<32>,
    pair: Ed25519KeyPair,
}

impl MailboxKey {
    /// A new key.
    pub fn generate(rng: &dyn SecureRandom) -> Result<Self, NoRandom> {
        random_secret(rng).map(Self::from_seed)
    }

    /// The key of a stored seed; any 32 bytes are one.
    pub fn from_seed(seed: Secret<32>) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("every 32 bytes are an Ed25519 seed");
        Self { seed, pair }
    }

    /// What is stored.
    pub fn seed(&self) -> &Secret<32> {
        &self.seed
    }

    /// `MB_pub`.
    pub fn public(&self) -> [u8; 32] {
        let mut public = [0; 32];
        public.copy_from_slice(self.pair.public_key().as_ref());
        public
    }

    /// The mailbox that this key owns.
    pub fn mailbox(&self) -> MailboxId {
        mailbox_id(&self.public())
    }

    /// The AUTH signature over a server's challenge; `name` is the `host[:port]` that was dialled, lower case.
    pub fn sign_auth(&self, nonce: &[u8; 32], name: &str) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(&auth_input(nonce, &self.public(), name)).as_ref());
        signature
    }
}

impl Clone for MailboxKey {
    fn clone(&self) -> Self {
        Self::from_seed(self.seed.clone())
    }
}

impl std::fmt::Debug for MailboxKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailboxKey").field("mailbox", &self.mailbox()).finish_non_exhaustive()
    }
}

/// Whether `signature` proves the key `mb_pub` for this challenge and name.
pub fn verify_auth(nonce: &[u8; 32], mb_pub: &[u8; 32], name: &str, signature: &[u8; 64]) -> bool {
    UnparsedPublicKey::new(&ED25519, mb_pub).verify(&auth_input(nonce, mb_pub, name), signature).is_ok()
}

/// The mailbox at which an invitation is answered; tells nothing about the secret.
pub fn pair_mailbox(secret: &Secret<16>) -> MailboxId {
    MailboxId(hkdf_sha256(b"", secret.expose(), b"athome/1 pair mailbox"))
}

/// The pre-shared key of a pairing handshake. `S_pub` is in it, so that a link whose key was exchanged proves nothing.
pub fn psk_pair(secret: &Secret<16>, s_pub: &[u8; 32]) -> Secret<32> {
    let mut ikm = [0; 48];
    ikm[..16].copy_from_slice(secret.expose());
    ikm[16..].copy_from_slice(s_pub);
    let psk = Secret::new(hkdf_sha256(b"athome/1", &ikm, b"pair psk"));
    zeroize::Zeroize::zeroize(&mut ikm);
    psk
}

/// SHA-256 (FIPS 180-4).
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// HKDF-SHA256 (RFC 5869), the first `N` bytes, `N` ≤ 32.
pub(crate) fn hkdf_sha256<const N: usize>(salt: &[u8], ikm: &[u8], info: &[u8]) -> [u8; N] {
    const { assert!(N <= 32) };
    struct Len(usize);
    impl hkdf::KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut out = [0; N];
    let info = [info];
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(ikm);
    prk.expand(&info, Len(N)).and_then(|okm| okm.fill(&mut out)).expect("HKDF-SHA256 gives up to 8,160 bytes");
    out
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::{MailboxKey, StaticKeypair, hkdf_sha256, verify_auth};
    use crate::secret::Secret;

    #[test]
    fn hkdf_gives_the_bytes_of_rfc_5869_test_case_3() {
        let okm: [u8; 32] = hkdf_sha256(b"", &[0x0b; 22], b"");
        assert_eq!(okm[..8], [0x8d, 0xa4, 0xe7, 0x75, 0xa5, 0x63, 0xc1, 0x8f]);
    }

    #[test]
    fn a_stored_secret_gives_the_same_pair_again() {
        let rng = SystemRandom::new();
        let pair = StaticKeypair::generate(&rng).unwrap();
        assert_eq!(StaticKeypair::from_secret(pair.secret().clone()).public(), pair.public());
        assert_ne!(StaticKeypair::generate(&rng).unwrap().public(), pair.public());
    }

    #[test]
    fn public_half_is_that_of_rfc_7748_section_6_1() {
        let alice = [
            0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c,
            0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a,
        ];
        let public = *StaticKeypair::from_secret(Secret::new(alice)).public();
        assert_eq!(public[..8], [0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54]);
    }

    #[test]
    fn a_signature_holds_for_its_challenge_name_and_key_only() {
        let rng = SystemRandom::new();
        let key = MailboxKey::generate(&rng).unwrap();
        let signature = key.sign_auth(&[7; 32], "cam.example:443");
        let public = key.public();
        assert!(verify_auth(&[7; 32], &public, "cam.example:443", &signature));
        assert!(!verify_auth(&[8; 32], &public, "cam.example:443", &signature), "another challenge");
        assert!(!verify_auth(&[7; 32], &public, "evil.example:443", &signature), "another server");
        let other = MailboxKey::generate(&rng).unwrap();
        assert!(!verify_auth(&[7; 32], &other.public(), "cam.example:443", &signature), "another key");
        let mut bent = signature;
        bent[10] ^= 1;
        assert!(!verify_auth(&[7; 32], &public, "cam.example:443", &bent), "a flipped bit");
    }

    #[test]
    fn debug_shows_no_key() {
        let key = MailboxKey::from_seed(Secret::new([0x41; 32]));
        let shown = format!("{key:?} {:?}", StaticKeypair::from_secret(Secret::new([0x41; 32])));
        assert!(!shown.contains("65, 65") && !shown.contains("4141"), "{shown}");
    }
}
