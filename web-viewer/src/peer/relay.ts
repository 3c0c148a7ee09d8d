// Whether only a relay is left. Pure; apart from the other figures, which are wanted later if at all.
import type { Entry } from './stats';

/** Every direct pair failed, and one through a relay is still being tried. */
export function relayOnly(entries: readonly Entry[]): boolean {
  const candidate = (id: unknown): unknown => entries.find((e) => e.id === id)?.candidateType;
  const open = entries.filter((e) => e.type === 'candidate-pair' && e.state !== 'failed');
  return open.length > 0 && open.every((p) => [candidate(p.localCandidateId), candidate(p.remoteCandidateId)].includes('relay'));
}
