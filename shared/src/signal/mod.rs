//! The link to the signaling server, seen from a client: [`camera`] keeps one up for ever, [`viewer`] is one attempt
//! that carries many channels. Both decide in plain structs ([`session`], [`liveness`]) and let [`socket`] move bytes.

pub mod camera;
pub mod liveness;
pub mod session;
mod socket;
pub mod viewer;

pub use camera::{CameraCommand, CameraLinkConfig, CameraLinkEvent, run_camera_link};
pub use socket::{LinkError, dialled_name};
pub use viewer::{Channel, ChannelEvent, LinkEnd, ViewerLink, Watch};
