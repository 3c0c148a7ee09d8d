// The connection to one streamer: when to try, when to wait, when to stop. Pure: time and randomness are arguments, and
// what is to be done comes back as effects.
import type { Refused, Why } from '../protocol/wire';
import { backoffMs } from './backoff';

/** How far a try has come. */
export type Step = 'finding' | 'proving' | 'path';

/** Why a try or a session ended. */
export type Ended =
  | { kind: 'offline' }
  /** Nobody waits for this code: its camera is away, or the code is wrong. */
  | { kind: 'code_unknown' }
  | { kind: 'unreachable' }
  | { kind: 'timeout'; step: Step }
  | { kind: 'refused'; refused: Refused }
  | { kind: 'bye'; why: Why }
  | { kind: 'tampered'; detail: string }
  | { kind: 'no_path' }
  | { kind: 'lost' }
  | { kind: 'fault'; detail: string };

export type LinkState =
  | { at: 'idle' }
  | { at: 'connecting'; step: Step; since: number; tries: number; seen: boolean; tampered: number }
  | { at: 'live'; since: number }
  | { at: 'waiting'; until: number; since: number; tries: number; seen: boolean; why: Ended; tampered: number }
  | { at: 'stopped'; why: Ended };

export type LinkEvent =
  | { type: 'start' }
  | { type: 'step'; step: Step }
  | { type: 'connected' }
  | { type: 'ended'; ended: Ended }
  /** The device has a network again, or the camera is back at the server, or a person asked: try at once. */
  | { type: 'retry' }
  | { type: 'tick' };

/** `watch`: ask the server to say when the camera is back. */
export type Effect = 'connect' | 'watch';

export interface Outcome { state: LinkState; effects: Effect[] }

/** Try this often before a changed message is shown as what it may be: someone in between. */
const TAMPERED_TRIES = 3;

const stay = (state: LinkState): Outcome => ({ state, effects: [] });

export function handle(state: LinkState, now: number, event: LinkEvent, random: number): Outcome {
  switch (event.type) {
    case 'start':
      return connect(now, 0, false, 0);
    case 'step':
      return stay(state.at === 'connecting' ? { ...state, step: event.step } : state);
    case 'connected':
      return stay(state.at === 'connecting' ? { at: 'live', since: now } : state);
    case 'retry':
      return state.at === 'waiting' ? connect(now, state.tries, state.seen, state.tampered) : stay(state);
    case 'tick':
      return state.at === 'waiting' && now >= state.until ? connect(now, state.tries, state.seen, state.tampered) : stay(state);
    case 'ended':
      return ended(state, now, event.ended, random);
  }
}

/** When `tick` is due next. */
export const wakeAt = (state: LinkState): number | undefined => (state.at === 'waiting' ? state.until : undefined);

function connect(now: number, tries: number, seen: boolean, tampered: number): Outcome {
  return { state: { at: 'connecting', step: 'finding', since: now, tries: tries + 1, seen, tampered }, effects: ['connect'] };
}

function ended(state: LinkState, now: number, why: Ended, random: number): Outcome {
  if (state.at !== 'connecting' && state.at !== 'live') return stay(state);
  const tampered = (state.at === 'connecting' ? state.tampered : 0) + (why.kind === 'tampered' ? 1 : 0);
  if (isFinal(why) || tampered >= TAMPERED_TRIES) return stay({ at: 'stopped', why });
  // A live session that broke is tried again at once: most breaks are short.
  if (state.at === 'live' && why.kind !== 'bye') return connect(now, 0, true, tampered);
  const tries = state.at === 'connecting' ? state.tries : 0;
  const seen = state.at === 'live' || state.seen;
  const wait = retrySecs(why) ?? backoffMs(tries, random) / 1000;
  return {
    state: { at: 'waiting', since: now, until: now + wait * 1000, tries, seen, why, tampered },
    effects: why.kind === 'offline' ? ['watch'] : [],
  };
}

function retrySecs(why: Ended): number | undefined {
  return why.kind === 'refused' && why.refused.retry_s !== undefined ? Math.min(why.refused.retry_s, 300) : undefined;
}

const FINAL: ReadonlySet<Why> = new Set(['used', 'expired', 'revoked', 'guest_ended', 'old_viewer', 'old_camera', 'replaced']);

/** Trying again would not help. */
export function isFinal(why: Ended): boolean {
  if (why.kind === 'refused') return FINAL.has(why.refused.why);
  return why.kind === 'bye' && FINAL.has(why.why);
}
