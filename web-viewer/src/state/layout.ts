// The grid, and which cameras are received. Pure.
import type { Camera, Layer } from '../protocol/control';

export interface Shape { columns: number; rows: number; firstLarge: 'no' | 'above' | 'left' }

/** Columns and rows for `n` tiles in a container `width` CSS pixels wide. */
export function gridShape(n: number, width: number): Shape {
  const plain = (columns: number): Shape => ({ columns, rows: Math.ceil(n / columns), firstLarge: 'no' });
  if (n <= 1) return plain(1);
  if (width < 480) {
    if (n === 2) return plain(1);
    if (n === 3) return { columns: 2, rows: 3, firstLarge: 'above' };
    return plain(2);
  }
  if (n === 2) return plain(2);
  if (n === 3) return { columns: 3, rows: 2, firstLarge: 'left' };
  if (n === 4) return plain(2);
  return plain(3);
}

/** More would cost the offer more than it gives: one m-line is about 1.3 kB of SDP for both sides. */
export const MAX_SLOTS = 9;

/**
 * Slots to ask for: a place for every camera known, all of them on a first visit. None to spare: each costs time at every
 * visit, and a camera that is new is worth the one new session that it takes.
 */
export const slotCount = (knownCameras: number): number => (knownCameras === 0 ? MAX_SLOTS : Math.min(MAX_SLOTS, knownCameras));

/** The small layer serves a tile under this many real pixels across. */
const SMALL_UNDER = 640;

export function layerFor(camera: Camera, cssWidth: number, pixelRatio: number): Layer {
  const small = camera.layers.includes('small') && cssWidth > 0 && cssWidth * pixelRatio < SMALL_UNDER;
  return small || !camera.layers.includes('full') && camera.layers.length > 0 ? camera.layers.includes('small') ? 'small' : 'full' : 'full';
}

export interface Wanted { camera: string; layer: Layer }
export type Slots = readonly (Wanted | undefined)[];
export type Change = { slot: number; to: Wanted } | { slot: number; to: undefined };

/** The fewest messages that bring the slots to what is wanted: a camera keeps the slot it has. */
export function planSlots(slots: Slots, wanted: readonly Wanted[]): Change[] {
  const changes: Change[] = [];
  const free: number[] = [];
  const placed = new Set<string>();
  slots.forEach((has, slot) => {
    const want = has && wanted.find((w) => w.camera === has.camera);
    if (!want || placed.has(want.camera)) {
      free.push(slot);
      return;
    }
    placed.add(want.camera);
    if (want.layer !== has.layer) changes.push({ slot, to: want });
  });
  for (const want of wanted) {
    if (placed.has(want.camera)) continue;
    const slot = free.shift();
    if (slot === undefined) break;
    placed.add(want.camera);
    changes.push({ slot, to: want });
  }
  for (const slot of free) if (slots[slot]) changes.push({ slot, to: undefined });
  return changes;
}
