// Which key does what. Pure.

export type KeyAction =
  | { do: 'camera'; index: number }
  | { do: 'grid' | 'full' | 'mute' | 'snapshot' | 'stats' | 'settings' | 'back' }
  | { do: 'volume'; by: number }
  /** Moves what is seen of an enlarged picture, in parts of its box. */
  | { do: 'pan'; x: number; y: number };

interface Pressed { key: string; ctrlKey: boolean; metaKey: boolean; altKey: boolean; target?: unknown }

const PAN = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] } as const;
/** A press moves by a fifth of the box. */
export const PAN_STEP = 0.2;

/** Undefined for keys that are not ours; single letters do nothing where they are switched off or typed into a field. */
export function actionOf(e: Pressed, singleKeys: boolean, zoomed = false): KeyAction | undefined {
  if (e.ctrlKey || e.metaKey || e.altKey) return undefined;
  const pan = zoomed ? PAN[e.key.toLowerCase() as keyof typeof PAN] as readonly [number, number] | undefined : undefined;
  if (pan) return { do: 'pan', x: pan[0] * PAN_STEP, y: pan[1] * PAN_STEP };
  if (e.key === 'Escape') return { do: 'back' };
  if (!singleKeys) return undefined;
  if (/^[1-9]$/.test(e.key)) return { do: 'camera', index: Number(e.key) - 1 };
  switch (e.key.toLowerCase()) {
    case 'g': return { do: 'grid' };
    case 'f': return { do: 'full' };
    case 'm': return { do: 'mute' };
    case 's': return { do: 'snapshot' };
    case 'i': return { do: 'stats' };
    case '?': return { do: 'settings' };
    case 'arrowup': return { do: 'volume', by: 0.1 };
    case 'arrowdown': return { do: 'volume', by: -0.1 };
    default: return undefined;
  }
}
