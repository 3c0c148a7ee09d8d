//! The viewer's session and pairing against a pretend streamer that speaks the real sealed protocol, with time moved by
//! hand: no network, no WebRTC.

use std::time::{Duration, Instant};

use athome_shared::id::{CameraId, ChannelId, Layer, MailboxId};
use athome_shared::pair::keys::{self, StaticKeypair};
use athome_shared::pair::link::{Link, LinkServer};
use athome_shared::pair::noise::{Ephemeral, Initiator, Responder, Transport};
use athome_shared::pair::{b64, seal};
use athome_shared::peer::{Channel, PeerState};
use athome_shared::protocol::VERSION;
use athome_shared::protocol::control::{Attached, Role, ToStreamer, ToViewer};
use athome_shared::protocol::signal::CloseCode;
use athome_shared::protocol::wire::{
    Candidate, FromCamera, FromViewer, Join, Offer, PairHello, PairReply, PairWelcome, Refused, SlotKind, SlotMid, Why,
};
use athome_shared::secret::Secret;
use athome_shared::time::WallTime;
use athome_viewer::session::ended::Ended;
use athome_viewer::session::machine::{Event, Output, Proof, Session, Stage};
use athome_viewer::session::pairing::{self, Pairing};
use ring::rand::SystemRandom;

const MAILBOX: MailboxId = MailboxId([5; 16]);
const CHAN: ChannelId = ChannelId(77);
const FP: [u8; 32] = [0xab; 32];

fn sdp(fp: &[u8; 32]) -> String {
    let fp: Vec<String> = fp.iter().map(|b| format!("{b:02X}")).collect();
    let section = |m: &str, mid: &str, rest: &str| {
        format!(
            "m={m}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n{rest}"
        )
    };
    [
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n".to_owned(),
        format!("a=fingerprint:sha-256 {}\r\na=group:BUNDLE 0 1\r\n", fp.join(":")),
        section("video 9 UDP/TLS/RTP/SAVPF 96", "0", "a=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\n"),
        section("application 9 UDP/DTLS/SCTP webrtc-datachannel", "1", "a=sctp-port:5000\r\n"),
    ]
    .concat()
}

fn offer() -> Offer {
    Offer {
        v: VERSION,
        sdp: sdp(&FP),
        fp: b64::encode(&FP),
        kb: b64::encode(&[1; 32]),
        ice_servers: Vec::new(),
        slots: vec![SlotMid { kind: SlotKind::Video, slot: 0, mid: "0".to_owned() }],
        cameras: Vec::new(),
        attached: vec![Attached {
            kind: SlotKind::Video,
            slot: 0,
            camera: CameraId::new("door").unwrap(),
            layer: Layer::Full,
            epoch: 1,
            rtp: 0,
        }],
    }
}

/// A viewer's session and the streamer it talks to.
struct Pair {
    now: Instant,
    session: Session,
    streamer: Option<Responder>,
    psk: Secret<32>,
    transport: Option<Transport>,
    /// What the session said that was not for the streamer's sealed side.
    events: Vec<String>,
    control: Vec<ToStreamer>,
    received: Vec<FromViewer>,
    ended: Option<Ended>,
}

impl Pair {
    fn new() -> Self {
        let rng = SystemRandom::new();
        let viewer = StaticKeypair::generate(&rng).unwrap();
        let camera = StaticKeypair::generate(&rng).unwrap();
        let psk = Secret::new([3; 32]);
        let ephemeral = || Ephemeral::generate(&rng).unwrap();
        let initiator = Initiator::session(&viewer, camera.public(), &psk, MAILBOX, CHAN, ephemeral()).unwrap();
        let join = Join { v: VERSION, sid: b64::encode(&[0; 16]), ctr: 9, slots: 1, watch: Vec::new(), audio: false };
        let now = Instant::now();
        Self {
            now,
            session: Session::new(now, Proof { initiator, kb: [2; 32] }, &join).unwrap(),
            streamer: Some(Responder::session(&camera, MAILBOX, CHAN, ephemeral()).unwrap()),
            psk,
            transport: None,
            events: Vec::new(),
            control: Vec::new(),
            received: Vec::new(),
            ended: None,
        }
    }

    /// Carries out what the session asks for; its sealed messages reach the streamer.
    fn settle(&mut self, answer_with: impl Fn() -> FromCamera) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Sealed(message) => match (&mut self.transport, self.streamer.take()) {
                    (None, Some(streamer)) => {
                        let (mut answer, plain) = streamer.m1(&message).unwrap();
                        assert_eq!(seal::open::<Join>(&plain).unwrap().ctr, 9);
                        answer.set_psk(&self.psk).unwrap();
                        let (transport, m2) = answer.m2(&seal::seal(&answer_with()).unwrap()).unwrap();
                        self.transport = Some(transport);
                        self.session.handle_sealed(self.now, &m2);
                    }
                    (Some(transport), _) => {
                        self.received.push(seal::open(&transport.open(&message).unwrap()).unwrap());
                    }
                    (None, None) => panic!("a message after the channel was closed"),
                },
                Output::CloseChannel => self.events.push("close".to_owned()),
                Output::Answer { .. } => {
                    self.events.push("answer".to_owned());
                    self.session.handle_answer(sdp(&[0xcd; 32]).replace("actpass", "active"));
                }
                Output::Candidate(candidate) => self.events.push(candidate.mid),
                Output::Control(message) => self.control.push(serde_json::from_slice(&message).unwrap()),
                Output::Event(Event::Stage(stage)) => self.events.push(format!("{stage:?}")),
                Output::Event(Event::Attached(attached)) => self.events.push(attached.camera.to_string()),
                Output::Event(_) => {}
                Output::Ended(ended) => self.ended = Some(ended),
            }
        }
    }

    fn send(&mut self, message: &FromCamera) {
        let plain = seal::seal(message).unwrap();
        let sealed = self.transport.as_mut().unwrap().seal(&plain).unwrap();
        self.session.handle_sealed(self.now, &sealed);
        self.settle(|| panic!("a second knock"));
    }

    fn tell(&mut self, message: &ToViewer) {
        let json = serde_json::to_vec(message).unwrap();
        self.session.handle_control(self.now, WallTime(0), &json);
        self.settle(|| panic!("a second knock"));
    }

    fn live() -> Self {
        let mut pair = Self::new();
        pair.settle(|| FromCamera::Offer(Box::new(offer())));
        pair.session.handle_peer_state(pair.now, PeerState::Connected);
        pair.session.handle_channel_open(pair.now, Channel::Control);
        pair.settle(|| panic!("a second knock"));
        assert_eq!(pair.session.stage(), Stage::Live);
        pair
    }

    fn run_until_idle_or(&mut self, limit: Duration) {
        let end = self.now + limit;
        while self.ended.is_none() {
            let Some(at) = self.session.poll_timeout().filter(|at| *at <= end) else { break };
            self.now = at.max(self.now);
            self.session.handle_timeout(self.now, WallTime(0));
            self.settle(|| panic!("a second knock"));
        }
        self.now = end.min(self.now.max(end));
    }
}

fn candidate(mid: &str) -> Candidate {
    Candidate { cand: "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host".to_owned(), mid: mid.to_owned() }
}

#[test]
fn a_knock_an_offer_and_an_answer_make_a_session() {
    let mut pair = Pair::live();
    assert_eq!(pair.events, ["Proving", "Connecting", "answer", "door", "Live"]);
    let [FromViewer::Answer { fp, kb, .. }] = &pair.received[..] else { panic!("{:?}", pair.received) };
    assert_eq!((fp, kb), (&b64::encode(&[0xcd; 32]), &b64::encode(&[2; 32])));
    let both = pair.transport.as_ref().unwrap().bind_key(&[1; 32], &[2; 32]);
    assert_eq!(pair.session.bind_key(), Some(&both), "both ends derive the same binding key");
    pair.session.leave();
    pair.settle(|| panic!("a second knock"));
    assert_eq!(pair.received.last(), Some(&FromViewer::Bye { why: Why::Left }));
    assert_eq!(pair.control.last(), Some(&ToStreamer::Bye { why: Why::Left }));
    assert_eq!(pair.ended, Some(Ended::Left));
}

#[test]
fn an_offer_with_another_fingerprint_never_reaches_the_stack() {
    let mut pair = Pair::new();
    pair.settle(|| FromCamera::Offer(Box::new(Offer { sdp: sdp(&[0xee; 32]), ..offer() })));
    assert_eq!(pair.ended, Some(Ended::Tampered));
    assert!(!pair.events.contains(&"answer".to_owned()));
}

#[test]
fn an_offer_with_more_slots_than_asked_for_is_refused() {
    let mut pair = Pair::new();
    let mut two = offer();
    two.slots.push(SlotMid { kind: SlotKind::Video, slot: 1, mid: "1".to_owned() });
    pair.settle(|| FromCamera::Offer(Box::new(two.clone())));
    assert!(matches!(pair.ended, Some(Ended::Protocol(_))), "{:?}", pair.ended);
}

#[test]
fn a_changed_repeated_or_reordered_message_ends_what_does_not_stand_yet() {
    let mut pair = Pair::new();
    pair.settle(|| FromCamera::Offer(Box::new(offer())));
    let plain = seal::seal(&FromCamera::Cand(candidate("0"))).unwrap();
    let sealed = pair.transport.as_mut().unwrap().seal(&plain).unwrap();
    pair.session.handle_sealed(pair.now, &sealed);
    pair.session.handle_sealed(pair.now, &sealed);
    pair.settle(|| panic!("a second knock"));
    assert_eq!(pair.ended, Some(Ended::Tampered));

    // Control: once the connection stands, the same attack costs the channel and nothing else.
    let mut pair = Pair::live();
    pair.session.handle_sealed(pair.now, &[7; 300]);
    pair.settle(|| panic!("a second knock"));
    assert_eq!(pair.ended, None);
    assert_eq!(pair.session.stage(), Stage::Live);
}

#[test]
fn a_refusal_is_told_with_its_reason() {
    let mut pair = Pair::new();
    let refused = Refused { why: Why::Busy, who: None, count: Some(16), retry_s: Some(5) };
    pair.settle(|| FromCamera::Refused(refused.clone()));
    assert_eq!(pair.ended, Some(Ended::Refused(refused)));
    assert!(pair.events.contains(&"close".to_owned()));
}

#[test]
fn a_revoked_device_is_told_in_the_middle_of_a_session() {
    let mut pair = Pair::live();
    pair.tell(&ToViewer::Bye { why: Why::Revoked });
    assert_eq!(pair.ended, Some(Ended::Bye(Why::Revoked)));
}

#[test]
fn losing_the_signaling_channel_does_not_end_a_live_session() {
    let mut pair = Pair::live();
    pair.session.handle_channel_closed(None);
    pair.settle(|| panic!("a second knock"));
    assert_eq!(pair.ended, None);

    // Control: before the answer it does.
    let mut pair = Pair::new();
    while !matches!(pair.session.poll_output(), Some(Output::Sealed(_))) {}
    pair.session.handle_channel_closed(Some(CloseCode::Offline));
    pair.settle(|| panic!("no knock is answered"));
    assert_eq!(pair.ended, Some(Ended::Offline));
}

#[test]
fn silence_ends_each_phase_with_its_own_reason() {
    let mut pair = Pair::new();
    while !matches!(pair.session.poll_output(), Some(Output::Sealed(_))) {}
    pair.run_until_idle_or(Duration::from_secs(60));
    assert_eq!(pair.ended, Some(Ended::Silent));

    let mut pair = Pair::new();
    pair.settle(|| FromCamera::Offer(Box::new(offer())));
    pair.run_until_idle_or(Duration::from_secs(60));
    assert_eq!(pair.ended, Some(Ended::NoPath));

    let mut pair = Pair::live();
    pair.run_until_idle_or(Duration::from_secs(60));
    assert_eq!(pair.ended, Some(Ended::Lost), "pings were not answered");
    assert!(pair.control.len() >= 5, "{:?}", pair.control);
}

#[test]
fn answered_pings_keep_a_session_and_give_the_streamers_clock() {
    let mut pair = Pair::live();
    for _ in 0..40 {
        pair.run_until_idle_or(Duration::from_secs(1));
        for request in std::mem::take(&mut pair.control) {
            if let ToStreamer::Ping { id, sent } = request {
                let there = WallTime(sent.0 + 5_000_000);
                pair.tell(&ToViewer::Pong { id, received: there, sent: there });
            }
        }
    }
    assert_eq!(pair.ended, None);
    assert_eq!(pair.session.clock().to_local(WallTime(5_000_000)), Some(WallTime(0)));
}

#[test]
fn a_65th_candidate_and_a_candidate_that_is_none_end_the_session() {
    let mut pair = Pair::live();
    for _ in 0..64 {
        pair.send(&FromCamera::Cand(candidate("0")));
    }
    assert_eq!(pair.ended, None);
    pair.send(&FromCamera::Cand(candidate("0")));
    assert!(matches!(pair.ended, Some(Ended::Protocol(_))));

    let mut pair = Pair::live();
    let bad = Candidate { cand: "candidate:1 1 udp 1 evil.example 5000 typ host".to_owned(), mid: "0".to_owned() };
    pair.send(&FromCamera::Cand(bad));
    assert!(matches!(pair.ended, Some(Ended::Protocol(_))));
}

#[test]
fn malformed_control_ends_the_session_and_unknown_kinds_do_not() {
    let mut pair = Pair::live();
    pair.session.handle_control(pair.now, WallTime(0), br#"{"t":"weather","sky":"blue"}"#);
    pair.settle(|| panic!("a second knock"));
    assert_eq!(pair.ended, None);
    pair.session.handle_control(pair.now, WallTime(0), b"{");
    pair.settle(|| panic!("a second knock"));
    assert!(matches!(pair.ended, Some(Ended::Protocol(_))));
    assert_eq!(pair.control.last(), Some(&ToStreamer::Bye { why: Why::Protocol }));
}

/// A camera's answer to a pairing, and what the viewer makes of it.
fn pair_with(reply: &PairReply) -> (Result<(), Ended>, Option<String>, bool) {
    let rng = SystemRandom::new();
    let viewer = StaticKeypair::generate(&rng).unwrap();
    let camera = StaticKeypair::generate(&rng).unwrap();
    let link = Link {
        server: LinkServer::SameOrigin,
        s_pub: *camera.public(),
        secret: Secret::new([9; 16]),
        page: "http://127.0.0.1:8080".to_owned(),
    };
    let mailbox = keys::pair_mailbox(&link.secret);
    let psk = keys::psk_pair(&link.secret, &link.s_pub);
    let ephemeral = || Ephemeral::generate(&rng).unwrap();
    let initiator = Initiator::pairing(&viewer, &link.s_pub, &psk, mailbox, CHAN, ephemeral()).unwrap();
    let streamer = Responder::pairing(&camera, &psk, mailbox, CHAN, ephemeral()).unwrap();
    let mut pairing = Pairing::new(Instant::now(), initiator, &link, "Anna's\u{202e} phone", "headless").unwrap();
    let Some(pairing::Output::Sealed(m1)) = pairing.poll_output() else { panic!("no first message") };
    let (answer, hello) = streamer.m1(&m1).unwrap();
    assert_eq!(seal::open::<PairHello>(&hello).unwrap().device, "Anna's phone");
    let (mut transport, m2) = answer.m2(&seal::seal(reply).unwrap()).unwrap();
    pairing.handle_sealed(&m2);
    let mut server = None;
    let mut confirmed = false;
    loop {
        match pairing.poll_output() {
            Some(pairing::Output::Store(place)) => {
                server = place.servers.first().cloned();
                let ok = pairing.handle_stored().unwrap();
                confirmed = seal::open::<FromViewer>(&transport.open(&ok).unwrap()).unwrap() == FromViewer::PairOk;
            }
            Some(pairing::Output::Ended(result)) => return (result, server, confirmed),
            Some(pairing::Output::Sealed(_)) | None => panic!("stuck"),
        }
    }
}

fn welcome() -> PairWelcome {
    PairWelcome {
        v: VERSION,
        roles: vec![Role::View],
        cap: b64::encode(&[1; 16]),
        psk: b64::encode(&[2; 32]),
        mailbox: b64::encode(&[3; 16]),
        servers: Vec::new(),
        place: "Home".to_owned(),
        device: "Anna's phone".to_owned(),
        roster_epoch: 1,
    }
}

#[test]
fn a_grant_is_stored_before_it_is_confirmed() {
    let (result, server, confirmed) = pair_with(&PairReply::Welcome(Box::new(welcome())));
    assert_eq!(result, Ok(()));
    assert_eq!(server.as_deref(), Some("ws://127.0.0.1:8080/ws"), "the link's server where the streamer names none");
    assert!(confirmed);
}

#[test]
fn a_used_code_and_a_damaged_grant_are_not_stored() {
    let used = Refused { why: Why::Used, who: Some("Anna's phone".to_owned()), count: None, retry_s: None };
    let (result, server, _) = pair_with(&PairReply::Refused(used.clone()));
    assert_eq!((result, server), (Err(Ended::Refused(used)), None));
    let damaged = PairWelcome { psk: b64::encode(&[2; 31]), ..welcome() };
    let (result, server, _) = pair_with(&PairReply::Welcome(Box::new(damaged)));
    assert!(matches!(result, Err(Ended::Protocol(_))));
    assert_eq!(server, None);
}
