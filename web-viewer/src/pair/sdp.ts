// The strict look at an offer before the browser's stack sees it (docs/protocol.md section 5). Pure. It passes only where
// there is one way to read it: the same offers as in Rust, shown by shared vectors.
import { type Bytes, equal, unhex } from '../protocol/bytes';

const MAX_BYTES = 14 * 1024;
const MAX_LINES = 400;
const MAX_MEDIA = 32;
const MAX_CANDIDATES = 64;
const ICE = /^[A-Za-z0-9+/]*$/;

export class SdpError extends Error {
  override name = 'SdpError';
}

function refuse(why: string): never {
  throw new SdpError(why);
}

/** A value that may be said several times, but always the same. */
class Same {
  value: string | undefined;

  constructor(private readonly what: string) {}

  meet(value: string): void {
    if (this.value !== undefined && this.value !== value) refuse(`two different values of ${this.what}`);
    this.value = value;
  }
}

interface Section { mid: string | undefined; rejected: boolean; direction: Same }

/** Throws `SdpError` at the first thing of an offer that is not as agreed; `fp` is the sealed fingerprint. */
export function checkOffer(sdp: string, fp: Bytes): void {
  if (new TextEncoder().encode(sdp).length > MAX_BYTES) refuse('too long');
  const lines = (sdp.endsWith('\n') ? sdp.slice(0, -1) : sdp).split('\n');
  if (lines.length > MAX_LINES) refuse('too many lines');

  const fingerprint = new Same('fingerprint');
  const ufrag = new Same('ice-ufrag');
  const pwd = new Same('ice-pwd');
  const setup = new Same('setup');
  const sections: Section[] = [];
  const direction = new Same('direction');
  let applications = 0;
  let candidates = 0;
  let bundle: string[] | undefined;

  const attribute = (text: string): void => {
    const colon = text.indexOf(':');
    const name = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(colon + 1);
    // "Fingerprint", "fingerprint " and the like: skipped by one stack, read by another.
    if (!/^[a-z0-9-]+$/.test(name)) refuse('an attribute spelt strangely');
    const section = sections.at(-1);
    switch (name) {
      case 'identity': case 'crypto': case 'key-mgmt': case 'tls-id':
        return refuse(`a=${name}`);
      case 'fingerprint':
        return fingerprint.meet(fingerprintHex(value));
      case 'ice-ufrag':
        return ufrag.meet(ice(value, 4));
      case 'ice-pwd':
        return pwd.meet(ice(value, 22));
      case 'setup':
        if (value !== 'actpass' && value !== 'active') refuse(`setup ${value}`);
        return setup.meet(value);
      case 'group':
        if (bundle || sections.length > 0 || !value.startsWith('BUNDLE ')) refuse('a group other than one BUNDLE');
        bundle = value.split(' ').slice(1);
        return undefined;
      case 'mid':
        if (!section || section.mid !== undefined || !/^[\x21-\x7e]{1,32}$/.test(value) || sections.some((s) => s.mid === value)) refuse('mid');
        section.mid = value;
        return undefined;
      case 'candidate':
        checkCandidate(text);
        candidates += 1;
        return candidates > MAX_CANDIDATES ? refuse('too many candidates') : undefined;
      case 'sendrecv': case 'sendonly': case 'recvonly': case 'inactive':
        return colon < 0 ? (section?.direction ?? direction).meet(name) : undefined;
      default:
        return undefined;
    }
  };

  const media = (text: string): void => {
    const [kind, port, protocol, format] = text.split(' ');
    const sound = (kind === 'video' || kind === 'audio') && protocol === 'UDP/TLS/RTP/SAVPF' && format !== undefined;
    const data = kind === 'application' && protocol === 'UDP/DTLS/SCTP' && format === 'webrtc-datachannel';
    if (!sound && !data || !inRange(port, 0xffff)) refuse('an unknown m-line');
    if (data && ++applications > 1 || sections.length === MAX_MEDIA) refuse('too many m-lines');
    sections.push({ mid: undefined, rejected: Number(port) === 0, direction: new Same('direction') });
  };

  lines.forEach((whole, n) => {
    const line = whole.endsWith('\r') ? whole.slice(0, -1) : whole;
    // A bare CR, NUL or other control character is where two parsers part ways.
    if (/\p{Cc}/u.test(line) || line[1] !== '=') refuse('not an SDP line');
    const value = line.slice(2);
    if (n === 0 ? line !== 'v=0' : !'ostbcma'.includes(line.charAt(0))) refuse('a line of an unknown type');
    if (line.startsWith('a=')) attribute(value);
    else if (line.startsWith('m=')) media(value);
    else if (line.startsWith('c=') && !/^IN IP[46] /.test(value) || line.startsWith('c=') && !isIp(value.slice(7))) refuse('a host name to connect to');
  });

  if (fingerprint.value === undefined) refuse('no fingerprint');
  if (ufrag.value === undefined || pwd.value === undefined) refuse('no ICE credentials');
  if (setup.value === undefined) refuse('no setup');
  if (sections.some((s) => s.mid === undefined)) refuse('an m-line without mid');
  const wanted = sections.filter((s) => !s.rejected).map((s) => s.mid);
  if (wanted.length === 0 || bundle?.length !== wanted.length || !wanted.every((mid) => bundle?.includes(mid ?? ''))) refuse('not one bundle');
  if (!equal(unhex(fingerprint.value), fp)) refuse('fingerprint differs from the sealed one');
}

function ice(value: string, min: number): string {
  return value.length >= min && value.length <= 256 && ICE.test(value) ? value : refuse('ICE credentials');
}

function fingerprintHex(value: string): string {
  const found = /^sha-256 ((?:[0-9a-f]{2}:){31}[0-9a-f]{2})$/i.exec(value);
  return found?.[1]?.replaceAll(':', '').toLowerCase() ?? refuse('a fingerprint that is not one SHA-256');
}

const inRange = (text: string | undefined, max: number): boolean => text !== undefined && /^\d{1,10}$/.test(text) && Number(text) <= max;

function isIp(text: string): boolean {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(text)) return text.split('.').every((n) => inRange(n, 255));
  // The URL parser knows all spellings of IPv6.
  if (!/^[0-9a-f:.]{2,45}$/i.test(text) || !text.includes(':')) return false;
  try {
    return new URL(`http://[${text}]`).host !== '';
  } catch {
    return false;
  }
}

/** `candidate:…` (RFC 8839 §5.1) with an address that is an IP or a `.local` name; nothing that needs a DNS look-up. */
export function checkCandidate(candidate: string): void {
  const [foundation = '', component, transport = '', priority, address = '', port, typ, type = '', ...extensions] = candidate.split(' ');
  const reachable = isIp(address) || /^[a-z0-9-]{1,63}\.local$/i.test(address);
  const ok = candidate.length <= 512 && /^candidate:[A-Za-z0-9+/]{1,32}$/.test(foundation) && /^[12]$/.test(component ?? '')
    && /^(udp|tcp)$/i.test(transport) && inRange(priority, 0xffff_ffff) && reachable && inRange(port, 0xffff) && typ === 'typ'
    && /^(host|srflx|prflx|relay)$/.test(type) && extensions.length % 2 === 0;
  if (!ok) refuse('not a candidate that may be used');
}

/** The SHA-256 fingerprint of our own description, to be sealed beside it. */
export function fingerprintOf(sdp: string): Bytes {
  const found = /^a=fingerprint:(.*?)\r?$/m.exec(sdp);
  return unhex(fingerprintHex(found?.[1] ?? ''));
}
