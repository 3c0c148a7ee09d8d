// Motion on the strip: zoomed out, marks merge into counts and never vanish. Pure; times in ms since 1970.

/** `to` is missing while it goes on; `peak` is how much of the picture moved at most, 0 to 1. */
export interface Mark { from: number; to: number | undefined; peak: number }

/** Marks that stand together: `count` of them begin in the piece of time from `from` on. */
export interface Group { from: number; to: number; count: number; peak: number; first: number; last: number }

/** Pieces are at least this wide, and at most twice. */
const PIECE_PX = 20;
const SHORTEST_MS = 1_000;

/** How long a piece is at this zoom: a power of two seconds, so that what belongs together does not change while one pans. */
export function pieceMs(span: number, width: number): number {
  const wanted = Math.max(SHORTEST_MS, PIECE_PX / width * span);
  return SHORTEST_MS * 2 ** Math.ceil(Math.log2(wanted / SHORTEST_MS));
}

/** `marks` in order of `from`. */
export function merge(marks: readonly Mark[], piece: number): Group[] {
  const groups: Group[] = [];
  let current: Group | undefined;
  let end = -Infinity;
  for (const mark of marks) {
    const to = mark.to ?? mark.from;
    if (current && mark.from < end) {
      current.count += 1;
      current.to = Math.max(current.to, to);
      current.peak = Math.max(current.peak, mark.peak);
      current.last = mark.from;
      continue;
    }
    end = (Math.floor(mark.from / piece) + 1) * piece;
    current = { from: mark.from, to, count: 1, peak: mark.peak, first: mark.from, last: mark.from };
    groups.push(current);
  }
  return groups;
}

/** Merged marks at any zoom, made once for each level of it. */
export class Merged {
  private piece = 0;
  private groups: Group[] = [];
  private of: readonly Mark[] = [];

  at(marks: readonly Mark[], span: number, width: number): Group[] {
    const piece = pieceMs(span, width);
    if (piece !== this.piece || marks !== this.of) {
      [this.piece, this.of] = [piece, marks];
      this.groups = merge(marks, piece);
    }
    return this.groups;
  }
}

/** The first index whose `from` is at least `at`. */
export function firstFrom(sorted: readonly { from: number }[], at: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.from ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** An event is played from this long before it. */
export const LEAD_MS = 3_000;

/** The event before or after a moment: the one that is being looked at, from its lead on, is neither. */
export function neighbour<M extends Mark>(marks: readonly M[], at: number, by: 1 | -1): M | undefined {
  if (by === 1) return marks.find((m) => m.from - LEAD_MS > at + 250);
  return marks.findLast((m) => m.from - LEAD_MS < at - 2_000);
}
