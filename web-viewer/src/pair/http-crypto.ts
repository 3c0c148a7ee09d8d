// The same primitives in plain JavaScript, for pages without `crypto.subtle`. Loaded only there; the page then says
// "reduced protection", because the page itself could have been altered on the way.
import { gcm } from '@noble/ciphers/aes';
import { x25519 } from '@noble/curves/ed25519';
import { hkdf } from '@noble/hashes/hkdf';
import { sha256 } from '@noble/hashes/sha2';
import type { Bytes } from '../protocol/bytes';
import { type Crypto, type KeyPair, nonceBytes, random, type Secret } from './crypto';

function raw(secret: Secret | CryptoKey): Bytes {
  if (!(secret instanceof Uint8Array)) throw new Error('a key of the other implementation');
  return secret;
}

const pair = (key: Bytes): KeyPair => ({ private: key, public: x25519.getPublicKey(key) as Bytes });
const done = <T>(f: () => Uint8Array): Promise<T> => Promise.resolve().then(() => f() as T);

export const nobleCrypto: Crypto = {
  kind: 'noble',
  sha256: (bytes) => done(() => sha256(bytes)),
  hkdf: (salt, ikm, info, length) => done(() => hkdf(sha256, raw(ikm), salt, info, length)),
  generate: () => Promise.resolve(pair(random(32))),
  pairOf: (key) => Promise.resolve(pair(key)),
  dh: (key, peer) => done(() => x25519.getSharedSecret(raw(key), peer)),
  aead: (key) => Promise.resolve({
    seal: (n, ad, plain) => done(() => gcm(key, nonceBytes(n), ad).encrypt(plain)),
    open: (n, ad, sealed) => done(() => gcm(key, nonceBytes(n), ad).decrypt(sealed)),
  }),
  secret: (bytes) => Promise.resolve(bytes),
};
