//! A door with its store's content, and viewers that speak the real protocol.

use std::sync::Arc;
use std::time::{Duration, Instant};

use athome_shared::id::{ChannelId, MailboxId};
use athome_shared::pair::keys::{MailboxKey, StaticKeypair, pair_mailbox, psk_pair};
use athome_shared::pair::noise::{Ephemeral, Initiator, Transport};
use athome_shared::pair::roles::Roles;
use athome_shared::pair::{b64, seal};
use athome_shared::protocol::wire::{FromCamera, FromViewer, Join, Offer, PairHello};
use athome_shared::secret::Secret;
use athome_shared::time::WallTime;
use bytes::Bytes;
use ring::rand::SystemRandom;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::{Door, DoorOutput, Gone, Limits, Ring};
use crate::trust::{Identity, Invite, Roster, Viewer, ViewerState};

pub(super) const WALL: WallTime = WallTime(1_800_000_000_000_000);

/// A door, a clock, and who is known.
pub(super) struct Scene {
    pub(super) door: Door,
    pub(super) now: Instant,
    pub(super) viewers: Vec<Viewer>,
    pub(super) invites: Vec<Invite>,
    s_pub: [u8; 32],
    mailbox: MailboxId,
}

impl Scene {
    pub(super) fn new() -> Self {
        let identity = Identity {
            keys: StaticKeypair::from_secret(Secret::new([1; 32])),
            mailbox_key: MailboxKey::from_seed(Secret::new([2; 32])),
            place: "Home".into(),
        };
        let (s_pub, mailbox) = (*identity.keys.public(), identity.mailbox_key.mailbox());
        let door = Door::new(identity, vec![], Limits::default(), Arc::new(SystemRandom::new()));
        Self { door, now: Instant::now(), viewers: vec![], invites: vec![], s_pub, mailbox }
    }

    /// A scene in which one phone is paired.
    pub(super) fn with_phone() -> (Self, Phone) {
        let mut scene = Self::new();
        let phone = scene.pair(10);
        (scene, phone)
    }

    /// Adds a paired phone.
    pub(super) fn pair(&mut self, seed: u8) -> Phone {
        let phone =
            Phone { keys: StaticKeypair::from_secret(Secret::new([seed; 32])), psk: Secret::new([seed + 1; 32]) };
        self.viewers.push(Viewer {
            v_pub: *phone.keys.public(),
            label: format!("phone {seed}"),
            roles: Roles::owner(),
            state: ViewerState::Valid,
            cap: Secret::new([seed; 16]),
            psk: phone.psk.clone(),
            created: WALL,
            last_seen: None,
            expires: None,
        });
        self.publish();
        phone
    }

    /// Adds an invitation; its secret.
    pub(super) fn invite(&mut self) -> Secret<16> {
        let secret = Secret::new([77; 16]);
        self.invites.push(Invite {
            pair_mailbox: pair_mailbox(&secret),
            psk: psk_pair(&secret, &self.s_pub),
            roles: Roles::owner(),
            created: WALL,
            expires: WallTime(WALL.0 + 600_000_000),
            uses_left: 1,
            used_by: None,
        });
        self.publish();
        secret
    }

    /// Hands the door what the store holds now.
    pub(super) fn publish(&mut self) {
        self.door.set_roster(Roster::new(self.viewers.clone(), self.invites.clone(), 1));
    }

    pub(super) fn wait(&mut self, by: Duration) {
        self.now += by;
        self.door.handle_timeout(self.now);
    }

    pub(super) fn ring(&mut self, chan: u64) {
        self.door.handle_ring(self.now, ChannelId(chan), Ring::Session);
    }

    pub(super) fn data(&mut self, chan: u64, data: &[u8]) {
        self.door.handle_data(self.now, WALL, ChannelId(chan), data);
    }

    pub(super) fn outputs(&mut self) -> Vec<DoorOutput> {
        std::iter::from_fn(|| self.door.poll_output()).collect()
    }

    /// What the door wants, in words that a test can compare.
    pub(super) fn words(&mut self) -> Vec<String> {
        self.outputs().iter().map(words).collect()
    }

    /// Channels that the door keeps.
    pub(super) fn held(&self) -> usize {
        self.door.channels.len()
    }

    /// Rings and says `join`; message 1 as it went over the wire, and the viewer's end.
    pub(super) fn start(&mut self, phone: &Phone, chan: u64, join: &impl Serialize) -> (Initiator, Vec<u8>) {
        let ephemeral = Ephemeral::generate(&SystemRandom::new()).unwrap();
        let mut end =
            Initiator::session(&phone.keys, &self.s_pub, &phone.psk, self.mailbox, ChannelId(chan), ephemeral).unwrap();
        let m1 = end.m1(&seal::seal(join).unwrap()).unwrap();
        self.ring(chan);
        self.data(chan, &m1);
        (end, m1)
    }

    /// As far as the offer: the viewer's end.
    pub(super) fn offered(&mut self, phone: &Phone, chan: u64, ctr: u64) -> Transport {
        let (end, _) = self.start(phone, chan, &join(ctr));
        assert_eq!(self.words(), [format!("knock {chan}")]);
        self.door.offer(self.now, ChannelId(chan), offer());
        let m2 = self.sent();
        let (transport, payload) = end.m2(&m2).unwrap();
        assert_eq!(seal::open::<FromCamera>(&payload).unwrap(), FromCamera::Offer(Box::new(offer())));
        transport
    }

    /// As far as the answer: the viewer's end.
    pub(super) fn open(&mut self, phone: &Phone, chan: u64, ctr: u64) -> Transport {
        let mut transport = self.offered(phone, chan, ctr);
        self.say(chan, &mut transport, &answer());
        assert_eq!(self.words(), [format!("answer {chan}")]);
        transport
    }

    /// The viewer seals and sends.
    pub(super) fn say(&mut self, chan: u64, transport: &mut Transport, message: &impl Serialize) {
        let data = transport.seal(&seal::seal(message).unwrap()).unwrap();
        self.data(chan, &data);
    }

    /// Rings at an invitation and says hello.
    pub(super) fn start_pairing(
        &mut self,
        keys: &StaticKeypair,
        secret: &Secret<16>,
        hello: &impl Serialize,
    ) -> Initiator {
        let (chan, mailbox) = (ChannelId(5), pair_mailbox(secret));
        let psk = psk_pair(secret, &self.s_pub);
        let ephemeral = Ephemeral::generate(&SystemRandom::new()).unwrap();
        let mut end = Initiator::pairing(keys, &self.s_pub, &psk, mailbox, chan, ephemeral).unwrap();
        let m1 = end.m1(&seal::seal(hello).unwrap()).unwrap();
        self.door.handle_ring(self.now, chan, Ring::Pairing(mailbox));
        self.data(chan.0, &m1);
        end
    }

    /// The first message that the door sends now.
    pub(super) fn sent(&mut self) -> Bytes {
        let sent = self
            .outputs()
            .into_iter()
            .find_map(|o| if let DoorOutput::Send { data, .. } = o { Some(data) } else { None });
        sent.expect("the door sends something")
    }
}

/// A paired viewer.
pub(super) struct Phone {
    pub(super) keys: StaticKeypair,
    pub(super) psk: Secret<32>,
}

pub(super) fn words(output: &DoorOutput) -> String {
    match output {
        DoorOutput::Send { chan, .. } => format!("send {}", chan.0),
        DoorOutput::Close { chan, code } => format!("close {} {code}", chan.0),
        DoorOutput::Enrol { chan, .. } => format!("enrol {}", chan.0),
        DoorOutput::Confirm { .. } => "confirm".into(),
        DoorOutput::Paired { label, .. } => format!("paired {label}"),
        DoorOutput::Knock { chan, .. } => format!("knock {}", chan.0),
        DoorOutput::Answer { chan, .. } => format!("answer {}", chan.0),
        DoorOutput::Candidate { chan, .. } => format!("candidate {}", chan.0),
        DoorOutput::CandEnd { chan } => format!("candidates end {}", chan.0),
        DoorOutput::Gone { chan, why: Gone::Failed(_) } => format!("gone {} failed", chan.0),
        DoorOutput::Gone { chan, why } => format!("gone {} {why:?}", chan.0),
    }
}

/// Opens what the camera sent with message 2.
pub(super) fn second<T: DeserializeOwned>(end: Initiator, m2: &[u8]) -> (Transport, T) {
    let (transport, payload) = end.m2(m2).unwrap();
    (transport, seal::open(&payload).unwrap())
}

/// Opens what the camera sent later.
pub(super) fn later<T: DeserializeOwned>(transport: &mut Transport, data: &[u8]) -> T {
    seal::open(&transport.open(data).unwrap()).unwrap()
}

pub(super) fn hello() -> PairHello {
    PairHello { v: 1, device: "Anna's phone".into(), platform: "web".into(), insecure: false }
}

pub(super) fn join(ctr: u64) -> Join {
    Join { v: 1, sid: b64::encode(&[9; 16]), ctr, slots: 4, watch: vec![], audio: true }
}

fn sdp(setup: &str, direction: &str) -> String {
    let fp = ["AB"; 32].join(":");
    let ice = "a=ice-ufrag:abcd\r\na=ice-pwd:aWzKxJNhhdrekFjJfUmONpbR\r\n";
    format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 {fp}\r\na=group:BUNDLE 0 1\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 102\r\nc=IN IP4 0.0.0.0\r\na=setup:{setup}\r\na=mid:0\r\n{ice}a=rtcp-mux\r\n\
         a=rtpmap:102 H264/90000\r\na={direction}\r\n\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=setup:{setup}\r\na=mid:1\r\n{ice}\
         a=sctp-port:5000\r\n"
    )
}

pub(super) fn offer() -> Offer {
    Offer {
        v: 1,
        sdp: sdp("actpass", "sendonly"),
        fp: b64::encode(&[0xab; 32]),
        kb: b64::encode(&[0x11; 32]),
        ice_servers: vec![],
        slots: vec![],
        cameras: vec![],
        attached: vec![],
    }
}

pub(super) fn answer() -> FromViewer {
    FromViewer::Answer { sdp: sdp("active", "recvonly"), fp: b64::encode(&[0xab; 32]), kb: b64::encode(&[0x22; 32]) }
}
