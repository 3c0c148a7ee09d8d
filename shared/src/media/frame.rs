//! An encoded frame, immutable once published: passing it on is a reference count, never a copy.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::time::MediaTime;

/// How the payload is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// ITU-T H.264, Annex B byte stream (4-byte start codes), parameter sets in front of every IDR.
    H264,
    /// ITU-T H.265, Annex B byte stream.
    H265,
    /// RFC 6716, one packet, 48 kHz.
    Opus,
}

/// What stays the same from frame to frame until the stream changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Params {
    /// A picture's size in luma samples (after cropping) and its H.264 profile-level-id (RFC 6184 §8.1) or zeros.
    Video { width: u32, height: u32, profile_level_id: [u8; 3] },
    /// Sound.
    Audio { channels: u8 },
}

/// One access unit of video or one packet of sound.
#[derive(Clone, Debug)]
pub struct EncodedFrame {
    pub codec: Codec,
    /// Decoding can start here (an IDR; always true for sound).
    pub is_key: bool,
    /// Presentation time on the streamer's media clock.
    pub pts: MediaTime,
    /// When light (or sound) reached the device, as near as the source can tell.
    pub captured: Instant,
    /// When the encoder (or the demuxer) handed it over.
    pub encoded: Instant,
    pub data: Bytes,
    pub params: Arc<Params>,
}
