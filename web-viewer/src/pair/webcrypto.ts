import { type Bytes, concat, unhex } from '../protocol/bytes';
import { type Aead, type Crypto, type KeyPair, nonceBytes, type PrivateKey, type Secret } from './crypto';

/** Undefined where this browser has no X25519 (Chromium before 133, Firefox before 130, Safari before 17). */
export async function webCrypto(subtle: SubtleCrypto | undefined): Promise<Crypto | undefined> {
  if (!subtle) return undefined;
  try {
    await subtle.generateKey({ name: 'X25519' }, false, ['deriveBits']);
    return new WebCrypto(subtle);
  } catch {
    return undefined;
  }
}

/** PKCS #8 frame of an X25519 private key (RFC 8410 §7), before its 32 bytes. */
const PKCS8 = unhex('302e020100300506032b656e04220420');

class WebCrypto implements Crypto {
  readonly kind = 'webcrypto';

  constructor(private readonly subtle: SubtleCrypto) {}

  async sha256(bytes: Bytes): Promise<Bytes> {
    return new Uint8Array(await this.subtle.digest('SHA-256', bytes));
  }

  async hkdf(salt: Bytes, ikm: Secret, info: Bytes, length: number): Promise<Bytes> {
    const key = ikm instanceof Uint8Array ? await this.secret(ikm) : ikm;
    return new Uint8Array(await this.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, key, length * 8));
  }

  async generate(): Promise<KeyPair> {
    // A private key that is not extractable leaves its public half readable.
    return this.exported(await this.subtle.generateKey({ name: 'X25519' }, false, ['deriveBits']) as CryptoKeyPair);
  }

  async pairOf(raw: Bytes): Promise<KeyPair> {
    const usages: KeyUsage[] = ['deriveBits'];
    const secret = await this.subtle.importKey('pkcs8', concat(PKCS8, raw), { name: 'X25519' }, true, usages);
    const { x } = await this.subtle.exportKey('jwk', secret);
    const publicKey = await this.subtle.importKey('jwk', { kty: 'OKP', crv: 'X25519', x: x ?? '' }, { name: 'X25519' }, true, []);
    return this.exported({ privateKey: secret, publicKey });
  }

  async dh(key: PrivateKey, peer: Bytes): Promise<Bytes> {
    if (key instanceof Uint8Array) throw new Error('a key of the other implementation');
    const publicKey = await this.subtle.importKey('raw', peer, { name: 'X25519' }, true, []);
    const shared = new Uint8Array(await this.subtle.deriveBits({ name: 'X25519', public: publicKey }, key, 256));
    // The specification asks for this check; older engines left it out.
    if (shared.every((byte) => byte === 0)) throw new Error('a public key of small order');
    return shared;
  }

  async aead(raw: Bytes): Promise<Aead> {
    const key = await this.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);
    const { subtle } = this;
    return {
      async seal(nonce, additionalData, plain) {
        return new Uint8Array(await subtle.encrypt({ name: 'AES-GCM', iv: nonceBytes(nonce), additionalData }, key, plain));
      },
      async open(nonce, additionalData, sealed) {
        return new Uint8Array(await subtle.decrypt({ name: 'AES-GCM', iv: nonceBytes(nonce), additionalData }, key, sealed));
      },
    };
  }

  secret(raw: Bytes): Promise<CryptoKey> {
    return this.subtle.importKey('raw', raw, 'HKDF', false, ['deriveBits']);
  }

  private async exported(pair: CryptoKeyPair): Promise<KeyPair> {
    return { private: pair.privateKey, public: new Uint8Array(await this.subtle.exportKey('raw', pair.publicKey)) };
  }
}
