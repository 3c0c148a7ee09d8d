// What is known of a camera's recordings: pieces of time that were asked for, joined into one picture. Pure; times in ms.
import type { Cause } from '../protocol/control';
import type { Mark } from './marks';
import { joined, SEAM_MS, type Span } from './spans';

/** One file. While it grows it has no number yet, and `to` is how far it can be played. */
export interface Clip extends Span { id: number | undefined; why: Cause; bytes: number; kept: boolean; sound: boolean }

/** Something moved. */
export interface Event extends Mark { id: number; zones: string[] }

/** Why nothing was recorded, as far as what lies around it tells: nothing moved; it should have been, and was not; or anything. */
export type Why = 'quiet' | 'off' | 'none';

export interface Gap extends Span { why: Why }

/** Asked for a little more than is seen, so that a small drag asks for nothing. */
const MARGIN = 0.5;
const SMALLEST_MS = 3_600_000;

export class Known {
  files: readonly Clip[] = [];
  events: readonly Event[] = [];
  /** Stretches without a break, and what lies between them. */
  spans: readonly Span[] = [];
  gaps: readonly Gap[] = [];
  private covered: Span[] = [];
  private asked: Span | undefined;
  private hidden: ReadonlySet<number> = new Set();

  /** What to ask for so that all of the range is known; nothing while an answer is awaited. */
  missing(from: number, to: number): Span | undefined {
    if (this.asked) return undefined;
    let at = from;
    let end = to;
    for (const c of this.covered) {
      if (c.to <= at) continue;
      if (c.from > at) {
        end = Math.min(to, c.from);
        break;
      }
      at = c.to;
    }
    if (at >= end) return undefined;
    const margin = Math.max(SMALLEST_MS, (to - from) * MARGIN);
    this.asked = { from: Math.max(0, at - (at === from ? margin : 0)), to: end + (end === to ? margin : 0) };
    return this.asked;
  }

  /** The answer for a range; what was known of it before is replaced. `until` is as far as it reaches: now, or its last row. */
  add(range: Span, told: { files: readonly Clip[]; events: readonly Event[] }, until: number): void {
    this.asked = undefined;
    const outside = (s: { from: number; to?: number | undefined }): boolean => (s.to ?? s.from) <= range.from || s.from >= range.to;
    const merge = <T extends { from: number; to?: number | undefined }>(old: readonly T[], fresh: readonly T[]): T[] => {
      const begun = new Set(fresh.map((t) => t.from));
      return [...old.filter((t) => !begun.has(t.from) && outside(t)), ...fresh].sort((a, b) => a.from - b.from);
    };
    this.all = merge(this.all, told.files);
    this.events = merge(this.events, told.events);
    this.covered = joined([...this.covered, { from: range.from, to: Math.min(range.to, until) }].filter((c) => c.to > c.from));
    this.look();
  }

  /** No answer came. */
  failed(): void {
    this.asked = undefined;
  }

  /** From `from` on something may have changed: it is asked for again. */
  stale(from: number): void {
    this.covered = this.covered.filter((c) => c.from < from).map((c) => ({ from: c.from, to: Math.min(c.to, from) }));
  }

  /** Files that are not shown any more: deleted, or about to be. */
  hide(ids: ReadonlySet<number>): void {
    this.hidden = ids;
    this.look();
  }

  /** The files that an event or a piece lies in. */
  filesOf(from: number, to: number): Clip[] {
    return this.files.filter((f) => f.from < to && f.to > from);
  }

  gapAt(at: number): Gap | undefined {
    return this.gaps.find((g) => at >= g.from && at < g.to);
  }

  get last(): number | undefined {
    return this.spans.at(-1)?.to;
  }

  private all: readonly Clip[] = [];

  private look(): void {
    this.files = this.hidden.size === 0 ? this.all : this.all.filter((f) => f.id === undefined || !this.hidden.has(f.id));
    this.spans = joined(this.files);
    const gaps: Gap[] = [];
    let before: Clip | undefined;
    for (const file of this.files) {
      if (before && file.from > before.to + SEAM_MS) {
        const both = (why: Cause): boolean => before?.why === why && file.why === why;
        gaps.push({ from: before.to, to: file.from, why: both('motion') ? 'quiet' : both('always') ? 'off' : 'none' });
      }
      if (!before || file.to > before.to) before = file;
    }
    this.gaps = gaps;
  }
}
