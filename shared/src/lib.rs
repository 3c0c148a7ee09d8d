//! The language that AtHome's programs speak: ids, time, secrets, the wire protocols, pairing, the peer connection
//! and the media formats. Nothing in here knows a camera, a window or a database.

pub mod backoff;
pub mod id;
pub mod logging;
#[cfg(feature = "look")]
pub mod look;
pub mod media;
pub mod pair;
pub mod peer;
pub mod protocol;
pub mod secret;
pub mod shutdown;
pub mod signal;
pub mod time;
