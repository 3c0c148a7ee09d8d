//! What the whole-system tests, benches and fuzz targets stand on: a streamer in this process, viewers that look at their
//! pictures, the process's own figures, and one function for each parser of outside bytes.

pub mod bare;
pub mod child;
pub mod figures;
pub mod film;
pub mod fuzz;
pub mod house;
pub mod pretend;
pub mod process;
pub mod recorder;
pub mod soak;
pub mod viewer;
pub mod wait;
pub mod wire;
