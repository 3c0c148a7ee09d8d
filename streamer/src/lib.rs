//! From camera to hub to everyone. A source makes frames, the hub keeps the last few, everyone else reads the hub at
//! their own pace and reports what they noticed as events.

pub mod api;
pub mod app;
pub mod camera;
pub mod cli;
pub mod config;
pub mod decode;
pub mod encode;
pub mod events;
pub mod hub;
pub mod index;
pub mod motion;
pub mod past;
pub mod record;
pub mod serve;
pub mod source;
pub mod terminal;
pub mod trust;
pub mod window;
pub mod words;
