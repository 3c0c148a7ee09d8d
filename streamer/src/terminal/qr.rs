//! A link as a QR code in character cells.

use std::fmt;

use qrcode::{Color, EcLevel, QrCode};

/// Modules of light margin that the standard asks for (ISO/IEC 18004 §9.1), and the least that phones still read.
const QUIET: [usize; 2] = [4, 2];

/// How many cells a module takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Two modules above each other in one cell.
    Half,
    /// Two cells beside each other for one module.
    Double,
}

/// A code's modules, without margin, and the link that they say.
#[derive(Clone, PartialEq, Eq)]
pub struct Modules {
    link: String,
    width: usize,
    dark: Vec<bool>,
}

impl fmt::Debug for Modules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The modules are the secret.
        write!(f, "Modules({} wide)", self.width)
    }
}

impl Modules {
    /// Encodes a link at level L (the screen is clean, and small codes are read from further away); `None` if it is
    /// longer than any code.
    pub fn of_link(link: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(link, EcLevel::L).ok()?;
        let dark = code.to_colors().into_iter().map(|c| c == Color::Dark).collect();
        Some(Self { link: link.to_owned(), width: code.width(), dark })
    }

    /// What a phone reads in it.
    pub fn link(&self) -> &str {
        &self.link
    }

    /// Modules on each side, without margin.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether a module is dark; what lies outside is light.
    pub fn dark(&self, x: usize, y: usize) -> bool {
        self.dark_at(x, y, 0)
    }

    /// The rows of character cells with the widest margin that fits `cols` × `rows`; each row is equally wide. `None`
    /// if nothing fits.
    pub fn cells(&self, scale: Scale, cols: usize, rows: usize) -> Option<Vec<String>> {
        QUIET.into_iter().find_map(|quiet| {
            let side = self.width + 2 * quiet;
            let (wide, high) = match scale {
                Scale::Half => (side, side.div_ceil(2)),
                Scale::Double => (2 * side, side),
            };
            (wide <= cols && high <= rows).then(|| self.draw(scale, quiet))
        })
    }

    fn draw(&self, scale: Scale, quiet: usize) -> Vec<String> {
        let side = self.width + 2 * quiet;
        match scale {
            Scale::Half => (0..side)
                .step_by(2)
                .map(|y| {
                    (0..side)
                        .map(|x| match (self.dark_at(x, y, quiet), self.dark_at(x, y + 1, quiet)) {
                            (true, true) => '█',
                            (true, false) => '▀',
                            (false, true) => '▄',
                            (false, false) => ' ',
                        })
                        .collect()
                })
                .collect(),
            Scale::Double => (0..side)
                .map(|y| (0..side).map(|x| if self.dark_at(x, y, quiet) { "██" } else { "  " }).collect())
                .collect(),
        }
    }

    fn dark_at(&self, x: usize, y: usize, quiet: usize) -> bool {
        let (Some(x), Some(y)) = (x.checked_sub(quiet), y.checked_sub(quiet)) else { return false };
        x < self.width && y < self.width && self.dark.get(y * self.width + x).copied().unwrap_or(false)
    }
}
