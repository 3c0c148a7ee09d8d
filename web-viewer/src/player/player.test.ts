import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attached } from '../protocol/control';
import { CaptureClock, PeerClock } from './clock';
import { Freshness } from './freshness';
import { Gate, reached } from './gate';

const attached = (change: Partial<Attached> = {}): Attached => ({ kind: 'video', slot: 0, camera: 'a', layer: 'full', epoch: 1, rtp: 1000, ...change });

test('live up to two seconds, then stale, with the reason after five and the clock after sixty', () => {
  const fresh = new Freshness();
  assert.equal(fresh.at(0).kind, 'none');
  fresh.frame(10_000, 9_900);
  assert.deepEqual(fresh.at(10_100), { kind: 'live', ageMs: 200 });
  assert.equal(fresh.at(11_900).kind, 'live');
  const says = (now: number) => {
    const picture = fresh.at(now);
    return picture.kind === 'stale' ? picture.say : picture.kind;
  };
  assert.deepEqual([11_901, 14_900, 14_901, 69_900, 69_901].map(says), ['age', 'age', 'reason', 'reason', 'clock']);
  fresh.frame(80_000, 79_990);
  assert.equal(fresh.at(80_000).kind, 'live');
});

test('frames that keep coming but were captured long ago are not live', () => {
  const fresh = new Freshness();
  fresh.frame(10_000, 7_000);
  assert.equal(fresh.at(10_000).kind, 'stale');
});

test('a capture time that can not be is not believed', () => {
  const fresh = new Freshness();
  for (const captured of [undefined, 20_000, 10_000 - 4_000_000]) {
    fresh.frame(10_000, captured);
    assert.deepEqual(fresh.at(10_050), { kind: 'live', ageMs: 50 });
  }
});

test('RTP timestamps are compared modulo 2^32', () => {
  assert.ok(reached(1000, 1000) && reached(1001, 1000) && !reached(999, 1000));
  assert.ok(reached(5, 0xffff_fff0) && !reached(0xffff_fff0, 5));
});

test('nothing is shown before the first frame of the announced camera', () => {
  const gate = new Gate();
  assert.ok(!gate.frame(2000), 'nothing announced');
  gate.announce(attached());
  assert.ok(!gate.frame(999), 'a frame of before');
  assert.ok(gate.frame(1000));
  gate.ask('b', 'full');
  assert.ok(!gate.frame(5000), 'may be of either camera');
  gate.announce(attached({ epoch: 2, rtp: 9000 }));
  assert.ok(!gate.frame(9000), 'an answer that a newer question overtook');
  gate.announce(attached({ camera: 'b', epoch: 3, rtp: 9000 }));
  assert.ok(!gate.frame(8999));
  assert.ok(gate.frame(9000));
  gate.announce(attached({ camera: 'b', epoch: 2, rtp: 99_999 }));
  assert.ok(gate.frame(9001), 'an old announcement closes nothing');
});

test('without RTP timestamps the first frame after the announcement counts', () => {
  const gate = new Gate();
  assert.ok(!gate.frame(undefined));
  gate.announce(attached());
  assert.ok(gate.frame(undefined));
});

test('the offset is that of the quickest ping', () => {
  const clock = new PeerClock();
  assert.equal(clock.toOurs(5), undefined);
  clock.pong(1_000, 6_100, 6_100, 1_400);
  clock.pong(2_000, 7_005, 7_005, 2_010);
  clock.pong(3_000, 8_300, 8_300, 3_350);
  assert.equal(clock.rtt, 10);
  assert.equal(clock.toOurs(7_005), 2_005);
  clock.pong(5_000, 1, 999_999, 5_001);
  assert.equal(clock.rtt, 10, 'an answer from nowhere is not taken');
});

test('one anchor tells the capture time of all frames, over the wrap too', () => {
  const capture = new CaptureClock();
  assert.equal(capture.captured(1), undefined);
  capture.anchorAt(0xffff_ffff, 2_208_988_800_000 + 1_790_000_000_000);
  assert.equal(capture.captured(89), 1_790_000_000_001);
  assert.equal(capture.captured(0xffff_ffff - 90), 1_789_999_999_999);
  capture.anchorAt(0, 12_345);
  assert.equal(capture.captured(89), 1_790_000_000_001, 'no wall clock, no anchor');
});
