//! The door against honest viewers and hostile servers, with time moved by hand.

mod hostile;
mod pairing;
mod scene;
mod session;
