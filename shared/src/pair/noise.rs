//! The two handshakes and the sealed channel that follows, thinly over the Noise library (`docs/protocol.md` section 3;
//! The Noise Protocol Framework, revision 34, §5 and §9).
//!
//! ```text
//! viewer                                   camera
//! Initiator::m1 ──────── m1 ───────► Responder::m1 ─► Answer
//! Initiator::m2 ◄─────── m2 ──────── Answer::m2
//!     Transport ◄────── #0 … ──────► Transport
//! ```
//!
//! Each step consumes the one before, and any failure ends the channel: there is no "skip and continue".

use ring::rand::SecureRandom;
use snow::params::{CipherChoice, DHChoice, HashChoice, NoiseParams};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState, TransportState};

use super::keys::{NoRandom, StaticKeypair, hkdf_sha256, random_secret};
use super::seal;
use crate::id::{ChannelId, MailboxId};
use crate::secret::Secret;

const PAIRING: &str = "Noise_IKpsk1_25519_AESGCM_SHA256";
const SESSION: &str = "Noise_IKpsk2_25519_AESGCM_SHA256";
const TAG: usize = 16;
/// Message 1 adds `e`, the encrypted `s` and the payload's tag; message 2 adds `e` and a tag.
const M1_OVERHEAD: usize = 32 + 32 + TAG + TAG;

/// Largest Noise message of ours.
pub const MAX_MESSAGE: usize = seal::MAX + M1_OVERHEAD;

/// Messages in one direction of a channel; the next one fails, and a new handshake starts over.
pub const MAX_MESSAGES: u32 = 1 << 16;

/// Why a channel can't go on. It says no more than a log needs: what exactly did not fit is nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoiseError {
    /// Wrong key, wrong order, or changed on the way.
    #[error("a sealed message could not be opened: wrong key, out of order, or changed on the way")]
    Refused,
    /// Shorter or longer than any message of ours.
    #[error("a sealed message of {0} bytes is shorter or longer than any of ours")]
    Size(usize),
    /// A step that does not belong here: a channel used after a failure, or without its pre-shared key.
    #[error("the sealed channel is not in a state for this step")]
    State,
    /// The channel carried as many messages as it may.
    #[error("the sealed channel carried as many messages as it may")]
    WornOut,
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
}

impl From<snow::Error> for NoiseError {
    fn from(error: snow::Error) -> Self {
        match error {
            snow::Error::State(_) | snow::Error::Init(_) | snow::Error::Prereq(_) | snow::Error::Pattern(_) => {
                Self::State
            }
            snow::Error::Rng => Self::NoRandom(NoRandom),
            _ => Self::Refused,
        }
    }
}

/// The random half of a handshake: 32 bytes that are used once.
#[derive(Debug)]
pub struct Ephemeral(Secret<32>);

impl Ephemeral {
    /// A fresh one.
    pub fn generate(rng: &dyn SecureRandom) -> Result<Self, NoRandom> {
        random_secret(rng).map(Self)
    }

    /// A known one, for test vectors: a handshake whose ephemeral key is known or used twice protects nothing.
    pub fn known(secret: [u8; 32]) -> Self {
        Self(Secret::new(secret))
    }
}

/// The viewer's side of a handshake.
#[derive(Debug)]
pub struct Initiator(HandshakeState);

impl Initiator {
    /// Starts a pairing with the camera of a link.
    pub fn pairing(
        viewer: &StaticKeypair,
        s_pub: &[u8; 32],
        psk: &Secret<32>,
        pair_mailbox: MailboxId,
        chan: ChannelId,
        ephemeral: Ephemeral,
    ) -> Result<Self, NoiseError> {
        let prologue = pairing_prologue(pair_mailbox, chan);
        let builder = builder(PAIRING, viewer, &prologue, ephemeral)?;
        Ok(Self(builder.remote_public_key(s_pub)?.psk(1, psk.expose())?.build_initiator()?))
    }

    /// Starts a session with a paired camera.
    pub fn session(
        viewer: &StaticKeypair,
        s_pub: &[u8; 32],
        psk: &Secret<32>,
        mailbox: MailboxId,
        chan: ChannelId,
        ephemeral: Ephemeral,
    ) -> Result<Self, NoiseError> {
        let prologue = session_prologue(mailbox, chan);
        let builder = builder(SESSION, viewer, &prologue, ephemeral)?;
        Ok(Self(builder.remote_public_key(s_pub)?.psk(2, psk.expose())?.build_initiator()?))
    }

    /// Writes message 1; once.
    pub fn m1(&mut self, payload: &[u8]) -> Result<Vec<u8>, NoiseError> {
        write(&mut self.0, payload)
    }

    /// Reads message 2: the channel, and message 2's payload.
    pub fn m2(mut self, message: &[u8]) -> Result<(Transport, Vec<u8>), NoiseError> {
        let payload = read(&mut self.0, message)?;
        Ok((Transport::new(self.0)?, payload))
    }
}

/// The camera's side of a handshake, before message 1.
#[derive(Debug)]
pub struct Responder(HandshakeState);

impl Responder {
    /// Answers pairings at an invitation's mailbox.
    pub fn pairing(
        camera: &StaticKeypair,
        psk: &Secret<32>,
        pair_mailbox: MailboxId,
        chan: ChannelId,
        ephemeral: Ephemeral,
    ) -> Result<Self, NoiseError> {
        let prologue = pairing_prologue(pair_mailbox, chan);
        Ok(Self(builder(PAIRING, camera, &prologue, ephemeral)?.psk(1, psk.expose())?.build_responder()?))
    }

    /// Answers sessions at the camera's own mailbox; the pre-shared key follows once message 1 said whose it is.
    pub fn session(
        camera: &StaticKeypair,
        mailbox: MailboxId,
        chan: ChannelId,
        ephemeral: Ephemeral,
    ) -> Result<Self, NoiseError> {
        let prologue = session_prologue(mailbox, chan);
        Ok(Self(builder(SESSION, camera, &prologue, ephemeral)?.build_responder()?))
    }

    /// Reads message 1: what is needed to answer, and message 1's payload.
    ///
    /// Of a session, message 1 is a knock and no authority: it may be a replay, and whoever stole `S` can forge it. Of a
    /// pairing, it proves that its maker once knew the link's secret.
    pub fn m1(mut self, message: &[u8]) -> Result<(Answer, Vec<u8>), NoiseError> {
        let payload = read(&mut self.0, message)?;
        let v_pub = self.0.get_remote_static().and_then(|k| k.try_into().ok()).ok_or(NoiseError::State)?;
        Ok((Answer { handshake: self.0, v_pub }, payload))
    }
}

/// The camera's side of a handshake, between messages 1 and 2.
#[derive(Debug)]
pub struct Answer {
    handshake: HandshakeState,
    v_pub: [u8; 32],
}

impl Answer {
    /// The viewer's static key, as message 1 gave it.
    pub fn v_pub(&self) -> &[u8; 32] {
        &self.v_pub
    }

    /// Sets a session's pre-shared key. Without it [`Self::m2`] fails; a pairing has its key already.
    pub fn set_psk(&mut self, psk: &Secret<32>) -> Result<(), NoiseError> {
        Ok(self.handshake.set_psk(2, psk.expose())?)
    }

    /// Writes message 2: the channel, and the message.
    pub fn m2(mut self, payload: &[u8]) -> Result<(Transport, Vec<u8>), NoiseError> {
        let message = write(&mut self.handshake, payload)?;
        Ok((Transport::new(self.handshake)?, message))
    }
}

/// The sealed channel after a handshake. Messages of each direction open in the order in which they were sealed, and in no
/// other; the first failure ends the channel for good.
#[derive(Debug)]
pub struct Transport {
    /// `None` after a failure.
    state: Option<TransportState>,
    hash: [u8; 32],
    sealed: u32,
    opened: u32,
}

impl Transport {
    fn new(handshake: HandshakeState) -> Result<Self, NoiseError> {
        let hash = handshake.get_handshake_hash().try_into().map_err(|_| NoiseError::State)?;
        Ok(Self { state: Some(handshake.into_transport_mode()?), hash, sealed: 0, opened: 0 })
    }

    /// Seals the next message of our direction.
    pub fn seal(&mut self, payload: &[u8]) -> Result<Vec<u8>, NoiseError> {
        // Taken out first: only success puts it back.
        let mut state = self.state.take().ok_or(NoiseError::State)?;
        if payload.len() > seal::MAX {
            return Err(NoiseError::Size(payload.len()));
        }
        if self.sealed == MAX_MESSAGES {
            return Err(NoiseError::WornOut);
        }
        let mut message = vec![0; payload.len() + TAG];
        let len = state.write_message(payload, &mut message)?;
        message.truncate(len);
        self.sealed += 1;
        self.state = Some(state);
        Ok(message)
    }

    /// Opens the next message of the other direction.
    pub fn open(&mut self, message: &[u8]) -> Result<Vec<u8>, NoiseError> {
        let mut state = self.state.take().ok_or(NoiseError::State)?;
        if !(TAG..=seal::MAX + TAG).contains(&message.len()) {
            return Err(NoiseError::Size(message.len()));
        }
        if self.opened == MAX_MESSAGES {
            return Err(NoiseError::WornOut);
        }
        let mut payload = vec![0; message.len() - TAG];
        let len = state.read_message(message, &mut payload)?;
        payload.truncate(len);
        self.opened += 1;
        self.state = Some(state);
        Ok(payload)
    }

    /// The handshake's hash: the same at both ends if and only if both saw the same handshake.
    pub fn handshake_hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Six digits for two people to compare.
    pub fn sas(&self) -> String {
        let digits = u64::from_be_bytes(hkdf_sha256(&self.hash, b"", b"athome/1 sas")) % 1_000_000;
        format!("{digits:06}")
    }

    /// The key that ties the DTLS connection to this handshake, from both ends' sealed halves.
    pub fn bind_key(&self, kb_camera: &[u8; 32], kb_viewer: &[u8; 32]) -> Secret<32> {
        let mut halves = [*kb_camera, *kb_viewer].concat();
        let key = Secret::new(hkdf_sha256(&self.hash, &halves, b"athome/1 bind"));
        zeroize::Zeroize::zeroize(&mut halves);
        key
    }
}

fn pairing_prologue(pair_mailbox: MailboxId, chan: ChannelId) -> Vec<u8> {
    [b"athome/1 pair", &pair_mailbox.0[..], &chan.0.to_be_bytes()[..]].concat()
}

fn session_prologue(mailbox: MailboxId, chan: ChannelId) -> Vec<u8> {
    [b"athome/1 sess", &mailbox.0[..], &chan.0.to_be_bytes()[..]].concat()
}

fn builder<'a>(
    pattern: &str,
    keys: &'a StaticKeypair,
    prologue: &'a [u8],
    ephemeral: Ephemeral,
) -> Result<Builder<'a>, NoiseError> {
    let params: NoiseParams = pattern.parse()?;
    let resolver = Box::new(GivenEphemeral(ephemeral.0));
    Ok(Builder::with_resolver(params, resolver).local_private_key(keys.secret().expose())?.prologue(prologue)?)
}

fn write(handshake: &mut HandshakeState, payload: &[u8]) -> Result<Vec<u8>, NoiseError> {
    if payload.len() > seal::MAX {
        return Err(NoiseError::Size(payload.len()));
    }
    let mut message = vec![0; payload.len() + M1_OVERHEAD];
    let len = handshake.write_message(payload, &mut message)?;
    message.truncate(len);
    Ok(message)
}

fn read(handshake: &mut HandshakeState, message: &[u8]) -> Result<Vec<u8>, NoiseError> {
    if !(32 + TAG..=MAX_MESSAGE).contains(&message.len()) {
        return Err(NoiseError::Size(message.len()));
    }
    let mut payload = vec![0; message.len()];
    let len = handshake.read_message(message, &mut payload)?;
    payload.truncate(len);
    Ok(payload)
}

/// The Noise library's own primitives, with the ephemeral key as its only randomness: what a handshake says is then a
/// function of its arguments.
struct GivenEphemeral(Secret<32>);

impl CryptoResolver for GivenEphemeral {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(OneDraw(Some(self.0.clone()))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

/// Gives its bytes once; a second draw fails rather than repeat them.
struct OneDraw(Option<Secret<32>>);

impl Random for OneDraw {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), snow::Error> {
        let secret = self.0.take().filter(|s| s.expose().len() == out.len()).ok_or(snow::Error::Rng)?;
        out.copy_from_slice(secret.expose());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Ephemeral, Initiator, MAX_MESSAGE, NoiseError, Responder, Transport};
    use crate::id::{ChannelId, MailboxId};
    use crate::pair::keys::StaticKeypair;
    use crate::secret::Secret;

    const BOX: MailboxId = MailboxId([3; 16]);
    const CHAN: ChannelId = ChannelId(77);

    fn camera() -> StaticKeypair {
        StaticKeypair::from_secret(Secret::new([1; 32]))
    }

    fn viewer() -> StaticKeypair {
        StaticKeypair::from_secret(Secret::new([2; 32]))
    }

    fn psk(byte: u8) -> Secret<32> {
        Secret::new([byte; 32])
    }

    fn session(chan: ChannelId) -> Initiator {
        Initiator::session(&viewer(), camera().public(), &psk(9), BOX, chan, Ephemeral::known([4; 32])).unwrap()
    }

    fn responder() -> Responder {
        Responder::session(&camera(), BOX, CHAN, Ephemeral::known([5; 32])).unwrap()
    }

    fn channel() -> (Transport, Transport) {
        let mut initiator = session(CHAN);
        let (mut answer, payload) = responder().m1(&initiator.m1(b"join").unwrap()).unwrap();
        assert_eq!((payload.as_slice(), answer.v_pub()), (&b"join"[..], viewer().public()));
        answer.set_psk(&psk(9)).unwrap();
        let (camera, m2) = answer.m2(b"offer").unwrap();
        let (viewer, payload) = initiator.m2(&m2).unwrap();
        assert_eq!(payload, b"offer");
        (camera, viewer)
    }

    #[test]
    fn both_ends_of_a_session_agree_on_everything() {
        let (mut camera, mut viewer) = channel();
        for n in 0..3u8 {
            assert_eq!(camera.open(&viewer.seal(&[n; 40]).unwrap()).unwrap(), [n; 40]);
            assert_eq!(viewer.open(&camera.seal(&[n; 50]).unwrap()).unwrap(), [n; 50]);
        }
        assert_eq!(camera.handshake_hash(), viewer.handshake_hash());
        assert_eq!(camera.sas(), viewer.sas());
        assert_eq!(camera.sas().len(), 6);
        assert_eq!(camera.bind_key(&[1; 32], &[2; 32]), viewer.bind_key(&[1; 32], &[2; 32]));
        assert_ne!(camera.bind_key(&[1; 32], &[2; 32]), viewer.bind_key(&[2; 32], &[1; 32]));
    }

    #[test]
    fn a_stranger_to_the_link_is_refused_at_message_1() {
        let start = |key| {
            Initiator::pairing(&viewer(), camera().public(), &psk(key), BOX, CHAN, Ephemeral::known([4; 32])).unwrap()
        };
        let answer = || Responder::pairing(&camera(), &psk(9), BOX, CHAN, Ephemeral::known([5; 32])).unwrap();
        assert!(answer().m1(&start(9).m1(b"hello").unwrap()).is_ok(), "the control: the right secret");
        assert_eq!(answer().m1(&start(8).m1(b"hello").unwrap()).unwrap_err(), NoiseError::Refused);
    }

    #[test]
    fn a_session_with_another_psk_or_none_ends_at_message_2() {
        let mut initiator = session(CHAN);
        let m1 = initiator.m1(b"join").unwrap();
        let (mut answer, _) = responder().m1(&m1).unwrap();
        answer.set_psk(&psk(8)).unwrap();
        let (_, m2) = answer.m2(b"offer").unwrap();
        assert_eq!(initiator.m2(&m2).unwrap_err(), NoiseError::Refused);
        let (answer, _) = responder().m1(&m1).unwrap();
        assert_eq!(answer.m2(b"offer").unwrap_err(), NoiseError::State);
    }

    #[test]
    fn a_message_1_moved_to_another_channel_or_handshake_is_refused() {
        assert_eq!(responder().m1(&session(ChannelId(78)).m1(b"join").unwrap()).unwrap_err(), NoiseError::Refused);
        let pairing = Responder::pairing(&camera(), &psk(9), BOX, CHAN, Ephemeral::known([5; 32])).unwrap();
        assert_eq!(pairing.m1(&session(CHAN).m1(b"join").unwrap()).unwrap_err(), NoiseError::Refused);
    }

    #[test]
    fn every_flipped_bit_of_a_handshake_is_refused() {
        let m1 = session(CHAN).m1(b"join").unwrap();
        for bit in 0..m1.len() * 8 {
            let mut bent = m1.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            // The top bit of an X25519 point is ignored by the curve (RFC 7748 §5), not by the transcript.
            assert!(responder().m1(&bent).is_err(), "bit {bit} of m1");
        }
        let (mut answer, _) = responder().m1(&m1).unwrap();
        answer.set_psk(&psk(9)).unwrap();
        let (_, m2) = answer.m2(b"offer").unwrap();
        for bit in 0..m2.len() * 8 {
            let mut bent = m2.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            let mut initiator = session(CHAN);
            initiator.m1(b"join").unwrap();
            assert!(initiator.m2(&bent).is_err(), "bit {bit} of m2");
        }
    }

    #[test]
    fn transport_messages_open_in_order_only_and_a_failure_is_final() {
        for (name, order) in [("repeated", [0, 0]), ("skipped", [1, 0])] {
            let (mut camera, mut viewer) = channel();
            let sealed = [viewer.seal(b"a").unwrap(), viewer.seal(b"b").unwrap()];
            let first = camera.open(&sealed[order[0]]);
            let second = camera.open(&sealed[order[1]]);
            assert!(first.is_err() || second.is_err(), "{name}");
            assert_eq!(camera.open(&sealed[1]).unwrap_err(), NoiseError::State, "{name}: the channel is over");
            assert_eq!(camera.seal(b"x").unwrap_err(), NoiseError::State, "{name}: in both directions");
        }
        let (mut camera, mut viewer) = channel();
        let reflected = viewer.seal(b"a").unwrap();
        camera.open(&reflected).unwrap();
        assert_eq!(viewer.open(&reflected).unwrap_err(), NoiseError::Refused, "our own message sent back to us");
    }

    #[test]
    fn odd_sizes_are_refused_before_any_cryptography() {
        for len in [0, 1, 31, 47, MAX_MESSAGE + 1, 70_000] {
            assert_eq!(responder().m1(&vec![0; len]).unwrap_err(), NoiseError::Size(len));
        }
        for len in [48, 96, MAX_MESSAGE] {
            assert_eq!(responder().m1(&vec![0; len]).unwrap_err(), NoiseError::Refused, "{len} zeros");
        }
        let (mut camera, _) = channel();
        assert_eq!(camera.open(&[0; 15]).unwrap_err(), NoiseError::Size(15));
    }
}
