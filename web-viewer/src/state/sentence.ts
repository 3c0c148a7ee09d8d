// Which sentence each state has. Pure.
import type { Camera, HouseMode } from '../protocol/control';
import type { Words, Sentence } from '../words';
import { type Ended, type LinkState, saidBy } from './link';
import type { CardAction } from './model';

/** After this long the reason stands beside what is being done. */
const REASON_MS = 4_000;
/** After this long "Try again" is offered. */
const SLOW_MS = 10_000;

export interface Situation { online: boolean; /** The server is not on the internet. */ localServer: boolean; /** The browser blocks the local network. */ lanDenied: boolean }

export interface LinkLine { line: Sentence; reason: Sentence | undefined; slow: boolean }

/** Undefined while the connection stands. */
export function linkLine(link: LinkState, now: number, where: Situation): LinkLine | undefined {
  switch (link.at) {
    case 'idle':
      return { line: { key: 'c_finding' }, reason: undefined, slow: false };
    case 'connecting': {
      const line: Sentence = link.seen ? { key: 'lost', params: { n: link.tries } } : { key: `c_${link.step}` };
      const long = now - link.since > REASON_MS;
      const reason = where.online ? undefined : { key: 'offline_me' as const };
      return { line, reason: long ? reason : undefined, slow: now - link.since > SLOW_MS };
    }
    case 'waiting': {
      const why = reasonOf(link.why, where, Math.max(1, Math.ceil((link.until - now) / 1000)));
      if (link.seen && link.why.kind !== 'offline' && link.why.kind !== 'bye' && link.why.kind !== 'refused') {
        return { line: { key: 'lost', params: { n: link.tries + 1 } }, reason: now - link.since > REASON_MS || link.tries > 1 ? why : undefined, slow: link.tries > 2 };
      }
      return { line: why, reason: undefined, slow: true };
    }
    case 'live':
    case 'stopped':
      return undefined;
  }
}

function reasonOf(why: Ended, where: Situation, secs: number): Sentence {
  if (!where.online) return { key: 'offline_me' };
  switch (why.kind) {
    case 'refused':
      if (why.refused.why === 'busy') return { key: 'busy', params: { n: why.refused.count ?? 0, s: secs } };
      return { key: why.refused.why === 'protocol' ? 'protocol' : 'stopping' };
    case 'bye':
      return { key: why.why === 'protocol' ? 'protocol' : 'stopping' };
    case 'no_path':
      return { key: where.lanDenied ? 'lan_denied' : 'nat_fail' };
    case 'unreachable':
      if (!where.localServer) return { key: 'offline_srv' };
      return { key: where.lanDenied ? 'lan_denied' : 'lan_only' };
    case 'code_unknown':
      return { key: 'code_unknown' };
    case 'server':
      if (why.code === 'rate' || why.code === 'limit') return { key: 'server_busy', params: { s: secs } };
      return { key: why.code === 'version' ? 'old_page' : 'fault' };
    case 'fault':
      return { key: 'fault' };
    case 'offline': case 'timeout': case 'lost': case 'tampered':
      return { key: 'offline_srv' };
  }
}

export interface Card { sentence: Sentence; actions: CardAction[]; details?: string }

/** What a connection that will not be tried again shows. */
export function finalCard(why: Ended, words: Words): Card {
  if (why.kind === 'tampered') return { sentence: { key: 'tamper' }, actions: ['try_again'], details: why.detail };
  if (why.kind === 'fault') return { sentence: { key: 'fault' }, actions: ['reload'], details: why.detail };
  if (why.kind === 'server') return { sentence: { key: why.code === 'version' ? 'old_page' : 'fault' }, actions: ['reload'], details: why.code };
  const reason = saidBy(why);
  const who = why.kind === 'refused' ? why.refused.who : undefined;
  switch (reason) {
    case 'used': return { sentence: who ? { key: 'code_used', params: { device: who } } : { key: 'code_used_unknown' }, actions: [] };
    case 'expired': return { sentence: { key: 'code_old' }, actions: [] };
    case 'revoked': return { sentence: { key: 'removed', params: { owner: who ?? words.t('the_owner') } }, actions: ['forget'] };
    case 'guest_ended': return { sentence: { key: 'guest_end' }, actions: ['forget'] };
    case 'old_viewer': return { sentence: { key: 'old_page' }, actions: ['reload'] };
    case 'old_camera': return { sentence: { key: 'old_app' }, actions: ['try_again'] };
    case 'replaced': return { sentence: { key: 'two_tabs' }, actions: ['watch_here'] };
    case 'protocol': return { sentence: { key: 'protocol' }, actions: ['reload'], details: `${why.kind}: ${reason}` };
    case 'busy': case 'stopping': case 'left': case undefined:
      return { sentence: { key: 'offline_srv' }, actions: ['try_again'] };
  }
}

/** Why a camera that the streamer does not get pictures from gives none. */
export function cameraLine(camera: Camera, words: Words, mode?: HouseMode): Sentence | undefined {
  const cam = camera.name;
  if (camera.state === 'live') return undefined;
  if (camera.state === 'starting') return { key: 'cam_starting', params: { cam } };
  if (camera.state === 'stopped') return mode === 'privacy' ? { key: 'privacy_on' } : { key: 'cam_stopped', params: { cam } };
  switch (camera.reason ?? 'other') {
    case 'gone': return { key: 'cam_gone', params: { cam } };
    case 'busy': return { key: 'cam_busy', params: { cam } };
    case 'stalled': return { key: 'cam_stalled', params: { cam } };
    case 'format': return { key: 'cam_format', params: { cam } };
    case 'file': return { key: 'cam_file', params: { cam } };
    case 'auth': return { key: 'cam_auth', params: { cam } };
    case 'unreachable': case 'other': {
      const s = camera.retry_s ?? 0;
      return camera.last_frame === undefined
        ? { key: 'cam_retry_new', params: { cam, s } }
        : { key: 'cam_retry', params: { cam, s, time: words.time(camera.last_frame / 1000) } };
    }
  }
}

/** Addresses that only the own network reaches (RFC 1918, 4193, 6762, 3927). */
export function isLocalHost(host: string): boolean {
  return /^(localhost|127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|\[(::1|f[cd]|fe80))/i.test(host) || /\.local(:\d+)?$/i.test(host);
}
