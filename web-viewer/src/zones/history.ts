// Every step back and forth again. Pure: a step makes a new history.

export interface History<T> { readonly past: readonly T[]; readonly now: T; readonly future: readonly T[] }

/** Far more than anyone goes back. */
const MOST = 2_000;

export const begin = <T>(now: T): History<T> => ({ past: [], now, future: [] });

export const commit = <T>(history: History<T>, now: T): History<T> =>
  now === history.now ? history : { past: [...history.past, history.now].slice(-MOST), now, future: [] };

export function undo<T>({ past, now, future }: History<T>): History<T> {
  const before = past.at(-1);
  return before === undefined ? { past, now, future } : { past: past.slice(0, -1), now: before, future: [now, ...future] };
}

export function redo<T>({ past, now, future }: History<T>): History<T> {
  const [after] = future;
  return after === undefined ? { past, now, future } : { past: [...past, now], now: after, future: future.slice(1) };
}
