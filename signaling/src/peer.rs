//! What one connection may say, and in which order. No socket, no clock, no dice.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use athome_shared::id::ChannelId;
use athome_shared::protocol::signal::{CloseCode, ErrorCode, Frame, FrameError, VERSION, data_channel, mailbox_id};
use bytes::Bytes;

use crate::admit::{Names, is_our_name, proof_holds};
use crate::config::Config;
use crate::directory::ConnId;
use crate::hub::Hub;
use crate::limit::{Bucket, Buckets, Rate};
use crate::metrics::Metrics;
use crate::outbox::{End, Outbox};

/// What every connection is judged by.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) names: Names,
    pub(crate) frame_rate: Rate,
    pub(crate) max_frame: usize,
    pub(crate) idle_secs: u16,
    /// OPEN, WATCH and HELLO of each network. Held for one look-up.
    pub(crate) opens: Mutex<Buckets>,
    pub(crate) hub: Hub,
    pub(crate) metrics: Arc<Metrics>,
}

impl Rules {
    pub(crate) fn new(config: &Config, now: Instant) -> Self {
        let metrics = Arc::new(Metrics::default());
        Self {
            names: config.own_names(),
            frame_rate: config.frame_rate(),
            max_frame: config.max_frame,
            idle_secs: config.idle_secs,
            // As many busy networks as there can be connections.
            opens: Mutex::new(Buckets::new(now, config.open_rate(), config.max_connections)),
            hub: Hub::new(config.limits(), config.queue_frames, Arc::clone(&metrics)),
            metrics,
        }
    }

    fn may_open(&self, now: Instant, address: IpAddr) -> bool {
        self.opens.lock().unwrap_or_else(PoisonError::into_inner).take(now, address)
    }
}

/// One connection's place in the conversation.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) conn: ConnId,
    rules: Arc<Rules>,
    /// The client's, for rates; ours, for the name check.
    remote: IpAddr,
    local: IpAddr,
    /// Fresh for this connection.
    nonce: [u8; 32],
    frames: Bucket,
    stage: Stage,
    outbox: Arc<Outbox>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    New,
    Challenged { mailbox_pub: [u8; 32] },
    Camera,
    Viewer,
}

impl Peer {
    /// Enters the hub; dropping the peer leaves it.
    pub(crate) fn new(rules: Arc<Rules>, remote: IpAddr, local: IpAddr, nonce: [u8; 32], now: Instant) -> Self {
        let (conn, outbox) = rules.hub.enter();
        Self { conn, rules, remote, local, nonce, frames: Bucket::new(now), stage: Stage::New, outbox }
    }

    /// What is to be sent to this connection.
    pub(crate) fn outbox(&self) -> Arc<Outbox> {
        Arc::clone(&self.outbox)
    }

    /// Whether the connection has said, and proved, what it is.
    pub(crate) fn is_known(&self) -> bool {
        matches!(self.stage, Stage::Camera | Stage::Viewer)
    }

    /// A WebSocket message. Answers go to the connection's own outbox; `Err` ends the connection.
    pub(crate) fn handle_message(&mut self, now: Instant, message: Bytes) -> Result<(), End> {
        self.rules.metrics.messages.add(1);
        if !self.frames.take(now, self.rules.frame_rate) {
            return Err(End::new(ErrorCode::Rate, "too many frames in a short time"));
        }
        if message.len() > self.rules.max_frame {
            return Err(self.too_large());
        }
        if self.is_known()
            && let Some(chan) = data_channel(&message)
        {
            self.rules.hub.relay(self.conn, chan, message);
            return Ok(());
        }
        match Frame::decode(message) {
            Ok(frame) => self.handle_frame(now, frame),
            Err(FrameError::UnknownType(_)) => Ok(()),
            Err(FrameError::TooLarge(_)) => Err(self.too_large()),
            Err(error @ FrameError::Version(_)) => {
                Err(End::new(ErrorCode::Version, format!("{error}; one of the two programs needs an update")))
            }
            Err(error @ (FrameError::Malformed { .. } | FrameError::Short(_))) => {
                Err(End::new(ErrorCode::Malformed, error.to_string()))
            }
        }
    }

    pub(crate) fn max_frame(&self) -> usize {
        self.rules.max_frame
    }

    /// The connection is ended with this ERROR.
    pub(crate) fn count_end(&self, code: ErrorCode) {
        self.rules.metrics.ended(code);
    }

    pub(crate) fn too_large(&self) -> End {
        End::new(ErrorCode::TooLarge, format!("a frame has at most {} bytes here", self.rules.max_frame))
    }

    fn handle_frame(&mut self, now: Instant, frame: Frame) -> Result<(), End> {
        match (self.stage, frame) {
            (Stage::New, Frame::Hello { min_ver, max_ver, mailbox_pub }) => {
                if !(min_ver..=max_ver).contains(&VERSION) {
                    let text = format!("this server speaks version {VERSION}, the camera {min_ver} to {max_ver}");
                    return Err(End::new(ErrorCode::Version, text));
                }
                if !self.rules.may_open(now, self.remote) {
                    return Err(End::new(ErrorCode::Rate, "too many sign-ins from this address"));
                }
                self.stage = Stage::Challenged { mailbox_pub };
                self.answer(&Frame::Challenge { nonce: self.nonce });
                Ok(())
            }
            (Stage::Challenged { mailbox_pub }, Frame::Auth { sig, name }) => {
                if !is_our_name(&name, &self.rules.names, self.local) {
                    let text = "this server does not go by the name that was dialled; add it to names";
                    return Err(End::new(ErrorCode::Authentication, text));
                }
                if !proof_holds(&self.nonce, &mailbox_pub, &name, &sig) {
                    return Err(End::new(ErrorCode::Authentication, "the signature does not fit the mailbox key"));
                }
                self.stage = Stage::Camera;
                let max_frame = u32::try_from(self.rules.max_frame).unwrap_or(u32::MAX);
                // Before anybody can ring.
                self.answer(&Frame::Ready { ver: VERSION, idle_secs: self.rules.idle_secs, max_frame });
                self.rules.hub.join_camera(self.conn, mailbox_id(&mailbox_pub));
                Ok(())
            }
            (Stage::Camera, Frame::Caps(caps)) => self.rules.hub.set_caps(self.conn, caps),
            (Stage::Camera, Frame::Invites(invites)) => self.rules.hub.set_invites(self.conn, invites),
            (Stage::New | Stage::Viewer, Frame::Open { chan, target }) => {
                if !self.may_open(now, chan) {
                    return Ok(());
                }
                self.rules.hub.open(self.conn, chan, target)
            }
            (Stage::New | Stage::Viewer, Frame::Watch { chan, mailbox, cap }) => {
                if !self.may_open(now, chan) {
                    return Ok(());
                }
                self.rules.hub.watch(self.conn, chan, mailbox, &cap)
            }
            (Stage::Camera | Stage::Viewer, Frame::Close { chan, code }) => {
                self.rules.hub.close(self.conn, chan, code);
                Ok(())
            }
            (stage, frame) => Err(End::new(ErrorCode::Malformed, out_of_order(stage, &frame))),
        }
    }

    /// The connection is a viewer's from now on. Where its network opens too much too quickly, it is told so.
    fn may_open(&mut self, now: Instant, chan: ChannelId) -> bool {
        if self.stage == Stage::New {
            self.stage = Stage::Viewer;
            self.rules.hub.join_viewer(self.conn);
        }
        let allowed = self.rules.may_open(now, self.remote);
        if !allowed {
            self.answer(&Frame::Close { chan, code: CloseCode::Rate });
        }
        allowed
    }

    fn answer(&self, frame: &Frame) {
        // The waker is this connection's own task, which is running and looks into the outbox next.
        let _ = self.outbox.push_control(frame.encode());
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.rules.hub.leave(self.conn);
    }
}

fn out_of_order(stage: Stage, frame: &Frame) -> &'static str {
    match (stage, frame) {
        (
            _,
            Frame::Challenge { .. }
            | Frame::Ready { .. }
            | Frame::Ring { .. }
            | Frame::Presence { .. }
            | Frame::Drain { .. }
            | Frame::Error { .. },
        ) => "only a server sends this frame",
        (Stage::New, _) => "a connection starts with HELLO, OPEN or WATCH",
        (Stage::Challenged { .. }, _) => "AUTH must answer CHALLENGE",
        (Stage::Camera, _) => "a camera's connection can't do what a viewer's does, nor sign in twice",
        (Stage::Viewer, _) => "a viewer's connection can't do what a camera's does",
    }
}

#[cfg(test)]
#[path = "peer_tests.rs"]
mod tests;
