//! What network cameras send.

use std::time::Instant;

use athome_shared::media::rtp_h264::MAX_ACCESS_UNIT;
use athome_streamer::source::multipart::{MOST_HEAD, MOST_PART, Multipart};
use athome_streamer::source::rtsp::message::{self, Incoming, Reader};
use athome_streamer::source::rtsp::rtp::{Order, Packet};
use athome_streamer::source::rtsp::sdp::Description;
use athome_streamer::source::rtsp::units::Units;
use bytes::Bytes;

/// A body of parts, in pieces of a size that the first byte says; the line after it names the boundary.
pub(super) fn multipart(data: &[u8]) {
    let Some((&piece, rest)) = data.split_first() else { return };
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (boundary, body) = rest.split_at(end);
    let kind = String::from_utf8_lossy(boundary);
    let mut multipart = Multipart::of_content_type(&kind).unwrap_or_else(|| Multipart::new(&kind));
    let mut given = 0;
    for piece in body.chunks(usize::from(piece).max(1)) {
        multipart.handle_bytes(piece);
        loop {
            match multipart.poll_part() {
                Ok(Some(part)) => {
                    given += part.len();
                    assert!(part.len() <= MOST_PART);
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
        assert!(given <= body.len() && multipart.held() <= MOST_PART + MOST_HEAD);
    }
}

/// A connection's bytes, in pieces of a size that the first byte says: bodies are read as descriptions, what comes on
/// channels as packets of H.264.
pub(super) fn rtsp(data: &[u8]) {
    let Some((&piece, rest)) = data.split_first() else { return };
    let (mut reader, now) = (Reader::default(), Instant::now());
    let (mut order, mut units) = (Order::new(piece.is_multiple_of(2)), Units::default());
    for piece in rest.chunks(usize::from(piece).max(1)) {
        reader.buffer().extend_from_slice(piece);
        loop {
            match reader.poll() {
                Ok(Some(Incoming::Response(response))) => describe(&response.body, &mut units),
                Ok(Some(Incoming::Data { data, .. })) => Packet::parse(&data).into_iter().for_each(|packet| {
                    assert!(packet.payload.len() <= data.len());
                    order.handle_packet(packet);
                }),
                Ok(Some(Incoming::Request)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
            while let Some((packet, gap)) = order.poll(now) {
                units.handle_packet(packet, gap);
            }
            while let Some(unit) = units.poll() {
                assert!(unit.data.len() <= MAX_ACCESS_UNIT + data.len() + 16_384);
            }
        }
        assert!(reader.buffer().len() <= message::MOST_HEAD.max(message::MOST_BODY) + 65_536);
    }
}

/// A description: nothing of it breaks a request's line, and its parameter sets are taken in front of what follows.
fn describe(body: &Bytes, units: &mut Units) {
    let description = Description::parse(&String::from_utf8_lossy(body));
    for stream in &description.streams {
        let address = description.address_of(stream, "rtsp://h/a");
        assert!(!address.contains(char::is_whitespace) && !address.contains(char::is_control));
        *units = Units::new(&stream.parameter_sets());
    }
}
