import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finalCard, isLocalHost, linkLine } from '../state/sentence';
import { words } from '../words';
import { actionOf } from './keys';
import { report } from './report';

const en = words('en');
const key = (k: string, more = {}) => ({ key: k, ctrlKey: false, metaKey: false, altKey: false, ...more });

test('keys do what the help says, and none with a modifier', () => {
  assert.deepEqual(actionOf(key('3'), true), { do: 'camera', index: 2 });
  assert.deepEqual(actionOf(key('I'), true), { do: 'stats' });
  assert.equal(actionOf(key('s', { ctrlKey: true }), true), undefined);
  assert.equal(actionOf(key('m'), false), undefined);
  assert.deepEqual(actionOf(key('Escape'), false), { do: 'back' });
  assert.deepEqual(actionOf(key('ArrowUp'), true, true), { do: 'pan', x: 0, y: -0.2 });
  assert.deepEqual(actionOf(key('ArrowUp'), true, false), { do: 'volume', by: 0.1 });
});

test('the report has no address and no name, and says good or slow', () => {
  const hops = { capture: 1, encode: 2, send: 3, network: 4, buffer: 5, show: 6, total: 21 };
  const stats = { path: 'host' as const, rttMs: 1, width: 1280, height: 720, hops, rates: { fps: 30, mbit: 2, lossPercent: 0, freezes: 0, codec: 'H264' } };
  const good = report(stats, en);
  assert.equal(good.sentence, 'Good: direct, 0.02 s');
  assert.match(good.text, /total 21\.0 ms/);
  assert.doesNotMatch(good.text, /\d+\.\d+\.\d+/);
  assert.match(report({ ...stats, hops: { ...hops, total: 900 } }, en).sentence, /^Slow/);
  assert.equal(report(undefined, en).sentence, 'No picture at the moment');
});

const where = { online: true, localServer: false, lanDenied: false };

test('the line says what is done at once and why after four seconds', () => {
  const link = { at: 'connecting', step: 'path', since: 0, tries: 1, seen: false, strikes: 0 } as const;
  assert.deepEqual(linkLine(link, 100, { ...where, online: false }), { line: { key: 'c_path' }, reason: undefined, slow: false });
  assert.deepEqual(linkLine(link, 4_100, { ...where, online: false })?.reason, { key: 'offline_me' });
  assert.equal(linkLine(link, 10_100, where)?.slow, true);
  assert.equal(linkLine({ at: 'live', since: 0, strikes: 0 }, 0, where), undefined);
});

test('each refusal has its sentence', () => {
  const card = (why: 'used' | 'expired' | 'revoked' | 'old_viewer', who?: string) => finalCard({ kind: 'refused', refused: who ? { why, who } : { why } }, en).sentence;
  assert.deepEqual(card('used', 'Anna'), { key: 'code_used', params: { device: 'Anna' } });
  assert.deepEqual(card('used'), { key: 'code_used_unknown' });
  assert.equal(en.t(card('revoked').key, card('revoked').params), 'The owner removed this device. Ask for a new code if that was a mistake.');
  assert.deepEqual(card('expired'), { key: 'code_old' });
  assert.deepEqual(card('old_viewer'), { key: 'old_page' });
});

test('addresses of the own network are known', () => {
  for (const host of ['192.168.1.4:8080', '10.0.0.1', '172.16.0.1', 'localhost:1', 'pi.local:8080', '[fd00::1]:80', '127.0.0.1']) assert.ok(isLocalHost(host), host);
  for (const host of ['example.org', '172.32.0.1', '8.8.8.8', '11.0.0.1']) assert.ok(!isLocalHost(host), host);
});
