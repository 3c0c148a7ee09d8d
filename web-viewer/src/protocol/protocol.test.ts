import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unb64, unhex } from './bytes';
import { close, decode, FrameError, openPairing, openSession, watch } from './frames';
import { parseFromCamera, parsePairReply, parseToViewer } from './parse';
import { ShapeError } from './shape';

const chan = unhex('0123456789abcdef');

test('frames are laid out as in docs/protocol.md', () => {
  assert.deepEqual(openSession(chan, new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)), unhex(`01100123456789abcdef01${'01'.repeat(16)}${'02'.repeat(16)}`));
  assert.deepEqual(openPairing(chan, new Uint8Array(16).fill(3)), unhex(`01100123456789abcdef02${'03'.repeat(16)}`));
  assert.deepEqual(watch(chan, new Uint8Array(16), new Uint8Array(16)).length, 42);
  assert.deepEqual(close(chan, 'peer_gone'), unhex('01130123456789abcdef05'));
});

test('frames from the server are read, unknown types ignored, broken ones refused', () => {
  assert.deepEqual(decode(unhex('01130123456789abcdef01')), { type: 'close', chan, code: 'offline' });
  assert.deepEqual(decode(unhex('01150123456789abcdef01')), { type: 'presence', chan, online: true });
  assert.deepEqual(decode(unhex('0116000000000000000001f4')), { type: 'drain', retrySecs: 500 });
  assert.deepEqual(decode(unhex('01170000000000000000043a29')), { type: 'error', code: 'rate' });
  assert.equal(decode(unhex('01990123456789abcdef')), undefined);
  for (const broken of ['', '01', '02120123456789abcdef', '01130123456789abcdef', '01130123456789abcdef0000', '011600000000000000000a']) {
    assert.throws(() => decode(unhex(broken)), FrameError, broken);
  }
  assert.throws(() => decode(new Uint8Array(16_385)), FrameError);
});

test('any bytes decode or are refused, nothing else happens', () => {
  let seed = 7;
  for (let n = 0; n < 2_000; n += 1) {
    const bytes = Uint8Array.from({ length: n % 40 }, () => (seed = seed * 1_103_515_245 + 12_345 >>> 0) >>> 24);
    if (bytes.length > 0) bytes[0] = 1;
    try {
      decode(bytes);
    } catch (error) {
      assert.ok(error instanceof FrameError);
    }
  }
});

const camera = { id: 'yard', name: 'Yard', state: 'live', width: 1, height: 1, fps: 29.97, audio: true, layers: ['full', 'huge'] };

test('control messages are checked; what a newer streamer adds is left out', () => {
  const hello = parseToViewer(JSON.stringify({ t: 'hello', v: 1, place: 'Home', device: 'd', roles: ['view', 'fly'], cameras: [camera], more: 1 }));
  assert.ok(hello?.t === 'hello');
  assert.deepEqual(hello.roles, ['view']);
  assert.deepEqual(hello.cameras[0]?.layers, ['full']);
  assert.equal(parseToViewer('{"t":"from_the_future"}'), undefined);
  const odd = parseToViewer(JSON.stringify({ t: 'cameras', cameras: [{ ...camera, state: 'backoff', reason: 'melted' }] }));
  assert.ok(odd?.t === 'cameras' && odd.cameras[0]?.reason === 'other');
});

test('malformed control messages are refused', () => {
  for (const bad of [
    '', 'null', '[]', '{}', '{"t":1}', '{"t":"hello"}', '{"t":"attached","kind":"video","slot":-1}', '{"t":"pong","id":1,"received":1e400,"sent":1}',
    '{"t":"detached","kind":"smell","slot":1,"epoch":1}', '{"t":"watching","names":[1]}', '{"t":"hello","__proto__":{"v":1}}',
    JSON.stringify({ t: 'watching', names: Array.from({ length: 300 }, () => 'x') }), `{"t":"bye","why":"${'x'.repeat(20_000)}"}`,
  ]) assert.throws(() => parseToViewer(bad), ShapeError, bad.slice(0, 60));
});

test('sealed messages are checked', () => {
  assert.deepEqual(parseFromCamera('{"t":"bye","why":"stopping"}'), { t: 'bye', why: 'stopping' });
  assert.equal(parseFromCamera('{"t":"new"}'), undefined);
  assert.throws(() => parseFromCamera('{"t":"offer","v":1}'), ShapeError);
  assert.deepEqual(parsePairReply('{"t":"refused","why":"used","who":"Anna"}'), { t: 'refused', why: 'used', who: 'Anna' });
  assert.throws(() => parsePairReply('{"t":"welcome"}'), ShapeError);
});

test('base64url that is not canonical is refused', () => {
  assert.deepEqual(unb64('AQI'), new Uint8Array([1, 2]));
  for (const bad of ['AQI=', 'AQJ', 'A', 'A+', 'A Q']) assert.equal(unb64(bad), undefined, bad);
  assert.equal(unb64('AQI', 3), undefined);
});
