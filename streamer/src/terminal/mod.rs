//! What the person at the streamer sees: a code to scan, who watches, and what went wrong, in the terminal.

pub mod keys;
pub mod layout;
pub mod qr;
pub mod run;
pub mod screen;
pub mod sentence;
pub mod text;
