// A piece to take along: from where to where, how large it will be, what its file is called. Pure; times in ms since 1970.
import type { Span } from './spans';

export interface Piece { from: number; to: number }

/** Shorter is no film. */
const SHORTEST_MS = 1_000;
/** "Whole event" takes this much before and after along. */
const AROUND_MS = 5_000;

/** "Start here": an end that is not after it goes. */
export const startAt = (piece: Partial<Piece>, at: number): Partial<Piece> =>
  ({ from: at, ...(piece.to !== undefined && piece.to - at >= SHORTEST_MS ? { to: piece.to } : {}) });

/** "End here": a start that is not before it goes. */
export const endAt = (piece: Partial<Piece>, at: number): Partial<Piece> =>
  ({ ...(piece.from !== undefined && at - piece.from >= SHORTEST_MS ? { from: piece.from } : {}), to: at });

export const whole = (piece: Partial<Piece>): Piece | undefined =>
  piece.from === undefined || piece.to === undefined ? undefined : { from: piece.from, to: piece.to };

export const eventPiece = (event: { from: number; to: number | undefined }, now: number): Piece =>
  ({ from: event.from - AROUND_MS, to: Math.min(now, (event.to ?? now) + AROUND_MS) });

/** How much of the piece was recorded, in ms: gaps are closed up in the file. */
export const lengthOf = (piece: Piece, spans: readonly Span[]): number =>
  spans.reduce((sum, s) => sum + Math.max(0, Math.min(s.to, piece.to) - Math.max(s.from, piece.from)), 0);

/** About how many bytes, from what the files that it is cut from weigh. */
export const bytesOf = (piece: Piece, files: readonly (Span & { bytes: number })[]): number =>
  files.reduce((sum, f) => sum + f.bytes * Math.max(0, Math.min(f.to, piece.to) - Math.max(f.from, piece.from)) / Math.max(1, f.to - f.from), 0);

/** A name that every file system takes, with the time on the house's clocks: "Front door 2026-11-18 14.05.12.mp4". */
export function fileName(camera: string, local: number, ending: string): string {
  const clean = [...camera.replace(/[\\/:*?"<>|]|\p{Cc}/gu, ' ').replace(/\s+/g, ' ').trim()].slice(0, 60).join('');
  return `${clean} ${new Date(local).toISOString().slice(0, 19).replace('T', ' ').replaceAll(':', '.')}.${ending}`.trim();
}
