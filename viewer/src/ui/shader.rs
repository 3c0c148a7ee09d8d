//! Pictures drawn from their planes by a fragment shader: three textures of one byte for each sample, and the graphics
//! driver makes the colours. Where it can't (OpenGL under 3.0), `canvas` falls back to textures of colours.
//!
//! OpenGL is a C interface, so every call is `unsafe`. What makes them sound here: all run on the window's thread inside a
//! paint callback (or before the first one, or in a test), while that window's context is current; names of objects come
//! from the same context and die with it; and each buffer handed over is checked to be as long as the call reads.
#![allow(unsafe_code)]

use std::sync::{Mutex, MutexGuard, PoisonError};

use eframe::egui_glow::ShaderVersion;
use eframe::glow::{self, HasContext};
use egui::Rect;

use crate::play::planes::Planes;

const VERTEX: &str = "
uniform vec4 part;
out vec2 at;
void main() {
    vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1));
    at = part.xy + corner * part.zw;
    gl_Position = vec4(corner.x * 2.0 - 1.0, 1.0 - corner.y * 2.0, 0.0, 1.0);
}";

const FRAGMENT: &str = "
#ifdef GL_ES
precision highp float;
#endif
uniform sampler2D plane_y;
uniform sampler2D plane_u;
uniform sampler2D plane_v;
uniform mat3 to_rgb;
uniform vec3 bias;
in vec2 at;
out vec4 colour;
void main() {
    vec3 yuv = vec3(texture(plane_y, at).r, texture(plane_u, at).r, texture(plane_v, at).r);
    colour = vec4(to_rgb * yuv + bias, 1.0);
}";

/// The program, for one OpenGL context.
pub struct Shader {
    program: glow::Program,
    nothing: glow::VertexArray,
    part: Option<glow::UniformLocation>,
    to_rgb: Option<glow::UniformLocation>,
    bias: Option<glow::UniformLocation>,
    /// Textures that nobody draws any more, until the context is current.
    unused: Mutex<Vec<Textures>>,
}

/// One picture at the graphics driver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Textures {
    planes: [glow::Texture; 3],
    size: [usize; 2],
}

impl Shader {
    /// Compiles it for the current context; why it can't be.
    pub fn new(gl: &glow::Context) -> Result<Self, String> {
        let version = ShaderVersion::get(gl);
        if !version.is_new_shader_interface() {
            return Err(format!("GLSL is too old: {version:?}"));
        }
        let header = version.version_declaration();
        // SAFETY: see the module's documentation.
        unsafe {
            let program = gl.create_program()?;
            let linked = link(gl, program, header);
            let nothing = linked.and_then(|()| gl.create_vertex_array());
            let nothing = match nothing {
                Ok(nothing) => nothing,
                Err(error) => {
                    gl.delete_program(program);
                    return Err(error);
                }
            };
            gl.use_program(Some(program));
            for (unit, name) in ["plane_y", "plane_u", "plane_v"].into_iter().enumerate() {
                gl.uniform_1_i32(gl.get_uniform_location(program, name).as_ref(), unit as i32);
            }
            gl.use_program(None);
            let location = |name| gl.get_uniform_location(program, name);
            Ok(Self {
                program,
                nothing,
                part: location("part"),
                to_rgb: location("to_rgb"),
                bias: location("bias"),
                unused: Mutex::default(),
            })
        }
    }

    /// Takes a picture to the driver, into the same textures as the last one where its size is the same.
    pub(super) fn upload(&self, gl: &glow::Context, textures: &mut Option<Textures>, planes: &Planes) {
        self.sweep(gl);
        let size = planes.size_of(0);
        let whole = (0..3).all(|n| {
            let [width, height] = planes.size_of(n);
            width > 0 && height > 0 && planes.plane(n).len() == width * height
        });
        if !whole {
            return;
        }
        if textures.is_some_and(|textures| textures.size != size)
            && let Some(old) = textures.take()
        {
            delete(gl, old);
        }
        let new = textures.is_none();
        // SAFETY: see the module's documentation; the lengths were just compared.
        unsafe {
            if new {
                *textures = create(gl, size);
            }
            let Some(textures) = textures else { return };
            gl.pixel_store_i32(glow::UNPACK_ALIGNMENT, 1);
            gl.active_texture(glow::TEXTURE0);
            for (n, texture) in textures.planes.into_iter().enumerate() {
                let [width, height] = planes.size_of(n).map(|side| side as i32);
                gl.bind_texture(glow::TEXTURE_2D, Some(texture));
                let bytes = glow::PixelUnpackData::Slice(Some(planes.plane(n)));
                let (format, kind) = (glow::RED, glow::UNSIGNED_BYTE);
                if new {
                    let inner = glow::R8 as i32;
                    gl.tex_image_2d(glow::TEXTURE_2D, 0, inner, width, height, 0, format, kind, bytes);
                } else {
                    gl.tex_sub_image_2d(glow::TEXTURE_2D, 0, 0, 0, width, height, format, kind, bytes);
                }
            }
        }
    }

    /// Fills the viewport with a part of the picture.
    pub(super) fn draw(&self, gl: &glow::Context, textures: &Textures, part: Rect, planes: &Planes, grey: bool) {
        let (black, rows) = if grey { planes.colour.to_grey() } else { planes.colour.to_rgb() };
        let mut columns = [0.0; 9];
        let mut bias = [0.0; 3];
        for (r, row) in rows.iter().enumerate() {
            for (c, factor) in row.iter().enumerate() {
                if let (Some(column), Some(bias), Some(black)) =
                    (columns.get_mut(c * 3 + r), bias.get_mut(r), black.get(c))
                {
                    *column = *factor;
                    *bias -= factor * black;
                }
            }
        }
        // SAFETY: see the module's documentation; nothing is read from our memory but these arrays.
        unsafe {
            gl.use_program(Some(self.program));
            for (unit, texture) in (glow::TEXTURE0..).zip(textures.planes) {
                gl.active_texture(unit);
                gl.bind_texture(glow::TEXTURE_2D, Some(texture));
            }
            gl.uniform_4_f32(self.part.as_ref(), part.min.x, part.min.y, part.width(), part.height());
            gl.uniform_matrix_3_f32_slice(self.to_rgb.as_ref(), false, &columns);
            gl.uniform_3_f32_slice(self.bias.as_ref(), &bias);
            // A picture hides what is behind it: nothing to read back.
            gl.disable(glow::BLEND);
            gl.bind_vertex_array(Some(self.nothing));
            gl.draw_arrays(glow::TRIANGLE_STRIP, 0, 4);
            gl.bind_vertex_array(None);
        }
    }

    /// Textures are deleted at the next upload: here no context need be current.
    pub(super) fn forget(&self, textures: Textures) {
        self.unused().push(textures);
    }

    fn sweep(&self, gl: &glow::Context) {
        for textures in self.unused().drain(..) {
            delete(gl, textures);
        }
    }

    fn unused(&self) -> MutexGuard<'_, Vec<Textures>> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the driver lost the context: it says so, or does not know our program any more.
pub fn lost(gl: &glow::Context, shader: Option<&Shader>) -> bool {
    // SAFETY: two questions without arguments of ours that are read.
    unsafe { gl.get_error() == glow::CONTEXT_LOST || shader.is_some_and(|shader| !gl.is_program(shader.program)) }
}

/// # Safety
/// The context must be current.
unsafe fn link(gl: &glow::Context, program: glow::Program, header: &str) -> Result<(), String> {
    // SAFETY: the caller's promise.
    unsafe {
        let mut shaders = Vec::new();
        for (kind, source) in [(glow::VERTEX_SHADER, VERTEX), (glow::FRAGMENT_SHADER, FRAGMENT)] {
            let shader = gl.create_shader(kind)?;
            gl.shader_source(shader, &format!("{header}{source}"));
            gl.compile_shader(shader);
            gl.attach_shader(program, shader);
            shaders.push(shader);
        }
        gl.link_program(program);
        let compiled = shaders.iter().all(|shader| gl.get_shader_compile_status(*shader));
        let said: Vec<String> = shaders.iter().map(|shader| gl.get_shader_info_log(*shader)).collect();
        for shader in shaders {
            gl.detach_shader(program, shader);
            gl.delete_shader(shader);
        }
        match compiled && gl.get_program_link_status(program) {
            true => Ok(()),
            false => Err(format!("{} {}", said.join(" "), gl.get_program_info_log(program))),
        }
    }
}

/// # Safety
/// The context must be current.
unsafe fn create(gl: &glow::Context, size: [usize; 2]) -> Option<Textures> {
    // SAFETY: the caller's promise.
    unsafe {
        let planes = [gl.create_texture().ok()?, gl.create_texture().ok()?, gl.create_texture().ok()?];
        for texture in planes {
            gl.bind_texture(glow::TEXTURE_2D, Some(texture));
            for (name, value) in [
                (glow::TEXTURE_MIN_FILTER, glow::LINEAR),
                (glow::TEXTURE_MAG_FILTER, glow::LINEAR),
                (glow::TEXTURE_WRAP_S, glow::CLAMP_TO_EDGE),
                (glow::TEXTURE_WRAP_T, glow::CLAMP_TO_EDGE),
            ] {
                gl.tex_parameter_i32(glow::TEXTURE_2D, name, value as i32);
            }
        }
        Some(Textures { planes, size })
    }
}

fn delete(gl: &glow::Context, textures: Textures) {
    for texture in textures.planes {
        // SAFETY: it is ours, and nothing draws it any more.
        unsafe { gl.delete_texture(texture) }
    }
}
