//! Looking: what moves in front of a camera, where, and for how long. Pictures come down to a small grid ([`sample`]),
//! are told from the empty scene ([`background`]), and what is left becomes things ([`blobs`], [`tracks`]), places
//! ([`zones`]) and events ([`gate`]); [`guard`] knows what changes a picture without anything moving in it. All of that
//! is pure; [`watch`] is the thread around it, [`board`] what others are shown.

#![allow(
    clippy::needless_range_loop,
    reason = "loops over several planes by index are what becomes vector instructions; eight zipped iterators do not"
)]

pub mod background;
pub mod blobs;
pub mod board;
pub mod gate;
pub mod grid;
pub mod guard;
pub mod inbox;
pub mod look;
pub mod pace;
pub mod sample;
#[cfg(test)]
mod scenes;
pub mod still;
pub mod things;
pub mod tracks;
pub mod watch;
pub mod wide;
pub mod zones;
