//! Both ways of drawing a picture, by a real OpenGL without a screen: what colours come out.
#![allow(unsafe_code)]

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use athome_shared::id::{CameraId, Layer};
use athome_shared::protocol::control::Attached;
use athome_shared::protocol::wire::SlotKind;
use eframe::egui_glow::Painter;
use eframe::glow::{self, HasContext};
use egui::{Pos2, RawInput, Rect, pos2, vec2};
use glutin::api::egl::context::PossiblyCurrentContext;
use glutin::api::egl::device::Device;
use glutin::api::egl::display::Display;
use glutin::config::{ConfigSurfaceTypes, ConfigTemplateBuilder};
use glutin::context::ContextAttributesBuilder;
use glutin::display::GlDisplay;

use super::canvas::Canvas;
use super::shader::{self, Shader};
use super::wall::{Shown, Wall};
use crate::play::clock::SharedOffset;
use crate::play::decode::Picture;
use crate::play::planes::{Colour, Matrix, Range};
use crate::settings::CameraKey;
use crate::store::PlaceId;

/// A patch's side in pixels, of the picture and of the screen alike.
const SIDE: usize = 16;
const WHOLE: Rect = Rect { min: Pos2::ZERO, max: pos2(1.0, 1.0) };
/// Red, green and blue of the patches; as they are coded depends on the matrix.
const PATCHES: [[f64; 3]; 8] = [
    [255.0, 0.0, 0.0],
    [0.0, 255.0, 0.0],
    [0.0, 0.0, 255.0],
    [255.0, 255.0, 255.0],
    [0.0, 0.0, 0.0],
    [128.0, 128.0, 128.0],
    [200.0, 80.0, 40.0],
    [30.0, 120.0, 210.0],
];
const SIZE: [usize; 2] = [PATCHES.len() * SIDE, SIDE];
const COLOURS: [Colour; 4] = [
    Colour { matrix: Matrix::Bt601, range: Range::Limited },
    Colour { matrix: Matrix::Bt601, range: Range::Full },
    Colour { matrix: Matrix::Bt709, range: Range::Limited },
    Colour { matrix: Matrix::Bt709, range: Range::Full },
];

fn shares(matrix: Matrix) -> (f64, f64) {
    match matrix {
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.2126, 0.0722),
    }
}

/// Y, U and V by the standards' formulas, rounded.
fn coded([r, g, b]: [f64; 3], colour: Colour) -> [u8; 3] {
    let (red, blue) = shares(colour.matrix);
    let y = red * r + (1.0 - red - blue) * g + blue * b;
    let (u, v) = ((b - y) / (2.0 * (1.0 - blue)), (r - y) / (2.0 * (1.0 - red)));
    match colour.range {
        Range::Limited => [16.0 + y * 219.0 / 255.0, 128.0 + u * 224.0 / 255.0, 128.0 + v * 224.0 / 255.0],
        Range::Full => [y, 128.0 + u, 128.0 + v],
    }
    .map(|n| n.round().clamp(0.0, 255.0) as u8)
}

/// Puts the patches on a wall, with rows that are longer than the picture is wide.
fn patches(wall: &Arc<Wall>, colour: Colour) -> Shown {
    let place = PlaceId([1; 32]);
    let camera = CameraId::slug("door");
    let content =
        Attached { kind: SlotKind::Video, slot: 0, camera: camera.clone(), layer: Layer::Full, epoch: 1, rtp: 0 };
    let plane = |of: usize, side: usize| -> Vec<u8> {
        let mut row: Vec<u8> = PATCHES.iter().flat_map(|rgb| vec![coded(*rgb, colour)[of]; side]).collect();
        row.extend([77; 5]);
        row.repeat(side)
    };
    let (y, u, v) = (plane(0, SIDE), plane(1, SIDE / 2), plane(2, SIDE / 2));
    wall.screen(place, SharedOffset::default()).picture(&Picture {
        content: &content,
        width: SIZE[0],
        height: SIZE[1],
        planes: [&y, &u, &v],
        strides: [SIZE[0] + 5, SIZE[0] / 2 + 5, SIZE[0] / 2 + 5],
        colour,
        is_key: true,
        rtp: 0,
        captured: None,
        received: Instant::now(),
        decoded: Instant::now(),
        coded: 1,
    });
    wall.newest(&CameraKey { place, camera }).unwrap()
}

/// OpenGL that draws into memory.
struct Offscreen {
    gl: Arc<glow::Context>,
    painter: Painter,
    ctx: egui::Context,
    _current: PossiblyCurrentContext,
}

impl Offscreen {
    /// `None` where this machine has no EGL that works without a screen: said aloud.
    fn open() -> Option<Self> {
        match Self::try_open() {
            Ok(offscreen) => Some(offscreen),
            Err(error) => {
                // Not through `println!`, which a passing test keeps to itself.
                let _ = writeln!(std::io::stderr(), "SKIP: no OpenGL without a screen ({error}); no colours were read");
                None
            }
        }
    }

    fn try_open() -> Result<Self, String> {
        let failed = |error: glutin::error::Error| error.to_string();
        let device = Device::query_devices().map_err(failed)?.last().ok_or("no EGL device")?;
        // SAFETY: no display of ours is handed over, and the context stays current on this thread until it is dropped.
        unsafe {
            let display = Display::with_device(&device, None).map_err(failed)?;
            let template = ConfigTemplateBuilder::new().with_surface_type(ConfigSurfaceTypes::empty()).build();
            let config = display.find_configs(template).map_err(failed)?.next().ok_or("no configuration")?;
            let attributes = ContextAttributesBuilder::new().build(None);
            let context = display.create_context(&config, &attributes).map_err(failed)?;
            let current = context.make_current_surfaceless().map_err(failed)?;
            let gl = Arc::new(glow::Context::from_loader_function_cstr(|name| display.get_proc_address(name).cast()));
            let target = gl.create_renderbuffer()?;
            gl.bind_renderbuffer(glow::RENDERBUFFER, Some(target));
            gl.renderbuffer_storage(glow::RENDERBUFFER, glow::RGBA8, SIZE[0] as i32, SIZE[1] as i32);
            let frame = gl.create_framebuffer()?;
            gl.bind_framebuffer(glow::FRAMEBUFFER, Some(frame));
            gl.framebuffer_renderbuffer(glow::FRAMEBUFFER, glow::COLOR_ATTACHMENT0, glow::RENDERBUFFER, Some(target));
            let painter = Painter::new(Arc::clone(&gl), "", None, false).map_err(|error| error.to_string())?;
            Ok(Self { gl, painter, ctx: egui::Context::default(), _current: current })
        }
    }

    /// Draws a picture over the whole screen and reads the middle of each patch.
    fn draw(&mut self, canvas: &mut Canvas, part: Rect, shown: &Shown, grey: bool) -> Vec<[u8; 3]> {
        let screen = Rect::from_min_size(Pos2::ZERO, vec2(SIZE[0] as f32, SIZE[1] as f32));
        let input = RawInput { screen_rect: Some(screen), ..RawInput::default() };
        let mut output = self.ctx.run_ui(input, |ui| {
            canvas.draw(&ui.ctx().layer_painter(egui::LayerId::background()), screen, part, shown, grey);
        });
        let primitives = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        let size = SIZE.map(|side| side as u32);
        self.painter.paint_and_update_textures(size, 1.0, &primitives, &mut output.textures_delta);
        let mut pixels = vec![0; SIZE[0] * SIZE[1] * 4];
        // SAFETY: as many bytes as are read.
        unsafe {
            let pack = glow::PixelPackData::Slice(Some(&mut pixels));
            self.gl.read_pixels(0, 0, SIZE[0] as i32, SIZE[1] as i32, glow::RGBA, glow::UNSIGNED_BYTE, pack);
            assert_eq!(self.gl.get_error(), glow::NO_ERROR);
        }
        let middle = |n: usize| (SIDE / 2 * SIZE[0] + n * SIDE + SIDE / 2) * 4;
        (0..PATCHES.len()).map(|n| pixels[middle(n)..middle(n) + 3].try_into().unwrap()).collect()
    }
}

impl Drop for Offscreen {
    fn drop(&mut self) {
        self.painter.destroy();
    }
}

/// What coded values stand for, by the standards' formulas the other way round.
fn meant([y, u, v]: [u8; 3], colour: Colour) -> [f64; 3] {
    let (red, blue) = shares(colour.matrix);
    let (y, u, v) = match colour.range {
        Range::Limited => (
            (f64::from(y) - 16.0) * 255.0 / 219.0,
            (f64::from(u) - 128.0) * 255.0 / 224.0,
            (f64::from(v) - 128.0) * 255.0 / 224.0,
        ),
        Range::Full => (f64::from(y), f64::from(u) - 128.0, f64::from(v) - 128.0),
    };
    let (r, b) = (y + 2.0 * (1.0 - red) * v, y + 2.0 * (1.0 - blue) * u);
    [r, (y - red * r - blue * b) / (1.0 - red - blue), b].map(|n| n.clamp(0.0, 255.0))
}

/// The largest distance of what was read from what was sent in these colours.
fn furthest(seen: &[[u8; 3]], colour: Colour) -> f64 {
    let sent = PATCHES.map(|rgb| meant(coded(rgb, colour), colour));
    let each = seen.iter().zip(sent).flat_map(|(seen, sent)| seen.iter().zip(sent));
    each.map(|(seen, sent)| (f64::from(*seen) - sent).abs()).fold(0.0, f64::max)
}

#[test]
fn known_colours_come_out_within_two_levels_by_the_shader_and_without() {
    let Some(mut offscreen) = Offscreen::open() else { return };
    let shader = Arc::new(Shader::new(&offscreen.gl).unwrap());
    for shader in [Some(&shader), None] {
        let uploads = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&uploads);
        let uploaded = Box::new(move |_: &Shown, _| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let mut canvas = Canvas::new(shader, uploaded);
        let wall = Wall::new(Arc::default(), |_| {});
        for colour in COLOURS {
            let shown = patches(&wall, colour);
            let apart = furthest(&offscreen.draw(&mut canvas, WHOLE, &shown, false), colour);
            assert!(apart <= 2.0, "{colour:?}, shader {}: {apart} levels", shader.is_some());
            // Drawn again, it is the same, and nothing is uploaded for it.
            assert!(furthest(&offscreen.draw(&mut canvas, WHOLE, &shown, false), colour) <= 2.0);
        }
        assert_eq!(uploads.load(Ordering::Relaxed), COLOURS.len() as u32, "one upload for each picture");

        // The control: the same planes, taken for the other standard, are seen to be wrong.
        let mut shown = patches(&wall, COLOURS[0]);
        Arc::make_mut(&mut shown.planes).colour = COLOURS[2];
        assert!(furthest(&offscreen.draw(&mut canvas, WHOLE, &shown, false), COLOURS[0]) > 10.0);
    }
}

#[test]
fn a_stale_picture_is_grey_and_a_zoomed_one_shows_its_part() {
    let Some(mut offscreen) = Offscreen::open() else { return };
    let shader = Arc::new(Shader::new(&offscreen.gl).unwrap());
    for shader in [Some(&shader), None] {
        let mut canvas = Canvas::new(shader, Box::new(|_, _| {}));
        let wall = Wall::new(Arc::default(), |_| {});
        let shown = patches(&wall, COLOURS[0]);
        let grey = offscreen.draw(&mut canvas, WHOLE, &shown, true);
        assert!(grey.iter().all(|[r, g, b]| r.abs_diff(*g) <= 1 && g.abs_diff(*b) <= 1), "{grey:?}");
        assert!(grey[0][0].abs_diff(76) <= 3 && grey[3][0] >= 252 && grey[4][0] <= 3, "{grey:?}");
        // The left quarter: the first two patches, four times as wide.
        let part = Rect::from_min_max(Pos2::ZERO, pos2(0.25, 1.0));
        let zoomed = offscreen.draw(&mut canvas, part, &shown, false);
        assert!(zoomed[0][0] > 250 && zoomed[1][0] > 250 && zoomed[0][1] < 5, "{zoomed:?}");
        assert!(zoomed[6][1] > 250 && zoomed[7][1] > 250 && zoomed[7][0] < 5, "{zoomed:?}");
    }
}

#[test]
fn a_context_that_is_there_is_not_taken_for_lost_and_one_without_the_program_is() {
    let Some(offscreen) = Offscreen::open() else { return };
    let shader = Shader::new(&offscreen.gl).unwrap();
    assert!(!shader::lost(&offscreen.gl, Some(&shader)));
    // Another context knows nothing of what the first one held, as after a loss.
    let Some(other) = Offscreen::open() else { return };
    assert!(shader::lost(&other.gl, Some(&shader)));
}
