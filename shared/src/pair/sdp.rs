//! The strict check of a session description before the WebRTC stack sees it (`docs/protocol.md` section 5; the language is
//! RFC 8866, the certificate's hash RFC 8122, the roles RFC 8842, BUNDLE RFC 9143).
//!
//! Stacks differ on which of several fingerprint lines counts, and some read what others skip. So a description passes
//! only if there is one way to read it; what this check does not know by name it lets through only as an attribute
//! that no stack takes keys, addresses or roles from.

use super::candidate::{CandidateError, MAX_CANDIDATES, check_candidate, is_ice_char};

/// Largest description in bytes: one offer with nine video slots has about 8,500.
pub const MAX_BYTES: usize = 14 * 1024;
/// Most lines.
pub const MAX_LINES: usize = 400;
/// Most m-lines.
pub const MAX_MEDIA: usize = 32;

/// Shortest ICE password (RFC 8839 §5.4: 128 bits).
const MIN_PWD: usize = 22;

/// What a checked description says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// SHA-256 of the certificate that the DTLS handshake must show.
    pub fingerprint: [u8; 32],
    pub setup: Setup,
    /// The m-lines in their order.
    pub media: Vec<Media>,
    /// How many candidates the description holds; trickled ones count on from here.
    pub candidates: usize,
}

/// One m-line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    pub kind: MediaKind,
    pub mid: String,
    /// Port 0 in an answer: not wanted.
    pub rejected: bool,
    pub direction: Direction,
}

/// What an m-line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    Video,
    Audio,
    /// Data channels.
    Application,
}

/// The DTLS role (RFC 8842 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    ActPass,
    Active,
    Passive,
}

/// Which way media may flow, seen from the description's maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

/// Where a description was refused, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("session description, line {line}: {reason}")]
pub struct SdpError {
    /// Counted from 1; the last one where something is missing from the whole, 0 where the whole is too large.
    pub line: usize,
    pub reason: Reason,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("more than {MAX_BYTES} bytes or {MAX_LINES} lines")]
    TooLarge,
    #[error("not a line of a WebRTC session description")]
    Line,
    #[error("an attribute whose name is spelt in a way that stacks read differently")]
    Attribute,
    #[error("an attribute that has no place here (identity, crypto)")]
    Forbidden,
    #[error("no certificate fingerprint")]
    NoFingerprint,
    #[error("a fingerprint that is not one SHA-256")]
    Fingerprint,
    #[error("two different fingerprints")]
    TwoFingerprints,
    #[error("not the fingerprint that was sealed with it")]
    OtherFingerprint,
    #[error("no ICE user name or password")]
    NoIce,
    #[error("an ICE user name or password that is too short, too long, or not of ICE's characters")]
    Ice,
    #[error("two different ICE user names or passwords")]
    TwoIce,
    #[error("a media line of a kind or protocol that is not used here")]
    Media,
    #[error("a media line without a mid, or with one that is taken")]
    Mid,
    #[error("the m-lines are not one bundle")]
    Bundle,
    #[error("no DTLS role, or one that does not fit")]
    Setup,
    #[error(transparent)]
    Candidate(#[from] CandidateError),
    #[error("more than {MAX_CANDIDATES} candidates")]
    TooManyCandidates,
    #[error("the m-lines are not the offer's, in the offer's order")]
    Order,
    #[error("a direction that the offer did not allow")]
    Direction,
}

impl Reason {
    /// A stable name, as in the shared test vectors.
    pub fn name(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Line => "line",
            Self::Attribute => "attribute",
            Self::Forbidden => "forbidden",
            Self::NoFingerprint => "no_fingerprint",
            Self::Fingerprint => "fingerprint",
            Self::TwoFingerprints => "two_fingerprints",
            Self::OtherFingerprint => "other_fingerprint",
            Self::NoIce => "no_ice",
            Self::Ice => "ice",
            Self::TwoIce => "two_ice",
            Self::Media => "media",
            Self::Mid => "mid",
            Self::Bundle => "bundle",
            Self::Setup => "setup",
            Self::Candidate(_) => "candidate",
            Self::TooManyCandidates => "too_many_candidates",
            Self::Order => "order",
            Self::Direction => "direction",
        }
    }
}

/// Checks an offer against the fingerprint that was sealed beside it.
pub fn check_offer(sdp: &str, fp: &[u8; 32]) -> Result<Checked, SdpError> {
    let (checked, at) = check(sdp)?;
    at.fingerprint_is(&checked, fp)?;
    if !matches!(checked.setup, Setup::ActPass | Setup::Active) {
        return Err(SdpError { line: at.setup, reason: Reason::Setup });
    }
    Ok(checked)
}

/// Checks an answer against the fingerprint that was sealed beside it and the offer that it answers.
pub fn check_answer(sdp: &str, fp: &[u8; 32], offer: &Checked) -> Result<Checked, SdpError> {
    let (checked, at) = check(sdp)?;
    at.fingerprint_is(&checked, fp)?;
    let fits = match checked.setup {
        Setup::Active => offer.setup == Setup::ActPass,
        Setup::Passive => matches!(offer.setup, Setup::ActPass | Setup::Active),
        Setup::ActPass => false,
    };
    if !fits {
        return Err(SdpError { line: at.setup, reason: Reason::Setup });
    }
    let same = |(a, o): (&Media, &Media)| a.kind == o.kind && a.mid == o.mid;
    if checked.media.len() != offer.media.len() || !checked.media.iter().zip(&offer.media).all(same) {
        return Err(SdpError { line: at.last, reason: Reason::Order });
    }
    for ((answered, offered), line) in checked.media.iter().zip(&offer.media).zip(&at.media) {
        let sound_or_picture = answered.kind != MediaKind::Application && !answered.rejected;
        if sound_or_picture && !allows(offered.direction, answered.direction) {
            return Err(SdpError { line: *line, reason: Reason::Direction });
        }
    }
    Ok(checked)
}

/// The one fingerprint of a description that our own stack made.
pub fn fingerprint_of(sdp: &str) -> Result<[u8; 32], SdpError> {
    let mut found = Same::default();
    let mut last = 0;
    for (n, line) in sdp.lines().enumerate() {
        last = n + 1;
        if let Some(value) = line.strip_prefix("a=fingerprint:") {
            found.meet(last, fingerprint(last, value)?, Reason::TwoFingerprints)?;
        }
    }
    found.value.ok_or(SdpError { line: last, reason: Reason::NoFingerprint })
}

/// Whether an answer may have this direction (RFC 8829 §5.3.1: reversed, or less).
fn allows(offered: Direction, answered: Direction) -> bool {
    let (offer_sends, offer_receives) = both_ways(offered);
    let (answer_sends, answer_receives) = both_ways(answered);
    (offer_receives || !answer_sends) && (offer_sends || !answer_receives)
}

fn both_ways(direction: Direction) -> (bool, bool) {
    match direction {
        Direction::SendRecv => (true, true),
        Direction::SendOnly => (true, false),
        Direction::RecvOnly => (false, true),
        Direction::Inactive => (false, false),
    }
}

/// A value that may be said several times but always the same.
#[derive(Debug)]
struct Same<T> {
    value: Option<T>,
    line: usize,
}

impl<T> Default for Same<T> {
    fn default() -> Self {
        Self { value: None, line: 0 }
    }
}

impl<T: PartialEq> Same<T> {
    fn meet(&mut self, line: usize, value: T, otherwise: Reason) -> Result<(), SdpError> {
        match &self.value {
            Some(known) if *known != value => Err(SdpError { line, reason: otherwise }),
            _ => {
                (self.value, self.line) = (Some(value), line);
                Ok(())
            }
        }
    }
}

/// Lines to name in errors that only the comparison with a seal or an offer finds.
struct At {
    fingerprint: usize,
    setup: usize,
    media: Vec<usize>,
    last: usize,
}

impl At {
    fn fingerprint_is(&self, checked: &Checked, fp: &[u8; 32]) -> Result<(), SdpError> {
        if checked.fingerprint == *fp {
            return Ok(());
        }
        Err(SdpError { line: self.fingerprint, reason: Reason::OtherFingerprint })
    }
}

/// An m-line while its attributes are read.
struct Section {
    kind: MediaKind,
    line: usize,
    mid: Option<String>,
    rejected: bool,
    direction: Option<Direction>,
}

#[derive(Default)]
struct Reader<'a> {
    fingerprint: Same<[u8; 32]>,
    ufrag: Same<&'a str>,
    pwd: Same<&'a str>,
    setup: Same<Setup>,
    bundle: Option<(usize, Vec<&'a str>)>,
    direction: Option<Direction>,
    sections: Vec<Section>,
    candidates: usize,
}

fn check(sdp: &str) -> Result<(Checked, At), SdpError> {
    if sdp.len() > MAX_BYTES {
        return Err(SdpError { line: 0, reason: Reason::TooLarge });
    }
    let body = sdp.strip_suffix('\n').unwrap_or(sdp);
    let mut reader = Reader::default();
    let mut last = 0;
    for (n, line) in body.split('\n').enumerate() {
        last = n + 1;
        if last > MAX_LINES {
            return Err(SdpError { line: last, reason: Reason::TooLarge });
        }
        let line = line.strip_suffix('\r').unwrap_or(line);
        reader.line(last, line).map_err(|reason| SdpError { line: last, reason })?;
    }
    reader.finish(last)
}

impl<'a> Reader<'a> {
    fn line(&mut self, n: usize, line: &'a str) -> Result<(), Reason> {
        // A bare CR, NUL or other control character is where two parsers part ways.
        if line.chars().any(char::is_control) {
            return Err(Reason::Line);
        }
        let (kind, value) = line.split_once('=').ok_or(Reason::Line)?;
        match (kind, n) {
            ("v", 1) if value == "0" => Ok(()),
            (_, 1) => Err(Reason::Line),
            ("o" | "s" | "t" | "b", _) => Ok(()),
            ("c", _) => connection(value),
            ("m", _) => self.media(n, value),
            ("a", _) => self.attribute(n, value),
            _ => Err(Reason::Line),
        }
    }

    fn media(&mut self, n: usize, value: &str) -> Result<(), Reason> {
        let mut fields = value.split(' ');
        let mut next = || fields.next().ok_or(Reason::Media);
        let (kind, port, proto, format) = (next()?, next()?, next()?, next()?);
        let kind = match (kind, proto) {
            ("video", "UDP/TLS/RTP/SAVPF") => MediaKind::Video,
            ("audio", "UDP/TLS/RTP/SAVPF") => MediaKind::Audio,
            ("application", "UDP/DTLS/SCTP") if format == "webrtc-datachannel" => MediaKind::Application,
            _ => return Err(Reason::Media),
        };
        let port: u16 = port.parse().map_err(|_| Reason::Media)?;
        let second_application =
            kind == MediaKind::Application && self.sections.iter().any(|s| s.kind == MediaKind::Application);
        if second_application || self.sections.len() == MAX_MEDIA {
            return Err(Reason::Media);
        }
        self.sections.push(Section { kind, line: n, mid: None, rejected: port == 0, direction: None });
        Ok(())
    }

    fn attribute(&mut self, n: usize, text: &'a str) -> Result<(), Reason> {
        let (name, value) = text.split_once(':').map_or((text, None), |(name, value)| (name, Some(value)));
        // "Fingerprint", "fingerprint " and the like: skipped by one stack, read by another.
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err(Reason::Attribute);
        }
        let flat = |result: Result<(), SdpError>| result.map_err(|e| e.reason);
        match (name, value) {
            ("identity" | "crypto" | "key-mgmt" | "tls-id", _) => Err(Reason::Forbidden),
            ("fingerprint", value) => {
                let value = fingerprint(n, value.unwrap_or_default()).map_err(|e| e.reason)?;
                flat(self.fingerprint.meet(n, value, Reason::TwoFingerprints))
            }
            ("ice-ufrag", value) => flat(self.ufrag.meet(n, ice(value, 4)?, Reason::TwoIce)),
            ("ice-pwd", value) => flat(self.pwd.meet(n, ice(value, MIN_PWD)?, Reason::TwoIce)),
            ("setup", value) => {
                let setup = match value {
                    Some("actpass") => Setup::ActPass,
                    Some("active") => Setup::Active,
                    Some("passive") => Setup::Passive,
                    _ => return Err(Reason::Setup),
                };
                flat(self.setup.meet(n, setup, Reason::Setup))
            }
            ("group", value) => self.group(n, value.unwrap_or_default()),
            ("mid", value) => self.mid(value.unwrap_or_default()),
            ("candidate", _) => {
                check_candidate(text)?;
                self.candidates += 1;
                if self.candidates > MAX_CANDIDATES { Err(Reason::TooManyCandidates) } else { Ok(()) }
            }
            ("sendrecv", None) => self.direction(Direction::SendRecv),
            ("sendonly", None) => self.direction(Direction::SendOnly),
            ("recvonly", None) => self.direction(Direction::RecvOnly),
            ("inactive", None) => self.direction(Direction::Inactive),
            _ => Ok(()),
        }
    }

    fn group(&mut self, n: usize, value: &'a str) -> Result<(), Reason> {
        let mut words = value.split(' ');
        if words.next() != Some("BUNDLE") || self.bundle.is_some() || !self.sections.is_empty() {
            return Err(Reason::Bundle);
        }
        self.bundle = Some((n, words.collect()));
        Ok(())
    }

    fn mid(&mut self, mid: &str) -> Result<(), Reason> {
        let valid = (1..=32).contains(&mid.len()) && mid.bytes().all(|b| b.is_ascii_graphic());
        let taken = self.sections.iter().any(|s| s.mid.as_deref() == Some(mid));
        match self.sections.last_mut() {
            Some(section) if valid && !taken && section.mid.is_none() => section.mid = Some(mid.to_owned()),
            _ => return Err(Reason::Mid),
        }
        Ok(())
    }

    fn direction(&mut self, direction: Direction) -> Result<(), Reason> {
        let place = match self.sections.last_mut() {
            Some(section) => &mut section.direction,
            None => &mut self.direction,
        };
        if place.is_some_and(|known| known != direction) {
            return Err(Reason::Direction);
        }
        *place = Some(direction);
        Ok(())
    }

    fn finish(self, last: usize) -> Result<(Checked, At), SdpError> {
        let missing = |reason| SdpError { line: last, reason };
        let fingerprint = self.fingerprint.value.ok_or(missing(Reason::NoFingerprint))?;
        if self.ufrag.value.is_none() || self.pwd.value.is_none() {
            return Err(missing(Reason::NoIce));
        }
        let setup = self.setup.value.ok_or(missing(Reason::Setup))?;
        let (group_line, bundle) = self.bundle.ok_or(missing(Reason::Bundle))?;

        let mut media = Vec::with_capacity(self.sections.len());
        let mut lines = Vec::with_capacity(self.sections.len());
        for section in self.sections {
            let mid = section.mid.ok_or(SdpError { line: section.line, reason: Reason::Mid })?;
            lines.push(section.line);
            let direction = section.direction.or(self.direction).unwrap_or(Direction::SendRecv);
            media.push(Media { kind: section.kind, mid, rejected: section.rejected, direction });
        }
        // Every accepted m-line is in the bundle, and the bundle names nothing else, nothing rejected and nothing twice.
        let wanted: Vec<&str> = media.iter().filter(|m| !m.rejected).map(|m| m.mid.as_str()).collect();
        let one_bundle = !wanted.is_empty()
            && bundle.len() == wanted.len()
            && wanted.iter().all(|mid| bundle.iter().filter(|b| *b == mid).count() == 1);
        if !one_bundle {
            return Err(SdpError { line: group_line, reason: Reason::Bundle });
        }
        let at = At { fingerprint: self.fingerprint.line, setup: self.setup.line, media: lines, last };
        Ok((Checked { fingerprint, setup, media, candidates: self.candidates }, at))
    }
}

/// `IN IP4 0.0.0.0`: an address, never a name to look up.
fn connection(value: &str) -> Result<(), Reason> {
    let address = value.strip_prefix("IN IP4 ").or_else(|| value.strip_prefix("IN IP6 ")).ok_or(Reason::Line)?;
    address.parse::<std::net::IpAddr>().map(|_| ()).map_err(|_| Reason::Line)
}

/// `sha-256 AB:CD:…` (RFC 8122 §5).
fn fingerprint(line: usize, value: &str) -> Result<[u8; 32], SdpError> {
    let parse = || {
        let (algorithm, hex) = value.trim_end_matches('\r').split_once(' ')?;
        if !algorithm.eq_ignore_ascii_case("sha-256") {
            return None;
        }
        let mut out = [0; 32];
        let mut pairs = hex.split(':');
        for byte in &mut out {
            let pair = pairs.next().filter(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()))?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        pairs.next().is_none().then_some(out)
    };
    parse().ok_or(SdpError { line, reason: Reason::Fingerprint })
}

fn ice(value: Option<&str>, min: usize) -> Result<&str, Reason> {
    value.filter(|v| (min..=256).contains(&v.len()) && v.bytes().all(is_ice_char)).ok_or(Reason::Ice)
}
