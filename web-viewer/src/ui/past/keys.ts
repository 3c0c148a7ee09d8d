// Keys of looking back. Pure.

type PastAction = 'strip' | 'events' | 'next' | 'previous' | 'live' | 'play' | 'pause' | 'faster' | 'slower' | 'frame_on' | 'frame_back' | 'record' | 'close';

interface Pressed { key: string; ctrlKey: boolean; metaKey: boolean; altKey: boolean; target?: unknown }

const KEYS: Record<string, PastAction> = {
  h: 'strip', e: 'events', n: 'next', p: 'previous', end: 'live', j: 'slower', k: 'pause', l: 'faster', ',': 'frame_back', '.': 'frame_on', r: 'record', ' ': 'play',
};

/** Undefined for keys that are not ours, and for those that what has the focus needs for itself. */
export function pastKey(e: Pressed, singleKeys: boolean): PastAction | undefined {
  if (e.ctrlKey || e.metaKey || e.altKey) return undefined;
  if (e.key === 'Escape') return 'close';
  const on = (names: string): boolean => e.target instanceof Element && e.target.closest(names) !== null;
  if (!singleKeys || on('input, select, textarea')) return undefined;
  const action = KEYS[e.key.toLowerCase()];
  // A button is pressed by the space bar.
  return action === 'play' && on('button, a, summary') ? undefined : action;
}
