//! The WebRTC crate, and nothing else, lives here: [`Sender`] and [`Receiver`] over one [`connection`] each. Media takes a
//! way of its own through the crate: [`outlet`] and [`inlet`] sit at the application's end of its interceptor chain, so that a frame
//! costs one wake-up of the driver instead of one for each packet, and received packets are assembled where they arrive.

mod connection;
mod estimate;
mod inlet;
mod outbox;
mod outlet;
mod receiver;
mod resolve;
mod sender;
mod setup;
mod sockets;

pub use receiver::Receiver;
pub use resolve::prepare;
pub use sender::Sender;

#[cfg(test)]
mod tests;
