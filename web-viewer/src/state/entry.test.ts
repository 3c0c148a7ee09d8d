import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decide, deviceName, type Facts, inAppBrowser } from './entry';

const LINK = '1AShzgK1NpEH6xjy9L-5QJ6RPrhcDt0YFaZdeTYdAzLEHwMfO1dzj6vH4_wYNFBsiKQA';
const CHROME = 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36';
const SAFARI = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1';
const INSTAGRAM = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 350.0';
const facts: Facts = {
  fragment: LINK, origin: { protocol: 'http:', host: '10.0.0.2:8080' }, userAgent: CHROME, standalone: false, visible: true, paired: [], anyway: false,
};

test('a link is paired with only while the page is seen', () => {
  assert.equal(decide(facts).go, 'pair');
  assert.equal(decide({ ...facts, visible: false }).go, 'wait');
});

test('a built-in browser leaves the code unused until told otherwise, seen or not', () => {
  assert.deepEqual(decide({ ...facts, userAgent: INSTAGRAM }), { go: 'inapp', browser: 'Safari' });
  assert.equal(decide({ ...facts, userAgent: INSTAGRAM, anyway: true }).go, 'pair');
  assert.equal(decide({ ...facts, userAgent: INSTAGRAM, anyway: true, visible: false }).go, 'wait');
});

test('built-in browsers are told from proper ones', () => {
  const wv = CHROME.replace('Pixel 9', 'Pixel 9; wv');
  for (const agent of [INSTAGRAM, wv, `${SAFARI} [FBAN/FBIOS]`, `${SAFARI} Line/14.0`]) assert.ok(inAppBrowser(agent, false), agent);
  for (const agent of [CHROME, SAFARI]) assert.ok(!inAppBrowser(agent, false), agent);
  // From the Home Screen an iPhone says no "Safari/" either.
  assert.ok(!inAppBrowser(SAFARI.replace(' Safari/604.1', ''), true));
});

test('damaged links, known devices and new ones', () => {
  assert.equal(decide({ ...facts, fragment: LINK.slice(0, 40) }).go, 'bad_link');
  assert.equal(decide({ ...facts, fragment: '', paired: ['x'] }).go, 'view');
  assert.equal(decide({ ...facts, fragment: '' }).go, 'home');
});

test('devices are named by what they are', () => {
  assert.equal(deviceName(CHROME), 'Android, Chrome');
  assert.equal(deviceName(SAFARI), 'iPhone, Safari');
});
