//! The window's pictures and controls. Each panel is a file: it draws plain data and says what was wished. Nothing in
//! here holds a connection or waits for anything.

mod canvas;
mod dialog;
mod events;
mod goto;
mod grid;
mod help;
mod keys;
mod pairing;
mod past_bar;
mod settings;
pub mod shader;
mod sidebar;
mod stats;
mod strip;
mod tile;
mod toolbar;
mod view;
pub mod wall;
mod zoom;

use athome_shared::look::{control, freshness};

pub use view::{Scene, View, Webcam, Wish, show};

#[cfg(all(test, target_os = "linux"))]
mod canvas_tests;
#[cfg(test)]
mod tests;
