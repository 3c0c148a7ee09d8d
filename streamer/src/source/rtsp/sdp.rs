//! A camera's description of its streams (SDP, RFC 8866), as far as a viewer needs it. Pure.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Streams looked at.
const MOST_STREAMS: usize = 16;
/// Longest control address taken, in bytes.
const LONGEST_CONTROL: usize = 1_024;

/// What a camera offers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Description {
    /// The whole session's address, relative to where the description came from.
    control: Option<String>,
    pub streams: Vec<Stream>,
}

/// One stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stream {
    /// `video`, `audio` or another.
    pub kind: String,
    pub payload_type: u8,
    /// In capital letters: `H264`, `PCMU`, …
    pub codec: String,
    /// Ticks a second.
    pub rate: u32,
    pub channels: u8,
    format: String,
    control: Option<String>,
}

impl Description {
    /// Reads what can be read; lines that mean nothing to us are skipped.
    pub fn parse(text: &str) -> Self {
        let mut description = Self::default();
        for line in text.lines() {
            let Some((key, value)) = line.trim().split_once('=') else { continue };
            let full = description.streams.len() >= MOST_STREAMS;
            match (key, description.streams.last_mut()) {
                ("m", _) if full => break,
                ("m", _) => description.streams.extend(media(value)),
                ("a", Some(stream)) => stream.attribute(value),
                ("a", None) => {
                    if let Some(control) = value.strip_prefix("control:") {
                        description.control = control_of(control);
                    }
                }
                _ => {}
            }
        }
        description
    }

    /// The session's address, for a description that came from `base`.
    pub fn address(&self, base: &str) -> String {
        join(base, self.control.as_deref())
    }

    /// A stream's address.
    pub fn address_of(&self, stream: &Stream, base: &str) -> String {
        join(&self.address(base), stream.control.as_deref())
    }
}

impl Stream {
    fn attribute(&mut self, value: &str) {
        let (name, value) = value.split_once(':').unwrap_or((value, ""));
        // `rtpmap:96 H264/90000` and `fmtp:96 …` are of one of several payload types.
        let mine = || value.split_once(' ').filter(|(number, _)| number.parse() == Ok(self.payload_type));
        match name {
            "rtpmap" => {
                let Some((_, map)) = mine() else { return };
                let mut parts = map.trim().split('/');
                self.codec = parts.next().unwrap_or_default().to_ascii_uppercase();
                self.rate = parts.next().and_then(|rate| rate.trim().parse().ok()).unwrap_or(self.rate);
                self.channels = parts.next().and_then(|count| count.trim().parse().ok()).unwrap_or(1);
            }
            "fmtp" => {
                if let Some((_, format)) = mine() {
                    self.format = format.trim().to_owned();
                }
            }
            "control" => self.control = control_of(value),
            _ => {}
        }
    }

    /// H.264 parameter sets that stand in the description (RFC 6184 §8.1 `sprop-parameter-sets`).
    pub fn parameter_sets(&self) -> Vec<Vec<u8>> {
        let fields = self.format.split(';').filter_map(|field| field.trim().split_once('='));
        let mut sets = fields.filter(|(key, _)| key.eq_ignore_ascii_case("sprop-parameter-sets"));
        let Some((_, sets)) = sets.next() else { return Vec::new() };
        sets.split(',').take(MOST_STREAMS).filter_map(|set| BASE64_STANDARD.decode(set.trim()).ok()).collect()
    }
}

/// `video 0 RTP/AVP 96`; payload types below 96 have a meaning of their own (RFC 3551 §6).
fn media(value: &str) -> Option<Stream> {
    let mut words = value.split_whitespace();
    let kind = words.next()?.to_ascii_lowercase();
    let payload_type = words.nth(2)?.parse().ok()?;
    let (codec, rate) = match payload_type {
        0 => ("PCMU", 8_000),
        8 => ("PCMA", 8_000),
        26 => ("JPEG", 90_000),
        _ => ("", 90_000),
    };
    Some(Stream { kind, payload_type, codec: codec.to_owned(), rate, channels: 1, ..Stream::default() })
}

/// An address that may stand in a request.
fn control_of(value: &str) -> Option<String> {
    let value = value.trim();
    let fits = value.len() <= LONGEST_CONTROL && !value.chars().any(|c| c.is_control() || c.is_whitespace());
    (fits && !value.is_empty() && value != "*").then(|| value.to_owned())
}

/// As the players that cameras are tested with do it: put behind, whatever RFC 3986 says of paths and queries.
fn join(base: &str, control: Option<&str>) -> String {
    match control {
        None => base.to_owned(),
        Some(whole) if whole.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("rtsp://")) => whole.to_owned(),
        Some(part) => format!("{}/{}", base.trim_end_matches('/'), part.trim_start_matches('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::Description;

    const CAMERA: &str = "v=0\r\no=- 1 1 IN IP4 192.168.1.64\r\ns=Media Presentation\r\na=control:*\r\n\
        m=video 0 RTP/AVP 96\r\nb=AS:5000\r\na=control:trackID=1\r\na=rtpmap:96 H264/90000\r\n\
        a=fmtp:96 profile-level-id=420029; packetization-mode=1; sprop-parameter-sets=Z0IAKeKQFgJNgSUFBQXwvdXlAC5AAAEyAF9eEAAAAAE=,aM48gA==\r\n\
        m=audio 0 RTP/AVP 0\r\na=control:rtsp://192.168.1.64/main/trackID=2\r\n\
        m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n";

    #[test]
    fn a_camera_s_description_is_read() {
        let all = Description::parse(CAMERA);
        let [video, audio, data] = &all.streams[..] else { panic!("{all:?}") };
        assert_eq!((video.kind.as_str(), video.codec.as_str(), video.rate), ("video", "H264", 90_000));
        assert_eq!(video.parameter_sets()[1], [0x68, 0xce, 0x3c, 0x80]);
        assert_eq!((audio.codec.as_str(), audio.rate, audio.channels), ("PCMU", 8_000, 1));
        assert_eq!(data.kind, "application");
        assert_eq!(all.address("rtsp://h/main/"), "rtsp://h/main/");
        assert_eq!(all.address_of(video, "rtsp://h/main/"), "rtsp://h/main/trackID=1");
        assert_eq!(all.address_of(audio, "rtsp://h/main/"), "rtsp://192.168.1.64/main/trackID=2");
    }

    #[test]
    fn nothing_in_a_description_gets_into_a_request_s_next_line() {
        let odd = Description::parse("m=video 0 RTP/AVP 96\na=control:x y\nm=audio 0 RTP/AVP\nm=\na=rtpmap:96\nm");
        assert_eq!(odd.streams.len(), 1);
        assert_eq!(odd.address_of(&odd.streams[0], "rtsp://h/a"), "rtsp://h/a");
        assert_eq!(Description::parse(&"m=video 0 RTP/AVP 96\n".repeat(99)).streams.len(), 16);
    }
}
