// The grid that a camera looks for motion on: which cells move, which of them count, and whether it is enough. Pure; the
// rules are those of streamer/src/motion/zones.rs.
import { spans, type Polygon } from './polygon';
import type { Rules } from './rules';

/** More cells than any streamer has; a message's size keeps to it anyway. */
const MOST_CELLS = 96 * 1024;

export interface Cells { width: number; height: number; moving: Uint8Array }

/** `bits`: a bit for each cell, row by row, the first in the lowest bit of the first byte; empty where none moves. */
export function decode(width: number, height: number, bits: string): Cells | undefined {
  const all = width * height;
  if (all === 0 || all > MOST_CELLS) return undefined;
  const moving = new Uint8Array(all);
  if (bits === '') return { width, height, moving };
  if (!/^[\w-]*$/.test(bits) || bits.length !== Math.ceil(Math.ceil(all / 8) * 4 / 3)) return undefined;
  const bytes = atob(bits.replaceAll('-', '+').replaceAll('_', '/'));
  for (let i = 0; i < all; i += 1) moving[i] = bytes.charCodeAt(i >> 3) >> (i & 7) & 1;
  return { width, height, moving };
}

/** Cells that must move: 7 at 50, 58 at 1, 3 at 100. */
export const cellsNeeded = (sensitivity: number): number => Math.round(Math.min(64, Math.max(3, 7 * 2 ** ((50 - sensitivity) / 16))));

/** For each cell a bit for each watched zone that it counts for, and how many cells each of them asks for. */
export interface Counting { width: number; height: number; counts: Uint16Array; needed: number[] }

export function mapOf({ zones, sensitivity }: Rules, width: number, height: number): Counting {
  const counts = new Uint16Array(width * height);
  const not = new Uint8Array(width * height);
  const needed: number[] = [];
  for (const zone of zones) {
    if (zone.kind !== 'watch') {
      fill(zone.points, width, height, (i) => { not[i] = 1; });
      continue;
    }
    const bit = 1 << needed.length;
    fill(zone.points, width, height, (i) => { counts[i] = (counts[i] ?? 0) | bit; });
    const size = zone.min_size === undefined ? cellsNeeded(zone.sensitivity ?? sensitivity) : Math.ceil(zone.min_size / 100 * width * height);
    needed.push(Math.max(1, size));
  }
  // Where nothing is watched the whole picture is.
  if (needed.length === 0) {
    counts.fill(1);
    needed.push(cellsNeeded(sensitivity));
  }
  not.forEach((no, i) => { if (no) counts[i] = 0; });
  return { width, height, counts, needed };
}

/** Cells whose centre lies in the polygon. */
function fill(points: Polygon, width: number, height: number, set: (cell: number) => void): void {
  for (let row = 0; row < height; row += 1) {
    for (const [from, to] of spans(points, (row + 0.5) / height)) {
      const first = Math.max(0, Math.ceil(from * width - 0.5));
      for (let x = first; x < width && (x + 0.5) / width < to; x += 1) set(row * width + x);
    }
  }
}

/** How much moves where it counts, and how much must: of the zone that is nearest to it. */
export interface Reading { moving: number; needed: number }

export function read(cells: Cells, { width, height, counts, needed }: Counting): Reading {
  const each = needed.map(() => 0);
  if (cells.width === width && cells.height === height) {
    cells.moving.forEach((moves, i) => {
      const bits = moves ? counts[i] ?? 0 : 0;
      for (let zone = 0; bits >> zone; zone += 1) if (bits >> zone & 1) each[zone] = (each[zone] ?? 0) + 1;
    });
  }
  const all = needed.map((wanted, zone) => ({ moving: each[zone] ?? 0, needed: wanted }));
  return all.reduce((a, b) => (b.moving / b.needed > a.moving / a.needed ? b : a));
}
