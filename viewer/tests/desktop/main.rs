//! What the viewer asks of a desktop, on a private bus: a pretend notification service, and the real keyring daemon.

mod bus;
mod keystore;
mod notify;
