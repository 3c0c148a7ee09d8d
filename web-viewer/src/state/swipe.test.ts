import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stepFrom, swipeOf } from './swipe';

const swipe = (x: number, dx: number, dy = 0, ms = 1000): ReturnType<typeof swipeOf> =>
  swipeOf({ from: { x, y: 100, atMs: 0 }, to: { x: x + dx, y: 100 + dy, atMs: ms }, width: 400, screen: 400 });

test('a quarter of the width or a flick changes the camera', () => {
  assert.equal(swipe(300, -101), 'next');
  assert.equal(swipe(100, 101), 'previous');
  assert.equal(swipe(300, -99), undefined);
  assert.equal(swipe(300, -60, 0, 100), 'next');
  assert.equal(swipe(300, -30, 0, 10), undefined, 'a tap that trembled');
});

test('within 24 px of the screen’s edge it belongs to the system', () => {
  assert.equal(swipe(23, 200), undefined);
  assert.equal(swipe(24, 200), 'previous');
  assert.equal(swipe(377, -200), undefined);
  assert.equal(swipe(376, -200), 'next');
});

test('downwards leaves full screen; upwards and aslant is nothing', () => {
  assert.equal(swipe(200, 0, 150), 'down');
  assert.equal(swipe(200, 0, -150), undefined);
  assert.equal(swipe(200, 150, 140), undefined);
});

test('cameras follow each other round and round', () => {
  const cameras = [{ id: 'a' }, { id: 'b' }, { id: 'c' }];
  assert.equal(stepFrom(cameras, 'c', 1)?.id, 'a');
  assert.equal(stepFrom(cameras, 'a', -1)?.id, 'c');
  assert.equal(stepFrom(cameras, 'gone', 1)?.id, 'b');
  assert.equal(stepFrom([], 'a', 1), undefined);
});
