import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Camera } from '../protocol/control';
import { gridShape, layerFor, planSlots, slotCount, type Wanted } from './layout';

const full = (camera: string): Wanted => ({ camera, layer: 'full' });

test('the grid is that of the design', () => {
  const columns = (width: number) => [1, 2, 3, 4, 6, 9].map((n) => gridShape(n, width).columns);
  assert.deepEqual(columns(390), [1, 1, 2, 2, 2, 2]);
  assert.deepEqual(columns(700), [1, 2, 3, 2, 3, 3]);
  assert.deepEqual(columns(1280), [1, 2, 3, 2, 3, 3]);
  assert.equal(gridShape(3, 390).firstLarge, 'above');
  assert.equal(gridShape(3, 1280).firstLarge, 'left');
});

test('slots: room for every camera known, all of them on a first visit', () => {
  assert.deepEqual([0, 1, 4, 9, 30].map(slotCount), [9, 1, 4, 9, 9]);
});

test('a small tile asks for the small layer where there is one', () => {
  const camera: Camera = { id: 'a', name: 'A', state: 'live', width: 1280, height: 720, fps: 30, audio: false, layers: ['full', 'small'] };
  assert.equal(layerFor(camera, 300, 2), 'small');
  assert.equal(layerFor(camera, 390, 3), 'full');
  assert.equal(layerFor(camera, 0, 3), 'full');
  assert.equal(layerFor({ ...camera, layers: ['full'] }, 100, 1), 'full');
});

test('cameras keep their slots, and what is not wanted is let go', () => {
  const have = [full('a'), full('b'), undefined];
  assert.deepEqual(planSlots(have, [full('a'), full('b')]), []);
  assert.deepEqual(planSlots(have, [full('b'), full('c')]), [{ slot: 0, to: full('c') }]);
  assert.deepEqual(planSlots(have, [full('b')]), [{ slot: 0, to: undefined }]);
  assert.deepEqual(planSlots(have, [full('a'), { camera: 'b', layer: 'small' }]), [{ slot: 1, to: { camera: 'b', layer: 'small' } }]);
});

test('more cameras than slots: the first ones, once each', () => {
  assert.deepEqual(planSlots([undefined], [full('a'), full('b')]), [{ slot: 0, to: full('a') }]);
  assert.deepEqual(planSlots([full('a'), full('a')], [full('a')]), [{ slot: 1, to: undefined }]);
});
