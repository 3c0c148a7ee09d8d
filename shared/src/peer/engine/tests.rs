//! What needs the crate itself to be tested: a foreign client, and hostile packets past SRTP.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc::interceptor::{AttributedPacket, Interceptor, Packet, RTPHeaderExtension, StreamInfo};
use rtc::rtcp::payload_feedbacks::full_intra_request::{FirEntry, FullIntraRequest};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::sansio::Protocol;
use tokio::sync::mpsc;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCSessionDescription,
};

use super::estimate::Link;
use super::inlet::{self, Inlet};
use super::outbox::Outbox;
use super::outlet::{Outgoing, Outlet, QUEUED_PACKETS, Queue, tagged};
use super::sender::Sender;
use super::setup;
use crate::media::frame::{Codec, EncodedFrame, Params};
use crate::media::rtp_h264::Payload;
use crate::peer::sdp::{Media, Section};
use crate::peer::{BitrateRange, PeerEvent, PeerSettings, PeerState};
use crate::protocol::wire::SlotKind;
use crate::time::{MediaTime, WallTime};

const KEY: &[u8] = &[0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0, 0, 0, 1, 0x68, 0xce, 0, 0, 0, 1, 0x65, 1, 2, 3];

fn settings() -> PeerSettings {
    PeerSettings {
        stun_servers: Vec::new(),
        turn_servers: Vec::new(),
        bind: vec![std::net::Ipv4Addr::LOCALHOST.into()],
        check_interval: Duration::from_millis(10),
        mdns_query: false,
        bitrate: BitrateRange { start: 1_000_000, min: 100_000, max: 2_000_000 },
    }
}

fn picture(pts: i64) -> EncodedFrame {
    let now = Instant::now();
    EncodedFrame {
        codec: Codec::H264,
        is_key: true,
        pts: MediaTime(pts),
        captured: now,
        encoded: now,
        data: Bytes::from_static(KEY),
        params: Arc::new(Params::Video { width: 64, height: 64, profile_level_id: [0x42, 0xe0, 0x1f] }),
    }
}

/// A client as others write them: it offers to receive, and reads tracks.
struct Client(mpsc::Sender<Arc<dyn TrackRemote>>);

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Client {
    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let _ = self.0.try_send(track);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_offers_to_receive_gets_picture_and_can_ask_for_key_frames() {
    let (tracks, mut arriving) = mpsc::channel(4);
    let client: Arc<dyn PeerConnection> = Arc::new(
        PeerConnectionBuilder::new()
            .with_media_engine(setup::media_engine().unwrap())
            .with_setting_engine(setup::setting_engine(&settings(), false))
            .with_handler(Arc::new(Client(tracks)))
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build()
            .await
            .unwrap(),
    );
    for kind in [RtpCodecKind::Video, RtpCodecKind::Audio] {
        let direction = RTCRtpTransceiverDirection::Recvonly;
        let init = RTCRtpTransceiverInit { direction, streams: Vec::new(), send_encodings: Vec::new() };
        client.add_transceiver_from_kind(kind, Some(init)).await.unwrap();
    }
    let offer = client.create_offer(None).await.unwrap();
    client.set_local_description(offer.clone()).await.unwrap();
    let (events, mut from_sender) = mpsc::channel(64);
    let (sender, answer, mids) = Sender::answer(&offer.sdp, &settings(), events).await.unwrap();
    assert_eq!(mids.iter().map(|m| (m.kind, m.slot)).collect::<Vec<_>>(), [(SlotKind::Video, 0), (SlotKind::Audio, 0)]);
    assert!(answer.contains("a=candidate") && answer.contains("a=sendonly"), "{answer}");
    client.set_remote_description(RTCSessionDescription::answer(answer).unwrap()).await.unwrap();
    let wait = async |from: &mut mpsc::Receiver<PeerEvent>, wanted: fn(&PeerEvent) -> bool| {
        tokio::time::timeout(Duration::from_secs(10), async { while !wanted(&from.recv().await.expect("events")) {} })
            .await
            .expect("event in time");
    };
    wait(&mut from_sender, |e| matches!(e, PeerEvent::State(PeerState::Connected))).await;
    // The stack drops the first packets of a track, so a few are sent, as a camera would.
    let mut track = None;
    for n in 0..100 {
        sender.send_video(0, &picture(n * 3000), WallTime(1)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        track = track.or(arriving.try_recv().ok());
        if track.is_some() && n > 10 {
            break;
        }
    }
    let track = track.expect("a track");
    let packet = tokio::time::timeout(Duration::from_secs(5), async {
        loop {
            if let TrackRemoteEvent::OnRtpPacket(packet) = track.poll().await.expect("track goes on") {
                return packet;
            }
        }
    });
    let packet = packet.await.expect("a packet in time");
    assert_eq!(packet.payload[0] & 0x1f, 24, "all three small NAL units in one packet");
    let pli = PictureLossIndication { sender_ssrc: 1, media_ssrc: packet.header.ssrc };
    track.write_rtcp(vec![Box::new(pli)]).await.unwrap();
    wait(&mut from_sender, |e| matches!(e, PeerEvent::KeyFrameWanted { slot: 0 })).await;
    let seen = sender.remote_fingerprint().await.expect("a certificate was seen");
    assert!(offer.sdp.to_ascii_lowercase().contains(&seen.map(|b| format!("{b:02x}")).join(":")));
    client.close().await.unwrap();
    sender.close().await;
}

const CAPTURE_ID: u8 = 3;
const DELAY_ID: u8 = 5;

fn info(ssrc: u32, rtx: Option<u32>) -> StreamInfo {
    StreamInfo {
        ssrc,
        ssrc_rtx: rtx,
        payload_type: 102,
        payload_type_rtx: rtx.map(|_| 103),
        rtp_header_extensions: vec![
            RTPHeaderExtension { uri: setup::ABS_CAPTURE_TIME.to_owned(), id: CAPTURE_ID.into() },
            RTPHeaderExtension { uri: setup::PLAYOUT_DELAY.to_owned(), id: DELAY_ID.into() },
        ],
        ..Default::default()
    }
}

fn section(ssrc: u32) -> Section {
    Section { media: Media::Slot(SlotKind::Video), mid: "0".to_owned(), ssrc: Some(ssrc), rejected: false }
}

#[test]
fn hostile_packets_neither_panic_nor_pile_up_nor_become_frames() {
    let (events, mut received) = mpsc::channel(64);
    let mut inlet = Inlet::new(&[section(10)], events, Arc::default(), 1);
    inlet.bind_remote_stream(&info(10, Some(11)));
    // A stream that the offer did not announce.
    inlet.bind_remote_stream(&info(99, None));
    let mut seed = 9u32;
    let mut random = move |below: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) % below
    };
    let start = Instant::now();
    for i in 0..50_000u32 {
        let now = start + Duration::from_millis(u64::from(i / 10));
        let mut payload: Vec<u8> = (0..random(24)).map(|_| random(256) as u8).collect();
        if let Some(first) = payload.first_mut() {
            *first = [0x78, 0x7c, 0x65, 0x41, *first][random(5) as usize];
        }
        let mut header = rtp::Header {
            version: 2,
            marker: random(2) == 0,
            payload_type: 102,
            sequence_number: random(65_536) as u16,
            timestamp: random(5) * 3000,
            ssrc: [10, 11, 99, 7][random(4) as usize],
            ..Default::default()
        };
        let _ = header.set_extension(3, Bytes::from(vec![7; random(16) as usize + 1]));
        let packet = Packet::Rtp(rtp::Packet { header, payload: payload.into() });
        inlet.handle_read(tagged(now, AttributedPacket::new(packet))).unwrap();
        assert!(inlet.poll_read().is_none(), "packets end here");
        inlet.handle_timeout(now).unwrap();
        let mut asked = 0;
        while inlet.poll_write().is_some() {
            asked += 1;
        }
        assert!(asked <= 8, "{asked} requests for one packet");
        while let Ok(event) = received.try_recv() {
            assert!(matches!(event, PeerEvent::Lost { .. }), "{event:?}");
        }
    }
}

#[test]
fn a_slow_owner_costs_frames_and_then_gets_a_key_frame() {
    let (events, mut received) = mpsc::channel(1);
    let counters: Arc<inlet::Counters> = Arc::default();
    let mut inlet = Inlet::new(&[section(10)], events, counters.clone(), 1);
    inlet.bind_remote_stream(&info(10, None));
    let now = Instant::now();
    let packet = |sequence_number: u16, key: bool| {
        let header = rtp::Header {
            version: 2,
            marker: true,
            payload_type: 102,
            sequence_number,
            timestamp: u32::from(sequence_number) * 3000,
            ssrc: 10,
            ..Default::default()
        };
        let payload: &[u8] = if key { &[0x78, 0, 2, 0x67, 1, 0, 2, 0x65, 1] } else { &[0x41, 1] };
        tagged(now, AttributedPacket::new(Packet::Rtp(rtp::Packet { header, payload: Bytes::from_static(payload) })))
    };
    inlet.handle_read(packet(1, true)).unwrap();
    inlet.handle_read(packet(2, false)).unwrap();
    inlet.handle_read(packet(3, false)).unwrap();
    assert!(matches!(received.try_recv(), Ok(PeerEvent::Received(f)) if f.is_key));
    inlet.handle_read(packet(4, false)).unwrap();
    assert!(received.try_recv().is_err(), "what follows a dropped frame is not shown");
    assert_eq!(counters.plis.load(Ordering::Relaxed), 1);
    inlet.handle_read(packet(5, true)).unwrap();
    assert!(matches!(received.try_recv(), Ok(PeerEvent::Received(f)) if f.is_key));
}

#[test]
fn retransmissions_are_what_was_sent_and_only_that() {
    let queue = Arc::new(Queue::new());
    let outbox = Arc::new(Outbox::default());
    let slots = HashMap::from([(10, 0)]);
    let mut outlet = Outlet::new(queue.clone(), Arc::new(Link::new(8_000_000)), outbox, slots);
    outlet.bind_local_stream(&info(10, Some(11)));
    let payload = Payload::whole(Bytes::from_static(&[0x41, 9, 9]));
    let frame = Outgoing {
        payloads: vec![payload.clone(), payload],
        sequence: u16::MAX,
        timestamp: 77,
        ssrc: 10,
        kind: SlotKind::Video,
        captured: WallTime(5),
    };
    queue.room.try_acquire_many(2).unwrap().forget();
    assert!(queue.push(frame, 2), "the driver is woken");
    let sent: Vec<_> = std::iter::from_fn(|| outlet.poll_write()).collect();
    assert_eq!((sent.len(), queue.room.available_permits()), (2, QUEUED_PACKETS));
    let now = Instant::now();
    let mut nack = |packet_id: u16, lost_packets: u16, media_ssrc: u32| {
        let nacks = vec![NackPair { packet_id, lost_packets }; 40];
        let nack = TransportLayerNack { sender_ssrc: 1, media_ssrc, nacks };
        outlet.handle_read(tagged(now, AttributedPacket::new(Packet::Rtcp(vec![Box::new(nack)])))).unwrap();
        std::iter::from_fn(|| outlet.poll_write())
            .filter_map(|p| match p.message.packet {
                Packet::Rtp(packet) => Some(packet),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    // Never sent, and a stream of somebody else.
    assert!(nack(5, 0xffff, 10).is_empty() && nack(u16::MAX, 1, 12).is_empty());
    let again = nack(u16::MAX, 1, 10);
    assert_eq!(again.len(), 2, "each once, however often it is asked for at once");
    assert_eq!(&again[0].payload[..], [0xff, 0xff, 0x41, 9, 9]);
    assert_eq!((again[1].header.ssrc, again[1].header.timestamp, again[1].header.marker), (11, 77, true));
    assert!(again[1].header.get_extension(3).is_some_and(|e| e[..] == WallTime(5).ntp().to_be_bytes()));
    let fir =
        FullIntraRequest { sender_ssrc: 1, media_ssrc: 0, fir: vec![FirEntry { ssrc: 10, sequence_number: 1 }; 99] };
    outlet.handle_read(tagged(now, AttributedPacket::new(Packet::Rtcp(vec![Box::new(fir)])))).unwrap();
    assert_eq!(queue.counters.plis.load(Ordering::Relaxed), 32, "a long list is cut");
}

/// A frame of this many packets as the outlet writes it.
fn written(info: &StreamInfo, kind: SlotKind, packets: usize) -> Vec<rtp::Packet> {
    let queue = Arc::new(Queue::new());
    let mut outlet =
        Outlet::new(queue.clone(), Arc::new(Link::new(8_000_000)), Arc::default(), HashMap::from([(info.ssrc, 0)]));
    outlet.bind_local_stream(info);
    let payloads = vec![Payload::whole(Bytes::from_static(&[0x41, 9, 9])); packets];
    let frame = Outgoing { payloads, sequence: 1, timestamp: 77, ssrc: info.ssrc, kind, captured: WallTime(5) };
    queue.room.try_acquire_many(packets as u32).unwrap().forget();
    queue.push(frame, packets);
    let packets = std::iter::from_fn(|| outlet.poll_write()).filter_map(|p| match p.message.packet {
        Packet::Rtp(packet) => Some(packet),
        _ => None,
    });
    packets.collect()
}

#[test]
fn every_picture_packet_forbids_a_delay_and_the_last_says_when_it_was_captured() {
    let extension = |packet: &rtp::Packet, id| packet.header.get_extension(id).map(|e| e.to_vec());
    let packets = written(&info(10, Some(11)), SlotKind::Video, 3);
    assert_eq!(packets.len(), 3);
    for packet in &packets {
        // Minimum and maximum, twelve bits each.
        assert_eq!(extension(packet, DELAY_ID).as_deref(), Some(&[0, 0, 0][..]), "{:?}", packet.header);
        let captured = packet.header.marker.then(|| WallTime(5).ntp().to_be_bytes().to_vec());
        assert_eq!(extension(packet, CAPTURE_ID), captured, "{:?}", packet.header);
    }
    assert_eq!(packets.iter().map(|p| p.header.marker).collect::<Vec<_>>(), [false, false, true]);
    // Control: a peer that did not take the extensions gets none, under any id.
    let plain = StreamInfo { rtp_header_extensions: Vec::new(), ..info(10, None) };
    assert!(written(&plain, SlotKind::Video, 3).iter().all(|p| p.header.get_extension_ids().is_empty()));
}
