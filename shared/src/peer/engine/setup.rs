//! How a connection is configured: codecs, header extensions, ICE.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::StreamInfo;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_RTX, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::{SctpMaxMessageSize, SettingEngine, SettingEngineBuilder};
use rtc::peer_connection::transport::RTCDtlsRole;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use rtc::shared::ifaces::ifaces;

use crate::peer::PeerSettings;

/// <https://webrtc.googlesource.com/src/+/main/docs/native-code/rtp-hdrext/playout-delay>: a receiver that knows it shows live video
/// without a jitter buffer when both bounds are zero.
pub(super) const PLAYOUT_DELAY: &str = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";
/// <https://webrtc.googlesource.com/src/+/main/docs/native-code/rtp-hdrext/abs-capture-time>: NTP time of capture.
pub(super) const ABS_CAPTURE_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

/// Bytes that a data channel may hold for a slow peer; `send` waits when it is full.
pub(super) const CHANNEL_BUFFER: usize = 512 * 1024;
/// Largest data channel message that we take.
const MAX_MESSAGE: u32 = 64 * 1024;
/// How long one candidate pair is tried. A viewer's answer may come through a slow signaling server.
const CHECKING: Duration = Duration::from_secs(10);
/// Without any packet for so long the peer counts as gone, at first (it is not told of a close).
const DISCONNECTED: Duration = Duration::from_secs(3);
/// After that, until the connection has failed.
const FAILED: Duration = Duration::from_secs(5);
/// STUN consent checks, which keep an idle connection alive: several fit into [`DISCONNECTED`].
const KEEP_ALIVE: Duration = Duration::from_millis(800);
/// Local addresses used at most: each costs a socket and candidate pairs.
const MAX_ADDRESSES: usize = 8;

pub(super) fn h264() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_H264.to_owned(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f".to_owned(),
        rtcp_feedback: vec![
            feedback("nack", ""),
            feedback("nack", "pli"),
            feedback("ccm", "fir"),
            feedback("transport-cc", ""),
        ],
    }
}

pub(super) fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: vec![feedback("transport-cc", "")],
    }
}

fn feedback(typ: &str, parameter: &str) -> RTCPFeedback {
    RTCPFeedback { typ: typ.to_owned(), parameter: parameter.to_owned() }
}

/// Our own short list of codecs. The crate's default list has a payload type twice.
pub(super) fn media_engine() -> rtc::shared::error::Result<MediaEngine> {
    let mut media = MediaEngine::default();
    let rtx = RTCRtpCodec {
        mime_type: MIME_TYPE_RTX.to_owned(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: "apt=102".to_owned(),
        rtcp_feedback: Vec::new(),
    };
    let codecs =
        [(h264(), 102, RtpCodecKind::Video), (rtx, 103, RtpCodecKind::Video), (opus(), 111, RtpCodecKind::Audio)];
    for (rtp_codec, payload_type, kind) in codecs {
        media.register_codec(RTCRtpCodecParameters { rtp_codec, payload_type }, kind)?;
    }
    for (uri, kind) in [
        (TRANSPORT_CC_URI, RtpCodecKind::Video),
        (TRANSPORT_CC_URI, RtpCodecKind::Audio),
        (PLAYOUT_DELAY, RtpCodecKind::Video),
        (ABS_CAPTURE_TIME, RtpCodecKind::Video),
        (ABS_CAPTURE_TIME, RtpCodecKind::Audio),
    ] {
        media.register_header_extension(RTCRtpHeaderExtensionCapability { uri: uri.to_owned() }, kind, None)?;
    }
    Ok(media)
}

/// The id under which a header extension was negotiated; ids above 14 need the two-byte form, which we don't use.
pub(super) fn extension_id(info: &StreamInfo, uri: &str) -> Option<u8> {
    let found = info.rtp_header_extensions.iter().find(|ext| ext.uri == uri)?;
    u8::try_from(found.id).ok().filter(|id| (1..=14).contains(id))
}

/// `dtls_server`: the role when we answer. The crate answers `active` to whatever was offered, `active` included, and then both
/// ends wait for the other's certificate.
pub(super) fn setting_engine(settings: &PeerSettings, dtls_server: bool) -> SettingEngine {
    let tick = settings.check_interval.clamp(Duration::from_millis(5), Duration::from_millis(500));
    // The crate gives a pair up after so many checks, so a shorter tick needs more of them.
    let checks = u16::try_from(CHECKING.as_millis() / tick.as_millis()).unwrap_or(u16::MAX);
    let mdns = if settings.mdns_query { MulticastDnsMode::QueryOnly } else { MulticastDnsMode::Disabled };
    let dtls_role = if dtls_server { RTCDtlsRole::Server } else { RTCDtlsRole::Client };
    SettingEngineBuilder::new()
        .with_answering_dtls_role(dtls_role)
        .with_multicast_dns_mode(mdns)
        .with_ice_connection_attempts(Some(tick), Some(checks))
        .with_ice_timeouts(Some(DISCONNECTED), Some(FAILED), Some(KEEP_ALIVE))
        .with_host_acceptance_min_wait(Some(Duration::ZERO))
        .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
        .with_srflx_acceptance_min_wait(Some(Duration::ZERO))
        .with_relay_acceptance_min_wait(Some(Duration::ZERO))
        .with_include_loopback_candidate(loopback(settings))
        .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(MAX_MESSAGE))
        .build()
}

fn loopback(settings: &PeerSettings) -> bool {
    settings.bind.is_empty() || settings.bind.iter().any(IpAddr::is_loopback)
}

/// One socket is opened for each: those asked for, or one for each usable address of this machine and 127.0.0.1, which
/// viewers on the same machine and browsers under test need.
pub(super) fn addresses(settings: &PeerSettings) -> Vec<SocketAddr> {
    let mut ips: Vec<IpAddr> = settings.bind.clone();
    if ips.is_empty() {
        let found = ifaces().unwrap_or_default();
        ips.extend(found.into_iter().filter_map(|i| i.addr).map(|a| a.ip()).filter(usable));
        ips.sort_unstable();
        ips.dedup();
        ips.truncate(MAX_ADDRESSES - 1);
        ips.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    ips.truncate(MAX_ADDRESSES);
    ips.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect()
}

/// Neither loopback nor link-local: a link-local address means nothing without its scope, which candidates don't carry.
fn usable(ip: &IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.segments()[0] & 0xffc0 == 0xfe80,
    };
    !ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast() && !link_local
}
