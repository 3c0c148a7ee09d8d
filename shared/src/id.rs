//! Identifiers that travel between the programs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A camera of one streamer: a short, stable, lower-case slug (`front-door`), unique within that streamer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CameraId(String);

impl CameraId {
    /// Longest id in bytes.
    pub const MAX_LEN: usize = 48;

    /// Accepts 1 to [`Self::MAX_LEN`] bytes of `a-z`, `0-9` and `-`.
    pub fn new(id: &str) -> Option<Self> {
        let ok = (1..=Self::MAX_LEN).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        ok.then(|| Self(id.to_owned()))
    }

    /// Derives an id from a name that a person chose; never empty, not yet unique.
    pub fn slug(name: &str) -> Self {
        let mut id = String::new();
        for c in name.chars().flat_map(char::to_lowercase) {
            match c {
                'a'..='z' | '0'..='9' => id.push(c),
                _ if !id.is_empty() && !id.ends_with('-') => id.push('-'),
                _ => {}
            }
            if id.len() == Self::MAX_LEN {
                break;
            }
        }
        let id = id.trim_end_matches('-');
        Self(if id.is_empty() { "camera".to_owned() } else { id.to_owned() })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CameraId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which of a camera's pictures: encoded once for each layer, never for each viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// What the camera gives: recorded, and sent to every viewer that can take it.
    Full,
    /// At most 640 pixels wide: grid tiles and weak links. Exists while a viewer needs it.
    Small,
}

/// 16 bytes that name a mailbox (a camera's or an invitation's) at the signaling server. Not a secret by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MailboxId(pub [u8; 16]);

impl fmt::Debug for MailboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An invitation's mailbox opens its door to whoever knows it, so logs get only enough to tell two apart.
        write!(f, "MailboxId({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// A channel between a viewer and a mailbox, chosen at random by the viewer and unique at the camera's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelId(pub u64);

#[cfg(test)]
mod tests {
    use super::CameraId;

    #[test]
    fn slugs_are_valid_ids() {
        for name in ["Front door", "Küche / 2. Etage", "", "---", &"x".repeat(200), "日本"] {
            let slug = CameraId::slug(name);
            assert!(CameraId::new(slug.as_str()).is_some(), "{name:?} gave {slug}");
        }
        assert_eq!(CameraId::slug("Front door").as_str(), "front-door");
        assert!(CameraId::new("Front").is_none());
        assert!(CameraId::new("").is_none());
    }
}
