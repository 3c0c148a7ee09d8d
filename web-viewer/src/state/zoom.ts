// Zoom of a picture about a point. Pure: positions as parts of the picture's box (0 to 1), scale 1 to 8.

export interface View { scale: number; x: number; y: number }

export const WHOLE: View = { scale: 1, x: 0, y: 0 };
const MAX = 8;

const clamp = (v: number, low: number, high: number): number => Math.min(high, Math.max(low, v));

/** The picture never leaves its box: `x` and `y` are the box's corner in the enlarged picture, in parts of the box. */
function inside({ scale, x, y }: View): View {
  return { scale, x: clamp(x, 0, scale - 1), y: clamp(y, 0, scale - 1) };
}

/** Enlarges by `factor`; what is at (`px`, `py`) stays there. */
export function zoomAt(view: View, factor: number, px: number, py: number): View {
  const scale = clamp(view.scale * factor, 1, MAX);
  const k = scale / view.scale;
  return inside({ scale, x: (view.x + px) * k - px, y: (view.y + py) * k - py });
}

export const panBy = (view: View, dx: number, dy: number): View => inside({ ...view, x: view.x - dx, y: view.y - dy });

/** Double tap: 1× to 2.5× at the point, and back. */
export const toggleAt = (view: View, px: number, py: number): View => (view.scale > 1 ? WHOLE : zoomAt(view, 2.5, px, py));
