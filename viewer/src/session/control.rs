//! Reading the control channel, where a newer streamer may say things we don't know, and a broken one anything at all.

use athome_shared::protocol::control::{MAX_MESSAGE, ToViewer};
use serde::Deserialize;

/// A message as far as it could be read.
#[derive(Debug, PartialEq)]
pub enum Read {
    Message(ToViewer),
    /// Of a kind that this version does not know: ignored.
    Unknown,
    /// Too large, no JSON, or a known kind with the wrong fields: ends the session.
    Malformed,
}

/// Reads one message of the control channel.
pub fn read(bytes: &[u8]) -> Read {
    /// Only the tag.
    #[derive(Deserialize)]
    struct Tag<'a> {
        #[serde(borrow)]
        t: std::borrow::Cow<'a, str>,
    }

    if bytes.len() > MAX_MESSAGE {
        return Read::Malformed;
    }
    match serde_json::from_slice::<ToViewer>(bytes) {
        Ok(message) => Read::Message(message),
        Err(_) => match serde_json::from_slice::<Tag>(bytes) {
            Ok(tag) if !KNOWN.contains(&tag.t.as_ref()) => Read::Unknown,
            Ok(_) | Err(_) => Read::Malformed,
        },
    }
}

/// The tags of [`ToViewer`].
const KNOWN: [&str; 15] = [
    "hello",
    "cameras",
    "attached",
    "detached",
    "pong",
    "slot_stats",
    "watching",
    "motion",
    "mode",
    "cells",
    "done",
    "refused",
    "bulk_begin",
    "bulk_end",
    "bye",
];

#[cfg(test)]
mod tests {
    use athome_shared::protocol::control::ToViewer;

    use super::{KNOWN, MAX_MESSAGE, Read, read};

    #[test]
    fn unknown_kinds_are_ignored_and_broken_ones_are_not() {
        assert_eq!(read(br#"{"t":"done","re":7}"#), Read::Message(ToViewer::Done { re: 7 }));
        assert_eq!(read(br#"{"t":"thermostat","x":1}"#), Read::Unknown);
        for bad in [&b""[..], b"{", b"7", br#"{"re":7}"#, br#"{"t":"done"}"#, br#"{"t":"done","re":-1}"#, b"\xff"] {
            assert_eq!(read(bad), Read::Malformed);
        }
        let padded = format!(r#"{{"t":"done","re":7}}{}"#, " ".repeat(MAX_MESSAGE));
        assert_eq!(read(padded.as_bytes()), Read::Malformed);
    }

    #[test]
    fn every_known_kind_is_listed() {
        for tag in KNOWN {
            let message = format!(r#"{{"t":"{tag}"}}"#);
            let known = match serde_json::from_str::<ToViewer>(&message) {
                Ok(_) => true,
                Err(error) => !error.to_string().contains("unknown variant"),
            };
            assert!(known, "{tag}");
        }
        let error = serde_json::from_str::<ToViewer>(r#"{"t":"?"}"#).unwrap_err().to_string();
        assert_eq!(error.matches('`').count() / 2 - 1, KNOWN.len(), "{error}");
    }
}
