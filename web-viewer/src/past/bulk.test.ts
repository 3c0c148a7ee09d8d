import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bulk, type BulkAction } from './bulk';

const chunk = (id: number, offset: number, bytes: number): ArrayBuffer => {
  const message = new ArrayBuffer(12 + bytes);
  const view = new DataView(message);
  view.setUint32(0, id);
  view.setBigUint64(4, BigInt(offset));
  new Uint8Array(message, 12).fill(7);
  return message;
};

const dos = (actions: BulkAction[]): unknown[] => actions.map((a) => (a.do === 'ack' ? a.bytes : a.do));

test('a transfer is acknowledged every 64 KiB and handed over whole', () => {
  const bulk = new Bulk();
  const size = 100_000;
  bulk.expect(9, { as: 'whole', most: size });
  assert.deepEqual(dos(bulk.begin({ id: 1, re: 9, bytes: size, mime: 'image/jpeg', at: 5 })), ['begun']);
  const actions = [];
  for (let at = 0; at < size; at += 16_000) actions.push(...bulk.message(chunk(1, at, Math.min(16_000, size - at))));
  assert.deepEqual(dos(actions), [80_000, 100_000]);
  const [done] = bulk.end(1, true, undefined, undefined);
  assert.ok(done?.do === 'complete' && done.bytes.length === size && done.begun.at === 5);
});

test('a stream is acknowledged only as it is used, and is over when its last bytes are there', () => {
  const bulk = new Bulk();
  bulk.expect(9, { as: 'parts' });
  bulk.begin({ id: 1, re: 9, mime: 'video/mp4' });
  assert.deepEqual(dos(bulk.message(chunk(1, 0, 16_000))), ['part']);
  assert.deepEqual(bulk.taken(9, 20_000), [], 'more than came');
  assert.deepEqual(dos(bulk.taken(9, 16_000)), [16_000]);
  assert.deepEqual(bulk.taken(9, 16_000), [], 'once');
  // The end travels on the other channel and may overtake the last bytes.
  assert.deepEqual(bulk.end(1, true, 77, 20_000), []);
  assert.deepEqual(dos(bulk.message(chunk(1, 16_000, 4_000))), ['part', 'complete']);
  assert.deepEqual(bulk.message(chunk(1, 20_000, 10)), [], 'nothing after');
});

test('bytes out of place, too many, or of nobody do no harm', () => {
  const bulk = new Bulk();
  assert.deepEqual(dos(bulk.begin({ id: 1, re: 9, bytes: 100, mime: 'x' })), ['cancel'], 'nobody asked');
  const open = (id: number, re: number, bytes = 100): BulkAction[] => {
    bulk.expect(re, { as: 'whole', most: 1_000 });
    return bulk.begin({ id, re, bytes, mime: 'x' });
  };
  open(1, 1);
  assert.deepEqual(bulk.message(chunk(2, 0, 10)), []);
  assert.deepEqual(bulk.message(new ArrayBuffer(5)), []);
  assert.deepEqual(dos(bulk.message(chunk(1, 50, 10))), ['cancel', 'failed']);
  open(3, 3);
  assert.deepEqual(dos(bulk.message(chunk(3, 0, 101))), ['cancel', 'failed']);
  assert.deepEqual(dos(open(4, 4, 1e12)), ['cancel', 'failed']);
  bulk.expect(5, { as: 'whole', most: 1_000 });
  bulk.begin({ id: 5, re: 5, mime: 'x' });
  assert.deepEqual(dos(bulk.message(chunk(5, 0, 1_001))), ['cancel', 'failed'], 'more than it may be, of unknown length');
  for (let id = 10; id < 18; id += 1) assert.deepEqual(dos(open(id, id)), ['begun']);
  assert.deepEqual(dos(open(18, 18)), ['cancel', 'failed']);
  assert.deepEqual(dos(bulk.end(10, false, undefined, undefined)), ['cancel', 'failed']);
  assert.deepEqual(dos(bulk.drop(11)), ['cancel']);
  assert.deepEqual(bulk.message(chunk(11, 0, 10)), []);
  bulk.expect(20, { as: 'parts' });
  assert.deepEqual(bulk.drop(20), [], 'dropped before it began');
  assert.deepEqual(dos(bulk.begin({ id: 20, re: 20, mime: 'x' })), ['cancel']);
  bulk.expect(21, { as: 'parts' });
  assert.deepEqual(dos(bulk.refused(21)), ['failed']);
});
