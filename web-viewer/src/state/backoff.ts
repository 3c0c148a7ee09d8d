// Waiting times between tries: doubling, capped, with jitter so that many viewers don't knock at once.

const FIRST_MS = 500;
const CAP_MS = 15_000;

/** Milliseconds before try number `tries + 1`; `random` is in [0, 1). */
export function backoffMs(tries: number, random: number): number {
  const full = Math.min(CAP_MS, FIRST_MS * 2 ** Math.min(tries, 10));
  return Math.round(full * (0.75 + random / 2));
}
