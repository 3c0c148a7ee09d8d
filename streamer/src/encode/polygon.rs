//! Polygons on a picture: corners from 0 to 1 of its width and height. Even-odd: where two edges cross, the inside
//! changes.

/// A corner, in shares of the picture's width and height.
pub type Corner = (f32, f32);

/// Where the polygon covers the line at height `y`: pairs of left and right.
pub fn spans(corners: &[Corner], y: f32) -> Vec<[f32; 2]> {
    let mut crossings: Vec<f32> = Vec::new();
    for (n, &(x1, y1)) in corners.iter().enumerate() {
        let (x2, y2) = corners[(n + 1) % corners.len()];
        if (y1 <= y) != (y2 <= y) {
            crossings.push(x1 + (y - y1) / (y2 - y1) * (x2 - x1));
        }
    }
    crossings.sort_by(f32::total_cmp);
    crossings.as_chunks::<2>().0.to_vec()
}

/// Whether two edges cross: such a shape is hardly what was meant.
pub fn crosses_itself(corners: &[Corner]) -> bool {
    let edge = |n: usize| (corners[n], corners[(n + 1) % corners.len()]);
    (0..corners.len())
        .any(|a| (a + 2..corners.len()).any(|b| (a != 0 || b != corners.len() - 1) && cross(edge(a), edge(b))))
}

fn cross((a, b): (Corner, Corner), (c, d): (Corner, Corner)) -> bool {
    let side = |p: Corner, q: Corner, r: Corner| (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0);
    side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
}

#[cfg(test)]
mod tests {
    use super::{crosses_itself, spans};

    #[test]
    fn a_line_meets_a_polygon_in_pairs() {
        let square = [(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)];
        assert_eq!(spans(&square, 0.5), [[0.25, 0.75]]);
        assert!(spans(&square, 0.2).is_empty() && spans(&[], 0.5).is_empty());
        // A notch from above: two pairs.
        let notched = [(0.0, 0.0), (0.5, 0.5), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
        assert_eq!(spans(&notched, 0.25), [[0.0, 0.25], [0.75, 1.0]]);
    }

    #[test]
    fn crossing_edges_are_found() {
        assert!(crosses_itself(&[(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)]));
        assert!(!crosses_itself(&[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]));
        assert!(!crosses_itself(&[(0.0, 0.0), (0.5, 0.5), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]));
    }
}
