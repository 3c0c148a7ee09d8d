// What the stats panel shows, from getStats, frame times and the streamer's own figures. Pure.
import type { FrameTimes } from '../player/slot';
import type { SlotStats } from '../protocol/control';

/** Entries of an RTCStatsReport, as plain data. */
export type Entry = Readonly<Record<string, unknown>>;

export type Path = 'host' | 'srflx' | 'relay' | 'unknown';

/** Counters of one slot at one moment. */
export interface Sample { atMs: number; bytes: number; packets: number; lost: number; decoded: number; freezes: number; codec: string }

export interface Rates { fps: number; mbit: number; lossPercent: number; freezes: number; codec: string }

const num = (entry: Entry | undefined, name: string): number => {
  const v = entry?.[name];
  return typeof v === 'number' ? v : 0;
};

export function sampleOf(entries: readonly Entry[], mid: string | null): Sample | undefined {
  const inbound = entries.find((e) => e.type === 'inbound-rtp' && e.kind === 'video' && e.mid === mid);
  if (!inbound) return undefined;
  const mime = entries.find((e) => e.type === 'codec' && e.id === inbound.codecId)?.mimeType;
  return {
    atMs: num(inbound, 'timestamp'), bytes: num(inbound, 'bytesReceived'), packets: num(inbound, 'packetsReceived'),
    lost: Math.max(0, num(inbound, 'packetsLost')), decoded: num(inbound, 'framesDecoded'), freezes: num(inbound, 'freezeCount'),
    codec: typeof mime === 'string' ? mime.replace(/^video\//, '') : '',
  };
}

export function ratesOf(before: Sample | undefined, now: Sample): Rates {
  const seconds = before ? (now.atMs - before.atMs) / 1000 : 0;
  const per = (a: number, b: number): number => (seconds > 0 ? Math.max(0, b - a) / seconds : 0);
  const lost = before ? Math.max(0, now.lost - before.lost) : 0;
  const received = before ? now.packets - before.packets : 0;
  return {
    fps: per(before?.decoded ?? 0, now.decoded), mbit: per(before?.bytes ?? 0, now.bytes) * 8 / 1e6,
    lossPercent: lost + received > 0 ? 100 * lost / (lost + received) : 0, freezes: now.freezes, codec: now.codec,
  };
}

/** The kind of path in use and its round trip in ms. */
export function pathOf(entries: readonly Entry[]): { path: Path; rttMs: number | undefined } {
  const transport = entries.find((e) => e.type === 'transport' && typeof e.selectedCandidatePairId === 'string');
  const pair = entries.find((e) => e.type === 'candidate-pair' && (transport ? e.id === transport.selectedCandidatePairId : e.nominated === true && e.state === 'succeeded'));
  if (!pair) return { path: 'unknown', rttMs: undefined };
  const kinds = [pair.localCandidateId, pair.remoteCandidateId].map((id) => entries.find((e) => e.id === id)?.candidateType);
  const rtt = pair.currentRoundTripTime;
  const path: Path = kinds.includes('relay') ? 'relay' : kinds.includes('srflx') ? 'srflx' : 'host';
  return { path, rttMs: typeof rtt === 'number' ? rtt * 1000 : undefined };
}

export const HOPS = ['capture', 'encode', 'send', 'network', 'buffer', 'show'] as const;
export type Hop = (typeof HOPS)[number];
export type Hops = Record<Hop, number> & { total: number };

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/**
 * From capture to the light of the screen, cut into hops that add up. Means over recent frames, because means add up
 * where medians don't. What the streamer reports is taken as it is, half a round trip is the network's share, and the
 * rest of the way to the receiver is the camera's; if the parts are longer than the whole, the network gives way first.
 */
export function hopsOf(frames: readonly FrameTimes[], server: SlotStats | undefined, rttMs: number | undefined): Hops | undefined {
  const timed = frames.flatMap(({ captured, received, presented, expected }) =>
    (captured === undefined ? [] : [{ captured, presented, received: received ?? presented, expected: Math.max(expected, presented) }]));
  if (timed.length === 0) return undefined;
  const total = Math.max(0, mean(timed.map((f) => f.expected - f.captured)));
  let left = total;
  const take = (ms: number): number => {
    const part = Math.min(Math.max(0, ms), left);
    left -= part;
    return part;
  };
  const show = take(mean(timed.map((f) => f.expected - f.presented)));
  const buffer = take(mean(timed.map((f) => f.presented - f.received)));
  const encode = take((server?.encode_us ?? 0) / 1000);
  const send = take(((server?.hub_us ?? 0) + (server?.send_us ?? 0)) / 1000);
  const network = take((rttMs ?? 0) / 2);
  return { capture: left, encode, send, network, buffer, show, total };
}
