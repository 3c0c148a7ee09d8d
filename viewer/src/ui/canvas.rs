//! One camera's picture on its way to the screen: brought to the graphics driver once for each new picture, then drawn as
//! often as the window is. By the shader where there is one; else as a texture of colours, made on the window's thread.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use eframe::egui_glow::CallbackFn;
use egui::epaint::{Mesh, PaintCallback};
use egui::{Color32, ColorImage, Context, Painter, Rect, Shape, TextureHandle, TextureOptions};
use tracing::debug;

use super::shader::{Shader, Textures};
use super::wall::Shown;

/// Told when a picture has been handed to the graphics driver.
pub(super) type Uploaded = Box<dyn Fn(&Shown, Instant) + Send + Sync>;

/// See the module's documentation.
pub(super) enum Canvas {
    Planes { work: Arc<Mutex<Work>>, shader: Arc<Shader>, callback: Arc<CallbackFn> },
    Colours(Colours),
}

/// What the paint callback finds.
pub(super) struct Work {
    shown: Option<Shown>,
    part: Rect,
    grey: bool,
    textures: Option<Textures>,
    /// The number of the picture in the textures.
    number: Option<u64>,
    uploaded: Uploaded,
}

/// A texture of colours.
pub(super) struct Colours {
    texture: Option<TextureHandle>,
    /// Used again for the next picture, once the driver has read it.
    image: Arc<ColorImage>,
    drawn: Option<(u64, bool)>,
    uploaded: Uploaded,
}

impl Canvas {
    pub(super) fn new(shader: Option<&Arc<Shader>>, uploaded: Uploaded) -> Self {
        let Some(shader) = shader else {
            let image = Arc::new(ColorImage::default());
            return Self::Colours(Colours { texture: None, image, drawn: None, uploaded });
        };
        let work = Work { shown: None, part: Rect::ZERO, grey: false, textures: None, number: None, uploaded };
        let work = Arc::new(Mutex::new(work));
        let (of_callback, by) = (Arc::clone(&work), Arc::clone(shader));
        let callback = Arc::new(CallbackFn::new(move |_, painter| {
            let mut work = of_callback.lock().unwrap_or_else(PoisonError::into_inner);
            work.paint(&by, painter.gl());
        }));
        Self::Planes { work, shader: Arc::clone(shader), callback }
    }

    /// Draws a part (0 to 1) of the picture into a rectangle.
    pub(super) fn draw(&mut self, painter: &Painter, place: Rect, part: Rect, shown: &Shown, grey: bool) {
        match self {
            Self::Planes { work, callback, .. } => {
                let mut work = work.lock().unwrap_or_else(PoisonError::into_inner);
                (work.shown, work.part, work.grey) = (Some(shown.clone()), part, grey);
                painter.add(Shape::Callback(PaintCallback { rect: place, callback: Arc::clone(callback) as _ }));
            }
            Self::Colours(colours) => {
                if let Some(texture) = colours.update(painter.ctx(), shown, grey) {
                    let mut mesh = Mesh::with_texture(texture);
                    mesh.add_rect_with_uv(place, part, Color32::WHITE);
                    painter.add(Shape::mesh(mesh));
                }
            }
        }
    }

    /// The number of the picture that was drawn last.
    #[cfg(test)]
    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Self::Planes { work, .. } => work.lock().unwrap().number,
            Self::Colours(colours) => colours.drawn.map(|(number, _)| number),
        }
    }
}

impl Drop for Canvas {
    fn drop(&mut self) {
        if let Self::Planes { work, shader, .. } = self
            && let Some(textures) = work.lock().unwrap_or_else(PoisonError::into_inner).textures.take()
        {
            shader.forget(textures);
        }
    }
}

impl Work {
    fn paint(&mut self, shader: &Shader, gl: &eframe::glow::Context) {
        let Some(shown) = &self.shown else { return };
        if self.number != Some(shown.number) {
            shader.upload(gl, &mut self.textures, &shown.planes);
            self.number = Some(shown.number);
            (self.uploaded)(shown, Instant::now());
        }
        if let Some(textures) = &self.textures {
            shader.draw(gl, textures, self.part, &shown.planes, self.grey);
        }
    }
}

impl Colours {
    fn update(&mut self, ctx: &Context, shown: &Shown, grey: bool) -> Option<egui::TextureId> {
        if self.drawn != Some((shown.number, grey)) {
            // The driver has read the last one by now, so this copies nothing.
            let image = Arc::make_mut(&mut self.image);
            let size = shown.planes.size_of(0);
            if image.size != size {
                *image = ColorImage::filled(size, Color32::BLACK);
            }
            if let Err(error) = shown.planes.to_rgba(image.as_raw_mut()) {
                debug!(%error, "a picture could not be converted");
                return self.texture.as_ref().map(TextureHandle::id);
            }
            if grey {
                greyscale(image);
            }
            match &mut self.texture {
                Some(texture) => texture.set(Arc::clone(&self.image), TextureOptions::LINEAR),
                None => {
                    self.texture = Some(ctx.load_texture("camera", Arc::clone(&self.image), TextureOptions::LINEAR));
                }
            }
            if self.drawn.is_none_or(|(number, _)| number != shown.number) {
                (self.uploaded)(shown, Instant::now());
            }
            self.drawn = Some((shown.number, grey));
        }
        self.texture.as_ref().map(TextureHandle::id)
    }
}

fn greyscale(image: &mut ColorImage) {
    for pixel in &mut image.pixels {
        let [r, g, b] = [pixel.r(), pixel.g(), pixel.b()].map(u32::from);
        *pixel = Color32::from_gray(((r * 77 + g * 150 + b * 29) >> 8) as u8);
    }
}
