// Tiny checkers for JSON from outside: each returns the value as its type or throws `ShapeError`. Unknown fields are
// ignored, as the protocol asks.

export class ShapeError extends Error {}

export type Shape<T> = (value: unknown, where: string) => T;

function fail(where: string, wanted: string): never {
  throw new ShapeError(`${where}: not ${wanted}`);
}

/** Longest text that any field may hold (an SDP is the longest). */
const MAX_TEXT = 16 * 1024;
/** Longest list that any field may hold. */
const MAX_LIST = 256;

export const text: Shape<string> = (v, w) => (typeof v === 'string' && v.length <= MAX_TEXT ? v : fail(w, 'text'));
export const flag: Shape<boolean> = (v, w) => (typeof v === 'boolean' ? v : fail(w, 'true or false'));
export const number: Shape<number> = (v, w) => (typeof v === 'number' && Number.isFinite(v) ? v : fail(w, 'a number'));

/** A whole number from 0 to `max`. */
export const whole = (max = Number.MAX_SAFE_INTEGER): Shape<number> => (v, w) =>
  typeof v === 'number' && Number.isInteger(v) && v >= 0 && v <= max ? v : fail(w, `a whole number up to ${max}`);

/** A whole number of either sign. */
export const integer: Shape<number> = (v, w) => (typeof v === 'number' && Number.isSafeInteger(v) ? v : fail(w, 'a whole number'));

export const oneOf = <const T extends readonly string[]>(...names: T): Shape<T[number]> => (v, w) =>
  typeof v === 'string' && names.includes(v) ? v : fail(w, `one of ${names.join(', ')}`);

export const list = <T>(item: Shape<T>): Shape<T[]> => (v, w) =>
  Array.isArray(v) && v.length <= MAX_LIST ? v.map((x, i) => item(x, `${w}[${i}]`)) : fail(w, 'a list');

/** A list whose unknown entries are left out: a newer peer may know more names than we do. */
export const known = <T>(item: Shape<T>): Shape<T[]> => (v, w) =>
  list((x, at): T[] => {
    try {
      return [item(x, at)];
    } catch {
      return [];
    }
  })(v, w).flat();

type Optional<T> = Shape<T> & { optional: true };

/** A field that may be missing or null; it is then left out. */
export const maybe = <T>(shape: Shape<T>): Optional<T> => Object.assign((v: unknown, w: string) => shape(v, w), { optional: true as const });

type Fields = Record<string, Shape<unknown>>;
type OptionalKeys<F extends Fields> = { [K in keyof F]: F[K] extends Optional<unknown> ? K : never }[keyof F];
export type Value<F extends Fields> =
  & { [K in Exclude<keyof F, OptionalKeys<F>>]: ReturnType<F[K]> }
  & { [K in OptionalKeys<F>]?: ReturnType<F[K]> };

export const object = <F extends Fields>(fields: F): Shape<Value<F>> => (v, w) => {
  if (typeof v !== 'object' || v === null || Array.isArray(v)) fail(w, 'an object');
  const from = v as Record<string, unknown>;
  const out: Record<string, unknown> = {};
  for (const [name, shape] of Object.entries(fields)) {
    const value = Object.hasOwn(from, name) ? from[name] : undefined;
    if ('optional' in shape && (value === undefined || value === null)) continue;
    out[name] = shape(value, `${w}.${name}`);
  }
  return out as Value<F>;
};

/** The `t` of a tagged message, or undefined where there is none. */
export function tag(v: unknown): string | undefined {
  if (typeof v !== 'object' || v === null || !Object.hasOwn(v, 't')) return undefined;
  const { t } = v as { t: unknown };
  return typeof t === 'string' ? t : undefined;
}
