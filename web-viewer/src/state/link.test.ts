import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs } from './backoff';
import { type Ended, handle, type LinkEvent, type LinkState, wakeAt } from './link';

const run = (events: [number, LinkEvent][], from: LinkState = { at: 'idle' }) =>
  events.reduce((o, [now, event]) => {
    const next = handle(o.state, now, event, 0.5);
    return { state: next.state, effects: [...o.effects, ...next.effects] };
  }, { state: from, effects: [] as string[] });

const end = (ended: Ended): LinkEvent => ({ type: 'ended', ended });

test('a live session that breaks is tried again at once, and says so', () => {
  const { state, effects } = run([[0, { type: 'start' }], [1, { type: 'connected' }], [9_000, end({ kind: 'lost' })]]);
  assert.deepEqual(effects, ['connect', 'connect']);
  assert.ok(state.at === 'connecting' && state.seen && state.tries === 1);
});

test('tries get rarer up to the cap and start anew once connected', () => {
  let state: LinkState = { at: 'idle' };
  let now = 0;
  const waits: number[] = [];
  state = handle(state, now, { type: 'start' }, 0.5).state;
  for (let i = 0; i < 8; i += 1) {
    state = handle(state, now, end({ kind: 'unreachable' }), 0.5).state;
    const due = wakeAt(state) ?? 0;
    waits.push(due - now);
    assert.deepEqual(handle(state, due - 1, { type: 'tick' }, 0.5).effects, [], 'not before its time');
    now = due;
    state = handle(state, now, { type: 'tick' }, 0.5).state;
  }
  assert.deepEqual(waits, [...waits].sort((a, b) => a - b));
  assert.equal(waits.at(-1), 15_000);
  state = run([[now, { type: 'connected' }], [now, end({ kind: 'bye', why: 'stopping' })]], state).state;
  assert.ok(state.at === 'waiting' && state.tries === 0);
});

test('jitter stays within a quarter', () => {
  for (const random of [0, 0.25, 0.999]) {
    const ms = backoffMs(3, random);
    assert.ok(ms >= 3_000 && ms <= 5_000, String(ms));
  }
});

test('an offline camera is watched for, and its return tries at once', () => {
  const { state, effects } = run([[0, { type: 'start' }], [10, end({ kind: 'offline' })]]);
  assert.deepEqual(effects, ['connect', 'watch']);
  assert.deepEqual(handle(state, 11, { type: 'retry' }, 0.5).effects, ['connect']);
});

test('what trying again would not help stops', () => {
  for (const why of ['used', 'expired', 'revoked', 'guest_ended', 'old_viewer', 'old_camera', 'replaced'] as const) {
    const { state } = run([[0, { type: 'start' }], [1, end({ kind: 'refused', refused: { why } })]]);
    assert.equal(state.at, 'stopped', why);
    assert.deepEqual(handle(state, 99_999, { type: 'tick' }, 0.5).effects, []);
    assert.equal(run([[0, { type: 'start' }], [1, { type: 'connected' }], [2, end({ kind: 'bye', why })]]).state.at, 'stopped', why);
  }
});

test('a busy streamer is asked again when it said', () => {
  const { state } = run([[0, { type: 'start' }], [1_000, end({ kind: 'refused', refused: { why: 'busy', count: 16, retry_s: 30 } })]]);
  assert.equal(wakeAt(state), 31_000);
});

test('what trying again rarely mends is retried twice, then shown', () => {
  const kinds: Ended[] = [
    { kind: 'tampered', detail: 'x' }, { kind: 'fault', detail: 'x' }, { kind: 'bye', why: 'protocol' }, { kind: 'refused', refused: { why: 'protocol' } },
  ];
  for (const ended of kinds) {
    let state = run([[0, { type: 'start' }], [1, end(ended)]]).state;
    assert.equal(state.at, 'waiting');
    state = run([[2, { type: 'retry' }], [3, end(ended)], [4, { type: 'retry' }], [5, end(ended)]], state).state;
    assert.equal(state.at, 'stopped', JSON.stringify(ended));
  }
  // Control: an outage is tried for as long as it lasts.
  let state = run([[0, { type: 'start' }]]).state;
  for (let now = 1; now < 40; now += 2) state = run([[now, end({ kind: 'unreachable' })], [now + 1, { type: 'retry' }]], state).state;
  assert.equal(state.at, 'connecting');
});

test('a session that connects and breaks the same way each time is not begun for ever, unless it stood a while', () => {
  const broken = end({ kind: 'bye', why: 'protocol' });
  const after = (stood: number): LinkState => {
    let state: LinkState = { at: 'idle' };
    for (let i = 0, now = 0; i < 3; i += 1, now += stood + 10) {
      state = run([[now, i === 0 ? { type: 'start' } : { type: 'retry' }], [now + 1, { type: 'connected' }], [now + 2 + stood, broken]], state).state;
    }
    return state;
  };
  assert.equal(after(100).at, 'stopped');
  assert.equal(after(100_000).at, 'waiting');
});

test('a server that speaks a newer version stops it; one that is crowded does not', () => {
  assert.equal(run([[0, { type: 'start' }], [1, end({ kind: 'server', code: 'version' })]]).state.at, 'stopped');
  assert.equal(run([[0, { type: 'start' }], [1, end({ kind: 'server', code: 'limit' })]]).state.at, 'waiting');
});

test('news of a try that is over changes nothing', () => {
  const { state } = run([[0, { type: 'start' }], [1, end({ kind: 'unreachable' })]]);
  assert.equal(handle(state, 2, end({ kind: 'lost' }), 0.5).state, state);
  assert.equal(handle(state, 2, { type: 'connected' }, 0.5).state, state);
});
