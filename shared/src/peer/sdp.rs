//! What we need to know of a session description ourselves. A reader of a few lines; the strict check is
//! [`pair::sdp`](crate::pair::sdp), made by the sessions before a description gets here, and the stack has a parser of its own.

use crate::protocol::wire::SlotKind;

/// Largest description in bytes; those of our own sessions are held to less.
pub const MAX_BYTES: usize = 64 * 1024;

/// Why a description is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    #[error("{0} bytes, at most {MAX_BYTES} are taken")]
    TooLong(usize),
    #[error("no usable a=fingerprint:sha-256 line, or two that differ")]
    Fingerprint,
    #[error("no media line")]
    Empty,
    #[error("media lines of the answer differ from those of the offer")]
    Mismatch,
}

/// What an `m=` section is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    Slot(SlotKind),
    Data,
    /// Something that we don't speak.
    Other,
}

/// One `m=` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub media: Media,
    pub mid: String,
    /// The stream's SSRC: the first of `a=ssrc-group:FID`, or of `a=ssrc`.
    pub ssrc: Option<u32>,
    /// The port is zero, or the direction is `inactive`.
    pub rejected: bool,
}

/// What a description says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub sections: Vec<Section>,
    /// SHA-256 of the peer's DTLS certificate.
    pub fingerprint: [u8; 32],
    /// `a=setup:active`: the peer will be the DTLS client.
    pub active: bool,
}

/// Reads a description.
pub fn read(sdp: &str) -> Result<Description, SdpError> {
    if sdp.len() > MAX_BYTES {
        return Err(SdpError::TooLong(sdp.len()));
    }
    let mut fingerprint = None;
    let mut active = false;
    let mut sections: Vec<Section> = Vec::new();
    for line in sdp.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            sections.push(section(media));
            continue;
        }
        let Some(attribute) = line.strip_prefix("a=") else { continue };
        let (key, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        match key {
            "fingerprint" => {
                let found = parse_fingerprint(value).ok_or(SdpError::Fingerprint)?;
                if *fingerprint.get_or_insert(found) != found {
                    return Err(SdpError::Fingerprint);
                }
            }
            "setup" => active |= value == "active",
            _ => {
                if let Some(section) = sections.last_mut() {
                    media_attribute(section, key, value);
                }
            }
        }
    }
    if sections.is_empty() {
        return Err(SdpError::Empty);
    }
    Ok(Description { sections, fingerprint: fingerprint.ok_or(SdpError::Fingerprint)?, active })
}

/// Leaves out fingerprints made with other hash functions: a client may send several of one certificate (RFC 8122 §5),
/// and stacks differ on which of them counts. Ours is to check the one that [`read`] checks.
pub fn sha256_only(sdp: &str) -> String {
    let other = |line: &str| {
        line.strip_prefix("a=fingerprint:").is_some_and(|value| {
            let hash = value.split_ascii_whitespace().next().unwrap_or_default();
            !hash.eq_ignore_ascii_case("sha-256")
        })
    };
    sdp.split_inclusive('\n').filter(|line| !other(line)).collect()
}

/// Leaves out what nobody reads since `a=msid` and RTCP multiplexing: labels of each SSRC, and candidates of the second
/// component. An offer of nine video slots is a quarter shorter for it.
pub fn shorten(sdp: &str) -> String {
    let read = |line: &&str| {
        let label = |value: &str| ["msid:", "mslabel:", "label:"].iter().any(|key| value.starts_with(key));
        let ssrc = line.strip_prefix("a=ssrc:").and_then(|rest| rest.split_once(' '));
        let candidate = line.strip_prefix("a=candidate:").and_then(|rest| rest.split_once(' '));
        !ssrc.is_some_and(|(_, value)| label(value)) && !candidate.is_some_and(|(_, rest)| rest.starts_with("2 "))
    };
    sdp.split_inclusive('\n').filter(read).collect()
}

/// Checks that an answer has the offer's media lines, in its order.
pub fn matches(offer: &[Section], answer: &[Section]) -> Result<(), SdpError> {
    let same = |(o, a): (&Section, &Section)| o.media == a.media && o.mid == a.mid;
    if offer.len() == answer.len() && offer.iter().zip(answer).all(same) { Ok(()) } else { Err(SdpError::Mismatch) }
}

fn section(media: &str) -> Section {
    let mut fields = media.split_ascii_whitespace();
    let media = match fields.next() {
        Some("video") => Media::Slot(SlotKind::Video),
        Some("audio") => Media::Slot(SlotKind::Audio),
        Some("application") => Media::Data,
        _ => Media::Other,
    };
    Section { media, mid: String::new(), ssrc: None, rejected: fields.next() == Some("0") }
}

fn media_attribute(section: &mut Section, key: &str, value: &str) {
    match key {
        "mid" => section.mid = value.to_owned(),
        "inactive" => section.rejected = true,
        "ssrc" if section.ssrc.is_none() => {
            section.ssrc = value.split_ascii_whitespace().next().and_then(|s| s.parse().ok());
        }
        "ssrc-group" => {
            let mut fields = value.split_ascii_whitespace();
            if fields.next() == Some("FID") {
                section.ssrc = fields.next().and_then(|s| s.parse().ok());
            }
        }
        _ => {}
    }
}

fn parse_fingerprint(value: &str) -> Option<[u8; 32]> {
    let (algorithm, hex) = value.split_once(' ')?;
    if !algorithm.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    let mut out = [0; 32];
    let mut bytes = hex.trim().split(':');
    for byte in &mut out {
        *byte = bytes.next().filter(|h| h.len() == 2).and_then(|h| u8::from_str_radix(h, 16).ok())?;
    }
    bytes.next().is_none().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
        a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n\
        a=group:BUNDLE 0 1 2\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 102 103\r\na=setup:active\r\na=mid:0\r\n\
        a=ssrc-group:FID 11 12\r\na=ssrc:12 cname:x\r\na=sendonly\r\n\
        m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=setup:active\r\na=mid:1\r\na=ssrc:13 cname:x\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=setup:active\r\na=mid:2\r\n";

    #[test]
    fn an_offer_is_taken_apart() {
        let offer = read(OFFER).unwrap();
        let slots: Vec<_> = offer.sections.iter().map(|s| (s.media, s.mid.as_str(), s.ssrc, s.rejected)).collect();
        assert_eq!(
            slots,
            [
                (Media::Slot(SlotKind::Video), "0", Some(11), false),
                (Media::Slot(SlotKind::Audio), "1", Some(13), true),
                (Media::Data, "2", None, false),
            ]
        );
        assert_eq!((offer.fingerprint[0], offer.fingerprint[31], offer.active), (0, 31, true));
        assert!(matches(&offer.sections, &offer.sections).is_ok());
        assert_eq!(matches(&offer.sections, &offer.sections[..2]), Err(SdpError::Mismatch));
    }

    #[test]
    fn of_several_hash_functions_only_sha_256_is_left() {
        let several = OFFER.replace("a=group", "a=fingerprint:sha-512 AB:CD\r\na=fingerprint:SHA-384 12\r\na=group");
        assert_eq!(read(&several), Err(SdpError::Fingerprint));
        assert_eq!(sha256_only(&several), OFFER);
        let none = several.replace("sha-256", "sha-1");
        assert_eq!(read(&sha256_only(&none)), Err(SdpError::Fingerprint));
    }

    #[test]
    fn shortening_keeps_what_is_read() {
        let extra = "a=ssrc:12 msid:v0 v0\r\na=ssrc:12 mslabel:v0\r\na=ssrc:12 label:v0\r\n\
            a=candidate:1 2 udp 1 10.0.0.1 5 typ host\r\n";
        let kept = "a=candidate:1 1 udp 1 10.0.0.1 5 typ host\r\n";
        assert_eq!(shorten(&format!("{OFFER}{extra}{kept}")), format!("{OFFER}{kept}"));
    }

    #[test]
    fn what_says_nothing_certain_is_refused() {
        assert_eq!(read(&OFFER.replace("sha-256 00", "sha-1 00")), Err(SdpError::Fingerprint));
        assert_eq!(read(&OFFER.replace("sha-256 00:", "sha-256 ")), Err(SdpError::Fingerprint));
        let second = OFFER.lines().find(|l| l.starts_with("a=fingerprint")).unwrap().replace("1F", "2F");
        assert_eq!(read(&format!("{OFFER}{second}\r\n")), Err(SdpError::Fingerprint));
        assert_eq!(read(&"x".repeat(MAX_BYTES + 1)), Err(SdpError::TooLong(MAX_BYTES + 1)));
        assert_eq!(read(""), Err(SdpError::Empty));
    }
}
