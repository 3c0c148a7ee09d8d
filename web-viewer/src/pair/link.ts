// The link (docs/protocol.md section 2): `1` b64(flags:u8 S_pub:32 secret:16 serverlen:u8 server).
import { type Bytes, unb64 } from '../protocol/bytes';

export interface Link {
  /** The streamer's static key. */
  streamer: Bytes;
  secret: Bytes;
  /** WebSocket URL of the signaling server. */
  server: string;
}

export interface Origin { protocol: string; host: string }

export const sameOriginServer = (origin: Origin): string => `${origin.protocol === 'https:' ? 'wss' : 'ws'}://${origin.host}/ws`;

/** Reads a fragment without its `#`; undefined where it is damaged, cut or of another version. */
export function parseLink(fragment: string, origin: Origin): Link | undefined {
  if (!fragment.startsWith('1')) return undefined;
  const bytes = unb64(fragment.slice(1));
  if (!bytes || bytes.length < 50) return undefined;
  const flags = bytes[0];
  const serverLength = bytes[49] ?? 0;
  if (bytes.length !== 50 + serverLength) return undefined;
  const streamer = bytes.slice(1, 33);
  const secret = bytes.slice(33, 49);
  if (flags === 1) return serverLength === 0 ? { streamer, secret, server: sameOriginServer(origin) } : undefined;
  if (flags !== 0) return undefined;
  const server = readServer(bytes.slice(50));
  return server === undefined ? undefined : { streamer, secret, server };
}

function readServer(bytes: Bytes): string | undefined {
  const text = String.fromCharCode(...bytes);
  // The URL parser would drop line breaks in silence.
  if (!/^[\x21-\x7e]+$/.test(text) || text.includes('#')) return undefined;
  try {
    const url = new URL(text);
    return /^wss?:\/\//.test(text) && url.username === '' && url.password === '' ? text : undefined;
  } catch {
    return undefined;
  }
}

/** The fragment of a whole pasted link (`http(s)://…/#1…` or `athome://pair/#1…`), or of a bare one. */
export function fragmentOf(pasted: string): string {
  const at = pasted.indexOf('#');
  return pasted.slice(at + 1).trim();
}
