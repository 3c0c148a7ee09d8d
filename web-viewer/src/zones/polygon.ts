// Polygons on a picture: corners from 0 to 1 of its width and height. Pure; nothing here changes what it is given.

export type Point = readonly [x: number, y: number];
export type Polygon = readonly Point[];

/** The whole picture in CSS pixels, as large as it is seen now: what is near is said in pixels. */
export interface Scale { w: number; h: number }

export const LEAST_CORNERS = 3;
export const MOST_CORNERS = 20;
/** What is this near to a border, a corner or an edge is meant to be on it (CSS pixels). */
const SNAP_PX = 8;

/** To a hundredth of a percent, as the configuration holds it. */
const round = (v: number): number => Math.round(Math.min(1, Math.max(0, v)) * 1e4) / 1e4;
export const inPicture = ([x, y]: Point): Point => [round(x), round(y)];

const next = (i: number, points: Polygon): number => (i + 1) % points.length;
const edge = (points: Polygon, i: number): [Point, Point] => [points[i] ?? [0, 0], points[next(i, points)] ?? [0, 0]];
const distance = ([ax, ay]: Point, [bx, by]: Point, { w, h }: Scale): number => Math.hypot((ax - bx) * w, (ay - by) * h);

/** Edges that cross another, by the number of the corner they begin at. As in streamer/src/encode/polygon.rs. */
export function crossings(points: Polygon): Set<number> {
  const side = (p: Point, q: Point, r: Point): number => (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
  const found = new Set<number>();
  for (let a = 0; a < points.length; a += 1) {
    for (let b = a + 2; b < points.length; b += 1) {
      // The last edge ends where the first begins.
      if (a === 0 && b === points.length - 1) continue;
      const [[p, q], [r, s]] = [edge(points, a), edge(points, b)];
      if (side(p, q, r) * side(p, q, s) < 0 && side(r, s, p) * side(r, s, q) < 0) found.add(a).add(b);
    }
  }
  return found;
}

/** Where the polygon covers the line at height `y`: pairs of left and right. Where edges cross, the inside changes. */
export function spans(points: Polygon, y: number): [number, number][] {
  const at: number[] = [];
  for (let i = 0; i < points.length; i += 1) {
    const [[x1, y1], [x2, y2]] = edge(points, i);
    if (y1 <= y !== y2 <= y) at.push(x1 + (y - y1) / (y2 - y1) * (x2 - x1));
  }
  at.sort((a, b) => a - b);
  return Array.from({ length: at.length >> 1 }, (_, i) => [at[2 * i] ?? 0, at[2 * i + 1] ?? 0]);
}

export const contains = (points: Polygon, [x, y]: Point): boolean => spans(points, y).some(([from, to]) => x >= from && x < to);

/** The corner nearest to a point, of those within `reach` pixels. */
export function cornerNear(points: Polygon, at: Point, scale: Scale, reach: number): number | undefined {
  const [found] = points.map((p, i) => ({ i, d: distance(p, at, scale) })).filter(({ d }) => d <= reach).sort((a, b) => a.d - b.d);
  return found?.i;
}

/** The place on an edge that is nearest to a point. */
function onEdge([[ax, ay], [bx, by]]: [Point, Point], [x, y]: Point, { w, h }: Scale): Point {
  const [dx, dy] = [(bx - ax) * w, (by - ay) * h];
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * w * dx + (y - ay) * h * dy) / length));
  return [ax + t * (bx - ax), ay + t * (by - ay)];
}

/** The edge nearest to a point, of those within `reach` pixels, by the number of the corner it begins at. */
export function edgeNear(points: Polygon, at: Point, scale: Scale, reach: number): number | undefined {
  const near = points.map((_, i) => ({ i, d: distance(onEdge(edge(points, i), at, scale), at, scale) }));
  const [found] = near.filter(({ d }) => d <= reach).sort((a, b) => a.d - b.d);
  return found?.i;
}

export function middle(points: Polygon, i: number): Point {
  const [[ax, ay], [bx, by]] = edge(points, i);
  return [(ax + bx) / 2, (ay + by) / 2];
}

export const edgeLength = (points: Polygon, i: number, scale: Scale): number => distance(...edge(points, i), scale);

export const withCorner = (points: Polygon, i: number, to: Point): Polygon => points.map((p, n) => (n === i ? inPicture(to) : p));

/** A corner more, after the `i`th; undefined where there are enough. */
export function addCorner(points: Polygon, i: number, at = middle(points, i)): Polygon | undefined {
  if (points.length >= MOST_CORNERS) return undefined;
  return [...points.slice(0, i + 1), inPicture(at), ...points.slice(i + 1)];
}

/** Undefined where there are none to spare. */
export const removeCorner = (points: Polygon, i: number): Polygon | undefined =>
  points.length <= LEAST_CORNERS ? undefined : points.filter((_, n) => n !== i);

/** The whole polygon, as far as the picture goes. */
export function shift(points: Polygon, dx: number, dy: number): Polygon {
  const within = (by: number, all: number[]): number => Math.min(1 - Math.max(...all), Math.max(-Math.min(...all), by));
  const [x, y] = [within(dx, points.map((p) => p[0])), within(dy, points.map((p) => p[1]))];
  return points.map(([px, py]) => inPicture([px + x, py + y]));
}

/** Where a corner is meant to be: on another zone's corner, on another's edge, on the border, or where it is. */
export function snap(at: Point, others: readonly Polygon[], scale: Scale): Point {
  for (const points of others) {
    const corner = points[cornerNear(points, at, scale, SNAP_PX) ?? -1];
    if (corner) return corner;
  }
  const border = (v: number, size: number): number => (v * size <= SNAP_PX ? 0 : (1 - v) * size <= SNAP_PX ? 1 : v);
  const bound: Point = [border(at[0], scale.w), border(at[1], scale.h)];
  if (bound[0] !== at[0] || bound[1] !== at[1]) return inPicture(bound);
  for (const points of others) {
    const i = edgeNear(points, at, scale, SNAP_PX);
    if (i !== undefined) return inPicture(onEdge(edge(points, i), at, scale));
  }
  return inPicture(at);
}

/** Twice nothing for a line; the smaller one is meant where two lie over each other. */
export const area = (points: Polygon): number =>
  Math.abs(points.reduce((sum, [x, y], i) => sum + x * (points[next(i, points)]?.[1] ?? 0) - y * (points[next(i, points)]?.[0] ?? 0), 0)) / 2;

/** Where a new zone begins: a rectangle, each a little further than the one before. */
export function rectangle(n: number): Polygon {
  const by = n % 6 * 0.04;
  return ([[0.3, 0.3], [0.6, 0.3], [0.6, 0.65], [0.3, 0.65]] as const).map(([x, y]) => inPicture([x + by, y + by]));
}

/** A place for the name: the middle of the corners. */
export const centre = (points: Polygon): Point =>
  [points.reduce((sum, [x]) => sum + x, 0) / points.length, points.reduce((sum, [, y]) => sum + y, 0) / points.length];
