// The viewer's (initiator's) side of Noise_IKpsk1/IKpsk2_25519_AESGCM_SHA256 (Noise revision 34, sections 5, 7.5 and 9).
//
//   <- s
//   -> e, es, s, ss [psk1]
//   <- e, ee, se [psk2]
import { type Bytes, concat, utf8 } from '../protocol/bytes';
import type { Aead, Crypto, KeyPair, Secret } from './crypto';

export type Pattern = 'IKpsk1' | 'IKpsk2';

const EMPTY = new Uint8Array();
const DH = 32;
const TAG = 16;

/** A message that can't be what it claims to be: changed on the way, or not from who we think. */
export class TamperError extends Error {
  override name = 'TamperError';
}

/** Noise's SymmetricState. */
export class Symmetric {
  private constructor(private readonly crypto: Crypto, public h: Bytes, private ck: Bytes) {}
  private cipher: Aead | undefined;
  private n = 0;

  static async of(crypto: Crypto, name: string): Promise<Symmetric> {
    const bytes = utf8(name);
    const h = bytes.length <= 32 ? concat(bytes, new Uint8Array(32 - bytes.length)) : await crypto.sha256(bytes);
    return new Symmetric(crypto, h, h);
  }

  async mixHash(bytes: Bytes): Promise<void> {
    this.h = await this.crypto.sha256(concat(this.h, bytes));
  }

  async mixKey(ikm: Bytes): Promise<void> {
    const okm = await this.crypto.hkdf(this.ck, ikm, EMPTY, 64);
    await this.rekey(okm.slice(0, 32), okm.slice(32));
  }

  async mixKeyAndHash(psk: Secret): Promise<void> {
    const okm = await this.crypto.hkdf(this.ck, psk, EMPTY, 96);
    await this.mixHash(okm.slice(32, 64));
    await this.rekey(okm.slice(0, 32), okm.slice(64));
  }

  async seal(plain: Bytes): Promise<Bytes> {
    if (!this.cipher) throw new Error('no key yet');
    const sealed = await this.cipher.seal(this.n++, this.h, plain);
    await this.mixHash(sealed);
    return sealed;
  }

  async open(sealed: Bytes): Promise<Bytes> {
    if (!this.cipher) throw new Error('no key yet');
    const plain = await this.cipher.open(this.n++, this.h, sealed).catch(() => {
      throw new TamperError('handshake message does not open');
    });
    await this.mixHash(sealed);
    return plain;
  }

  async split(): Promise<[Aead, Aead]> {
    const okm = await this.crypto.hkdf(this.ck, EMPTY, EMPTY, 64);
    return [await this.crypto.aead(okm.slice(0, 32)), await this.crypto.aead(okm.slice(32))];
  }

  private async rekey(ck: Bytes, key: Bytes): Promise<void> {
    this.ck = ck;
    this.cipher = await this.crypto.aead(key);
    this.n = 0;
  }
}

export interface Parties {
  /** The viewer's static pair. */
  own: KeyPair;
  /** The streamer's static public key. */
  peer: Bytes;
  psk: Secret;
  prologue: Bytes;
}

/** Writes message 1, reads message 2, then becomes a `Transport`. */
export class Handshake {
  private constructor(
    private readonly crypto: Crypto, private readonly pattern: Pattern, private readonly parties: Parties,
    private readonly state: Symmetric, private readonly ephemeral: KeyPair,
  ) {}

  /** `ephemeral` is fresh unless a test fixes it. */
  static async start(crypto: Crypto, pattern: Pattern, parties: Parties, ephemeral?: KeyPair): Promise<Handshake> {
    const state = await Symmetric.of(crypto, `Noise_${pattern}_25519_AESGCM_SHA256`);
    await state.mixHash(parties.prologue);
    await state.mixHash(parties.peer);
    return new Handshake(crypto, pattern, parties, state, ephemeral ?? await crypto.generate());
  }

  async writeFirst(payload: Bytes): Promise<Bytes> {
    const { crypto, state, ephemeral, parties: { own, peer, psk } } = this;
    await this.mixEphemeral(ephemeral.public);
    await state.mixKey(await crypto.dh(ephemeral.private, peer));
    const sealedStatic = await state.seal(own.public);
    await state.mixKey(await crypto.dh(own.private, peer));
    if (this.pattern === 'IKpsk1') await state.mixKeyAndHash(psk);
    return concat(ephemeral.public, sealedStatic, await state.seal(payload));
  }

  async readSecond(message: Bytes): Promise<{ payload: Bytes; transport: Transport }> {
    if (message.length < DH + TAG) throw new TamperError('handshake message too short');
    const { crypto, state, ephemeral, parties: { own, psk } } = this;
    const re = message.slice(0, DH);
    await this.mixEphemeral(re);
    const dh = (pair: KeyPair): Promise<Bytes> => crypto.dh(pair.private, re).catch(() => {
      throw new TamperError('a public key of small order');
    });
    await state.mixKey(await dh(ephemeral));
    await state.mixKey(await dh(own));
    if (this.pattern === 'IKpsk2') await state.mixKeyAndHash(psk);
    const payload = await state.open(message.slice(DH));
    const [send, receive] = await state.split();
    return { payload, transport: new Transport(send, receive, state.h) };
  }

  /** Token `e` of a handshake with psk: the key is mixed in as well (§9.2). */
  private async mixEphemeral(key: Bytes): Promise<void> {
    await this.state.mixHash(key);
    await this.state.mixKey(key);
  }
}

/** Transport messages: each direction has its own key, and a message's number is its nonce. Calls are put in order. */
export class Transport {
  private sent = 0;
  private received = 0;

  constructor(private readonly out: Aead, private readonly incoming: Aead, readonly handshakeHash: Bytes) {}

  seal(plain: Bytes): Promise<Bytes> {
    return this.out.seal(this.sent++, EMPTY, plain);
  }

  open(sealed: Bytes): Promise<Bytes> {
    return this.incoming.open(this.received++, EMPTY, sealed).catch(() => {
      throw new TamperError('message does not open');
    });
  }
}
