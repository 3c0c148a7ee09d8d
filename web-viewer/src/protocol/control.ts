// The control channel's messages, as in shared/src/protocol/control.rs.
import type { SlotKind, Why } from './wire';

/** Largest control message in bytes. */
export const MAX_MESSAGE = 16 * 1024;

export type Role = 'view' | 'talk' | 'playback' | 'admin';
export type Layer = 'full' | 'small';
export type CameraState = 'starting' | 'live' | 'backoff' | 'stopped';
export type CameraReason = 'gone' | 'busy' | 'stalled' | 'format' | 'file' | 'unreachable' | 'auth' | 'other';
export type RefusedWhy = 'role' | 'unknown_camera' | 'unknown_slot' | 'unavailable' | 'busy' | 'invalid';

/** Unix time in microseconds. */
export type WallTime = number;

export interface Camera {
  id: string; name: string; state: CameraState; reason?: CameraReason; retry_s?: number; last_frame?: WallTime;
  width: number; height: number; fps: number; audio: boolean; layers: Layer[];
}

/** From RTP timestamp `rtp` on (modulo 2^32), the slot's frames are of `camera`. */
export interface Attached { kind: SlotKind; slot: number; camera: string; layer: Layer; epoch: number; rtp: number }

export interface SlotStats {
  slot: number; epoch: number; encode_us: number; hub_us: number; send_us: number;
  frames: number; bytes: number; dropped: number; target_bps: number;
}

export type ToViewer =
  | { t: 'hello'; v: number; place: string; device: string; roles: Role[]; cameras: Camera[] }
  | { t: 'cameras'; cameras: Camera[] }
  | ({ t: 'attached' } & Attached)
  | { t: 'detached'; kind: SlotKind; slot: number; epoch: number }
  | { t: 'pong'; id: number; received: WallTime; sent: WallTime }
  | ({ t: 'slot_stats' } & SlotStats)
  | { t: 'watching'; names: string[] }
  | { t: 'done'; re: number }
  | { t: 'refused'; re: number; why: RefusedWhy }
  | { t: 'bulk_begin'; re: number; id: number; bytes: number; mime: string }
  | { t: 'bulk_end'; id: number; ok: boolean }
  | { t: 'bye'; why: Why };

export type ToStreamer =
  | { t: 'watch'; re: number; slot: number; camera: string; layer: Layer }
  | { t: 'unwatch'; re: number; slot: number }
  | { t: 'listen'; re: number; slot: number; camera: string | null }
  | { t: 'key'; slot: number }
  | { t: 'ping'; id: number; sent: WallTime }
  | { t: 'snapshot'; re: number; camera: string }
  | { t: 'bulk_ack'; id: number; bytes: number }
  | { t: 'bulk_cancel'; id: number }
  | { t: 'rename'; re: number; name: string }
  | { t: 'bye'; why: Why };
