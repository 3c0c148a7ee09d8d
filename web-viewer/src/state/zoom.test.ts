import assert from 'node:assert/strict';
import { test } from 'node:test';
import { panBy, toggleAt, WHOLE, zoomAt } from './zoom';

test('a double tap zooms at the point and back', () => {
  const view = toggleAt(WHOLE, 0.5, 0.5);
  assert.deepEqual(view, { scale: 2.5, x: 0.75, y: 0.75 });
  assert.deepEqual(toggleAt(view, 0.1, 0.9), WHOLE);
});

test('what is under the finger stays there', () => {
  const before = zoomAt(WHOLE, 2, 0.3, 0.6);
  const at = (v: { scale: number; x: number }, p: number): number => (v.x + p) / v.scale;
  const after = zoomAt(before, 1.7, 0.4, 0.5);
  assert.ok(Math.abs(at(before, 0.4) - at(after, 0.4)) < 1e-9);
});

test('the picture never leaves its box', () => {
  assert.deepEqual(panBy(zoomAt(WHOLE, 2, 0, 0), 5, -5), { scale: 2, x: 0, y: 1 });
  assert.equal(zoomAt(WHOLE, 100, 0.5, 0.5).scale, 8);
  assert.deepEqual(zoomAt(zoomAt(WHOLE, 4, 1, 1), 0.01, 0.5, 0.5), WHOLE);
});
