// The connection to one streamer: when to try, when to wait, when to stop. Pure: time and randomness are arguments, and
// what is to be done comes back as effects.
import type { ErrorCode } from '../protocol/frames';
import type { Refused, Why } from '../protocol/wire';
import { backoffMs } from './backoff';

/** How far a try has come; `relay`: of the paths only those through a relay are left. */
export type Step = 'finding' | 'proving' | 'path' | 'relay';

/** Why a try or a session ended. */
export type Ended =
  | { kind: 'offline' }
  /** Nobody waits for this code: its camera is away, or the code is wrong. */
  | { kind: 'code_unknown' }
  | { kind: 'unreachable' }
  /** The signaling server ended the connection and said why. */
  | { kind: 'server'; code: ErrorCode }
  | { kind: 'timeout'; step: Step }
  | { kind: 'refused'; refused: Refused }
  | { kind: 'bye'; why: Why }
  | { kind: 'tampered'; detail: string }
  | { kind: 'no_path' }
  | { kind: 'lost' }
  | { kind: 'fault'; detail: string };

export type LinkState =
  | { at: 'idle' }
  | { at: 'connecting'; step: Step; since: number; tries: number; seen: boolean; strikes: number }
  | { at: 'live'; since: number; strikes: number }
  | { at: 'waiting'; until: number; since: number; tries: number; seen: boolean; why: Ended; strikes: number }
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

/** Tries that end in what trying again rarely mends, one after the other, before it is shown and no more are made. */
const STRIKES = 3;
/** A session that stood this long was well: what was before it no longer counts. */
const STOOD_MS = 60_000;

const stay = (state: LinkState): Outcome => ({ state, effects: [] });

export function handle(state: LinkState, now: number, event: LinkEvent, random: number): Outcome {
  switch (event.type) {
    case 'start':
      return connect(now, 0, false, 0);
    case 'step':
      return stay(state.at === 'connecting' ? { ...state, step: event.step } : state);
    case 'connected':
      return stay(state.at === 'connecting' ? { at: 'live', since: now, strikes: state.strikes } : state);
    case 'retry':
      return state.at === 'waiting' ? connect(now, state.tries, state.seen, state.strikes) : stay(state);
    case 'tick':
      return state.at === 'waiting' && now >= state.until ? connect(now, state.tries, state.seen, state.strikes) : stay(state);
    case 'ended':
      return ended(state, now, event.ended, random);
  }
}

/** When `tick` is due next. */
export const wakeAt = (state: LinkState): number | undefined => (state.at === 'waiting' ? state.until : undefined);

function connect(now: number, tries: number, seen: boolean, strikes: number): Outcome {
  return { state: { at: 'connecting', step: 'finding', since: now, tries: tries + 1, seen, strikes }, effects: ['connect'] };
}

function ended(state: LinkState, now: number, why: Ended, random: number): Outcome {
  if (state.at !== 'connecting' && state.at !== 'live') return stay(state);
  const before = state.at === 'live' && now - state.since > STOOD_MS ? 0 : state.strikes;
  const strikes = before + (isStrike(why) ? 1 : 0);
  if (isFinal(why) || isStrike(why) && strikes >= STRIKES) return stay({ at: 'stopped', why });
  // A live session that broke is tried again at once: most breaks are short.
  if (state.at === 'live' && why.kind !== 'bye') return connect(now, 0, true, strikes);
  const tries = state.at === 'connecting' ? state.tries : 0;
  const seen = state.at === 'live' || state.seen;
  const wait = retrySecs(why) ?? backoffMs(tries, random) / 1000;
  return {
    state: { at: 'waiting', since: now, until: now + wait * 1000, tries, seen, why, strikes },
    effects: why.kind === 'offline' ? ['watch'] : [],
  };
}

function retrySecs(why: Ended): number | undefined {
  return why.kind === 'refused' && why.refused.retry_s !== undefined ? Math.min(why.refused.retry_s, 300) : undefined;
}

const FINAL: ReadonlySet<Why> = new Set(['used', 'expired', 'revoked', 'guest_ended', 'old_viewer', 'old_camera', 'replaced']);

/** Trying again would not help. */
export function isFinal(why: Ended): boolean {
  if (why.kind === 'server') return why.code === 'version';
  const said = saidBy(why);
  return said !== undefined && FINAL.has(said);
}

/** What the camera gave as its reason. */
export function saidBy(why: Ended): Why | undefined {
  if (why.kind === 'refused') return why.refused.why;
  return why.kind === 'bye' ? why.why : undefined;
}

/** Perhaps a passing fault; again and again it is someone in between, or two programs that don't understand each other. */
function isStrike(why: Ended): boolean {
  return why.kind === 'tampered' || why.kind === 'fault' || saidBy(why) === 'protocol';
}
