// Checks what a camera sent before anything else looks at it. A message of an unknown type gives undefined (it is
// ignored); one that is malformed throws `ShapeError`.
import type { Camera, ToViewer } from './control';
import { MAX_MESSAGE } from './control';
import { flag, integer, known, list, maybe, number, object, oneOf, type Shape, ShapeError, tag, text, whole } from './shape';
import type { FromCamera, PairReply } from './wire';

const u32 = whole(0xffff_ffff);
const why = oneOf('used', 'expired', 'revoked', 'guest_ended', 'busy', 'old_viewer', 'old_camera', 'replaced', 'stopping', 'left', 'protocol');
const kind = oneOf('video', 'audio');
const layer = oneOf('full', 'small');
const role = oneOf('view', 'talk', 'playback', 'admin');
const slot = whole(63);

/** A reason that a newer streamer may have added becomes `other`. */
const reason: Shape<NonNullable<Camera['reason']>> = (v, w) => {
  const names = ['gone', 'busy', 'stalled', 'format', 'file', 'unreachable', 'auth', 'other'] as const;
  return names.find((n) => n === text(v, w)) ?? 'other';
};

/** As above: a cause that is not known is one all the same. */
const cause: Shape<NonNullable<Camera['recording']>> = (v, w) => {
  const names = ['motion', 'always', 'schedule', 'manual', 'found'] as const;
  return names.find((n) => n === text(v, w)) ?? 'found';
};

const camera = object({
  id: text, name: text, state: oneOf('starting', 'live', 'backoff', 'stopped'), reason: maybe(reason), retry_s: maybe(u32),
  last_frame: maybe(integer), width: u32, height: u32, fps: number, audio: flag, layers: known(layer),
  recording: maybe(cause),
});
const attached = object({ kind, slot, camera: text, layer, epoch: u32, rtp: u32 });
const refused = object({ why, who: maybe(text), count: maybe(u32), retry_s: maybe(u32) });

const offer = object({
  v: u32, sdp: text, fp: text, kb: text,
  ice_servers: list(object({ urls: list(text), username: maybe(text), credential: maybe(text) })),
  slots: list(object({ kind, slot, mid: text })), cameras: list(camera), attached: list(attached),
});

const welcome = object({
  v: u32, roles: known(role), cap: text, psk: text, mailbox: text, servers: list(text), place: text, device: text, roster_epoch: whole(),
});

function json(source: string): unknown {
  try {
    return JSON.parse(source) as unknown;
  } catch {
    throw new ShapeError('not JSON');
  }
}

export function parsePairReply(source: string): PairReply {
  const v = json(source);
  const t = tag(v);
  if (t === undefined) throw new ShapeError('no type');
  switch (t) {
    case 'welcome': return { t: 'welcome', ...welcome(v, 'welcome') };
    case 'refused': return { t: 'refused', ...refused(v, 'refused') };
    default: throw new ShapeError('neither welcome nor refused');
  }
}

export function parseFromCamera(source: string): FromCamera | undefined {
  const v = json(source);
  const t = tag(v);
  if (t === undefined) throw new ShapeError('no type');
  switch (t) {
    case 'offer': return { t: 'offer', ...offer(v, 'offer') };
    case 'refused': return { t: 'refused', ...refused(v, 'refused') };
    case 'cand': return { t: 'cand', ...object({ cand: text, mid: text })(v, 'cand') };
    case 'cand_end': return { t: 'cand_end' };
    case 'bye': return { t: 'bye', ...object({ why })(v, 'bye') };
    default: return undefined;
  }
}

export function parseToViewer(source: string): ToViewer | undefined {
  if (source.length > MAX_MESSAGE) throw new ShapeError('too large');
  const v = json(source);
  const t = tag(v);
  if (t === undefined) throw new ShapeError('no type');
  switch (t) {
    case 'hello': return { t: 'hello', ...object({ v: u32, place: text, device: text, roles: known(role), cameras: list(camera) })(v, 'hello') };
    case 'cameras': return { t: 'cameras', ...object({ cameras: list(camera) })(v, 'cameras') };
    case 'attached': return { t: 'attached', ...attached(v, 'attached') };
    case 'detached': return { t: 'detached', ...object({ kind, slot, epoch: u32 })(v, 'detached') };
    case 'pong': return { t: 'pong', ...object({ id: u32, received: integer, sent: integer })(v, 'pong') };
    case 'slot_stats':
      return {
        t: 'slot_stats',
        ...object({
          slot, epoch: u32, encode_us: u32, hub_us: u32, send_us: u32, frames: u32, bytes: u32, dropped: u32, target_bps: u32,
        })(v, 'slot_stats'),
      };
    case 'watching': return { t: 'watching', ...object({ names: list(text) })(v, 'watching') };
    case 'motion': return { t: 'motion', ...object({ camera: text, moving: flag, zones: list(text) })(v, 'motion') };
    // A newer streamer may know more modes than have a word here.
    case 'mode': return { t: 'mode', ...object({ mode: text })(v, 'mode') };
    case 'cells': return { t: 'cells', ...object({ camera: text, width: u32, height: u32, bits: text })(v, 'cells') };
    case 'done': return { t: 'done', ...object({ re: u32 })(v, 'done') };
    case 'refused':
      return {
        t: 'refused',
        ...object({ re: u32, why: oneOf('role', 'unknown_camera', 'unknown_slot', 'unavailable', 'busy', 'invalid', 'kept') })(v, 'refused'),
      };
    case 'bulk_begin': return { t: 'bulk_begin', ...object({ re: u32, id: u32, bytes: maybe(whole()), mime: text, at: maybe(integer) })(v, 'bulk_begin') };
    case 'bulk_end': return { t: 'bulk_end', ...object({ id: u32, ok: flag, bytes: maybe(whole()), next: maybe(integer) })(v, 'bulk_end') };
    case 'bye': return { t: 'bye', ...object({ why })(v, 'bye') };
    default: return undefined;
  }
}
