//! The door, driven by a program of bytes: rings, raw data, and messages that a viewer with real keys seals, so that what lies
//! behind the cryptography is reached too.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use athome_shared::id::ChannelId;
use athome_shared::pair::keys::{MailboxKey, StaticKeypair, pair_mailbox, psk_pair};
use athome_shared::pair::noise::{Ephemeral, Initiator, Transport};
use athome_shared::pair::roles::Roles;
use athome_shared::pair::{b64, seal};
use athome_shared::protocol::wire::{FromCamera, Offer, Refused, Why};
use athome_shared::secret::Secret;
use athome_shared::time::WallTime;
use athome_streamer::serve::door::{Door, DoorOutput, Gone, Limits, Ring};
use athome_streamer::trust::{Enrolment, Identity, Invite, Roster, Viewer, ViewerState};
use ring::rand::SystemRandom;

const SECRET: [u8; 16] = [5; 16];
const WALL: WallTime = WallTime(1_800_000_000_000_000);
/// Channels of a program.
const CHANNELS: usize = 24;

struct Scene {
    door: Door,
    now: Instant,
    identity: Identity,
    viewer: StaticKeypair,
    ends: [End; CHANNELS],
    reached: Reached,
}

/// The viewer's end of a channel.
enum End {
    None,
    Started(Box<Initiator>),
    Open(Transport),
}

/// Runs the program `op:u8 chan:u8 len:u16be data`, again and again.
pub(super) fn door(data: &[u8]) {
    play(data);
}

/// How far a program got.
#[derive(Debug, Default, PartialEq)]
struct Reached {
    paired: u32,
    answered: u32,
    candidates: u32,
    goodbyes: u32,
}

fn play(data: &[u8]) -> Reached {
    let mut scene = Scene::new();
    let mut rest = data;
    while let [op, chan, high, low, tail @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low])) % 2048;
        let (payload, tail) = tail.split_at(len.min(tail.len()));
        scene.step(*op, usize::from(*chan) % CHANNELS, payload);
        rest = tail;
    }
    scene.reached
}

/// Made once: the fuzzer's time is for what follows.
static KEYS: LazyLock<(Identity, StaticKeypair)> = LazyLock::new(|| {
    let identity = Identity {
        keys: StaticKeypair::from_secret(Secret::new([1; 32])),
        mailbox_key: MailboxKey::from_seed(Secret::new([2; 32])),
        place: "Home".into(),
    };
    (identity, StaticKeypair::from_secret(Secret::new([3; 32])))
});

impl Scene {
    fn new() -> Self {
        let (identity, viewer) = KEYS.clone();
        let random = Arc::new(SystemRandom::new());
        let mut door = Door::new(identity.clone(), vec![], Limits::default(), random);
        door.set_roster(roster(&identity, &viewer, ViewerState::Valid));
        Self {
            door,
            now: Instant::now(),
            identity,
            viewer,
            ends: std::array::from_fn(|_| End::None),
            reached: Reached::default(),
        }
    }

    fn step(&mut self, op: u8, at: usize, payload: &[u8]) {
        let chan = ChannelId(at as u64);
        match op % 12 {
            0 => self.door.handle_ring(self.now, chan, Ring::Session),
            1 => self.door.handle_ring(self.now, chan, Ring::Pairing(pair_mailbox(&Secret::new(SECRET)))),
            2 | 3 => self.start(at, op.is_multiple_of(2), payload),
            4 => self.door.handle_data(self.now, WALL, chan, payload),
            5 | 6 => self.say(at, payload),
            7 => self.door.offer(self.now, chan, offer(payload)),
            8 => self.door.refuse(chan, Refused { why: Why::Busy, who: None, count: Some(1), retry_s: None }),
            9 => self.door.handle_close(self.now, chan),
            10 => self.now += Duration::from_millis(payload.len() as u64 * 10),
            _ => {
                let state = if payload.is_empty() { ViewerState::Valid } else { ViewerState::Revoked };
                self.door.set_roster(roster(&self.identity, &self.viewer, state));
            }
        }
        self.door.handle_timeout(self.now);
        let mut outputs = 0;
        while let Some(output) = self.door.poll_output() {
            outputs += 1;
            assert!(outputs < 1000, "one step has no end");
            match output {
                DoorOutput::Send { chan, data } => self.receive(chan, &data),
                DoorOutput::Enrol { chan, .. } => {
                    let viewer = viewer(&self.viewer, ViewerState::Pending);
                    self.door.enrolled(chan, Enrolment::Welcome(Box::new(viewer)));
                }
                DoorOutput::Knock { chan, join, .. } => {
                    assert!((1..=16).contains(&join.slots));
                    if join.slots == 1 {
                        self.door.offer(self.now, chan, offer(&[]));
                    }
                }
                DoorOutput::Paired { .. } => self.reached.paired += 1,
                DoorOutput::Answer { .. } => self.reached.answered += 1,
                DoorOutput::Candidate { .. } => self.reached.candidates += 1,
                DoorOutput::Gone { why: Gone::Bye(_), .. } => self.reached.goodbyes += 1,
                DoorOutput::Close { .. }
                | DoorOutput::Confirm { .. }
                | DoorOutput::CandEnd { .. }
                | DoorOutput::Gone { .. } => {}
            }
        }
    }

    /// A viewer with real keys says whatever the program wants it to say first.
    fn start(&mut self, at: usize, session: bool, payload: &[u8]) {
        let (chan, s_pub, ephemeral) = (ChannelId(at as u64), self.identity.keys.public(), Ephemeral::known([9; 32]));
        let end = if session {
            let mailbox = self.identity.mailbox_key.mailbox();
            Initiator::session(&self.viewer, s_pub, &Secret::new([4; 32]), mailbox, chan, ephemeral)
        } else {
            let secret = Secret::new(SECRET);
            Initiator::pairing(&self.viewer, s_pub, &psk_pair(&secret, s_pub), pair_mailbox(&secret), chan, ephemeral)
        };
        let Ok(mut end) = end else { return };
        let Some(Ok(m1)) = seal::pad(payload).ok().map(|plain| end.m1(&plain)) else { return };
        self.ends[at] = End::Started(Box::new(end));
        self.door.handle_data(self.now, WALL, chan, &m1);
    }

    fn say(&mut self, at: usize, payload: &[u8]) {
        let End::Open(transport) = &mut self.ends[at] else { return };
        let sealed = seal::pad(payload).ok().and_then(|plain| transport.seal(&plain).ok());
        if let Some(data) = sealed {
            self.door.handle_data(self.now, WALL, ChannelId(at as u64), &data);
        }
    }

    fn receive(&mut self, chan: ChannelId, data: &[u8]) {
        let Some(end) = self.ends.get_mut(chan.0 as usize) else { return };
        *end = match std::mem::replace(end, End::None) {
            End::Started(initiator) => initiator.m2(data).map_or(End::None, |(transport, _)| End::Open(transport)),
            End::Open(mut transport) => match transport.open(data) {
                Ok(plain) => {
                    assert!(seal::open::<FromCamera>(&plain).is_ok(), "the camera seals what can't be read");
                    End::Open(transport)
                }
                Err(_) => End::None,
            },
            End::None => End::None,
        };
    }
}

fn viewer(keys: &StaticKeypair, state: ViewerState) -> Viewer {
    Viewer {
        v_pub: *keys.public(),
        label: "phone".into(),
        roles: Roles::owner(),
        state,
        cap: Secret::new([6; 16]),
        psk: Secret::new([4; 32]),
        created: WALL,
        last_seen: None,
        expires: None,
    }
}

fn roster(identity: &Identity, keys: &StaticKeypair, state: ViewerState) -> Roster {
    let secret = Secret::new(SECRET);
    let invite = Invite {
        pair_mailbox: pair_mailbox(&secret),
        psk: psk_pair(&secret, identity.keys.public()),
        roles: Roles::owner(),
        created: WALL,
        expires: WallTime(WALL.0 + 600_000_000),
        uses_left: 1,
        used_by: None,
    };
    Roster::new(vec![viewer(keys, state)], vec![invite], 1)
}

/// An offer that passes our own check, or one with the program's description.
fn offer(sdp: &[u8]) -> Offer {
    let good = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
                m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=setup:actpass\r\n\
                a=ice-ufrag:abcd\r\na=ice-pwd:aWzKxJNhhdrekFjJfUmONpbR\r\na=fingerprint:sha-256 ";
    let good = format!("{good}{}\r\n", ["AB"; 32].join(":"));
    Offer {
        v: 1,
        sdp: if sdp.is_empty() { good } else { String::from_utf8_lossy(sdp).into_owned() },
        fp: b64::encode(&[0xab; 32]),
        kb: b64::encode(&[7; 32]),
        ice_servers: vec![],
        slots: vec![],
        cameras: vec![],
        attached: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::{Reached, play};

    #[test]
    fn the_seeds_reach_what_lies_behind_the_cryptography() {
        let session = play(include_bytes!("../../fuzz/seeds/door/session"));
        assert_eq!(session, Reached { answered: 1, candidates: 1, goodbyes: 1, ..Reached::default() });
        let pairing = play(include_bytes!("../../fuzz/seeds/door/pairing"));
        assert_eq!(pairing, Reached { paired: 1, ..Reached::default() });
    }
}
