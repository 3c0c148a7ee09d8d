// Both crypto implementations against the vectors that the Rust side passes too (shared/tests/vectors/ah1.json).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { webcrypto } from 'node:crypto';
import { test } from 'node:test';
import { b64, hex, unhex, utf8 } from '../protocol/bytes';
import type { Crypto } from './crypto';
import { nobleCrypto } from './http-crypto';
import { bindingKey, pairMailbox, pairPrologue, pairPsk, sas, sessionPrologue } from './keys';
import { fragmentOf, parseLink } from './link';
import { Handshake, TamperError } from './noise';
import { pad, PaddingError, unpad } from './seal';
import { webCrypto } from './webcrypto';

interface NoiseVector {
  kind: 'pairing' | 'session'; protocol: string; psk: string; prologue: string; mailbox: string; chan: string;
  s: string; s_pub: string; v: string; v_pub: string; e_viewer: string; e_camera: string;
  m1: string; m1_json: string; m2: string; m2_json: string; hash: string; sas: string;
  kb_camera: string; kb_viewer: string; bind_key: string;
  transport: { from: 'viewer' | 'camera'; text: string; message: string }[];
}
interface Vectors {
  keys: { s: string; s_pub: string; secret: string; pair_mailbox: string; psk_pair: string };
  links: { name: string; page: string; url: string; s_pub: string; secret: string; signal_url: string }[];
  links_bad: { name: string; url: string; error: string }[];
  noise: NoiseVector[];
  padding: { cases: { json_len: number; plain_len: number; plain_sha256: string }[]; too_long_json_len: number };
  padding_bad: { name: string; prefix: string; len: number }[];
}

const vectors = JSON.parse(readFileSync(`${VECTORS}/ah1.json`, 'utf8')) as Vectors;
const letters = (n: number): string => Array.from({ length: n }, (_, i) => String.fromCharCode(97 + i % 26)).join('');

// Node 18 has it under another name only.
if (!('crypto' in globalThis)) Object.defineProperty(globalThis, 'crypto', { value: webcrypto });
const subtle = await webCrypto(globalThis.crypto.subtle);
const implementations: [string, Crypto | undefined][] = [['webcrypto', subtle], ['noble', nobleCrypto]];

for (const [name, crypto] of implementations) {
  if (!crypto) {
    test(`${name}: all vectors`, { skip: 'SKIP: this Node has no X25519 in WebCrypto' }, () => undefined);
    continue;
  }

  test(`${name}: keys are derived as in Rust`, async () => {
    const { secret, s_pub, s, pair_mailbox, psk_pair } = vectors.keys;
    assert.equal(hex(await pairMailbox(crypto, unhex(secret))), pair_mailbox);
    assert.equal(hex(await pairPsk(crypto, unhex(secret), unhex(s_pub))), psk_pair);
    assert.equal(hex((await crypto.pairOf(unhex(s))).public), s_pub);
  });

  for (const v of vectors.noise) {
    const start = async (change: Partial<NoiseVector> = {}): Promise<Handshake> => {
      const w = { ...v, ...change };
      return Handshake.start(crypto, v.kind === 'pairing' ? 'IKpsk1' : 'IKpsk2', {
        own: await crypto.pairOf(unhex(w.v)), peer: unhex(w.s_pub), psk: await crypto.secret(unhex(w.psk)), prologue: unhex(w.prologue),
      }, await crypto.pairOf(unhex(w.e_viewer)));
    };

    test(`${name}: ${v.kind} handshake and messages, byte for byte`, async () => {
      const prologue = v.kind === 'pairing' ? pairPrologue : sessionPrologue;
      assert.equal(hex(prologue(unhex(v.mailbox), unhex(v.chan))), v.prologue);
      const handshake = await start();
      assert.equal(hex(await handshake.writeFirst(pad(v.m1_json))), v.m1);
      const { payload, transport } = await handshake.readSecond(unhex(v.m2));
      assert.equal(unpad(payload), v.m2_json);
      assert.equal(hex(transport.handshakeHash), v.hash);
      assert.equal(await sas(crypto, transport.handshakeHash), v.sas);
      const kb = await bindingKey(crypto, transport.handshakeHash, unhex(v.kb_camera), unhex(v.kb_viewer));
      assert.equal(hex(kb as Uint8Array), v.bind_key);
      for (const { from, text, message } of v.transport) {
        if (from === 'viewer') assert.equal(hex(await transport.seal(pad(text))), message);
        else assert.equal(unpad(await transport.open(unhex(message))), text);
      }
    });

    test(`${name}: ${v.kind} answer that was changed anywhere does not open`, async () => {
      for (const at of [0, 31, 40, v.m2.length / 2 - 1]) {
        const handshake = await start();
        await handshake.writeFirst(pad(v.m1_json));
        const m2 = unhex(v.m2);
        m2[at] = (m2[at] ?? 0) ^ 1;
        await assert.rejects(handshake.readSecond(m2), TamperError);
      }
      const other = await start(v.kind === 'session' ? { psk: v.bind_key } : { prologue: `${v.prologue}00` });
      await other.writeFirst(pad(v.m1_json));
      await assert.rejects(other.readSecond(unhex(v.m2)), TamperError);
    });

    test(`${name}: ${v.kind} message repeated or out of order ends it`, async () => {
      const camera = v.transport.filter((t) => t.from === 'camera').map((t) => unhex(t.message));
      const [first, second] = camera;
      if (!first || !second) return;
      for (const order of [[first, first], [second]]) {
        const handshake = await start();
        await handshake.writeFirst(pad(v.m1_json));
        const { transport } = await handshake.readSecond(unhex(v.m2));
        const last = order.pop();
        for (const message of order) await transport.open(message);
        await assert.rejects(transport.open(last ?? new Uint8Array()), TamperError);
      }
    });
  }

  test(`${name}: padding as in Rust`, async () => {
    for (const { json_len, plain_len, plain_sha256 } of vectors.padding.cases) {
      const plain = pad(letters(json_len));
      assert.equal(plain.length, plain_len);
      assert.equal(hex(await crypto.sha256(plain)), plain_sha256);
      assert.equal(unpad(plain), letters(json_len));
    }
  });

  test(`${name}: a public key of small order is refused`, async () => {
    const pair = await crypto.generate();
    await assert.rejects(crypto.dh(pair.private, new Uint8Array(32)));
  });
}

test('padding that is not ours is refused', () => {
  assert.throws(() => pad(letters(vectors.padding.too_long_json_len)), PaddingError);
  for (const { name, prefix, len } of vectors.padding_bad) {
    const plain = new Uint8Array(len);
    plain.set(unhex(prefix).subarray(0, len));
    assert.throws(() => unpad(plain), PaddingError, name);
  }
});

test('links are read as in Rust', () => {
  for (const { name, url, page, s_pub, secret, signal_url } of vectors.links) {
    const link = parseLink(fragmentOf(url), new URL(page));
    assert.ok(link, name);
    assert.equal(hex(link.streamer), s_pub, name);
    assert.equal(hex(link.secret), secret, name);
    assert.equal(link.server, signal_url, name);
  }
});

test('damaged links are refused', () => {
  let seen = 0;
  for (const { name, url, error } of vectors.links_bad) {
    // The page never sees its own address wrong, and `athome:` links go to the desktop app.
    if (error === 'not_ours' || url.startsWith('athome:')) continue;
    seen += 1;
    assert.equal(parseLink(fragmentOf(url), new URL(url)), undefined, name);
  }
  assert.ok(seen > 15);
});

test('base64url has one form', () => {
  assert.equal(b64(utf8('??>>')), 'Pz8-Pg');
});
