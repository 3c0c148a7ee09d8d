//! The application's end of the receiving chain: unwraps retransmissions, puts frames together as packets arrive and hands
//! them straight to the owner; asks for missing packets and key frames. Packets end here: the crate's own way to the
//! application loses the first ones (they can overtake `on_track`) and has a queue of its own.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use rtc::interceptor::{AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};
use rtc::rtp;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use tokio::sync::mpsc;

use super::outlet::tagged;
use super::setup::{ABS_CAPTURE_TIME, extension_id};
use crate::peer::assemble::RtpPacket;
use crate::peer::reception::{Action, Reception};
use crate::peer::sdp::{Media, Section};
use crate::peer::{PeerEvent, ReceivedFrame};
use crate::protocol::wire::SlotKind;
use crate::time::WallTime;

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) packets: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) retransmitted: AtomicU64,
    pub(super) nacks: AtomicU64,
    pub(super) plis: AtomicU64,
}

struct Stream {
    kind: SlotKind,
    mid: String,
    capture_time: Option<u8>,
    reception: Reception,
}

pub(super) struct Inlet {
    /// Media lines of the offer by SSRC.
    announced: HashMap<u32, (SlotKind, String)>,
    streams: HashMap<u32, Stream>,
    /// Primary SSRC and payload type by RTX SSRC.
    rtx: HashMap<u32, u32>,
    events: mpsc::Sender<PeerEvent>,
    counters: Arc<Counters>,
    /// Our own SSRC in feedback; nothing is sent under it.
    ssrc: u32,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl Inlet {
    pub(super) fn new(
        sections: &[Section],
        events: mpsc::Sender<PeerEvent>,
        counters: Arc<Counters>,
        ssrc: u32,
    ) -> Self {
        let announced = sections.iter().filter_map(|section| match (section.media, section.ssrc) {
            (Media::Slot(kind), Some(ssrc)) => Some((ssrc, (kind, section.mid.clone()))),
            _ => None,
        });
        Self {
            announced: announced.collect(),
            streams: HashMap::new(),
            rtx: HashMap::new(),
            events,
            counters,
            ssrc,
            reads: VecDeque::new(),
            writes: VecDeque::new(),
        }
    }

    fn handle_rtp(&mut self, now: Instant, packet: rtp::Packet) {
        self.counters.packets.fetch_add(1, Ordering::Relaxed);
        let header = &packet.header;
        let (ssrc, sequence, payload) = match self.rtx.get(&header.ssrc) {
            None => (header.ssrc, header.sequence_number, packet.payload),
            Some(primary) => {
                // RFC 4588 §4. A packet without payload only probes the link.
                let Some(original) = packet.payload.first_chunk::<2>() else { return };
                self.counters.retransmitted.fetch_add(1, Ordering::Relaxed);
                (*primary, u16::from_be_bytes(*original), packet.payload.slice(2..))
            }
        };
        let Some(stream) = self.streams.get_mut(&ssrc) else { return };
        let captured = stream.capture_time.and_then(|id| header.get_extension(id)).and_then(|ext| capture_time(&ext));
        let (timestamp, marker) = (header.timestamp, header.marker);
        stream.reception.handle_packet(now, RtpPacket { sequence, timestamp, marker, payload, captured });
        self.drain(now, ssrc);
    }

    /// Does what a stream's reception asks for.
    fn drain(&mut self, now: Instant, ssrc: u32) {
        let Some(stream) = self.streams.get_mut(&ssrc) else { return };
        while let Some(action) = stream.reception.poll(now) {
            match action {
                Action::Frame(frame) => {
                    self.counters.lost.fetch_add(frame.missing.into(), Ordering::Relaxed);
                    let event = PeerEvent::Received(ReceivedFrame {
                        kind: stream.kind,
                        mid: stream.mid.clone(),
                        rtp: frame.rtp,
                        is_key: frame.is_key,
                        captured: frame.captured,
                        received: frame.received,
                        data: frame.data,
                        missing: frame.missing,
                    });
                    if self.events.try_send(event).is_err() {
                        // The owner is behind: what follows would not decode without this frame.
                        stream.reception.require_key(now);
                    }
                }
                Action::Lost => {
                    let lost = PeerEvent::Lost { kind: stream.kind, mid: stream.mid.clone() };
                    // A full channel means the owner will see the gap anyway.
                    let _ = self.events.try_send(lost);
                }
                Action::AskForKey => {
                    self.counters.plis.fetch_add(1, Ordering::Relaxed);
                    let pli = PictureLossIndication { sender_ssrc: self.ssrc, media_ssrc: ssrc };
                    self.writes.push_back(tagged(now, AttributedPacket::new(Packet::Rtcp(vec![Box::new(pli)]))));
                }
                Action::AskForPackets(packets) => {
                    self.counters.nacks.fetch_add(1, Ordering::Relaxed);
                    let nack = TransportLayerNack {
                        sender_ssrc: self.ssrc,
                        media_ssrc: ssrc,
                        nacks: nack_pairs_from_sequence_numbers(&packets),
                    };
                    self.writes.push_back(tagged(now, AttributedPacket::new(Packet::Rtcp(vec![Box::new(nack)]))));
                }
            }
        }
    }
}

/// UQ32.32 NTP time in the first eight bytes.
fn capture_time(extension: &Bytes) -> Option<WallTime> {
    extension.first_chunk::<8>().map(|ntp| WallTime::from_ntp(u64::from_be_bytes(*ntp)))
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Inlet {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        match msg.message.packet {
            Packet::Rtp(packet) => self.handle_rtp(msg.now, packet),
            _ => self.reads.push_back(msg),
        }
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &msg.message.packet {
            for pli in packets.iter().filter_map(|p| p.as_any().downcast_ref::<PictureLossIndication>()) {
                // The owner asked for a key frame itself.
                if let Some(stream) = self.streams.get_mut(&pli.media_ssrc) {
                    self.counters.plis.fetch_add(1, Ordering::Relaxed);
                    stream.reception.key_asked(msg.now);
                }
            }
        }
        self.writes.push_back(msg);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.writes.pop_front()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        let due: Vec<u32> = self
            .streams
            .iter()
            .filter(|(_, stream)| stream.reception.poll_timeout().is_some_and(|at| at <= now))
            .map(|(ssrc, _)| *ssrc)
            .collect();
        due.into_iter().for_each(|ssrc| self.drain(now, ssrc));
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.streams.values().filter_map(|stream| stream.reception.poll_timeout()).min()
    }
}

impl Interceptor for Inlet {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}

    fn unbind_local_stream(&mut self, _: &StreamInfo) {}

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        // Only streams that the offer announced; the repair stream of one is bound apart and needs no reception of its own.
        let Some((kind, mid)) = self.announced.get(&info.ssrc).cloned() else { return };
        if let Some(rtx) = info.ssrc_rtx {
            self.rtx.insert(rtx, info.ssrc);
        }
        let capture_time = extension_id(info, ABS_CAPTURE_TIME);
        self.streams.entry(info.ssrc).or_insert_with(|| Stream {
            kind,
            mid,
            capture_time,
            reception: Reception::new(kind),
        });
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.streams.remove(&info.ssrc);
    }
}
