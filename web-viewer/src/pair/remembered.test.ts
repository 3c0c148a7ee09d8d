import assert from 'node:assert/strict';
import { test } from 'node:test';
import { marked, wasPaired } from './remembered';

test('the mark in the address tells a page that lost its key from a new one, and from one that moved', () => {
  const mark = marked('?lang=fr', '10.0.0.2:8080');
  assert.equal(mark, '?lang=fr&home=10.0.0.2%3A8080');
  assert.equal(wasPaired(mark, '10.0.0.2:8080'), 'here');
  assert.equal(wasPaired(mark, '10.0.0.7:8080'), 'elsewhere');
  assert.equal(wasPaired('?lang=fr', '10.0.0.2:8080'), 'never');
  assert.equal(marked(mark, undefined), '?lang=fr');
});
