// What was recorded and what was not. Pure; times in ms since 1970.

/** One stretch that was recorded; `to` is the newest moment known where it still goes on. */
export interface Span { from: number; to: number }

/** Nobody sees a pause this short, and files follow one another with less. */
export const SEAM_MS = 1_000;

/** Stretches in order, joined where one follows another at once. */
export function joined<S extends Span>(spans: readonly S[]): Span[] {
  const found: Span[] = [];
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = found.at(-1);
    if (last && from <= last.to + SEAM_MS) last.to = Math.max(last.to, to);
    else found.push({ from, to });
  }
  return found;
}

/** The stretch that holds `at`, in spans in order. */
export function spanAt(spans: readonly Span[], at: number): Span | undefined {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle]?.from ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  const found = spans[low - 1];
  return found && at < found.to ? found : undefined;
}

/** What lies around a moment at which nothing was recorded: where the last stretch ended and the next begins. */
export function gapAt(spans: readonly Span[], at: number): { from: number | undefined; to: number | undefined } | undefined {
  if (spanAt(spans, at)) return undefined;
  return { from: spans.findLast((s) => s.to <= at)?.to, to: spans.find((s) => s.from > at)?.from };
}

/** The nearest moment that was recorded, preferring what comes next. */
export function snapped(spans: readonly Span[], at: number): number | undefined {
  if (spanAt(spans, at)) return at;
  const next = spans.find((s) => s.from > at);
  if (next) return next.from;
  const last = spans.at(-1);
  return last && Math.max(last.from, last.to - SEAM_MS);
}
