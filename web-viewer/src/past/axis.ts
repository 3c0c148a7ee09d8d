// The one axis: time to the right, the playhead fixed in the middle, the strip moves. Pure; times in ms since 1970, places in
// CSS pixels from the strip's left edge. The same cases in shared/tests/vectors/timeline.json hold for the desktop app.
import type { Zone } from './zone';

const S = 1_000;
const MIN = 60 * S;
const H = 60 * MIN;
const D = 24 * H;

export const MIN_SPAN = 10 * S;
export const MAX_SPAN = 31 * D;

/** `centre` is the moment under the playhead, `span` what the whole width shows. */
export interface Axis { centre: number; span: number; width: number }

export const xOf = (axis: Axis, at: number): number => (at - axis.centre) / axis.span * axis.width + axis.width / 2;
export const timeAt = (axis: Axis, x: number): number => axis.centre + (x - axis.width / 2) / axis.width * axis.span;
export const left = (axis: Axis): number => axis.centre - axis.span / 2;
export const right = (axis: Axis): number => axis.centre + axis.span / 2;

/** The strip dragged by `dx` pixels: to the right is into the past. */
export const pan = (axis: Axis, dx: number): Axis => ({ ...axis, centre: axis.centre - dx / axis.width * axis.span });

/** `factor` over 1 shows more detail; the moment at `x` stays where it is, as far as the limits of zoom let it. */
export function zoom(axis: Axis, factor: number, x = axis.width / 2): Axis {
  const span = Math.min(MAX_SPAN, Math.max(MIN_SPAN, axis.span / factor));
  const at = timeAt(axis, x);
  return { ...axis, span, centre: at - (x - axis.width / 2) / axis.width * span };
}

/** What the menu and the buttons offer. */
export const ZOOMS = [31 * D, 7 * D, D, 6 * H, H, 10 * MIN, MIN, 10 * S] as const;

/** The next of the fixed spans, finer (`by` 1) or coarser (−1). */
export function zoomStep(span: number, by: 1 | -1): number {
  const next = by === 1 ? ZOOMS.find((z) => z < span * 0.99) : ZOOMS.findLast((z) => z > span * 1.01);
  return next ?? span;
}

const STEPS = [S, 5 * S, 15 * S, MIN, 5 * MIN, 15 * MIN, H, 3 * H, 6 * H, D, 7 * D] as const;
const TICK_PX = 8;
const LABEL_PX = 64;

const stepFor = (axis: Axis, px: number): number => STEPS.find((s) => s / axis.span * axis.width >= px) ?? 7 * D;

/** What an arrow key moves by, and how far apart the small ticks stand. */
export const tickStep = (axis: Axis): number => stepFor(axis, TICK_PX);
export const labelStep = (axis: Axis): number => stepFor(axis, LABEL_PX);

/** What a label says: a time of day, or a day. `which` where this local time comes twice. */
export type Label = { says: 'seconds' | 'minutes' | 'day'; local: number; which?: 'first' | 'second' };

export interface Tick { at: number; x: number; label?: Label }

/** Monday 5 January 1970: weeks are counted from here. */
const MONDAY = 4 * D;

/** Moments in the range whose local time is a multiple of `step`. */
function multiples(zone: Zone, from: number, to: number, step: number): number[] {
  const origin = step === 7 * D ? MONDAY : 0;
  if (step >= D) {
    // Days are 23, 24 or 25 hours long: each is asked for by itself.
    const found: number[] = [];
    const end = zone.local(to) + D;
    for (let local = Math.floor((zone.local(from) - origin) / step) * step + origin; local <= end; local += step) {
      const [at] = zone.moment(local).moments;
      if (at !== undefined && at >= from && at < to) found.push(at);
    }
    return found;
  }
  const jumps = zone.jumps(from, to);
  const edges = [from, ...jumps.map((j) => j.at), to];
  const found: number[] = [];
  for (let i = 0; i + 1 < edges.length; i += 1) {
    const [start = 0, end = 0] = [edges[i], edges[i + 1]];
    const offset = zone.at(start);
    for (let at = Math.ceil((start + offset) / step) * step - offset; at < end; at += step) found.push(at);
  }
  return found;
}

/** Whether the local time of a moment comes twice, and which of the two this is. */
export function repeated(zone: Zone, at: number): 'first' | 'second' | undefined {
  const [jump] = zone.jumps(at - 3 * H, at + 3 * H);
  if (!jump || jump.after >= jump.before) return undefined;
  const back = jump.before - jump.after;
  if (at >= jump.at && at < jump.at + back) return 'second';
  return at < jump.at && at >= jump.at - back ? 'first' : undefined;
}

export function ticks(axis: Axis, zone: Zone): Tick[] {
  const [step, labelled] = [tickStep(axis), labelStep(axis)];
  // A label may reach into the picture from outside.
  const margin = LABEL_PX / axis.width * axis.span;
  const [from, to] = [left(axis) - margin, right(axis) + margin];
  const named = new Set(multiples(zone, from, to, labelled));
  const says = labelled >= D ? 'day' : labelled >= MIN ? 'minutes' : 'seconds';
  return multiples(zone, from, to, step).map((at) => {
    const x = xOf(axis, at);
    if (!named.has(at)) return { at, x };
    const which = says === 'day' ? undefined : repeated(zone, at);
    const local = zone.local(at);
    return { at, x, label: { says, local, ...(which ? { which } : {}) } };
  });
}

/** The chip of a day: at its midnight, or held at the left edge while that is further left, pushed on by the next one. */
export interface Chip { day: number; x: number; width: number }

/** Chips of the days in view; `chip` is how wide one is. Only where a day is wide enough for its chip. */
export function chips(axis: Axis, zone: Zone, chip: number): Chip[] {
  if (D / axis.span * axis.width < chip + 8) return [];
  const found: Chip[] = [];
  for (let day = zone.dayStart(left(axis)); day < right(axis); day = zone.dayEnd(day)) {
    const next = xOf(axis, zone.dayEnd(day));
    found.push({ day, x: Math.min(Math.max(0, xOf(axis, day)), next - chip), width: chip });
  }
  return found;
}

/** Midnights in view. */
export const midnights = (axis: Axis, zone: Zone): number[] => multiples(zone, left(axis), right(axis), D);
