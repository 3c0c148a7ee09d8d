// What a finger does to the strip: how finely it moves, and how it runs on when let go. Pure; pixels and milliseconds.

/** Pulled up this far, a drag is four and sixteen times as fine. */
const FINE_PX = 80;

/** Part of the finger's way that the strip goes, by how far the finger was pulled up from where it went down. */
export function fineness(up: number): 1 | 0.25 | 0.0625 {
  if (up >= 2 * FINE_PX) return 0.0625;
  return up >= FINE_PX ? 0.25 : 1;
}

/** Movement older than this says nothing about how fast the finger was when it was lifted. */
const WINDOW_MS = 100;
/** Speed falls to a third in about this time. */
const TAU_MS = 325;
/** Slower than this it stands (px/ms). */
const STILL = 0.02;
/** A finger can't throw it faster than this (px/ms). */
const FASTEST = 8;

export interface Sample { atMs: number; x: number }

/** Speed in px/ms at the end of a drag; zero where the finger had come to rest. */
export function speedOf(samples: readonly Sample[], nowMs: number): number {
  const recent = samples.filter((s) => nowMs - s.atMs <= WINDOW_MS);
  const [first, last] = [recent[0], recent.at(-1)];
  if (!first || !last || last.atMs - first.atMs < 8) return 0;
  const speed = (last.x - first.x) / (last.atMs - first.atMs);
  return Math.max(-FASTEST, Math.min(FASTEST, speed));
}

/** How far it has run `afterMs` after it was let go at `speed`. */
export const runOut = (speed: number, afterMs: number): number => speed * TAU_MS * (1 - Math.exp(-afterMs / TAU_MS));

/** How long it runs. */
export const runs = (speed: number): number => (Math.abs(speed) <= STILL ? 0 : TAU_MS * Math.log(Math.abs(speed) / STILL));
