//! Finding a pairing link in a picture: a file or dropped image ([`image`]) or what a webcam sees ([`webcam`]). Each works
//! on threads of its own and ends with one [`Found`], which becomes a wish of the window's through [`request`].

pub mod code;
pub mod image;
pub mod picture;
pub mod webcam;

use athome_shared::pair::link::Link;

use crate::controller::request::{Request, Unreadable};

/// How a scan ended.
pub type Found = Result<Link, Unreadable>;

/// Told once how a scan ended, on the scan's thread.
pub type Report = Box<dyn FnOnce(Found) + Send>;

/// What the window asks its controller for, given how a scan ended.
pub fn request(found: Found) -> Request {
    match found {
        Ok(link) => Request::Pair(link),
        Err(why) => Request::BadLink(why),
    }
}
