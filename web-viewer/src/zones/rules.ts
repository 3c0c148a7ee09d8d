// Where and how a camera looks for motion, as in shared/src/protocol/house.rs. Pure.
import { flag, list, maybe, number, object, oneOf, ShapeError, text, whole, type Shape } from '../protocol/shape';
import type { Bytes } from '../protocol/bytes';
import type { ZoneKind, ZoneRow } from '../protocol/control';
import { crossings, inPicture, LEAST_CORNERS, MOST_CORNERS } from './polygon';

export const KINDS = ['watch', 'ignore', 'privacy'] as const satisfies readonly ZoneKind[];
export const MOST_ZONES = 16;
/** Bytes of a zone's name. */
const MOST_NAME = 64;
/** The answer to `looking` holds at most sixteen zones of twenty corners. */
export const MAX_LOOKING_BYTES = 64 * 1024;

export interface Rules { readonly sensitivity: number; readonly zones: readonly ZoneRow[] }
export interface Looking extends Rules { camera: string; active: boolean }

const point: Shape<ZoneRow['points'][number]> = (v, w) => {
  const [x, y] = list(number)(v, w);
  if (x === undefined || y === undefined) throw new ShapeError(`${w}: not two numbers`);
  return inPicture([x, y]);
};
/** 32-bit fractions come with more places than anyone wrote. */
const fraction: Shape<number> = (v, w) => Math.round(number(v, w) * 1e4) / 1e4;
const zone = object({
  name: text, kind: oneOf(...KINDS), points: list(point), sensitivity: maybe(whole(100)), min_size: maybe(fraction), min_duration: maybe(fraction),
});
const looking = object({ camera: text, active: flag, sensitivity: whole(100), zones: list(zone) });

/** Undefined where it is not what it should be. */
export function parseLooking(bytes: Bytes): Looking | undefined {
  try {
    const { zones, ...rest } = looking(JSON.parse(new TextDecoder().decode(bytes)), 'looking');
    return { ...rest, zones: zones.slice(0, MOST_ZONES).map((z) => ({ ...z, min_duration: z.min_duration ?? 0 })) };
  } catch {
    return undefined;
  }
}

export type Wrong = 'cross' | 'no_name' | 'long_name' | 'twice' | 'corners';

/** What the streamer would refuse, by zone. */
export function wrongs({ zones }: Rules): Map<number, Wrong> {
  const found = new Map<number, Wrong>();
  const names = new Set<string>();
  zones.forEach(({ name, points }, i) => {
    const short = name.trim();
    if (points.length < LEAST_CORNERS || points.length > MOST_CORNERS) found.set(i, 'corners');
    else if (crossings(points).size > 0) found.set(i, 'cross');
    else if (short === '') found.set(i, 'no_name');
    else if (new TextEncoder().encode(short).length > MOST_NAME) found.set(i, 'long_name');
    else if (names.has(short)) found.set(i, 'twice');
    names.add(short);
  });
  return found;
}

/** As it is sent: names without the space around them. */
export const sent = ({ zones }: Rules): ZoneRow[] => zones.map((zone) => ({ ...zone, name: zone.name.trim() }));

export const same = (a: Rules, b: Rules): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

/** A name that no zone has: the word itself, then with a number. */
export function freeName(word: string, zones: readonly ZoneRow[]): string {
  const taken = new Set(zones.map((z) => z.name.trim()));
  let [name, n] = [word, 1];
  while (taken.has(name)) {
    n += 1;
    name = `${word} ${n}`;
  }
  return name;
}
