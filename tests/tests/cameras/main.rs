//! Network cameras: pretended ones, polite and rude, and what a source makes of them.

mod coming;
mod mjpeg;
mod rtsp;
mod rude;
