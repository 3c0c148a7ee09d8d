//! Why a session or a pairing ended, and what is said about it.

use athome_shared::protocol::wire::{Refused, Why};

use crate::words::Sentence;

/// The end of a pairing or a session.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// The streamer refused, before anything stood.
    Refused(Refused),
    /// The streamer said goodbye.
    Bye(Why),
    /// The server knows no such camera, or it is not there now.
    Offline,
    /// The server can't be reached or dropped us.
    NoServer,
    /// Nobody answered in time.
    Silent,
    /// A sealed message could not be opened, or an offer contradicted its seal.
    Tampered,
    /// The other side, or the server, sent something that has no meaning here.
    Protocol(&'static str),
    /// Both ends talked, and no path between them could be found.
    NoPath,
    /// The connection stood, and was lost.
    Lost,
    /// We left.
    Left,
}

impl Ended {
    /// Whether trying again makes sense without a person doing something first.
    pub fn passes(&self) -> bool {
        match self {
            Self::Refused(Refused { why, .. }) | Self::Bye(why) => match why {
                Why::Busy | Why::Stopping => true,
                Why::Used
                | Why::Expired
                | Why::Revoked
                | Why::GuestEnded
                | Why::OldViewer
                | Why::OldCamera
                | Why::Replaced
                | Why::Left
                | Why::Protocol => false,
            },
            Self::Offline | Self::NoServer | Self::Silent | Self::NoPath | Self::Lost => true,
            // A hostile server can cause these at will: never a loop of them.
            Self::Tampered | Self::Protocol(_) | Self::Left => false,
        }
    }

    /// What to tell the person; `place` is whom it concerns, `retry_s` when the next try is.
    pub fn sentence(&self, place: &str, retry_s: u32) -> Sentence {
        let (why, refused) = match self {
            Self::Refused(refused) => (refused.why, Some(refused)),
            Self::Bye(why) => (*why, None),
            Self::Offline => return Sentence::OfflineServer,
            Self::NoServer => return Sentence::OfflineMe { retry_s: u64::from(retry_s) },
            Self::Silent | Self::Lost => return Sentence::Lost { attempt: 1 },
            Self::Tampered => return Sentence::Tampered,
            Self::Protocol(_) => return Sentence::Protocol,
            Self::NoPath => return Sentence::NoPath,
            Self::Left => return Sentence::Stopping,
        };
        match why {
            Why::Used => {
                let who = refused.and_then(|r| r.who.as_deref()).map(printable).filter(|w| !w.is_empty());
                Sentence::CodeUsed { device: who.unwrap_or_else(|| "?".to_owned()) }
            }
            Why::Expired => Sentence::CodeExpired,
            Why::Revoked => Sentence::Removed { owner: printable(place) },
            Why::GuestEnded => Sentence::GuestEnded,
            Why::Busy => Sentence::Busy { count: refused.and_then(|r| r.count).unwrap_or(0), retry_s },
            Why::OldViewer => Sentence::OldViewer,
            Why::OldCamera => Sentence::OldCamera,
            Why::Replaced => Sentence::Replaced,
            Why::Stopping | Why::Left => Sentence::Stopping,
            Why::Protocol => Sentence::Protocol,
        }
    }
}

/// A name from the other side, fit for a terminal: no control or direction characters, at most 64 characters.
pub fn printable(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().filter(|c| !hidden(*c)).take(64).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use athome_shared::protocol::wire::{Refused, Why};

    use super::{Ended, printable};
    use crate::words::Sentence;

    #[test]
    fn a_used_code_names_the_device_without_its_tricks() {
        let refused =
            Refused { why: Why::Used, who: Some("Anna\u{202e}\u{1b}[2J".to_owned()), count: None, retry_s: None };
        assert_eq!(Ended::Refused(refused).sentence("", 0), Sentence::CodeUsed { device: "Anna[2J".to_owned() });
        assert_eq!(printable(&"x".repeat(999)).len(), 64);
    }

    #[test]
    fn what_a_person_must_settle_is_not_tried_again() {
        assert!(!Ended::Bye(Why::Revoked).passes());
        assert!(!Ended::Tampered.passes());
        assert!(Ended::Bye(Why::Stopping).passes());
        assert!(Ended::Lost.passes());
    }
}
