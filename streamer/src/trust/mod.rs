//! Who the streamer is and whom it trusts: its keys, the paired viewers and the open invitations, in a store of their own
//! (`trust.db`) that is written with full durability and never depends on anything rebuildable.
//!
//! [`TrustStore`] does blocking I/O; what decides at the door works on a [`Roster`], a plain copy of it.

mod invites;
mod label;
mod roster;
mod store;
#[cfg(test)]
mod tests;
mod viewers;

pub use label::label;
pub use roster::{Invite, Roster, Viewer, ViewerKey, ViewerState};
pub use store::{Identity, TrustError, TrustStore};
pub use viewers::Enrolment;
