// A made-up streamer that knows only of the past: lists and pictures by their times, no films.
import type { Back } from '../src/past/back';
import type { Session } from '../src/peer/session';
import type { ToStreamer, ToViewer } from '../src/protocol/control';
import type { Viewer } from '../src/viewer';
import type { Watch } from '../src/watch';

const MIN = 60_000;
const us = (ms: number): number => Math.round(ms * 1000);

/** Hours of files of ten minutes, with quiet between some and trouble in one; `marks` events over the last month. */
function past(now: number, from: number, to: number, marks: number): object {
  const spans = [];
  for (let at = Math.floor((now - 30 * 24 * 60 * MIN) / MIN) * MIN; at < now; at += 10 * MIN) {
    const ago = (now - at) / MIN;
    if (ago > 35 && ago < 50 || ago > 200 && ago < 260 || at / MIN % 7 === 0) continue;
    const end = Math.min(at + 10 * MIN, now);
    if (end < from || at > to) continue;
    const why = ago > 180 && ago < 280 ? 'always' : 'motion';
    spans.push([ago < 10 ? null : Math.round(at / MIN), us(at), us(end), why, Math.round(at / MIN / 10) % 5 === 0, true, 20_000_000]);
  }
  const motion = [];
  const apart = 30 * 24 * 60 * MIN / marks;
  for (let i = marks; i > 0; i -= 1) {
    const at = now - i * apart - i * 7919 % apart / 2;
    if (at + 20_000 > from && at < to) motion.push([i, us(at), us(at + 4_000 + i * 37 % 20_000), (i * 31 % 97) / 100, i % 3 === 0 ? ['Path'] : []]);
  }
  return {
    camera: 'c0', from: us(from), to: us(to), now: us(now), zone: { name: 'Europe/Paris', offsets: [[us(from), 3600]] },
    spans, motion, room: { oldest: us(now - 30 * 24 * 60 * MIN) }, more: false,
  };
}

async function picture(at: number): Promise<Uint8Array> {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [640, 360];
  const g = canvas.getContext('2d');
  if (g) {
    g.fillStyle = `hsl(${at / MIN * 8 % 360} 40% 45%)`;
    g.fillRect(0, 0, 640, 360);
    g.fillStyle = '#fff';
    g.font = '40px sans-serif';
    g.fillText(new Date(at).toISOString().slice(11, 19), 40, 320);
  }
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', 0.8));
  return new Uint8Array(await (blob ?? new Blob()).arrayBuffer());
}

const WINDOW = 256 * 1024;

/** A film of a minute, again and again: each stream is one minute of the clock. Undefined where the site has none. */
async function film(): Promise<Uint8Array | undefined> {
  const found = await fetch('film.mp4').catch(() => undefined);
  return found?.ok ? new Uint8Array(await found.arrayBuffer()) : undefined;
}

/** Gives the page what it would have from a streamer that records. `marks`: how much moved in the last month. */
export async function lookBack(viewer: Viewer, { marks = 900, delayMs = 0 } = {}): Promise<Back> {
  const looking = await import('../src/ui/past/load').then((m) => m.look(viewer));
  const { back } = looking;
  let [re, id] = [0, 0];
  const acked = new Map<number, number>();
  const send = (of: number, offset: number, part: Uint8Array): void => {
    const message = new Uint8Array(12 + part.length);
    new DataView(message.buffer).setUint32(0, of);
    new DataView(message.buffer).setBigUint64(4, BigInt(offset));
    message.set(part, 12);
    back.data(message.buffer);
  };
  const answer = async (ask: ToStreamer): Promise<void> => {
    if (ask.t === 'bulk_ack') acked.set(ask.id, ask.bytes);
    if (ask.t === 'bulk_cancel') acked.set(ask.id, -1);
    if (ask.t === 'play') {
      const bytes = await film();
      if (!bytes) return;
      id += 1;
      const stream = id;
      const minute = Math.floor(ask.from / us(MIN)) * us(MIN);
      back.control({ t: 'bulk_begin', re: ask.re, id: stream, mime: 'video/mp4; codecs="avc3.42c01e,opus"', at: minute });
      for (let offset = 0; offset < bytes.length;) {
        const taken = acked.get(stream) ?? 0;
        if (taken < 0) return;
        if (offset - taken >= WINDOW) {
          await new Promise((done) => { setTimeout(done, 5); });
          continue;
        }
        send(stream, offset, bytes.slice(offset, offset + 16_000));
        offset += 16_000;
      }
      back.control({ t: 'bulk_end', id: stream, ok: true, bytes: bytes.length, next: minute + us(MIN) });
      return;
    }
    let bytes: Uint8Array | undefined;
    let at: number | undefined;
    if (ask.t === 'past') bytes = new TextEncoder().encode(JSON.stringify(past(Date.now(), ask.from / 1000, ask.to / 1000, marks)));
    if (ask.t === 'picture') {
      at = Math.floor(ask.at / 2_000_000) * 2_000_000;
      bytes = await picture(at / 1000);
    }
    if (!bytes || !('re' in ask)) return;
    if (delayMs > 0) await new Promise((done) => { setTimeout(done, delayMs); });
    id += 1;
    const begin: ToViewer = { t: 'bulk_begin', re: ask.re, id, bytes: bytes.length, mime: 'x', ...(at === undefined ? {} : { at }) };
    back.control(begin);
    for (let offset = 0; offset < bytes.length; offset += 16_000) send(id, offset, bytes.slice(offset, offset + 16_000));
    back.control({ t: 'bulk_end', id, ok: true });
  };
  viewer.watch = { selected: viewer.model.cameras[0], visible: () => undefined } as unknown as Watch;
  const session = { clock: { toTheirs: (ms: number) => ms }, request: () => (re += 1), send: (ask: ToStreamer) => void answer(ask) };
  await back.join(session as unknown as Session);
  viewer.model.deck = true;
  viewer.model.looking = looking;
  Object.assign(window, { back });
  return back;
}
