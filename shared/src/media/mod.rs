//! Encoded media as it travels between rooms and programs.

pub mod clock;
pub mod frame;
pub mod h264;
pub mod jpeg;
pub mod mp4;
pub mod rtp_h264;
