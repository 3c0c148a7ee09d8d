//! A viewer: pairs with a streamer, opens sessions, and decodes what it receives. The window is built on top of this;
//! the headless program and the tests use it as it is.

pub mod app;
pub mod controller;
pub mod desktop;
pub mod folders;
pub mod headless;
pub mod meter;
pub mod outside;
pub mod past;
pub mod play;
pub mod report;
pub mod scan;
pub mod session;
pub mod settings;
pub mod store;
pub mod ui;
pub mod words;
