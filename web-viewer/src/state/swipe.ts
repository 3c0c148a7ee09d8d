// A finger that goes from one camera to the next. Pure: pixels and milliseconds in, a step out.

/** From here on the screen's own edge gestures begin; a swipe that started there is theirs. */
const EDGE = 24;
/** So much of the picture's width, or a flick this fast, changes the camera. */
const PART = 0.25;
const FLICK = 0.5;
/** A flick is at least this long, or every tap of an unsteady finger would be one. */
const FLICK_MIN = 40;

export interface Swipe {
  from: { x: number; y: number; atMs: number };
  to: { x: number; y: number; atMs: number };
  /** Of the picture. */
  width: number;
  /** Of the screen. */
  screen: number;
}

/** Leftwards is the next camera, rightwards the one before, downwards leaves full screen. */
export function swipeOf({ from, to, width, screen }: Swipe): 'next' | 'previous' | 'down' | undefined {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const [along, across] = [Math.max(Math.abs(dx), Math.abs(dy)), Math.min(Math.abs(dx), Math.abs(dy))];
  if (along < 2 * across) return undefined;
  const sideways = Math.abs(dx) > Math.abs(dy);
  if (sideways && (from.x < EDGE || from.x > screen - EDGE)) return undefined;
  const flick = along >= FLICK_MIN && along / Math.max(1, to.atMs - from.atMs) > FLICK;
  if (!flick && along < width * PART) return undefined;
  if (sideways) return dx < 0 ? 'next' : 'previous';
  return dy > 0 ? 'down' : undefined;
}

/** The camera `by` places further, round and round. */
export function stepFrom<C extends { id: string }>(cameras: readonly C[], now: string | undefined, by: number): C | undefined {
  const at = cameras.findIndex((camera) => camera.id === now);
  const n = cameras.length;
  return n === 0 ? undefined : cameras[((at < 0 ? 0 : at) + by + n) % n];
}
