//! What the desktop offers beside a window, each behind one file that alone knows its library. Where a system lacks one of
//! them the viewer works without it, and says so.

pub mod clipboard;
pub mod instance;
pub mod keystore;
pub mod notify;
