//! Signaling servers: what comes from them, what goes to them.

use std::time::Instant;

use athome_shared::id::ChannelId;
use athome_shared::protocol::signal::CloseCode;
use athome_shared::protocol::wire::Why;
use athome_shared::signal::camera::{CameraCommand, CameraLinkEvent, RingKind};
use athome_shared::time::WallTime;
use tracing::{info, warn};

use super::Task;
use crate::events::Kind;
use crate::serve::door::{DoorOutput, Gone, Ring};
use crate::serve::session::Order;

impl Task {
    pub(super) async fn handle_link(&mut self, at: usize, event: CameraLinkEvent) {
        let now = Instant::now();
        match event {
            CameraLinkEvent::Joined => self.link_changed(at, true),
            CameraLinkEvent::Ring { chan, kind } => {
                // The same number through two servers would mix two viewers: the second is turned away.
                if self.channels.contains_key(&chan) {
                    self.command(at, CameraCommand::Close { chan, code: CloseCode::Busy }).await;
                    return;
                }
                self.channels.insert(chan, at);
                let ring = match kind {
                    RingKind::Session => Ring::Session,
                    RingKind::Pairing(mailbox) => Ring::Pairing(mailbox),
                };
                self.door.handle_ring(now, chan, ring);
            }
            CameraLinkEvent::Data { chan, body } if self.channels.get(&chan) == Some(&at) => {
                self.door.handle_data(now, WallTime::now(), chan, &body);
            }
            CameraLinkEvent::Closed { chan, .. } if self.channels.get(&chan) == Some(&at) => {
                self.channels.remove(&chan);
                self.door.handle_close(now, chan);
            }
            CameraLinkEvent::Data { .. } | CameraLinkEvent::Closed { .. } | CameraLinkEvent::Draining => {}
            CameraLinkEvent::Down { retry_in, why } => {
                self.link_changed(at, false);
                info!(retry_s = retry_in.as_secs(), "signaling server {}: {why}", self.server_name(at));
            }
            CameraLinkEvent::Replaced => {
                self.link_changed(at, false);
                warn!(
                    "signaling server {}: another streamer with this identity took over; stop one of the two",
                    self.server_name(at)
                );
            }
        }
    }

    pub(super) async fn command(&self, at: usize, command: CameraCommand) {
        if let Some(server) = self.servers.get(at) {
            // A link that has ended was told to, or panicked; the others go on.
            let _ended = server.commands.send(command).await;
        }
    }

    /// Tells every server who may ring.
    pub(super) async fn register(&self) {
        for server in &self.servers {
            let _ended = server.commands.send(CameraCommand::Caps(self.roster.cap_hashes())).await;
            let _ended = server.commands.send(CameraCommand::Invites(self.roster.pair_mailboxes())).await;
        }
    }

    /// Does what the door asks for, until it asks for nothing.
    pub(super) async fn drain_door(&mut self) {
        while let Some(output) = self.door.poll_output() {
            match output {
                DoorOutput::Send { chan, data } => {
                    if let Some(at) = self.channels.get(&chan).copied() {
                        self.command(at, CameraCommand::Data { chan, body: data }).await;
                    }
                }
                DoorOutput::Close { chan, code } => {
                    if let Some(at) = self.channels.remove(&chan) {
                        self.command(at, CameraCommand::Close { chan, code: code.into() }).await;
                    }
                }
                DoorOutput::Enrol { chan, pair_mailbox, v_pub, hello } => self.enrol(chan, pair_mailbox, v_pub, hello),
                DoorOutput::Confirm { v_pub } => self.confirm(v_pub),
                DoorOutput::Paired { label, .. } => {
                    self.counters.devices_paired += 1;
                    self.events.streamer(Kind::DevicePaired { name: label });
                }
                DoorOutput::Knock { chan, viewer, join } => self.knock(chan, &viewer, join),
                DoorOutput::Answer { chan, sdp, .. } => {
                    if let Some(id) = self.house.answered(chan) {
                        self.order(id, Order::Answer(sdp));
                    }
                }
                DoorOutput::Candidate { chan, candidate } => {
                    if let Some(id) = self.house.on_channel(chan) {
                        self.order(id, Order::Candidate(candidate));
                    }
                }
                DoorOutput::CandEnd { .. } => {}
                DoorOutput::Gone { chan, why } => self.channel_gone(chan, &why),
            }
        }
    }

    pub(super) fn channel_gone(&mut self, chan: ChannelId, why: &Gone) {
        let session = self.house.on_channel(chan);
        let depended = self.house.channel_gone(chan);
        if let Gone::Failed(text) = why {
            info!("a viewer's channel ended: {text}");
        }
        match (why, session) {
            (Gone::Bye(_), Some(id)) => self.end(id, Why::Left),
            (Gone::Refused(why), Some(id)) => self.end(id, *why),
            _ => {
                if let Some(id) = depended {
                    self.end(id, Why::Left);
                }
            }
        }
    }

    fn link_changed(&mut self, at: usize, up: bool) {
        let Some(server) = self.servers.get_mut(at) else { return };
        if std::mem::replace(&mut server.up, up) != up && !server.setup.own {
            let server = server.setup.url.clone();
            self.events.streamer(if up { Kind::SignalingUp { server } } else { Kind::SignalingDown { server } });
        }
    }

    fn server_name(&self, at: usize) -> &str {
        self.servers.get(at).map_or("", |server| server.setup.url.as_str())
    }
}
