//! The payloads that travel sealed inside Noise messages (`docs/protocol.md`, "Sealed payloads"): JSON, padded to a few
//! sizes so that the server can't tell them apart by length. Padding and its limits are in `pair::seal`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{CameraId, Layer};
use crate::protocol::control::{Attached, Camera, Role};

/// 16 or 32 bytes as unpadded base64url text, so that the page and Rust agree on one form.
pub type B64 = String;

/// Pairing, first message, viewer to camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairHello {
    /// Highest sealed-protocol version that the viewer speaks.
    pub v: u16,
    /// What the device calls itself, at most 64 bytes; shown stripped of control and direction characters.
    pub device: String,
    /// `web`, `desktop`, `headless`.
    pub platform: String,
    /// The page came over plain http: the camera then grants view and playback at most.
    #[serde(default)]
    pub insecure: bool,
}

/// Pairing, second message, camera to viewer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum PairReply {
    Welcome(Box<PairWelcome>),
    Refused(Refused),
}

/// What a paired viewer keeps.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct PairWelcome {
    pub v: u16,
    pub roles: Vec<Role>,
    /// 16 bytes: shown to the server when ringing.
    pub cap: B64,
    /// 32 bytes: the session handshakes' pre-shared key.
    pub psk: B64,
    /// 16 bytes: where the camera is to be rung.
    pub mailbox: B64,
    /// Signaling servers, `ws(s)://host:port/ws`; empty: the one this came through.
    pub servers: Vec<String>,
    /// What the streamer calls its place ("Home").
    pub place: String,
    /// The name under which the device is listed there.
    pub device: String,
    pub roster_epoch: u64,
}

impl fmt::Debug for PairWelcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairWelcome").field("roles", &self.roles).finish_non_exhaustive()
    }
}

/// Session, first message, viewer to camera: a knock, not an authority.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Join {
    pub v: u16,
    /// 16 random bytes that name this session.
    pub sid: B64,
    /// Larger than every earlier one of this viewer: `max(last + 1, unix_ms * 1024)`.
    pub ctr: u64,
    /// How many video slots the viewer has places for, 1 to 16.
    pub slots: u8,
    /// What to send as soon as the connection stands. `camera` empty in the first entry: "the first camera".
    #[serde(default)]
    pub watch: Vec<WatchWish>,
    #[serde(default)]
    pub audio: bool,
}

/// A slot's first content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchWish {
    pub slot: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<CameraId>,
    pub layer: Layer,
}

/// Everything a camera may send sealed after a session's first message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum FromCamera {
    /// The second message.
    Offer(Box<Offer>),
    /// The second message instead of an offer.
    Refused(Refused),
    Cand(Candidate),
    /// No more candidates come.
    CandEnd,
    Bye {
        why: Why,
    },
}

/// A session's offer, with all that the viewer needs to label the first frame.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    pub v: u16,
    pub sdp: String,
    /// SHA-256 of the DTLS certificate, equal to the one `a=fingerprint` line of `sdp`; 32 bytes.
    pub fp: B64,
    /// The camera's half of the binding key; 32 bytes.
    pub kb: B64,
    pub ice_servers: Vec<IceServer>,
    pub slots: Vec<SlotMid>,
    pub cameras: Vec<Camera>,
    /// What the slots will carry once connected.
    pub attached: Vec<Attached>,
}

/// Neither the description, which holds the ICE password, nor the binding key.
impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer")
            .field("v", &self.v)
            .field("ice_servers", &self.ice_servers)
            .field("slots", &self.slots)
            .field("cameras", &self.cameras)
            .field("attached", &self.attached)
            .finish_non_exhaustive()
    }
}

/// Which m-line carries which slot. Slots of video and of sound are numbered apart, from zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotMid {
    pub kind: SlotKind,
    pub slot: u8,
    pub mid: String,
}

/// What a slot carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotKind {
    Video,
    Audio,
}

/// As RTCIceServer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    pub urls: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// Not who we are at a relay, and not its password.
impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// Everything a viewer may send sealed after its join.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum FromViewer {
    /// The third message.
    Answer {
        sdp: String,
        fp: B64,
        kb: B64,
    },
    /// Pairing's third message: the grant is stored.
    PairOk,
    Cand(Candidate),
    CandEnd,
    Bye {
        why: Why,
    },
}

/// Neither the answer's description, which holds the ICE password, nor the binding key.
impl fmt::Debug for FromViewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer { .. } => f.debug_struct("Answer").finish_non_exhaustive(),
            Self::PairOk => f.write_str("PairOk"),
            Self::Cand(candidate) => f.debug_tuple("Cand").field(candidate).finish(),
            Self::CandEnd => f.write_str("CandEnd"),
            Self::Bye { why } => f.debug_struct("Bye").field("why", why).finish(),
        }
    }
}

/// One trickled ICE candidate (RFC 8838); at most 64 of them a side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// `candidate:…`, without `a=`.
    pub cand: String,
    pub mid: String,
}

/// A sealed refusal, so that the server can't tell it from an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    pub why: Why,
    /// For `used`: the device that used it. For `busy`: how many watch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_s: Option<u32>,
}

/// Why something was refused or ended. Each has its sentence in the table of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The invitation was used by another device.
    Used,
    /// The invitation ran out.
    Expired,
    /// This device was removed.
    Revoked,
    /// Guest access ended.
    GuestEnded,
    /// As many viewers as the configuration allows.
    Busy,
    /// The viewer is older than the camera speaks.
    OldViewer,
    /// The camera is older than the viewer speaks.
    OldCamera,
    /// The same device opened a newer session.
    Replaced,
    /// The streamer stops.
    Stopping,
    /// The user left.
    Left,
    /// A message was not understood or not allowed here; the channel ends.
    Protocol,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{FromCamera, FromViewer, IceServer, Offer, PairReply, PairWelcome};
    use crate::peer::{BitrateRange, PeerSettings};

    const SECRETS: [&str; 5] = ["turnpassword", "turnuser", "icepassword", "bindingkey", "capability"];

    fn leaked(shown: &str) -> Vec<&'static str> {
        SECRETS.into_iter().filter(|secret| shown.contains(secret)).collect()
    }

    #[test]
    fn debug_shows_no_password_and_no_key() {
        let server = IceServer {
            urls: vec!["turn:relay.example".to_owned()],
            username: Some("turnuser".to_owned()),
            credential: Some("turnpassword".to_owned()),
        };
        let offer = Offer {
            v: 1,
            sdp: "a=ice-pwd:icepassword".to_owned(),
            fp: String::new(),
            kb: "bindingkey".to_owned(),
            ice_servers: vec![server.clone()],
            slots: Vec::new(),
            cameras: Vec::new(),
            attached: Vec::new(),
        };
        let answer = FromViewer::Answer { sdp: offer.sdp.clone(), fp: offer.fp.clone(), kb: offer.kb.clone() };
        let welcome = PairWelcome {
            v: 1,
            roles: Vec::new(),
            cap: "capability".to_owned(),
            psk: "bindingkey".to_owned(),
            mailbox: String::new(),
            servers: Vec::new(),
            place: String::new(),
            device: String::new(),
            roster_epoch: 0,
        };
        let settings = PeerSettings {
            stun_servers: Vec::new(),
            turn_servers: vec![server],
            bind: Vec::new(),
            check_interval: Duration::ZERO,
            mdns_query: false,
            bitrate: BitrateRange { start: 0, min: 0, max: 0 },
        };
        // Control: the secrets are there to be leaked.
        let told = [
            serde_json::to_string(&FromCamera::Offer(Box::new(offer.clone()))),
            serde_json::to_string(&answer),
            serde_json::to_string(&PairReply::Welcome(Box::new(welcome.clone()))),
        ];
        assert_eq!(leaked(&told.map(|text| text.expect("JSON")).concat()), SECRETS);
        for shown in [
            format!("{:?}", FromCamera::Offer(Box::new(offer))),
            format!("{answer:?}"),
            format!("{:?}", PairReply::Welcome(Box::new(welcome))),
            format!("{settings:?}"),
        ] {
            assert!(leaked(&shown).is_empty(), "{shown}");
        }
    }
}
