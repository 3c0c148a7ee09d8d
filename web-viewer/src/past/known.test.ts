import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ToStreamer } from '../protocol/control';
import { pastKey } from '../ui/past/keys';
import { words } from '../words';
import { pastEn } from '../words/past-en';
import { pastFr } from '../words/past-fr';
import { type Clip, Known } from './known';
import { RefusedError, Requests } from './requests';
import { Times } from './times';
import { parsePast } from './wire';
import { namedZone } from './zone';

const HOUR = 3_600_000;
const clip = (id: number | undefined, from: number, to: number, why: Clip['why'] = 'motion'): Clip => ({ id, from, to, why, bytes: 1_000, kept: false, sound: true });

test('what is not known yet is asked for once, and the end again as it goes on', () => {
  const known = new Known();
  const now = 100 * HOUR;
  const first = known.missing(90 * HOUR, now);
  assert.deepEqual(first, { from: 85 * HOUR, to: 105 * HOUR }, 'with a margin');
  assert.equal(known.missing(10 * HOUR, now), undefined, 'while an answer is awaited');
  assert.ok(first);
  known.add(first, { files: [clip(1, 89 * HOUR, 91 * HOUR), clip(undefined, 99 * HOUR, now)], events: [] }, now);
  assert.equal(known.missing(90 * HOUR, now), undefined);
  const more = known.missing(90 * HOUR, now + 60_000);
  assert.deepEqual(more && [more.from, more.to > now], [now, true], 'only what is new');
  assert.ok(more);
  known.add(more, { files: [clip(2, 99 * HOUR, now + 30_000)], events: [] }, now + 60_000);
  assert.deepEqual(known.files.map((f) => f.id), [1, 2], 'the one that grew has its number now');
  known.stale(95 * HOUR);
  assert.equal(known.missing(86 * HOUR, 94 * HOUR), undefined);
  assert.ok(known.missing(86 * HOUR, 96 * HOUR));
  known.failed();
  assert.ok(known.missing(86 * HOUR, 96 * HOUR), 'asked again when no answer came');
});

test('why nothing was recorded is said only as far as what lies around it tells', () => {
  const known = new Known();
  known.add({ from: 0, to: 10 * HOUR }, {
    files: [clip(1, 0, 1_000), clip(2, 60_000, 70_000), clip(3, 200_000, 210_000, 'always'), clip(4, 300_000, 310_000, 'always'), clip(5, 310_500, 320_000, 'always')],
    events: [],
  }, 10 * HOUR);
  assert.deepEqual(known.gaps, [
    { from: 1_000, to: 60_000, why: 'quiet' }, { from: 70_000, to: 200_000, why: 'none' }, { from: 210_000, to: 300_000, why: 'off' },
  ]);
  assert.equal(known.gapAt(5_000)?.why, 'quiet');
  known.hide(new Set([2]));
  assert.equal(known.spans.some((s) => s.from === 60_000), false, 'about to be deleted');
  known.hide(new Set());
  assert.equal(known.spans.some((s) => s.from === 60_000), true, 'brought back');
  assert.deepEqual(known.filesOf(65_000, 205_000).map((f) => f.id), [2, 3]);
});

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

test('the answer about the past is read row by row, and anything else is refused', () => {
  const answer = {
    camera: 'door', from: 1, to: 2, now: 1763480000000000, zone: { name: 'Europe/Paris', offsets: [[1761440400000000, 3600]] },
    spans: [[17, 1763471112000000, 1763471712000000, 'motion', false, true, 9123456], [null, 1763479990000000, 1763479998900000, 'newer', true, true, 270000]],
    motion: [[5, 1763471115000000, null, 0.04, ['Path']]], room: { oldest: 1763471112000000 }, more: false,
  };
  const told = parsePast(bytes(answer));
  assert.deepEqual(told.files.map((f) => [f.id, f.from, f.why, f.kept]), [[17, 1763471112000, 'motion', false], [undefined, 1763479990000, 'found', true]]);
  assert.deepEqual(told.events[0], { id: 5, from: 1763471115000, to: undefined, peak: 0.04, zones: ['Path'] });
  assert.deepEqual([told.now, told.oldest, told.more, told.zone], [1763480000000, 1763471112000, false, { name: 'Europe/Paris', offsets: [[1761440400000, 3600]] }]);
  for (const wrong of ['{', '[]', { ...answer, spans: [[1, 'x']] }, { ...answer, spans: {} }, { ...answer, motion: [7] }, { ...answer, now: 1.5 }, { ...answer, spans: Array(10_001).fill([]) }]) {
    assert.throws(() => parsePast(bytes(wrong)));
  }
});

test('requests are answered, refused, dropped, and end with the session', async () => {
  const sent: ToStreamer[] = [];
  let re = 0;
  const requests = new Requests({ request: () => (re += 1), send: (m) => sent.push(m) });
  const refused = requests.whole({ t: 'thumb', id: 1 }, 100);
  requests.control({ t: 'refused', re: 1, why: 'busy' });
  await assert.rejects(refused, (e) => e instanceof RefusedError && e.why === 'busy');
  const plain = requests.plain({ t: 'keep', id: 1, kept: true });
  requests.control({ t: 'done', re: 2 });
  await plain;
  const got: number[] = [];
  const stream = requests.parts({ t: 'play', camera: 'a', from: 5 }, { part: (b) => got.push(b.length), done: () => got.push(-1), failed: () => got.push(-2) });
  requests.control({ t: 'bulk_begin', re: 3, id: 9, mime: 'x' });
  const message = new ArrayBuffer(22);
  new DataView(message).setUint32(0, 9);
  requests.data(message);
  requests.taken(3, 10);
  stream.cancel();
  assert.deepEqual([got, sent.slice(3)], [[10], [{ t: 'bulk_ack', id: 9, bytes: 10 }, { t: 'bulk_cancel', id: 9 }]]);
  const open = requests.whole({ t: 'thumb', id: 2 }, 100);
  requests.close();
  await assert.rejects(open, (e) => e instanceof RefusedError && e.why === 'lost');
  await assert.rejects(requests.plain({ t: 'delete', id: 1 }), (e) => e instanceof RefusedError && e.why === 'lost');
});

test('times are the house\'s, in both languages, and the hour that comes twice says which', () => {
  const zone = namedZone('Europe/Paris');
  assert.ok(zone);
  const of = (lang: string): Times => {
    const w = words(lang);
    return new Times(w, w.more({ en: pastEn, fr: pastFr }));
  };
  const [en, fr] = [of('en'), of('fr')];
  assert.equal(en.time(zone, 1_795_007_112_000), '14:05:12');
  assert.equal(en.day(zone, 1_795_007_112_000, 'long'), 'Wednesday 18 November');
  assert.equal(fr.day(zone, 1_795_007_112_000, 'long'), 'mercredi 18 novembre');
  assert.equal(en.time(zone, 1_792_888_200_000, 'minutes'), '02:30 (summer)');
  assert.equal(fr.time(zone, 1_792_891_800_000, 'minutes'), '02:30 (hiver)');
  assert.deepEqual([en.length(90_000), en.length(400), en.length(7_500_000)], ['1 min\u00a030 s', '1 s', '2 h\u00a05 min']);
  assert.deepEqual([en.bytes(900), en.bytes(3_040_000), en.bytes(45_000_000), fr.bytes(2_500_000_000)], ['1 kB', '3.0 MB', '45 MB', '2,5 Go']);
});

test('keys of looking back leave fields and buttons what is theirs', () => {
  const key = (k: string, more = {}) => ({ key: k, ctrlKey: false, metaKey: false, altKey: false, ...more });
  class Box { constructor(readonly names: string) {} closest(s: string): unknown { return s.includes(this.names) ? this : null; } }
  Object.assign(globalThis, { Element: Box });
  assert.equal(pastKey(key('N'), true), 'next');
  assert.equal(pastKey(key('n'), false), undefined, 'single keys are off');
  assert.equal(pastKey(key('Escape'), false), 'close');
  assert.equal(pastKey(key('l', { ctrlKey: true }), true), undefined);
  assert.equal(pastKey(key('n', { target: new Box('input') }), true), undefined);
  assert.equal(pastKey(key(' ', { target: new Box('button') }), true), undefined);
  assert.equal(pastKey(key(' '), true), 'play');
});
