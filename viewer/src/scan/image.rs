//! A link from an image: a file that a person opened or dropped, or bytes from the clipboard. PNG, JPEG and WebP.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ::image::{DynamicImage, GrayImage, ImageDecoder, ImageReader, Limits};

use super::code::{self, MOST_SIDE};
use super::{Found, Report};
use crate::controller::request::Unreadable;

/// Largest file that is read.
const MOST_BYTES: u64 = 32 * 1024 * 1024;
/// Largest picture that is decoded, in pixels.
const MOST_PIXELS: u64 = 40_000_000;
/// What decoding may allocate: such a picture with four bytes a pixel, and the decoder's own.
const MOST_MEMORY: u64 = 256 * 1024 * 1024;
/// A picture is searched at these sizes in turn: reduced, noise and print are gone; whole, small codes are still there.
const SIDES: [u32; 2] = [1000, MOST_SIDE];
/// A smaller picture is searched at twice its size as well, where a module is a pixel or two.
const SMALL: u32 = 300;

/// Where an image is.
#[derive(Clone, Debug)]
pub enum Image {
    File(PathBuf),
    Bytes(Arc<[u8]>),
}

/// Reads images on a thread of its own, one at a time.
#[derive(Clone, Debug, Default)]
pub struct ImageScan {
    busy: Arc<AtomicBool>,
}

impl ImageScan {
    /// Starts to look for a link; false while another image is being searched, and where there is no thread to be had:
    /// then nothing is reported, and the caller has to say so.
    #[must_use]
    pub fn start(&self, image: Image, report: Report) -> bool {
        if self.busy.swap(true, Ordering::AcqRel) {
            return false;
        }
        let free = Free(Arc::clone(&self.busy));
        let search = move || {
            let found = match image {
                Image::File(path) => link_in_file(&path),
                Image::Bytes(bytes) => link_in_bytes(&bytes),
            };
            // Before the report, which may start the next one.
            drop(free);
            report(found);
        };
        thread::Builder::new().name("image".to_owned()).spawn(search).is_ok()
    }
}

/// Makes room for the next image however the search ends.
struct Free(Arc<AtomicBool>);

impl Drop for Free {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Looks for a link in an image file.
pub fn link_in_file(path: &Path) -> Found {
    // Whatever is no plain file could keep us waiting for ever.
    let plain = std::fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() <= MOST_BYTES);
    if !plain {
        return Err(Unreadable::NoImage);
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|_| Unreadable::NoImage)?;
    link_in_bytes(&bytes)
}

/// Looks for a link in an image file's bytes.
pub fn link_in_bytes(bytes: &[u8]) -> Found {
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Unreadable::NoImage);
    }
    let picture = decode(bytes).ok_or(Unreadable::NoImage)?;
    let mut worst = Unreadable::NoCode;
    for side in SIDES {
        let grey = grey(&picture, side);
        let small = grey.width().max(grey.height()) < SMALL;
        let found = code::link_in(grey.as_raw(), grey.width(), grey.height()).or_else(|why| {
            let larger = small.then(|| twice(&grey)).ok_or(why)?;
            code::link_in(larger.as_raw(), larger.width(), larger.height())
        });
        match found {
            // Not a code of ours at this size: at the next one there may be another.
            Err(Unreadable::NoCode) => {}
            Err(why) => worst = why,
            Ok(link) => return Ok(link),
        }
        if picture.width().max(picture.height()) <= side {
            break;
        }
    }
    Err(worst)
}

/// Decodes within bounds, which are known before the first pixel is.
fn decode(bytes: &[u8]) -> Option<DynamicImage> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    let decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 || u64::from(width) * u64::from(height) > MOST_PIXELS {
        return None;
    }
    if decoder.total_bytes() > MOST_MEMORY {
        return None;
    }
    DynamicImage::from_decoder(decoder).ok()
}

/// Grey, at most `side` long, what is transparent on white as a page shows it.
fn grey(picture: &DynamicImage, side: u32) -> GrayImage {
    let reduced = (picture.width().max(picture.height()) > side).then(|| picture.thumbnail(side, side));
    let picture = reduced.as_ref().unwrap_or(picture);
    if !picture.color().has_alpha() {
        return picture.to_luma8();
    }
    let pixels = picture.to_luma_alpha8();
    let over_white = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        u8::try_from((value * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
    };
    GrayImage::from_fn(pixels.width(), pixels.height(), |x, y| {
        let [value, alpha] = pixels.get_pixel(x, y).0;
        ::image::Luma([over_white(value, alpha)])
    })
}

fn twice(grey: &GrayImage) -> GrayImage {
    GrayImage::from_fn(grey.width() * 2, grey.height() * 2, |x, y| *grey.get_pixel(x / 2, y / 2))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::mpsc;

    use ::image::{DynamicImage, GrayImage, ImageFormat, LumaA};

    use super::super::code::tests::{drawn, link};
    use super::{Image, ImageScan, link_in_bytes, link_in_file};
    use crate::controller::request::Unreadable;

    fn file(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn png_jpeg_and_webp_are_read_and_an_unknown_format_is_not() {
        let code = drawn(&link().to_url(), 4);
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            assert_eq!(link_in_bytes(&file(code.clone(), format)), Ok(link()), "{format:?}");
        }
        let colour = DynamicImage::from(code).to_rgb8();
        assert_eq!(link_in_bytes(&file(colour, ImageFormat::WebP)), Ok(link()));
        assert_eq!(link_in_bytes(b"GIF89a\x01\x00\x01\x00"), Err(Unreadable::NoImage));
        assert_eq!(link_in_bytes(b""), Err(Unreadable::NoImage));
    }

    #[test]
    fn tiny_transparent_and_large_pictures_are_read() {
        assert_eq!(
            link_in_bytes(&file(drawn(&link().to_url(), 1), ImageFormat::Png)),
            Ok(link()),
            "one pixel a module"
        );
        let code = drawn(&link().to_url(), 4);
        // Black everywhere: only the transparency tells the code from its ground.
        let hollow = ::image::GrayAlphaImage::from_fn(code.width(), code.height(), |x, y| {
            LumaA([0, 255 - code.get_pixel(x, y).0[0]])
        });
        assert_eq!(link_in_bytes(&file(hollow, ImageFormat::Png)), Ok(link()), "transparent");
        let mut photo = GrayImage::from_pixel(5000, 4000, ::image::Luma([170]));
        ::image::imageops::replace(&mut photo, &drawn(&link().to_url(), 12), 3000, 2500);
        assert_eq!(link_in_bytes(&file(photo, ImageFormat::Png)), Ok(link()), "a corner of a photograph");
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked_and_a_picture_within_bounds_is_not() {
        let bomb = file(GrayImage::new(8000, 6000), ImageFormat::Png);
        assert!(bomb.len() < 300_000, "48 megapixels in {} bytes", bomb.len());
        assert_eq!(link_in_bytes(&bomb), Err(Unreadable::NoImage));
        let fine = file(GrayImage::new(6000, 6000), ImageFormat::Png);
        assert_eq!(link_in_bytes(&fine), Err(Unreadable::NoCode));
    }

    #[test]
    fn cut_and_flipped_files_end_in_a_reason() {
        let whole = file(drawn(&link().to_url(), 2), ImageFormat::Png);
        for cut in (0..whole.len()).step_by(97) {
            assert!(link_in_bytes(&whole[..cut]).is_err(), "cut at {cut}");
        }
        let jpeg = file(drawn(&link().to_url(), 2), ImageFormat::Jpeg);
        for at in (0..jpeg.len()).step_by(211) {
            let mut flipped = jpeg.clone();
            flipped[at] ^= 0x55;
            // Whatever comes out is the link or a reason; a wrong link is not.
            assert!(link_in_bytes(&flipped).map_or(true, |found| found == link()), "flipped at {at}");
        }
    }

    #[test]
    fn files_are_searched_one_at_a_time_and_what_is_no_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(link_in_file(dir.path()), Err(Unreadable::NoImage));
        let path = dir.path().join("code.png");
        std::fs::write(&path, file(drawn(&link().to_url(), 3), ImageFormat::Png)).unwrap();
        let (sender, found) = mpsc::sync_channel(64);
        let (go, wait) = mpsc::sync_channel::<()>(64);
        let scan = ImageScan::default();
        let next = scan.clone();
        let bytes: std::sync::Arc<[u8]> = std::fs::read(&path).unwrap().into();
        assert!(scan.start(
            Image::File(path),
            Box::new(move |first| {
                let again = sender.clone();
                // Free again by now; and busy for the test's thread once this one has begun.
                assert!(next.start(
                    Image::Bytes(bytes),
                    Box::new(move |second| {
                        wait.recv().unwrap();
                        again.send(second).unwrap();
                    })
                ));
                sender.send(first).unwrap();
            })
        ));
        assert_eq!(found.recv().unwrap(), Ok(link()));
        go.send(()).unwrap();
        assert_eq!(found.recv().unwrap(), Ok(link()));
    }

    #[test]
    fn a_second_image_waits_its_turn() {
        let scan = ImageScan::default();
        scan.busy.store(true, std::sync::atomic::Ordering::Release);
        assert!(!scan.start(Image::Bytes([].into()), Box::new(|_| panic!("nothing was searched"))));
    }
}
