//! Disturbances laid over pictures: what happens to a camera without anything moving in front of it. Made, not filmed.

use super::clips::Gray;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disturbance {
    None,
    /// A lamp is switched on, and off again.
    Lamp,
    /// The exposure jumps.
    Exposure,
    /// The exposure follows a cloud.
    Ramp,
    /// The picture goes black for a moment and comes back as infrared.
    Infrared,
    /// A gust shakes the mast for two seconds.
    Shake,
    /// A hand lies over the lens, and goes.
    Cover,
    Rain,
    /// Insects near the lens, one a second.
    Insects,
}

pub(crate) const ALL: [Disturbance; 9] = [
    Disturbance::None,
    Disturbance::Lamp,
    Disturbance::Exposure,
    Disturbance::Ramp,
    Disturbance::Infrared,
    Disturbance::Shake,
    Disturbance::Cover,
    Disturbance::Rain,
    Disturbance::Insects,
];

impl Disturbance {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lamp => "lamp switched",
            Self::Exposure => "exposure jump",
            Self::Ramp => "exposure ramp",
            Self::Infrared => "infrared switch",
            Self::Shake => "shake",
            Self::Cover => "covered lens",
            Self::Rain => "rain",
            Self::Insects => "insects",
        }
    }

    /// Lays it over a picture; `at` counts from the moment at which it begins, and may be negative.
    pub(crate) fn apply(self, picture: &Gray, at: f32, n: u32) -> Gray {
        match self {
            Self::None => picture.clone(),
            Self::Lamp => {
                let on = (0.0..8.0).contains(&at);
                if on { lamp(picture) } else { picture.clone() }
            }
            Self::Exposure => {
                let gain = if at < 0.0 {
                    1.0
                } else if at < 8.0 {
                    1.35
                } else {
                    0.75
                };
                tone(picture, |v| v * gain)
            }
            Self::Ramp => {
                let gain = 1.0 + 0.4 * (at.clamp(0.0, 10.0) / 10.0 * std::f32::consts::TAU).sin();
                tone(picture, |v| v * gain)
            }
            Self::Infrared => {
                if !(0.0..=9.0).contains(&at) {
                    picture.clone()
                } else if !(0.3..=8.7).contains(&at) {
                    tone(picture, |v| v * 0.05 + 16.0)
                } else {
                    infrared(picture)
                }
            }
            Self::Shake => {
                if (0.0..2.0).contains(&at) {
                    let (dx, dy) = ((at * 40.0).sin() * 5.0, (at * 31.0).cos() * 3.0);
                    shift(picture, dx.round() as isize, dy.round() as isize)
                } else {
                    picture.clone()
                }
            }
            Self::Cover => {
                if (0.0..6.0).contains(&at) {
                    cover(picture, n)
                } else {
                    picture.clone()
                }
            }
            Self::Rain => {
                if at < 0.0 {
                    picture.clone()
                } else {
                    rain(picture, n)
                }
            }
            Self::Insects => {
                if at < 0.0 {
                    picture.clone()
                } else {
                    insects(picture, at)
                }
            }
        }
    }
}

fn tone(picture: &Gray, curve: impl Fn(f32) -> f32) -> Gray {
    let table: [u8; 256] = std::array::from_fn(|v| curve(v as f32).clamp(0.0, 255.0) as u8);
    Gray { luma: picture.luma.iter().map(|v| table[usize::from(*v)]).collect(), ..*picture }
}

fn each(picture: &Gray, f: impl Fn(usize, usize, f32) -> f32) -> Gray {
    let w = picture.width;
    let pixels = picture.luma.iter().enumerate();
    Gray { luma: pixels.map(|(i, v)| f(i % w, i / w, f32::from(*v)).clamp(0.0, 255.0) as u8).collect(), ..*picture }
}

/// Brighter around one corner, up to double.
fn lamp(picture: &Gray) -> Gray {
    let (w, h) = (picture.width as f32, picture.height as f32);
    each(picture, |x, y, v| {
        let (dx, dy) = (x as f32 / w - 0.25, y as f32 / h - 0.2);
        v * (1.0 + 1.0 * (-(dx * dx + dy * dy) / 0.08).exp()) + 4.0
    })
}

/// Other tones (what is dark in daylight is often bright in infrared) and a bright middle.
fn infrared(picture: &Gray) -> Gray {
    let (w, h) = (picture.width as f32, picture.height as f32);
    each(picture, |x, y, v| {
        let (dx, dy) = (x as f32 / w - 0.5, y as f32 / h - 0.5);
        let tone = 60.0 + 70.0 * (v / 255.0 * 5.0).sin() + v * 0.25;
        tone * (1.2 - 1.6 * (dx * dx + dy * dy))
    })
}

fn shift(picture: &Gray, dx: isize, dy: isize) -> Gray {
    let (w, h) = (picture.width as isize, picture.height as isize);
    let scale = |d: isize| d * w / 1280;
    let mut luma = Vec::with_capacity(picture.luma.len());
    for y in 0..h {
        let row = (y + scale(dy)).clamp(0, h - 1) * w;
        luma.extend((0..w).map(|x| picture.luma[(row + (x + scale(dx)).clamp(0, w - 1)) as usize]));
    }
    Gray { luma, ..*picture }
}

fn cover(picture: &Gray, n: u32) -> Gray {
    each(picture, |x, y, v| 18.0 + 6.0 * (y as f32 / 400.0) + v * 0.02 + hash(x as u32 / 2, y as u32 / 2, n) * 4.0)
}

/// 60 streaks a picture, each in another place.
fn rain(picture: &Gray, n: u32) -> Gray {
    let mut rained = picture.clone();
    let (w, h) = (picture.width, picture.height);
    for drop in 0..60 {
        let x = (hash(drop, 1, n) * w as f32) as usize;
        let y = (hash(drop, 2, n) * h as f32) as usize;
        let long = h / 12 + (hash(drop, 3, n) * h as f32 / 12.0) as usize;
        for row in y..(y + long).min(h) {
            for column in x..(x + 1 + w / 500).min(w) {
                let pixel = &mut rained.luma[row * w + column];
                *pixel = pixel.saturating_add(70);
            }
        }
    }
    rained
}

/// Each crosses the picture in about half a second, bright and out of focus.
fn insects(picture: &Gray, at: f32) -> Gray {
    let second = at.floor();
    let (w, h) = (picture.width as f32, picture.height as f32);
    let way = (at - second) / 0.45;
    if way > 1.0 {
        return picture.clone();
    }
    let pick = |salt| hash(second as u32, salt, 9);
    let (x0, y0, x1, y1) = (pick(1) * w, pick(2) * h, pick(3) * w, pick(4) * h);
    let bow = (way * 9.0).sin() * 0.03 * h;
    let (cx, cy) = (x0 + (x1 - x0) * way, y0 + (y1 - y0) * way + bow);
    let size = w * (0.02 + 0.03 * pick(5));
    each(picture, |x, y, v| {
        let (dx, dy) = (x as f32 - cx, y as f32 - cy);
        v + 120.0 * (-(dx * dx + dy * dy) / (size * size) * 2.0).exp()
    })
}

/// 0 to 1.
fn hash(a: u32, b: u32, c: u32) -> f32 {
    let mut v = a.wrapping_mul(0x9e37_79b9) ^ b.wrapping_mul(0x85eb_ca6b) ^ c.wrapping_mul(0xc2b2_ae35);
    v ^= v >> 15;
    v = v.wrapping_mul(0x2c1b_3c6d);
    v ^= v >> 12;
    v = v.wrapping_mul(0x297a_2d39);
    v ^= v >> 15;
    v as f32 / u32::MAX as f32
}
