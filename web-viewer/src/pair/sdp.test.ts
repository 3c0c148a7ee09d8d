// The offers of shared/tests/vectors/sdp.json: accepted and refused exactly where Rust does. (The page makes answers and
// receives none.)
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { unhex } from '../protocol/bytes';
import { checkCandidate, checkOffer, SdpError } from './sdp';

interface Case { name: string; kind: 'offer' | 'answer'; base: string; at: number; cut: number; put: string; fp: string; ok: boolean; error?: string }
const { bases, cases } = JSON.parse(readFileSync(`${VECTORS}/sdp.json`, 'utf8')) as { bases: Record<string, string>; cases: Case[] };

for (const { name, kind, base, at, cut, put, fp, ok } of cases) {
  if (kind !== 'offer') continue;
  test(`offer: ${name} is ${ok ? 'accepted' : 'refused'}`, () => {
    const text = bases[base] ?? '';
    const sdp = text.slice(0, at) + put + text.slice(at + cut);
    if (ok) checkOffer(sdp, unhex(fp));
    else assert.throws(() => checkOffer(sdp, unhex(fp)), SdpError);
  });
}

test('candidates name addresses, never hosts to look up', () => {
  checkCandidate('candidate:1 1 udp 2130706431 192.168.1.20 50000 typ host');
  checkCandidate('candidate:1 1 udp 2130706431 fd00::1 50000 typ host');
  checkCandidate('candidate:1 1 udp 2130706431 0b0e6d7a-1111-2222-3333-444444444444.local 50000 typ host');
  for (const address of ['evil.example.org', '999.1.1.1', '', 'a.b.local', '::g']) {
    assert.throws(() => checkCandidate(`candidate:1 1 udp 2130706431 ${address} 50000 typ host`), SdpError, address);
  }
});
