// Signaling frames (docs/protocol.md section 1): ver:u8 type:u8 chan:u64 body, at most 16,384 bytes. Only the frames that
// a viewer sends or receives are here; a frame of another type decodes to undefined and is ignored.
import { type Bytes, concat } from './bytes';

export const MAX_FRAME = 16_384;
const VERSION = 1;
const HEAD = 10;

/** Channels are random 64-bit numbers; their eight bytes are kept as they are. */
export type Chan = Bytes;

export type CloseCode = 'done' | 'offline' | 'busy' | 'too_slow' | 'protocol' | 'peer_gone' | 'rate';
const CLOSE: readonly CloseCode[] = ['done', 'offline', 'busy', 'too_slow', 'protocol', 'peer_gone', 'rate'];

export type ErrorCode = 'version' | 'malformed' | 'too_large' | 'rate' | 'authentication' | 'replaced' | 'limit' | 'idle' | 'unknown';
const ERROR: readonly ErrorCode[] = ['unknown', 'version', 'malformed', 'too_large', 'rate', 'authentication', 'replaced', 'limit', 'idle'];

export type FromServer =
  | { type: 'data'; chan: Chan; body: Bytes }
  | { type: 'close'; chan: Chan; code: CloseCode }
  | { type: 'presence'; chan: Chan; online: boolean }
  | { type: 'drain'; retrySecs: number }
  | { type: 'error'; code: ErrorCode };

const frame = (type: number, chan: Uint8Array, ...body: Uint8Array[]): Bytes => concat(Uint8Array.of(VERSION, type), chan, ...body);

export const openSession = (chan: Chan, mailbox: Uint8Array, cap: Uint8Array): Bytes => frame(0x10, chan, Uint8Array.of(1), mailbox, cap);
export const openPairing = (chan: Chan, mailbox: Uint8Array): Bytes => frame(0x10, chan, Uint8Array.of(2), mailbox);
export const data = (chan: Chan, body: Uint8Array): Bytes => frame(0x12, chan, body);
export const close = (chan: Chan, code: CloseCode): Bytes => frame(0x13, chan, Uint8Array.of(CLOSE.indexOf(code)));
export const watch = (chan: Chan, mailbox: Uint8Array, cap: Uint8Array): Bytes => frame(0x14, chan, mailbox, cap);

export class FrameError extends Error {}

export function decode(bytes: Bytes): FromServer | undefined {
  if (bytes.length < HEAD) throw new FrameError('shorter than its head');
  if (bytes.length > MAX_FRAME) throw new FrameError('too large');
  const [version, type] = bytes;
  if (version !== VERSION && type !== 0x17) throw new FrameError(`version ${version}`);
  const chan = bytes.slice(2, HEAD);
  const body = bytes.slice(HEAD);
  const exactly = (n: number): void => {
    if (body.length !== n) throw new FrameError(`type ${type}: ${body.length} bytes, not ${n}`);
  };
  switch (type ?? 0) {
    case 0x12:
      return { type: 'data', chan, body };
    case 0x13:
      exactly(1);
      return { type: 'close', chan, code: CLOSE[body[0] ?? 4] ?? 'protocol' };
    case 0x15:
      exactly(1);
      return { type: 'presence', chan, online: body[0] === 1 };
    case 0x16:
      exactly(2);
      return { type: 'drain', retrySecs: ((body[0] ?? 0) << 8) | (body[1] ?? 0) };
    case 0x17:
      if (body.length < 1) throw new FrameError('error without a code');
      return { type: 'error', code: ERROR[body[0] ?? 0] ?? 'unknown' };
    default:
      return undefined;
  }
}
