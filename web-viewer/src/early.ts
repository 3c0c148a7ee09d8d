// A small script of its own, run as soon as it is there, while the page's large one is still fetched and compiled: opens the
// database, tries the browser's cryptography, and where a page was here before opens its socket. That never with a code in hand,
// which must not be spent by a page that nobody sees.
import { fragment } from './fragment';
import { chooseCrypto } from './pair/choose';
import { serverWas } from './pair/remembered';
import { Store } from './pair/store';
import { Signal } from './signal/socket';

const server = fragment === '' ? serverWas() : undefined;
let waiting = server === undefined ? undefined : { server, connecting: Signal.open(server) };
waiting?.connecting.catch(() => undefined);

/** What every start needs; never rejects. */
export const opened = Promise.all([Store.open(), chooseCrypto(window.isSecureContext)]);

/** The socket that was opened early, where it leads to this server; from now on it is the caller's. */
export function takeEarly(url: string): Promise<Signal> | undefined {
  const { server: to, connecting } = waiting ?? {};
  if (to === url) {
    waiting = undefined;
    return connecting;
  }
  dropEarly();
  return undefined;
}

/** Nobody needs it. */
export function dropEarly(): void {
  void waiting?.connecting.then((signal) => signal.close(), () => undefined);
  waiting = undefined;
}
