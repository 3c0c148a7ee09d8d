// What playback decides: how much is loaded ahead, what is dropped behind, how gaps are passed and where it stops. Pure; media
// times in seconds, wall times in ms.
import { SEAM_MS } from './spans';

export const SPEEDS = [-16, -8, -4, -2, -1, 0.25, 0.5, 1, 2, 4, 8, 16] as const;
export type Speed = (typeof SPEEDS)[number];

/** Faster than twice, and backwards, there is no sound to hear and no decoder that keeps up: pictures are shown instead. */
export const byPictures = (speed: Speed): boolean => speed < 0 || speed > 2;
export const audible = (speed: Speed): boolean => speed >= 0.5 && speed <= 2;

/** The next speed of the list. */
export function speedStep(speed: Speed, by: 1 | -1): Speed {
  return SPEEDS[SPEEDS.indexOf(speed) + by] ?? speed;
}

/** The keys J and L: further back or further forward each time; from the other direction it starts over. */
export function shuttle(speed: Speed, playing: boolean, by: 1 | -1): Speed {
  const start = by === 1 ? 1 : -1;
  if (!playing || Math.sign(speed) !== by) return start;
  return speedStep(speed, by);
}

/** Loaded ahead of what is shown, at most, in seconds; less while it stands still. */
const AHEAD_S = 20;
const AHEAD_PAUSED_S = 4;
/** Kept behind it, for a step back. */
const BEHIND_S = 10;

export interface Range { start: number; end: number }

/** A part may begin this much after the position and still be where it is (seconds). */
const TOUCH_S = 0.05;
/** Browsers stop a little before the end of a part; one that stands still this close to it has played it. */
const STALLED_MS = 250;
const STALLED_S = 0.6;

export const rangeAt = (ranges: readonly Range[], at: number): Range | undefined =>
  ranges.find((r) => at >= r.start - TOUCH_S && at < r.end);

/** Seconds loaded from the position on, gaps not counted. */
export const ahead = (ranges: readonly Range[], at: number): number =>
  ranges.reduce((sum, r) => sum + Math.max(0, r.end - Math.max(r.start, at)), 0);

/** Whether more may be appended, and so acknowledged and sent. */
export const wantsMore = (ranges: readonly Range[], at: number, playing = true): boolean => ahead(ranges, at) < (playing ? AHEAD_S : AHEAD_PAUSED_S);

/** All before this may go, if that is worth it. */
export function evictBefore(ranges: readonly Range[], at: number): number | undefined {
  const first = ranges[0];
  const until = at - BEHIND_S;
  return first && first.start < until - BEHIND_S ? until : undefined;
}

export interface Seen {
  /** The media clock and what is loaded, in seconds. */
  at: number;
  ranges: readonly Range[];
  /** No more bytes will come. */
  ended: boolean;
  /** For how long the media clock has not moved although it should. */
  stalledMs?: number;
}

export type Step =
  | { do: 'play' }
  /** Nothing to show yet. */
  | { do: 'wait' }
  /** Goes on at `to`; `ms` were not recorded. A seam between files is not worth a word. */
  | { do: 'hop'; to: number; ms: number; say: boolean }
  /** The last picture there is. */
  | { do: 'stop' };

/** What to do at this moment of playing forwards. */
export function step(seen: Seen): Step {
  const { at, ranges, ended, stalledMs = 0 } = seen;
  const here = rangeAt(ranges, at);
  const touch = stalledMs > STALLED_MS ? STALLED_S : TOUCH_S;
  const next = ranges.find((r) => r.start > at + TOUCH_S);
  // The last frame of a part is held until its end; the media clock stops a little before.
  if (here && (next || ended ? here.end - at > touch : true)) return { do: 'play' };
  if (next) {
    const ms = (next.start - (here?.end ?? at)) * 1000;
    return { do: 'hop', to: next.start + 0.001, ms, say: ms > SEAM_MS };
  }
  if (ended) return { do: 'stop' };
  return here ? { do: 'play' } : { do: 'wait' };
}

/** Where playing by pictures is after `passedMs`; and where it stops, at the first and at the last that was recorded. */
export function pictureClock(from: number, speed: Speed, passedMs: number, first: number, last: number): { at: number; over: boolean } {
  const at = from + passedMs * speed;
  return { at: Math.min(last, Math.max(first, at)), over: at >= last || at <= first && speed < 0 };
}

/** Playing by pictures passes what was not recorded at once, as playing does. */
export function pastGap(spans: readonly { from: number; to: number }[], at: number, forwards: boolean): number | undefined {
  if (spans.some((s) => at >= s.from && at < s.to)) return at;
  return forwards ? spans.find((s) => s.from > at)?.from : spans.findLast((s) => s.to <= at)?.to;
}
