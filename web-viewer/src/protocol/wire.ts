// The sealed payloads, as in shared/src/protocol/wire.rs. Byte strings are unpadded base64url text.
import type { Attached, Camera, Layer, Role } from './control';

/** The sealed protocol's version that this page speaks. */
export const VERSION = 1;

export type B64 = string;

export type Why =
  | 'used' | 'expired' | 'revoked' | 'guest_ended' | 'busy' | 'old_viewer' | 'old_camera' | 'replaced' | 'stopping' | 'left' | 'protocol';

export type SlotKind = 'video' | 'audio';

export interface PairHello { v: number; device: string; platform: 'web'; insecure: boolean }

export interface Refused { why: Why; who?: string; count?: number; retry_s?: number }

export interface PairWelcome {
  v: number; roles: Role[]; cap: B64; psk: B64; mailbox: B64; servers: string[]; place: string; device: string; roster_epoch: number;
}

export type PairReply = ({ t: 'welcome' } & PairWelcome) | ({ t: 'refused' } & Refused);

export interface WatchWish { slot: number; camera?: string; layer: Layer }

export interface Join { v: number; sid: B64; ctr: number; slots: number; watch: WatchWish[]; audio: boolean }

export interface IceServer { urls: string[]; username?: string; credential?: string }

export interface SlotMid { kind: SlotKind; slot: number; mid: string }

export interface Offer {
  v: number; sdp: string; fp: B64; kb: B64; ice_servers: IceServer[]; slots: SlotMid[]; cameras: Camera[]; attached: Attached[];
}

export interface Candidate { cand: string; mid: string }

export type FromCamera =
  | ({ t: 'offer' } & Offer)
  | ({ t: 'refused' } & Refused)
  | ({ t: 'cand' } & Candidate)
  | { t: 'cand_end' }
  | { t: 'bye'; why: Why };

export type FromViewer =
  | { t: 'answer'; sdp: string; fp: B64; kb: B64 }
  | { t: 'pair_ok' }
  | ({ t: 'cand' } & Candidate)
  | { t: 'cand_end' }
  | { t: 'bye'; why: Why };
