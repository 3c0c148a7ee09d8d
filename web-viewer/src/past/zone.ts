// The house's clock: what its people's watches showed at a moment, and which moments a time on a watch can mean. Pure.
// Times are milliseconds since 1970; local times are written as if they were UTC.

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The clock jumps at `at` from `before` to `after` (ms ahead of UTC). */
export interface Jump { at: number; before: number; after: number }

export class Zone {
  private readonly days = new Map<number, Jump | number>();

  /** `offset` gives how far the zone is ahead of UTC, in ms. */
  constructor(private readonly offset: (at: number) => number) {}

  /** How far the clock is ahead of UTC at a moment. */
  at(ms: number): number {
    const day = this.day(Math.floor(ms / DAY));
    if (typeof day === 'number') return day;
    return ms < day.at ? day.before : day.after;
  }

  local(ms: number): number {
    return ms + this.at(ms);
  }

  /** Jumps from `from` on and before `to`, in order. */
  jumps(from: number, to: number): Jump[] {
    const found: Jump[] = [];
    for (let n = Math.floor(from / DAY); n * DAY < to; n += 1) {
      const day = this.day(n);
      if (typeof day !== 'number' && day.at >= from && day.at < to) found.push(day);
    }
    return found;
  }

  /** The moments that a local time names: two where the clock went back, none where it went forward over it. */
  moments(local: number): number[] {
    const offsets = new Set([this.at(local - DAY), this.at(local + DAY)]);
    return [...offsets].map((offset) => local - offset).filter((ms) => this.local(ms) === local).sort((a, b) => a - b);
  }

  /** As `moments`; a time that did not exist means the moment at which it was jumped over. */
  moment(local: number): { moments: number[]; existed: boolean } {
    const moments = this.moments(local);
    if (moments.length > 0) return { moments, existed: true };
    const jump = this.jumps(local - DAY, local + DAY).find((j) => local >= j.at + j.before && local < j.at + j.after);
    return { moments: [jump?.at ?? local - this.at(local)], existed: false };
  }

  /** The first moment of the local day that holds `ms`. */
  dayStart(ms: number): number {
    const [first = ms] = this.moment(Math.floor(this.local(ms) / DAY) * DAY).moments;
    return first;
  }

  /** The first moment of the next local day. */
  dayEnd(ms: number): number {
    const [first = ms] = this.moment((Math.floor(this.local(ms) / DAY) + 1) * DAY).moments;
    return first;
  }

  private day(n: number): Jump | number {
    let day = this.days.get(n);
    if (day === undefined) {
      const [before, after] = [this.offset(n * DAY), this.offset((n + 1) * DAY - 1)];
      day = before === after ? before : { at: this.jumpBetween(n * DAY, (n + 1) * DAY - 1, before), before, after };
      // A year's worth; more is scrolled past and looked up again.
      if (this.days.size > 400) this.days.clear();
      this.days.set(n, day);
    }
    return day;
  }

  /** The first moment at which the offset is no longer `before`; clocks change on whole seconds. */
  private jumpBetween(from: number, to: number, before: number): number {
    let [low, high] = [Math.floor(from / 1000), Math.ceil(to / 1000)];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.offset(middle * 1000) === before) low = middle;
      else high = middle;
    }
    return high * 1000;
  }
}

/** A zone by its IANA name, or undefined where the browser does not know it. */
export function namedZone(name: string): Zone | undefined {
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: name, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
    });
    return new Zone((at) => {
      const parts = Object.fromEntries(format.formatToParts(at).map((p) => [p.type, Number(p.value)]));
      const local = Date.UTC(parts.year ?? 0, (parts.month ?? 1) - 1, parts.day, parts.hour, parts.minute, parts.second);
      return local - Math.floor(at / 1000) * 1000;
    });
  } catch {
    return undefined;
  }
}

/** A zone by what is known of it: from each moment on (ms), so many seconds ahead of UTC. */
export function listedZone(offsets: readonly (readonly [from: number, seconds: number])[]): Zone {
  return new Zone((at) => {
    const found = offsets.filter(([from]) => from <= at).at(-1) ?? offsets[0];
    return (found?.[1] ?? 0) * 1000;
  });
}
