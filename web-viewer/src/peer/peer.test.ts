import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FrameTimes } from '../player/slot';
import type { SlotStats } from '../protocol/control';
import { relayOnly } from './relay';
import { type Entry, HOPS, hopsOf, pathOf, ratesOf, sampleOf } from './stats';

const server: SlotStats = { slot: 0, epoch: 1, encode_us: 4_000, hub_us: 100, send_us: 200, frames: 30, bytes: 1, dropped: 0, target_bps: 1 };
const frame = (change: Partial<FrameTimes> = {}): FrameTimes => ({ captured: 1_000, received: 1_010, decode: 1, presented: 1_012, expected: 1_036, ...change });

test('hops add up to the whole way, whatever the parts claim', () => {
  for (const [frames, stats, rtt] of [
    [[frame(), frame({ expected: 1_050 })], server, 1], [[frame({ received: undefined })], undefined, undefined], [[frame()], server, 500],
    [[frame({ captured: 1_011 })], { ...server, encode_us: 90_000 }, 80], [[frame({ captured: 2_000 })], server, 1],
  ] as const) {
    const hops = hopsOf(frames, stats, rtt);
    assert.ok(hops);
    const sum = HOPS.reduce((n, hop) => n + hops[hop], 0);
    assert.ok(Math.abs(sum - hops.total) < 1e-9);
    assert.ok(HOPS.every((hop) => hops[hop] >= 0));
  }
  const { capture, encode, send, network, buffer, show } = hopsOf([frame()], server, 1) ?? {};
  assert.deepEqual([encode, send, network, buffer, show].map((n) => Math.round((n ?? 0) * 10) / 10), [4, 0.3, 0.5, 2, 24]);
  assert.ok(Math.abs((capture ?? 0) - 5.2) < 1e-9);
  assert.equal(hopsOf([frame({ captured: undefined })], server, 1), undefined);
});

const report: Entry[] = [
  { type: 'codec', id: 'c', mimeType: 'video/H264' },
  { type: 'inbound-rtp', kind: 'video', mid: '0', codecId: 'c', timestamp: 1_000, bytesReceived: 1_000, packetsReceived: 10, packetsLost: 0, framesDecoded: 5, freezeCount: 0 },
  { type: 'transport', id: 't', selectedCandidatePairId: 'p' },
  { type: 'candidate-pair', id: 'p', localCandidateId: 'l', remoteCandidateId: 'r', currentRoundTripTime: 0.004 },
  { type: 'local-candidate', id: 'l', candidateType: 'prflx' }, { type: 'remote-candidate', id: 'r', candidateType: 'host' },
];

test('rates are those between two samples', () => {
  const before = sampleOf(report, '0');
  const now = before && { ...before, atMs: 2_000, bytes: 251_000, packets: 109, lost: 1, decoded: 35 };
  assert.deepEqual(now && ratesOf(before, now), { fps: 30, mbit: 2, lossPercent: 1, freezes: 0, codec: 'H264' });
  assert.equal(sampleOf(report, '1'), undefined);
});

test('the path is the selected pair\'s', () => {
  assert.deepEqual(pathOf(report), { path: 'host', rttMs: 4 });
  assert.equal(pathOf(report.map((e) => (e.id === 'r' ? { ...e, candidateType: 'relay' } : e))).path, 'relay');
  assert.deepEqual(pathOf([]), { path: 'unknown', rttMs: undefined });
});

test('only relays are left once every direct pair failed', () => {
  const kinds = [{ id: 'h', candidateType: 'host' }, { id: 'r', candidateType: 'relay' }];
  const pair = (local: string, remote: string, state: string) => ({ type: 'candidate-pair', localCandidateId: local, remoteCandidateId: remote, state });
  assert.ok(relayOnly([...kinds, pair('h', 'h', 'failed'), pair('r', 'h', 'in-progress')]));
  assert.ok(!relayOnly([...kinds, pair('h', 'h', 'in-progress'), pair('r', 'h', 'in-progress')]));
  assert.ok(!relayOnly([...kinds, pair('h', 'h', 'failed')]), 'nothing is being tried');
});
