//! The application's end of the sending chain: takes whole frames of RTP packets from a shared queue, keeps them for a while,
//! sends them again on request as far as the governor lets it, and passes requests for key frames on.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use rtc::interceptor::{Attribute, AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::rtp;
use rtc::sansio::Protocol;
use rtc::shared::TransportContext;
use rtc::shared::error::Error;
use tokio::sync::Semaphore;

use super::estimate::Link;
use super::outbox::Outbox;
use super::setup::extension_id;
use crate::media::rtp_h264::Payload;
use crate::peer::nack::Governor;
use crate::protocol::wire::SlotKind;
use crate::time::WallTime;

/// Packets handed over and not yet taken by the driver, for all slots together; the sender waits when they are used up.
pub(super) const QUEUED_PACKETS: usize = 1024;
/// Packets of one stream kept for retransmission: half a second at 8 Mbit/s, two at 2. The oldest go first.
const HISTORY: usize = 512;
/// Playout delay zero to zero, in 10 ms units of 12 bits each.
const NO_DELAY: &[u8] = &[0, 0, 0];
/// Sequence numbers taken from one NACK at most.
const MAX_NACKED: usize = 256;

/// What negotiation gave a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Negotiated {
    payload_type: u8,
    playout_delay: Option<u8>,
    capture_time: Option<u8>,
    rtx: Option<(u32, u8)>,
}

/// The part of the outlet that the sender's methods see.
#[derive(Debug)]
pub(super) struct Queue {
    inner: Mutex<QueueInner>,
    /// Permits for [`QUEUED_PACKETS`].
    pub(super) room: Semaphore,
    pub(super) counters: Counters,
}

/// A frame's packets on their way to the driver.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) payloads: Vec<Payload>,
    /// Sequence number of the first.
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
    pub(super) kind: SlotKind,
    pub(super) captured: WallTime,
}

impl Outgoing {
    /// Its packets and what is kept of each for retransmission.
    fn packets(self, negotiated: Negotiated) -> impl Iterator<Item = (rtp::Packet, Sent)> {
        let last = self.payloads.len().saturating_sub(1);
        let copied = self.payloads.iter().filter(|p| p.is_fragment()).map(Payload::len).sum();
        let mut space = BytesMut::with_capacity(copied);
        self.payloads.into_iter().enumerate().map(move |(i, payload)| {
            let marker = self.kind == SlotKind::Video && i == last;
            let sequence = self.sequence.wrapping_add(i as u16);
            let mut header = rtp::Header {
                version: 2,
                marker,
                payload_type: negotiated.payload_type,
                sequence_number: sequence,
                timestamp: self.timestamp,
                ssrc: self.ssrc,
                ..Default::default()
            };
            if let Some(id) = negotiated.playout_delay {
                // The id was checked to be in range, so this can't fail.
                let _ = header.set_extension(id, Bytes::from_static(NO_DELAY));
            }
            let captured = (i == last).then_some(self.captured);
            stamp(&mut header, negotiated, captured);
            let packet = rtp::Packet { header, payload: payload.bytes(&mut space) };
            (packet, Sent { sequence, timestamp: self.timestamp, marker, captured, payload })
        })
    }
}

#[derive(Debug, Default)]
struct QueueInner {
    frames: VecDeque<Outgoing>,
    permits: usize,
    awake: bool,
    negotiated: HashMap<u32, Negotiated>,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) packets: AtomicU64,
    pub(super) retransmitted: AtomicU64,
    pub(super) nacks: AtomicU64,
    pub(super) plis: AtomicU64,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { inner: Mutex::default(), room: Semaphore::new(QUEUED_PACKETS), counters: Counters::default() }
    }

    fn lock(&self) -> MutexGuard<'_, QueueInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn negotiated(&self, ssrc: u32) -> Option<Negotiated> {
        self.lock().negotiated.get(&ssrc).copied()
    }

    /// Adds a frame, for whose packets `permits` were taken. True: the driver has to be woken.
    pub(super) fn push(&self, frame: Outgoing, permits: usize) -> bool {
        self.counters.packets.fetch_add(frame.payloads.len() as u64, Ordering::Relaxed);
        let mut inner = self.lock();
        inner.frames.push_back(frame);
        inner.permits += permits;
        !std::mem::replace(&mut inner.awake, true)
    }
}

/// A sent packet that may be wanted again; its header is made anew, its bytes are the frame's.
struct Sent {
    sequence: u16,
    timestamp: u32,
    marker: bool,
    /// Goes with the last packet of a frame.
    captured: Option<WallTime>,
    payload: Payload,
}

/// Puts abs-capture-time on a packet.
fn stamp(header: &mut rtp::Header, negotiated: Negotiated, captured: Option<WallTime>) {
    if let (Some(id), Some(captured)) = (negotiated.capture_time, captured) {
        // The id was checked to be in range, so this can't fail.
        let _ = header.set_extension(id, Bytes::copy_from_slice(&captured.ntp().to_be_bytes()));
    }
}

#[derive(Default)]
struct History {
    packets: VecDeque<Sent>,
    rtx_sequence: u16,
}

impl History {
    fn keep(&mut self, sent: Sent) {
        if self.packets.len() == HISTORY {
            self.packets.pop_front();
        }
        self.packets.push_back(sent);
    }
}

pub(super) struct Outlet {
    queue: Arc<Queue>,
    link: Arc<Link>,
    outbox: Arc<Outbox>,
    /// SSRCs of video and their slots.
    slots: HashMap<u32, u8>,
    histories: HashMap<u32, History>,
    governor: Governor,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl Outlet {
    pub(super) fn new(queue: Arc<Queue>, link: Arc<Link>, outbox: Arc<Outbox>, slots: HashMap<u32, u8>) -> Self {
        let governor = Governor::new(link.target_bps());
        Self {
            queue,
            link,
            outbox,
            slots,
            histories: HashMap::new(),
            governor,
            reads: VecDeque::new(),
            writes: VecDeque::new(),
        }
    }

    /// Moves what was queued into the chain.
    fn fill(&mut self) {
        let (frames, permits) = {
            let mut inner = self.queue.lock();
            inner.awake = false;
            (std::mem::take(&mut inner.frames), std::mem::take(&mut inner.permits))
        };
        if frames.is_empty() {
            return;
        }
        let now = Instant::now();
        for frame in frames {
            let Some(negotiated) = self.queue.negotiated(frame.ssrc) else { continue };
            let mut history = self.histories.get_mut(&frame.ssrc);
            for (packet, sent) in frame.packets(negotiated) {
                if let Some(history) = history.as_deref_mut() {
                    history.keep(sent);
                }
                self.writes.push_back(tagged(now, AttributedPacket::new(Packet::Rtp(packet))));
            }
        }
        self.queue.room.add_permits(permits);
    }

    fn handle_nack(&mut self, now: Instant, nack: &TransportLayerNack) {
        self.queue.counters.nacks.fetch_add(1, Ordering::Relaxed);
        let Some(negotiated) = self.queue.negotiated(nack.media_ssrc) else { return };
        let Some((ssrc_rtx, payload_type)) = negotiated.rtx else { return };
        let Some(history) = self.histories.get_mut(&nack.media_ssrc) else { return };
        self.governor.set_target(self.link.target_bps());
        if let Some(rtt) = self.link.rtt() {
            self.governor.set_rtt(rtt);
        }
        let wanted = nack.nacks.iter().flat_map(|pair| {
            let rest = (0..16u16).filter(|i| pair.lost_packets >> i & 1 == 1);
            std::iter::once(pair.packet_id).chain(rest.map(|i| pair.packet_id.wrapping_add(i + 1)))
        });
        for sequence in wanted.take(MAX_NACKED) {
            let Some(newest) = history.packets.back() else { return };
            // Sequence numbers are consecutive, so the distance from the newest is the place.
            let back = usize::from(newest.sequence.wrapping_sub(sequence));
            let Some(index) = history.packets.len().checked_sub(back + 1) else { continue };
            let Some(sent) = history.packets.get(index).filter(|sent| sent.sequence == sequence) else { continue };
            if !self.governor.allow(now, nack.media_ssrc, sequence, sent.payload.len() + 40) {
                continue;
            }
            // RFC 4588 §4: the original sequence number in front of the original payload.
            let mut payload = BytesMut::with_capacity(sent.payload.len() + 2);
            payload.put_u16(sequence);
            sent.payload.put(&mut payload);
            let mut header = rtp::Header {
                version: 2,
                marker: sent.marker,
                payload_type,
                sequence_number: history.rtx_sequence,
                timestamp: sent.timestamp,
                ssrc: ssrc_rtx,
                ..Default::default()
            };
            stamp(&mut header, negotiated, sent.captured);
            history.rtx_sequence = history.rtx_sequence.wrapping_add(1);
            self.queue.counters.retransmitted.fetch_add(1, Ordering::Relaxed);
            let packet = Packet::Rtp(rtp::Packet { header, payload: payload.freeze() });
            self.writes.push_back(tagged(now, AttributedPacket::new(packet).with(Attribute::Retransmission)));
        }
    }

    fn key_wanted(&self, ssrc: u32) {
        if let Some(slot) = self.slots.get(&ssrc) {
            self.queue.counters.plis.fetch_add(1, Ordering::Relaxed);
            self.outbox.key_frame_wanted(*slot);
        }
    }
}

pub(super) fn tagged(now: Instant, message: AttributedPacket) -> TaggedPacket {
    TaggedPacket { now, transport: TransportContext::default(), message }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Outlet {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &msg.message.packet {
            for packet in packets {
                let packet = packet.as_any();
                if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
                    self.handle_nack(msg.now, nack);
                } else if let Some(pli) = packet.downcast_ref::<PictureLossIndication>() {
                    self.key_wanted(pli.media_ssrc);
                } else if let Some(fir) = packet.downcast_ref::<FullIntraRequest>() {
                    fir.fir.iter().take(32).for_each(|entry| self.key_wanted(entry.ssrc));
                }
            }
        }
        self.reads.push_back(msg);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        // An empty compound is the sender's way of waking the driver; it ends here.
        if !matches!(&msg.message.packet, Packet::Rtcp(packets) if packets.is_empty()) {
            self.writes.push_back(msg);
        }
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        if self.writes.is_empty() {
            self.fill();
        }
        self.writes.pop_front()
    }
}

impl Interceptor for Outlet {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        let negotiated = Negotiated {
            payload_type: info.payload_type,
            playout_delay: extension_id(info, super::setup::PLAYOUT_DELAY),
            capture_time: extension_id(info, super::setup::ABS_CAPTURE_TIME),
            rtx: info.ssrc_rtx.zip(info.payload_type_rtx),
        };
        self.queue.lock().negotiated.insert(info.ssrc, negotiated);
        if negotiated.rtx.is_some() {
            self.histories.insert(info.ssrc, History::default());
        }
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.queue.lock().negotiated.remove(&info.ssrc);
        self.histories.remove(&info.ssrc);
    }

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
