import type { Crypto } from './crypto';
import { webCrypto } from './webcrypto';

/** WebCrypto where the page is secure and the browser has X25519, noble elsewhere (loaded only then). */
export async function chooseCrypto(secure: boolean): Promise<Crypto> {
  const found = secure ? await webCrypto(globalThis.crypto.subtle) : undefined;
  return found ?? (await import('./http-crypto')).nobleCrypto;
}
