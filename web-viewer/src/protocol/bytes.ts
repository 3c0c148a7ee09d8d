// Bytes, and the three text forms they take. `Bytes` is a view of an ordinary buffer, as WebCrypto asks.

export type Bytes = Uint8Array<ArrayBuffer>;

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export const utf8 = (s: string): Bytes => new TextEncoder().encode(s);

/** Unpadded base64url (RFC 4648 §5). */
export function b64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Undefined where the text is not unpadded base64url in its one canonical form. */
export function unb64(s: string, length?: number): Bytes | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(s) || s.length % 4 === 1) return undefined;
  const bytes = Uint8Array.from(atob(s.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  if (b64(bytes) !== s) return undefined;
  return length === undefined || bytes.length === length ? bytes : undefined;
}

export const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');

export function unhex(s: string): Bytes {
  return Uint8Array.from(s.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
