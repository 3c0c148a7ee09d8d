// Plaintext of every Noise message: len:u16 JSON zeros, padded to one of a few sizes (docs/protocol.md section 4).
import { type Bytes, utf8 } from '../protocol/bytes';

const SIZES = [256, 1024, 4096, 8192, 15_872] as const;

export class PaddingError extends Error {}

export function pad(json: string): Bytes {
  const text = utf8(json);
  const size = SIZES.find((s) => s >= text.length + 2);
  if (size === undefined) throw new PaddingError(`${text.length} bytes are too many`);
  const out = new Uint8Array(size);
  out[0] = text.length >> 8;
  out[1] = text.length & 0xff;
  out.set(text, 2);
  return out;
}

export function unpad(plain: Bytes): string {
  if (!SIZES.some((s) => s === plain.length)) throw new PaddingError(`${plain.length} bytes is no size of ours`);
  const length = ((plain[0] ?? 0) << 8) | (plain[1] ?? 0);
  if (length + 2 > plain.length) throw new PaddingError('longer than its padding');
  if (plain.subarray(length + 2).some((byte) => byte !== 0)) throw new PaddingError('padding is not zero');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(plain.subarray(2, length + 2));
  } catch {
    throw new PaddingError('not UTF-8');
  }
}
