//! Going back: what a viewer may ask of the recordings, and how it gets it over the connection that it has.

pub mod ask;
pub mod clerk;
mod pictures;
