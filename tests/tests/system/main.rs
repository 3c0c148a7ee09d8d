//! Whole-system behaviour: a streamer and its viewers in this process, over the loopback interface, with the test card as
//! camera. One behaviour a file; one program, so that everything is linked once.

mod access;
mod congestion;
mod encode_once;
mod late;
mod link;
mod outside;
mod pairing;
mod past;
mod reconnect;
mod slots;
mod slow;
mod snapshot;
mod sound;
mod streamer_window;
mod tampered;
mod whep;
mod window;
