// What pairing needs of a crypto library. Two implementations: WebCrypto (keys that can't be read out), and `@noble/*` for
// pages that came over plain http or run in a browser without X25519. The second is loaded only where it is needed.
import type { Bytes } from '../protocol/bytes';

/** An X25519 private key: opaque with WebCrypto, 32 bytes with noble. Both can be stored in IndexedDB. */
export type PrivateKey = CryptoKey | Bytes;

/** Key material for HKDF: opaque with WebCrypto. */
export type Secret = CryptoKey | Bytes;

export interface KeyPair { readonly private: PrivateKey; readonly public: Bytes }

export interface Aead {
  /** `nonce` is the message's number. */
  seal(nonce: number, ad: Bytes, plain: Bytes): Promise<Bytes>;
  /** Rejects where the tag is wrong. */
  open(nonce: number, ad: Bytes, sealed: Bytes): Promise<Bytes>;
}

export interface Crypto {
  readonly kind: 'webcrypto' | 'noble';
  sha256(bytes: Bytes): Promise<Bytes>;
  /** HKDF-SHA256 (RFC 5869). */
  hkdf(salt: Bytes, ikm: Secret, info: Bytes, length: number): Promise<Bytes>;
  /** A fresh X25519 pair. */
  generate(): Promise<KeyPair>;
  /** The pair of a given private key; for tests against fixed vectors. */
  pairOf(raw: Bytes): Promise<KeyPair>;
  /** X25519; rejects where the result is zero (RFC 7748 §6.1). */
  dh(key: PrivateKey, peer: Bytes): Promise<Bytes>;
  /** AES-256-GCM with Noise's nonce: four zero bytes and the number, big-endian. */
  aead(key: Bytes): Promise<Aead>;
  /** Key material in the form that is kept. */
  secret(raw: Bytes): Promise<Secret>;
}

export const random = (n: number): Bytes => crypto.getRandomValues(new Uint8Array(n));

/** Noise's 96-bit nonce for AES-GCM (Noise revision 34, §12.4). */
export function nonceBytes(n: number): Bytes {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, BigInt(n));
  return nonce;
}
