// What is derived from what (docs/protocol.md section 3).
import { type Bytes, concat, utf8 } from '../protocol/bytes';
import type { Crypto, Secret } from './crypto';

const NONE = new Uint8Array();

export const pairMailbox = (crypto: Crypto, secret: Bytes): Promise<Bytes> =>
  crypto.hkdf(NONE, secret, utf8('athome/1 pair mailbox'), 16);

export const pairPsk = (crypto: Crypto, secret: Bytes, streamer: Bytes): Promise<Bytes> =>
  crypto.hkdf(utf8('athome/1'), concat(secret, streamer), utf8('pair psk'), 32);

export const pairPrologue = (mailbox: Bytes, chan: Bytes): Bytes => concat(utf8('athome/1 pair'), mailbox, chan);

export const sessionPrologue = (mailbox: Bytes, chan: Bytes): Bytes => concat(utf8('athome/1 sess'), mailbox, chan);

export const bindingKey = (crypto: Crypto, hash: Bytes, camera: Bytes, viewer: Bytes): Promise<Secret> =>
  crypto.hkdf(hash, concat(camera, viewer), utf8('athome/1 bind'), 32);

/** The six digits of a pairing. */
export async function sas(crypto: Crypto, hash: Bytes): Promise<string> {
  const bytes = await crypto.hkdf(hash, NONE, utf8('athome/1 sas'), 8);
  const digits = new DataView(bytes.buffer).getBigUint64(0) % 1_000_000n;
  return digits.toString().padStart(6, '0');
}
