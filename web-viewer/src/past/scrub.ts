// Pictures while the strip is dragged: only the newest one wanted is asked for, two at a time, and what was seen is kept.
// Pure; times in ms since 1970.
import type { Span } from './spans';

export const IN_FLIGHT = 2;
export const CACHE_BYTES = 48 * 1024 * 1024;
/** An answer that does not come is given up after this long. */
const ANSWER_MS = 5_000;

/** A picture with the time that it was really taken. */
export interface Held<P> { at: number; bytes: number; picture: P }

export interface Ask { id: number; at: number }

/** How far apart pictures are asked for at a zoom: one a minute for a day, every ten seconds for an hour, then each key frame. */
export function pictureStep(span: number): number {
  if (span > 12 * 3_600_000) return 60_000;
  return span > 3_600_000 ? 10_000 : 500;
}

export class Scrub<P> {
  private held: Held<P>[] = [];
  private bytes = 0;
  private wanted: { at: number; step: number; within: Span } | undefined;
  private flying: { ask: Ask; sinceMs: number }[] = [];
  private id = 0;
  /** Asked for and not to be had: not asked again. */
  private readonly empty = new Set<number>();

  constructor(private readonly limit = CACHE_BYTES) {}

  get inFlight(): number {
    return this.flying.length;
  }

  get size(): number {
    return this.bytes;
  }

  /** The finger is at `at` now, on the stretch `within`; outside of any nothing is asked for. */
  want(at: number, step: number, within: Span | undefined): void {
    this.wanted = within && { at, step, within };
  }

  /** What to ask for now, if anything. */
  next(nowMs: number): Ask | undefined {
    this.flying = this.flying.filter((f) => nowMs - f.sinceMs < ANSWER_MS);
    const { wanted } = this;
    if (!wanted || this.flying.length >= IN_FLIGHT) return undefined;
    const { step, within } = wanted;
    const at = Math.min(Math.max(within.from, Math.round(wanted.at / step) * step), Math.max(within.from, within.to - 1));
    const have = this.nearest(at, within);
    if (have && Math.abs(have.at - at) < step / 2 || this.empty.has(at) || this.flying.some((f) => f.ask.at === at)) return undefined;
    this.id += 1;
    const ask = { id: this.id, at };
    this.flying.push({ ask, sinceMs: nowMs });
    return ask;
  }

  /** The answer to an ask; its picture may be a little older than what was asked for. */
  answer(id: number, got: Held<P>): void {
    const asked = this.done(id);
    this.keep(got);
    // The key frame before is all there is: asking again would bring it again.
    if (asked && Math.abs(got.at - asked.at) >= 1) this.empty.add(asked.at);
    if (this.empty.size > 4_000) this.empty.clear();
  }

  /** No picture came; `never` where none will. */
  failed(id: number, never: boolean): void {
    const asked = this.done(id);
    if (asked && never) this.empty.add(asked.at);
  }

  /** The picture nearest to `at` on the same stretch: never one from the other side of a gap. */
  nearest(at: number, within: Span): Held<P> | undefined {
    const i = this.index(at);
    let best: Held<P> | undefined;
    for (const held of [this.held[i - 1], this.held[i]]) {
      // A stretch begins at a key frame whose time may have been rounded.
      if (!held || held.at < within.from - 50 || held.at > within.to) continue;
      if (!best || Math.abs(held.at - at) < Math.abs(best.at - at)) best = held;
    }
    return best;
  }

  /** Another camera, or what was there has changed. */
  clear(): void {
    this.held = [];
    this.bytes = 0;
    this.flying = [];
    this.empty.clear();
    this.wanted = undefined;
  }

  private done(id: number): Ask | undefined {
    const found = this.flying.find((f) => f.ask.id === id);
    this.flying = this.flying.filter((f) => f !== found);
    return found?.ask;
  }

  private keep(got: Held<P>): void {
    const i = this.index(got.at);
    const there = this.held[i];
    if (there?.at === got.at) {
      this.bytes += got.bytes - there.bytes;
      this.held[i] = got;
    } else {
      this.held.splice(i, 0, got);
      this.bytes += got.bytes;
    }
    // What is furthest from the finger goes first.
    const at = this.wanted?.at ?? got.at;
    while (this.bytes > this.limit && this.held.length > 1) {
      const [first, last] = [this.held[0], this.held.at(-1)];
      const gone = first && last && at - first.at > last.at - at ? this.held.shift() : this.held.pop();
      this.bytes -= gone?.bytes ?? 0;
    }
  }

  /** The first picture at or after `at`. */
  private index(at: number): number {
    let [low, high] = [0, this.held.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.held[middle]?.at ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
