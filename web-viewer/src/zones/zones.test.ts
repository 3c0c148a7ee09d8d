import assert from 'node:assert/strict';
import { test } from 'node:test';
import { b64, utf8 } from '../protocol/bytes';
import type { ZoneRow } from '../protocol/control';
import { parseToViewer } from '../protocol/parse';
import { cellsNeeded, decode, mapOf, read } from './cells';
import { begin, commit, redo, undo } from './history';
import { Place } from './place';
import {
  addCorner, area, contains, cornerNear, crossings, edgeNear, MOST_CORNERS, type Point, type Polygon, rectangle, removeCorner, shift, snap, spans, withCorner,
} from './polygon';
import { freeName, parseLooking, sent, wrongs } from './rules';

const SQUARE: Polygon = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]];
const BOW: Polygon = [[0, 0], [1, 1], [1, 0], [0, 1]];
const SCALE = { w: 1000, h: 500 };
const zone = (more: Partial<ZoneRow> = {}): ZoneRow => ({ name: 'Path', kind: 'watch', points: SQUARE, min_duration: 0, ...more });
const near = (a: Point, b: Point): void => assert.ok(Math.hypot(a[0] - b[0], a[1] - b[1]) < 1e-6, `${a.join()} is not ${b.join()}`);

test('edges that cross are found, both of them, and none of a shape that is only notched', () => {
  assert.deepEqual([...crossings(BOW)].sort(), [0, 2]);
  assert.equal(crossings(SQUARE).size, 0);
  assert.equal(crossings([[0, 0], [0.5, 0.5], [1, 0], [1, 1], [0, 1]]).size, 0);
  // Lines that only touch do not cross, as at the streamer.
  assert.equal(crossings([[0, 0], [1, 0], [0.5, 0.5], [1, 1], [0, 1], [0.5, 0.5]]).size, 0);
});

test('a line meets a polygon in pairs, and a point is inside or not', () => {
  assert.deepEqual(spans(SQUARE, 0.5), [[0.25, 0.75]]);
  assert.deepEqual(spans([[0, 0], [0.5, 0.5], [1, 0], [1, 1], [0, 1]], 0.25), [[0, 0.25], [0.75, 1]]);
  assert.deepEqual([spans(SQUARE, 0.2), spans([], 0.5)], [[], []]);
  assert.ok(contains(SQUARE, [0.5, 0.5]) && !contains(SQUARE, [0.2, 0.5]));
  assert.equal(area(SQUARE), 0.25);
});

test('a finger finds the nearest corner and edge within its reach, by pixels', () => {
  assert.equal(cornerNear(SQUARE, [0.26, 0.26], SCALE, 24), 0);
  assert.equal(cornerNear(SQUARE, [0.28, 0.25], SCALE, 24), undefined);
  // 0.04 of the height are 20 pixels, of the width 40.
  assert.equal(cornerNear(SQUARE, [0.75, 0.79], SCALE, 24), 2);
  assert.equal(edgeNear(SQUARE, [0.5, 0.26], SCALE, 24), 0);
  assert.equal(edgeNear(SQUARE, [0.25, 0.5], SCALE, 24), 3);
  assert.equal(edgeNear(SQUARE, [0.5, 0.5], SCALE, 24), undefined);
});

test('corners are added in the middle, moved inside of the picture and taken away, from 3 to 20', () => {
  assert.deepEqual(addCorner(SQUARE, 3)?.[4], [0.25, 0.5]);
  assert.deepEqual(addCorner(SQUARE, 0, [0.5, 0.1])?.[1], [0.5, 0.1]);
  assert.deepEqual(withCorner(SQUARE, 1, [1.4, -0.2])[1], [1, 0]);
  assert.equal(removeCorner(SQUARE, 1)?.length, 3);
  assert.equal(removeCorner(SQUARE.slice(1), 1), undefined);
  let many: Polygon = SQUARE;
  while (many.length < MOST_CORNERS) many = addCorner(many, 0) ?? [];
  assert.equal(addCorner(many, 0), undefined);
  assert.deepEqual(SQUARE.length, 4);
});

test('a zone that is moved stops at the border whole', () => {
  assert.deepEqual(shift(SQUARE, 0.1, -0.1)[0], [0.35, 0.15]);
  assert.deepEqual(shift(SQUARE, 9, -9), [[0.5, 0], [1, 0], [1, 0.5], [0.5, 0.5]]);
  for (let n = 0; n < 16; n += 1) assert.ok(rectangle(n).every(([x, y]) => x > 0 && x < 1 && y > 0 && y < 1));
});

test('a corner snaps at 8 pixels to corners and edges of others and to the border, and not beyond', () => {
  assert.deepEqual(snap([0.255, 0.26], [SQUARE], SCALE), [0.25, 0.25]);
  assert.deepEqual(snap([0.5, 0.76], [SQUARE], SCALE), [0.5, 0.75]);
  assert.deepEqual(snap([0.007, 0.5], [SQUARE], SCALE), [0, 0.5]);
  assert.deepEqual(snap([0.995, 0.99], [], SCALE), [1, 1]);
  assert.deepEqual(snap([0.5, 0.78], [SQUARE], SCALE), [0.5, 0.78]);
  assert.deepEqual(snap([0.5, 0.5], [], SCALE), [0.5, 0.5]);
});

test('pixels and parts of the picture fit, with bars beside it and enlarged', () => {
  const whole = { scale: 1, x: 0, y: 0 };
  // A 4:3 picture in a 16:9 box: bars left and right.
  const bars = new Place({ width: 1600, height: 900 }, { width: 640, height: 480 }, whole);
  near(bars.pixel([0, 0]), [200, 0]);
  near(bars.pixel([1, 1]), [1400, 900]);
  near(bars.part([800, 450]), [0.5, 0.5]);
  assert.deepEqual(bars.scale, { w: 1200, h: 900 });
  const zoomed = new Place({ width: 1600, height: 900 }, { width: 640, height: 480 }, { scale: 4, x: 1.5, y: 1.5 });
  near(zoomed.pixel([0.5, 0.5]), [800, 450]);
  for (const p of [[0, 0], [0.3, 0.9], [1, 0.2]] as const) near(zoomed.part(zoomed.pixel(p)), p);
  // While its size is not known it fills its box.
  near(new Place({ width: 320, height: 180 }, { width: 0, height: 0 }, whole).pixel([1, 1]), [320, 180]);
});

test('every step goes back and forth, and a new one forgets what was undone', () => {
  const start = begin('a');
  const three = commit(commit(start, 'b'), 'c');
  assert.equal(undo(three).now, 'b');
  assert.equal(undo(undo(undo(three))).now, 'a');
  assert.equal(redo(undo(three)).now, 'c');
  assert.deepEqual(redo(commit(undo(three), 'd')), { past: ['a', 'b'], now: 'd', future: [] });
  assert.equal(commit(three, 'c'), three);
});

test('cells are read lowest bit first, and what does not fit is nothing', () => {
  const cells = decode(4, 2, b64(Uint8Array.of(0b1000_0101)));
  assert.deepEqual([...cells?.moving ?? []], [1, 0, 1, 0, 0, 0, 0, 1]);
  assert.deepEqual([...decode(3, 1, '')?.moving ?? []], [0, 0, 0]);
  assert.equal(decode(4, 2, b64(new Uint8Array(2))), undefined);
  assert.equal(decode(4, 2, '%'), undefined);
  assert.equal(decode(0xffff, 0xffff, ''), undefined);
  assert.equal(decode(0, 5, ''), undefined);
  assert.equal(parseToViewer('{"t":"cells","camera":"a","width":4,"height":2,"bits":"hQ"}')?.t, 'cells');
  assert.throws(() => parseToViewer('{"t":"cells","camera":"a","width":-4,"height":2,"bits":"hQ"}'));
});

test('cells needed are those of the streamer', () => {
  assert.deepEqual([1, 50, 100].map(cellsNeeded), [58, 7, 3]);
});

test('cells count inside of watched zones, and never in ignored or private ones', () => {
  const everywhere = mapOf({ sensitivity: 50, zones: [] }, 160, 90);
  assert.ok(everywhere.counts.every((bits) => bits === 1));
  const left: Polygon = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]];
  const watched = mapOf({ sensitivity: 50, zones: [zone({ points: left })] }, 160, 90);
  assert.equal(watched.counts.filter((bits) => bits !== 0).length, 80 * 90);
  for (const kind of ['ignore', 'privacy'] as const) {
    const map = mapOf({ sensitivity: 50, zones: [zone({ kind, points: left })] }, 160, 90);
    assert.equal(map.counts.filter((bits) => bits !== 0).length, 80 * 90);
    assert.equal(map.counts[0], 0);
  }
  const both = mapOf({ sensitivity: 50, zones: [zone({ points: left, sensitivity: 100 }), zone({ name: 'All', points: [[0, 0], [1, 0], [1, 1], [0, 1]], min_size: 10 })] }, 160, 90);
  assert.deepEqual([both.counts[0], both.counts[159], both.needed[0], both.needed[1]], [3, 2, 3, 1440]);
});

test('what is near to counting is said of the zone that is nearest', () => {
  const map = mapOf({ sensitivity: 50, zones: [zone({ points: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]] }), zone({ kind: 'ignore', points: [[0, 0], [0.1, 0], [0.1, 1], [0, 1]] })] }, 160, 90);
  const moving = new Uint8Array(160 * 90);
  for (const cell of [0, 1, 20, 21, 22, 100]) moving[cell] = 1;
  assert.deepEqual(read({ width: 160, height: 90, moving }, map), { moving: 3, needed: 7 });
  // Of another grid than the map's nothing is known.
  assert.deepEqual(read({ width: 2, height: 1, moving: Uint8Array.of(1, 1) }, map), { moving: 0, needed: 7 });
});

test('what a camera looks for is read with care', () => {
  const row = { name: 'Path', kind: 'watch', points: [[0.10000000149, 0], [1, 0], [1, 1.2]], min_duration: 0.5 };
  const read1 = parseLooking(utf8(JSON.stringify({ camera: 'a', active: true, sensitivity: 50, zones: [row] })));
  assert.deepEqual(read1?.zones[0], { name: 'Path', kind: 'watch', points: [[0.1, 0], [1, 0], [1, 1]], min_duration: 0.5 });
  for (const bad of ['', '[]', '{"camera":"a"}', JSON.stringify({ camera: 'a', active: true, sensitivity: 50, zones: [{ ...row, points: [[1]] }] })]) {
    assert.equal(parseLooking(utf8(bad)), undefined, bad);
  }
});

test('what the streamer would refuse is known before', () => {
  const of = (zones: ZoneRow[]): unknown => [...wrongs({ sensitivity: 50, zones }).entries()];
  assert.deepEqual(of([zone()]), []);
  assert.deepEqual(of([zone({ points: BOW })]), [[0, 'cross']]);
  assert.deepEqual(of([zone(), zone({ name: ' Path ' })]), [[1, 'twice']]);
  assert.deepEqual(of([zone({ name: ' ' }), zone({ name: 'é'.repeat(33) }), zone({ points: SQUARE.slice(2) })]), [[0, 'no_name'], [1, 'long_name'], [2, 'corners']]);
  assert.equal(sent({ sensitivity: 50, zones: [zone({ name: ' Path ' })] })[0]?.name, 'Path');
  assert.equal(freeName('Path', [zone(), zone({ name: 'Path 2' })]), 'Path 3');
});
