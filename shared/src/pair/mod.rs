//! Pairing and sessions (AH1): how a viewer and a camera come to know each other through a server that neither trusts.
//!
//! Everything here is pure: keys, time and randomness are arguments. `docs/protocol.md` sections 2 to 5 are the contract,
//! `shared/tests/vectors/` holds the cases that the page must agree on.

pub mod b64;
pub mod candidate;
pub mod keys;
pub mod link;
pub mod noise;
pub mod roles;
pub mod sdp;
pub mod seal;
