//! From received frames to pictures and sound: decoders on their own threads, and what is measured on the way.

pub mod audio;
pub mod clock;
pub mod decode;
pub mod film;
pub mod freeze;
pub mod hold;
pub mod planes;
pub mod player;
pub mod playout;
pub mod record;
pub mod speaker;
pub mod stage;
pub mod still;
pub mod times;
pub mod tone;
