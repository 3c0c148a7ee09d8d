//! Serving viewers: the door that decides who comes in, one session for each viewer, and the feeds from the hub into
//! their slots. What is recorded, and how pictures are made, do not belong here.

pub mod alarm;
pub mod bulk;
pub mod control;
pub mod desk;
pub mod door;
pub mod house;
pub mod live;
mod moving;
pub mod past;
pub mod reach;
pub mod run;
pub mod session;
pub mod slots;
mod still;
pub mod stills;

pub use desk::{Code, Counters, Desk, DeskError, Invitation, ViewerRow};
