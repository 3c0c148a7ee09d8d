//! The tray's icon, drawn by hand: a camera, and in its corner a shape for what happens. The shapes differ without their
//! colours; the number of who watches is a figure.

use super::Mark;

/// Points of the drawing's grid on each side.
const GRID: f32 = 22.0;
/// Samples of a pixel on each side, for smooth edges.
const SAMPLES: usize = 3;

type Rgba = [u8; 4];

const CLEAR: Rgba = [0; 4];
/// Light inside dark: seen on any panel.
const BODY: Rgba = [0xE9, 0xED, 0xF3, 0xFF];
const EDGE: Rgba = [0x0E, 0x11, 0x16, 0xFF];
const LIVE: Rgba = [0x0A, 0x6B, 0x35, 0xFF];
const WARNING: Rgba = [0xFF, 0xB0, 0x66, 0xFF];
const INK: Rgba = [0xFF; 4];

/// The icon as ARGB in network byte order, `size` pixels on each side.
pub fn argb(mark: Mark, size: usize) -> Vec<u8> {
    let mut data = Vec::with_capacity(size * size * 4);
    for y in 0..size {
        for x in 0..size {
            let [r, g, b, a] = pixel(mark, x, y, size);
            data.extend([a, r, g, b]);
        }
    }
    data
}

fn pixel(mark: Mark, x: usize, y: usize, size: usize) -> Rgba {
    let mut sum = [0_u32; 4];
    for sub in 0..SAMPLES * SAMPLES {
        let offset = |n: usize| (n as f32 + 0.5) / SAMPLES as f32;
        let scale = GRID / size as f32;
        let at = ((x as f32 + offset(sub % SAMPLES)) * scale, (y as f32 + offset(sub / SAMPLES)) * scale);
        let [r, g, b, a] = colour(mark, at).map(u32::from);
        // Weighted by its opacity, so that clear samples do not darken an edge.
        sum = [sum[0] + r * a, sum[1] + g * a, sum[2] + b * a, sum[3] + a];
    }
    let [r, g, b, a] = sum;
    let channel = |c: u32| u8::try_from(c.checked_div(a).unwrap_or(0)).unwrap_or(u8::MAX);
    [channel(r), channel(g), channel(b), (a / (SAMPLES * SAMPLES) as u32) as u8]
}

fn colour(mark: Mark, at: (f32, f32)) -> Rgba {
    let corner = match mark {
        Mark::Idle => None,
        Mark::Watched(n) => watched(n, at),
        Mark::Paused => paused(at),
        Mark::Trouble => trouble(at),
    };
    corner.unwrap_or_else(|| camera(at))
}

fn camera(at: (f32, f32)) -> Rgba {
    let inside = |by: f32| inside_box(at, (1.5 - by, 5.5 - by), (14.5 + by, 16.5 + by)) || lens(at, by);
    match (inside(0.0), inside(1.2)) {
        (true, _) => BODY,
        (false, true) => EDGE,
        (false, false) => CLEAR,
    }
}

/// The part at the right, wider outside.
fn lens((x, y): (f32, f32), by: f32) -> bool {
    let half = 1.6 + (x - 15.5) * 0.55 + by;
    (15.5 - by..=20.8 + by).contains(&x) && (y - 11.0).abs() <= half
}

fn inside_box((x, y): (f32, f32), min: (f32, f32), max: (f32, f32)) -> bool {
    (min.0..=max.0).contains(&x) && (min.1..=max.1).contains(&y)
}

/// A dot with the number of who watches.
fn watched(n: usize, at: (f32, f32)) -> Option<Rgba> {
    let (dx, dy) = (at.0 - 15.0, at.1 - 15.0);
    let far = dx.hypot(dy);
    if far > 7.0 {
        return None;
    }
    if far > 6.2 {
        return Some(EDGE);
    }
    Some(if digit(n, dx, dy) { INK } else { LIVE })
}

/// Figures on a grid of 3 by 5, a row each, the leftmost cell highest; beyond nine there is a plus.
const DIGITS: [[u8; 5]; 10] = [
    [0b010, 0b010, 0b111, 0b010, 0b010],
    [0b010, 0b110, 0b010, 0b010, 0b111],
    [0b111, 0b001, 0b111, 0b100, 0b111],
    [0b111, 0b001, 0b111, 0b001, 0b111],
    [0b101, 0b101, 0b111, 0b001, 0b001],
    [0b111, 0b100, 0b111, 0b001, 0b111],
    [0b111, 0b100, 0b111, 0b101, 0b111],
    [0b111, 0b001, 0b010, 0b010, 0b010],
    [0b111, 0b101, 0b111, 0b101, 0b111],
    [0b111, 0b101, 0b111, 0b001, 0b111],
];
/// Width and height of a cell.
const CELL: f32 = 1.6;

fn digit(n: usize, dx: f32, dy: f32) -> bool {
    let rows = if (1..=9).contains(&n) { DIGITS[n] } else { DIGITS[0] };
    let (column, row) = ((dx / CELL + 1.5).floor(), (dy / CELL + 2.5).floor());
    if !(0.0..3.0).contains(&column) || !(0.0..5.0).contains(&row) {
        return false;
    }
    rows[row as usize] >> (2 - column as usize) & 1 == 1
}

/// Two bars.
fn paused(at: (f32, f32)) -> Option<Rgba> {
    let bar = |x: f32, by: f32| inside_box(at, (x - by, 10.0 - by), (x + 3.0 + by, 20.0 + by));
    if bar(11.5, 0.0) || bar(17.0, 0.0) {
        return Some(INK);
    }
    (bar(11.5, 1.2) || bar(17.0, 1.2)).then_some(EDGE)
}

/// A triangle.
fn trouble((x, y): (f32, f32)) -> Option<Rgba> {
    let inside = |by: f32| {
        let down = y - (9.0 - 2.0 * by);
        (0.0..=11.5 + 2.8 * by).contains(&down) && (x - 15.0).abs() <= down * 0.58
    };
    if inside(0.0) {
        return Some(WARNING);
    }
    inside(0.9).then_some(EDGE)
}

#[cfg(test)]
mod tests {
    use super::super::Mark;
    use super::argb;

    #[test]
    fn every_state_has_its_own_drawing_in_every_size_even_without_colours() {
        let marks = [Mark::Idle, Mark::Watched(1), Mark::Watched(2), Mark::Watched(12), Mark::Paused, Mark::Trouble];
        for size in [22, 32, 48] {
            let grey = |mark| {
                let pixels = argb(mark, size);
                assert_eq!(pixels.len(), size * size * 4);
                let luma = |p: &[u8]| {
                    (u32::from(p[0]) << 8) | (u32::from(p[1]) * 77 + u32::from(p[2]) * 150 + u32::from(p[3]) * 29) >> 8
                };
                pixels.chunks_exact(4).map(luma).collect::<Vec<_>>()
            };
            let drawn: Vec<_> = marks.into_iter().map(grey).collect();
            for (at, one) in drawn.iter().enumerate() {
                for other in &drawn[..at] {
                    let different = one.iter().zip(other).filter(|(a, b)| a.abs_diff(**b) > 60).count();
                    assert!(different > size / 3, "drawing {at} at {size}: {different} pixels");
                }
            }
            // The control: the same state is the same drawing.
            assert_eq!(grey(Mark::Watched(10)), grey(Mark::Watched(12)));
        }
    }

    #[test]
    fn the_icon_is_clear_around_the_camera_and_never_of_one_tone() {
        let pixels = argb(Mark::Idle, 22);
        assert_eq!(&pixels[..4], [0, 0, 0, 0]);
        let opaque: Vec<&[u8]> = pixels.chunks_exact(4).filter(|p| p[0] > 160).collect();
        let (light, dark) = (opaque.iter().filter(|p| p[1] > 200).count(), opaque.iter().filter(|p| p[1] < 40).count());
        assert!(light > 80 && dark > 20, "{light} {dark}");
    }
}
