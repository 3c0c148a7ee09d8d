// The answer to `past` (docs/protocol.md section 8), checked row by row. Pure; gives ms where the wire has µs.
import { integer, list, maybe, number, object, type Shape, ShapeError, text, whole } from '../protocol/shape';
import type { Cause } from '../protocol/control';
import type { Event, Clip } from './known';

/** As large as such an answer can be: ten thousand rows of each, with the names of their zones. */
export const MAX_LIST_BYTES = 8 * 1024 * 1024;
const MAX_ROWS = 10_000;

export interface Told {
  files: Clip[];
  events: Event[];
  zone: { name?: string; offsets: [from: number, seconds: number][] };
  now: number;
  /** When the oldest recording of any camera began. */
  oldest: number | undefined;
  more: boolean;
}

const CAUSES: readonly string[] = ['motion', 'always', 'schedule', 'manual', 'found'] satisfies Cause[];
const wall: Shape<number> = (v, w) => integer(v, w) / 1000;

function rows<T>(value: unknown, where: string, most: number, row: (cells: unknown[], where: string) => T): T[] {
  if (!Array.isArray(value) || value.length > most) throw new ShapeError(`${where}: not a list`);
  return value.map((cells: unknown, i) => {
    const at = `${where}[${i}]`;
    if (!Array.isArray(cells)) throw new ShapeError(`${at}: not a row`);
    return row(cells, at);
  });
}

const file = ([id, from, to, why, kept, sound, bytes]: unknown[], at: string): Clip => ({
  id: id === null ? undefined : integer(id, at), from: wall(from, at), to: wall(to, at),
  why: CAUSES.includes(text(why, at)) ? why as Cause : 'found', kept: kept === true, sound: sound === true, bytes: whole()(bytes, at),
});

const event = ([id, from, to, peak, zones]: unknown[], at: string): Event => ({
  id: integer(id, at), from: wall(from, at), to: to === null ? undefined : wall(to, at), peak: number(peak, at), zones: list(text)(zones, at),
});

export function parsePast(bytes: Uint8Array): Told {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new ShapeError('not JSON');
  }
  const any: Shape<unknown> = (v) => v;
  const { spans, motion, zone, now, room, more } = object({ spans: any, motion: any, room: object({ oldest: maybe(wall) }), zone: object({ name: maybe(text), offsets: any }), now: wall, more: any })(value, 'past');
  return {
    files: rows(spans, 'spans', MAX_ROWS, file), events: rows(motion, 'motion', MAX_ROWS, event),
    zone: {
      ...(zone.name === undefined ? {} : { name: zone.name }),
      offsets: rows(zone.offsets, 'offsets', 256, ([from, seconds], at) => [wall(from, at), integer(seconds, at)]),
    },
    now, oldest: room.oldest, more: more === true,
  };
}
