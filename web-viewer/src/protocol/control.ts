// The control channel's messages, as in shared/src/protocol/control.rs.
import type { SlotKind, Why } from './wire';

/** Largest control message in bytes. */
export const MAX_MESSAGE = 16 * 1024;

export type Role = 'view' | 'talk' | 'playback' | 'admin';
export type Layer = 'full' | 'small';
export type CameraState = 'starting' | 'live' | 'backoff' | 'stopped';
export type CameraReason = 'gone' | 'busy' | 'stalled' | 'format' | 'file' | 'unreachable' | 'auth' | 'other';
export type RefusedWhy = 'role' | 'unknown_camera' | 'unknown_slot' | 'unavailable' | 'busy' | 'invalid' | 'kept';
/** Why something is, or was, recorded; `found` where only the file is known. */
export type Cause = 'motion' | 'always' | 'schedule' | 'manual' | 'found';

/** How the house is watched over (shared/src/protocol/house.rs). */
export type HouseMode = 'home' | 'away' | 'privacy';
export type ZoneKind = 'watch' | 'ignore' | 'privacy';

/** A part of the picture: corners from 0 to 1 of it, `min_size` in percent of it, `min_duration` in seconds. */
export interface ZoneRow {
  name: string; kind: ZoneKind; points: readonly (readonly [number, number])[]; sensitivity?: number; min_size?: number; min_duration: number;
}

/** Unix time in microseconds. */
export type WallTime = number;

export interface Camera {
  id: string; name: string; state: CameraState; reason?: CameraReason; retry_s?: number; last_frame?: WallTime;
  width: number; height: number; fps: number; audio: boolean; layers: Layer[]; recording?: Cause;
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
  | { t: 'motion'; camera: string; moving: boolean; zones: string[] }
  | { t: 'mode'; mode: string }
  | { t: 'cells'; camera: string; width: number; height: number; bits: string }
  | { t: 'done'; re: number }
  | { t: 'refused'; re: number; why: RefusedWhy }
  | { t: 'bulk_begin'; re: number; id: number; bytes?: number; mime: string; at?: WallTime }
  | { t: 'bulk_end'; id: number; ok: boolean; bytes?: number; next?: WallTime }
  | { t: 'bye'; why: Why };

/** What was recorded, what is done with it, and the house (docs/protocol.md sections 7 and 8); `re` is added where it is sent. */
export type Asking =
  | { t: 'past'; camera: string; from: WallTime; to: WallTime }
  | { t: 'picture'; camera: string; at: WallTime; width: number }
  | { t: 'thumb'; id: number }
  | { t: 'play'; camera: string; from: WallTime; to?: WallTime; follow?: boolean }
  | { t: 'export'; camera: string; from: WallTime; to: WallTime }
  | { t: 'keep'; id: number; kept: boolean }
  | { t: 'delete'; id: number }
  | { t: 'record'; camera: string; seconds?: number }
  | { t: 'record_stop'; camera: string }
  | { t: 'looking'; camera: string }
  | { t: 'set_looking'; camera: string; sensitivity?: number; zones: ZoneRow[] }
  | { t: 'set_mode'; mode: HouseMode };

export type ToStreamer =
  | (Asking & { re: number })
  | { t: 'watch'; re: number; slot: number; camera: string; layer: Layer }
  | { t: 'unwatch'; re: number; slot: number }
  | { t: 'listen'; re: number; slot: number; camera: string | null }
  | { t: 'key'; slot: number }
  | { t: 'ping'; id: number; sent: WallTime }
  | { t: 'snapshot'; re: number; camera: string }
  | { t: 'bulk_ack'; id: number; bytes: number }
  | { t: 'bulk_cancel'; id: number }
  | { t: 'cells'; re: number; camera: string; on: boolean }
  | { t: 'rename'; re: number; name: string }
  | { t: 'bye'; why: Why };
