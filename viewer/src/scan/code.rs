//! From grey pixels to a link: the only file that knows the code reader.

use std::panic;

use athome_shared::pair::link::{Link, LinkError};
use rxing::{BarcodeFormat, DecodeHints};

use super::Found;
use crate::controller::request::Unreadable;

/// Longest side that is searched. The search's time grows faster than the picture; a code that is too small for this is
/// too small for a photograph as well.
pub(super) const MOST_SIDE: u32 = 2048;

/// Looks for a code with a link in grey pixels, row by row.
pub fn link_in(luma: &[u8], width: u32, height: u32) -> Found {
    if width == 0 || height == 0 || luma.len() as u64 != u64::from(width) * u64::from(height) {
        return Err(Unreadable::NoImage);
    }
    if width > MOST_SIDE || height > MOST_SIDE {
        return Err(Unreadable::NoImage);
    }
    // A picture is a stranger's bytes, and the reader is large: should it ever panic, the picture merely holds no code.
    let text = panic::catch_unwind(|| {
        let mut hints = DecodeHints { AlsoInverted: Some(true), TryHarder: Some(true), ..DecodeHints::default() };
        let code = Some(BarcodeFormat::QR_CODE);
        let found = rxing::helpers::detect_in_luma_slice_with_hints(luma, width, height, code, &mut hints);
        found.ok().map(|found| zeroize::Zeroizing::new(found.getText().to_owned()))
    });
    let text = text.ok().flatten().ok_or(Unreadable::NoCode)?;
    Link::parse(&text).map_err(|error| unreadable(&error))
}

/// Why text is no link that can be used.
pub fn unreadable(error: &LinkError) -> Unreadable {
    match error {
        LinkError::NotOurs => Unreadable::NoCode,
        LinkError::Incomplete | LinkError::BadServer => Unreadable::Incomplete,
        LinkError::Newer => Unreadable::Newer,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use athome_shared::pair::link::{Link, LinkServer};
    use athome_shared::secret::Secret;

    use super::{link_in, unreadable};
    use crate::controller::request::Unreadable;
    use athome_shared::pair::link::LinkError;

    pub(crate) fn link() -> Link {
        Link {
            server: LinkServer::Url("wss://view.example.org/ws".to_owned()),
            s_pub: [0x5a; 32],
            secret: Secret::new([0xc3; 16]),
            page: "athome://pair".to_owned(),
        }
    }

    /// A code as grey pixels: `scale` pixels for each module, with its quiet zone.
    pub(in crate::scan) fn drawn(text: &str, scale: u32) -> ::image::GrayImage {
        let code = qrcode::QrCode::new(text).unwrap();
        let side = code.width() as u32 + 8;
        let colours = code.to_colors();
        ::image::GrayImage::from_fn(side * scale, side * scale, |x, y| {
            let (x, y) = (x / scale, y / scale);
            let inside = (4..side - 4).contains(&x) && (4..side - 4).contains(&y);
            let dark = inside && colours[((y - 4) * (side - 8) + x - 4) as usize] == qrcode::Color::Dark;
            ::image::Luma([if dark { 30 } else { 225 }])
        })
    }

    /// The code in the middle of a dimmer picture, turned by some degrees.
    fn turned(code: &::image::GrayImage, degrees: f32) -> ::image::GrayImage {
        let side = code.width() * 3 / 2;
        let (middle, centre) = (side as f32 / 2.0, code.width() as f32 / 2.0);
        let (sin, cos) = degrees.to_radians().sin_cos();
        ::image::GrayImage::from_fn(side, side, |x, y| {
            let (dx, dy) = (x as f32 - middle, y as f32 - middle);
            let (u, v) = (cos * dx + sin * dy + centre, cos * dy - sin * dx + centre);
            let inside = u >= 0.0 && v >= 0.0 && (u as u32) < code.width() && (v as u32) < code.height();
            if inside { *code.get_pixel(u as u32, v as u32) } else { ::image::Luma([140]) }
        })
    }

    fn noisy(mut picture: ::image::GrayImage) -> ::image::GrayImage {
        let mut state = 1_u32;
        for pixel in picture.pixels_mut() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = i32::try_from(state >> 26).unwrap() - 32;
            pixel.0[0] = u8::try_from((i32::from(pixel.0[0]) + noise).clamp(0, 255)).unwrap();
        }
        picture
    }

    fn read(picture: &::image::GrayImage) -> Result<Link, Unreadable> {
        link_in(picture.as_raw(), picture.width(), picture.height())
    }

    #[test]
    fn a_code_is_read_at_every_size() {
        for scale in [2, 3, 5, 8, 20] {
            assert_eq!(read(&drawn(&link().to_url(), scale)), Ok(link()), "{scale} pixels a module");
        }
    }

    #[test]
    fn a_turned_blurred_noisy_or_inverted_code_is_read() {
        let code = drawn(&link().to_url(), 6);
        for degrees in [-30.0, 8.0, 17.0, 90.0, 180.0] {
            assert_eq!(read(&turned(&code, degrees)), Ok(link()), "turned by {degrees}");
        }
        assert_eq!(read(&::image::imageops::blur(&code, 2.0)), Ok(link()), "blurred");
        assert_eq!(read(&noisy(turned(&code, 12.0))), Ok(link()), "noisy");
        let mut inverted = code;
        ::image::imageops::invert(&mut inverted);
        assert_eq!(read(&inverted), Ok(link()), "inverted");
    }

    #[test]
    fn other_codes_and_no_codes_are_told_apart_from_damaged_links() {
        assert_eq!(read(&drawn("https://example.org/", 5)), Err(Unreadable::NoCode));
        let url = link().to_url();
        assert_eq!(read(&drawn(&url[..url.len() - 9], 5)), Err(Unreadable::Incomplete));
        assert_eq!(read(&drawn(&url.replacen("#1", "#2", 1), 5)), Err(Unreadable::Newer));
        assert_eq!(
            read(&noisy(::image::GrayImage::from_pixel(400, 300, ::image::Luma([128])))),
            Err(Unreadable::NoCode)
        );
        assert_eq!(unreadable(&LinkError::BadServer), Unreadable::Incomplete);
    }

    #[test]
    fn sizes_that_do_not_fit_the_bytes_are_refused() {
        for (bytes, width, height) in [(0, 0, 0), (99, 10, 10), (101, 10, 10), (3000, 3000, 1)] {
            assert_eq!(link_in(&vec![0; bytes], width, height), Err(Unreadable::NoImage));
        }
    }
}
