// Questions about the house go the way that looking back has opened for its own (past/requests.ts): one for each session.
import { RefusedError, type Refusal, type Requests } from '../past/requests';
import type { Viewer } from '../viewer';

/** It comes a moment after the first picture. */
const TRIES = 30;
const EVERY_MS = 100;

/** Fails with `lost` where there is no connection. */
export async function requests(viewer: Viewer): Promise<Requests> {
  for (let i = 0; i < TRIES; i += 1) {
    const found = viewer.looking?.back.requests;
    if (found) return found;
    await new Promise((done) => { setTimeout(done, EVERY_MS); });
  }
  throw new RefusedError('lost');
}

export const whyOf = (error: unknown): Refusal => (error instanceof RefusedError ? error.why : 'lost');
