//! Network cameras: pretended ones, polite and rude, and what a source makes of them.

mod mjpeg;
mod rtsp;
