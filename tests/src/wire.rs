//! A viewer that is only wire: the real session and the real receiver, whose descriptions a test may change on their way, so that a
//! relay can stand between them. It decodes nothing.

use std::sync::PoisonError;
use std::time::Instant;

use athome_shared::id::Layer;
use athome_shared::pair::b64;
use athome_shared::pair::keys::{self, StaticKeypair};
use athome_shared::pair::noise::{Ephemeral, Initiator};
use athome_shared::peer::{Channel, PeerEvent, ReceivedFrame, Receiver};
use athome_shared::protocol::VERSION;
use athome_shared::protocol::wire::{Join, WatchWish};
use athome_shared::signal::{self, ChannelEvent, ViewerLink};
use athome_shared::time::WallTime;
use athome_viewer::session::machine::{Event, Output, Proof, Session};
use ring::rand::SystemRandom;
use tokio::sync::mpsc;
use tokio::time::{Instant as At, sleep_until};

use crate::viewer::{Device, peer_settings};

/// As in the viewer: a second of several cameras.
const PEER_EVENTS: usize = 512;

/// What came.
#[derive(Debug)]
pub enum Came {
    Frame(ReceivedFrame),
    /// The streamer's figure for the slot, bits a second.
    Target(u32),
}

/// One session with the first camera.
pub struct Wire {
    session: Session,
    // Held: the channel ends with it.
    _link: ViewerLink,
    channel: signal::Channel,
    channel_open: bool,
    receiver: Receiver,
    events: mpsc::Receiver<PeerEvent>,
}

impl Wire {
    /// Knocks and answers the offer; both descriptions may be changed on their way.
    pub async fn open(
        device: &Device,
        change_offer: impl AsyncFnOnce(String) -> String,
        change_answer: impl FnOnce(&str) -> String,
    ) -> Self {
        let place = device.place();
        let link = ViewerLink::connect(place.servers.first().expect("a server")).await.expect("the server is there");
        let mut channel = link.open_session(place.mailbox, &place.cap).await.expect("a channel");
        let rng = SystemRandom::new();
        let (key, ctr) = {
            let mut store = device.store.lock().unwrap_or_else(PoisonError::into_inner);
            let ctr = store.next_counter(&place.streamer, WallTime::now()).expect("a counter");
            (StaticKeypair::from_secret(store.key().clone()), ctr)
        };
        let ephemeral = Ephemeral::generate(&rng).expect("randomness");
        let initiator = Initiator::session(&key, &place.streamer, &place.psk, place.mailbox, channel.id(), ephemeral)
            .expect("a handshake");
        let join = Join {
            v: VERSION,
            sid: b64::encode(&keys::random::<16>(&rng).expect("randomness")),
            ctr,
            slots: 1,
            watch: vec![WatchWish { slot: 0, camera: None, layer: Layer::Full }],
            audio: true,
        };
        let proof = Proof { initiator, kb: keys::random(&rng).expect("randomness") };
        let mut session = Session::new(Instant::now(), proof, &join).expect("a join");
        let sdp = loop {
            match session.poll_output() {
                Some(Output::Sealed(message)) => channel.send(message.into()).await.expect("the server takes it"),
                Some(Output::Answer { sdp, .. }) => break sdp,
                Some(Output::Ended(ended)) => panic!("no offer: {ended:?}"),
                Some(_) => {}
                None => match channel.recv().await {
                    Some(ChannelEvent::Data(message)) => session.handle_sealed(Instant::now(), &message),
                    other => panic!("no offer: {other:?}"),
                },
            }
        };
        let (to_us, events) = mpsc::channel(PEER_EVENTS);
        let offer = change_offer(sdp).await;
        let (receiver, answer) = Receiver::answer(&offer, &peer_settings(), to_us).await.expect("an answer");
        session.handle_answer(change_answer(&answer));
        Self { session, _link: link, channel, channel_open: true, receiver, events }
    }

    /// Goes on until `end` and hands over what came.
    pub async fn run(&mut self, end: Instant, mut came: impl FnMut(Came)) {
        loop {
            while let Some(output) = self.session.poll_output() {
                match output {
                    Output::Sealed(message) => {
                        // A session lives without its channel.
                        let _ = self.channel.send(message.into()).await;
                    }
                    Output::Control(message) => {
                        let _ = self.receiver.send(Channel::Control, message).await;
                    }
                    Output::Event(Event::SlotStats { target_bps, .. }) => came(Came::Target(target_bps)),
                    Output::Ended(ended) => panic!("the session ended: {ended:?}"),
                    // The streamer's later candidates would lead around the relay.
                    Output::Candidate(_) | Output::Event(_) | Output::Answer { .. } | Output::CloseChannel => {}
                }
            }
            let timeout = self.session.poll_timeout().map_or(end, |at| at.min(end));
            tokio::select! {
                biased;
                () = sleep_until(At::from_std(timeout)) => {
                    if Instant::now() >= end {
                        return;
                    }
                    self.session.handle_timeout(Instant::now(), WallTime::now());
                }
                event = self.events.recv() => match event.expect("the connection goes on") {
                    PeerEvent::Received(frame) => came(Came::Frame(frame)),
                    PeerEvent::State(state) => self.session.handle_peer_state(Instant::now(), state),
                    PeerEvent::ChannelOpen(channel) => self.session.handle_channel_open(Instant::now(), channel),
                    PeerEvent::Message(Channel::Control, message) => {
                        self.session.handle_control(Instant::now(), WallTime::now(), &message);
                    }
                    // Our own candidates stay untold: the streamer answers the relay.
                    _ => {}
                },
                event = self.channel.recv(), if self.channel_open => match event {
                    Some(ChannelEvent::Data(message)) => self.session.handle_sealed(Instant::now(), &message),
                    Some(ChannelEvent::Closed(code)) => {
                        self.channel_open = false;
                        self.session.handle_channel_closed(Some(code));
                    }
                    None => {
                        self.channel_open = false;
                        self.session.handle_channel_closed(None);
                    }
                },
            }
        }
    }

    /// Leaves without a word.
    pub async fn close(self) {
        self.receiver.close().await;
    }
}
