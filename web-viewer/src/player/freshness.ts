// "Live" is a claim: made only while a frame captured under two seconds ago is on the screen. Pure; times in ms.

/** Older than this is stale. */
export const STALE_MS = 2_000;
/** From this age on the reason is said. */
const REASON_MS = 5_000;
/** From this age on the clock time stands in place of the age. */
const CLOCK_MS = 60_000;

export type Picture =
  | { kind: 'none' }
  | { kind: 'live'; ageMs: number }
  | { kind: 'stale'; ageMs: number; takenMs: number; say: 'age' | 'reason' | 'clock' };

export class Freshness {
  private shown: number | undefined;
  private taken: number | undefined;

  /** A new frame is on the screen. `captured` by our clock, undefined where the browser does not tell it. */
  frame(now: number, captured: number | undefined): void {
    this.shown = now;
    // A capture time in the future, or hours away, is a broken clock and not a picture from there.
    const believable = captured !== undefined && captured <= now + 500 && captured > now - 3_600_000;
    this.taken = believable ? Math.min(captured, now) : now;
  }

  /** Nothing of this slot is to be seen any more. */
  clear(): void {
    this.shown = undefined;
    this.taken = undefined;
  }

  at(now: number): Picture {
    if (this.shown === undefined || this.taken === undefined) return { kind: 'none' };
    const ageMs = Math.max(0, now - this.taken);
    if (ageMs <= STALE_MS) return { kind: 'live', ageMs };
    const say = ageMs > CLOCK_MS ? 'clock' : ageMs > REASON_MS ? 'reason' : 'age';
    return { kind: 'stale', ageMs, takenMs: this.taken, say };
  }
}
