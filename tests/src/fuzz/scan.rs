//! Pictures that may show a code: an image file from anywhere, and a webcam's bytes.

use athome_shared::pair::link::Link;
use athome_viewer::scan::Found;
use athome_viewer::scan::code::link_in;
use athome_viewer::scan::image::link_in_bytes;
use athome_viewer::scan::picture::{Layout, decode};

/// An image file: what is found in it is a link that can be used.
pub(super) fn image(data: &[u8]) {
    usable(&link_in_bytes(data));
}

/// A webcam's picture, `layout:u8 width:u16be height:u16be bytes`: what is shown of it is as large as it says.
pub(super) fn webcam(data: &[u8]) {
    let &[layout, w1, w0, h1, h0, ref bytes @ ..] = data else { return };
    let layout = [Layout::Mjpeg, Layout::Yuyv, Layout::Nv12][usize::from(layout % 3)];
    let size = (u32::from(u16::from_be_bytes([w1, w0])), u32::from(u16::from_be_bytes([h1, h0])));
    let Some(picture) = decode(layout, size, bytes) else { return };
    assert_eq!(picture.luma.len(), picture.width as usize * picture.height as usize);
    assert_eq!(picture.preview.rgb.len(), picture.preview.width * picture.preview.height * 3);
    usable(&link_in(&picture.luma, picture.width, picture.height));
}

fn usable(found: &Found) {
    if let Ok(link) = found {
        assert_eq!(Link::parse(&link.to_url()).as_ref(), Ok(link));
    }
}
