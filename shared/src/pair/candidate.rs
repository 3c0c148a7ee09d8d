//! ICE candidate lines (RFC 8839 §5.1), checked before the stack sees them: no host names but `.local` ones (which a
//! resolver would look up in public), and nothing but printable ASCII.

use std::net::IpAddr;

/// Candidates of one side of a session, in its description and trickled, at most.
pub const MAX_CANDIDATES: usize = 64;

/// Longest candidate line; real ones stay under 200 bytes.
const MAX_LEN: usize = 512;

/// Checks one candidate, `candidate:…` as in a trickled message (without `a=`); the error says what is wrong with it.
pub fn check_candidate(text: &str) -> Result<(), CandidateError> {
    use CandidateError::{Address, Fields, Number, Text, Transport, Type};
    if text.len() > MAX_LEN || !text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Err(Text);
    }
    let mut fields = text.strip_prefix("candidate:").ok_or(Fields)?.split(' ');
    let mut next = || fields.next().filter(|f| !f.is_empty()).ok_or(Fields);

    let foundation = next()?;
    if foundation.len() > 32 || !foundation.bytes().all(is_ice_char) {
        return Err(Fields);
    }
    if !matches!(next()?, "1" | "2") {
        return Err(Number);
    }
    let transport = next()?;
    if !transport.eq_ignore_ascii_case("udp") && !transport.eq_ignore_ascii_case("tcp") {
        return Err(Transport);
    }
    number::<u32>(next()?)?;
    address(next()?)?;
    number::<u16>(next()?)?;
    if next()? != "typ" {
        return Err(Fields);
    }
    if !matches!(next()?, "host" | "srflx" | "prflx" | "relay") {
        return Err(Type);
    }
    // Extensions come in pairs, and only the related address is one that a stack may look at.
    while let Some(name) = fields.next() {
        let value = fields.next().ok_or(Fields)?;
        match name {
            "" => return Err(Fields),
            "raddr" => address(value).or(Err(Address))?,
            "rport" => number::<u16>(value)?,
            _ => {}
        }
    }
    Ok(())
}

/// What is wrong with a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CandidateError {
    #[error("a candidate is too long or holds characters other than printable ASCII")]
    Text,
    #[error("a candidate's fields are not those of RFC 8839")]
    Fields,
    #[error("a candidate's component, priority or port is out of range")]
    Number,
    #[error("a candidate's transport is neither UDP nor TCP")]
    Transport,
    #[error("a candidate's address is neither an IP address nor a .local name")]
    Address,
    #[error("a candidate's type is unknown")]
    Type,
}

/// `ice-char` of RFC 8839 §5.1.
pub(super) fn is_ice_char(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'+' || b == b'/'
}

fn number<T: std::str::FromStr>(text: &str) -> Result<(), CandidateError> {
    // `parse` alone would take a sign.
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    if digits && text.parse::<T>().is_ok() { Ok(()) } else { Err(CandidateError::Number) }
}

fn address(text: &str) -> Result<(), CandidateError> {
    let local = text.strip_suffix(".local").is_some_and(|name| {
        (1..=63).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    });
    if local || text.parse::<IpAddr>().is_ok() { Ok(()) } else { Err(CandidateError::Address) }
}

#[cfg(test)]
mod tests {
    use super::{CandidateError as E, check_candidate};

    #[test]
    fn candidates_of_real_stacks_pass() {
        for text in [
            "candidate:2693830880 1 udp 2130706431 127.0.0.1 43381 typ host",
            "candidate:1 1 UDP 2122252543 fd00::1 50000 typ host generation 0 ufrag x7Bs network-id 1",
            "candidate:842163049 1 udp 1677729535 203.0.113.9 40000 typ srflx raddr 0.0.0.0 rport 0 generation 0",
            "candidate:0 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0",
            "candidate:3 1 udp 2113937151 4f7a2c1e-8a7b-4c6d-9e0f-112233445566.local 51001 typ host",
        ] {
            assert_eq!(check_candidate(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn others_do_not() {
        for (text, error) in [
            ("", E::Fields),
            ("candidate:", E::Fields),
            ("a=candidate:1 1 udp 1 127.0.0.1 1 typ host", E::Fields),
            ("candidate:1 1 udp 1 127.0.0.1 1 typ", E::Fields),
            ("candidate:1  1 udp 1 127.0.0.1 1 typ host", E::Fields),
            ("candidate:1 1 udp 1 127.0.0.1 1 typ host raddr", E::Fields),
            ("candidate:1 1 udp 1 127.0.0.1 1 typ host\r\na=crypto:1", E::Text),
            ("candidate:1 1 udp 1 127.0.0.1 1 typ höst", E::Text),
            ("candidate:1 3 udp 1 127.0.0.1 1 typ host", E::Number),
            ("candidate:1 1 udp 4294967296 127.0.0.1 1 typ host", E::Number),
            ("candidate:1 1 udp +1 127.0.0.1 1 typ host", E::Number),
            ("candidate:1 1 udp 1 127.0.0.1 65536 typ host", E::Number),
            ("candidate:1 1 sctp 1 127.0.0.1 1 typ host", E::Transport),
            ("candidate:1 1 udp 1 evil.example.com 1 typ host", E::Address),
            ("candidate:1 1 udp 1 evil.example.com.local 1 typ host", E::Address),
            ("candidate:1 1 udp 1 .local 1 typ host", E::Address),
            ("candidate:1 1 udp 1 127.0.0.1 1 typ srflx raddr evil.example.com rport 1", E::Address),
            ("candidate:1 1 udp 1 127.0.0.1 1 typ magic", E::Type),
        ] {
            assert_eq!(check_candidate(text), Err(error), "{text}");
        }
    }
}
