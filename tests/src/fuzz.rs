//! What the fuzzer throws bytes at, shared by `tests/fuzz` (libFuzzer, `make fuzz TARGET=link`) and the short form in
//! `make test`. Each entry point takes anything; a panic, or memory without bound, is the finding. Beside that each states what
//! must hold of whatever it accepts.

use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, Instant};

use athome_shared::media::h264::{self, AvcConfig};
use athome_shared::media::mp4::read::{Depth, load, scan};
use athome_shared::media::rtp_h264::depacketize;
use athome_shared::pair::candidate::check_candidate;
use athome_shared::pair::link::Link;
use athome_shared::pair::roles::Roles;
use athome_shared::pair::{sdp, seal};
use athome_shared::peer::Shape;
use athome_shared::peer::assemble::{Assembled, Assembler, RtpPacket};
use athome_shared::peer::bulk::BulkReceiver;
use athome_shared::protocol::control::ToViewer;
use athome_shared::protocol::signal::{self, Frame};
use athome_shared::protocol::wire::{FromCamera, FromViewer, Join, PairHello, PairReply, SlotKind};
use athome_shared::time::WallTime;
use athome_streamer::config;
use athome_streamer::motion::grid::plane;
use athome_streamer::motion::look::Looker;
use athome_streamer::motion::sample::{Layout, Sampler};
use athome_streamer::motion::wide::Wide;
use athome_streamer::motion::zones::{MIDDLE, ZoneMap};
use athome_streamer::serve::control::decide;
use bytes::Bytes;

mod camera;
mod door;
mod film;
mod mp4;
mod scan;

/// What is thrown at: it takes any bytes.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 16] = [
    ("link", link),
    ("sdp", sdp),
    ("sealed", sealed),
    ("door", door::door),
    ("control", control),
    ("signal", signal),
    ("h264", h264),
    ("rtp", rtp),
    ("bulk", bulk),
    ("image", scan::image),
    ("webcam", scan::webcam),
    ("mp4", mp4::mp4),
    ("recording", recording),
    ("film", film::film),
    ("zones", zones),
    ("motion", motion),
    ("multipart", camera::multipart),
];

/// Runs one target by its name; `false` where there is no such target.
pub fn run(target: &str, data: &[u8]) -> bool {
    let found = TARGETS.iter().find(|(name, _)| *name == target);
    if let Some((_, run)) = found {
        run(data);
    }
    found.is_some()
}

/// A link that a person pasted or scanned: what parses is written and read as the same link.
fn link(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(link) = Link::parse(text) {
        assert_eq!(Link::parse(&link.to_url()).as_ref(), Ok(&link));
        assert!(link.signal_url().starts_with("ws"));
    }
}

/// Session descriptions and candidates: whatever passes has the sealed fingerprint and nothing beyond the limits.
fn sdp(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = check_candidate(text);
    let fp = sdp::fingerprint_of(text);
    let Ok(offer) = sdp::check_offer(text, &fp.unwrap_or([0; 32])) else { return };
    assert_eq!(fp, Ok(offer.fingerprint), "two readings of one description");
    assert!(!offer.media.is_empty() && offer.media.len() <= sdp::MAX_MEDIA && text.len() <= sdp::MAX_BYTES);
    let mut other = offer.fingerprint;
    other[0] ^= 1;
    assert!(sdp::check_offer(text, &other).is_err());
    let _ = sdp::check_answer(text, &offer.fingerprint, &offer);
}

/// Sealed payloads after decryption; the first byte says which is expected.
fn sealed(data: &[u8]) {
    let Some((kind, plain)) = data.split_first() else { return };
    // As received, and as a peer with the right keys could send it.
    for plain in [plain.to_vec(), seal::pad(plain).unwrap_or_default()] {
        let _ = match kind % 5 {
            0 => seal::open::<PairHello>(&plain).map(drop),
            1 => seal::open::<PairReply>(&plain).map(drop),
            2 => seal::open::<Join>(&plain).map(drop),
            3 => seal::open::<FromViewer>(&plain).map(drop),
            _ => seal::open::<FromCamera>(&plain).map(drop),
        };
        if let Ok(json) = seal::unpad(&plain) {
            assert!(seal::pad(json).is_ok_and(|again| again.len() <= plain.len()));
        }
    }
}

/// Control messages in both directions.
fn control(data: &[u8]) {
    let shape = Shape { video: 4, audio: 2 };
    let _ = decide(data, Roles::owner(), shape, &[], WallTime(0));
    if let Ok(message) = serde_json::from_slice::<ToViewer>(data) {
        assert!(serde_json::to_vec(&message).is_ok());
    }
}

/// Signaling frames: what decodes is encoded to the same bytes' meaning again.
fn signal(data: &[u8]) {
    let _ = signal::data_channel(data);
    if let Ok(frame) = Frame::decode(Bytes::copy_from_slice(data)) {
        let again = Frame::decode(frame.encode());
        assert_eq!(again.as_ref(), Ok(&frame));
    }
}

/// H.264 byte streams, parameter sets and MP4 forms of them.
fn h264(data: &[u8]) {
    for nal in h264::nals(data) {
        let _ = h264::parse_sps(nal);
        let _ = h264::slice_type(nal);
    }
    let (_, _) = (h264::is_idr(data), h264::has_b_slice(data));
    let _ = h264::annex_b_to_avcc(data);
    if let Ok(config) = AvcConfig::parse(data) {
        let _ = config.annex_b();
    }
    for length_size in 0..=5 {
        let _ = h264::avcc_to_annex_b(data, length_size);
    }
}

/// RTP packets of a hostile sender: `seq:u8 time:u8 len:u8 payload` again and again.
fn rtp(data: &[u8]) {
    let mut packets = Vec::new();
    let mut rest = data;
    while let [seq, time, len, tail @ ..] = rest {
        let (payload, tail) = tail.split_at(usize::from(*len).min(tail.len()));
        packets.push((*seq, *time, Bytes::copy_from_slice(payload)));
        rest = tail;
    }
    if let Ok(unit) = depacketize(packets.iter().map(|(_, _, payload)| &payload[..])) {
        drop(unit);
    }
    let now = Instant::now();
    for kind in [SlotKind::Video, SlotKind::Audio] {
        let mut assembler = Assembler::new(kind);
        for (seq, time, payload) in &packets {
            let packet = RtpPacket {
                // Jumps far as well as near.
                sequence: u16::from(*seq) << (time % 9),
                timestamp: u32::from(*time) << 8,
                marker: time % 2 == 1,
                payload: payload.clone(),
                captured: None,
            };
            assembler.handle_packet(now, packet);
            for _ in 0..packets.len() + 2 {
                match assembler.poll(now) {
                    Some(Assembled::Frame(frame)) => assert!(frame.data.len() <= data.len() + 5 * packets.len()),
                    Some(Assembled::Lost) => {}
                    None => break,
                }
            }
        }
    }
}

/// Bulk transfers: never more than was announced.
fn bulk(data: &[u8]) {
    let mut receiver = BulkReceiver::new(1, 1000);
    let mut received = 0;
    for message in data.split(|&b| b == 0xff) {
        // A plausible header in front, so that some get further.
        let mut chunk = [&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &(received as u16).to_be_bytes()[..], message].concat();
        if message.len() % 3 == 0 {
            chunk = message.to_vec();
        }
        if let Ok(taken) = receiver.handle_chunk(&Bytes::from(chunk)) {
            received += taken.data.len();
        }
        assert!(received <= 1000);
    }
}

/// A file that a crash left: what is whole lies within it, and what a recovery makes of it is whole and finished.
fn recording(data: &[u8]) {
    for depth in [Depth::Outline, Depth::Whole] {
        let Ok(movie) = scan(&mut Cursor::new(data), depth) else { continue };
        assert!(movie.good <= data.len() as u64);
        for fragment in &movie.fragments {
            assert!(fragment.place + fragment.length <= movie.good);
            if let Ok(samples) = load(&mut Cursor::new(data), fragment) {
                // A start code is as long as a length; samples may share bytes, each of four or more.
                assert!(samples.iter().all(|sample| sample.data.len() <= data.len()));
            }
        }
        if depth == Depth::Outline || movie.began.is_none() {
            continue;
        }
        let (tail, patches) = movie.completion();
        let mut mended = [&data[..movie.good as usize], &tail].concat();
        for patch in patches {
            let place = patch.place as usize;
            mended[place..place + patch.bytes.len()].copy_from_slice(&patch.bytes);
        }
        let again = scan(&mut Cursor::new(&mended), Depth::Whole).expect("ours before, ours now");
        assert!(again.finished && again.fragments == movie.fragments);
    }
}

/// A configuration with zones: whatever is accepted becomes a map, in which nothing private or ignored counts.
fn zones(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(config) = config::parse(text, Path::new("athome.toml"), &|_| None) else { return };
    for camera in &config.cameras {
        let map = ZoneMap::new(&camera.zones, camera.detection.sensitivity);
        assert!(map.private.iter().zip(map.counts.iter()).all(|(private, counts)| *private == 0 || *counts == 0));
        assert!(map.contrast.iter().all(|contrast| *contrast >= 4) && map.least >= 1);
    }
}

/// Pictures of every size, stride and layout, looked at one after the other: eight bytes say what they claim to be.
fn motion(data: &[u8]) {
    let wide = if data.len().is_multiple_of(2) { Wide::widest() } else { Wide::portable() };
    let (mut sampler, mut cells) = (Sampler::new(wide), plane(0));
    let mut looker = Looker::new(ZoneMap::new(&[], MIDDLE), wide, 1);
    let (start, mut at, mut rest) = (Instant::now(), Duration::ZERO, data);
    for _ in 0..40 {
        let Some((head, tail)) = rest.split_first_chunk::<8>() else { return };
        let number = |n: usize| usize::from(u16::from_be_bytes([head[n], head[n + 1]]));
        let layout = Layout { width: number(0), height: number(2), stride: number(4), step: usize::from(head[6] % 4) };
        at += Duration::from_millis(u64::from(head[7]) * 7);
        if sampler.sample(tail, layout, &mut cells) {
            looker.handle_picture(start + at, &cells);
        }
        rest = tail;
    }
}
