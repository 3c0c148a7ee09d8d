//! The viewer's side: slots coming in.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use rtc::interceptor::{ReceiverReportBuilder, Registry, Slot as Place, TwccReceiverBuilder};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use tokio::sync::mpsc;
use webrtc::peer_connection::RTCSessionDescription;

use super::connection::{Connection, failed};
use super::inlet::{Counters, Inlet};
use super::outbox::Outbox;
use super::sender::random;
use crate::peer::sdp::{self, Media, Section};
use crate::peer::{Channel, PeerError, PeerEvent, PeerSettings, PeerStats};
use crate::protocol::wire::{Candidate, SlotKind};

/// How long an answer waits for candidates: local ones take about a millisecond, and the offering side needs none of ours.
const ANSWER_PATIENCE: Duration = Duration::from_millis(3);
/// Place in the interceptor chain behind (application-ward of) all of the crate's own.
const APPLICATION_END: usize = 100_000;

/// A peer connection that receives.
pub struct Receiver {
    connection: Connection,
    sections: Vec<Section>,
    counters: Arc<Counters>,
    fingerprint: [u8; 32],
    ssrc: u32,
}

impl Receiver {
    /// Opens a connection and answers a streamer's offer at once; candidates follow as events.
    pub async fn answer(
        offer_sdp: &str,
        settings: &PeerSettings,
        events: mpsc::Sender<PeerEvent>,
    ) -> Result<(Self, String), PeerError> {
        let description = sdp::read(offer_sdp)?;
        let offer = RTCSessionDescription::offer(offer_sdp.to_owned()).map_err(failed("reading the offer"))?;
        let counters = Arc::new(Counters::default());
        let ssrc = random()?;
        let inlet = Inlet::new(&description.sections, events.clone(), counters.clone(), ssrc);
        let registry = |_: &Arc<Outbox>| {
            Registry::new()
                .with(Place::TwccReceiver, TwccReceiverBuilder::new().build())
                .with(Place::ReceiverReport, ReceiverReportBuilder::new().build())
                .with(Place::from(APPLICATION_END), inlet)
        };
        let connection = Connection::build(settings, description.active, registry, events).await?;
        let pc = &connection.pc;
        pc.set_remote_description(offer).await.map_err(failed("applying the offer"))?;
        let answer = pc.create_answer(None).await.map_err(failed("creating an answer"))?;
        pc.set_local_description(answer).await.map_err(failed("applying the answer"))?;
        let mid = description.sections.first().map(|s| s.mid.as_str()).unwrap_or_default();
        let sdp = connection.local_description(mid, ANSWER_PATIENCE).await?;
        let fingerprint = sdp::read(&sdp)?.fingerprint;
        connection.watch(None);
        Ok((Self { connection, sections: description.sections, counters, fingerprint, ssrc }, sdp))
    }

    /// A candidate of the peer.
    pub async fn add_candidate(&self, candidate: &Candidate) -> Result<(), PeerError> {
        self.connection.add_candidate(candidate).await
    }

    /// Sends a message: text on the control channel, binary on the bulk channel. Waits while more than half a
    /// megabyte is unacknowledged.
    pub async fn send(&self, channel: Channel, data: Bytes) -> Result<(), PeerError> {
        self.connection.send(channel, data).await
    }

    /// Asks for a key frame of the video slot at `mid`, and again every half second until one is assembled; frames before it are
    /// dropped. For a decoder that can't go on: losses on the way are dealt with already. Does nothing before the
    /// first packet.
    pub async fn request_key_frame(&self, mid: &str) -> Result<(), PeerError> {
        let video = |s: &&Section| s.media == Media::Slot(SlotKind::Video) && s.mid == mid;
        let section = self.sections.iter().find(video);
        let media_ssrc = section.and_then(|s| s.ssrc).ok_or_else(|| PeerError::UnknownMid(mid.to_owned()))?;
        let Some(track) = self.connection.shared.track.get() else { return Ok(()) };
        let pli = PictureLossIndication { sender_ssrc: self.ssrc, media_ssrc };
        track.write_rtcp(vec![Box::new(pli)]).await.map_err(|_| PeerError::Closed)
    }

    /// SHA-256 of our DTLS certificate, as in our description.
    pub fn local_fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// SHA-256 of the certificate that the peer showed; `None` before the handshake.
    pub async fn remote_fingerprint(&self) -> Option<[u8; 32]> {
        self.connection.remote_fingerprint(None).await
    }

    /// Figures so far.
    pub async fn stats(&self) -> PeerStats {
        let counters = &self.counters;
        PeerStats {
            packets_received: counters.packets.load(Ordering::Relaxed),
            packets_lost: counters.lost.load(Ordering::Relaxed),
            retransmitted: counters.retransmitted.load(Ordering::Relaxed),
            nacks: counters.nacks.load(Ordering::Relaxed),
            plis: counters.plis.load(Ordering::Relaxed),
            ..self.connection.transport_stats(None).await
        }
    }

    /// Ends the connection. What was sent on the control channel has 300 ms to arrive. The last event is
    /// [`PeerState::Closed`](crate::peer::PeerState::Closed).
    pub async fn close(&self) {
        self.connection.close().await;
    }
}
