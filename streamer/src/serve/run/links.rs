//! Signaling servers: what comes from them, what goes to them.

use std::time::{Duration, Instant};

use athome_shared::id::ChannelId;
use athome_shared::protocol::signal::CloseCode;
use athome_shared::protocol::wire::Why;
use athome_shared::signal::camera::{CameraCommand, CameraLinkEvent, RingKind};
use athome_shared::time::WallTime;
use tracing::{debug, info, warn};

use super::Task;
use crate::events::{Kind, Outage};
use crate::serve::door::{DoorOutput, Gone, Ring};
use crate::serve::reach::Reach;
use crate::serve::session::Order;

impl Task {
    pub(super) async fn handle_link(&mut self, at: usize, event: CameraLinkEvent) {
        let now = Instant::now();
        match event {
            CameraLinkEvent::Joined => self.link_joined(at),
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
            CameraLinkEvent::Down { retry_in, why } => self.link_down(at, Reach::failed, retry_in, &why),
            CameraLinkEvent::Refused { retry_in, why } => self.link_down(at, Reach::refused, retry_in, &why),
            CameraLinkEvent::Replaced => {
                let why = "another streamer with this identity took over; stop one of the two";
                self.link_down(at, Reach::replaced, Duration::ZERO, why);
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
                    if let Some((id, replaces)) = self.house.answered(chan) {
                        for older in replaces {
                            self.end(older, Why::Replaced);
                        }
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
        let count = self.door.counts().unopened();
        if self.alarm.rings(count) {
            warn!(count, "sealed messages did not open: damaged, or changed on the way");
            self.events.streamer(Kind::Tampered { count });
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

    fn link_joined(&mut self, at: usize) {
        let Some(server) = self.servers.get_mut(at) else { return };
        let (news, own, server) = (server.reach.joined(), server.setup.own, server.setup.url.clone());
        self.publish_outside();
        if news && !own {
            self.events.streamer(Kind::SignalingUp { server });
        }
    }

    /// People are told of a cause once; the log has every try. Nobody is told about the own server, whose failing is ours.
    fn link_down(&mut self, at: usize, fail: fn(&mut Reach) -> Option<Outage>, retry_in: Duration, why: &str) {
        let Some(server) = self.servers.get_mut(at) else { return };
        let (news, own, url) = (fail(&mut server.reach), server.setup.own, server.setup.url.clone());
        // First what is claimed, then what is told of it.
        self.publish_outside();
        let retry_s = retry_in.as_secs();
        match news {
            Some(_) if own => warn!(retry_s, "the own server, {url}: {why}"),
            Some(cause) => {
                info!(retry_s, "signaling server {url}: {why}");
                self.events.streamer(Kind::SignalingDown { server: url, why: cause });
            }
            None => debug!(retry_s, "signaling server {url}: {why}"),
        }
    }

    fn publish_outside(&mut self) {
        let outside = self.servers.iter().any(|server| !server.setup.own && server.reach.up());
        self.shows.outside.send_if_modified(|shown| std::mem::replace(shown, outside) != outside);
    }
}
