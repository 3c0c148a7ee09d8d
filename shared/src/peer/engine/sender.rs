//! The streamer's side: video and sound slots going out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ring::rand::{SecureRandom, SystemRandom};
use rtc::interceptor::{
    CongestionControlBuilder, ReceiverReportBuilder, Registry, SenderReportBuilder, Slot as Place, TwccSenderBuilder,
};
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use tokio::sync::mpsc;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::RTCSessionDescription;
use webrtc::rtp_transceiver::RtpSender;

use super::connection::{Connection, failed};
use super::estimate::{Estimate, Link};
use super::outbox::Outbox;
use super::outlet::{Outgoing, Outlet, QUEUED_PACKETS, Queue};
use super::setup;
use crate::media::frame::{Codec, EncodedFrame};
use crate::media::rtp_h264::{MAX_PAYLOAD, Payload, packetize};
use crate::peer::sdp::{self, Media, Section};
use crate::peer::{Channel, PeerError, PeerEvent, PeerSettings, PeerStats, Shape};
use crate::protocol::wire::{Candidate, SlotKind, SlotMid};
use crate::time::{MediaTime, WallTime};

/// How long an offer waits for candidates. Local ones take about a millisecond; those from STUN servers follow as events.
const OFFER_PATIENCE: Duration = Duration::from_millis(20);
/// How long an answer without trickling (WHEP) waits for STUN servers.
const WHOLE_ANSWER_PATIENCE: Duration = Duration::from_millis(500);
/// Slots of one kind at most: `PeerEvent::KeyFrameWanted` is collected in 32 bits, and an offer must stay below 14 KiB.
const MAX_SLOTS: u8 = 16;
/// Place in the interceptor chain behind (application-ward of) all of the crate's own.
const APPLICATION_END: usize = 100_000;

/// A peer connection that sends. Every method may be called from any task; frames of one slot must be sent one after the other.
pub struct Sender {
    connection: Connection,
    slots: Vec<Slot>,
    queue: Arc<Queue>,
    link: Arc<Link>,
    fingerprint: [u8; 32],
    offer: Vec<Section>,
    answered: AtomicBool,
}

struct Slot {
    kind: SlotKind,
    number: u8,
    ssrc: u32,

    /// Added to media time, so that RTP time starts anywhere (RFC 3550 §5.1).
    offset: u32,
    sequence: Mutex<u16>,
    track: Arc<TrackLocalStaticRTP>,
    sender: Mutex<Option<Arc<dyn RtpSender>>>,
}

impl Sender {
    /// Opens a connection and offers `shape.video` and `shape.audio` slots and both data channels. Returns it with the
    /// description, which has the candidates found at once, and the media lines of the slots.
    pub async fn offer(
        shape: Shape,
        settings: &PeerSettings,
        events: mpsc::Sender<PeerEvent>,
    ) -> Result<(Self, String, Vec<SlotMid>), PeerError> {
        let slots = (0..shape.video.min(MAX_SLOTS))
            .map(|n| (SlotKind::Video, n))
            .chain((0..shape.audio.min(MAX_SLOTS)).map(|n| (SlotKind::Audio, n)));
        let mut sender = Self::build(slots.collect(), false, settings, events).await?;
        for slot in &sender.slots {
            let init = RTCRtpTransceiverInit {
                direction: RTCRtpTransceiverDirection::Sendonly,
                streams: Vec::new(),
                send_encodings: Vec::new(),
            };
            let track = slot.track.clone() as Arc<dyn TrackLocal>;
            let transceiver = sender.connection.pc.add_transceiver_from_track(track, Some(init)).await;
            let transceiver = transceiver.map_err(failed("adding a slot"))?;
            let found = transceiver.sender().await.map_err(failed("adding a slot"))?;
            *slot.sender.lock().unwrap_or_else(PoisonError::into_inner) = found;
        }
        sender.connection.create_channels().await?;
        let pc = &sender.connection.pc;
        let offer = pc.create_offer(None).await.map_err(failed("creating an offer"))?;
        let mid = sdp::read(&offer.sdp)?.sections.first().map(|s| s.mid.clone()).unwrap_or_default();
        pc.set_local_description(offer).await.map_err(failed("applying the offer"))?;
        let sdp = sender.connection.local_description(&mid, OFFER_PATIENCE).await?;
        // We are the DTLS client: a browser that is one sends its first message before we have a pair to answer on,
        // and repeats it only a second later.
        let sdp = sdp::shorten(&sdp).replace("a=setup:actpass", "a=setup:active");
        let description = sdp::read(&sdp)?;
        sender.fingerprint = description.fingerprint;
        let mids = sender.slot_mids(&description.sections)?;
        sender.offer = description.sections;
        Ok((sender, sdp, mids))
    }

    /// Takes the viewer's answer. An error ends the attempt; so does a second answer.
    pub async fn accept_answer(&self, sdp: &str) -> Result<(), PeerError> {
        let description = sdp::read(sdp)?;
        sdp::matches(&self.offer, &description.sections)?;
        if self.answered.swap(true, Ordering::AcqRel) {
            return Err(PeerError::Closed);
        }
        let answer = RTCSessionDescription::answer(sdp.to_owned()).map_err(failed("reading the answer"))?;
        self.connection.pc.set_remote_description(answer).await.map_err(failed("applying the answer"))?;
        self.watch();
        Ok(())
    }

    fn watch(&self) {
        self.connection.watch(self.slots.first().map(|slot| slot.track.clone() as Arc<dyn TrackLocal>));
    }

    /// Answers a client that offers to receive (WHEP): one slot for each of its media lines. The answer has all
    /// candidates; nothing trickles.
    pub async fn answer(
        offer_sdp: &str,
        settings: &PeerSettings,
        events: mpsc::Sender<PeerEvent>,
    ) -> Result<(Self, String, Vec<SlotMid>), PeerError> {
        let offer_sdp = sdp::sha256_only(offer_sdp);
        let description = sdp::read(&offer_sdp)?;
        let mut counts = [0u8; 2];
        let mut wanted = Vec::new();
        for section in description.sections.iter().filter(|s| !s.rejected) {
            let Media::Slot(kind) = section.media else { continue };
            let count = &mut counts[usize::from(kind == SlotKind::Audio)];
            if *count < MAX_SLOTS {
                wanted.push((kind, *count, section.mid.clone()));
                *count += 1;
            }
        }
        let slots = wanted.iter().map(|(kind, number, _)| (*kind, *number)).collect();
        let mut sender = Self::build(slots, description.active, settings, events).await?;
        let pc = sender.connection.pc.clone();
        let offer = RTCSessionDescription::offer(offer_sdp).map_err(failed("reading the offer"))?;
        pc.set_remote_description(offer).await.map_err(failed("applying the offer"))?;
        for slot in &sender.slots {
            // Takes the first media line of its kind that has no sender yet: ours are in the same order.
            let track = slot.track.clone() as Arc<dyn TrackLocal>;
            let added = pc.add_track(track).await.map_err(failed("adding a slot"))?;
            *slot.sender.lock().unwrap_or_else(PoisonError::into_inner) = Some(added);
        }
        let answer = pc.create_answer(None).await.map_err(failed("creating an answer"))?;
        pc.set_local_description(answer).await.map_err(failed("applying the answer"))?;
        let mid = description.sections.first().map(|s| s.mid.as_str()).unwrap_or_default();
        let sdp = sender.connection.local_description(mid, WHOLE_ANSWER_PATIENCE).await?;
        sender.fingerprint = sdp::read(&sdp)?.fingerprint;
        sender.answered.store(true, Ordering::Release);
        sender.watch();
        let mids = wanted.into_iter().map(|(kind, slot, mid)| SlotMid { kind, slot, mid }).collect();
        Ok((sender, sdp, mids))
    }

    async fn build(
        slots: Vec<(SlotKind, u8)>,
        dtls_server: bool,
        settings: &PeerSettings,
        events: mpsc::Sender<PeerEvent>,
    ) -> Result<Self, PeerError> {
        let slots: Vec<Slot> =
            slots.into_iter().map(|(kind, number)| Slot::new(kind, number)).collect::<Result<_, _>>()?;
        let queue = Arc::new(Queue::new());
        let link = Arc::new(Link::new(settings.bitrate.start));
        let video = slots.iter().filter(|s| s.kind == SlotKind::Video).map(|s| (s.ssrc, s.number));
        let video: HashMap<u32, u8> = video.collect();
        let registry = |outbox: &Arc<Outbox>| {
            let outlet = Outlet::new(queue.clone(), link.clone(), outbox.clone(), video);
            let estimate = Estimate::new(settings.bitrate, link.clone(), outbox.clone());
            Registry::new()
                .with(Place::CongestionControl, CongestionControlBuilder::new(estimate).build())
                .with(Place::TwccSender, TwccSenderBuilder::new().build())
                .with(Place::ReceiverReport, ReceiverReportBuilder::new().build())
                .with(Place::SenderReport, SenderReportBuilder::new().build())
                .with(Place::from(APPLICATION_END), outlet)
        };
        let connection = Connection::build(settings, dtls_server, registry, events).await?;
        Ok(Self {
            connection,
            slots,
            queue,
            link,
            fingerprint: [0; 32],
            offer: Vec::new(),
            answered: AtomicBool::new(false),
        })
    }

    fn slot_mids(&self, sections: &[Section]) -> Result<Vec<SlotMid>, PeerError> {
        let mid = |slot: &Slot| sections.iter().find(|s| s.ssrc == Some(slot.ssrc)).map(|s| s.mid.clone());
        self.slots
            .iter()
            .map(|slot| {
                let lost =
                    PeerError::Stack { doing: "creating an offer", detail: "a slot has no media line".to_owned() };
                Ok(SlotMid { kind: slot.kind, slot: slot.number, mid: mid(slot).ok_or(lost)? })
            })
            .collect()
    }

    /// A candidate of the peer.
    pub async fn add_candidate(&self, candidate: &Candidate) -> Result<(), PeerError> {
        self.connection.add_candidate(candidate).await
    }

    /// Sends an H.264 access unit (Annex B) on a video slot and returns its RTP timestamp. Waits while the driver has
    /// more than a thousand packets to send.
    pub async fn send_video(&self, slot: u8, frame: &EncodedFrame, captured: WallTime) -> Result<u32, PeerError> {
        if frame.codec != Codec::H264 {
            return Err(PeerError::Codec(frame.codec));
        }
        let slot = self.slot(SlotKind::Video, slot)?;
        let mut payloads = Vec::new();
        packetize(&frame.data, MAX_PAYLOAD, &mut payloads);
        self.send_payloads(slot, payloads, frame.pts, captured).await
    }

    /// Sends an Opus packet on a sound slot and returns its RTP timestamp.
    pub async fn send_audio(&self, slot: u8, frame: &EncodedFrame, captured: WallTime) -> Result<u32, PeerError> {
        if frame.codec != Codec::Opus {
            return Err(PeerError::Codec(frame.codec));
        }
        let slot = self.slot(SlotKind::Audio, slot)?;
        self.send_payloads(slot, vec![Payload::whole(frame.data.clone())], frame.pts, captured).await
    }

    /// The RTP timestamp of a slot at a media time.
    pub fn rtp_of(&self, kind: SlotKind, slot: u8, pts: MediaTime) -> u32 {
        self.slot(kind, slot).map_or(0, |slot| slot.rtp(pts))
    }

    /// Sends a message: text on the control channel, binary on the bulk channel. Waits while more than half a
    /// megabyte is unacknowledged.
    pub async fn send(&self, channel: Channel, data: Bytes) -> Result<(), PeerError> {
        self.connection.send(channel, data).await
    }

    /// SHA-256 of our DTLS certificate, as in our description.
    pub fn local_fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// SHA-256 of the certificate that the peer showed; `None` before the handshake.
    pub async fn remote_fingerprint(&self) -> Option<[u8; 32]> {
        self.connection.remote_fingerprint(self.any_sender().as_ref()).await
    }

    fn any_sender(&self) -> Option<Arc<dyn RtpSender>> {
        self.slots.first().and_then(|s| s.sender.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Figures so far.
    pub async fn stats(&self) -> PeerStats {
        let counters = &self.queue.counters;
        let stats = self.connection.transport_stats(self.any_sender().as_ref()).await;
        PeerStats {
            packets_sent: counters.packets.load(Ordering::Relaxed),
            retransmitted: counters.retransmitted.load(Ordering::Relaxed),
            nacks: counters.nacks.load(Ordering::Relaxed),
            plis: counters.plis.load(Ordering::Relaxed),
            rtt_ms: stats.rtt_ms.or(self.link.rtt().map(|rtt| rtt.as_secs_f64() * 1000.0)),
            ..stats
        }
    }

    /// The bandwidth estimate, bits a second.
    pub fn target_bps(&self) -> u32 {
        self.link.target_bps()
    }

    /// Ends the connection. What was sent on the control channel has 300 ms to arrive. The last event is
    /// [`PeerState::Closed`](crate::peer::PeerState::Closed).
    pub async fn close(&self) {
        self.queue.room.close();
        self.connection.close().await;
    }

    fn slot(&self, kind: SlotKind, number: u8) -> Result<&Slot, PeerError> {
        let found = self.slots.iter().find(|slot| slot.kind == kind && slot.number == number);
        found.ok_or(PeerError::UnknownSlot { kind, slot: number })
    }

    async fn send_payloads(
        &self,
        slot: &Slot,
        payloads: Vec<Payload>,
        pts: MediaTime,
        captured: WallTime,
    ) -> Result<u32, PeerError> {
        let timestamp = slot.rtp(pts);
        if !self.connection.shared.connected() {
            return Err(PeerError::NotConnected);
        }
        if self.queue.negotiated(slot.ssrc).is_none() {
            return Err(PeerError::NotNegotiated { kind: slot.kind, slot: slot.number });
        }
        if payloads.is_empty() {
            return Ok(timestamp);
        }
        let permits = payloads.len().min(QUEUED_PACKETS);
        let room = self.queue.room.acquire_many(permits as u32).await.map_err(|_| PeerError::Closed)?;
        // They come back when the driver has taken the packets.
        room.forget();
        let sequence = {
            let mut next = slot.sequence.lock().unwrap_or_else(PoisonError::into_inner);
            let first = *next;
            *next = first.wrapping_add(payloads.len() as u16);
            first
        };
        let frame = Outgoing { payloads, sequence, timestamp, ssrc: slot.ssrc, kind: slot.kind, captured };
        if self.queue.push(frame, permits) {
            slot.track.write_rtcp(Vec::new()).await.map_err(|_| PeerError::Closed)?;
        }
        Ok(timestamp)
    }
}

impl Slot {
    fn new(kind: SlotKind, number: u8) -> Result<Self, PeerError> {
        let (ssrc, rtx, offset) = (random()?, random()?, random()?);
        let (codec, track_kind, letter) = match kind {
            SlotKind::Video => (setup::h264(), RtpCodecKind::Video, 'v'),
            SlotKind::Audio => (setup::opus(), RtpCodecKind::Audio, 'a'),
        };
        let coding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                rtx: (kind == SlotKind::Video).then_some(RTCRtpRtxParameters { ssrc: rtx }),
                ..Default::default()
            },
            codec,
            ..Default::default()
        };
        // A stream for each slot: which sound goes with which picture changes while connected.
        let id = format!("{letter}{number}");
        let track = MediaStreamTrack::new(id.clone(), id.clone(), id, track_kind, vec![coding]);
        let track = Arc::new(TrackLocalStaticRTP::new(track));
        let sequence = Mutex::new(random()? as u16);
        Ok(Self { kind, number, ssrc, offset, sequence, track, sender: Mutex::new(None) })
    }

    fn rtp(&self, pts: MediaTime) -> u32 {
        let ticks = match self.kind {
            SlotKind::Video => pts.0,
            SlotKind::Audio => (i128::from(pts.0) * 48_000).div_euclid(i128::from(MediaTime::RATE)) as i64,
        };
        (ticks as u32).wrapping_add(self.offset)
    }
}

pub(super) fn random() -> Result<u32, PeerError> {
    let mut bytes = [0; 4];
    let none = |_| PeerError::Stack { doing: "choosing identifiers", detail: "no randomness".to_owned() };
    SystemRandom::new().fill(&mut bytes).map_err(none)?;
    // An SSRC of zero confuses some stacks.
    Ok(u32::from_be_bytes(bytes).max(1))
}
