//! Pairing with the camera of a link: one handshake whose answer is what this device keeps. Pure.

use std::time::{Duration, Instant};

use athome_shared::id::MailboxId;
use athome_shared::pair::link::{self, Link};
use athome_shared::pair::noise::{Initiator, NoiseError, Transport};
use athome_shared::pair::{b64, seal};
use athome_shared::protocol::VERSION;
use athome_shared::protocol::signal::CloseCode;
use athome_shared::protocol::wire::{FromViewer, PairHello, PairReply, PairWelcome, Refused, Why};
use athome_shared::secret::Secret;

use super::ended::{Ended, printable};
use crate::store::Place;

/// How long the streamer may take to answer.
const LIMIT: Duration = Duration::from_secs(15);
/// Signaling servers that are kept of a welcome.
const MAX_SERVERS: usize = 8;

/// What to do next.
#[derive(Debug)]
pub enum Output {
    /// Send on the signaling channel.
    Sealed(Vec<u8>),
    /// Store this, then call [`Pairing::handle_stored`].
    Store(Box<Place>),
    /// Close the channel; `Ok` once the streamer knows that the pairing is stored.
    Ended(Result<(), Ended>),
}

enum Phase {
    /// Message 1 is out.
    Asked(Box<Initiator>),
    /// The grant is being stored.
    Granted(Transport),
    Over,
}

/// One pairing.
pub struct Pairing {
    phase: Phase,
    deadline: Instant,
    streamer: [u8; 32],
    /// The server that the link named; kept where the streamer names none.
    server: String,
    out: Option<Output>,
}

impl std::fmt::Debug for Pairing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pairing").finish_non_exhaustive()
    }
}

impl Pairing {
    /// Asks the camera of `link`; `device` is what this device calls itself.
    pub fn new(
        now: Instant,
        mut initiator: Initiator,
        link: &Link,
        device: &str,
        platform: &str,
    ) -> Result<Self, NoiseError> {
        let mut device = printable(device);
        while device.len() > 64 {
            device.pop();
        }
        let hello = PairHello { v: VERSION, device, platform: platform.to_owned(), insecure: false };
        let plain = seal::seal(&hello).map_err(|_| NoiseError::Size(0))?;
        let m1 = initiator.m1(&plain)?;
        Ok(Self {
            phase: Phase::Asked(Box::new(initiator)),
            deadline: now + LIMIT,
            streamer: link.s_pub,
            server: link.signal_url(),
            out: Some(Output::Sealed(m1)),
        })
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.take()
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Instant {
        self.deadline
    }

    /// A message from the streamer.
    pub fn handle_sealed(&mut self, message: &[u8]) {
        let Phase::Asked(initiator) = std::mem::replace(&mut self.phase, Phase::Over) else { return };
        let Ok((transport, plain)) = initiator.m2(message) else { return self.end(Err(Ended::Tampered)) };
        match seal::open::<PairReply>(&plain) {
            Ok(PairReply::Welcome(welcome)) => match self.place(&welcome) {
                Ok(place) => {
                    self.phase = Phase::Granted(transport);
                    self.out = Some(Output::Store(Box::new(place)));
                }
                Err(ended) => self.end(Err(ended)),
            },
            Ok(PairReply::Refused(refused)) => self.end(Err(Ended::Refused(refused))),
            Err(_) => self.end(Err(Ended::Protocol("an answer that is neither a welcome nor a refusal"))),
        }
    }

    /// The pairing is on disk: the streamer may count on it.
    pub fn handle_stored(&mut self) -> Option<Vec<u8>> {
        let Phase::Granted(mut transport) = std::mem::replace(&mut self.phase, Phase::Over) else { return None };
        let plain = seal::seal(&FromViewer::PairOk).ok()?;
        let sealed = transport.seal(&plain).ok()?;
        self.out = Some(Output::Ended(Ok(())));
        Some(sealed)
    }

    /// The channel is gone; `None` if its connection ended without a word.
    pub fn handle_channel_closed(&mut self, code: Option<CloseCode>) {
        if let Phase::Asked(_) = self.phase {
            self.end(Err(match code {
                Some(CloseCode::Offline) => Ended::Offline,
                Some(CloseCode::PeerGone) | None => Ended::Lost,
                Some(_) => Ended::Silent,
            }));
        }
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now >= self.deadline && matches!(self.phase, Phase::Asked(_)) {
            self.end(Err(Ended::Silent));
        }
    }

    fn end(&mut self, result: Result<(), Ended>) {
        self.phase = Phase::Over;
        self.out = Some(Output::Ended(result));
    }

    fn place(&self, welcome: &PairWelcome) -> Result<Place, Ended> {
        if welcome.v < VERSION {
            return Err(Ended::Refused(Refused { why: Why::OldCamera, who: None, count: None, retry_s: None }));
        }
        let damaged = || Ended::Protocol("a welcome with a damaged key");
        let servers: Vec<String> =
            welcome.servers.iter().filter(|s| link::is_server_url(s)).take(MAX_SERVERS).cloned().collect();
        Ok(Place {
            name: printable(&welcome.place),
            streamer: self.streamer,
            mailbox: MailboxId(b64::decode_array(&welcome.mailbox).ok_or_else(damaged)?),
            cap: Secret::new(b64::decode_array(&welcome.cap).ok_or_else(damaged)?),
            psk: Secret::new(b64::decode_array(&welcome.psk).ok_or_else(damaged)?),
            servers: if servers.is_empty() { vec![self.server.clone()] } else { servers },
            roles: welcome.roles.clone(),
            device: printable(&welcome.device),
            counter: 0,
        })
    }
}
