//! A camera's link as a state machine, `Idle → Connecting → Joined → Waiting { until }`, without socket or clock.
//!
//! [`Session::poll_output`] says what the task around it has to do. After [`Output::Disconnect`], and whenever the
//! socket ends by itself, the task calls [`Session::handle_lost`].

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::camera::{CameraCommand, CameraLinkEvent};
use super::liveness::{Beat, DEAD_AFTER, Liveness, PING_EVERY};
use crate::backoff::Backoff;
use crate::id::{ChannelId, MailboxId};
use crate::protocol::signal::{CapHash, CloseCode, ErrorCode, Frame, FrameError, VERSION, auth_input};

/// First and longest wait between two tries.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// From the dial to READY.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A link that stood this long was a good one: the next failure is a first one.
const STABLE_AFTER: Duration = Duration::from_secs(10);
/// Another program holds the mailbox. Coming back at once would throw it out, and it us, for ever.
const REPLACED_WAIT: Duration = Duration::from_secs(300);
/// Longest wait that a server's DRAIN may ask for.
const DRAIN_CEILING: Duration = Duration::from_secs(300);

/// Where the link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not started.
    Idle,
    /// Dialling, upgrading or proving the key.
    Connecting { since: Instant },
    /// The server routes to us.
    Joined { since: Instant },
    /// Between two tries.
    Waiting { until: Instant },
    /// A newer connection of the same mailbox took over; tried again after a long wait.
    Replaced { until: Instant },
}

/// What the task has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    Connect,
    Send(Bytes),
    Ping,
    Disconnect,
    Event(CameraLinkEvent),
}

/// Why we hung up ourselves; decides the next wait.
#[derive(Clone, Debug, PartialEq)]
enum Ending {
    Failed(String),
    Refused(String),
    Drained { retry: Duration },
    Replaced,
}

/// The state machine.
pub struct Session {
    state: State,
    key: Arc<Ed25519KeyPair>,
    mailbox_pub: [u8; 32],
    name: String,
    caps: Option<Vec<CapHash>>,
    invites: Option<Vec<MailboxId>>,
    /// Open channels: DRAIN waits for them, and commands for others are stale.
    channels: HashSet<ChannelId>,
    draining: Option<Duration>,
    ending: Option<Ending>,
    backoff: Backoff,
    liveness: Option<Liveness>,
    outputs: VecDeque<Output>,
}

impl Session {
    /// `name` is the `host[:port]` that is dialled, lower case.
    pub fn new(key: Arc<Ed25519KeyPair>, name: String) -> Self {
        let mut mailbox_pub = [0; 32];
        mailbox_pub.iter_mut().zip(key.public_key().as_ref()).for_each(|(to, from)| *to = *from);
        Self {
            state: State::Idle,
            key,
            mailbox_pub,
            name,
            caps: None,
            invites: None,
            channels: HashSet::new(),
            draining: None,
            ending: None,
            backoff: Backoff::new(RETRY.0, RETRY.1),
            liveness: None,
            outputs: VecDeque::new(),
        }
    }

    /// Where the link is.
    pub fn state(&self) -> State {
        self.state
    }

    /// The next thing to do; `None`: wait for something to happen.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Self::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Idle => None,
            State::Connecting { since } => Some(since + CONNECT_TIMEOUT),
            State::Joined { .. } => self.liveness.as_ref().map(Liveness::poll_timeout),
            State::Waiting { until } | State::Replaced { until } => Some(until),
        }
    }

    /// Starts dialling.
    pub fn handle_start(&mut self, now: Instant) {
        self.state = State::Connecting { since: now };
        self.outputs.push_back(Output::Connect);
    }

    /// The WebSocket stands.
    pub fn handle_open(&mut self, now: Instant) {
        if !matches!(self.state, State::Connecting { .. }) {
            return;
        }
        self.liveness = Some(Liveness::new(now, PING_EVERY, DEAD_AFTER));
        self.send(&Frame::Hello { min_ver: VERSION, max_ver: VERSION, mailbox_pub: self.mailbox_pub });
    }

    /// Anything arrived: a message, a ping, a pong.
    pub fn handle_heard(&mut self, now: Instant) {
        if let Some(liveness) = &mut self.liveness {
            liveness.handle_heard(now);
        }
    }

    /// A binary message arrived.
    pub fn handle_message(&mut self, now: Instant, message: Bytes) {
        if self.ending.is_some() {
            return;
        }
        match Frame::decode(message) {
            Ok(frame) => self.handle_frame(now, frame),
            Err(FrameError::UnknownType(_)) => {}
            Err(error) => self.hang_up(Ending::Failed(format!("the server sent something unreadable: {error}"))),
        }
    }

    fn handle_frame(&mut self, now: Instant, frame: Frame) {
        let joined = matches!(self.state, State::Joined { .. });
        match frame {
            Frame::Challenge { nonce } if !joined => {
                let sig = self.key.sign(&auth_input(&nonce, &self.mailbox_pub, &self.name));
                let Ok(sig) = sig.as_ref().try_into() else { return };
                self.send(&Frame::Auth { sig, name: self.name.clone() });
            }
            Frame::Ready { ver: VERSION, .. } if !joined => {
                self.state = State::Joined { since: now };
                if let Some(caps) = self.caps.clone() {
                    self.send(&Frame::Caps(caps));
                }
                if let Some(invites) = self.invites.clone() {
                    self.send(&Frame::Invites(invites));
                }
                self.event(CameraLinkEvent::Joined);
            }
            Frame::Ring { chan, kind } if joined => {
                self.channels.insert(chan);
                self.event(CameraLinkEvent::Ring { chan, kind });
            }
            // A message or a goodbye that crossed our own goodbye is stale.
            Frame::Data { chan, body } => {
                if self.channels.contains(&chan) {
                    self.event(CameraLinkEvent::Data { chan, body });
                }
            }
            Frame::Close { chan, code } => {
                if self.channels.remove(&chan) {
                    self.event(CameraLinkEvent::Closed { chan, code });
                    self.leave_when_drained();
                }
            }
            Frame::Drain { retry_secs } => {
                self.draining = Some(Duration::from_secs(retry_secs.into()).min(DRAIN_CEILING));
                self.event(CameraLinkEvent::Draining);
                self.leave_when_drained();
            }
            Frame::Error { code: ErrorCode::Replaced, .. } => self.hang_up(Ending::Replaced),
            Frame::Error { code, text } => {
                let text: String = text.chars().filter(|c| !c.is_control()).collect();
                let why = format!("the server ended the connection ({code:?}): {text}");
                self.hang_up(match code {
                    ErrorCode::Version | ErrorCode::Authentication => Ending::Refused(why),
                    _ => Ending::Failed(why),
                });
            }
            Frame::Hello { .. }
            | Frame::Challenge { .. }
            | Frame::Auth { .. }
            | Frame::Ready { .. }
            | Frame::Caps(_)
            | Frame::Invites(_)
            | Frame::Open { .. }
            | Frame::Ring { .. }
            | Frame::Watch { .. }
            | Frame::Presence { .. } => {
                self.hang_up(Ending::Failed("the server sent a frame that makes no sense here".to_owned()));
            }
        }
    }

    /// What the owner wants. CAPS and INVITES are kept and sent again on every reconnect; the rest needs its channel.
    pub fn handle_command(&mut self, command: CameraCommand) {
        let joined = matches!(self.state, State::Joined { .. });
        match command {
            CameraCommand::Caps(caps) => {
                if joined {
                    self.send(&Frame::Caps(caps.clone()));
                }
                self.caps = Some(caps);
            }
            CameraCommand::Invites(invites) => {
                if joined {
                    self.send(&Frame::Invites(invites.clone()));
                }
                self.invites = Some(invites);
            }
            CameraCommand::Data { chan, body } => {
                if self.channels.contains(&chan) {
                    self.send(&Frame::Data { chan, body });
                }
            }
            CameraCommand::Close { chan, code } => {
                if self.channels.remove(&chan) {
                    self.send(&Frame::Close { chan, code });
                    self.leave_when_drained();
                }
            }
        }
    }

    /// The time of [`Self::poll_timeout`] came; calling it early does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Waiting { until } | State::Replaced { until } if now >= until => self.handle_start(now),
            State::Connecting { since } if now >= since + CONNECT_TIMEOUT => {
                let secs = CONNECT_TIMEOUT.as_secs();
                self.hang_up(Ending::Failed(format!("no answer within {secs} s")));
            }
            State::Joined { .. } => match self.liveness.as_mut().map(|liveness| liveness.handle_timeout(now)) {
                Some(Beat::Ping) => self.outputs.push_back(Output::Ping),
                Some(Beat::Dead) => {
                    let secs = DEAD_AFTER.as_secs();
                    self.hang_up(Ending::Failed(format!("the server was silent for {secs} s")));
                }
                Some(Beat::Wait) | None => {}
            },
            State::Idle | State::Connecting { .. } | State::Waiting { .. } | State::Replaced { .. } => {}
        }
    }

    /// The socket is gone, `why` in words; all channels went with it. `jitter` is random, 0 to 1.
    pub fn handle_lost(&mut self, now: Instant, why: &str, jitter: f64) {
        if let State::Joined { since } = self.state
            && now >= since + STABLE_AFTER
        {
            self.backoff.reset();
        }
        // The server hangs up at the end of its grace: that, too, is the drain that it announced.
        let drained = self.draining.take().map(|retry| Ending::Drained { retry });
        let ending = self.ending.take().or(drained).unwrap_or_else(|| Ending::Failed(why.to_owned()));
        self.liveness = None;
        // What was to be sent is moot; what happened before still happened.
        self.outputs.retain(|output| matches!(output, Output::Event(_)));
        for chan in std::mem::take(&mut self.channels) {
            self.event(CameraLinkEvent::Closed { chan, code: CloseCode::PeerGone });
        }
        match ending {
            Ending::Failed(why) => {
                let retry_in = self.backoff.fail(jitter);
                self.state = State::Waiting { until: now + retry_in };
                self.event(CameraLinkEvent::Down { retry_in, why });
            }
            Ending::Refused(why) => {
                let retry_in = self.backoff.fail(jitter);
                self.state = State::Waiting { until: now + retry_in };
                self.event(CameraLinkEvent::Refused { retry_in, why });
            }
            Ending::Drained { retry } => {
                // Never sooner than asked, and spread out: every client was told the same.
                let retry_in = (retry + retry.mul_f64(0.5 * jitter.clamp(0.0, 1.0))).max(RETRY.0);
                self.state = State::Waiting { until: now + retry_in };
                self.event(CameraLinkEvent::Down { retry_in, why: "the server is restarting".to_owned() });
            }
            Ending::Replaced => {
                self.state = State::Replaced { until: now + REPLACED_WAIT };
                self.event(CameraLinkEvent::Replaced);
            }
        }
    }

    /// Nothing more is to be done here once the last channel of a draining server is closed.
    fn leave_when_drained(&mut self) {
        if let Some(retry) = self.draining
            && self.channels.is_empty()
        {
            self.hang_up(Ending::Drained { retry });
        }
    }

    fn hang_up(&mut self, ending: Ending) {
        if self.ending.is_none() {
            self.ending = Some(ending);
            self.outputs.push_back(Output::Disconnect);
        }
    }

    fn send(&mut self, frame: &Frame) {
        self.outputs.push_back(Output::Send(frame.encode()));
    }

    fn event(&mut self, event: CameraLinkEvent) {
        self.outputs.push_back(Output::Event(event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::signal::RingKind;

    const CHAN: ChannelId = ChannelId(7);

    fn session() -> (Session, Instant) {
        let key = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).expect("32 bytes are a seed");
        let mut session = Session::new(Arc::new(key), "hub.example:8080".to_owned());
        let now = Instant::now();
        session.handle_start(now);
        (session, now)
    }

    fn outputs(session: &mut Session) -> Vec<Output> {
        std::iter::from_fn(|| session.poll_output()).collect()
    }

    fn frames(session: &mut Session) -> Vec<Frame> {
        outputs(session)
            .into_iter()
            .filter_map(|output| match output {
                Output::Send(message) => Frame::decode(message).ok(),
                _ => None,
            })
            .collect()
    }

    fn joined() -> (Session, Instant) {
        let (mut session, now) = session();
        session.handle_open(now);
        session.handle_message(now, Frame::Challenge { nonce: [9; 32] }.encode());
        session.handle_message(now, Frame::Ready { ver: 1, idle_secs: 60, max_frame: 16_384 }.encode());
        outputs(&mut session);
        (session, now)
    }

    #[test]
    fn joining_proves_the_key_over_the_dialled_name() {
        let (mut session, now) = session();
        assert_eq!(outputs(&mut session), [Output::Connect]);
        session.handle_open(now);
        let [Frame::Hello { mailbox_pub, .. }] = frames(&mut session)[..] else { panic!("HELLO comes first") };
        session.handle_message(now, Frame::Challenge { nonce: [9; 32] }.encode());
        let [Frame::Auth { sig, name }] = &frames(&mut session)[..] else { panic!("AUTH answers CHALLENGE") };
        assert_eq!(name, "hub.example:8080");
        let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, mailbox_pub);
        assert!(key.verify(&auth_input(&[9; 32], &mailbox_pub, name), sig).is_ok());
        assert!(key.verify(&auth_input(&[8; 32], &mailbox_pub, name), sig).is_err());
        session.handle_message(now, Frame::Ready { ver: 1, idle_secs: 60, max_frame: 16_384 }.encode());
        assert_eq!(outputs(&mut session), [Output::Event(CameraLinkEvent::Joined)]);
        assert_eq!(session.state(), State::Joined { since: now });
    }

    #[test]
    fn the_latest_caps_and_invites_are_sent_on_every_join() {
        let (mut session, now) = session();
        session.handle_command(CameraCommand::Caps(vec![[1; 32]]));
        session.handle_command(CameraCommand::Caps(vec![[2; 32]]));
        session.handle_command(CameraCommand::Invites(vec![MailboxId([3; 16])]));
        for _ in 0..2 {
            session.handle_open(now);
            outputs(&mut session);
            session.handle_message(now, Frame::Ready { ver: 1, idle_secs: 60, max_frame: 16_384 }.encode());
            assert_eq!(frames(&mut session), [Frame::Caps(vec![[2; 32]]), Frame::Invites(vec![MailboxId([3; 16])])]);
            session.handle_lost(now, "gone", 0.5);
            session.handle_start(now);
        }
    }

    #[test]
    fn a_lost_link_closes_its_channels_and_comes_back_later_each_time() {
        let (mut session, now) = joined();
        session.handle_message(now, Frame::Ring { chan: CHAN, kind: RingKind::Session }.encode());
        outputs(&mut session);
        session.handle_lost(now, "cable pulled", 1.0);
        let retry_in = Duration::from_millis(500);
        assert_eq!(
            outputs(&mut session),
            [
                Output::Event(CameraLinkEvent::Closed { chan: CHAN, code: CloseCode::PeerGone }),
                Output::Event(CameraLinkEvent::Down { retry_in, why: "cable pulled".to_owned() }),
            ]
        );
        assert_eq!(session.poll_timeout(), Some(now + retry_in));
        session.handle_timeout(now + retry_in - Duration::from_millis(1));
        assert_eq!(outputs(&mut session), []);
        session.handle_timeout(now + retry_in);
        assert_eq!(outputs(&mut session), [Output::Connect]);
        session.handle_lost(now, "refused", 1.0);
        assert_eq!(session.state(), State::Waiting { until: now + Duration::from_secs(1) });
    }

    #[test]
    fn a_link_that_stood_for_a_while_starts_its_waits_anew() {
        let (mut session, now) = joined();
        for _ in 0..5 {
            session.handle_lost(now, "", 1.0);
        }
        session.state = State::Joined { since: now };
        session.handle_lost(now + STABLE_AFTER, "", 1.0);
        assert_eq!(session.state(), State::Waiting { until: now + STABLE_AFTER + RETRY.0 });
    }

    #[test]
    fn drain_lets_channels_finish_and_waits_as_long_as_asked() {
        let (mut session, now) = joined();
        session.handle_message(now, Frame::Ring { chan: CHAN, kind: RingKind::Session }.encode());
        session.handle_message(now, Frame::Drain { retry_secs: 8 }.encode());
        assert!(!outputs(&mut session).contains(&Output::Disconnect));
        session.handle_command(CameraCommand::Close { chan: CHAN, code: CloseCode::Done });
        assert!(outputs(&mut session).contains(&Output::Disconnect));
        session.handle_lost(now, "we hung up", 1.0);
        assert_eq!(session.state(), State::Waiting { until: now + Duration::from_secs(12) });
        session.handle_start(now);
        session.handle_lost(now, "refused", 0.0);
        assert_eq!(session.state(), State::Waiting { until: now + Duration::from_millis(250) }, "drained only once");
    }

    #[test]
    fn being_replaced_is_a_state_of_its_own_with_a_long_wait() {
        let (mut session, now) = joined();
        let replaced = Frame::Error { code: ErrorCode::Replaced, text: "newer".to_owned() };
        session.handle_message(now, replaced.encode());
        assert_eq!(outputs(&mut session), [Output::Disconnect]);
        session.handle_lost(now, "we hung up", 0.0);
        assert_eq!(outputs(&mut session), [Output::Event(CameraLinkEvent::Replaced)]);
        assert_eq!(session.state(), State::Replaced { until: now + REPLACED_WAIT });
        session.handle_timeout(now + REPLACED_WAIT);
        assert_eq!(outputs(&mut session), [Output::Connect]);
    }

    #[test]
    fn a_server_that_does_not_take_us_is_told_from_one_that_fails() {
        for (code, refused) in [
            (ErrorCode::Authentication, true),
            (ErrorCode::Version, true),
            (ErrorCode::Rate, false),
            (ErrorCode::Limit, false),
            (ErrorCode::Unknown(99), false),
        ] {
            let (mut session, now) = session();
            session.handle_open(now);
            session.handle_message(now, Frame::Error { code, text: "why".to_owned() }.encode());
            outputs(&mut session);
            session.handle_lost(now, "we hung up", 1.0);
            let said = outputs(&mut session);
            let [Output::Event(event)] = &said[..] else { panic!("{code:?}: {said:?}") };
            assert_eq!(matches!(event, CameraLinkEvent::Refused { .. }), refused, "{code:?}");
            assert_eq!(matches!(event, CameraLinkEvent::Down { .. }), !refused, "{code:?}");
            assert_eq!(session.state(), State::Waiting { until: now + RETRY.0 }, "{code:?}: tried again all the same");
        }
    }

    #[test]
    fn stale_messages_and_commands_are_dropped() {
        let (mut session, now) = joined();
        session.handle_message(now, Frame::Data { chan: CHAN, body: Bytes::from_static(b"x") }.encode());
        session.handle_message(now, Frame::Close { chan: CHAN, code: CloseCode::Done }.encode());
        session.handle_command(CameraCommand::Data { chan: CHAN, body: Bytes::new() });
        session.handle_command(CameraCommand::Close { chan: CHAN, code: CloseCode::Done });
        assert_eq!(outputs(&mut session), []);
    }

    #[test]
    fn nonsense_from_the_server_ends_the_attempt() {
        for message in [Bytes::from_static(b"\x01"), Frame::Caps(vec![]).encode(), Bytes::from_static(b"\x02")] {
            let (mut session, now) = joined();
            session.handle_message(now, message);
            assert_eq!(outputs(&mut session), [Output::Disconnect]);
        }
        let (mut session, now) = joined();
        session.handle_message(now, Bytes::from_static(&[1, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
        assert_eq!(outputs(&mut session), [], "a newer server's frame is ignored");
    }

    #[test]
    fn silence_is_pinged_and_then_ends_the_link() {
        let (mut session, now) = joined();
        session.handle_timeout(now + PING_EVERY);
        assert_eq!(outputs(&mut session), [Output::Ping]);
        session.handle_timeout(now + DEAD_AFTER);
        assert_eq!(outputs(&mut session), [Output::Disconnect]);
    }

    #[test]
    fn a_dial_without_answer_is_given_up() {
        let (mut session, now) = session();
        outputs(&mut session);
        assert_eq!(session.poll_timeout(), Some(now + CONNECT_TIMEOUT));
        session.handle_timeout(now + CONNECT_TIMEOUT);
        assert_eq!(outputs(&mut session), [Output::Disconnect]);
        session.handle_lost(now + CONNECT_TIMEOUT, "we hung up", 1.0);
        let [Output::Event(CameraLinkEvent::Down { why, .. })] = &outputs(&mut session)[..] else { panic!("no Down") };
        assert!(why.contains("15 s"), "{why}");
    }
}
