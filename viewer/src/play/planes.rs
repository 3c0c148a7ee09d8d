//! A decoded picture as it waits for the window: its planes as the decoder gave them, and how they become colours.

use athome_shared::media::h264::{self, Sps, nal_type, parse_sps};
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix};

use super::decode::Picture;

/// What luma and chroma stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Colour {
    pub matrix: Matrix,
    pub range: Range,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matrix {
    /// Also where the stream says nothing: our own encoder says so, and webcams mean it.
    #[default]
    Bt601,
    Bt709,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Range {
    /// 16 to 235, chroma 16 to 240.
    #[default]
    Limited,
    /// 0 to 255.
    Full,
}

impl Colour {
    /// What a coded frame's parameter set says; `None` where it holds none.
    pub fn of_stream(stream: &[u8]) -> Option<Self> {
        let sps = h264::nals(stream).find(|nal| h264::nal_unit_type(nal) == Some(nal_type::SPS))?;
        parse_sps(sps).ok().as_ref().map(Self::of)
    }

    fn of(sps: &Sps) -> Self {
        Self {
            matrix: if sps.matrix == Some(1) { Matrix::Bt709 } else { Matrix::Bt601 },
            range: if sps.full_range { Range::Full } else { Range::Limited },
        }
    }

    /// The shares of red and blue in luma (ITU-R BT.601 §2.5.1, BT.709 §3.2).
    fn shares(self) -> (f32, f32) {
        match self.matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.212_6, 0.072_2),
        }
    }

    /// What is subtracted from Y, U and V, each from 0 to 1, and the matrix that then gives red, green and blue: three
    /// rows of three.
    pub fn to_rgb(self) -> ([f32; 3], [[f32; 3]; 3]) {
        let (red, blue) = self.shares();
        let green = 1.0 - red - blue;
        let (black, y, c) = match self.range {
            Range::Limited => (16.0 / 255.0, 255.0 / 219.0, 255.0 / 224.0),
            Range::Full => (0.0, 1.0, 1.0),
        };
        let (from_v, from_u) = (2.0 * (1.0 - red) * c, 2.0 * (1.0 - blue) * c);
        let rows = [[y, 0.0, from_v], [y, -from_u * blue / green, -from_v * red / green], [y, from_u, 0.0]];
        ([black, 128.0 / 255.0, 128.0 / 255.0], rows)
    }

    /// The same for a picture without colours.
    pub fn to_grey(self) -> ([f32; 3], [[f32; 3]; 3]) {
        let (black, [[y, ..], ..]) = self.to_rgb();
        (black, [[y, 0.0, 0.0]; 3])
    }
}

/// Planes Y, U and V of a 4:2:0 picture without gaps between rows. Memory is used again for the next picture.
#[derive(Clone, Debug, Default)]
pub struct Planes {
    pub width: usize,
    pub height: usize,
    pub colour: Colour,
    data: [Vec<u8>; 3],
}

/// A plane ends before its last row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a plane of the picture ends early")]
pub struct Short;

impl Planes {
    /// Takes a picture over. After an error nothing in it may be shown.
    pub fn copy(&mut self, picture: &Picture<'_>) -> Result<(), Short> {
        (self.width, self.height, self.colour) = (picture.width, picture.height, picture.colour);
        for (at, (plane, stride)) in picture.planes.into_iter().zip(picture.strides).enumerate() {
            let [width, height] = self.size_of(at);
            let Some(kept) = self.data.get_mut(at) else { break };
            kept.clear();
            if width == 0 || height == 0 || stride < width {
                return Err(Short);
            }
            if stride == width {
                kept.extend_from_slice(plane.get(..width * height).ok_or(Short)?);
                continue;
            }
            for row in 0..height {
                let start = row * stride;
                kept.extend_from_slice(plane.get(start..start + width).ok_or(Short)?);
            }
        }
        Ok(())
    }

    /// Of pixels that hold Y, U and V each, row after row; chroma is that of every second pixel and row.
    pub fn of_pixels(width: usize, height: usize, colour: Colour, pixels: &[u8]) -> Self {
        let luma = pixels.chunks_exact(3).filter_map(|pixel| pixel.first().copied()).collect();
        let rows = pixels.chunks_exact((width * 3).max(1)).step_by(2);
        let chroma = |plane: usize| {
            let of_row = |row: &[u8]| -> Vec<u8> { row.chunks_exact(3).step_by(2).map(|pixel| pixel[plane]).collect() };
            rows.clone().flat_map(of_row).collect()
        };
        let data = [luma, chroma(1), chroma(2)];
        Self { width, height, colour, data }
    }

    /// How much memory it holds.
    pub fn bytes(&self) -> usize {
        self.data.iter().map(Vec::len).sum()
    }

    /// Width and height of a plane: chroma has half of both, rounded up.
    pub fn size_of(&self, plane: usize) -> [usize; 2] {
        match plane {
            0 => [self.width, self.height],
            _ => [self.width.div_ceil(2), self.height.div_ceil(2)],
        }
    }

    /// A plane's bytes, row after row.
    pub fn plane(&self, plane: usize) -> &[u8] {
        self.data.get(plane).map_or(&[], Vec::as_slice)
    }

    /// The picture in red, green, blue and 255, for where nothing else draws it; `out` holds four bytes for each pixel.
    pub fn to_rgba(&self, out: &mut [u8]) -> Result<(), yuv::YuvError> {
        let stride = |plane: usize| self.size_of(plane)[0] as u32;
        let planes = YuvPlanarImage {
            y_plane: self.plane(0),
            y_stride: stride(0),
            u_plane: self.plane(1),
            u_stride: stride(1),
            v_plane: self.plane(2),
            v_stride: stride(2),
            width: self.width as u32,
            height: self.height as u32,
        };
        let range = match self.colour.range {
            Range::Limited => YuvRange::Limited,
            Range::Full => YuvRange::Full,
        };
        let matrix = match self.colour.matrix {
            Matrix::Bt601 => YuvStandardMatrix::Bt601,
            Matrix::Bt709 => YuvStandardMatrix::Bt709,
        };
        yuv::yuv420_to_rgba(&planes, out, self.width as u32 * 4, range, matrix)
    }
}

#[cfg(test)]
mod tests {
    use super::{Colour, Matrix, Range};

    /// Red, green and blue of a full-scale colour, by the standards' own formulas, to limited or full range.
    fn coded(rgb: [f32; 3], colour: Colour) -> [f32; 3] {
        let (red, blue) = colour.shares();
        let y = red * rgb[0] + (1.0 - red - blue) * rgb[1] + blue * rgb[2];
        let u = (rgb[2] - y) / (2.0 * (1.0 - blue));
        let v = (rgb[0] - y) / (2.0 * (1.0 - red));
        match colour.range {
            Range::Limited => [(16.0 + 219.0 * y) / 255.0, (128.0 + 224.0 * u) / 255.0, (128.0 + 224.0 * v) / 255.0],
            Range::Full => [y, u + 128.0 / 255.0, v + 128.0 / 255.0],
        }
    }

    #[test]
    fn the_matrix_undoes_what_the_standards_do() {
        for matrix in [Matrix::Bt601, Matrix::Bt709] {
            for range in [Range::Limited, Range::Full] {
                let colour = Colour { matrix, range };
                let (black, rows) = colour.to_rgb();
                for rgb in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0], [0.2, 0.7, 0.4]] {
                    let yuv = coded(rgb, colour);
                    for (row, expected) in rows.iter().zip(rgb) {
                        let got: f32 = (0..3).map(|n| row[n] * (yuv[n] - black[n])).sum();
                        assert!((got - expected).abs() < 1e-3, "{colour:?} {rgb:?}: {got}");
                    }
                }
            }
        }
        // The control: the wrong matrix is seen.
        let (black, rows) = Colour { matrix: Matrix::Bt709, range: Range::Limited }.to_rgb();
        let yuv = coded([0.0, 1.0, 0.0], Colour::default());
        let green: f32 = (0..3).map(|n| rows[1][n] * (yuv[n] - black[n])).sum();
        assert!((green - 1.0).abs() > 0.05, "{green}");
    }
}
